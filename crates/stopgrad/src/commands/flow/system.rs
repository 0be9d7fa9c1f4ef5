//! The system that was asked for: a field, and a map where it is trained in steps.

use stopgrad_data::npz::NpzError;
use stopgrad_dynamics::{Field, LinearField, LinearFieldError, Moments, UpdateMap, UpdateMapError};

use crate::args::FlowArguments;
use crate::state_file::StateFileError;

/// Numbers of a state at most: a dozen copies of it are held, and moments beside.
const MAX_STATE: u64 = 50_000_000;

/// Why there is no flow.
#[derive(Debug, thiserror::Error)]
pub enum FlowCommandError {
    /// n, a weight decay, a rate, or V.
    #[error(transparent)]
    Field(#[from] LinearFieldError),
    /// Learning rate or momentum.
    #[error(transparent)]
    Map(#[from] UpdateMapError),
    /// Ctrl-C cannot be caught.
    #[error("cannot listen for Ctrl-C: {0}; start the program on its own, from a shell")]
    Interrupts(#[from] ctrlc::Error),
    /// A teacher's momentum without a teacher.
    #[error(
        "--momentum is what the teacher keeps of itself, and {field} has no teacher; leave it out, or choose --field ema"
    )]
    NoTeacher {
        /// The field.
        field: Field,
    },
    /// γη > 1.
    #[error(
        "in a step of {learning_rate} a teacher of rate {ema_rate} would move past the student (1 − γη is below 0); give its \
         --momentum, or a smaller --learning-rate or --ema-rate"
    )]
    FastTeacher {
        /// η.
        learning_rate: f64,
        /// γ.
        ema_rate: f64,
    },
    /// Too large.
    #[error(
        "a state of {size} numbers (n = {width}, m = {inputs}); a flow takes up to {MAX_STATE}: lower --embedding-dim"
    )]
    TooLarge {
        /// Of A, B and C.
        size: u64,
        /// n.
        width: usize,
        /// m.
        inputs: usize,
    },
    /// The start cannot be read.
    #[error("--start {0}; without a file it is `random` or `identity`")]
    Start(#[from] StateFileError),
    /// The trajectory cannot be written.
    #[error(transparent)]
    Npz(#[from] NpzError),
}

/// A field, and one training step of it if it is trained in steps.
pub(super) struct System {
    /// With the rate that the teacher's momentum stands for.
    pub(super) field: LinearField,
    pub(super) map: Option<UpdateMap>,
}

impl System {
    /// What was typed, checked.
    pub(super) fn new(asked: &FlowArguments, moments: Moments) -> Result<Self, FlowCommandError> {
        let (n, m) = (u64::from(asked.embedding_dim), moments.size() as u64);
        let size = n.saturating_mul(n + 2 * m);
        if size > MAX_STATE {
            let (width, inputs) = (asked.embedding_dim as usize, moments.size());
            return Err(FlowCommandError::TooLarge { size, width, inputs });
        }
        let decay = asked.weight_decay;
        let field = LinearField::new(asked.fixed.field, moments, asked.embedding_dim as usize, decay)?
            .with_decays(decay, asked.fixed.weight_decay_b.unwrap_or(decay))?
            .with_rate_b(asked.fixed.rate_b)?
            .with_ema_rate(asked.ema_rate)?;
        if asked.fixed.momentum.is_some() && !asked.fixed.field.has_teacher() {
            return Err(FlowCommandError::NoTeacher { field: asked.fixed.field });
        }
        let Some(learning_rate) = asked.fixed.learning_rate else { return Ok(Self { field, map: None }) };
        let momentum = if asked.fixed.field.has_teacher() { teacher_momentum(asked, learning_rate)? } else { 0.0 };
        let mut map = UpdateMap::new(field, learning_rate, momentum)?.with_heavy_ball(asked.fixed.heavy_ball)?;
        if asked.fixed.field.has_teacher() {
            map.field.ema_rate = (1.0 - momentum) / learning_rate;
        }
        Ok(Self { field: map.field.clone(), map: Some(map) })
    }

    /// The slowest rate that is known without looking: of decay, or of the teacher.
    pub(super) fn slowest_rate(&self) -> f64 {
        let field = &self.field;
        let decay = field.decay_a.min(field.rate_b * field.decay_b);
        if field.kind.has_teacher() { decay.min(field.ema_rate) } else { decay }
    }
}

/// α: as given, or 1 − γη.
fn teacher_momentum(asked: &FlowArguments, learning_rate: f64) -> Result<f64, FlowCommandError> {
    let ema_rate = asked.ema_rate;
    match asked.fixed.momentum {
        Some(momentum) => Ok(momentum),
        None if learning_rate > 0.0 && ema_rate * learning_rate > 1.0 => {
            Err(FlowCommandError::FastTeacher { learning_rate, ema_rate })
        }
        None => Ok(1.0 - ema_rate * learning_rate),
    }
}
