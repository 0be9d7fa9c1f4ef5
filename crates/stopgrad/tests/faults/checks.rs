//! What has to hold of a folder after a fault.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use stopgrad::moments_file::MomentsFile;
use stopgrad_train::checkpoint::{self, Checkpoint};
use stopgrad_train::folder;
use stopgrad_train::gallery::Gallery;
use stopgrad_train::record::Column;

use super::jobs::files;

/// Every file under its final name is whole; else which is not, and why.
pub(crate) fn readable(out: &Path) -> Result<(), String> {
    for path in files(out) {
        let name = path.strip_prefix(out).unwrap().to_string_lossy().into_owned();
        // On their way when the fault struck.
        if name.contains(".partial-")
            || name.contains(".probe-")
            || name.contains("checkpoint.new/")
            || path.ends_with(".lock")
        {
            continue;
        }
        check(&path).map_err(|reason| format!("{name} is not whole: {reason}"))?;
    }
    for run in runs(out) {
        if checkpoint::exists(&run) {
            Checkpoint::<f32>::read(&run).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn check(path: &Path) -> Result<(), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap().to_str().unwrap();
    let ends = |end: &str| {
        let text = String::from_utf8_lossy(&bytes);
        if text.trim_end().ends_with(end) { Ok(()) } else { Err(format!("it does not end with {end}")) }
    };
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "json" => serde_json::from_slice::<serde_json::Value>(&bytes).map(drop).map_err(|error| error.to_string()),
        "toml" => config(path.parent().unwrap(), &bytes),
        // Live: its last line may be cut off.
        "csv" if name == "metrics.csv" => folder::read_rows(path).map(drop).map_err(|error| error.to_string()),
        "csv" if bytes.ends_with(b"\n") => Ok(()),
        "npz" if name == "spectra.npz" => {
            folder::read_spectra(path.parent().unwrap()).map(drop).map_err(|e| e.to_string())
        }
        "npz" if name == "gallery.npz" => Gallery::read(path).map(drop).map_err(|error| error.to_string()),
        "npz" => MomentsFile::read(path).map(drop).map_err(|error| error.to_string()),
        "parquet" if bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1") => Ok(()),
        "html" => ends("</html>"),
        "svg" => ends("</svg>"),
        // As pairs, by their own reader.
        "safetensors" => Ok(()),
        _ => Err("no such file is known here, or it is cut off".into()),
    }
}

/// A configuration that is cut off between two keys, or within a number, still reads: only writing it again tells.
fn config(run: &Path, bytes: &[u8]) -> Result<(), String> {
    let config = folder::read_config(run).map_err(|error| error.to_string())?;
    let whole = tempfile::tempdir().unwrap();
    folder::write_config(whole.path(), &config.ok_or("it is gone")?).map_err(|error| error.to_string())?;
    let wanted = fs::read(whole.path().join("config.toml")).unwrap();
    if wanted == bytes { Ok(()) } else { Err("it is not what its own values are written as".into()) }
}

/// Folders of runs in and below a folder.
fn runs(out: &Path) -> Vec<PathBuf> {
    let below = fs::read_dir(out).into_iter().flatten().map(|entry| entry.unwrap().path());
    let all = std::iter::once(out.to_owned()).chain(below.filter(|path| path.is_dir()));
    all.filter(|path| path.join("config.toml").exists() || checkpoint::exists(path)).collect()
}

/// How far the runs of a folder are.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    runs: BTreeMap<PathBuf, Run>,
}

#[derive(Debug)]
struct Run {
    finished: bool,
    step: Option<u64>,
    /// Rows up to the checkpoint.
    rows: Vec<stopgrad_train::record::MetricsRow>,
}

impl Standing {
    /// # Requires    a folder that is [`readable`]; what is not counts as not there
    pub(crate) fn of(out: &Path) -> Self {
        let run = |path: &PathBuf| {
            let step = Checkpoint::<f32>::read(path).ok().flatten().map(|(_, step)| step);
            let mut rows = folder::read_rows(&path.join("metrics.csv")).unwrap_or_default();
            rows.retain(|row| step.is_some_and(|step| row.step() <= step));
            Run { finished: folder::is_finished(path), step, rows }
        };
        let runs = runs(out).into_iter().map(|path| (path.strip_prefix(out).unwrap().to_owned(), run(&path)));
        Self { runs: runs.collect() }
    }

    /// What was there before and is not there now.
    pub(crate) fn lost_since(&self, before: &Self) -> Option<String> {
        before.runs.iter().find_map(|(path, old)| {
            let Some(new) = self.runs.get(path) else { return Some(format!("the run {} is gone", path.display())) };
            if old.finished && !new.finished {
                return Some("a finished run is not finished any more".into());
            }
            if new.step < old.step {
                return Some(format!("the checkpoint went back from step {:?} to {:?}", old.step, new.step));
            }
            let kept = new.rows.len() >= old.rows.len() && new.rows.iter().zip(&old.rows).all(|(new, old)| new == old);
            (!kept).then(|| format!("{} of {} rows are left as they were", new.rows.len(), old.rows.len()))
        })
    }
}

/// The first file in which two folders differ, but for clocks.
pub(crate) fn difference(expected: &Path, found: &Path) -> Option<String> {
    let names = |out: &Path| -> Vec<PathBuf> {
        files(out).into_iter().map(|path| path.strip_prefix(out).unwrap().to_owned()).collect()
    };
    let (wanted, there) = (names(expected), names(found));
    if wanted != there {
        let missing: Vec<_> = wanted.iter().filter(|name| !there.contains(name)).collect();
        let extra: Vec<_> = there.iter().filter(|name| !wanted.contains(name)).collect();
        return Some(format!("missing {missing:?}, left over {extra:?}"));
    }
    wanted.iter().find_map(|name| {
        let (a, b) = (content(&expected.join(name)), content(&found.join(name)));
        (a != b).then(|| format!("{} has other bytes", name.display()))
    })
}

/// What has to be the same: all but `seconds` and `waited_seconds`, which pages and binary tables show too.
fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    match path.file_name().unwrap().to_str().unwrap() {
        "report.html" | "metrics.parquet" => Vec::new(),
        "metrics.csv" => without_seconds(&String::from_utf8(bytes).unwrap()),
        _ => bytes,
    }
}

fn without_seconds(text: &str) -> Vec<u8> {
    let times = [Column::Seconds, Column::WaitedSeconds].map(Column::name);
    let names: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let rest = |line: &str| {
        let cells = line.split(',').zip(&names).filter(|(_, name)| !times.contains(name)).map(|(cell, _)| cell);
        cells.collect::<Vec<_>>().join(",")
    };
    text.lines().map(rest).collect::<Vec<_>>().join("\n").into_bytes()
}

/// The clock of a run never goes back, whatever the machine's does.
pub(crate) fn clock_goes_forward(out: &Path) {
    for run in runs(out) {
        let rows = folder::read_rows(&run.join("metrics.csv")).unwrap();
        let seconds: Vec<f64> = rows.iter().filter_map(|row| row.get(Column::Seconds)).collect();
        assert!(seconds.windows(2).all(|pair| pair[0] <= pair[1]), "{seconds:?}");
        assert!(seconds.last().is_some_and(|last| *last < 3600.0), "{seconds:?}");
    }
}
