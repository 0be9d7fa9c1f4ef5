//! What is known of each image of a folder, kept beside it so that the next opening decodes only what has changed.
//!
//! Two hidden files: `.stopgrad-SIDE.json`, an entry a file with size, time of change, hash and outcome, and
//! `.stopgrad-SIDE-HASH.pixels`, the scaled images. The first names the second and is written last, under another name
//! and then renamed, so that a kill at any moment leaves the old index, the new one, or none. A file counts as unchanged
//! when its size and its time of change are.

use std::collections::HashMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::decode::{Decoded, decode};
use super::pixels::Pixels;
use super::scan::File;
use crate::source::SourceError;
use crate::source::file::sha256_hex;
use crate::whole::{write_whole, write_whole_with};

/// Counts up when the same file would give other pixels.
const VERSION: u32 = 1;
/// Images decoded between two writes: bounds memory.
const BATCH: usize = 1024;

/// What is known of a folder at one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    version: u32,
    side: u32,
    /// Name of the file of pixels, in the same folder.
    pixels: String,
    /// In the order of their paths; images in this order in the file of pixels.
    pub(super) entries: Vec<Entry>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Relative to the folder.
    pub(super) path: String,
    size: u64,
    modified: u64,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    /// It was read.
    Image {
        /// Of its bytes.
        sha256: String,
        /// Smallest byte of the scaled image.
        low: u8,
        /// Largest.
        high: u8,
    },
    /// It was not.
    LeftOut {
        /// Why.
        reason: String,
    },
}

impl Entry {
    fn is_image(&self) -> bool {
        matches!(self.outcome, Outcome::Image { .. })
    }

    fn is_of(&self, file: &File) -> bool {
        (self.size, self.modified) == (file.size, file.modified)
    }
}

/// An index that was found, with its pixels.
struct Found {
    index: Index,
    pixels: Pixels,
}

/// The index of these files: the stored one where it is true, else one made anew from what of it is true; with its pixels
/// and what to tell a user.
///
/// # Errors
/// [`SourceError::Unreadable`] when what was just written cannot be read
pub(super) fn current(
    folder: &Path, side: u32, files: &[File], progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Index, Pixels, String), SourceError> {
    let places = places(folder);
    let found = places.iter().find_map(|place| read(place, side));
    if let Some(Found { index, pixels }) = found {
        let same = index.entries.len() == files.len()
            && index.entries.iter().zip(files).all(|(entry, file)| entry.path == file.path && entry.is_of(file));
        if same {
            let remark = format!("{} images at {side} × {side}, from the index kept with them", count(&index));
            return Ok((index, pixels, remark));
        }
        return build(folder, side, files, Some(&Found { index, pixels }), &places, progress);
    }
    build(folder, side, files, None, &places, progress)
}

/// Where an index may lie: in the folder, or where nothing can be written there, in the user's cache.
fn places(folder: &Path) -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let own = &sha256_hex(whole.display().to_string().as_bytes())[..16];
    std::iter::once(folder.to_owned()).chain(cache.map(|cache| cache.join("stopgrad").join(own))).collect()
}

fn name(side: u32) -> String {
    format!(".stopgrad-{side}.json")
}

/// The index in a place; none where it is missing, damaged, or of another version: it can be made again.
fn read(place: &Path, side: u32) -> Option<Found> {
    let index: Index = serde_json::from_slice(&fs::read(place.join(name(side))).ok()?).ok()?;
    let fits = index.version == VERSION && index.side == side && index.pixels.starts_with(&stem(side));
    if !fits || Path::new(&index.pixels).components().count() != 1 {
        return None;
    }
    let path = place.join(&index.pixels);
    let file = fs::File::open(&path).ok()?;
    let expected = count(&index) * image_len(side);
    let whole = file.metadata().ok()?.len() == expected as u64;
    whole.then_some(Found { index, pixels: Pixels::Kept { file, path } })
}

fn stem(side: u32) -> String {
    format!(".stopgrad-{side}-")
}

fn count(index: &Index) -> usize {
    index.entries.iter().filter(|entry| entry.is_image()).count()
}

fn image_len(side: u32) -> usize {
    3 * (side * side) as usize
}

