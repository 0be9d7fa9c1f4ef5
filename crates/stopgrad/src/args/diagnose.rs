//! What can be typed after `stopgrad diagnose`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::demand::Requirement;

/// `stopgrad diagnose`.
#[derive(Debug, Args)]
pub struct DiagnoseArguments {
    /// Outputs of an encoder, [samples, dimensions] or [samples, tokens, dimensions], in .npy or .npz; several: checkpoints
    /// in their order, of which the last is judged
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Outputs for a second view of the same samples, row by row [in an .npz: `y`]
    #[arg(long, value_name = "FILE.npy")]
    pub second_view: Option<PathBuf>,

    /// Outputs of the projector: then the answer is about them, for there the loss is taken [in an .npz: `projector`]
    #[arg(long, value_name = "FILE.npy")]
    pub projector: Option<PathBuf>,

    /// Outputs of the predictor [in an .npz: `predictor`]
    #[arg(long, value_name = "FILE.npy")]
    pub predictor: Option<PathBuf>,

    /// Outputs of the teacher [in an .npz: `teacher`]
    #[arg(long, value_name = "FILE.npy")]
    pub teacher: Option<PathBuf>,

    /// Outputs of the untrained encoder for the same samples, or the raw input: how many dimensions there could be [in an
    /// .npz: `reference`]
    #[arg(long, value_name = "FILE.npy")]
    pub reference: Option<PathBuf>,

    /// Exit with 1 if it collapses
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<DiagnoseFailure>,

    /// Exit with 1 if the answer is undecided
    #[arg(long, value_name = "decided")]
    pub require: Option<Requirement>,
}

/// What `diagnose --fail-on` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiagnoseFailure {
    /// Complete, dimensional, cluster or positional collapse of any place
    Collapses,
}
