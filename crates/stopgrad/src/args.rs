//! What was typed: commands, options, their help.
//!
//! Nothing is checked here beyond the form of a single value; options that set a key of the configuration
//! become [`Override`]s and go through the same parser as `--set` and the file.

mod basins;
mod flow;
mod landscape;
mod list;
mod moments;
mod predict;
mod sweep;
mod text;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use toml::Value;

pub use basins::{BasinsArguments, BasinsSettings, StartKind};
pub use flow::{FlowArguments, FlowSettings, StartFrom};
pub use landscape::LandscapeArguments;

use crate::CommandError;
use crate::configuration::Override;
use crate::demand::{Demand, Requirement};
pub use list::{Numbers, Wholes};
pub use moments::{Features, Halves, MomentsArguments, SplitPart};
pub use predict::PredictArguments;
pub use sweep::{
    SweepArguments, SweepBasinsArguments, SweepCommand, SweepFlowArguments, SweepOutput, SweepPredictArguments,
};
use text::{
    BASINS_ABOUT, BASINS_EXAMPLES, COMMAND_EXAMPLES, COMPARE_ABOUT, COMPARE_EXAMPLES, DATA_ABOUT, DATA_EXAMPLES,
    EMBED_ABOUT, EMBED_EXAMPLES, FLOW_ABOUT, FLOW_EXAMPLES, LANDSCAPE_ABOUT, LANDSCAPE_EXAMPLES, MOMENTS_ABOUT,
    MOMENTS_EXAMPLES, PREDICT_ABOUT, PREDICT_EXAMPLES, REPORT_ABOUT, REPORT_EXAMPLES, SWEEP_ABOUT, SWEEP_EXAMPLES,
    TRAIN_ABOUT, TRAIN_EXAMPLES,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "stopgrad",
    version,
    about = "Train encoders from pairs of views under joint descent, stop-gradient and EMA, and say what each did",
    long_about = "Train encoders from pairs of views under three update rules - joint descent of the objective, \
                  stop-gradient, and an averaged (EMA) teacher - from the same start, on the same batches, and say \
                  with evidence which run minimised the objective, which converged, which collapsed, and how good \
                  each representation is.",
    after_help = COMMAND_EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Arguments {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,

    /// No progress and no notes on standard error; errors are still printed
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what is in a source, and draw a sheet of its samples
    #[command(long_about = DATA_ABOUT, after_help = DATA_EXAMPLES)]
    Data(DataArguments),
    /// Train one run and give its verdict
    #[command(long_about = TRAIN_ABOUT, after_help = TRAIN_EXAMPLES)]
    Train(TrainArguments),
    /// Train several runs from the same start and compare them: joint, sg and ema by default
    #[command(long_about = COMPARE_ABOUT, after_help = COMPARE_EXAMPLES)]
    Compare(CompareArguments),
    /// Write the representations of a source under a trained run
    #[command(long_about = EMBED_ABOUT, after_help = EMBED_EXAMPLES)]
    Embed(EmbedArguments),
    /// Write the report of a finished run or comparison again, from its files
    #[command(long_about = REPORT_ABOUT, after_help = REPORT_EXAMPLES)]
    Report(ReportArguments),
    /// Second moments of pairs of views, for the linear theory
    #[command(long_about = MOMENTS_ABOUT, after_help = MOMENTS_EXAMPLES)]
    Moments(MomentsArguments),
    /// What a linear network will keep, from moments alone
    #[command(long_about = PREDICT_ABOUT, after_help = PREDICT_EXAMPLES)]
    Predict(PredictArguments),
    /// Follow a linear network to where it ends, and say how it stands there
    #[command(long_about = FLOW_ABOUT, after_help = FLOW_EXAMPLES)]
    Flow(FlowArguments),
    /// What share of random starts ends where
    #[command(long_about = BASINS_ABOUT, after_help = BASINS_EXAMPLES)]
    Basins(BasinsArguments),
    /// predict, flow or basins over a grid of their options: one table, which can be gone on with
    #[command(long_about = SWEEP_ABOUT, after_help = SWEEP_EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
    Sweep(SweepArguments),
    /// Draw the objective over one encoder and one predictor weight, with what each field does there
    #[command(long_about = LANDSCAPE_ABOUT, after_help = LANDSCAPE_EXAMPLES)]
    Landscape(LandscapeArguments),
}

/// `stopgrad data`.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, .npy, .npz, .csv
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// Show pairs of views made by this preset (`auto`: the one fit for the source) instead of samples
    #[arg(long, value_name = "PRESET")]
    pub views: Option<String>,

    /// Where the sheet goes [default: NAME-sheet.png in the current folder]
    #[arg(long, value_name = "FILE.png")]
    pub out: Option<PathBuf>,

    /// CSV only: the column that holds the labels [default: `label` or `class`, if there is one]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,

    /// Names the random draws: views on the sheet, splits where the source has none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed_range())]
    pub seed: u64,
}

