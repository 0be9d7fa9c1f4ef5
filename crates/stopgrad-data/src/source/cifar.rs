//! CIFAR-10 in its binary version: records of one label byte and three planes of 32 × 32 bytes.

use std::path::{Path, PathBuf};

use super::file::RawFile;
use super::stored::{Parts, Store, StoredSource};
use super::{Damage, Skipped, SourceError, Split};
use crate::Shape;

const PIXELS: usize = 3 * 32 * 32;
const RECORD: usize = 1 + PIXELS;
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

pub(super) fn is_folder(folder: &Path) -> bool {
    !train_files(folder).is_empty()
}

/// All training files, and the test file where it exists, as the official test part.
pub(super) fn open_folder(folder: &Path) -> Result<StoredSource, SourceError> {
    let mut files: Vec<_> = train_files(folder).into_iter().map(|path| (Split::Train, path)).collect();
    let test = ["test_batch.bin", "test.bin"].map(|name| folder.join(name)).into_iter().find(|path| path.is_file());
    files.extend(test.map(|path| (Split::Test, path)));
    read(folder.display().to_string(), folder, &files)
}

/// One file, without an official split.
pub(super) fn open_file(path: &Path) -> Result<StoredSource, SourceError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    read(path.display().to_string(), folder, &[(Split::Train, path.to_path_buf())])
}

fn train_files(folder: &Path) -> Vec<PathBuf> {
    let batches = (1..=5).map(|batch| folder.join(format!("data_batch_{batch}.bin")));
    let found: Vec<_> = batches.filter(|path| path.is_file()).collect();
    if !found.is_empty() {
        return found;
    }
    [folder.join("train.bin")].into_iter().filter(|path| path.is_file()).collect()
}

fn read(name: String, folder: &Path, files: &[(Split, PathBuf)]) -> Result<StoredSource, SourceError> {
    let (mut bytes, mut labels, mut splits, mut skipped, mut inputs) = (vec![], vec![], vec![], vec![], vec![]);
    let has_test = files.iter().any(|(split, _)| *split == Split::Test);
    for (split, path) in files {
        let file = RawFile::read(path)?;
        if file.bytes.len() < RECORD {
            return Err(file.damaged(Damage::NoRecord { found: file.bytes.len() as u64 }));
        }
        for (index, record) in file.bytes.chunks(RECORD).enumerate() {
            match usable(record) {
                Ok(label) => {
                    labels.push(Some(label.to_string()));
                    bytes.extend_from_slice(&record[1..]);
                    if has_test {
                        splits.push(*split);
                    }
                }
                Err(reason) => skipped.push(Skipped { path: format!("{}[{index}]", file.path), reason }),
            }
        }
        inputs.push(file.input());
    }
    let source = StoredSource::new(Parts {
        name,
        shape: Shape::Image { channels: 3, height: 32, width: 32 },
        store: Store::Bytes { bytes, divisor: 255.0 },
        labels,
        splits,
        skipped,
        inputs,
        attribution: None,
    })?;
    Ok(source.with_class_names(&class_names(folder)))
}

/// The label of a record, or why the record is left out.
fn usable(record: &[u8]) -> Result<u8, String> {
    match record[0] {
        _ if record.len() < RECORD => Err(format!("the file ends after {} of {RECORD} bytes", record.len())),
        label @ 0..=9 => Ok(label),
        label => Err(format!("label {label}, and CIFAR-10 has labels 0 to 9")),
    }
}

/// From `batches.meta.txt` when it names ten, else the published names.
fn class_names(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("batches.meta.txt")).unwrap_or_default();
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect();
    if names.len() == CLASSES.len() { names } else { CLASSES.map(Into::into).to_vec() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Source;

    fn records(labels: &[u8]) -> Vec<u8> {
        labels.iter().flat_map(|&label| std::iter::once(label).chain(std::iter::repeat_n(51, PIXELS))).collect()
    }

    #[test]
    fn a_folder_has_an_official_test_part() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.bin"), records(&[3, 9])).unwrap();
        std::fs::write(folder.path().join("test.bin"), records(&[1])).unwrap();
        let source = open_folder(folder.path()).unwrap();
        assert_eq!((source.len(), source.classes().len()), (3, 10));
        assert_eq!(source.classes()[source.label(0).unwrap() as usize], "cat");
        assert_eq!(source.official_split(0), Some(Split::Train));
        assert_eq!(source.official_split(2), Some(Split::Test));
        assert_eq!(source.sample(0).unwrap().values, vec![0.2; PIXELS]);
        assert_eq!(open_file(&folder.path().join("test.bin")).unwrap().official_split(0), None);
    }

    #[test]
    fn damaged_records_are_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.bin");
        let mut bytes = records(&[0, 77, 2]);
        bytes.extend_from_slice(&[1, 2, 3]);
        std::fs::write(&path, &bytes).unwrap();
        let source = open_file(&path).unwrap();
        assert_eq!((source.len(), source.skipped().len()), (2, 2));
        assert!(source.skipped()[1].reason.contains("ends after 3 of 3073"));
        std::fs::write(&path, &bytes[..100]).unwrap();
        assert!(open_file(&path).err().unwrap().to_string().contains("not one is whole"));
        std::fs::write(&path, records(&[10, 11, 1])).unwrap();
        assert!(open_file(&path).err().unwrap().to_string().contains("2 of 3 samples cannot be used"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn damage_never_panics(cut in 0usize..=2 * RECORD, at in 0usize..2 * RECORD, byte in any::<u8>()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.bin");
            let mut bytes = records(&[4, 5]);
            bytes[at] = byte;
            std::fs::write(&path, &bytes[..cut]).unwrap();
            if let Ok(source) = open_file(&path) {
                prop_assert!(source.len() * RECORD <= cut);
            }
        }
    }
}
