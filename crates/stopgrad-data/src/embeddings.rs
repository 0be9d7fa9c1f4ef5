//! Outputs of networks that somebody else trained: what a training script writes with one line of NumPy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::npy::{self, NpyArray, NpyData, NpyError};
use crate::npz::{self, NpzError};

/// n samples of t token positions of d numbers; t = 1 where the array has two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// n.
    pub samples: usize,
    /// t.
    pub positions: usize,
    /// d.
    pub width: usize,
    /// n × t × d, row-major.
    pub values: EmbeddingValues,
}

/// Numbers in the type in which they came: integers of 8 bits as f32, larger ones as f64.
#[derive(Debug, Clone, PartialEq)]
pub enum EmbeddingValues {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// Arrays that are no outputs.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingsError {
    /// An `.npy` that cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// An `.npz` that cannot be read.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// Neither.
    #[error("{path}: outputs are read from .npy and .npz; write them with numpy.save or numpy.savez")]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// Not two or three axes, or an axis of length 0.
    #[error(
        "{name} has the shape {shape:?}; outputs are [samples, dimensions] or [samples, tokens, dimensions], none of them 0"
    )]
    Shape {
        /// The array, with its file.
        name: String,
        /// As found.
        shape: Vec<usize>,
    },
}

/// The arrays of a file by name; that of an `.npy` has the empty name.
///
/// # Errors
/// [`EmbeddingsError`]; arrays of objects (pickles) are refused, nothing in them is run
pub fn read_arrays(path: &Path) -> Result<BTreeMap<String, NpyArray>, EmbeddingsError> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("npy") => Ok(BTreeMap::from([(String::new(), npy::read(path)?)])),
        Some("npz") => Ok(npz::read(path)?),
        _ => Err(EmbeddingsError::Kind { path: path.into() }),
    }
}

impl Embeddings {
    /// An array as outputs; `name` is for messages.
    ///
    /// # Errors
    /// [`EmbeddingsError::Shape`]
    pub fn from_array(name: &str, array: NpyArray) -> Result<Self, EmbeddingsError> {
        let (samples, positions, width) = match array.shape[..] {
            [n, d] if n > 0 && d > 0 => (n, 1, d),
            [n, t, d] if n > 0 && t > 0 && d > 0 => (n, t, d),
            _ => return Err(EmbeddingsError::Shape { name: name.into(), shape: array.shape }),
        };
        let values = match array.data {
            NpyData::F32(values) => EmbeddingValues::F32(values),
            NpyData::U8(values) => EmbeddingValues::F32(values.into_iter().map(f32::from).collect()),
            NpyData::F64(values) => EmbeddingValues::F64(values),
            NpyData::I64(values) => EmbeddingValues::F64(values.into_iter().map(|v| v as f64).collect()),
        };
        Ok(Self { samples, positions, width, values })
    }

    /// Of each sample whether all its numbers are finite.
    pub fn finite(&self) -> Vec<bool> {
        let length = self.positions * self.width;
        match &self.values {
            EmbeddingValues::F32(values) => {
                values.chunks_exact(length).map(|sample| sample.iter().all(|x| x.is_finite())).collect()
            }
            EmbeddingValues::F64(values) => {
                values.chunks_exact(length).map(|sample| sample.iter().all(|x| x.is_finite())).collect()
            }
        }
    }

    /// Leaves out the samples that are not kept, in place.
    ///
    /// # Panics
    /// When `kept` has not one entry a sample.
    pub fn keep(&mut self, kept: &[bool]) {
        assert_eq!(kept.len(), self.samples, "one entry a sample");
        let length = self.positions * self.width;
        match &mut self.values {
            EmbeddingValues::F32(values) => compact(values, kept, length),
            EmbeddingValues::F64(values) => compact(values, kept, length),
        }
        self.samples = kept.iter().filter(|&&kept| kept).count();
    }
}

fn compact<T: Copy>(values: &mut Vec<T>, kept: &[bool], length: usize) {
    let mut end = 0;
    for (sample, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
        values.copy_within(sample * length..(sample + 1) * length, end);
        end += length;
    }
    values.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize], values: Vec<f32>) -> NpyArray {
        NpyArray::new(shape, NpyData::F32(values))
    }

    #[test]
    fn two_and_three_axes_are_outputs_and_nothing_else() {
        let flat = Embeddings::from_array("a", array(&[2, 3], vec![1.0; 6])).unwrap();
        assert_eq!((flat.samples, flat.positions, flat.width), (2, 1, 3));
        let tokens = Embeddings::from_array("a", array(&[2, 3, 4], vec![1.0; 24])).unwrap();
        assert_eq!((tokens.samples, tokens.positions, tokens.width), (2, 3, 4));
        for shape in [&[6][..], &[0, 3], &[1, 2, 3, 1], &[]] {
            let length = shape.iter().product();
            let error = Embeddings::from_array("z.npz: x", array(shape, vec![0.0; length])).unwrap_err().to_string();
            assert!(error.starts_with("z.npz: x has the shape") && error.contains("[samples, dimensions]"), "{error}");
        }
    }

    #[test]
    fn samples_are_left_out_whole() {
        let mut outputs = Embeddings::from_array(
            "a",
            array(&[3, 2, 2], vec![0., 1., 2., 3., 4., f32::NAN, 6., 7., 8., 9., 10., 11.]),
        )
        .unwrap();
        let finite = outputs.finite();
        assert_eq!(finite, [true, false, true]);
        outputs.keep(&finite);
        assert_eq!(outputs.samples, 2);
        assert_eq!(outputs.values, EmbeddingValues::F32(vec![0., 1., 2., 3., 8., 9., 10., 11.]));
    }

    #[test]
    fn files_of_another_kind_say_what_is_read() {
        assert!(read_arrays(Path::new("model.pt")).unwrap_err().to_string().contains("numpy.save"));
    }
}
