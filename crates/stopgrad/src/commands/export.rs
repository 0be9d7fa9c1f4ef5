//! `stopgrad export`: the weights of a run as a file that PyTorch, torchvision or timm load.

mod snippet;

use std::path::PathBuf;

use serde_json::json;
use stopgrad_data::write_whole;
use stopgrad_train::exchange::{Export, Part, Target};

use super::embed::runs_of;
use crate::args::{ExportArguments, ExportPart, ExportTarget};
use crate::configuration::read_stored;
use crate::folder::{self, CONFIG_FILE, Kind, prepare_file};
use crate::outcome::{Outcome, Status, document};
use crate::{CommandError, TrainingError};

/// Write the weights, and say how they are loaded.
pub(super) fn run(asked: &ExportArguments) -> Result<Outcome, CommandError> {
    if folder::kind(&asked.run) == Some(Kind::Comparison) {
        return Err(TrainingError::SeveralRuns { runs: runs_of(&asked.run)?, folder: asked.run.clone() }.into());
    }
    let target = match asked.to {
        ExportTarget::Torchvision => Target::Torchvision,
        ExportTarget::Timm => Target::Timm,
        ExportTarget::Safetensors => Target::Safetensors,
    };
    let part = weights_of(asked.part);
    let export = Export::read(&asked.run, target, part)
        .map_err(|source| TrainingError::Export { folder: asked.run.clone(), source: Box::new(source) })?;
    let seed = read_stored(&asked.run.join(CONFIG_FILE))?.training.seed;
    let out = asked.out.clone().unwrap_or_else(|| {
        let teacher = if part == Part::Teacher { "-teacher" } else { "" };
        PathBuf::from(format!("{}{teacher}.safetensors", export.network().encoder.name()))
    });
    prepare_file(&out)?;
    write_whole(&out, &export.to_bytes()).map_err(|source| folder::FolderError::File { path: out.clone(), source })?;

    let names = export.names();
    let python = snippet::python(&export, target, &out);
    let text = format!(
        "{} arrays at step {} in {}\nin Python:\n\n{}",
        names.len(),
        export.step(),
        out.display(),
        python.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
    );
    let options = json!({
        "run": asked.run, "to": asked.to.name(), "part": asked.part.name(), "out": out,
    });
    let own = json!({
        "out": out, "step": export.step(), "told": export.told(), "python": python,
        "arrays": names.into_iter().map(|(name, shape)| json!({ "name": name, "shape": shape })).collect::<Vec<_>>(),
    });
    Ok(Outcome { text, document: document("export", seed, &options, &[], own), status: Status::Done })
}

/// As training calls it.
pub(super) fn weights_of(part: ExportPart) -> Part {
    match part {
        ExportPart::Student => Part::Student,
        ExportPart::Teacher => Part::Teacher,
    }
}
