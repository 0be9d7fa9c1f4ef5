//! What is said of a diagnosis.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use stopgrad_dynamics::diagnosis::{Accuracy, ClassProbes, Diagnosis, Listed};

use crate::markup::{concise, number, percent, significant};
use crate::table::aligned;

/// Two views that share less than this, error included, have nothing in common.
const NOTHING_SHARED: f64 = 0.05;

/// Constant columns that are named.
const NAMED: usize = 5;

/// Headline of the table of places.
pub(super) const HEADER: [&str; 8] = ["place", "kind", "samples", "alive", "effective rank", "std", "1/√d", "variance"];
/// Headline of the table of checkpoints.
pub(super) const TREND: [&str; 6] = ["checkpoint", "collapses", "alive", "effective rank", "norm", "kNN"];

/// One checkpoint.
pub(in crate::commands) fn step(judged: &Diagnosis, file: &Path) -> Value {
    let places = &judged.finding.beside["where"];
    let of = |key: &str| places["encoder"]["evidence"][key].clone();
    json!({
        "file": file,
        "answer": judged.finding.answer,
        "only": judged.finding.beside.get("only"),
        "why": judged.finding.why,
        "alive": of("alive"),
        "alive_error": of("alive_error"),
        "effective_rank": of("effective_rank"),
        "effective_rank_error": of("effective_rank_error"),
        "std": of("std"),
        "norm": of("norm"),
        "variance": of("variance"),
        "shared_share": judged.views.map(|views| views.shared_share),
        "knn_accuracy": judged.probes.as_ref().and_then(|probes| probes.knn).map(|knn| knn.accuracy),
        "linear_accuracy": judged.probes.as_ref().and_then(|probes| probes.linear).map(|linear| linear.accuracy),
    })
}

/// Whole sentences, the most important first.
pub(super) fn findings(judged: &Diagnosis, trend: &[Value]) -> Vec<String> {
    let mut said = vec![headline(judged), judged.finding.why.clone()];
    let space = judged.finding.evidence.get("space").and_then(Value::as_str).unwrap_or_default();
    for (place, kind) in judged.kinds().filter(|(place, kind)| *place != space && !matches!(*kind, "no" | "undecided"))
    {
        said.push(format!("The {place} has collapsed: {kind}."));
    }
    said.extend(views(judged));
    said.extend(judged.probes.as_ref().map(classes));
    said.extend(judged.theory.as_ref().map(|theory| {
        format!(
            "The linear theory: at λ = {} a linear student with a linear predictor keeps {} of these {} dimensions; all \
             survive up to λ = {}.",
            concise(theory.weight_decay),
            theory.rank,
            theory.support_rank,
            number(theory.critical_weight_decay)
        )
    }));
    said.extend(changes(trend));
    for (role, gone) in &judged.left_out {
        let samples = if gone.count == 1 { "sample is" } else { "samples are" };
        said.push(format!("{role}: {} {samples} left out, not all their numbers are finite.", gone.count));
    }
    said.extend(judged.constant_columns.iter().map(|(role, columns)| constant(role, columns)));
    said
}

/// Dead units, or a column that was never written.
fn constant(role: &str, columns: &Listed) -> String {
    let first: Vec<String> = columns.first.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if columns.count > NAMED { ", …" } else { "" };
    let (noun, verb) = if columns.count == 1 { ("column", "is") } else { ("columns", "are") };
    format!(
        "{role}: {} {noun} (from 0: {}{more}) {verb} the same in every sample, and cannot be alive.",
        columns.count,
        first.join(", ")
    )
}

/// The answer, and whose it is where one place alone has collapsed.
pub(in crate::commands) fn headline(judged: &Diagnosis) -> String {
    let only = only(judged).and_then(|place| judged.kinds().find(|(name, _)| *name == place));
    let only = only.map(|(place, kind)| format!(", but the {place} alone: {kind}")).unwrap_or_default();
    format!("collapses: {}{only}", judged.finding.answer)
}

fn only(judged: &Diagnosis) -> Option<&str> {
    judged.finding.beside.get("only").and_then(Value::as_str)
}

fn views(judged: &Diagnosis) -> Option<String> {
    let views = judged.views?;
    let error = 2.0 * views.shared_share_error;
    let mut said =
        format!("The two views share {:.1} % ± {:.1} of their variance.", 100.0 * views.shared_share, 100.0 * error);
    if views.shared_share + error < NOTHING_SHARED {
        said += " That is nothing: what varies is the view and not the sample.";
    }
    Some(said)
}

