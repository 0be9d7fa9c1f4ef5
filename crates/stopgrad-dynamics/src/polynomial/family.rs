//! A family of systems: parameters, straight lines between them, and a solved instance for nothing.

use faer::c64;
use rand_chacha::ChaCha8Rng;

use super::small::Block;
use super::tracker::Path;
use crate::random::normal;

/// Systems of N equations that differ in their parameters.
pub(crate) trait Family<const N: usize> {
    /// One instance.
    type Parameters: Clone + Sync + Send;
    /// The instances on a line between two.
    type Segment: Path<N>;

    /// The line.
    fn segment(from: &Self::Parameters, to: &Self::Parameters) -> Self::Segment;
    /// Another instance, which loops through the base may pass.
    fn elsewhere(rng: &mut ChaCha8Rng, base: &Self::Parameters) -> Self::Parameters;
    /// A generic instance with one of its solutions.
    fn start_pair(rng: &mut ChaCha8Rng) -> (Self::Parameters, [c64; N]);
}

/// A complex number with independent normal parts of variance ½.
pub(crate) fn complex_normal(rng: &mut ChaCha8Rng) -> c64 {
    let scale = std::f64::consts::FRAC_1_SQRT_2;
    c64::new(normal(rng) * scale, normal(rng) * scale)
}

/// A matrix of such numbers, of size √(1/columns) each.
pub(crate) fn random_block<const R: usize, const C: usize>(rng: &mut ChaCha8Rng) -> Block<R, C> {
    let scale = 1.0 / (C as f64).sqrt();
    let mut out = [[c64::new(0.0, 0.0); C]; R];
    for row in &mut out {
        for entry in row {
            *entry = complex_normal(rng) * scale;
        }
    }
    out
}

/// A symmetric one.
pub(crate) fn random_symmetric<const M: usize>(rng: &mut ChaCha8Rng) -> Block<M, M> {
    let mut out: Block<M, M> = random_block(rng);
    for i in 0..M {
        for j in 0..i {
            out[i][j] = out[j][i];
        }
    }
    out
}

/// A unitary matrix.
pub(crate) fn random_unitary<const M: usize>(rng: &mut ChaCha8Rng) -> Block<M, M> {
    orthonormal(random_block(rng))
}

/// The columns made orthonormal, one after the other.
fn orthonormal<const M: usize>(mut out: Block<M, M>) -> Block<M, M> {
    for j in 0..M {
        // Twice is enough.
        for _ in 0..2 {
            for k in 0..j {
                let inner: c64 = (0..M).map(|i| out[i][k].conj() * out[i][j]).sum();
                for row in &mut out {
                    let part = row[k] * inner;
                    row[j] -= part;
                }
            }
            let length = (0..M).map(|i| out[i][j].norm_sqr()).sum::<f64>().sqrt();
            for row in &mut out {
                row[j] /= length;
            }
        }
    }
    out
}

/// A real orthogonal matrix.
pub(crate) fn random_orthogonal<const M: usize>(rng: &mut ChaCha8Rng) -> Block<M, M> {
    let draw: Block<M, M> = random_block(rng);
    orthonormal(draw.map(|row| row.map(|x| c64::new(x.re, 0.0))))
}
