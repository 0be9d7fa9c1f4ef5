//! Several seeds: what their mean is worth, and how two configurations differ seed by seed.

use std::fmt::Write;

use stopgrad_dynamics::statistics::mean_interval;

use super::Report;
use super::record::{ProbeResult, RunRecord};
use crate::markup::{escape, points};

/// From so many seeds on an interval is given; of two, both values say more.
pub(super) const FEWEST: usize = 3;
/// Up to so many configurations each is compared with each; beyond, each with the first.
const ALL_PAIRS: usize = 4;

/// What stands below tables that have means over seeds.
pub(super) const NOTE: &str = "Several seeds: the mean, and ± half the 95 % interval of the mean by Student's t with one degree of freedom less \
                               than seeds; of two seeds both values. The interval is about the choice of seed alone, \
                               which draws weights, batches and views, and takes seeds as independent and roughly normal.";

/// Half the 95 % interval of the mean by Student's t; none of fewer than three values or where one is not finite.
pub(super) fn half_interval(values: &[f64]) -> Option<f64> {
    if values.len() < FEWEST || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let interval = mean_interval(values);
    Some(interval.high - interval.estimate)
}

/// Two configurations under the seeds that both have.
struct Pair<'a> {
    first: &'a str,
    second: &'a str,
    runs: Vec<(&'a RunRecord, &'a RunRecord)>,
}

/// The section: differences of test accuracies by seed; none where no two configurations share two seeds.
pub(super) fn section(report: &Report) -> Option<String> {
    let pairs = pairs(report);
    if pairs.is_empty() {
        return None;
    }
    let kinds: Vec<&str> = ["knn", "linear"]
        .into_iter()
        .filter(|kind| pairs.iter().any(|pair| differences(pair, kind).is_some()))
        .collect();
    if kinds.is_empty() {
        return None;
    }
    let mut html =
        String::from("<div class=\"wide\"><table class=\"plain fit\">\n<thead><tr><th scope=\"col\">Difference</th>");
    for kind in &kinds {
        let name = if *kind == "knn" { "kNN" } else { "linear" };
        let _ =
            write!(html, "<th scope=\"col\" class=\"n\">{name}, test<br><span class=\"quiet\">last step</span></th>");
    }
    html.push_str("<th scope=\"col\">Seeds</th></tr></thead>\n<tbody>\n");
    for pair in &pairs {
        let _ = write!(html, "<tr><td>{} − {}</td>", escape(pair.first), escape(pair.second));
        for kind in &kinds {
            html.push_str(&cell(differences(pair, kind)));
        }
        let seeds: Vec<String> = pair.runs.iter().map(|(run, _)| run.config.training.seed.to_string()).collect();
        let start = if pair.runs.iter().all(|(a, b)| {
            a.initial_weights_sha256 == b.initial_weights_sha256 && a.data_order_sha256 == b.data_order_sha256
        }) {
            ""
        } else {
            "<br><span class=\"quiet\">starts or batches differ</span>"
        };
        let _ = writeln!(html, "<td>{}{start}</td></tr>", seeds.join(", "));
    }
    let _ = writeln!(
        html,
        "</tbody>\n</table></div>\n<p class=\"note\">Percentage points, of runs under one seed, which share initial weights and \
         batches unless it says otherwise: what the seeds have in common drops out. Mean, ± half its 95 % interval by \
         Student's t over the seeds, and the difference of each seed; of two seeds the differences alone. In gray where \
         the interval holds 0, or there is none.</p>"
    );
    Some(html)
}

fn pairs(report: &Report) -> Vec<Pair<'_>> {
    let names = report.names();
    let mut pairs = Vec::new();
    for (place, second) in names.iter().enumerate() {
        for first in &names[place + 1..] {
            if names.len() > ALL_PAIRS && place > 0 {
                continue;
            }
            let own = |run: &RunRecord| run.config.training.seed;
            let shared = report.runs_named(first).filter_map(|run| {
                let other = report.runs_named(second).find(|other| own(other) == own(run))?;
                (report.source_of(run) == report.source_of(other)).then_some((run, other))
            });
            let runs: Vec<_> = shared.collect();
            if runs.len() > 1 {
                pairs.push(Pair { first, second, runs });
            }
        }
    }
    pairs
}

/// Of each seed; none where a run was not probed at its last step.
fn differences(pair: &Pair, kind: &str) -> Option<Vec<f64>> {
    let accuracy = |run: &RunRecord| {
        let last = |probe: &&ProbeResult| {
            probe.kind == kind && probe.split == "test" && probe.at == "last" && probe.place == "encoder"
        };
        run.probes.iter().find(last).map(|probe| probe.accuracy)
    };
    pair.runs.iter().map(|(a, b)| Some(accuracy(a)? - accuracy(b)?)).collect()
}

fn cell(differences: Option<Vec<f64>>) -> String {
    let Some(values) = differences else { return "<td class=\"n quiet\">–</td>".into() };
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let half = half_interval(&values);
    let clear = half.is_some_and(|half| mean.abs() > half);
    let each: Vec<String> = values.iter().map(|value| points(*value)).collect();
    format!(
        "<td class=\"n{}\">{}{}<br><span class=\"quiet\">{}</span></td>",
        if clear { "" } else { " within" },
        points(mean),
        half.map_or_else(String::new, |half| format!(" ± {:.1}", half * 100.0)),
        each.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn half_an_interval_is_that_of_student() {
        // t(0.975, 2) = 4.3027; standard error of 1, 2, 3 is 1/√3.
        let half = half_interval(&[1.0, 2.0, 3.0]).unwrap();
        assert!((half - 4.302_652_73 / 3.0_f64.sqrt()).abs() < 1e-6, "{half}");
        assert_eq!(half_interval(&[1.0, 2.0]), None);
        assert_eq!(half_interval(&[1.0, 2.0, f64::NAN]), None);
    }

    #[test]
    fn differences_are_taken_seed_by_seed() {
        let mut report = fixture::report(3);
        for run in &mut report.runs {
            let seed = run.config.training.seed as f64;
            let base = if run.name == "sg" { 0.5 } else { 0.3 };
            for probe in &mut run.probes {
                probe.accuracy = base + 0.1 * seed;
            }
        }
        let html = section(&report).unwrap();
        // The seeds move both by as much: every difference is 20 points.
        assert!(
            html.contains(
                "<td>sg − joint</td><td class=\"n\">+20.0 ± 0.0<br><span class=\"quiet\">+20.0, +20.0, +20.0"
            ),
            "{html}"
        );
        assert!(html.contains("<td>ema − joint</td><td class=\"n within\">0.0 ± 0.0"), "{html}");
        assert_eq!(html.matches("<td>0, 1, 2</td>").count(), 3);
        report.runs[0].initial_weights_sha256 = "other".into();
        assert_eq!(section(&report).unwrap().matches("starts or batches differ").count(), 2);
    }

    #[test]
    fn one_seed_and_other_data_have_no_differences() {
        assert_eq!(section(&fixture::report(1)), None);
        let two = section(&fixture::report(2)).unwrap();
        assert!(!two.contains("± 0") && two.contains("within"), "{two}");
    }
}
