//! Coordinates that move with a path.
//!
//! Near infinity a solution is large, nearly nilpotent, and what tells it from others hides in its last digits: at the
//! size 10⁸ Newton's method needs 10⁻¹⁴ of it, and the Jacobian's condition passes 10²⁰. In the coordinates of a
//! congruence, T = A T' Aᵀ, that makes solution and parameters together as small as they can be, the system is as tame
//! as elsewhere. A and its inverse are kept in twice the precision, so that parameters in the new coordinates, whose
//! digits cancel, are right to the last place of a double. Rejected: following such stretches in twice the precision
//! throughout (the steps stay as small as before, at twenty times the price), and the singular vectors of T alone.

use faer::c64;

use super::block::Block;
use super::jacobian::solve_left;
use super::precise::Precise;
use super::ring::Ring;

/// A congruence and its inverse: a = A, b = A⁻¹.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) a: Block<Precise>,
    pub(crate) b: Block<Precise>,
}

impl Frame {
    pub(crate) fn identity(size: usize) -> Self {
        Self { a: Block::identity(size), b: Block::identity(size) }
    }

    /// From A in double precision, which then is exact.
    pub(crate) fn of(a: &Block<c64>) -> Self {
        let a = a.map(Precise::complex);
        let b = solve_left(&a, &Block::identity(a.rows));
        Self { a, b }
    }

    /// The way back.
    pub(crate) fn inverse(&self) -> Self {
        Self { a: self.b, b: self.a }
    }

    /// This frame, then another within it.
    pub(crate) fn then(&self, inner: &Self) -> Self {
        Self { a: self.a.times(&inner.a), b: inner.b.times(&self.b) }
    }

    /// A⁻¹ K A⁻ᵀ: how T, C and λ come into the frame.
    pub(crate) fn pull(&self, matrix: &Block<Precise>) -> Block<Precise> {
        self.b.times(matrix).times(&self.b.transposed())
    }

    /// A K Aᵀ: back.
    pub(crate) fn push(&self, matrix: &Block<Precise>) -> Block<Precise> {
        self.a.times(matrix).times(&self.a.transposed())
    }

    /// Aᵀ W A.
    pub(crate) fn weigh(&self, matrix: &Block<Precise>) -> Block<Precise> {
        self.a.transposed_times(&matrix.times(&self.a))
    }

    /// Aᵀ M A⁻ᵀ.
    pub(crate) fn turn(&self, matrix: &Block<Precise>) -> Block<Precise> {
        self.a.transposed_times(&matrix.times(&self.b.transposed()))
    }
}

/// Matrices that a congruence moves, by how it moves them.
pub(crate) struct Moved<'a> {
    /// K ↦ A⁻¹ K A⁻ᵀ, symmetric.
    pub(crate) pulled: &'a [Block<c64>],
    /// K ↦ Aᵀ K A, symmetric.
    pub(crate) weighed: &'a [Block<c64>],
    /// K ↦ Aᵀ K A⁻ᵀ.
    pub(crate) turned: &'a [Block<c64>],
}

/// Size of the gradient, relative to the sum of squares, from which on a frame is changed, and to which it is brought.
pub(crate) const ON_THE_WAY: (f64, f64) = (1.5, 0.5);
/// The same where a proof needs the best frame there is.
pub(crate) const AT_ITS_BEST: (f64, f64) = (0.05, 0.03);
/// Gradient steps at most; those that are missing follow after the next step of the path.
const STEPS: usize = 24;
/// A step along the gradient; its entries are at most four times the sum of squares.
const RATE: f64 = 0.15;

