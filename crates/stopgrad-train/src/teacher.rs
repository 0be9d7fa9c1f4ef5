//! The ONLY code that writes teacher weights.

use burn::tensor::Tensor;
use stopgrad_kernels::update;

use crate::bridge;
use crate::config::{FieldConfig, TeacherBatchNorm, TeacherBuffers};
use crate::layer::{Observed, Pass, Statistics, update_running};
use crate::network::Network;
use crate::optim::{Schedule, Warmup};
use crate::scalar::Scalar;
use crate::weights::Weights;

/// ξ: the student's θ (encoder and projector), averaged over time.
#[derive(Debug)]
pub struct Teacher {
    /// Its own numbers; the list is as long as θ, without the predictor.
    weights: Weights,
    momentum: Schedule,
    batch_norm: TeacherBatchNorm,
    buffers: TeacherBuffers,
}

impl Teacher {
    /// A teacher that equals the student, for a run of `steps` updates.
    pub fn new<T: Scalar>(config: &FieldConfig, network: &Network, student: &Weights, steps: u64) -> Self {
        let mut weights = student.duplicate::<T>();
        weights.parameters.truncate(network.student_parameters().end);
        weights.buffers.truncate(network.student_buffers);
        Self {
            weights,
            momentum: Schedule {
                kind: config.teacher_schedule,
                start: config.teacher_momentum,
                end: config.teacher_momentum_end,
                steps,
                horizon: 1.0,
                warmup: Warmup::default(),
            },
            batch_norm: config.teacher_batch_norm,
            buffers: config.teacher_buffers,
        }
    }

    /// The same with α's schedule over so many times the length of the run.
    #[must_use]
    pub fn with_horizon(mut self, horizon: f64) -> Self {
        self.momentum.horizon = horizon;
        self
    }

    /// ξ, without the predictor.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Puts stored numbers in the place of ξ: for resuming.
    ///
    /// # Errors
    /// Whatever `fill` says.
    pub fn restore<E>(&mut self, fill: impl FnOnce(&mut Weights) -> Result<(), E>) -> Result<(), E> {
        fill(&mut self.weights)
    }

    /// α of update number `step`, counted from 0.
    pub fn momentum(&self, step: u64) -> f64 {
        self.momentum.at(step)
    }

    /// A pass with the teacher's numbers, wherever a copy of them lies, in its configured batch-norm mode.
    pub fn pass<'a>(&self, weights: &'a Weights) -> Pass<'a> {
        let statistics = match self.batch_norm {
            TeacherBatchNorm::Batch => Statistics::Batch,
            TeacherBatchNorm::Running => Statistics::Running(&weights.buffers),
        };
        Pass::new(&weights.parameters, statistics)
    }

    /// What an optimizer's step moves after the student in update number `step`: ξ ← α ξ + (1 − α) θ; with α = 0 the teacher
    /// is the student to the bit. Buffers follow by [`Teacher::follow_buffers`].
    pub fn following(&mut self, step: u64) -> Following<'_> {
        let share = 1.0 - self.momentum(step);
        Following { parameters: &mut self.weights.parameters, share }
    }

    /// Buffers after update number `step`, as configured. `observed` is what the teacher's own batch norms saw in this step.
    pub fn follow_buffers<T: Scalar>(&mut self, student: &Weights, observed: &[Observed], step: u64) {
        let share = 1.0 - self.momentum(step);
        match self.buffers {
            TeacherBuffers::Average => average::<T>(&mut self.weights.buffers, &student.buffers, share),
            TeacherBuffers::Copy => average::<T>(&mut self.weights.buffers, &student.buffers, 1.0),
            TeacherBuffers::Own => update_running::<T>(&mut self.weights.buffers, observed),
        }
    }
}

/// ξ, and the share 1 − α of θ that it takes.
#[derive(Debug)]
pub struct Following<'a> {
    pub(crate) parameters: &'a mut [Tensor<1>],
    pub(crate) share: f64,
}

fn average<T: Scalar>(teacher: &mut [Tensor<1>], student: &[Tensor<1>], share: f64) {
    for (teacher, student) in teacher.iter_mut().zip(student) {
        let view = bridge::View::new(student);
        bridge::modify(teacher, |values: &mut [T]| update::average(values, view.slice(), share));
    }
}
