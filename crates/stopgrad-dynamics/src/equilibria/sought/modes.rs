//! Solutions of the quadratic eigenvalue problem joined to a guess of higher rank.
//!
//! Rows P with P M = bP + λb⁻¹PX⁻¹ come from any r eigenpairs; an equilibrium has b⁻ᵀ there and bᵀb = PPᵀ (docs/theory.md, 3.4).
//! The second can be met in other coordinates of the rows: S = PᵀHP where HLH = bᵀHb, L = PPᵀ, and H ↦ L⁻¹ # bᵀHb, a geometric mean,
//! halves every distance of positive matrices, so that there is one such H and it is found. It is exact where b is symmetric
//! then, as for diagonal views.

use faer::Mat;

use super::super::{Problem, rank_one};
use super::newton::Real;
use crate::linalg::{frobenius, product, symmetric_eigen};

/// One real eigenvalue, or a pair of conjugate ones.
pub(super) struct Mode {
    /// Rows pX^{1/2}, one or two.
    rows: Vec<Vec<f64>>,
    /// b = β₀ + iβ₁.
    b: [f64; 2],
}

impl Mode {
    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }
}

/// All modes of an instance.
pub(super) fn modes(problem: &Problem) -> Vec<Mode> {
    let mode = |(b, u): (faer::c64, Vec<faer::c64>)| {
        let real = u.iter().map(|x| x.re).collect();
        let rows = if b.im > 0.0 { vec![real, u.iter().map(|x| x.im).collect()] } else { vec![real] };
        Mode { rows, b: [b.re, b.im] }
    };
    rank_one::eigenpairs(problem).into_iter().map(mode).collect()
}

/// Distances of positive matrices are halved so often: to 10⁻⁶ of themselves.
const HALVINGS: usize = 20;
/// Least eigenvalue of L over the largest at which rows are still independent.
const INDEPENDENT: f64 = 1e-10;

/// S' of the rank of all modes together; `None` where their rows are dependent. `scales`: variances over the unit of S'.
pub(super) fn joined(modes: &[&Mode], scales: &[f64]) -> Option<Real> {
    let rows: Vec<&Vec<f64>> = modes.iter().flat_map(|mode| &mode.rows).collect();
    let (r, k) = (rows.len(), scales.len());
    // Of rows divided by √(ρ/unit): H comes out divided by the unit, as S' is.
    let gram = Mat::from_fn(r, r, |i, j| (0..k).map(|a| rows[i][a] * rows[j][a] / scales[a]).sum::<f64>());
    let mut b = Mat::zeros(r, r);
    let mut at = 0;
    for mode in modes {
        let [re, im] = mode.b;
        for i in 0..mode.rank() {
            b[(at + i, at + i)] = re;
        }
        if mode.rank() == 2 {
            (b[(at, at + 1)], b[(at + 1, at)]) = (-im, im);
        }
        at += mode.rank();
    }
    let (root, inverse) = roots(&gram, INDEPENDENT)?;
    let mut h = Mat::identity(r, r);
    for _ in 0..HALVINGS {
        let c = product(product(b.transpose(), h.as_ref()).as_ref(), b.as_ref());
        let inner = product(product(root.as_ref(), c.as_ref()).as_ref(), root.as_ref());
        let (middle, _) = roots(&inner, 0.0)?;
        h = product(product(inverse.as_ref(), middle.as_ref()).as_ref(), inverse.as_ref());
    }
    let entry = |i: usize, j: usize| {
        let terms = (0..r).flat_map(|x| (0..r).map(move |y| (x, y)));
        terms.map(|(x, y)| rows[x][i] * h[(x, y)] * rows[y][j]).sum::<f64>()
    };
    Some((0..k * k).map(|at| entry(at / k, at % k)).collect())
}

/// A^{1/2} and A^{-1/2}; `None` where the least eigenvalue is no more than this share of |A|.
fn roots(a: &Mat<f64>, floor: f64) -> Option<(Mat<f64>, Mat<f64>)> {
    let eigen = symmetric_eigen(a.as_ref()).ok()?;
    let least = *eigen.values.last()?;
    if least.is_nan() || least <= floor * frobenius(a.as_ref()) {
        return None;
    }
    let power = |exponent: f64| {
        let scaled = Mat::from_fn(a.nrows(), a.nrows(), |i, j| eigen.vectors[(i, j)] * eigen.values[j].powf(exponent));
        product(scaled.as_ref(), eigen.vectors.transpose())
    };
    Some((power(0.5), power(-0.5)))
}
