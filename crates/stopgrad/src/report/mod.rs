//! The report of a comparison: one page for people, one document for programs, figures with their data.
//!
//! Everything here is a pure function of [`Report`], which is made of run records alone; nothing is
//! measured, opened or written. The caller writes [`Report::to_html`], [`Report::to_json`] and each
//! figure's CSV beside the runs. One page that needs no script and no network was preferred to a page
//! with a plotting library: it prints, it can be mailed, and it opens in twenty years.
//!
//! Reading order: `html` (the page from top to bottom), `verdicts`, `probes` and `seeds` (its tables), `summary`,
//! `comparable` and `quality` (its sentences), `figure` and `gallery` (its pictures), `json`.

mod comparable;
mod details;
mod figure;
mod gallery;
mod html;
mod json;
mod probes;
mod quality;
mod seeds;
mod summary;
mod theory;
mod verdicts;
mod waiting;

#[cfg(test)]
mod fixture;

pub use figure::{Figure, Group};
pub(crate) use probes::BASELINES;
pub use quality::{Course, Stretch, Trend, course};
pub(crate) use theory::sentences as theory_sentences;
pub(crate) use waiting::waited;

// The one place that says where the records come from.
use stopgrad_train::record::{self, RunRecord};
use stopgrad_train::verdict;

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct Report {
    /// Headline, for people.
    pub title: String,
    /// The subcommand: `compare` or `train`.
    pub command: String,
    /// What was typed.
    pub command_line: String,
    /// Version of the program.
    pub version: String,
    /// The first seed.
    pub seed: u64,
    /// Every option with its default filled in (`options` of report.json).
    pub options: serde_json::Value,
    /// The files that were read.
    pub inputs: Vec<Input>,
    /// Where the samples came from.
    pub source: SourceSummary,
    /// Of runs that come from other folders than the first: where their samples came from.
    pub origins: Vec<Origin>,
    /// Runs that were asked for and are not here, in sentences.
    pub left_out: Vec<String>,
    /// The runs, in the order in which they were asked for.
    pub runs: Vec<RunRecord>,
    /// What else a reader should know of the machine and the moment: label, text.
    pub environment: Vec<(String, String)>,
}

/// Where the samples of one run came from, if that is not where those of the report did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The run, by name and seed.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Its source.
    pub source: SourceSummary,
    /// The files that it read.
    pub inputs: Vec<Input>,
}

/// A file that was read, by content.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Input {
    /// As it was named.
    pub path: String,
    /// Of its bytes.
    pub sha256: String,
}

impl From<stopgrad_data::InputFile> for Input {
    fn from(input: stopgrad_data::InputFile) -> Self {
        Self { path: input.path, sha256: input.sha256 }
    }
}

/// What the samples are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceSummary {
    /// For people: `UCI digits`.
    pub name: String,
    /// Samples in all.
    pub count: usize,
    /// Of one sample: `[8, 8]`, `[3, 32, 32]`, `[17]`.
    pub shape: Vec<usize>,
    /// Number of classes, where there are labels.
    pub classes: Option<usize>,
    /// Name and size of each part: `train`, `validation`, `test`.
    pub splits: Vec<(String, usize)>,
    /// Whom to thank, under which licence; empty: nothing to say.
    pub attribution: String,
    /// Samples that could not be used, in all.
    pub skipped: usize,
    /// Place and reason of the first of them.
    pub skipped_first: Vec<(String, String)>,
}

impl Report {
    /// The page: one file, no script, no network, readable on paper, dark and light.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// `report.json`, as docs/formats.md has it.
    pub fn to_json(&self) -> serde_json::Value {
        json::document(self)
    }

    /// The figures of the page, in its order; each carries the data that it was drawn from.
    pub fn figures(&self) -> Vec<Figure> {
        figure::all(self)
    }

    /// Configuration names in order of appearance, each once (several seeds share one).
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !names.contains(&run.name.as_str()) {
                names.push(&run.name);
            }
        }
        names
    }

    /// The runs of one configuration.
    fn runs_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a RunRecord> {
        self.runs.iter().filter(move |run| run.name == name)
    }

    /// What to call a run in this report: its name, and its seed where the name alone is ambiguous.
    fn label(&self, run: &RunRecord) -> String {
        if self.runs_named(&run.name).count() > 1 {
            format!("{} · seed {}", run.name, run.config.training.seed)
        } else {
            run.name.clone()
        }
    }

    fn origin_of(&self, run: &RunRecord) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.name == run.name && origin.seed == run.config.training.seed)
    }

    /// Where the samples of a run came from.
    fn source_of(&self, run: &RunRecord) -> &SourceSummary {
        self.origin_of(run).map_or(&self.source, |origin| &origin.source)
    }

    /// The files that a run read; of a comparison those of all its runs.
    fn inputs_of(&self, run: &RunRecord) -> &[Input] {
        self.origin_of(run).map_or(&self.inputs, |origin| &origin.inputs)
    }

    /// Every source once, in order of appearance.
    fn sources(&self) -> Vec<&SourceSummary> {
        let mut sources = vec![&self.source];
        for origin in &self.origins {
            if !sources.contains(&&origin.source) {
                sources.push(&origin.source);
            }
        }
        sources
    }

    /// Whether all runs saw samples of one source, so that one baseline stands beside all of them.
    fn has_one_source(&self) -> bool {
        self.runs.windows(2).all(|pair| self.source_of(&pair[0]) == self.source_of(&pair[1]))
    }

    /// What to call a baseline of a run: with its source where there are several.
    fn baseline_name(&self, what: &str, run: &RunRecord) -> String {
        if self.has_one_source() { what.to_owned() } else { format!("{what}, {}", self.source_of(run).name) }
    }

    /// Size of a part of the data of a run, if the source names it and it is not empty.
    fn split_count(&self, run: &RunRecord, name: &str) -> Option<usize> {
        let source = self.source_of(run);
        source.splits.iter().find(|(split, _)| split == name).map(|(_, count)| *count).filter(|count| *count > 0)
    }
}

/// The metrics of a run as a line: step and value of one column, NaN where it is missing.
fn history(run: &RunRecord, column: record::Column) -> Vec<(u64, f64)> {
    run.metrics.iter().map(|row| (row.step(), row.get(column).unwrap_or(f64::NAN))).collect()
}

/// The last finite value of a column.
fn last_value(run: &RunRecord, column: record::Column) -> Option<f64> {
    run.metrics.iter().rev().filter_map(|row| row.get(column)).find(|value| value.is_finite())
}
