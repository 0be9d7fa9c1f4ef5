//! What is drawn: lines of points, thinned for drawing, written whole as CSV.

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

/// A value to compare with, drawn as a dotted horizontal line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) y: f64,
}

impl Point {
    fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

impl Series {
    /// The last point that can be drawn.
    pub(super) fn last(&self) -> Option<&Point> {
        self.points.iter().rev().find(|point| point.is_finite())
    }
}

/// At most `limit` points (4 or more) that look like all of them.
///
/// Buckets of equal length give their lowest and highest point, in order; a bucket with a hole gives the hole and its last
/// finite point; both ends stay.
pub(super) fn thinned(points: &[Point], limit: usize) -> Vec<Point> {
    let [first, inner @ .., last] = points else { return points.to_vec() };
    if points.len() <= limit {
        return points.to_vec();
    }
    let buckets = (limit - 2) / 2;
    let mut kept = vec![*first];
    for bucket in inner.chunks(inner.len().div_ceil(buckets)) {
        if let Some(hole) = bucket.iter().find(|point| !point.is_finite()) {
            let finite = bucket.iter().rev().find(|point| point.is_finite());
            kept.extend(finite.filter(|point| point.step < hole.step));
            kept.push(*hole);
            kept.extend(finite.filter(|point| point.step >= hole.step));
            continue;
        }
        let order = |a: &(usize, &Point), b: &(usize, &Point)| a.1.y.total_cmp(&b.1.y);
        let low = bucket.iter().enumerate().min_by(order).map_or(0, |(place, _)| place);
        let high = bucket.iter().enumerate().max_by(order).map_or(0, |(place, _)| place);
        kept.push(bucket[low.min(high)]);
        if low != high {
            kept.push(bucket[low.max(high)]);
        }
    }
    kept.push(*last);
    kept
}

/// The unbroken pieces of a line.
pub(super) fn pieces(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.split(|point| !point.is_finite()).filter(|piece| !piece.is_empty())
}

/// `run,seed,step,x,y`, without the x column where x is the step; references follow with an empty seed.
pub(super) fn csv(x_column: Option<&str>, y_column: &str, series: &[Series], references: &[Reference]) -> String {
    let mut header = vec!["run", "seed", "step"];
    header.extend(x_column);
    header.push(y_column);
    let mut rows = vec![header.into_iter().map(String::from).collect::<Vec<_>>()];
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
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("rows of one length go to memory");
    }
    let bytes = writer.into_inner().expect("memory takes every byte");
    String::from_utf8(bytes).expect("csv keeps the UTF-8 that it was given")
}

/// Shortest text that reads back to the same f64; empty for NaN.
fn value(number: f64) -> String {
    if number.is_nan() { String::new() } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> Vec<Point> {
        values.iter().enumerate().map(|(step, y)| Point { step: step as u64, x: step as f64, y: *y }).collect()
    }

    #[test]
    fn thinning_keeps_ends_extremes_and_the_limit() {
        let mut values: Vec<f64> = (0..10_000).map(|step| (f64::from(step) * 0.01).sin()).collect();
        values[5_003] = 9.0;
        let points = line(&values);
        let kept = thinned(&points, 400);
        assert!(kept.len() <= 400 && kept.len() > 300);
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.iter().any(|point| (point.y - 9.0).abs() < 1e-12));
        assert!(kept.windows(2).all(|pair| pair[0].step < pair[1].step));
    }

    #[test]
    fn thinning_keeps_a_hole_a_hole() {
        let mut values = vec![1.0; 1000];
        values[500..600].fill(f64::NAN);
        assert_eq!(pieces(&thinned(&line(&values), 100)).count(), 2);
        let every_other: Vec<f64> = (0..5000).map(|step| if step % 2 == 0 { 1.0 } else { f64::NAN }).collect();
        assert!(thinned(&line(&every_other), 400).len() <= 400);
    }

    #[test]
    fn short_lines_are_left_alone() {
        for count in 0..5 {
            let points = line(&vec![1.0; count]);
            assert_eq!(thinned(&points, 400), points);
        }
    }

    #[test]
    fn csv_reads_back_to_the_same_bits() {
        let values = [0.1 + 0.2, 1e-310, f64::NAN, f64::INFINITY, -0.0];
        let series = Series { name: "a, \"b\"".into(), seed: 3, slot: 0, light: false, points: line(&values) };
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
