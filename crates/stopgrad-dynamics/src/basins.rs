//! What share of starts ends where: many flows from random starts, each end named with certainty or not at all.
//!
//! An end is called an equilibrium only when Newton steps from it find one close by that the flow approaches, with
//! the equation S G(S) = 0 met to rounding; it is called the origin when the state is inside the ball from which
//! every trajectory goes there; the rest is followed further by [`Flow`](crate::flow::Flow), which finds cycles.

mod ends;
mod starts;

pub use ends::{Endpoint, Outcome};
pub use starts::Start;

use faer::Mat;
use rayon::prelude::*;

use crate::LinearField;
use crate::ensemble::{EnsembleParams, integrate_ensemble};
use crate::flow::FlowParams;
use crate::statistics::{Interval, wilson95};

/// How many starts, of which kind, and how far each is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct BasinParams {
    /// Starts.
    pub trials: usize,
    /// Distribution of A and B at time 0.
    pub start: Start,
    /// Names the streams of random numbers: start i is the stream (seed, i).
    pub seed: u64,
    /// Of the ensemble.
    pub ensemble: EnsembleParams,
    /// Of those that the ensemble leaves open: cycles are found here.
    pub flow: FlowParams,
    /// |S G(S)| relative to its terms below which an end is an equilibrium.
    pub residual: f64,
    /// |S − S_k| / |S| within which an end is the given equilibrium k.
    pub nearness: f64,
}

impl Default for BasinParams {
    /// 1000 starts: shares to ±3 % with 95 %. The ensemble looks at a trajectory ever more rarely from time 10 on.
    fn default() -> Self {
        Self {
            trials: 1000,
            start: Start::Normal { scale: 1.0 },
            seed: 0,
            ensemble: EnsembleParams { first_visit: 10.0, end_time: 3000.0, ..EnsembleParams::default() },
            flow: FlowParams { max_rows: 2, max_steps: 200_000, ..FlowParams::default() },
            residual: 1e-9,
            nearness: 1e-4,
        }
    }
}

/// The starts that end alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Basin {
    /// Name of the outcome: rank-2, equilibrium-0, cycle, diverged, unresolved; in the scalar case outer, inner, origin.
    pub label: String,
    /// Starts that ended so.
    pub count: u64,
    /// Share of all starts with its 95 % interval (Wilson).
    pub fraction: Interval,
}

/// Where every start ended, and the shares.
#[derive(Debug, Clone, PartialEq)]
pub struct Basins {
    /// One a start, in order.
    pub ends: Vec<Endpoint>,
    /// By label, most frequent first.
    pub basins: Vec<Basin>,
}

/// Follows many starts of a field to their ends.
///
/// # Shapes      equilibria: each S is m × m; an end within `nearness` of one is named by its place in the list
/// # Panics      when the field is joint without V, or `trials` starts cannot be drawn for its shape
/// # Cost        the ensemble, and a dense Newton step (n m + n² unknowns) or two for each end
pub fn find_basins(field: &LinearField, equilibria: &[Mat<f64>], params: &BasinParams) -> Basins {
    let trials = ends::BasinTrials { field, params };
    let reached = integrate_ensemble(&trials, &params.ensemble);
    let ends: Vec<Endpoint> =
        reached.into_par_iter().map(|end| ends::name_end(field, equilibria, params, end)).collect();
    let basins = count_labels(ends.iter().map(|end| end.outcome.label()));
    Basins { ends, basins }
}

/// Counts labels, most frequent first, equal counts by name.
pub(crate) fn count_labels(labels: impl Iterator<Item = String>) -> Vec<Basin> {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for label in labels {
        *counts.entry(label).or_default() += 1;
    }
    let trials = counts.values().sum();
    let mut basins: Vec<Basin> =
        counts.into_iter().map(|(label, count)| Basin { label, count, fraction: wilson95(count, trials) }).collect();
    basins.sort_by_key(|basin| std::cmp::Reverse(basin.count));
    basins
}

#[cfg(test)]
mod tests;
