//! One evaluation of an update field: forward, detach where the field says so, backward.

use burn::tensor::Tensor;
use stopgrad_dynamics::Field;

use crate::bridge;
use crate::layer::{Observed, Pass, Statistics};
use crate::network::Network;
use crate::objective::{Objective, Target, Views};
use crate::scalar::Scalar;
use crate::spare;
use crate::teacher::Teacher;
use crate::weights::Weights;

/// The negative of an update field at one point on one batch: what an optimizer subtracts.
#[derive(Debug)]
pub struct Gradient {
    /// The trained loss on the batch, without Ω.
    pub loss: f64,
    /// One flat tensor a parameter, in the network's order; Ω's part included.
    pub parts: Vec<Tensor<1>>,
    /// What the student's batch norms saw.
    pub observed: Vec<Observed>,
    /// What the teacher's batch norms saw.
    pub teacher_observed: Vec<Observed>,
}

impl Gradient {
    /// (∇_θ, ∇_ψ) of Ē (joint) or of F̄ (sg, ema) on a batch, with Ω's gradient λ(θ, ψ).
    ///
    /// # Panics
    /// When the field is `ema` and there is no teacher: a bug of the caller.
    pub fn evaluate<T: Scalar>(
        network: &Network, objective: &Objective, field: Field, student: &Weights, teacher: Option<&Teacher>,
        views: &Views,
    ) -> Self {
        let leaves = student.leaves();
        let mut pass = Pass::new(&leaves, Statistics::Batch);
        let mut teacher_observed = Vec::new();
        let loss = match field {
            Field::Joint => objective.value(network, &mut pass, Target::Joint, views),
            Field::StopGradient => objective.value(network, &mut pass, Target::StopGradient, views),
            Field::Ema => {
                let mut teacher_pass = teacher.expect("an ema run has a teacher").pass();
                let loss = objective.value(network, &mut pass, Target::Teacher(&mut teacher_pass), views);
                teacher_observed = teacher_pass.observed;
                loss
            }
        };
        let observed = pass.observed;
        let value = bridge::to_f64(&loss.clone().inner())[0];
        let mut gradients = loss.backward();
        let parts = leaves
            .iter()
            .map(|leaf| leaf.grad_remove(&mut gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like()))
            .collect();
        let mut gradient = Self { loss: value, parts, observed, teacher_observed };
        gradient.add_multiple_of::<T>(student, objective.omega);
        gradient
    }

    /// Ends it, and keeps its memory for the next one.
    pub fn recycle<T: Scalar>(self) {
        self.parts.into_iter().for_each(spare::give::<T, 1>);
    }

    fn add_multiple_of<T: Scalar>(&mut self, weights: &Weights, factor: f64) {
        if factor == 0.0 {
            return;
        }
        let factor = T::from_f64(factor);
        for (part, parameter) in self.parts.iter_mut().zip(&weights.parameters) {
            let view = bridge::View::new(parameter);
            bridge::modify(part, |g: &mut [T]| {
                for (g, &p) in g.iter_mut().zip(view.slice::<T>()) {
                    *g = g.add_product(factor, p);
                }
            });
        }
    }

    /// ⟨g, h⟩ over all parameters, added in a fixed order.
    pub fn dot<T: Scalar>(&self, other: &Self) -> f64 {
        self.parts
            .iter()
            .zip(&other.parts)
            .map(|(a, b)| T::dot(bridge::View::new(a).slice(), bridge::View::new(b).slice()))
            .sum()
    }

    /// |g| over all parameters.
    pub fn norm<T: Scalar>(&self) -> f64 {
        self.dot::<T>(self).sqrt()
    }

    /// Multiplies every part by `factor`.
    pub fn scale<T: Scalar>(&mut self, factor: f64) {
        let factor = T::from_f64(factor);
        for part in &mut self.parts {
            bridge::modify(part, |g: &mut [T]| {
                for g in g.iter_mut() {
                    *g = T::from_f64(0.0).add_product(factor, *g);
                }
            });
        }
    }
}
