//! Equilibria of rank r as a square system with the user's own X, Y, λ: what certificates speak about.
//!
//! S = V Ŝ Vᵀ, where V (m × r) has the identity in r chosen rows and unknowns in the others. S is an equilibrium of
//! rank r iff Ŝ is regular and Vᵀ G(S) = 0, G(S) = (XS + λ)(SX + λ) − YᵀSY (docs/theory.md, 3.4). With k = VᵀXVŜ + λ
//! this is E = k (VᵀVŜVᵀX + λVᵀ) − (VᵀYV)ᵀŜ VᵀY = 0, r × m; EV is symmetric, so the columns outside the chosen rows and
//! the upper triangle of the chosen ones are enough: r(r + 1)/2 + r(m − r) equations in as many unknowns.

use faer::c64;

use super::block::packed;
use super::ring::{Dense, Ring};

/// X, Y, λ: exact numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactMoments {
    /// m.
    pub size: usize,
    /// X by rows.
    pub xx: Vec<f64>,
    /// Y by rows.
    pub yx: Vec<f64>,
    /// λ.
    pub weight_decay: f64,
}

/// Which rows of V are the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chart {
    pub(crate) size: usize,
    pub(crate) pivots: Vec<usize>,
}

impl Chart {
    /// V = I: full rank.
    pub(crate) fn full(size: usize) -> Self {
        Self { size, pivots: (0..size).collect() }
    }

    pub(crate) fn rank(&self) -> usize {
        self.pivots.len()
    }

    /// N.
    pub(crate) fn unknowns(&self) -> usize {
        let r = self.rank();
        r * (r + 1) / 2 + r * (self.size - r)
    }

    /// The rows that hold unknowns.
    fn others(&self) -> Vec<usize> {
        (0..self.size).filter(|row| !self.pivots.contains(row)).collect()
    }

    /// (V, Ŝ) of a point: first the upper triangle of Ŝ, then the rows of V.
    pub(crate) fn parts<R: Ring>(&self, x: &[R]) -> (Dense<R>, Dense<R>) {
        let r = self.rank();
        let s = Dense::from_fn(r, r, |i, j| x[packed(i.min(j), i.max(j), r)]);
        let mut v = Dense::zeros(self.size, r);
        for (column, &row) in self.pivots.iter().enumerate() {
            v.data[row * r + column] = R::real(1.0);
        }
        for (place, row) in self.others().into_iter().enumerate() {
            for column in 0..r {
                v.data[row * r + column] = x[r * (r + 1) / 2 + place * r + column];
            }
        }
        (v, s)
    }

    /// S of a point: m × m.
    pub(crate) fn s<R: Ring>(&self, x: &[R]) -> Dense<R> {
        let (v, s) = self.parts(x);
        v.times(&s).times(&v.transposed())
    }

    /// The chart and the point of a symmetric matrix of rank r: rows by complete pivoting, V = S·ⱼ S_{JJ}⁻¹.
    ///
    /// `None` where fewer than r pivots are there.
    pub(crate) fn of(s: &Dense<c64>, rank: usize) -> Option<(Self, Vec<c64>)> {
        let size = s.rows;
        if rank == size {
            let chart = Self::full(size);
            let x = (0..size).flat_map(|i| (i..size).map(move |j| s.at(i, j))).collect();
            return Some((chart, x));
        }
        let mut pivots = pivot_rows(s, rank)?;
        pivots.sort_unstable();
        let chart = Self { size, pivots };
        let block = Dense::from_fn(rank, rank, |i, j| s.at(chart.pivots[i], chart.pivots[j]));
        let inverse = inverted(&block)?;
        let others = chart.others();
        let rows = Dense::from_fn(others.len(), rank, |i, j| s.at(others[i], chart.pivots[j])).times(&inverse);
        let mut x: Vec<c64> =
            (0..rank).flat_map(|i| (i..rank).map(move |j| (i, j))).map(|(i, j)| block.at(i, j)).collect();
        x.extend(rows.data);
        Some((chart, x))
    }
}

