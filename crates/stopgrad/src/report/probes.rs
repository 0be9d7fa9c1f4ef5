//! Probe accuracies: how to find one, how far sampling alone could move it, and the table of all of them.

use std::fmt::Write;

use super::record::{ProbeResult, RunRecord};
use super::{Report, seeds};
use crate::markup;
use crate::markup::{escape, percent, prose};

/// Where the probes of something untrained are found.
type ProbesOf = fn(&RunRecord) -> &[ProbeResult];

/// What a run is compared with, in words.
pub(crate) const BASELINES: [(&str, ProbesOf); 2] =
    [("untrained encoder", |run| &run.baselines.untrained), ("raw input", |run| &run.baselines.raw)];

/// Two standard errors of an accuracy measured on `count` samples.
///
/// 2 √(p̃ (1 − p̃) / (n + 4)) with p̃ = (n p + 2) / (n + 4), which does not shrink to nothing at 0 and 1.
///
/// # Source      Agresti & Coull 1998
pub(super) fn sampling_error(accuracy: f64, count: usize) -> f64 {
    let count = count as f64;
    let shrunk = (count * accuracy + 2.0) / (count + 4.0);
    2.0 * (shrunk * (1.0 - shrunk) / (count + 4.0)).max(0.0).sqrt()
}

/// kNN accuracy of the student encoder at the last step on the test part.
pub(super) fn final_knn(probes: &[ProbeResult]) -> Option<f64> {
    probes
        .iter()
        .find(|probe| probe.kind == "knn" && probe.split == "test" && probe.at == "last" && probe.place == "encoder")
        .map(|probe| probe.accuracy)
}

/// Accuracy of a baseline by kind and part; a baseline has one state, so `at` does not matter.
pub(super) fn baseline(probes: &[ProbeResult], kind: &str, split: &str) -> Option<f64> {
    probes.iter().find(|probe| probe.kind == kind && probe.split == split).map(|probe| probe.accuracy)
}

/// Mean, smallest and largest of some numbers, and what the mean is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) count: usize,
    /// Half the 95 % interval of the mean, from three numbers on.
    pub(super) half: Option<f64>,
}

impl Range {
    /// None of an empty list or one with a value that is not finite.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let count = values.len();
        Some(Self {
            mean: values.iter().sum::<f64>() / count as f64,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            count,
            half: seeds::half_interval(values),
        })
    }
}

/// What a column of the table holds.
#[derive(Debug, Clone, PartialEq)]
struct Measurement {
    kind: String,
    at: String,
    split: String,
    settings: String,
}

impl Measurement {
    fn of(probe: &ProbeResult) -> Self {
        let mut settings = Vec::new();
        settings.extend(probe.k.map(|k| format!("k = {k}")));
        settings.extend(probe.temperature.map(|t| format!("T = {t}")));
        Self {
            kind: probe.kind.clone(),
            at: probe.at.clone(),
            split: probe.split.clone(),
            settings: settings.join(", "),
        }
    }

    fn order(&self) -> (u8, &str, &str, u8, &str, u8) {
        let kind = match self.kind.as_str() {
            "knn" => 0,
            "linear" => 1,
            _ => 2,
        };
        let at = match self.at.as_str() {
            "last" => 0,
            "validation" => 1,
            _ => 2,
        };
        (kind, &self.kind, &self.settings, at, &self.at, u8::from(self.split != "test"))
    }

    fn family(&self) -> String {
        let kind = match self.kind.as_str() {
            "knn" => "kNN",
            "linear" => "Linear probe",
            other => other,
        };
        if self.settings.is_empty() { kind.to_string() } else { format!("{kind} ({})", self.settings) }
    }

    fn when(&self) -> &str {
        match self.at.as_str() {
            "last" => "last step",
            "validation" => "step chosen by validation",
            "label_free" => "step chosen without labels",
            other => other,
        }
    }
}

/// One row: whose, where, and the probes of every seed.
struct Row<'a> {
    name: String,
    place: String,
    baseline: bool,
    probes: Vec<&'a ProbeResult>,
}

