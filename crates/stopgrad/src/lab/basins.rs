//! Shares of starts by outcome: the sentences, the table, the bars.

mod shares;

use stopgrad_dynamics::Field;
use stopgrad_dynamics::basins::Basin;
use stopgrad_dynamics::statistics::Interval;

use crate::lab::page::{Column, Page, Table};
use crate::markup::{concise, grouped, listed, percent};
use crate::plot::{Axis, Line, LineChart, OutcomeChart, Picture, Reference};

use shares::published;
pub use shares::{Shares, csv};

/// Where the published shares are from, and what they leave open.
const PROVENANCE: &str = "Published: Ponce, Terver, Hebert, Arbel 2026 (arXiv 2507.01028), 10,000 trials; stop-gradient ended on \
    the outer sphere in 82.0 % and at the origin in 18.0 %, EMA in 92.8 % and 7.2 %, the inner sphere was never an end. The \
    distribution of starts, n and the teacher's rate are not given in what we have of it: where ours agree, this shows that the \
    shares can be met so, not that they were.";

/// What is shown of them.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// One a setting.
    pub shares: Vec<Shares>,
    /// The greatest rank that an end can have; none in the scalar experiment.
    pub most: Option<usize>,
    /// Name of the distribution of starts.
    pub start: &'static str,
    /// Over a grid of settings of the scalar experiment.
    pub grid: bool,
}

impl View {
    fn is_scalar(&self) -> bool {
        self.most.is_none()
    }

    /// What is true of the shares, in whole sentences.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = if self.grid {
            self.closest().into_iter().collect()
        } else {
            self.shares.iter().map(|shares| self.sentence(shares)).collect::<Vec<_>>()
        };
        if self.is_scalar() {
            findings.push(PROVENANCE.into());
        }
        findings
    }

    fn sentence(&self, shares: &Shares) -> String {
        let ended = |basin: &Basin| format!("{} {}", place(&basin.label, self.most), with_interval(&basin.fraction));
        let ends: Vec<String> = shares.in_order().iter().filter(|basin| basin.count > 0).map(ended).collect();
        format!("Of {} starts {} ended {}.", grouped(shares.trials), shares.field, listed(&ends))
    }

    /// Stop-gradient and EMA of one setting whose outer shares are nearest to the published ones.
    fn closest(&self) -> Option<String> {
        let distance =
            |shares: &Shares| (shares.share("outer").estimate - published(shares.field, "outer").unwrap_or(0.0)).abs();
        let alike = |a: &Shares, b: &Shares| {
            a.embedding_dim == b.embedding_dim && a.init_scale.to_bits() == b.init_scale.to_bits()
        };
        let sg = || self.shares.iter().filter(|shares| shares.field == Field::StopGradient);
        let pairs = sg().flat_map(|sg| {
            self.shares.iter().filter(move |ema| ema.field == Field::Ema && alike(sg, ema)).map(move |ema| (sg, ema))
        });
        let worst = |pair: &(&Shares, &Shares)| distance(pair.0).max(distance(pair.1));
        let (sg, ema) = pairs.min_by(|x, y| worst(x).total_cmp(&worst(y)))?;
        let shown = |shares: &Shares| with_interval(&shares.share("outer"));
        Some(format!(
            "Of the settings tried, n = {}, scale {} and γ = {} come closest to both published shares: outer sphere under sg {}, \
             under ema {}. It was picked because it fits.",
            sg.embedding_dim,
            concise(sg.init_scale),
            concise(ema.ema_rate),
            shown(sg),
            shown(ema)
        ))
    }

    /// What stands in each column of [`View::rows`].
    pub fn header(&self) -> Vec<String> {
        let words: &[&str] = if self.grid {
            &["n", "scale"]
        } else if self.is_scalar() {
            &["field", "outcome", "share", "95 % interval", "count", "published"]
        } else {
            &["field", "outcome", "share", "95 % interval", "count"]
        };
        let settings = if self.grid { self.names() } else { Vec::new() };
        words.iter().map(ToString::to_string).chain(settings).collect()
    }

    /// The numbers side by side; over a grid the share on the outer sphere.
    pub fn rows(&self) -> Vec<Vec<String>> {
        if self.grid {
            return self.shares.chunks(self.names().len()).map(grid_row).collect();
        }
        let row = |shares: &Shares, basin: &Basin| {
            let mut cells = vec![
                shares.field.name().to_owned(),
                basin.label.clone(),
                percent(basin.fraction.estimate),
                interval(&basin.fraction),
                grouped(basin.count),
            ];
            if self.is_scalar() {
                cells.push(shares.published(&basin.label).map_or_else(|| "—".into(), percent));
            }
            cells
        };
        let rows = |shares: &Shares| shares.outcomes.iter().map(|basin| row(shares, basin)).collect::<Vec<_>>();
        self.shares.iter().flat_map(rows).collect()
    }

    /// Fields and rates of a grid, in the order in which each of its settings has them.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for shares in &self.shares {
            if !names.contains(&shares.name()) {
                names.push(shares.name());
            }
        }
        names
    }

    /// How the table is to be read.
    fn note(&self) -> String {
        if !self.grid {
            return format!("Starts: {}. Intervals are Wilson's, rounded outwards.", self.start);
        }
        let rest = |shares: &Shares| shares.trials - shares.count("outer") - shares.count("origin");
        let most = self.shares.iter().map(|shares| rest(shares) as f64 / shares.trials as f64).fold(0.0, f64::max);
        format!(
            "Share on the outer sphere with its 95 % interval (Wilson), {} trials a setting; starts: {}. The rest ended at the \
             origin, except at most {} of a setting, which stayed unresolved. Published: sg 82.0 %, ema 92.8 %.",
            grouped(self.shares.first().map_or(0, |shares| shares.trials)),
            self.start,
            percent(most)
        )
    }

    /// The page.
    pub fn page(&self) -> Page {
        let column = |name: &String| {
            if name == "field" || name == "outcome" { Column::text(name) } else { Column::number(name) }
        };
        let title = match (self.grid, self.is_scalar()) {
            (true, _) => "The scalar experiment, by start and teacher",
            (false, true) => "The scalar experiment: where starts end",
            (false, false) => "Where random starts of a linear network end",
        };
        let section =
            if self.is_scalar() { "docs/theory.md, sections 3.9 and 6.1" } else { "docs/theory.md, sections 3 and 4" };
        Page {
            title: title.into(),
            findings: self.findings(),
            tables: vec![Table {
                title: "Shares".into(),
                note: self.note(),
                columns: self.header().iter().map(column).collect(),
                rows: self.rows(),
            }],
            pictures: if self.grid { self.grid_pictures() } else { vec![self.bars()] },
            mathematics: section,
        }
    }

    fn bars(&self) -> Picture {
        let chart = OutcomeChart { groups: self.shares.iter().map(Shares::group).collect() };
        let caption = if self.is_scalar() {
            "Shares of starts with 95 % intervals. The outer sphere attracts, as does the origin, which is collapse; the inner \
             sphere is a saddle. Published shares are marked where there are any."
        } else {
            "The distribution of final ranks, with 95 % intervals: rank 0 is complete collapse, every rank below the greatest a \
             partial one."
        };
        let title = if self.is_scalar() { "Where starts end" } else { "Final ranks" };
        Picture::of("outcomes", title, caption, &chart)
    }

    /// Outer share against the scale of the start, a picture for each n.
    fn grid_pictures(&self) -> Vec<Picture> {
        let mut widths: Vec<usize> = self.shares.iter().map(|shares| shares.embedding_dim).collect();
        widths.dedup();
        widths.into_iter().map(|width| self.grid_picture(width)).collect()
    }

    fn grid_picture(&self, width: usize) -> Picture {
        let here: Vec<&Shares> = self.shares.iter().filter(|shares| shares.embedding_dim == width).collect();
        let line = |(slot, name): (usize, &String)| {
            let points = here.iter().filter(|shares| shares.name() == *name);
            Line::new(
                name,
                slot + 1,
                points.map(|shares| [shares.init_scale, shares.share("outer").estimate]).collect(),
            )
        };
        let lines = self.names().iter().enumerate().map(line).collect();
        let mut chart = LineChart::new(
            Axis::log("scale of the start"),
            Axis::percent("on the outer sphere"),
            ["scale", "outer_share"],
            lines,
        );
        let fields = [(Field::StopGradient, "sg, published"), (Field::Ema, "ema, published")];
        let reference =
            |(field, name): (Field, &str)| Some(Reference { name: name.into(), y: published(field, "outer")? });
        chart.references = fields.into_iter().filter_map(reference).collect();
        let caption =
            format!("n = {width}. What does not end on the outer sphere ends at the origin, or is unresolved.");
        Picture::of(&format!("outer-{width}"), &format!("Outer share at n = {width}"), &caption, &chart)
    }
}

