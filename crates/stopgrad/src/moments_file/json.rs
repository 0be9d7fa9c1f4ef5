//! The JSON form of small moments: the same keys, matrices as arrays of rows.

use std::collections::BTreeMap;
use std::path::Path;

use faer::Mat;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stopgrad_data::{NpyArray, NpyData, write_whole};
use stopgrad_dynamics::Moments;

use super::read::{Arrays, FOURIER, KEYS, RELU};
use super::{JSON_SIZE, MomentsFile, MomentsFileError, RandomFeatures};

/// What may stand at a known key.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Flag(bool),
    Number(f64),
    Vector(Vec<f64>),
    Matrix(Vec<Vec<f64>>),
}

pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<MomentsFile, MomentsFileError> {
    let broken = |cause| MomentsFileError::Json { path: path.into(), cause };
    let stored: BTreeMap<String, Value> = serde_json::from_slice(bytes).map_err(broken)?;
    let mut arrays = BTreeMap::new();
    for (key, value) in stored.into_iter().filter(|(key, value)| KEYS.contains(&key.as_str()) && !value.is_null()) {
        let stored = Stored::deserialize(value).map_err(|_| shape(path, &key, vec![]))?;
        let array = array(stored).map_err(|lengths| shape(path, &key, lengths))?;
        arrays.insert(key, array);
    }
    let file = Arrays::new(path, arrays).moments()?;
    match file.moments.size() {
        size if size > JSON_SIZE => Err(MomentsFileError::TooLarge { path: path.into(), size }),
        _ => Ok(file),
    }
}

fn shape(path: &Path, key: &str, shape: Vec<usize>) -> MomentsFileError {
    let expected = "a number, an array of numbers, or an array of rows of one length";
    MomentsFileError::Shape { path: path.into(), key: key.into(), shape, expected }
}

/// The array, or the lengths of its rows where they differ.
fn array(stored: Stored) -> Result<NpyArray, Vec<usize>> {
    let (shape, values) = match stored {
        Stored::Flag(value) => (vec![], vec![f64::from(u8::from(value))]),
        Stored::Number(value) => (vec![], vec![value]),
        Stored::Vector(values) => (vec![values.len()], values),
        Stored::Matrix(rows) => {
            let columns = rows.first().map_or(0, Vec::len);
            if rows.iter().any(|row| row.len() != columns) {
                return Err(rows.iter().map(Vec::len).collect());
            }
            (vec![rows.len(), columns], rows.into_iter().flatten().collect())
        }
    };
    Ok(NpyArray::new(&shape, NpyData::F64(values)))
}

pub(super) fn write(file: &MomentsFile, path: &Path) -> Result<(), MomentsFileError> {
    let moments = &file.moments;
    super::check_path(path, moments.size())?;
    let mut fields = Map::new();
    add(&mut fields, "", moments);
    fields.insert("centered".into(), json!(u8::from(moments.centered)));
    fields.insert("symmetrized".into(), json!(u8::from(moments.symmetrized)));
    if let Some(half) = &file.half {
        add(&mut fields, "half_", half);
    }
    if let Some(basis) = &moments.basis {
        fields.insert("basis".into(), matrix(basis));
    }
    match &file.features {
        None => {}
        Some(RandomFeatures::Relu) => _ = fields.insert("feature_kind".into(), json!(RELU)),
        Some(RandomFeatures::Fourier { phases }) => {
            fields.insert("feature_kind".into(), json!(FOURIER));
            fields.insert("feature_phase".into(), json!(phases));
        }
    }
    let text = format!("{:#}\n", Value::Object(fields));
    write_whole(path, text.as_bytes()).map_err(|cause| MomentsFileError::Io { path: path.into(), cause })
}

fn add(fields: &mut Map<String, Value>, prefix: &str, moments: &Moments) {
    let mut insert = |key: &str, value: Option<Value>| {
        value.map(|value| fields.insert(format!("{prefix}{key}"), value));
    };
    insert("xx", Some(matrix(&moments.xx)));
    insert("yx", Some(matrix(&moments.yx)));
    insert("yy", moments.yy.as_ref().filter(|_| !moments.symmetrized).map(matrix));
    insert("count", moments.count.map(|count| json!(count)));
    insert("mean_x", moments.mean_x.as_ref().map(|mean| json!(mean)));
    insert("mean_y", moments.mean_y.as_ref().map(|mean| json!(mean)));
}

fn matrix(values: &Mat<f64>) -> Value {
    let row = |i: usize| (0..values.ncols()).map(|j| values[(i, j)]).collect::<Vec<f64>>();
    json!((0..values.nrows()).map(row).collect::<Vec<_>>())
}
