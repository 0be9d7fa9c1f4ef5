//! Optimizers as functions of (parameter, gradient, state, rate) on slices, and schedules as functions of the step.
//!
//! Ours and not the framework's, so that resuming, fusing and analysing a step as a map all use one definition.

mod adamw;
mod schedule;
mod sgd;

pub use adamw::{AdamW, adamw};
pub use schedule::{Schedule, Warmup};
pub use sgd::sgd;

use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::bridge;
use crate::config::{OptimizerConfig, OptimizerKind};
use crate::network::Network;
use crate::scalar::Scalar;

/// Elements a thread takes at a time; smaller parameters are updated on the calling thread. Elementwise, so the
/// cut changes no result.
const CHUNK: usize = 1 << 15;

/// An optimizer with the state of every parameter.
#[derive(Debug)]
pub struct Optimizer<T> {
    kind: OptimizerKind,
    momentum: f64,
    adamw: AdamW,
    decoupled: f64,
    /// First moments (SGD: velocities), one slice a parameter.
    first: Vec<Vec<T>>,
    /// Second moments (AdamW), one slice a parameter; empty for SGD.
    second: Vec<Vec<T>>,
    /// Steps taken.
    steps: u64,
}

impl<T: Scalar> Optimizer<T> {
    /// State zero. `decoupled` is λ of decoupled weight decay.
    pub fn new(config: &OptimizerConfig, decoupled: f64, network: &Network) -> Self {
        let zeros = || network.parameters.iter().map(|spec| vec![T::from_f64(0.0); spec.len()]).collect();
        Self {
            kind: config.kind,
            momentum: config.momentum,
            adamw: AdamW { betas: config.betas, epsilon: config.epsilon },
            decoupled,
            first: zeros(),
            second: if config.kind == OptimizerKind::Adamw { zeros() } else { Vec::new() },
            steps: 0,
        }
    }

    /// Moves the parameters against the field's gradient `gradient`, in place.
    pub fn step(&mut self, parameters: &mut [Tensor<1>], gradient: &[Tensor<1>], rate: f64) {
        self.steps += 1;
        let (momentum, decoupled, adam, steps) = (self.momentum, self.decoupled, self.adamw, self.steps);
        for (index, parameter) in parameters.iter_mut().enumerate() {
            let view = bridge::View::new(&gradient[index]);
            let g = view.slice::<T>();
            let first = &mut self.first[index];
            match self.kind {
                OptimizerKind::Sgd => bridge::modify(parameter, |p: &mut [T]| {
                    in_chunks(p, g, first, None, |p, g, v, _| sgd(p, g, v, rate, momentum, decoupled));
                }),
                OptimizerKind::Adamw => {
                    let second = &mut self.second[index];
                    bridge::modify(parameter, |p: &mut [T]| {
                        in_chunks(p, g, first, Some(second), |p, g, m, v| {
                            adamw(p, g, m, v, steps, rate, decoupled, adam);
                        });
                    });
                }
            }
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

fn in_chunks<T: Scalar>(
    p: &mut [T], g: &[T], first: &mut [T], second: Option<&mut Vec<T>>,
    update: impl Fn(&mut [T], &[T], &mut [T], &mut [T]) + Sync,
) {
    match second {
        Some(second) if p.len() > CHUNK => p
            .par_chunks_mut(CHUNK)
            .zip(g.par_chunks(CHUNK))
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .for_each(|(((p, g), m), v)| update(p, g, m, v)),
        Some(second) => update(p, g, first, second),
        None if p.len() > CHUNK => p
            .par_chunks_mut(CHUNK)
            .zip(g.par_chunks(CHUNK))
            .zip(first.par_chunks_mut(CHUNK))
            .for_each(|((p, g), m)| update(p, g, m, &mut [])),
        None => update(p, g, first, &mut []),
    }
}
