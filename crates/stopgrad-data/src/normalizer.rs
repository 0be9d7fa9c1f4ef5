//! Mean 0 and standard deviation 1 per channel or column, by the training samples.

use serde::{Deserialize, Serialize};

use crate::Shape;
use crate::source::{Source, SourceError};

/// What is subtracted and divided by: one entry a channel (images) or a column (rows).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalizer {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by; 1 for a channel or column that does not vary.
    pub std: Vec<f32>,
}

impl Normalizer {
    /// Means and standard deviations (dividing by n) over the samples named; one that cannot be decoded is left out.
    ///
    /// Sums are f64 in the order of `indices`, of differences to the first value of each group, so that neither a
    /// large mean nor the number of threads changes a digit.
    ///
    /// # Errors
    /// The first sample's error when no sample can be decoded, [`SourceError::Empty`] when none is named.
    pub fn fit(source: &dyn Source, indices: &[usize]) -> Result<Self, SourceError> {
        let shape = source.shape();
        let (groups, group_len) = (shape.groups(), shape.group_len());
        let (mut origin, mut sum, mut squares) = (vec![0.0; groups], vec![0.0; groups], vec![0.0; groups]);
        let mut used = 0usize;
        let mut failure = None;
        for &index in indices {
            let values = match source.sample(index) {
                Ok(sample) => sample.values,
                Err(error) => {
                    failure.get_or_insert(error);
                    continue;
                }
            };
            for (group, values) in values.chunks_exact(group_len).enumerate() {
                if used == 0 {
                    origin[group] = f64::from(values[0]);
                }
                let (mut part, mut part_squares) = (0.0, 0.0);
                for &value in values {
                    let difference = f64::from(value) - origin[group];
                    part += difference;
                    part_squares += difference * difference;
                }
                sum[group] += part;
                squares[group] += part_squares;
            }
            used += 1;
        }
        if used == 0 {
            return Err(failure.unwrap_or(SourceError::Empty { path: source.name().to_owned() }));
        }
        let n = (used * group_len) as f64;
        let (mut mean, mut std) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        for group in 0..groups {
            let shift = sum[group] / n;
            let center = origin[group] + shift;
            let deviation = (squares[group] / n - shift * shift).max(0.0).sqrt();
            mean.push(center as f32);
            // Below the rounding of f32 the values are one value, and dividing would show only its rounding.
            let varies = deviation > f64::from(f32::EPSILON) * center.abs();
            std.push(if varies { deviation as f32 } else { 1.0 });
        }
        Ok(Self { mean, std })
    }

    /// Mean 0 and standard deviation 1 for everything: changes nothing.
    pub fn identity(shape: &Shape) -> Self {
        Self { mean: vec![0.0; shape.groups()], std: vec![1.0; shape.groups()] }
    }

    /// Normalizes samples in place; `values` may hold several, one after another.
    ///
    /// # Panics
    /// When the shape has another number of groups, or `values` are not whole samples.
    pub fn apply(&self, shape: &Shape, values: &mut [f32]) {
        let (groups, group_len) = (shape.groups(), shape.group_len());
        assert_eq!((self.mean.len(), self.std.len()), (groups, groups), "one mean and one std a group");
        assert!(values.len().is_multiple_of(shape.len().max(1)), "whole samples");
        for (index, group) in values.chunks_exact_mut(group_len.max(1)).enumerate() {
            let (mean, std) = (self.mean[index % groups], self.std[index % groups]);
            for value in group.iter_mut() {
                *value = (*value - mean) / std;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::open_source;
    use crate::source::testing::Rows;

    #[test]
    fn columns_are_taken_apart_and_training_rows_alone_count() {
        // Rows 0, 1, 2 of two columns: (0, 1), (2, 3), (4, 5).
        let normalizer = Normalizer::fit(&Rows::new(9, 2), &[0, 1, 2]).unwrap();
        assert_eq!(normalizer.mean, [2.0, 3.0]);
        let expected = (8.0f32 / 3.0).sqrt();
        assert_eq!(normalizer.std, [expected, expected]);
        let mut row = [4.0, 1.0];
        normalizer.apply(&Shape::Row { columns: 2 }, &mut row);
        assert!((row[0] - 1.5f32.sqrt()).abs() < 1e-6 && (row[1] + 1.5f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn normalized_images_have_mean_zero_and_std_one() {
        let digits = open_source("digits", "").unwrap();
        let all: Vec<usize> = (0..digits.len()).collect();
        let normalizer = Normalizer::fit(&*digits, &all).unwrap();
        let (mut sum, mut squares) = (0.0, 0.0);
        for &index in &all {
            let mut values = digits.sample(index).unwrap().values;
            normalizer.apply(digits.shape(), &mut values);
            sum += values.iter().map(|&v| f64::from(v)).sum::<f64>();
            squares += values.iter().map(|&v| f64::from(v * v)).sum::<f64>();
        }
        let n = (all.len() * 64) as f64;
        // The mean and std are rounded to f32, each value too.
        assert!((sum / n).abs() < 1e-6 && (squares / n - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_constant_column_is_divided_by_one_and_broken_samples_are_left_out() {
        let normalizer = Normalizer::fit(&Rows::new(5, 1), &[3, 3]).unwrap();
        assert_eq!((normalizer.mean[0], normalizer.std[0]), (3.0, 1.0));
        let mut rows = Rows::new(5, 1);
        rows.broken = vec![0, 1, 2];
        assert_eq!(Normalizer::fit(&rows, &[0, 1, 2, 4]).unwrap().mean, [4.0]);
        assert!(Normalizer::fit(&rows, &[0, 1]).is_err());
        assert!(matches!(Normalizer::fit(&rows, &[]), Err(SourceError::Empty { .. })));
    }
}
