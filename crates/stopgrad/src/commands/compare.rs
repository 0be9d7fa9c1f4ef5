//! `stopgrad compare`: several runs from one start.

use std::path::PathBuf;

use serde_json::json;

use crate::CommandError;
use crate::args::CompareArguments;
use crate::configuration::{self, Override};
use crate::folder::Kind;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::training::{Job, Look, Request, list_presets, perform, typed, written};
use crate::variations::{Variation, VariationError, read_runs, read_seeds};

/// Train every run under every seed, all runs of a seed before the next.
pub(super) fn run(arguments: &CompareArguments, output: Output) -> Result<Outcome, CommandError> {
    let asked = &arguments.run;
    if let Some(list) = list_presets(asked) {
        return Ok(list);
    }
    let shared = typed(asked)?;
    let written = written(asked, &shared);
    let variations = read_runs(&arguments.runs)?;
    if asked.field.is_some() && variations.iter().all(|variation| sets(variation, "field.kind")) {
        return Err(VariationError::FieldUnused.into());
    }
    let look = Look::new(output);
    let first = configuration::read(&written, &[], &|source| look.at(source))?.training.seed;
    let seeds = read_seeds(&arguments.seeds, first)?;
    let several = seeds.len() > 1;

    let mut jobs = Vec::new();
    for seed in &seeds {
        for variation in &variations {
            if several && sets(variation, "training.seed") {
                let (key, option) = ("training.seed", "--seeds");
                return Err(VariationError::Taken { name: variation.name.clone(), key, option }.into());
            }
            let mut own = variation.overrides.clone();
            if !sets(variation, "training.seed") {
                own.push(Override::new("--seeds", "training.seed", toml::Value::Integer(*seed as i64)));
            }
            let config = configuration::read(&written, &own, &|source| look.at(source))?;
            jobs.push(Job { name: variation.name.clone(), folder: folder(&variation.name, *seed, several), config });
        }
    }
    let own_options = json!({ "runs": arguments.runs, "seeds": seeds });
    perform(Request { command: "compare", asked, own_options, kind: Kind::Comparison, jobs }, output)
}

fn sets(variation: &Variation, key: &str) -> bool {
    variation.overrides.iter().any(|item| item.key == key)
}

fn folder(name: &str, seed: u64, several: bool) -> PathBuf {
    if several { PathBuf::from(name).join(format!("seed-{seed}")) } else { PathBuf::from(name) }
}
