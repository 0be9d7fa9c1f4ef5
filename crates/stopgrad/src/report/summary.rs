//! The report in a paragraph: sentences made from the verdicts and the probes, none of them canned.

use super::probes::{BASELINES, Range, baseline, final_knn, sampling_error};
use super::quality::{Trend, measure_word};
use super::record::{Column, ProbeResult, RunRecord};
use super::verdict::{Finding, Verdict};
use super::{Report, course, last_value};
use crate::markup::{grouped, listed, number, percent, points};

/// What happened; how good the encoders are; whether the loss knows; paragraphs of plain text, none empty.
pub(super) fn paragraphs(report: &Report) -> Vec<String> {
    let quality = accuracies(report)
        .into_iter()
        .chain(against(report, "the untrained encoder", |run| &run.baselines.untrained))
        .chain(against(report, "the raw input", |run| &run.baselines.raw));
    let loss = lowest_loss(report).into_iter().chain(rising_loss(report)).chain(unanswered(report));
    [behaviours(report), quality.collect(), loss.collect()]
        .into_iter()
        .filter(|sentences: &Vec<String>| !sentences.is_empty())
        .map(|sentences| sentences.join(" "))
        .collect()
}

/// What each group of like runs did: "sg and ema did not minimise Ē, kept drifting and did not collapse."
fn behaviours(report: &Report) -> Vec<String> {
    grouped_by(report, |run| phrases(&run.verdict))
        .into_iter()
        .map(|(phrases, runs)| format!("{} {}.", gathered(report, &runs), listed(&phrases)))
        .collect()
}

fn phrases(verdict: &Verdict) -> Vec<String> {
    let unknown = |question: &str, answer: &str| format!("got the answer “{answer}” on {question}");
    let minimises = match verdict.minimises.answer.as_str() {
        "yes" => "minimised Ē".into(),
        "locally" => "ended where Ē has a local minimum".into(),
        "no" => "did not minimise Ē".into(),
        "undecided" => "left undecided whether Ē was minimised".into(),
        other => unknown("minimising", other),
    };
    let converges = match verdict.converges.answer.as_str() {
        "yes" => "converged".into(),
        "noise ball" => "settled into a noise ball".into(),
        "drifting" => "kept drifting".into(),
        "diverged" => "diverged".into(),
        "undecided" => "left convergence undecided".into(),
        other => unknown("convergence", other),
    };
    let collapses = match verdict.collapses.answer.as_str() {
        "no" => "did not collapse".into(),
        "complete" => "collapsed completely".into(),
        "dimensional" => "lost dimensions (dimensional collapse)".into(),
        "cluster" => "collapsed into clusters".into(),
        "positional" => "collapsed onto positions".into(),
        "undecided" => "left collapse undecided".into(),
        other => unknown("collapse", other),
    };
    vec![minimises, converges, collapses]
}

/// "kNN accuracy on the test part after the last step: ema 94.1 %, …"
fn accuracies(report: &Report) -> Option<String> {
    let mut parts: Vec<String> = report
        .names()
        .into_iter()
        .filter_map(|name| Some((name, knn_range(report, name)?)))
        .map(|(name, range)| {
            let mean = percent(range.mean);
            match (range.count, range.half) {
                (1, _) => format!("{name} {mean}"),
                (count, Some(half)) => format!("{name} {mean} ± {:.1} (mean of {count} seeds)", 100.0 * half),
                (count, None) => {
                    let (low, high) = (percent(range.low), percent(range.high));
                    format!("{name} {mean} (mean of {count} seeds, {low} to {high})")
                }
            }
        })
        .collect();
    if parts.is_empty() {
        return None;
    }
    if !report.has_one_source() {
        // Every source has baselines of its own: they stand in the table.
        return Some(format!("kNN accuracy on the test part after the last step: {}.", parts.join(", ")));
    }
    for (what, pick) in BASELINES {
        let values: Vec<f64> = report.runs.iter().filter_map(|run| baseline(pick(run), "knn", "test")).collect();
        parts.extend(Range::of(&values).map(|range| format!("{what} {}", percent(range.mean))));
    }
    Some(format!("kNN accuracy on the test part after the last step: {}.", parts.join(", ")))
}

