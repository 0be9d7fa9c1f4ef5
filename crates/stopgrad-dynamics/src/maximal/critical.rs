//! `λ_crit`: the largest weight decay at which a full-rank equilibrium exists.

use faer::Mat;
use serde::Serialize;

use super::riccati::Riccati;
use super::{Maximal, MaximalParams, Search};
use crate::Support;
use crate::fold::{FoldBracket, FoldParams, Probe, find_fold};
use crate::linalg::{LinalgError, frobenius, symmetric_eigenvalues, symmetric_part};

/// How narrow the bracket of λ_crit shall be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticalParams {
    /// Width of the bracket relative to λ_crit: 5·10⁻⁷, so that 6 digits stand.
    pub relative_width: f64,
    /// Values of λ tried: 60; 6 to 12 are the rule.
    pub max_probes: usize,
    /// The solver at each λ.
    pub maximal: MaximalParams,
}

impl Default for CriticalParams {
    fn default() -> Self {
        Self { relative_width: 5e-7, max_probes: 60, maximal: MaximalParams::default() }
    }
}

impl CriticalParams {
    /// A λ at which nothing was established is no reason to end the search: smaller ones are easier.
    fn fold(&self) -> FoldParams {
        FoldParams { relative_width: self.relative_width, max_probes: self.max_probes, max_unknown: self.max_probes }
    }
}

/// λ_crit of the support.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CriticalDecay {
    /// The fold and its bracket; 0 when Y is singular, where no λ > 0 has a full-rank equilibrium.
    pub fold: FoldBracket,
    /// Whether Y is singular on the support, up to rounding.
    pub cross_singular: bool,
    /// max over b of λ_min(bY − b²X), where it says something (Y symmetric and definite).
    pub bound: Option<f64>,
}

/// Supports larger than this go without the bound, which costs 30 spectra.
const LARGEST_FOR_BOUND: usize = 512;

/// The largest λ with a full-rank equilibrium on the support.
///
/// Probes λ from below, each started from the equilibrium of the one before (which lies above the next), and aims
/// by the law of a fold; ends with an equilibrium at `lower` and evidence of none at `upper`.
///
/// # Errors      [`LinalgError`] when the spectra of the bound fail
/// # Cost        6 to 12 equilibria
pub fn critical_weight_decay(
    support: &Support, params: &CriticalParams, should_stop: &dyn Fn(usize) -> bool,
) -> Result<CriticalDecay, LinalgError> {
    let problem = Riccati::new(support);
    if problem.is_singular() {
        let fold = FoldBracket { value: 0.0, lower: 0.0, upper: 0.0, probes: 0, settled: true };
        return Ok(CriticalDecay { fold, cross_singular: true, bound: None });
    }
    let bound = overdamped_bound(support)?;
    let guess = bound.unwrap_or_else(|| 0.5 * diagonal_guess(support));
    let mut below: Option<Mat<f64>> = None;
    let mut probe = |decay: f64| {
        let end = Search::new(&problem, decay, &params.maximal, should_stop).run(below.as_ref(), true);
        Ok::<_, LinalgError>(match end {
            Maximal::Found(found) => {
                below = Some(found.whitened);
                found.response.map_or(Probe::Unknown, |response| Probe::Alive { response })
            }
            Maximal::Absent { .. } => Probe::Dead,
            Maximal::Unresolved { .. } => Probe::Unknown,
        })
    };
    let fold = find_fold(&mut probe, guess, params.fold())?;
    Ok(CriticalDecay { fold, cross_singular: false, bound })
}

/// max over b of λ_min(bY − b²X): a lower bound of `λ_crit` for symmetric Y; `None` where it says nothing.
///
/// λ_min(bY − b²X) is concave in b and 0 at b = 0, so a section search finds the maximum; it is positive only when Y
/// is definite. `None` as well when Y is not symmetric or has more than 512 rows.
///
/// # Errors      [`LinalgError`]
/// # Cost        30 spectra
/// # Source      docs/theory.md, 3.7 (computed, not proved)
pub fn overdamped_bound(support: &Support) -> Result<Option<f64>, LinalgError> {
    let k = support.size();
    let symmetric = symmetric_part(support.cross.as_ref());
    let skew = frobenius((&symmetric - &support.cross).as_ref());
    if k > LARGEST_FOR_BOUND || skew > 1e-8 * frobenius(symmetric.as_ref()) {
        return Ok(None);
    }
    let flat = |b: f64| -> Vec<f64> {
        (0..k * k)
            .map(|at| {
                let (i, j) = (at / k, at % k);
                b * symmetric[(i, j)] - if i == j { b * b * support.variances[i] } else { 0.0 }
            })
            .collect()
    };
    let smallest = |b: f64| symmetric_eigenvalues(&flat(b), k).map(|values| values[k - 1]);
    // The sign of b is that of a definite Y; |b| beyond |Y|/ρ_min never pays.
    let spectrum = symmetric_eigenvalues(&symmetric_flat(&symmetric), k)?;
    let (top, bottom) = (spectrum[0], spectrum[k - 1]);
    let sign = if bottom > 0.0 {
        1.0
    } else if top < 0.0 {
        -1.0
    } else {
        return Ok(None);
    };
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut low, mut high) = (0.0, top.abs().max(bottom.abs()) / support.variances[k - 1]);
    let mut best = 0.0f64;
    for _ in 0..30 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        let (at_left, at_right) = (smallest(sign * left)?, smallest(sign * right)?);
        best = best.max(at_left).max(at_right);
        if at_left < at_right {
            low = left;
        } else {
            high = right;
        }
    }
    Ok((best > 0.0).then_some(best))
}

fn symmetric_flat(matrix: &Mat<f64>) -> Vec<f64> {
    let k = matrix.nrows();
    (0..k * k).map(|at| matrix[(at / k, at % k)]).collect()
}

/// The smallest τᵢ²/(4ρᵢ) on the diagonal, or a small share of the largest.
fn diagonal_guess(support: &Support) -> f64 {
    let modes = support.variances.iter().enumerate().map(|(i, rho)| support.cross[(i, i)].powi(2) / (4.0 * rho));
    let (low, high) = modes.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    low.max(1e-9 * high).max(f64::MIN_POSITIVE)
}
