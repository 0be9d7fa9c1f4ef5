//! The complex Schur form of a small matrix, ordered: what a restart needs and the matrix library keeps private.

use faer::c64;

use super::Target;

/// H = Q T Qᴴ with T upper triangular.
pub(super) struct Schur {
    n: usize,
    t: Vec<c64>,
    q: Vec<c64>,
}

/// Columns of a unitary 2 × 2 matrix.
type Rotation = [[c64; 2]; 2];

impl Schur {
    /// The form of a real matrix, best eigenvalue first; `None` when 60 sweeps a row were not enough.
    ///
    /// # Shapes      h: n × n, row-major
    /// # Source      Golub and Van Loan 2013, 7.5 (single shift, in complex arithmetic)
    pub(super) fn ordered(h: &[f64], n: usize, target: Target) -> Option<Self> {
        let identity = (0..n * n).map(|at| c64::new(f64::from(u8::from(at / n == at % n)), 0.0)).collect();
        let mut schur = Self { n, t: h.iter().map(|&x| c64::new(x, 0.0)).collect(), q: identity };
        schur.reduce_to_hessenberg();
        schur.reduce_to_triangle()?;
        schur.order(target);
        Some(schur)
    }

    pub(super) fn value(&self, at: usize) -> c64 {
        self.t[at * self.n + at]
    }

    /// Q[row, column].
    pub(super) fn vector_entry(&self, row: usize, column: usize) -> c64 {
        self.q[row * self.n + column]
    }

    /// The unit eigenvector of H for the eigenvalue at `at`.
    pub(super) fn eigenvector(&self, at: usize) -> Vec<c64> {
        let n = self.n;
        let size = self.t.iter().map(|x| x.norm()).fold(f64::MIN_POSITIVE, f64::max);
        let mut y = vec![c64::new(0.0, 0.0); at + 1];
        y[at] = c64::new(1.0, 0.0);
        for i in (0..at).rev() {
            let sum: c64 = (i + 1..=at).map(|j| self.t[i * n + j] * y[j]).sum();
            let gap = self.value(i) - self.value(at);
            // A repeated eigenvalue: any vector of its subspace serves, the residual tells how well.
            let floor = f64::EPSILON * size;
            y[i] = -sum / if gap.norm() < floor { c64::new(floor, 0.0) } else { gap };
        }
        let length = y.iter().map(c64::norm_sqr).sum::<f64>().sqrt();
        (0..n).map(|row| (0..=at).map(|j| self.vector_entry(row, j) * y[j]).sum::<c64>() / length).collect()
    }

    fn reduce_to_hessenberg(&mut self) {
        for column in 0..self.n.saturating_sub(2) {
            for row in column + 2..self.n {
                let rotation = towards(self.at(column + 1, column), self.at(row, column));
                self.rotate(column + 1, row, rotation);
                self.t[row * self.n + column] = c64::new(0.0, 0.0);
            }
        }
    }

    fn reduce_to_triangle(&mut self) -> Option<()> {
        let (mut high, mut sweeps) = (self.n.saturating_sub(1), 0);
        while high > 0 {
            let low = (1..=high).rev().find(|&k| self.negligible(k)).unwrap_or(0);
            if low > 0 {
                self.t[low * self.n + low - 1] = c64::new(0.0, 0.0);
            }
            if low == high {
                (high, sweeps) = (high - 1, 0);
                continue;
            }
            sweeps += 1;
            if sweeps > 60 {
                return None;
            }
            // Every tenth sweep an exceptional shift, against cycles of the ordinary one.
            let shift = if sweeps % 10 == 0 {
                self.at(high, high) + self.at(high, high - 1).norm()
            } else {
                self.wilkinson(high)
            };
            self.chase(low, high, shift);
        }
        Some(())
    }

    /// One implicit sweep over rows low to high.
    fn chase(&mut self, low: usize, high: usize, shift: c64) {
        let (mut x, mut y) = (self.at(low, low) - shift, self.at(low + 1, low));
        for k in low..high {
            if k > low {
                (x, y) = (self.at(k, k - 1), self.at(k + 1, k - 1));
            }
            self.rotate(k, k + 1, towards(x, y));
            if k > low {
                // Not rounding's remainder: the next rotation may be made of two numbers as small as that.
                self.t[(k + 1) * self.n + k - 1] = c64::new(0.0, 0.0);
            }
        }
    }

    /// The eigenvalue of the last 2 × 2 block that is nearer to its last entry.
    fn wilkinson(&self, high: usize) -> c64 {
        let (a, b) = (self.at(high - 1, high - 1), self.at(high - 1, high));
        let (c, d) = (self.at(high, high - 1), self.at(high, high));
        let half = (a - d) * 0.5;
        let root = (half * half + b * c).sqrt();
        let (plus, minus) = (half + root, half - root);
        d + if plus.norm() < minus.norm() { plus } else { minus }
    }

