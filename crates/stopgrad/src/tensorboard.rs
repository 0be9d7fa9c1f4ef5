//! Metrics as event files of TensorBoard: every column of `metrics.csv` as a scalar against the step.
//!
//! Written at the end, from the rows of finished runs: a file is a function of those. The format is two thin layers, a
//! frame with checksums round each record and a protocol-buffer message inside, and is written here in full; a crate for it
//! would bring a compiler of such messages.
//!
//! Sources: the frame of records, `tensorflow/core/lib/io/record_writer.h`; the messages, `tensorboard/compat/proto/event.proto`
//! and `summary.proto`.

use std::path::Path;

use stopgrad_train::record::{Column, MetricsRow, RunRecord};

use crate::folder::{FolderError, prepare, sweep, write_beside};

/// The folder within that of the command; TensorBoard is pointed at it and shows a run a folder.
pub(crate) const FOLDER: &str = "tensorboard";
/// TensorBoard reads files with `tfevents` in their names; ten digits stand for a time there, which we do not have.
const FILE: &str = "events.out.tfevents.0000000000.stopgrad";

/// Write `tensorboard/<run>/events.out.tfevents…` (`<run>/seed-<s>` where a name has several seeds) for each run.
///
/// # Errors
/// [`FolderError`]
pub(crate) fn write(out: &Path, runs: &[RunRecord]) -> Result<(), FolderError> {
    for run in runs {
        let several = runs.iter().filter(|other| other.name == run.name).count() > 1;
        let mut folder = out.join(FOLDER).join(file_name(&run.name));
        if several {
            folder.push(format!("seed-{}", run.config.training.seed));
        }
        prepare(&folder)?;
        sweep(&folder)?;
        write_beside(&folder.join(FILE), &events(&run.metrics))?;
    }
    Ok(())
}

/// A name that can be that of a folder on every system; what cannot becomes `_`.
fn file_name(name: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() || " ._-()".contains(c) { c } else { '_' };
    let clean: String = name.chars().map(letter).take(100).collect();
    let clean = clean.trim_matches(['.', ' ']);
    if clean.is_empty() { "run".into() } else { clean.to_owned() }
}

/// The bytes of an event file with these rows: version first, then an event a row.
///
/// The time of an event is the seconds of training up to it, as if the run had begun at the start of 1970: when it did
/// begin is not stored, and the same rows shall give the same bytes. TensorBoard's relative time is right, its wall time is
/// not. Values are rounded to f32, which is what a scalar has there.
fn events(rows: &[MetricsRow]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut version = Vec::new();
    put_double(&mut version, 1, 0.0);
    put_bytes(&mut version, 3, b"brain.Event:2");
    put_record(&mut file, &version);
    for row in rows {
        let mut summary = Vec::new();
        for column in Column::ALL.iter().filter(|column| **column != Column::Step) {
            let Some(number) = row.get(*column) else { continue };
            let mut scalar = Vec::new();
            put_bytes(&mut scalar, 1, column.name().as_bytes());
            put_single(&mut scalar, 2, number as f32);
            put_bytes(&mut summary, 1, &scalar);
        }
        let mut event = Vec::new();
        put_double(&mut event, 1, row.get(Column::Seconds).unwrap_or(0.0));
        put_whole(&mut event, 2, row.step());
        put_bytes(&mut event, 5, &summary);
        put_record(&mut file, &event);
    }
    file
}

/// Length, its checksum, the record, its checksum; all little-endian.
fn put_record(file: &mut Vec<u8>, record: &[u8]) {
    let length = (record.len() as u64).to_le_bytes();
    file.extend_from_slice(&length);
    file.extend_from_slice(&masked(checksum(&length)).to_le_bytes());
    file.extend_from_slice(record);
    file.extend_from_slice(&masked(checksum(record)).to_le_bytes());
}

/// CRC-32C: the polynomial of Castagnoli, reflected, bit by bit, since a run has some hundred rows.
///
/// # Source      RFC 3720, appendix B.4
fn checksum(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// As the frame wants it, so that a checksum of data with checksums in it is none of those.
///
/// # Source      `tensorflow/core/lib/hash/crc32c.h`
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Kinds of fields in a message.
const WHOLE: u32 = 0;
const EIGHT_BYTES: u32 = 1;
const LENGTH: u32 = 2;
const FOUR_BYTES: u32 = 5;

fn put_key(message: &mut Vec<u8>, field: u32, kind: u32) {
    put_varint(message, u64::from(field << 3 | kind));
}

/// Seven bits a byte, the lowest first; the highest bit of a byte says that more follow.
fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

fn put_whole(message: &mut Vec<u8>, field: u32, number: u64) {
    put_key(message, field, WHOLE);
    put_varint(message, number);
}

fn put_double(message: &mut Vec<u8>, field: u32, number: f64) {
    put_key(message, field, EIGHT_BYTES);
    message.extend_from_slice(&number.to_le_bytes());
}

fn put_single(message: &mut Vec<u8>, field: u32, number: f32) {
    put_key(message, field, FOUR_BYTES);
    message.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(message: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_key(message, field, LENGTH);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with what is hard to write: a step beyond one byte, a missing value, NaN, an infinity.
    fn rows() -> Vec<MetricsRow> {
        let row = |step: u64, seconds: f64, objective: f64| {
            let mut row = MetricsRow::new(step);
            row.set(Column::Seconds, seconds);
            row.set(Column::JointObjective, objective);
            row
        };
        let mut rows = vec![row(0, 0.0, 0.5), row(300, 1.25, f64::NAN), row(1 << 40, 1e9, f64::INFINITY)];
        rows[1].set(Column::KnnAccuracy, 0.1);
        rows
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRCs.
        assert_eq!(checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(checksum(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }

    /// What the file has to be by TensorBoard itself: `tests/golden/event_file.py` wrote the golden with its package, and
    /// checked that its reader gets the rows back.
    #[test]
    fn events_are_those_that_tensorboard_writes() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/event_file.json");
        let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
        let hexadecimal = golden["values"]["file"].as_str().unwrap();
        let expected: Vec<u8> = (0..hexadecimal.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(events(&rows()), expected);
    }

    #[test]
    fn names_become_folders() {
        for (name, folder) in [("sg", "sg"), ("a/../b", "a_.._b"), ("..", "run"), ("", "run"), ("sg (x)", "sg (x)")] {
            assert_eq!(file_name(name), folder);
        }
        assert_eq!(file_name("\u{202e}<\n>\""), "_____");
    }
}
