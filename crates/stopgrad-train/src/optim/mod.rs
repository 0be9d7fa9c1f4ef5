//! Optimizers: state by parameter, and [`update`] on each; schedules as functions of the step.
//!
//! Ours and not the framework's, so that resuming, fusing and analysing a step as a map all use one definition.

mod schedule;

pub use schedule::{Schedule, Warmup};

use burn::tensor::Tensor;
use stopgrad_kernels::update::{Parameter, Rule, update};

use crate::bridge;
use crate::config::{Decayed, OptimizerConfig, OptimizerKind};
use crate::network::Network;
use crate::scalar::Scalar;
use crate::teacher::Following;

/// What schedules say of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// η of encoder and projector.
    pub rate: f64,
    /// η of the predictor.
    pub predictor_rate: f64,
    /// λ of decoupled weight decay.
    pub decoupled: f64,
}

impl Pace {
    /// One rate for all.
    pub fn even(rate: f64, decoupled: f64) -> Self {
        Self { rate, predictor_rate: rate, decoupled }
    }
}

/// What the optimizer has to know of a parameter.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// A matrix or filters, and no bias and no part of a norm.
    whole: bool,
    /// Whether it decays.
    decays: bool,
    /// Part of the predictor.
    predicts: bool,
}

/// An optimizer with the state of every parameter.
#[derive(Debug)]
pub struct Optimizer<T> {
    config: OptimizerConfig,
    kinds: Vec<Kind>,
    /// First moments (SGD, LARS: velocities), one slice a parameter.
    first: Vec<Vec<T>>,
    /// Second moments (AdamW), one slice a parameter; else empty.
    second: Vec<Vec<T>>,
    /// Steps taken.
    steps: u64,
}

impl<T: Scalar> Optimizer<T> {
    /// State zero.
    pub fn new(config: &OptimizerConfig, decayed: Decayed, network: &Network) -> Self {
        let zeros = || network.parameters.iter().map(|spec| vec![T::from_f64(0.0); spec.len()]).collect();
        let predictor = network.predictor_parameters();
        let kinds = network.parameters.iter().enumerate().map(|(index, spec)| Kind {
            whole: spec.is_whole(),
            decays: spec.decays(decayed),
            predicts: predictor.contains(&index),
        });
        Self {
            config: config.clone(),
            kinds: kinds.collect(),
            first: zeros(),
            second: if config.kind == OptimizerKind::Adamw { zeros() } else { Vec::new() },
            steps: 0,
        }
    }

    /// Moves the parameters against the field's gradient `gradient`, in place, and the teacher after them, in one pass.
    pub fn step(
        &mut self, parameters: &mut [Tensor<1>], gradient: &[Tensor<1>], pace: Pace, teacher: Option<Following<'_>>,
    ) {
        self.steps += 1;
        let (followers, share) =
            teacher.map_or((&mut [][..], 0.0), |Following { parameters, share }| (parameters, share));
        let mut followers = followers.iter_mut();
        for (index, parameter) in parameters.iter_mut().enumerate() {
            let rule = self.rule(pace, self.kinds[index]);
            let view = bridge::View::new(&gradient[index]);
            let first = &mut self.first[index];
            let second = self.second.get_mut(index).map_or(&mut [][..], |second| second);
            let mut step = |values: &mut [T], teacher: Option<&mut [T]>| {
                let teacher = teacher.map(|teacher| (teacher, share));
                update(&rule, Parameter { values, gradient: view.slice(), first, second, teacher });
            };
            bridge::modify(parameter, |values: &mut [T]| match followers.next() {
                Some(follower) => bridge::modify(follower, |teacher: &mut [T]| step(values, Some(teacher))),
                None => step(values, None),
            });
        }
    }

    fn rule(&self, pace: Pace, parameter: Kind) -> Rule {
        let OptimizerConfig { kind, momentum, betas, epsilon, trust, trust_clip: clip, .. } = self.config;
        let rate = if parameter.predicts { pace.predictor_rate } else { pace.rate };
        let decoupled = if parameter.decays { pace.decoupled } else { 0.0 };
        match kind {
            OptimizerKind::Sgd => Rule::Sgd { rate, momentum, decoupled },
            OptimizerKind::Adamw => Rule::Adamw { rate, decoupled, betas, epsilon, steps: self.steps },
            OptimizerKind::Lars => Rule::Lars { rate, momentum, decoupled, trust, clip, whole: parameter.whole },
        }
    }

    /// The state by name: `optimizer.first.<parameter>`, `optimizer.second.<parameter>`.
    pub fn state<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = (String, &'a [T])> {
        let named = move |label: &'static str, slices: &'a [Vec<T>]| {
            slices
                .iter()
                .zip(&network.parameters)
                .map(move |(values, spec)| (format!("optimizer.{label}.{}", spec.name), values.as_slice()))
        };
        named("first", &self.first).chain(named("second", &self.second))
    }

    /// Restores what [`Optimizer::state`] gave; `None` if a name is missing or a length differs.
    pub fn restore(&mut self, network: &Network, steps: u64, find: impl Fn(&str) -> Option<Vec<T>>) -> Option<()> {
        self.steps = steps;
        for (label, slices) in [("first", &mut self.first), ("second", &mut self.second)] {
            for (values, spec) in slices.iter_mut().zip(&network.parameters) {
                let stored = find(&format!("optimizer.{label}.{}", spec.name))?;
                if stored.len() != values.len() {
                    return None;
                }
                *values = stored;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch 2.x, float64: p = [1, -2], three steps with g = [0.5, -1], [0.1, 2], [-3, 0], lr 0.1,
    /// betas (0.9, 0.999), eps 1e-8, weight_decay 0.1; program: tests/golden/adamw.py.
    #[test]
    fn three_steps_match_pytorch() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/adamw.json")).expect("golden file");
        let wanted: Vec<f64> = serde_json::from_value(golden["values"].clone()).expect("numbers");
        let (mut p, mut m, mut v) = ([1.0_f64, -2.0], [0.0; 2], [0.0; 2]);
        for (steps, g) in [(1, [0.5, -1.0]), (2, [0.1, 2.0]), (3, [-3.0, 0.0])] {
            let rule = Rule::Adamw { rate: 0.1, decoupled: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, steps };
            let of = Parameter { values: &mut p, gradient: &g, first: &mut m, second: &mut v, teacher: None };
            update(&rule, of);
        }
        for (have, want) in p.iter().zip(wanted) {
            assert!((have - want).abs() < 1e-12, "{have} against {want}");
        }
    }
}
