//! What is drawn of runs: their lines, and the same written whole as CSV.

use std::collections::BTreeMap;

use crate::plot::csv::{table, value};
use crate::plot::{Line, Reference};

/// A point; NaN in either coordinate breaks the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) step: u64,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// One line: a run, or one state of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Name of the configuration; lines with one name share colour, dash and label.
    pub(super) name: String,
    /// None: the mean over the seeds.
    pub(super) seed: Option<u64>,
    pub(super) slot: usize,
    /// Drawn in light, without a label: the state before.
    pub(super) light: bool,
    pub(super) points: Vec<Point>,
}

impl Series {
    /// As it is drawn.
    pub(super) fn line(&self) -> Line {
        Line {
            name: self.name.clone(),
            tooltip: format!(
                "{} · {}",
                self.name,
                self.seed.map_or_else(|| "mean".into(), |seed| format!("seed {seed}"))
            ),
            slot: self.slot,
            light: self.light,
            points: self.points.iter().map(|point| [point.x, point.y]).collect(),
        }
    }

    /// Whether any point can be drawn.
    pub(super) fn is_drawable(&self) -> bool {
        self.points.iter().any(|point| point.x.is_finite() && point.y.is_finite())
    }
}

/// Where a configuration has several seeds, their lines in light and their mean on top, at the steps at which all have a
/// value: the arithmetic mean, or the geometric one for a logarithmic scale (a value of 0 or less breaks it there).
///
/// # Requires    lines against the step
pub(super) fn with_means(mut lines: Vec<Series>, logarithmic: bool) -> Vec<Series> {
    let mut means: Vec<Series> = Vec::new();
    let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
    for (place, name) in names.iter().enumerate() {
        let count = names.iter().filter(|other| *other == name).count();
        if count < 2 || names[..place].contains(name) {
            continue;
        }
        let mut values: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for line in lines.iter_mut().filter(|line| line.name == *name) {
            line.light = true;
            for point in &line.points {
                values.entry(point.step).or_default().push(point.y);
            }
        }
        let mean = |values: &[f64]| {
            let all = values.len() as f64;
            if logarithmic {
                (values.iter().map(|value| value.ln()).sum::<f64>() / all).exp()
            } else {
                values.iter().sum::<f64>() / all
            }
        };
        let shared = values.into_iter().filter(|(_, values)| values.len() == count);
        let points: Vec<Point> =
            shared.map(|(step, values)| Point { step, x: step as f64, y: mean(&values) }).collect();
        let slot = lines[place].slot;
        means.push(Series { name: name.clone(), seed: None, slot, light: false, points });
    }
    lines.extend(means);
    lines
}

/// `run,seed,step,x,y`, without the x column where x is the step; the seed of a mean is `mean`, and references follow with an
/// empty one.
pub(super) fn csv(x_column: Option<&str>, y_column: &str, series: &[Series], references: &[Reference]) -> String {
    let mut header = vec!["run", "seed", "step"];
    header.extend(x_column);
    header.push(y_column);
    let mut rows = Vec::new();
    for line in series {
        for point in &line.points {
            let mut row = vec![
                line.name.clone(),
                line.seed.map_or_else(|| "mean".into(), |seed| seed.to_string()),
                point.step.to_string(),
            ];
            row.extend(x_column.map(|_| value(point.x)));
            row.push(value(point.y));
            rows.push(row);
        }
    }
    for reference in references {
        let mut row = vec![reference.name.clone(), String::new(), String::new()];
        row.extend(x_column.map(|_| String::new()));
        row.push(value(reference.y));
        rows.push(row);
    }
    table(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_stands_where_all_seeds_have_a_value() {
        let line = |seed: u64, values: &[f64]| Series {
            name: "sg".into(),
            seed: Some(seed),
            slot: 1,
            light: false,
            points: values.iter().zip(0..).map(|(y, step)| Point { step, x: step as f64, y: *y }).collect(),
        };
        let alone = Series { name: "joint".into(), ..line(0, &[1.0]) };
        let lines = vec![line(0, &[1.0, 4.0, 2.0]), alone.clone(), line(1, &[4.0, 1.0])];
        let read = |logarithmic| {
            let all = with_means(lines.clone(), logarithmic);
            assert_eq!((all.len(), all[0].light, all[1].light, all[2].light), (4, true, false, true));
            assert_eq!((all[3].seed, all[3].light, &*all[3].name), (None, false, "sg"));
            all[3].points.iter().map(|point| point.y).collect::<Vec<f64>>()
        };
        assert_eq!(read(false), [2.5, 2.5]);
        assert!(read(true).iter().all(|mean| (mean - 2.0).abs() < 1e-12));
        assert_eq!(with_means(vec![alone.clone()], true), [alone]);
    }

    #[test]
    fn csv_reads_back_to_the_same_bits() {
        let values = [0.1 + 0.2, 1e-310, f64::NAN, f64::INFINITY, -0.0];
        let points = values.iter().enumerate().map(|(step, y)| Point { step: step as u64, x: step as f64, y: *y });
        let series = Series { name: "a, \"b\"".into(), seed: Some(3), slot: 0, light: false, points: points.collect() };
        let text = csv(None, "y", std::slice::from_ref(&series), &[Reference { name: "raw".into(), y: 0.5 }]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), &csv::StringRecord::from(vec!["run", "seed", "step", "y"]));
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 6);
        for (row, point) in rows.iter().zip(&series.points) {
            assert_eq!(&row[0], "a, \"b\"");
            let read = if row[3].is_empty() { f64::NAN } else { row[3].parse().unwrap() };
            assert!(read.to_bits() == point.y.to_bits() || (read.is_nan() && point.y.is_nan()));
        }
        assert_eq!(&rows[5][0], "raw");
    }
}
