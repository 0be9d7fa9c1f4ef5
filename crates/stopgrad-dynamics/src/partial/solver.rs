//! The linear systems of Newton's method and of the shifted Jacobian at one point.

use faer::MatRef;

use super::factors::{Factors, Point};
use super::precondition::Preconditioner;
use crate::gmres::{LinearSolution, gmres};
use crate::linalg::{LinalgError, LuFactors};

/// How the part outside the row space is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tilt {
    /// By division, for as long as that is cheaper than what rows by themselves cost to set up.
    Untried,
    /// Rows by themselves.
    Rows,
    /// By division: rows by themselves did not do, as where Y is far from symmetric.
    Division,
}

/// D with (derivative along D, b following as a ridge regression with λ + σ, and σD added) ≈ right.
///
/// Consistent at σ = 0 although the rotations of the rows make it singular there.
pub(super) struct Solver<'a> {
    factors: Factors<'a>,
    at: &'a Point,
    shift: f64,
    goal: f64,
    max_products: usize,
    /// PXPᵀ + λ + σ.
    pub(super) weight: LuFactors,
    preconditioner: Preconditioner,
    /// What did; a hint for the next point.
    pub(super) tilt: Tilt,
    /// Whether a hard system is left unsolved where a row would turn.
    pub(super) only_rest: bool,
}

/// An eigendecomposition costs about as much as this many products with a k × k matrix from both sides;
const DECOMPOSITION: usize = 14;
/// and at least so many are tried without one.
const LEAST_TRIED: usize = 12;
/// Products with rows by themselves: 3 to 30 are the rule.
const ROWS_TRIED: usize = 50;

impl<'a> Solver<'a> {
    /// # Requires    `at` in the predictor's gauge
    /// # Errors      [`LinalgError`] when the point is not finite
    pub(super) fn new(
        factors: &Factors<'a>, at: &'a Point, shift: f64, (goal, max_products): (f64, usize), tilt: Tilt,
    ) -> Result<Self, LinalgError> {
        let preconditioner =
            Preconditioner::new(at, factors.support, (factors.decay, shift), goal, tilt == Tilt::Rows)?;
        let weight = Factors::weight(at, shift);
        Ok(Self { factors: *factors, at, shift, goal, max_products, weight, preconditioner, tilt, only_rest: false })
    }

    /// Whether some row is seen to turn away, at σ = 0.
    pub(super) fn would_turn(&self) -> bool {
        self.shift == 0.0 && self.preconditioner.would_turn()
    }

    /// The solution, with all products made; where one treatment of the outside does not do, the next takes over for good.
    ///
    /// # Errors      [`LinalgError`] when the point is not finite
    pub(super) fn solve(&mut self, right: MatRef<'_, f64>) -> Result<LinearSolution, LinalgError> {
        let (r, k) = self.at.p.shape();
        let mut spent = 0;
        loop {
            let bound = match self.tilt {
                Tilt::Untried if r < k && self.factors.is_dear(r) => {
                    (DECOMPOSITION * k / (r + 8 * r * r / k)).max(LEAST_TRIED)
                }
                Tilt::Rows => ROWS_TRIED,
                _ => self.max_products,
            };
            let mut solution = self.run(right, bound.min(self.max_products));
            let next = match self.tilt {
                Tilt::Untried if r < k => Tilt::Rows,
                Tilt::Rows => Tilt::Division,
                _ => self.tilt,
            };
            if solution.residual <= self.goal || next == self.tilt || self.only_rest && self.would_turn() {
                solution.iterations += spent;
                return Ok(solution);
            }
            spent += solution.iterations;
            self.tilt = next;
            self.preconditioner.treat_outside(self.at, self.factors.support, next == Tilt::Rows)?;
        }
    }

    fn run(&self, right: MatRef<'_, f64>, max_products: usize) -> LinearSolution {
        let apply = |d: MatRef<'_, f64>| {
            let image = self.factors.linearized(self.at, d, self.shift, &self.weight);
            self.preconditioner.solve(image.as_ref())
        };
        let start = self.preconditioner.solve(right);
        gmres(apply, start.as_ref(), self.goal, max_products)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{add_scaled, frobenius};
    use crate::testing::{dense_spectrum, largest_attractor};
    use faer::Mat;

    #[test]
    fn both_treatments_of_the_outside_solve_and_rows_by_themselves_take_fewer_products() {
        let decay = 0.05;
        for seed in 0..4 {
            let support = dense_spectrum(decay, seed);
            let factors = Factors { support: &support, decay };
            let at = factors.point(largest_attractor(&support, decay, 48)).unwrap().in_predictor_gauge().unwrap();
            let (r, k) = at.p.shape();
            assert!(r > 8 && r < 40, "{r}");
            for (shift, gain) in [(0.0, 2), (decay, 1)] {
                let weight = Factors::weight(&at, shift);
                let wave = Mat::from_fn(r, k, |i, j| ((1 + 3 * i + 7 * j) as f64).sin());
                let image = |d: &Mat<f64>| factors.linearized(&at, d.as_ref(), shift, &weight);
                let right = image(&wave);
                let products = [Tilt::Rows, Tilt::Division].map(|tilt| {
                    let mut solver = Solver::new(&factors, &at, shift, (1e-8, 400), tilt).unwrap();
                    let solution = solver.solve(right.as_ref()).unwrap();
                    assert_eq!(solver.tilt, tilt, "it did not do: {:e}", solution.residual);
                    let mut rest = image(&solution.x);
                    add_scaled(&mut rest, -1.0, right.as_ref());
                    let off = frobenius(rest.as_ref()) / frobenius(right.as_ref());
                    assert!(off < 1e-6, "seed {seed}, {tilt:?}: {off:e}");
                    solution.iterations
                });
                assert!(gain * products[0] < products[1], "seed {seed}, σ = {shift}: {products:?}");
            }
        }
    }
}
