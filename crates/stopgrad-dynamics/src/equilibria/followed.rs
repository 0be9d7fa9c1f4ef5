//! Solutions of rank two and more: the fibre of a generic instance, followed to this one.

use faer::{Mat, c64};

use super::{Problem, Stratum, status};
use crate::linalg::frobenius;
use crate::polynomial::certificate::{Guess, certified_root};
use crate::polynomial::fibre::{Whitened, generic_count, solve_rank};
use crate::polynomial::ring::Dense;

/// `None` for ranks and sizes that no fibre comes along for.
pub(super) fn stratum(problem: &Problem, rank: usize) -> Option<Stratum> {
    let expected = generic_count(problem.size(), rank);
    let units = Units::new(problem);
    let judge = |guess| certified_root(&problem.exact, &units.back(problem, guess), rank);
    let (roots, counts) = solve_rank(&units.instance, rank, &judge)?;
    Some(Stratum { rank, status: status(&roots, expected, &counts), roots, expected, counts, starts: 0 })
}

/// The whitened instance in units in which its parameters are of size 1.
pub(super) struct Units {
    instance: Whitened,
    /// u.
    pub(super) unit: f64,
}

impl Units {
    /// S = u S', M = μ M' with |M'|² = k, and W = μ²/u W' with W' of geometric mean 1.
    pub(super) fn new(problem: &Problem) -> Self {
        let k = problem.size();
        let variances = &problem.support.variances;
        let mu = frobenius(problem.whitened.as_ref()) / (k as f64).sqrt();
        let mean = (variances.iter().map(|rho| rho.ln()).sum::<f64>() / k as f64).exp();
        let unit = mu * mu * mean;
        let m = Mat::from_fn(k, k, |i, j| problem.whitened[(i, j)] / mu);
        let w = Mat::from_fn(k, k, |i, j| if i == j { mean / variances[i] } else { 0.0 });
        Self { instance: Whitened { w, m, decay: problem.weight_decay / unit }, unit }
    }

    /// The frame in the coordinates of the exact moments.
    pub(super) fn back(&self, problem: &Problem, guess: Guess) -> Guess {
        let k = problem.size();
        let scale: Vec<f64> = problem.support.variances.iter().map(|rho| (self.unit / rho).sqrt()).collect();
        let frame = guess.frame.map(|a| {
            let inside = Dense::from_fn(k, k, |i, j| a.at(i, j) * scale[i]);
            if problem.directions.is_some() {
                return inside;
            }
            Dense::from_fn(k, k, |i, j| c64::new(problem.support.directions[(i, j)], 0.0)).times(&inside)
        });
        Guess { frame, ..guess }
    }
}
