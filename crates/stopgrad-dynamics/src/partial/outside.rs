//! The linearised equation outside the row space of P: how the row space tilts.
//!
//! Of D⊥ with D⊥XPᵀ = 0, seen by columns Z with PXZᵀ = 0, row i goes through O_i = b_i² ZXZᵀ − b_i ZYZᵀ + λ ZZᵀ, and what else
//! couples in or out is of the order of λ: there PYZᵀ = λ b^{−T} PZᵀ at an equilibrium (docs/theory.md, 3.11). O_i is nearly
//! singular where a kept row and a mode left out are both near the fold; where the spectrum is dense these are thousands of
//! pairs. With ZXZᵀ = I and β(ZYZᵀ) − λZZᵀ = diag(h), β the size of the weakest rows, O_i = b_i² − (b_i/β)h + λ(1 − b_i/β)ZZᵀ:
//! diagonal for the hardest rows, and 3 to 6 rounds of conjugate gradients for all rows at once.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::factors::Point;
use super::row_space::RowSpace;
use crate::Support;
use crate::linalg::{
    LinalgError, add_scaled, add_transpose, frobenius, product, product_symmetric, symmetric_eigen, symmetric_part,
};

/// The tilt of the row space, row by row.
pub(super) struct Outside {
    /// Z: n × k with n = k − r.
    basis: Mat<f64>,
    /// ZZᵀ.
    gram: Mat<f64>,
    /// λ (1 − b_i/β).
    weights: Vec<f64>,
    /// b_i² − (b_i/β) h_j: r × n.
    diagonal: Mat<f64>,
    /// The diagonal of O_i, kept positive: r × n.
    scale: Mat<f64>,
    /// The least share of b²ZXZᵀ + λZZᵀ that the diagonal comes to: far below 0, a row would turn.
    least: f64,
    goal: f64,
}

/// Rounds of conjugate gradients.
const MAX_ROUNDS: usize = 30;
/// Least share of b²ZXZᵀ + λZZᵀ at which the diagonal is kept.
const LEAST: f64 = 0.01;
/// β is exceeded by all rows but this share.
const WEAKEST: usize = 20;

impl Outside {
    /// For systems that are to be solved to `goal`, with λ + σ as `decay`.
    ///
    /// # Requires    a point in the predictor's gauge
    /// # Errors      [`LinalgError`] when P is not finite
    /// # Cost        a k × k eigendecomposition
    pub(super) fn new(
        at: &Point, space: &RowSpace, support: &Support, decay: f64, goal: f64,
    ) -> Result<Self, LinalgError> {
        let (r, k) = at.p.shape();
        let n = k - r;
        let b: Vec<f64> = (0..r).map(|i| at.b[(i, i)]).collect();
        let mut sizes: Vec<f64> = b.iter().map(|b| b.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let size = sizes[r / WEAKEST];
        let roots: Vec<f64> = support.variances.iter().map(|rho| rho.sqrt()).collect();
        let eigen = symmetric_eigen(projected_pencil(space, support, (size, decay), &roots).as_ref())?;
        let basis = Mat::from_fn(n, k, |i, j| eigen.vectors[(j, i)] / roots[j]);
        let gram = product_symmetric(basis.as_ref(), basis.transpose());
        let weights: Vec<f64> = b.iter().map(|b| decay * (1.0 - b / size)).collect();
        let diagonal = Mat::from_fn(r, n, |i, j| b[i] * b[i] - b[i] / size * eigen.values[j]);
        let mut least = f64::INFINITY;
        let scale = Mat::from_fn(r, n, |i, j| {
            let (value, whole) = (diagonal[(i, j)] + weights[i] * gram[(j, j)], b[i] * b[i] + decay * gram[(j, j)]);
            least = least.min(value / whole);
            value.max(LEAST * whole)
        });
        Ok(Self { basis, gram, weights, diagonal, scale, least, goal })
    }

    /// Whether some row would turn towards what is outside: no equilibrium that attracts is near (docs/theory.md, 4.8).
    pub(super) fn would_turn(&self) -> bool {
        self.least < -LEAST
    }

    /// D⊥ from an image: r × k → r × k.
    ///
    /// # Source      Hestenes, Stiefel 1952, for each row; a row whose O_i shows not positive definite stays where it is
    pub(super) fn solve(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let mut rest = product(image, self.basis.transpose());
        let (r, n) = rest.shape();
        let mut x = Mat::<f64>::zeros(r, n);
        let mut scaled = self.divided(&rest);
        let mut direction = scaled.clone();
        let mut size = row_products(&rest, &scaled);
        let enough = self.goal * self.goal * size.iter().sum::<f64>();
        for _ in 0..MAX_ROUNDS {
            let image = self.apply(&direction);
            let curvature = row_products(&direction, &image);
            let steps: Vec<f64> =
                size.iter().zip(&curvature).map(|(&s, &c)| if s > 0.0 && c > 0.0 { s / c } else { 0.0 }).collect();
            add_rows(&mut x, &direction, |i| steps[i]);
            add_rows(&mut rest, &image, |i| -steps[i]);
            scaled = self.divided(&rest);
            let next = row_products(&rest, &scaled);
            let left: f64 = (0..r).filter(|&i| steps[i] > 0.0).map(|i| next[i]).sum();
            if left <= enough {
                break;
            }
            let ratios: Vec<f64> = (0..r).map(|i| if steps[i] > 0.0 { next[i] / size[i] } else { 0.0 }).collect();
            add_rows(&mut scaled, &direction, |i| ratios[i]);
            direction = scaled;
            size = (0..r).map(|i| if steps[i] > 0.0 { next[i] } else { 0.0 }).collect();
        }
        product(x.as_ref(), self.basis.as_ref())
    }

    fn divided(&self, rows: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)] / self.scale[(i, j)])
    }

    /// O_i on every row.
    fn apply(&self, rows: &Mat<f64>) -> Mat<f64> {
        let mut out = product(rows.as_ref(), self.gram.as_ref());
        for j in 0..out.ncols() {
            let (diagonal, rows) = (self.diagonal.col_as_slice(j), rows.col_as_slice(j));
            for (i, entry) in out.col_as_slice_mut(j).iter_mut().enumerate() {
                *entry = self.weights[i] * *entry + diagonal[i] * rows[i];
            }
        }
        out
    }
}

