//! Lines through points: a value against a step, an index, a time, a weight decay; or paths through a plane.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x, scale_y};
use super::label::{Area, spread};
use super::scale::Scale;
use super::words::LETTER;
use super::{Axis, Chart, Drawing, classes};
use crate::markup::{escape, number};

const HEIGHT: f64 = 290.0;
/// Of a chart whose lines run through a plane: both axes are read.
const PLANE_HEIGHT: f64 = 380.0;
/// Points of one line in the picture.
const POINTS: usize = 400;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its word; lines with one name share one.
    pub name: String,
    /// What a pointer held over it says.
    pub tooltip: String,
    /// Color and dash ([`super::field_slot`] for fields).
    pub slot: usize,
    /// Drawn in light, without a word: the state before.
    pub light: bool,
    /// (x, y); NaN or infinity in either breaks the line.
    pub points: Vec<[f64; 2]>,
}

/// A value to compare with, drawn as a dotted horizontal line.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Its word.
    pub name: String,
    /// Its height.
    pub y: f64,
}

/// A place on the x axis, drawn as a dashed vertical line with its name above.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    /// Its word.
    pub name: String,
    /// Where it stands.
    pub x: f64,
}

/// Where the words of the lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// In the right margin, at the height of the line's end.
    Margin,
    /// At the line's end, which is marked, as is its start: for paths through a plane.
    Ends,
}

/// Lines in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart<'a> {
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards.
    pub y: Axis<'a>,
    /// Where words stand.
    pub words: Words,
    /// The lines, the last on top.
    pub lines: Vec<Line>,
    /// Heights to compare with.
    pub references: Vec<Reference>,
    /// Places on the x axis.
    pub markers: Vec<Marker>,
    /// What x and y are called in the CSV.
    pub columns: [&'a str; 2],
}

impl Line {
    /// A line whose tooltip is its name.
    pub fn new(name: &str, slot: usize, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), tooltip: name.into(), slot, light: false, points }
    }

    /// The last point that can be drawn.
    pub(crate) fn last(&self) -> Option<&[f64; 2]> {
        self.points.iter().rev().find(|point| is_finite(point))
    }
}

impl<'a> LineChart<'a> {
    /// Lines with words in the margin, and nothing to compare them with.
    pub fn new(x: Axis<'a>, y: Axis<'a>, columns: [&'a str; 2], lines: Vec<Line>) -> Self {
        Self { x, y, words: Words::Margin, lines, references: Vec::new(), markers: Vec::new(), columns }
    }

    fn scales(&self, frame: &Area) -> (Scale, Scale) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let xs: Vec<f64> = points().map(|point| point[0]).chain(self.markers.iter().map(|marker| marker.x)).collect();
        let ys: Vec<f64> =
            points().map(|point| point[1]).chain(self.references.iter().map(|reference| reference.y)).collect();
        let tight = self.words == Words::Margin;
        (scale_x(self.x, frame, &xs, tight), scale_y(self.y, frame, &ys, false))
    }

    fn draw_line(&self, svg: &mut String, line: &Line, crowd: &str, x: &Scale, y: &Scale) {
        let weight = if line.light { " faint" } else { crowd };
        let _ = write!(svg, "<g class=\"{}\"><title>{}</title>", classes(line.slot), escape(&line.tooltip));
        for piece in pieces(&thinned(&line.points, POINTS)) {
            let spots: Vec<(f64, f64)> = piece.iter().filter_map(|point| spot(point, x, y)).collect();
            if let [(px, py)] = spots[..] {
                let _ = write!(svg, "<circle class=\"dot\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"1.8\"/>");
                continue;
            }
            let path: Vec<String> = spots.iter().map(|(px, py)| format!("{px:.1} {py:.1}")).collect();
            let _ = write!(svg, "<path class=\"line{weight}\" d=\"M{}\"/>", path.join("L"));
        }
        let early = line.points.last().is_some_and(|point| spot(point, x, y).is_none());
        if let Some((px, py)) = line.last().and_then(|point| spot(point, x, y)).filter(|_| early) {
            let _ = write!(svg, "<circle class=\"dot\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"2.5\"/>");
        }
        if self.words == Words::Ends {
            let ends = (
                line.points.iter().find_map(|point| spot(point, x, y)),
                line.last().and_then(|point| spot(point, x, y)),
            );
            if let (Some(start), Some(end)) = ends {
                let _ = write!(
                    svg,
                    "<circle class=\"ring\" stroke-dasharray=\"none\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>",
                    start.0, start.1
                );
                let _ = write!(svg, "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>", end.0, end.1);
            }
        }
        svg.push_str("</g>\n");
    }

    fn note(&self, x: &Scale, y: &Scale) -> Option<String> {
        let clipped = |axis: usize, scale: &Scale| {
            self.lines.iter().flat_map(|line| &line.points).any(|point| scale.clips(point[axis]))
        };
        let mut notes = Vec::new();
        if clipped(1, y) {
            notes.push(format!("Where {} is below {}, it is drawn at the lower edge.", self.y.name, number(y.low())));
        }
        if clipped(0, x) {
            notes.push(format!("Where {} is below {}, it is drawn at the left edge.", self.x.name, number(x.low())));
        }
        if notes.is_empty() { None } else { Some(notes.join(" ")) }
    }
}

