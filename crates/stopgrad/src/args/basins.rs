//! What can be typed after `stopgrad basins`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stopgrad_dynamics::Field;
use stopgrad_dynamics::basins::Start;

use super::flow::tolerance;
use super::value::{finite, positive};
use crate::demand::Requirement;

/// `stopgrad basins`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct BasinsArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS", required_unless_present = "scalar")]
    pub moments: Option<PathBuf>,

    /// n, dimensions of the embedding [default with --scalar: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32), required_unless_present = "scalar")]
    pub embedding_dim: Option<u32>,

    /// λ, above 0
    #[arg(
        long, value_name = "LAMBDA", value_parser = finite, allow_negative_numbers = true,
        required_unless_present = "scalar"
    )]
    pub weight_decay: Option<f64>,

    /// Scale of that distribution [default: 1]
    #[arg(long, value_name = "SCALE", value_parser = positive)]
    pub init_scale: Option<f64>,

    /// γ, the rate at which the teacher follows under ema [default: 1]
    #[arg(long, value_name = "GAMMA", value_parser = finite, allow_negative_numbers = true)]
    pub ema_rate: Option<f64>,

    /// Names the random starts: trial i draws from the stream (seed, i)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = super::value::seed_range())]
    pub seed: u64,

    /// With --scalar: outer shares of sg and ema over a grid of scales, embedding dimensions and teacher rates
    #[arg(long, requires = "scalar", conflicts_with_all = ["field", "embedding_dim", "init_scale", "ema_rate"])]
    pub table: bool,

    /// Everything that a sweep keeps fixed.
    #[command(flatten)]
    pub fixed: BasinsSettings,

    /// Where the outcomes go, a line each
    #[arg(long, value_name = "FILE.csv")]
    pub out: Option<PathBuf>,

    /// Folder for report.html, report.json and figures/ [default: nothing is drawn]
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,

    /// Exit with 1 if a trial stays unresolved
    #[arg(long, value_name = "decided")]
    pub require: Option<Requirement>,
}

/// What `basins` and every point of `sweep basins` have in common.
#[derive(Debug, Clone, Args)]
pub struct BasinsSettings {
    /// The published scalar experiment: no file, m = 1, random ρ, τ and λ in every trial
    #[arg(long, conflicts_with_all = ["moments", "weight_decay"])]
    pub scalar: bool,

    /// How A, B and the teacher C move; joint needs yy in the moments [default with --scalar: all three, one after another]
    #[arg(long, value_name = "joint|sg|ema", required_unless_present = "scalar")]
    pub field: Option<Field>,

    /// Starts [default: 1000; with --scalar 10000, with --table 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub trials: Option<u32>,

    /// Distribution of A and B at the start
    #[arg(long, value_name = "KIND", value_enum, default_value_t = StartKind::Normal)]
    pub start: StartKind,

    /// Relative error of a step of the integrator [default: 1e-8]
    #[arg(long, value_name = "TOLERANCE", value_parser = tolerance)]
    pub rtol: Option<f64>,

    /// Steps of one trial, after which it is unresolved [default: 1000000; with --table 30000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,
}

/// Distributions of the state at time 0; the teacher starts as the student unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StartKind {
    /// A and B normal with deviation SCALE
    Normal,
    /// The same, the teacher drawn apart
    TeacherApart,
    /// Normal with deviation SCALE over the root of a layer's inputs
    FanIn,
    /// Uniform in (−SCALE, SCALE)
    Uniform,
    /// Uniform in (0, SCALE)
    Positive,
    /// A normal with deviation SCALE, B is SCALE times the identity
    IdentityPredictor,
}

impl StartKind {
    /// With its scale.
    pub fn scaled(self, scale: f64) -> Start {
        match self {
            Self::Normal => Start::Normal { scale },
            Self::TeacherApart => Start::NormalTeacherApart { scale },
            Self::FanIn => Start::FanIn { scale },
            Self::Uniform => Start::Uniform { scale },
            Self::Positive => Start::Positive { scale },
            Self::IdentityPredictor => Start::IdentityPredictor { scale },
        }
    }

    /// As typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::TeacherApart => "teacher-apart",
            Self::FanIn => "fan-in",
            Self::Uniform => "uniform",
            Self::Positive => "positive",
            Self::IdentityPredictor => "identity-predictor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_named_as_they_are_typed() {
        for kind in StartKind::value_variants() {
            assert_eq!(kind.to_possible_value().expect("none is hidden").get_name(), kind.name());
        }
    }
}