/// Where a label says that a start ended, after "ended".
fn place(label: &str, most: Option<usize>) -> String {
    match label {
        "outer" => "on the outer sphere in".into(),
        "inner" => "on the inner sphere in".into(),
        "origin" => "at the origin in".into(),
        "cycle" => "on a cycle in".into(),
        "diverged" => "nowhere (diverged) in".into(),
        "unresolved" => "unresolved in".into(),
        "rank-0" => "at the origin (rank 0) in".into(),
        other => {
            let rank = other.strip_prefix("rank-").unwrap_or(other);
            let full = most.is_some_and(|most| most.to_string() == rank);
            format!("at rank {rank}{} in", if full { " (the greatest)" } else { "" })
        }
    }
}

/// One n and scale: outer shares under every field and rate.
fn grid_row(settings: &[Shares]) -> Vec<String> {
    let first = &settings[0];
    let cells = settings.iter().map(|shares| with_interval(&shares.share("outer")));
    [first.embedding_dim.to_string(), concise(first.init_scale)].into_iter().chain(cells).collect()
}

/// A share with its interval: `82.5 % (81.7–83.3)`.
fn with_interval(share: &Interval) -> String {
    format!("{} ({})", percent(share.estimate), interval(share))
}

/// Percent, rounded outwards, so that an interval is never narrower than it is and never a point.
fn interval(share: &Interval) -> String {
    format!("{:.1}–{:.1}", (share.low * 1000.0).floor() / 10.0, (share.high * 1000.0).ceil() / 10.0)
}

#[cfg(test)]
mod tests;