/// Rows whose principal block is well conditioned: those that span the most, one after the other.
fn pivot_rows(s: &Dense<c64>, rank: usize) -> Option<Vec<usize>> {
    let mut rest = s.clone();
    let size = s.rows;
    let mut pivots = Vec::new();
    for _ in 0..rank {
        let free = (0..size).filter(|row| !pivots.contains(row));
        let norm = |row: usize| (0..size).map(|j| rest.at(row, j).norm_sqr()).sum::<f64>();
        let best = free.map(|row| (norm(row), row)).max_by(|a, b| a.0.total_cmp(&b.0))?;
        if best.0 <= 0.0 || !best.0.is_finite() {
            return None;
        }
        // The row's direction is taken out of all rows.
        let row: Vec<c64> = (0..size).map(|j| rest.at(best.1, j)).collect();
        for i in 0..size {
            let inner: c64 = (0..size).map(|j| rest.at(i, j) * row[j].conj()).sum();
            let factor = inner / best.0;
            for (j, entry) in row.iter().enumerate() {
                rest.data[i * size + j] -= factor * entry;
            }
        }
        pivots.push(best.1);
    }
    Some(pivots)
}

/// The moments in a frame A, S = A S' Aᵀ: AᵀXA, AᵀA, AᵀYA, in which the equations are
/// (X'S' + λ) K (S'X' + λ) − Y'ᵀS'Y' = 0; without a frame K = 1.
///
/// At full rank they may stand multiplied by Q ≈ X'⁻¹ from the left and Qᵀ from the right: X' ≈ 1, L = λQ. Rows then are
/// those of T W T − MᵀTM + C, whose sizes are alike, where products with X' mix large rows and small ones.
#[derive(Debug, Clone)]
pub(crate) struct Framed<R> {
    x: Dense<R>,
    k: Dense<R>,
    y: Dense<R>,
    decay: R,
    l: Dense<R>,
}

impl ExactMoments {
    /// The moments over a ring, in a frame.
    pub(crate) fn framed<R: Ring>(&self, frame: Option<&Dense<c64>>) -> Framed<R> {
        let size = self.size;
        let matrix = |data: &[f64]| Dense::from_fn(size, size, |i, j| R::real(data[i * size + j]));
        let (x, y, decay) = (matrix(&self.xx), matrix(&self.yx), R::real(self.weight_decay));
        let l = Dense::zeros(size, size).shifted(decay);
        let Some(frame) = frame else {
            return Framed { x, k: Dense::zeros(size, size).shifted(R::real(1.0)), y, decay, l };
        };
        let a = lifted(frame);
        let at = a.transposed();
        // X symmetric to the last bit, so that the frame's is too.
        let symmetric = |matrix: Dense<R>| Dense::from_fn(size, size, |i, j| matrix.at(i.min(j), i.max(j)));
        let (x, y) = (symmetric(at.times(&x).times(&a)), at.times(&y).times(&a));
        Framed { x, k: symmetric(at.times(&a)), y, decay, l }
    }
}

/// A matrix of exact numbers over a ring.
pub(crate) fn lifted<R: Ring>(matrix: &Dense<c64>) -> Dense<R> {
    Dense::from_fn(matrix.rows, matrix.columns, |i, j| R::complex(matrix.at(i, j)))
}

impl<R: Ring> Framed<R> {
    /// In other numbers.
    pub(crate) fn map<T: Ring>(&self, each: impl Fn(R) -> T) -> Framed<T> {
        let matrix = |m: &Dense<R>| Dense::from_fn(m.rows, m.columns, |i, j| each(m.at(i, j)));
        Framed {
            x: matrix(&self.x),
            k: matrix(&self.k),
            y: matrix(&self.y),
            decay: each(self.decay),
            l: matrix(&self.l),
        }
    }

    /// AᵀXA.
    pub(crate) fn x(&self) -> &Dense<R> {
        &self.x
    }

    /// The equations of full rank times Q from the left and Qᵀ from the right.
    pub(crate) fn scaled(&self, q: &Dense<R>) -> Self {
        let (x, y, l) = (q.times(&self.x), self.y.times(&q.transposed()), q.clone().scaled(self.decay));
        Self { x, y, l, k: self.k.clone(), decay: self.decay }
    }

    /// (XS + L) K (SXᵀ + Lᵀ) − YᵀSY.
    pub(crate) fn equation(&self, s: &Dense<R>) -> Dense<R> {
        let left = self.x.times(s).plus(&self.l);
        let gained = left.times(&self.k).times(&left.transposed());
        gained.minus(&self.y.transposed().times(s).times(&self.y))
    }

