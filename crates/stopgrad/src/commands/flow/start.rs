//! The state at time 0: drawn, made, or read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stopgrad_data::npz::{self, NpzError};
use stopgrad_data::{InputFile, NpyArray};
use stopgrad_dynamics::LinearField;
use stopgrad_dynamics::basins::Start;

use crate::args::{FlowArguments, StartFrom};
use crate::markup::number;

/// Why a state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system refused.
    #[error("--start {}: {cause}; it is `random`, `identity`, or a file .npz with a and b", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// No archive, or a damaged one.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// A matrix that has to be there.
    #[error("--start {}: there is no `{key}`; a state has a (n × m) and b (n × n), and c where the teacher is apart", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// A matrix of another size.
    #[error(
        "--start {}: `{key}` has shape {found:?}, and this flow takes {expected:?} (n = --embedding-dim, m = size of xx)",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Lengths of its axes.
        found: Vec<usize>,
        /// What they have to be.
        expected: [usize; 2],
    },
    /// NaN or infinity.
    #[error("--start {}: `{key}` holds {value} at {at:?}; a state has finite numbers only", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Row and column, from 0.
        at: [usize; 2],
        /// What stands there.
        value: f64,
    },
}

/// The start as a flat state, and the file it comes from.
pub(super) fn state(
    asked: &FlowArguments, field: &LinearField,
) -> Result<(Vec<f64>, Option<InputFile>), super::FlowCommandError> {
    let start = match &asked.start {
        StartFrom::Random => Start::Normal { scale: 1.0 },
        StartFrom::Identity => Start::Identity { scale: 1.0 },
        StartFrom::File(path) => {
            let (state, input) = read(path, field)?;
            return Ok((state, Some(input)));
        }
    };
    let mut state = start.state(asked.seed, 0, field);
    let (n, m) = (field.width, field.inputs());
    let predictor = n * m..n * m + n * n;
    let scale_b = asked.init_scale_b.unwrap_or(asked.init_scale);
    for (place, value) in state.iter_mut().enumerate() {
        *value *= if predictor.contains(&place) { scale_b } else { asked.init_scale };
    }
    Ok((state, None))
}

fn read(path: &Path, field: &LinearField) -> Result<(Vec<f64>, InputFile), StartError> {
    let bytes = std::fs::read(path).map_err(|cause| StartError::Io { path: path.into(), cause })?;
    let mut arrays = npz::decode_named(path, &bytes, &["a", "b", "c"])?;
    let (n, m) = (field.width, field.inputs());
    let mut state = matrix(path, &mut arrays, "a", [n, m])?;
    let a = state.clone();
    state.extend(matrix(path, &mut arrays, "b", [n, n])?);
    if field.kind.has_teacher() {
        let apart = arrays.contains_key("c");
        state.extend(if apart { matrix(path, &mut arrays, "c", [n, m])? } else { a });
    }
    Ok((state, InputFile::of(path.display().to_string(), &bytes)))
}

fn matrix(
    path: &Path, arrays: &mut BTreeMap<String, NpyArray>, key: &'static str, expected: [usize; 2],
) -> Result<Vec<f64>, StartError> {
    let array = arrays.remove(key).ok_or_else(|| StartError::Missing { path: path.into(), key })?;
    if array.shape != expected {
        return Err(StartError::Shape { path: path.into(), key, found: array.shape, expected });
    }
    let values = array.to_f64();
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => {
            let at = [place / expected[1], place % expected[1]];
            Err(StartError::NotFinite { path: path.into(), key, at, value: values[place] })
        }
        None => Ok(values),
    }
}

/// The option, with its default filled in.
pub(super) fn option(asked: &FlowArguments) -> Value {
    match &asked.start {
        StartFrom::Random => json!("random"),
        StartFrom::Identity => json!("identity"),
        StartFrom::File(path) => json!(path),
    }
}

/// For a sentence: from …
pub(super) fn words(asked: &FlowArguments) -> String {
    let (scale, scale_b) = (asked.init_scale, asked.init_scale_b.unwrap_or(asked.init_scale));
    match &asked.start {
        StartFrom::Random if scale.to_bits() == scale_b.to_bits() => {
            format!("a normal start of deviation {} (seed {})", number(scale), asked.seed)
        }
        StartFrom::Random => {
            format!(
                "a normal start of deviation {} and, in B, {} (seed {})",
                number(scale),
                number(scale_b),
                asked.seed
            )
        }
        StartFrom::Identity => format!("A = {} [I; 0], B = {} I", number(scale), number(scale_b)),
        StartFrom::File(path) => format!("the state in {}", path.display()),
    }
}
