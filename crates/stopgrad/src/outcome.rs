//! What a command has to say, and the fields that every document has.

use serde_json::{Map, Value, json};
use stopgrad_data::{InputFile, Shape};

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

/// The lengths of a sample's axes; an image of one channel has two.
pub(crate) fn lengths(shape: &Shape) -> Vec<usize> {
    match *shape {
        Shape::Image { channels: 1, height, width } => vec![height, width],
        Shape::Image { channels, height, width } => vec![channels, height, width],
        Shape::Row { columns } => vec![columns],
    }
}

/// A document with the fields that all have, and those of its own.
pub(crate) fn document(command: &str, seed: u64, options: &Value, inputs: &[InputFile], own: Value) -> Value {
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
pub(crate) fn command_line() -> String {
    let words = std::env::args().skip(1).map(|word| quoted(&word));
    std::iter::once("stopgrad".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A word in the quotes that a shell needs.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
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
