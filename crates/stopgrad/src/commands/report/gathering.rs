//! Runs of any folders together: found, read, told apart by name, and made one report.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use stopgrad_data::InputFile;
use stopgrad_train::record::RunRecord;

use crate::folder::{self, Kind};
use crate::manifest::Manifest;
use crate::markup::listed;
use crate::outcome::command_line;
use crate::report::{Input, Origin, Report};
use crate::{CommandError, TrainingError};

/// Titles of folders that a headline names.
const TITLES: usize = 3;

/// A folder that `train` or `compare` wrote, with its finished runs.
pub(super) struct Found {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) records: Vec<RunRecord>,
}

/// A run that is not in the report.
pub(super) struct LeftOut {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) folder: PathBuf,
    /// What to tell of it.
    pub(super) sentence: String,
}

impl LeftOut {
    /// The sentence on the page.
    pub(super) fn in_report(&self) -> String {
        format!("{}.", self.sentence)
    }
}

/// What the named folders hold.
pub(super) struct Gathered {
    pub(super) folders: Vec<Found>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Read every finished run of some folders: of runs, of comparisons, or with such folders in them.
///
/// A run of a comparison that is not finished is left out and told. A folder in which nothing has finished is an error, unless it is to be
/// skipped; a damaged one always is.
///
/// # Errors
/// [`TrainingError::Manifest`], [`TrainingError::Record`], [`TrainingError::NothingFinished`], with the folder
pub(super) fn gather(named: &[PathBuf], skip_unfinished: bool) -> Result<Gathered, CommandError> {
    let mut paths = Vec::new();
    for path in named {
        paths.extend(within(path)?);
    }
    let mut gathered = Gathered { folders: Vec::new(), left_out: Vec::new() };
    let mut seen: Vec<PathBuf> = Vec::new();
    for folder in paths {
        let before = gathered.left_out.len();
        let found = read(&folder, &mut seen, &mut gathered.left_out)?;
        // Without records and with nothing left out it was named before.
        if found.records.is_empty() && gathered.left_out.len() > before && !skip_unfinished {
            return Err(TrainingError::NothingFinished { folder }.into());
        }
        gathered.folders.push(found);
    }
    gathered.folders.retain(|found| !found.records.is_empty());
    match named {
        [first, ..] if gathered.folders.is_empty() => {
            Err(TrainingError::NothingFinished { folder: first.clone() }.into())
        }
        _ => Ok(gathered),
    }
}

/// The folder itself, or those of runs and comparisons directly in it, by name.
fn within(path: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let holds_runs = |path: &Path| matches!(folder::kind(path), Some(Kind::Run | Kind::Comparison));
    if holds_runs(path) {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut inner: Vec<PathBuf> = entries.filter(|path| holds_runs(path)).collect();
    inner.sort();
    if inner.is_empty() {
        // Says that there is nothing here, or why it cannot be read.
        Manifest::read(path).map_err(TrainingError::from)?;
    }
    Ok(inner)
}

/// The finished runs of a folder, but for those in `seen`: a run that is named twice is one run.
fn read(folder: &Path, seen: &mut Vec<PathBuf>, left_out: &mut Vec<LeftOut>) -> Result<Found, CommandError> {
    let manifest = Manifest::read(folder).map_err(TrainingError::from)?;
    let mut records = Vec::new();
    for run in &manifest.runs {
        let path = if run.folder == Path::new(".") { folder.to_owned() } else { folder.join(&run.folder) };
        let place = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        // Written last: a run without it is not finished.
        if path.join("run.json").exists() {
            let record = RunRecord::read(&path)
                .map_err(|source| TrainingError::Record { folder: path.clone(), source: Box::new(source) })?;
            records.push(record);
        } else {
            let sentence = format!("{} (seed {}) is not finished and left out", run.name, run.seed);
            left_out.push(LeftOut { name: run.name.clone(), seed: run.seed, folder: path, sentence });
        }
    }
    Ok(Found { folder: folder.to_owned(), manifest, records })
}

impl Gathered {
    /// Every file that the runs read, once.
    pub(super) fn inputs(&self) -> Vec<InputFile> {
        let mut inputs: Vec<InputFile> = Vec::new();
        for input in self.folders.iter().flat_map(|found| &found.manifest.inputs) {
            if !inputs.contains(input) {
                inputs.push(input.clone());
            }
        }
        inputs
    }

    /// One report about all runs, under names of which none stands for two configurations.
    pub(super) fn report(self, options: &Value) -> Report {
        let inputs = self.inputs().into_iter().map(Input::from).collect();
        let left_out = self.left_out.iter().map(LeftOut::in_report).collect();
        let mut titles: Vec<String> = self.folders.iter().map(|found| found.manifest.title.clone()).collect();
        titles.dedup();
        let mut versions: Vec<String> = self.folders.iter().map(|found| found.manifest.version.clone()).collect();
        versions.dedup();
        let (mut runs, mut environment, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for found in self.folders {
            environment
                .push(("Folder".to_owned(), format!("{}: {}", found.folder.display(), found.manifest.command_line)));
            let inputs: Vec<Input> = found.manifest.inputs.iter().cloned().map(Input::from).collect();
            for record in found.records {
                sources.push((found.manifest.source.clone(), inputs.clone()));
                runs.push((found.folder.clone(), record));
            }
        }
        distinguish(&mut runs, &sources.iter().map(|(_, inputs)| inputs.clone()).collect::<Vec<_>>());
        let origin = |((_, run), (source, inputs)): (&(PathBuf, RunRecord), (_, _))| Origin {
            name: run.name.clone(),
            seed: run.config.training.seed,
            source,
            inputs,
        };
        let source = sources[0].0.clone();
        let origins = runs.iter().zip(sources).map(origin).collect();
        if versions.len() > 1 {
            environment.push(("Versions".into(), format!("the runs were made by stopgrad {}", listed(&versions))));
        }
        environment.extend(crate::manifest::environment(&[]));
        Report {
            title: headline(&titles),
            command: "report".into(),
            command_line: command_line(),
            version: env!("CARGO_PKG_VERSION").into(),
            seed: runs[0].1.config.training.seed,
            options: options.clone(),
            inputs,
            source,
            origins,
            left_out,
            runs: runs.into_iter().map(|(_, run)| run).collect(),
            environment,
        }
    }
}

fn headline(titles: &[String]) -> String {
    let shown = titles.iter().take(TITLES).cloned().collect::<Vec<_>>().join("; ");
    match titles.len().saturating_sub(TITLES) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Give runs of one name and different configurations or data names of their own: `sg (compare-digits-1)`.
///
/// Runs that differ in nothing but the seed (and the number of threads) are seeds of one configuration wherever their folders are, and keep
/// their name. A run under the same seed as another of its kind gets a name, too.
fn distinguish(runs: &mut [(PathBuf, RunRecord)], inputs: &[Vec<Input>]) {
    let kinds: Vec<Likeness> = runs.iter().zip(inputs).map(|((_, run), inputs)| Likeness::of(run, inputs)).collect();
    let names: Vec<String> = runs.iter().map(|(_, run)| run.name.clone()).collect();
    let folders: Vec<PathBuf> = runs.iter().map(|(folder, _)| home(folder)).collect();
    let seeds: Vec<u64> = runs.iter().map(|(_, run)| run.config.training.seed).collect();
    for place in 0..runs.len() {
        let same_name = |other: &usize| names[*other] == names[place];
        let others: Vec<usize> = (0..runs.len()).filter(same_name).collect();
        let kin: Vec<usize> = others.iter().copied().filter(|&other| kinds[other] == kinds[place]).collect();
        let twice = kin.iter().filter(|&&other| seeds[other] == seeds[place]).count() > 1;
        if twice {
            runs[place].1.name = format!("{} ({})", names[place], suffix(&folders, place));
        } else if kin.len() < others.len() {
            runs[place].1.name = format!("{} ({})", names[place], suffix(&folders, kin[0]));
        }
    }
}

/// The comparison that a folder of a run belongs to, if it does, else the folder: what people know it by.
fn home(folder: &Path) -> PathBuf {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let above = whole.ancestors().skip(1).take(2).find(|above| folder::kind(above) == Some(Kind::Comparison));
    above.map_or_else(|| whole.clone(), Path::to_owned)
}

/// What makes two runs seeds of one configuration.
#[derive(PartialEq)]
struct Likeness {
    config: stopgrad_train::Config,
    inputs: Vec<String>,
}

impl Likeness {
    fn of(run: &RunRecord, inputs: &[Input]) -> Self {
        let mut config = run.config.clone();
        (config.training.seed, config.training.threads) = (0, 0);
        Self { config, inputs: inputs.iter().map(|input| input.sha256.clone()).collect() }
    }
}

/// The last parts of a path, as many as tell it from all others that are not the same.
fn suffix(paths: &[PathBuf], place: usize) -> String {
    let parts = |path: &Path| -> Vec<String> {
        let normal = |part: Component| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        };
        path.components().filter_map(normal).collect()
    };
    let tail = |parts: &[String], count: usize| parts[parts.len().saturating_sub(count)..].join("/");
    let own = parts(&paths[place]);
    let others: Vec<Vec<String>> = paths.iter().map(|path| parts(path)).filter(|other| *other != own).collect();
    let enough = |count: &usize| others.iter().all(|other| tail(other, *count) != tail(&own, *count));
    let count = (1..=own.len()).find(enough).unwrap_or(own.len());
    tail(&own, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_as_long_as_it_must_be() {
        let paths: Vec<PathBuf> = ["/a/x/run", "/a/y/run", "/b/other", "/a/x/run"].map(PathBuf::from).to_vec();
        assert_eq!(
            (suffix(&paths, 0), suffix(&paths, 1), suffix(&paths, 2)),
            ("x/run".into(), "y/run".into(), "other".into())
        );
        assert_eq!(suffix(&paths, 3), "x/run");
    }

    #[test]
    fn a_headline_names_some_and_counts_the_others() {
        let titles: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(headline(&titles), "a; b; c; and 2 more");
        assert_eq!(headline(&titles[..1]), "a");
    }
}
