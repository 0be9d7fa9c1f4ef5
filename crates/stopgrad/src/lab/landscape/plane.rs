//! Ē over the plane through three states of a linear network of any size, and what the fields do there.

mod words;

use serde_json::{Map, Value, json};
use stopgrad_dynamics::landscape::Rest;
use stopgrad_dynamics::landscape::plane::{Plane, Quartic};
use stopgrad_dynamics::landscape::shadow::{Shadow, ShadowParams};
use stopgrad_dynamics::{Field, LinearField, VectorField};

use super::{POINTS, mark};
use crate::plot::{Axis, Curve, Grid, LevelChart, Line, LineChart, MarkKind, Picture, field_slot};

/// Room around what is shown, in parts of it.
const ROOM: f64 = 0.3;
/// What the three trajectories may cost, in multiply-adds: a few seconds.
const WORK: f64 = 6e9;
/// Values of a field that a step of the integrator takes.
const STAGES: f64 = 6.0;
/// Steps below which a trajectory would show nothing, and at most.
const STEPS: [u64; 2] = [100, 50_000];
/// Speed over the slowest rate, in parts of the start, at which nothing more can be seen.
const SETTLED: f64 = 1e-4;
/// |v| / (λ|z|) below which a field rests, and has no direction.
const RESTING: f64 = 1e-6;

/// A state with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// For people: from its file.
    pub name: String,
    /// A and B.
    pub student: Vec<f64>,
    /// A, B and the teacher.
    pub with_teacher: Vec<f64>,
}

/// What a field does at a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Which.
    pub field: Field,
    /// |v| / (λ|z|).
    pub relative_residual: f64,
    /// The part of the student's |v| that leaves the plane; none where the field rests, as every field does at the collapse.
    pub off_plane: Option<f64>,
}

/// The plane, Ē on it, the fields around it.
#[derive(Debug, Clone)]
pub struct View {
    /// Through (A, B) of the states.
    pub plane: Plane,
    /// In the order in which they were given.
    pub states: [Named; 3],
    /// In the order of [`Field::ALL`].
    pub fields: [LinearField; 3],
    /// Where trajectories start, in the plane; whether that is the mean of the states.
    pub start: ([f64; 2], bool),
    /// In the order of [`Field::ALL`]; empty where they are not cheap.
    pub shadows: Vec<Shadow>,
    /// What is shown of s and of t.
    pub range: [[f64; 2]; 2],
    /// Minima of Ē within the plane, as far as it is shown.
    pub minima: Vec<Rest>,
    quartic: Quartic,
}

impl View {
    /// Ē and trajectories on a plane; from the mean of the states where no start is given.
    ///
    /// # Requires    moments with V; `fields` in the order of [`Field::ALL`]; a plane through (A, B) of `states`
    pub fn new(plane: Plane, states: [Named; 3], fields: [LinearField; 3], start: Option<[f64; 2]>) -> Self {
        let mean = [0, 1].map(|axis| plane.corners.iter().map(|corner| corner[axis]).sum::<f64>() / 3.0);
        let (at, is_mean) = (start.unwrap_or(mean), start.is_none());
        let shadows = shadows(&plane, &fields, at);
        let range = range(&plane, at, &shadows);
        let center = range.map(|[low, high]| f64::midpoint(low, high));
        let reach = range.map(|[low, high]| (high - low) / 2.0).into_iter().fold(0.0, f64::max);
        let objective = |state: &[f64]| fields[0].objective(state).expect("the caller asked for V");
        let quartic = Quartic::fit(center, reach, |place| objective(&plane.state(place)));
        let [x, y] = range;
        let minima = quartic.minima([x[0], y[0]], [x[1], y[1]]);
        Self { plane, states, fields, start: (at, is_mean), shadows, range, minima, quartic }
    }

    /// Ē at a state (A, B).
    fn objective(&self, student: &[f64]) -> f64 {
        self.fields[0].objective(student).expect("the caller asked for V")
    }

