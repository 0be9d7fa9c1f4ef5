//! Runs in their folders: planned, checked, trained or resumed, and reported; what `train` and `compare` share.
//!
//! Everything that can be wrong is found before the first step of the first run: every configuration is
//! planned, every folder checked, then only is anything written. The price is that each source is opened
//! twice; the other way, all plans kept, would hold as many copies of the source as there are runs.
//!
//! Reading order: `perform` here, `checking`, `running`, `answer`.

mod answer;
mod checking;
mod looking;
mod rehearsing;
mod running;
mod written;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stopgrad_data::InputFile;
use stopgrad_train::config::Config;

use crate::args::RunArguments;
use crate::configuration::{Override, PRESETS, Written, list_of_presets};
use crate::folder::{self, Kind};
use crate::limits::Limits;
use crate::manifest::{Manifest, ManifestRun, environment};
use crate::outcome::{Outcome, Status, command_line, document};
use crate::output::Output;
use crate::{CommandError, TrainingError, tensorboard};
use running::Ended;

pub(crate) use looking::Look;
pub(crate) use written::write_report;

/// What `train` and `compare` ask for.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The subcommand.
    pub(crate) command: &'static str,
    /// Its options.
    pub(crate) asked: &'a RunArguments,
    /// Options of this command alone, for the record.
    pub(crate) own_options: Value,
    /// One run in the folder itself, or several below it.
    pub(crate) kind: Kind,
    /// The runs.
    pub(crate) jobs: Vec<Job>,
}

/// One run to be made.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Its name.
    pub(crate) name: String,
    /// Its folder within that of the command; `.` is that folder.
    pub(crate) folder: PathBuf,
    /// As asked for; resolved once it is planned.
    pub(crate) config: Config,
}

impl Job {
    fn seed(&self) -> u64 {
        self.config.training.seed
    }

    fn path(&self, out: &Path) -> PathBuf {
        if self.folder == Path::new(".") { out.to_owned() } else { out.join(&self.folder) }
    }
}

/// The keys that were typed: `--set` first, then options of their own.
///
/// # Errors
/// [`CommandError::Configuration`] when `--set` has another form
pub(crate) fn typed(asked: &RunArguments) -> Result<Vec<Override>, CommandError> {
    let mut overrides = Vec::new();
    for text in &asked.set {
        overrides.push(Override::parse("--set", text).map_err(crate::configuration::ConfigurationError::from)?);
    }
    overrides.extend(asked.overrides());
    Ok(overrides)
}

/// What a command wrote down for all its runs.
pub(crate) fn written<'a>(asked: &'a RunArguments, typed: &'a [Override]) -> Written<'a> {
    Written { preset: asked.preset.as_deref(), file: asked.config.as_deref(), typed }
}

/// `--preset list`: what there is, instead of a run.
pub(crate) fn list_presets(asked: &RunArguments) -> Option<Outcome> {
    (asked.preset.as_deref() == Some("list")).then(|| {
        let presets: Vec<Value> = PRESETS
            .iter()
            .map(|preset| json!({ "name": preset.name, "method": preset.is_method(), "about": preset.about() }))
            .collect();
        let document = document("train", 0, &json!({ "preset": "list" }), &[], json!({ "presets": presets }));
        Outcome { text: list_of_presets(), document, status: Status::Done }
    })
}

/// Train or resume the runs, write their reports and say what came out.
///
/// # Errors
/// [`CommandError`]: before the first step for whatever can be known then
pub(crate) fn perform(mut request: Request<'_>, output: Output) -> Result<Outcome, CommandError> {
    checking::check_demands(&request.jobs, &request.asked.fail_on)?;
    let facts = checking::resolve(&mut request.jobs)?;
    facts.left_out.iter().for_each(|line| output.note(line));
    if request.asked.dry_run {
        return rehearsing::rehearse(&request, &facts, output);
    }
    let out = out_folder(&request, &facts.inputs)?;
    folder::prepare(&out)?;
    let _lock = folder::lock(&out)?;
    for folder in std::iter::once(out.clone()).chain(request.jobs.iter().map(|job| job.path(&out))) {
        folder::sweep(&folder)?;
        folder::sweep(&folder.join("figures"))?;
    }

    let runs = request.jobs.iter().map(|job| ManifestRun {
        name: job.name.clone(),
        seed: job.seed(),
        folder: job.folder.clone(),
    });
    let first = &request.jobs[0];
    let manifest = Manifest {
        command: request.command.into(),
        command_line: command_line(),
        version: env!("CARGO_PKG_VERSION").into(),
        seed: first.seed(),
        options: options(&request, &first.config, &out),
        inputs: facts.inputs,
        source: facts.source,
        environment: environment(&facts.devices),
        title: title(&request),
        runs: runs.collect(),
    };
    manifest.write(&out)?;

    output.note(&rehearsing::in_a_line(&request.jobs[0].config));
    let limits = Limits::start(request.asked.time_limit).map_err(TrainingError::from)?;
    match running::run_all(&request.jobs, &manifest, &out, &limits, output)? {
        Ended::Finished(records) => {
            let report = manifest.report(records);
            write_report(&out, &report)?;
            if request.asked.tensorboard {
                tensorboard::write(&out, &report.runs)?;
            }
            Ok(answer::answer(&report, &out, request.asked))
        }
        Ended::Stopped { job, step, stop } => Ok(answer::stopped(&manifest, &request.jobs[job], step, stop, &out)),
    }
}

/// The folder that was named, if it fits, or the first free one.
fn out_folder(request: &Request<'_>, inputs: &[InputFile]) -> Result<PathBuf, CommandError> {
    let Some(out) = &request.asked.out else {
        let source = &request.jobs[0].config.source.path;
        return Ok(folder::claim(Path::new(""), request.command, source)?);
    };
    folder::check(out, request.kind)?;
    for job in &request.jobs {
        checking::check_folder(out, job)?;
        checking::check_inputs(&job.path(out), inputs)?;
    }
    checking::check_inputs(out, inputs)?;
    checking::check_runs(out, &request.jobs)?;
    Ok(out.clone())
}

fn title(request: &Request<'_>) -> String {
    let source = folder::short_name(&request.jobs[0].config.source.path);
    let mut names: Vec<&str> = request.jobs.iter().map(|job| job.name.as_str()).collect();
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name);
            true
        }
    });
    format!("{} on {source}", names.join(", "))
}

/// Every option with its default filled in; `configuration` is that of the first run.
fn options(request: &Request<'_>, first: &Config, out: &Path) -> Value {
    let asked = request.asked;
    let mut options = json!({
        "preset": asked.preset,
        "config": asked.config,
        "set": asked.set,
        "configuration": first,
        "out": out,
        "time_limit_seconds": asked.time_limit.map(|limit| limit.as_secs_f64()),
        "fail_on": asked.fail_on.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "require": asked.require.map(|_| "decided"),
        "tensorboard": asked.tensorboard,
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut options, &request.own_options) {
        all.extend(own.clone());
    }
    options
}