/// The frame in which the sum of squares of all matrices is least, or a step towards it; `None` where it is nearly so
/// already, or something is no number.
///
/// The sum is convex along geodesics of positive definite A Aᴴ, so that its gradient leads there from anywhere.
///
/// # Source      Kempf, Ness 1979 (minimal vectors)
pub(crate) fn balance(moved: &Moved<'_>, (spoiled, balanced): (f64, f64)) -> Option<Block<c64>> {
    let size = moved.weighed[0].rows;
    let [mut pulled, mut weighed, mut turned] = [moved.pulled, moved.weighed, moved.turned].map(<[_]>::to_vec);
    let mut out: Option<Block<c64>> = None;
    for _ in 0..STEPS {
        let mut gradient = Block::zeros(size, size);
        let mut sum = 0.0;
        let mut add = |sign: f64, left: &Block<c64>, right: &Block<c64>| {
            gradient = gradient.plus_scaled(sign, &left.times(right));
        };
        for k in &pulled {
            add(-4.0, k, &adjoint(k));
        }
        for k in &weighed {
            add(4.0, &adjoint(k), k);
        }
        for k in &turned {
            // (K Kᴴ − Kᴴ K)ᵀ
            let (flat, conj) = (k.transposed(), k.map(|x| x.conj()));
            add(2.0, &conj, &flat);
            add(-2.0, &flat, &conj);
        }
        for k in pulled.iter().chain(&weighed).chain(&turned) {
            sum += square(k);
        }
        let length = square(&gradient).sqrt();
        if !(length.is_finite() && sum > 0.0) {
            return None;
        }
        if length <= sum * if out.is_none() { spoiled } else { balanced } {
            break;
        }
        // exp of a Hermitian matrix of size below 1, to second order: any regular matrix will do.
        let x = gradient.scaled(c64::new(-RATE / sum, 0.0));
        let half = x.times(&x).scaled(c64::new(0.5, 0.0));
        let (a, b) = (x.plus(&half).shifted(c64::new(1.0, 0.0)), half.minus(&x).shifted(c64::new(1.0, 0.0)));
        let (at, bt) = (a.transposed(), b.transposed());
        for k in &mut pulled {
            *k = b.times(k).times(&bt);
        }
        for k in &mut weighed {
            *k = at.times(k).times(&a);
        }
        for k in &mut turned {
            *k = at.times(k).times(&bt);
        }
        out = Some(out.map_or(a, |before| before.times(&a)));
    }
    out
}

fn adjoint(matrix: &Block<c64>) -> Block<c64> {
    Block::from_fn(matrix.columns, matrix.rows, |i, j| matrix.at(j, i).conj())
}

/// Σ |Kᵢⱼ|².
fn square(matrix: &Block<c64>) -> f64 {
    (0..matrix.rows).map(|i| (0..matrix.columns).map(|j| matrix.at(i, j).norm_sqr()).sum::<f64>()).sum()
}

/// Ratio of singular values to 1 up to which a frame of a stratum is kept.
const SPREAD: f64 = 8.0;
/// Sweeps over the pairs of columns, at most; six are enough to the last digit.
const SWEEPS: usize = 12;

/// The A in which a symmetric matrix of rank r is phases in its first r rows and columns and 0 elsewhere; `None` where its
/// singular values are near 1 already, or something is no number.
///
/// What is small counts on a stratum as much as what is large: where a mode vanishes the stratum ends. The other columns
/// are orthogonal to the first, as long as the shortest.
pub(crate) fn scaled(matrix: &Block<c64>, rank: usize) -> Option<Block<c64>> {
    let m = matrix.rows;
    let (columns, sizes) = orthogonal_columns(matrix)?;
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&i, &j| sizes[j].total_cmp(&sizes[i]));
    let (largest, least) = (sizes[order[0]], sizes[order[rank - 1]]);
    if !(least > 0.0 && largest.is_finite()) || (largest <= SPREAD && least >= 1.0 / SPREAD) {
        return None;
    }
    let unit = Block::from_fn(m, rank, |i, j| columns.at(i, order[j]) / sizes[order[j]]);
    let unit = aligned(&unit);
    Some(Block::from_fn(m, m, |i, j| unit.at(i, j) * sizes[order[j.min(rank - 1)]].sqrt()))
}

/// K V with orthogonal columns for a unitary V, and their lengths: one-sided Jacobi, which keeps small columns' digits.
///
/// # Source      Hestenes 1958; Demmel, Veselić 1992 for the accuracy
fn orthogonal_columns(matrix: &Block<c64>) -> Option<(Block<c64>, Vec<f64>)> {
    let (mut out, m) = (*matrix, matrix.rows);
    let inner = |x: &Block<c64>, i: usize, j: usize| (0..m).map(|k| x.at(k, i).conj() * x.at(k, j)).sum::<c64>();
    for _ in 0..SWEEPS {
        let mut turned = false;
        for i in 0..m {
            for j in i + 1..m {
                let (alpha, beta, gamma) = (inner(&out, i, i).re, inner(&out, j, j).re, inner(&out, i, j));
                let size = gamma.norm();
                if size.is_nan() {
                    return None;
                }
                if size <= 1e-15 * (alpha * beta).sqrt() {
                    continue;
                }
                turned = true;
                let phase = gamma / size;
                let zeta = (beta - alpha) / (2.0 * size);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                let s = c * t;
                for k in 0..m {
                    let (x, y) = (out.at(k, i), out.at(k, j) * phase.conj());
                    out.set(k, i, x * c - y * s);
                    out.set(k, j, x * s + y * c);
                }
            }
        }
        if !turned {
            break;
        }
    }
    let sizes = (0..m).map(|j| inner(&out, j, j).re.sqrt()).collect();
    Some((out, sizes))
}

