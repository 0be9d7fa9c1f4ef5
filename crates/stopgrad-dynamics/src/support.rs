//! Where the data lives: the directions in which x has variance, and the moments there.
//!
//! Rows of A at an equilibrium lie in the span of the x (λA = Bᵀ(AY − BAX), and the rows of Y and X lie there), so
//! restricting to the numerical support of X loses no equilibrium and makes X invertible.

use faer::Mat;

use crate::Moments;
use crate::linalg::{LinalgError, SymmetricEigen, frobenius, product, symmetric_eigen};

/// X and Y in the eigenbasis of X, without the directions in which x does not vary.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// ρ: the eigenvalues of X that were kept, descending: k.
    pub variances: Vec<f64>,
    /// Y in that basis: k × k.
    pub cross: Mat<f64>,
    /// The eigenvectors of X that were kept, in columns: m × k.
    pub directions: Mat<f64>,
    /// The relative threshold: kept is what exceeds it times the largest eigenvalue.
    pub threshold: f64,
    /// Directions dropped: m − k.
    pub dropped: usize,
    /// Their share of the variance tr X.
    pub dropped_variance: f64,
    /// The share of |Y|² outside the support: 0 up to rounding where both views live in the same directions.
    pub dropped_cross: f64,
}

/// Moments without a support.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SupportError {
    /// X = 0, or no coordinates.
    #[error("xx has no positive eigenvalue: x never varies; check the source and the view recipe")]
    Empty,
    /// A threshold that is none.
    #[error("the support threshold is {found}; it is a share of the largest eigenvalue, from 0 to below 1")]
    Threshold {
        /// What was given.
        found: f64,
    },
    /// The eigenvalues of X could not be computed.
    #[error(transparent)]
    Eigenvalues(#[from] LinalgError),
}

/// Eigenvalues of X below this share of the largest are taken for rounding: 10⁻¹⁰.
///
/// Sums of 10⁵ products in f64 carry errors near 10⁻¹³ of the largest eigenvalue; three digits more keep what is
/// left usable (a mode at the threshold still has three digits).
pub const DEFAULT_SUPPORT_THRESHOLD: f64 = 1e-10;

impl Support {
    /// The support of X and the moments there.
    ///
    /// # Shapes      moments: m × m → k × k
    /// # Errors      [`SupportError::Empty`], [`SupportError::Threshold`], [`SupportError::Eigenvalues`]
    /// # Cost        one symmetric eigendecomposition and two products
    pub fn new(moments: &Moments, threshold: f64) -> Result<Self, SupportError> {
        if !(0.0..1.0).contains(&threshold) {
            return Err(SupportError::Threshold { found: threshold });
        }
        let m = moments.size();
        let SymmetricEigen { values, vectors } = symmetric_eigen(moments.xx.as_ref())?;
        let largest = values.first().copied().unwrap_or(0.0);
        let kept = values.iter().take_while(|&&value| value > threshold * largest && value > 0.0).count();
        if kept == 0 {
            return Err(SupportError::Empty);
        }
        let directions = vectors.subcols(0, kept).to_owned();
        let right = product(moments.yx.as_ref(), directions.as_ref());
        let cross = product(directions.transpose(), right.as_ref());
        let total: f64 = values.iter().map(|value| value.max(0.0)).sum();
        let lost: f64 = values[kept..].iter().map(|value| value.max(0.0)).sum();
        let (whole, part) = (frobenius(moments.yx.as_ref()), frobenius(cross.as_ref()));
        let dropped_cross = if whole > 0.0 { (1.0 - (part / whole).powi(2)).max(0.0) } else { 0.0 };
        Ok(Self {
            variances: values[..kept].to_vec(),
            cross,
            directions,
            threshold,
            dropped: m - kept,
            dropped_variance: lost / total,
            dropped_cross,
        })
    }

    /// k.
    pub fn size(&self) -> usize {
        self.variances.len()
    }

    /// Other moments of the same coordinates (a half of the data) in this basis: X k × k and Y k × k.
    pub fn project(&self, moments: &Moments) -> (Mat<f64>, Mat<f64>) {
        let both = [&moments.xx, &moments.yx].map(|matrix| {
            let right = product(matrix.as_ref(), self.directions.as_ref());
            product(self.directions.transpose(), right.as_ref())
        });
        let [xx, yx] = both;
        (xx, yx)
    }

    /// Rows in this basis as rows in the coordinates of the moments.
    ///
    /// # Shapes      rows: r × k → r × m
    pub fn lift_rows(&self, rows: &Mat<f64>) -> Mat<f64> {
        product(rows.as_ref(), self.directions.transpose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(xx: Mat<f64>, yx: Mat<f64>) -> Moments {
        Moments::unchecked(xx, yx, None)
    }

    #[test]
    fn a_pixel_that_is_always_zero_is_dropped_and_counted() {
        // The plane of (1, 1, 0)/√2 and (0, 0, 1), with variances 4 and 1.
        let xx = faer::mat![[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
        let yx = faer::mat![[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.5]];
        let support = Support::new(&moments(xx, yx), DEFAULT_SUPPORT_THRESHOLD).expect("a support");
        assert_eq!((support.size(), support.dropped), (2, 1));
        assert!(support.dropped_variance < 1e-14 && support.dropped_cross < 1e-14, "{support:?}");
        let expected = [[2.0, 0.0], [0.0, 0.5]];
        for i in 0..2 {
            assert!((support.variances[i] - [4.0, 1.0][i]).abs() < 1e-14);
            for (j, value) in expected[i].iter().enumerate() {
                assert!((support.cross[(i, j)] - value).abs() < 1e-14);
            }
        }
        let lifted = support.lift_rows(&Mat::identity(2, 2));
        assert!((lifted[(0, 0)] - 0.5f64.sqrt()).abs() < 1e-14 && (lifted[(1, 2)] - 1.0).abs() < 1e-14);
    }

    #[test]
    fn x_that_never_varies_is_refused() {
        let empty = moments(Mat::zeros(2, 2), Mat::zeros(2, 2));
        assert_eq!(Support::new(&empty, 1e-10), Err(SupportError::Empty));
        let refused = Support::new(&moments(Mat::identity(2, 2), Mat::zeros(2, 2)), 1.5);
        assert_eq!(refused, Err(SupportError::Threshold { found: 1.5 }));
    }
}
