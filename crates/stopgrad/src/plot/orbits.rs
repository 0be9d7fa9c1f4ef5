//! Closed curves around one centre, both axes in one unit: orbits of equilibria under the rotations, seen in a plane.

use std::fmt::Write;

use super::branches::rank_class;
use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, scale_x, scale_y};
use super::label::Area;
use super::legend::{self, Key, Sign, draw_sign};
use super::path::{thinned, write_path};
use super::{Axis, Chart, Drawing};

/// As narrow as other pictures that stand beside each other.
const WIDTH: f64 = 360.0;

/// An orbit.
#[derive(Debug, Clone, PartialEq)]
pub struct OrbitCurve {
    /// The rank, which chooses the color.
    pub rank: usize,
    /// Whether it attracts: a whole line, else dashed.
    pub stable: bool,
    /// Whether the orbit fills what the curve encloses.
    pub filled: bool,
    /// The curve; one point for the origin, two for an orbit that is a segment or a pair of points.
    pub points: Vec<[f64; 2]>,
}

/// Orbits in a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct OrbitChart<'a> {
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards, in the same unit.
    pub y: Axis<'a>,
    /// The last on top.
    pub curves: Vec<OrbitCurve>,
}

impl OrbitChart<'_> {
    /// The largest coordinate: the frame is a square around 0.
    fn reach(&self) -> f64 {
        let all = self.curves.iter().flat_map(|curve| &curve.points).flatten();
        let largest = all.filter(|value| value.is_finite()).fold(0.0_f64, |most, value| most.max(value.abs()));
        if largest > 0.0 { 1.06 * largest } else { 1.0 }
    }

    fn keys(&self) -> Vec<Key> {
        let mut ranks: Vec<usize> = self.curves.iter().map(|curve| curve.rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let key = |rank: usize| match rank {
            0 => Key::new(Sign::Dot, rank_class(0), "origin"),
            rank => Key::new(Sign::Line, rank_class(rank), &format!("rank {rank}")),
        };
        let mut keys: Vec<Key> = ranks.into_iter().map(key).collect();
        if keys.iter().any(|key| key.sign == Sign::Line) {
            keys.push(Key::new(Sign::Line, "", "attracts"));
            keys.push(Key::new(Sign::Line, "loose", "does not"));
        }
        keys
    }
}

impl Chart for OrbitChart<'_> {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        let top = TOP + legend::height(&keys, 0.0, WIDTH);
        let side = WIDTH - LEFT - RIGHT;
        let frame = Area { left: LEFT, top, width: side, height: side };
        let range = [-self.reach(), self.reach()];
        let (x, y) = (scale_x(self.x, &frame, &range, true), scale_y(self.y, &frame, &range, true));
        let described = format!("orbits: {} against {}", self.y.name, self.x.name);
        let mut svg = frame::open_sized([WIDTH, top + side + BOTTOM], &described);
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        frame::draw_frame(&mut svg, &frame, &x.ticks(5), &y.ticks(5), self.x, self.y);
        for curve in &self.curves {
            let spot = |point: &[f64; 2]| Some((x.position(point[0])?, y.position(point[1])?));
            let spots: Vec<(f64, f64)> = curve.points.iter().filter_map(spot).collect();
            let _ = write!(svg, "<g class=\"{}\">", rank_class(curve.rank));
            if let [at] = spots[..] {
                draw_sign(&mut svg, if curve.stable { Sign::Dot } else { Sign::Ring }, at);
            } else if spots.len() > 1 {
                let mut path = String::new();
                write_path(&mut path, &thinned(spots));
                if curve.filled {
                    let _ = write!(svg, "<path class=\"fill\" d=\"{path}z\"/>");
                }
                let dash = if curve.stable { "" } else { " loose" };
                let _ = write!(svg, "<path class=\"line{dash}\" d=\"{path}\"/>");
            }
            svg.push_str("</g>\n");
        }
        svg.push_str("</svg>");
        Drawing { svg, note: None }
    }

    /// `orbit,rank,stable,filled,x,y`.
    fn csv(&self) -> String {
        let row = |(place, curve): (usize, &OrbitCurve), point: &[f64; 2]| {
            let flag = |flag: bool| u8::from(flag).to_string();
            vec![
                place.to_string(),
                curve.rank.to_string(),
                flag(curve.stable),
                flag(curve.filled),
                value(point[0]),
                value(point[1]),
            ]
        };
        let rows = self.curves.iter().enumerate().flat_map(|one| one.1.points.iter().map(move |point| row(one, point)));
        table(&["orbit", "rank", "stable", "filled", "x", "y"], rows)
    }
}