/// A unitary matrix whose first columns span those of V.
pub(crate) fn aligned(v: &Block<c64>) -> Block<c64> {
    let (m, rank) = (v.rows, v.columns);
    let mut unit = Block::from_fn(m, m, |i, j| if j < rank { v.at(i, j) } else { c64::new(0.0, 0.0) });
    complete(&mut unit, 0, rank);
    complete(&mut unit, rank, m);
    unit
}

/// Columns `from` to `to` made orthonormal to those before; beyond the rank they start from the axes.
fn complete(unit: &mut Block<c64>, from: usize, to: usize) {
    let m = unit.rows;
    let rest = |unit: &Block<c64>, j: usize, mut column: Vec<c64>| {
        for _ in 0..2 {
            for k in 0..j {
                let part: c64 = (0..m).map(|i| unit.at(i, k).conj() * column[i]).sum();
                column.iter_mut().enumerate().for_each(|(i, x)| *x -= unit.at(i, k) * part);
            }
        }
        (column.iter().map(c64::norm_sqr).sum::<f64>().sqrt(), column)
    };
    for j in from..to {
        let own: Vec<c64> = (0..m).map(|i| unit.at(i, j)).collect();
        let is_empty = own.iter().all(|x| x.norm_sqr() == 0.0);
        let axis = |axis: usize| (0..m).map(|i| c64::new(f64::from(u8::from(i == axis)), 0.0)).collect();
        let best = if is_empty {
            // The axis that is farthest from the columns so far.
            (0..m).map(|k| rest(unit, j, axis(k))).max_by(|a, b| a.0.total_cmp(&b.0))
        } else {
            Some(rest(unit, j, own))
        };
        let Some((length, column)) = best else { return };
        for (i, x) in column.into_iter().enumerate() {
            unit.set(i, j, x / length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::family::{random_block, random_symmetric};
    use crate::polynomial::lanes::Lane;
    use crate::random::stream;

    #[test]
    fn a_balanced_frame_tames_what_a_congruence_spoiled() {
        let mut rng = stream(3, 0);
        for m in [2, 4, 6] {
            let [t, c, w] = [(); 3].map(|()| random_symmetric(&mut rng, m));
            let k = random_block(&mut rng, m, m);
            let sum = |parts: &[Block<c64>]| parts.iter().map(square).sum::<f64>();
            let before = sum(&[t, c, w, k]);
            let graded =
                Block::from_fn(
                    m,
                    m,
                    |i, j| if i == j { c64::new(4f64.powi(i as i32), 0.0) } else { c64::new(0.0, 0.0) },
                );
            let frame = Frame::of(&random_block(&mut rng, m, m).times(&graded));
            let lift = |x: &Block<c64>| x.map(Precise::complex);
            let low = |x: Block<Precise>| x.map(Lane::rounded);
            let mut parts = [
                low(frame.pull(&lift(&t))),
                low(frame.pull(&lift(&c))),
                low(frame.weigh(&lift(&w))),
                low(frame.turn(&lift(&k))),
            ];
            let spoiled = sum(&parts);
            assert!(spoiled > 10.0 * before);
            for _ in 0..20 {
                let moved = Moved { pulled: &parts[..2], weighed: &parts[2..3], turned: &parts[3..] };
                let Some(a) = balance(&moved, ON_THE_WAY) else { break };
                let inner = Frame::of(&a);
                let [t, c, w, k] = parts.map(|x| lift(&x));
                parts = [low(inner.pull(&t)), low(inner.pull(&c)), low(inner.weigh(&w)), low(inner.turn(&k))];
            }
            assert!(sum(&parts) < (10.0 * before).min(0.2 * spoiled), "{m}: {} {before} {spoiled}", sum(&parts));
        }
    }

    #[test]
    fn a_frame_and_back_is_where_it_was() {
        let mut rng = stream(4, 0);
        let frame = Frame::of(&random_block(&mut rng, 5, 5));
        let s = random_symmetric(&mut rng, 5).map(Precise::complex);
        let rest = frame.push(&frame.pull(&s)).minus(&s).map(Lane::rounded);
        assert!(square(&rest).sqrt() < 1e-28, "{rest:?}");
        let inner = Frame::of(&random_block(&mut rng, 5, 5));
        let both = frame.then(&inner);
        assert!(square(&both.pull(&s).minus(&inner.pull(&frame.pull(&s))).map(Lane::rounded)).sqrt() < 1e-27);
    }

    #[test]
    fn an_aligned_frame_is_unitary_and_begins_with_the_columns() {
        let mut rng = stream(5, 0);
        let v = random_block(&mut rng, 5, 2);
        let u = aligned(&v);
        let defect = adjoint(&u).times(&u).minus(&Block::identity(5));
        assert!(square(&defect) < 1e-28);
        let inside = adjoint(&u).times(&v);
        assert!((2..5).all(|i| (0..2).all(|j| inside.at(i, j).norm() < 1e-14)));
    }
}
