//! Pictures as pure functions of data: each figure is an SVG and the CSV that it was drawn from.
//!
//! The SVG takes its colours from `figure.css`, so that it follows the reader's light or dark page; a file
//! of its own carries that sheet inside ([`Figure::to_svg_file`]). A drawing library was not taken: what
//! is drawn here is lines, ticks and labels, and the rules that matter (labels at line ends, broken
//! lines for missing values, clipped logarithms) would have to be ours anyway.
//!
//! Reading order: `entries` (which figures there are), `catalog` (their lines), `chart` (one drawn), `scale`
//! (axes and ticks), `series` (data, thinning, CSV), `words` and `label` (where words go).

mod catalog;
mod chart;
mod entries;
mod label;
mod scale;
mod series;
mod words;

use super::Report;

/// Colours, dashes and letters of every figure.
pub(super) const STYLE: &str = include_str!("figure.css");

/// Number of colours in `figure.css`.
const COLORS: usize = 7;
/// Number of dash patterns there.
const DASHES: usize = 5;

/// What question of the page a figure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Is the objective minimised?
    Objective,
    /// What happens to the embedding?
    Representation,
    /// Is it good for anything, and does the loss know?
    Quality,
    /// How do the parameters move?
    Motion,
}

impl Group {
    /// In page order.
    pub const ALL: [Group; 4] = [Group::Objective, Group::Quality, Group::Representation, Group::Motion];

    /// Headline on the page.
    pub fn title(self) -> &'static str {
        match self {
            Group::Objective => "The objective",
            Group::Representation => "The representation",
            Group::Quality => "The probes",
            Group::Motion => "The motion",
        }
    }
}

/// A picture and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Lower case and hyphens, unique in a report: fit for a file name.
    pub id: String,
    /// Where on the page it stands.
    pub group: Group,
    /// What is shown.
    pub title: String,
    /// How to read it, with what was clipped or left out.
    pub caption: String,
    /// For a page that includes `figure.css`.
    pub svg: String,
    /// What it was drawn from, unthinned: floats read back to the same bits.
    pub csv: String,
}

impl Figure {
    /// The picture as a file of its own, style sheet inside.
    pub fn to_svg_file(&self) -> String {
        match self.svg.find('>') {
            Some(end) => format!("{}\n<style>{STYLE}</style>{}\n", &self.svg[..=end], &self.svg[end + 1..]),
            None => self.svg.clone(),
        }
    }
}

/// The figures for which the runs have data, in page order.
pub(super) fn all(report: &Report) -> Vec<Figure> {
    catalog::figures(report)
}

/// Which color and dash a configuration has throughout a report.
///
/// `joint`, `sg` and `ema` look the same in every report; other names take what is free, in order of
/// appearance. 35 configurations differ in colour or dash.
fn slot(report: &Report, name: &str) -> usize {
    const KNOWN: [&str; 3] = ["joint", "sg", "ema"];
    if let Some(place) = KNOWN.iter().position(|known| *known == name) {
        return place;
    }
    let names = report.names();
    let taken = |slot: &usize| KNOWN.get(*slot).is_some_and(|known| names.contains(known));
    let place = names.iter().filter(|other| !KNOWN.contains(other)).position(|other| *other == name).unwrap_or(0);
    (0..).filter(|slot| !taken(slot)).nth(place).unwrap_or(0)
}

/// Classes of a slot in `figure.css`.
fn classes(slot: usize) -> String {
    format!("{} d{}", color(slot), slot % DASHES)
}

/// The class of its color alone.
fn color(slot: usize) -> String {
    format!("c{}", slot % COLORS)
}

/// Classes of a configuration, for keys outside figures.
pub(super) fn slot_class(report: &Report, name: &str) -> String {
    classes(slot(report, name))
}

#[cfg(test)]
mod tests;
