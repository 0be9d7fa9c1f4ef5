//! Ē and F̄: losses between prediction and target, and the ONE place where the target branch is detached.

mod normality;
mod terms;

pub use normality::{directions, normality};
pub use terms::{Terms, covariance, variance};

use burn::tensor::{DType, Tensor};

use crate::bridge;
use crate::config::{Decayed, Loss, ObjectiveConfig, Regularizer};
use crate::device::Device;
use crate::layer::{Pass, Statistics};
use crate::network::Network;
use crate::scalar::Scalar;

/// A batch of n pairs as one tensor outside autodiff, 2n × m: the rows of all x, then those of all y.
///
/// One tensor, so that both views can go through a network together.
#[derive(Debug, Clone)]
pub struct Views {
    both: Tensor<2>,
}

impl Views {
    /// n × m and n × m, row-major.
    ///
    /// # Panics
    /// When the lengths are not n·m.
    pub fn new<T: Scalar>(x: &[f32], y: &[f32], width: usize) -> Self {
        assert_eq!(x.len(), y.len(), "as many numbers in x as in y");
        let mut values: Vec<T> = Vec::with_capacity(2 * x.len());
        // One after the other: a chained iterator would not be turned into vector instructions.
        for view in [x, y] {
            values.extend(view.iter().map(|&v| T::from_f64(f64::from(v))));
        }
        let rows = values.len() / width;
        Self { both: bridge::tensor(values, [rows, width]) }
    }

    /// The same on a device.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self { both: device.take(&self.both) }
    }

    /// n.
    pub fn count(&self) -> usize {
        self.both.dims()[0] / 2
    }

    /// What the student predicts from, n × m.
    pub fn x(&self) -> Tensor<2> {
        self.both.clone().narrow(0, 0, self.count())
    }

    /// What is predicted, n × m.
    pub fn y(&self) -> Tensor<2> {
        self.both.clone().narrow(0, self.count(), self.count())
    }

    /// Both, 2n × m.
    pub fn both(&self) -> Tensor<2> {
        self.both.clone()
    }

    /// Pairs `start` to `start + count`.
    #[must_use]
    pub fn part(&self, start: usize, count: usize) -> Self {
        let of = |view: Tensor<2>| view.narrow(0, start, count);
        Self { both: Tensor::cat(vec![of(self.x()), of(self.y())], 0) }
    }
}

/// Where the target comes from.
#[derive(Debug)]
pub enum Target<'a, 'b> {
    /// The student itself, differentiated: the original objective Ē.
    Joint,
    /// The student itself, detached: F̄ at ξ = θ.
    StopGradient,
    /// A teacher: F̄.
    Teacher(&'b mut Pass<'a>),
}

/// What is minimised, or seems to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// l.
    pub loss: Loss,
    /// Mean of both directions.
    pub symmetrized: bool,
    /// λ of Ω = λ/2 (|θ|² + |ψ|²); 0 when weight decay is decoupled (then it is no part of Ē).
    pub omega: f64,
    /// Decoupled weight decay; 0 when it is in Ω.
    pub decoupled: f64,
    /// Which parameters decay, in Ω or beside it.
    pub decayed: Decayed,
    /// What else Ω asks, of the student's embeddings.
    pub terms: Terms,
}

/// Ē or F̄ on one batch.
#[derive(Debug)]
pub struct Evaluated {
    /// E l, without Ω: a tensor of one number, tracked if the student's parameters are.
    pub loss: Tensor<1>,
    /// The terms of Ω that are about embeddings.
    pub terms: f64,
    /// What the predictor saw, outside autodiff: n × d, or both views, 2n × d.
    pub seen: Tensor<2>,
    /// A tensor of one number whose gradient is that of the terms; its value means nothing.
    pull: Option<Tensor<1>>,
}

impl Evaluated {
    /// To be differentiated: its gradient is that of loss and terms.
    pub fn tracked(&self) -> Tensor<1> {
        self.pull.iter().fold(self.loss.clone(), |sum, pull| sum + pull.clone())
    }
}

impl Objective {
    /// From the table `[objective]`; `seed` names random directions.
    pub fn new(config: &ObjectiveConfig, seed: u64) -> Self {
        let objective = Self {
            loss: config.loss,
            symmetrized: config.symmetrized,
            omega: 0.0,
            decoupled: 0.0,
            decayed: config.decayed,
            terms: Terms::new(config, seed),
        };
        objective.with_decay(config.regularizer, config.weight_decay)
    }

    /// The same with another λ.
    #[must_use]
    pub fn with_decay(self, regularizer: Regularizer, weight_decay: f64) -> Self {
        match regularizer {
            Regularizer::Objective => Self { omega: weight_decay, decoupled: 0.0, ..self },
            Regularizer::Decoupled => Self { omega: 0.0, decoupled: weight_decay, ..self },
        }
    }

