//! Eight trajectories in lanes, each with its own time and step length.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]
#![allow(clippy::needless_range_loop, reason = "one lane or place is indexed in several arrays")]

use std::borrow::Cow;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::storage::{LaneCoefficients, LaneVec};
use super::{EnsembleEnd, EnsembleParams, EnsembleStop, Trials, Visit};
use crate::ode::{STAGES, StepControl, TSITOURAS, Tolerance, first_length, shortest, stage_point, weigh_error};
use crate::{LinearField, VectorField};

/// Lanes: one AVX-512 register of f64, two of AVX2, four of NEON.
const LANES: usize = 8;

/// Who is in a lane.
struct Occupant<'a> {
    index: usize,
    field: Cow<'a, LinearField>,
    control: StepControl,
    next_visit: f64,
    steps: u64,
    rejected: u64,
}

struct Lanes<'a> {
    trials: &'a dyn Trials,
    params: &'a EnsembleParams,
    arch: Arch,
    coefficients: LaneCoefficients<LANES>,
    scratch: LaneVec<LANES>,
    z: LaneVec<LANES>,
    end: LaneVec<LANES>,
    slopes: [LaneVec<LANES>; STAGES],
    time: [f64; LANES],
    length: [f64; LANES],
    occupants: [Option<Occupant<'a>>; LANES],
}

/// Follows the trials of a range; ends in their order.
pub(super) fn follow(trials: &dyn Trials, params: &EnsembleParams, range: Range<usize>) -> Vec<EnsembleEnd> {
    if range.is_empty() {
        return Vec::new();
    }
    let mut ends: Vec<Option<EnsembleEnd>> = range.clone().map(|_| None).collect();
    let mut waiting = range.clone();
    let mut lanes = Lanes::new(trials, params, range.start);
    for lane in 0..LANES {
        lanes.enter(lane, waiting.next());
    }
    while lanes.occupants.iter().any(Option::is_some) {
        let stops = lanes.step();
        for (lane, stop) in stops.into_iter().enumerate() {
            if let Some(stop) = stop {
                if let Some((index, end)) = lanes.leave(lane, stop) {
                    ends[index - range.start] = Some(end);
                }
                lanes.enter(lane, waiting.next());
            }
        }
    }
    ends.into_iter().map(|end| end.expect("every trial enters a lane and leaves it")).collect()
}

impl<'a> Lanes<'a> {
    fn new(trials: &'a dyn Trials, params: &'a EnsembleParams, example: usize) -> Self {
        let field = trials.draw(example).field;
        let (kind, n, m) = (field.kind, field.width, field.inputs());
        let size = field.dimension();
        Self {
            trials,
            params,
            arch: Arch::new(),
            coefficients: LaneCoefficients::new(kind, n, m),
            scratch: LaneVec::new(2 * n * m),
            z: LaneVec::new(size),
            end: LaneVec::new(size),
            slopes: std::array::from_fn(|_| LaneVec::new(size)),
            time: [0.0; LANES],
            length: [0.0; LANES],
            occupants: std::array::from_fn(|_| None),
        }
    }

    /// Puts a trial into a lane, or empties it: an empty lane rests at 0.
    fn enter(&mut self, lane: usize, index: Option<usize>) {
        self.time[lane] = 0.0;
        self.length[lane] = 0.0;
        let Some(index) = index else {
            for i in 0..self.z.len() {
                self.z[i][lane] = 0.0;
                self.slopes[0][i][lane] = 0.0;
            }
            return;
        };
        let trial = self.trials.draw(index);
        assert_eq!(trial.start.len(), self.z.len(), "a start of trial {index} that fits its field");
        self.coefficients.set_lane(lane, &trial.field);
        let mut slope = vec![0.0; trial.start.len()];
        let (mut point, mut change) = (slope.clone(), slope.clone());
        trial.field.value(&trial.start, &mut slope);
        let scratch = (&mut point[..], &mut change[..]);
        self.length[lane] = first_length(&*trial.field, &trial.start, &slope, self.params.tolerance, scratch);
        for i in 0..self.z.len() {
            self.z[i][lane] = trial.start[i];
            self.slopes[0][i][lane] = slope[i];
        }
        let (control, next_visit) = (StepControl::new(), self.params.first_visit);
        self.occupants[lane] = Some(Occupant { index, field: trial.field, control, next_visit, steps: 0, rejected: 0 });
    }

    fn leave(&mut self, lane: usize, stop: EnsembleStop) -> Option<(usize, EnsembleEnd)> {
        let occupant = self.occupants[lane].take()?;
        let state = self.z.iter().map(|x| x[lane]).collect();
        let Occupant { index, steps, rejected, .. } = occupant;
        Some((index, EnsembleEnd { stop, time: self.time[lane], state, steps, rejected }))
    }