/// Which configurations are better, worse or not to be told apart from a baseline.
fn against(report: &Report, what: &str, pick: impl Fn(&RunRecord) -> &Vec<ProbeResult>) -> Option<String> {
    let (mut better, mut worse, mut alike) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts: Vec<usize> = Vec::new();
    for name in report.names() {
        let others: Vec<f64> = report.runs_named(name).filter_map(|run| baseline(pick(run), "knn", "test")).collect();
        let (Some(own), Some(other)) = (knn_range(report, name), Range::of(&others)) else { continue };
        let Some(count) = report.runs_named(name).next().and_then(|run| report.split_count(run, "test")) else {
            continue;
        };
        let difference = own.mean - other.mean;
        let error = sampling_error(own.mean, count).hypot(sampling_error(other.mean, count));
        if difference > error {
            better.push(format!("{name} ({} points)", points(difference)));
        } else if difference < -error {
            worse.push(format!("{name} ({} points)", points(difference)));
        } else {
            alike.push(name.to_string());
            counts.push(count);
        }
    }
    let mut clauses = Vec::new();
    for (runs, word) in [(better, "better"), (worse, "worse")] {
        if !runs.is_empty() {
            clauses.push(format!("{} {} {word}", listed(&runs), if runs.len() > 1 { "are" } else { "is" }));
        }
    }
    if !alike.is_empty() {
        counts.dedup();
        let tested = match counts[..] {
            [count] => format!("{} test samples", grouped(count as u64)),
            _ => "the test samples".to_owned(),
        };
        clauses.push(format!("{} cannot be told apart from it on {tested}", listed(&alike)));
    }
    if clauses.is_empty() {
        return None;
    }
    Some(format!("Against {what}: {}.", clauses.join("; ")))
}

/// Does the run with the lowest Ē at the end have the best probe? Asked only where Ē is one and the same function.
fn lowest_loss(report: &Report) -> Option<String> {
    if report.names().len() < 2 {
        return None;
    }
    if !one_objective(report) {
        return Some(
            "Ē is not compared across runs: they differ in data, views, network or objective, so it is not \
                     the same function in all of them."
                .into(),
        );
    }
    let count = report.split_count(report.runs.first()?, "test")?;
    let mut scored: Vec<(&str, f64, f64)> = Vec::new();
    for name in report.names() {
        let losses: Vec<f64> =
            report.runs_named(name).filter_map(|run| last_value(run, Column::JointObjective)).collect();
        if let (Some(loss), Some(accuracy)) = (Range::of(&losses), knn_range(report, name)) {
            scored.push((name, loss.mean, accuracy.mean));
        }
    }
    let lowest = scored.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let best = scored.iter().max_by(|a, b| a.2.total_cmp(&b.2))?;
    if scored.len() < 2 {
        return None;
    }
    let error = sampling_error(lowest.2, count).hypot(sampling_error(best.2, count));
    Some(if best.2 - lowest.2 > error {
        format!(
            "Loss and quality disagree across the runs: {} ends with the lowest Ē ({}) and {} kNN accuracy, {} has \
             the best probe ({}) at an Ē of {}.",
            lowest.0,
            number(lowest.1),
            percent(lowest.2),
            best.0,
            percent(best.2),
            number(best.1),
        )
    } else if lowest.0 == best.0 {
        format!(
            "Across the runs loss and quality agree here: {} has both the lowest Ē ({}) and the best probe.",
            lowest.0,
            number(lowest.1)
        )
    } else {
        format!(
            "The lowest Ē ({}) belongs to {}, whose probe cannot be told apart from the best.",
            number(lowest.1),
            lowest.0
        )
    })
}

