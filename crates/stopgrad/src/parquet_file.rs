//! Tables as Parquet, for programs that read columns: `metrics.parquet`, and the `table.parquet` of a sweep.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use crate::folder::{FolderError, write_beside};

/// The values of a column; a missing one is null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// 64-bit integers, none missing: the steps of metrics.
    #[cfg_attr(not(feature = "train"), allow(dead_code, reason = "there are no metrics without training"))]
    Index(Vec<i64>),
    /// 64-bit integers.
    Whole(Vec<Option<i64>>),
    /// Doubles.
    Number(Vec<Option<f64>>),
    /// Yes or no.
    Truth(Vec<Option<bool>>),
    /// UTF-8.
    Text(Vec<Option<String>>),
}

/// A column with its name.
pub(crate) type Named<'a> = (&'a str, Values);

/// Write a table.
///
/// # Requires    columns of one length
/// # Errors
/// [`FolderError::File`]
/// # Panics
/// never on data: the rows are encoded in memory
pub(crate) fn write(path: &Path, name: &str, columns: &[Named]) -> Result<(), FolderError> {
    write_beside(path, &encode(name, columns).expect("encoding into memory meets no file"))
}

/// Write the rows of a run: `step` as a 64-bit integer, every other column as an optional double.
///
/// # Errors
/// [`FolderError::File`]
#[cfg(feature = "train")]
pub(crate) fn write_metrics(path: &Path, rows: &[stopgrad_train::record::MetricsRow]) -> Result<(), FolderError> {
    use stopgrad_train::record::Column;
    let values = |column: &Column| match column {
        Column::Step => Values::Index(rows.iter().map(|row| row.step() as i64).collect()),
        column => Values::Number(rows.iter().map(|row| row.get(*column)).collect()),
    };
    let columns: Vec<Named> = Column::ALL.iter().map(|column| (column.name(), values(column))).collect();
    write(path, "metrics", &columns)
}

fn encode(name: &str, columns: &[Named]) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder(name).with_fields(fields).build().map(Arc::new)?;
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(WriterProperties::default()))?;
    let mut group = writer.next_row_group()?;
    for (_, values) in columns {
        match values {
            Values::Index(values) => {
                let mut chunk = group.next_column()?.expect("the schema has every column");
                chunk.typed::<Int64Type>().write_batch(values, None, None)?;
                chunk.close()?;
            }
            Values::Whole(cells) => optional::<Int64Type>(&mut group, cells)?,
            Values::Number(cells) => optional::<DoubleType>(&mut group, cells)?,
            Values::Truth(cells) => optional::<BoolType>(&mut group, cells)?,
            Values::Text(cells) => {
                let cells: Vec<Option<ByteArray>> =
                    cells.iter().map(|cell| cell.as_deref().map(ByteArray::from)).collect();
                optional::<ByteArrayType>(&mut group, &cells)?;
            }
        }
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn optional<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>, cells: &[Option<T::T>],
) -> Result<(), ParquetError> {
    let mut chunk = group.next_column()?.expect("the schema has every column");
    let present: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.iter().flatten().cloned().collect();
    chunk.typed::<T>().write_batch(&values, Some(&present), None)?;
    chunk.close()
}

fn field((name, values): &Named) -> Result<Arc<Type>, ParquetError> {
    let (physical, repetition) = match values {
        Values::Index(_) => (Physical::INT64, Repetition::REQUIRED),
        Values::Whole(_) => (Physical::INT64, Repetition::OPTIONAL),
        Values::Number(_) => (Physical::DOUBLE, Repetition::OPTIONAL),
        Values::Truth(_) => (Physical::BOOLEAN, Repetition::OPTIONAL),
        Values::Text(_) => (Physical::BYTE_ARRAY, Repetition::OPTIONAL),
    };
    let text = matches!(values, Values::Text(_));
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_converted_type(if text { ConvertedType::UTF8 } else { ConvertedType::NONE })
        .with_logical_type(text.then_some(LogicalType::String))
        .build()
        .map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Row, RowAccessor};

    fn read(path: &Path) -> Vec<Row> {
        let reader = SerializedFileReader::new(std::fs::File::open(path).expect("opened")).expect("parquet");
        reader.get_row_iter(None).expect("rows").map(|row| row.expect("row")).collect()
    }

    #[test]
    fn every_kind_of_value_reads_back_with_its_gaps() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("table.parquet");
        let columns = [
            ("index", Values::Index(vec![0, -7])),
            ("whole", Values::Whole(vec![None, Some(i64::MAX)])),
            ("number", Values::Number(vec![None, Some(0.1 + 0.2)])),
            ("truth", Values::Truth(vec![None, Some(true)])),
            ("text", Values::Text(vec![None, Some("λ, \"and\" more".into())])),
        ];
        write(&path, "table", &columns).expect("written");
        let rows = read(&path);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].get_long(0).expect("index"), rows[1].get_long(0).expect("index")), (0, -7));
        assert_eq!(rows[1].get_long(1).expect("whole"), i64::MAX);
        assert_eq!(rows[1].get_double(2).expect("number").to_bits(), (0.1_f64 + 0.2).to_bits());
        assert!(rows[1].get_bool(3).expect("truth"));
        assert_eq!(rows[1].get_string(4).expect("text"), "λ, \"and\" more");
        assert!(rows[0].get_double(2).is_err() && rows[0].get_string(4).is_err(), "a gap is null");
    }

    #[cfg(feature = "train")]
    #[test]
    fn rows_read_back_with_their_gaps() {
        use stopgrad_train::record::{Column, MetricsRow};
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("metrics.parquet");
        let mut rows = vec![MetricsRow::new(0), MetricsRow::new(20)];
        rows[1].set(Column::JointObjective, 0.1 + 0.2);
        rows[1].set(Column::RelativeError, f64::INFINITY);
        write_metrics(&path, &rows).expect("written");

        let read = read(&path);
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].get_long(Column::Step as usize).expect("step"), 20);
        assert!(read[0].get_double(Column::JointObjective as usize).is_err(), "a gap is null");
        for column in [Column::JointObjective, Column::RelativeError] {
            let cell = read[1].get_double(column as usize).expect("value");
            assert_eq!(Some(cell.to_bits()), rows[1].get(column).map(f64::to_bits));
        }
    }

    #[test]
    fn no_rows_are_a_file_too() {
        assert!(encode("table", &[("number", Values::Number(vec![]))]).is_ok());
    }
}
