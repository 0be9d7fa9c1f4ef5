//! The ONLY code that writes teacher weights.

use burn::tensor::Tensor;
use rayon::prelude::*;
use stopgrad_kernels::vectors;

use crate::bridge;
use crate::config::{FieldConfig, TeacherBatchNorm, TeacherBuffers};
use crate::layer::{Observed, Pass, Statistics, update_running};
use crate::network::Network;
use crate::optim::{Schedule, Warmup};
use crate::scalar::Scalar;
use crate::weights::Weights;

const CHUNK: usize = 1 << 16;

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
                warmup: Warmup::default(),
            },
            batch_norm: config.teacher_batch_norm,
            buffers: config.teacher_buffers,
        }
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

    /// A pass with the teacher's numbers in its configured batch-norm mode.
    pub fn pass(&self) -> Pass<'_> {
        let statistics = match self.batch_norm {
            TeacherBatchNorm::Batch => Statistics::Batch,
            TeacherBatchNorm::Running => Statistics::Running(&self.weights.buffers),
        };
        Pass::new(&self.weights.parameters, statistics)
    }

    /// ξ ← α ξ + (1 − α) θ after update number `step`; buffers as configured.
    ///
    /// `observed` is what the teacher's own batch norms saw in this step.
    pub fn follow<T: Scalar>(&mut self, student: &Weights, observed: &[Observed], step: u64) {
        let momentum = self.momentum(step);
        average::<T>(&mut self.weights.parameters, &student.parameters, momentum);
        match self.buffers {
            TeacherBuffers::Average => average::<T>(&mut self.weights.buffers, &student.buffers, momentum),
            TeacherBuffers::Copy => average::<T>(&mut self.weights.buffers, &student.buffers, 0.0),
            TeacherBuffers::Own => update_running::<T>(&mut self.weights.buffers, observed),
        }
    }
}

/// t ← α t + (1 − α) s, elementwise; with α = 0 the teacher is the student to the bit.
fn average<T: Scalar>(teacher: &mut [Tensor<1>], student: &[Tensor<1>], momentum: f64) {
    let take = T::from_f64(1.0 - momentum);
    for (t, s) in teacher.iter_mut().zip(student) {
        let view = bridge::View::new(s);
        let source = view.slice::<T>();
        bridge::modify(t, |values: &mut [T]| {
            if momentum == 0.0 {
                values.copy_from_slice(source);
                return;
            }
            let minus = T::from_f64(-1.0);
            // As t + (1 − α)(s − t): a teacher that equals the student stays equal to the bit.
            let blend = |t: &mut [T], s: &[T]| {
                vectors(
                    #[inline(always)]
                    || {
                        for (t, &s) in t.iter_mut().zip(s) {
                            *t = t.add_product(take, s.add_product(minus, *t));
                        }
                    },
                );
            };
            if values.len() > CHUNK {
                values.par_chunks_mut(CHUNK).zip(source.par_chunks(CHUNK)).for_each(|(t, s)| blend(t, s));
            } else {
                blend(values, source);
            }
        });
    }
}
