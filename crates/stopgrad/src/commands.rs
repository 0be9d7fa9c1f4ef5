//! The commands, one a file: from what was typed to what is told.

mod data;

#[cfg(feature = "train")]
mod compare;
#[cfg(feature = "train")]
mod embed;
#[cfg(feature = "train")]
mod report;
#[cfg(feature = "train")]
mod train;

#[cfg(feature = "train")]
pub(crate) use data::lengths;

use serde_json::{Map, Value, json};
use stopgrad_data::InputFile;

use crate::CommandError;
use crate::args::{Arguments, Command};
use crate::output::Output;

/// What a command has to say.
#[derive(Debug)]
pub struct Outcome {
    /// For people.
    pub text: String,
    /// For programs.
    pub document: Value,
    /// For the shell.
    pub status: Status,
}

/// How a command ended, if not with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Done,
    /// Done, but what was asked for is not established; or the time was over.
    NotEstablished,
    /// Stopped by Ctrl-C.
    Interrupted,
}

impl Status {
    /// The exit status (docs/formats.md).
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::NotEstablished => 1,
            Status::Interrupted => 130,
        }
    }
}

/// Do what was asked for.
///
/// # Errors
/// [`CommandError`] when the call or the input is wrong
pub fn run(arguments: &Arguments, output: Output) -> Result<Outcome, CommandError> {
    match &arguments.command {
        Command::Data(asked) => data::run(asked),
        #[cfg(feature = "train")]
        Command::Train(asked) => train::run(asked, output),
        #[cfg(feature = "train")]
        Command::Compare(asked) => compare::run(asked, output),
        #[cfg(feature = "train")]
        Command::Embed(asked) => embed::run(asked),
        #[cfg(feature = "train")]
        Command::Report(asked) => report::run(asked, output),
        #[cfg(not(feature = "train"))]
        other => {
            let command = match other {
                Command::Data(_) => "data",
                Command::Train(_) => "train",
                Command::Compare(_) => "compare",
                Command::Embed(_) => "embed",
                Command::Report(_) => "report",
            };
            let _ = output;
            Err(CommandError::WithoutTraining { command })
        }
    }
}

/// A document with the fields that all have, and those of its own.
fn document(command: &str, seed: u64, options: &Value, inputs: &[InputFile], own: Value) -> Value {
    let mut fields = Map::new();
    fields.insert("command".into(), json!(command));
    fields.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    fields.insert("seed".into(), json!(seed));
    fields.insert("options".into(), options.clone());
    fields.insert("inputs".into(), json!(inputs));
    if let Value::Object(own) = own {
        fields.extend(own);
    }
    Value::Object(fields)
}

/// What was typed, as it could be typed again.
#[cfg(feature = "train")]
pub(crate) fn command_line() -> String {
    let words = std::env::args().skip(1).map(|word| quoted(&word));
    std::iter::once("stopgrad".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A word in the quotes that a shell needs.
#[cfg(feature = "train")]
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("--set"), "--set");
        assert_eq!(quoted("joint; sg"), "'joint; sg'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
