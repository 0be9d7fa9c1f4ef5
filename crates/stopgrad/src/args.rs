//! What was typed: commands, options, their help.
//!
//! Nothing is checked here beyond the form of a single value; options that set a key of the configuration become
//! overrides and go through the same parser as `--set` and the file.

mod basins;
mod branches;
mod diagnose;
mod doctor;
mod equilibria;
mod export;
mod flow;
mod landscape;
mod list;
mod moments;
mod predict;
mod run;
mod sweep;
mod text;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use basins::{BasinsArguments, BasinsSettings, StartKind};
pub use branches::{Along, BranchRequirement, BranchesArguments, Detached};
pub use diagnose::{BesideArguments, DiagnoseArguments, DiagnoseFailure, TrainedLoss, WatchArguments};
pub use doctor::{CompletionsArguments, DoctorArguments, ManArguments};
pub use equilibria::{EquilibriaArguments, FibreArguments, Ranks, VerifyArguments};
pub use export::{ExportArguments, ExportPart, ExportTarget};
pub use flow::{FlowArguments, FlowSettings, StartFrom};
pub use landscape::LandscapeArguments;

use crate::CommandError;
pub use list::{Numbers, Wholes};
pub use moments::{Features, Halves, MomentsArguments, SplitPart};
pub use predict::PredictArguments;
pub use run::{CompareArguments, RunArguments, Shown, TrainArguments};
pub use sweep::{
    SweepArguments, SweepBasinsArguments, SweepCommand, SweepFlowArguments, SweepOutput, SweepPredictArguments,
};
use text::{
    BASINS_ABOUT, BASINS_EXAMPLES, BRANCHES_ABOUT, BRANCHES_EXAMPLES, COMMAND_EXAMPLES, COMPARE_ABOUT,
    COMPARE_EXAMPLES, COMPLETIONS_ABOUT, COMPLETIONS_EXAMPLES, DATA_ABOUT, DATA_EXAMPLES, DIAGNOSE_ABOUT,
    DIAGNOSE_EXAMPLES, DOCTOR_ABOUT, DOCTOR_EXAMPLES, EMBED_ABOUT, EMBED_EXAMPLES, EQUILIBRIA_ABOUT,
    EQUILIBRIA_EXAMPLES, EXPORT_ABOUT, EXPORT_EXAMPLES, FIBRE_ABOUT, FIBRE_EXAMPLES, FLOW_ABOUT, FLOW_EXAMPLES,
    LANDSCAPE_ABOUT, LANDSCAPE_EXAMPLES, MAN_ABOUT, MAN_EXAMPLES, MOMENTS_ABOUT, MOMENTS_EXAMPLES, PREDICT_ABOUT,
    PREDICT_EXAMPLES, REPORT_ABOUT, REPORT_EXAMPLES, SWEEP_ABOUT, SWEEP_EXAMPLES, TRAIN_ABOUT, TRAIN_EXAMPLES,
    VERIFY_ABOUT, VERIFY_EXAMPLES, WATCH_ABOUT, WATCH_EXAMPLES,
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
    /// Write the weights of a trained run for PyTorch, torchvision or timm
    #[command(long_about = EXPORT_ABOUT, after_help = EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Write the report of finished runs again, of one folder or of several together, from their files
    #[command(long_about = REPORT_ABOUT, after_help = REPORT_EXAMPLES)]
    Report(ReportArguments),
    /// Say whether outputs of any network have collapsed, how and where
    #[command(long_about = DIAGNOSE_ABOUT, after_help = DIAGNOSE_EXAMPLES)]
    Diagnose(DiagnoseArguments),
    /// Follow a folder into which a training script drops outputs, and warn when they collapse
    #[command(long_about = WATCH_ABOUT, after_help = WATCH_EXAMPLES)]
    Watch(WatchArguments),
    /// Second moments of pairs of views, for the linear theory
    #[command(long_about = MOMENTS_ABOUT, after_help = MOMENTS_EXAMPLES)]
    Moments(MomentsArguments),
    /// What a linear network will keep, from moments alone
    #[command(long_about = PREDICT_ABOUT, after_help = PREDICT_EXAMPLES)]
    Predict(PredictArguments),
    /// All equilibria at a weight decay, by rank, each proved and with its stability
    #[command(long_about = EQUILIBRIA_ABOUT, after_help = EQUILIBRIA_EXAMPLES)]
    Equilibria(EquilibriaArguments),
    /// Prove the solutions in a file of `equilibria` again, from the file alone
    #[command(long_about = VERIFY_ABOUT, after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Make the solutions of a generic instance again, from which `equilibria` follows those of any other
    #[command(long_about = FIBRE_ABOUT, after_help = FIBRE_EXAMPLES)]
    Fibre(FibreArguments),
    /// Follow a linear network to where it ends, and say how it stands there
    #[command(long_about = FLOW_ABOUT, after_help = FLOW_EXAMPLES)]
    Flow(FlowArguments),
    /// What share of random starts ends where
    #[command(long_about = BASINS_ABOUT, after_help = BASINS_EXAMPLES)]
    Basins(BasinsArguments),
    /// How equilibria are born and die while weight decay, or another parameter, is varied
    #[command(long_about = BRANCHES_ABOUT, after_help = BRANCHES_EXAMPLES)]
    Branches(BranchesArguments),
    /// predict, flow or basins over a grid of their options: one table, which can be gone on with
    #[command(long_about = SWEEP_ABOUT, after_help = SWEEP_EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
    Sweep(SweepArguments),
    /// Draw the objective over one encoder and one predictor weight, with what each field does there
    #[command(long_about = LANDSCAPE_ABOUT, after_help = LANDSCAPE_EXAMPLES)]
    Landscape(LandscapeArguments),
    /// What this machine offers and this program uses of it: processor, threads, memory, versions, rate of products
    #[command(long_about = DOCTOR_ABOUT, after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArguments),
    /// Print a script that completes commands and options in a shell
    #[command(long_about = COMPLETIONS_ABOUT, after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
    /// Write the manual pages, one a command
    #[command(long_about = MAN_ABOUT, after_help = MAN_EXAMPLES)]
    Man(ManArguments),
}

