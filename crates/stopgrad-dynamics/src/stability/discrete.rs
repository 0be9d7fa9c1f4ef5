//! Training in steps at an equilibrium: multipliers of the update map, and how large a step may be.

use crate::linear::newton::compress;
use crate::orbit::Orbit;
use crate::vector_field::dense_jacobian;
use crate::{LinalgError, UpdateMap, VectorField, linalg};

use super::{Spectrum, rounding};

/// Eigenvalues of one training step at an equilibrium, transversally to the orbit.
#[derive(Debug, Clone, PartialEq)]
pub struct Multipliers {
    /// (re, im), by descending modulus.
    pub transversal: Vec<[f64; 2]>,
    /// The largest modulus: below 1 the equilibrium attracts.
    pub spectral_radius: f64,
    /// Dimension of the orbit: multipliers of exactly 1 that symmetry explains.
    pub orbit_dimension: usize,
    /// Moduli within this of 1 are not decided by the linearisation.
    pub tolerance: f64,
}

impl Multipliers {
    /// Whether every transversal multiplier lies inside the unit circle, by more than the tolerance.
    pub fn attracts(&self) -> bool {
        self.spectral_radius < 1.0 - self.tolerance
    }
}

/// The multipliers of a training step at an equilibrium of its field.
///
/// # Shapes      z: the field's dimension, or the map's
/// # Errors      [`LinalgError::EigenvaluesNotConverged`] when the state or the map is not finite
/// # Cost        O(d³)
pub fn multipliers_at(map: &UpdateMap, z: &[f64]) -> Result<Multipliers, LinalgError> {
    if z.iter().any(|x| !x.is_finite()) {
        return Err(LinalgError::EigenvaluesNotConverged { size: z.len() });
    }
    let state = map.extend(&z[..map.field.dimension()]);
    let jacobian = dense_jacobian(map, &state);
    let orbit = Orbit::at(&map.field, &state);
    let mut values = linalg::general_eigenvalues(compress(&orbit.transversal, &jacobian).as_ref())?;
    values.sort_by(|a, b| b.norm().total_cmp(&a.norm()).then(b.re.total_cmp(&a.re)).then(b.im.total_cmp(&a.im)));
    Ok(Multipliers {
        spectral_radius: values.first().map_or(0.0, |value| value.norm()),
        transversal: values.iter().map(|value| [value.re, value.im]).collect(),
        orbit_dimension: orbit.dimension(),
        tolerance: rounding(&jacobian),
    })
}

/// The learning rate below which steps with heavy ball μ attract, from the eigenvalues of the flow (no teacher).
///
/// For an eigenvalue x + iy the multipliers solve z² − (1 + μ + ηλ) z + μ = 0; both lie inside the unit circle iff
/// ηλ lies inside the ellipse with centre −(1 + μ) and half-axes 1 + μ, 1 − μ, so
/// η < −2x/(1 + μ) / (x²/(1 + μ)² + y²/(1 − μ)²); for μ = 0 that is −2x/|λ|². `None` unless all x < 0.
///
/// # Source      the ellipse: z on the unit circle in ηλ = z + μ/z − (1 + μ)
pub fn heavy_ball_limit(eigenvalues: &[[f64; 2]], heavy_ball: f64) -> Option<f64> {
    let (long, short) = (1.0 + heavy_ball, 1.0 - heavy_ball);
    let limits = eigenvalues.iter().map(|&[x, y]| -2.0 * x / long / ((x / long).powi(2) + (y / short).powi(2)));
    eigenvalues.iter().all(|&[x, _]| x < 0.0).then(|| limits.fold(f64::INFINITY, f64::min))
}

/// The largest stable learning rate, and what the multipliers say on both sides of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Steps attract below this rate; `None` where no rate was found that does.
    pub learning_rate: Option<f64>,
    /// Spectral radius at 0.99 of it, from multipliers: below 1.
    pub radius_below: f64,
    /// Spectral radius at 1.01 of it: above 1.
    pub radius_above: f64,
    /// Spectra of the update map computed.
    pub evaluations: usize,
}

/// The learning rate below which training in steps attracts to an equilibrium.
///
/// Without a teacher from the flow's eigenvalues ([`heavy_ball_limit`]); with one by bisection on the multipliers to
/// 1e-6 relative. Both are checked by the multipliers on both sides. The map's own learning rate is the first guess.
/// With a teacher the answer is the end of the interval of stable rates that holds the first stable rate found.
///
/// # Requires    `spectrum`: of the same field at the same state
/// # Errors      [`LinalgError`]
/// # Cost        2 spectra of the map, with a teacher up to about 90
pub fn largest_stable_rate(map: &UpdateMap, z: &[f64], spectrum: &Spectrum) -> Result<RateLimit, LinalgError> {
    let mut evaluations = 0;
    let mut radius = |learning_rate: f64| {
        evaluations += 1;
        multipliers_at(&UpdateMap { learning_rate, ..map.clone() }, z).map(|found| found.spectral_radius)
    };
    let learning_rate = if map.field.kind.has_teacher() {
        bisect(&mut radius, map.learning_rate)?
    } else {
        heavy_ball_limit(&spectrum.transversal_eigenvalues, map.heavy_ball)
    };
    let (radius_below, radius_above) = match learning_rate {
        Some(rate) if rate.is_finite() => (radius(0.99 * rate)?, radius(1.01 * rate)?),
        _ => (f64::NAN, f64::NAN),
    };
    Ok(RateLimit { learning_rate, radius_below, radius_above, evaluations })
}

/// Down by halves to a stable rate, up by doubling to an unstable one, then the middle.
fn bisect(radius: &mut impl FnMut(f64) -> Result<f64, LinalgError>, guess: f64) -> Result<Option<f64>, LinalgError> {
    let mut low = guess;
    for halvings in 0.. {
        if radius(low)? < 1.0 {
            break;
        }
        if halvings == 30 {
            return Ok(None);
        }
        low *= 0.5;
    }
    let mut high = 2.0 * low;
    for _ in 0..60 {
        if radius(high)? >= 1.0 {
            break;
        }
        (low, high) = (high, 2.0 * high);
    }
    while high - low > 1e-6 * high {
        let middle = 0.5 * (low + high);
        if radius(middle)? < 1.0 { low = middle } else { high = middle }
    }
    Ok(Some(low))
}