    /// The N equations at a point of a chart.
    pub(crate) fn residual(&self, chart: &Chart, x: &[R]) -> Vec<R> {
        if chart.rank() == chart.size {
            return equations(chart, &self.equation(&chart.s(x)));
        }
        let parts = Parts::new(self, chart, x);
        equations(chart, &parts.k.times(&parts.inner).minus(&parts.z.times(&parts.g)))
    }

    /// Their Jacobian: rows are equations, columns unknowns.
    pub(crate) fn jacobian(&self, chart: &Chart, x: &[R]) -> Dense<R> {
        if chart.rank() == chart.size {
            return full_jacobian(self, &chart.s(x));
        }
        let parts = Parts::new(self, chart, x);
        let n = chart.unknowns();
        let mut out = Dense::zeros(n, n);
        for unknown in 0..n {
            let column = equations(chart, &parts.derivative(self, chart, unknown));
            for (row, entry) in column.into_iter().enumerate() {
                out.data[row * n + unknown] = entry;
            }
        }
        out
    }
}

/// The entries of E that are equations: in the chosen columns the upper triangle, in the others all.
fn equations<R: Ring>(chart: &Chart, e: &Dense<R>) -> Vec<R> {
    let r = chart.rank();
    let mut out = Vec::with_capacity(chart.unknowns());
    for i in 0..r {
        for j in i..r {
            out.push(e.at(i, chart.pivots[j]));
        }
    }
    for column in chart.others() {
        for i in 0..r {
            out.push(e.at(i, column));
        }
    }
    out
}

/// J of full rank: E ↦ (XE) K (SXᵀ + Lᵀ) + (XS + L) K (EXᵀ) − YᵀEY.
fn full_jacobian<R: Ring>(lifted: &Framed<R>, s: &Dense<R>) -> Dense<R> {
    let m = s.rows;
    let n = m * (m + 1) / 2;
    let (x, y) = (&lifted.x, &lifted.y);
    let k = x.times(s).plus(&lifted.l).times(&lifted.k);
    let mut out = Dense::zeros(n, n);
    for a in 0..m {
        for b in a..m {
            let row = packed(a, b, m) * n;
            for i in 0..m {
                for j in i..m {
                    // E = eᵢeⱼᵀ: X_ai K_bj + K_ai X_bj − Y_ia Y_jb, and with i and j exchanged.
                    let one = |i: usize, j: usize| {
                        x.at(a, i) * k.at(b, j) + k.at(a, i) * x.at(b, j) - y.at(i, a) * y.at(j, b)
                    };
                    out.data[row + packed(i, j, m)] = if i == j { one(i, j) } else { one(i, j) + one(j, i) };
                }
            }
        }
    }
    out
}

/// What E is made of at a point.
struct Parts<R> {
    v: Dense<R>,
    s: Dense<R>,
    /// XV, YV, KV, m × r.
    xv: Dense<R>,
    yv: Dense<R>,
    kv: Dense<R>,
    /// VŜ.
    q: Dense<R>,
    k: Dense<R>,
    /// VᵀKVŜ.
    n: Dense<R>,
    inner: Dense<R>,
    z: Dense<R>,
    g: Dense<R>,
}

impl<R: Ring> Parts<R> {
    fn new(lifted: &Framed<R>, chart: &Chart, x: &[R]) -> Self {
        let (v, s) = chart.parts(x);
        let (xv, yv, kv) = (lifted.x.times(&v), lifted.y.times(&v), lifted.k.times(&v));
        let q = v.times(&s);
        let k = xv.transposed().times(&q).shifted(lifted.decay);
        let n = kv.transposed().times(&q);
        let inner = n.times(&xv.transposed()).plus(&kv.transposed().scaled(lifted.decay));
        let z = yv.transposed().times(&q);
        let g = v.transposed().times(&lifted.y);
        Self { v, s, xv, yv, kv, q, k, n, inner, z, g }
    }

