//! Coordinates in which the matrix M of an instance is diagonal.
//!
//! A solution goes to infinity where an eigenvector v of Mᵀ has vᵀWv = 0: s v vᵀ then solves the equation for large s. On a straight
//! line between two instances that happens again and again near the end, about a pair of eigenvalues ρᵢ, ρⱼ at 1 − t of the size of
//! ρᵢ − ρⱼ. Between M's that are diagonal, eigenvalues in the same order, and W's with ones on the diagonal, the axes are the
//! eigenvectors all the way and it never happens.

use faer::{Mat, c64};

use super::block::Block;
use crate::linalg::{complex_eigen, symmetric_eigen};

/// The least |vᵀWv| beside |v|² |W| and the least |det A| for which coordinates are taken.
const REGULAR: f64 = 1e-6;

/// A with Aᵀ M A⁻ᵀ diagonal, real parts descending, and ones on the diagonal of Aᵀ W A; `None` where such an A is nearly singular.
pub(super) fn diagonalizing(w: &Block<c64>, m: &Block<c64>) -> Option<Block<c64>> {
    let n = m.rows;
    let real = m.entries().iter().all(|x| x.im == 0.0);
    let symmetric = (0..n).all(|i| (0..i).all(|j| m.at(i, j) == m.at(j, i)));
    let vectors = if real && symmetric {
        let real = Mat::from_fn(n, n, |i, j| m.at(i, j).re);
        let vectors = symmetric_eigen(real.as_ref()).ok()?.vectors;
        Mat::from_fn(n, n, |i, j| c64::new(vectors[(i, j)], 0.0))
    } else {
        complex_eigen(Mat::from_fn(n, n, |i, j| m.at(j, i)).as_ref()).ok()?.1
    };
    let size = w.largest();
    let mut out = Block::zeros(n, n);
    for j in 0..n {
        let v = Block::from_fn(n, 1, |i, _| vectors[(i, j)]);
        let square = v.transposed_times(&w.times(&v)).at(0, 0);
        if square.norm().is_nan() || square.norm() <= REGULAR * size {
            return None;
        }
        for i in 0..n {
            out.set(i, j, v.at(i, 0) / square.sqrt());
        }
    }
    (vectors.determinant().norm() > REGULAR).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::block::ZERO;
    use crate::polynomial::family::{random_block, random_symmetric};
    use crate::polynomial::frame::Frame;
    use crate::polynomial::lanes::Lane;
    use crate::polynomial::precise::Precise;
    use crate::polynomial::ring::Ring;
    use crate::random::stream;

    #[test]
    fn in_its_coordinates_m_is_diagonal_and_w_has_ones_on_the_diagonal() {
        let mut rng = stream(5, 0);
        for size in [1, 3, 5] {
            let real = random_symmetric(&mut rng, size).map(|x| c64::new(x.re, 0.0));
            for m in [random_block(&mut rng, size, size), real] {
                let w = Block::identity(size).plus_scaled(0.3, &random_symmetric(&mut rng, size));
                let frame = Frame::of(&diagonalizing(&w, &m).expect("regular"));
                let seen = |k: Block<Precise>| k.map(Lane::rounded);
                let (m, w) = (seen(frame.turn(&m.map(Precise::complex))), seen(frame.weigh(&w.map(Precise::complex))));
                for i in 0..size {
                    assert!((w.at(i, i) - 1.0).norm() < 1e-12);
                    assert!((0..size).all(|j| i == j || m.at(i, j).norm() < 1e-12), "{m:?}");
                    assert!(i == 0 || m.at(i, i).re <= m.at(i - 1, i - 1).re);
                }
            }
        }
    }

    #[test]
    fn without_eigenvectors_of_a_length_there_are_none() {
        // The only eigenvector of Mᵀ is (1, i), of length 0 by W = 1; then a Jordan block.
        let i = c64::new(0.0, 1.0);
        let m = Block::from_fn(2, 2, |a, b| [[c64::new(2.0, 0.0), i], [i, ZERO]][a][b]);
        assert!(diagonalizing(&Block::identity(2), &m).is_none());
        let jordan = Block::from_fn(2, 2, |a, b| c64::new(f64::from(u8::from(a <= b)), 0.0));
        assert!(diagonalizing(&Block::identity(2), &jordan).is_none());
    }
}
