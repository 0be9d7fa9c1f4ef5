//! Outputs of a network that somebody else trained, owned, so that samples can be left out.

use crate::collapse::{Outputs, Values};
use crate::rank::RankError;

/// n samples of t token positions of d numbers, row-major; t = 1 without tokens.
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

/// Numbers in the type in which they came.
#[derive(Debug, Clone, PartialEq)]
pub enum EmbeddingValues {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl EmbeddingValues {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }
}

/// An array that is no output.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{name} has the shape {shape:?}; outputs are [samples, dimensions] or [samples, tokens, dimensions], none of them 0"
)]
pub struct ShapeError {
    /// The array, with its file.
    pub name: String,
    /// As found.
    pub shape: Vec<usize>,
}

impl Embeddings {
    /// An array as outputs; `name` is for messages.
    ///
    /// # Errors    [`ShapeError`]
    /// # Panics    when `values` are not as many as the shape says
    pub fn new(name: &str, shape: &[usize], values: EmbeddingValues) -> Result<Self, ShapeError> {
        let (samples, positions, width) = match *shape {
            [n, d] if n > 0 && d > 0 => (n, 1, d),
            [n, t, d] if n > 0 && t > 0 && d > 0 => (n, t, d),
            _ => return Err(ShapeError { name: name.into(), shape: shape.into() }),
        };
        assert_eq!(values.len(), samples * positions * width, "an array of its shape");
        Ok(Self { samples, positions, width, values })
    }

    /// As found: [n, d] or [n, t, d].
    pub fn shape(&self) -> Vec<usize> {
        let Self { samples, positions, width, .. } = *self;
        if positions == 1 { vec![samples, width] } else { vec![samples, positions, width] }
    }

    /// To be measured.
    ///
    /// # Errors    [`RankError`] of what is not finite, or too large to be squared
    pub fn outputs(&self) -> Result<Outputs<'_>, RankError> {
        let values = match &self.values {
            EmbeddingValues::F32(values) => Values::F32(values),
            EmbeddingValues::F64(values) => Values::F64(values),
        };
        Outputs::new(values, self.samples, self.positions, self.width)
    }

    /// One row a sample: the mean of its tokens. For readers that know no tokens; in single precision.
    pub fn pooled(&self) -> Vec<f32> {
        let (t, d) = (self.positions, self.width);
        let mut rows = Vec::with_capacity(self.samples * d);
        for sample in 0..self.samples {
            for column in 0..d {
                let at = |position: usize| (sample * t + position) * d + column;
                rows.push(match &self.values {
                    EmbeddingValues::F32(values) if t == 1 => values[at(0)],
                    EmbeddingValues::F32(values) => {
                        ((0..t).map(|position| f64::from(values[at(position)])).sum::<f64>() / t as f64) as f32
                    }
                    EmbeddingValues::F64(values) => {
                        ((0..t).map(|position| values[at(position)]).sum::<f64>() / t as f64) as f32
                    }
                });
            }
        }
        rows
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

    /// Columns of which every row of more than one, sample or token, has the same number.
    ///
    /// # Cost    of columns that vary a look at a few rows, of the others one at all
    pub fn constant_columns(&self) -> Vec<usize> {
        match &self.values {
            EmbeddingValues::F32(values) => constant(values, self.width),
            EmbeddingValues::F64(values) => constant(values, self.width),
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

fn constant<T: Copy + PartialEq>(values: &[T], width: usize) -> Vec<usize> {
    let (first, rest) = values.split_at(width);
    let mut left: Vec<usize> = if rest.is_empty() { Vec::new() } else { (0..width).collect() };
    for row in rest.chunks_exact(width) {
        left.retain(|&column| row[column] == first[column]);
        if left.is_empty() {
            break;
        }
    }
    left
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

    fn embeddings(shape: &[usize], values: Vec<f32>) -> Embeddings {
        Embeddings::new("a", shape, EmbeddingValues::F32(values)).unwrap()
    }

    #[test]
    fn two_and_three_axes_are_outputs_and_nothing_else() {
        assert_eq!(embeddings(&[2, 3], vec![1.0; 6]).shape(), [2, 3]);
        let tokens = embeddings(&[2, 3, 4], vec![1.0; 24]);
        assert_eq!((tokens.samples, tokens.positions, tokens.width, tokens.shape()), (2, 3, 4, vec![2, 3, 4]));
        for shape in [&[6][..], &[0, 3], &[1, 2, 3, 1], &[]] {
            let values = EmbeddingValues::F32(vec![0.0; shape.iter().product()]);
            let error = Embeddings::new("z.npz: x", shape, values).unwrap_err().to_string();
            assert!(error.starts_with("z.npz: x has the shape") && error.contains("[samples, dimensions]"), "{error}");
        }
    }

    #[test]
    fn samples_are_left_out_whole() {
        let mut outputs = embeddings(&[3, 2, 2], vec![0., 1., 2., 3., 4., f32::NAN, 6., 7., 8., 9., 10., 11.]);
        let finite = outputs.finite();
        assert_eq!(finite, [true, false, true]);
        outputs.keep(&finite);
        assert_eq!(outputs.samples, 2);
        assert_eq!(outputs.values, EmbeddingValues::F32(vec![0., 1., 2., 3., 8., 9., 10., 11.]));
        assert_eq!(outputs.pooled(), [1., 2., 9., 10.]);
    }

    #[test]
    fn a_column_is_constant_over_samples_and_tokens() {
        let tokens = embeddings(&[2, 2, 3], vec![0., 1., 2., 3., 1., 2., 6., 1., 2., 9., 1., 0.]);
        assert_eq!(tokens.constant_columns(), [1]);
        assert_eq!(embeddings(&[2, 2], vec![1.; 4]).constant_columns(), [0, 1]);
        assert!(embeddings(&[1, 3], vec![1.; 3]).constant_columns().is_empty());
    }
}
