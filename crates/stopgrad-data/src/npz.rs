//! NumPy's `.npz`: named arrays in a ZIP archive, as `numpy.savez` writes and reads them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Cursor, Read as _, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::npy::{self, NpyArray, NpyDamage};

/// No DEFLATE stream expands further than this (258 bytes from 2 bits, RFC 1951), so a larger claim is damage.
pub(crate) const MAX_EXPANSION: u64 = 1032;

/// Why a file could not be read or written as `.npz`.
#[derive(Debug, Error)]
pub enum NpzError {
    /// The operating system refused.
    #[error("{path}: {cause}; check that the path exists, may be used, and has room")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The archive itself is damaged.
    #[error("{path} is no readable ZIP archive: {cause}; copy it again, or save it again with numpy.savez")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What the archive reader said.
        #[source]
        cause: ZipError,
    },
    /// One entry cannot be unpacked.
    #[error("{path}: array `{name}` cannot be unpacked: {cause}; copy the file again")]
    Entry {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// What the decompressor said.
        #[source]
        cause: std::io::Error,
    },
    /// Entries that claim more than the archive can hold.
    #[error(
        "{path} claims {claimed} bytes of arrays, and a file of its size can hold {possible}; the file is damaged, copy it again"
    )]
    Claim {
        /// The file.
        path: PathBuf,
        /// Sum over the entries; saturated.
        claimed: u64,
        /// File size times the largest ratio of the compression.
        possible: u64,
    },
    /// One array is damaged or of a type that is not read.
    #[error("{path}: array `{name}` {damage}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// What is wrong with it.
        damage: NpyDamage,
    },
}

/// Every array of a file, by name.
///
/// # Errors
/// [`NpzError`], by what is wrong; an array of text or objects is an error here, see [`read_named`].
pub fn read(path: impl AsRef<Path>) -> Result<BTreeMap<String, NpyArray>, NpzError> {
    read_where(path.as_ref(), |_| true)
}

/// Those of the named arrays that a file has; others are not looked at.
///
/// # Errors
/// [`NpzError`], by what is wrong.
pub fn read_named(path: impl AsRef<Path>, names: &[&str]) -> Result<BTreeMap<String, NpyArray>, NpzError> {
    read_where(path.as_ref(), |name| names.contains(&name))
}

/// Writes named arrays, uncompressed as `numpy.savez` does: beside first, then renamed. The same arrays give the
/// same bytes.
///
/// # Errors
/// [`NpzError::Io`] when the file cannot be written, [`NpzError::Archive`] when a name occurs twice.
pub fn write(path: impl AsRef<Path>, arrays: &[(&str, &NpyArray)]) -> Result<(), NpzError> {
    let path = path.as_ref();
    let bytes = encode(arrays).map_err(|cause| NpzError::Archive { path: path.into(), cause })?;
    crate::write_whole(path, &bytes).map_err(|cause| NpzError::Io { path: path.into(), cause })
}

/// Fills a row of a matrix.
pub type FillRow<'a> = Box<dyn Fn(usize, &mut [f64]) + 'a>;

/// An array to write, whole or row by row.
pub enum Entry<'a> {
    /// As it is.
    Array(NpyArray),
    /// A matrix of f64, whose rows are asked for one after another: it never exists as a whole.
    Rows {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
        /// Fills row number so-and-so.
        fill: FillRow<'a>,
    },
}

/// [`write()`] that holds one row of a matrix in memory, not the file.
///
/// # Errors
/// As [`write()`].
pub fn write_rows(path: impl AsRef<Path>, entries: &[(&str, Entry<'_>)]) -> Result<(), NpzError> {
    let path = path.as_ref();
    let written = crate::write_whole_with(path, |file| {
        let mut archive = ZipWriter::new(BufWriter::new(file));
        for (name, entry) in entries {
            archive.start_file(format!("{name}.npy"), options())?;
            write_entry(&mut archive, entry)?;
        }
        let file: Result<File, _> = archive.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error);
        Ok::<_, ZipError>(file?)
    });
    written.map_err(|error| match error {
        ZipError::Io(cause) => NpzError::Io { path: path.into(), cause },
        cause => NpzError::Archive { path: path.into(), cause },
    })
}

fn write_entry(out: &mut impl Write, entry: &Entry<'_>) -> std::io::Result<()> {
    match entry {
        Entry::Array(array) => out.write_all(&npy::encode(array)),
        Entry::Rows { rows, columns, fill } => {
            out.write_all(&npy::f64_header(&[*rows, *columns]))?;
            let (mut row, mut bytes) = (vec![0.0; *columns], Vec::with_capacity(8 * columns));
            for index in 0..*rows {
                fill(index, &mut row);
                bytes.clear();
                for value in &row {
                    bytes.extend_from_slice(&f64::to_le_bytes(*value));
                }
                out.write_all(&bytes)?;
            }
            Ok(())
        }
    }
}

fn encode(arrays: &[(&str, &NpyArray)]) -> Result<Vec<u8>, ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        archive.start_file(format!("{name}.npy"), options())?;
        archive.write_all(&npy::encode(array))?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A fixed date: the clock must not reach a file whose bytes are compared after a resume.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(true)
}

/// Those of the named arrays that the bytes of a file have; `path` is for messages.
///
/// # Errors
/// [`NpzError`], by what is wrong.
pub fn decode_named(path: &Path, bytes: &[u8], names: &[&str]) -> Result<BTreeMap<String, NpyArray>, NpzError> {
    decode(path, bytes, |name| names.contains(&name))
}