fn classes(probes: &ClassProbes) -> String {
    if let Some(why) = &probes.not_measured {
        return format!("The classes could not be probed: {why}.");
    }
    let told = |name: &str, of: Option<Accuracy>| {
        of.map(|Accuracy { accuracy, interval: [low, high] }| {
            format!("{name} {} ({:.0} to {:.0})", percent(accuracy), 100.0 * low, 100.0 * high)
        })
    };
    let both =
        |knn, linear| [told("kNN", knn), told("a linear probe", linear)].into_iter().flatten().collect::<Vec<_>>();
    let own = both(probes.knn, probes.linear).join(", ");
    let reference = both(probes.knn_reference, probes.linear_reference);
    let reference =
        if reference.is_empty() { String::new() } else { format!("; of the reference, {}", reference.join(", ")) };
    format!(
        "Of {} test samples in {} classes {own} name the class{reference}; the largest class alone is {}.",
        probes.samples[2],
        probes.classes,
        percent(probes.largest_class)
    )
}

/// Where the answer changed from one checkpoint to the next.
fn changes(trend: &[Value]) -> Option<String> {
    let [first, .., last] = trend else { return None };
    let answer = |step: &Value| step["answer"].as_str().unwrap_or_default().to_owned();
    let turns: Vec<String> = trend
        .windows(2)
        .filter(|pair| answer(&pair[0]) != answer(&pair[1]))
        .map(|pair| format!("from {} to {} at {}", answer(&pair[0]), answer(&pair[1]), file(&pair[1])))
        .collect();
    let turned = if turns.is_empty() { "stays the same".into() } else { format!("goes {}", turns.join(", ")) };
    Some(format!(
        "Over {} checkpoints the answer {turned}; the effective rank goes from {} to {}.",
        trend.len(),
        short(&first["effective_rank"]),
        short(&last["effective_rank"])
    ))
}

fn file(step: &Value) -> String {
    step["file"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn describe(judged: &Diagnosis, trend: &[Value]) -> String {
    let mut text = findings(judged, trend).join("\n") + "\n";
    _ = write!(text, "\n{}", aligned(&HEADER, &rows(judged)));
    if trend.len() > 1 {
        _ = write!(text, "\n{}", aligned(&TREND, &trend_rows(trend)));
    }
    text
}

/// A row a place.
pub(super) fn rows(judged: &Diagnosis) -> Vec<Vec<String>> {
    judged.finding.beside["where"].as_object().into_iter().flatten().map(|(name, place)| row(name, place)).collect()
}

/// A row a checkpoint.
pub(super) fn trend_rows(trend: &[Value]) -> Vec<Vec<String>> {
    let row = |step: &Value| {
        let answer = step["answer"].as_str().unwrap_or_default().to_owned();
        let knn = step["knn_accuracy"].as_f64().map_or_else(|| "-".into(), percent);
        vec![file(step), answer, step["alive"].to_string(), short(&step["effective_rank"]), short(&step["norm"]), knn]
    };
    trend.iter().map(row).collect()
}

fn row(name: &str, place: &Value) -> Vec<String> {
    let evidence = &place["evidence"];
    let dimensions = evidence["dimensions"].as_f64().unwrap_or(1.0);
    let rank = match evidence["effective_rank_error"].as_f64() {
        Some(error) => format!("{} ± {}", short(&evidence["effective_rank"]), significant(2.0 * error, 2)),
        None => short(&evidence["effective_rank"]),
    };
    let alive = match evidence["alive_error"].as_f64() {
        Some(error) if error > 0.0 => {
            format!("{} ± {} of {dimensions}", evidence["alive"], significant(2.0 * error, 2))
        }
        _ => format!("{} of {dimensions}", evidence["alive"]),
    };
    vec![
        name.to_owned(),
        place["kind"].as_str().unwrap_or_default().to_owned(),
        evidence["samples"].to_string(),
        alive,
        rank,
        short(&evidence["std"]),
        format!("{:.3}", 1.0 / dimensions.sqrt()),
        short(&evidence["variance"]),
    ]
}

/// Three digits.
pub(in crate::commands) fn short(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".into(), stopgrad_dynamics::finding::number)
}
