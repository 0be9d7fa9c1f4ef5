//! Where does one trajectory end, and how: steady, on a cycle, out of budget, or nowhere.
//!
//! A flow stops with a reason, never with a clock: it has a budget of steps and of time, and asks its caller.
//! "The field is small" alone is not taken for an equilibrium, since next to a slow mode it is small far away:
//! the Newton correction must be small too. A recurrence is sought in the orbit's invariants, because the flow
//! commutes with rotations and may return only up to one.
//!
//! Reading order: [`Flow`], [`Observer`] (what is watched besides the state), [`LinearObserver`], [`Trajectory`],
//! [`flow_linear`] (all of it for the linear case), [`train_linear`] (the same in steps of training).

mod cycle;
mod linear;
mod newton;
mod observer;
mod steps;
mod trajectory;

pub use cycle::Cycle;
pub use linear::{LinearObserver, flow_linear};
pub use newton::MAX_DENSE;
pub use observer::{Observer, StateObserver};
pub use steps::train_linear;
pub use trajectory::{Row, Trajectory};

pub(crate) use linear::{numerical_rank, origin_trap};
pub(crate) use newton::{Newton, newton_correction};

use crate::VectorField;
use crate::ode::{Advance, Integrator, Tolerance};
use crate::statistics::squared_norm;

/// Steps in a row at which the field must be small.
const QUIET: u64 = 5;

/// How far a flow goes and when it may stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowParams {
    /// Error of each step.
    pub tolerance: Tolerance,
    /// Time at which it is out of budget.
    pub end_time: f64,
    /// Steps after which it is out of budget.
    pub max_steps: u64,
    /// |v| / |z| below which the Newton correction is looked at.
    pub quiet_field: f64,
    /// |Newton correction| / |z| below which a flow is steady.
    pub steady: f64,
    /// Norm of the state beyond which it has diverged.
    pub divergence: f64,
    /// Distance of a return from the one before, and error of the period, both relative, for a cycle.
    pub recurrence: f64,
    /// Rows of the trajectory at most; with twice as many steps every second row goes.
    pub max_rows: usize,
}

impl Default for FlowParams {
    /// Steps to 1e-9, so that a period is good to better than 1e-6; a million of them; 1000 rows.
    fn default() -> Self {
        Self {
            tolerance: Tolerance { relative: 1e-9, absolute: 1e-11 },
            end_time: 1e5,
            max_steps: 1_000_000,
            quiet_field: 1e-6,
            steady: 1e-6,
            divergence: 1e8,
            recurrence: 2e-7,
            max_rows: 1000,
        }
    }
}

impl FlowParams {
    /// The budget that ran out, if one did.
    fn exhausted(&self, progress: Progress, should_stop: &mut dyn FnMut(Progress) -> bool) -> Option<Limit> {
        if progress.time >= self.end_time {
            Some(Limit::Time)
        } else if progress.steps >= self.max_steps {
            Some(Limit::Steps)
        } else {
            should_stop(progress).then_some(Limit::Caller)
        }
    }
}

/// Which budget ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`FlowParams::end_time`].
    Time,
    /// [`FlowParams::max_steps`].
    Steps,
    /// `should_stop` said so.
    Caller,
}

/// Why a flow stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// At an equilibrium: the field was small for several steps and so was the Newton correction.
    Steady {
        /// Norm of the correction.
        correction: f64,
    },
    /// On a closed orbit (of the invariants).
    Cycle(Cycle),
    /// Neither of both within the budget.
    Budget(Limit),
    /// Beyond every bound, or at a pole.
    Diverged,
}

impl Stop {
    /// The name in JSON: steady, cycle, budget or diverged.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Steady { .. } => "steady",
            Self::Cycle(_) => "cycle",
            Self::Budget(_) => "budget",
            Self::Diverged => "diverged",
        }
    }
}

/// What a caller is told when it is asked whether to go on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Time reached.
    pub time: f64,
    /// Steps taken.
    pub steps: u64,
    /// |v|.
    pub field_norm: f64,
}

/// The end of a flow.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowEnd {
    /// Why there.
    pub stop: Stop,
    /// Time reached.
    pub time: f64,
    /// State there.
    pub state: Vec<f64>,
    /// |v| there.
    pub field_norm: f64,
    /// Steps taken.
    pub steps: u64,
    /// Trial steps not taken.
    pub rejected: u64,
    /// What was recorded on the way, the end included.
    pub trajectory: Trajectory,
}

/// A field, what is watched, and how far to go.
pub struct Flow<'a> {
    /// v.
    pub field: &'a dyn VectorField,
    /// Invariants, Newton corrections and measures.
    pub observer: &'a dyn Observer,
    /// Budget and tolerances.
    pub params: FlowParams,
}

impl Flow<'_> {
    /// Follows dz/dt = v(z) from a start until it stops; `should_stop` is asked once a step.
    ///
    /// # Panics      when the start has not the field's dimension
    /// # Cost        6 values of the field a step, and what the observer's measures cost
    pub fn run(&self, start: &[f64], should_stop: &mut dyn FnMut(Progress) -> bool) -> FlowEnd {
        let params = &self.params;
        let mut on = Integrator::new(self.field, start, params.tolerance);
        let mut trajectory = Trajectory::new(params.max_rows);
        let mut search = cycle::CycleSearch::new(self.field, self.observer, params);
        let mut before = start.to_vec();
        let (mut quiet, mut next_look) = (0, 0);
        trajectory.offer(|| self.row(&on, 0.0));
        let stop = loop {
            let progress = Progress { time: on.time, steps: on.steps, field_norm: norm(&on.slope) };
            if let Some(limit) = params.exhausted(progress, should_stop) {
                break Stop::Budget(limit);
            }
            before.copy_from_slice(&on.state);
            let from = search.remember(&on);
            if on.advance(params.end_time) == Advance::Stuck || norm(&on.state) > params.divergence {
                break Stop::Diverged;
            }
            trajectory.offer(|| self.row(&on, distance(&on.state, &before)));
            let size = norm(&on.state).max(self.observer.size_floor());
            quiet = if norm(&on.slope) <= params.quiet_field * size { quiet + 1 } else { 0 };
            if quiet >= QUIET && on.steps >= next_look {
                if let Some(correction) = self.observer.newton_correction(&on.state, &on.slope)
                    && correction <= params.steady * size
                {
                    break Stop::Steady { correction };
                }
                // A look may cost a factorization: they get rarer with the number of steps.
                next_look = on.steps + QUIET + on.steps / 4;
            }
            if let Some(cycle) = search.look(from, &on) {
                break Stop::Cycle(cycle);
            }
        };
        trajectory.close(self.row(&on, distance(&on.state, &before)));
        let field_norm = norm(&on.slope);
        FlowEnd { stop, time: on.time, field_norm, steps: on.steps, rejected: on.rejected, state: on.state, trajectory }
    }

    fn row(&self, on: &Integrator<'_>, increment: f64) -> Row {
        let mut row = Row { time: on.time, field_norm: norm(&on.slope), increment, ..Row::default() };
        self.observer.measure(on.time, &on.state, &mut row);
        row
    }
}

pub(crate) fn norm(z: &[f64]) -> f64 {
    squared_norm(z).sqrt()
}

pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    crate::statistics::squared_distance(a, b).sqrt()
}

#[cfg(test)]
mod tests;
