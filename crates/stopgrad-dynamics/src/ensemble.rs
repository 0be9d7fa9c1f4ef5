//! Where do many starts go: thousands of small linear flows, eight at a time in the lanes of vector registers.
//!
//! Each lane has its own trajectory, moments, time and step length; a lane that is done takes the next trajectory.
//! No lane's arithmetic depends on its neighbors, so results depend neither on the number of threads nor on how
//! trajectories are grouped, and each has the bits that [`Integrator`](crate::ode::Integrator) gives it alone (up to
//! n, m = 16; beyond, a lone trajectory's products go to the matrix library).
//!
//! This pays for small shapes (n m + n² up to a few thousand numbers); above that the products of one trajectory
//! fill the machine by themselves, and [`Flow`](crate::flow::Flow) is the tool.

mod lanes;
mod storage;

use std::borrow::Cow;

use rayon::prelude::*;

use crate::LinearField;
use crate::ode::Tolerance;

/// Trajectories to a task: long enough that the lanes left empty at its end cost little.
const PIECE: usize = 128;

/// One trajectory before it starts: its system and its state at time 0.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    /// The field, with its moments.
    pub field: Cow<'a, LinearField>,
    /// A, B and under EMA C, flat ([`LinearState::to_flat`](crate::LinearState::to_flat)).
    pub start: Vec<f64>,
}

/// A trajectory on its way, shown at a visit.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Which trial.
    pub index: usize,
    /// Its system.
    pub field: &'a LinearField,
    /// Time reached.
    pub time: f64,
    /// State there.
    pub state: &'a [f64],
    /// Field there.
    pub slope: &'a [f64],
}

/// The trajectories of an ensemble: all of one kind of field, n and m.
pub trait Trials: Sync {
    /// How many.
    fn count(&self) -> usize;

    /// The system and start of one: a function of its index alone.
    fn draw(&self, index: usize) -> Trial<'_>;

    /// Whether one is where it will stay, so that its lane can go on to another; asked at the visits.
    fn settled(&self, _visit: &Visit<'_>) -> bool {
        false
    }
}

/// How far and how exactly the trajectories of an ensemble are followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnsembleParams {
    /// Error of each step.
    pub tolerance: Tolerance,
    /// Where all of them end at the latest.
    pub end_time: f64,
    /// Steps that one may take.
    pub max_steps: u64,
    /// Norm of the state beyond which it has diverged.
    pub divergence: f64,
    /// Time of the first visit; infinite: none.
    pub first_visit: f64,
    /// Each visit is later than the one before by this factor (and by one step at least).
    pub visit_growth: f64,
}

impl Default for EnsembleParams {
    /// Time 1000 covers the decay e^{−2λt} to rounding at λ = 0.02; 10⁶ steps are a second of one lane at n = 8.
    fn default() -> Self {
        Self {
            tolerance: Tolerance::default(),
            end_time: 1000.0,
            max_steps: 1_000_000,
            divergence: 1e8,
            first_visit: f64::INFINITY,
            visit_growth: 1.25,
        }
    }
}

/// Why a trajectory of an ensemble was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnsembleStop {
    /// [`Trials::settled`] said so.
    Settled,
    /// It reached the end time.
    Time,
    /// It used up its steps.
    Steps,
    /// Its norm passed the bound, or no step meets the tolerance.
    Diverged,
}

/// The end of one trajectory.
#[derive(Debug, Clone, PartialEq)]
pub struct EnsembleEnd {
    /// Why there.
    pub stop: EnsembleStop,
    /// Time reached.
    pub time: f64,
    /// State there.
    pub state: Vec<f64>,
    /// Steps taken.
    pub steps: u64,
    /// Trial steps not taken.
    pub rejected: u64,
}

/// Follows every trial; ends in the order of the trials, the same bits for any number of threads.
///
/// # Panics      when trials differ in kind, n or m, a start has the wrong length, or joint lacks V
/// # Cost        per step and trajectory 6 values of the field and 36 passes over the state; n = 8, m = 4: under 1 µs
pub fn integrate_ensemble(trials: &dyn Trials, params: &EnsembleParams) -> Vec<EnsembleEnd> {
    let count = trials.count();
    let pieces: Vec<_> = (0..count).step_by(PIECE).map(|first| first..(first + PIECE).min(count)).collect();
    let ends: Vec<Vec<EnsembleEnd>> =
        pieces.into_par_iter().with_max_len(1).map(|piece| lanes::follow(trials, params, piece)).collect();
    ends.into_iter().flatten().collect()
}

#[cfg(test)]
pub(crate) mod tests;
