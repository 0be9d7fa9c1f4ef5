//! `stopgrad report`: the report of a folder again, from its files.

use std::path::Path;

use serde_json::json;
use stopgrad_train::record::RunRecord;

use crate::args::ReportArguments;
use crate::manifest::Manifest;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::training::write_report;
use crate::{CommandError, TrainingError};

/// Read the finished runs of a folder and write their report.
pub(super) fn run(asked: &ReportArguments, output: Output) -> Result<Outcome, CommandError> {
    let folder = &asked.folder;
    let manifest = Manifest::read(folder).map_err(TrainingError::from)?;
    let mut records = Vec::new();
    let mut missing = Vec::new();
    for run in &manifest.runs {
        let path = if run.folder == Path::new(".") { folder.clone() } else { folder.join(&run.folder) };
        // Written last: a run without it is not finished.
        if path.join("run.json").exists() {
            records.push(
                RunRecord::read(&path)
                    .map_err(|source| TrainingError::Record { folder: path, source: Box::new(source) })?,
            );
        } else {
            output.note(&format!("{} (seed {}) is not finished and left out", run.name, run.seed));
            missing.push(json!({ "name": run.name, "seed": run.seed }));
        }
    }
    if records.is_empty() {
        return Err(TrainingError::NothingFinished { folder: folder.clone() }.into());
    }
    let count = records.len();
    write_report(folder, &manifest.report(records))?;

    let page = folder.join("report.html");
    let own = json!({ "report": page, "runs": count, "missing": missing });
    let document = document("report", manifest.seed, &json!({ "folder": folder }), &manifest.inputs, own);
    Ok(Outcome { text: format!("report: {}\n", page.display()), document, status: Status::Done })
}
