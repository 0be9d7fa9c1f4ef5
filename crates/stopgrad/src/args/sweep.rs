//! What can be typed after `stopgrad sweep`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::list::{Numbers, Wholes, numbers, positive_numbers, sizes, wholes};
use super::text::{SWEEP_BASINS_EXAMPLES, SWEEP_FLOW_EXAMPLES, SWEEP_LISTS, SWEEP_PREDICT_EXAMPLES};
use super::{BasinsSettings, FlowSettings};
use crate::demand::Requirement;

/// `stopgrad sweep`.
#[derive(Debug, Args)]
pub struct SweepArguments {
    /// What is done at every point of the grid.
    #[command(subcommand)]
    pub command: SweepCommand,
}

/// The commands that can be swept.
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// What a linear network will keep, over weight decays, embedding dimensions and seeds
    #[command(long_about = SWEEP_LISTS, after_help = SWEEP_PREDICT_EXAMPLES)]
    Predict(SweepPredictArguments),
    /// Where a linear network ends, over weight decays, teacher rates, embedding dimensions, starts
    #[command(long_about = SWEEP_LISTS, after_help = SWEEP_FLOW_EXAMPLES)]
    Flow(SweepFlowArguments),
    /// What share of random starts ends where, over the same
    #[command(long_about = SWEEP_LISTS, after_help = SWEEP_BASINS_EXAMPLES)]
    Basins(SweepBasinsArguments),
}

/// Where the table goes, and when to stop.
#[derive(Debug, Clone, Args)]
pub struct SweepOutput {
    /// Folder for table.csv, table.parquet, report.html and figures/; a sweep that was stopped goes on there
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub out: PathBuf,

    /// Stop before the next point once this time is over: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = super::value::duration, help_heading = "Output")]
    pub time_limit: Option<Duration>,

    /// Exit with 1 if a point failed, or its answer is undecided (see the command itself)
    #[arg(long, value_name = "decided", help_heading = "Output")]
    pub require: Option<Requirement>,
}

/// `stopgrad sweep predict`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SweepPredictArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS")]
    pub moments: PathBuf,

    /// λ, above 0
    #[arg(long, value_name = "LIST", value_parser = numbers, help_heading = "Swept")]
    pub weight_decay: Numbers,

    /// Dimensions of the embedding [default: as many as the views fill]
    #[arg(long, value_name = "LIST", value_parser = sizes, help_heading = "Swept")]
    pub embedding_dim: Option<Wholes>,

    /// Names the random starts of the search at lower rank [default: 0]
    #[arg(long, value_name = "LIST", value_parser = wholes, help_heading = "Swept")]
    pub seed: Option<Wholes>,

    /// Refused with a reason.
    #[arg(long, hide = true)]
    pub ema_rate: Option<String>,

    /// Refused with a reason.
    #[arg(long, hide = true)]
    pub init_scale: Option<String>,

    /// Try every rank, not those near the guess: up to 64 dimensions
    #[arg(long)]
    pub all_ranks: bool,

    /// Where the table goes.
    #[command(flatten)]
    pub output: SweepOutput,
}

/// `stopgrad sweep flow`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SweepFlowArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS")]
    pub moments: PathBuf,

    /// λ, above 0
    #[arg(long, value_name = "LIST", value_parser = numbers, help_heading = "Swept")]
    pub weight_decay: Numbers,

    /// γ, the rate at which the teacher follows under ema [default: 1]
    #[arg(long, value_name = "LIST", value_parser = numbers, help_heading = "Swept")]
    pub ema_rate: Option<Numbers>,

    /// n, dimensions of the embedding
    #[arg(long, value_name = "LIST", value_parser = sizes, help_heading = "Swept")]
    pub embedding_dim: Wholes,

    /// c: deviation of a random start, diagonal of an identity start [default: 1]
    #[arg(long, value_name = "LIST", value_parser = positive_numbers, help_heading = "Swept")]
    pub init_scale: Option<Numbers>,

    /// Names the random start [default: 0]
    #[arg(long, value_name = "LIST", value_parser = wholes, help_heading = "Swept")]
    pub seed: Option<Wholes>,

    /// The same at every point.
    #[command(flatten)]
    pub fixed: FlowSettings,

    /// Where the table goes.
    #[command(flatten)]
    pub output: SweepOutput,
}

/// `stopgrad sweep basins`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SweepBasinsArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS", required_unless_present = "scalar")]
    pub moments: Option<PathBuf>,

    /// λ, above 0
    #[arg(long, value_name = "LIST", value_parser = numbers, required_unless_present = "scalar", help_heading = "Swept")]
    pub weight_decay: Option<Numbers>,

    /// γ, the rate at which the teacher follows under ema [default: 1]
    #[arg(long, value_name = "LIST", value_parser = numbers, help_heading = "Swept")]
    pub ema_rate: Option<Numbers>,

    /// n, dimensions of the embedding [default with --scalar: 4]
    #[arg(long, value_name = "LIST", value_parser = sizes, required_unless_present = "scalar", help_heading = "Swept")]
    pub embedding_dim: Option<Wholes>,

    /// Scale of the distribution of starts [default: 1]
    #[arg(long, value_name = "LIST", value_parser = positive_numbers, help_heading = "Swept")]
    pub init_scale: Option<Numbers>,

    /// Names the random starts: trial i draws from the stream (seed, i) [default: 0]
    #[arg(long, value_name = "LIST", value_parser = wholes, help_heading = "Swept")]
    pub seed: Option<Wholes>,

    /// The same at every point.
    #[command(flatten)]
    pub fixed: BasinsSettings,

    /// Where the table goes.
    #[command(flatten)]
    pub output: SweepOutput,
}