    /// One trial step of every lane; says which lanes are done.
    fn step(&mut self) -> [Option<EnsembleStop>; LANES] {
        let mut tried = [0.0; LANES];
        for lane in 0..LANES {
            if self.occupants[lane].is_some() {
                tried[lane] = self.length[lane].min(self.params.end_time - self.time[lane]);
            }
        }
        for (stage, weights) in (1..).zip(&TSITOURAS.weights) {
            let (earlier, later) = self.slopes.split_at_mut(stage);
            let mut slopes: [&[[f64; LANES]]; STAGES] = [&[]; STAGES];
            for (slope, vector) in slopes.iter_mut().zip(earlier) {
                *slope = vector;
            }
            stage_point(self.arch, &self.z, &slopes[..stage], weights, &tried, &mut self.end);
            self.coefficients.value(&self.end, &mut later[0], &mut self.scratch);
        }
        let (z, end, slopes) = (&self.z[..], &self.end[..], self.slopes.each_ref().map(|slope| &slope[..]));
        let (errors, norms) =
            self.arch.dispatch(Measure { z, end, slopes, length: &tried, tolerance: self.params.tolerance });
        let mut taken = [true; LANES];
        let mut stops = [None; LANES];
        for lane in 0..LANES {
            (taken[lane], stops[lane]) = self.judge(lane, tried[lane], errors[lane], norms[lane]);
        }
        self.accept(taken);
        for lane in 0..LANES {
            if taken[lane] && stops[lane].is_none() && self.visit(lane) {
                stops[lane] = Some(EnsembleStop::Settled);
            }
        }
        stops
    }

    /// Whether a lane's step is taken, and whether it ends there; the same rules as `Integrator::advance`.
    #[inline(always)]
    fn judge(&mut self, lane: usize, tried: f64, error: f64, norm: f64) -> (bool, Option<EnsembleStop>) {
        let Some(occupant) = &mut self.occupants[lane] else { return (true, None) };
        let left = self.params.end_time - self.time[lane];
        let (taken, factor) = occupant.control.judge((error / self.z.len() as f64).sqrt());
        let cut = taken && tried < self.length[lane];
        self.length[lane] = if cut { self.length[lane] } else { tried * factor };
        if !taken {
            occupant.rejected += 1;
            let stuck = self.length[lane] <= shortest(self.time[lane]);
            return (false, stuck.then_some(EnsembleStop::Diverged));
        }
        occupant.steps += 1;
        self.time[lane] = if tried >= left { self.params.end_time } else { self.time[lane] + tried };
        let bound = self.params.divergence * self.params.divergence;
        let stop = if norm > bound {
            Some(EnsembleStop::Diverged)
        } else if tried >= left {
            Some(EnsembleStop::Time)
        } else if occupant.steps >= self.params.max_steps {
            Some(EnsembleStop::Steps)
        } else {
            None
        };
        (true, stop)
    }

    /// Moves the lanes whose step was taken to its end.
    fn accept(&mut self, taken: [bool; LANES]) {
        if taken.iter().all(|&t| t) {
            std::mem::swap(&mut self.z, &mut self.end);
            self.slopes.swap(0, STAGES - 1);
            return;
        }
        let (first, last) = self.slopes.split_at_mut(STAGES - 1);
        let pairs = self.z.iter_mut().zip(self.end.iter()).chain(first[0].iter_mut().zip(last[0].iter()));
        for (old, new) in pairs {
            for lane in 0..LANES {
                old[lane] = if taken[lane] { new[lane] } else { old[lane] };
            }
        }
    }

    /// Shows a lane that is due to the trials; whether it has settled.
    fn visit(&mut self, lane: usize) -> bool {
        let time = self.time[lane];
        let Some(occupant) = &mut self.occupants[lane] else { return false };
        if time < occupant.next_visit {
            return false;
        }
        occupant.next_visit = time * self.params.visit_growth;
        let state: Vec<f64> = self.z.iter().map(|x| x[lane]).collect();
        let slope: Vec<f64> = self.slopes[0].iter().map(|x| x[lane]).collect();
        let (index, field) = (occupant.index, &*occupant.field);
        self.trials.settled(&Visit { index, field, time, state: &state, slope: &slope })
    }
}

/// Σ of squared error ratios and |end|², lane by lane.
struct Measure<'a> {
    z: &'a [[f64; LANES]],
    end: &'a [[f64; LANES]],
    slopes: [&'a [[f64; LANES]]; STAGES],
    length: &'a [f64; LANES],
    tolerance: Tolerance,
}

impl WithSimd for Measure<'_> {
    type Output = ([f64; LANES], [f64; LANES]);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let (mut errors, mut norms) = ([0.0; LANES], [0.0; LANES]);
        let count = self.z.len();
        let (end, slopes) = (&self.end[..count], self.slopes.map(|slope| &slope[..count]));
        for i in 0..count {
            let ends = [&self.z[i], &end[i]];
            let part = weigh_error(ends, &slopes, &TSITOURAS.error, self.length, self.tolerance, i);
            for l in 0..LANES {
                errors[l] += part[l];
                norms[l] = end[i][l].mul_add(end[i][l], norms[l]);
            }
        }
        (errors, norms)
    }
}
