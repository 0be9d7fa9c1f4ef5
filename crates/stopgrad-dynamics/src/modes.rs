//! The modes of a pair of views: directions in which X and Y are nearly diagonal together, and when each dies.
//!
//! One mode alone with variance ρ and cross-covariance τ lives up to λ = τ²/(4ρ) (docs/theory.md, 3.9). Where X and Y
//! do not commute this is a guess, from which searches start and by which modes are ordered.
//! The basis is that of bY − b²X with b half the mean regression coefficient: there its eigenvalues are τ²/(4ρ) to
//! second order, it is orthonormal, and directions that are alike are ordered by what they carry. Rejected: the
//! pencil (Y, X), whose eigenvectors mix directions of large and small variance where both are equally predictable.

use faer::Mat;

use crate::Support;
use crate::linalg::{LinalgError, frobenius, product, symmetric_eigen, symmetric_part};

/// One direction with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Mode {
    /// The unit vector, in the eigenbasis of X: k.
    pub direction: Vec<f64>,
    /// ρ = wᵀXw.
    pub variance: f64,
    /// τ = wᵀYw.
    pub cross: f64,
}

impl Mode {
    /// τ²/(4ρ): the λ up to which it lives alone.
    pub fn critical_weight_decay(&self) -> f64 {
        self.cross.powi(2) / (4.0 * self.variance)
    }

    /// (|τ| + √(τ² − 4ρλ))/(2ρ): its attracting size at λ; `None` when it is dead.
    pub fn outer_root(&self, weight_decay: f64) -> Option<f64> {
        let discriminant = self.cross.powi(2) - 4.0 * self.variance * weight_decay;
        (discriminant >= 0.0).then(|| (self.cross.abs() + discriminant.sqrt()) / (2.0 * self.variance))
    }
}

/// The k modes of a support, the longest-lived first.
///
/// # Errors      [`LinalgError`]
/// # Cost        one symmetric eigendecomposition, two products
pub fn modes(support: &Support) -> Result<Vec<Mode>, LinalgError> {
    let xx = Mat::from_fn(support.size(), support.size(), |i, j| if i == j { support.variances[i] } else { 0.0 });
    modes_of(&xx, &support.cross)
}

/// The modes of X and Y, the longest-lived first.
///
/// # Shapes      xx, yx: k × k, X positive definite
/// # Errors      [`LinalgError`]
pub fn modes_of(xx: &Mat<f64>, yx: &Mat<f64>) -> Result<Vec<Mode>, LinalgError> {
    let k = xx.nrows();
    let cross = symmetric_part(yx.as_ref());
    let trace: f64 = (0..k).map(|i| cross[(i, i)]).sum();
    let b = 0.5 * (frobenius(cross.as_ref()) / frobenius(xx.as_ref())).copysign(trace);
    let pencil = Mat::from_fn(k, k, |i, j| b * cross[(i, j)] - b * b * xx[(i, j)]);
    let vectors = symmetric_eigen(pencil.as_ref())?.vectors;
    let (x_of, y_of) = (product(xx.as_ref(), vectors.as_ref()), product(cross.as_ref(), vectors.as_ref()));
    let along = |image: &Mat<f64>, at: usize| (0..k).map(|i| vectors[(i, at)] * image[(i, at)]).sum::<f64>();
    let mut modes: Vec<Mode> = (0..k)
        .map(|at| Mode {
            direction: (0..k).map(|i| vectors[(i, at)]).collect(),
            variance: along(&x_of, at),
            cross: along(&y_of, at),
        })
        .collect();
    modes.sort_by(|a, b| b.critical_weight_decay().total_cmp(&a.critical_weight_decay()));
    Ok(modes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commuting_views_give_their_common_basis_in_order_of_death() {
        // ρ = 1, 2, 4 and τ = 1, 1, 2.4: τ²/4ρ = 0.25, 0.125, 0.36.
        let xx = faer::mat![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0]];
        let yx = faer::mat![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.4]];
        let modes = modes_of(&xx, &yx).expect("finite");
        let deaths: Vec<f64> = modes.iter().map(Mode::critical_weight_decay).collect();
        for (death, expected) in deaths.iter().zip([0.36, 0.25, 0.125]) {
            assert!((death - expected).abs() < 1e-14, "{deaths:?}");
        }
        assert!((modes[0].direction[2].abs() - 1.0).abs() < 1e-14);
        let root = modes[1].outer_root(0.09).expect("alive");
        assert!((root - 0.9).abs() < 1e-14 && modes[1].outer_root(0.26).is_none());
    }
}
