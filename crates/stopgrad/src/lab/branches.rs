//! A diagram of branches: the sentences (for the terminal and the page), the tables, the pictures.

mod pictures;
mod tables;

use stopgrad_dynamics::Stability;
use stopgrad_dynamics::branches::{Branch, BranchPoint, Diagram, EndKind, EventKind};
use stopgrad_dynamics::cycles::{FoundCycles, LimitCycle};

pub use tables::{EVENTS, HEADER};

use crate::args::Along;
use crate::lab::page::Page;
use crate::markup::{concise, listed, significant};

/// A diagram and what it is of.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What was found.
    pub diagram: &'a Diagram,
    /// Limit cycles, where they were sought.
    pub cycles: Option<&'a [FoundCycles]>,
    /// What was varied.
    pub along: Along,
    /// From where to where.
    pub range: [f64; 2],
    /// n.
    pub embedding_dim: usize,
    /// Dimensions that the views fill.
    pub support_rank: usize,
    /// What ended the search early, as it is typed.
    pub stopped: Option<&'a str>,
}

impl View<'_> {
    /// Everything there is to say.
    pub fn page(&self) -> Page {
        Page {
            title: format!("Branches of equilibria in {}", self.along.letter()),
            findings: self.findings(),
            tables: self.tables(),
            pictures: self.pictures(),
            mathematics: "docs/theory.md, sections 3 and 4",
        }
    }

    /// What is true of the diagram, in whole sentences.
    pub fn findings(&self) -> Vec<String> {
        let mut found = vec![self.counts()];
        found.extend(self.largest());
        found.extend(self.range.map(|value| self.attracting(value)));
        found.extend(self.births());
        found.extend(self.followed_cycles());
        found.extend(self.checks());
        found.extend(self.unfinished());
        found.extend(self.stopped.map(|reason| {
            format!(
                "Stopped by {reason}: curves and cycles that were not followed by then lack, or end where it stopped."
            )
        }));
        found
    }

    /// A value of what is varied: `λ = 0.01`.
    fn at(&self, value: f64) -> String {
        format!("{} = {}", self.along.letter(), concise(value))
    }

    /// Branches besides the origin.
    fn alive(&self) -> impl Iterator<Item = &Branch> {
        self.diagram.branches.iter().filter(|branch| branch.rank > 0)
    }

    fn counts(&self) -> String {
        let ranks: Vec<String> = (1..=self.support_rank)
            .filter_map(|rank| {
                let count = self.alive().filter(|branch| branch.rank == rank).count();
                (count > 0).then(|| format!("{count} of rank {rank}"))
            })
            .collect();
        let kinds = [
            (EventKind::Fold, ["fold", "folds"]),
            (EventKind::Branch, ["crossing", "crossings"]),
            (EventKind::Hopf, ["Hopf point", "Hopf points"]),
            (EventKind::Escape, ["escape", "escapes"]),
            (EventKind::Flip, ["flip", "flips"]),
        ];
        let events: Vec<String> = kinds
            .into_iter()
            .filter_map(|(kind, name)| {
                let count = self.diagram.events.iter().filter(|event| event.kind == kind).count();
                (count > 0).then(|| counted(count, name))
            })
            .collect();
        let [low, high] = self.range.map(|value| self.at(value));
        let branches = if ranks.is_empty() { "no branch but the origin".into() } else { listed(&ranks) };
        let events = if events.is_empty() { "no events".into() } else { listed(&events) };
        format!("Between {low} and {high}: {branches}; {events}.")
    }

    /// Where full rank ends.
    fn largest(&self) -> Option<String> {
        if self.along != Along::WeightDecay {
            return None;
        }
        let full: Vec<&Branch> = self.alive().filter(|branch| branch.rank == self.support_rank).collect();
        let last = full.iter().max_by(|a, b| a.dies.parameter.total_cmp(&b.dies.parameter))?;
        let dies = significant(last.dies.parameter, 9);
        Some(match last.dies.kind {
            EndKind::Fold => format!("Full rank ends at λ = {dies}, in a fold: beyond it something is lost."),
            EndKind::Range => format!("Full rank lives beyond {}.", self.at(self.range[1])),
            EndKind::Branch | EndKind::Escape | EndKind::Lost | EndKind::Budget => {
                format!("The last branch of full rank was followed to λ = {dies} ({}).", last.dies.kind.name())
            }
        })
    }

    /// What attracts at a value, besides the origin.
    fn attracting(&self, value: f64) -> String {
        let here: Vec<&BranchPoint> = self.standing(value).map(|(_, point)| point).collect();
        let all = here.len();
        if all == 0 {
            return format!("At {} there is the origin alone: complete collapse.", self.at(value));
        }
        let ranks: Vec<String> = self
            .standing(value)
            .filter(|(_, point)| point.stability == Stability::Attracting)
            .map(|(branch, _)| branch.rank.to_string())
            .collect();
        let these = match &ranks[..] {
            [] => "none attracts".to_owned(),
            [one] => format!("one attracts, of rank {one}"),
            more => format!("{} attract, of ranks {}", more.len(), listed(more)),
        };
        let all = counted(all, ["equilibrium", "equilibria"]);
        format!("At {}, of {all} besides the origin {these}.", self.at(value))
    }

    /// The points of branches at an end of the range.
    pub(crate) fn standing(&self, value: f64) -> impl Iterator<Item = (&Branch, &BranchPoint)> {
        let near = move |point: &&BranchPoint| (point.parameter - value).abs() <= 1e-12 * value.abs();
        self.alive().filter_map(move |branch| Some((branch, branch.points.iter().find(near)?)))
    }

    fn births(&self) -> Option<String> {
        let hopf: Vec<String> = self
            .diagram
            .events
            .iter()
            .filter_map(|event| {
                let frequency = event.frequency.filter(|_| event.kind == EventKind::Hopf)?;
                let about = if self.along == Along::LearningRate {
                    format!("turning by {} a step", significant(frequency, 3))
                } else {
                    format!("period {} there", significant(std::f64::consts::TAU / frequency, 4))
                };
                Some(format!("{} (rank {}, {about})", self.at(event.parameter), event.rank))
            })
            .take(6)
            .collect();
        (!hopf.is_empty()).then(|| format!("Cycles are born or die at {}.", listed(&hopf)))
    }

    /// The cycles that were followed.
    fn followed_cycles(&self) -> Option<String> {
        let cycles = self.cycles?;
        if cycles.is_empty() {
            return Some("No limit cycle was found, at a Hopf point or where a flow from a random start ended.".into());
        }
        let told: Vec<String> = cycles
            .iter()
            .map(|found| {
                let of = |value: &dyn Fn(&LimitCycle) -> f64| {
                    let values = || found.branch.cycles.iter().map(value);
                    let low = values().fold(f64::INFINITY, f64::min);
                    let high = values().fold(f64::NEG_INFINITY, f64::max);
                    format!("{} to {}", concise(low), concise(high))
                };
                let attracting = found.branch.cycles.iter().filter(|cycle| cycle.attracts).count();
                let standing = match attracting {
                    0 => "which never attracts".to_owned(),
                    all if all == found.branch.cycles.len() => "which attracts".to_owned(),
                    _ => "which attracts on a part of it".to_owned(),
                };
                format!(
                    "one of rank {} from λ = {}, with periods of {}, {standing}",
                    found.width,
                    of(&|cycle| cycle.weight_decay),
                    of(&|cycle| cycle.period)
                )
            })
            .collect();
        Some(format!("Limit cycles: {}.", told.join("; ")))
    }

    fn checks(&self) -> Option<String> {
        let checks = &self.diagram.checks;
        if checks.is_empty() {
            return None;
        }
        let apart: Vec<String> =
            checks.iter().filter(|check| !check.agrees()).map(|check| concise(check.parameter)).collect();
        let complete = checks.iter().filter(|check| check.complete).count();
        let sought = format!("Equilibria were sought anew at {} values", checks.len());
        let covered = checks.iter().all(|check| check.matched == check.found);
        let agreement = if apart.is_empty() {
            "and each time they were those of the branches".to_owned()
        } else if covered && complete < checks.len() {
            format!("and each lies on a branch; at {} of them the branches hold more than was found", apart.len())
        } else {
            let named = if apart.len() > 6 { &apart[..6] } else { &apart[..] };
            let more = if apart.len() > 6 { " and others" } else { "" };
            format!("and at {} of them they were not those of the branches ({}{more})", apart.len(), named.join(", "))
        };
        let how = if complete == checks.len() {
            "; the search calls itself complete at all of them".to_owned()
        } else if complete == 0 {
            "; the search does not call itself complete, so that branches may lack".to_owned()
        } else {
            format!("; at {complete} of them the search calls itself complete, so that elsewhere branches may lack")
        };
        Some(format!("{sought}, {agreement}{how}."))
    }

    fn unfinished(&self) -> Option<String> {
        let lost = self.alive().flat_map(|branch| [branch.born.kind, branch.dies.kind]);
        let lost = lost.filter(|kind| matches!(kind, EndKind::Lost | EndKind::Budget)).count();
        let singular = self.diagram.not_followed.len();
        let mut told = Vec::new();
        if lost > 0 {
            told.push(format!(
                "{} could not be followed to an event",
                counted(lost, ["end of a branch", "ends of branches"])
            ));
        }
        if singular > 0 {
            told.push(format!(
                "{} could not be followed at all, being singular (as part of a continuum, or at a crossing itself)",
                counted(singular, ["equilibrium", "equilibria"])
            ));
        }
        (!told.is_empty()).then(|| format!("{}.", listed(&told)))
    }
}

fn counted(count: usize, [one, many]: [&str; 2]) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
