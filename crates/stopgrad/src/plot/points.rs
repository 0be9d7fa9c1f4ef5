//! Points that no line joins: one quantity of each mode against another.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x, scale_y};
use super::label::Area;
use super::legend::{self, Key, Sign};
use super::line::{Marker, Reference, draw_markers, spot};
use super::scale::Scale;
use super::{Axis, Chart, Drawing, color};
use crate::markup::{escape, number};

const HEIGHT: f64 = 290.0;

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// Its word in the legend.
    pub name: String,
    /// Color; none: gray, what does not count.
    pub slot: Option<usize>,
    /// (x, y); NaN or infinity in either: not drawn.
    pub values: Vec<[f64; 2]>,
}

/// Points in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct PointChart<'a> {
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards.
    pub y: Axis<'a>,
    /// The last on top.
    pub groups: Vec<Points>,
    /// Heights to compare with.
    pub references: Vec<Reference>,
    /// Places on the x axis.
    pub markers: Vec<Marker>,
    /// What x and y are called in the CSV.
    pub columns: [&'a str; 2],
}

impl Points {
    fn class(&self) -> String {
        self.slot.map_or_else(|| "muted".into(), color)
    }

    fn drawn(&self) -> impl Iterator<Item = &[f64; 2]> {
        self.values.iter().filter(|point| point.iter().all(|value| value.is_finite()))
    }
}

impl PointChart<'_> {
    fn keys(&self) -> Vec<Key> {
        let shown = self.groups.iter().filter(|group| group.drawn().next().is_some());
        shown.map(|group| Key::new(Sign::Dot, group.class(), &group.name)).collect()
    }

    /// One coordinate of everything that is drawn.
    fn along(&self, axis: usize) -> Vec<f64> {
        let points = self.groups.iter().flat_map(Points::drawn).map(|point| point[axis]);
        if axis == 0 {
            points.chain(self.markers.iter().map(|marker| marker.x)).collect()
        } else {
            points.chain(self.references.iter().map(|reference| reference.y)).collect()
        }
    }

    fn draw_references(&self, svg: &mut String, frame: &Area, y: &Scale) {
        let right = frame.left + frame.width;
        for reference in &self.references {
            let Some(py) = y.position(reference.y) else { continue };
            let _ = write!(svg, "<path class=\"reference\" d=\"M{:.1} {py:.1}H{right:.1}\"/>", frame.left);
            let _ = writeln!(
                svg,
                "<text class=\"reference-name\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                py - 4.0,
                escape(&reference.name)
            );
        }
    }

    fn note(&self, x: &Scale, y: &Scale) -> Option<String> {
        let clipped = |axis: usize, scale: &Scale| self.along(axis).into_iter().any(|value| scale.clips(value));
        let low = |name: &str, scale: &Scale, edge: &str| {
            format!("Where {name} is below {}, it is drawn at the {edge} edge.", number(scale.low()))
        };
        let left_out = self.groups.iter().map(|group| group.values.len() - group.drawn().count()).sum::<usize>();
        let notes: Vec<String> = [
            clipped(1, y).then(|| low(self.y.name, y, "lower")),
            clipped(0, x).then(|| low(self.x.name, x, "left")),
            (left_out > 0).then(|| format!("Left out: {left_out} without a finite value.")),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!notes.is_empty()).then(|| notes.join(" "))
    }
}

impl Chart for PointChart<'_> {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        // A row for the names of the markers, below the legend.
        let top = TOP + legend::height(&keys, 0.0, WIDTH) + if self.markers.is_empty() { 0.0 } else { 10.0 };
        let frame = Area { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
        let (x, y) = (scale_x(self.x, &frame, &self.along(0), false), scale_y(self.y, &frame, &self.along(1), false));
        let mut svg = frame::open(top + frame.height + BOTTOM, &format!("{} against {}", self.y.name, self.x.name));
        frame::draw_frame(&mut svg, &frame, &x.ticks(6), &y.ticks(6), self.x, self.y);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        self.draw_references(&mut svg, &frame, &y);
        draw_markers(&mut svg, &self.markers, &frame, &x);
        for group in &self.groups {
            let _ = write!(svg, "<g class=\"{}\"><title>{}</title>", group.class(), escape(&group.name));
            for (px, py) in group.drawn().filter_map(|point| spot(point, &x, &y)) {
                let _ = write!(svg, "<circle class=\"point\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"2.6\"/>");
            }
            svg.push_str("</g>\n");
        }
        svg.push_str("</svg>");
        Drawing { svg, note: self.note(&x, &y) }
    }

    /// `series,x,y`; then references without x, and markers without y.
    fn csv(&self) -> String {
        let row = |name: &str, x: f64, y: f64| vec![name.to_owned(), value(x), value(y)];
        let points = self.groups.iter().flat_map(|group| group.values.iter().map(|[x, y]| row(&group.name, *x, *y)));
        let references = self.references.iter().map(|reference| row(&reference.name, f64::NAN, reference.y));
        let markers = self.markers.iter().map(|marker| row(&marker.name, marker.x, f64::NAN));
        table(&["series", self.columns[0], self.columns[1]], points.chain(references).chain(markers))
    }
}
