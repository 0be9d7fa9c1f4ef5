//! What can be wrong with a file of moments.

use std::path::PathBuf;

use super::JSON_SIZE;

/// Why moments cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MomentsFileError {
    /// Neither form.
    #[error("{}: moments are files .npz (numpy.savez(\"moments.npz\", xx=X, yx=Y)), or .json up to {JSON_SIZE} coordinates; name it so", path.display())]
    Ending {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {cause}; check that the path exists, may be used, and has room", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The archive or an array in it is damaged.
    #[error(transparent)]
    Npz(#[from] stopgrad_data::NpzError),
    /// No JSON, or not of this form.
    #[error("{}: {cause}; matrices are arrays of rows of finite numbers (NaN and Infinity are no JSON)", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        cause: serde_json::Error,
    },
    /// A key that has to be there.
    #[error("{} has no `{key}`, and needs it; it has {}", path.display(), list(found))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Keys that are there and known.
        found: Vec<String>,
    },
    /// An array of the wrong number of axes, or rows of different lengths.
    #[error("{}: `{key}` has shape {shape:?}, expected {expected}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Lengths of its axes.
        shape: Vec<usize>,
        /// In words.
        expected: &'static str,
    },
    /// A number that cannot be what its key says.
    #[error("{}: `{key}` is {value}, expected {expected}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// As stored.
        value: f64,
        /// In words.
        expected: &'static str,
    },
    /// Matrices that cannot be moments.
    #[error("{}{}: {cause}", path.display(), if *half { " (half_…)" } else { "" })]
    Moments {
        /// The file.
        path: PathBuf,
        /// Whether those of the half.
        half: bool,
        /// Which entry, and what to do.
        #[source]
        cause: stopgrad_dynamics::MomentsError,
    },
    /// Too many coordinates for JSON.
    #[error("{}: JSON holds moments of at most {JSON_SIZE} coordinates, and these have {size}; name it .npz", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// m.
        size: usize,
    },
}

fn list(found: &[String]) -> String {
    if found.is_empty() { "no key that is known here".into() } else { found.join(", ") }
}
