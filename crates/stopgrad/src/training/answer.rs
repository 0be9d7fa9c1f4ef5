//! What the command says in the end: a table of verdicts, where the report is, and what is not established.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use stopgrad_train::record::{ProbeResult, RunRecord};
use stopgrad_train::verdict::{Finding, Verdict};

use super::Job;
use crate::args::{RunArguments, Shown};
use crate::demand::unmet;
use crate::limits::Stop;
use crate::manifest::Manifest;
use crate::outcome::{Outcome, Status};
use crate::report::{BASELINES, Report, theory_sentences, waited};
use crate::table::aligned;

const HEADER: [&str; 6] = ["run", "minimises Ē", "converges", "collapses", "kNN", "linear"];

/// The answer of a command whose runs are all finished.
pub(super) fn answer(report: &Report, out: &Path, asked: &RunArguments) -> Outcome {
    let unmet = unmet(&report.runs, &asked.fail_on, asked.require);
    let page = out.join("report.html");
    let mut text = verdict_table(&report.runs, asked.show);
    let theory = theory_sentences(report);
    if !theory.is_empty() {
        _ = writeln!(text, "\ntheory and outcome:\n{}", theory.join("\n"));
    }
    if let Some(waited) = waited(&report.runs) {
        _ = writeln!(text, "\nwaited for data: {waited} of training");
    }
    _ = writeln!(text, "\nreport: {}", page.display());
    for sentence in &unmet {
        _ = writeln!(text, "not established: {sentence}");
    }
    let own = json!({ "out": out, "report": page, "unmet": unmet });
    let status = if unmet.is_empty() { Status::Done } else { Status::NotEstablished };
    Outcome { text, document: extended(report.to_json(), own), status }
}

/// The answer of a command that was stopped early: how far it came, and how to go on.
pub(super) fn stopped(manifest: &Manifest, job: &Job, step: u64, stop: Stop, out: &Path) -> Outcome {
    let (reason, status) = (stop.reason(), stop.status());
    let resume = if manifest.command_line.split_whitespace().any(|word| word == "--out" || word.starts_with("--out=")) {
        manifest.command_line.clone()
    } else {
        format!("{} --out {}", manifest.command_line, out.display())
    };
    let text = format!(
        "stopped by {reason} at step {step} of {} of the run {} (seed {}), at a checkpoint\nto go on: {resume}\n",
        job.config.training.steps,
        job.name,
        job.seed(),
    );
    let document = json!({
        "command": manifest.command,
        "version": manifest.version,
        "seed": manifest.seed,
        "options": manifest.options,
        "inputs": manifest.inputs,
        "out": out,
        "stopped": { "run": job.name, "seed": job.seed(), "step": step, "reason": reason, "resume": resume },
    });
    Outcome { text, document, status }
}

fn extended(mut document: Value, own: Value) -> Value {
    if let (Value::Object(document), Value::Object(own)) = (&mut document, own) {
        document.extend(own);
    }
    document
}

/// One line a name, baselines below, and what the accuracies are.
fn verdict_table(runs: &[RunRecord], shown: Shown) -> String {
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.name.as_str()) {
            names.push(&run.name);
        }
    }
    let mut rows = Vec::new();
    for name in &names {
        let group: Vec<&RunRecord> = runs.iter().filter(|run| run.name == *name).collect();
        let verdict = |finding: fn(&Verdict) -> &Finding| answers(&group, finding);
        rows.push(vec![
            (*name).to_owned(),
            verdict(|verdict| &verdict.minimises),
            verdict(|verdict| &verdict.converges),
            verdict(|verdict| &verdict.collapses),
            accuracy(group.iter().map(|run| last(run, shown, "knn"))),
            accuracy(group.iter().map(|run| last(run, shown, "linear"))),
        ]);
    }
    if runs.iter().all(|run| run.probes.is_empty()) {
        let without: Vec<Vec<String>> = rows.into_iter().map(|row| row[..4].to_vec()).collect();
        let table = aligned(&HEADER[..4], &without);
        return format!("{table}probes were not run: they need labels of at least two classes\n{}", diverged(runs));
    }
    // Runs of one seed share their baselines; other networks stand in the report.
    let first: Vec<&RunRecord> = runs.iter().filter(|run| run.name == names[0]).collect();
    for (label, probes) in BASELINES {
        let of = |kind| accuracy(first.iter().map(|run| still(probes(run), shown, kind)));
        rows.push(vec![label.to_owned(), String::new(), String::new(), String::new(), of("knn"), of("linear")]);
    }
    let seeds =
        if first.len() > 1 { format!("; mean (smallest to largest) of {} seeds", first.len()) } else { String::new() };
    let table = aligned(&HEADER, &rows);
    let other = if shown == Shown::Validation { "; test part: in the report, or --show test" } else { "" };
    format!("{table}accuracies: frozen encoder, last step, {} part{seeds}{other}\n{}", shown.split(), diverged(runs))
}

/// A line for each run that left the numbers: at which step, in which quantity.
fn diverged(runs: &[RunRecord]) -> String {
    let mut lines = String::new();
    for run in runs.iter().filter(|run| run.verdict.converges.answer == "diverged") {
        _ = writeln!(lines, "{} (seed {}): {}", run.name, run.config.training.seed, run.verdict.converges.why);
    }
    lines
}

/// One answer if all agree, else each with its count.
fn answers(group: &[&RunRecord], finding: fn(&Verdict) -> &Finding) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for run in group {
        let answer = finding(&run.verdict).answer.as_str();
        match counts.iter_mut().find(|(known, _)| *known == answer) {
            Some((_, count)) => *count += 1,
            None => counts.push((answer, 1)),
        }
    }
    match counts.as_slice() {
        [(answer, _)] => (*answer).to_owned(),
        several => several.iter().map(|(answer, count)| format!("{answer} ×{count}")).collect::<Vec<_>>().join(", "),
    }
}

/// At the very last step: a run that diverged was probed before.
fn last(run: &RunRecord, shown: Shown, kind: &str) -> Option<f64> {
    let wanted = |probe: &&ProbeResult| {
        probe.place == "encoder" && probe.at == "last" && probe.split == shown.split() && probe.kind == kind
    };
    run.probes.iter().filter(|probe| probe.step == run.steps).find(wanted).map(|probe| probe.accuracy)
}

fn still(probes: &[ProbeResult], shown: Shown, kind: &str) -> Option<f64> {
    probes.iter().find(|probe| probe.kind == kind && probe.split == shown.split()).map(|probe| probe.accuracy)
}

/// A mean with its range; `-` where a run has none.
fn accuracy(values: impl Iterator<Item = Option<f64>>) -> String {
    let Some(values) = values.collect::<Option<Vec<f64>>>().filter(|values| !values.is_empty()) else {
        return "-".into();
    };
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if values.len() == 1 {
        return format!("{:.1} %", 100.0 * mean);
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.1} % ({:.1} to {:.1})", 100.0 * mean, 100.0 * low, 100.0 * high)
}

#[cfg(test)]
mod tests;