/// What `train` and `compare` share: the configuration, and what is done with the answer.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, .npy, .npz, .csv
    #[arg(value_name = "SOURCE", required_unless_present = "config")]
    pub source: Option<String>,

    /// Read the configuration from a TOML file; other options win over it
    #[arg(long, value_name = "FILE.toml", help_heading = "Configuration")]
    pub config: Option<PathBuf>,

    /// Set any key of the configuration, as in `--set optimizer.momentum=0`; may be repeated
    #[arg(long, value_name = "TABLE.KEY=VALUE", help_heading = "Configuration")]
    pub set: Vec<String>,

    /// How parameters move: descend the objective, hold the target fixed, or follow a teacher (field.kind)
    #[arg(long, value_name = "FIELD", value_parser = ["joint", "sg", "ema"], help_heading = "Configuration")]
    pub field: Option<String>,

    /// Number of updates (training.steps)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64), help_heading = "Configuration")]
    pub steps: Option<u64>,

    /// Pairs in a batch; 0 takes all of an epoch (training.batch_size)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64), help_heading = "Configuration")]
    pub batch_size: Option<u64>,

    /// Learning rate after warm-up (optimizer.learning_rate)
    #[arg(long, value_name = "RATE", value_parser = finite, help_heading = "Configuration")]
    pub learning_rate: Option<f64>,

    /// λ (objective.weight_decay)
    #[arg(long, value_name = "LAMBDA", value_parser = finite, help_heading = "Configuration")]
    pub weight_decay: Option<f64>,

    /// Kind of encoder (network.encoder)
    #[arg(long, value_name = "KIND", value_parser = ["linear", "mlp"], help_heading = "Configuration")]
    pub encoder: Option<String>,

    /// Width of the representation (network.encoder_width)
    #[arg(long, value_name = "WIDTH", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64), help_heading = "Configuration")]
    pub encoder_width: Option<u64>,

    /// Preset of the two views of a sample (views.preset)
    #[arg(long, value_name = "PRESET", help_heading = "Configuration")]
    pub views: Option<String>,

    /// CSV only: the column that holds the labels (source.label_column)
    #[arg(long, value_name = "NAME", help_heading = "Configuration")]
    pub label_column: Option<String>,

    /// Names every random stream of the run (training.seed)
    #[arg(long, value_name = "N", value_parser = seed_range(), help_heading = "Configuration")]
    pub seed: Option<u64>,

    /// Threads that prepare batches; no number depends on it (training.threads)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=4096), help_heading = "Configuration")]
    pub threads: Option<u64>,

    /// Stop after this time, at a checkpoint, as in 90s, 10m, 2h; the same command goes on from there
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,

    /// Folder of the run; one that holds the same run is resumed [default: the first free runs/COMMAND-SOURCE-N]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Accuracies in the table at the end: of the validation part, so that settings can be chosen without looking at the
    /// test part, or of the test part; the report has both
    #[arg(long, value_name = "PART", value_enum, default_value_t = Shown::Validation)]
    pub show: Shown,

    /// Exit with 1 on a verdict: collapses, diverges, drifts, not-minimised, unstable; RUN:WHAT looks at that run only
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub fail_on: Vec<Demand>,

    /// Exit with 1 if an answer of the verdict is "undecided"
    #[arg(long, value_name = "decided")]
    pub require: Option<Requirement>,
}

/// The part of the data whose accuracies the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shown {
    /// What settings may be chosen by.
    Validation,
    /// What they are judged by, once.
    Test,
}

impl Shown {
    /// As probes name it.
    pub const fn split(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// `stopgrad train`.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// The run.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `stopgrad compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The options all runs share.
    #[command(flatten)]
    pub run: RunArguments,

    /// The runs: `NAME` (a field) or `NAME: key=value, key=value`, separated by `;`
    #[arg(long, value_name = "RUNS", default_value = "joint; sg; ema")]
    pub runs: String,

    /// Seeds of each run: how many (counted up from the seed), or which, as in 0,1,2
    #[arg(long, value_name = "N|LIST", default_value = "1")]
    pub seeds: String,
}

/// `stopgrad embed`.
#[derive(Debug, Args)]
pub struct EmbedArguments {
    /// Folder of a run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, .npy, .npz, .csv; needs no labels
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// Where the representations go: float32, one row a sample
    #[arg(long, value_name = "FILE.npy")]
    pub out: PathBuf,

