//! When to stop early: Ctrl-C and `--time-limit`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::outcome::Status;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Exit status of a program that Ctrl-C has stopped, by custom 128 + SIGINT.
pub(crate) const INTERRUPTED_STATUS: u8 = 130;

/// Why a run was stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// `--time-limit`.
    TimeLimit,
}

impl Stop {
    /// What stopped it, as it is typed.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Interrupted => "Ctrl-C",
            Self::TimeLimit => "--time-limit",
        }
    }

    /// How the command ends then.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Interrupted => Status::Interrupted,
            Self::TimeLimit => Status::NotEstablished,
        }
    }
}

/// The limits of one command, from its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    deadline: Option<Instant>,
}

impl Limits {
    /// Begin to listen for Ctrl-C and start the clock.
    ///
    /// The first Ctrl-C is remembered for [`Limits::reached`]; the second ends the program at once.
    ///
    /// # Errors
    /// [`ctrlc::Error`] when the system takes no handler, or when called twice
    pub(crate) fn start(time_limit: Option<Duration>) -> Result<Self, ctrlc::Error> {
        ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                #[allow(
                    clippy::exit,
                    reason = "a second Ctrl-C asks for exactly this; checkpoints are renamed into place"
                )]
                std::process::exit(INTERRUPTED_STATUS.into());
            }
        })?;
        Ok(Self::until(time_limit))
    }

    /// None at all, not even Ctrl-C.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { deadline: None }
    }

    /// A time limit so far away that it cannot be counted is none.
    pub(crate) fn until(time_limit: Option<Duration>) -> Self {
        Self { deadline: time_limit.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    /// Why to stop now, if there is a reason.
    pub(crate) fn reached(&self) -> Option<Stop> {
        if INTERRUPTED.load(Ordering::Relaxed) {
            Some(Stop::Interrupted)
        } else {
            self.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Stop::TimeLimit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_when_it_has_passed() {
        assert_eq!(Limits::until(None).reached(), None);
        assert_eq!(Limits::until(Some(Duration::from_hours(1))).reached(), None);
        assert_eq!(Limits::until(Some(Duration::MAX)).reached(), None);
        assert_eq!(Limits::until(Some(Duration::ZERO)).reached(), Some(Stop::TimeLimit));
    }
}
