//! What can be typed after `stopgrad predict`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::demand::Requirement;

/// `stopgrad predict`.
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS")]
    pub moments: PathBuf,

    /// λ, above 0
    #[arg(long, value_name = "LAMBDA", value_parser = super::value::finite, allow_negative_numbers = true)]
    pub weight_decay: f64,

    /// Dimensions of the embedding [default: as many as the views fill]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32))]
    pub embedding_dim: Option<u32>,

    /// Try every rank, not those near the guess: up to 64 dimensions
    #[arg(long)]
    pub all_ranks: bool,

    /// Where the equilibrium goes: `s`, its factor `p`, and `a`, `b`
    #[arg(long, value_name = "FILE.npz")]
    pub out: Option<PathBuf>,

    /// Folder for report.html, report.json and figures/ [default: nothing is drawn]
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,

    /// Names the random starts of the search at lower rank
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = super::value::seed_range())]
    pub seed: u64,

    /// End the search after this time with what it has found: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = super::value::duration)]
    pub time_limit: Option<Duration>,

    /// Exit with 1 if existence or stability stays undecided
    #[arg(long, value_name = "decided")]
    pub require: Option<Requirement>,
}
