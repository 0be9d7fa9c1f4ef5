//! What can go wrong on the way of a command, each with what to do.

#[cfg(feature = "train")]
use std::path::PathBuf;

use crate::configuration::ConfigurationError;
use crate::folder::FolderError;
use crate::variations::VariationError;

/// A mistake in the call or the input: exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// What was typed goes into files of text.
    #[error("`{}` is not UTF-8 text, which the files we write are; rename the file or folder", word.to_string_lossy())]
    NotText {
        /// The argument.
        word: std::ffi::OsString,
    },
    /// A source cannot be opened or read.
    #[error(transparent)]
    Source(#[from] stopgrad_data::SourceError),
    /// The parts of a source cannot be made.
    #[error(transparent)]
    Split(#[from] stopgrad_data::SplitError),
    /// A recipe does not fit its source.
    #[error(transparent)]
    View(#[from] stopgrad_data::ViewError),
    /// No sheet can be drawn or written.
    #[error(transparent)]
    Sheet(#[from] stopgrad_data::SheetError),
    /// A `.npy` file cannot be written.
    #[error(transparent)]
    Npy(#[from] stopgrad_data::NpyError),
    /// No preset has that name.
    #[error("--views: no preset is called `{name}`; there are {known}, or `auto` for the one fit for the source")]
    UnknownPreset {
        /// As typed.
        name: String,
        /// All names.
        known: String,
    },
    /// The configuration is not one.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The list of runs or seeds is not one.
    #[error(transparent)]
    Variation(#[from] VariationError),
    /// There is no such landscape.
    #[error(transparent)]
    Landscape(#[from] crate::commands::LandscapeCommandError),
    /// A folder or file cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Moments that cannot be read or written.
    #[error(transparent)]
    MomentsFile(#[from] crate::moments_file::MomentsFileError),
    /// Two files that do not pair.
    #[error(transparent)]
    Paired(#[from] stopgrad_data::PairedError),
    /// Moments that cannot be made of what there is.
    #[error(transparent)]
    Moments(#[from] crate::commands::MomentsCommandError),
    /// No diagnosis.
    #[error(transparent)]
    Diagnose(#[from] crate::commands::DiagnoseCommandError),
    /// No prediction.
    #[error(transparent)]
    Predict(#[from] crate::commands::PredictCommandError),
    /// No fibre.
    #[error(transparent)]
    Fibre(#[from] crate::commands::FibreCommandError),
    /// No equilibria.
    #[error(transparent)]
    Equilibria(#[from] crate::commands::EquilibriaCommandError),
    /// A file of solutions that cannot be read or written.
    #[error(transparent)]
    RootsFile(#[from] crate::roots_file::RootsFileError),
    /// No flow.
    #[error(transparent)]
    Flow(#[from] crate::commands::FlowCommandError),
    /// No basins.
    #[error(transparent)]
    Basins(#[from] crate::commands::BasinsCommandError),
    /// No diagram.
    #[error(transparent)]
    Branches(#[from] crate::commands::BranchesCommandError),
    /// No sweep.
    #[error(transparent)]
    Sweep(#[from] crate::commands::SweepCommandError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output; every file is written, so make room there or redirect it")]
    Output(#[source] std::io::Error),
    /// `--fail-on RUN:WHAT` about a run that there is not.
    #[error("--fail-on {demand}: there is no run of this name; the runs are {}", runs.join(", "))]
    NoSuchRun {
        /// As typed.
        demand: String,
        /// The names there are.
        runs: Vec<String>,
    },
    /// The program was built without training.
    #[error(
        "this stopgrad was built without the feature `train`, which {command} needs; \
         build it with `cargo build --release -p stopgrad`"
    )]
    WithoutTraining {
        /// The command.
        command: &'static str,
    },
    /// Training, its records and its folders.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Training(#[from] TrainingError),
}

/// What can go wrong around runs.
#[cfg(feature = "train")]
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The configuration of a run does not fit its source, or itself.
    #[error("the run {name} cannot start")]
    Plan {
        /// The run.
        name: String,
        /// Which value, and what to do.
        #[source]
        source: Box<stopgrad_train::PlanError>,
    },
    /// The folder holds a run under another configuration.
    #[error(
        "the folder {} holds a run made with another configuration:\n{}  choose another --out, or ask for the stored values",
        folder.display(),
        list(differences)
    )]
    ConfigurationChanged {
        /// The folder.
        folder: PathBuf,
        /// Every key that differs.
        differences: Vec<crate::configuration::Difference>,
    },
    /// A file that a run was begun with has another content now.
    #[error(
        "{source_path} has changed since the run in {} began; bring back what it was, or choose another --out to start anew",
        folder.display()
    )]
    SourceChanged {
        /// The folder.
        folder: PathBuf,
        /// The file or folder that was read.
        source_path: String,
    },
    /// The folder holds a comparison of more runs.
    #[error(
        "the comparison in {} also has {}, which this command leaves out; name every run, or choose another --out",
        folder.display(),
        left_out.join(", ")
    )]
    FewerRuns {
        /// The folder.
        folder: PathBuf,
        /// Folders of the runs that are not asked for.
        left_out: Vec<String>,
    },
    /// A run failed.
    #[error("the run {name} failed; what it had written is kept in {}", folder.display())]
    Run {
        /// The run.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// What failed.
        #[source]
        source: Box<stopgrad_train::RunError>,
    },
    /// The files of a run cannot be read.
    #[error("cannot read the run in {}", folder.display())]
    Record {
        /// The folder.
        folder: PathBuf,
        /// Which file, and why.
        #[source]
        source: Box<stopgrad_train::RecordError>,
    },
    /// No run of a folder has finished.
    #[error("no run in {} has finished; the command that began it goes on where it stopped", folder.display())]
    NothingFinished {
        /// The folder.
        folder: PathBuf,
    },
    /// A run cannot be used to embed, or a source cannot be embedded with it.
    #[error("cannot embed with the run in {}", folder.display())]
    Embed {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<stopgrad_train::EmbedderError>,
    },
    /// The weights of a run cannot be written for a library.
    #[error("cannot export the run in {}", folder.display())]
    Export {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<stopgrad_train::exchange::ExportError>,
    },
    /// A comparison where one run is needed.
    #[error(
        "{} holds a comparison; name one of its runs: {}", folder.display(),
        runs.iter().map(|run| run.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    SeveralRuns {
        /// The folder.
        folder: PathBuf,
        /// Folders of its runs.
        runs: Vec<PathBuf>,
    },
    /// What was asked for is not stored or cannot be read.
    #[error(transparent)]
    Manifest(#[from] crate::manifest::ManifestError),
    /// The system takes no handler for Ctrl-C.
    #[error("cannot listen for Ctrl-C; start the program on its own, from a shell")]
    Interrupt(#[from] ctrlc::Error),
}

#[cfg(feature = "train")]
fn list(differences: &[crate::configuration::Difference]) -> String {
    let value = |text: &str| if text.is_empty() { "not set".to_owned() } else { text.to_owned() };
    let line = |difference: &crate::configuration::Difference| {
        format!("    {}: {} there, {} asked\n", difference.key, value(&difference.stored), value(&difference.asked))
    };
    differences.iter().map(line).collect()
}
