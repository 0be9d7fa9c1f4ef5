//! Features of a part, a block of rows at a time: what is too large to be held is made again whenever it is asked for.

use std::borrow::Cow;
use std::ops::Range;

use super::{Part, ProbeError};

/// Numbers read together where the order of sums does not depend on how many they are: 64 MiB.
const TOGETHER: usize = 1 << 24;

/// Rows of features, which are the same at every reading.
pub trait Rows: Sync {
    /// Features a row; not 0.
    fn width(&self) -> usize;

    /// Number of rows.
    fn count(&self) -> usize;

    /// Some of the rows: as many × width, row-major.
    fn read(&self, rows: Range<usize>) -> Cow<'_, [f32]>;
}

/// Features in memory.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    values: &'a [f32],
    width: usize,
}

impl<'a> Held<'a> {
    /// n × `width` numbers of a part, row-major.
    ///
    /// # Errors
    /// [`ProbeError::Empty`], [`ProbeError::RowLength`]
    pub fn new(part: Part, values: &'a [f32], width: usize) -> Result<Self, ProbeError> {
        if values.is_empty() || width == 0 {
            return Err(ProbeError::Empty { part });
        }
        if !values.len().is_multiple_of(width) {
            return Err(ProbeError::RowLength { part, found: values.len(), width });
        }
        Ok(Self { values, width })
    }
}

impl Rows for Held<'_> {
    fn width(&self) -> usize {
        self.width
    }

    fn count(&self) -> usize {
        self.values.len() / self.width
    }

    fn read(&self, rows: Range<usize>) -> Cow<'_, [f32]> {
        self.values[rows.start * self.width..rows.end * self.width].into()
    }
}

/// Features with a label a row.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    /// For messages.
    pub part: Part,
    /// n × d.
    pub rows: &'a dyn Rows,
    /// n.
    pub labels: &'a [u32],
}

impl Labelled<'_> {
    /// Refuses what is empty, not finite, or has not one label a row. A pass over the rows.
    pub(super) fn check(&self) -> Result<(), ProbeError> {
        let Self { part, rows, labels } = *self;
        check_rows(part, rows)?;
        let samples = rows.count();
        if labels.is_empty() {
            return Err(ProbeError::LabelsMissing { part, samples });
        }
        if labels.len() != samples {
            return Err(ProbeError::LengthMismatch { part, samples, labels: labels.len() });
        }
        Ok(())
    }
}

/// Refuses an empty part and numbers that are not finite. A pass over the rows.
pub(super) fn check_rows(part: Part, rows: &dyn Rows) -> Result<(), ProbeError> {
    let (count, width) = (rows.count(), rows.width());
    if count == 0 || width == 0 {
        return Err(ProbeError::Empty { part });
    }
    for block in blocks(count, at_a_time(width)) {
        let values = rows.read(block.clone());
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            let (row, column) = (block.start + at / width, at % width);
            return Err(ProbeError::NotFinite { part, row, column, value: values[at] });
        }
    }
    Ok(())
}

/// Rows of so many numbers that are read together.
pub(super) fn at_a_time(width: usize) -> usize {
    // Whole blocks of similarities.
    (TOGETHER / width / 1024).max(1) * 1024
}

/// 0 .. `count` in blocks of `length`, the last one shorter.
pub(super) fn blocks(count: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(length).map(move |start| start..(start + length).min(count))
}
