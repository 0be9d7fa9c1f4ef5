//! The shifted equation inside the row space of P: a problem of r × r unknowns, solved as its size allows.
//!
//! Up to [`EXACT`] rows it is one dense matrix, factored once for all the systems of a shift. Beyond, a change is a turning
//! ΩP and a change of S. Without a shift a turning has no image, and the image of a change of S has a symmetric E
//! (docs/theory.md, 3.11): so the part of F with an antisymmetric E is due to the turning, which is found by the rule of
//! pairs, and what is left is solved as if there were no shift, to which a rate z answers with 1 + σ/z instead of 1. Around
//! it 4 to 12 products do. Rejected: products of r × r matrices after the rule of pairs alone, 10 to 150 of them for each of
//! the others.

use faer::{Mat, MatRef};

use super::factors::{Factors, Point};
use super::inside::Inside;
use super::pairs::Pairs;
use super::row_space::RowSpace;
use crate::Support;
use crate::linalg::{LinalgError, LuFactors, add_scaled, product};

/// The projected problem at a point in the predictor's gauge, shifted by σ.
pub(super) struct Projected {
    views: Support,
    /// T and what follows from it.
    at: Point,
    weight: LuFactors,
    decay: f64,
    shift: f64,
    solver: Solver,
}

enum Solver {
    Exact(LuFactors),
    /// The turning, by pairs of rows, then the change of S without a shift.
    Parts(Box<(Pairs, Inside)>),
}

/// Rows up to which the r² × r² matrix is factored: 40, a fifth of a second.
const EXACT: usize = 40;

impl Projected {
    /// # Errors      [`LinalgError`] when P is not finite
    pub(super) fn new(space: &RowSpace, decays: (f64, f64), goal: f64) -> Result<Self, LinalgError> {
        Self::up_to(EXACT, space, decays, goal)
    }

    fn up_to(exact: usize, space: &RowSpace, (decay, shift): (f64, f64), goal: f64) -> Result<Self, LinalgError> {
        let views = space.views.clone();
        let at = Factors { support: &views, decay }.point(space.encoder.clone())?;
        let weight = Factors::weight(&at, shift);
        let solver = if at.p.nrows() <= exact {
            Solver::Exact(LuFactors::new(dense(&views, &at, (decay, shift), &weight).as_ref()))
        } else {
            Solver::Parts(Box::new((Pairs::new(&at, (decay, shift)), Inside::new(space, decay, goal)?)))
        };
        Ok(Self { views, at, weight, decay, shift, solver })
    }

    /// D Qᵀ from F Qᵀ: r × r → r × r.
    pub(super) fn solve(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let r = image.nrows();
        match &self.solver {
            Solver::Exact(factors) => {
                let solution = factors.solve(Mat::from_fn(r * r, 1, |at, _| image[(at % r, at / r)]).as_ref());
                Mat::from_fn(r, r, |i, j| solution[(i + j * r, 0)])
            }
            Solver::Parts(parts) => {
                let (pairs, inside) = &**parts;
                let factors = Factors { support: &self.views, decay: self.decay };
                let omega = pairs.turning(inside.turning_part(image).as_ref());
                let mut change = product(omega.as_ref(), self.at.p.as_ref());
                let mut rest = image.to_owned();
                let image = factors.linearized(&self.at, change.as_ref(), self.shift, &self.weight);
                add_scaled(&mut rest, -1.0, image.as_ref());
                add_scaled(&mut change, 1.0, inside.solve(rest.as_ref()).as_ref());
                change
            }
        }
    }
}

/// The equation as a matrix on columns below each other.
fn dense(views: &Support, at: &Point, (decay, shift): (f64, f64), weight: &LuFactors) -> Mat<f64> {
    let factors = Factors { support: views, decay };
    let r = at.p.nrows();
    let mut matrix = Mat::zeros(r * r, r * r);
    for column in 0..r * r {
        let unit = Mat::from_fn(r, r, |i, j| if i + j * r == column { 1.0 } else { 0.0 });
        let image = factors.linearized(at, unit.as_ref(), shift, weight);
        for j in 0..r {
            matrix.col_as_slice_mut(column)[j * r..(j + 1) * r].copy_from_slice(image.col_as_slice(j));
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Support;
    use crate::gmres::gmres;
    use crate::linalg::frobenius;
    use crate::testing::{dense_spectrum, largest_attractor};

    #[test]
    fn one_matrix_and_two_parts_solve_the_same_equation() {
        let decay = 0.05;
        for seed in 0..3 {
            let support: Support = dense_spectrum(decay, seed);
            let factors = Factors { support: &support, decay };
            let at = factors.point(largest_attractor(&support, decay, 48)).unwrap().in_predictor_gauge().unwrap();
            let space = RowSpace::new(&at, &support).unwrap();
            let r = at.p.nrows();
            let wave = Mat::from_fn(r, r, |i, j| ((1 + 3 * i + 7 * j) as f64).sin());
            for shift in [0.3 * decay, decay] {
                let [exact, parts] = [r, 0].map(|up_to| Projected::up_to(up_to, &space, (decay, shift), 1e-6).unwrap());
                let views = Factors { support: &exact.views, decay };
                let apply = |d: MatRef<'_, f64>| views.linearized(&exact.at, d, shift, &exact.weight);
                let off = |mut found: Mat<f64>| {
                    add_scaled(&mut found, -1.0, wave.as_ref());
                    frobenius(found.as_ref()) / frobenius(wave.as_ref())
                };
                let image = apply(wave.as_ref());
                let alone = off(exact.solve(image.as_ref()));
                assert!(alone < 1e-9, "seed {seed}, σ = {shift}: {alone:e}");
                let solve = |d: MatRef<'_, f64>| parts.solve(apply(d).as_ref());
                let solution = gmres(solve, parts.solve(image.as_ref()).as_ref(), 1e-9, 60);
                let both = off(solution.x);
                assert!(both < 1e-6, "seed {seed}, σ = {shift}: {both:e} after {}", solution.iterations);
                assert!(solution.iterations <= 20, "seed {seed}, σ = {shift}: {} products", solution.iterations);
            }
        }
    }
}
