//! Modes against weight decay: a line for each from small λ to the λ at which it dies.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x};
use super::label::Area;
use super::legend::{self, Key, Sign};
use super::line::{Marker, draw_markers};
use super::scale::{Scale, Spacing, Unit};
use super::{Axis, Chart, Drawing};
use crate::markup::number;

/// Height of a mode's line where there is room, and of the frame at least and at most.
const STEP: f64 = 9.0;
const LOWEST: f64 = 120.0;
const HIGHEST: f64 = 400.0;
/// Up to so many modes each has a round mark at its death; beyond, a stroke.
const ROUND: usize = 90;

/// One mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    /// Counted from 0, in the order in which modes die, the last survivor first.
    pub index: usize,
    /// The λ at which it dies; NaN or not positive: it never lives.
    pub critical: f64,
    /// Whether that λ is exact, or the rule for one mode alone.
    pub exact: bool,
    /// Whether the mode is below the noise: drawn in gray.
    pub noise: bool,
}

/// Modes against weight decay.
#[derive(Debug, Clone, PartialEq)]
pub struct SurvivalChart {
    /// From the last survivor down.
    pub modes: Vec<Mode>,
    /// Weight decays to mark: the user's, the critical one.
    pub markers: Vec<Marker>,
}

const LAMBDA: Axis<'static> = Axis::log("weight decay λ");
const MODE: Axis<'static> = Axis::linear("mode");

impl SurvivalChart {
    fn keys(&self) -> Vec<Key> {
        let any = |test: fn(&Mode) -> bool| self.modes.iter().any(|mode| mode.lives() && test(mode));
        [
            any(|mode| !mode.noise && mode.exact).then(|| Key::new(Sign::Dot, "c1", "lives to this λ")),
            any(|mode| !mode.noise && !mode.exact).then(|| Key::new(Sign::Ring, "c1", "lives to about this λ")),
            any(|mode| mode.noise).then(|| Key::new(Sign::Dot, "muted", "not above the noise")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// From half a decade below what is shown.
    fn scale(&self, frame: &Area) -> Scale {
        let alive = self.modes.iter().filter(|mode| mode.lives()).map(|mode| mode.critical);
        let shown = alive.chain(self.markers.iter().map(|marker| marker.x).filter(|x| *x > 0.0));
        let (low, high) = shown.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
        let values = if low > high { vec![] } else { vec![0.3 * low.max(high * 1e-9), 1.3 * high] };
        scale_x(LAMBDA, frame, &values, true)
    }

    /// Lines and marks of the modes that are (or are not) above the noise.
    fn draw_modes(&self, svg: &mut String, noise: bool, left: f64, x: &Scale, y: &Scale) {
        let _ = write!(svg, "<g class=\"{}\">", if noise { "muted" } else { "c1" });
        let (mut lines, mut marks) = (String::new(), String::new());
        for mode in self.modes.iter().filter(|mode| mode.noise == noise && mode.lives()) {
            let (Some(px), Some(py)) = (x.position(mode.critical), y.position(mode.index as f64)) else { continue };
            let _ = write!(lines, "M{left:.1} {py:.1}H{px:.1}");
            let _ = if self.modes.len() > ROUND {
                write!(marks, "<path class=\"stroke\" d=\"M{px:.1} {:.1}v2\"/>", py - 1.0)
            } else if mode.exact {
                write!(marks, "<circle class=\"point\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"2.6\"/>")
            } else {
                write!(marks, "<circle class=\"hollow\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"2.6\"/>")
            };
        }
        if !lines.is_empty() {
            let _ = write!(svg, "<path class=\"life\" d=\"{lines}\"/>{marks}");
        }
        svg.push_str("</g>\n");
    }
}

impl Mode {
    fn lives(&self) -> bool {
        self.critical.is_finite() && self.critical > 0.0
    }
}

impl Chart for SurvivalChart {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        let last = self.modes.iter().map(|mode| mode.index).max().unwrap_or(0) as f64;
        // A row for the names of the markers, below the legend.
        let top = TOP + legend::height(&keys, 0.0, WIDTH) + if self.markers.is_empty() { 0.0 } else { 10.0 };
        let height = ((last + 2.0) * STEP).clamp(LOWEST, HIGHEST);
        let frame = Area { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height };
        let x = self.scale(&frame);
        let y = Scale::new(Spacing::Linear, Unit::Plain, &[-0.8, last + 0.8], (top, top + height), true);
        let mut svg = frame::open(top + height + BOTTOM, "modes against weight decay");
        let mut ticks = y.ticks(6);
        ticks.retain(|tick| !tick.label.contains('.') && !tick.label.starts_with('−'));
        frame::draw_frame(&mut svg, &frame, &x.ticks(6), &ticks, LAMBDA, MODE);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        draw_markers(&mut svg, &self.markers, &frame, &x);
        for noise in [true, false] {
            self.draw_modes(&mut svg, noise, frame.left, &x, &y);
        }
        svg.push_str("</svg>");
        let below = self.modes.iter().filter(|mode| mode.lives() && x.clips(mode.critical)).count();
        let never = self.modes.iter().filter(|mode| !mode.lives()).count();
        let mut notes = Vec::new();
        if below > 0 {
            notes.push(format!("{below} modes die below λ = {} and are drawn at the left edge.", number(x.low())));
        }
        if never > 0 {
            notes.push(format!("Left out: {never} that live at no weight decay."));
        }
        Drawing { svg, note: (!notes.is_empty()).then(|| notes.join(" ")) }
    }

    /// `mode,critical_weight_decay,method,noise`; then markers by name.
    fn csv(&self) -> String {
        let modes = self.modes.iter().map(|mode| {
            let method = if mode.exact { "exact" } else { "bound" };
            vec![mode.index.to_string(), value(mode.critical), method.to_owned(), u8::from(mode.noise).to_string()]
        });
        let empty = String::new;
        let markers = self.markers.iter().map(|marker| vec![marker.name.clone(), value(marker.x), empty(), empty()]);
        table(&["mode", "critical_weight_decay", "method", "noise"], modes.chain(markers))
    }
}
