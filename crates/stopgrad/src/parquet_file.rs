//! `metrics.parquet`: the rows of `metrics.csv` for programs that read columns.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as Physical};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use stopgrad_train::record::{Column, MetricsRow};

use crate::folder::{FolderError, write_beside};

/// Write the rows: `step` as a 64-bit integer, every other column as an optional double.
///
/// # Errors
/// [`FolderError::File`]
/// # Panics
/// never on data: the rows are encoded in memory
pub(crate) fn write_metrics(path: &Path, rows: &[MetricsRow]) -> Result<(), FolderError> {
    write_beside(path, &encode(rows).expect("encoding into memory meets no file"))
}

fn encode(rows: &[MetricsRow]) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema()?, Arc::new(WriterProperties::default()))?;
    let mut group = writer.next_row_group()?;
    for column in Column::ALL {
        let mut chunk = group.next_column()?.expect("the schema has every column");
        if *column == Column::Step {
            let steps: Vec<i64> = rows.iter().map(|row| row.step() as i64).collect();
            chunk.typed::<Int64Type>().write_batch(&steps, None, None)?;
        } else {
            let cells: Vec<Option<f64>> = rows.iter().map(|row| row.get(*column)).collect();
            let present: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
            let values: Vec<f64> = cells.into_iter().flatten().collect();
            chunk.typed::<DoubleType>().write_batch(&values, Some(&present), None)?;
        }
        chunk.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn schema() -> Result<Arc<Type>, ParquetError> {
    let field = |column: &Column| {
        let (physical, repetition) = match column {
            Column::Step => (Physical::INT64, Repetition::REQUIRED),
            _ => (Physical::DOUBLE, Repetition::OPTIONAL),
        };
        Type::primitive_type_builder(column.name(), physical).with_repetition(repetition).build().map(Arc::new)
    };
    let fields = Column::ALL.iter().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("metrics").with_fields(fields).build().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    #[test]
    fn rows_read_back_with_their_gaps() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("metrics.parquet");
        let mut rows = vec![MetricsRow::new(0), MetricsRow::new(20)];
        rows[1].set(Column::JointObjective, 0.1 + 0.2);
        rows[1].set(Column::RelativeError, f64::INFINITY);
        write_metrics(&path, &rows).expect("written");

        let reader = SerializedFileReader::new(std::fs::File::open(&path).expect("opened")).expect("parquet");
        let read: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("row")).collect();
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
        assert!(encode(&[]).is_ok());
    }
}
