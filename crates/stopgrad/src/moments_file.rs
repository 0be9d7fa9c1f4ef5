//! Files of second moments, `NAME.npz` and `NAME.json` (docs/formats.md, section 7).
//!
//! Reading ends in [`Moments::checked`]: whatever a command gets from here can be moments. A file of single precision
//! is held to the rounding of single precision. Writing takes an `.npz` row by row, so that the largest moments need
//! no second copy in memory.

mod error;
mod json;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;

use faer::Mat;
use stopgrad_data::InputFile;
use stopgrad_dynamics::Moments;

pub use error::MomentsFileError;
pub use write::write_sums;

/// Most coordinates of the JSON form.
pub const JSON_SIZE: usize = 16;

/// What a file of moments holds.
#[derive(Debug, Clone, PartialEq)]
pub struct MomentsFile {
    /// Of all pairs.
    pub moments: Moments,
    /// Of the samples 0, 2, 4, …: with `center` about the means of all, its own means beside. Noise is estimated from
    /// it and [`Moments::without`] it.
    pub half: Option<Moments>,
    /// What was applied to the views before, where that is not linear; then `basis` has its weights.
    pub features: Option<RandomFeatures>,
}

/// A random nonlinear map; its weights are the rows of `basis`.
#[derive(Debug, Clone, PartialEq)]
pub enum RandomFeatures {
    /// √(2/m) cos(W v + b).
    Fourier {
        /// b.
        phases: Vec<f64>,
    },
    /// √(2/m) max(0, W v).
    Relu,
}

/// A random nonlinear map, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomMap {
    /// W, m × d: stored as `basis`.
    pub weights: Mat<f64>,
    /// The rest.
    pub features: RandomFeatures,
}

impl MomentsFile {
    /// Moments alone.
    pub fn of(moments: Moments) -> Self {
        Self { moments, half: None, features: None }
    }

    /// The moments in a file, and what identifies it; the ending says which form it has.
    ///
    /// # Errors
    /// [`MomentsFileError`], which names the file, the place and what to do.
    pub fn read(path: &Path) -> Result<(Self, InputFile), MomentsFileError> {
        let form = Form::of(path)?;
        let bytes = std::fs::read(path).map_err(|cause| MomentsFileError::Io { path: path.into(), cause })?;
        let file = match form {
            Form::Npz => read::npz(path, &bytes)?,
            Form::Json => json::read(path, &bytes)?,
        };
        Ok((file, InputFile::of(path.display().to_string(), &bytes)))
    }

    /// Writes a file in the form that its ending says: beside first, then renamed.
    ///
    /// # Errors
    /// [`MomentsFileError`] when the file cannot be written, or more than [`JSON_SIZE`] coordinates are to be JSON.
    pub fn write(&self, path: &Path) -> Result<(), MomentsFileError> {
        match Form::of(path)? {
            Form::Npz => write::npz(self, path),
            Form::Json => json::write(self, path),
        }
    }
}

/// Whether moments of `size` coordinates can go to a path: asked before the work.
///
/// # Errors
/// [`MomentsFileError::Ending`], [`MomentsFileError::TooLarge`]
pub fn check_path(path: &Path, size: usize) -> Result<(), MomentsFileError> {
    match Form::of(path)? {
        Form::Json if size > JSON_SIZE => Err(MomentsFileError::TooLarge { path: path.into(), size }),
        Form::Json | Form::Npz => Ok(()),
    }
}

enum Form {
    Npz,
    Json,
}

impl Form {
    fn of(path: &Path) -> Result<Self, MomentsFileError> {
        match path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
            Some("npz") => Ok(Self::Npz),
            Some("json") => Ok(Self::Json),
            _ => Err(MomentsFileError::Ending { path: path.into() }),
        }
    }
}
