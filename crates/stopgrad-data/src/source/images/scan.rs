//! Which files of a folder are images, and what its sub-folders say of them.

use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;

use crate::source::{SourceError, Split};

/// Endings of files that are taken for images; what they hold is told from their first bytes.
const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"];
/// Files that are looked into before the size of all is chosen.
const LOOKED_INTO: usize = 256;

/// A file that is taken for an image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct File {
    /// Where it lies.
    pub(super) place: PathBuf,
    /// Relative to the folder.
    pub(super) path: String,
    /// Bytes; 0 where the system does not say.
    pub(super) size: u64,
    /// Nanoseconds since 1970; 0 where the system does not say.
    pub(super) modified: u64,
}

/// Whether a folder holds an image at any depth.
pub(in crate::source) fn is_folder(folder: &Path) -> bool {
    let mut pending = vec![folder.to_path_buf()];
    while let Some(next) = pending.pop() {
        let Ok(entries) = entries(&next) else { continue };
        for (path, kind) in entries {
            match kind {
                Kind::Folder => pending.push(path),
                Kind::Image => return true,
                Kind::Other => {}
            }
        }
    }
    false
}

/// All images below a folder, in the order of their paths.
pub(super) fn all_images(folder: &Path) -> Result<Vec<File>, SourceError> {
    let (mut found, mut pending) = (vec![], vec![folder.to_path_buf()]);
    while let Some(next) = pending.pop() {
        let unreadable = |cause| SourceError::Unreadable { path: next.display().to_string(), cause };
        for (path, kind) in entries(&next).map_err(unreadable)? {
            match kind {
                Kind::Folder => pending.push(path),
                Kind::Image => found.push(path),
                Kind::Other => {}
            }
        }
    }
    found.sort();
    Ok(found.into_par_iter().map(|place| File::of(folder, place)).collect())
}

/// Some of the files, evenly spread.
pub(super) fn sampled(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().step_by(files.len().div_ceil(LOOKED_INTO).max(1))
}

impl File {
    fn of(folder: &Path, place: PathBuf) -> Self {
        let path = place.strip_prefix(folder).unwrap_or(&place).to_string_lossy().into_owned();
        let about = std::fs::metadata(&place).ok();
        let modified = about.as_ref().and_then(|a| a.modified().ok()).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        Self {
            place,
            path,
            size: about.map_or(0, |a| a.len()),
            modified: modified.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0),
        }
    }
}

/// What the folders of an image say of it.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    pub(super) split: Option<Split>,
    pub(super) class: Option<String>,
}

impl Place {
    /// # Requires    a path relative to the source's folder
    pub(super) fn of(path: &Path) -> Self {
        let mut folders = path.parent().into_iter().flat_map(Path::components).filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        let first = folders.next();
        let split = first.as_deref().and_then(split_named);
        Self { split, class: if split.is_some() { folders.next() } else { first } }
    }
}

fn split_named(folder: &str) -> Option<Split> {
    match folder.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Validation),
        "test" => Some(Split::Test),
        _ => None,
    }
}

enum Kind {
    Folder,
    Image,
    Other,
}

/// What lies in a folder, but hidden things.
fn entries(folder: &Path) -> std::io::Result<Vec<(PathBuf, Kind)>> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        // A folder, not a link to one: links can run in circles.
        let kind = match entry.file_type()? {
            kind if kind.is_dir() => Kind::Folder,
            kind if is_image(&path) && (kind.is_file() || path.is_file()) => Kind::Image,
            _ => Kind::Other,
        };
        found.push((path, kind));
    }
    Ok(found)
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}
