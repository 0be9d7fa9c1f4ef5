//! Ē over the plane of an encoder and a predictor weight: the pictures, the sentences, the points; [`plane`] has the same
//! over the plane through three states.

pub mod plane;

use serde_json::{Value, json};
use stopgrad_dynamics::Field;
use stopgrad_dynamics::landscape::path::{Path, PathParams};
use stopgrad_dynamics::landscape::{Kind, Landscape, Lie, Rest};

use crate::lab::page::{Column, Table};
use crate::markup::number;
use crate::plot::{Axis, Curve, Grid, LevelChart, Line, LineChart, Mark, MarkKind, Marker, Picture, field_slot};

/// Points a side of the grid that level curves are drawn from.
const POINTS: usize = 101;
/// Points of a section.
const SECTION: usize = 121;
/// Color of what both fields share.
const SHARED: usize = 6;
const ENCODER: Axis<'static> = Axis::linear("encoder θ = a");
const PREDICTOR: Axis<'static> = Axis::linear("predictor ψ = b");

/// A landscape, and one trajectory of each field from one start.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Ē and the fields.
    pub landscape: Landscape,
    /// In the order of [`Field::ALL`].
    pub paths: Vec<Path>,
    /// Where they start.
    pub start: [f64; 2],
}

impl View {
    /// The trajectories of all fields from a start; γ is `ema_rate`.
    pub fn new(landscape: Landscape, start: [f64; 2], ema_rate: f64) -> Self {
        let params = PathParams { ema_rate, ..PathParams::from_start(start) };
        Self { landscape, paths: Field::ALL.map(|field| landscape.path(field, &params)).into(), start }
    }

    /// A start from which stop-gradient and EMA reach A where there is one: further out along a, close to b = 0.
    pub fn default_start(landscape: &Landscape) -> [f64; 2] {
        let Some(limit) = landscape.limit() else { return [1.0, 0.3] };
        [1.5 * limit.a, 0.3 * limit.b]
    }

