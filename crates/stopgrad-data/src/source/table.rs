//! CSV tables: a line of column names, numeric columns, and at most one column of labels.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};
use flate2::read::MultiGzDecoder;

use super::file::RawFile;
use super::stored::{Parts, Store, StoredSource};
use super::{Damage, Skipped, SourceError};
use crate::Shape;

/// Bad rows beyond the number of good ones after which a table is given up before its end.
const PATIENCE: usize = 1000;

/// Letters of a cell, and of a column's name, that stand in a message.
const CELL: usize = 24;
const NAME: usize = 80;

/// The usable rows of a table.
pub(super) struct Table {
    pub(super) columns: usize,
    /// Row after row, without the label.
    pub(super) values: Vec<f32>,
    pub(super) labels: Vec<Option<String>>,
    pub(super) skipped: Vec<Skipped>,
    /// The first cell of text in a column of numbers: line, column, text.
    first_text: Option<(u64, String, String)>,
}

impl Table {
    /// What is wrong with a table whose rows are all unusable, where it is a column that holds text.
    fn text_column(&self) -> Option<Damage> {
        let (line, column, text) = self.first_text.as_ref().filter(|_| self.values.is_empty())?;
        Some(Damage::TextColumn { line: *line, column: column.clone(), text: text.clone() })
    }
}

pub(super) fn open(path: &Path, label_column: &str) -> Result<StoredSource, SourceError> {
    let raw = RawFile::read(path)?;
    let Table { columns, values, labels, skipped, .. } = parse(&raw, label_column)?;
    StoredSource::new(Parts {
        name: raw.path.clone(),
        shape: Shape::Row { columns },
        store: Store::Floats(values),
        labels,
        splits: vec![],
        skipped,
        inputs: vec![raw.input()],
        attribution: None,
    })
}

/// Reads row by row, so that a packed table is never held as text.
pub(super) fn parse(raw: &RawFile, label_column: &str) -> Result<Table, SourceError> {
    let content: Box<dyn std::io::Read + '_> = if raw.is_gzip() {
        Box::new(MultiGzDecoder::new(raw.bytes.as_slice()))
    } else {
        Box::new(raw.bytes.as_slice())
    };
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(content);
    let names: Vec<String> = match reader.byte_headers() {
        Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        Err(error) => return Err(raw.damaged(csv_damage(&error))),
    };
    if !names.is_empty() && names.iter().all(|name| name.parse::<f64>().is_ok()) {
        let example: Vec<String> = (0..names.len().min(3)).map(|index| format!("c{index}")).collect();
        return Err(raw.damaged(Damage::NoHeader { example: example.join(",") }));
    }
    if let [name] = names.as_slice()
        && let Some(found) = [';', '\t'].into_iter().find(|separator| name.contains(*separator))
    {
        return Err(raw.damaged(Damage::Separator { found }));
    }
    let label_at = label_position(raw, &names, label_column)?;
    let columns = names.len() - usize::from(label_at.is_some());
    if columns == 0 {
        return Err(if raw.bytes.is_empty() {
            SourceError::Empty { path: raw.path.clone() }
        } else {
            raw.damaged(Damage::NoColumns)
        });
    }

    // From here on names stand in messages, one for each bad row: a header of 60 kB would make 60 kB of each.
    let names: Vec<String> = names.iter().map(|name| shortened(name, NAME)).collect();
    let mut table = Table { columns, values: Vec::new(), labels: Vec::new(), skipped: Vec::new(), first_text: None };
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return table.text_column().map_or(Ok(table), |damage| Err(raw.damaged(damage))),
            Err(error) => return Err(raw.damaged(csv_damage(&error))),
        }
        let line = record.position().map_or(0, csv::Position::line);
        if let Err(reason) = push_row(&mut table, &record, &names, label_at) {
            table.first_text = table.first_text.or_else(|| text_in(&record, &names, label_at, line));
            table.skipped.push(Skipped { path: format!("{}:{line}", raw.path), reason });
            // A file that is no table of numbers is refused here, before its every line is listed.
            let rows = table.values.len() / columns;
            if table.skipped.len() > rows + PATIENCE {
                if let Some(damage) = table.text_column() {
                    return Err(raw.damaged(damage));
                }
                return Err(SourceError::mostly_damaged(&raw.path, &table.skipped, rows));
            }
        }
    }
}

fn label_position(raw: &RawFile, names: &[String], wanted: &str) -> Result<Option<usize>, SourceError> {
    if wanted.is_empty() {
        return Ok(names.iter().position(|name| name == "label" || name == "class"));
    }
    let found = names.iter().position(|name| name == wanted);
    found.map(Some).ok_or_else(|| SourceError::NoLabelColumn {
        path: raw.path.clone(),
        column: wanted.into(),
        available: names.to_vec(),
    })
}

/// Appends a row, or leaves the table as it was and says why.
fn push_row(table: &mut Table, record: &ByteRecord, names: &[String], label_at: Option<usize>) -> Result<(), String> {
    if record.len() != names.len() {
        return Err(format!("{} cells in a table of {} columns", record.len(), names.len()));
    }
    let start = table.values.len();
    for (column, cell) in record.iter().enumerate().filter(|(column, _)| Some(*column) != label_at) {
        let text = String::from_utf8_lossy(cell);
        match text.parse::<f32>() {
            Ok(value) if value.is_finite() => table.values.push(value),
            parsed => {
                table.values.truncate(start);
                return Err(match parsed {
                    _ if text.is_empty() => format!("column `{}` is empty", names[column]),
                    Ok(value) if value.is_infinite() && text.contains(|letter: char| letter.is_ascii_digit()) => {
                        format!(
                            "column `{}` is `{}`, too large for a 32-bit float",
                            names[column],
                            shortened(&text, CELL)
                        )
                    }
                    Ok(_) => format!("column `{}` is `{text}`, not a finite number", names[column]),
                    Err(_) => format!("column `{}` is `{}`, not a number", names[column], shortened(&text, CELL)),
                });
            }
        }
    }
    if let Some(at) = label_at {
        // A replacement character would make one class of two.
        let Ok(text) = std::str::from_utf8(&record[at]) else {
            table.values.truncate(start);
            return Err(format!("the label in column `{}` is not UTF-8 text; save the file as UTF-8", names[at]));
        };
        table.labels.push((!text.is_empty()).then(|| text.to_owned()));
    }
    Ok(())
}

