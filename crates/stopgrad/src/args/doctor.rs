//! What can be typed after the commands about the program itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `stopgrad doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {}

/// `stopgrad completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `stopgrad man`.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder for the pages; made if it is not there
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}
