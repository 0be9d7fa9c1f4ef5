//! A source made of numbers, for tests of what stands on sources.

use std::time::Duration;

use super::{InputFile, Sample, Skipped, Source, SourceError, Split};
use crate::Shape;

/// Row `i` holds `i·columns, i·columns + 1, …`.
#[derive(Clone)]
pub(crate) struct Rows {
    shape: Shape,
    len: usize,
    /// The first index of the official test part.
    pub(crate) test_from: Option<usize>,
    /// Samples that cannot be decoded.
    pub(crate) broken: Vec<usize>,
    /// What decoding a sample takes.
    pub(crate) delay: Duration,
}

impl Rows {
    pub(crate) fn new(len: usize, columns: usize) -> Self {
        Self { shape: Shape::Row { columns }, len, test_from: None, broken: vec![], delay: Duration::ZERO }
    }
}

impl Source for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn len(&self) -> usize {
        self.len
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn sample(&self, index: usize) -> Result<Sample, SourceError> {
        std::thread::sleep(self.delay);
        if index >= self.len || self.broken.contains(&index) {
            return Err(SourceError::Index { name: "rows".into(), index, len: self.len });
        }
        let d = self.shape.len();
        Ok(Sample { values: (index * d..(index + 1) * d).map(|value| value as f32).collect() })
    }

    fn label(&self, _index: usize) -> Option<u32> {
        None
    }

    fn classes(&self) -> &[String] {
        &[]
    }

    fn official_split(&self, index: usize) -> Option<Split> {
        self.test_from.map(|from| if index < from { Split::Train } else { Split::Test })
    }

    fn range(&self) -> (f32, f32) {
        (0.0, (self.len * self.shape.len() - 1) as f32)
    }

    fn skipped(&self) -> &[Skipped] {
        &[]
    }

    fn inputs(&self) -> &[InputFile] {
        &[]
    }

    fn attribution(&self) -> Option<&str> {
        None
    }
}
