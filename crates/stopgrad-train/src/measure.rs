//! What is measured of a live model: on fixed pairs, at both places, of student and teacher.

use burn::tensor::Tensor;
use stopgrad_data::SourceError;
use stopgrad_dynamics::rank::{Summary, summarize};

use crate::bridge;
use crate::config::Config;
use crate::layer::Pass;
use crate::network::{Embedded, Network};
use crate::objective::{MEASURED, Objective, Terms, Views};
use crate::plan::Plan;
use crate::record::{Column, MetricsRow, Spectrum};
use crate::scalar::Scalar;
use crate::teacher::Teacher;
use crate::weights::Weights;

/// The pairs on which every row of `metrics.csv` is measured: drawn once from the validation part.
#[derive(Debug)]
pub struct EvaluationPairs {
    views: Views,
}

/// One measurement at one point of a run.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Ē without Ω.
    pub joint_loss: f64,
    /// F̄ without Ω.
    pub proxy_loss: f64,
    /// What Ω says of the student's embeddings.
    pub terms: f64,
    /// E|g(f(x)) − f(y)|² / E|f(y) − E f(y)|²; `None` if the embedding is constant.
    pub relative_error: Option<f64>,
    /// Representation of x by the student.
    pub student_encoder: Cloud,
    /// Embedding of x by the student; `None` without projector.
    pub student_projector: Option<Cloud>,
    /// Representation of y by the teacher (without one: by the student, which is its own teacher).
    pub teacher_encoder: Cloud,
    /// Embedding of y by the teacher.
    pub teacher_projector: Option<Cloud>,
    /// Prediction from x.
    pub predictor: Cloud,
}

/// A cloud of points in one space, and its twin from the other view.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// n × d, row-major: the points, kept for the verdict.
    pub points: Vec<f64>,
    /// The same samples seen through the other view, where that exists.
    pub twins: Option<Vec<f64>>,
    /// n.
    pub n: usize,
    /// d.
    pub d: usize,
    /// Ranks, spectrum, norms.
    pub summary: Summary,
}

impl EvaluationPairs {
    /// Draws the pairs of a plan: at most `evaluation.pairs`, one a sample of the validation part.
    ///
    /// # Errors
    /// When no sample of the validation part can be read.
    pub fn draw<T: Scalar>(plan: &Plan) -> Result<Self, SourceError> {
        let pairs = evaluation_pairs(plan)?;
        Ok(Self { views: Views::new::<T>(&pairs.0, &pairs.1, plan.network.input_width) })
    }

    /// Measures student and teacher. No gradient is computed; batch norms use the statistics of these pairs.
    pub fn measure(
        &self, network: &Network, objective: &Objective, student: &Weights, teacher: Option<&Teacher>,
    ) -> Measured {
        let (views, weights) = (self.views.on(&network.device), network.device.weights(network, student));
        let mut pass = Pass::new(&weights.parameters, MEASURED);
        let x = network.embed(&mut pass, views.x());
        let y = network.embed(&mut pass, views.y());
        let predicted_x = network.predictor.forward(&mut pass, x.embedding.clone());
        let predicted_y = objective.symmetrized.then(|| network.predictor.forward(&mut pass, y.embedding.clone()));
        let (goal_x, goal_y) = match teacher {
            None => (x.clone(), y.clone()),
            Some(teacher) => {
                let weights = network.device.weights(network, teacher.weights());
                let mut pass = teacher.pass(&weights);
                (network.embed(&mut pass, views.x()), network.embed(&mut pass, views.y()))
            }
        };
        let loss = |goal_x: &Embedded, goal_y: &Embedded| {
            let forward = objective.loss.value(&predicted_x, &goal_y.embedding);
            match &predicted_y {
                None => forward,
                Some(predicted_y) => 0.5 * (forward + objective.loss.value(predicted_y, &goal_x.embedding)),
            }
        };
        let projected = |e: &Embedded, twin: &Embedded| {
            network.has_projector().then(|| Cloud::new(&e.embedding, Some(&twin.embedding)))
        };
        Measured {
            joint_loss: loss(&x, &y),
            proxy_loss: loss(&goal_x, &goal_y),
            terms: terms(objective, &x.embedding, &y.embedding),
            relative_error: relative_error(&predicted_x, &y.embedding),
            student_encoder: Cloud::new(&x.representation, Some(&y.representation)),
            student_projector: projected(&x, &y),
            teacher_encoder: Cloud::new(&goal_y.representation, Some(&goal_x.representation)),
            teacher_projector: projected(&goal_y, &goal_x),
            predictor: Cloud::new(&predicted_x, predicted_y.as_ref()),
        }
    }

    /// Ē on these pairs: loss and Ω.
    pub fn joint_objective<T: Scalar>(&self, network: &Network, objective: &Objective, student: &Weights) -> f64 {
        let (views, weights) = (self.views.on(&network.device), network.device.weights(network, student));
        let mut pass = Pass::new(&weights.parameters, MEASURED);
        let x = network.embed(&mut pass, views.x()).embedding;
        let y = network.embed(&mut pass, views.y()).embedding;
        let forward = objective.loss.value(&network.predictor.forward(&mut pass, x.clone()), &y);
        let loss = if objective.symmetrized {
            0.5 * (forward + objective.loss.value(&network.predictor.forward(&mut pass, y.clone()), &x))
        } else {
            forward
        };
        loss + regularizer::<T>(network, objective, student) + terms(objective, &x, &y)
    }
}

