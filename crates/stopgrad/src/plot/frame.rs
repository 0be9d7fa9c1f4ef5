//! The frame of a chart: its size, its axes and their ticks.

use std::fmt::Write;

use super::label::Area;
use super::scale::{Scale, Spacing, Tick, Unit};
use crate::markup::escape;

/// Width of every picture; a page scales it.
pub(super) const WIDTH: f64 = 480.0;
pub(super) const TOP: f64 = 28.0;
pub(super) const BOTTOM: f64 = 38.0;
pub(super) const LEFT: f64 = 44.0;
pub(super) const RIGHT: f64 = 16.0;

/// What an axis shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis<'a> {
    /// The word beside it.
    pub name: &'a str,
    /// Linear or logarithmic.
    pub spacing: Spacing,
    /// How its labels are written.
    pub unit: Unit,
}

impl<'a> Axis<'a> {
    /// A linear axis.
    pub const fn linear(name: &'a str) -> Self {
        Self { name, spacing: Spacing::Linear, unit: Unit::Plain }
    }

    /// A logarithmic axis of at most ten decades; what lies below is drawn at its lower edge.
    pub const fn log(name: &'a str) -> Self {
        Self { name, spacing: Spacing::Log, unit: Unit::Plain }
    }

    /// A linear axis of shares, labelled in percent.
    pub const fn percent(name: &'a str) -> Self {
        Self { name, spacing: Spacing::Linear, unit: Unit::Percent }
    }

    pub(super) fn words(&self) -> String {
        match (self.unit, self.spacing) {
            (Unit::Percent, _) => format!("{}, %", self.name),
            (Unit::Plain, Spacing::Log) => format!("{}, log scale", self.name),
            (Unit::Plain, Spacing::Linear) => self.name.to_string(),
        }
    }
}

/// A scale along the lower edge of a frame; `tight`: no room beyond the values.
pub(super) fn scale_x(axis: Axis, frame: &Area, values: &[f64], tight: bool) -> Scale {
    Scale::new(axis.spacing, axis.unit, values, (frame.left, frame.left + frame.width), tight)
}

/// A scale up the left edge of a frame.
pub(super) fn scale_y(axis: Axis, frame: &Area, values: &[f64], tight: bool) -> Scale {
    Scale::new(axis.spacing, axis.unit, values, (frame.top + frame.height, frame.top), tight)
}

/// The opening tag of a picture.
pub(super) fn open(height: f64, described: &str) -> String {
    open_sized([WIDTH, height], described)
}

/// The opening tag of a picture of another width.
pub(super) fn open_sized([width, height]: [f64; 2], described: &str) -> String {
    let height = (height * 10.0).round() / 10.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{}\">\n",
        escape(described)
    )
}

/// Grid, ticks, and the names of both axes.
pub(super) fn draw_frame(svg: &mut String, frame: &Area, x_ticks: &[Tick], y_ticks: &[Tick], x: Axis, y: Axis) {
    draw_y_ticks(svg, frame, y_ticks);
    draw_x_axis(svg, frame, x_ticks);
    draw_names(svg, frame, x, y);
}

/// Marks and numbers at the left edge, with lines across.
pub(super) fn draw_y_ticks(svg: &mut String, frame: &Area, ticks: &[Tick]) {
    let right = frame.left + frame.width;
    for tick in ticks {
        let _ = write!(svg, "<path class=\"grid\" d=\"M{:.1} {py:.1}H{right:.1}\"/>", frame.left, py = tick.position);
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            frame.left - 6.0,
            tick.position + 3.8,
            tick.label
        );
    }
}

/// Marks and numbers below the lower edge.
pub(super) fn draw_x_axis(svg: &mut String, frame: &Area, ticks: &[Tick]) {
    let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);
    for tick in ticks {
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
}

/// The upward axis is named at the top left, the other at the lower right.
pub(super) fn draw_names(svg: &mut String, frame: &Area, x: Axis, y: Axis) {
    let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);
    let _ = writeln!(svg, "<text class=\"axis-name\" x=\"0\" y=\"12\">{}</text>", escape(&y.words()));
    let _ = writeln!(
        svg,
        "<text class=\"axis-name\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        bottom + BOTTOM - 6.0,
        escape(&x.words())
    );
}
