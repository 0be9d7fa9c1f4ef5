//! From file, `--set` and options to one checked `Config` of stopgrad-train.
//!
//! Three ways to write a key, one parser: a file and every option become a list of [`Override`]s, set one
//! by one into the default configuration. Whatever is refused is refused with the file or option, the key,
//! and the nearest known one. Reading order: `overrides`, `keys`, then `read` here.

#[cfg(feature = "train")]
mod differences;
#[cfg(feature = "train")]
mod keys;
mod nearest;
mod overrides;
#[cfg(feature = "train")]
mod presets;
#[cfg(feature = "train")]
mod reading;

#[cfg(feature = "train")]
pub use differences::{Difference, differences};
pub use nearest::nearest;
pub use overrides::{Override, OverrideError};
#[cfg(feature = "train")]
pub use presets::{PRESETS, Preset, list as list_of_presets};
#[cfg(feature = "train")]
pub use reading::{Sight, Written, read, read_stored, write};

use std::path::PathBuf;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be opened or is no text.
    #[error("cannot read the configuration {}; check the path, and that it is text and may be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{} is not valid TOML; correct the line that is shown", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A configuration that was stored with a run does not read back.
    #[error("the stored configuration {} is damaged, or of another version; restore it, or choose another folder", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// `--set` in another form.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// No such key.
    #[error("{origin}: unknown key `{key}`; {}", nearest.as_ref().map_or_else(|| known.clone(), |near| format!("did you mean `{near}`?")))]
    UnknownKey {
        /// The option or file.
        origin: String,
        /// As written.
        key: String,
        /// The nearest known key.
        nearest: Option<String>,
        /// The keys of its table, or the tables, in words.
        known: String,
    },
    /// A value of another kind.
    #[error("{origin}: `{key}` expects {expected}, found {kind}: {found}")]
    WrongType {
        /// The option or file.
        origin: String,
        /// The key.
        key: String,
        /// In words.
        expected: &'static str,
        /// The value as written.
        found: String,
        /// In words.
        kind: &'static str,
    },
    /// A key below something that is a single value.
    #[error("{origin}: `{key}` stands below a key that holds a single value; set that key itself")]
    NotATable {
        /// The option or file.
        origin: String,
        /// The key.
        key: String,
    },
    /// A value of the right kind that the key does not take.
    #[error("{origin}: `{key}`: {message}")]
    Value {
        /// The option or file.
        origin: String,
        /// The key.
        key: String,
        /// What it takes and what was found.
        message: String,
    },
    /// Each value is possible, all together are not.
    #[error("the configuration is not possible: {message}; change one of the values that this names")]
    Combination {
        /// Why.
        message: String,
    },
    /// Two options set one key to different values.
    #[error("`{key}` is set to {first} and to {second}; keep one of them")]
    Contradiction {
        /// The key.
        key: String,
        /// A value, and the option that sets it.
        first: String,
        /// Another value, and the option that sets it.
        second: String,
    },
    /// Neither SOURCE nor the file names one.
    #[error("{origin} names no source; add SOURCE to the command, or `path` to the table [source] of a file")]
    NoSource {
        /// The configuration file, or the preset.
        origin: String,
    },
    /// No preset has that name.
    #[error("--preset: no preset is called `{name}`; {}", nearest.as_ref().map_or_else(|| "`--preset list` shows all".to_owned(), |near| format!("did you mean `{near}`? `--preset list` shows all")))]
    UnknownPreset {
        /// As typed.
        name: String,
        /// The nearest there is.
        nearest: Option<String>,
    },
    /// Nothing but what is added to a method.
    #[error(
        "--preset {written} is added to a method and is none; write one before it, as in --preset byol-small+{written}"
    )]
    NoMethod {
        /// As typed.
        written: String,
    },
}