/// β X^{−1/2} Y X^{−1/2} − λX⁻¹ off the whitened row space, and on it far below everything else.
///
/// With W the orthonormal rows that span QX^{1/2}: (I − WᵀW) K (I − WᵀW) − c WᵀW.
fn projected_pencil(space: &RowSpace, support: &Support, (size, decay): (f64, f64), roots: &[f64]) -> Mat<f64> {
    let (r, k) = space.rows.shape();
    let cross = symmetric_part(support.cross.as_ref());
    let mut pencil = Mat::from_fn(k, k, |i, j| size * cross[(i, j)] / (roots[i] * roots[j]));
    (0..k).for_each(|i| pencil[(i, i)] -= decay / support.variances[i]);
    let white = Mat::from_fn(r, k, |i, j| space.rows[(i, j)] * roots[j] / space.views.variances[i].sqrt());
    let pushed = product(pencil.as_ref(), white.transpose());
    let mut middle = product(white.as_ref(), pushed.as_ref());
    let far = 2.0 * frobenius(pencil.as_ref());
    (0..r).for_each(|i| middle[(i, i)] -= far);
    // K + N + Nᵀ with N = (½Wᵀ(WKWᵀ − c) − KWᵀ) W.
    let mut half = product(white.transpose(), middle.as_ref());
    for j in 0..r {
        for i in 0..k {
            half[(i, j)] = 0.5 * half[(i, j)] - pushed[(i, j)];
        }
    }
    let mut out = product(half.as_ref(), white.as_ref());
    add_transpose(&mut out);
    add_scaled(&mut out, 1.0, pencil.as_ref());
    out
}

/// The inner product of each row with its partner.
fn row_products(a: &Mat<f64>, b: &Mat<f64>) -> Vec<f64> {
    let mut sums = vec![0.0; a.nrows()];
    for j in 0..a.ncols() {
        for ((sum, x), y) in sums.iter_mut().zip(a.col_as_slice(j)).zip(b.col_as_slice(j)) {
            *sum += x * y;
        }
    }
    sums
}

/// Row i of a plus factor(i) times row i of b.
fn add_rows(a: &mut Mat<f64>, b: &Mat<f64>, factor: impl Fn(usize) -> f64 + Sync) {
    a.par_col_iter_mut().enumerate().for_each(|(j, column)| {
        let Some(column) = column.try_as_col_major_mut() else { unreachable!("columns of a matrix are contiguous") };
        for (i, (x, y)) in column.as_slice_mut().iter_mut().zip(b.col_as_slice(j)).enumerate() {
            *x += factor(i) * y;
        }
    });
}
