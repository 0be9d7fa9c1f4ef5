//! `stopgrad train`: one run.

use std::path::PathBuf;

use serde_json::json;

use crate::CommandError;
use crate::args::TrainArguments;
use crate::configuration;
use crate::folder::Kind;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::training::{Job, Look, Request, list_presets, perform, typed, written};

/// Train one run, named after its field.
pub(super) fn run(arguments: &TrainArguments, output: Output) -> Result<Outcome, CommandError> {
    let asked = &arguments.run;
    if let Some(list) = list_presets(asked) {
        return Ok(list);
    }
    let look = Look::new(output);
    let typed = typed(asked)?;
    let config = configuration::read(&written(asked, &typed), &[], &|source| look.at(source))?;
    let job = Job { name: config.field.kind.to_string(), folder: PathBuf::from("."), config };
    perform(Request { command: "train", asked, own_options: json!({}), kind: Kind::Run, jobs: vec![job] }, output)
}
