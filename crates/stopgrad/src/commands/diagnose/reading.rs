//! Files to what is given of a network: arrays by name, or by the option that named their file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stopgrad_data::arrays::{ArraysError, read_arrays};
use stopgrad_data::{InputFile, NpyArray, NpyData};
use stopgrad_dynamics::collapse::Place;
use stopgrad_dynamics::diagnosis::{EmbeddingValues, Embeddings, Given, Role};

use super::DiagnoseCommandError;
use crate::args::{BesideArguments, DiagnoseArguments, TrainedLoss};

/// Names of arrays in a file of several: the first of each list that is there.
const ROLES: [(Role, &[&str]); 6] = [
    (Role::Place(Place::Encoder), &["encoder", "x", "z", ""]),
    (Role::SecondView, &["y", "encoder_y", "second_view"]),
    (Role::Place(Place::Projector), &["projector"]),
    (Role::Place(Place::Predictor), &["predictor"]),
    (Role::Place(Place::Teacher), &["teacher"]),
    (Role::Reference, &["reference", "untrained"]),
];
const LABELS: [&str; 2] = ["labels", "label"];

/// What is the same for every checkpoint.
#[derive(Debug, Default)]
pub(in crate::commands) struct Beside {
    reference: Option<Embeddings>,
    labels: Option<Vec<i64>>,
    weight_decay: Option<f64>,
    loss_sees_scale: Option<bool>,
}

impl Beside {
    pub(in crate::commands) fn read(
        asked: &BesideArguments, inputs: &mut Vec<InputFile>,
    ) -> Result<Self, DiagnoseCommandError> {
        let reference = asked.reference.as_deref().map(|path| one(path, inputs)).transpose()?;
        let labels = asked.labels.as_deref().map(|path| first(path, inputs)).transpose()?;
        Ok(Self {
            reference,
            labels: labels.map(|(name, array)| whole_numbers(&name, array)).transpose()?,
            weight_decay: asked.weight_decay,
            loss_sees_scale: asked.loss.map(|loss| loss == TrainedLoss::Squared),
        })
    }
}

/// The outputs of a file by role, with what is known besides.
pub(in crate::commands) fn given(
    file: &Path, beside: &Beside, inputs: &mut Vec<InputFile>,
) -> Result<Given, DiagnoseCommandError> {
    let mut arrays = read(file, inputs)?;
    let mut given =
        Given { weight_decay: beside.weight_decay, loss_sees_scale: beside.loss_sees_scale, ..Given::default() };
    for name in LABELS {
        if let Some((name, array)) = arrays.remove_entry(name) {
            given.labels = Some(whole_numbers(&named(file, &name), array)?);
        }
    }
    if arrays.len() == 1
        && let Some((_, array)) = arrays.pop_first()
    {
        arrays.insert(String::new(), array);
    }
    for (role, names) in ROLES {
        if let Some((name, array)) = names.iter().find_map(|name| arrays.remove_entry(*name)) {
            given.outputs.insert(role, embeddings(&named(file, &name), array)?);
        }
    }
    if !given.outputs.contains_key(&Role::Place(Place::Encoder)) {
        let found = arrays.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(DiagnoseCommandError::NoEncoder { path: file.into(), found });
    }
    if let Some(reference) = &beside.reference {
        given.outputs.insert(Role::Reference, reference.clone());
    }
    given.labels = beside.labels.clone().or(given.labels);
    Ok(given)
}

/// The places that options name, of the last checkpoint.
pub(super) fn add_places(
    given: &mut Given, asked: &DiagnoseArguments, inputs: &mut Vec<InputFile>,
) -> Result<(), DiagnoseCommandError> {
    let options: [(Role, &Option<PathBuf>); 4] = [
        (Role::SecondView, &asked.second_view),
        (Role::Place(Place::Projector), &asked.projector),
        (Role::Place(Place::Predictor), &asked.predictor),
        (Role::Place(Place::Teacher), &asked.teacher),
    ];
    for (role, path) in options {
        if let Some(path) = path {
            given.outputs.insert(role, one(path, inputs)?);
        }
    }
    Ok(())
}

/// The only array of a file, or its first.
fn one(path: &Path, inputs: &mut Vec<InputFile>) -> Result<Embeddings, DiagnoseCommandError> {
    let (name, array) = first(path, inputs)?;
    embeddings(&name, array)
}

fn first(path: &Path, inputs: &mut Vec<InputFile>) -> Result<(String, NpyArray), DiagnoseCommandError> {
    let (name, array) =
        read(path, inputs)?.pop_first().ok_or_else(|| DiagnoseCommandError::NoArray { path: path.into() })?;
    Ok((named(path, &name), array))
}

fn named(file: &Path, name: &str) -> String {
    if name.is_empty() { file.display().to_string() } else { format!("{}: {name}", file.display()) }
}

fn read(path: &Path, inputs: &mut Vec<InputFile>) -> Result<BTreeMap<String, NpyArray>, DiagnoseCommandError> {
    let bytes = std::fs::read(path).map_err(|cause| ArraysError::Io { path: path.into(), cause })?;
    inputs.push(InputFile::of(path.display().to_string(), &bytes));
    drop(bytes);
    Ok(read_arrays(path)?)
}

fn embeddings(name: &str, array: NpyArray) -> Result<Embeddings, DiagnoseCommandError> {
    let values = match array.data {
        NpyData::F32(values) => EmbeddingValues::F32(values),
        NpyData::U8(values) => EmbeddingValues::F32(values.into_iter().map(f32::from).collect()),
        NpyData::F64(values) => EmbeddingValues::F64(values),
        NpyData::I64(values) => EmbeddingValues::F64(values.into_iter().map(|value| value as f64).collect()),
    };
    Ok(Embeddings::new(name, &array.shape, values)?)
}

fn whole_numbers(name: &str, array: NpyArray) -> Result<Vec<i64>, DiagnoseCommandError> {
    match array.data {
        NpyData::I64(values) if array.shape.len() == 1 => Ok(values),
        NpyData::U8(values) if array.shape.len() == 1 => Ok(values.into_iter().map(i64::from).collect()),
        _ => Err(DiagnoseCommandError::NoLabels { name: name.into(), shape: array.shape }),
    }
}
