//! Fixed features φ of an input: the linear theory holds for A φ(x) as it does for A x.
//!
//! Linear features (principal components, whitening) act on moments as well as on samples, P X Pᵀ, so no second pass
//! over the data is needed: [`principal_components`] and [`whitening`] give the P for
//! [`Moments::in_coordinates`](crate::Moments::in_coordinates). Random features act on samples ([`FeatureMap`]).
//! Where their random numbers come from is the caller's affair.

use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use crate::LinalgError;
use crate::linalg;
use crate::rank::ROUNDING_SHARE;

/// Rows turned at once by one thread.
const ROWS: usize = 64;

/// How many principal components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Components {
    /// So many.
    Count(usize),
    /// As many as hold this share of the variance, above 0, at most 1.
    Share(f64),
}

/// A map from inputs to features.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureMap {
    /// P v, with P of K × d.
    Linear(Mat<f64>),
    /// √(2/K) cos(W v + b): with W standard normal over a bandwidth s and b uniform in 0 to 2π, inner products tend to
    /// exp(−|v − w|² / 2s²).
    ///
    /// # Source      Rahimi, Recht 2007
    Fourier {
        /// W, K × d.
        frequencies: Mat<f64>,
        /// b.
        phases: Vec<f64>,
    },
    /// √(2/K) max(0, W v): with W standard normal, inner products tend to the arc-cosine kernel of degree 1.
    ///
    /// # Source      Cho, Saul 2009
    Relu {
        /// W, K × d.
        directions: Mat<f64>,
    },
}

/// Features that cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FeatureError {
    /// More components than directions in which the samples vary.
    #[error(
        "{asked} components asked for, but the samples vary in {support} directions only; ask for at most {support}"
    )]
    TooMany {
        /// Asked for.
        asked: usize,
        /// Rank of the numerical support.
        support: usize,
    },
    /// A share that is none.
    #[error("{share} is no share of variance; give a number above 0, at most 1")]
    Share {
        /// As given.
        share: f64,
    },
    /// No component at all.
    #[error("0 components asked for; ask for at least 1")]
    None,
    /// Samples that do not vary.
    #[error("the samples do not vary, so they have no principal components")]
    Constant,
    /// The eigenvalue iteration failed.
    #[error(transparent)]
    Eigenvalues(#[from] LinalgError),
}

impl FeatureMap {
    /// K.
    pub fn outputs(&self) -> usize {
        self.weights().nrows()
    }

    /// d.
    pub fn inputs(&self) -> usize {
        self.weights().ncols()
    }

    /// P or W, K × d: what each feature looks at.
    pub fn weights(&self) -> &Mat<f64> {
        match self {
            Self::Linear(weights) | Self::Fourier { frequencies: weights, .. } | Self::Relu { directions: weights } => {
                weights
            }
        }
    }

    /// The features of samples.
    ///
    /// # Shapes      samples: n × d, row-major → out: n × K, row-major, resized
    /// # Cost        n K d multiply-adds
    pub fn apply(&self, samples: &[f32], out: &mut Vec<f64>) {
        let (k, d) = self.weights().shape();
        assert!(samples.len().is_multiple_of(d), "rows of {d} numbers");
        out.resize(samples.len() / d * k, 0.0);
        out.par_chunks_mut(ROWS * k).zip(samples.par_chunks(ROWS * d)).for_each(|(out, samples)| {
            let wide: Vec<f64> = samples.iter().map(|&value| f64::from(value)).collect();
            self.apply_block(&wide, out);
        });
    }

    fn apply_block(&self, samples: &[f64], out: &mut [f64]) {
        let (k, d) = self.weights().shape();
        let n = samples.len() / d;
        let rows = MatRef::from_row_major_slice(samples, n, d);
        let whole = MatMut::from_row_major_slice_mut(out, n, k);
        linalg::product_on_this_thread(whole, Accum::Replace, rows, self.weights().transpose(), 1.0);
        let scale = (2.0 / k as f64).sqrt();
        match self {
            Self::Linear(_) => {}
            Self::Fourier { phases, .. } => {
                for row in out.chunks_exact_mut(k) {
                    row.iter_mut().zip(phases).for_each(|(value, phase)| *value = scale * (*value + phase).cos());
                }
            }
            Self::Relu { .. } => out.iter_mut().for_each(|value| *value = scale * value.max(0.0)),
        }
    }
}