    /// E l[g(f(x)), target(y)] and the terms of Ω that are about embeddings.
    ///
    /// Symmetrised: the mean of both directions. Sum over dimensions, mean over pairs. The terms are the mean over both views
    /// through the student, whatever the target is.
    pub fn evaluate(
        &self, network: &Network, student: &mut Pass<'_>, target: Target<'_, '_>, views: &Views,
    ) -> Evaluated {
        let n = views.count();
        // Where both views go through f with gradient, they go together.
        let together = self.symmetrized || self.terms.any() || matches!(target, Target::Joint);
        let embedding = if together { both(network, student, views) } else { one(network, student, views.x()) };
        let (terms, pull) = self.terms_of(&embedding);
        let source = if self.symmetrized { embedding.clone() } else { embedding.clone().narrow(0, 0, n) };
        let seen = source.clone().inner();
        student.blocks = if self.symmetrized { 2 } else { 1 };
        let prediction = network.predictor.forward(student, source);
        let loss = match target {
            Target::Joint => self.between(prediction, embedding, n),
            Target::StopGradient if together => self.between(prediction, embedding.inner(), n),
            Target::StopGradient => {
                // The same numbers without a graph: cheaper than building one and cutting it.
                let plain: Vec<Tensor<1>> = student.parameters.iter().map(|p| p.clone().inner()).collect();
                let mut pass = Pass::new(&plain, student.statistics);
                let goal = one(network, &mut pass, views.y());
                student.observed.append(&mut pass.observed);
                self.loss.between(prediction, goal)
            }
            // A teacher's parameters are plain tensors; `inner` makes sure of it.
            Target::Teacher(pass) if self.symmetrized => {
                self.between(prediction, both(network, pass, views).inner(), n)
            }
            Target::Teacher(pass) => self.loss.between(prediction, one(network, pass, views.y()).inner()),
        };
        Evaluated { loss, terms, seen, pull }
    }

    /// The loss of predictions from x, or from both views, and the embeddings of both, 2n × d.
    fn between(&self, prediction: Tensor<2>, goal: Tensor<2>, n: usize) -> Tensor<1> {
        let (goal_x, goal_y) = (goal.clone().narrow(0, 0, n), goal.narrow(0, n, n));
        // The mean over 2n rows is the mean of the means of both directions.
        let goal = if self.symmetrized { Tensor::cat(vec![goal_y, goal_x], 0) } else { goal_y };
        self.loss.between(prediction, goal)
    }

    /// The terms of embeddings of both views, and what pulls at these.
    fn terms_of(&self, embedding: &Tensor<2>) -> (f64, Option<Tensor<1>>) {
        if !self.terms.any() {
            return (0.0, None);
        }
        let [rows, d] = embedding.dims();
        let (value, gradient) = self.terms.of(&bridge::to_f64(embedding), 2, d);
        let gradient = bridge::tensor(gradient, [rows, d]).cast(embedding.dtype()).to_device(&embedding.device());
        let gradient = if embedding.is_autodiff() { gradient.autodiff() } else { gradient };
        (value, Some((embedding.clone() * gradient).sum()))
    }
}

/// f on one view, n × m → n × d.
fn one(network: &Network, pass: &mut Pass<'_>, view: Tensor<2>) -> Tensor<2> {
    pass.blocks = 1;
    network.embed(pass, view).embedding
}

/// f on both views in one pass, 2n × m → 2n × d; each view is a batch of its own to batch norms.
fn both(network: &Network, pass: &mut Pass<'_>, views: &Views) -> Tensor<2> {
    pass.blocks = 2;
    network.embed(pass, views.both()).embedding
}

impl Loss {
    /// Mean over rows of the loss summed over dimensions; n × d and n × d → a tensor of one number.
    pub fn between(self, prediction: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
        let n = prediction.dims()[0] as f64;
        match self {
            Self::HalfSquared => {
                let difference = prediction - target;
                (difference.clone() * difference).sum() * (0.5 / n)
            }
            Self::Cosine => (unit_rows(prediction) * unit_rows(target)).sum() * (-1.0 / n) + 1.0,
            Self::SmoothL1 => {
                // With c = min(|d|, 1): c |d| − c²/2 is d²/2 inside and |d| − 1/2 outside.
                let size = (prediction - target).abs();
                let capped = size.clone().clamp_max(1.0);
                (capped.clone() * size - capped.clone() * capped * 0.5).sum() * (1.0 / n)
            }
        }
    }

    /// The same in f64, for a number that reaches a file: plain tensors of either type → the value.
    pub fn value(self, prediction: &Tensor<2>, target: &Tensor<2>) -> f64 {
        let wide = |t: &Tensor<2>| bridge::host(t).cast(DType::F64);
        bridge::to_f64(&self.between(wide(prediction), wide(target)))[0]
    }
}

/// z / max(|z|, 1e-8): a zero row stays zero, and no gradient there is infinite.
fn unit_rows(z: Tensor<2>) -> Tensor<2> {
    let squared = (z.clone() * z.clone()).sum_dim(1);
    z / squared.clamp_min(1e-16).sqrt()
}

/// Statistics of a pass that measures: those of the whole set at hand.
pub const MEASURED: Statistics<'static> = Statistics::Batch;
