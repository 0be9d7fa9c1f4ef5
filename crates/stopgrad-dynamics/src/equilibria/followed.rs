//! Solutions of rank two and more: the fibre of a generic instance, followed to this one.

use faer::{Mat, c64};
use rayon::prelude::*;

use super::{Problem, Stratum, StratumStatus, status};
use crate::linalg::{frobenius, singular_values};
use crate::polynomial::certificate::{Guess, Root, certified_root};
use crate::polynomial::fibre::{Whitened, generic_count, solve_rank};
use crate::polynomial::ring::Dense;
use crate::polynomial::solve::PathCounts;

/// Singular values of the whitened Y below this share of the largest are rounding.
const SINGULAR: f64 = 1e-13;

pub(super) fn stratum(problem: &Problem, rank: usize) -> Stratum {
    let expected = generic_count(problem.size(), rank);
    let none = |status| Stratum { rank, roots: Vec::new(), expected, status, counts: PathCounts::default() };
    let values = singular_values(problem.whitened.as_ref()).unwrap_or_default();
    let least = values.get(rank - 1).copied().unwrap_or(0.0);
    // (det(XS + λ))² = (det Y)² det S has no solution with λ > 0 where Y is singular; of rank r, (VᵀYV) is singular
    // for every V where Y has a rank below r.
    if least <= SINGULAR * values.first().copied().unwrap_or(0.0) {
        return none(StratumStatus::None);
    }
    let units = Units::new(problem);
    let Some((ends, counts)) = solve_rank(&units.instance, rank) else {
        return none(StratumStatus::NotClaimed);
    };
    let roots: Vec<Root> = ends
        .into_par_iter()
        .filter_map(|end| certified_root(&problem.exact, &units.back(problem, end), rank))
        .collect();
    Stratum { rank, status: status(&roots, expected), roots, expected, counts }
}

/// The whitened instance in units in which its parameters are of size 1.
struct Units {
    instance: Whitened,
    unit: f64,
}

impl Units {
    /// S = u S', M = μ M' with |M'|² = k, and W = μ²/u W' with W' of geometric mean 1.
    fn new(problem: &Problem) -> Self {
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
    fn back(&self, problem: &Problem, guess: Guess) -> Guess {
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