/// The leading eigenvectors of a covariance, one a row.
///
/// # Shapes      covariance: d × d, symmetric → K × d with orthonormal rows
/// # Convention  by descending variance; the largest entry of each row is positive
/// # Errors      [`FeatureError`]: more components than the rank of the numerical support, no share, no variance
/// # Cost        about 9 d³ multiply-adds
pub fn principal_components(covariance: MatRef<'_, f64>, components: Components) -> Result<Mat<f64>, FeatureError> {
    let eigen = linalg::symmetric_eigen(covariance)?;
    let support = support(&eigen.values)?;
    let count = match components {
        Components::Count(0) => return Err(FeatureError::None),
        Components::Count(asked) if asked > support => return Err(FeatureError::TooMany { asked, support }),
        Components::Count(asked) => asked,
        Components::Share(share) if !(share > 0.0 && share <= 1.0) => return Err(FeatureError::Share { share }),
        Components::Share(share) => holding(&eigen.values[..support], share),
    };
    Ok(eigen.vectors.subcols(0, count).transpose().to_owned())
}

/// P with P K Pᵀ = I on the numerical support of K: the leading eigenvectors over the roots of their eigenvalues.
///
/// # Shapes      second_moment: d × d, symmetric positive semidefinite → r × d, r the rank of the support
/// # Errors      [`FeatureError`]
/// # Cost        about 9 d³ multiply-adds
pub fn whitening(second_moment: MatRef<'_, f64>) -> Result<Mat<f64>, FeatureError> {
    let eigen = linalg::symmetric_eigen(second_moment)?;
    let support = support(&eigen.values)?;
    Ok(Mat::from_fn(support, second_moment.ncols(), |i, j| eigen.vectors[(j, i)] / eigen.values[i].sqrt()))
}

fn support(values: &[f64]) -> Result<usize, FeatureError> {
    let largest = values.first().copied().unwrap_or(0.0);
    if largest <= 0.0 {
        return Err(FeatureError::Constant);
    }
    Ok(values.iter().filter(|value| **value > ROUNDING_SHARE * largest).count())
}