    fn negligible(&self, k: usize) -> bool {
        let around = self.at(k, k).norm() + self.at(k - 1, k - 1).norm();
        self.at(k, k - 1).norm() <= f64::EPSILON * around.max(f64::MIN_POSITIVE)
    }

    /// Neighbours are exchanged until keys descend; members of a pair keep together, equal keys keep their order.
    fn order(&mut self, target: Target) {
        for end in (1..self.n).rev() {
            for k in 0..end {
                let (first, second) = (self.value(k), self.value(k + 1));
                if target.key(second) > target.key(first) {
                    self.rotate(k, k + 1, towards(self.at(k, k + 1), second - first));
                    self.t[(k + 1) * self.n + k] = c64::new(0.0, 0.0);
                }
            }
        }
    }

    fn at(&self, row: usize, column: usize) -> c64 {
        self.t[row * self.n + column]
    }

    /// T ← Zᴴ T Z and Q ← Q Z in the plane of two coordinates.
    fn rotate(&mut self, i: usize, j: usize, [first, second]: Rotation) {
        let n = self.n;
        for column in 0..n {
            let (x, y) = (self.t[i * n + column], self.t[j * n + column]);
            self.t[i * n + column] = first[0].conj() * x + first[1].conj() * y;
            self.t[j * n + column] = second[0].conj() * x + second[1].conj() * y;
        }
        for matrix in [&mut self.t, &mut self.q] {
            for row in matrix.chunks_exact_mut(n) {
                let (x, y) = (row[i], row[j]);
                row[i] = x * first[0] + y * first[1];
                row[j] = x * second[0] + y * second[1];
            }
        }
    }
}

/// The unitary matrix whose first column is (x, y), normalized.
fn towards(x: c64, y: c64) -> Rotation {
    let length = x.norm().hypot(y.norm());
    if length == 0.0 {
        return [[c64::new(1.0, 0.0), c64::new(0.0, 0.0)], [c64::new(0.0, 0.0), c64::new(1.0, 0.0)]];
    }
    let (x, y) = (x / length, y / length);
    [[x, y], [-y.conj(), x.conj()]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal_vector;

    #[test]
    fn the_form_is_unitary_triangular_ordered_and_similar() {
        let n = 17;
        // A repeated pair and a defective block inside noise, besides noise alone.
        let noise = normal_vector(n * n, 4);
        let mut blocks = vec![0.0; n * n];
        for (k, entries) in [(0, [0.5, -0.75, 0.75, 0.5]), (2, [0.5, -0.75, 0.75, 0.5]), (4, [-1.0, 1.0, 0.0, -1.0])] {
            for (at, entry) in entries.into_iter().enumerate() {
                blocks[(k + at / 2) * n + k + at % 2] = entry;
            }
        }
        for h in [noise, blocks, vec![0.0; n * n]] {
            let schur = Schur::ordered(&h, n, Target::Rightmost).expect("converges");
            for k in 1..n {
                assert!(schur.value(k).re <= schur.value(k - 1).re + 1e-12);
                assert!((0..k).all(|j| schur.at(k, j).norm() < 1e-13));
            }
            for i in 0..n {
                for j in 0..n {
                    let gram: c64 = (0..n).map(|k| schur.vector_entry(k, i).conj() * schur.vector_entry(k, j)).sum();
                    assert!((gram - f64::from(u8::from(i == j))).norm() < 1e-12);
                    let left: c64 = (0..n).map(|k| h[i * n + k] * schur.vector_entry(k, j)).sum();
                    let right: c64 = (0..n).map(|k| schur.vector_entry(i, k) * schur.at(k, j)).sum();
                    assert!((left - right).norm() < 1e-12, "HQ = QT");
                }
            }
        }
    }

    #[test]
    fn every_size_of_noise_converges() {
        // Left-over bulges of the size of rounding stopped this at 18, 24 and 30 rows.
        for n in 1..50 {
            let mut h = normal_vector(n * n, 4);
            for hessenberg in [false, true] {
                if hessenberg {
                    (0..n * n).filter(|at| at / n > at % n + 1).for_each(|at| h[at] = 0.0);
                }
                let schur = Schur::ordered(&h, n, Target::Rightmost).expect("converges");
                let trace: f64 = (0..n).map(|k| h[k * n + k]).sum();
                let sum: c64 = (0..n).map(|k| schur.value(k)).sum();
                assert!((sum - trace).norm() < 1e-11, "{n}");
            }
        }
    }

    #[test]
    fn eigenvectors_fit_their_eigenvalues() {
        let n = 9;
        let h = normal_vector(n * n, 6);
        let schur = Schur::ordered(&h, n, Target::LargestModulus).expect("converges");
        for at in 0..n {
            let x = schur.eigenvector(at);
            for i in 0..n {
                let product: c64 = (0..n).map(|k| h[i * n + k] * x[k]).sum();
                assert!((product - schur.value(at) * x[i]).norm() < 1e-12);
            }
        }
    }
}
