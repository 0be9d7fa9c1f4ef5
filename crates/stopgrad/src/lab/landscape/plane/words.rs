//! What is true of a plane, in sentences and numbers.

use stopgrad_dynamics::landscape::shadow::Shadow;

use super::{Motion, Named, View};
use crate::lab::page::{Column, Table};
use crate::markup::{grouped, listed, number, percent};

impl View {
    /// Headline.
    pub fn title(&self) -> String {
        format!("Ē over the plane through {}", listed(&self.states.each_ref().map(|state| state.name.clone())))
    }

    /// Whole sentences: Ē at the states, the collapse, minima within the plane, directions, trajectories.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = vec![self.heights(), self.minimum()];
        findings.extend(self.states.iter().map(|state| self.directions(state)));
        if self.shadows.is_empty() {
            findings.push(format!(
                "Trajectories are left out: with n = {} and m = {} they are not cheap (`stopgrad flow` follows one).",
                self.fields[0].width,
                self.fields[0].inputs()
            ));
        }
        findings.extend(self.shadows.iter().map(|shadow| self.trajectory(shadow)));
        findings
    }

    fn heights(&self) -> String {
        let at = |state: &Named| format!("{} at {}", number(self.objective(&state.student)), state.name);
        let (foot, distance) = self.collapse();
        let where_from = if distance > 0.0 {
            format!("is {} away from the plane, over {}", number(distance), self.place(foot))
        } else {
            format!("lies in the plane at {}", self.place(foot))
        };
        let heights = self.states.each_ref().map(at);
        format!("Ē is {}; its minimum, 0, is the collapse, which {where_from}.", listed(&heights))
    }

    fn minimum(&self) -> String {
        let highest = self.states.iter().map(|state| self.objective(&state.student)).fold(0.0, f64::max);
        let at = |rest: &stopgrad_dynamics::landscape::Rest| {
            let at = [rest.a, rest.b];
            let value = self.quartic.value(at);
            // The plane's polynomial is good to rounding of its largest values.
            let shown = if value.abs() <= 1e-12 * highest { 0.0 } else { value };
            format!("{} at {}", number(shown), self.place(at))
        };
        let minima: Vec<String> = self.minima.iter().map(at).collect();
        match minima.len() {
            0 => "Within the part of the plane that is shown Ē has no minimum.".into(),
            1 => format!("Within the plane, as far as it is shown, Ē has one minimum: {}.", minima[0]),
            count => format!("Within the plane, as far as it is shown, Ē has {count} minima: {}.", listed(&minima)),
        }
    }

    /// Which fields rest at a state, and how much of the others' directions the plane cannot show.
    fn directions(&self, state: &Named) -> String {
        let motions = self.motions(state);
        let resting: Vec<String> = motions
            .iter()
            .filter(|motion| motion.off_plane.is_none())
            .map(|motion| motion.field.name().to_owned())
            .collect();
        let leaving =
            |motion: &Motion| motion.off_plane.map(|share| format!("{} of {}'s", percent(share), motion.field.name()));
        let leaving: Vec<String> = motions.iter().filter_map(leaving).collect();
        let name = &state.name;
        let rest = if resting.len() == 1 { "rests" } else { "rest" };
        match (resting.is_empty(), leaving.is_empty()) {
            (false, true) if self.is_collapse(state) => {
                format!("State {name} is the collapse, where every field rests.")
            }
            (false, true) => format!("At state {name}, every field rests."),
            (false, false) => format!(
                "At state {name}, {} {rest}; the plane does not show {} direction.",
                listed(&resting),
                listed(&leaving)
            ),
            (true, _) => {
                format!("At state {name}, no field rests; the plane does not show {} direction.", listed(&leaving))
            }
        }
    }

    fn trajectory(&self, shadow: &Shadow) -> String {
        let last = shadow.feet.len() - 1;
        let (start, is_mean) = self.start;
        let from = if is_mean { "the mean of the three".into() } else { self.place(start) };
        let farthest = shadow.distances.iter().copied().fold(0.0, f64::max);
        let end =
            format!("over {}, {} away from the plane", self.place(shadow.feet[last]), number(shadow.distances[last]));
        let how = if shadow.settled {
            format!("comes to rest {end}")
        } else {
            format!(
                "has not come to rest after {} steps, where its budget was spent: it is {end}",
                grouped(shadow.steps)
            )
        };
        format!("From {from}, {} {how} (at most {} on the way).", shadow.field, number(farthest))
    }

    /// The three states in numbers.
    pub fn tables(&self) -> Vec<Table> {
        let row = |(state, corner): (&Named, &[f64; 2])| {
            let motions = self.motions(state);
            let off = |motion: &Motion| motion.off_plane.map_or_else(|| "rests".into(), percent);
            let proxy = self.fields[2].proxy_objective(&state.with_teacher);
            let mut cells = vec![
                state.name.clone(),
                number(corner[0]),
                number(corner[1]),
                number(self.objective(&state.student)),
                proxy.map_or_else(|| "—".into(), number),
                number(motions[1].relative_residual),
            ];
            cells.extend(motions.iter().map(off));
            cells
        };
        let numbers = ["along", "across", "Ē", "F̄", "residual", "joint off plane", "sg off plane", "ema off plane"];
        vec![Table {
            title: "The three states".into(),
            note: "Along and across: place in the plane, in the units of the parameters. F̄ is that of the state's teacher \
                   (where it has none, the student, and then F̄ = Ē). Residual: |v|/(λ|z|) of sg, 0 at an equilibrium of sg \
                   and ema. Off plane: the part of the length of a field's direction on (A, B) that leaves the plane."
                .into(),
            columns: std::iter::once(Column::text("state")).chain(numbers.map(Column::number)).collect(),
            rows: self.states.iter().zip(&self.plane.corners).map(row).collect(),
        }]
    }

    /// (s, t), with rounding as 0.
    fn place(&self, at: [f64; 2]) -> String {
        let shown = at.map(|value| number(if value.abs() <= 1e-9 * self.reach() { 0.0 } else { value }));
        format!("({}, {})", shown[0], shown[1])
    }
}
