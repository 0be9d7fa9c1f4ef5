//! The bifurcation diagram, and the variety of equilibria where it can be drawn.

use stopgrad_dynamics::Stability;
use stopgrad_dynamics::branches::{Branch, BranchPoint, EventKind};
use stopgrad_dynamics::cycles::FoundCycles;
use stopgrad_dynamics::linalg::symmetric_eigen;

use super::View;
use crate::args::Along;
use crate::markup::concise;
use crate::plot::{
    Axis, BranchChart, Happening, Line, LineChart, OrbitChart, OrbitCurve, Picture, Place, Station, Trace,
};

/// Points of a closed curve.
const TURN: usize = 96;

impl View<'_> {
    /// The diagram twice, then the variety at some values.
    pub fn pictures(&self) -> Vec<Picture> {
        let linear = self.diagram_picture(
            "branches",
            "Branches",
            Axis::linear("|S|"),
            "Size of every equilibrium. What attracts is a whole line, what does not is dashed; the origin attracts everywhere.",
        );
        let log = self.diagram_picture(
            "branches-log",
            "Branches, small equilibria too",
            Axis::log("|S|"),
            "The same with equal ratios alike.",
        );
        [Some(linear), Some(log), self.rates_picture(), self.periods()]
            .into_iter()
            .flatten()
            .chain(self.varieties())
            .collect()
    }

    fn x_axis(&self) -> Axis<'static> {
        match self.along {
            Along::WeightDecay => Axis::log("weight decay λ"),
            Along::Mix => Axis::linear("share t of the other moments"),
            Along::EmaRate => Axis::log("teacher's rate γ"),
            Along::LearningRate => Axis::log("learning rate η"),
        }
    }

    fn chart<'a>(&self, y: Axis<'a>, column: &'a str, value: &dyn Fn(&BranchPoint) -> f64) -> BranchChart<'a> {
        let station = |point: &BranchPoint| Station {
            at: [point.parameter, value(point)],
            stable: point.stability == Stability::Attracting,
            open: point.stability == Stability::Degenerate,
        };
        let trace = |branch: &Branch| Trace {
            id: branch.id,
            rank: branch.rank,
            stations: branch.points.iter().map(station).collect(),
            cycle: false,
        };
        let place = |event: &stopgrad_dynamics::branches::Event| {
            let branch = self.diagram.branches.get(*event.branches.first()?)?;
            let near = |point: &&BranchPoint| (point.parameter - event.parameter).abs();
            let point = branch.points.iter().min_by(|a, b| near(a).total_cmp(&near(b)))?;
            Some(Place { kind: happening(event.kind), rank: event.rank, at: [event.parameter, value(point)] })
        };
        BranchChart {
            x: self.x_axis(),
            y,
            traces: self.diagram.branches.iter().map(trace).collect(),
            places: self.diagram.events.iter().filter_map(place).collect(),
            markers: Vec::new(),
            columns: [self.along.key(), column],
        }
    }

    fn diagram_picture(&self, id: &str, title: &str, y: Axis<'_>, caption: &str) -> Picture {
        let mut chart = self.chart(y, "s_norm", &|point| point.s_norm);
        chart.traces.extend(self.swings());
        Picture::of(id, title, caption, &chart)
    }

    /// The least and the largest |S| on every cycle.
    fn swings(&self) -> Vec<Trace> {
        let cycles = self.cycles.unwrap_or_default().iter().enumerate();
        let end = |(id, found): (usize, &FoundCycles), place: usize| Trace {
            id,
            rank: found.width,
            stations: found
                .branch
                .cycles
                .iter()
                .map(|cycle| Station {
                    at: [cycle.weight_decay, cycle.s_norm[place]],
                    stable: cycle.attracts,
                    open: false,
                })
                .collect(),
            cycle: true,
        };
        cycles.flat_map(|one| [end(one, 0), end(one, 1)]).collect()
    }

    /// Periods of the cycles, which grow beyond bounds where one meets a saddle.
    fn periods(&self) -> Option<Picture> {
        let cycles = self.cycles.filter(|cycles| !cycles.is_empty())?;
        let line = |(place, found): (usize, &FoundCycles)| {
            let points = found.branch.cycles.iter().map(|cycle| [cycle.weight_decay, cycle.period]).collect();
            Line::new(&format!("cycle {place}"), found.width, points)
        };
        let lines = cycles.iter().enumerate().map(line).collect();
        let chart = LineChart::new(self.x_axis(), Axis::log("period"), ["weight_decay", "period"], lines);
        Some(Picture::of(
            "periods",
            "Periods of the limit cycles",
            "Time of one turn, up to a rotation of the embedding. Where it grows beyond bounds the cycle meets a saddle.",
            &chart,
        ))
    }

    /// Rates and moduli, where equilibria themselves do not move.
    fn rates_picture(&self) -> Option<Picture> {
        let name = match self.along {
            Along::EmaRate => "leading rate",
            Along::LearningRate => "largest multiplier, less 1",
            Along::WeightDecay | Along::Mix => return None,
        };
        let chart = self.chart(Axis::linear(name), "leading_rate", &|point| point.leading_rate);
        Some(Picture::of(
            "rates",
            "How fast equilibria are left or approached",
            "Above 0 an equilibrium is left. Equilibria themselves stay where they are.",
            &chart,
        ))
    }

    /// The variety {A : `AᵀA` = S} of every equilibrium at the ends of the range and in its middle.
    fn varieties(&self) -> Vec<Picture> {
        let size = self.diagram.branches.first().and_then(|origin| origin.points.first()).map_or(0, |p| p.s.nrows());
        if !(1..=2).contains(&size) || self.embedding_dim < 2 || self.along == Along::LearningRate {
            return Vec::new();
        }
        let middle = self.diagram.checks.get(self.diagram.checks.len() / 2).map(|check| check.parameter);
        let mut values = vec![self.range[0]];
        values.extend(middle);
        values.push(self.range[1]);
        values
            .into_iter()
            .enumerate()
            .filter(|(_, value)| self.standing(*value).next().is_some())
            .map(|(place, value)| self.variety(place, value, size))
            .collect()
    }

    fn variety(&self, place: usize, value: f64, size: usize) -> Picture {
        let curve = |(branch, point): (&Branch, &BranchPoint)| OrbitCurve {
            rank: branch.rank,
            stable: point.stability == Stability::Attracting,
            filled: self.embedding_dim > 2 && branch.rank == 2,
            points: if size == 1 { sphere(point) } else { row_of_encoder(point) },
        };
        let mut curves: Vec<OrbitCurve> = self.standing(value).map(curve).collect();
        curves.push(OrbitCurve { rank: 0, stable: true, filled: false, points: vec![[0.0, 0.0]] });
        let axes = if size == 1 {
            ["first dimension of the embedding", "second dimension"]
        } else {
            ["weight of the first input", "weight of the second input"]
        };
        let caption = if size == 1 {
            "Equilibria are spheres: the encoder's one column may point anywhere, its length is fixed. Drawn is the plane of two \
             dimensions of the embedding."
        } else if self.embedding_dim > 2 {
            "The weights of one dimension of the embedding over all encoders A with AᵀA = S: for rank 2 they fill an ellipse, \
             for rank 1 a segment."
        } else {
            "The weights of one dimension of the embedding over all encoders A with AᵀA = S: for rank 2 an ellipse, for rank 1 \
             a segment."
        };
        let chart = OrbitChart { x: Axis::linear(axes[0]), y: Axis::linear(axes[1]), curves };
        Picture::of(
            &format!("variety-{}", place + 1),
            &format!("The variety at {}", self.at_value(value)),
            caption,
            &chart,
        )
    }

    fn at_value(&self, value: f64) -> String {
        format!("{} = {}", self.along.letter(), concise(value))
    }
}

