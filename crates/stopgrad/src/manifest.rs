//! What a command was asked to do, stored beside its results: with the files of the runs it makes the report again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stopgrad_data::InputFile;
use stopgrad_train::record::RunRecord;

use crate::folder::{self, COMMAND_FILE, COMPARISON_FILE, FolderError, Kind};
use crate::report::{Input, Report, SourceSummary};

/// `command.json` of a run folder, `comparison.json` of a comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The subcommand.
    pub command: String,
    /// As it could be typed again.
    pub command_line: String,
    /// Of the program.
    pub version: String,
    /// The first seed.
    pub seed: u64,
    /// Every option, defaults filled in.
    pub options: serde_json::Value,
    /// The files that were read.
    pub inputs: Vec<InputFile>,
    /// What the samples are.
    #[serde(with = "StoredSource")]
    pub source: SourceSummary,
    /// The machine: label, text.
    pub environment: Vec<(String, String)>,
    /// Headline of the report.
    pub title: String,
    /// The runs, in the order in which they were asked for.
    pub runs: Vec<ManifestRun>,
}

/// One run of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRun {
    /// Its name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Its folder, from the folder of the manifest; `.` is that folder.
    pub folder: PathBuf,
}

/// [`SourceSummary`] as it is stored; the compiler checks that the two agree.
#[derive(Serialize, Deserialize)]
#[serde(remote = "SourceSummary")]
struct StoredSource {
    name: String,
    count: usize,
    shape: Vec<usize>,
    classes: Option<usize>,
    splits: Vec<(String, usize)>,
    attribution: String,
    skipped: usize,
    skipped_first: Vec<(String, String)>,
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Neither a run nor a comparison.
    #[error("{} is no folder of a run or comparison: it holds neither {COMMAND_FILE} nor {COMPARISON_FILE}; name one that train or compare wrote", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read {}; check that it may be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It is no manifest.
    #[error("{} is damaged; the command that made the folder writes it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        source: serde_json::Error,
    },
}

impl Manifest {
    /// The manifest of a folder.
    ///
    /// # Errors
    /// [`ManifestError`]
    pub fn read(folder: &Path) -> Result<Self, ManifestError> {
        let path = match folder::kind(folder) {
            Some(Kind::Run) => folder.join(COMMAND_FILE),
            Some(Kind::Comparison) => folder.join(COMPARISON_FILE),
            Some(Kind::Lab | Kind::Sweep) | None => return Err(ManifestError::Missing { path: folder.into() }),
        };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(ManifestError::Unreadable { path, source }),
        };
        serde_json::from_slice(&text).map_err(|source| ManifestError::Damaged { path, source })
    }

    /// Write it into its folder.
    ///
    /// # Errors
    /// [`FolderError::File`]
    pub fn write(&self, folder: &Path) -> Result<(), FolderError> {
        let name = if self.is_single() { COMMAND_FILE } else { COMPARISON_FILE };
        let text = serde_json::to_string_pretty(self).expect("text, numbers and lists can be written as JSON");
        folder::write_beside(&folder.join(name), text.as_bytes())
    }

    /// The same command, seen from the folder of one of its runs.
    #[must_use]
    pub fn of_run(&self, run: &ManifestRun) -> Self {
        let title = if self.runs.len() > 1 {
            format!("{} · {} (seed {})", self.title, run.name, run.seed)
        } else {
            self.title.clone()
        };
        let runs = vec![ManifestRun { folder: PathBuf::from("."), ..run.clone() }];
        Self { title, seed: run.seed, runs, ..self.clone() }
    }

    /// The report about these runs.
    pub fn report(&self, runs: Vec<RunRecord>) -> Report {
        Report {
            title: self.title.clone(),
            command: self.command.clone(),
            command_line: self.command_line.clone(),
            version: self.version.clone(),
            seed: self.seed,
            options: self.options.clone(),
            inputs: self.inputs.iter().cloned().map(Input::from).collect(),
            source: self.source.clone(),
            origins: Vec::new(),
            left_out: Vec::new(),
            runs,
            environment: self.environment.clone(),
        }
    }

    fn is_single(&self) -> bool {
        matches!(self.runs.as_slice(), [run] if run.folder == Path::new("."))
    }
}

/// What a reader should know of the machine, and of the devices on which passes through the networks are made.
pub fn environment(devices: &[String]) -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism().map_or_else(|_| "unknown".into(), |cores| cores.to_string());
    let mut facts = vec![
        ("Processor cores".into(), cores),
        ("System".into(), format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH)),
    ];
    if !devices.is_empty() {
        facts.push(("Passes through the networks on".into(), devices.join(", ")));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let run = |name: &str| ManifestRun { name: name.into(), seed: 3, folder: name.into() };
        Manifest {
            command: "compare".into(),
            command_line: "stopgrad compare digits".into(),
            version: "0".into(),
            seed: 3,
            options: serde_json::json!({ "seeds": [3] }),
            inputs: vec![InputFile { path: "digits".into(), sha256: "00".into() }],
            source: SourceSummary {
                name: "digits".into(),
                count: 2,
                shape: vec![1, 8, 8],
                classes: Some(10),
                splits: vec![("train".into(), 2)],
                attribution: String::new(),
                skipped: 1,
                skipped_first: vec![("a.csv:3".into(), "a cell is empty".into())],
            },
            environment: environment(&["CPU".into()]),
            title: "digits".into(),
            runs: vec![run("joint"), run("sg")],
        }
    }

    #[test]
    fn a_manifest_reads_back() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let written = manifest();
        written.write(folder.path()).expect("written");
        let read = Manifest::read(folder.path()).expect("read");
        assert_eq!(serde_json::to_value(&read).expect("json"), serde_json::to_value(&written).expect("json"));
        assert_eq!(folder::kind(folder.path()), Some(Kind::Comparison));
    }

    #[test]
    fn a_run_of_a_comparison_has_its_own() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let whole = manifest();
        whole.of_run(&whole.runs[1]).write(folder.path()).expect("written");
        assert_eq!(folder::kind(folder.path()), Some(Kind::Run));
        assert_eq!(Manifest::read(folder.path()).expect("read").runs[0].name, "sg");
    }

    #[test]
    fn a_damaged_manifest_is_an_error_and_so_is_none() {
        let folder = tempfile::tempdir().expect("temporary folder");
        assert!(matches!(Manifest::read(folder.path()), Err(ManifestError::Missing { .. })));
        std::fs::write(folder.path().join(COMMAND_FILE), "{").expect("written");
        assert!(matches!(Manifest::read(folder.path()), Err(ManifestError::Damaged { .. })));
    }
}
