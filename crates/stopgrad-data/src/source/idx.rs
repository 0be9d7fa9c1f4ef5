//! IDX files, the format of MNIST: a big-endian header, then bytes; plain or gzipped.

use std::path::{Path, PathBuf};

use super::file::RawFile;
use super::stored::{Parts, Store, StoredSource};
use super::{Damage, SourceError, Split};
use crate::Shape;

/// Images and labels of one part.
struct Part {
    height: usize,
    width: usize,
    pixels: Vec<u8>,
    labels: Vec<Option<String>>,
    files: Vec<RawFile>,
}

pub(super) fn is_folder(folder: &Path) -> bool {
    find(folder, "train", "images", 3).is_some()
}

/// `train-*`, and `t10k-*` or `test-*` where it exists, as the official test part.
pub(super) fn open_folder(folder: &Path) -> Result<StoredSource, SourceError> {
    let name = folder.display().to_string();
    let Some(images) = find(folder, "train", "images", 3) else {
        return Err(SourceError::UnknownFolder { path: name });
    };
    let mut parts = vec![(Split::Train, read_part(&images, find(folder, "train", "labels", 1))?)];
    for stem in ["t10k", "test"] {
        if let Some(images) = find(folder, stem, "images", 3) {
            parts.push((Split::Test, read_part(&images, find(folder, stem, "labels", 1))?));
            break;
        }
    }
    assemble(name, parts)
}

/// One image file, with the labels that lie beside it under the matching name.
pub(super) fn open_file(path: &Path) -> Result<StoredSource, SourceError> {
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let labels = file_name.replace("images", "labels").replace("idx3", "idx1");
    let labels = path.with_file_name(&labels);
    let labels = (labels != path && labels.exists()).then_some(labels);
    assemble(path.display().to_string(), vec![(Split::Train, read_part(path, labels)?)])
}

fn find(folder: &Path, stem: &str, what: &str, axes: u8) -> Option<PathBuf> {
    let names = [format!("{stem}-{what}-idx{axes}-ubyte"), format!("{stem}-{what}.idx{axes}-ubyte")];
    let candidates = names.iter().flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]);
    candidates.into_iter().find(|path| path.is_file())
}

fn read_part(images: &Path, labels: Option<PathBuf>) -> Result<Part, SourceError> {
    let file = RawFile::read(images)?;
    let (lengths, pixels) = decode::<3>(&file).map_err(|damage| file.damaged(damage))?;
    let [n, height, width] = lengths;
    let mut part = Part { height, width, pixels, labels: vec![], files: vec![file] };
    if let Some(path) = labels {
        let file = RawFile::read(&path)?;
        let ([found], bytes) = decode::<1>(&file).map_err(|damage| file.damaged(damage))?;
        if found != n {
            return Err(SourceError::LabelCount { path: file.path, labels: found, samples: n });
        }
        part.labels = bytes.iter().map(|label| Some(label.to_string())).collect();
        part.files.push(file);
    }
    Ok(part)
}

/// Lengths along the axes, and the bytes after the header.
fn decode<const AXES: usize>(file: &RawFile) -> Result<([usize; AXES], Vec<u8>), Damage> {
    // Byte 2 is the type (8: unsigned byte), byte 3 the number of axes.
    let wanted = [0, 0, 8, AXES as u8];
    let header_len = 4 + 4 * AXES;
    let mut content = file
        .content(header_len, |header| {
            let found = [header[0], header[1], header[2], header[3]];
            if found != wanted {
                let expected = if AXES == 3 { "IDX images" } else { "IDX labels" };
                return Err(Damage::Magic { found, wanted, expected });
            }
            let values = lengths::<AXES>(header).iter().try_fold(1u64, |product, &n| product.checked_mul(n as u64));
            Ok(values.unwrap_or(u64::MAX).saturating_add(header_len as u64))
        })?
        .into_owned();
    let lengths = lengths(&content);
    content.drain(..header_len);
    Ok((lengths, content))
}

fn lengths<const AXES: usize>(header: &[u8]) -> [usize; AXES] {
    std::array::from_fn(|axis| {
        let at = 4 + 4 * axis;
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
    })
}