    /// ∂E/∂xᵤ.
    fn derivative(&self, lifted: &Framed<R>, chart: &Chart, unknown: usize) -> Dense<R> {
        let r = chart.rank();
        let triangle = r * (r + 1) / 2;
        let mut unit = vec![R::real(0.0); chart.unknowns()];
        unit[unknown] = R::real(1.0);
        let (mut dv, ds) = chart.parts(&unit);
        if unknown < triangle {
            let dq = self.v.times(&ds);
            let dk = self.xv.transposed().times(&dq);
            let dn = self.kv.transposed().times(&dq);
            let dinner = dn.times(&self.xv.transposed());
            let dz = self.yv.transposed().times(&dq);
            return dk.times(&self.inner).plus(&self.k.times(&dinner)).minus(&dz.times(&self.g));
        }
        for (column, &row) in chart.pivots.iter().enumerate() {
            dv.data[row * r + column] = R::real(0.0);
        }
        let (dxv, dyv, dkv) = (lifted.x.times(&dv), lifted.y.times(&dv), lifted.k.times(&dv));
        let dq = dv.times(&self.s);
        let dk = dxv.transposed().times(&self.q).plus(&self.xv.transposed().times(&dq));
        let dn = dkv.transposed().times(&self.q).plus(&self.kv.transposed().times(&dq));
        let dinner = dn
            .times(&self.xv.transposed())
            .plus(&self.n.times(&dxv.transposed()))
            .plus(&dkv.transposed().scaled(lifted.decay));
        let dz = dyv.transposed().times(&self.q).plus(&self.yv.transposed().times(&dq));
        let dg = dv.transposed().times(&lifted.y);
        dk.times(&self.inner).plus(&self.k.times(&dinner)).minus(&dz.times(&self.g)).minus(&self.z.times(&dg))
    }
}

