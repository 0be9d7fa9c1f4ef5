//! Points of several classes in a plane, both axes in one unit: where each sample stands.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, scale_x, scale_y};
use super::label::Area;
use super::legend::{self, Key, Sign};
use super::{Axis, Chart, Drawing};
use crate::markup::escape;

/// Narrower than other pictures: these stand beside each other to be compared.
const WIDTH: f64 = 360.0;
/// Height of the frame over its width, at least and at most; a wider or narrower range gets room at its sides.
const ASPECT: [f64; 2] = [0.55, 1.1];
/// Classes with a color of their own (`k0` and so on in `plot.css`); the signs change with the colors.
pub(crate) const CLASS_COLORS: usize = 12;
const SIGNS: [Sign; 4] = [Sign::Dot, Sign::Square, Sign::Diamond, Sign::Triangle];

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Which sample it is, in its source.
    pub sample: usize,
    /// Place among the classes of the chart; none: gray.
    pub class: Option<usize>,
    /// Name of its class, as it is written; empty without a label.
    pub label: String,
    /// Where it stands; NaN or infinity in either: not drawn.
    pub at: [f64; 2],
}

/// Samples in a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct ScatterChart<'a> {
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards, in the same unit.
    pub y: Axis<'a>,
    /// What the frame has to show, from and to: of several pictures the same, so that they can be compared.
    pub range: [[f64; 2]; 2],
    /// Names of the classes in the order of the legend, at most twelve; others are gray.
    pub classes: Vec<String>,
    /// What the gray ones are; none where there are no classes, and one color is enough.
    pub rest: Option<String>,
    /// The samples.
    pub spots: Vec<Spot>,
}

impl ScatterChart<'_> {
    fn drawn(&self, class: Option<usize>) -> impl Iterator<Item = &Spot> {
        let own = move |spot: &&Spot| spot.class.filter(|class| *class < CLASS_COLORS) == class;
        self.spots.iter().filter(own).filter(|spot| spot.at.iter().all(|value| value.is_finite()))
    }

    /// Class of color, sign and name of each kind of point, the gray ones first, which lie below.
    fn kinds(&self) -> Vec<(Option<usize>, String, Sign, String)> {
        let gray = match &self.rest {
            Some(rest) => (None, "muted".into(), Sign::Dot, rest.clone()),
            None => (None, "c1".into(), Sign::Dot, String::new()),
        };
        let own = |(k, name): (usize, &String)| (Some(k), format!("k{k}"), SIGNS[k % SIGNS.len()], name.clone());
        let named = self.classes.iter().take(CLASS_COLORS).enumerate().map(own);
        std::iter::once(gray).chain(named).filter(|(class, ..)| self.drawn(*class).next().is_some()).collect()
    }

    /// The frame and the ranges that fill it with one unit on both axes.
    fn fitted(&self, top: f64) -> (Area, [[f64; 2]; 2]) {
        let width = WIDTH - LEFT - RIGHT;
        let [x, y] = self.range.map(|[low, high]| if high > low { [low, high] } else { [low - 0.5, low + 0.5] });
        let (wide, tall) = (x[1] - x[0], y[1] - y[0]);
        let aspect = (tall / wide).clamp(ASPECT[0], ASPECT[1]);
        let unit = (wide / width).max(tall / (width * aspect));
        let widened = |[low, high]: [f64; 2], pixels: f64| {
            let (middle, half) = (f64::midpoint(low, high), unit * pixels / 2.0);
            [middle - half, middle + half]
        };
        let frame = Area { left: LEFT, top, width, height: width * aspect };
        let ranges = [widened(x, frame.width), widened(y, frame.height)];
        (frame, ranges)
    }
}

impl Chart for ScatterChart<'_> {
    fn draw(&self) -> Drawing {
        let kinds = self.kinds();
        let named = kinds.iter().filter(|(_, _, _, name)| !name.is_empty());
        let mut keys: Vec<Key> = named.map(|(_, class, sign, name)| Key::new(*sign, class.clone(), name)).collect();
        // What is gray is drawn first and told last.
        let told_last = usize::from(kinds.first().is_some_and(|(class, ..)| class.is_none()) && !keys.is_empty());
        keys.rotate_left(if self.rest.is_some() { told_last } else { 0 });
        let top = TOP + legend::height(&keys, 0.0, WIDTH);
        let (frame, [x_range, y_range]) = self.fitted(top);
        let (x, y) = (scale_x(self.x, &frame, &x_range, true), scale_y(self.y, &frame, &y_range, true));
        let height = top + frame.height + BOTTOM;
        let described = format!("{} against {}", self.y.name, self.x.name);
        let mut svg = frame::open_sized([WIDTH, height], &described);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        frame::draw_frame(&mut svg, &frame, &x.ticks(4), &y.ticks(4), self.x, self.y);
        for (class, color, sign, name) in &kinds {
            let _ = write!(svg, "<g class=\"{color}\"><title>{}</title><path class=\"sample\" d=\"", escape(name));
            for spot in self.drawn(*class) {
                if let (Some(px), Some(py)) = (x.position(spot.at[0]), y.position(spot.at[1])) {
                    write_sign(&mut svg, *sign, (px, py));
                }
            }
            svg.push_str("\"/></g>\n");
        }
        svg.push_str("</svg>");
        let lost = self.spots.iter().filter(|spot| !spot.at.iter().all(|value| value.is_finite())).count();
        let note = (lost > 0).then(|| format!("Left out: {lost} without a finite value."));
        Drawing { svg, note }
    }

    /// `sample,class,x,y`.
    fn csv(&self) -> String {
        let row = |spot: &Spot| vec![spot.sample.to_string(), spot.label.clone(), value(spot.at[0]), value(spot.at[1])];
        table(&["sample", "class", "x", "y"], self.spots.iter().map(row))
    }
}

/// Add a small sign to the data of a path: one path a class keeps a page of five hundred samples a run small.
fn write_sign(path: &mut String, sign: Sign, (x, y): (f64, f64)) {
    let _ = match sign {
        Sign::Square => write!(path, "M{:.1} {:.1}h4.4v4.4h-4.4z", x - 2.2, y - 2.2),
        Sign::Diamond => write!(path, "M{x:.1} {:.1}l3 3l-3 3l-3-3z", y - 3.0),
        Sign::Triangle => write!(path, "M{x:.1} {:.1}l3 5.2h-6z", y - 3.2),
        Sign::Dot | Sign::Ring | Sign::Line | Sign::Cross | Sign::OpenSquare | Sign::OpenDiamond => {
            write!(path, "M{:.1} {y:.1}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z", x - 2.5)
        }
    };
}