fn assemble(name: String, parts: Vec<(Split, Part)>) -> Result<StoredSource, SourceError> {
    let (height, width) = (parts[0].1.height, parts[0].1.width);
    if height * width == 0 {
        return Err(SourceError::Empty { path: name });
    }
    let has_test = parts.len() > 1;
    let has_labels = parts.iter().any(|(_, part)| !part.labels.is_empty());
    let (mut bytes, mut labels, mut splits, mut inputs) = (vec![], vec![], vec![], vec![]);
    for (split, mut part) in parts {
        if (part.height, part.width) != (height, width) {
            let path = part.files[0].path.clone();
            return Err(SourceError::ImageSize { path, found: (part.height, part.width), expected: (height, width) });
        }
        let n = part.pixels.len() / (height * width);
        if bytes.is_empty() {
            bytes = part.pixels;
        } else {
            bytes.append(&mut part.pixels);
        }
        if has_labels {
            part.labels.resize(n, None);
            labels.append(&mut part.labels);
        }
        if has_test {
            splits.extend(std::iter::repeat_n(split, n));
        }
        inputs.extend(part.files.iter().map(RawFile::input));
    }
    StoredSource::new(Parts {
        name,
        shape: Shape::Image { channels: 1, height, width },
        store: Store::Bytes { bytes, divisor: 255.0 },
        labels,
        splits,
        skipped: vec![],
        inputs,
        attribution: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Source;

    fn idx(lengths: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, lengths.len() as u8];
        for n in lengths {
            bytes.extend_from_slice(&n.to_be_bytes());
        }
        bytes.extend_from_slice(values);
        bytes
    }

    fn raw(bytes: Vec<u8>) -> RawFile {
        RawFile { path: "t".into(), bytes }
    }

    #[test]
    fn a_folder_has_an_official_test_part() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("train-images-idx3-ubyte", idx(&[2, 1, 2], &[0, 255, 51, 102]));
        write("train-labels-idx1-ubyte", idx(&[2], &[7, 3]));
        write("t10k-images-idx3-ubyte", idx(&[1, 1, 2], &[5, 6]));
        let source = open_folder(folder.path()).unwrap();
        assert_eq!((source.len(), source.classes().len()), (3, 2));
        assert_eq!(source.sample(1).unwrap().values, [0.2, 0.4]);
        assert_eq!((source.label(0), source.label(1), source.label(2)), (Some(1), Some(0), None));
        assert_eq!(source.official_split(2), Some(Split::Test));
        assert_eq!(source.inputs().len(), 3);

        let alone = open_file(&folder.path().join("train-images-idx3-ubyte")).unwrap();
        assert_eq!((alone.len(), alone.label(0), alone.official_split(0)), (2, Some(1), None));
        write("train-labels-idx1-ubyte", idx(&[1], &[7]));
        let error = open_folder(folder.path()).err().unwrap().to_string();
        assert!(error.contains("1 labels for 2 samples"), "{error}");
    }

    #[test]
    fn a_claim_beyond_the_file_is_refused() {
        let damage = decode::<3>(&raw(idx(&[u32::MAX, 28, 28], &[0; 8]))).unwrap_err();
        assert_eq!(damage, Damage::Length { claimed: u64::from(u32::MAX) * 784 + 16, found: 24 });
        let overflow = decode::<3>(&raw(idx(&[u32::MAX, u32::MAX, u32::MAX], &[]))).unwrap_err();
        assert_eq!(overflow, Damage::Length { claimed: u64::MAX, found: 16 });
        assert!(matches!(decode::<3>(&raw(idx(&[4], &[0; 12]))), Err(Damage::Magic { .. })));
    }

    proptest! {
        #[test]
        fn damage_never_panics(cut in 0usize..28, at in 0usize..28, byte in any::<u8>()) {
            let mut bytes = idx(&[3, 2, 2], &[9; 12]);
            prop_assert!(decode::<3>(&raw(bytes[..cut].to_vec())).is_err());
            bytes[at] = byte;
            if let Ok((_, pixels)) = decode::<3>(&raw(bytes)) {
                prop_assert_eq!(pixels.len(), 12);
            }
        }
    }
}
