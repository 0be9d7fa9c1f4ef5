//! The unknowns of a system, on the stack.

use faer::c64;

use super::block::{Block, GainRows, packed};
use super::lanes::{LANES, Lane};

const BLOCKS: usize = 3;
/// Most unknowns: 21 are those of m = 6.
pub(crate) const MAX_UNKNOWNS: usize = LANES * BLOCKS;

/// Up to [`MAX_UNKNOWNS`] complex numbers, those beyond `len` being 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Vector<K: Lane> {
    pub(crate) len: usize,
    pub(super) data: [K::Row; BLOCKS],
}

impl<K: Lane> Vector<K> {
    #[inline(always)]
    pub(crate) fn zeros(len: usize) -> Self {
        Self { len, data: [K::NONE; BLOCKS] }
    }

    #[inline(always)]
    pub(crate) fn from_fn(len: usize, mut entry: impl FnMut(usize) -> K) -> Self {
        let mut out = Self::zeros(len);
        for i in 0..len {
            out.set(i, entry(i));
        }
        out
    }

    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> K {
        K::get(&self.data[i / LANES], i % LANES)
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, i: usize, to: K) {
        K::put(&mut self.data[i / LANES], i % LANES, to);
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, i: usize, by: K) {
        self.set(i, self.at(i) + by);
    }

    /// The entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = K> {
        (0..self.len).map(|i| self.at(i))
    }

    /// The size of the largest.
    pub(crate) fn largest(&self) -> f64 {
        self.iter().map(|x| size(x.rounded())).fold(0.0, f64::max)
    }

    /// Rows in use.
    #[inline(always)]
    pub(super) fn rows(&self) -> usize {
        self.len.div_ceil(LANES)
    }

    /// a + s b.
    #[inline(always)]
    pub(crate) fn plus_scaled(&self, s: f64, other: &Self) -> Self {
        self.plus_times(K::real(s), other)
    }

    /// x + a y.
    #[inline(always)]
    pub(crate) fn plus_times(&self, a: K, other: &Self) -> Self {
        let mut out = *self;
        out.gain(a, other);
        out
    }

    /// Adds a y.
    #[inline(always)]
    pub(crate) fn gain(&mut self, a: K, other: &Self) {
        let rows = self.rows();
        pulp::Arch::new().dispatch(GainRows { out: &mut self.data[..rows], a, rows: &other.data });
    }

    #[inline(always)]
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.plus_scaled(-1.0, other)
    }

    /// In other numbers.
    #[inline(always)]
    pub(crate) fn map<L: Lane>(&self, mut each: impl FnMut(K) -> L) -> Vector<L> {
        Vector::from_fn(self.len, |i| each(self.at(i)))
    }

    /// The upper triangle of a matrix, by rows.
    #[inline(always)]
    pub(crate) fn pack(matrix: &Block<K>) -> Self {
        let m = matrix.rows;
        let mut out = Self::zeros(m * (m + 1) / 2);
        for i in 0..m {
            for j in i..m {
                out.set(packed(i, j, m), matrix.at(i, j));
            }
        }
        out
    }

    /// The symmetric m × m matrix whose upper triangle the numbers begin with.
    #[inline(always)]
    pub(crate) fn unpack(&self, m: usize) -> Block<K> {
        let mut out = Block::zeros(m, m);
        for i in 0..m {
            for j in i..m {
                let entry = self.at(packed(i, j, m));
                out.set(i, j, entry);
                out.set(j, i, entry);
            }
        }
        out
    }
}

/// |re| and |im|, the larger: within √2 of the modulus, for less. NaN where either is.
#[inline]
pub(super) fn size(x: c64) -> f64 {
    let (a, b) = (x.re.abs(), x.im.abs());
    if a > b || a.is_nan() { a } else { b }
}

/// Sizes by which components are compared: 1/|xᵢ|, with |xᵢ| at least 10⁻⁴ of the largest.
pub(crate) struct Weights([f64; MAX_UNKNOWNS]);

impl Weights {
    #[inline(always)]
    pub(crate) fn of<K: Lane>(x: &Vector<K>) -> Self {
        let mut sizes = [0.0; MAX_UNKNOWNS];
        let mut largest = 1e-12f64;
        for (to, x) in sizes.iter_mut().zip(x.iter()) {
            *to = size(x.rounded());
            largest = largest.max(*to);
        }
        Self(sizes.map(|x| 1.0 / x.max(1e-4 * largest)))
    }

    /// The weight of a component.
    pub(super) fn at(&self, i: usize) -> f64 {
        self.0[i]
    }

    /// The largest component relative to its size.
    #[inline(always)]
    pub(crate) fn norm<K: Lane>(&self, v: &Vector<K>) -> f64 {
        let mut largest = 0.0f64;
        for (x, weight) in v.iter().zip(&self.0) {
            let entry = size(x.rounded()) * weight;
            // A NaN must not be lost in a maximum.
            if entry > largest || entry.is_nan() {
                largest = entry;
            }
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_triangle_unpacks_to_the_symmetric_matrix() {
        let entries = Vector::<c64>::from_fn(6, |k| c64::new(k as f64, -1.0));
        let matrix = entries.unpack(3);
        assert_eq!((matrix.at(0, 2), matrix.at(2, 0), matrix.at(1, 2)), (entries.at(2), entries.at(2), entries.at(4)));
        assert_eq!(Vector::pack(&matrix), entries);
    }
}
