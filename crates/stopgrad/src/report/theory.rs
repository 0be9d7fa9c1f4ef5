//! Theory and outcome of linear runs: the sentences, the table and the pictures that put them side by side.

use std::fmt::Write;

use super::figure::{Figure, Group, slot_class, slot_of};
use super::record::RunRecord;
use super::{Report, summary};
use crate::markup::{escape, grouped, listed, number, power_of_ten, prose, significant};
use crate::plot::{Axis, Marker, Mode, Picture, StemChart, Stems, SurvivalChart};
use stopgrad_dynamics::Field;
use stopgrad_train::theory::{NearestRecord, OutcomeRecord, PredictionRecord, TheoryRecord};

/// Below this relative distance of S an end is called the equilibrium that it is held against.
const SAME: f64 = 1e-3;
/// Distances below this are rounding.
const NOTHING: f64 = 1e-16;
/// Up to so many runs the table stands open.
const OPEN_RUNS: usize = 24;

const HEAD: [(&str, bool); 9] = [
    ("Run", false),
    ("λ", true),
    ("λ<sub>crit</sub>", true),
    ("modes alive", true),
    ("rank predicted", true),
    ("rank trained", true),
    ("distance", true),
    ("equilibrium beside the end", false),
    ("distance", true),
];

/// Markup.
const NOTE: &str = "Predicted from λ and the second moments of the training pairs alone (moments.npz of each run, which \
                    <code>stopgrad predict</code> reads). Distances are of S = AᵀA: |S − S′| / |S′|, and |S| over |S| \
                    at the start where S′ is 0. The rank trained counts directions of the embedding whose variance \
                    exceeds λ/2. The equilibrium beside the end is found from it by Newton\u{2019}s method among \
                    states of its own rank; its stability is that under the run\u{2019}s field.";

/// Every run that has something to say, with it.
fn told(report: &Report) -> Vec<(&RunRecord, &TheoryRecord)> {
    report.runs.iter().filter_map(|run| Some((run, run.theory.as_ref()?))).collect()
}

/// What was found, a sentence or two a configuration; empty where no run has a linear encoder.
pub(crate) fn sentences(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    for name in report.names() {
        let own: Vec<&TheoryRecord> = report.runs_named(name).filter_map(|run| run.theory.as_ref()).collect();
        let compared: Vec<(&PredictionRecord, &OutcomeRecord)> =
            own.iter().filter_map(|theory| Some((theory.prediction.as_ref()?, theory.outcome.as_ref()?))).collect();
        if !compared.is_empty() {
            sentences.push(format!("{name}: {}", found(&compared)));
        }
        let mut reasons: Vec<&str> = own.iter().filter_map(|theory| theory.not_compared.as_deref()).collect();
        reasons.dedup();
        sentences.extend(reasons.into_iter().map(|reason| format!("{name}: not compared with the theory. {reason}")));
    }
    sentences
}

/// What became of the runs of one configuration.
fn found(compared: &[(&PredictionRecord, &OutcomeRecord)]) -> String {
    let one = compared.len() == 1;
    let predicted = counted(compared.iter().map(|(predicted, _)| predicted.rank));
    let trained = counted(compared.iter().map(|(_, outcome)| outcome.rank));
    let runs = if one { "the run".to_owned() } else { format!("{} runs", compared.len()) };
    let mut text = format!("rank {predicted} predicted, {runs} ended at rank {trained}");
    let far: Vec<f64> = compared.iter().filter_map(|(_, outcome)| outcome.distance_to_prediction).collect();
    if far.is_empty() {
        let _ = write!(text, "; |S| at {} of its start", range(compared.iter().map(|(_, o)| o.size_over_start)));
    } else {
        let _ = write!(text, ", {} from the predicted S", range(far.iter().copied()));
    }
    text.push_str(&beside_ends(compared.iter().filter_map(|(_, outcome)| outcome.nearest.as_ref()).collect()));
    text.push('.');
    text
}

/// How far the ends are from equilibria of their own ranks; nothing of ends at the origin.
fn beside_ends(mut near: Vec<&NearestRecord>) -> String {
    near.retain(|near| near.rank > 0);
    let (count, mut text) = (near.len(), String::new());
    let (found, lost): (Vec<_>, Vec<_>) = near.into_iter().partition(|near| near.converged);
    let (attracting, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|near| near.stability.as_deref() == Some("attracting"));
    let (there, away): (Vec<_>, Vec<_>) = attracting.into_iter().partition(|near| near.distance <= SAME);
    let word = |part: usize| match (count, part) {
        (1, _) => "it is".to_owned(),
        (_, 1) => "one is".to_owned(),
        (all, part) if all == part => "all are".to_owned(),
        (_, part) => format!("{part} are"),
    };
    let distances = |part: &[&NearestRecord]| range(part.iter().map(|near| near.distance));
    if !there.is_empty() {
        let _ =
            write!(text, "; {} {} from an attracting equilibrium of that rank", word(there.len()), distances(&there));
    }
    if !away.is_empty() {
        let rates = range(away.iter().filter_map(|near| near.leading_rate).map(f64::abs));
        let _ = write!(
            text,
            "; {} still {} from one, which attracts at a rate of {rates}",
            word(away.len()),
            distances(&away)
        );
    }
    if !others.is_empty() {
        let _ =
            write!(text, "; {} {} from an equilibrium that does not attract", word(others.len()), distances(&others));
    }
    if !lost.is_empty() {
        let _ =
            write!(text, "; {} where Newton\u{2019}s method finds no equilibrium: still on the way", word(lost.len()));
    }
    text
}

