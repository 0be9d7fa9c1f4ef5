//! What can be typed after `stopgrad flow`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use stopgrad_dynamics::Field;

use super::value::{finite, positive};
use crate::demand::Requirement;

/// `stopgrad flow`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct FlowArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS")]
    pub moments: PathBuf,

    /// n, dimensions of the embedding
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32))]
    pub embedding_dim: u32,

    /// λ, above 0
    #[arg(long, value_name = "LAMBDA", value_parser = finite, allow_negative_numbers = true)]
    pub weight_decay: f64,

    /// γ, the rate at which the teacher follows under ema
    #[arg(
        long, value_name = "GAMMA", value_parser = finite, allow_negative_numbers = true, default_value_t = 1.0,
        help_heading = "The system"
    )]
    pub ema_rate: f64,

    /// c: deviation of a random start, diagonal of an identity start
    #[arg(long, value_name = "C", value_parser = positive, default_value_t = 1.0, help_heading = "Start")]
    pub init_scale: f64,

    /// Names the random start, and the random directions in which the gradient-field test looks
    #[arg(
        long, value_name = "N", default_value_t = 0, value_parser = super::value::seed_range(), help_heading = "Start"
    )]
    pub seed: u64,

    /// Everything that a sweep keeps fixed.
    #[command(flatten)]
    pub fixed: FlowSettings,

    /// Where the trajectory and the end state go
    #[arg(long, value_name = "FILE.npz", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Folder for report.html, report.json and figures/ [default: nothing is drawn]
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// End the flow after this time, where it is then: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = super::value::duration, help_heading = "Budget")]
    pub time_limit: Option<Duration>,

    /// Exit with 1 if the budget is spent before an end is found, or if it is undecided whether the end attracts
    #[arg(long, value_name = "decided", help_heading = "Output")]
    pub require: Option<Requirement>,
}

/// What `flow` and every point of `sweep flow` have in common.
#[derive(Debug, Clone, Args)]
pub struct FlowSettings {
    /// How A, B and the teacher C move; joint needs yy in the moments
    #[arg(long, value_name = "joint|sg|ema")]
    pub field: Field,

    /// λ of B [default: that of A]
    #[arg(
        long, value_name = "LAMBDA", value_parser = finite, allow_negative_numbers = true, help_heading = "The system"
    )]
    pub weight_decay_b: Option<f64>,

    /// Speed of B relative to A
    #[arg(
        long, value_name = "RATE", value_parser = finite, allow_negative_numbers = true, default_value_t = 1.0,
        help_heading = "The system"
    )]
    pub rate_b: f64,

    /// random (A and B normal), identity (c on both diagonals), or an .npz with a and b (and c, the teacher; else it is a)
    #[arg(long, value_name = "START", default_value = "random", help_heading = "Start")]
    pub start: StartFrom,

    /// The same of B [default: that of A]
    #[arg(long, value_name = "C", value_parser = positive, help_heading = "Start")]
    pub init_scale_b: Option<f64>,

    /// η: train in steps of this length instead of following the flow
    #[arg(
        long, value_name = "RATE", value_parser = finite, allow_negative_numbers = true,
        help_heading = "Training in steps"
    )]
    pub learning_rate: Option<f64>,

    /// α: what the teacher keeps of itself in a step [default: 1 − γη]
    #[arg(
        long,
        value_name = "ALPHA",
        value_parser = finite, allow_negative_numbers = true,
        requires = "learning_rate",
        conflicts_with = "ema_rate",
        help_heading = "Training in steps"
    )]
    pub momentum: Option<f64>,

    /// β: momentum of A and B; 0 is plain descent
    #[arg(
        long,
        value_name = "BETA",
        value_parser = finite, allow_negative_numbers = true,
        requires = "learning_rate",
        default_value_t = 0.0,
        help_heading = "Training in steps"
    )]
    pub heavy_ball: f64,

    /// Relative error of a step of the integrator [default: 1e-9]
    #[arg(
        long, value_name = "TOLERANCE", value_parser = tolerance, conflicts_with = "learning_rate",
        help_heading = "Budget"
    )]
    pub rtol: Option<f64>,

    /// Steps after which the budget is spent
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), default_value_t = 1_000_000,
        help_heading = "Budget"
    )]
    pub max_steps: u64,

    /// Time after which the budget is spent [default: 100 decay times of the slowest rate known, 1e5 at least]
    #[arg(long, value_name = "TIME", value_parser = positive, help_heading = "Budget")]
    pub end_time: Option<f64>,
}

/// Where a flow starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFrom {
    /// Normal numbers.
    Random,
    /// A = c [I; 0], B = c I.
    Identity,
    /// A state in a file.
    File(PathBuf),
}

impl FromStr for StartFrom {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "random" => Self::Random,
            "identity" => Self::Identity,
            path => Self::File(path.into()),
        })
    }
}

/// A relative tolerance that f64 can meet.
pub(super) fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (1e-13..=1e-2).contains(&value) => Ok(value),
        _ => Err("expected a number from 1e-13 to 1e-2, as in 1e-9".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_one_of_two_words_or_a_file() {
        assert_eq!("random".parse(), Ok(StartFrom::Random));
        assert_eq!("identity".parse(), Ok(StartFrom::Identity));
        assert_eq!("end.npz".parse(), Ok(StartFrom::File("end.npz".into())));
    }

    #[test]
    fn a_tolerance_is_one_that_can_be_met() {
        assert_eq!(tolerance("1e-9"), Ok(1e-9));
        for wrong in ["0", "1e-16", "1", "nan", "-1e-9", ""] {
            assert!(tolerance(wrong).is_err(), "{wrong}");
        }
    }
}
