//! One evaluation of an update field: forward, detach where the field says so, backward.

use std::ops::Range;

use burn::tensor::Tensor;
use stopgrad_dynamics::Field;

use crate::bridge;
use crate::config::ClipBy;
use crate::layer::{Observed, Pass, Statistics};
use crate::network::Network;
use crate::objective::{Objective, Target, Views};
use crate::scalar::Scalar;
use crate::spare;
use crate::teacher::Teacher;
use crate::weights::Weights;

/// Of a factor that was too large.
const SMALLER: f64 = 16.0;

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
    /// What the predictor saw, a matrix a batch: rows × d.
    pub seen: Vec<Tensor<2>>,
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
        let mut scale = network.device.scale();
        let mut gradient = Self::scaled::<T>(network, objective, (field, scale), student, teacher, views);
        // Half-precision numbers end at 65,504: with a smaller factor more of them fit.
        while scale > 1.0 && gradient.loss.is_finite() && !gradient.norm::<T>().is_finite() {
            scale = (scale / SMALLER).max(1.0);
            gradient = Self::scaled::<T>(network, objective, (field, scale), student, teacher, views);
        }
        gradient.add_decay::<T>(network, objective, student);
        gradient
    }

    /// Without Ω's part, found by way of the gradient of so many times the loss.
    fn scaled<T: Scalar>(
        network: &Network, objective: &Objective, (field, scale): (Field, f64), student: &Weights,
        teacher: Option<&Teacher>, views: &Views,
    ) -> Self {
        let device = &network.device;
        let leaves = student.leaves(device);
        let parameters = device.as_multiplied(network, leaves.iter().cloned());
        let mut pass = Pass::new(&parameters, Statistics::Batch);
        let (views, mut teacher_observed) = (&views.on(device), Vec::new());
        let evaluated = match field {
            Field::Joint => objective.evaluate(network, &mut pass, Target::Joint, views),
            Field::StopGradient => objective.evaluate(network, &mut pass, Target::StopGradient, views),
            Field::Ema => {
                let teacher = teacher.expect("an ema run has a teacher");
                let weights = device.weights(network, teacher.weights());
                let mut teacher_pass = teacher.pass(&weights);
                let evaluated = objective.evaluate(network, &mut pass, Target::Teacher(&mut teacher_pass), views);
                teacher_observed = teacher_pass.observed;
                evaluated
            }
        };
        let [observed, teacher_observed] = [pass.observed, teacher_observed].map(|all| Observed::all_on_host(&all));
        let value = bridge::to_f64(&evaluated.loss.clone().inner())[0];
        let seen = vec![evaluated.seen.clone()];
        let tracked = evaluated.tracked();
        let mut gradients = if scale > 1.0 { tracked * scale } else { tracked }.backward();
        drop(evaluated);
        let parts = leaves
            .iter()
            .map(|leaf| leaf.grad_remove(&mut gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like()))
            .collect();
        let parts = bridge::all_on_host(parts);
        let mut gradient = Self { loss: value, parts, observed, teacher_observed, seen };
        if scale > 1.0 {
            gradient.scale::<T>(0..leaves.len(), 1.0 / scale);
        }
        gradient
    }

    /// Ends it, and keeps its memory for the next one.
    pub fn recycle<T: Scalar>(self) {
        self.parts.into_iter().for_each(spare::give::<T, 1>);
    }

    /// λ p, of those that decay.
    fn add_decay<T: Scalar>(&mut self, network: &Network, objective: &Objective, weights: &Weights) {
        if objective.omega == 0.0 {
            return;
        }
        let factor = T::from_f64(objective.omega);
        let decaying = network.parameters.iter().map(|spec| spec.decays(objective.decayed));
        for ((part, parameter), decays) in self.parts.iter_mut().zip(&weights.parameters).zip(decaying) {
            if decays {
                add_product(part, factor, parameter);
            }
        }
    }

    /// Adds what another batch gave: parts, loss, and what the norms saw, behind what they saw before.
    pub fn add<T: Scalar>(&mut self, other: Self) {
        self.loss += other.loss;
        for (part, more) in self.parts.iter_mut().zip(&other.parts) {
            add_product(part, T::from_f64(1.0), more);
        }
        self.observed.extend(other.observed.iter().cloned());
        self.teacher_observed.extend(other.teacher_observed.iter().cloned());
        self.seen.extend(other.seen.iter().cloned());
        other.recycle::<T>();
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
        self.norm_of::<T>(0..self.parts.len())
    }

    /// |g| over a range of parameters.
    pub fn norm_of<T: Scalar>(&self, range: Range<usize>) -> f64 {
        let squares = self.parts[range].iter().map(|part| {
            let view = bridge::View::new(part);
            T::dot(view.slice(), view.slice())
        });
        squares.sum::<f64>().sqrt()
    }

    /// Shortens it, or each part of the network, to at most `limit` (0: not at all); |g| before.
    pub fn clip<T: Scalar>(&mut self, network: &Network, limit: f64, by: ClipBy) -> f64 {
        let all = 0..self.parts.len();
        let norm = self.norm_of::<T>(all.clone());
        let parts = match by {
            _ if limit == 0.0 => Vec::new(),
            ClipBy::Whole => vec![(all, norm)],
            ClipBy::Parts => [network.student_parameters(), network.predictor_parameters()]
                .into_iter()
                .map(|part| (part.clone(), self.norm_of::<T>(part)))
                .collect(),
        };
        for (part, length) in parts {
            if length > limit {
                self.scale::<T>(part, limit / length);
            }
        }
        norm
    }

    /// Nothing moves a range of parameters.
    pub fn clear<T: Scalar>(&mut self, range: Range<usize>) {
        for part in &mut self.parts[range] {
            bridge::modify(part, |g: &mut [T]| g.fill(T::from_f64(0.0)));
        }
    }

    /// Multiplies a range of parts by `factor`.
    pub fn scale<T: Scalar>(&mut self, range: Range<usize>, factor: f64) {
        let factor = T::from_f64(factor);
        for part in &mut self.parts[range] {
            bridge::modify(part, |g: &mut [T]| {
                for g in g.iter_mut() {
                    *g = T::from_f64(0.0).add_product(factor, *g);
                }
            });
        }
    }
}

/// part + factor · other, in place.
fn add_product<T: Scalar>(part: &mut Tensor<1>, factor: T, other: &Tensor<1>) {
    let view = bridge::View::new(other);
    bridge::modify(part, |g: &mut [T]| {
        for (g, &p) in g.iter_mut().zip(view.slice::<T>()) {
            *g = g.add_product(factor, p);
        }
    });
}
