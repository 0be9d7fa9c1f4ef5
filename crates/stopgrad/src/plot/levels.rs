//! Level curves of a function of two variables, with curves, paths and marks on top.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x, scale_y};
use super::label::{Area, place_near};
use super::legend::{self, Key, Sign, draw_sign};
use super::marching::{Contour, Grid, contours};
use super::path::{clipped, thinned, write_arrows, write_path};
use super::scale::{Scale, one_two_five, round_numbers};
use super::{Axis, Chart, Drawing, classes};
use crate::markup::{concise, escape};

const HEIGHT: f64 = 420.0;
/// Size of the number on a level.
const LABEL: (f64, f64) = (6.2, 11.0);

/// What a marked point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// The collapse.
    Collapse,
    /// A local minimum.
    Minimum,
    /// A point that attracts.
    Attracting,
    /// A saddle.
    Saddle,
    /// Where paths start, or any other state.
    State,
}

impl MarkKind {
    /// The word in the CSV.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collapse => "collapse",
            Self::Minimum => "minimum",
            Self::Attracting => "attracting",
            Self::Saddle => "saddle",
            Self::State => "state",
        }
    }

    const fn sign(self) -> Sign {
        match self {
            Self::Collapse => Sign::Square,
            Self::Minimum => Sign::Diamond,
            Self::Attracting => Sign::Dot,
            Self::Saddle => Sign::Cross,
            Self::State => Sign::Ring,
        }
    }
}

/// A marked point.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The letter beside it; empty: none.
    pub name: String,
    /// What the legend says; points that say the same share an entry; empty: none.
    pub meaning: String,
    /// Which sign.
    pub kind: MarkKind,
    /// (x, y).
    pub at: [f64; 2],
}

/// A line on top of the level curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its words in the legend.
    pub name: String,
    /// Color and dash.
    pub slot: usize,
    /// Whether arrows show the direction: a trajectory.
    pub directed: bool,
    /// (x, y), piece by piece; what lies outside the grid is cut off.
    pub pieces: Vec<Vec<[f64; 2]>>,
}

impl Curve {
    /// A trajectory, with arrows.
    pub fn trajectory(name: &str, slot: usize, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), slot, directed: true, pieces: vec![points] }
    }

    /// Where a function is zero: a nullcline.
    pub fn zero_of(name: &str, slot: usize, grid: &Grid) -> Self {
        let pieces = contours(grid, 0.0).into_iter().map(|contour| contour.points).collect();
        Self { name: name.into(), slot, directed: false, pieces }
    }
}

/// Level curves with what lies on them.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelChart<'a> {
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards.
    pub y: Axis<'a>,
    /// What the height is: Ē.
    pub height: &'a str,
    /// The function; its ends are those of the axes, which are linear.
    pub grid: Grid,
    /// Heights of the curves; empty: 1, 2, 5 times powers of ten where the range is large, equal steps otherwise.
    pub levels: Vec<f64>,
    /// Lines on top.
    pub curves: Vec<Curve>,
    /// Points on top of all.
    pub marks: Vec<Mark>,
}

/// What is being drawn, and where things stand already.
struct Canvas {
    svg: String,
    frame: Area,
    x: Scale,
    y: Scale,
    /// Areas of words and marks.
    placed: Vec<Area>,
    /// Points of lines that words should not cover.
    ink: Vec<(f64, f64)>,
}

