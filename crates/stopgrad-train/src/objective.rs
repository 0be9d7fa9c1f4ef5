//! Ē and F̄: losses between prediction and target, and the ONE place where the target branch is detached.

use burn::tensor::{DType, Tensor};

use crate::bridge;
use crate::config::{Loss, ObjectiveConfig, Regularizer};
use crate::layer::{Pass, Statistics};
use crate::network::Network;

/// A batch of pairs as tensors: n × m each, outside autodiff.
#[derive(Debug, Clone)]
pub struct Views {
    /// What the student predicts from.
    pub x: Tensor<2>,
    /// What is predicted.
    pub y: Tensor<2>,
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
}

impl Objective {
    /// From the table `[objective]`.
    pub fn new(config: &ObjectiveConfig) -> Self {
        let inside = config.regularizer == Regularizer::Objective;
        Self {
            loss: config.loss,
            symmetrized: config.symmetrized,
            omega: if inside { config.weight_decay } else { 0.0 },
            decoupled: if inside { 0.0 } else { config.weight_decay },
        }
    }

    /// E l[g(f(x)), target(y)], without Ω; a tensor of one number, tracked if the student's parameters are.
    ///
    /// Symmetrised: the mean of both directions. Sum over dimensions, mean over pairs.
    pub fn value(
        &self, network: &Network, student: &mut Pass<'_>, mut target: Target<'_, '_>, views: &Views,
    ) -> Tensor<1> {
        let embedded_x = network.embed(student, views.x.clone()).embedding;
        let prediction_x = network.predictor.forward(student, embedded_x.clone());
        if !self.symmetrized {
            let goal = target.of(network, student, &views.y, None);
            return self.loss.between(prediction_x, goal);
        }
        let embedded_y = network.embed(student, views.y.clone()).embedding;
        let prediction_y = network.predictor.forward(student, embedded_y.clone());
        let goal_y = target.of(network, student, &views.y, Some(embedded_y));
        let goal_x = target.of(network, student, &views.x, Some(embedded_x));
        (self.loss.between(prediction_x, goal_y) + self.loss.between(prediction_y, goal_x)) * 0.5
    }
}

impl Target<'_, '_> {
    /// The target of a view. `known` is the student's own embedding of it, where it has been computed already.
    fn of(
        &mut self, network: &Network, student: &mut Pass<'_>, view: &Tensor<2>, known: Option<Tensor<2>>,
    ) -> Tensor<2> {
        match self {
            Self::Joint => known.unwrap_or_else(|| network.embed(student, view.clone()).embedding),
            Self::StopGradient => {
                if let Some(embedding) = known {
                    return embedding.inner();
                }
                // The same numbers without a graph: cheaper than building one and cutting it.
                let plain: Vec<Tensor<1>> = student.parameters.iter().map(|p| p.clone().inner()).collect();
                let mut pass = Pass::new(&plain, student.statistics);
                let embedding = network.embed(&mut pass, view.clone()).embedding;
                student.observed.append(&mut pass.observed);
                embedding
            }
            // A teacher's parameters are plain tensors; `inner` makes sure of it.
            Self::Teacher(pass) => network.embed(pass, view.clone()).embedding.inner(),
        }
    }
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
        let wide = |t: &Tensor<2>| t.clone().inner().cast(DType::F64);
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
