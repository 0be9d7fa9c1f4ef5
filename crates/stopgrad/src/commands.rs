//! The commands, one a file: from what was typed to what is told.

mod basins;
mod branches;
mod completions;
mod data;
mod diagnose;
mod doctor;
mod equilibria;
mod fibre;
mod flow;
mod landscape;
mod man;
mod moments;
mod predict;
mod sweep;
mod verify;

#[cfg(feature = "train")]
mod compare;
#[cfg(feature = "train")]
mod embed;
#[cfg(feature = "train")]
mod export;
#[cfg(feature = "train")]
mod report;
#[cfg(feature = "train")]
mod train;
mod watch;

pub use basins::BasinsCommandError;
pub use branches::BranchesCommandError;
pub use diagnose::DiagnoseCommandError;
pub use equilibria::EquilibriaCommandError;
pub use fibre::FibreCommandError;
pub use flow::FlowCommandError;
pub use landscape::LandscapeCommandError;
pub use moments::MomentsCommandError;
pub use predict::PredictCommandError;
pub use sweep::SweepCommandError;

use crate::CommandError;
use crate::args::{Arguments, Command};
use crate::outcome::Outcome;
use crate::output::Output;

/// Do what was asked for.
///
/// # Errors
/// [`CommandError`] when the call or the input is wrong
pub fn run(arguments: &Arguments, output: Output) -> Result<Outcome, CommandError> {
    match &arguments.command {
        Command::Data(asked) => data::run(asked, output),
        Command::Moments(asked) => moments::run(asked, output),
        Command::Diagnose(asked) => diagnose::run(asked, output),
        Command::Watch(asked) => watch::run(asked, output),
        Command::Predict(asked) => predict::run(asked, output),
        Command::Equilibria(asked) => equilibria::run(asked, output),
        Command::Verify(asked) => verify::run(asked),
        Command::Fibre(asked) => fibre::run(asked, output),
        Command::Flow(asked) => flow::run(asked, output),
        Command::Basins(asked) => basins::run(asked, output),
        Command::Branches(asked) => branches::run(asked, output),
        Command::Sweep(asked) => sweep::run(asked, output),
        Command::Landscape(asked) => landscape::run(asked),
        Command::Doctor(_) => Ok(doctor::run()),
        Command::Completions(asked) => Ok(completions::run(asked)),
        Command::Man(asked) => man::run(asked),
        #[cfg(feature = "train")]
        Command::Train(asked) => train::run(asked, output),
        #[cfg(feature = "train")]
        Command::Compare(asked) => compare::run(asked, output),
        #[cfg(feature = "train")]
        Command::Embed(asked) => embed::run(asked, output),
        #[cfg(feature = "train")]
        Command::Export(asked) => export::run(asked),
        #[cfg(feature = "train")]
        Command::Report(asked) => report::run(asked, output),
        #[cfg(not(feature = "train"))]
        other => {
            let command = match other {
                Command::Data(_) => "data",
                Command::Moments(_) => "moments",
                Command::Diagnose(_) => "diagnose",
                Command::Watch(_) => "watch",
                Command::Predict(_) => "predict",
                Command::Equilibria(_) => "equilibria",
                Command::Verify(_) => "verify",
                Command::Fibre(_) => "fibre",
                Command::Flow(_) => "flow",
                Command::Basins(_) => "basins",
                Command::Branches(_) => "branches",
                Command::Sweep(_) => "sweep",
                Command::Landscape(_) => "landscape",
                Command::Doctor(_) => "doctor",
                Command::Completions(_) => "completions",
                Command::Man(_) => "man",
                Command::Train(_) => "train",
                Command::Compare(_) => "compare",
                Command::Embed(_) => "embed",
                Command::Export(_) => "export",
                Command::Report(_) => "report",
            };
            Err(CommandError::WithoutTraining { command })
        }
    }
}
