//! What is drawn of runs: their lines, and the same written whole as CSV.

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
    pub(super) seed: u64,
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
            tooltip: format!("{} · seed {}", self.name, self.seed),
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

/// `run,seed,step,x,y`, without the x column where x is the step; references follow with an empty seed.
pub(super) fn csv(x_column: Option<&str>, y_column: &str, series: &[Series], references: &[Reference]) -> String {
    let mut header = vec!["run", "seed", "step"];
    header.extend(x_column);
    header.push(y_column);
    let mut rows = Vec::new();
    for line in series {
        for point in &line.points {
            let mut row = vec![line.name.clone(), line.seed.to_string(), point.step.to_string()];
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
    fn csv_reads_back_to_the_same_bits() {
        let values = [0.1 + 0.2, 1e-310, f64::NAN, f64::INFINITY, -0.0];
        let points = values.iter().enumerate().map(|(step, y)| Point { step: step as u64, x: step as f64, y: *y });
        let series = Series { name: "a, \"b\"".into(), seed: 3, slot: 0, light: false, points: points.collect() };
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
