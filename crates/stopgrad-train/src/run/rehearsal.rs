//! A few steps of a plan, timed and thrown away: how long the whole will take on this machine.

use std::time::{Duration, Instant};

use super::RunError;
use super::live::{Detail, Live};
use super::probing::ProbeSet;
use crate::config::Precision;
use crate::features::Space;
use crate::measure::EvaluationPairs;
use crate::plan::Plan;
use crate::scalar::Scalar;

/// Steps are timed for so long, but at least and at most so many.
const LONG_ENOUGH: Duration = Duration::from_secs(2);
const STEPS: std::ops::RangeInclusive<u32> = 3..=500;
/// Steps before, which fill caches and lists of memory.
const WARM_UP: u32 = 2;

/// What the parts of a run take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rehearsal {
    /// Steps that were timed.
    pub steps: u32,
    /// Mean seconds of an update.
    pub seconds_a_step: f64,
    /// Seconds of a row of metrics, beyond those of its update.
    pub seconds_a_row: f64,
    /// Seconds of a probe; 0 without labels.
    pub seconds_a_probe: f64,
}

impl Rehearsal {
    /// Seconds of the whole run: updates, rows, probes, the descent at the end. What a linear encoder's comparison with
    /// the theory takes is not in it.
    pub fn seconds(&self, plan: &Plan) -> f64 {
        let (training, evaluation) = (&plan.config.training, &plan.config.evaluation);
        let steps = training.steps + evaluation.descent_steps;
        let (rows, probes) = (training.steps / evaluation.measure_every, training.steps / evaluation.probe_every);
        // At the end projector and teacher are probed too, and the raw input.
        self.seconds_a_step * steps as f64
            + self.seconds_a_row * (rows + 1) as f64
            + self.seconds_a_probe * (probes + 4) as f64
    }
}

/// Updates of a plan on its first batches, one measurement and one probe, each timed; nothing is written.
///
/// # Errors
/// When batches or evaluation pairs cannot be made, or the features cannot be probed
///
/// # Cost
/// Some seconds, and what a step and a probe take
pub fn rehearse(plan: &Plan) -> Result<Rehearsal, RunError> {
    // Inside the thread pool, as a run is.
    rayon::scope(|_| match plan.config.training.precision {
        Precision::F32 | Precision::Mixed => timed::<f32>(plan),
        Precision::F64 => timed::<f64>(plan),
    })
}

fn timed<T: Scalar>(plan: &Plan) -> Result<Rehearsal, RunError> {
    let mut live = Live::<T>::new(plan);
    let pairs = EvaluationPairs::draw::<T>(plan)?;
    let mut loader = plan.loader(0)?;
    let plain = Detail { row: false, halves: false };
    let mut batches = || -> Result<Vec<_>, RunError> {
        Ok((0..plan.config.training.accumulate).map(|_| loader.next_batch()).collect::<Result<_, _>>()?)
    };
    for _ in 0..WARM_UP {
        live.update(&batches()?, plain);
    }
    let (start, mut steps) = (Instant::now(), 0);
    while steps < *STEPS.start() || (start.elapsed() < LONG_ENOUGH && steps < *STEPS.end()) {
        live.update(&batches()?, plain);
        steps += 1;
    }
    let seconds_a_step = start.elapsed().as_secs_f64() / f64::from(steps);

    let start = Instant::now();
    live.update(&batches()?, Detail { row: true, halves: false });
    let _ = pairs.measure(&plan.network, &live.objective, &live.student, live.teacher.as_ref());
    let seconds_a_row = (start.elapsed().as_secs_f64() - seconds_a_step).max(0.0);

    let start = Instant::now();
    let probes = ProbeSet::choose(plan);
    if let Some(probes) = &probes {
        let place = ("encoder", 0);
        probes.probe::<T>(plan.source.as_ref(), &plan.network, &live.student, Space::Encoder, place)?;
    }
    let seconds_a_probe = if probes.is_some() { start.elapsed().as_secs_f64() } else { 0.0 };
    Ok(Rehearsal { steps, seconds_a_step, seconds_a_row, seconds_a_probe })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_whole_is_the_sum_of_its_parts() {
        let mut config = Config::default();
        config.training.steps = 1000;
        config.evaluation.measure_every = 10;
        config.evaluation.probe_every = 100;
        config.evaluation.descent_steps = 50;
        let plan = Plan::new(config).expect("digits");
        let parts = Rehearsal { steps: 3, seconds_a_step: 0.5, seconds_a_row: 2.0, seconds_a_probe: 10.0 };
        assert!((parts.seconds(&plan) - (525.0 + 202.0 + 140.0)).abs() < 1e-9);
        let measured = rehearse(&plan).expect("digits");
        assert!(measured.steps >= 3 && measured.seconds_a_step > 0.0 && measured.seconds_a_probe > 0.0);
    }
}