/// The first cell that is text where a number should stand.
fn text_in(record: &ByteRecord, names: &[String], label_at: Option<usize>, line: u64) -> Option<(u64, String, String)> {
    let mut cells = names.iter().zip(record).enumerate().filter(|(column, _)| Some(*column) != label_at);
    let (_, (name, cell)) = cells.find(|(_, (_, cell))| {
        let text = String::from_utf8_lossy(cell);
        !text.is_empty() && text.parse::<f32>().is_err()
    })?;
    Some((line, name.clone(), shortened(&String::from_utf8_lossy(cell), CELL)))
}

fn shortened(text: &str, letters: usize) -> String {
    let mut short: String = text.chars().take(letters).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn csv_damage(error: &csv::Error) -> Damage {
    Damage::Csv { line: error.position().map_or(0, csv::Position::line), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, label_column: &str) -> Result<Table, SourceError> {
        parse(&RawFile { path: "t.csv".into(), bytes: text.as_bytes().to_vec() }, label_column)
    }

    #[test]
    fn numbers_and_labels_are_read() {
        let table = read("a, class ,b\n1,cat,-2.5e1\n3, dog,4\n5,,6\n", "").unwrap();
        assert_eq!(table.values, [1.0, -25.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(table.labels, [Some("cat".into()), Some("dog".into()), None]);
        assert_eq!(read("a,b\n1,2\n", "b").unwrap().columns, 1);
        assert!(read("a,b\n1,2\n", "").unwrap().labels.is_empty());
    }

    #[test]
    fn a_name_of_any_length_makes_short_messages() {
        let table = read(&format!("{},b\nx,1\n1,2\n", "n".repeat(50_000)), "").unwrap();
        assert!(table.skipped[0].reason.len() < 200 && table.skipped[0].reason.contains("nnn…"), "{:?}", table.skipped);
    }

    #[test]
    fn a_bad_row_is_left_out_and_its_place_told() {
        let table = read("a,b\n1,2\nNaN,2\n3,inf\n4,\n5,x\n6\n7,8\n", "").unwrap();
        assert_eq!(table.values, [1.0, 2.0, 7.0, 8.0]);
        let told: Vec<_> = table.skipped.iter().map(|s| format!("{} {}", s.path, s.reason)).collect();
        assert_eq!(
            told,
            [
                "t.csv:3 column `a` is `NaN`, not a finite number",
                "t.csv:4 column `b` is `inf`, not a finite number",
                "t.csv:5 column `b` is empty",
                "t.csv:6 column `b` is `x`, not a number",
                "t.csv:7 1 cells in a table of 2 columns",
            ]
        );
    }

    #[test]
    fn messages_say_what_to_do() {
        let error = |text, label| read(text, label).err().unwrap().to_string();
        assert_eq!(
            error("a,b\n1,2\n", "kind"),
            "t.csv has no column `kind` for the label; its columns are a, b; name one of them with --label-column"
        );
        assert!(error("1,2\n3,4\n", "").contains("add a line such as c0,c1"));
        assert!(error("label\nx\n", "").contains("no column besides the label"));
        assert!(error("", "").contains("holds no sample"));
        let prose = format!("a\n{}", "word\n".repeat(100_000));
        assert!(error(&prose, "").starts_with("t.csv: line 2: column `a` is `word`, not a number, and no row"));
        assert!(error("a,kind\n1,cat\n2,dog\n", "").contains("name it with --label-column"));
        assert!(error("a;b;label\n1;2;cat\n", "").contains("separated by ';'"));
        let gaps = format!("a,b\n{}", "1,\n".repeat(100_000));
        let expected = "t.csv: 1001 of 1001 samples cannot be used, the first at t.csv:2: column `b` is empty";
        assert!(error(&gaps, "").starts_with(expected));
    }

    #[test]
    fn labels_in_another_encoding_are_not_merged_into_one_class() {
        let bytes = b"a,label\n1,caf\xe9\n2,caf\xe8\n1e99,tea\n3,tea\n".to_vec();
        let table = parse(&RawFile { path: "t.csv".into(), bytes }, "").unwrap();
        assert_eq!((table.values.as_slice(), table.labels.len()), ([3.0].as_slice(), 1));
        assert!(table.skipped[0].reason.contains("not UTF-8 text"), "{:?}", table.skipped);
        assert!(table.skipped[2].reason.contains("too large"), "{:?}", table.skipped);
    }

    proptest! {
        #[test]
        fn damage_never_panics(cut in 0usize..40, at in 0usize..40, byte in any::<u8>()) {
            let mut bytes = b"a,b,label\n1.5,2,cat\n-3,4e2,dog\n\"5\",6,cat\n".to_vec();
            bytes[at] = byte;
            for bytes in [bytes[..cut].to_vec(), bytes] {
                if let Ok(table) = parse(&RawFile { path: "t.csv".into(), bytes: bytes.clone() }, "") {
                    prop_assert!(table.values.len() <= bytes.len());
                }
            }
        }
    }
}
