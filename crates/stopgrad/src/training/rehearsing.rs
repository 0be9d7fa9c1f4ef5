//! `--dry-run`: what would be done and what it would take, from a few timed steps of each run.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_train::Plan;
use stopgrad_train::config::{Config, NetworkConfig, NetworkKind};
use stopgrad_train::run::{Rehearsal, rehearse as time_steps};

use super::checking::{self, Facts};
use super::{Job, Request, options};
use crate::markup::{grouped, listed};
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::{CommandError, TrainingError};

/// Bytes of a row of `metrics.csv`: forty numbers of up to twenty digits.
const ROW_BYTES: u64 = 800;

/// What a run is, for a line above its progress: the choices that were made for the user, too.
pub(super) fn in_a_line(config: &Config) -> String {
    let (training, optimizer) = (&config.training, &config.optimizer);
    format!(
        "{}; views `{}`; {} steps of {} pairs, {} at rate {}",
        network(&config.network),
        config.views.preset,
        grouped(training.steps),
        training.batch_size as u64 * training.accumulate,
        word(&optimizer.kind),
        optimizer.learning_rate
    )
}

/// `conv 32-64-512, projector mlp 512-128, predictor mlp 512-128`.
fn network(network: &NetworkConfig) -> String {
    let widths = |hidden: &[usize], last: usize| {
        let all: Vec<String> = hidden.iter().chain([&last]).map(ToString::to_string).collect();
        all.join("-")
    };
    let of = |kind: NetworkKind, hidden: &[usize], last: usize| {
        let has_hidden = matches!(kind, NetworkKind::Mlp | NetworkKind::Conv);
        let hidden = if has_hidden { hidden } else { &[] };
        format!("{} {}", word(&kind), widths(hidden, last))
    };
    let projects = network.projector != NetworkKind::None;
    let embedding = if projects { network.projector_width } else { network.encoder_width };
    let mut parts = vec![format!("encoder {}", of(network.encoder, &network.encoder_hidden, network.encoder_width))];
    if projects {
        parts.push(format!("projector {}", of(network.projector, &network.projector_hidden, embedding)));
    }
    if network.predictor != NetworkKind::None {
        parts.push(format!("predictor {}", of(network.predictor, &network.predictor_hidden, embedding)));
    }
    parts.join(", ")
}

/// As it is written in a configuration.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

/// What one run takes.
struct Estimate {
    name: String,
    runs: usize,
    rehearsal: Rehearsal,
    seconds: f64,
    steps: u64,
    epochs: f64,
    disk: u64,
}

/// Times a few steps of each kind of run and tells what all of them would take.
///
/// # Errors
/// [`TrainingError::Run`] when steps cannot be made
pub(super) fn rehearse(request: &Request<'_>, facts: &Facts, output: Output) -> Result<Outcome, CommandError> {
    let mut estimates: Vec<Estimate> = Vec::new();
    let mut of_network = String::new();
    for job in &request.jobs {
        // Seeds of one name take the same time.
        if let Some(known) = estimates.iter_mut().find(|known| known.name == job.name) {
            known.runs += 1;
            continue;
        }
        output.note(&format!("timing some steps of {}", job.name));
        let plan = checking::plan(job)?;
        if of_network.is_empty() {
            of_network = size(&plan);
        }
        estimates.push(estimate(job, &plan)?);
    }
    let seconds: f64 = estimates.iter().map(|e| e.seconds * e.runs as f64).sum();
    let disk: u64 = estimates.iter().map(|e| e.disk * e.runs as u64).sum();
    let memory = peak_memory();
    let text = text(request, facts, &estimates, &of_network, (seconds, disk, memory));
    let first = &request.jobs[0];
    let runs: Vec<Value> = estimates
        .iter()
        .map(|e| {
            json!({
                "name": e.name, "runs": e.runs, "steps": e.steps, "epochs": e.epochs, "seconds": e.seconds,
                "seconds_a_step": e.rehearsal.seconds_a_step, "seconds_a_row": e.rehearsal.seconds_a_row,
                "seconds_a_probe": e.rehearsal.seconds_a_probe, "steps_timed": e.rehearsal.steps, "disk_bytes": e.disk,
            })
        })
        .collect();
    let own = json!({
        "dry_run": true, "source": facts.source, "network": of_network, "runs": runs,
        "seconds": seconds, "memory_bytes": memory, "disk_bytes": disk,
    });
    let options = options(request, &first.config, &request.asked.out.clone().unwrap_or_default());
    let document = document(request.command, first.seed(), &options, &facts.inputs, own);
    Ok(Outcome { text, document, status: Status::Done })
}

