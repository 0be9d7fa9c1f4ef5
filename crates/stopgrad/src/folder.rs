//! Folders a command writes into: found, checked and claimed before any work is done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// In the folder of a run: what was asked for.
pub const COMMAND_FILE: &str = "command.json";
/// In the folder of a comparison: what was asked for, and which runs belong to it.
pub const COMPARISON_FILE: &str = "comparison.json";
/// Written by a run before its first step.
pub const CONFIG_FILE: &str = "config.toml";
/// In the folder of a sweep: its grid and what it reads, written before its first row.
pub const SWEEP_FILE: &str = "sweep.json";
/// Beside the page of a command of the linear lab (runs and comparisons have one too).
pub const REPORT_FILE: &str = "report.json";

/// Why a folder cannot be written into.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made, or nothing can be written there.
    #[error("cannot write into the folder {}; choose another with --out", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It holds other things.
    #[error("{} holds other files and no {expected}; nothing was written. Choose another --out", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What it could have held.
        expected: Kind,
    },
    /// It holds the other kind of result.
    #[error("{} holds a {found}, not a {expected}; nothing was written. Choose another --out", path.display())]
    OtherKind {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: Kind,
        /// What was to be written.
        expected: Kind,
    },
    /// Another program writes there.
    #[error("another stopgrad is at work in {}; wait for it, or choose another --out", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}; free space or fix the permissions, then give the same command again", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// What a folder of results holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One run, in the folder itself.
    Run,
    /// Several runs, in folders below it.
    Comparison,
    /// The page of a command of the linear lab, or of `report` about several folders.
    Lab,
    /// The table of a sweep, with its page.
    Sweep,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Run => "run",
            Kind::Comparison => "comparison",
            Kind::Lab => "page of its own",
            Kind::Sweep => "sweep",
        })
    }
}

/// Make sure that `path` is new, empty, or holds what is going to be written there again; changes nothing.
///
/// # Errors
/// [`FolderError::Foreign`], [`FolderError::OtherKind`], [`FolderError::Unwritable`]
pub fn check(path: &Path, expected: Kind) -> Result<(), FolderError> {
    let unwritable = |source| FolderError::Unwritable { path: path.into(), source };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unwritable(error)),
    };
    let mut others = false;
    for entry in entries {
        let name = entry.map_err(unwritable)?.file_name().to_string_lossy().into_owned();
        others |= !name.starts_with('.') && !is_left_over(&name);
    }
    match kind(path) {
        Some(found) if found != expected => Err(FolderError::OtherKind { path: path.into(), found, expected }),
        None if others => Err(FolderError::Foreign { path: path.into(), expected }),
        _ => Ok(()),
    }
}

/// What a folder holds, if it holds results.
pub fn kind(path: &Path) -> Option<Kind> {
    let has = |name| path.join(name).exists();
    if has(COMPARISON_FILE) {
        Some(Kind::Comparison)
    } else if has(CONFIG_FILE) || has(COMMAND_FILE) {
        Some(Kind::Run)
    } else if has(SWEEP_FILE) {
        Some(Kind::Sweep)
    } else {
        has(REPORT_FILE).then_some(Kind::Lab)
    }
}

/// Make the folder and prove that it can be written into, before hours of work depend on it.
///
/// # Errors
/// [`FolderError::Unwritable`]
pub fn prepare(path: &Path) -> Result<(), FolderError> {
    let probe = path.join(format!(".probe-{}", std::process::id()));
    let written = fs::create_dir_all(path).and_then(|()| fs::write(&probe, b"probe"));
    // On a full disk the file is made and stays empty.
    let removed = fs::remove_file(&probe);
    written.and(removed).map_err(|source| FolderError::Unwritable { path: path.into(), source })
}

/// [`prepare`] for the folder of a file that will be written, which must not be a folder itself.
///
/// # Errors
/// [`FolderError::Unwritable`], [`FolderError::File`]
pub fn prepare_file(path: &Path) -> Result<(), FolderError> {
    if path.is_dir() {
        let source = io::Error::new(io::ErrorKind::IsADirectory, "it is a folder");
        return Err(FolderError::File { path: path.into(), source });
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    prepare(parent.unwrap_or(Path::new(".")))
}

/// Keep other programs out of a folder for as long as the returned file lives; the system lets go when we die.
///
/// A file system without locks is used without one.
///
/// # Errors
/// [`FolderError::Busy`], [`FolderError::Unwritable`]
pub fn lock(path: &Path) -> Result<fs::File, FolderError> {
    let file =
        fs::File::create(path.join(".lock")).map_err(|source| FolderError::Unwritable { path: path.into(), source })?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Err(FolderError::Busy { path: path.into() }),
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// Remove what a killed program has left half written in a folder; the caller holds its lock.
///
/// # Errors
/// [`FolderError::Unwritable`]
pub fn sweep(path: &Path) -> Result<(), FolderError> {
    let unwritable = |source| FolderError::Unwritable { path: path.into(), source };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unwritable(error)),
    };
    for entry in entries {
        let entry = entry.map_err(unwritable)?;
        if is_left_over(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).map_err(unwritable)?;
        }
    }
    Ok(())
}