/// The fewest leading values that hold a share of the sum.
fn holding(values: &[f64], share: f64) -> usize {
    let total: f64 = values.iter().sum();
    let mut held = 0.0;
    let fewest = values.iter().position(|value| {
        held += value;
        held >= share * total * (1.0 - f64::EPSILON * values.len() as f64)
    });
    fewest.map_or(values.len(), |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: usize, d: usize) -> Vec<f32> {
        (0..n * d).map(|i| ((i * i * 7 + 3 * i) % 97) as f32 / 30.0 - 1.5).collect()
    }

    fn covariance(d: usize) -> Mat<f64> {
        // Rank d − 1: the last coordinate is the sum of the first two.
        let factor = Mat::from_fn(d, 3 * d, |i, j| {
            let own = |i: usize| ((i * 31 + j * j * 17 + i * j) % 23) as f64 / 11.0 - 1.0;
            if i + 1 == d { own(0) + own(1) } else { own(i) }
        });
        linalg::product(factor.as_ref(), factor.transpose())
    }

    #[test]
    fn components_are_orthonormal_and_uncorrelated_by_descending_variance() {
        let covariance = covariance(9);
        let basis = principal_components(covariance.as_ref(), Components::Count(5)).unwrap();
        let gram = linalg::product(basis.as_ref(), basis.transpose());
        let turned = linalg::product(linalg::product(basis.as_ref(), covariance.as_ref()).as_ref(), basis.transpose());
        for i in 0..5 {
            for j in 0..5 {
                assert!((gram[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-13);
                assert!(i == j || turned[(i, j)].abs() < 1e-12 * turned[(0, 0)]);
            }
            assert!(i == 0 || turned[(i, i)] <= turned[(i - 1, i - 1)]);
        }
    }

    #[test]
    fn a_share_takes_the_fewest_components_that_hold_it() {
        let covariance = Mat::from_fn(4, 4, |i, j| if i == j { [4.0, 3.0, 2.0, 1.0][i] } else { 0.0 });
        for (share, count) in [(0.4, 1), (0.401, 2), (0.7, 2), (0.9, 3), (1.0, 4)] {
            let basis = principal_components(covariance.as_ref(), Components::Share(share)).unwrap();
            assert_eq!(basis.nrows(), count, "{share}");
        }
        for share in [0.0, -1.0, 1.5, f64::NAN] {
            assert!(principal_components(covariance.as_ref(), Components::Share(share)).is_err());
        }
    }

    #[test]
    fn whitened_moments_are_the_identity_on_the_support() {
        let moment = covariance(9);
        let basis = whitening(moment.as_ref()).unwrap();
        assert_eq!(basis.shape(), (8, 9));
        let white = linalg::product(linalg::product(basis.as_ref(), moment.as_ref()).as_ref(), basis.transpose());
        for i in 0..8 {
            for j in 0..8 {
                assert!((white[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-10, "({i}, {j})");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let moment = covariance(9);
        let refused = principal_components(moment.as_ref(), Components::Count(9));
        assert_eq!(refused, Err(FeatureError::TooMany { asked: 9, support: 8 }));
        assert_eq!(principal_components(moment.as_ref(), Components::Count(0)), Err(FeatureError::None));
        assert_eq!(whitening(Mat::zeros(3, 3).as_ref()), Err(FeatureError::Constant));
    }

    #[test]
    fn features_are_those_of_their_formulas() {
        let (n, d, k) = (ROWS + 5, 4, 3);
        let input = samples(n, d);
        let weights = Mat::from_fn(k, d, |i, j| ((i * 5 + j * 3) % 7) as f64 / 3.0 - 1.0);
        let phases = vec![0.1, 2.0, 5.0];
        let scale = (2.0f64 / 3.0).sqrt();
        let maps = [
            FeatureMap::Linear(weights.clone()),
            FeatureMap::Fourier { frequencies: weights.clone(), phases: phases.clone() },
            FeatureMap::Relu { directions: weights.clone() },
        ];
        for (kind, map) in maps.iter().enumerate() {
            let mut out = Vec::new();
            map.apply(&input, &mut out);
            assert_eq!((out.len(), map.inputs(), map.outputs()), (n * k, d, k));
            for row in 0..n {
                for feature in 0..k {
                    let inner: f64 = (0..d).map(|j| weights[(feature, j)] * f64::from(input[row * d + j])).sum();
                    let expected = match kind {
                        0 => inner,
                        1 => scale * (inner + phases[feature]).cos(),
                        _ => scale * inner.max(0.0),
                    };
                    assert!((out[row * k + feature] - expected).abs() < 1e-13, "{map:?}");
                }
            }
        }
    }

    #[test]
    fn many_fourier_features_give_the_gaussian_kernel() {
        // A lattice of quasi-random normal numbers by Box–Muller; 4,000 features are good to about 1/√4000.
        let (k, d) = (4000, 2);
        let unit = |i: usize, root: f64| (i as f64 * root).fract().max(1e-9);
        let normal = |i: usize, j: usize| {
            let radius = (-2.0 * unit(i + 1, 2f64.sqrt()).ln()).sqrt();
            let angle = std::f64::consts::TAU * unit(i + 1, 3f64.sqrt());
            radius * if j == 0 { angle.cos() } else { angle.sin() }
        };
        let phases = (0..k).map(|i| std::f64::consts::TAU * unit(i + 1, 5f64.sqrt())).collect();
        let map = FeatureMap::Fourier { frequencies: Mat::from_fn(k, d, normal), phases };
        let mut out = Vec::new();
        map.apply(&[0.3, -0.2, 1.0, 0.5], &mut out);
        let inner: f64 = out[..k].iter().zip(&out[k..]).map(|(a, b)| a * b).sum();
        assert!((inner - (-(0.49f64 + 0.49) / 2.0).exp()).abs() < 0.05, "{inner}");
    }
}
