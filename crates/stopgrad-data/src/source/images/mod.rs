//! A folder of images: any depth, any size, any color type; `train/`, `val/` and `test/` are splits, other sub-folders
//! classes.
//!
//! Every image is decoded once, scaled and kept on disk, in an index beside the images that is checked against them
//! when the folder is opened again. Training then reads a few kilobytes a sample from that file: memory does not grow
//! with the folder, and an image that is removed or damaged meanwhile changes nothing. The price is disk, 3 KB an image
//! at 32 × 32 and 48 KB at 128 × 128, and that a random crop is cut from the scaled image, not from the whole one.
//!
//! Reading order: `scan` (which files), `decode` (one image), `index` (what is kept), `pixels` (where).

mod decode;
mod index;
mod pixels;
mod scan;

use std::path::Path;

pub(super) use pixels::Pixels;
pub(super) use scan::is_folder;

use super::file::sha256_hex;
use super::stored::{Parts, Store, StoredSource};
use super::{InputFile, OpenParams, Skipped, SourceError, Split};
use crate::Shape;
use index::{Index, Outcome};

/// Sides that a folder gets when none is asked for, and the shorter side that its images need for it.
const SIDES: [(u32, u32); 2] = [(32, 0), (64, 64)];
/// Sides that can be asked for.
pub(super) const SIDE_RANGE: std::ops::RangeInclusive<usize> = 8..=512;

/// Every image of a folder at one size: the shorter side scaled to it, the middle of the longer one kept.
///
/// Transparent parts become white, gray becomes three equal channels, the EXIF rotation is applied, of an animation the first
/// picture is taken. What cannot be read is left out and listed.
pub(super) fn open_folder(folder: &Path, params: &OpenParams<'_>) -> Result<StoredSource, SourceError> {
    let files = scan::all_images(folder)?;
    let side = match params.image_side {
        0 => fitting_side(&files),
        side if SIDE_RANGE.contains(&side) => side as u32,
        side => return Err(SourceError::ImageSide { side, range: SIDE_RANGE }),
    };
    let (index, pixels, remark) = index::current(folder, side, &files, params.progress)?;
    assemble(folder, side as usize, &index, pixels, remark)
}

/// One image file as a folder of images reads it: three planes of `side` × `side` bytes, red first.
///
/// # Errors
/// Why it cannot be read, in words that follow the name of the file.
pub fn decode_image(file: &Path, side: u32) -> Result<Vec<u8>, String> {
    decode::decode(file, side).map(|decoded| decoded.planes)
}

/// What the folders and the index say of the images.
fn assemble(
    folder: &Path, side: usize, index: &Index, pixels: Pixels, remark: String,
) -> Result<StoredSource, SourceError> {
    let name = folder.display().to_string();
    let (mut labels, mut splits, mut skipped, mut hashes) = (vec![], vec![], vec![], vec![]);
    let mut range = (u8::MAX, u8::MIN);
    for entry in &index.entries {
        match &entry.outcome {
            Outcome::Image { sha256, low, high } => {
                let place = scan::Place::of(Path::new(&entry.path));
                labels.push(place.class);
                splits.push(place.split);
                hashes.push(format!("{} {sha256}", entry.path));
                range = (range.0.min(*low), range.1.max(*high));
            }
            Outcome::LeftOut { reason } => {
                skipped.push(Skipped { path: folder.join(&entry.path).display().to_string(), reason: reason.clone() });
            }
        }
    }
    let has_splits = splits.iter().any(Option::is_some);
    let source = StoredSource::new(Parts {
        // Names and contents of all files, as one.
        inputs: vec![InputFile { path: name.clone(), sha256: sha256_hex(hashes.join("\n").as_bytes()) }],
        name,
        shape: Shape::Image { channels: 3, height: side, width: side },
        store: Store::Pixels { pixels, count: labels.len(), range },
        labels,
        splits: if has_splits { splits.into_iter().map(|s| s.unwrap_or(Split::Train)).collect() } else { vec![] },
        skipped,
        attribution: None,
    })?;
    Ok(source.scaled_to(side, remark))
}

/// The largest of [`SIDES`] that most images do not have to be enlarged for.
fn fitting_side(files: &[scan::File]) -> u32 {
    let mut shorter: Vec<u32> = scan::sampled(files).filter_map(decode::shorter_side).collect();
    shorter.sort_unstable();
    let middle = shorter.get(shorter.len() / 2).copied().unwrap_or(0);
    SIDES.iter().rev().find(|(_, needed)| middle >= *needed).map_or(SIDES[0].0, |(side, _)| *side)
}

#[cfg(test)]
mod tests;