    /// What each field does at a state.
    pub fn motions(&self, state: &Named) -> [Motion; 3] {
        self.fields.each_ref().map(|field| {
            let z = if field.kind.has_teacher() { &state.with_teacher } else { &state.student };
            let mut value = vec![0.0; z.len()];
            field.value(z, &mut value);
            let relative_residual = field.relative_residual(z);
            let rests = relative_residual <= RESTING || self.is_collapse(state);
            let off_plane = self.plane.off_plane(&value[..state.student.len()]).filter(|_| !rests);
            Motion { field: field.kind, relative_residual, off_plane }
        })
    }

    /// Whether a state is so small that in the picture it is the collapse.
    fn is_collapse(&self, state: &Named) -> bool {
        self.plane
            .foot(&state.student)
            .0
            .iter()
            .zip(self.collapse().0)
            .all(|(s, t)| (s - t).abs() <= RESTING * self.reach())
            && self.collapse().1 <= RESTING * self.reach()
    }

    /// Distance of the farthest state from the first.
    fn reach(&self) -> f64 {
        self.plane.corners.iter().map(|[s, t]| s.hypot(*t)).fold(0.0, f64::max)
    }

    /// The fields of docs/formats.md.
    pub fn document(&self) -> Value {
        let mut points = Map::new();
        for (state, corner) in self.states.iter().zip(self.plane.corners) {
            let motions = self.motions(state);
            let fields: Map<String, Value> = motions
                .iter()
                .map(|motion| {
                    let own = json!({ "relative_residual": motion.relative_residual, "off_plane": motion.off_plane });
                    (motion.field.name().to_owned(), own)
                })
                .collect();
            let own = json!({
                "coordinates": corner,
                "objective": self.objective(&state.student),
                "proxy_objective": self.fields[2].proxy_objective(&state.with_teacher),
                "relative_residual": motions[1].relative_residual,
                "fields": fields,
            });
            points.insert(state.name.clone(), own);
        }
        let (foot, distance) = self.collapse();
        let minimum = |rest: &Rest| {
            let at = [rest.a, rest.b];
            json!({ "coordinates": at, "objective": self.quartic.value(at) })
        };
        let path = |shadow: &Shadow| {
            let last = shadow.feet.len() - 1;
            json!({
                "field": shadow.field.name(),
                "end": { "coordinates": shadow.feet[last], "distance": shadow.distances[last] },
                "objective": self.objective(&shadow.end[..self.states[0].student.len()]),
                "time": shadow.times[last],
                "steps": shadow.steps,
                "settled": shadow.settled,
            })
        };
        json!({
            "m": self.fields[0].inputs(),
            "embedding_dim": self.fields[0].width,
            "points": points,
            "collapse": { "coordinates": foot, "distance": distance },
            "minima": self.minima.iter().map(minimum).collect::<Vec<_>>(),
            "paths": self.shadows.iter().map(path).collect::<Vec<_>>(),
        })
    }

    /// The point of the plane nearest to the collapse, and its distance; rounding is 0.
    fn collapse(&self) -> ([f64; 2], f64) {
        let (foot, distance) = self.plane.foot(&vec![0.0; self.states[0].student.len()]);
        (foot, if distance < 1e-9 * self.reach() { 0.0 } else { distance })
    }

    /// Level curves; how far the trajectories are from what they are drawn on.
    pub fn pictures(&self) -> Vec<Picture> {
        [Some(self.levels()), self.distances()].into_iter().flatten().collect()
    }

