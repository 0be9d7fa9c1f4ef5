//! How many dimensions a cloud of embeddings fills: one definition for the whole workspace.
//!
//! No single number sees every collapse, so [`summarize`] gives five, to be read together: the effective
//! rank and the participation ratio of the *centred* covariance see lost dimensions and are blind to scale;
//! [`direction_std`] and the norm see a constant output and are blind to lost dimensions. The uncentred
//! covariance was rejected: a large mean then looks like collapse.
//!
//! Samples are rows of a row-major slice. Covariances are centred and divide by n.

use crate::linalg::{self, LinalgError};
use crate::statistics::{self, sum_fixed};

/// Variance below this share of the second moment is rounding and counts as none.
///
/// A network that computes in f32 repeats a constant to about 1e-7 of it, to 1e-6 after many layers;
/// squared, 1e-12. Variance above it is real, however small, and its rank is reported: whether so little
/// variance is a collapse is for the verdict, which sees [`Summary::variance_share`].
pub const ROUNDING_SHARE: f64 = 1e-12;

/// Samples that cannot be measured.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RankError {
    /// No samples, or samples of no coordinates.
    #[error("nothing to measure: {n} samples of {d} coordinates")]
    Empty {
        /// Samples.
        n: usize,
        /// Coordinates.
        d: usize,
    },
    /// The slice does not hold n × d numbers.
    #[error("{n} samples of {d} coordinates are {} numbers, but {found} came", n * d)]
    Length {
        /// Samples.
        n: usize,
        /// Coordinates.
        d: usize,
        /// Length of the slice.
        found: usize,
    },
    /// A coordinate is infinite, not a number, or too large to square.
    #[error("coordinate {column} of sample {row} is {value}; the network has diverged or the input is damaged")]
    NotFinite {
        /// Sample.
        row: usize,
        /// Coordinate.
        column: usize,
        /// What is there.
        value: f64,
    },
    /// The eigenvalue iteration failed.
    #[error(transparent)]
    Eigenvalues(#[from] LinalgError),
}

/// What is said of a cloud of samples.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// exp of the entropy of the normalised eigenvalues; 0 for a constant cloud.
    pub effective_rank: f64,
    /// (Σλ)² / Σλ²; 0 for a constant cloud.
    pub participation_ratio: f64,
    /// Mean standard deviation of the coordinates of z/|z|; 1/√d for a cloud that fills the sphere.
    pub std: f64,
    /// Root mean square of |z|.
    pub norm: f64,
    /// Of the centred covariance, descending; d of them.
    pub eigenvalues: Vec<f64>,
    /// Sum of the eigenvalues: E|z − Ez|².
    pub total_variance: f64,
    /// Samples measured: the rank cannot exceed n − 1.
    pub samples: usize,
}

impl Summary {
    /// Total variance over second moment: 1 for centred samples, 0 for a constant.
    pub fn variance_share(&self) -> f64 {
        if self.norm > 0.0 { (self.total_variance / self.norm / self.norm).min(1.0) } else { 0.0 }
    }
}

/// Every measure of this module at once.
///
/// # Shapes      samples: n × d
/// # Errors      [`RankError`], naming the first bad coordinate
/// # Cost        O(n d min(n, d)) + O(min(n, d)³)
/// # Example
/// ```
/// let summary = stopgrad_dynamics::rank::summarize(&[1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0], 4, 2).unwrap();
/// assert!((summary.effective_rank - 2.0).abs() < 1e-12);
/// ```
pub fn summarize(samples: &[f64], n: usize, d: usize) -> Result<Summary, RankError> {
    let eigenvalues = spectrum(samples, n, d)?;
    Ok(Summary {
        effective_rank: effective_rank(&eigenvalues),
        participation_ratio: participation_ratio(&eigenvalues),
        std: direction_std(samples, n, d)?,
        norm: root_mean_square_norm(samples, n, d)?,
        total_variance: sum_fixed(&eigenvalues),
        eigenvalues,
        samples: n,
    })
}

/// The centred covariance of the samples.
///
/// Two passes, the mean itself corrected once, so that a mean of any size costs no digits.
///
/// # Shapes      samples: n × d → d × d
/// # Convention  divides by n
/// # Errors      [`RankError`]
pub fn covariance(samples: &[f64], n: usize, d: usize) -> Result<Vec<f64>, RankError> {
    check(samples, n, d)?;
    let mut products = linalg::column_products(&center(samples, n, d), n, d);
    for entry in &mut products {
        *entry /= n as f64;
    }
    Ok(products)
}

