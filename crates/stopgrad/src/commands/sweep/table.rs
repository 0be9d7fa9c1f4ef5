//! `table.csv`: appended point by point, cut back to whole points, read again.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::SweepCommandError;
use super::columns::text;
use super::grid::Grid;
use crate::folder::FolderError;
use crate::lab::sweep::{Cells, SECONDS, SweepTable, Swept};
use crate::parquet_file::{self, Named, Values};
use crate::plot::csv;

/// What an earlier sweep left.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Begun {
    /// Of points that are whole.
    pub(super) rows: Vec<Vec<String>>,
    /// How many these are.
    pub(super) points: usize,
    /// Bytes that they and the header fill.
    bytes: u64,
}

/// Read a table up to its last whole point: one whose last row has its seconds.
///
/// # Errors
/// [`SweepCommandError::Table`]: a whole line that this sweep cannot have written
pub(super) fn read(
    path: &Path, table: &SweepTable, grid: &Grid, options: &[Swept],
) -> Result<Begun, SweepCommandError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Begun::default()),
        Err(cause) => return Err(FolderError::File { path: path.into(), source: cause }.into()),
    };
    let wrong = |line: usize, why: &'static str| SweepCommandError::Table { path: path.into(), line, why };
    let header = header(table);
    let mut begun = Begun::default();
    let (mut pending, mut end) = (Vec::new(), 0);
    for (line, raw) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !raw.ends_with(b"\n") {
            break;
        }
        end += raw.len() as u64;
        if line == 0 {
            if raw != header.as_bytes() {
                return Err(wrong(1, "the columns are others"));
            }
            begun.bytes = end;
            continue;
        }
        let cells = cells(raw).ok_or_else(|| wrong(line + 1, "it is no line of CSV"))?;
        if cells.len() != table.columns.len() {
            return Err(wrong(line + 1, "it has another number of cells"));
        }
        if begun.points >= grid.len().unwrap_or(0) {
            return Err(wrong(line + 1, "the grid has fewer points"));
        }
        let point = grid.point(begun.points);
        let is_other = |(option, cell): (&Swept, &String)| {
            let value = text(Some(&point.value(*option)));
            !value.is_empty() && !cell.is_empty() && value != *cell
        };
        if options.iter().zip(&cells).any(is_other) {
            return Err(wrong(line + 1, "it is not the point of the grid that is due there"));
        }
        let last = !table.cell(&cells, SECONDS).is_empty();
        pending.push(cells);
        if last {
            begun.rows.append(&mut pending);
            begun.points += 1;
            begun.bytes = end;
        }
    }
    Ok(begun)
}

fn cells(line: &[u8]) -> Option<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    let mut records = reader.records();
    let record = records.next()?.ok()?;
    records.next().is_none().then(|| record.iter().map(str::to_owned).collect())
}

fn header(table: &SweepTable) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    csv::table(&names, [])
}

/// The file, held open at its end.
pub(super) struct Appended {
    path: PathBuf,
    file: File,
}

impl Appended {
    /// Cut back to what is whole, or begun with its header.
    ///
    /// # Errors
    /// [`FolderError::File`]
    pub(super) fn open(path: &Path, table: &SweepTable, begun: &Begun) -> Result<Self, FolderError> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path).and_then(|mut file| {
            file.set_len(begun.bytes)?;
            file.seek(SeekFrom::End(0))?;
            if begun.bytes == 0 {
                file.write_all(header(table).as_bytes())?;
            }
            Ok(file)
        });
        let file = opened.map_err(|source| FolderError::File { path: path.into(), source })?;
        Ok(Self { path: path.into(), file })
    }

    /// All rows of a point.
    ///
    /// # Errors
    /// [`FolderError::File`]
    pub(super) fn append(&mut self, rows: &[Vec<String>]) -> Result<(), FolderError> {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.write_record(row).expect("rows of one length go to memory");
        }
        let bytes = writer.into_inner().expect("memory takes every byte");
        self.file.write_all(&bytes).map_err(|source| FolderError::File { path: self.path.clone(), source })
    }
}

/// The same table as Parquet.
///
/// # Errors
/// [`FolderError::File`]
pub(super) fn write_parquet(path: &Path, table: &SweepTable) -> Result<(), FolderError> {
    let columns: Vec<Named> = table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let cells = table.rows.iter().map(|row| row[place].as_str());
            let values = match column.cells {
                Cells::Whole => Values::Whole(cells.map(|cell| cell.parse().ok()).collect()),
                Cells::Number => Values::Number(cells.map(|cell| cell.parse().ok()).collect()),
                Cells::Truth => Values::Truth(cells.map(|cell| cell.parse().ok()).collect()),
                Cells::Text => Values::Text(cells.map(|cell| (!cell.is_empty()).then(|| cell.to_owned())).collect()),
            };
            (column.name, values)
        })
        .collect();
    parquet_file::write(path, "sweep", &columns)
}
