//! Values by index, several side by side: what was predicted beside what came out.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x, scale_y};
use super::label::Area;
use super::legend::{self, Key, Sign};
use super::line::thinned;
use super::scale::{Scale, Spacing};
use super::{Axis, Chart, Drawing, classes};
use crate::markup::{escape, number};

const HEIGHT: f64 = 290.0;
/// Up to so many indices each value has a stem; beyond, a series is a line.
const STEMS: usize = 48;

/// One series of values, the first at index 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Stems {
    /// Its word in the legend.
    pub name: String,
    /// Color.
    pub slot: usize,
    /// Drawn hollow: a prediction, where another series is the outcome.
    pub hollow: bool,
    /// By index; NaN where there is none.
    pub values: Vec<f64>,
}

/// Series of values side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct StemChart<'a> {
    /// What the index counts: `mode`, `index`.
    pub index: &'a str,
    /// Upwards.
    pub y: Axis<'a>,
    /// Side by side at each index, in this order.
    pub series: Vec<Stems>,
}

impl StemChart<'_> {
    fn longest(&self) -> usize {
        self.series.iter().map(|series| series.values.len()).max().unwrap_or(0)
    }

    fn keys(&self) -> Vec<Key> {
        let key = |series: &Stems| {
            let sign = match (self.longest() > STEMS, series.hollow) {
                (true, _) => Sign::Line,
                (false, true) => Sign::Ring,
                (false, false) => Sign::Dot,
            };
            Key::new(sign, classes(series.slot), &series.name)
        };
        self.series.iter().map(key).collect()
    }

    fn draw_series(&self, svg: &mut String, place: usize, base: f64, x: &Scale, y: &Scale) {
        let series = &self.series[place];
        let _ = write!(svg, "<g class=\"{}\"><title>{}</title>", classes(series.slot), escape(&series.name));
        let count = self.series.len() as f64;
        let beside = if count > 1.0 { 0.44 * ((place as f64 + 0.5) / count - 0.5) } else { 0.0 };
        let points = series.values.iter().enumerate().map(|(index, value)| [(index + 1) as f64, *value]);
        if self.longest() > STEMS {
            let kept = thinned(&points.collect::<Vec<_>>(), 400);
            for piece in kept.split(|point| !point[1].is_finite()).filter(|piece| !piece.is_empty()) {
                let spots = piece.iter().filter_map(|[px, py]| Some((x.position(*px)?, y.position(*py)?)));
                let path: Vec<String> = spots.map(|(px, py)| format!("{px:.1} {py:.1}")).collect();
                let _ = write!(svg, "<path class=\"line\" d=\"M{}\"/>", path.join("L"));
            }
        } else {
            for [index, value] in points {
                let (Some(px), Some(py)) = (x.position(index + beside), y.position(value)) else { continue };
                let _ = write!(svg, "<path class=\"stem\" d=\"M{px:.1} {base:.1}V{py:.1}\"/>");
                let class = if series.hollow { "hollow" } else { "point" };
                let _ = write!(svg, "<circle class=\"{class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\"/>");
            }
        }
        svg.push_str("</g>\n");
    }
}

impl Chart for StemChart<'_> {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        let top = TOP + legend::height(&keys, 0.0, WIDTH);
        let frame = Area { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
        let longest = self.longest() as f64;
        let x = scale_x(Axis::linear(self.index), &frame, &[0.4, longest.max(1.0) + 0.6], true);
        let mut values: Vec<f64> = self.series.iter().flat_map(|series| series.values.iter().copied()).collect();
        if self.y.spacing == Spacing::Linear {
            values.push(0.0);
        }
        let y = scale_y(self.y, &frame, &values, false);
        let mut svg = frame::open(top + frame.height + BOTTOM, &format!("{} against {}", self.y.name, self.index));
        // An index is a whole number.
        let mut ticks = x.ticks(8);
        ticks.retain(|tick| !tick.label.contains('.'));
        frame::draw_frame(&mut svg, &frame, &ticks, &y.ticks(6), Axis::linear(self.index), self.y);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        let floor = frame.top + frame.height;
        let base = if self.y.spacing == Spacing::Linear { y.position(0.0).unwrap_or(floor) } else { floor };
        for place in 0..self.series.len() {
            self.draw_series(&mut svg, place, base, &x, &y);
        }
        svg.push_str("</svg>");
        let note = values
            .iter()
            .any(|value| y.clips(*value))
            .then(|| format!("Where {} is below {}, it is drawn at the lower edge.", self.y.name, number(y.low())));
        Drawing { svg, note }
    }

    /// `series,index,value`, the index from 1.
    fn csv(&self) -> String {
        let rows = self.series.iter().flat_map(|series| {
            let row =
                |(place, number): (usize, &f64)| vec![series.name.clone(), (place + 1).to_string(), value(*number)];
            series.values.iter().enumerate().map(row).collect::<Vec<_>>()
        });
        table(&["series", "index", "value"], rows)
    }
}