/// `stopgrad data`.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, folder of images, .npy, .npz, .csv
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// Show pairs of views made by this preset instead of samples: auto (the one fit for the source), digits, mnist, cifar,
    /// cifar-byol, cifar-light, simsiam, photos, table, noise
    #[arg(long, value_name = "PRESET")]
    pub views: Option<String>,

    /// Where the sheet goes [default: NAME-sheet.png in the current folder]
    #[arg(long, value_name = "FILE.png")]
    pub out: Option<PathBuf>,

    /// CSV only: the column that holds the labels [default: `label` or `class`, if there is one]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,

    /// Folders of images only: rows and columns that every image is scaled to [default: 32, or 64 where most images have
    /// as many]
    #[arg(long, value_name = "PIXELS", default_value_t = 0, hide_default_value = true)]
    pub image_side: usize,

    /// Names the random draws: views on the sheet, splits where the source has none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value::seed_range())]
    pub seed: u64,
}

/// `stopgrad embed`.
#[derive(Debug, Args)]
pub struct EmbedArguments {
    /// Folder of a run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, folder of images, .npy, .npz, .csv; needs no labels
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// Where the representations go: float32, one row a sample
    #[arg(long, value_name = "FILE.npy")]
    pub out: PathBuf,

    /// CSV only: the column that holds the labels, which is no input
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,

    /// By the trained network, or by its teacher (`ema` runs)
    #[arg(long, value_name = "PART", value_enum, default_value_t = ExportPart::Student)]
    pub part: ExportPart,
}

/// `stopgrad report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Folders of runs or comparisons, or with such folders in them
    #[arg(value_name = "RUN", required = true)]
    pub folders: Vec<PathBuf>,

    /// Where the report goes [default: into the folder of a single run or comparison, else runs/report-N]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Leave out folders in which no run has finished, instead of refusing them
    #[arg(long)]
    pub skip_unfinished: bool,

    /// Also write the metrics as event files for TensorBoard, into the folder `tensorboard`
    #[arg(long)]
    pub tensorboard: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_option_is_declared_soundly() {
        Arguments::command().debug_assert();
    }

    /// Every command and, with the words before it, every command below one.
    fn every_command() -> Vec<(String, clap::Command)> {
        let mut all = Vec::new();
        let mut left = vec![("stopgrad".to_owned(), Arguments::command())];
        while let Some((words, command)) = left.pop() {
            left.extend(
                command.get_subcommands().map(|below| (format!("{words} {}", below.get_name()), below.clone())),
            );
            all.push((words, command));
        }
        all
    }

    #[test]
    fn every_command_has_a_long_description_and_examples() {
        let commands = every_command();
        assert!(commands.iter().any(|(words, _)| words == "stopgrad sweep flow"), "nested ones are walked too");
        for (words, command) in commands {
            assert!(command.get_long_about().is_some(), "{words}");
            let examples = command.get_after_help().unwrap_or_else(|| panic!("{words} has no examples")).to_string();
            assert!(
                examples.contains(&format!("\n  {words} ")) || examples.contains(&format!("\n  {words}\n")),
                "{words}: {examples}"
            );
        }
    }

    #[test]
    fn every_option_says_what_it_is() {
        for (words, command) in every_command() {
            for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
                assert!(option.get_help().is_some(), "{words} {}", option.get_id());
            }
        }
    }

    #[test]
    fn every_example_parses() {
        let lines: Vec<String> = every_command()
            .into_iter()
            .flat_map(|(_, command)| {
                command.get_after_help().expect("examples").to_string().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|line| line.starts_with("  stopgrad "))
            .collect();
        assert!(lines.len() > 30);
        for line in lines {
            let mut quoted = false;
            let words = line.trim().split(|letter| {
                quoted ^= letter == '"';
                letter == ' ' && !quoted
            });
            // What a shell would do with the output is the shell's.
            let words = words.take_while(|word| *word != ">").filter(|word| !word.is_empty());
            let words: Vec<&str> = words.map(|word| word.trim_matches('"')).collect();
            // Only the first page has words of explanation behind its examples.
            let told = Arguments::try_parse_from(&words).or_else(|error| {
                let short = line.trim().split("   ").next().unwrap_or_default();
                Arguments::try_parse_from(short.split(' ')).map_err(|_| error)
            });
            told.unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
