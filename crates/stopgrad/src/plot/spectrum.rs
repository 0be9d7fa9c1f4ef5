//! Eigenvalues in the complex plane, with the line beyond which they mean instability.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x, scale_y};
use super::label::Area;
use super::legend::{self, Key, Sign};
use super::scale::Scale;
use super::{Axis, Chart, Drawing, color};

const HEIGHT: f64 = 330.0;
/// Points of one cloud in the picture; of more, every second, third … is drawn.
const POINTS: usize = 800;

/// Where stability ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Re = 0: rates of a flow.
    ImaginaryAxis,
    /// |z| = 1: multipliers of a training step.
    UnitCircle,
}

/// Eigenvalues of one matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Cloud {
    /// Its word in the legend.
    pub name: String,
    /// Color.
    pub slot: usize,
    /// (real part, imaginary part) of each.
    pub values: Vec<[f64; 2]>,
}

/// Spectra in the complex plane.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectrumChart {
    /// Transversal eigenvalues: those that decide.
    pub clouds: Vec<Cloud>,
    /// Those along the orbit, which decide nothing: drawn as gray rings.
    pub orbit: Vec<[f64; 2]>,
    /// Where stability ends.
    pub boundary: Boundary,
}

impl SpectrumChart {
    fn keys(&self) -> Vec<Key> {
        let cloud =
            |cloud: &Cloud| Key::new(Sign::Dot, color(cloud.slot), &format!("{} ({})", cloud.name, cloud.values.len()));
        let orbit = (!self.orbit.is_empty())
            .then(|| Key::new(Sign::Ring, "muted", &format!("along the orbit ({})", self.orbit.len())));
        self.clouds.iter().map(cloud).chain(orbit).collect()
    }

    fn scales(&self, frame: &Area) -> (Scale, Scale) {
        let points = || self.clouds.iter().flat_map(|cloud| &cloud.values).chain(&self.orbit);
        let finite = |axis: usize| points().map(move |point| point[axis]).filter(|value| value.is_finite());
        let (mut xs, ys): (Vec<f64>, Vec<f64>) = (finite(0).collect(), finite(1).collect());
        let edge = if self.boundary == Boundary::ImaginaryAxis { 0.0 } else { 1.0 };
        let reach = xs.iter().map(|x| (x - edge).abs()).fold(0.0, f64::max);
        // The line of stability has room on both sides, so that its two sides can be told apart.
        xs.extend([edge - 0.12 * reach, edge + 0.12 * reach]);
        let height = ys.iter().map(|y| y.abs()).fold(0.0, f64::max);
        (scale_x(RE, frame, &xs, false), scale_y(IM, frame, &[-height, height], false))
    }

    fn draw_boundary(&self, svg: &mut String, frame: &Area, x: &Scale, y: &Scale) {
        match self.boundary {
            Boundary::ImaginaryAxis => {
                let Some(px) = x.position(0.0) else { return };
                let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);
                let _ = write!(
                    svg,
                    "<rect class=\"unstable\" x=\"{px:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    frame.top,
                    right - px,
                    frame.height
                );
                let _ = writeln!(svg, "<path class=\"boundary\" d=\"M{px:.1} {:.1}V{bottom:.1}\"/>", frame.top);
                for (word, anchor, at, room) in
                    [("decays", "end", px - 6.0, px - frame.left), ("grows", "start", px + 6.0, right - px)]
                {
                    if room > 44.0 {
                        let _ = writeln!(
                            svg,
                            "<text class=\"reference-name\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{word}</text>",
                            bottom - 6.0
                        );
                    }
                }
            }
            Boundary::UnitCircle => {
                let (low, high) = (y.low().max(-1.0), y.high().min(1.0));
                for side in [-1.0, 1.0] {
                    let mut path = String::new();
                    for k in 0..=160 {
                        let im = low + (high - low) * f64::from(k) / 160.0;
                        let re = side * (1.0 - im * im).max(0.0).sqrt();
                        let seen = (x.low()..=x.high()).contains(&re);
                        if let (true, Some(px), Some(py)) = (seen, x.position(re), y.position(im)) {
                            let _ = write!(path, "{}{px:.1} {py:.1}", if path.is_empty() { "M" } else { "L" });
                        }
                    }
                    if !path.is_empty() {
                        let _ = writeln!(svg, "<path class=\"boundary\" d=\"{path}\"/>");
                    }
                }
            }
        }
    }
}

const RE: Axis<'static> = Axis::linear("real part");
const IM: Axis<'static> = Axis::linear("imaginary part");

impl Chart for SpectrumChart {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        let top = TOP + legend::height(&keys, 0.0, WIDTH);
        let frame = Area { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
        let (x, y) = self.scales(&frame);
        let mut svg = frame::open(top + frame.height + BOTTOM, "eigenvalues in the complex plane");
        frame::draw_frame(&mut svg, &frame, &x.ticks(6), &y.ticks(6), RE, IM);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        self.draw_boundary(&mut svg, &frame, &x, &y);
        let spots = |values: &[[f64; 2]]| -> Vec<(f64, f64)> {
            let stride = values.len().div_ceil(POINTS).max(1);
            let spot = |[re, im]: &[f64; 2]| Some((x.position(*re)?, y.position(*im)?));
            values.iter().step_by(stride).filter_map(spot).collect()
        };
        svg.push_str("<g class=\"muted\">");
        for (px, py) in spots(&self.orbit) {
            let _ = write!(svg, "<circle class=\"hollow\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"5\"/>");
        }
        svg.push_str("</g>\n");
        for cloud in &self.clouds {
            let _ = write!(svg, "<g class=\"{}\">", color(cloud.slot));
            for (px, py) in spots(&cloud.values) {
                let _ = write!(svg, "<circle class=\"point\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\"/>");
            }
            svg.push_str("</g>\n");
        }
        svg.push_str("</svg>");
        let crowded = self.clouds.iter().any(|cloud| cloud.values.len() > POINTS) || self.orbit.len() > POINTS;
        Drawing { svg, note: crowded.then(|| "Of more than 800 eigenvalues only some are drawn.".to_owned()) }
    }

    /// `spectrum,kind,re,im`, where kind is `transversal` or `orbit`.
    fn csv(&self) -> String {
        let row = |name: &str, kind: &str, [re, im]: &[f64; 2]| {
            vec![name.to_owned(), kind.to_owned(), value(*re), value(*im)]
        };
        let clouds = self
            .clouds
            .iter()
            .flat_map(|cloud| cloud.values.iter().map(move |point| row(&cloud.name, "transversal", point)));
        table(&["spectrum", "kind", "re", "im"], clouds.chain(self.orbit.iter().map(|point| row("", "orbit", point))))
    }
}
