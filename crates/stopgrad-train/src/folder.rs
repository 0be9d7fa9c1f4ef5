//! The files of a run folder, apart from the checkpoint: each is written so that a kill at any moment loses nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stopgrad_data::{NpyArray, NpyData, NpzError, npz};
use thiserror::Error;

use crate::config::Config;
use crate::gallery::Gallery;
use crate::record::{Baselines, Column, MetricsRow, ProbeResult, RunRecord, Spectrum};
use crate::theory::{TheoryRecord, TrainingMoments};
use crate::verdict::Verdict;

/// A file of a run folder that cannot be written or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The system refused.
    #[error("cannot {action} {}: {source}; free space or fix the permissions, then start again on the same folder", path.display())]
    System {
        /// `write` or `read`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not what we wrote.
    #[error("{} is damaged at {place}: {reason}; start the run again on an empty folder", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Line or key.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The spectra or moments cannot be written or read.
    #[error(transparent)]
    Spectra(#[from] NpzError),
    /// The run has not ended.
    #[error("{} holds no finished run ({} is missing); start the run again on it to finish it", folder.display(), missing)]
    Unfinished {
        /// The folder.
        folder: PathBuf,
        /// The file that is written last.
        missing: &'static str,
    },
}

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.csv";
const SPECTRA: &str = "spectra.npz";
/// Ending of the array of steps beside each array of eigenvalues.
const STEPS: &str = "_steps";
const VERDICT: &str = "verdict.json";
const THEORY: &str = "theory.json";
const MOMENTS: &str = "moments.npz";
const GALLERY: &str = "gallery.npz";
const RUN: &str = "run.json";
/// Columns of `metrics.csv` that there have been from the start; `waited_seconds` came later.
const FIRST_COLUMNS: usize = Column::WaitedSeconds as usize;

/// Identity and probes of a run: `run.json`, written last.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    name: String,
    steps: u64,
    initial_weights_sha256: String,
    data_order_sha256: String,
    relative_displacement: Option<f64>,
    probes: Vec<ProbeResult>,
    baselines: Baselines,
}

impl RecordError {
    /// A file that has fewer entries than the checkpoint beside it counts.
    pub(crate) fn lost(path: &Path, found: usize, wanted: usize) -> Self {
        damaged(path, "its end", format!("{found} of {wanted} entries up to the checkpoint are there"))
    }
}

fn at<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> RecordError + 'a {
    move |source| RecordError::System { action, path: path.to_owned(), source }
}

pub(crate) fn damaged(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> RecordError {
    RecordError::Damaged { path: path.to_owned(), place: place.into(), reason: reason.into() }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    stopgrad_data::write_whole(path, bytes).map_err(at("write", path))
}

/// Writes `config.toml`.
///
/// # Errors
/// When the system refuses.
pub fn write_config(folder: &Path, config: &Config) -> Result<(), RecordError> {
    let text = toml::to_string(config).expect("every configuration has a TOML form: a test round-trips them");
    write_whole(&folder.join(CONFIG), text.as_bytes())
}

/// Reads `config.toml`; `None` if there is none.
///
/// # Errors
/// When it cannot be read or is not a configuration.
pub fn read_config(folder: &Path) -> Result<Option<Config>, RecordError> {
    let path = folder.join(CONFIG);
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(&path)?;
    if text.trim().is_empty() {
        return Err(damaged(&path, "line 1", "it is empty"));
    }
    toml::from_str(&text).map(Some).map_err(|e| damaged(&path, "the configuration", e.to_string()))
}

/// `metrics.csv`, appended live.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Opens the file of a run that continues from `step`: rows after it are cut off, a new file gets its header.
    /// Returns the rows that stay.
    ///
    /// # Errors
    /// When the system refuses or a row that should stay is damaged.
    pub fn open(folder: &Path, step: Option<u64>) -> Result<(Self, Vec<MetricsRow>), RecordError> {
        let path = folder.join(METRICS);
        let mut rows = if step.is_some() && path.exists() { read_rows(&path)? } else { Vec::new() };
        rows.retain(|row| step.is_some_and(|step| row.step() <= step));
        let mut text = header();
        for row in &rows {
            text.push_str(&line(row));
        }
        write_whole(&path, text.as_bytes())?;
        let file = File::options().append(true).open(&path).map_err(at("write", &path))?;
        Ok((Self { path, file }, rows))
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the system refuses, for instance on a full disk; the rows before are safe.
    pub fn append(&mut self, row: &MetricsRow) -> Result<(), RecordError> {
        self.file.write_all(line(row).as_bytes()).map_err(at("write", &self.path))
    }

    /// Waits until all rows are on the disk: a checkpoint that counts them must not outlive them when the power goes.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), RecordError> {
        self.file.sync_data().map_err(at("write", &self.path))
    }
}

