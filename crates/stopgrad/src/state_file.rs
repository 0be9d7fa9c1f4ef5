//! Files of states: A, B and, where the teacher is apart, C, as `flow --out` and `predict --out` write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stopgrad_data::npz::{self, NpzError};
use stopgrad_data::{InputFile, NpyArray};

/// Why a state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// The operating system refused.
    #[error("{}: {cause}; a state is a file .npz with a and b", path.display())]
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
    #[error("{}: there is no `{key}`; a state has a (n × m) and b (n × n), and c where the teacher is apart", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// A matrix of another size.
    #[error(
        "{}: `{key}` has shape {found:?}, and {expected:?} is needed (n = dimensions of the embedding, m = size of xx)",
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
    /// A matrix of other inputs, or no matrix.
    #[error("{}: `a` has shape {found:?}; a state for these moments has a of n × {inputs}", path.display())]
    Inputs {
        /// The file.
        path: PathBuf,
        /// Lengths of its axes.
        found: Vec<usize>,
        /// m.
        inputs: usize,
    },
    /// NaN or infinity.
    #[error("{}: `{key}` holds {value} at {at:?}; a state has finite numbers only", path.display())]
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

/// A state of n embedding dimensions and m inputs, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct StateFile {
    /// n.
    pub width: usize,
    /// A, n × m.
    pub a: Vec<f64>,
    /// B, n × n.
    pub b: Vec<f64>,
    /// C, n × m, where the file has one.
    pub c: Option<Vec<f64>>,
}

impl StateFile {
    /// What identifies a file; its content is not looked at.
    ///
    /// # Errors      [`StateFileError::Io`]
    pub fn input(path: &Path) -> Result<InputFile, StateFileError> {
        let bytes = std::fs::read(path).map_err(|cause| StateFileError::Io { path: path.into(), cause })?;
        Ok(InputFile::of(path.display().to_string(), &bytes))
    }

    /// The state in a file, and what identifies it. Where n is not given it is the number of rows of `a`.
    ///
    /// # Errors
    /// [`StateFileError`], which names the file, the key, and what to do.
    pub fn read(path: &Path, inputs: usize, width: Option<usize>) -> Result<(Self, InputFile), StateFileError> {
        let bytes = std::fs::read(path).map_err(|cause| StateFileError::Io { path: path.into(), cause })?;
        let mut arrays = npz::decode_named(path, &bytes, &["a", "b", "c"])?;
        let width = match (width, arrays.get("a")) {
            (Some(width), _) => width,
            (None, Some(a)) => match a.shape[..] {
                [rows, columns] if rows > 0 && columns == inputs => rows,
                _ => return Err(StateFileError::Inputs { path: path.into(), found: a.shape.clone(), inputs }),
            },
            (None, None) => return Err(StateFileError::Missing { path: path.into(), key: "a" }),
        };
        let a = matrix(path, &mut arrays, "a", [width, inputs])?;
        let b = matrix(path, &mut arrays, "b", [width, width])?;
        let apart = arrays.contains_key("c");
        let c = if apart { Some(matrix(path, &mut arrays, "c", [width, inputs])?) } else { None };
        Ok((Self { width, a, b, c }, InputFile::of(path.display().to_string(), &bytes)))
    }

    /// A, B as one row.
    pub fn student(&self) -> Vec<f64> {
        [&self.a[..], &self.b].concat()
    }

    /// A, B, and the teacher: C, or A where there is none.
    pub fn with_teacher(&self) -> Vec<f64> {
        [&self.a[..], &self.b, self.c.as_ref().unwrap_or(&self.a)].concat()
    }
}

fn matrix(
    path: &Path, arrays: &mut BTreeMap<String, NpyArray>, key: &'static str, expected: [usize; 2],
) -> Result<Vec<f64>, StateFileError> {
    let array = arrays.remove(key).ok_or_else(|| StateFileError::Missing { path: path.into(), key })?;
    if array.shape != expected {
        return Err(StateFileError::Shape { path: path.into(), key, found: array.shape, expected });
    }
    let values = array.to_f64();
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => {
            let at = [place / expected[1], place % expected[1]];
            Err(StateFileError::NotFinite { path: path.into(), key, at, value: values[place] })
        }
        None => Ok(values),
    }
}