/// "Within a run, Ē rose while kNN accuracy rose in …", or that it did in none.
fn rising_loss(report: &Report) -> Option<String> {
    let (mut clauses, mut looked) = (Vec::new(), false);
    for measure in [Column::JointObjective, Column::RelativeError] {
        let (mut rose, mut stood) = (Vec::new(), Vec::new());
        for run in &report.runs {
            let count = report.split_count(run, "validation");
            let Some(course) = count.and_then(|count| course(run, measure, count)) else { continue };
            looked = true;
            match course.disagreement.map(|interval| interval.loss_trend()) {
                Some(Trend::Rose) => rose.push(run),
                Some(_) => stood.push(run),
                None => {}
            }
        }
        for (runs, verb) in [(rose, "rose"), (stood, "stood still")] {
            if !runs.is_empty() {
                clauses.push(format!("{} {verb} in {}", measure_word(measure), gathered(report, &runs)));
            }
        }
    }
    if !looked {
        return None;
    }
    Some(if clauses.is_empty() {
        "Within the runs, over no interval did accuracy rise while Ē or the relative error rose or stood still.".into()
    } else {
        format!(
            "Within the runs, over an interval in which accuracy rose: {} (steps and numbers below).",
            clauses.join("; ")
        )
    })
}

/// Which questions were not asked of any run.
fn unanswered(report: &Report) -> Option<String> {
    let not_run = |pick: fn(&Verdict) -> &Finding| {
        !report.runs.is_empty() && report.runs.iter().all(|run| pick(&run.verdict).answer == "not run")
    };
    let conservative =
        not_run(|verdict| &verdict.conservative).then(|| "whether the field is conservative".to_string());
    let stable = not_run(|verdict| &verdict.stable).then(|| "whether the end is stable".to_string());
    let open: Vec<String> = conservative.into_iter().chain(stable).collect();
    if open.is_empty() { None } else { Some(format!("Not examined: {}.", listed(&open))) }
}

/// Final kNN accuracy on the test part over the seeds of a configuration.
fn knn_range(report: &Report, name: &str) -> Option<Range> {
    Range::of(&report.runs_named(name).filter_map(|run| final_knn(&run.probes)).collect::<Vec<_>>())
}

/// Whether Ē is the same function of the same kind of parameters in all runs.
fn one_objective(report: &Report) -> bool {
    report.runs.windows(2).all(|pair| {
        let (a, b) = (&pair[0].config, &pair[1].config);
        let alike = a.objective == b.objective && a.network == b.network && a.views == b.views && a.source == b.source;
        alike && a.split == b.split && report.source_of(&pair[0]) == report.source_of(&pair[1])
    })
}

/// Runs with the same key, in order of appearance.
fn grouped_by<K: PartialEq>(report: &Report, key: impl Fn(&RunRecord) -> K) -> Vec<(K, Vec<&RunRecord>)> {
    let mut groups: Vec<(K, Vec<&RunRecord>)> = Vec::new();
    for run in &report.runs {
        let own = key(run);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, runs)) => runs.push(run),
            None => groups.push((own, vec![run])),
        }
    }
    groups
}

/// Some of the runs by name, with the number of seeds where there are several: `joint, sg (3 seeds) and ema (2 of 3 seeds)`.
pub(super) fn gathered(report: &Report, runs: &[&RunRecord]) -> String {
    let names: Vec<String> = report
        .names()
        .into_iter()
        .map(|name| (name, runs.iter().filter(|run| run.name == name).count(), report.runs_named(name).count()))
        .filter(|(_, some, _)| *some > 0)
        .map(|(name, some, all)| match (some, all) {
            (_, 1) => name.to_string(),
            _ if some == all => format!("{name} ({all} seeds)"),
            _ => format!("{name} ({some} of {all} seeds)"),
        })
        .collect();
    listed(&names)
}

#[cfg(test)]
mod tests;