fn header() -> String {
    let names: Vec<&str> = Column::ALL.iter().map(|c| c.name()).collect();
    names.join(",") + "\n"
}

/// One line; floats in the shortest form that reads back to the same f64.
fn line(row: &MetricsRow) -> String {
    let cells: Vec<String> = Column::ALL
        .iter()
        .map(|&column| match (column, row.get(column)) {
            (_, None) => String::new(),
            (Column::Step, Some(step)) => format!("{}", step as u64),
            (_, Some(value)) => format!("{value:?}"),
        })
        .collect();
    cells.join(",") + "\n"
}

/// Reads the rows of a `metrics.csv`. A last line without its end (the program was killed while writing) is dropped.
///
/// # Errors
/// When the header is another or a line cannot be read: says which.
pub fn read_rows(path: &Path) -> Result<Vec<MetricsRow>, RecordError> {
    let text = read_text(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines();
    // Columns are only ever added at the end: an older version's lack the last ones.
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let known = Column::ALL.iter().map(|column| column.name()).take(names.len());
    if names.len() < FIRST_COLUMNS || !known.eq(names.iter().copied()) {
        return Err(damaged(path, "line 1", "its columns are not those of this version"));
    }
    lines
        .enumerate()
        .map(|(i, line)| {
            read_line(line, names.len()).ok_or_else(|| damaged(path, format!("line {}", i + 2), "not a row of numbers"))
        })
        .collect()
}

fn read_line(line: &str, columns: usize) -> Option<MetricsRow> {
    let cells: Vec<&str> = line.split(',').collect();
    if cells.len() != columns {
        return None;
    }
    let mut row = MetricsRow::new(cells[0].parse().ok()?);
    for (&column, cell) in Column::ALL.iter().zip(&cells).skip(1) {
        if !cell.is_empty() {
            row.set(column, cell.parse().ok()?);
        }
    }
    Some(row)
}

/// Writes `spectra.npz`: for each place `<place>`, k × d, eigenvalues descending, and `<place>_steps`, k.
///
/// # Errors
/// When the system refuses.
pub fn write_spectra(folder: &Path, spectra: &[Spectrum]) -> Result<(), RecordError> {
    let mut places: BTreeMap<&str, Vec<&Spectrum>> = BTreeMap::new();
    for spectrum in spectra {
        places.entry(&spectrum.place).or_default().push(spectrum);
    }
    let mut arrays = Vec::new();
    for (place, list) in places {
        let width = list[0].eigenvalues.len();
        let values = list.iter().flat_map(|s| s.eigenvalues.iter().copied()).collect();
        arrays.push((place.to_owned(), NpyArray::new(&[list.len(), width], NpyData::F64(values))));
        let steps = list.iter().map(|s| s.step as i64).collect();
        arrays.push((format!("{place}{STEPS}"), NpyArray::new(&[list.len()], NpyData::I64(steps))));
    }
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    Ok(npz::write(folder.join(SPECTRA), &named)?)
}

/// Reads `spectra.npz`; empty if there is none.
///
/// # Errors
/// When it cannot be read or its arrays do not fit together.
pub fn read_spectra(folder: &Path) -> Result<Vec<Spectrum>, RecordError> {
    let path = folder.join(SPECTRA);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let arrays = npz::read(&path)?;
    let mut spectra = Vec::new();
    for (name, array) in arrays.iter().filter(|(name, _)| !name.ends_with(STEPS)) {
        let steps =
            arrays.get(&format!("{name}{STEPS}")).filter(|steps| Some(&steps.data.len()) == array.shape.first());
        let (Some(steps), &[_, width]) = (steps, array.shape.as_slice()) else {
            return Err(damaged(&path, name.clone(), "it has no steps beside it"));
        };
        for (step, eigenvalues) in steps.to_f64().into_iter().zip(array.to_f64().chunks_exact(width.max(1))) {
            spectra.push(Spectrum { place: name.clone(), step: step as u64, eigenvalues: eigenvalues.to_vec() });
        }
    }
    spectra.sort_by(|a, b| (a.step, &a.place).cmp(&(b.step, &b.place)));
    Ok(spectra)
}

/// Writes what a finished run says of itself; `run.json` last, as the mark that it is finished.
///
/// # Errors
/// When the system refuses.
pub fn write_record(folder: &Path, record: &RunRecord) -> Result<(), RecordError> {
    write_spectra(folder, &record.spectra)?;
    write_whole(&folder.join(VERDICT), &json(&record.verdict))?;
    if let Some(theory) = &record.theory {
        write_whole(&folder.join(THEORY), &json(theory))?;
    }
    let identity = Identity {
        name: record.name.clone(),
        steps: record.steps,
        initial_weights_sha256: record.initial_weights_sha256.clone(),
        data_order_sha256: record.data_order_sha256.clone(),
        relative_displacement: record.relative_displacement,
        probes: record.probes.clone(),
        baselines: record.baselines.clone(),
    };
    write_whole(&folder.join(RUN), &json(&identity))
}

/// Writes `moments.npz`: X, Y, V of the training pairs.
///
/// # Errors
/// When the system refuses.
pub fn write_moments(folder: &Path, moments: &TrainingMoments) -> Result<(), RecordError> {
    Ok(moments.write(&folder.join(MOMENTS))?)
}

/// Writes `gallery.npz`.
///
/// # Errors
/// When the system refuses.
pub fn write_gallery(folder: &Path, gallery: &Gallery) -> Result<(), RecordError> {
    Ok(gallery.write(&folder.join(GALLERY))?)
}

fn json<S: Serialize>(value: &S) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("our records always have a JSON form");
    bytes.push(b'\n');
    bytes
}