/// Whether a name is one of a file on its way (`write_whole`, [`prepare`]): it ends with the number of its writer.
fn is_left_over(name: &str) -> bool {
    let writer = name.split_once(".partial-").or_else(|| name.split_once(".probe-")).map(|(_, writer)| writer);
    writer.is_some_and(|writer| !writer.is_empty() && writer.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Make and return the first free `runs/COMMAND-SOURCE-N` below `root`; two programs never get the same one.
///
/// # Errors
/// [`FolderError::Unwritable`]
pub fn claim(root: &Path, command: &str, source: &str) -> Result<PathBuf, FolderError> {
    claim_numbered(root, &format!("{command}-{}", short_name(source)))
}

fn claim_numbered(root: &Path, name: &str) -> Result<PathBuf, FolderError> {
    let runs = root.join("runs");
    fs::create_dir_all(&runs).map_err(|source| FolderError::Unwritable { path: runs.clone(), source })?;
    let mut number = 1_u64;
    loop {
        let path = runs.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(FolderError::Unwritable { path, source }),
        }
    }
}

/// Make and return the first free `runs/report-N` below `root`.
///
/// # Errors
/// [`FolderError::Unwritable`]
pub fn claim_report(root: &Path) -> Result<PathBuf, FolderError> {
    claim_numbered(root, "report")
}

/// What to call a source in file names: the last part of its path without its endings.
pub fn short_name(source: &str) -> String {
    let name = Path::new(source).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let cleaned: String =
        stem.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' }).collect();
    let cleaned: String = cleaned.trim_matches('-').chars().take(60).collect();
    if cleaned.is_empty() { "source".into() } else { cleaned }
}

/// Write a file beside its place, then rename.
///
/// # Errors
/// [`FolderError::File`], carrying the system's reason
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    stopgrad_data::write_whole(path, bytes).map_err(|source| FolderError::File { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_get_short_names() {
        for (source, name) in [
            ("digits", "digits"),
            ("/data/mnist/", "mnist"),
            ("train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"),
            ("a b.csv", "a-b"),
            ("..", "source"),
            ("/", "source"),
            (".hidden.npy", "hidden"),
        ] {
            assert_eq!(short_name(source), name, "{source}");
        }
    }

    #[test]
    fn folders_are_claimed_one_after_the_other() {
        let root = tempfile::tempdir().expect("temporary folder");
        let first = claim(root.path(), "train", "digits").expect("claimed");
        let second = claim(root.path(), "train", "digits").expect("claimed");
        assert!(first.ends_with("runs/train-digits-1") && second.ends_with("runs/train-digits-2"));
        assert!(claim_report(root.path()).expect("claimed").ends_with("runs/report-1"));
    }

    #[test]
    fn a_folder_with_other_things_is_left_alone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        assert!(check(folder.path(), Kind::Run).is_ok(), "empty");
        assert!(check(&folder.path().join("new"), Kind::Run).is_ok(), "not there");
        fs::write(folder.path().join("command.json.partial-17"), "").expect("written");
        assert!(check(folder.path(), Kind::Run).is_ok(), "killed at its first file");
        fs::write(folder.path().join("thesis.tex"), "").expect("written");
        assert!(matches!(check(folder.path(), Kind::Run), Err(FolderError::Foreign { .. })));
        fs::write(folder.path().join(CONFIG_FILE), "").expect("written");
        assert!(check(folder.path(), Kind::Run).is_ok(), "a run");
        assert!(matches!(check(folder.path(), Kind::Comparison), Err(FolderError::OtherKind { .. })));
    }

    #[test]
    fn a_place_that_is_no_folder_is_unwritable() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert!(matches!(prepare(&file), Err(FolderError::Unwritable { .. })));
        assert!(matches!(prepare(&file.join("below")), Err(FolderError::Unwritable { .. })));
        assert!(matches!(check(&file, Kind::Run), Err(FolderError::Unwritable { .. })));
    }

    #[test]
    fn a_folder_is_worked_in_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let held = lock(folder.path()).expect("locked");
        assert!(matches!(lock(folder.path()), Err(FolderError::Busy { .. })));
        drop(held);
        assert!(lock(folder.path()).is_ok());
        assert!(check(folder.path(), Kind::Run).is_ok(), "the lock is no foreign file");
    }

    #[test]
    fn what_a_killed_program_left_is_swept_away_and_nothing_else() {
        let folder = tempfile::tempdir().expect("temporary folder");
        for name in ["a.npz.partial-17", ".probe-4", "a.npz", "notes.partial-draft", ".lock"] {
            fs::write(folder.path().join(name), "").expect("written");
        }
        assert!(matches!(check(folder.path(), Kind::Run), Err(FolderError::Foreign { .. })));
        sweep(folder.path()).expect("swept");
        let left = fs::read_dir(folder.path()).expect("listed").map(|entry| entry.expect("entry").file_name());
        let mut left: Vec<_> = left.map(|name| name.to_string_lossy().into_owned()).collect();
        left.sort();
        assert_eq!(left, [".lock", "a.npz", "notes.partial-draft"]);
        assert!(sweep(&folder.path().join("new")).is_ok(), "nothing there, nothing to sweep");
    }

    #[test]
    fn writing_beside_replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("report.html");
        write_beside(&path, b"old").expect("written");
        write_beside(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
