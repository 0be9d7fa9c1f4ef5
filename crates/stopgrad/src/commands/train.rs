//! `stopgrad train`: one run.

use std::path::PathBuf;

use serde_json::json;

use crate::CommandError;
use crate::args::TrainArguments;
use crate::configuration;
use crate::folder::Kind;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::training::{Job, Look, Request, perform, typed};

/// Train one run, named after its field.
pub(super) fn run(arguments: &TrainArguments, output: Output) -> Result<Outcome, CommandError> {
    let asked = &arguments.run;
    let look = Look::new(output);
    let config = configuration::read(asked.config.as_deref(), &typed(asked)?, &[], &|source| look.at(source))?;
    let job = Job { name: config.field.kind.to_string(), folder: PathBuf::from("."), config };
    perform(Request { command: "train", asked, own_options: json!({}), kind: Kind::Run, jobs: vec![job] }, output)
}