    /// What is true of this landscape, in whole sentences.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = vec![match self.landscape.limit() {
            Some(limit) => {
                let lie = self.lie(&limit);
                format!(
                    "Stop-gradient and EMA end at A = ({}, {}), where Ē is {}; its minimum, 0, is the collapse C. A is a \
                     minimum of Ē along the predictor (slope {}, curvature {}), and lies on a slope along the encoder: \
                     ∂Ē/∂θ = {}, so a smaller encoder would lower Ē.",
                    number(limit.a),
                    number(limit.b),
                    number(self.landscape.objective(limit.a, limit.b)),
                    number(lie.slope[1]),
                    number(lie.curvature[1]),
                    number(lie.slope[0]),
                )
            }
            None => format!(
                "At this weight decay there is no A: above λ = {} stop-gradient and EMA collapse from every start, as \
                 joint does.",
                number(self.landscape.critical_weight_decay())
            ),
        }];
        findings.push(no_minimum().to_owned());
        findings.extend(self.paths.iter().map(|path| self.sentence(path)));
        findings
    }

    fn sentence(&self, path: &Path) -> String {
        let [a, b, _] = path.states[path.states.len() - 1];
        let from = format!("From ({}, {}) {}", number(self.start[0]), number(self.start[1]), path.field);
        let end = self.landscape.equilibria().into_iter().filter(|_| path.field != Field::Joint);
        let near = |rest: &Rest| (rest.a - a).hypot(rest.b - b) < 1e-3 * (1.0 + rest.a.abs());
        if !path.settled {
            return format!(
                "{from} has not come to rest after {} steps, at ({}, {}).",
                path.steps,
                number(a),
                number(b)
            );
        }
        if a.hypot(b) < 1e-3 {
            return format!("{from} ends at C.");
        }
        match end.into_iter().find(near) {
            Some(rest) if rest.a > 0.0 && rest.kind == Kind::Attracting => format!("{from} ends at A."),
            Some(rest) if rest.kind == Kind::Attracting => format!("{from} ends at A′, the mirror image of A."),
            _ => format!("{from} ends at ({}, {}).", number(a), number(b)),
        }
    }

    /// How Ē lies at a point, a slope that rounding left of 0 as 0.
    fn lie(&self, rest: &Rest) -> Lie {
        let mut lie = self.landscape.lie(rest.a, rest.b);
        for (slope, (curvature, at)) in lie.slope.iter_mut().zip(lie.curvature.iter().zip([rest.a, rest.b])) {
            if slope.abs() <= 1e-12 * (curvature * at).abs() {
                *slope = 0.0;
            }
        }
        lie
    }

    /// `points` of the document: C, B and A, each with its place and kind, or null.
    pub fn points(&self) -> Value {
        let point = |rest: &Rest, kind: &str| {
            let lie = self.landscape.lie(rest.a, rest.b);
            json!({
                "a": rest.a,
                "b": rest.b,
                "kind": kind,
                "objective": self.landscape.objective(rest.a, rest.b),
                "objective_slope": lie.slope,
                "objective_curvature": lie.curvature,
                "stability": rest.kind.name(),
                "rates": rest.rates,
            })
        };
        let collapse = self.landscape.equilibria()[0];
        json!({
            "C": point(&collapse, "global minimum"),
            "B": self.landscape.regularized_minimum().map(|rest| point(&rest, "local minimum")),
            "A": self.landscape.limit().map(|rest| point(&rest, "stop-gradient limit")),
        })
    }

    /// Every point where Ē or a field stands still.
    pub fn table(&self) -> Table {
        let row = |(name, rest): (&str, &Rest)| {
            let lie = self.lie(rest);
            let objective = self.landscape.objective(rest.a, rest.b);
            let numbers = [rest.a, rest.b, objective, lie.slope[0], lie.slope[1], lie.curvature[0], lie.curvature[1]];
            let cells = numbers.map(number);
            std::iter::once(name.to_owned()).chain(cells).chain([rest.kind.name().to_owned()]).collect()
        };
        let equilibria = self.landscape.equilibria();
        let names = ["C, collapse", "inner", "inner, mirrored", "A, outer", "A′, mirrored"];
        let columns = ["a", "b", "Ē", "∂Ē/∂a", "∂Ē/∂b", "∂²Ē/∂a²", "∂²Ē/∂b²"].map(Column::number);
        Table {
            title: "Where the fields stand still".into(),
            note: "Equilibria of stop-gradient and EMA; joint has C alone. At all of them b is the best predictor for a, so \
                   that ∂Ē/∂b = 0."
                .into(),
            columns: [vec![Column::text("point")], columns.into(), vec![Column::text("under sg and ema")]].concat(),
            rows: names.into_iter().zip(&equilibria).map(row).collect(),
        }
    }

    /// The pictures, the landscape itself first.
    pub fn pictures(&self) -> Vec<Picture> {
        let sections = self.landscape.limit().map(|limit| self.sections(limit));
        [Some(self.picture()), Some(self.nullclines()), sections, Some(self.descent())].into_iter().flatten().collect()
    }

    /// Level curves of Ē with the points and one trajectory of each field.
    fn picture(&self) -> Picture {
        let along = |path: &Path| path.states.iter().map(|[a, b, _]| [*a, *b]).collect();
        let curve = |path: &Path| Curve::trajectory(path.field.name(), field_slot(path.field), along(path));
        let mut marks = self.marks();
        marks.push(mark("", "start", MarkKind::State, self.start));
        let chart = self.chart(self.paths.iter().map(curve).collect(), marks);
        let ends = if self.landscape.limit().is_some() {
            "Joint runs down to C; sg and ema end at A, which is lowest along ψ only, unless they start too close to C."
        } else {
            "At this weight decay every field ends at C."
        };
        let caption = format!(
            "Level curves of Ē for one weight each. {ends} To the left it is the mirror image: Ē(−a, b) = Ē(a, b)."
        );
        Picture::of("landscape", "Ē over encoder and predictor", &caption, &chart)
    }

    /// Where each component of each field is zero.
    fn nullclines(&self) -> Picture {
        let [x, y] = self.range();
        // Closer together around a = 0, where the curve turns within √(λ/ρ).
        let best = (-200..=200_i32).map(|k| x[usize::from(k > 0)].abs() * (f64::from(k) / 200.0).powi(3));
        let predictor = vec![best.map(|a| [a, self.landscape.predictor_nullcline(a)]).collect()];
        let level = |b: f64| vec![[x[0], b], [x[1], b]];
        let encoder: Vec<_> = self.landscape.encoder_nullclines(Field::StopGradient).into_iter().map(level).collect();
        let still = |name: &str, slot: usize, pieces: Vec<Vec<[f64; 2]>>| Curve {
            name: name.into(),
            slot,
            directed: false,
            pieces,
        };
        let mut curves = vec![
            still("dψ/dt = 0, every field", SHARED, predictor),
            still("dθ/dt = 0, every field", field_slot(Field::Joint), vec![vec![[0.0, y[0]], [0.0, y[1]]]]),
        ];
        if !encoder.is_empty() {
            curves.push(still("dθ/dt = 0, sg and ema only", field_slot(Field::StopGradient), encoder));
        }
        Picture::of(
            "nullclines",
            "Nullclines",
            "A field rests where a curve of dψ/dt = 0 meets one of dθ/dt = 0. Joint has such a curve at θ = 0 only, and so \
             only C.",
            &self.chart(curves, self.marks()),
        )
    }

    /// Ē through A along either axis.
    fn sections(&self, limit: Rest) -> Picture {
        let share = |k: usize| 0.4 + 1.2 * k as f64 / (SECTION - 1) as f64;
        let line = |name: &str, slot: usize, f: &dyn Fn(f64) -> f64| {
            Line::new(name, slot, (0..SECTION).map(|k| [share(k), f(share(k))]).collect())
        };
        let (landscape, Rest { a, b, .. }) = (&self.landscape, limit);
        let lines = vec![
            line("Ē along θ", field_slot(Field::Joint), &|s| landscape.objective(s * a, b)),
            line("Ē along ψ", field_slot(Field::StopGradient), &|s| landscape.objective(a, s * b)),
        ];
        let weight = Axis::linear("weight, as a share of its value at A");
        let mut chart = LineChart::new(weight, Axis::linear("Ē"), ["share", "objective"], lines);
        chart.markers.push(Marker { name: "A".into(), x: 1.0 });
        Picture::of(
            "sections",
            "Ē through A",
            "One weight moves, the other stays as at A. Along ψ, A is a minimum of Ē; along θ it is on a slope. What sg and \
             ema follow is F̄, whose target is held at A: along either weight it has the values of Ē along ψ, so that A looks \
             like a minimum to them.",
            &chart,
        )
    }

    /// Ē along the trajectories.
    fn descent(&self) -> Picture {
        let along = |path: &Path| -> Vec<[f64; 2]> {
            let value = |[a, b, _]: &[f64; 3]| self.landscape.objective(*a, *b);
            // A logarithmic axis has no 0.
            path.times.iter().zip(&path.states).skip(1).map(|(time, state)| [*time, value(state)]).collect()
        };
        let lines: Vec<Line> =
            self.paths.iter().map(|path| Line::new(path.field.name(), field_slot(path.field), along(path))).collect();
        let chart = LineChart::new(Axis::log("time of the flow"), Axis::linear("Ē"), ["time", "objective"], lines);
        Picture::of(
            "objective",
            "Ē along the trajectories",
            "Joint descends Ē to its minimum. Along sg and ema it may fall or rise. Time is learning rate × steps; a line ends \
             where its trajectory has come to rest, or where its steps were spent.",
            &chart,
        )
    }

    fn chart(&self, curves: Vec<Curve>, marks: Vec<Mark>) -> LevelChart<'static> {
        let [x, y] = self.range();
        let grid = Grid::sample(x, y, [POINTS, POINTS], |a, b| self.landscape.objective(a, b));
        LevelChart { x: ENCODER, y: PREDICTOR, height: "Ē", grid, levels: Vec::new(), curves, marks }
    }

    /// C, A and the saddles between them.
    fn marks(&self) -> Vec<Mark> {
        let equilibria = self.landscape.equilibria();
        let name = |rest: &Rest| match rest.kind {
            Kind::Attracting if rest.a == 0.0 => ("C", "C, collapse", MarkKind::Collapse),
            Kind::Attracting if rest.a > 0.0 => ("A", "A, limit of sg and ema", MarkKind::Attracting),
            Kind::Attracting => ("A′", "A, limit of sg and ema", MarkKind::Attracting),
            Kind::Saddle | Kind::Degenerate => ("", "saddle of sg and ema", MarkKind::Saddle),
        };
        let marked = |rest: &Rest| {
            let (name, meaning, kind) = name(rest);
            mark(name, meaning, kind, [rest.a, rest.b])
        };
        equilibria.iter().map(marked).collect()
    }

    /// What is shown of a and of b: C, A, the start and the trajectories, with room around them.
    fn range(&self) -> [[f64; 2]; 2] {
        let limit = self.landscape.limit().map(|rest| [rest.a * self.start[0].signum(), rest.b]);
        let paths = self.paths.iter().flat_map(|path| path.states.iter().map(|[a, b, _]| [*a, *b]));
        let shown: Vec<[f64; 2]> = paths.chain(limit).chain([[0.0, 0.0], self.start]).collect();
        [0, 1].map(|axis| {
            let values = shown.iter().map(|point| point[axis]).filter(|value| value.is_finite());
            let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
            let room = 0.22 * (high - low).max(1e-3);
            [low - room, high + room]
        })
    }
}