/// The eigenvalues of the centred covariance, descending, d of them.
///
/// Through the Gram matrix of the samples when there are fewer samples than coordinates; eigenvalues past
/// the n − 1st are 0 exactly. All are 0 when the total variance is below [`ROUNDING_SHARE`].
///
/// # Shapes      samples: n × d → d
/// # Errors      [`RankError`]
/// # Cost        O(n d min(n, d)) + O(min(n, d)³)
pub fn spectrum(samples: &[f64], n: usize, d: usize) -> Result<Vec<f64>, RankError> {
    check(samples, n, d)?;
    let centered = center(samples, n, d);
    if statistics::squared_norm(&centered) <= ROUNDING_SHARE * statistics::squared_norm(samples) {
        return Ok(vec![0.0; d]);
    }
    let (mut products, size) =
        if n <= d { (linalg::row_products(&centered, n, d), n) } else { (linalg::column_products(&centered, n, d), d) };
    for entry in &mut products {
        *entry /= n as f64;
    }
    let mut eigenvalues = linalg::symmetric_eigenvalues(&products, size)?;
    eigenvalues.truncate(n - 1);
    for value in &mut eigenvalues {
        *value = value.max(0.0);
    }
    eigenvalues.resize(d, 0.0);
    Ok(eigenvalues)
}

/// exp of the entropy of the eigenvalues, normalised to sum 1; 0 when they are all 0.
///
/// Blind to scale; between 1 and the number of eigenvalues that are not 0.
///
/// # Requires    no eigenvalue is negative
/// # Source      Roy, Vetterli 2007
pub fn effective_rank(eigenvalues: &[f64]) -> f64 {
    let shares = shares(eigenvalues);
    if shares.is_empty() {
        return 0.0;
    }
    let terms: Vec<f64> = shares.iter().map(|&p| if p > 0.0 { -p * p.ln() } else { 0.0 }).collect();
    // Rounding may not push it past its bounds.
    sum_fixed(&terms).exp().clamp(1.0, eigenvalues.len() as f64)
}

/// (Σλ)² / Σλ²; 0 when all eigenvalues are 0. Never above [`effective_rank`].
///
/// # Requires    no eigenvalue is negative
pub fn participation_ratio(eigenvalues: &[f64]) -> f64 {
    let shares = shares(eigenvalues);
    if shares.is_empty() {
        return 0.0;
    }
    let squares: Vec<f64> = shares.iter().map(|p| p * p).collect();
    (1.0 / sum_fixed(&squares)).clamp(1.0, eigenvalues.len() as f64)
}

/// Mean over coordinates of the standard deviation of z/|z|; read it against 1/√d.
///
/// 1/√d: the directions fill the sphere, or lie on a few opposite points (so it cannot see lost dimensions).
/// 0: every direction is the same. A zero vector has no direction and counts as the origin.
///
/// # Shapes      samples: n × d
/// # Convention  divides by n
/// # Errors      [`RankError`]
pub fn direction_std(samples: &[f64], n: usize, d: usize) -> Result<f64, RankError> {
    check(samples, n, d)?;
    let mut directions = samples.to_vec();
    for row in directions.chunks_exact_mut(d) {
        to_direction(row);
    }
    let mut squares = vec![0.0; d];
    for row in center(&directions, n, d).chunks_exact(d) {
        squares.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * x);
    }
    let deviations: Vec<f64> = squares.iter().map(|sum| (sum / n as f64).sqrt()).collect();
    Ok(sum_fixed(&deviations) / d as f64)
}

/// √(E|z|²).
///
/// # Shapes      samples: n × d
/// # Errors      [`RankError`]
pub fn root_mean_square_norm(samples: &[f64], n: usize, d: usize) -> Result<f64, RankError> {
    check(samples, n, d)?;
    Ok((statistics::squared_norm(samples) / n as f64).sqrt())
}

/// z/|z|; zero stays zero.
pub(crate) fn to_direction(row: &mut [f64]) {
    let largest = row.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest > 0.0 {
        // Divided by the largest first: squares of tiny coordinates would vanish.
        for x in row.iter_mut() {
            *x /= largest;
        }
        let norm = statistics::squared_norm(row).sqrt();
        for x in row.iter_mut() {
            *x /= norm;
        }
    }
}

/// The eigenvalues over their sum; empty when the sum is 0.
fn shares(eigenvalues: &[f64]) -> Vec<f64> {
    let largest = eigenvalues.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return Vec::new();
    }
    let scaled: Vec<f64> = eigenvalues.iter().map(|value| (value / largest).max(0.0)).collect();
    let total = sum_fixed(&scaled);
    scaled.iter().map(|value| value / total).collect()
}

/// Samples less their mean.
fn center(samples: &[f64], n: usize, d: usize) -> Vec<f64> {
    let mut centered = samples.to_vec();
    // The second round removes the rounding of the first: a constant cloud becomes exactly 0.
    for _ in 0..2 {
        let mut mean = vec![0.0; d];
        for row in centered.chunks_exact(d) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        for sum in &mut mean {
            *sum /= n as f64;
        }
        for row in centered.chunks_exact_mut(d) {
            row.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m);
        }
    }
    centered
}

fn check(samples: &[f64], n: usize, d: usize) -> Result<(), RankError> {
    if n == 0 || d == 0 {
        return Err(RankError::Empty { n, d });
    }
    if Some(samples.len()) != n.checked_mul(d) {
        return Err(RankError::Length { n, d, found: samples.len() });
    }
    // Squares and their sums must stay finite too.
    let limit = (f64::MAX / samples.len() as f64).sqrt() / 4.0;
    match samples.iter().position(|x| x.is_nan() || x.abs() > limit) {
        Some(at) => Err(RankError::NotFinite { row: at / d, column: at % d, value: samples[at] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
