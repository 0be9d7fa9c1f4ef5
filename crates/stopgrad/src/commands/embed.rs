//! `stopgrad embed`: the representations of a source under a trained run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use stopgrad_data::{NpyArray, NpyData, npy};
use stopgrad_train::{Embedder, RunRecord};

use super::export::weights_of;
use crate::args::EmbedArguments;
use crate::configuration::read_stored;
use crate::folder::{self, CONFIG_FILE, Kind, prepare_file};
use crate::manifest::Manifest;
use crate::opening::open;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::{CommandError, TrainingError};

/// Most samples that cannot be read are listed for people; programs get all.
const SHOWN: usize = 5;

/// Embed every sample and write a float32 array, one row a sample.
pub(super) fn run(asked: &EmbedArguments, output: Output) -> Result<Outcome, CommandError> {
    if folder::kind(&asked.run) == Some(Kind::Comparison) {
        return Err(TrainingError::SeveralRuns { runs: runs_of(&asked.run)?, folder: asked.run.clone() }.into());
    }
    let failed = |source| TrainingError::Embed { folder: asked.run.clone(), source: Box::new(source) };
    let embedder = Embedder::read_part(&asked.run, weights_of(asked.part)).map_err(failed)?;
    let config = read_stored(&asked.run.join(CONFIG_FILE))?;
    let seed = config.training.seed;
    let label_column = asked.label_column.as_deref().unwrap_or_default();
    // Images at the size that the run saw.
    let source = open(&asked.source, label_column, config.source.image_side, output)?;
    prepare_file(&asked.out)?;
    let (values, width, skipped) = embedder.embed(source.as_ref()).map_err(failed)?;
    let rows = values.len() / width;
    npy::write(&asked.out, &NpyArray::new(&[rows, width], NpyData::F32(values)))?;

    let mut text = format!("{rows} rows of {width} in {}\n", asked.out.display());
    let finished = stopgrad_train::folder::is_finished(&asked.run);
    let diverged = finished && RunRecord::read(&asked.run).is_ok_and(|run| run.verdict.converges.answer == "diverged");
    if !finished {
        text.push_str("the run is not finished: these are representations at its last checkpoint\n");
    }
    if diverged {
        text.push_str("the run diverged: these are representations at its last checkpoint before\n");
    }
    if !skipped.is_empty() {
        _ = writeln!(text, "left out: {}", skipped.len());
        for item in skipped.iter().take(SHOWN) {
            _ = writeln!(text, "  {}: {}", item.path, item.reason);
        }
    }
    let options = json!({
        "run": asked.run, "source": asked.source, "out": asked.out, "label_column": asked.label_column,
        "part": asked.part.name(),
    });
    let own = json!({ "count": rows, "width": width, "finished": finished, "diverged": diverged, "out": asked.out, "skipped": skipped });
    let document = document("embed", seed, &options, source.inputs(), own);
    Ok(Outcome { text, document, status: Status::Done })
}

/// The folders of the runs of a comparison.
pub(super) fn runs_of(folder: &Path) -> Result<Vec<PathBuf>, TrainingError> {
    Ok(Manifest::read(folder)?.runs.iter().map(|run| folder.join(&run.folder)).collect())
}
