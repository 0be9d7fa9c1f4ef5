//! Pictures as pure functions of data: each is an SVG and the CSV that it was drawn from.
//!
//! A [`Chart`] is a struct of what is shown; [`Picture::of`] draws it. The SVG takes its colors from `plot.css`, so that
//! it follows the reader's light or dark page; a file of its own carries that sheet inside ([`Picture::to_svg_file`]). A
//! drawing library was not taken: what is drawn here is lines, marks, ticks and labels, and the rules that matter (words
//! at line ends, broken lines for missing values, clipped logarithms) would have to be ours anyway.
//!
//! Reading order: [`LineChart`] (most pictures), `frame` and `scale` (axes and ticks), `words`, `label` and `legend`
//! (where words go), then the special ones: [`PointChart`], [`SpectrumChart`], [`StemChart`], [`SurvivalChart`],
//! [`OutcomeChart`], [`LevelChart`] with `marching` (curves of equal height), [`BranchChart`] and [`OrbitChart`] (equilibria).

mod branches;
pub(crate) mod csv;
mod frame;
mod label;
mod legend;
mod levels;
mod line;
mod marching;
mod orbits;
mod outcomes;
mod path;
mod points;
mod scale;
mod scatter;
mod spectrum;
mod stems;
mod strip;
mod survival;
mod words;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use branches::{BranchChart, Happening, Place, Station, Trace};
pub use frame::Axis;
pub use levels::{Curve, LevelChart, Mark, MarkKind};
pub use line::{Line, LineChart, Marker, Reference, Words};
pub use marching::{Contour, Grid, contours};
pub use orbits::{OrbitChart, OrbitCurve};
pub use outcomes::{Bar, OutcomeChart, OutcomeGroup};
pub use points::{PointChart, Points};
pub use scale::{Scale, Spacing, Tick, Unit};
#[cfg_attr(not(feature = "train"), allow(unused_imports, reason = "only samples of runs are drawn in classes"))]
pub(crate) use scatter::CLASS_COLORS;
pub use scatter::{ScatterChart, Spot};
pub use spectrum::{Boundary, Cloud, SpectrumChart};
pub use stems::{StemChart, Stems};
pub use strip::{Standing, StripCell, StripChart, Tile};
pub use survival::{Mode, SurvivalChart};

use stopgrad_dynamics::Field;

/// Colors, dashes and letters of every picture.
pub(crate) const STYLE: &str = include_str!("plot.css");

/// What a page gives to the pictures in it, and a file of its own has to bring.
const FILE_STYLE: &str = ":root{--paper:#fff;--alarm:#a33800;background:var(--paper)}\n@media screen and \
                          (prefers-color-scheme:dark){:root{--paper:#16171a;--alarm:#ff9a61}}\n";

/// Number of colors in `plot.css`.
const COLORS: usize = 7;
/// Number of dash patterns there.
const DASHES: usize = 5;

/// What can be drawn.
pub trait Chart {
    /// The picture.
    fn draw(&self) -> Drawing;
    /// The numbers it was drawn from, unthinned: floats read back to the same bits.
    fn csv(&self) -> String;
}

/// A chart as drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// For a page that includes `plot.css`.
    pub svg: String,
    /// What a reader must be told of values that could not be drawn where they are.
    pub note: Option<String>,
}

/// A picture and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Lower case and hyphens, unique on a page: fit for a file name.
    pub id: String,
    /// What is shown.
    pub title: String,
    /// How to read it, with what was clipped or left out.
    pub caption: String,
    /// For a page that includes `plot.css`.
    pub svg: String,
    /// What it was drawn from, unthinned: floats read back to the same bits.
    pub csv: String,
}

impl Picture {
    /// A chart drawn and described.
    ///
    /// # Requires    an `id` of lower-case letters, digits and hyphens, unique on its page
    pub fn of(id: &str, title: &str, caption: &str, chart: &impl Chart) -> Self {
        let Drawing { svg, note } = chart.draw();
        let caption = note.map_or_else(|| caption.to_owned(), |note| format!("{caption} {note}").trim().to_owned());
        Self { id: id.into(), title: title.into(), caption, svg, csv: chart.csv() }
    }

    /// The picture as a file of its own, style sheet inside: on paper of its own, light or dark as the reader has it.
    pub fn to_svg_file(&self) -> String {
        match self.svg.find('>') {
            Some(end) => format!("{}\n<style>{FILE_STYLE}{STYLE}</style>{}\n", &self.svg[..=end], &self.svg[end + 1..]),
            None => self.svg.clone(),
        }
    }
}

/// The slot (color and dash) of a field: the same in every picture.
pub const fn field_slot(field: Field) -> usize {
    match field {
        Field::Joint => 0,
        Field::StopGradient => 1,
        Field::Ema => 2,
    }
}

/// Classes of a slot in `plot.css`.
pub(crate) fn classes(slot: usize) -> String {
    format!("{} d{}", color(slot), slot % DASHES)
}

/// The class of its color alone.
fn color(slot: usize) -> String {
    format!("c{}", slot % COLORS)
}
