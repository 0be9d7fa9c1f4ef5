//! NumPy arrays as sources: `.npy` with labels in a file beside it, `.npz` with labels inside.
//!
//! Two axes are rows of a table; three are grey images; four are images whose channel axis, of length 1 or 3, is
//! the last or the second. Image bytes are divided by 255. Other image values are taken as they are when they all
//! lie in 0 to 1, divided by 255 when they all lie in 0 to 255, and refused otherwise: a scale guessed from the
//! data would differ between the file trained on and the file embedded later.

use std::path::{Path, PathBuf};

use super::file::RawFile;
use super::stored::{Parts, Store, StoredSource};
use super::{Damage, Skipped, SourceError};
use crate::npy::{self, NpyArray, NpyData, NpyError};
use crate::{Shape, npz};

const SAMPLE_KEYS: [&str; 3] = ["x", "images", "data"];
const LABEL_KEYS: [&str; 2] = ["y", "labels"];

pub(super) fn open_npy(path: &Path) -> Result<StoredSource, SourceError> {
    let raw = RawFile::read(path)?;
    let decoded = npy::decode(&raw.bytes);
    let array = decoded.map_err(|damage| SourceError::Npy(NpyError::Damaged { path: path.into(), damage }))?;
    let n = array.shape.first().copied().unwrap_or(0);
    let mut inputs = vec![raw.input()];
    let mut labels = None;
    for (candidate, certain) in label_files(path) {
        if !candidate.is_file() {
            continue;
        }
        let file = RawFile::read(&candidate)?;
        let array = npy::decode(&file.bytes).map_err(|damage| file.damaged(Damage::Labels { damage }))?;
        if array.data.len() == n || certain {
            inputs.push(file.input());
            labels = Some((file.path, array));
            break;
        }
    }
    assemble(path.display().to_string(), array, labels, inputs)
}

/// Where labels may lie, and whether the name leaves no doubt that they belong to this file.
///
/// `a_x.npy` goes with `a_x_y.npy`, `a_x_labels.npy`, `a_y.npy` and `a_labels.npy`. One `a_labels.npy` may serve
/// several files `a_….npy` of as many samples, so for them it counts only when its length fits.
fn label_files(path: &Path) -> Vec<(PathBuf, bool)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = |stem: &str, suffix: &str| path.with_file_name(format!("{stem}_{suffix}.npy"));
    let mut files = vec![(beside(&stem, "y"), true), (beside(&stem, "labels"), true)];
    if let Some((parent, last)) = stem.rsplit_once('_') {
        let certain = last == "x";
        files.extend([(beside(parent, "y"), certain), (beside(parent, "labels"), certain)]);
    }
    files.retain(|(file, _)| file != path);
    files
}

pub(super) fn open_npz(path: &Path) -> Result<StoredSource, SourceError> {
    let raw = RawFile::read(path)?;
    let wanted = |name: &str| SAMPLE_KEYS.contains(&name) || LABEL_KEYS.contains(&name);
    let mut arrays = npz::decode(path, &raw.bytes, wanted)?;
    let Some(samples) = SAMPLE_KEYS.iter().find_map(|key| arrays.remove(*key)) else {
        return Err(SourceError::NoArray { path: raw.path });
    };
    let labels = LABEL_KEYS.iter().find_map(|key| arrays.remove(*key));
    let labels = labels.map(|array| (raw.path.clone(), array));
    assemble(raw.path.clone(), samples, labels, vec![raw.input()])
}

fn assemble(
    name: String, array: NpyArray, labels: Option<(String, NpyArray)>, inputs: Vec<super::InputFile>,
) -> Result<StoredSource, SourceError> {
    let n = array.shape.first().copied().unwrap_or(0);
    let labels = labels.map_or(Ok(vec![]), |(path, array)| label_texts(path, &array, n))?;
    let (shape, channels_last) = sample_shape(&name, &array.shape)?;
    if n * shape.len() == 0 {
        return Err(SourceError::Empty { path: name });
    }
    let is_image = matches!(shape, Shape::Image { .. });
    let (store, bad) = match array.data {
        NpyData::U8(bytes) if is_image => (Store::Bytes { bytes, divisor: 255.0 }, vec![]),
        data => {
            let mut values = floats(data);
            let bad = remove_bad(&mut values, &shape);
            if is_image {
                rescale(&name, &mut values)?;
            }
            (Store::Floats(values), bad)
        }
    };
    let skipped = bad.iter().map(|&(index, column)| Skipped {
        path: format!("{name}[{index}]"),
        reason: format!("value {column} of the sample is not a finite number"),
    });
    let skipped = skipped.collect();
    let mut bad = bad.iter().map(|(index, _)| *index).peekable();
    let kept = labels.into_iter().enumerate().filter(|(index, _)| bad.next_if_eq(index).is_none());
    let labels = kept.map(|(_, label)| label).collect();
    let store = if channels_last { planes_first(store, &shape) } else { store };
    StoredSource::new(Parts { name, shape, store, labels, splits: vec![], skipped, inputs, attribution: None })
}