fn read_where(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, NpyArray>, NpzError> {
    let bytes = std::fs::read(path).map_err(|cause| NpzError::Io { path: path.into(), cause })?;
    decode(path, &bytes, wanted)
}

/// The wanted arrays in the bytes of a file; `path` is for messages.
pub(crate) fn decode(
    path: &Path, bytes: &[u8], wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, NpyArray>, NpzError> {
    let broken = |cause| NpzError::Archive { path: path.into(), cause };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let possible = (bytes.len() as u64).saturating_mul(MAX_EXPANSION);
    let mut claimed = 0u64;
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(broken)?;
        let file_name = entry.name().map_err(broken)?.into_owned();
        let Some(name) = file_name.strip_suffix(".npy").filter(|name| wanted(name)) else { continue };
        // Over all entries together, because entries of a forged archive may share their bytes.
        claimed = claimed.saturating_add(entry.size());
        if claimed > possible {
            return Err(NpzError::Claim { path: path.into(), claimed, possible });
        }
        // One byte more than claimed: only a read that meets the end has its checksum compared.
        let limit = entry.size().saturating_add(1);
        let mut content = Vec::new();
        let unpacked = entry.take(limit).read_to_end(&mut content);
        unpacked.map_err(|cause| NpzError::Entry { path: path.into(), name: name.into(), cause })?;
        let array = npy::decode(&content);
        let array = array.map_err(|damage| NpzError::Damaged { path: path.into(), name: name.into(), damage })?;
        arrays.insert(name.to_owned(), array);
    }
    Ok(arrays)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::npy::NpyData;

    fn example() -> Vec<(&'static str, NpyArray)> {
        vec![
            ("singular", NpyArray::new(&[2, 2], NpyData::F64(vec![0.1, 0.2, 0.3, 0.4]))),
            ("steps", NpyArray::new(&[3], NpyData::I64(vec![0, -10, i64::MAX]))),
            ("weights", NpyArray::new(&[1], NpyData::F32(vec![0.1]))),
        ]
    }

    fn example_bytes() -> Vec<u8> {
        let arrays = example();
        let borrowed: Vec<_> = arrays.iter().map(|(name, array)| (*name, array)).collect();
        encode(&borrowed).unwrap()
    }

    #[test]
    fn a_file_is_written_and_read_back_and_has_the_same_bytes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spectra.npz");
        let arrays = example();
        let borrowed: Vec<_> = arrays.iter().map(|(name, array)| (*name, array)).collect();
        write(&path, &borrowed).unwrap();
        let first = std::fs::read(&path).unwrap();
        write(&path, &borrowed).unwrap();
        assert_eq!(first, std::fs::read(&path).unwrap());
        let read: Vec<_> = read(&path).unwrap().into_iter().collect();
        let expected: Vec<_> = arrays.into_iter().map(|(name, array)| (name.to_owned(), array)).collect();
        assert_eq!(read, expected);
        assert_eq!(read_named(&path, &["steps", "absent"]).unwrap().len(), 1);
    }

    #[test]
    fn a_file_written_row_by_row_has_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, rows) = (folder.path().join("whole.npz"), folder.path().join("rows.npz"));
        let array = |name| example().into_iter().find(|(other, _)| *other == name).unwrap().1;
        write(&whole, &[("singular", &array("singular")), ("steps", &array("steps"))]).unwrap();
        let fill = |row: usize, out: &mut [f64]| out.copy_from_slice(&[[0.1, 0.2], [0.3, 0.4]][row]);
        let entries = [
            ("singular", Entry::Rows { rows: 2, columns: 2, fill: Box::new(fill) }),
            ("steps", Entry::Array(array("steps"))),
        ];
        write_rows(&rows, &entries).unwrap();
        assert_eq!(std::fs::read(whole).unwrap(), std::fs::read(rows).unwrap());
        let nowhere = write_rows(folder.path().join("no/folder.npz"), &[]);
        assert!(matches!(nowhere, Err(NpzError::Io { .. })), "{nowhere:?}");
        let twice = [("a", Entry::Array(array("steps"))), ("a", Entry::Array(array("steps")))];
        assert!(matches!(write_rows(folder.path().join("t.npz"), &twice), Err(NpzError::Archive { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn compressed_archives_are_read() {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file("x.npy", options).unwrap();
        archive.write_all(&npy::encode(&NpyArray::new(&[4000], NpyData::U8(vec![3; 4000])))).unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        assert!(bytes.len() < 1000);
        let arrays = decode(Path::new("x.npz"), &bytes, |_| true).unwrap();
        assert_eq!(arrays["x"].data.len(), 4000);
    }

    #[test]
    fn a_changed_value_is_found_by_its_checksum() {
        let bytes = example_bytes();
        let value = 0.3f64.to_le_bytes();
        let at = bytes.windows(8).position(|window| window == value).unwrap();
        let mut flipped = bytes;
        flipped[at] ^= 1;
        let error = decode(Path::new("x.npz"), &flipped, |_| true).unwrap_err();
        assert!(matches!(error, NpzError::Entry { .. }), "{error}");
    }

    #[test]
    fn text_is_no_archive() {
        let error = decode(Path::new("x.npz"), b"hello", |_| true).unwrap_err();
        assert!(error.to_string().starts_with("x.npz is no readable ZIP archive"), "{error}");
    }

    proptest! {
        #[test]
        fn damage_never_panics(cut in any::<usize>(), at in any::<usize>(), byte in any::<u8>()) {
            let bytes = example_bytes();
            prop_assert!(decode(Path::new("x"), &bytes[..cut % bytes.len()], |_| true).is_err());
            let mut flipped = bytes.clone();
            flipped[at % bytes.len()] = byte;
            if let Ok(arrays) = decode(Path::new("x"), &flipped, |_| true) {
                prop_assert!(arrays.values().all(|array| array.data.len() <= bytes.len()));
            }
        }
    }
}