/// Decodes what has changed, and keeps all in the first place that takes it, in memory where none does.
fn build(
    folder: &Path, side: u32, files: &[File], old: Option<&Found>, places: &[PathBuf],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Index, Pixels, String), SourceError> {
    let known = old.map(known).unwrap_or_default();
    // Names the pixels: two programs that index different states of a folder do not write into one file.
    let states: Vec<String> = files.iter().map(|f| format!("{} {} {}", f.path, f.size, f.modified)).collect();
    let pixels = format!("{}{}.pixels", stem(side), &sha256_hex(states.join("\n").as_bytes())[..16]);
    let mut index = Index { version: VERSION, side, pixels, entries: vec![] };
    let mut refused = String::new();
    for place in places {
        let path = place.join(&index.pixels);
        let written = fs::create_dir_all(place).and_then(|()| {
            write_whole_with(&path, |file| {
                let mut file = BufWriter::new(file);
                index.entries = each(files, side, old, &known, progress, |planes| file.write_all(planes))?;
                file.into_inner().map_err(std::io::IntoInnerError::into_error)
            })
        });
        let json = serde_json::to_vec(&index).expect("plain data");
        match written.and_then(|()| write_whole(&place.join(name(side)), &json)) {
            Ok(()) => {
                remove_others(place, side, &index.pixels);
                let unreadable = |cause| SourceError::Unreadable { path: path.display().to_string(), cause };
                let file = fs::File::open(&path).map_err(unreadable)?;
                let remark = format!("{} images indexed at {side} × {side} in {}", count(&index), place.display());
                return Ok((index, Pixels::Kept { file, path }, remark));
            }
            Err(cause) => refused = format!("{}: {cause}", place.display()),
        }
    }
    let mut held = vec![];
    let hold = |planes: &[u8]| {
        held.extend_from_slice(planes);
        Ok(())
    };
    index.entries = each(files, side, old, &known, progress, hold)
        .map_err(|cause| SourceError::Unreadable { path: folder.display().to_string(), cause })?;
    let remark = format!(
        "{} images at {side} × {side}, held in memory: no index can be kept ({refused}), so they are decoded at every start",
        count(&index)
    );
    Ok((index, Pixels::Held(held), remark))
}

/// Every entry of an index with the place of its image among the pixels.
fn known(old: &Found) -> HashMap<&str, (usize, &Entry)> {
    let mut images = 0;
    let mut known = HashMap::with_capacity(old.index.entries.len());
    for entry in &old.index.entries {
        known.insert(entry.path.as_str(), (images, entry));
        images += usize::from(entry.is_image());
    }
    known
}

/// The entry of every file, in order, the images handed to `keep`.
fn each(
    files: &[File], side: u32, old: Option<&Found>, known: &HashMap<&str, (usize, &Entry)>,
    progress: &(dyn Fn(usize, usize) + Sync), mut keep: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(files.len());
    for batch in files.chunks(BATCH) {
        let read: Vec<(Outcome, Vec<u8>)> = batch.par_iter().map(|file| outcome(file, side, old, known)).collect();
        for (file, (outcome, planes)) in batch.iter().zip(read) {
            keep(&planes)?;
            let File { path, size, modified, .. } = file.clone();
            entries.push(Entry { path, size, modified, outcome });
        }
        progress(entries.len(), files.len());
    }
    Ok(entries)
}

/// What is known of a file, or is found by decoding it; the planes are empty where it is left out.
fn outcome(file: &File, side: u32, old: Option<&Found>, known: &HashMap<&str, (usize, &Entry)>) -> (Outcome, Vec<u8>) {
    if let (Some(old), Some((at, entry))) = (old, known.get(file.path.as_str()))
        && entry.is_of(file)
    {
        if !entry.is_image() {
            return (entry.outcome.clone(), vec![]);
        }
        let mut planes = vec![0; image_len(side)];
        if old.pixels.read(*at, &mut planes).is_ok() {
            return (entry.outcome.clone(), planes);
        }
    }
    match decode(&file.place, side) {
        Ok(Decoded { planes, sha256 }) => {
            let (low, high) = planes.iter().fold((u8::MAX, u8::MIN), |(low, high), &b| (low.min(b), high.max(b)));
            (Outcome::Image { sha256, low, high }, planes)
        }
        Err(reason) => (Outcome::LeftOut { reason }, vec![]),
    }
}

/// Removes pixels of earlier states; one that cannot be removed costs disk and nothing else.
fn remove_others(place: &Path, side: u32, keep: &str) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&stem(side)) && name.ends_with(".pixels") && name != keep {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
