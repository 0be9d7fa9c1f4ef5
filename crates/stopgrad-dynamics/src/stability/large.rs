//! The same question where no matrix of the Jacobian fits: the rightmost eigenvalues from products.

use super::width::Reduced;
use super::{Spectrum, judge};
use crate::krylov::{KrylovParams, KrylovSpectrum, extreme_eigenvalues};
use crate::orbit::{Gauge, orbit_dimension};
use crate::{Field, LinalgError, LinearField, VectorField};

use faer::c64;

/// The rightmost transversal eigenvalues at an equilibrium, and how they were found.
#[derive(Debug, Clone, PartialEq)]
pub struct RightmostSpectrum {
    /// As [`super::spectrum_at`], of the eigenvalues found: `unstable_dimensions` and `extra_zeros` count among them,
    /// and real parts up to the largest residual count as 0.
    pub spectrum: Spectrum,
    /// Residuals, products and the reason for the end: the verdict stands only if it is `Confirmed` or `WholeSpace`.
    pub search: KrylovSpectrum,
    /// Numerical rank of A.
    pub rank: usize,
}

/// The rightmost transversal eigenvalues of a field at an equilibrium, from products.
///
/// Searched for in the r dimensions that the equilibrium fills; those of the spare dimensions are known
/// ([`super::spectrum_by_rank_at`]) and are merged. Singular values of A up to `rank_floor` count as 0. A residual
/// bounds the error of an eigenvalue up to the eigenvalue's condition, which is not known here.
///
/// # Shapes      z: d, a flat state
/// # Errors      [`LinalgError::EigenvaluesNotConverged`] when the state is not finite
/// # Cost        products as in [`extreme_eigenvalues`], each O(r m² + r² m + r³); `basis` · (r m + r²) numbers
pub fn rightmost_spectrum_at(
    field: &LinearField, z: &[f64], rank_floor: f64, params: KrylovParams,
) -> Result<RightmostSpectrum, LinalgError> {
    if z.iter().any(|x| !x.is_finite()) {
        return Err(LinalgError::EigenvaluesNotConverged { size: z.len() });
    }
    let reduced = if field.kind == Field::Joint { None } else { Some(Reduced::at(field, z, rank_floor)?) };
    let (search, rank) = match &reduced {
        Some(Reduced { core: None, .. }) => (KrylovSpectrum::of_nothing(), 0),
        Some(Reduced { core: Some((field, state)), .. }) => search(field, state, rank_floor, params)?,
        None => search(field, z, rank_floor, params)?,
    };
    let mut values: Vec<c64> = search.eigenvalues.iter().map(|ritz| c64::new(ritz.value[0], ritz.value[1])).collect();
    let wanted = values.len().max(params.wanted);
    values.extend(reduced.iter().flat_map(|reduced| reduced.spare_values(wanted)));
    values.sort_by(|a, b| b.re.total_cmp(&a.re).then(b.im.total_cmp(&a.im)));
    values.truncate(wanted);
    let tolerance = search.eigenvalues.iter().map(|ritz| ritz.residual).fold(0.0, f64::max)
        + 100.0 * f64::EPSILON * search.scale * (z.len() as f64).sqrt();
    let spectrum = judge(&values, orbit_dimension(field.width, rank), tolerance, field.residual(z));
    Ok(RightmostSpectrum { spectrum, search, rank })
}

/// The end of the spectrum besides the orbit's zeros, and the rank.
fn search(
    field: &LinearField, z: &[f64], rank_floor: f64, params: KrylovParams,
) -> Result<(KrylovSpectrum, usize), LinalgError> {
    let gauge = Gauge::at(field, z, rank_floor)?;
    let found = extreme_eigenvalues(z.len(), &|x, out| field.jvp(z, x, out), &|x| gauge.project(x), params);
    Ok((found, gauge.rank()))
}