/// `16`, or `14 (6 runs), 15 (2 runs)`.
fn counted(ranks: impl Iterator<Item = usize>) -> String {
    let mut counts = std::collections::BTreeMap::new();
    ranks.for_each(|rank| *counts.entry(rank).or_insert(0_usize) += 1);
    match counts.len() {
        1 => counts.keys().map(ToString::to_string).collect(),
        _ => counts.iter().map(|(rank, runs)| format!("{rank} ({runs})")).collect::<Vec<_>>().join(", "),
    }
}

/// Two digits; what is nothing to any eye is called so.
fn short(value: f64) -> String {
    if value < NOTHING { format!("less than {}", power_of_ten(-16)) } else { significant(value, 2) }
}

/// `3.1 × 10⁻⁸`, or `3.1 × 10⁻⁸ to 0.012`.
fn range(values: impl Iterator<Item = f64>) -> String {
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    if short(low) == short(high) { short(high) } else { format!("{} to {}", short(low), short(high)) }
}

/// The section; none where no run has a linear encoder.
pub(super) fn section(report: &Report) -> Option<String> {
    let told = told(report);
    if told.is_empty() {
        return None;
    }
    let mut html = String::new();
    for sentence in sentences(report) {
        let _ = writeln!(html, "<p>{}</p>", prose(&sentence));
    }
    if told.iter().any(|(_, theory)| theory.prediction.is_some()) {
        let many = told.len() > OPEN_RUNS;
        if many {
            html.push_str("<details class=\"more\"><summary class=\"quiet\">run by run</summary>\n");
        }
        html.push_str(&table(report, &told));
        html.push_str(if many { "</details>\n" } else { "" });
        let _ = writeln!(html, "<p class=\"note\">{NOTE}</p>");
    }
    for (sentence, runs) in caveats(&told) {
        let which =
            if runs.len() == told.len() { String::new() } else { format!("{}: ", summary::gathered(report, &runs)) };
        let _ = writeln!(html, "<p class=\"note\">{}{}</p>", escape(&which), prose(sentence));
    }
    Some(html)
}

/// Each caveat once, with the runs that it is about.
fn caveats<'a>(told: &[(&'a RunRecord, &'a TheoryRecord)]) -> Vec<(&'a str, Vec<&'a RunRecord>)> {
    let mut all: Vec<(&str, Vec<&RunRecord>)> = Vec::new();
    for (run, theory) in told {
        for caveat in &theory.caveats {
            match all.iter_mut().find(|(known, _)| known == caveat) {
                Some((_, runs)) => runs.push(run),
                None => all.push((caveat, vec![run])),
            }
        }
    }
    all
}

