//! From named arrays to checked moments.

use std::collections::BTreeMap;
use std::path::Path;

use faer::{Mat, MatRef};
use stopgrad_data::{NpyArray, NpyData, npz};
use stopgrad_dynamics::Moments;
use stopgrad_dynamics::moments::Tolerance;

use super::{MomentsFile, MomentsFileError, RandomFeatures};

/// Every key that is read.
pub(super) const KEYS: [&str; 17] = [
    "xx",
    "yx",
    "yy",
    "count",
    "mean_x",
    "mean_y",
    "centered",
    "symmetrized",
    "basis",
    "half_xx",
    "half_yx",
    "half_yy",
    "half_count",
    "half_mean_x",
    "half_mean_y",
    "feature_kind",
    "feature_phase",
];

/// `feature_kind` of random Fourier features; linear ones are 0, or no such key.
pub(super) const FOURIER: f64 = 1.0;
/// `feature_kind` of random ReLU features.
pub(super) const RELU: f64 = 2.0;

pub(super) fn npz(path: &Path, bytes: &[u8]) -> Result<MomentsFile, MomentsFileError> {
    Arrays::new(path, npz::decode_named(path, bytes, &KEYS)?).moments()
}

/// Named arrays of a file.
pub(super) struct Arrays<'a> {
    path: &'a Path,
    /// Arrays that were not taken yet.
    left: BTreeMap<String, NpyArray>,
    /// Names of all that the file has.
    names: Vec<String>,
}

impl<'a> Arrays<'a> {
    pub(super) fn new(path: &'a Path, arrays: BTreeMap<String, NpyArray>) -> Self {
        Self { path, names: arrays.keys().cloned().collect(), left: arrays }
    }
}

impl Arrays<'_> {
    /// The moments that the arrays make.
    pub(super) fn moments(mut self) -> Result<MomentsFile, MomentsFileError> {
        let single = self.left.values().any(|array| array.shape.len() == 2 && matches!(array.data, NpyData::F32(_)));
        let tolerance = if single { Tolerance::SINGLE } else { Tolerance::default() };
        let centered = self.flag("centered")?;
        let symmetrized = self.flag("symmetrized")?;
        let features = self.features()?;
        let has_half = self.left.contains_key("half_xx");
        let moments = Moments {
            xx: self.needed("xx")?,
            yx: self.needed("yx")?,
            yy: self.matrix("yy")?,
            count: self.count("count")?,
            mean_x: self.vector("mean_x")?,
            mean_y: self.vector("mean_y")?,
            centered,
            symmetrized,
            basis: self.matrix("basis")?,
        };
        let path = self.path;
        let wrong = |half| move |cause| MomentsFileError::Moments { path: path.into(), half, cause };
        let moments = moments.checked(tolerance).map_err(wrong(false))?;
        let half = if has_half { Some(self.half(&moments)?.checked(tolerance).map_err(wrong(true))?) } else { None };
        if let Some(RandomFeatures::Fourier { phases }) = &features
            && phases.len() != moments.size()
        {
            let expected = "[m], one a coordinate";
            return Err(self.shape("feature_phase", vec![phases.len()], expected));
        }
        Ok(MomentsFile { moments, half, features })
    }

    fn half(&mut self, whole: &Moments) -> Result<Moments, MomentsFileError> {
        let half = Moments {
            xx: self.needed("half_xx")?,
            yx: self.needed("half_yx")?,
            yy: self.matrix("half_yy")?,
            count: Some(self.count("half_count")?.ok_or_else(|| self.missing("half_count"))?),
            mean_x: self.vector("half_mean_x")?,
            mean_y: self.vector("half_mean_y")?,
            centered: whole.centered,
            symmetrized: whole.symmetrized,
            basis: whole.basis.clone(),
        };
        match (half.xx.shape() == whole.xx.shape(), half.count < whole.count) {
            (false, _) => Err(self.shape("half_xx", vec![half.xx.nrows(), half.xx.ncols()], "that of xx")),
            (_, false) => {
                let value = half.count.unwrap_or(0) as f64;
                Err(MomentsFileError::Value {
                    path: self.path.into(),
                    key: "half_count",
                    value,
                    expected: "fewer pairs than count",
                })
            }
            _ => Ok(half),
        }
    }

    fn features(&mut self) -> Result<Option<RandomFeatures>, MomentsFileError> {
        let Some(kind) = self.scalar("feature_kind")? else { return Ok(None) };
        let is = |other: f64| (kind - other).abs() < 0.5;
        if is(0.0) {
            Ok(None)
        } else if is(RELU) {
            Ok(Some(RandomFeatures::Relu))
        } else if is(FOURIER) {
            let phases = self.vector("feature_phase")?.ok_or_else(|| self.missing("feature_phase"))?;
            Ok(Some(RandomFeatures::Fourier { phases }))
        } else {
            let expected = "0 (linear), 1 (Fourier) or 2 (ReLU)";
            Err(MomentsFileError::Value { path: self.path.into(), key: "feature_kind", value: kind, expected })
        }
    }

    fn needed(&mut self, key: &'static str) -> Result<Mat<f64>, MomentsFileError> {
        self.matrix(key)?.ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &'static str) -> MomentsFileError {
        MomentsFileError::Missing { path: self.path.into(), key, found: self.names.clone() }
    }

    fn shape(&self, key: &str, shape: Vec<usize>, expected: &'static str) -> MomentsFileError {
        MomentsFileError::Shape { path: self.path.into(), key: key.into(), shape, expected }
    }

    fn matrix(&mut self, key: &str) -> Result<Option<Mat<f64>>, MomentsFileError> {
        let Some(array) = self.left.remove(key) else { return Ok(None) };
        let [rows, columns] = array.shape[..] else { return Err(self.shape(key, array.shape, "two axes")) };
        Ok(Some(MatRef::from_row_major_slice(&array.to_f64(), rows, columns).to_owned()))
    }

    fn vector(&mut self, key: &str) -> Result<Option<Vec<f64>>, MomentsFileError> {
        let Some(array) = self.left.remove(key) else { return Ok(None) };
        if array.shape.len() == 1 { Ok(Some(array.to_f64())) } else { Err(self.shape(key, array.shape, "one axis")) }
    }

    /// One number, in whatever shape NumPy wrote it.
    fn scalar(&mut self, key: &str) -> Result<Option<f64>, MomentsFileError> {
        let Some(array) = self.left.remove(key) else { return Ok(None) };
        match array.to_f64()[..] {
            [value] => Ok(Some(value)),
            _ => Err(self.shape(key, array.shape, "one number")),
        }
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, MomentsFileError> {
        match self.scalar(key)? {
            None => Ok(false),
            Some(value) if (0.0..=1.0).contains(&value) && value.fract() == 0.0 => Ok(value > 0.5),
            Some(value) => Err(MomentsFileError::Value { path: self.path.into(), key, value, expected: "0 or 1" }),
        }
    }

    fn count(&mut self, key: &'static str) -> Result<Option<u64>, MomentsFileError> {
        match self.scalar(key)? {
            None => Ok(None),
            // Whole numbers are exact up to 2⁵³.
            Some(value) if (1.0..=9e15).contains(&value) && value.fract() == 0.0 => Ok(Some(value as u64)),
            Some(value) => {
                let expected = "a whole number of pairs, at least 1";
                Err(MomentsFileError::Value { path: self.path.into(), key, value, expected })
            }
        }
    }
}