fn estimate(job: &Job, plan: &Plan) -> Result<Estimate, TrainingError> {
    let rehearsal = time_steps(plan).map_err(|source| TrainingError::Run {
        name: job.name.clone(),
        folder: std::path::PathBuf::from("--dry-run"),
        source: Box::new(source),
    })?;
    let (training, evaluation) = (&plan.config.training, &plan.config.evaluation);
    let number = if training.precision == stopgrad_train::config::Precision::F64 { 8 } else { 4 };
    // Student, at most two averages of the optimizer, teacher, where the last fifth began; and the files of old ones
    // while new ones are written.
    let checkpoint = plan.network.parameter_count() as u64 * number * 5;
    Ok(Estimate {
        name: job.name.clone(),
        runs: 1,
        seconds: rehearsal.seconds(plan),
        rehearsal,
        steps: training.steps,
        epochs: (training.steps * training.accumulate) as f64 * training.batch_size as f64
            / plan.pairs_per_epoch() as f64,
        disk: 2 * checkpoint + training.steps / evaluation.measure_every * ROW_BYTES,
    })
}

/// `4,712,345 numbers, 133 million multiply-adds a view`.
fn size(plan: &Plan) -> String {
    let (f, g) = plan.network.multiply_adds();
    format!(
        "{} numbers, {:.1} million multiply-adds a view",
        grouped(plan.network.parameter_count() as u64),
        (f + g) as f64 * 1e-6
    )
}

fn text(
    request: &Request<'_>, facts: &Facts, estimates: &[Estimate], of_network: &str,
    (seconds, disk, memory): (f64, u64, Option<u64>),
) -> String {
    let (source, first) = (&facts.source, &request.jobs[0].config);
    let shape: Vec<String> = source.shape.iter().map(ToString::to_string).collect();
    let splits: Vec<String> = source.splits.iter().map(|(name, n)| format!("{name} {}", grouped(*n as u64))).collect();
    let classes = source.classes.map_or_else(|| "no labels".to_owned(), |count| format!("{count} classes"));
    let mut text = format!(
        "data     {}: {} samples of {}, {classes}; {}; {} left out\n",
        source.name,
        grouped(source.count as u64),
        shape.join(" × "),
        listed(&splits),
        grouped(source.skipped as u64),
    );
    _ = writeln!(text, "network  {}: {of_network}", network(&first.network));
    _ = writeln!(text, "views    {}", first.views.preset);
    for e in estimates {
        let seeds = if e.runs > 1 { format!(", {} seeds", e.runs) } else { String::new() };
        _ = writeln!(
            text,
            "run      {}{seeds}: {} steps, {:.1} epochs; {:.3} s a step (mean of {}), {:.1} s a probe; about {} each",
            e.name,
            grouped(e.steps),
            e.epochs,
            e.rehearsal.seconds_a_step,
            e.rehearsal.steps,
            e.rehearsal.seconds_a_probe,
            duration(e.seconds)
        );
    }
    _ = writeln!(text, "time     about {} in all, if the machine stays as busy as it is now", duration(seconds));
    match memory {
        Some(bytes) => _ = writeln!(text, "memory   about {} (the most these steps took)", bytes_in_words(bytes)),
        None => text.push_str("memory   not known on this system\n"),
    }
    _ = writeln!(text, "disk     about {} for the run folders", bytes_in_words(disk));
    text.push_str("no run was begun; leave out --dry-run to begin\n");
    text
}

/// `40 s`, `12 min`, `3.5 h`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn bytes_in_words(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 1e9 => format!("{:.0} MB", (b * 1e-6).max(1.0)),
        b => format!("{:.1} GB", b * 1e-9),
    }
}

/// The most memory this process has held, in bytes; none where the system does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_told_in_a_line() {
        assert_eq!(network(&Config::default().network), "encoder mlp 256-16, predictor linear 16");
        let of_images = Config::for_images(1000).network;
        let told = "encoder conv 32-64-128-256, projector mlp 512-256, predictor mlp 512-256";
        assert_eq!(network(&of_images), told);
    }

    #[test]
    fn times_and_sizes_are_told_as_people_tell_them() {
        let told = [40.4, 600.0, 9000.0].map(duration);
        assert_eq!(told, ["40 s", "10 min", "2.5 h"]);
        assert_eq!([10, 250_000_000, 3_200_000_000].map(bytes_in_words), ["1 MB", "250 MB", "3.2 GB"]);
    }
}