const fn happening(kind: EventKind) -> Happening {
    match kind {
        EventKind::Fold => Happening::Fold,
        EventKind::Branch => Happening::Branch,
        EventKind::Hopf => Happening::Hopf,
        EventKind::Escape => Happening::Escape,
        EventKind::Flip => Happening::Flip,
    }
}

/// m = 1: |a|² = s.
fn sphere(point: &BranchPoint) -> Vec<[f64; 2]> {
    let radius = point.s[(0, 0)].max(0.0).sqrt();
    turn().map(|[x, y]| [radius * x, radius * y]).collect()
}

/// m = 2: a row of A = U S^{1/2}, U with orthonormal columns, is S^{1/2} times a vector of length 1 (n = 2) or at most 1.
fn row_of_encoder(point: &BranchPoint) -> Vec<[f64; 2]> {
    let Ok(eigen) = symmetric_eigen(point.s.as_ref()) else { return Vec::new() };
    let [a, b] = [0, 1].map(|k| eigen.values[k].max(0.0).sqrt());
    // What is left of a rank-one S in its second eigenvalue is rounding.
    let b = if b < 1e-6 * a { 0.0 } else { b };
    let at =
        |[x, y]: [f64; 2]| [0, 1].map(|input| a * x * eigen.vectors[(input, 0)] + b * y * eigen.vectors[(input, 1)]);
    if b > 0.0 { turn().map(at).collect() } else { [[1.0, 0.0], [-1.0, 0.0]].map(at).to_vec() }
}

/// The unit circle.
fn turn() -> impl Iterator<Item = [f64; 2]> {
    (0..=TURN).map(|k| k as f64 / TURN as f64 * std::f64::consts::TAU).map(|angle| [angle.cos(), angle.sin()])
}
