//! The figures of a report: which there are, their lines, and where on the page they stand.
//!
//! How they are drawn is [`crate::plot`]'s. Reading order: `entries` (which figures there are), `catalog` (their lines),
//! `series` (data, CSV).

mod catalog;
mod entries;
mod series;

use super::Report;
use crate::plot::{Picture, classes, field_slot};
use stopgrad_dynamics::Field;

/// What question of the page a figure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Did training end where the linear theory says?
    Theory,
    /// Is the objective minimised?
    Objective,
    /// What happens to the embedding?
    Representation,
    /// Is it good for anything, and does the loss know?
    Quality,
    /// Where do samples stand?
    Plane,
    /// Which samples are near each other?
    Neighbors,
    /// What was trained on?
    Pairs,
    /// How do the parameters move?
    Motion,
}

impl Group {
    /// In page order.
    pub const ALL: [Group; 8] = [
        Group::Plane,
        Group::Neighbors,
        Group::Theory,
        Group::Objective,
        Group::Quality,
        Group::Representation,
        Group::Motion,
        Group::Pairs,
    ];

    /// Headline on the page.
    pub fn title(self) -> &'static str {
        match self {
            Group::Theory => "Theory and outcome, drawn",
            Group::Objective => "The objective",
            Group::Representation => "The representation",
            Group::Quality => "The probes",
            Group::Motion => "The motion",
            Group::Plane => "The samples, represented",
            Group::Neighbors => "Nearest neighbors",
            Group::Pairs => "Pairs of views",
        }
    }
}

/// A picture of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Where on the page it stands.
    pub group: Group,
    /// Drawn, with its data.
    pub picture: Picture,
}

/// The figures for which the runs have data, in page order.
pub(super) fn all(report: &Report) -> Vec<Figure> {
    let figures = super::gallery::figures(report).into_iter().chain(super::theory::figures(report));
    let mut figures: Vec<Figure> = figures.chain(catalog::figures(report)).collect();
    // The order of the page; within a group that in which they were made.
    figures.sort_by_key(|figure| Group::ALL.iter().position(|group| *group == figure.group));
    figures
}

/// Which color and dash a configuration has throughout a report.
///
/// `joint`, `sg` and `ema` look the same in every report; other names take what is free, in order of
/// appearance. 35 configurations differ in colour or dash.
fn slot(report: &Report, name: &str) -> usize {
    if let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) {
        return field_slot(field);
    }
    let names = report.names();
    let known = |slot: usize| Field::ALL.into_iter().find(|field| field_slot(*field) == slot).map(Field::name);
    let taken = |slot: &usize| known(*slot).is_some_and(|known| names.contains(&known));
    let others = names.iter().filter(|other| Field::ALL.iter().all(|field| field.name() != **other));
    let place = others.into_iter().position(|other| *other == name).unwrap_or(0);
    (0..).filter(|slot| !taken(slot)).nth(place).unwrap_or(0)
}

/// The slot of a configuration, for figures that are not in the table.
pub(super) fn slot_of(report: &Report, name: &str) -> usize {
    slot(report, name)
}

/// Classes of a configuration, for keys outside figures.
pub(super) fn slot_class(report: &Report, name: &str) -> String {
    classes(slot(report, name))
}

#[cfg(test)]
mod tests;
