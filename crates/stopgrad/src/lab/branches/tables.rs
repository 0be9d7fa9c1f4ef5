//! Equilibria at both ends, branches, events and checks, as a person reads them.

use stopgrad_dynamics::Stability;
use stopgrad_dynamics::branches::{Branch, BranchEnd, BranchPoint, EndKind, EventKind};
use stopgrad_dynamics::linalg::symmetric_eigen;

use super::View;
use crate::lab::page::{Column, Table};
use crate::markup::{concise, number, significant};

/// What stands in each column of [`View::branch_rows`].
pub const HEADER: [&str; 7] = ["branch", "curve", "rank", "born", "dies", "|S| there", "attracts"];
/// What stands in each column of [`View::event_rows`].
pub const EVENTS: [&str; 5] = ["at", "what", "rank", "branches", "uncertain by"];
/// Eigenvalues of S in a cell.
const VALUES: usize = 4;

impl View<'_> {
    /// Equilibria at the ends of the range, branches, events, checks.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = self.range.into_iter().map(|value| self.equilibria(value)).collect();
        tables.retain(|table| !table.rows.is_empty());
        let column = |name: &&str| {
            if matches!(*name, "born" | "dies" | "attracts" | "what" | "branches") {
                Column::text(name)
            } else {
                Column::number(name)
            }
        };
        tables.push(Table {
            title: "Events".into(),
            note: "A fold: two branches meet and end. A crossing: curves of one rank meet, which needs a symmetry of the data. \
                   Hopf: a pair of eigenvalues crosses the imaginary axis, and a cycle is born or dies."
                .into(),
            columns: EVENTS.iter().map(column).collect(),
            rows: self.event_rows(usize::MAX),
        });
        tables.push(Table {
            title: "Branches".into(),
            note: "Each is a function of what is varied, between a birth and a death; branches of one curve are joined at \
                   folds. |S| at birth and death."
                .into(),
            columns: HEADER.iter().map(column).collect(),
            rows: self.branch_rows(usize::MAX),
        });
        if !self.diagram.checks.is_empty() {
            tables.push(self.check_table());
        }
        tables
    }

    /// The branches, as many as there is room for.
    pub fn branch_rows(&self, limit: usize) -> Vec<Vec<String>> {
        let end = |end: &BranchEnd| match end.kind {
            EndKind::Range => "beyond the range".to_owned(),
            EndKind::Branch => format!("{} (crossing)", concise(end.parameter)),
            kind @ (EndKind::Fold | EndKind::Escape | EndKind::Lost | EndKind::Budget) => {
                format!("{} ({})", concise(end.parameter), kind.name())
            }
        };
        let size = |point: Option<&BranchPoint>| point.map_or_else(String::new, |point| number(point.s_norm));
        let row = |branch: &Branch| {
            vec![
                branch.id.to_string(),
                branch.curve.to_string(),
                branch.rank.to_string(),
                end(&branch.born),
                end(&branch.dies),
                format!("{} – {}", size(branch.points.first()), size(branch.points.last())),
                self.where_attracting(branch),
            ]
        };
        self.diagram.branches.iter().take(limit).map(row).collect()
    }

    fn where_attracting(&self, branch: &Branch) -> String {
        let decided = || branch.points.iter().filter(|point| point.stability != Stability::Degenerate);
        let attracts = |point: &&BranchPoint| point.stability == Stability::Attracting;
        let (all, some) = (decided().count(), decided().filter(attracts).count());
        if some == 0 {
            return "nowhere".into();
        }
        if some == all {
            return "everywhere".into();
        }
        let changes: Vec<String> = self
            .diagram
            .events
            .iter()
            .filter(|event| {
                event.branches.contains(&branch.id)
                    && matches!(event.kind, EventKind::Hopf | EventKind::Branch | EventKind::Flip)
            })
            .map(|event| concise(event.parameter))
            .collect();
        let first = decided().next().is_some_and(|point| attracts(&point));
        let begins = if first { "at first" } else { "not at first" };
        format!("{begins}; changes at {}", changes.join(", "))
    }

    /// The events, as many as there is room for.
    pub fn event_rows(&self, limit: usize) -> Vec<Vec<String>> {
        let events = self.diagram.events.iter().take(limit);
        events
            .map(|event| {
                let what = match (event.kind, event.frequency) {
                    (EventKind::Branch, _) => "crossing".to_owned(),
                    (EventKind::Hopf, Some(frequency)) => {
                        format!("Hopf, period {}", significant(std::f64::consts::TAU / frequency, 5))
                    }
                    (kind, _) => kind.name().to_owned(),
                };
                let branches: Vec<String> = event.branches.iter().map(ToString::to_string).collect();
                let width =
                    if event.uncertainty.is_finite() { format!("{:.0e}", event.uncertainty) } else { "—".into() };
                vec![significant(event.parameter, 10), what, event.rank.to_string(), branches.join(", "), width]
            })
            .collect()
    }

    fn equilibria(&self, value: f64) -> Table {
        let row = |(branch, point): (&Branch, &BranchPoint)| {
            let values = symmetric_eigen(point.s.as_ref()).map(|eigen| eigen.values).unwrap_or_default();
            let shown: Vec<String> = values.iter().take(branch.rank.min(VALUES)).map(|value| number(*value)).collect();
            let more = if branch.rank > VALUES { ", …" } else { "" };
            let standing = match point.stability {
                Stability::Attracting => "attracts".to_owned(),
                Stability::Saddle if point.unstable_dimensions == 1 => "saddle, 1 way out".to_owned(),
                Stability::Saddle => format!("saddle, {} ways out", point.unstable_dimensions),
                Stability::Degenerate => "not decided".to_owned(),
            };
            vec![
                branch.rank.to_string(),
                number(point.s_norm),
                format!("{}{more}", shown.join(", ")),
                standing,
                number(point.leading_rate),
                branch.id.to_string(),
            ]
        };
        let mut rows: Vec<_> = self.standing(value).collect();
        rows.sort_by(|a, b| b.0.rank.cmp(&a.0.rank).then(b.1.s_norm.total_cmp(&a.1.s_norm)));
        Table {
            title: format!("Equilibria at {}", self.at(value)),
            note: "Besides the origin, which attracts. The leading rate is the largest real part transversally to the orbit, \
                   in the dimensions that the equilibrium fills."
                .into(),
            columns: vec![
                Column::number("rank"),
                Column::number("|S|"),
                Column::text("eigenvalues of S"),
                Column::text("stability"),
                Column::number("leading rate"),
                Column::number("branch"),
            ],
            rows: rows.into_iter().map(row).collect(),
        }
    }

    fn check_table(&self) -> Table {
        let rows = self.diagram.checks.iter().map(|check| {
            vec![
                concise(check.parameter),
                check.found.to_string(),
                check.expected.to_string(),
                check.matched.to_string(),
                if check.matched > 0 { format!("{:.0e}", check.distance) } else { "—".into() },
                if check.complete { "yes" } else { "no" }.into(),
                if check.agrees() { "agree" } else { "differ" }.into(),
            ]
        });
        Table {
            title: "Sought anew".into(),
            note: "Equilibria found without the branches, beside those on the branches, at both ends and between events. The \
                   distance measures each mode by its own size."
                .into(),
            columns: vec![
                Column::number(self.along.letter()),
                Column::number("found"),
                Column::number("on branches"),
                Column::number("the same"),
                Column::number("distance"),
                Column::text("search complete"),
                Column::text("both"),
            ],
            rows: rows.collect(),
        }
    }
}