/// The terms of Ω that are about embeddings, with the directions that all rows share.
fn terms(objective: &Objective, x: &Tensor<2>, y: &Tensor<2>) -> f64 {
    if !objective.terms.any() {
        return 0.0;
    }
    let both = [bridge::to_f64(x), bridge::to_f64(y)].concat();
    Terms { step: None, ..objective.terms }.of(&both, 2, x.dims()[1]).0
}

/// The part of Ω that is about weights: λ/2 (|θ|² + |ψ|²), over the parameters that decay.
pub fn regularizer<T: Scalar>(network: &Network, objective: &Objective, student: &Weights) -> f64 {
    if objective.omega == 0.0 {
        return 0.0;
    }
    let decaying = network.parameters.iter().enumerate().filter(|(_, spec)| spec.decays(objective.decayed));
    0.5 * objective.omega * decaying.map(|(index, _)| student.squared_norm::<T>(index..index + 1)).sum::<f64>()
}

impl Cloud {
    fn new(points: &Tensor<2>, twins: Option<&Tensor<2>>) -> Self {
        let [n, d] = points.dims();
        let points = bridge::to_f64(points);
        let summary = summarize(&points, n, d).unwrap_or_else(|_| not_finite(d));
        Self { points, twins: twins.map(bridge::to_f64), n, d, summary }
    }
}

/// What is said of a cloud with a NaN or an infinity in it: a diverged run still gets its row.
fn not_finite(d: usize) -> Summary {
    summarize(&vec![0.0; 2 * d], 2, d).expect("zeros are finite")
}

/// E|p − t|² / E|t − E t|² over rows; `None` where the denominator is 0 or not finite.
fn relative_error(prediction: &Tensor<2>, target: &Tensor<2>) -> Option<f64> {
    let [n, d] = target.dims();
    let (p, t) = (bridge::to_f64(prediction), bridge::to_f64(target));
    let mut mean = vec![0.0; d];
    for row in t.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n as f64);
    }
    let spread: f64 = t.chunks_exact(d).flat_map(|row| row.iter().zip(&mean)).map(|(v, m)| (v - m) * (v - m)).sum();
    let error: f64 = p.iter().zip(&t).map(|(p, t)| (p - t) * (p - t)).sum();
    (spread > 0.0 && spread.is_finite()).then(|| error / spread)
}

impl Measured {
    /// Fills in the columns that are measured on the evaluation pairs.
    pub fn write(&self, row: &mut MetricsRow, of_weights: f64) {
        let regularizer = of_weights + self.terms;
        row.set(Column::JointLoss, self.joint_loss);
        row.set(Column::Regularizer, regularizer);
        row.set(Column::JointObjective, self.joint_loss + regularizer);
        row.set(Column::ProxyObjective, self.proxy_loss + regularizer);
        if let Some(error) = self.relative_error {
            row.set(Column::RelativeError, error);
        }
        for (first, place) in self.places() {
            if let (Some(place), Some(columns)) = (place, Column::ALL.get(first as usize..first as usize + 4)) {
                let s = &place.summary;
                let values = [s.effective_rank, s.participation_ratio, s.std, s.norm];
                columns.iter().zip(values).for_each(|(&column, value)| row.set(column, value));
            }
        }
    }

    /// Eigenvalues at every place.
    pub fn spectra(&self, step: u64) -> Vec<Spectrum> {
        let names = ["student_encoder", "student_projector", "teacher_encoder", "teacher_projector"];
        names
            .iter()
            .zip(self.places())
            .filter_map(|(name, (_, place))| {
                let eigenvalues = place?.summary.eigenvalues.clone();
                Some(Spectrum { place: (*name).to_owned(), step, eigenvalues })
            })
            .collect()
    }

    /// Each place with the first of its four columns.
    fn places(&self) -> [(Column, Option<&Cloud>); 4] {
        [
            (Column::StudentEncoderEffectiveRank, Some(&self.student_encoder)),
            (Column::StudentProjectorEffectiveRank, self.student_projector.as_ref()),
            (Column::TeacherEncoderEffectiveRank, Some(&self.teacher_encoder)),
            (Column::TeacherProjectorEffectiveRank, self.teacher_projector.as_ref()),
        ]
    }
}

/// |AAᵀ − BᵀB| (Frobenius) of a linear network; `None` for any other.
///
/// Our matrices are stored input first, so with P = Aᵀ and Q = Bᵀ this is |PᵀP − QQᵀ|. Cost O(n²(m + n)).
pub fn balance_gap(network: &Network, student: &Weights) -> Option<f64> {
    if !network.is_linear {
        return None;
    }
    let (p, q) = (bridge::to_f64(&student.parameters[0]), bridge::to_f64(&student.parameters[1]));
    let (m, n) = (network.input_width, network.embedding_width);
    let mut squared = 0.0;
    for i in 0..n {
        for j in 0..n {
            let left: f64 = (0..m).map(|k| p[k * n + i] * p[k * n + j]).sum();
            let right: f64 = (0..n).map(|k| q[i * n + k] * q[j * n + k]).sum();
            squared += (left - right) * (left - right);
        }
    }
    Some(squared.sqrt())
}

fn evaluation_pairs(plan: &Plan) -> Result<(Vec<f32>, Vec<f32>), SourceError> {
    let Config { training, evaluation, .. } = &plan.config;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let mut last = None;
    for (draw, &index) in plan.splits.validation.iter().take(evaluation.pairs).enumerate() {
        match plan.source.sample(index) {
            Ok(sample) => {
                let pair = plan.pair(&sample.values, training.seed, "evaluation", draw as u64);
                x.extend(pair.x);
                y.extend(pair.y);
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if x.is_empty() => Err(error),
        _ => Ok((x, y)),
    }
}
