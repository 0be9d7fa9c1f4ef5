//! What is watched of the linear case: Ē, F̄, rank, the balance law, invariants of the rotations.

use faer::Mat;

use super::{Observer, Row, newton_correction, norm};
use crate::linalg::symmetric_eigenvalues;
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

/// Rank of the n × m matrix A, rows first: singular values above 1e-6 of the largest or of `size`.
pub(crate) fn numerical_rank(a: &[f64], n: usize, m: usize, size: f64) -> usize {
    let gram = gram(a, a, n, m);
    // Eigenvalues of a few-by-few matrix of finite numbers converge; otherwise the state is no number and has no rank.
    let Ok(values) = symmetric_eigenvalues(&gram, m) else { return 0 };
    let largest = values.first().map_or(0.0, |v| v.max(0.0).sqrt());
    let floor = RANK_TOLERANCE * largest.max(size);
    values.iter().filter(|v| v.max(0.0).sqrt() > floor).count()
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
    /// D = AAᵀ − BᵀB at time 0.
    start_gap: Vec<f64>,
    trap: f64,
}

impl<'a> LinearObserver<'a> {
    /// For a flow of this field from this start.
    pub fn new(field: &'a LinearField, start: &[f64]) -> Self {
        let (n, m) = (field.width, field.moments.size());
        let start_gap = balance_gap(start, n, m);
        Self { field, start_gap, trap: origin_trap(field) }
    }

    fn parts<'z>(&self, z: &'z [f64]) -> (&'z [f64], &'z [f64], &'z [f64]) {
        let (n, m) = (self.field.width, self.field.moments.size());
        let (a, rest) = z.split_at(n * m);
        let (b, c) = rest.split_at(n * n);
        (a, b, if c.is_empty() { a } else { c })
    }

    /// |D(t) − e^{−2λt} D(0)| / |D(0)|, where the law holds: same λ, same rate, not joint.
    fn gap_error(&self, time: f64, z: &[f64]) -> Option<f64> {
        let field = self.field;
        let lawful = field.kind.stops_gradient()
            && field.decay_a.to_bits() == field.decay_b.to_bits()
            && (field.rate_b - 1.0).abs() < f64::EPSILON;
        let whole = norm(&self.start_gap);
        (lawful && whole > 0.0).then(|| {
            let left = (-2.0 * field.decay_a * time).exp();
            let gap = balance_gap(z, field.width, field.moments.size());
            let error: f64 = gap.iter().zip(&self.start_gap).map(|(d, start)| (d - left * start).powi(2)).sum();
            error.sqrt() / whole
        })
    }
}

/// D = AAᵀ − BᵀB.
fn balance_gap(z: &[f64], n: usize, m: usize) -> Vec<f64> {
    let (a, b) = z.split_at(n * m);
    let mut gap = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            let outer: f64 = (0..m).map(|k| a[i * m + k] * a[j * m + k]).sum();
            let inner: f64 = (0..n).map(|k| b[k * n + i] * b[k * n + j]).sum();
            gap[i * n + j] = outer - inner;
        }
    }
    gap
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
        let (a, b, c) = self.parts(z);
        row.rank = Some(numerical_rank(a, n, m, self.size_floor()));
        row.balance_gap_error = self.gap_error(time, z);
        if let Some(yy) = &self.field.moments.yy {
            row.joint_objective = Some(self.objective(a, b, a, yy));
            row.proxy_objective = Some(self.objective(a, b, c, yy));
        }
    }
}

impl LinearObserver<'_> {
    /// ½ E|BAx − Ty|² + λ_A/2 |A|² + λ_B/2 |B|²: Ē with T = A, F̄ with the teacher.
    fn objective(&self, a: &[f64], b: &[f64], target: &[f64], yy: &Mat<f64>) -> f64 {
        let (n, m) = (self.field.width, self.field.moments.size());
        let moments = &self.field.moments;
        let mut error = 0.0;
        for i in 0..n {
            let predicted: Vec<f64> = (0..m).map(|j| (0..n).map(|k| b[i * n + k] * a[k * m + j]).sum()).collect();
            let wanted = &target[i * m..][..m];
            for j in 0..m {
                for k in 0..m {
                    error += predicted[j] * moments.xx[(j, k)] * predicted[k]
                        - 2.0 * wanted[j] * moments.yx[(j, k)] * predicted[k]
                        + wanted[j] * yy[(j, k)] * wanted[k];
                }
            }
        }
        0.5 * (error + self.field.decay_a * norm(a).powi(2) + self.field.decay_b * norm(b).powi(2))
    }
}
