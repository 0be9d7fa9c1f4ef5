//! Outputs of one place of a network, as they came.

use crate::rank::RankError;

/// Numbers of one of the two types that networks write.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Single precision; sums are taken in double.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

/// n samples of t token positions of d numbers, row-major; t = 1 where there are no tokens.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    values: Values<'a>,
    samples: usize,
    positions: usize,
    width: usize,
}

impl<'a> Outputs<'a> {
    /// Checked: as many numbers as the shape says, all finite and small enough to be squared.
    ///
    /// # Errors    [`RankError`]; `row` counts tokens
    pub fn new(values: Values<'a>, samples: usize, positions: usize, width: usize) -> Result<Self, RankError> {
        let rows = samples.saturating_mul(positions);
        if rows == 0 || width == 0 {
            return Err(RankError::Empty { n: rows, d: width });
        }
        let found = match values {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
        };
        if rows.checked_mul(width) != Some(found) {
            return Err(RankError::Length { n: rows, d: width, found });
        }
        let limit = (f64::MAX / found as f64).sqrt() / 4.0;
        let bad = match values {
            Values::F32(values) => values.iter().position(|x| !x.is_finite()),
            Values::F64(values) => values.iter().position(|x| x.is_nan() || x.abs() > limit),
        };
        let outputs = Self { values, samples, positions, width };
        match bad {
            Some(at) => {
                let (row, column) = (at / width, at % width);
                let mut numbers = vec![0.0; width];
                outputs.copy_row(row, &mut numbers);
                Err(RankError::NotFinite { row, column, value: numbers[column] })
            }
            None => Ok(outputs),
        }
    }

    /// n.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// t.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// d.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Token `row % t` of sample `row / t`, in double precision.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f64]) {
        let range = row * self.width..(row + 1) * self.width;
        match self.values {
            Values::F32(values) => out.iter_mut().zip(&values[range]).for_each(|(out, &x)| *out = f64::from(x)),
            Values::F64(values) => out.copy_from_slice(&values[range]),
        }
    }

    /// The tokens of a sample less the `means` of their positions, t × d, at the end of `rows`.
    pub(super) fn push(&self, sample: usize, means: &[f64], rows: &mut Vec<f64>) {
        for (position, mean) in means.chunks_exact(self.width).enumerate() {
            let start = rows.len();
            rows.resize(start + self.width, 0.0);
            self.copy_row(sample * self.positions + position, &mut rows[start..]);
            rows[start..].iter_mut().zip(mean).for_each(|(x, mean)| *x -= mean);
        }
    }

    /// Mean output of each position: t × d. A second round removes the rounding of the first.
    pub(super) fn position_means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.positions() * self.width()];
        let (mut sums, mut rows) = (means.clone(), Vec::new());
        for _ in 0..2 {
            sums.fill(0.0);
            for sample in 0..self.samples() {
                rows.clear();
                self.push(sample, &means, &mut rows);
                sums.iter_mut().zip(&rows).for_each(|(sum, x)| *sum += x);
            }
            means.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean += sum / self.samples() as f64);
        }
        means
    }
}
