//! Programs that are started and disturbed, and how they end.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

/// Longer than any of these runs takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a program ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Done,
    /// Status 2, with this message.
    Told(String),
    /// By a signal, or as memory that is refused makes it: with this on standard error.
    Died(String),
}

impl Ending {
    pub(crate) fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => Self::Done,
            Some(2) => Self::Told(said),
            Some(code) => Self::Died(format!("status {code}: {said}")),
            None => Self::Died(format!("signal {}: {said}", output.status.signal().unwrap_or_default())),
        }
    }

    pub(crate) fn in_a_word(&self) -> String {
        match self {
            Self::Done => "done before",
            Self::Told(_) => "told",
            Self::Died(said) if said.starts_with("signal 9") => "killed",
            Self::Died(said) if said.contains("memory allocation of") => "aborted for memory",
            Self::Died(said) if said.contains("panicked") => "panicked for memory",
            Self::Died(said) => said.split(':').next().unwrap_or_default(),
        }
        .into()
    }
}

/// Waits until something has happened, or the program has ended.
pub(crate) fn wait_until(child: &mut Child, happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() && child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("nothing happens, and the program does not end");
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits for the end.
pub(crate) fn wait(mut child: Child) -> Output {
    wait_until(&mut child, || false);
    child.wait_with_output().unwrap()
}

/// Ends a program as nothing else can.
pub(crate) fn kill(mut child: Child) -> Output {
    // It may have ended before.
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

/// A shell that sets a limit and becomes the program; a file that grows too large is then an error, not a signal.
pub(crate) fn shell(limit: &str) -> Vec<String> {
    let script = format!("trap '' XFSZ; ulimit -c 0; {limit}; exec \"$0\" \"$@\"");
    vec!["sh".into(), "-c".into(), script]
}
