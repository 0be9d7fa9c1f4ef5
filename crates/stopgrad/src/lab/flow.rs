//! One trajectory of a linear network: the sentences, the pictures, the table.

use stopgrad_dynamics::flow::{FlowEnd, Limit, Row, Stop};
use stopgrad_dynamics::{Field, LinearField, UpdateMap};

use super::ending::{Ending, Kappa, Standing};
use crate::lab::page::{Column, Page, Table};
use crate::markup::{grouped, number, significant};
use crate::plot::{Axis, Boundary, Cloud, Line, LineChart, Picture, SpectrumChart, field_slot};

/// Eigenvalues of S that have a line.
const MODES: usize = 12;
/// Entries of S that have a line in the picture of a cycle.
const ENTRIES: usize = 4;
/// Part of its start that the balance gap may be off for a trajectory to be called faithful.
const FAITHFUL: f64 = 0.05;
/// Ratio of the largest to the least value beyond which an objective is drawn on a logarithmic axis.
const WIDE: f64 = 30.0;
/// Color of what was measured (a whole line) and of what it is set beside (a dashed one).
const MEASURED: usize = 5;
const BESIDE: usize = 3;
const TIME: Axis<'static> = Axis::log("time");

/// A trajectory and its end.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What moved.
    pub field: &'a LinearField,
    /// In steps of this map, if it was no flow.
    pub map: Option<&'a UpdateMap>,
    /// Where it started, after "from".
    pub from: &'a str,
    /// Where it went.
    pub end: &'a FlowEnd,
    /// How it stands there.
    pub ending: &'a Ending,
}

