//! The Jacobian of a system and its factors, on the stack.

use super::block::Block;
use super::lanes::{LANES, Lane};
use super::vector::{MAX_UNKNOWNS, Vector, size};

/// A square matrix by columns, and its LU factors in its place.
///
/// Rejected: the inverse, whose products do not wait for one another. Where rows and unknowns are of very different size
/// its products lose digits that substitution keeps, and paths take four times the steps.
pub(crate) struct Jacobian<K: Lane> {
    /// The matrix; once factored, U above the diagonal and 0 from there on.
    columns: [Vector<K>; MAX_UNKNOWNS],
    /// L below the diagonal, 0 up to it.
    lower: [Vector<K>; MAX_UNKNOWNS],
    /// 1 / Uₖₖ.
    pivots: [K; MAX_UNKNOWNS],
    /// Row k of the factors is this row of the matrix, times `scale` of that row.
    order: [usize; MAX_UNKNOWNS],
    /// One over the largest entry.
    scale: [f64; MAX_UNKNOWNS],
}

impl<K: Lane> Jacobian<K> {
    pub(crate) fn zeros(len: usize) -> Self {
        Self {
            columns: [Vector::zeros(len); MAX_UNKNOWNS],
            lower: [Vector::zeros(len); MAX_UNKNOWNS],
            pivots: [K::real(0.0); MAX_UNKNOWNS],
            order: [0; MAX_UNKNOWNS],
            scale: [1.0; MAX_UNKNOWNS],
        }
    }

    /// The column of one unknown.
    #[inline]
    pub(crate) fn column(&mut self, unknown: usize) -> &mut Vector<K> {
        &mut self.columns[unknown]
    }

    /// Factors the matrix, with row scaling and partial pivoting; `false` where a pivot is 0 or no number.
    pub(crate) fn factor(&mut self) -> bool {
        pulp::Arch::new().dispatch(Factor { jacobian: self })
    }

    /// The solution of K x = right.
    pub(crate) fn solve(&self, right: &Vector<K>) -> Vector<K> {
        pulp::Arch::new().dispatch(Solve { jacobian: self, right })
    }

    /// Finds the factors that bring the largest entry of each row to about 1.
    #[inline(always)]
    fn equilibrate(&mut self, n: usize) -> bool {
        let mut largest = [0.0f64; MAX_UNKNOWNS];
        for column in self.columns.iter().take(n) {
            for (to, x) in largest.iter_mut().zip(column.iter()) {
                *to = to.max(size(x.rounded()));
            }
        }
        for i in 0..n {
            self.scale[i] = 1.0 / largest[i];
            if !self.scale[i].is_finite() {
                return false;
            }
        }
        for column in self.columns.iter_mut().take(n) {
            for i in 0..n {
                let scaled = column.at(i) * K::real(self.scale[i]);
                column.set(i, scaled);
            }
        }
        true
    }
}

struct Factor<'a, K: Lane> {
    jacobian: &'a mut Jacobian<K>,
}

impl<K: Lane> pulp::WithSimd for Factor<'_, K> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> bool {
        let own = self.jacobian;
        let n = own.columns[0].len;
        if !own.equilibrate(n) {
            return false;
        }
        own.order = std::array::from_fn(|i| i);
        for k in 0..n {
            let (mut pivot, mut largest) = (k, 0.0);
            for i in k..n {
                let size = own.columns[k].at(i).rounded().norm_sqr();
                if size > largest {
                    (pivot, largest) = (i, size);
                }
            }
            if !(largest > 0.0 && largest.is_finite()) {
                return false;
            }
            if pivot != k {
                own.order.swap(k, pivot);
                for column in own.columns[k..n].iter_mut().chain(&mut own.lower[..k]) {
                    let (a, b) = (column.at(k), column.at(pivot));
                    column.set(k, b);
                    column.set(pivot, a);
                }
            }
            let inverse = own.columns[k].at(k).inverse();
            own.pivots[k] = inverse;
            own.lower[k] = Vector::zeros(n);
            for i in k + 1..n {
                let factor = own.columns[k].at(i) * inverse;
                own.lower[k].set(i, factor);
            }
            for i in k..n {
                own.columns[k].set(i, K::real(0.0));
            }
            let (first, rows) = ((k + 1) / LANES, own.lower[k].rows());
            for column in &mut own.columns[k + 1..n] {
                let t = -column.at(k);
                for row in first..rows {
                    K::gain(simd, &mut column.data[row], t, &own.lower[k].data[row]);
                }
            }
        }
        true
    }
}

