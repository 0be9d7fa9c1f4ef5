//! A family of systems: parameters, straight lines between them, and a solved instance for nothing.

use faer::c64;
use rand_chacha::ChaCha8Rng;

use super::block::Block;
use super::frame::Frame;
use super::lanes::Lane;
use super::tracker::Path;
use super::vector::Vector;
use crate::random::normal;

/// Systems that differ in their parameters.
pub(crate) trait Family: Copy + Sync {
    /// One instance.
    type Parameters: Clone + Sync + Send;
    /// One to twice the precision.
    type Exact: Clone + Sync + Send;
    /// The instances on a line between two, in the coordinates of a frame, in numbers of one precision or the other.
    type Segment<K: Lane>: Path<K>;

    /// N.
    fn unknowns(self) -> usize;
    /// The numbers of an instance, in order.
    fn numbers(self, parameters: &Self::Parameters) -> Vec<c64>;
    /// The instance of such numbers; `None` where there are too few or too many.
    fn of_numbers(self, numbers: &[c64]) -> Option<Self::Parameters>;
    /// The same instance.
    fn exact(self, parameters: &Self::Parameters) -> Self::Exact;
    /// The instance in coordinates between which straight lines stay far from poles; `None` where there are none.
    fn straightened(self, _: &Self::Parameters) -> Option<(Frame, Self::Exact)> {
        None
    }
    /// The line between two in a frame.
    fn segment<K: Lane>(self, line: [&Self::Exact; 2], frame: &Frame) -> Self::Segment<K>;
    /// A frame for a point at these parameters, within the one it is in; `None` where that one is good.
    fn frame<K: Lane>(self, at: &At<Self, K>, x: &Vector<K>) -> Option<Frame>;
    /// The same for the end of a path, in which it is proved; the limits are those of [`super::frame::balance`].
    fn end_frame<K: Lane>(self, at: &At<Self, K>, x: &Vector<K>, limits: (f64, f64)) -> Option<Frame>;
    /// A point in a frame within the one it is in.
    fn moved<K: Lane>(self, x: &Vector<K>, frame: &Frame) -> Vector<K>;
    /// The matrix that a point stands for.
    fn matrix<K: Lane>(self, x: &Vector<K>) -> Block<K>;
    /// The instance at a complex t on the line between two.
    fn between(self, line: [&Self::Exact; 2], t: c64) -> Self::Exact;
    /// Another instance, which loops through the base may pass.
    fn elsewhere(self, rng: &mut ChaCha8Rng, base: &Self::Parameters) -> Self::Parameters;
    /// A generic instance with one of its solutions.
    fn start_pair(self, rng: &mut ChaCha8Rng) -> (Self::Parameters, Vector<c64>);
    /// The same instance and solutions in other coordinates, named by a seed.
    fn congruent(
        self, base: &Self::Parameters, roots: &[Vector<c64>], seed: u64,
    ) -> (Self::Parameters, Vec<Vector<c64>>);
}

/// The parameters at one t.
pub(crate) type At<F, K> = <<F as Family>::Segment<K> as Path<K>>::At;

/// A complex number with independent normal parts of variance ½.
pub(crate) fn complex_normal(rng: &mut ChaCha8Rng) -> c64 {
    let scale = std::f64::consts::FRAC_1_SQRT_2;
    c64::new(normal(rng) * scale, normal(rng) * scale)
}

/// A matrix of such numbers, of size √(1/columns) each.
pub(crate) fn random_block(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Block<c64> {
    let scale = 1.0 / (columns as f64).sqrt();
    Block::from_fn(rows, columns, |_, _| complex_normal(rng) * scale)
}

/// A symmetric one.
pub(crate) fn random_symmetric(rng: &mut ChaCha8Rng, size: usize) -> Block<c64> {
    let out = random_block(rng, size, size);
    Block::from_fn(size, size, |i, j| out.at(i.min(j), i.max(j)))
}

/// A unitary matrix.
pub(crate) fn random_unitary(rng: &mut ChaCha8Rng, size: usize) -> Block<c64> {
    orthonormal(random_block(rng, size, size))
}

/// A real orthogonal matrix.
pub(crate) fn random_orthogonal(rng: &mut ChaCha8Rng, size: usize) -> Block<c64> {
    orthonormal(random_block(rng, size, size).map(|x| c64::new(x.re, 0.0)))
}

/// The columns made orthonormal, one after the other.
fn orthonormal(mut out: Block<c64>) -> Block<c64> {
    let m = out.rows;
    for j in 0..m {
        // Twice is enough.
        for _ in 0..2 {
            for k in 0..j {
                let inner: c64 = (0..m).map(|i| out.at(i, k).conj() * out.at(i, j)).sum();
                for i in 0..m {
                    out.add(i, j, -out.at(i, k) * inner);
                }
            }
            let length = (0..m).map(|i| out.at(i, j).norm_sqr()).sum::<f64>().sqrt();
            for i in 0..m {
                out.set(i, j, out.at(i, j) / length);
            }
        }
    }
    out
}
