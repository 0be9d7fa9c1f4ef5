//! What is watched of the linear case: Ē, F̄, rank, the balance law, invariants of the rotations.

use faer::Mat;

use super::{Flow, FlowEnd, FlowParams, Observer, Progress, Row, newton_correction, norm};
use crate::linalg::{row_products, symmetric_eigenvalues};
use crate::{Field, LinearField};

/// Singular values of A below this part of the largest (or of the trap's radius) are counted as zero.
const RANK_TOLERANCE: f64 = 1e-6;

/// The radius around the origin inside which every trajectory goes to it: |A|, |B|, |C| < λ / |Y| (half for joint).
///
/// Proof for stop-gradient and EMA, with r the largest of the three norms: where |A| = r, d|A|²/2dt =
/// −⟨BA, BAX⟩ + ⟨BA, CY⟩ − λ|A|² ≤ (|Y| r − λ) r² < 0; the same for B; and C follows A. So r falls to 0. Joint adds
/// ⟨A, BAYᵀ⟩, bounded alike, and −⟨A, AV⟩ ≤ 0. (So every non-zero equilibrium has |B| ≥ λ/|Y|.)
pub(crate) fn origin_trap(field: &LinearField) -> f64 {
    let yx = &field.moments.yx;
    let strength: f64 = (0..yx.nrows()).flat_map(|i| (0..yx.ncols()).map(move |j| yx[(i, j)].powi(2))).sum();
    let decay = field.decay_a.min(field.decay_b);
    let share = if field.kind == Field::Joint { 0.5 } else { 1.0 };
    // No predictability, Y = 0: everything decays from everywhere.
    if strength > 0.0 { share * decay / strength.sqrt() } else { f64::INFINITY }
}

/// Follows a linear field from a flat state (docs/theory.md, section 2), with everything that [`LinearObserver`] sees.
///
/// # Panics      when the start is no state of the field, or the field is joint without V
/// # Cost        a step: 6 values of the field and the invariants, together about 20 n m² + 20 n² m multiply-adds
pub fn flow_linear(
    field: &LinearField, start: &[f64], params: FlowParams, should_stop: &mut dyn FnMut(Progress) -> bool,
) -> FlowEnd {
    let observer = LinearObserver::new(field, start);
    Flow { field, observer: &observer, params }.run(start, should_stop)
}

/// Rank of the n × m matrix A, rows first: singular values above 1e-6 of the largest or of `size`.
pub(crate) fn numerical_rank(a: &[f64], n: usize, m: usize, size: f64) -> usize {
    count_rank(&squared_singular_values(a, n, m), size)
}

fn count_rank(values: &[f64], size: f64) -> usize {
    let largest = values.first().map_or(0.0, |v| v.max(0.0).sqrt());
    let floor = RANK_TOLERANCE * largest.max(size);
    values.iter().filter(|v| v.max(0.0).sqrt() > floor).count()
}

/// Eigenvalues of AᵀA, descending, by way of the smaller of AᵀA and AAᵀ; none where A is no number.
fn squared_singular_values(a: &[f64], n: usize, m: usize) -> Vec<f64> {
    let (gram, size) = if n < m { (row_products(a, n, m), n) } else { (gram(a, a, n, m), m) };
    // Eigenvalues of a matrix of finite numbers converge; otherwise the state is no number and has no rank.
    symmetric_eigenvalues(&gram, size).unwrap_or_default()
}

/// PᵀQ of two n × m matrices: m × m.
fn gram(p: &[f64], q: &[f64], n: usize, m: usize) -> Vec<f64> {
    let mut out = vec![0.0; m * m];
    for k in 0..n {
        for i in 0..m {
            for j in 0..m {
                out[i * m + j] += p[k * m + i] * q[k * m + j];
            }
        }
    }
    out
}

/// Observes a [`LinearField`] from a given start.
pub struct LinearObserver<'a> {
    field: &'a LinearField,
    /// D = AAᵀ − (λ_B/λ_A) BᵀB at time 0.
    start_gap: Mat<f64>,
    trap: f64,
}

impl<'a> LinearObserver<'a> {
    /// For a flow of this field from this start.
    pub fn new(field: &'a LinearField, start: &[f64]) -> Self {
        let start_gap = field.balance_gap(start);
        Self { field, start_gap, trap: origin_trap(field) }
    }

    fn parts<'z>(&self, z: &'z [f64]) -> (&'z [f64], &'z [f64], &'z [f64]) {
        let (n, m) = (self.field.width, self.field.moments.size());
        let (a, rest) = z.split_at(n * m);
        let (b, c) = rest.split_at(n * n);
        (a, b, if c.is_empty() { a } else { c })
    }

    /// |D(t) − e^{−2λt} D(0)| / |D(0)|, where the law holds.
    fn gap_error(&self, time: f64, gap: &Mat<f64>) -> Option<f64> {
        let rate = self.field.balance_rate()?;
        let whole = self.start_gap.norm_l2();
        let left = (-rate * time).exp();
        let error = Mat::from_fn(gap.nrows(), gap.ncols(), |i, j| gap[(i, j)] - left * self.start_gap[(i, j)]);
        (whole > 0.0).then(|| error.norm_l2() / whole)
    }
}

impl Observer for LinearObserver<'_> {
    /// Inside the origin's trap everything goes to the origin: corrections need be small beside its radius only.
    fn size_floor(&self) -> f64 {
        if self.trap.is_finite() { self.trap } else { 1.0 }
    }

    /// AᵀA, AᵀBA and, under EMA, AᵀC: equal along an orbit of the rotations, and where A and C share their range and B
    /// has decayed outside it (at every limit) they tell orbits apart.
    fn invariants(&self, z: &[f64], out: &mut Vec<f64>) {
        let (n, m) = (self.field.width, self.field.moments.size());
        let (a, b, c) = self.parts(z);
        let mut ba = vec![0.0; n * m];
        for i in 0..n {
            for k in 0..n {
                for j in 0..m {
                    ba[i * m + j] += b[i * n + k] * a[k * m + j];
                }
            }
        }
        out.clear();
        out.extend(gram(a, a, n, m));
        out.extend(gram(a, &ba, n, m));
        if self.field.kind.has_teacher() {
            out.extend(gram(a, c, n, m));
        }
    }

    fn newton_correction(&self, z: &[f64], slope: &[f64]) -> Option<f64> {
        if let Some(newton) = newton_correction(self.field, z, slope) {
            return Some(newton.size);
        }
        // Too large for a dense Jacobian: the slowest rate is at most −λ (docs/theory.md, 4.2) or the teacher's.
        let field = self.field;
        let slowest = field.decay_a.min(field.decay_b * field.rate_b);
        let slowest = if field.kind.has_teacher() { slowest.min(field.ema_rate) } else { slowest };
        Some(norm(slope) / slowest)
    }

    fn measure(&self, time: f64, z: &[f64], row: &mut Row) {
        let (n, m) = (self.field.width, self.field.moments.size());
        row.s_eigenvalues = squared_singular_values(&z[..n * m], n, m);
        row.rank = Some(count_rank(&row.s_eigenvalues, self.size_floor()));
        let gap = self.field.balance_gap(z);
        row.balance_gap_error = self.gap_error(time, &gap);
        row.balance_gap = Some(gap.norm_l2());
        row.joint_objective = self.field.objective(z);
        row.proxy_objective = self.field.proxy_objective(z);
    }
}
