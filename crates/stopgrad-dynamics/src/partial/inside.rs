//! The linearised equation inside the row space of P: the full-rank problem of the projected views.
//!
//! With Q the row space (orthonormal rows in which X' = QXQᵀ is diagonal), P = TQ, Y' = QYQᵀ, S = TᵀT and K =
//! X'^{1/2} S X'^{1/2} + λI, the defect F = bᵀR + λP, b the best predictor, holds inside the row space what the Riccati
//! equation of `maximal` holds: its defect is E = λ⁻¹ K X'^{−1/2} T⁻¹ F Qᵀ X'^{−1/2} K, at every P (docs/theory.md, 3.11).
//! E depends on S alone, so that the orbit is gone, and its linearisation is a Lyapunov operator minus a positive map:
//! 2 to 5 products of r × r matrices solve it to three digits, near folds too.

use faer::{Mat, MatRef};

use super::row_space::RowSpace;
use crate::linalg::{LinalgError, LuFactors, product, product_symmetric, symmetric_part};
use crate::maximal::{Lyapunov, Riccati};

/// The projected problem at a point.
pub(super) struct Inside {
    /// Of T.
    encoder: LuFactors,
    problem: Riccati,
    /// T.
    rows: Mat<f64>,
    /// K, and its factors.
    state: Mat<f64>,
    inverse: LuFactors,
    lyapunov: Lyapunov,
    decay: f64,
    goal: f64,
}

/// Products of one system; near a fold some 20.
const MAX_PRODUCTS: usize = 60;

impl Inside {
    /// For systems that are to be solved to `goal`.
    ///
    /// # Errors      [`LinalgError`] when P is not finite
    /// # Cost        an r × r eigendecomposition
    pub(super) fn new(space: &RowSpace, decay: f64, goal: f64) -> Result<Self, LinalgError> {
        let r = space.encoder.nrows();
        let variances = &space.views.variances;
        let half = Mat::from_fn(r, r, |i, j| space.encoder[(i, j)] * variances[j].sqrt());
        let mut state = product_symmetric(half.transpose(), half.as_ref());
        (0..r).for_each(|i| state[(i, i)] += decay);
        let problem = Riccati::new(&space.views);
        let lyapunov = problem.exact_lyapunov(state.as_ref())?;
        let (encoder, inverse) = (LuFactors::new(space.encoder.as_ref()), LuFactors::new(state.as_ref()));
        Ok(Self { encoder, problem, rows: space.encoder.clone(), state, inverse, lyapunov, decay, goal })
    }

    /// D Qᵀ, free of the orbit, from F Qᵀ: r × r → r × r.
    ///
    /// Of DᵀP + PᵀD = H the solution is D = ½ T^{−T} H.
    pub(super) fn solve(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let r = image.nrows();
        let roots = self.roots();
        let pushed = self.pushed(image);
        // Symmetric but for rounding at an equilibrium.
        let right = symmetric_part(pushed.as_ref());
        let change = self.problem.solve(self.state.as_ref(), right, &self.lyapunov, (self.goal, MAX_PRODUCTS)).x;
        let half = Mat::from_fn(r, r, |i, j| 0.5 * change[(i, j)] / (roots[i] * roots[j]));
        self.encoder.solve_transposed(half.as_ref())
    }

    /// The part of F Qᵀ with an antisymmetric E: what no change of S brings about, only a turning under a shift.
    pub(super) fn turning_part(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let r = image.nrows();
        let roots = self.roots();
        let pushed = self.pushed(image);
        let odd = Mat::from_fn(r, r, |i, j| 0.5 * (pushed[(i, j)] - pushed[(j, i)]));
        let left = self.inverse.solve(odd.as_ref());
        let both = self.inverse.solve(left.transpose());
        let pulled = Mat::from_fn(r, r, |i, j| self.decay * roots[i] * roots[j] * both[(j, i)]);
        product(self.rows.as_ref(), pulled.as_ref())
    }

    fn roots(&self) -> Vec<f64> {
        self.problem.variances().iter().map(|rho| rho.sqrt()).collect()
    }

    /// E from F Qᵀ.
    fn pushed(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let r = image.nrows();
        let roots = self.roots();
        let plain = self.encoder.solve(image);
        let divided = Mat::from_fn(r, r, |i, j| plain[(i, j)] / (self.decay * roots[i] * roots[j]));
        product(self.state.as_ref(), product(divided.as_ref(), self.state.as_ref()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{add_scaled, frobenius};
    use crate::partial::factors::Factors;
    use crate::testing::{largest_attractor, sample_moments};
    use crate::{DEFAULT_SUPPORT_THRESHOLD, Support};

    #[test]
    fn what_a_change_inside_the_row_space_does_is_undone() {
        let decay = 0.05;
        for seed in 0..8 {
            // Rank 3 in 7 dimensions.
            let support = Support::new(&sample_moments(7, seed), DEFAULT_SUPPORT_THRESHOLD).unwrap();
            let factors = Factors { support: &support, decay };
            let at = factors.point(largest_attractor(&support, decay, 3)).unwrap();
            let space = RowSpace::new(&at, &support).unwrap();
            let inside = Inside::new(&space, decay, 1e-10).unwrap();
            let r = at.p.nrows();
            let change = symmetric_part(Mat::from_fn(r, r, |i, j| ((1 + 3 * i + 5 * j) as f64).sin()).as_ref());
            let d = inside.encoder.solve_transposed(change.as_ref());
            let whole = product(d.as_ref(), space.rows.as_ref());
            let weight = Factors::weight(&at, 0.0);
            let image = factors.linearized(&at, whole.as_ref(), 0.0, &weight);
            let mut back = inside.solve(product(image.as_ref(), space.rows.transpose()).as_ref());
            add_scaled(&mut back, -1.0, d.as_ref());
            let off = frobenius(back.as_ref()) / frobenius(d.as_ref());
            assert!(off < 1e-7, "seed {seed}, rank {r}: {off:e}");
        }
    }
}
