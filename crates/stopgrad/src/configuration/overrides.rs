//! One key set to one value, and where that was written.

use toml::{Table, Value};

/// One key of the configuration set by a file, by `--set`, or by an option of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Where it was written: an option's name, or a file's path.
    pub origin: String,
    /// `table.key`.
    pub key: String,
    /// What it is set to.
    pub value: Value,
    /// As typed, if it was typed: a value that is to be text may look like a number.
    pub typed: Option<String>,
}

/// Why text is no `table.key=value`.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// No `=`.
    #[error("{origin}: `{text}` is not of the form table.key=value, such as optimizer.learning_rate=0.02")]
    NoValue {
        /// The option.
        origin: String,
        /// As typed.
        text: String,
    },
    /// The key is no dotted list of bare words.
    #[error("{origin}: `{key}` is not a key; keys look like optimizer.learning_rate")]
    Key {
        /// The option.
        origin: String,
        /// As typed.
        key: String,
    },
    /// Quotes or brackets that TOML cannot read.
    #[error("{origin}: the value of `{key}` cannot be read as TOML: {message}; close its quotes and brackets")]
    Value {
        /// The option.
        origin: String,
        /// The key.
        key: String,
        /// TOML's reason.
        message: String,
    },
}

impl Override {
    /// A value that is already read.
    pub fn new(origin: &str, key: &str, value: Value) -> Self {
        Self { origin: origin.into(), key: key.into(), value, typed: None }
    }

    /// Read `table.key=value`; the value is TOML, and a bare word is text.
    ///
    /// # Errors
    /// [`OverrideError`], naming `origin`, when the text has another form
    pub fn parse(origin: &str, text: &str) -> Result<Self, OverrideError> {
        let origin = origin.to_owned();
        let Some((key, value)) = text.split_once('=') else {
            return Err(OverrideError::NoValue { origin, text: text.trim().into() });
        };
        let (key, value) = (key.trim().to_owned(), value.trim());
        if !key.split('.').all(is_bare_word) {
            return Err(OverrideError::Key { origin, key });
        }
        match read_value(value) {
            Ok(read) => Ok(Self { origin, key, value: read, typed: Some(value.into()) }),
            Err(message) => Err(OverrideError::Value { origin, key, message }),
        }
    }
}

fn is_bare_word(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

fn read_value(text: &str) -> Result<Value, String> {
    let looks_like_toml = text.starts_with(['"', '\'', '[', '{']);
    match toml::from_str::<Table>(&format!("value = {text}")) {
        Ok(mut table) if table.len() == 1 => Ok(table.remove("value").expect("the only key")),
        Err(error) if looks_like_toml => Err(error.message().to_owned()),
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Value {
        Override::parse("--set", text).expect("parses").value
    }

    #[test]
    fn values_are_toml_and_bare_words_are_text() {
        assert_eq!(value("a.b=3"), Value::Integer(3));
        assert_eq!(value("a.b = 1e-3"), Value::Float(1e-3));
        assert_eq!(value("a.b=true"), Value::Boolean(true));
        assert_eq!(value("a.b=\"3\""), Value::String("3".into()));
        assert_eq!(value("a.b=cosine"), Value::String("cosine".into()));
        assert_eq!(value("a.b=/data/x=y.csv"), Value::String("/data/x=y.csv".into()));
        assert_eq!(value("a.b=[1, 2]"), Value::Array(vec![Value::Integer(1), Value::Integer(2)]));
        assert_eq!(value("a.b="), Value::String(String::new()));
        assert_eq!(value("a.b=1\nc = 2"), Value::String("1\nc = 2".into()));
    }

    #[test]
    fn other_forms_are_refused_with_the_option_named() {
        for text in ["steps", "=3", "a..b=3", "a.b c=1", "a.b=[1,", "a.b=\"x"] {
            let message = Override::parse("--set", text).expect_err(text).to_string();
            assert!(message.starts_with("--set: "), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Override::parse("--set", &text);
        }
    }
}
