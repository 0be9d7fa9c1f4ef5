//! One run after the other, each reported as soon as it is finished.

use std::path::Path;

use stopgrad_train::record::RunRecord;
use stopgrad_train::{RunOutcome, run};

use super::{Job, checking, written};
use crate::folder;
use crate::limits::{Limits, Stop};
use crate::manifest::Manifest;
use crate::output::Output;
use crate::parquet_file::write_metrics;
use crate::progress::Watch;
use crate::{CommandError, TrainingError};

/// How a series of runs ended.
pub(super) enum Ended {
    /// All are finished.
    Finished(Vec<RunRecord>),
    /// One was stopped at a checkpoint; those after it were not begun.
    Stopped {
        /// Which, from 0.
        job: usize,
        /// Updates done.
        step: u64,
        /// Why.
        stop: Stop,
    },
}

/// Train or resume every run in turn.
pub(super) fn run_all(
    jobs: &[Job], manifest: &Manifest, out: &Path, limits: &Limits, output: Output,
) -> Result<Ended, CommandError> {
    let mut records = Vec::with_capacity(jobs.len());
    for (place, job) in jobs.iter().enumerate() {
        let label = label(jobs, place);
        let path = job.path(out);
        folder::prepare(&path)?;
        let plan = checking::plan(job)?;
        // The manifest says what was read when all was planned, which may be hours ago.
        checking::same_inputs(&path, &manifest.inputs, plan.source.inputs())?;
        let own_manifest = manifest.of_run(&manifest.runs[place]);
        own_manifest.write(&path)?;

        output.note(&format!("{label}, {} steps, in {}", job.config.training.steps, path.display()));
        let mut watch = Watch::new(&label, limits, output);
        let outcome = run(&plan, &job.name, &path, &mut watch);
        let stop = watch.finish();
        match outcome {
            Ok(RunOutcome::Finished(record)) => {
                output.note(&format!("{label}, done: {}", in_a_line(&record)));
                write_metrics(&path.join("metrics.parquet"), &record.metrics)?;
                written::write_report(&path, &own_manifest.report(vec![(*record).clone()]))?;
                records.push(*record);
            }
            Ok(RunOutcome::Stopped { step }) => {
                return Ok(Ended::Stopped { job: place, step, stop: stop.unwrap_or(Stop::Interrupted) });
            }
            Err(source) => {
                return Err(
                    TrainingError::Run { name: job.name.clone(), folder: path, source: Box::new(source) }.into()
                );
            }
        }
    }
    Ok(Ended::Finished(records))
}

/// `sg`, or `run 2 of 3: sg`, with the seed where a name has several.
fn label(jobs: &[Job], place: usize) -> String {
    let job = &jobs[place];
    let several = jobs.iter().filter(|other| other.name == job.name).count() > 1;
    let name = if several { format!("{}, seed {}", job.name, job.seed()) } else { job.name.clone() };
    if jobs.len() > 1 { format!("run {} of {}: {name}", place + 1, jobs.len()) } else { name }
}

fn in_a_line(record: &RunRecord) -> String {
    let verdict = &record.verdict;
    format!(
        "minimises: {}, converges: {}, collapses: {}",
        verdict.minimises.answer, verdict.converges.answer, verdict.collapses.answer
    )
}
