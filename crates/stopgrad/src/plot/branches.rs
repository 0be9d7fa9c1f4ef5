//! Branches of equilibria against a parameter: what attracts is a whole line, the rest dashed; a color a rank, signs for events.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP, WIDTH, scale_x, scale_y};
use super::label::Area;
use super::legend::{self, Key, Sign, draw_sign};
use super::path::{thinned, write_path};
use super::scale::Scale;
use super::{Axis, Chart, Drawing, Marker, color};
use crate::markup::{concise, escape};

const HEIGHT: f64 = 320.0;
/// Branches from which lines are drawn thinner.
const MANY: usize = 16;

/// One point of a branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Parameter and size; NaN or infinity in either breaks the line.
    pub at: [f64; 2],
    /// Whether it attracts.
    pub stable: bool,
    /// Whether that is not decided, as at a fold: it takes after its neighbours.
    pub open: bool,
}

/// One branch.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its number.
    pub id: usize,
    /// The rank, which chooses the color.
    pub rank: usize,
    /// In order.
    pub stations: Vec<Station>,
    /// An end of what a cycle goes through, not an equilibrium.
    pub cycle: bool,
}

/// What is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Two branches end.
    Fold,
    /// Curves cross.
    Branch,
    /// A cycle is born or dies.
    Hopf,
    /// A branch leaves the picture.
    Escape,
    /// A multiplier passes −1.
    Flip,
}

impl Happening {
    const ALL: [Self; 5] = [Self::Fold, Self::Branch, Self::Hopf, Self::Escape, Self::Flip];

    /// The word in the CSV.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Branch => "branch",
            Self::Hopf => "hopf",
            Self::Escape => "escape",
            Self::Flip => "flip",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Branch => "crossing",
            Self::Hopf => "Hopf",
            Self::Escape => "escape",
            Self::Flip => "flip",
        }
    }

    const fn sign(self) -> Sign {
        match self {
            Self::Fold => Sign::Ring,
            Self::Branch => Sign::OpenSquare,
            Self::Hopf => Sign::OpenDiamond,
            Self::Escape => Sign::Triangle,
            Self::Flip => Sign::Cross,
        }
    }
}

/// A marked place.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// What happens.
    pub kind: Happening,
    /// Whose color it has.
    pub rank: usize,
    /// Parameter and size.
    pub at: [f64; 2],
}

/// A bifurcation diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchChart<'a> {
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards.
    pub y: Axis<'a>,
    /// The branches.
    pub traces: Vec<Trace>,
    /// The events.
    pub places: Vec<Place>,
    /// Values of the parameter with a name.
    pub markers: Vec<Marker>,
    /// What x and y are called in the CSV.
    pub columns: [&'a str; 2],
}

/// The class of a rank: the origin gray, then the colors of the sheet in an order in which neighbours differ.
pub(super) fn rank_class(rank: usize) -> String {
    const ORDER: [usize; 6] = [1, 0, 2, 3, 4, 5];
    if rank == 0 { "muted".into() } else { color(ORDER[(rank - 1) % ORDER.len()]) }
}

impl BranchChart<'_> {
    fn keys(&self) -> Vec<Key> {
        let mut ranks: Vec<usize> = self.traces.iter().map(|trace| trace.rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let name = |rank: usize| if rank == 0 { "origin".to_owned() } else { format!("rank {rank}") };
        let mut keys: Vec<Key> =
            ranks.into_iter().map(|rank| Key::new(Sign::Line, rank_class(rank), &name(rank))).collect();
        if keys.is_empty() {
            return keys;
        }
        keys.push(Key::new(Sign::Line, "", "attracts"));
        keys.push(Key::new(Sign::Line, "loose", "does not"));
        if self.traces.iter().any(|trace| trace.cycle) {
            keys.push(Key::new(Sign::Line, "swing", "cycle: least and largest"));
        }
        let marked = |kind: &Happening| self.places.iter().any(|place| place.kind == *kind);
        keys.extend(Happening::ALL.into_iter().filter(marked).map(|kind| Key::new(kind.sign(), "", kind.words())));
        keys
    }

    fn draw_trace(&self, svg: &mut String, trace: &Trace, x: &Scale, y: &Scale) {
        let crowd = if self.traces.len() > MANY { " many" } else { "" };
        let (kind, swing) = if trace.cycle { ("cycle", " swing") } else { ("branch", "") };
        let _ = write!(
            svg,
            "<g class=\"{}{swing}\"><title>{kind} {}, rank {}</title>",
            rank_class(trace.rank),
            trace.id,
            trace.rank
        );
        for (stable, run) in runs(&trace.stations) {
            let spots: Vec<(f64, f64)> = run
                .iter()
                .filter_map(|station| Some((x.position(station.at[0])?, y.position(station.at[1])?)))
                .collect();
            let mut path = String::new();
            write_path(&mut path, &thinned(spots));
            let dash = if stable { "" } else { " loose" };
            let _ = write!(svg, "<path class=\"line{crowd}{dash}\" d=\"{path}\"/>");
        }
        svg.push_str("</g>\n");
    }
}

