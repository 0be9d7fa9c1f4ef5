//! Does an equilibrium attract? The spectrum of the linearisation with the rotations taken out.
//!
//! "Stable" can only mean stable transversally to the orbit: the orbit's own zeros are removed by restriction to its
//! orthogonal complement, not by looking for small eigenvalues, which would mistake a fold for a symmetry. The
//! tangent space is invariant (J maps it to 0), so QᵀJQ on the complement has exactly the other eigenvalues.
//!
//! Reading order: [`spectrum_at`] (flows), [`spectrum_by_rank_at`] (the same for less), [`multipliers_at`] and [`largest_stable_rate`] (training in
//! steps), [`rightmost_spectrum_at`] (beyond a few thousand unknowns).

mod discrete;
mod large;
mod width;

pub use discrete::{Multipliers, RateLimit, heavy_ball_limit, largest_stable_rate, multipliers_at};
pub use large::{RightmostSpectrum, rightmost_spectrum_at};
pub use width::spectrum_by_rank_at;

use faer::{Accum, Mat, c64};
use serde::{Deserialize, Serialize};

use crate::linear::newton::compress;
use crate::orbit::Orbit;
use crate::statistics::squared_norm;
use crate::vector_field::dense_jacobian;
use crate::{LinalgError, LinearField, linalg};

/// What the linearisation says of an equilibrium, transversally to its orbit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stability {
    /// Every transversal eigenvalue has a negative real part.
    Attracting,
    /// Some have positive real parts and none is on the axis.
    Saddle,
    /// A real part is within the tolerance of 0: the linearisation does not decide (or not alone, where
    /// `unstable_dimensions` is above 0).
    Degenerate,
}

/// The spectrum at an equilibrium; the names are those of the files (docs/formats.md).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// The verdict.
    pub stability: Stability,
    /// Transversal eigenvalues with real part above `tolerance`.
    pub unstable_dimensions: usize,
    /// Dimension of the orbit: zeros of the Jacobian that symmetry explains.
    pub orbit_dimension: usize,
    /// All other eigenvalues, (re, im), by descending real part.
    pub transversal_eigenvalues: Vec<[f64; 2]>,
    /// The largest transversal real part; −∞ where there is no transversal direction.
    pub leading_rate: f64,
    /// Transversal eigenvalues of modulus up to `tolerance`: 0 unless a bifurcation adds one.
    pub extra_zeros: usize,
    /// Real parts up to this size count as 0: 100 d roundings of |J|, and what the state's distance from an exact
    /// equilibrium shows as |J T|, T the orbit's tangents (0 at an exact one).
    pub tolerance: f64,
    /// |v| at the state: the verdict is about an equilibrium only if this is small.
    pub residual: f64,
}

impl Spectrum {
    /// Zero eigenvalues of the full Jacobian: those of the orbit and the extra ones.
    pub fn zero_eigenvalues(&self) -> usize {
        self.orbit_dimension + self.extra_zeros
    }
}

/// The transversal spectrum of a field at an equilibrium, by dense decompositions.
///
/// # Shapes      z: d, a flat state
/// # Errors      [`LinalgError::EigenvaluesNotConverged`] when the state or its Jacobian is not finite
/// # Cost        O(d³) time, 5 d² numbers of memory: to a few thousand unknowns
pub fn spectrum_at(field: &LinearField, z: &[f64]) -> Result<Spectrum, LinalgError> {
    if z.iter().any(|x| !x.is_finite()) {
        return Err(LinalgError::EigenvaluesNotConverged { size: z.len() });
    }
    let jacobian = dense_jacobian(field, z);
    let orbit = Orbit::at(field, z);
    let eigenvalues = linalg::general_eigenvalues(compress(&orbit.transversal, &jacobian).as_ref())?;
    let tolerance = rounding(&jacobian) + moved_by(&jacobian, &orbit.tangent);
    Ok(judge(&eigenvalues, orbit.dimension(), tolerance, field.residual(z)))
}

/// The verdict on a list of transversal eigenvalues, by descending real part.
fn judge(eigenvalues: &[c64], orbit_dimension: usize, tolerance: f64, residual: f64) -> Spectrum {
    let unstable_dimensions = eigenvalues.iter().filter(|value| value.re > tolerance).count();
    let undecided = eigenvalues.iter().any(|value| value.re.abs() <= tolerance);
    let stability = match (undecided, unstable_dimensions) {
        (true, _) => Stability::Degenerate,
        (false, 0) => Stability::Attracting,
        (false, _) => Stability::Saddle,
    };
    Spectrum {
        stability,
        unstable_dimensions,
        orbit_dimension,
        transversal_eigenvalues: eigenvalues.iter().map(|value| [value.re, value.im]).collect(),
        leading_rate: eigenvalues.first().map_or(f64::NEG_INFINITY, |value| value.re),
        extra_zeros: eigenvalues.iter().filter(|value| value.norm() <= tolerance).count(),
        tolerance,
        residual,
    }
}

/// 100 d ε |J|: a bound of what rounding does to a simple eigenvalue whose condition is below 100.
fn rounding(jacobian: &Mat<f64>) -> f64 {
    100.0 * f64::EPSILON * jacobian.nrows() as f64 * frobenius(jacobian)
}

/// |J T|.
fn moved_by(jacobian: &Mat<f64>, tangent: &Mat<f64>) -> f64 {
    let mut moved = Mat::<f64>::zeros(tangent.nrows(), tangent.ncols());
    linalg::multiply(moved.as_mut(), Accum::Replace, jacobian.as_ref(), tangent.as_ref(), 1.0);
    frobenius(&moved)
}

fn frobenius(matrix: &Mat<f64>) -> f64 {
    let columns: Vec<f64> = matrix.col_iter().map(|c| squared_norm(&c.iter().copied().collect::<Vec<_>>())).collect();
    crate::statistics::sum_fixed(&columns).sqrt()
}

#[cfg(test)]
mod tests;
