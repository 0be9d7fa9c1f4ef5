//! The loop: forward, detach, backward, step, teacher, measure, in this order; then the verdict.

mod ending;
mod gallery;
mod live;
mod probing;
mod raw_input;
mod rehearsal;
mod resume;
mod session;

pub use live::{Detail, Halves, Live, RowDetail, Update, views};
pub use probing::{ProbeRow, ProbeSet};
pub use rehearsal::{Rehearsal, rehearse};

use std::path::{Path, PathBuf};

use stopgrad_data::{LoaderError, SourceError};
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::config::Precision;
use crate::folder::{self, RecordError};
use crate::plan::Plan;
use crate::record::RunRecord;
use session::Session;
use stopgrad_dynamics::probe::ProbeError;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Updates.
    Training,
    /// Joint descent from the final point, for the verdict.
    Descent,
}

/// Where a run stands, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Updates done in this phase.
    pub step: u64,
    /// Updates of this phase.
    pub steps: u64,
    /// Which phase.
    pub phase: Phase,
    /// Loss of the last batch.
    pub batch_loss: f64,
    /// Ē at the last measured row.
    pub joint_objective: Option<f64>,
    /// Effective rank of the student's representation there.
    pub effective_rank: Option<f64>,
    /// kNN accuracy on the validation part at the last probe.
    pub knn_accuracy: Option<f64>,
}

/// Who watches a run, and may stop it. Called once a step.
pub trait Observer: Send {
    /// Where it stands.
    fn progress(&mut self, progress: &Progress);
    /// True to stop after a checkpoint.
    fn should_stop(&mut self) -> bool;
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum RunOutcome {
    /// All steps done (or diverged: see its verdict), and judged.
    Finished(Box<RunRecord>),
    /// Stopped by the observer; the checkpoint of this step is in the folder.
    Stopped {
        /// Updates done.
        step: u64,
    },
}

/// A run that cannot go on. Divergence is no error but an outcome.
#[derive(Debug, Error)]
pub enum RunError {
    /// The evaluation pairs cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Batches cannot be made.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// A file of the run folder.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is whole but is not one of this configuration.
    #[error("the checkpoint in {} is not one of this configuration: {what}; use another folder", folder.display())]
    Foreign {
        /// The run folder.
        folder: PathBuf,
        /// What is missing or of another size.
        what: String,
    },
    /// The features cannot be probed.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The folder cannot be made.
    #[error("cannot create the run folder {}: {source}; choose another with --out", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs a plan in a folder: starts, or goes on from its checkpoint to the same bits; a finished run is read.
///
/// Writes `config.toml`, `metrics.csv`, `spectra.npz`, `checkpoint/`, and at the end `gallery.npz`, `verdict.json` and `run.json`
/// (docs/formats.md).
///
/// # Errors
/// When a file cannot be written or read. What was written before stays.
pub fn run(plan: &Plan, name: &str, folder: &Path, observer: &mut dyn Observer) -> Result<RunOutcome, RunError> {
    if folder::is_finished(folder) {
        return Ok(RunOutcome::Finished(Box::new(RunRecord::read(folder)?)));
    }
    std::fs::create_dir_all(folder).map_err(|source| RunError::Folder { folder: folder.to_owned(), source })?;
    folder::write_config(folder, &plan.config)?;
    // Inside the thread pool the thread that trains takes part in every product instead of sleeping until it is done:
    // a quarter of the context switches.
    rayon::scope(|_| match plan.config.training.precision {
        Precision::F32 | Precision::Mixed => Session::<f32>::open(plan, name, folder)?.drive(observer),
        Precision::F64 => Session::<f64>::open(plan, name, folder)?.drive(observer),
    })
}