/// True if the run in this folder is finished.
pub fn is_finished(folder: &Path) -> bool {
    folder.join(RUN).exists()
}

impl RunRecord {
    /// Reads a finished run from its folder.
    ///
    /// # Errors
    /// When the run is not finished or a file is damaged.
    pub fn read(folder: &Path) -> Result<Self, RecordError> {
        let missing = |missing| RecordError::Unfinished { folder: folder.to_owned(), missing };
        if !is_finished(folder) {
            return Err(missing(RUN));
        }
        let identity: Identity = read_json(&folder.join(RUN))?;
        let verdict: Verdict = read_json(&folder.join(VERDICT))?;
        let theory = folder.join(THEORY);
        let theory: Option<TheoryRecord> = if theory.exists() { Some(read_json(&theory)?) } else { None };
        // Runs of earlier versions have none.
        let gallery = folder.join(GALLERY);
        let gallery = if gallery.exists() { Some(Arc::new(Gallery::read(&gallery)?)) } else { None };
        Ok(Self {
            name: identity.name,
            config: read_config(folder)?.ok_or_else(|| missing(CONFIG))?,
            steps: identity.steps,
            initial_weights_sha256: identity.initial_weights_sha256,
            data_order_sha256: identity.data_order_sha256,
            relative_displacement: identity.relative_displacement,
            verdict,
            theory,
            probes: identity.probes,
            baselines: identity.baselines,
            metrics: read_rows(&folder.join(METRICS))?,
            spectra: read_spectra(folder)?,
            gallery,
        })
    }
}

/// The text of a file that we wrote; what is no UTF-8 is damage and no fault of the system.
fn read_text(path: &Path) -> Result<String, RecordError> {
    let bytes = fs::read(path).map_err(at("read", path))?;
    String::from_utf8(bytes)
        .map_err(|e| damaged(path, format!("byte {}", e.utf8_error().valid_up_to()), "it is not UTF-8"))
}

fn read_json<S: for<'a> Deserialize<'a>>(path: &Path) -> Result<S, RecordError> {
    let bytes = fs::read(path).map_err(at("read", path))?;
    serde_json::from_slice(&bytes).map_err(|e| damaged(path, format!("line {}", e.line()), e.to_string()))
}