struct Solve<'a, K: Lane> {
    jacobian: &'a Jacobian<K>,
    right: &'a Vector<K>,
}

impl<K: Lane> pulp::WithSimd for Solve<'_, K> {
    type Output = Vector<K>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> Vector<K> {
        let own = self.jacobian;
        let n = self.right.len;
        let mut x = Vector::from_fn(n, |k| self.right.at(own.order[k]) * K::real(own.scale[own.order[k]]));
        let rows = x.rows();
        for (k, lower) in own.lower.iter().enumerate().take(n) {
            let t = -x.at(k);
            for row in (k + 1) / LANES..rows {
                K::gain(simd, &mut x.data[row], t, &lower.data[row]);
            }
        }
        let mut out = Vector::zeros(n);
        for k in (0..n).rev() {
            let t = x.at(k) * own.pivots[k];
            for row in 0..=k / LANES {
                K::gain(simd, &mut x.data[row], -t, &own.columns[k].data[row]);
            }
            out.set(k, t);
        }
        out
    }
}

/// K⁻¹ R, for a regular K of few rows.
pub(crate) fn solve_left<K: Lane>(matrix: &Block<K>, right: &Block<K>) -> Block<K> {
    let n = matrix.rows;
    let mut factors = Jacobian::zeros(n);
    for j in 0..n {
        *factors.column(j) = Vector::from_fn(n, |i| matrix.at(i, j));
    }
    assert!(factors.factor(), "a random matrix is regular");
    let columns: Vec<Vector<K>> =
        (0..right.columns).map(|j| factors.solve(&Vector::from_fn(n, |i| right.at(i, j)))).collect();
    Block::from_fn(n, right.columns, |i, j| columns[j].at(i))
}

#[cfg(test)]
mod tests {
    use faer::c64;

    use super::*;
    use crate::polynomial::block::ZERO;
    use crate::polynomial::family::{complex_normal, random_block};
    use crate::random::stream;

    #[test]
    fn a_solved_system_fits_whatever_the_size_of_its_rows() {
        let mut rng = stream(1, 0);
        for n in [1, 6, 8, 15, 21, 24] {
            let mut rows: Vec<Vec<c64>> = (0..n).map(|_| (0..n).map(|_| complex_normal(&mut rng)).collect()).collect();
            for (i, row) in rows.iter_mut().enumerate() {
                for x in row {
                    *x *= 10f64.powi(3 * (i % 7) as i32);
                }
            }
            if n > 1 {
                rows[0][0] = ZERO;
            }
            let expected = Vector::from_fn(n, |_| complex_normal(&mut rng));
            let right = Vector::from_fn(n, |i| (0..n).map(|j| rows[i][j] * expected.at(j)).sum());
            let mut matrix = Jacobian::zeros(n);
            for j in 0..n {
                *matrix.column(j) = Vector::from_fn(n, |i| rows[i][j]);
            }
            assert!(matrix.factor());
            let found = matrix.solve(&right);
            for i in 0..n {
                assert!((found.at(i) - expected.at(i)).norm() < 1e-12, "{n}: {found:?}");
            }
        }
        assert!(!Jacobian::<c64>::zeros(3).factor());
    }

    #[test]
    fn a_small_system_is_solved_from_the_left() {
        let mut rng = stream(2, 0);
        let (k, x) = (random_block(&mut rng, 4, 4), random_block(&mut rng, 4, 6));
        let rest = solve_left(&k, &k.times(&x)).minus(&x);
        assert!((0..4).all(|i| (0..6).all(|j| rest.at(i, j).norm() < 1e-13)));
    }
}
