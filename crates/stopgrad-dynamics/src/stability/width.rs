//! An equilibrium of rank r in n > r dimensions is as stable as in r: what the spare dimensions add is known.
//!
//! With A = [P; 0], B = diag(b, 0) the linearisation falls apart (n − r spare rows, ρ = `rate_b`). A spare row of A, α,
//! and a spare column of B, δ, obey α' = −λ_A α − Rᵀδ, δ' = −ρ(R α + λ_B δ); BᵀR = −λ_A A and the balance
//! λ_B BᵀB = λ_A AAᵀ give RRᵀ = λ_A λ_B I, so their eigenvalues are 0 (r times a row: the orbit), −(λ_A + ρλ_B)
//! (r times) and −λ_A (m − r times). A spare row of B is driven by them and decays with −ρ(PXPᵀ + λ_B); the spare
//! corner of B with −ρλ_B; a spare row of the teacher with −γ. None is positive: the spare dimensions neither help
//! nor harm. (Proved here; the tests hold it against the whole Jacobian.)

use faer::{Accum, Mat, c64};

use super::{Spectrum, judge, spectrum_at};
use crate::orbit::orbit_dimension;
use crate::{Field, LinalgError, LinearField, LinearState, linalg};

/// A rank-r equilibrium of stop-gradient or EMA in r dimensions, and the eigenvalues of the spare ones.
pub(super) struct Reduced {
    /// Field and state of width r; none at the origin.
    pub(super) core: Option<(LinearField, Vec<f64>)>,
    pub(super) rank: usize,
    /// Eigenvalues of the spare directions with their multiplicities, without the orbit's zeros.
    pub(super) spare: Vec<(f64, usize)>,
}

impl Reduced {
    /// Singular values of A up to `floor` count as 0.
    pub(super) fn at(field: &LinearField, z: &[f64], floor: f64) -> Result<Self, LinalgError> {
        let [n, m, _, _] = field.sizes();
        let state = LinearState::from_flat(z, n, m);
        let vectors = linalg::singular_vectors(state.a.as_ref())?;
        let rank = vectors.values.iter().filter(|&&value| value > floor).count();
        let basis = vectors.left.subcols(0, rank);
        let spare_rows = n - rank;
        let mut spare = vec![
            (-field.decay_a, (m - rank) * spare_rows),
            (-field.rate_b * field.decay_b, spare_rows * spare_rows),
            (-(field.decay_a + field.rate_b * field.decay_b), rank * spare_rows),
        ];
        if field.kind.has_teacher() {
            spare.push((-field.ema_rate, m * spare_rows));
        }
        if rank == 0 {
            return Ok(Self { core: None, rank, spare });
        }
        let rows = |matrix: &Mat<f64>| product(basis.transpose(), matrix.as_ref());
        let a = rows(&state.a);
        let kernel = product(product(a.as_ref(), field.moments.xx.as_ref()).as_ref(), a.transpose());
        let kernel: Vec<f64> = (0..rank * rank).map(|k| kernel[(k / rank, k % rank)]).collect();
        for value in linalg::symmetric_eigenvalues(&kernel, rank)? {
            spare.push((-field.rate_b * (value + field.decay_b), spare_rows));
        }
        let b = product(rows(&state.b).as_ref(), basis);
        let core = LinearState { a, b, c: state.c.as_ref().map(rows) }.to_flat();
        let mut narrow = field.clone();
        narrow.width = rank;
        Ok(Self { core: Some((narrow, core)), rank, spare })
    }

    /// The spare eigenvalues one by one, at most `limit` of each kind.
    pub(super) fn spare_values(&self, limit: usize) -> impl Iterator<Item = c64> {
        self.spare.iter().flat_map(move |&(value, count)| std::iter::repeat_n(c64::new(value, 0.0), count.min(limit)))
    }
}

/// The transversal spectrum as [`spectrum_at`], by way of the r dimensions that an equilibrium of rank r fills.
///
/// The same numbers for less: r m + r² unknowns (and r m more under EMA) in place of n m + n². Singular values of A up
/// to `rank_floor` count as 0. The joint field is left to [`spectrum_at`].
///
/// # Requires    an equilibrium, to a residual far below `rank_floor`
/// # Errors      [`LinalgError::EigenvaluesNotConverged`] when the state or its Jacobian is not finite
/// # Cost        O((r m + r²)³)
pub fn spectrum_by_rank_at(field: &LinearField, z: &[f64], rank_floor: f64) -> Result<Spectrum, LinalgError> {
    if field.kind == Field::Joint {
        return spectrum_at(field, z);
    }
    let reduced = Reduced::at(field, z, rank_floor)?;
    let core = reduced.core.as_ref().map(|(field, state)| spectrum_at(field, state)).transpose()?;
    let mut values: Vec<c64> = reduced.spare_values(usize::MAX).collect();
    let mut tolerance = 100.0 * f64::EPSILON * z.len() as f64 * field.decay_a.max(field.rate_b * field.decay_b);
    if let Some(core) = &core {
        values.extend(core.transversal_eigenvalues.iter().map(|&[re, im]| c64::new(re, im)));
        tolerance = tolerance.max(core.tolerance);
    }
    values.sort_by(|a, b| b.re.total_cmp(&a.re).then(b.im.total_cmp(&a.im)));
    Ok(judge(&values, orbit_dimension(field.width, reduced.rank), tolerance, field.residual(z)))
}

fn product(left: faer::MatRef<'_, f64>, right: faer::MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::<f64>::zeros(left.nrows(), right.ncols());
    linalg::multiply(out.as_mut(), Accum::Replace, left, right, 1.0);
    out
}
