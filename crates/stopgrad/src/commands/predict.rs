//! `stopgrad predict`: what stop-gradient and EMA training of a linear network will keep, from moments alone. What is said
//! of it is in `lab/predict.rs`.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::Path;

use faer::Mat;
use serde_json::{Value, json};
use stopgrad_data::npy::{NpyArray, NpyData};
use stopgrad_data::npz;
use stopgrad_dynamics::partial::Attraction;
use stopgrad_dynamics::{Existence, PredictError, PredictOptions, PredictedState, Prediction, Watch};

use crate::CommandError;
use crate::args::PredictArguments;
use crate::bar::Bar;
use crate::folder::prepare_file;
use crate::lab::page;
use crate::lab::predict::{HEADER, View};
use crate::limits::Limits;
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::table::aligned;

/// Modes listed for people; programs get all.
const SHOWN: usize = 20;
/// Supports beyond this size are not searched at every rank.
const ALL_RANKS: usize = 64;

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
pub enum PredictCommandError {
    /// The call or the moments do not allow one.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// Too large for every rank.
    #[error("--all-ranks searches up to {ALL_RANKS} dimensions, and these moments have {size}; leave it out")]
    AllRanks {
        /// m.
        size: usize,
    },
    /// Ctrl-C cannot be caught.
    #[error("cannot listen for Ctrl-C: {0}; start the program on its own, from a shell")]
    Interrupts(#[from] ctrlc::Error),
    /// The equilibrium cannot be written.
    #[error(transparent)]
    Npz(#[from] npz::NpzError),
}

/// Read, predict, write, tell.
pub(super) fn run(asked: &PredictArguments, output: Output) -> Result<Outcome, CommandError> {
    if let Some(folder) = &asked.report {
        page::prepare(folder)?;
    }
    if let Some(path) = &asked.out {
        prepare_file(path)?;
    }
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let bar = Bar::uncounted("predict", output);
    let limits = Limits::start(asked.time_limit).map_err(PredictCommandError::from)?;
    let stop = Cell::new(None);
    let prediction = predict(asked, &file, &|stage| {
        bar.say(stage.to_string());
        stop.set(stop.get().or_else(|| limits.reached()));
        stop.get().is_some()
    })?;
    drop(bar);
    if let (Some(path), Some(state)) = (&asked.out, &prediction.state) {
        write(path, state).map_err(PredictCommandError::from)?;
    }
    let undecided = is_undecided(&prediction);
    let status = match stop.get() {
        Some(stop) => stop.status(),
        None if undecided && asked.require.is_some() => Status::NotEstablished,
        None => Status::Done,
    };
    let options = json!({
        "moments": asked.moments,
        "weight_decay": asked.weight_decay,
        "embedding_dim": prediction.embedding_dim,
        "all_ranks": asked.all_ranks,
        "out": asked.out,
        "report": asked.report,
        "time_limit_seconds": asked.time_limit.map(|limit| limit.as_secs_f64()),
    });
    let mut own = prediction.to_json();
    own["stopped"] = json!(stop.get().map(|stop| json!({ "reason": stop.reason() })));
    own["report"] = json!(asked.report.as_ref().map(|folder| folder.join("report.html")));
    let document = document("predict", asked.seed, &options, &[input], own);
    let view = View { prediction: &prediction, weight_decay: asked.weight_decay };
    let mut text = describe(asked, &view);
    if let Some(folder) = &asked.report {
        text += &page::write(folder, &view.page(), &document)?;
    }
    Ok(Outcome { text, document, status })
}

/// The fields of its own that the document of these arguments has, for moments that are read already.
pub(super) fn answer(asked: &PredictArguments, file: &MomentsFile) -> Result<Value, PredictCommandError> {
    predict(asked, file, &|_| false).map(|prediction| prediction.to_json())
}

fn predict(asked: &PredictArguments, file: &MomentsFile, watch: &Watch<'_>) -> Result<Prediction, PredictCommandError> {
    let size = file.moments.size();
    if asked.all_ranks && size > ALL_RANKS {
        return Err(PredictCommandError::AllRanks { size });
    }
    let mut options = PredictOptions::new(asked.weight_decay);
    options.embedding_dim = asked.embedding_dim.map(|n| n as usize);
    options.partial.all_ranks = asked.all_ranks;
    options.partial.seed = asked.seed;
    let halves = file.half.as_ref().and_then(|half| Some((half, file.moments.without(half).ok()?)));
    let halves = halves.as_ref().map(|(even, odd)| (*even, odd));
    Ok(stopgrad_dynamics::predict(&file.moments, &options, halves, watch)?)
}

fn is_undecided(prediction: &Prediction) -> bool {
    matches!(prediction.existence, Existence::Undecided(_)) || prediction.rate.attraction == Attraction::Undecided
}

/// `s`, `p`, `a`, `b`.
fn write(path: &Path, state: &PredictedState) -> Result<(), npz::NpzError> {
    let s = state.s();
    let arrays = [("s", &s), ("p", &state.p), ("a", &state.a), ("b", &state.b)].map(|(key, m)| (key, array(m)));
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(key, array)| (*key, array)).collect();
    npz::write(path, &named)
}

fn array(matrix: &Mat<f64>) -> NpyArray {
    let rows = (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)]));
    NpyArray::new(&[matrix.nrows(), matrix.ncols()], NpyData::F64(rows.collect()))
}

/// The sentences, the first modes, where files are.
fn describe(asked: &PredictArguments, view: &View<'_>) -> String {
    let mut text = String::new();
    for finding in view.findings() {
        _ = writeln!(text, "{finding}");
    }
    text.push_str(&aligned(&HEADER, &view.rows(SHOWN)));
    let modes = view.prediction.survival.modes.len();
    if modes > SHOWN {
        _ = writeln!(text, "… and {} more", modes - SHOWN);
    }
    if let (Some(path), true) = (&asked.out, view.prediction.state.is_some()) {
        _ = writeln!(text, "equilibrium: {}", path.display());
    }
    text
}