/// Neighbouring stations that attract, or do not: each run begins with the last of the one before.
fn runs(stations: &[Station]) -> Vec<(bool, Vec<Station>)> {
    let mut runs: Vec<(bool, Vec<Station>)> = Vec::new();
    for pair in stations.windows(2) {
        let [a, b] = [pair[0], pair[1]];
        if !a.at.iter().chain(&b.at).all(|value| value.is_finite()) {
            continue;
        }
        // Where one is open the other decides; a change lies at the station that was put where it happens.
        let stable = if a.open {
            b.stable
        } else if b.open {
            a.stable
        } else {
            a.stable && b.stable
        };
        match runs.last_mut() {
            Some((own, run)) if *own == stable && run.last().is_some_and(|last| *last == a) => run.push(b),
            _ => runs.push((stable, vec![a, b])),
        }
    }
    runs
}

impl Chart for BranchChart<'_> {
    fn draw(&self) -> Drawing {
        let keys = self.keys();
        let top = TOP + legend::height(&keys, 0.0, WIDTH) + if self.markers.is_empty() { 0.0 } else { 12.0 };
        let frame = Area { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
        let stations = || self.traces.iter().flat_map(|trace| &trace.stations);
        let xs: Vec<f64> =
            stations().map(|station| station.at[0]).chain(self.markers.iter().map(|marker| marker.x)).collect();
        let ys: Vec<f64> = stations().map(|station| station.at[1]).collect();
        let (x, y) = (scale_x(self.x, &frame, &xs, true), scale_y(self.y, &frame, &ys, false));
        let mut svg = frame::open(top + frame.height + BOTTOM, &format!("{} against {}", self.y.name, self.x.name));
        legend::draw(&mut svg, &keys, 0.0, WIDTH, TOP - 2.0);
        frame::draw_frame(&mut svg, &frame, &x.ticks(5), &y.ticks(6), self.x, self.y);
        super::line::draw_markers(&mut svg, &self.markers, &frame, &x);
        for trace in &self.traces {
            self.draw_trace(&mut svg, trace, &x, &y);
        }
        for place in &self.places {
            if let (Some(px), Some(py)) = (x.position(place.at[0]), y.position(place.at[1])) {
                let _ = write!(
                    svg,
                    "<g class=\"{}\"><title>{} at {}</title>",
                    rank_class(place.rank),
                    escape(place.kind.words()),
                    concise(place.at[0])
                );
                draw_sign(&mut svg, place.kind.sign(), (px, py));
                svg.push_str("</g>\n");
            }
        }
        svg.push_str("</svg>");
        let clipped = stations().any(|station| y.clips(station.at[1]));
        let note = clipped
            .then(|| format!("Where {} is below {}, it is drawn at the lower edge.", self.y.name, concise(y.low())));
        Drawing { svg, note }
    }

    /// `kind,branch,rank,x,y,stable`: points of branches and ends of cycles, then events, then markers.
    fn csv(&self) -> String {
        let point = |trace: &Trace, station: &Station| {
            let stable = if station.open {
                "open"
            } else if station.stable {
                "1"
            } else {
                "0"
            };
            vec![
                if trace.cycle { "cycle" } else { "point" }.into(),
                trace.id.to_string(),
                trace.rank.to_string(),
                value(station.at[0]),
                value(station.at[1]),
                stable.into(),
            ]
        };
        let points =
            self.traces.iter().flat_map(|trace| trace.stations.iter().map(move |station| point(trace, station)));
        let event = |place: &Place| {
            let [x, y] = place.at.map(value);
            vec![place.kind.name().to_owned(), String::new(), place.rank.to_string(), x, y, String::new()]
        };
        let marker = |marker: &Marker| {
            vec![marker.name.clone(), String::new(), String::new(), value(marker.x), String::new(), String::new()]
        };
        let [x, y] = self.columns;
        let rows = points.chain(self.places.iter().map(event)).chain(self.markers.iter().map(marker));
        table(&["kind", "branch", "rank", x, y, "stable"], rows)
    }
}