/// Shape of a sample, and whether the channel axis is the last.
fn sample_shape(path: &str, lengths: &[usize]) -> Result<(Shape, bool), SourceError> {
    let image = |channels, height, width| Shape::Image { channels, height, width };
    match *lengths {
        [_, columns] => Ok((Shape::Row { columns }, false)),
        [_, height, width] => Ok((image(1, height, width), false)),
        [_, height, width, channels @ (1 | 3)] => Ok((image(channels, height, width), channels > 1)),
        [_, channels @ (1 | 3), height, width] => Ok((image(channels, height, width), false)),
        _ => Err(SourceError::ArrayShape { path: path.into(), shape: lengths.to_vec() }),
    }
}

fn floats(data: NpyData) -> Vec<f32> {
    match data {
        NpyData::U8(values) => values.into_iter().map(f32::from).collect(),
        NpyData::I64(values) => values.into_iter().map(|value| value as f32).collect(),
        NpyData::F32(values) => values,
        NpyData::F64(values) => values.into_iter().map(|value| value as f32).collect(),
    }
}

/// Removes samples with a value that is not finite; returns their indices with the place of the first such value.
fn remove_bad(values: &mut Vec<f32>, shape: &Shape) -> Vec<(usize, usize)> {
    let d = shape.len();
    let mut bad = Vec::new();
    let mut kept = 0;
    for index in 0..values.len() / d {
        let place = index * d..(index + 1) * d;
        if let Some(column) = values[place.clone()].iter().position(|value| !value.is_finite()) {
            bad.push((index, column));
        } else {
            values.copy_within(place, kept);
            kept += d;
        }
    }
    values.truncate(kept);
    bad
}

fn rescale(path: &str, values: &mut [f32]) -> Result<(), SourceError> {
    let start = (f32::INFINITY, f32::NEG_INFINITY);
    let (low, high) = values.iter().fold(start, |(low, high), &value| (low.min(value), high.max(value)));
    if low < 0.0 || high > 255.0 {
        return Err(SourceError::ImageRange { path: path.into(), low: f64::from(low), high: f64::from(high) });
    }
    if high > 1.0 {
        for value in values.iter_mut() {
            *value /= 255.0;
        }
    }
    Ok(())
}

/// Samples in the order row, column, channel put into the order channel, row, column.
fn planes_first(store: Store, shape: &Shape) -> Store {
    match store {
        Store::Bytes { bytes, divisor } => Store::Bytes { bytes: turned(&bytes, shape), divisor },
        Store::Floats(values) => Store::Floats(turned(&values, shape)),
        // Written as planes.
        Store::Pixels { .. } => store,
    }
}

fn turned<T: Copy>(values: &[T], shape: &Shape) -> Vec<T> {
    let channels = shape.groups();
    let samples = values.chunks_exact(shape.len());
    samples.flat_map(|sample| (0..channels).flat_map(move |c| sample[c..].iter().step_by(channels).copied())).collect()
}

fn label_texts(path: String, array: &NpyArray, n: usize) -> Result<Vec<Option<String>>, SourceError> {
    if array.data.len() != n {
        return Err(SourceError::LabelCount { path, labels: array.data.len(), samples: n });
    }
    if let NpyData::I64(values) = &array.data {
        return Ok(values.iter().map(|value| Some(value.to_string())).collect());
    }
    let text = |(index, value): (usize, f64)| {
        // Beyond 2^53 neighbors are further apart than 1, so such a value is no label.
        if value.fract() == 0.0 && value.abs() < 9e15 {
            Ok(Some((value as i64).to_string()))
        } else {
            Err(SourceError::Label { path: path.clone(), index, value })
        }
    };
    array.to_f64().into_iter().enumerate().map(text).collect()
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