    /// CSV only: the column that holds the labels, which is no input
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
}

/// `stopgrad report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Folder of a run or of a comparison
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// Every word has to be text: it is stored with the results, and shown.
///
/// # Errors
/// [`CommandError::NotText`], with the word
pub fn check_text(words: impl IntoIterator<Item = OsString>) -> Result<(), CommandError> {
    match words.into_iter().find(|word| word.to_str().is_none()) {
        Some(word) => Err(CommandError::NotText { word }),
        None => Ok(()),
    }
}

impl RunArguments {
    /// The options that set a key, as overrides named after the option.
    pub fn overrides(&self) -> Vec<Override> {
        let text = |value: &String| Value::String(value.clone());
        let whole = |value: u64| Value::Integer(i64::try_from(value).expect("the parser limits it to i64"));
        let options = [
            ("SOURCE", "source.path", self.source.as_ref().map(text)),
            ("--label-column", "source.label_column", self.label_column.as_ref().map(text)),
            ("--views", "views.preset", self.views.as_ref().map(text)),
            ("--encoder", "network.encoder", self.encoder.as_ref().map(text)),
            ("--encoder-width", "network.encoder_width", self.encoder_width.map(whole)),
            ("--weight-decay", "objective.weight_decay", self.weight_decay.map(Value::Float)),
            ("--field", "field.kind", self.field.as_ref().map(text)),
            ("--learning-rate", "optimizer.learning_rate", self.learning_rate.map(Value::Float)),
            ("--steps", "training.steps", self.steps.map(whole)),
            ("--batch-size", "training.batch_size", self.batch_size.map(whole)),
            ("--seed", "training.seed", self.seed.map(whole)),
            ("--threads", "training.threads", self.threads.map(whole)),
        ];
        options
            .into_iter()
            .filter_map(|(option, key, value)| value.map(|value| Override::new(option, key, value)))
            .collect()
    }
}

/// TOML integers are i64: a seed must fit.
fn seed_range() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(0..=i64::MAX as u64)
}

fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("expected a finite number, as in 0.05 or 1e-3".into()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a number above 0, as in 0.5".into()),
    }
}

/// Read `90s`, `10m`, `2h`, `1.5h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    let (number, seconds_per_unit) = match trimmed.as_bytes().last() {
        Some(b's') => (&trimmed[..trimmed.len() - 1], 1.0),
        Some(b'm') => (&trimmed[..trimmed.len() - 1], 60.0),
        Some(b'h') => (&trimmed[..trimmed.len() - 1], 3600.0),
        _ => (trimmed, 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|value| value * seconds_per_unit);
    seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a time, as in 90s, 10m or 2h".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_option_is_declared_soundly() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_long_description_and_examples() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_long_about().is_some(), "{}", command.get_name());
            let examples = command.get_after_help().expect("examples").to_string();
            assert!(examples.contains(&format!("stopgrad {} ", command.get_name())), "{examples}");
        }
    }

    #[test]
    fn every_example_parses() {
        let commands: Vec<String> = Arguments::command()
            .get_subcommands()
            .flat_map(|command| {
                command.get_after_help().expect("examples").to_string().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|line| line.starts_with("  stopgrad "))
            .collect();
        assert!(commands.len() > 10);
        for line in commands {
            let mut quoted = false;
            let words = line.trim().split(|letter| {
                quoted ^= letter == '"';
                letter == ' ' && !quoted
            });
            Arguments::try_parse_from(words.map(|word| word.trim_matches('"')))
                .unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "m", "-3s", "0s", "nan", "1e300h", "ten", "5µ"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_become_overrides_of_the_keys_they_name() {
        let line = "stopgrad train digits --steps 30 --learning-rate 0.1 --field ema --seed 7";
        let Command::Train(arguments) = Arguments::try_parse_from(line.split(' ')).expect("parses").command else {
            panic!("not train")
        };
        let keys: Vec<String> = arguments.run.overrides().into_iter().map(|item| item.key).collect();
        assert_eq!(keys, ["source.path", "field.kind", "optimizer.learning_rate", "training.steps", "training.seed"]);
    }
}
