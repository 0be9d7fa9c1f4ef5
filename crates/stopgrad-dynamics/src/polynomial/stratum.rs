//! Equilibria of rank r as a square system with the user's own X, Y, λ: what certificates speak about.
//!
//! S = V Ŝ Vᵀ, where V (m × r) has the identity in r chosen rows and unknowns in the others. S is an equilibrium of
//! rank r iff Ŝ is regular and Vᵀ G(S) = 0, G(S) = (XS + λ)(SX + λ) − YᵀSY (docs/theory.md, 3.4). With k = VᵀXVŜ + λ
//! this is E = k (VᵀVŜVᵀX + λVᵀ) − (VᵀYV)ᵀŜ VᵀY = 0, r × m; EV is symmetric, so the columns outside the chosen rows and
//! the upper triangle of the chosen ones are enough: r(r + 1)/2 + r(m − r) equations in as many unknowns.

mod framed;

use faer::c64;

use super::block::packed;
pub(crate) use framed::{Framed, lifted};

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