    fn levels(&self) -> Picture {
        let states = self.plane.corners.iter().zip(&self.states);
        let states = states.map(|(corner, state)| mark(&shortened(&state.name), "", MarkKind::State, *corner));
        let minima =
            self.minima.iter().map(|rest| mark("", "minimum within the plane", MarkKind::Minimum, [rest.a, rest.b]));
        let mut marks: Vec<_> = states.chain(minima).collect();
        if !self.shadows.is_empty() {
            marks.push(mark("", "start", MarkKind::State, self.start.0));
        }
        let curve =
            |shadow: &Shadow| Curve::trajectory(shadow.field.name(), field_slot(shadow.field), shadow.feet.clone());
        let [x, y] = self.range;
        let names = self.states.each_ref().map(|state| shortened(&state.name));
        let along = format!("from {} towards {}", names[0], names[1]);
        let across = format!("across, towards {}", names[2]);
        let chart = LevelChart {
            x: Axis::linear(&along),
            y: Axis::linear(&across),
            height: "Ē",
            grid: Grid::sample(x, y, [POINTS, POINTS], |s, t| self.quartic.value([s, t])),
            levels: Vec::new(),
            curves: self.shadows.iter().map(curve).collect(),
            marks,
        };
        let seen = if self.shadows.is_empty() {
            ""
        } else {
            " Trajectories leave the plane; drawn is the point of it that is nearest to them."
        };
        let caption = format!(
            "Distances are those of the parameters A and B. A minimum within the plane need not be one beside it.{seen}"
        );
        Picture::of("plane", "Ē over the plane through three states", &caption, &chart)
    }

    fn distances(&self) -> Option<Picture> {
        let line = |shadow: &Shadow| {
            // A logarithmic axis has no 0.
            let points = shadow.times.iter().zip(&shadow.distances).skip(1).map(|(time, distance)| [*time, *distance]);
            Line::new(shadow.field.name(), field_slot(shadow.field), points.collect())
        };
        let lines: Vec<Line> = self.shadows.iter().map(line).collect();
        let chart =
            LineChart::new(Axis::log("time of the flow"), Axis::linear("distance"), ["time", "distance"], lines);
        (!self.shadows.is_empty()).then(|| {
            Picture::of(
                "distance",
                "Distance from the plane",
                "How far each trajectory is from the plane it is drawn on, in the units of the picture of Ē. What is small \
                 against that picture can be read in it.",
                &chart,
            )
        })
    }
}

/// One trajectory of each field from a point of the plane, where they are cheap.
fn shadows(plane: &Plane, fields: &[LinearField; 3], start: [f64; 2]) -> Vec<Shadow> {
    let (n, m) = (fields[0].width as f64, fields[0].inputs() as f64);
    let value = 3.0 * n * m * m + 3.0 * n * n * m;
    let max_steps = ((WORK / (3.0 * STAGES * value)) as u64).min(STEPS[1]);
    if max_steps < STEPS[0] {
        return Vec::new();
    }
    let start = plane.state(start);
    let params = ShadowParams { settled: SETTLED, max_steps };
    fields.iter().map(|field| Shadow::cast(field, &start, plane, params)).collect()
}

/// The states, the start and the trajectories with room around; a trajectory widens the picture by half at most on a side.
fn range(plane: &Plane, start: [f64; 2], shadows: &[Shadow]) -> [[f64; 2]; 2] {
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let inner = [0, 1].map(|axis| bounds(&mut plane.corners.iter().chain([&start]).map(|corner| corner[axis])));
    let size = inner.map(|(low, high)| high - low).into_iter().fold(0.0, f64::max);
    [0, 1].map(|axis| {
        let (low, high) = inner[axis];
        let feet = shadows.iter().flat_map(|shadow| &shadow.feet).map(|foot| foot[axis]);
        let (left, right) = bounds(&mut feet.filter(|value| value.is_finite()));
        let (low, high) = (low.min(left.max(low - 0.5 * size)), high.max(right.min(high + 0.5 * size)));
        // Not thinner than a fifth: the third state may be close to the line through the others.
        let room = (ROOM * (high - low)).max(0.1 * size);
        [low - room, high + room]
    })
}

/// Fit for a label in a picture.
fn shortened(name: &str) -> String {
    const LETTERS: usize = 16;
    if name.chars().count() <= LETTERS {
        return name.into();
    }
    name.chars().take(LETTERS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