impl View<'_> {
    /// Everything there is to say.
    pub fn page(&self) -> Page {
        Page {
            title: self.title(),
            findings: self.findings(),
            tables: self.tables(),
            pictures: self.pictures(),
            mathematics: "docs/theory.md, sections 2, 4 and 5",
        }
    }

    fn title(&self) -> String {
        let moving = if self.map.is_some() { "Training in steps" } else { "A flow" };
        format!("{moving} of a linear network under {}", self.field.kind)
    }

    /// What is true of this trajectory, in whole sentences.
    pub fn findings(&self) -> Vec<String> {
        let standing = self.ending.standing.as_ref();
        [
            Some(self.stopped()),
            standing.map(Standing::sentence),
            standing.and_then(Standing::steps_sentence),
            self.ending.kappa.as_ref().map(Kappa::sentence),
            self.objective(),
            self.balance(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn stopped(&self) -> String {
        let rank = self.last().and_then(|row| row.rank).unwrap_or(0);
        let after = format!("after time {} ({} steps)", number(self.end.time), grouped(self.end.steps));
        let from = format!("From {} {}", self.from, self.field.kind);
        match self.end.stop {
            Stop::Steady { .. } if rank == 0 => {
                format!("{from} came to rest at the origin {after}: complete collapse.")
            }
            Stop::Steady { .. } => format!("{from} came to rest at rank {rank} of {} {after}.", self.most()),
            Stop::Cycle(cycle) => format!(
                "{from} ended on a cycle at rank {rank} {after}: period {}, amplitude {} in AᵀA and its like. It neither \
                 converges nor collapses.",
                significant(cycle.period, 7),
                number(cycle.amplitude)
            ),
            Stop::Budget(Limit::Caller) => format!(
                "{from} had found neither rest nor a cycle {after}, when it was stopped; |v| was {}. More time would tell.",
                number(self.end.field_norm)
            ),
            Stop::Budget(limit) => format!(
                "{from} had found neither rest nor a cycle {after}, when its {} spent; |v| was {}. A larger {} would tell.",
                if limit == Limit::Time { "time was" } else { "steps were" },
                number(self.end.field_norm),
                if limit == Limit::Time { "--end-time" } else { "--max-steps" }
            ),
            Stop::Diverged => format!("{from} diverged {after}."),
        }
    }

    fn objective(&self) -> Option<String> {
        let values: Vec<f64> = self.rows().iter().filter_map(|row| row.joint_objective).collect();
        let (first, last) = (values.first()?, values.last()?);
        let scale = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let rises = values.windows(2).any(|pair| pair[1] > pair[0] + 1e-9 * scale);
        let how = if rises { "and rose in between" } else { "and fell all the way" };
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let least =
            if lowest < last - 1e-6 * scale { format!(" (its least was {})", number(lowest)) } else { String::new() };
        Some(format!("Ē went from {} to {}{least}, {how}; its minimum is 0.", number(*first), number(*last)))
    }

    fn balance(&self) -> Option<String> {
        let error = self.ending.balance_gap_error?;
        let off = format!("at most {} of its start off", number(error));
        Some(match (error <= FAITHFUL, self.map.is_some()) {
            (true, false) => format!("AAᵀ − BᵀB followed its exact decay e^(−2λt) as it has to: {off}."),
            (true, true) => format!("AAᵀ − BᵀB followed e^(−2λt), the decay of the flow: {off}."),
            (false, true) => {
                format!("Steps this long do not follow the flow: AAᵀ − BᵀB left its decay e^(−2λt), {off}.")
            }
            (false, false) => {
                format!("AAᵀ − BᵀB left its exact decay e^(−2λt), {off}: integrate with a smaller --rtol.")
            }
        })
    }

    /// The end in numbers.
    pub fn tables(&self) -> Vec<Table> {
        let Some(row) = self.last() else { return Vec::new() };
        let show = |value: Option<f64>| value.map_or_else(|| "—".into(), number);
        let mut rows: Vec<[String; 2]> = vec![
            ["stop".into(), self.end.stop.name().into()],
            ["time".into(), number(self.end.time)],
            ["steps".into(), grouped(self.end.steps)],
            ["rank of A".into(), row.rank.map_or_else(|| "—".into(), |rank| rank.to_string())],
            ["|v|".into(), number(self.end.field_norm)],
            ["Ē".into(), show(row.joint_objective)],
            ["F̄".into(), show(row.proxy_objective)],
            ["|AAᵀ − BᵀB|".into(), show(row.balance_gap)],
        ];
        if let Some(standing) = &self.ending.standing {
            rows.push(["stability".into(), standing.verdict().into()]);
        }
        let numbered = row.s_eigenvalues.iter().take(MODES).enumerate();
        rows.extend(numbered.map(|(k, value)| [format!("eigenvalue {} of AᵀA", k + 1), number(*value)]));
        vec![Table {
            title: "The end".into(),
            note: if self.field.moments.yy.is_some() {
                String::new()
            } else {
                "Ē and F̄ need yy = E[y yᵀ], which these moments lack.".into()
            },
            columns: vec![Column::text("of the last state"), Column::number("value")],
            rows: rows.into_iter().map(Vec::from).collect(),
        }]
    }

    /// Trajectories, and the spectrum at the end.
    pub fn pictures(&self) -> Vec<Picture> {
        [self.turns(), self.objectives(), Some(self.modes()), self.gap(), Some(self.speed()), self.spectrum()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The cycle itself, in the coordinates that turn most.
    fn turns(&self) -> Option<Picture> {
        let first = self.ending.turns.first()?;
        let swing = |j: usize| {
            let values = || self.ending.turns.iter().map(|turn| turn.kept[j]);
            values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
        };
        let mut coordinates: Vec<usize> = (0..first.kept.len()).collect();
        coordinates.sort_by(|i, j| swing(*j).total_cmp(&swing(*i)).then(i.cmp(j)));
        coordinates.truncate(ENTRIES);
        let line = |(slot, &j): (usize, &usize)| {
            let points = self.ending.turns.iter().map(|turn| [turn.time, turn.kept[j]]).collect();
            Line::new(&format!("coordinate {}", j + 1), slot, points)
        };
        let lines = coordinates.iter().enumerate().map(line).collect();
        let time = Axis::linear("time from the end on");
        let chart = LineChart::new(time, Axis::linear("diagonal of AᵀA"), ["time", "kept"], lines);
        Some(Picture::of(
            "cycle",
            "Three turns of the cycle",
            "How strongly the encoder keeps the coordinates of the input that change most, from where the flow was stopped. It \
             goes on like this for ever.",
            &chart,
        ))
    }

    fn objectives(&self) -> Option<Picture> {
        let known = self.rows().iter().any(|row| row.joint_objective.is_some());
        let line =
            |name: &str, slot: usize, value: &dyn Fn(&Row) -> Option<f64>| Line::new(name, slot, self.points(value));
        let mut lines = vec![line("Ē", field_slot(Field::Joint), &|row| row.joint_objective)];
        if self.field.kind.has_teacher() {
            lines.push(line("F̄", field_slot(Field::Ema), &|row| row.proxy_objective));
        }
        let values = || lines.iter().flat_map(|line| &line.points).map(|point| point[1]);
        let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        let wide = least > 0.0 && most > WIDE * least;
        let axis = if wide { Axis::log("objective") } else { Axis::linear("objective") };
        let chart = LineChart::new(TIME, axis, ["time", "value"], lines);
        let caption = if self.field.kind.has_teacher() {
            "Ē with the student as its own target, F̄ with the teacher that is followed. Neither has to fall."
        } else if self.field.kind == Field::Joint {
            "Joint descends Ē, so it falls all the way, to 0."
        } else {
            "The teacher is the student, so that Ē and F̄ have one value. It need not fall."
        };
        known.then(|| Picture::of("objective", "Ē and F̄ along the trajectory", caption, &chart))
    }

    fn modes(&self) -> Picture {
        let count = self.rows().iter().map(|row| row.s_eigenvalues.len()).max().unwrap_or(0);
        let shown = count.min(MODES);
        let name = |k: usize| if shown <= 6 { format!("mode {}", k + 1) } else { "modes".into() };
        let line = |k: usize| {
            Line::new(
                &name(k),
                if shown <= 6 { k } else { MEASURED },
                self.points(&|row: &Row| row.s_eigenvalues.get(k).copied()),
            )
        };
        let chart = LineChart::new(
            TIME,
            Axis::log("eigenvalue of AᵀA"),
            ["time", "eigenvalue"],
            (0..shown).map(line).collect(),
        );
        let rest = if shown < count { format!(" The largest {shown} of {count}.") } else { String::new() };
        let caption =
            format!("What the encoder keeps. A line that goes on falling is a dimension that dies out.{rest}");
        Picture::of("modes", "Eigenvalues of S = AᵀA", &caption, &chart)
    }

    fn gap(&self) -> Option<Picture> {
        let rate = self.field.balance_rate()?;
        let start = self.rows().first()?.balance_gap.filter(|gap| *gap > 0.0)?;
        let exact =
            self.rows().iter().map(|row| [row.time, start * (-rate * row.time).exp()]).filter(positive).collect();
        let lines = vec![
            Line::new("measured", MEASURED, self.points(&|row: &Row| row.balance_gap)),
            Line::new("exact", BESIDE, exact),
        ];
        let chart = LineChart::new(TIME, Axis::log("|AAᵀ − BᵀB|"), ["time", "gap"], lines);
        Some(Picture::of(
            "balance",
            "The balance gap",
            "A law of stop-gradient and EMA: AAᵀ − BᵀB decays exactly as e^(−2λt), whatever else happens. It checks the \
             integration, and how closely training in steps follows the flow; at the bottom the gap is lost in the \
             rounding of its two parts.",
            &chart,
        ))
    }

    fn speed(&self) -> Picture {
        let lines = vec![
            Line::new("|v|", MEASURED, self.points(&|row: &Row| Some(row.field_norm))),
            Line::new("step", BESIDE, self.points(&|row: &Row| Some(row.increment))),
        ];
        let chart = LineChart::new(TIME, Axis::log("length"), ["time", "length"], lines);
        let caption = if self.map.is_some() {
            "Length of the field, and of each training step."
        } else {
            "Length of the field, and of each step of the integrator, which chooses its steps by their error."
        };
        Picture::of("speed", "Field and increments", caption, &chart)
    }

    fn spectrum(&self) -> Option<Picture> {
        let spectrum = self.ending.standing.as_ref()?.spectrum.as_ref()?;
        let values = spectrum.transversal_eigenvalues.clone();
        if values.is_empty() {
            return None;
        }
        let cloud = Cloud { name: "transversal".into(), slot: field_slot(self.field.kind), values };
        let orbit = vec![[0.0, 0.0]; spectrum.orbit_dimension];
        let chart = SpectrumChart { clouds: vec![cloud], orbit, boundary: Boundary::ImaginaryAxis };
        Some(Picture::of(
            "spectrum",
            "Rates at the end",
            "Eigenvalues of the linearised field, the directions of the orbit taken out. All on the left: the equilibrium \
             attracts.",
            &chart,
        ))
    }

    /// (time, value) where there is one, for logarithmic time.
    fn points(&self, value: &dyn Fn(&Row) -> Option<f64>) -> Vec<[f64; 2]> {
        let point = |row: &Row| Some([row.time, value(row)?]);
        self.rows().iter().filter_map(point).filter(positive).collect()
    }

    fn rows(&self) -> &[Row] {
        &self.end.trajectory.rows
    }

    fn last(&self) -> Option<&Row> {
        self.rows().last()
    }

    /// The most that the rank can be.
    fn most(&self) -> usize {
        self.field.width.min(self.field.inputs())
    }
}

/// A logarithmic axis has no 0.
fn positive(point: &[f64; 2]) -> bool {
    point[0] > 0.0
}