impl Chart for LineChart<'_> {
    fn draw(&self) -> Drawing {
        let at_ends = self.words_fit_at_ends();
        let right = if at_ends { RIGHT } else { self.margin() };
        let tall = if self.words == Words::Ends { PLANE_HEIGHT } else { HEIGHT };
        let frame = Area { left: LEFT, top: TOP, width: WIDTH - LEFT - right, height: tall - TOP - BOTTOM };
        let (x, y) = self.scales(&frame);
        let mut svg = frame::open(tall, &format!("{} against {}", self.y.name, self.x.name));
        frame::draw_frame(&mut svg, &frame, &x.ticks(5), &y.ticks(6), self.x, self.y);
        for reference in &self.references {
            if let Some(py) = y.position(reference.y) {
                let end = frame.left + frame.width;
                let _ = writeln!(svg, "<path class=\"reference\" d=\"M{:.1} {py:.1}H{end:.1}\"/>", frame.left);
            }
        }
        draw_markers(&mut svg, &self.markers, &frame, &x);
        let crowd = if self.lines.iter().filter(|line| !line.light).count() > 5 { " many" } else { "" };
        for line in &self.lines {
            self.draw_line(&mut svg, line, crowd, &x, &y);
        }
        if at_ends {
            self.words_at_ends(&mut svg, &frame, &x, &y);
        } else {
            self.words_in_margin(&mut svg, &frame, &x, &y);
        }
        svg.push_str("</svg>");
        Drawing { svg, note: self.note(&x, &y) }
    }

    /// `series,x,y`; then references without x, and markers without y.
    fn csv(&self) -> String {
        let row = |name: &str, x: f64, y: f64| vec![name.to_owned(), value(x), value(y)];
        let points = self.lines.iter().flat_map(|line| line.points.iter().map(|[x, y]| row(&line.name, *x, *y)));
        let references = self.references.iter().map(|reference| row(&reference.name, f64::NAN, reference.y));
        let markers = self.markers.iter().map(|marker| row(&marker.name, marker.x, f64::NAN));
        table(&["series", self.columns[0], self.columns[1]], points.chain(references).chain(markers))
    }
}

/// Dashed lines from the lower edge to the names above the frame, which keep apart.
pub(super) fn draw_markers(svg: &mut String, markers: &[Marker], frame: &Area, x: &Scale) {
    let placed: Vec<(&Marker, f64)> =
        markers.iter().filter_map(|marker| Some((marker, x.position(marker.x)?))).collect();
    let width = |marker: &Marker| LETTER * marker.name.chars().count() as f64;
    let widest = placed.iter().map(|(marker, _)| width(marker)).fold(0.0, f64::max);
    let wanted: Vec<f64> = placed.iter().map(|(_, px)| *px).collect();
    let (low, high) = (frame.left + widest / 2.0, (frame.left + frame.width - widest / 2.0).max(frame.left + widest));
    for ((marker, px), middle) in placed.iter().zip(spread(&wanted, widest + 4.0, low, high)) {
        let _ = write!(svg, "<path class=\"marker\" d=\"M{px:.1} {:.1}V{:.1}\"/>", frame.top + frame.height, frame.top);
        let _ = writeln!(
            svg,
            "<text class=\"reference-name\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            frame.top - 4.0,
            escape(&marker.name)
        );
    }
}

/// At most `limit` points (4 or more) that look like all of them.
///
/// Buckets of equal length give their lowest and highest point, in order; a bucket with a hole gives the hole and its last
/// finite point; both ends stay.
pub(super) fn thinned(points: &[[f64; 2]], limit: usize) -> Vec<[f64; 2]> {
    let [first, inner @ .., last] = points else { return points.to_vec() };
    if points.len() <= limit {
        return points.to_vec();
    }
    let buckets = (limit - 2) / 2;
    let mut kept = vec![*first];
    for bucket in inner.chunks(inner.len().div_ceil(buckets)) {
        if let Some(hole) = bucket.iter().position(|point| !is_finite(point)) {
            let finite = bucket.iter().rposition(is_finite);
            kept.extend(finite.filter(|place| *place < hole).map(|place| bucket[place]));
            kept.push(bucket[hole]);
            kept.extend(finite.filter(|place| *place > hole).map(|place| bucket[place]));
            continue;
        }
        let order = |a: &(usize, &[f64; 2]), b: &(usize, &[f64; 2])| a.1[1].total_cmp(&b.1[1]);
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
fn pieces(points: &[[f64; 2]]) -> impl Iterator<Item = &[[f64; 2]]> {
    points.split(|point| !is_finite(point)).filter(|piece| !piece.is_empty())
}

/// Where a point is drawn; none where a coordinate is missing.
pub(super) fn spot(point: &[f64; 2], x: &Scale, y: &Scale) -> Option<(f64, f64)> {
    Some((x.position(point[0])?, y.position(point[1])?))
}

fn is_finite(point: &[f64; 2]) -> bool {
    point[0].is_finite() && point[1].is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> Vec<[f64; 2]> {
        values.iter().enumerate().map(|(step, y)| [step as f64, *y]).collect()
    }

    #[test]
    fn thinning_keeps_ends_extremes_and_the_limit() {
        let mut values: Vec<f64> = (0..10_000).map(|step| (f64::from(step) * 0.01).sin()).collect();
        values[5_003] = 9.0;
        let points = line(&values);
        let kept = thinned(&points, 400);
        assert!(kept.len() <= 400 && kept.len() > 300);
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.iter().any(|point| (point[1] - 9.0).abs() < 1e-12));
        assert!(kept.windows(2).all(|pair| pair[0][0] < pair[1][0]));
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
}