/// Every probe of every run: a table a kind of probe.
pub(super) fn tables(report: &Report) -> String {
    let rows = rows(report);
    let mut columns: Vec<Measurement> = Vec::new();
    for probe in rows.iter().filter(|row| !row.baseline).flat_map(|row| &row.probes) {
        let column = Measurement::of(probe);
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return "<p class=\"none\">No probe was run: the source has no labels, or none was asked for.</p>".into();
    }
    columns.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut html = String::new();
    for family in columns.chunk_by(|a, b| a.family() == b.family()) {
        table(&mut html, &rows, family);
    }
    if report.runs.len() > report.names().len() {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", prose(seeds::NOTE));
    }
    html
}

/// One kind of probe: a row a configuration and place, seeds as mean and range, baselines below.
fn table(html: &mut String, rows: &[Row<'_>], columns: &[Measurement]) {
    let _ = write!(html, "<h3>{}</h3>\n<div class=\"wide\"><table class=\"probes\">\n", escape(&columns[0].family()));
    head(html, columns);
    html.push_str("<tbody>\n");
    for (place, row) in rows.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| &rows[place]);
        if row.baseline && before.is_some_and(|before| !before.baseline) {
            html.push_str("</tbody>\n<tbody class=\"baselines\">\n");
        }
        let again = if before.is_some_and(|before| before.name == row.name) { " class=\"again\"" } else { "" };
        let _ = write!(
            html,
            "<tr><th scope=\"row\"{again}>{}</th><td>{}</td>",
            escape(&row.name),
            escape(&row.place.replace('_', " "))
        );
        for column in columns {
            html.push_str(&cell(row, column));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
}

/// Two rows of headings: the step, and below it the part.
fn head(html: &mut String, columns: &[Measurement]) {
    html.push_str(
        "<thead>\n<tr><th scope=\"col\" rowspan=\"2\">Run</th><th scope=\"col\" rowspan=\"2\">Features of</th>",
    );
    for step in columns.chunk_by(|a, b| a.at == b.at) {
        let (count, when) = (step.len(), escape(step[0].when()));
        let _ = write!(html, "<th scope=\"colgroup\" class=\"family\" colspan=\"{count}\"><span>{when}</span></th>");
    }
    html.push_str("</tr>\n<tr>");
    for column in columns {
        let _ = write!(html, "<th scope=\"col\" class=\"n\">{}</th>", escape(&column.split));
    }
    html.push_str("</tr>\n</thead>\n");
}

/// Runs by configuration and place, then the untrained encoders, then the raw input.
fn rows(report: &Report) -> Vec<Row<'_>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: &str, baseline: bool, probe| match rows
        .iter_mut()
        .find(|row: &&mut Row| row.name == name && row.baseline == baseline && row.place == place_of(probe))
    {
        Some(row) => row.probes.push(probe),
        None => rows.push(Row { name: name.into(), place: place_of(probe).into(), baseline, probes: vec![probe] }),
    };
    for run in &report.runs {
        run.probes.iter().for_each(|probe| add(&run.name, false, probe));
    }
    for run in &report.runs {
        let name = report.baseline_name("untrained", run);
        run.baselines.untrained.iter().for_each(|probe| add(&name, true, probe));
    }
    let mut told: Vec<String> = Vec::new();
    for run in &report.runs {
        // The same for all runs on a source.
        let name = report.baseline_name("raw input", run);
        if !told.contains(&name) {
            run.baselines.raw.iter().for_each(|probe| add(&name, true, probe));
            told.push(name);
        }
    }
    rows
}

fn place_of(probe: &ProbeResult) -> &str {
    &probe.place
}

