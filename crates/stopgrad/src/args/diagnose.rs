//! What can be typed after `stopgrad diagnose` and `stopgrad watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::demand::Requirement;

/// `stopgrad diagnose`.
#[derive(Debug, Args)]
pub struct DiagnoseArguments {
    /// Outputs of an encoder, [samples, dimensions] or [samples, tokens, dimensions], in .npy, .npz or .safetensors; several:
    /// checkpoints in their order, of which the last is judged
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Outputs for a second view of the same samples, row by row (`y` in a file of several arrays)
    #[arg(long, value_name = "FILE")]
    pub second_view: Option<PathBuf>,

    /// Outputs of the projector: then the answer is about them, for there the loss is taken (`projector`)
    #[arg(long, value_name = "FILE")]
    pub projector: Option<PathBuf>,

    /// Outputs of the predictor (`predictor`)
    #[arg(long, value_name = "FILE")]
    pub predictor: Option<PathBuf>,

    /// Outputs of the teacher (`teacher`)
    #[arg(long, value_name = "FILE")]
    pub teacher: Option<PathBuf>,

    /// Reference, labels, λ
    #[command(flatten)]
    pub beside: BesideArguments,

    /// Where the moments of the two views go, for `stopgrad predict`
    #[arg(long, value_name = "FILE.npz")]
    pub moments: Option<PathBuf>,

    /// Folder for report.html, report.json and figures/ [default: nothing is drawn]
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,

    /// Exit with 1 if it collapses
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<DiagnoseFailure>,

    /// Exit with 1 if the answer is undecided
    #[arg(long, value_name = "decided")]
    pub require: Option<Requirement>,
}

/// What is known besides the outputs, of every checkpoint alike.
#[derive(Debug, Args)]
pub struct BesideArguments {
    /// Outputs of the untrained encoder for the same samples, or the raw input: how many dimensions there could be
    /// (`reference`)
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,

    /// Classes, a whole number a sample: then kNN and linear probes too (`labels`)
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// λ, above 0: what the linear theory expects of the two views; above 512 dimensions without the searches that take
    /// long (`--moments`, then `stopgrad predict`, has them)
    #[arg(long, value_name = "LAMBDA", value_parser = super::value::finite, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,

    /// What it was trained with: says whether shrinking against the reference is a collapse [default: not known]
    #[arg(long, value_name = "LOSS")]
    pub loss: Option<TrainedLoss>,
}

/// The loss of somebody's training, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrainedLoss {
    /// Of directions: lengths do not count
    Cosine,
    /// Of vectors as they are: an output that shrinks to nothing has collapsed
    Squared,
}

impl TrainedLoss {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Squared => "squared",
        }
    }
}

/// What `diagnose --fail-on` and `watch --fail-on` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiagnoseFailure {
    /// Complete, dimensional, cluster or positional collapse of any place
    Collapses,
}

/// `stopgrad watch`.
#[derive(Debug, Args)]
pub struct WatchArguments {
    /// Where a training script drops files: .npy, .npz or .safetensors, as for `diagnose`
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// Reference, labels, λ
    #[command(flatten)]
    pub beside: BesideArguments,

    /// Judge what is there and end
    #[arg(long, conflicts_with_all = ["idle", "time_limit"])]
    pub once: bool,

    /// End when nothing new came for so long: 90s, 10m, 2h [default: never]
    #[arg(long, value_name = "TIME", value_parser = super::value::duration)]
    pub idle: Option<Duration>,

    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = super::value::duration)]
    pub time_limit: Option<Duration>,

    /// End with 1 as soon as a drop has collapsed
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<DiagnoseFailure>,
}
