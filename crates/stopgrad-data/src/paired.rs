//! Two files of rows, paired: row i of one is a view of the same thing as row i of the other (past and future, two
//! sensors, two networks). Values are used as they stand, in the precision of the file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::npy::{self, NpyData, NpyError};
use crate::source::{InputFile, Skipped};

/// Rows of two `.npy` files, those left out in which a value is not finite.
#[derive(Debug)]
pub struct PairedRows {
    x: NpyData,
    y: NpyData,
    columns: usize,
    kept: Vec<usize>,
    skipped: Vec<Skipped>,
    inputs: Vec<InputFile>,
}

/// Why two files cannot be paired.
#[derive(Debug, Error)]
pub enum PairedError {
    /// A file cannot be read, or is no array.
    #[error(transparent)]
    File(#[from] NpyError),
    /// An array that is no table.
    #[error("{path} has shape {shape:?}; views are rows × columns, reshape with .reshape(len(x), -1)")]
    Shape {
        /// The file.
        path: PathBuf,
        /// Of the array.
        shape: Vec<usize>,
    },
    /// Two tables that do not pair.
    #[error("{x} has shape {x_shape:?} and {y} {y_shape:?}; both views need as many rows, and as many columns")]
    Differ {
        /// The first file.
        x: PathBuf,
        /// The second.
        y: PathBuf,
        /// Rows and columns of the first.
        x_shape: Vec<usize>,
        /// Of the second.
        y_shape: Vec<usize>,
    },
    /// More than half of the rows are unusable.
    #[error("{skipped} of {rows} rows hold a value that is not finite ({first} is the first); repair the files")]
    MostlyDamaged {
        /// Rows left out.
        skipped: usize,
        /// All rows.
        rows: usize,
        /// Place of the first.
        first: String,
    },
}

impl PairedRows {
    /// Reads both files.
    ///
    /// # Errors
    /// [`PairedError`], which names the file and what to do.
    pub fn open(x: &Path, y: &Path) -> Result<Self, PairedError> {
        let ((x_shape, x_data, x_input), (y_shape, y_data, y_input)) = (read(x)?, read(y)?);
        if x_shape != y_shape {
            return Err(PairedError::Differ { x: x.into(), y: y.into(), x_shape, y_shape });
        }
        let (rows, columns) = (x_shape[0], x_shape[1]);
        let (mut kept, mut skipped) = (vec![], vec![]);
        for row in 0..rows {
            let bad = [(x, &x_data), (y, &y_data)].into_iter().find_map(|(path, data)| {
                (row * columns..(row + 1) * columns).find(|&at| !value(data, at).is_finite()).map(|at| (path, at))
            });
            match bad {
                None => kept.push(row),
                Some((path, at)) => skipped.push(Skipped {
                    path: format!("{}[{row}]", path.display()),
                    reason: format!("value {} of the row is not a finite number", at - row * columns),
                }),
            }
        }
        if skipped.len() > kept.len() || kept.is_empty() {
            let first = skipped.first().map(|skipped| skipped.path.clone()).unwrap_or_default();
            return Err(PairedError::MostlyDamaged { skipped: skipped.len(), rows, first });
        }
        Ok(Self { x: x_data, y: y_data, columns, kept, skipped, inputs: vec![x_input, y_input] })
    }

    /// Pairs.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Never: files without a usable row are refused.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Numbers in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows that were left out.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The files.
    pub fn inputs(&self) -> &[InputFile] {
        &self.inputs
    }

    /// Both rows of some pairs, into buffers that are used again.
    ///
    /// # Panics
    /// When a pair lies beyond the last.
    pub fn fill(&self, pairs: Range<usize>, x: &mut Vec<f64>, y: &mut Vec<f64>) {
        for (out, data) in [(x, &self.x), (y, &self.y)] {
            out.clear();
            for &row in &self.kept[pairs.clone()] {
                out.extend((row * self.columns..(row + 1) * self.columns).map(|at| value(data, at)));
            }
        }
    }
}

fn value(data: &NpyData, at: usize) -> f64 {
    match data {
        NpyData::U8(values) => f64::from(values[at]),
        NpyData::I64(values) => values[at] as f64,
        NpyData::F32(values) => f64::from(values[at]),
        NpyData::F64(values) => values[at],
    }
}

fn read(path: &Path) -> Result<(Vec<usize>, NpyData, InputFile), PairedError> {
    let bytes = std::fs::read(path).map_err(|cause| NpyError::Io { path: path.into(), cause })?;
    let array = npy::decode(&bytes).map_err(|damage| NpyError::Damaged { path: path.into(), damage })?;
    if array.shape.len() != 2 || array.data.is_empty() {
        return Err(PairedError::Shape { path: path.into(), shape: array.shape });
    }
    Ok((array.shape, array.data, InputFile::of(path.display().to_string(), &bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NpyArray;

    fn opened(x: &NpyArray, y: &NpyArray) -> Result<PairedRows, PairedError> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
        npy::write(&paths[0], x).unwrap();
        npy::write(&paths[1], y).unwrap();
        PairedRows::open(&paths[0], &paths[1])
    }

    #[test]
    fn rows_are_paired_and_bad_ones_left_out_of_both() {
        let x = NpyArray::new(&[4, 2], NpyData::F64(vec![0.1, 1.0, 2.0, f64::NAN, 4.0, 5.0, 6.0, 7.0]));
        let y = NpyArray::new(&[4, 2], NpyData::I64(vec![10, 11, 12, 13, 14, 15, 16, 17]));
        let pairs = opened(&x, &y).unwrap();
        assert_eq!((pairs.len(), pairs.columns(), pairs.inputs().len()), (3, 2, 2));
        assert_eq!(pairs.skipped()[0].reason, "value 1 of the row is not a finite number");
        let (mut a, mut b) = (vec![9.0; 9], vec![]);
        pairs.fill(0..2, &mut a, &mut b);
        assert_eq!((a, b), (vec![0.1, 1.0, 4.0, 5.0], vec![10.0, 11.0, 14.0, 15.0]));
    }

    #[test]
    fn files_that_do_not_pair_are_refused() {
        let array = |shape: &[usize]| NpyArray::new(shape, NpyData::F32(vec![1.0; shape.iter().product()]));
        assert!(matches!(opened(&array(&[3, 2]), &array(&[2, 3])), Err(PairedError::Differ { .. })));
        assert!(matches!(opened(&array(&[4]), &array(&[4])), Err(PairedError::Shape { .. })));
        assert!(matches!(opened(&array(&[0, 3]), &array(&[0, 3])), Err(PairedError::Shape { .. })));
        let nan = NpyArray::new(&[2, 1], NpyData::F32(vec![f32::NAN; 2]));
        let refused = opened(&nan, &array(&[2, 1])).unwrap_err().to_string();
        assert!(refused.contains("2 of 2 rows") && refused.contains("x.npy[0]"), "{refused}");
        let nowhere = PairedRows::open(Path::new("no.npy"), Path::new("no.npy"));
        assert!(matches!(nowhere, Err(PairedError::File(NpyError::Io { .. }))));
    }
}
