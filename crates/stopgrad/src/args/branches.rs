//! What can be typed after `stopgrad branches`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::value::{finite, positive};

/// `stopgrad branches`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct BranchesArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS")]
    pub moments: PathBuf,

    /// Where the range begins: the smallest λ (or γ, η, t)
    #[arg(long, value_name = "L1", value_parser = finite)]
    pub from: f64,

    /// Where it ends
    #[arg(long, value_name = "L2", value_parser = finite)]
    pub to: f64,

    /// What is varied between --from and --to
    #[arg(long, value_enum, value_name = "PARAMETER", default_value_t = Along::WeightDecay)]
    pub along: Along,

    /// λ, where something else is varied
    #[arg(long, value_name = "LAMBDA", value_parser = positive, help_heading = "The system")]
    pub weight_decay: Option<f64>,

    /// The other moments of --along mix: those at t = 1
    #[arg(long, value_name = "MOMENTS", help_heading = "The system")]
    pub other: Option<PathBuf>,

    /// The field whose linearisation tells what attracts; equilibria are the same for both
    #[arg(long, value_enum, value_name = "sg|ema", default_value_t = Detached::Sg, help_heading = "The system")]
    pub field: Detached,

    /// γ, the rate at which the teacher follows under ema
    #[arg(long, value_name = "GAMMA", value_parser = positive, default_value_t = 1.0, help_heading = "The system")]
    pub ema_rate: f64,

    /// α under --along learning-rate and ema: what the teacher keeps of itself in a step [default: 1 − γη]
    #[arg(long, value_name = "ALPHA", value_parser = finite, help_heading = "The system")]
    pub momentum: Option<f64>,

    /// Dimensions of the embedding, the largest rank that is followed [default: as many as the views fill, and one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "The system")]
    pub embedding_dim: Option<u32>,

    /// Values at which equilibria are sought at first, both ends included
    #[arg(
        long, value_name = "COUNT", default_value_t = 9, value_parser = clap::value_parser!(u32).range(2..=1000),
        help_heading = "Budget"
    )]
    pub seeds: u32,

    /// Intervals between events into which the search looks again, the widest first
    #[arg(
        long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(0..=10_000),
        help_heading = "Budget"
    )]
    pub checks: u32,

    /// Also follow limit cycles: from Hopf points, and where flows from random starts end on one, in embeddings of every
    /// width up to the largest rank
    #[arg(long, help_heading = "Cycles")]
    pub cycles: bool,

    /// Names the random starts of --cycles
    #[arg(
        long, value_name = "N", default_value_t = 0, value_parser = super::value::seed_range(), help_heading = "Cycles"
    )]
    pub seed: u64,

    /// Follow no curve after this time: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = super::value::duration, help_heading = "Budget")]
    pub time_limit: Option<Duration>,

    /// Folder for report.html, report.json and figures/ [default: nothing is drawn]
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// Exit with 1 if the diagram may lack something: a check that disagrees or is not complete, a curve that was lost
    #[arg(long, value_name = "complete", help_heading = "Output")]
    pub require: Option<BranchRequirement>,
}

/// What may be varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Along {
    /// λ: equilibria are born and die
    WeightDecay,
    /// t from the moments to those of --other: (1 − t) and t of each
    Mix,
    /// γ of ema: equilibria stay, their stability changes
    EmaRate,
    /// η of training in steps: the same for the multipliers of a step
    LearningRate,
}

impl Along {
    /// The key of the documents.
    pub fn key(self) -> &'static str {
        match self {
            Self::WeightDecay => "weight_decay",
            Self::Mix => "mix",
            Self::EmaRate => "ema_rate",
            Self::LearningRate => "learning_rate",
        }
    }

    /// The letter of the theory.
    pub fn letter(self) -> &'static str {
        match self {
            Self::WeightDecay => "λ",
            Self::Mix => "t",
            Self::EmaRate => "γ",
            Self::LearningRate => "η",
        }
    }
}

/// The fields that have equilibria besides the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Detached {
    /// Stop-gradient
    Sg,
    /// An averaged teacher
    Ema,
}

/// What `--require` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BranchRequirement {
    /// Every check agrees and is complete, and no curve was lost
    Complete,
}