/// Why B is not there.
pub fn no_minimum() -> &'static str {
    "There is no regularised local minimum B: with half the squared error and weight decay, Ē along the encoder is a \
     parabola with its tip at 0, so that C is its only critical point, for the moments of any pairs (proved)."
}

fn mark(name: &str, meaning: &str, kind: MarkKind, at: [f64; 2]) -> Mark {
    Mark { name: name.into(), meaning: meaning.into(), kind, at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::testing::assert_well_formed;

    fn view(weight_decay: f64) -> View {
        let landscape = Landscape::new(1.0, 0.8, 1.0, weight_decay).expect("real pairs");
        View::new(landscape, View::default_start(&landscape), 1.0)
    }

    #[test]
    fn the_sentences_say_where_each_field_ends() {
        let said = view(0.05).findings().join(" ");
        for words in [
            "end at A = (0.732, 0.732)",
            "no regularised local minimum B",
            "joint ends at C.",
            "sg ends at A.",
            "ema ends at A.",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let beyond = view(0.3).findings().join(" ");
        assert!(beyond.contains("above λ = 0.160") && beyond.contains("sg ends at C."), "{beyond}");
    }

    #[test]
    fn points_have_places_and_kinds_and_null_where_there_is_none() {
        let points = view(0.05).points();
        assert_eq!(points["B"], Value::Null);
        assert_eq!(points["C"]["kind"], "global minimum");
        let a = points["A"]["a"].as_f64().expect("a number");
        assert!((a - f64::midpoint(0.8, 0.44_f64.sqrt())).abs() < 1e-15 && points["A"]["stability"] == "attracting");
        assert_eq!(view(0.3).points()["A"], Value::Null);
    }

    #[test]
    fn pictures_are_well_formed_with_and_without_a_limit() {
        for (decay, count) in [(0.05, 4), (0.3, 3), (0.16, 4)] {
            let pictures = view(decay).pictures();
            assert_eq!(pictures.len(), count);
            for picture in pictures {
                assert_well_formed(&picture.svg);
                assert!(!picture.svg.contains("NaN") && picture.svg.len() < 120_000, "{}", picture.svg.len());
            }
        }
    }
}
