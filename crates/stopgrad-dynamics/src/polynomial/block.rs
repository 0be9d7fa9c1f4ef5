//! Complex matrices of a few rows on the stack: what a path tracker spends its time in.
//!
//! Rows are vectors of the processor; sizes are known at run time only. Rejected: sizes as const parameters; each is then
//! code of its own (2 MB of it for four of them, a minute of compilation), and no faster.

use faer::c64;

use super::lanes::Lane;

/// Largest m.
pub(crate) const MAX_SIZE: usize = 6;

pub(crate) const ZERO: c64 = c64::new(0.0, 0.0);

/// Up to [`MAX_SIZE`] rows and columns; the rest of a row is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block<K: Lane> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    data: [K::Row; MAX_SIZE],
}

impl<K: Lane> Block<K> {
    #[inline(always)]
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: [K::NONE; MAX_SIZE] }
    }

    #[inline(always)]
    pub(crate) fn from_fn(rows: usize, columns: usize, mut entry: impl FnMut(usize, usize) -> K) -> Self {
        let mut out = Self::zeros(rows, columns);
        for i in 0..rows {
            for j in 0..columns {
                out.set(i, j, entry(i, j));
            }
        }
        out
    }

    /// I.
    pub(crate) fn identity(size: usize) -> Self {
        Self::zeros(size, size).shifted(K::real(1.0))
    }

    #[inline(always)]
    pub(crate) fn at(&self, i: usize, j: usize) -> K {
        K::get(&self.data[i], j)
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, i: usize, j: usize, to: K) {
        K::put(&mut self.data[i], j, to);
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, i: usize, j: usize, by: K) {
        self.set(i, j, self.at(i, j) + by);
    }

    /// The entries by rows.
    pub(crate) fn entries(&self) -> Vec<K> {
        (0..self.rows * self.columns).map(|at| self.at(at / self.columns, at % self.columns)).collect()
    }

    /// The modulus of the largest entry.
    pub(crate) fn largest(&self) -> f64 {
        (0..self.rows * self.columns)
            .map(|at| self.at(at / self.columns, at % self.columns).rounded().norm())
            .fold(0.0, f64::max)
    }

    /// Square matrices by their entries, one after the other; `None` for another number of entries.
    pub(crate) fn of_entries<const COUNT: usize>(size: usize, entries: &[K]) -> Option<[Self; COUNT]> {
        let block = size * size;
        (entries.len() == COUNT * block)
            .then(|| std::array::from_fn(|k| Self::from_fn(size, size, |i, j| entries[k * block + i * size + j])))
    }

    /// L R.
    #[inline(always)]
    pub(crate) fn times(&self, right: &Self) -> Self {
        let mut out = Self::zeros(self.rows, right.columns);
        out.gain(self, right);
        out
    }

    /// Adds L R.
    #[inline(always)]
    pub(crate) fn gain(&mut self, left: &Self, right: &Self) {
        pulp::Arch::new().dispatch(Gain { out: self, left, right });
    }

    /// Lᵀ R.
    #[inline(always)]
    pub(crate) fn transposed_times(&self, right: &Self) -> Self {
        self.transposed().times(right)
    }

    /// Lᵀ.
    #[inline(always)]
    pub(crate) fn transposed(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |i, j| self.at(j, i))
    }

    /// a + s b.
    #[inline(always)]
    pub(crate) fn plus_scaled(&self, s: f64, other: &Self) -> Self {
        let mut out = *self;
        pulp::Arch::new().dispatch(GainRows { out: &mut out.data[..self.rows], a: K::real(s), rows: &other.data });
        out
    }

    #[inline(always)]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.plus_scaled(1.0, other)
    }

    #[inline(always)]
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.plus_scaled(-1.0, other)
    }

    /// s K.
    #[inline(always)]
    pub(crate) fn scaled(&self, by: K) -> Self {
        let mut out = Self::zeros(self.rows, self.columns);
        pulp::Arch::new().dispatch(GainRows { out: &mut out.data[..self.rows], a: by, rows: &self.data });
        out
    }

    /// K + c I.
    #[inline(always)]
    pub(crate) fn shifted(mut self, by: K) -> Self {
        for i in 0..self.rows {
            self.add(i, i, by);
        }
        self
    }

    /// The first rows.
    pub(crate) fn top(&self, rows: usize) -> Self {
        Self::from_fn(rows, self.columns, |i, j| self.at(i, j))
    }

    /// The entries one by one.
    pub(crate) fn map<L: Lane>(&self, mut each: impl FnMut(K) -> L) -> Block<L> {
        Block::from_fn(self.rows, self.columns, |i, j| each(self.at(i, j)))
    }
}

/// Multiples of rows added to rows.
pub(super) struct GainRows<'a, K: Lane> {
    pub(super) out: &'a mut [K::Row],
    pub(super) a: K,
    pub(super) rows: &'a [K::Row],
}

impl<K: Lane> pulp::WithSimd for GainRows<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        for (to, from) in self.out.iter_mut().zip(self.rows) {
            K::gain(simd, to, self.a, from);
        }
    }
}

struct Gain<'a, K: Lane> {
    out: &'a mut Block<K>,
    left: &'a Block<K>,
    right: &'a Block<K>,
}

impl<K: Lane> pulp::WithSimd for Gain<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        let Self { out, left, right } = self;
        for (to, row) in out.data.iter_mut().zip(&left.data).take(left.rows) {
            let mut sum = *to;
            for (k, from) in right.data.iter().enumerate().take(left.columns) {
                K::gain(simd, &mut sum, K::get(row, k), from);
            }
            *to = sum;
        }
    }
}

/// Place of (i, j), i ≤ j, in the upper triangle of an m × m matrix read by rows.
#[inline(always)]
pub(crate) const fn packed(i: usize, j: usize, m: usize) -> usize {
    i * m - i * (i + 1) / 2 + j
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::family::random_block;
    use crate::polynomial::precise::Precise;
    use crate::polynomial::ring::Ring;
    use crate::random::stream;

    #[test]
    fn products_are_those_of_their_entries() {
        let mut rng = stream(1, 0);
        for (rows, inner, columns) in [(1, 1, 1), (2, 3, 4), (6, 6, 6), (5, 2, 6)] {
            let (a, b) = (random_block(&mut rng, rows, inner), random_block(&mut rng, inner, columns));
            let (ab, atb) = (a.times(&b), a.transposed().transposed_times(&b));
            for i in 0..rows {
                for j in 0..columns {
                    let expected: c64 = (0..inner).map(|k| a.at(i, k) * b.at(k, j)).sum();
                    assert!((ab.at(i, j) - expected).norm() < 1e-14);
                    assert!((atb.at(i, j) - expected).norm() < 1e-14);
                }
            }
            let [p, q] = [&a, &b].map(|x| x.map(Precise::complex));
            let twice = p.times(&q).minus(&ab.map(Precise::complex)).map(Lane::rounded);
            let largest =
                |x: &Block<c64>| (0..rows * columns).map(|e| x.at(e / columns, e % columns).norm()).fold(0.0, f64::max);
            assert!(largest(&twice) < 1e-14 && (rows * inner == 1 || largest(&twice) > 0.0));
        }
    }

    #[test]
    fn a_triangle_is_read_by_rows() {
        let places: Vec<usize> = (0..3).flat_map(|i| (i..3).map(move |j| packed(i, j, 3))).collect();
        assert_eq!(places, [0, 1, 2, 3, 4, 5]);
    }
}