fn cell(row: &Row, column: &Measurement) -> String {
    let here: Vec<&ProbeResult> = row
        .probes
        .iter()
        .copied()
        .filter(|probe| {
            let other = Measurement::of(probe);
            let same_state = if row.baseline { column.at == "last" } else { other.at == column.at };
            other.kind == column.kind && other.split == column.split && other.settings == column.settings && same_state
        })
        .collect();
    let values: Vec<f64> = here.iter().map(|probe| probe.accuracy).collect();
    let Some(range) = Range::of(&values) else { return "<td class=\"n quiet\">–</td>".into() };
    let mut under = Vec::new();
    if let Some(half) = range.half.filter(|_| !row.baseline || range.high > range.low) {
        under.push(format!("± {:.1}", half * 100.0));
    } else if range.high > range.low {
        under.push(format!("{:.1}–{:.1}", range.low * 100.0, range.high * 100.0));
    }
    if !row.baseline && column.at != "last" {
        let steps: Vec<u64> = here.iter().map(|probe| probe.step).collect();
        if let (Some(low), Some(high)) = (steps.iter().min(), steps.iter().max()) {
            let low_text = markup::grouped(*low);
            under.push(if low == high {
                format!("step {low_text}")
            } else {
                format!("steps {low_text}–{}", markup::grouped(*high))
            });
        }
    }
    let second = if under.is_empty() {
        String::new()
    } else {
        format!("<br><span class=\"quiet\">{}</span>", under.join("<br>"))
    };
    format!("<td class=\"n\">{}{second}</td>", percent(range.mean))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn sampling_error_is_two_binomial_standard_errors_and_positive_at_the_ends() {
        assert!((sampling_error(0.5, 400) - 0.05).abs() < 5e-4);
        assert!(sampling_error(1.0, 100) > 0.01 && sampling_error(0.0, 100) > 0.01);
    }

    #[test]
    fn three_seeds_become_mean_and_interval_and_two_both_values() {
        for seeds in [2, 3] {
            let html = tables(&fixture::report(seeds));
            assert_eq!(html.matches("<tr><th scope=\"row\">sg</th>").count(), html.matches("<table").count());
            let report = fixture::report(seeds);
            let values: Vec<f64> = report.runs_named("sg").filter_map(|run| final_knn(&run.probes)).collect();
            let range = Range::of(&values).unwrap();
            assert!(html.contains(&percent(range.mean)) && html.contains("Student"));
            let both = format!("{:.1}–{:.1}", range.low * 100.0, range.high * 100.0);
            let interval = super::seeds::half_interval(&values).map(|half| format!("± {:.1}<", half * 100.0));
            assert!(html.contains(interval.as_ref().unwrap_or(&both)), "{html}");
            assert_eq!(html.contains(&both), interval.is_none());
        }
        assert!(!tables(&fixture::report(1)).contains("Student"));
    }

    #[test]
    fn validation_choice_shows_its_step_and_baselines_stand_below() {
        let html = tables(&fixture::report(1));
        assert!(html.contains("step chosen by validation"));
        assert!(html.contains("step 3200"));
        assert!(html.find("untrained").unwrap() < html.find("raw input").unwrap());
    }

    #[test]
    fn a_report_without_labels_says_so() {
        let mut report = fixture::report(1);
        for run in &mut report.runs {
            run.probes.clear();
        }
        assert!(tables(&report).contains("No probe was run"));
    }

    #[test]
    fn every_source_has_baselines_of_its_own() {
        use super::super::{Origin, SourceSummary};
        let mut report = fixture::report(1);
        let source = SourceSummary { name: "<other>".into(), ..report.source.clone() };
        report.origins = vec![Origin { name: "ema".into(), seed: 0, source, inputs: Vec::new() }];
        let html = tables(&report);
        for name in
            ["untrained, UCI digits", "untrained, &lt;other&gt;", "raw input, UCI digits", "raw input, &lt;other&gt;"]
        {
            assert_eq!(html.matches(&format!(">{name}</th>")).count(), html.matches("<table").count(), "{name}");
        }
        let figures = report.figures();
        let knn = figures.iter().find(|figure| figure.picture.id == "knn-accuracy").unwrap();
        assert!(!knn.picture.svg.contains("untrained"), "one line cannot stand for two sources");
    }

    #[test]
    fn ranges_refuse_nothing_and_not_a_number() {
        assert_eq!(Range::of(&[]), None);
        assert_eq!(Range::of(&[0.5, f64::NAN]), None);
    }
}
