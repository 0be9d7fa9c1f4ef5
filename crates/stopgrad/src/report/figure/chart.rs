//! One figure drawn: a frame with ticks, lines that break where values are missing, words at line ends.

use std::fmt::Write;

use super::super::markup::{escape, number};
use super::classes;
use super::label::Area;
use super::scale::{Scale, Spacing, Tick, Unit};
use super::series::{Point, Reference, Series, pieces, thinned};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 290.0;
/// Of a figure whose lines run through a plane: both axes are read.
const PLANE_HEIGHT: f64 = 380.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 38.0;
const LEFT: f64 = 44.0;
/// Points of one line in the picture.
const POINTS: usize = 400;

/// What an axis shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) spacing: Spacing,
    pub(super) unit: Unit,
}

/// Where the words of the lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// In the right margin, at the height of the line's end.
    Margin,
    /// At the line's end, which is marked, as is its start: for paths through a plane.
    Ends,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) words: Words,
    pub(super) series: Vec<Series>,
    pub(super) references: Vec<Reference>,
}

impl Chart {
    /// The picture, and what a reader must be told of values that could not be drawn where they are.
    pub(super) fn draw(&self) -> (String, Option<String>) {
        let at_ends = self.words_fit_at_ends();
        let right = if at_ends { 16.0 } else { self.margin() };
        let tall = if self.words == Words::Ends { PLANE_HEIGHT } else { HEIGHT };
        let frame = Area { left: LEFT, top: TOP, width: WIDTH - LEFT - right, height: tall - TOP - BOTTOM };
        let (x, y) = self.scales(&frame);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {tall}\" role=\"img\" \
             aria-label=\"{} against {}\">\n",
            escape(self.y.name),
            escape(self.x.name)
        );
        draw_frame(&mut svg, &frame, &x.ticks(5), &y.ticks(6), self.x, self.y);
        for reference in &self.references {
            if let Some(py) = y.position(reference.y) {
                let _ = writeln!(
                    svg,
                    "<path class=\"reference\" d=\"M{:.1} {py:.1}H{:.1}\"/>",
                    frame.left,
                    frame.left + frame.width
                );
            }
        }
        let crowd = if self.series.iter().filter(|line| !line.light).count() > 5 { " many" } else { "" };
        for line in &self.series {
            self.draw_line(&mut svg, line, crowd, &x, &y);
        }
        if at_ends {
            self.words_at_ends(&mut svg, &frame, &x, &y);
        } else {
            self.words_in_margin(&mut svg, &frame, &x, &y);
        }
        svg.push_str("</svg>");
        (svg, self.note(&x, &y))
    }

    fn scales(&self, frame: &Area) -> (Scale, Scale) {
        let points = || self.series.iter().flat_map(|line| &line.points);
        let xs: Vec<f64> = points().map(|point| point.x).collect();
        let ys: Vec<f64> =
            points().map(|point| point.y).chain(self.references.iter().map(|reference| reference.y)).collect();
        let tight = self.words == Words::Margin;
        (
            Scale::new(self.x.spacing, self.x.unit, &xs, (frame.left, frame.left + frame.width), tight),
            Scale::new(self.y.spacing, self.y.unit, &ys, (frame.top + frame.height, frame.top), false),
        )
    }

    fn draw_line(&self, svg: &mut String, line: &Series, crowd: &str, x: &Scale, y: &Scale) {
        let weight = if line.light { " faint" } else { crowd };
        let _ = write!(
            svg,
            "<g class=\"{}\"><title>{} · seed {}</title>",
            classes(line.slot),
            escape(&line.name),
            line.seed
        );
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
        let clipped = |pick: fn(&Point) -> f64, scale: &Scale| {
            self.series.iter().flat_map(|line| &line.points).any(|point| scale.clips(pick(point)))
        };
        let mut notes = Vec::new();
        if clipped(|point| point.y, y) {
            notes.push(format!("Where {} is below {}, it is drawn at the lower edge.", self.y.name, number(y.low())));
        }
        if clipped(|point| point.x, x) {
            notes.push(format!("Where {} is below {}, it is drawn at the left edge.", self.x.name, number(x.low())));
        }
        if notes.is_empty() { None } else { Some(notes.join(" ")) }
    }
}

fn draw_frame(svg: &mut String, frame: &Area, x_ticks: &[Tick], y_ticks: &[Tick], x: Axis, y: Axis) {
    let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);
    for tick in y_ticks {
        let _ = write!(svg, "<path class=\"grid\" d=\"M{:.1} {py:.1}H{right:.1}\"/>", frame.left, py = tick.position);
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            frame.left - 6.0,
            tick.position + 3.8,
            tick.label
        );
    }
    for tick in x_ticks {
        let _ = write!(svg, "<path class=\"base\" d=\"M{px:.1} {bottom:.1}v4\"/>", px = tick.position);
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            tick.position,
            bottom + 16.0,
            tick.label
        );
    }
    let _ = writeln!(svg, "<path class=\"base\" d=\"M{:.1} {bottom:.1}H{right:.1}\"/>", frame.left);
    let _ = writeln!(svg, "<text class=\"axis-name\" x=\"0\" y=\"12\">{}</text>", escape(&axis_words(y)));
    let _ = writeln!(
        svg,
        "<text class=\"axis-name\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        bottom + BOTTOM - 6.0,
        escape(&axis_words(x))
    );
}

fn axis_words(axis: Axis) -> String {
    match (axis.unit, axis.spacing) {
        (Unit::Percent, _) => format!("{}, %", axis.name),
        (Unit::Plain, Spacing::Log) => format!("{}, log scale", axis.name),
        (Unit::Plain, Spacing::Linear) => axis.name.to_string(),
    }
}

/// Where a point is drawn; none where a coordinate is missing.
pub(super) fn spot(point: &Point, x: &Scale, y: &Scale) -> Option<(f64, f64)> {
    Some((x.position(point.x)?, y.position(point.y)?))
}
