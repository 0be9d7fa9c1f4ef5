//! The only place that prints.

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal, Write};

use serde_json::Value;

/// What is printed, and where: results on standard output, notes and errors on standard error.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// As asked for by `--json` and `--quiet`.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// A result: `text` for people, or `document` for programs.
    ///
    /// # Errors
    /// When standard output cannot be written; a reader that has gone away is no error.
    pub fn result(self, text: &str, document: &Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let written = if self.json { writeln!(out, "{document:#}") } else { out.write_all(text.as_bytes()) };
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// A line about what goes on, for people who watch.
    pub fn note(self, line: &str) {
        if !self.quiet {
            complain(line);
        }
    }

    /// Whether somebody watches: a progress bar is drawn only then.
    pub fn is_watched(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

/// An error with its causes.
pub fn error(error: &dyn Error) {
    complain(&describe(error));
}

fn describe(error: &dyn Error) -> String {
    let mut last = error.to_string();
    let mut text = format!("error: {last}");
    let mut cause = error.source();
    while let Some(error) = cause {
        cause = error.source();
        let said = error.to_string();
        // Some errors tell their cause in their own sentence.
        if last.contains(said.trim()) {
            continue;
        }
        last = said;
        for (place, line) in last.trim_end().lines().enumerate() {
            text.push_str(if place == 0 { "\n  because: " } else { "\n    " });
            text.push_str(line);
        }
    }
    text
}

/// Standard error that cannot be written leaves nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write the sheet")]
    struct Outer(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("photo.npy: {0}; make room")]
    struct Telling(#[source] io::Error);

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = Outer(io::Error::other("disk is full\nsecond line"));
        assert_eq!(describe(&error), "error: cannot write the sheet\n  because: disk is full\n    second line");
    }

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        assert_eq!(describe(&Telling(io::Error::other("disk is full"))), "error: photo.npy: disk is full; make room");
    }
}
