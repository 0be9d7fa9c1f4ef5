//! A model in training: its numbers, and one update.

use stopgrad_data::Batch;
use stopgrad_dynamics::Field;

use crate::config::{OptimizerConfig, PredictorRate};
use crate::gradient::Gradient;
use crate::layer::update_running;
use crate::network::Network;
use crate::objective::{Objective, Views};
use crate::optim::{Optimizer, Pace, Schedule};
use crate::plan::Plan;
use crate::predictor::Setter;
use crate::record::{Column, MetricsRow};
use crate::scalar::Scalar;
use crate::teacher::Teacher;
use crate::weights::Weights;

/// Student, teacher, optimizer, and where they stand.
pub struct Live<'p, T> {
    /// What was asked.
    pub plan: &'p Plan,
    /// Ē and F̄.
    pub objective: Objective,
    /// θ and ψ.
    pub student: Weights,
    /// ξ, for `ema`.
    pub teacher: Option<Teacher>,
    /// Velocities or moments.
    pub optimizer: Optimizer<T>,
    /// Sets the predictor, or keeps it symmetric, where it is not trained alone.
    pub setter: Option<Setter<T>>,
    /// Updates done.
    pub step: u64,
    rate: Schedule,
    decay: Schedule,
}

/// What to look at beyond the update itself: each costs a part of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Norms, increments and the joint gradient, for a row of metrics.
    pub row: bool,
    /// Increment and the gradients of both halves of the batch, for the verdict on convergence.
    pub halves: bool,
}

/// What an update says of itself.
#[derive(Debug, Clone)]
pub struct Update {
    /// The trained loss on the batch, without Ω.
    pub batch_loss: f64,
    /// η of this update.
    pub learning_rate: f64,
    /// For a row.
    pub row: Option<RowDetail>,
    /// L2 length of the update of all parameters, and the gradients of the halves.
    pub halves: Option<Halves>,
}

/// Columns that come from the update.
#[derive(Debug, Clone)]
pub struct RowDetail {
    field_norm: f64,
    joint_gradient_norm: f64,
    descent_cosine: Option<f64>,
    student_increment: f64,
    predictor_increment: Option<f64>,
    teacher_increment: Option<f64>,
    teacher_momentum: Option<f64>,
}

/// Gradients g₁, g₂ of the two halves of a batch at the point before the update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Halves {
    /// L2 length of the update.
    pub increment: f64,
    /// ⟨g₁, g₂⟩: its mean is |E g|², free of the noise.
    pub dot: f64,
    /// |g₁|² + |g₂|².
    pub squares: f64,
}

impl<'p, T: Scalar> Live<'p, T> {
    /// A model at its first step.
    pub fn new(plan: &'p Plan) -> Self {
        let config = &plan.config;
        let objective = Objective::new(&config.objective, config.training.seed);
        let student = plan.initial_weights::<T>();
        let teacher = (config.field.kind == Field::Ema)
            .then(|| Teacher::new::<T>(&config.field, &plan.network, &student, config.training.steps))
            .map(|teacher| teacher.with_horizon(config.training.horizon));
        let optimizer = Optimizer::new(&config.optimizer, config.objective.decayed, &plan.network);
        let setter = Setter::new(&config.network, &plan.network);
        let (rate, decay) = (plan.learning_rate(), plan.weight_decay());
        Self { plan, objective, student, teacher, optimizer, setter, step: 0, rate, decay }
    }

    /// Takes into Ē and F̄ what update number `step`, counted from 0, has of its own: λ, and the directions of SIGReg.
    pub(super) fn objective_as_in(&mut self, step: u64) {
        let regularizer = self.plan.config.objective.regularizer;
        self.objective = self.objective.clone().with_decay(regularizer, self.decay.at(step));
        self.objective.terms.step = Some(step);
    }

