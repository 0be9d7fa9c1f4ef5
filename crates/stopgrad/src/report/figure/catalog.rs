//! From the table of figures and a report to the figures: which lines each has, and where it has none.

use super::super::probes::{Range, baseline};
use super::super::record::{Column, ProbeResult, RunRecord};
use super::super::{Report, history};
use super::entries::{ACCURACY, Content, ENTRIES, Entry, INDEX, STEP};
use super::series::{Point, Series, csv, with_means};
use super::{Figure, slot};
use crate::plot::{Axis, Chart, Drawing, LineChart, Picture, Reference, Spacing, Words};

/// Every figure for which there is something to draw.
pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let close = without_collapsed(report);
    ENTRIES.iter().filter_map(|entry| figure(if entry.close { close.as_ref()? } else { report }, entry)).collect()
}

/// A collapsed run spans decades that hide all others: the report with nothing measured of those, where both kinds are
/// there. The runs stay, so that the others keep their colors.
fn without_collapsed(report: &Report) -> Option<Report> {
    let collapsed = |run: &RunRecord| run.verdict.collapses.answer == "complete";
    let count = report.runs.iter().filter(|run| collapsed(run)).count();
    if count == 0 || count == report.runs.len() {
        return None;
    }
    let mut close = report.clone();
    close.runs.iter_mut().filter(|run| collapsed(run)).for_each(|run| run.metrics.clear());
    Some(close)
}

/// One figure; none where no line has a point.
fn figure(report: &Report, entry: &Entry) -> Option<Figure> {
    let logarithmic = entry.axis.spacing == Spacing::Log;
    let over_steps = |columns: (Option<&str>, &str), series: Vec<Series>| {
        let series = with_means(series, logarithmic);
        finish(entry, [STEP, entry.axis], Words::Margin, columns, &series, Vec::new())
    };
    match entry.content {
        Content::Column(column) => {
            over_steps((None, column.name()), lines(report, |run| drawable(history(run, column).into_iter())))
        }
        Content::PerRate(column) => {
            let name = format!("{}_over_learning_rate", column.name());
            over_steps((None, &name), lines(report, |run| drawable(per_rate(run, column))))
        }
        Content::Spectrum(place) => {
            let series = spectra(report, place);
            finish(entry, [INDEX, entry.axis], Words::Margin, (Some("index"), "eigenvalue"), &series, Vec::new())
        }
        Content::Probe(column, kind) => {
            let series = with_means(lines(report, |run| measured(run, column, |step| step as f64)), false);
            let beside = references(report, kind);
            finish(entry, [STEP, ACCURACY], Words::Margin, (None, column.name()), &series, beside)
        }
        Content::Path(loss) => path(report, entry, entry.axis, loss),
    }
}

/// Accuracy against a loss: kNN where it was measured, the linear probe otherwise.
fn path(report: &Report, entry: &Entry, x: Axis, loss: Column) -> Option<Figure> {
    let knn = report.runs.iter().any(|run| run.metrics.iter().any(|row| row.get(Column::KnnAccuracy).is_some()));
    let (probe, kind) = if knn { (Column::KnnAccuracy, "knn") } else { (Column::LinearAccuracy, "linear") };
    let series = lines(report, |run| {
        let losses: Vec<(u64, f64)> = history(run, loss);
        let at = |step| losses.iter().find(|(own, _)| *own == step).map_or(f64::NAN, |(_, value)| *value);
        measured(run, probe, at)
    });
    let columns = (Some(loss.name()), probe.name());
    finish(entry, [x, ACCURACY], Words::Ends, columns, &series, references(report, kind))
}

/// Step length over learning rate: what is left of the field after the optimizer.
fn per_rate(run: &RunRecord, column: Column) -> impl Iterator<Item = (u64, f64)> {
    let rates = history(run, Column::LearningRate);
    history(run, column).into_iter().zip(rates).map(|((step, length), (_, rate))| (step, length / rate))
}

/// First and last spectrum of each run, the first ones below.
fn spectra(report: &Report, place: &str) -> Vec<Series> {
    let mut series = Vec::new();
    for run in &report.runs {
        let here = || run.spectra.iter().filter(|spectrum| spectrum.place == place);
        let Some(first) = here().min_by_key(|spectrum| spectrum.step) else { continue };
        let Some(last) = here().max_by_key(|spectrum| spectrum.step) else { continue };
        let states = [(first, true), (last, false)];
        for (spectrum, light) in states.into_iter().filter(|(spectrum, light)| !light || spectrum.step < last.step) {
            let values = spectrum.eigenvalues.iter().enumerate();
            let points = values.map(|(index, value)| Point { step: spectrum.step, x: (index + 1) as f64, y: *value });
            series.push(Series { light, ..line(report, run, points.collect()) });
        }
    }
    series.sort_by_key(|line| !line.light);
    series
}

/// The points of a probe column, which is empty in most rows: the line goes from one measurement to the next.
fn measured(run: &RunRecord, column: Column, x: impl Fn(u64) -> f64) -> Vec<Point> {
    let values = history(run, column).into_iter().filter(|(_, y)| !y.is_nan());
    values.map(|(step, y)| Point { step, x: x(step), y }).collect()
}

/// A history as points; no points at all where none can be drawn, so that the run is left out of the figure.
fn drawable(history: impl Iterator<Item = (u64, f64)>) -> Vec<Point> {
    let points: Vec<Point> = history.map(|(step, y)| Point { step, x: step as f64, y }).collect();
    if points.iter().any(|point| point.y.is_finite()) { points } else { Vec::new() }
}

fn lines(report: &Report, points: impl Fn(&RunRecord) -> Vec<Point>) -> Vec<Series> {
    report.runs.iter().map(|run| line(report, run, points(run))).filter(|line| !line.points.is_empty()).collect()
}

fn line(report: &Report, run: &RunRecord, points: Vec<Point>) -> Series {
    let slot = slot(report, &run.name);
    Series { name: run.name.clone(), seed: Some(run.config.training.seed), slot, light: false, points }
}

/// Baselines on the part on which probes are run over the steps; none where runs saw different sources.
fn references(report: &Report, kind: &str) -> Vec<Reference> {
    if !report.has_one_source() {
        return Vec::new();
    }
    let named = |name: &str, pick: fn(&RunRecord) -> &Vec<ProbeResult>| {
        let own = |run: &RunRecord| baseline(pick(run), kind, "validation");
        let values: Vec<f64> = report.runs.iter().filter_map(own).collect();
        Range::of(&values).map(|range| Reference { name: name.into(), y: range.mean })
    };
    let untrained = named("untrained", |run| &run.baselines.untrained);
    untrained.into_iter().chain(named("raw input", |run| &run.baselines.raw)).collect()
}

/// Draw and describe; nothing where no line has a point. `columns` name x (unless it is the step) and y in the CSV.
fn finish(
    entry: &Entry, [x, y]: [Axis; 2], words: Words, columns: (Option<&str>, &str), series: &[Series],
    references: Vec<Reference>,
) -> Option<Figure> {
    if !series.iter().any(Series::is_drawable) {
        return None;
    }
    let csv = csv(columns.0, columns.1, series, &references);
    let lines = series.iter().map(Series::line).collect();
    let columns = [columns.0.unwrap_or("step"), columns.1];
    let Drawing { svg, note } = LineChart { words, references, ..LineChart::new(x, y, columns, lines) }.draw();
    let caption = note.map_or_else(|| entry.caption.to_string(), |note| format!("{} {note}", entry.caption));
    let picture = Picture { id: entry.id.into(), title: entry.title.into(), caption, svg, csv };
    Some(Figure { group: entry.group, picture })
}
