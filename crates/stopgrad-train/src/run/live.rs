//! A model in training: its numbers, and one update.

use stopgrad_data::Batch;
use stopgrad_dynamics::Field;

use crate::gradient::Gradient;
use crate::layer::update_running;
use crate::network::Network;
use crate::objective::{Objective, Views};
use crate::optim::{Optimizer, Schedule};
use crate::plan::Plan;
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
    /// Updates done.
    pub step: u64,
    rate: Schedule,
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
        let objective = Objective::new(&config.objective);
        let student = Weights::initialize::<T>(&plan.network, config.training.seed);
        let teacher = (config.field.kind == Field::Ema)
            .then(|| Teacher::new::<T>(&config.field, &plan.network, &student, config.training.steps));
        let optimizer = Optimizer::new(&config.optimizer, objective.decoupled, &plan.network);
        Self { plan, objective, student, teacher, optimizer, step: 0, rate: plan.learning_rate() }
    }

    /// The network.
    pub fn network(&self) -> &'p Network {
        &self.plan.network
    }

    /// One update on a batch: forward, detach, backward, step, teacher.
    pub fn update(&mut self, batch: &Batch, detail: Detail) -> Update {
        let (network, field) = (self.network(), self.plan.field());
        let views = views::<T>(batch, network.input_width);
        let mut gradient = self.gradient(field, &views);
        let joint = detail.row.then(|| self.gradient(Field::Joint, &views));
        let halves = if detail.halves { self.halves(field, &views) } else { None };
        let field_norm = self.clip(&mut gradient, detail.row);
        let before = (detail.row || halves.is_some()).then(|| self.student.duplicate::<T>());
        let teacher_before = self.teacher.as_ref().filter(|_| detail.row).map(|t| t.weights().duplicate::<T>());

        let learning_rate = self.rate.at(self.step);
        let following = self.teacher.as_mut().map(|teacher| teacher.following(self.step));
        self.optimizer.step(&mut self.student.parameters, &gradient.parts, learning_rate, following);
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
        Update { batch_loss, learning_rate, row, halves }
    }

    /// The gradient of a field at this point.
    pub fn gradient(&self, field: Field, views: &Views) -> Gradient {
        Gradient::evaluate::<T>(self.network(), &self.objective, field, &self.student, self.teacher.as_ref(), views)
    }

    /// Shortens a gradient that is longer than the limit; its length before, where that was computed.
    pub(super) fn clip(&self, gradient: &mut Gradient, wanted: bool) -> f64 {
        let limit = self.plan.config.optimizer.clip_norm;
        if limit == 0.0 && !wanted {
            return f64::NAN;
        }
        let norm = gradient.norm::<T>();
        if limit > 0.0 && norm > limit {
            gradient.scale::<T>(limit / norm);
        }
        norm
    }

    /// `None` when the batch is too small to halve.
    fn halves(&self, field: Field, views: &Views) -> Option<Halves> {
        let half = views.count() / 2;
        if half < 2 {
            return None;
        }
        let part = |start: usize| self.gradient(field, &views.part(start, half));
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