    /// λ of the last update, or of the first before it.
    pub(super) fn weight_decay(&self) -> f64 {
        self.decay.at(self.step.saturating_sub(1))
    }

    /// What the schedules say of the next update.
    fn pace(&self) -> Pace {
        let optimizer = &self.plan.config.optimizer;
        let rate = self.rate.at(self.step);
        let of_predictor = match optimizer.predictor_rate {
            PredictorRate::Scheduled => rate,
            PredictorRate::Fixed => optimizer.learning_rate,
        };
        let predictor_rate = of_predictor * optimizer.predictor_rate_scale;
        Pace { rate, predictor_rate, decoupled: self.objective.decoupled }
    }

    /// The network.
    pub fn network(&self) -> &'p Network {
        &self.plan.network
    }

    /// One update on the mean gradient of some batches: forward, detach, backward, step, teacher.
    pub fn update(&mut self, batches: &[Batch], detail: Detail) -> Update {
        let (network, field) = (self.network(), self.plan.field());
        let views: Vec<Views> = batches.iter().map(|batch| views::<T>(batch, network.input_width)).collect();
        self.objective_as_in(self.step);
        let mut gradient = self.field_gradient(field, &views);
        let joint = detail.row.then(|| self.mean_gradient(Field::Joint, &views));
        let halves = if detail.halves { self.halves(field, &views) } else { None };
        let field_norm = self.clip(&mut gradient, detail.row);
        let before = (detail.row || halves.is_some()).then(|| self.student.duplicate::<T>());
        let teacher_before = self.teacher.as_ref().filter(|_| detail.row).map(|t| t.weights().duplicate::<T>());

        let pace = self.pace();
        let following = self.teacher.as_mut().map(|teacher| teacher.following(self.step));
        self.optimizer.step(&mut self.student.parameters, &gradient.parts, pace, following);
        if let Some(setter) = &mut self.setter {
            setter.observe(&gradient.seen);
            setter.set(&mut self.student.parameters, self.step);
        }
        update_running::<T>(&mut self.student.buffers, &gradient.observed);
        if let Some(teacher) = &mut self.teacher {
            teacher.follow_buffers::<T>(&self.student, &gradient.teacher_observed, self.step);
        }
        let row = match (&joint, &before) {
            (Some(joint), Some(before)) => {
                Some(self.row_detail(field_norm, &gradient, joint, before, teacher_before.as_ref()))
            }
            _ => None,
        };
        let halves = halves.zip(before).map(|(halves, before)| Halves {
            increment: self.student.squared_distance::<T>(&before, 0..before.parameters.len()).sqrt(),
            ..halves
        });
        self.step += 1;
        let batch_loss = gradient.loss;
        gradient.recycle::<T>();
        Update { batch_loss, learning_rate: pace.rate, row, halves }
    }

    /// The gradient of a field at this point.
    pub fn gradient(&self, field: Field, views: &Views) -> Gradient {
        Gradient::evaluate::<T>(self.network(), &self.objective, field, &self.student, self.teacher.as_ref(), views)
    }

    /// Its mean over batches, each of them a batch of its own to batch norms.
    pub(super) fn mean_gradient(&self, field: Field, batches: &[Views]) -> Gradient {
        let mut gradients = batches.iter().map(|views| self.gradient(field, views));
        let mut mean = gradients.next().expect("an update has at least one batch");
        for more in gradients {
            mean.add::<T>(more);
        }
        if batches.len() > 1 {
            let (share, all) = (1.0 / batches.len() as f64, 0..mean.parts.len());
            mean.loss *= share;
            mean.scale::<T>(all, share);
        }
        mean
    }

    /// The same without what no gradient moves: a predictor that is set.
    fn field_gradient(&self, field: Field, batches: &[Views]) -> Gradient {
        let mut gradient = self.mean_gradient(field, batches);
        if self.setter.as_ref().is_some_and(Setter::replaces_training) {
            gradient.clear::<T>(self.network().predictor_parameters());
        }
        gradient
    }

    /// Shortens a gradient that is longer than the limit; its length before, where that was computed.
    pub(super) fn clip(&self, gradient: &mut Gradient, wanted: bool) -> f64 {
        let OptimizerConfig { clip_norm, clip_by, .. } = self.plan.config.optimizer;
        if clip_norm == 0.0 && !wanted {
            return f64::NAN;
        }
        gradient.clip::<T>(self.network(), clip_norm, clip_by)
    }

    /// `None` when a batch is too small to halve.
    fn halves(&self, field: Field, batches: &[Views]) -> Option<Halves> {
        let half = batches.iter().map(Views::count).min()? / 2;
        if half < 2 {
            return None;
        }
        let part = |start: usize| {
            let parts: Vec<Views> = batches.iter().map(|views| views.part(start, half)).collect();
            self.field_gradient(field, &parts)
        };
        let (first, second) = (part(0), part(half));
        let squares = first.dot::<T>(&first) + second.dot::<T>(&second);
        Some(Halves { increment: f64::NAN, dot: first.dot::<T>(&second), squares })
    }

    fn row_detail(
        &self, field_norm: f64, gradient: &Gradient, joint: &Gradient, before: &Weights,
        teacher_before: Option<&Weights>,
    ) -> RowDetail {
        let (network, student) = (self.network(), &self.student);
        let predictor = network.predictor_parameters();
        let joint_gradient_norm = joint.norm::<T>();
        let lengths = gradient.norm::<T>() * joint_gradient_norm;
        RowDetail {
            field_norm,
            joint_gradient_norm,
            // Both point downhill with a minus sign: the cosine of the field and −∇Ē is that of the two gradients.
            descent_cosine: (lengths > 0.0).then(|| gradient.dot::<T>(joint) / lengths),
            student_increment: student.squared_distance::<T>(before, network.student_parameters()).sqrt(),
            predictor_increment: (!predictor.is_empty())
                .then(|| student.squared_distance::<T>(before, predictor.clone()).sqrt()),
            teacher_increment: self
                .teacher
                .as_ref()
                .zip(teacher_before)
                .map(|(now, before)| now.weights().squared_distance::<T>(before, network.student_parameters()).sqrt()),
            teacher_momentum: self.teacher.as_ref().map(|t| t.momentum(self.step)),
        }
    }

    /// |ξ − θ| / |θ|; 0 without a teacher (it is the student).
    pub fn teacher_lag(&self) -> f64 {
        let range = self.network().student_parameters();
        let size = self.student.squared_norm::<T>(range.clone());
        match &self.teacher {
            Some(teacher) if size > 0.0 => {
                (teacher.weights().squared_distance::<T>(&self.student, range) / size).sqrt()
            }
            _ => 0.0,
        }
    }
}

impl Update {
    /// Fills in the columns that come from the update.
    pub fn write(&self, row: &mut MetricsRow) {
        row.set(Column::BatchLoss, self.batch_loss);
        row.set(Column::LearningRate, self.learning_rate);
        let Some(detail) = &self.row else { return };
        row.set(Column::FieldNorm, detail.field_norm);
        row.set(Column::JointGradientNorm, detail.joint_gradient_norm);
        row.set(Column::StudentIncrement, detail.student_increment);
        let optional = [
            (Column::DescentCosine, detail.descent_cosine),
            (Column::PredictorIncrement, detail.predictor_increment),
            (Column::TeacherIncrement, detail.teacher_increment),
            (Column::Momentum, detail.teacher_momentum),
        ];
        for (column, value) in optional {
            if let Some(value) = value {
                row.set(column, value);
            }
        }
    }
}

/// A batch as tensors of the type the run computes in.
pub fn views<T: Scalar>(batch: &Batch, width: usize) -> Views {
    Views::new::<T>(&batch.x, &batch.y, width)
}
