//! `stopgrad report`: the report of one folder again, or of several together, from their files alone.

mod gathering;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::ReportArguments;
use crate::folder::{self, Kind};
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::training::write_report;
use crate::{CommandError, TrainingError, tensorboard};
use gathering::{LeftOut, gather};

/// Read the finished runs of some folders and write their report.
pub(super) fn run(asked: &ReportArguments, output: Output) -> Result<Outcome, CommandError> {
    let gathered = gather(&asked.folders, asked.skip_unfinished)?;
    gathered.left_out.iter().for_each(|left| output.note(&left.sentence));
    let missing: Vec<_> = gathered
        .left_out
        .iter()
        .map(|left| json!({ "name": left.name, "seed": left.seed, "folder": left.folder }))
        .collect();
    let own = match (&asked.folders[..], &asked.out) {
        // A plain folder of runs may be anyone's: nothing is written there unasked.
        ([only], None) if folder::kind(only).is_some() => Some(only.clone()),
        _ => None,
    };
    let options = json!({
        "folder": asked.folders[0],
        "folders": asked.folders,
        "out": asked.out,
        "skip_unfinished": asked.skip_unfinished,
        "tensorboard": asked.tensorboard,
    });
    let (folder, report, inputs) = if let Some(own) = own {
        let mut folders = gathered.folders;
        let only = folders.pop().ok_or_else(|| TrainingError::NothingFinished { folder: own.clone() })?;
        let mut report = only.manifest.report(only.records);
        report.left_out = gathered.left_out.iter().map(LeftOut::in_report).collect();
        (own, report, only.manifest.inputs)
    } else {
        let inputs = gathered.inputs();
        (out_folder(asked.out.as_deref())?, gathered.report(&options), inputs)
    };
    write_report(&folder, &report)?;
    let events = asked.tensorboard.then(|| folder.join(tensorboard::FOLDER));
    if asked.tensorboard {
        tensorboard::write(&folder, &report.runs)?;
    }
    let page = folder.join("report.html");
    let own = json!({ "report": page, "runs": report.runs.len(), "missing": missing, "tensorboard": events });
    let document = document("report", report.seed, &options, &inputs, own);
    Ok(Outcome { text: format!("report: {}\n", page.display()), document, status: Status::Done })
}

/// The folder that was named, if it fits, or the first free `runs/report-N`.
fn out_folder(out: Option<&Path>) -> Result<PathBuf, CommandError> {
    let Some(out) = out else { return Ok(folder::claim_report(Path::new(""))?) };
    folder::check(out, Kind::Lab)?;
    folder::prepare(out)?;
    Ok(out.to_owned())
}
