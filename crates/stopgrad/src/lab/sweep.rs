//! A command over a grid: its table in sentences and pictures.

mod pictures;
#[cfg(test)]
mod tests;

use crate::lab::page::{self, Page};
use crate::markup::{concise, grouped, listed, percent};

/// Rows that the page has; the table has all.
const SHOWN: usize = 500;
/// Name of the column that says why a point failed.
pub const ERROR: &str = "error";
/// Name of the last column.
pub const SECONDS: &str = "seconds";

/// The options that can be swept, in the order of the grid: the last changes fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// λ.
    WeightDecay,
    /// γ.
    EmaRate,
    /// n.
    EmbeddingDim,
    /// Of the start.
    InitScale,
    /// Of the random draws.
    Seed,
}

impl Swept {
    /// All of them, the slowest first.
    pub const ALL: [Self; 5] = [Self::WeightDecay, Self::EmaRate, Self::EmbeddingDim, Self::InitScale, Self::Seed];

    /// As a column, and as an option with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WeightDecay => "weight_decay",
            Self::EmaRate => "ema_rate",
            Self::EmbeddingDim => "embedding_dim",
            Self::InitScale => "init_scale",
            Self::Seed => "seed",
        }
    }

    /// In a sentence or beside an axis.
    pub const fn word(self) -> &'static str {
        match self {
            Self::WeightDecay => "λ",
            Self::EmaRate => "γ",
            Self::EmbeddingDim => "n",
            Self::InitScale => "scale of the start",
            Self::Seed => "seed",
        }
    }
}

/// What is done at each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `predict`.
    Predict,
    /// `flow`.
    Flow,
    /// `basins`: a row an outcome.
    Basins,
}

impl Kind {
    /// The command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Flow => "flow",
            Self::Basins => "basins",
        }
    }
}

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// Whole numbers.
    Whole,
    /// Numbers.
    Number,
    /// true or false.
    Truth,
    /// Words.
    Text,
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What stands in it.
    pub cells: Cells,
}

/// The table of a sweep as text: floats read back to the same bits, an empty cell is a value that there is not.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepTable {
    /// The swept options, what was found, `error`, `seconds`.
    pub columns: Vec<Column>,
    /// As long as `columns` each.
    pub rows: Vec<Vec<String>>,
}

impl SweepTable {
    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The text of a cell; empty where there is no such column.
    pub fn cell<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        self.place(name).and_then(|place| row.get(place)).map_or("", String::as_str)
    }

    /// The number in a cell; NaN where there is none.
    pub fn number(&self, row: &[String], name: &str) -> f64 {
        self.cell(row, name).parse().unwrap_or(f64::NAN)
    }

    /// Rows of points that did not fail.
    fn sound(&self) -> impl Iterator<Item = &Vec<String>> {
        self.rows.iter().filter(|row| self.cell(row, ERROR).is_empty())
    }

    /// Why points failed, in their order.
    pub fn failures(&self) -> Vec<&str> {
        self.rows.iter().map(|row| self.cell(row, ERROR)).filter(|error| !error.is_empty()).collect()
    }
}

/// What is shown of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Of which command.
    pub kind: Kind,
    /// Points of the grid.
    pub points: usize,
    /// The options with more than one value.
    pub varied: Vec<Swept>,
    /// How many values each option has, in the order of [`Swept::ALL`].
    pub lengths: [usize; Swept::ALL.len()],
    /// All rows.
    pub table: SweepTable,
}

impl View {
    /// The option along the x axis: λ for predict; else, where several vary, the one with the most values, seeds last.
    pub(super) fn along(&self) -> Swept {
        let has_decay = self.table.place(Swept::WeightDecay.name()).is_some();
        let only = if has_decay { Swept::WeightDecay } else { Swept::InitScale };
        if self.kind == Kind::Predict && self.varied.contains(&Swept::WeightDecay) {
            return Swept::WeightDecay;
        }
        let length =
            |option: &Swept| Swept::ALL.iter().zip(self.lengths).find(|(known, _)| *known == option).map(|(_, n)| n);
        let others = self.varied.iter().filter(|option| **option != Swept::Seed);
        // Of equals the last is taken: the first comes last here.
        let longest = others.rev().max_by_key(|option| length(option));
        longest.or(self.varied.first()).copied().unwrap_or(only)
    }