/// K⁻¹ by Gauss and Jordan, rows scaled, with partial pivoting; `None` where a pivot is 0 or no number.
pub(crate) fn inverted(matrix: &Dense<c64>) -> Option<Dense<c64>> {
    let n = matrix.rows;
    let width = 2 * n;
    let mut rows = vec![c64::new(0.0, 0.0); n * width];
    for i in 0..n {
        let largest = (0..n).map(|j| matrix.at(i, j).norm()).fold(0.0, f64::max);
        let scale = 1.0 / largest;
        if !scale.is_finite() {
            return None;
        }
        for j in 0..n {
            rows[i * width + j] = matrix.at(i, j) * scale;
        }
        rows[i * width + n + i] = c64::new(scale, 0.0);
    }
    for k in 0..n {
        let pivot =
            (k..n).max_by(|&a, &b| rows[a * width + k].norm_sqr().total_cmp(&rows[b * width + k].norm_sqr()))?;
        let size = rows[pivot * width + k].norm_sqr();
        if size <= 0.0 || !size.is_finite() {
            return None;
        }
        for j in 0..width {
            rows.swap(k * width + j, pivot * width + j);
        }
        let inverse = rows[k * width + k].conj() / size;
        let row: Vec<c64> = rows[k * width..(k + 1) * width].iter().map(|x| x * inverse).collect();
        rows[k * width..(k + 1) * width].copy_from_slice(&row);
        for i in (0..n).filter(|&i| i != k) {
            let factor = rows[i * width + k];
            if factor.norm_sqr() > 0.0 {
                // Columns before k are done.
                for j in k..width {
                    rows[i * width + j] -= factor * row[j];
                }
            }
        }
    }
    Some(Dense::from_fn(n, n, |i, j| rows[i * width + n + j]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal_vector;

    fn moments(m: usize) -> ExactMoments {
        let draws = normal_vector(2 * m * m, 5);
        let a = &draws[..m * m];
        let xx = (0..m * m)
            .map(|at| (0..m).map(|k| a[at / m * m + k] * a[at % m * m + k]).sum::<f64>() / m as f64)
            .collect();
        ExactMoments { size: m, xx, yx: draws[m * m..].to_vec(), weight_decay: 0.1 }
    }

    #[test]
    fn the_jacobian_is_that_of_differences_at_every_rank() {
        let m = 4;
        let draws = normal_vector(2 * m * m, 6);
        let frame = Dense::from_fn(m, m, |i, j| c64::new(draws[2 * (i * m + j)], draws[2 * (i * m + j) + 1]));
        for (rank, frame) in (1..=m).flat_map(|rank| [(rank, None), (rank, Some(&frame))]) {
            let moments = moments(m).framed::<c64>(frame);
            let mut pivots = [2, 0, 3, 1][..rank].to_vec();
            pivots.sort_unstable();
            let chart = Chart { size: m, pivots };
            let n = chart.unknowns();
            let draws = normal_vector(2 * n, 3);
            let x: Vec<c64> = (0..n).map(|k| c64::new(draws[2 * k], draws[2 * k + 1])).collect();
            let jacobian = moments.jacobian(&chart, &x);
            for unknown in 0..n {
                // The equations are polynomials of degree up to 7: central differences err by h².
                let moved = |h: f64| {
                    let mut y = x.clone();
                    y[unknown] += h;
                    moments.residual(&chart, &y)
                };
                let (up, down) = (moved(1e-5), moved(-1e-5));
                for row in 0..n {
                    let expected = (up[row] - down[row]) / 2e-5;
                    let found = jacobian.at(row, unknown);
                    assert!(
                        (found - expected).norm() < 1e-6 * (10.0 + found.norm()),
                        "rank {rank}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_matrix_of_rank_r_is_found_again_in_its_chart() {
        let m = 4;
        for rank in 1..=m {
            let draws = normal_vector(2 * rank * m, 4);
            let p = Dense::from_fn(rank, m, |i, j| c64::new(draws[2 * (i * m + j)], draws[2 * (i * m + j) + 1]));
            let s = p.transposed().times(&p);
            let (chart, x) = Chart::of(&s, rank).expect("of this rank");
            assert_eq!((chart.rank(), x.len()), (rank, chart.unknowns()));
            let again = chart.s(&x);
            for (a, b) in again.data.iter().zip(&s.data) {
                assert!((a - b).norm() < 1e-12 * (1.0 + b.norm()));
            }
        }
        assert!(Chart::of(&Dense::<c64>::zeros(3, 3), 1).is_none());
    }

    #[test]
    fn the_equations_vanish_where_those_of_the_factors_do() {
        // P M = b P + λ b⁻ᵀ P X⁻¹ with bᵀb = PPᵀ, rank one: p(b² − bM + λX⁻¹) = 0; with X = I and M = diag it is 3.9.
        let decay = 0.05;
        let moments =
            ExactMoments { size: 2, xx: vec![1.0, 0.0, 0.0, 1.0], yx: vec![0.8, 0.0, 0.0, 0.6], weight_decay: decay };
        let moments = moments.framed::<c64>(None);
        let radius = 0.4 + (0.16f64 - 0.05).sqrt();
        let chart = Chart { size: 2, pivots: vec![0] };
        let x = [c64::new(radius * radius, 0.0), c64::new(0.0, 0.0)];
        assert!(moments.residual(&chart, &x).iter().all(|e| e.norm() < 1e-15));
        let off = [c64::new(radius * radius, 0.0), c64::new(0.1, 0.0)];
        assert!(moments.residual(&chart, &off).iter().any(|e| e.norm() > 1e-3));
    }

    #[test]
    fn a_frame_changes_the_equations_by_a_congruence() {
        // F(S') = Aᵀ G(A S' Aᵀ) A.
        let (m, moments) = (3, moments(3));
        let draws = normal_vector(2 * m * m + 12, 7);
        let frame = Dense::from_fn(m, m, |i, j| c64::new(draws[2 * (i * m + j)], draws[2 * (i * m + j) + 1]));
        let chart = Chart::full(m);
        let x: Vec<c64> = (0..6).map(|k| c64::new(draws[18 + 2 * k], draws[19 + 2 * k])).collect();
        let inside = moments.framed::<c64>(Some(&frame)).residual(&chart, &x);
        let s = frame.times(&chart.s(&x)).times(&frame.transposed());
        let (_, outside) = Chart::of(&s, m).expect("full rank");
        let g = moments.framed::<c64>(None).residual(&chart, &outside);
        let g = Dense::from_fn(m, m, |i, j| g[packed(i.min(j), i.max(j), m)]);
        let expected = frame.transposed().times(&g).times(&frame);
        for i in 0..m {
            for j in i..m {
                let (a, b) = (inside[packed(i, j, m)], expected.at(i, j));
                assert!((a - b).norm() < 1e-9 * (1.0 + b.norm()), "{a} {b}");
            }
        }
    }
}