impl LevelChart<'_> {
    /// The heights that are drawn.
    pub fn heights(&self) -> Vec<f64> {
        if !self.levels.is_empty() {
            return self.levels.clone();
        }
        let mut sorted: Vec<f64> = self.grid.values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let [low, .., high] = sorted[..] else { return Vec::new() };
        // Below the first percent of the picture a curve would be a dot.
        let start = sorted[sorted.len() / 100];
        if start > 0.0 && high / start > 30.0 {
            let fine = one_two_five(start, high);
            // Over many decades the powers of ten are enough.
            if fine.len() <= 16 { fine } else { fine.into_iter().step_by(3).collect() }
        } else {
            round_numbers(low, high, 10)
        }
    }

    fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        let curves = self.curves.iter().map(|curve| Key::new(Sign::Line, classes(curve.slot), &curve.name));
        let marks = self.marks.iter().map(|mark| Key::new(mark.kind.sign(), "", &mark.meaning));
        for key in curves.chain(marks).filter(|key| !key.words.is_empty()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    fn draw_levels(&self, canvas: &mut Canvas) -> Vec<(f64, Vec<Contour>)> {
        let levels: Vec<_> = self.heights().into_iter().map(|level| (level, contours(&self.grid, level))).collect();
        for (level, curves) in &levels {
            let mut path = String::new();
            for contour in curves {
                write_path(&mut path, &canvas.spots(&contour.points));
            }
            if !path.is_empty() {
                let _ = writeln!(
                    canvas.svg,
                    "<path class=\"level\" d=\"{path}\"><title>{} = {}</title></path>",
                    escape(self.height),
                    concise(*level)
                );
            }
        }
        levels
    }

    /// A number on each level, where it covers least.
    fn number_levels(canvas: &mut Canvas, levels: &[(f64, Vec<Contour>)]) {
        for (place, (level, curves)) in levels.iter().enumerate() {
            let text = concise(*level);
            let size = (LABEL.0 * text.chars().count() as f64, LABEL.1);
            let Some(longest) = curves.iter().max_by_key(|contour| contour.points.len()) else { continue };
            let spots = canvas.spots(&longest.points);
            let area = |(px, py): (f64, f64)| Area {
                left: px - size.0 / 2.0,
                top: py - size.1 / 2.0,
                width: size.0,
                height: size.1,
            };
            // Each search begins elsewhere along its curve, so that the numbers do not stand in a row.
            let begin = (place * spots.len() * 5 / 13) % spots.len().max(1);
            let around = spots[begin..].iter().chain(&spots[..begin]);
            let stride = spots.len().div_ceil(40).max(1);
            let free = around.step_by(stride).map(|spot| area(*spot)).find(|area| canvas.is_free(area));
            if let Some(area) = free {
                let _ = writeln!(
                    canvas.svg,
                    "<text class=\"height\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                    area.left + size.0 / 2.0,
                    area.top + 9.0
                );
                canvas.placed.push(area);
            }
        }
    }

    fn draw_curves(&self, canvas: &mut Canvas) {
        for curve in &self.curves {
            let (mut path, mut arrows) = (String::new(), String::new());
            for piece in &curve.pieces {
                for inside in clipped(piece, self.grid.x, self.grid.y) {
                    let spots = thinned(canvas.spots(&inside));
                    write_path(&mut path, &spots);
                    if curve.directed {
                        write_arrows(&mut arrows, &spots);
                    }
                    canvas.ink.extend(spots);
                }
            }
            if !path.is_empty() {
                let class = if curve.directed { "line" } else { "nullcline" };
                let _ = writeln!(
                    canvas.svg,
                    "<g class=\"{}\"><title>{}</title><path class=\"{class}\" d=\"{path}\"/>{arrows}</g>",
                    classes(curve.slot),
                    escape(&curve.name)
                );
            }
        }
    }

    fn draw_marks(&self, canvas: &mut Canvas) {
        let inside = |at: &[f64; 2]| {
            (self.grid.x[0]..=self.grid.x[1]).contains(&at[0]) && (self.grid.y[0]..=self.grid.y[1]).contains(&at[1])
        };
        let spots: Vec<(&Mark, (f64, f64))> = self
            .marks
            .iter()
            .filter(|mark| inside(&mark.at))
            .filter_map(|mark| Some((mark, canvas.spot(&mark.at)?)))
            .collect();
        for (mark, spot) in &spots {
            draw_sign(&mut canvas.svg, mark.kind.sign(), *spot);
            canvas.placed.push(Area { left: spot.0 - 6.0, top: spot.1 - 6.0, width: 12.0, height: 12.0 });
        }
        for (mark, spot) in spots.iter().filter(|(mark, _)| !mark.name.is_empty()) {
            let size = (8.0 * mark.name.chars().count() as f64, 13.0);
            let others = spots.iter().filter(|(other, _)| other != mark).map(|(_, spot)| *spot).collect::<Vec<_>>();
            let area = place_near(*spot, size, &canvas.frame, &canvas.placed, &canvas.ink, &others);
            let _ = writeln!(
                canvas.svg,
                "<text class=\"letter\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                area.left,
                area.top + 10.6,
                escape(&mark.name)
            );
            canvas.placed.push(area);
        }
    }
}

