//! What can be known to be wrong before the first step.

use std::path::Path;

use stopgrad_data::InputFile;
use stopgrad_train::Plan;

use super::Job;
use crate::configuration::{differences, read_stored};
use crate::demand::Demand;
use crate::folder::{self, CONFIG_FILE, FolderError, Kind};
use crate::manifest::Manifest;
use crate::markup::listed;
use crate::outcome::lengths;
use crate::report::SourceSummary;
use crate::{CommandError, TrainingError};

/// What planning learnt of the sources.
pub(super) struct Facts {
    /// Every file that the runs read, once.
    pub(super) inputs: Vec<InputFile>,
    /// The source of the first run.
    pub(super) source: SourceSummary,
    /// Of each source of which samples were left out, and of each file that is started from, what to tell.
    pub(super) left_out: Vec<String>,
    /// What passes are made on, once each.
    pub(super) devices: Vec<String>,
}

/// Plan every run, and put the resolved configurations in place of those asked for.
pub(super) fn resolve(jobs: &mut [Job]) -> Result<Facts, TrainingError> {
    let mut inputs: Vec<InputFile> = Vec::new();
    let (mut left_out, mut devices) = (Vec::new(), Vec::new());
    let mut source = None;
    for job in jobs {
        let plan = plan(job)?;
        if let Some(line) = left_out_of(&plan).filter(|line| !left_out.contains(line)) {
            left_out.push(line);
        }
        for input in plan.source.inputs().iter().chain(plan.start.iter().map(|start| &start.input)) {
            if !inputs.contains(input) {
                inputs.push(input.clone());
            }
        }
        if let Some(line) = started(&plan).filter(|line| !left_out.contains(line)) {
            left_out.push(line);
        }
        let device = plan.network.device.name().to_owned();
        if !devices.contains(&device) {
            devices.push(device);
        }
        if source.is_none() {
            source = Some(summary(&plan));
        }
        job.config = plan.config;
    }
    Ok(Facts { inputs, source: source.expect("there is at least one run"), left_out, devices })
}

/// How many samples of a source cannot be used, and why the first of them cannot.
fn left_out_of(plan: &Plan) -> Option<String> {
    let (source, skipped) = (&plan.source, plan.source.skipped());
    let first = skipped.first()?;
    let (name, count, total) = (source.name(), skipped.len(), skipped.len() + source.len());
    Some(format!(
        "{count} of {total} samples are left out, the first {}: {}; `stopgrad data {name} --json` lists all",
        first.path, first.reason
    ))
}

/// What of a file that a run starts from is not used, and what is drawn because the file lacks it.
fn started(plan: &Plan) -> Option<String> {
    let start = plan.start.as_ref()?;
    let list = |names: &[String]| listed(&names[..names.len().min(SHOWN_NAMES)]);
    let mut parts = vec![format!("starts from {}", start.input.path)];
    match start.unused.len() {
        0 => {}
        count @ 1..=SHOWN_NAMES => parts.push(format!("{count} of its arrays are not used: {}", list(&start.unused))),
        count => parts.push(format!("{count} of its arrays are not used, among them {}", list(&start.unused))),
    }
    if !start.drawn.is_empty() {
        let drawn: Vec<String> = start.drawn.iter().map(ToString::to_string).collect();
        parts.push(format!("{} at random, which it lacks", listed(&drawn)));
    }
    Some(parts.join("; "))
}

/// The plan of a run.
pub(super) fn plan(job: &Job) -> Result<Plan, TrainingError> {
    Plan::new(job.config.clone())
        .map_err(|source| TrainingError::Plan { name: job.name.clone(), source: Box::new(source) })
}

/// Every run that `--fail-on` names must be one of these.
pub(super) fn check_demands(jobs: &[Job], demands: &[Demand]) -> Result<(), CommandError> {
    for demand in demands {
        if let Some(run) = &demand.run
            && !jobs.iter().any(|job| job.name == *run)
        {
            let mut runs: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
            runs.dedup();
            return Err(CommandError::NoSuchRun { demand: demand.to_string(), runs });
        }
    }
    Ok(())
}

/// A folder of a run that is there already must hold this very run, or nothing.
pub(super) fn check_folder(out: &Path, job: &Job) -> Result<(), CommandError> {
    let path = job.path(out);
    // With several seeds a run's folder holds one folder a seed, so it cannot be that of a single run.
    if job.folder.components().count() > 1
        && let Some(parent) = path.parent()
        && folder::kind(parent) == Some(Kind::Run)
    {
        let (found, expected) = (Kind::Run, Kind::Comparison);
        return Err(FolderError::OtherKind { path: parent.into(), found, expected }.into());
    }
    folder::check(&path, Kind::Run)?;
    let stored = path.join(CONFIG_FILE);
    if stored.exists() {
        let differences = differences(&read_stored(&stored)?, &job.config);
        if !differences.is_empty() {
            return Err(TrainingError::ConfigurationChanged { folder: path, differences }.into());
        }
    }
    Ok(())
}

/// What a folder was begun with must still be what is read: another content would go on as another run.
pub(super) fn check_inputs(folder: &Path, inputs: &[InputFile]) -> Result<(), TrainingError> {
    // A folder without a manifest holds no run; a damaged one is written again.
    let Ok(stored) = Manifest::read(folder) else { return Ok(()) };
    same_inputs(folder, &stored.inputs, inputs)
}

/// Every file that is read and known has to be the one that is known.
pub(super) fn same_inputs(folder: &Path, known: &[InputFile], read: &[InputFile]) -> Result<(), TrainingError> {
    let changed = |file: &&InputFile| known.iter().any(|known| known.path == file.path) && !known.contains(file);
    match read.iter().find(changed) {
        Some(file) => Err(TrainingError::SourceChanged { folder: folder.into(), source_path: file.path.clone() }),
        None => Ok(()),
    }
}

/// A comparison that is there already may be extended, but none of its runs may fall out of its report.
pub(super) fn check_runs(out: &Path, jobs: &[Job]) -> Result<(), TrainingError> {
    if folder::kind(out) != Some(Kind::Comparison) {
        return Ok(());
    }
    // A damaged manifest is written again.
    let stored = Manifest::read(out).map(|manifest| manifest.runs).unwrap_or_default();
    let dropped = stored.iter().filter(|run| jobs.iter().all(|job| job.folder != run.folder));
    let left_out: Vec<String> = dropped.map(|run| run.folder.display().to_string()).collect();
    if left_out.is_empty() { Ok(()) } else { Err(TrainingError::FewerRuns { folder: out.into(), left_out }) }
}

/// Names of arrays that a line has.
const SHOWN_NAMES: usize = 4;
/// Samples left out that a report names.
const SHOWN: usize = 20;

fn summary(plan: &Plan) -> SourceSummary {
    let source = &plan.source;
    let splits = [
        ("train", plan.splits.train.len()),
        ("validation", plan.splits.validation.len()),
        ("test", plan.splits.test.len()),
    ];
    SourceSummary {
        name: source.name().to_owned(),
        count: source.len(),
        shape: lengths(source.shape()),
        classes: Some(source.classes().len()).filter(|count| *count > 0),
        splits: splits.map(|(name, count)| (name.to_owned(), count)).to_vec(),
        attribution: source.attribution().unwrap_or_default().to_owned(),
        skipped: source.skipped().len(),
        skipped_first: source.skipped().iter().take(SHOWN).map(|s| (s.path.clone(), s.reason.clone())).collect(),
    }
}
