//! A diagnosis on one page: the answer in words, then the evidence, then pictures.

use std::path::PathBuf;

use serde_json::Value;
use stopgrad_dynamics::collapse::Spread;
use stopgrad_dynamics::diagnosis::Diagnosis;

use super::words::{HEADER, TREND, findings, rows, trend_rows};
use crate::lab::page::{Column, Page, Table};
use crate::plot::{Axis, Line, LineChart, Picture};

/// Color of the reference in every picture.
const REFERENCE: usize = 5;
/// Smaller shares of the variance are drawn as this: rounding in single precision.
const LEAST: f64 = 1e-9;

/// Everything there is to say.
pub(super) fn page(judged: &Diagnosis, trend: &[Value], files: &[PathBuf]) -> Page {
    let name = files.last().map(|file| file.display().to_string()).unwrap_or_default();
    let mut tables = vec![table(
        "Where",
        "Alive: directions with at least a hundredth of an equal share of the variance. Std of z/|z| is read against 1/√d. \
         Effective rank ± two standard errors.",
        &HEADER,
        rows(judged),
    )];
    if trend.len() > 1 {
        tables.push(table("Checkpoints", "", &TREND, trend_rows(trend)));
    }
    let pictures = [Some(spectra(judged)), ranks(trend)].into_iter().flatten().collect();
    Page {
        title: format!("Has it collapsed? {name}"),
        findings: findings(judged, trend),
        tables,
        pictures,
        mathematics: "docs/theory.md, section 7; how often the answers are right: docs/results/calibration.md",
    }
}

fn table(title: &str, note: &str, header: &[&str], rows: Vec<Vec<String>>) -> Table {
    // Names and kinds are words, all else numbers.
    let columns =
        header.iter().enumerate().map(|(at, name)| Column { name: (*name).into(), numeric: at > 1 }).collect();
    Table { title: title.into(), note: note.into(), columns, rows }
}

fn spectra(judged: &Diagnosis) -> Picture {
    let line = |name: &str, slot: usize, spread: &Spread| {
        let total = spread.summary.total_variance;
        let share = |value: &f64| if total > 0.0 { (value / total).max(LEAST) } else { LEAST };
        let shares = spread.summary.eigenvalues.iter().map(share).enumerate();
        Line::new(name, slot, shares.map(|(at, share)| [(at + 1) as f64, share]).collect())
    };
    let reference = judged.places.iter().find_map(|place| place.reference.as_ref());
    let mut lines: Vec<Line> = reference.map(|spread| line("reference", REFERENCE, spread)).into_iter().collect();
    lines.extend(judged.places.iter().enumerate().map(|(slot, place)| line(place.place.name(), slot, &place.end)));
    let chart =
        LineChart::new(Axis::linear("direction"), Axis::log("share of the variance"), ["index", "share"], lines);
    Picture::of(
        "spectra",
        "How the variance is spread over directions",
        "Eigenvalues of the covariance across samples, largest first, as shares of their sum. A cliff is where directions were \
         lost, or where the samples end. Shares below 10⁻⁹ are drawn there.",
        &chart,
    )
}

fn ranks(trend: &[Value]) -> Option<Picture> {
    let line = |name: &str, slot: usize, key: &str| {
        let value = |step: &Value| step[key].as_f64().unwrap_or(f64::NAN);
        Line::new(name, slot, trend.iter().enumerate().map(|(at, step)| [(at + 1) as f64, value(step)]).collect())
    };
    (trend.len() > 1).then(|| {
        let lines = vec![line("alive", 1, "alive"), line("effective rank", 0, "effective_rank")];
        let chart =
            LineChart::new(Axis::linear("checkpoint"), Axis::linear("directions"), ["checkpoint", "directions"], lines);
        Picture::of(
            "checkpoints",
            "Directions over the checkpoints",
            "Live directions and effective rank of the encoder, in the order in which the files were given.",
            &chart,
        )
    })
}