fn table(report: &Report, told: &[(&RunRecord, &TheoryRecord)]) -> String {
    let class = |numeric: bool| if numeric { " class=\"n\"" } else { "" };
    let mut html = String::from("<div class=\"wide\"><table class=\"plain\">\n<thead><tr>");
    for (name, numeric) in HEAD {
        let _ = write!(html, "<th scope=\"col\"{}>{name}</th>", class(numeric));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (run, theory) in told {
        let (Some(predicted), Some(outcome)) = (&theory.prediction, &theory.outcome) else { continue };
        let _ = write!(
            html,
            "<tr><td class=\"run\"><span class=\"key {}\" aria-hidden=\"true\"></span>{}</td>",
            slot_class(report, &run.name),
            escape(&report.label(run))
        );
        for (cell, (_, numeric)) in cells(run, theory, predicted, outcome).iter().zip(&HEAD[1..]) {
            let _ = write!(html, "<td{}>{}</td>", class(*numeric), prose(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

fn cells(run: &RunRecord, theory: &TheoryRecord, predicted: &PredictionRecord, outcome: &OutcomeRecord) -> [String; 8] {
    let joint = run.config.field.kind == Field::Joint;
    let dash = || "–".to_owned();
    let (beside, distance) = match (&outcome.nearest, &outcome.no_nearest) {
        (Some(near), _) => (beside(near), short(near.distance)),
        (None, reason) => (reason.clone().unwrap_or_else(dash), dash()),
    };
    [
        significant(theory.weight_decay, 3),
        predicted.critical_weight_decay.map_or_else(dash, |value| significant(value, 4)),
        if joint { dash() } else { format!("{} of {}", predicted.surviving_modes, predicted.modes.len()) },
        if predicted.stability == "attracting" {
            predicted.rank.to_string()
        } else {
            format!("{}, {}", predicted.rank, predicted.stability)
        },
        format!("{} of {}", outcome.rank, outcome.s_eigenvalues.len()),
        short(outcome.distance_to_prediction.unwrap_or(outcome.size_over_start)),
        beside,
        distance,
    ]
}

/// `rank 16, attracting (rate −0.002)`.
fn beside(near: &NearestRecord) -> String {
    if !near.converged {
        return format!("none found in {} Newton steps: still on the way", near.steps);
    }
    let stability = near.stability.as_deref().unwrap_or("too large to judge");
    let rate = near.leading_rate.map_or_else(String::new, |rate| format!(" (slowest rate {})", number(rate)));
    let rank = if near.rank == 0 { "the origin".to_owned() } else { format!("rank {}", near.rank) };
    format!("{rank}, {stability}{rate}")
}

/// The spectra side by side, and the modes against weight decay.
pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let told = told(report);
    // Of several seeds the first is drawn.
    let mut first: Vec<(&RunRecord, &PredictionRecord, &OutcomeRecord, f64)> = Vec::new();
    for (run, theory) in &told {
        if let (Some(predicted), Some(outcome)) = (&theory.prediction, &theory.outcome)
            && first.iter().all(|(other, ..)| other.name != run.name)
        {
            first.push((run, predicted, outcome, theory.weight_decay));
        }
    }
    let pictures = spectra(report, &first).into_iter().chain(modes(&first));
    pictures.map(|picture| Figure { group: Group::Theory, picture }).collect()
}

fn spectra(report: &Report, first: &[(&RunRecord, &PredictionRecord, &OutcomeRecord, f64)]) -> Option<Picture> {
    let count = first.iter().map(|(_, _, outcome, _)| outcome.s_eigenvalues.len()).max().unwrap_or(0);
    // Runs on the same pairs share their prediction; that of the origin needs no picture.
    let mut shared: Vec<(Vec<f64>, Vec<String>, usize)> = Vec::new();
    for (run, predicted, ..) in first.iter().filter(|(_, predicted, ..)| predicted.rank > 0) {
        let mut values = predicted.s_eigenvalues.clone();
        values.resize(count.max(values.len()), 0.0);
        match shared.iter_mut().find(|(known, ..)| *known == values) {
            Some((_, names, _)) => names.push(run.name.clone()),
            None => shared.push((values, vec![run.name.clone()], slot_of(report, &run.name))),
        }
    }
    let predicted = shared.into_iter().map(|(values, names, slot)| Stems {
        name: format!("predicted for {}", listed(&names)),
        slot,
        hollow: true,
        values,
    });
    let trained = first.iter().map(|(run, _, outcome, _)| Stems {
        name: format!("{}, trained", run.name),
        slot: slot_of(report, &run.name),
        hollow: false,
        values: outcome.s_eigenvalues.clone(),
    });
    let series: Vec<Stems> = predicted.chain(trained).collect();
    if series.is_empty() {
        return None;
    }
    let several = report.runs.len() > report.names().len();
    let caption = format!(
        "Eigenvalues of S = AᵀA, largest first, in the coordinates that the network sees: rings from the moments of the \
         training pairs, dots from the trained weights. Joint is to end at 0.{}",
        if several { " Of several seeds the first." } else { "" }
    );
    let chart = StemChart { index: "index", y: Axis::linear("eigenvalue of S"), series };
    Some(Picture::of("theory-spectra", "Predicted and trained", &caption, &chart))
}

/// From the first run that has modes: runs on the same pairs share them.
fn modes(first: &[(&RunRecord, &PredictionRecord, &OutcomeRecord, f64)]) -> Option<Picture> {
    let (run, predicted, _, decay) = first.iter().find(|(_, predicted, ..)| !predicted.modes.is_empty())?;
    let mode = |(index, mode): (usize, &stopgrad_train::theory::ModeRecord)| Mode {
        index,
        critical: mode.critical_weight_decay,
        exact: mode.exact,
        noise: predicted.noise_known && mode.critical_weight_decay > *decay && !mode.alive,
    };
    let mut markers = vec![Marker { name: "λ".into(), x: *decay }];
    markers.extend(predicted.critical_weight_decay.map(|x| Marker { name: "λ_crit".into(), x }));
    let chart = SurvivalChart { modes: predicted.modes.iter().enumerate().map(mode).collect(), markers };
    let caption = format!(
        "How much weight decay each mode survives, from the moments of {}; beyond λ_crit no equilibrium of full rank \
         exists. {} pairs.",
        run.name,
        grouped(run.theory.as_ref().map_or(0, |theory| theory.pairs))
    );
    Some(Picture::of("theory-modes", "Modes against weight decay", &caption, &chart))
}

#[cfg(test)]
mod tests;