impl Canvas {
    fn spot(&self, point: &[f64; 2]) -> Option<(f64, f64)> {
        Some((self.x.position(point[0])?, self.y.position(point[1])?))
    }

    fn spots(&self, points: &[[f64; 2]]) -> Vec<(f64, f64)> {
        points.iter().filter_map(|point| self.spot(point)).collect()
    }

    /// Whether a word would stand inside the frame, on nothing else.
    fn is_free(&self, area: &Area) -> bool {
        let inner = |low: f64, size: f64, from: f64, whole: f64| low >= from + 3.0 && low + size <= from + whole - 3.0;
        inner(area.left, area.width, self.frame.left, self.frame.width)
            && inner(area.top, area.height, self.frame.top, self.frame.height)
            && self.placed.iter().all(|other| !other.meets(area))
            && self.ink.iter().all(|spot| area.distance(*spot) > 2.0)
    }
}

impl Chart for LevelChart<'_> {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        let top = TOP + legend::height(&keys, 0.0, WIDTH);
        let frame = Area { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
        let (x, y) = (scale_x(self.x, &frame, &self.grid.x, true), scale_y(self.y, &frame, &self.grid.y, true));
        let described = format!("level curves of {} over {} and {}", self.height, self.x.name, self.y.name);
        let mut svg = frame::open(top + frame.height + BOTTOM, &described);
        frame::draw_frame(&mut svg, &frame, &x.ticks(6), &y.ticks(6), self.x, self.y);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        let mut canvas = Canvas { svg, frame, x, y, placed: Vec::new(), ink: Vec::new() };
        let levels = self.draw_levels(&mut canvas);
        self.draw_curves(&mut canvas);
        self.draw_marks(&mut canvas);
        Self::number_levels(&mut canvas, &levels);
        canvas.svg.push_str("</svg>");
        Drawing { svg: canvas.svg, note: None }
    }

    /// `kind,name,order,x,y,value`: the grid, then points of curves in their order, then marks.
    fn csv(&self) -> String {
        let row = |kind: &str, name: &str, order: usize, [x, y]: [f64; 2], height: f64| {
            vec![kind.to_owned(), name.to_owned(), order.to_string(), value(x), value(y), value(height)]
        };
        let grid = self.grid.values.iter().enumerate().map(|(order, height)| {
            let (column, line) = (order % self.grid.columns, order / self.grid.columns);
            row("grid", self.height, order, self.grid.place(column as f64, line as f64), *height)
        });
        let curves = self.curves.iter().flat_map(|curve| {
            let kind = if curve.directed { "trajectory" } else { "curve" };
            let points = curve.pieces.iter().flatten().enumerate();
            points.map(|(order, at)| row(kind, &curve.name, order, *at, f64::NAN)).collect::<Vec<_>>()
        });
        let marks = self.marks.iter().map(|mark| row(mark.kind.name(), &mark.name, 0, mark.at, f64::NAN));
        table(&["kind", "name", "order", "x", "y", "value"], grid.chain(curves).chain(marks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_round_and_logarithmic_where_the_range_is_large() {
        let chart = |f: fn(f64, f64) -> f64| LevelChart {
            x: Axis::linear("x"),
            y: Axis::linear("y"),
            height: "z",
            grid: Grid::sample([-1.0, 1.0], [-1.0, 1.0], [41, 41], f),
            levels: Vec::new(),
            curves: Vec::new(),
            marks: Vec::new(),
        };
        let bowl = chart(|x, y| x * x + y * y).heights();
        assert!(bowl.iter().any(|level| (level - 0.05).abs() < 1e-12) && bowl.len() > 4, "{bowl:?}");
        let slope = chart(|x, y| x + y).heights();
        assert!(slope.windows(2).all(|pair| (pair[1] - pair[0] - 0.5).abs() < 1e-12), "{slope:?}");
    }
}