    /// What is true of the table, in whole sentences.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = vec![self.extent()];
        findings.extend(match self.kind {
            Kind::Predict => self.kept(),
            Kind::Flow => self.ends(),
            Kind::Basins => self.shares(),
        });
        let failures = self.table.failures();
        if let Some(first) = failures.first() {
            findings.push(format!("{} failed; the first: {first}.", points(failures.len())));
        }
        findings
    }

    fn extent(&self) -> String {
        let lengths = Swept::ALL.into_iter().zip(self.lengths).filter(|(_, length)| *length > 1);
        let lists: Vec<String> =
            lengths.map(|(option, length)| format!("{length} values of {}", option.word())).collect();
        if lists.is_empty() {
            return format!("{}.", points(self.points));
        }
        format!("{}: {}.", points(self.points), listed(&lists))
    }

    /// Ranks, and where full rank and decisions end.
    fn kept(&self) -> Vec<String> {
        let ranks: Vec<f64> = self.numbers("rank").collect();
        let mut said = Vec::new();
        if let (Some(least), Some(most)) = (least(&ranks), most(&ranks)) {
            let what = if least.to_bits() == most.to_bits() {
                format!("rank {least} everywhere")
            } else {
                format!("between rank {least} and rank {most}")
            };
            said.push(format!("The largest rank with an attracting equilibrium that was found: {what}."));
        }
        let whole = self.table.sound().filter(|row| self.table.cell(row, "exists") == "true").count();
        said.push(format!(
            "A full-rank equilibrium exists at {}.",
            if whole == 0 { "no point".into() } else { points(whole) }
        ));
        let open = self.table.sound().filter(|row| is_open(self.kind, &self.table, row)).count();
        if open > 0 {
            said.push(format!("At {} existence or stability is undecided.", points(open)));
        }
        said
    }

    /// Reasons to stop, verdicts.
    fn ends(&self) -> Vec<String> {
        let counted = |name: &str, word: fn(&str) -> String| {
            let found = self.counts(name).into_iter().filter(|(value, _)| !value.is_empty());
            found.map(|(value, count)| format!("{} {}", grouped(count as u64), word(value))).collect::<Vec<_>>()
        };
        let stops = counted("stop", |stop| match stop {
            "steady" => "ended steady, at an equilibrium".into(),
            "cycle" => "went round a cycle".into(),
            "budget" => "spent the budget first".into(),
            other => other.into(),
        });
        let verdicts = counted("stability", |verdict| match verdict {
            "attracting" => "attract".into(),
            "saddle" => "are saddles".into(),
            other => format!("are {other}"),
        });
        let mut said = vec![format!("Of the flows {}.", listed(&stops))];
        if !verdicts.is_empty() {
            said.push(format!("Of the equilibria {}.", listed(&verdicts)));
        }
        said
    }

    /// The range of each share.
    fn shares(&self) -> Vec<String> {
        let labels: Vec<&str> = self.counts("label").into_iter().map(|(label, _)| label).collect();
        let fields: Vec<&str> = self.counts("field").into_iter().map(|(field, _)| field).collect();
        let mut said = Vec::new();
        for field in fields {
            let mut ranges = Vec::new();
            for label in &labels {
                let here = |name: &str, row: &[String]| self.table.cell(row, name).to_owned();
                let rows = self.table.sound().filter(|row| here("field", row) == field && here("label", row) == *label);
                let mut shares: Vec<f64> = rows.map(|row| self.table.number(row, "fraction")).collect();
                // Where a label is not listed, nothing ended so.
                if !shares.is_empty() && shares.len() < self.points_of(field) {
                    shares.push(0.0);
                }
                if let (Some(least), Some(most)) = (least(&shares), most(&shares)) {
                    let least = percent(least);
                    let to = Some(percent(most)).filter(|most| *most != least);
                    ranges
                        .push(format!("{label} {least}{}", to.map_or_else(String::new, |most| format!(" to {most}"))));
                }
            }
            said.push(format!("Shares of starts under {field}: {}.", listed(&ranges)));
        }
        said
    }

    /// Points that have rows of a field; counted by their last rows and by what came before.
    fn points_of(&self, field: &str) -> usize {
        let failed = self.table.failures().len();
        let has = self.table.sound().any(|row| self.table.cell(row, "field") == field);
        if has { self.points - failed } else { 0 }
    }

    fn numbers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = f64> + 'a {
        self.table.sound().map(move |row| self.table.number(row, name)).filter(|value| value.is_finite())
    }

    /// Different values of a column with how often each stands there, in the order in which they come.
    fn counts(&self, name: &str) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for row in self.table.sound() {
            let value = self.table.cell(row, name);
            match counts.iter_mut().find(|(known, _)| *known == value) {
                Some((_, count)) => *count += 1,
                None => counts.push((value, 1)),
            }
        }
        counts
    }

    /// The page.
    pub fn page(&self) -> Page {
        let title = match self.kind {
            Kind::Predict => "What a linear network keeps, over a grid",
            Kind::Flow => "Where linear networks end, over a grid",
            Kind::Basins => "Where random starts end, over a grid",
        };
        Page {
            title: title.into(),
            findings: self.findings(),
            tables: vec![self.listing()],
            pictures: self.pictures(),
            mathematics: "docs/theory.md, sections 2 to 4 and 6",
        }
    }

    /// The rows as people read them: without columns in which nothing stands.
    fn listing(&self) -> page::Table {
        let filled = |place: &usize| self.table.rows.iter().any(|row| !row[*place].is_empty());
        let places: Vec<usize> = (0..self.table.columns.len()).filter(filled).collect();
        let columns = places.iter().map(|place| {
            let Column { name, cells } = self.table.columns[*place];
            let name = name.replace('_', " ");
            if matches!(cells, Cells::Whole | Cells::Number) {
                page::Column::number(&name)
            } else {
                page::Column::text(&name)
            }
        });
        let shown = |row: &Vec<String>, place: &usize| match self.table.columns[*place].cells {
            Cells::Number => row[*place].parse().map_or_else(|_| row[*place].clone(), concise),
            Cells::Whole | Cells::Truth | Cells::Text => row[*place].clone(),
        };
        let rows = self.table.rows.iter().take(SHOWN);
        let note = if self.table.rows.len() > SHOWN {
            format!(
                "The first {SHOWN} rows of {}; table.csv has all, in full precision.",
                grouped(self.table.rows.len() as u64)
            )
        } else {
            "In full precision: table.csv.".into()
        };
        page::Table {
            title: "Points".into(),
            note,
            columns: columns.collect(),
            rows: rows.map(|row| places.iter().map(|place| shown(row, place)).collect()).collect(),
        }
    }
}

/// Whether a row leaves open what `--require decided` asks for.
pub fn is_open(kind: Kind, table: &SweepTable, row: &[String]) -> bool {
    let cell = |name: &str| table.cell(row, name);
    let open = match kind {
        Kind::Predict => cell("exists").is_empty() || cell("stability") == "undecided",
        Kind::Flow => cell("stop") == "budget" || cell("stability") == "undecided",
        Kind::Basins => cell("label") == "unresolved" && cell("count") != "0",
    };
    open || !cell(ERROR).is_empty()
}

fn points(count: usize) -> String {
    if count == 1 { "1 point".into() } else { format!("{} points", grouped(count as u64)) }
}

fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

fn most(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}
