//! Sources: an indexed collection of samples, one kind of file each.
//!
//! | what is named | read by |
//! |---|---|
//! | `digits` | `digits`: 1,797 images inside the program |
//! | an IDX file, or a folder with `train-images-idx3-ubyte[.gz]` … | `idx` |
//! | a CIFAR-10 `.bin`, or a folder with `train.bin` or `data_batch_*.bin` | `cifar` |
//! | any other folder with images, at any depth | `images` |
//! | `.npy`, `.npz` | `array` |
//! | `.csv`, `.csv.gz` | `table` |
//!
//! A sample that is damaged (NaN in a row, a label that cannot be) is left out, counted and listed in
//! [`Source::skipped`]; a file of which more than half is damaged, or whose header contradicts its length, is an
//! error. A header's claim is compared with the file's length before memory is asked for.

mod array;
mod cifar;
mod digits;
mod error;
mod file;
mod idx;
mod images;
mod stored;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use file::{hex, sha256_hex};

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use error::{Damage, SourceError};
pub use images::decode_image;

use crate::Shape;

/// One sample: `shape.len()` values.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Images: 0 to 1, in the order channel, row, column. Rows: as the file has them.
    pub values: Vec<f32>,
}

/// What a sample is officially for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Validation,
    /// To report on.
    Test,
}

/// A sample that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Skipped {
    /// File and place in it.
    pub path: String,
    /// Why it was left out.
    pub reason: String,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// As it was named, or joined to the folder that was named.
    pub path: String,
    /// Of the file's bytes, in hexadecimal.
    pub sha256: String,
}

impl InputFile {
    /// A file of these bytes.
    pub fn of(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self { path: path.into(), sha256: sha256_hex(bytes) }
    }
}

/// An indexed collection of samples of one shape.
pub trait Source: Send + Sync {
    /// As the user named it.
    fn name(&self) -> &str;

    /// Number of samples, those left out not counted.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of every sample.
    fn shape(&self) -> &Shape;

    /// The sample at an index, decoded now.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be decoded, or `index` is not below [`Source::len`].
    fn sample(&self, index: usize) -> Result<Sample, SourceError>;

    /// Index into [`Source::classes`]; `None` where the file has no label.
    fn label(&self, index: usize) -> Option<u32>;

    /// Names of the classes, numbers in numerical order and other text in alphabetical order; empty without labels.
    fn classes(&self) -> &[String];

    /// What the source says this sample is for; `None` where it does not say.
    fn official_split(&self, index: usize) -> Option<Split>;

    /// Smallest and largest value over all samples.
    fn range(&self) -> (f32, f32);

    /// Samples that were left out.
    fn skipped(&self) -> &[Skipped];

    /// Files that were read.
    fn inputs(&self) -> &[InputFile];

    /// Whom to credit, and the license, where we know it.
    fn attribution(&self) -> Option<&str>;

    /// Rows and columns that images of all sizes were scaled to; none where the samples are as they are stored.
    fn image_side(&self) -> Option<usize> {
        None
    }

    /// How the samples were come by, where a user should know.
    fn remark(&self) -> Option<&str> {
        None
    }
}

/// How a source is opened.
#[derive(Clone, Copy)]
pub struct OpenParams<'a> {
    /// CSV only; empty means a column named `label` or `class`, if there is one.
    pub label_column: &'a str,
    /// Folders of images only: rows and columns of a sample; 0 means 32, or 64 where most images have as many.
    pub image_side: usize,
    /// Told of long work: items done and in all; may be called from any thread.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl Default for OpenParams<'_> {
    fn default() -> Self {
        Self { label_column: "", image_side: 0, progress: &|_, _| {} }
    }
}

/// Opens what a user named: `digits`, or the path of a file or folder.
///
/// `label_column` matters for CSV only; empty means a column named `label` or `class`, if there is one.
///
/// # Errors
/// [`SourceError`], which names the file, the place and what to do.
///
/// # Example
/// ```
/// let digits = stopgrad_data::open_source("digits", "")?;
/// assert_eq!((digits.len(), digits.classes().len()), (1797, 10));
/// # Ok::<(), stopgrad_data::SourceError>(())
/// ```
pub fn open_source(path: &str, label_column: &str) -> Result<Arc<dyn Source>, SourceError> {
    open_source_with(path, &OpenParams { label_column, ..OpenParams::default() })
}

/// [`open_source`] with all that can be said of it.
///
/// # Errors
/// As there.
pub fn open_source_with(path: &str, params: &OpenParams<'_>) -> Result<Arc<dyn Source>, SourceError> {
    if path == "digits" {
        return Ok(Arc::new(digits::open()?));
    }
    let place = Path::new(path);
    if !place.exists() {
        return Err(SourceError::NotFound { path: path.into() });
    }
    if place.is_dir() {
        return open_folder(place, params);
    }
    let lower = path.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let zipped = plain.len() < lower.len();
    let file_name = Path::new(plain).file_name().unwrap_or_default().to_string_lossy();
    let source = match Path::new(plain).extension().and_then(|extension| extension.to_str()) {
        Some("csv") => table::open(place, params.label_column)?,
        Some("npy") if !zipped => array::open_npy(place)?,
        Some("npz") if !zipped => array::open_npz(place)?,
        Some("bin") if !zipped => cifar::open_file(place)?,
        _ if file_name.contains("idx") || file_name.contains("ubyte") => idx::open_file(place)?,
        _ => return Err(SourceError::UnknownKind { path: path.into() }),
    };
    Ok(Arc::new(source))
}

fn open_folder(folder: &Path, params: &OpenParams<'_>) -> Result<Arc<dyn Source>, SourceError> {
    if idx::is_folder(folder) {
        return Ok(Arc::new(idx::open_folder(folder)?));
    }
    if cifar::is_folder(folder) {
        return Ok(Arc::new(cifar::open_folder(folder)?));
    }
    if images::is_folder(folder) {
        return Ok(Arc::new(images::open_folder(folder, params)?));
    }
    Err(SourceError::UnknownFolder { path: folder.display().to_string() })
}
