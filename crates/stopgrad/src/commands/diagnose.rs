//! `stopgrad diagnose`: has a network that somebody else trained collapsed, from the outputs it wrote.

mod page;
pub(super) mod reading;
pub(super) mod words;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stopgrad_data::arrays::ArraysError;
use stopgrad_dynamics::Finding;
use stopgrad_dynamics::collapse::Place;
use stopgrad_dynamics::diagnosis::{Diagnosis, DiagnosisError, Given, Role, ShapeError, diagnose, view_moments};

use self::reading::{Beside, add_places, given};
use crate::CommandError;
use crate::args::{DiagnoseArguments, TrainedLoss};
use crate::bar::Bar;
use crate::folder::prepare_file;
use crate::lab::page as lab_page;
use crate::moments_file::{MomentsFileError, write_sums};
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;

/// Why there is no diagnosis.
#[derive(Debug, thiserror::Error)]
pub enum DiagnoseCommandError {
    /// A file that cannot be read.
    #[error(transparent)]
    Arrays(#[from] ArraysError),
    /// An array that is no output.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// No array that could be the encoder's.
    #[error("{path}: no array is called `encoder` or `x`, but {found}; name the encoder's outputs so")]
    NoEncoder {
        /// The file.
        path: PathBuf,
        /// The names that are there.
        found: String,
    },
    /// No array at all.
    #[error("{path}: holds no array; write one with numpy.save")]
    NoArray {
        /// The file.
        path: PathBuf,
    },
    /// Labels that are none.
    #[error("{name}: labels are whole numbers, one a sample, not an array of shape {shape:?} or of other numbers")]
    NoLabels {
        /// The array, with its file.
        name: String,
        /// As found.
        shape: Vec<usize>,
    },
    /// `--moments` with one view.
    #[error("--moments needs two views of the same samples; give the second with --second-view")]
    OneView,
    /// Outputs that cannot be judged.
    #[error("{path}: {cause}")]
    Diagnosis {
        /// The file of the encoder's outputs.
        path: PathBuf,
        /// Why.
        #[source]
        cause: DiagnosisError,
    },
    /// Ctrl-C cannot be caught.
    #[error("cannot listen for Ctrl-C: {0}; start the program on its own, from a shell")]
    Interrupts(#[from] ctrlc::Error),
    /// Moments that cannot be written.
    #[error(transparent)]
    Moments(#[from] MomentsFileError),
}

/// Read, judge, tell.
pub(super) fn run(asked: &DiagnoseArguments, output: Output) -> Result<Outcome, CommandError> {
    if let Some(folder) = &asked.report {
        lab_page::prepare(folder)?;
    }
    if let Some(path) = &asked.moments {
        prepare_file(path)?;
    }
    let bar = Bar::uncounted("diagnose", output);
    let mut inputs = Vec::new();
    let beside = Beside::read(&asked.beside, &mut inputs)?;
    let (mut trend, mut last) = (Vec::new(), None);
    for (at, file) in asked.files.iter().enumerate() {
        bar.say(file.display().to_string());
        let mut found = given(file, &beside, &mut inputs)?;
        if at + 1 == asked.files.len() {
            add_places(&mut found, asked, &mut inputs)?;
            if let Some(path) = &asked.moments {
                write_moments(&found, path)?;
            }
        } else {
            // What it expects of the views is said of the last alone.
            found.weight_decay = None;
        }
        let judged = judge(found, file, &bar)?;
        trend.push(words::step(&judged, file));
        last = Some(judged);
    }
    drop(bar);
    let judged = last.expect("clap asks for one file");
    let document = document("diagnose", 0, &options(asked), &inputs, own(&judged, &trend));
    let mut text = words::describe(&judged, &trend);
    if let Some(folder) = &asked.report {
        text += &lab_page::write(folder, &page::page(&judged, &trend, &asked.files), &document)?;
    }
    let failed = asked.fail_on.is_some() && judged.is_collapsed();
    let open = asked.require.is_some() && judged.finding.is_open();
    Ok(Outcome { text, document, status: if failed || open { Status::NotEstablished } else { Status::Done } })
}

/// One network's outputs; `file` is for messages.
pub(super) fn judge(found: Given, file: &Path, bar: &Bar) -> Result<Diagnosis, DiagnoseCommandError> {
    let watch = |stage: stopgrad_dynamics::Stage| {
        bar.say(stage.to_string());
        false
    };
    diagnose(found, &watch).map_err(|cause| DiagnoseCommandError::Diagnosis { path: file.into(), cause })
}

fn write_moments(found: &Given, path: &Path) -> Result<(), DiagnoseCommandError> {
    let [Some(x), Some(y)] = [Role::Place(Place::Encoder), Role::SecondView].map(|role| found.outputs.get(&role))
    else {
        return Err(DiagnoseCommandError::OneView);
    };
    if x.shape() != y.shape() {
        let cause = DiagnosisError::Views { first: x.shape(), second: y.shape() };
        return Err(DiagnoseCommandError::Diagnosis { path: path.into(), cause });
    }
    Ok(write_sums(&view_moments(x, y), true, None, path)?)
}

fn options(asked: &DiagnoseArguments) -> Value {
    json!({
        "files": asked.files,
        "second_view": asked.second_view,
        "projector": asked.projector,
        "predictor": asked.predictor,
        "teacher": asked.teacher,
        "reference": asked.beside.reference,
        "labels": asked.beside.labels,
        "weight_decay": asked.beside.weight_decay,
        "loss": asked.beside.loss.map(TrainedLoss::name),
        "moments": asked.moments,
        "report": asked.report,
    })
}

/// The verdict document, with what only outputs have.
fn own(judged: &Diagnosis, trend: &[Value]) -> Value {
    let not_asked = |question: &str| Finding::not_run(question, "a run of ours: files of outputs do not say it");
    let mut own = judged.to_json();
    own["minimises"] = json!(not_asked("whether the objective is minimised"));
    own["converges"] = json!(not_asked("whether the run converges"));
    own["conservative"] = json!(not_asked("whether the update is the gradient of anything"));
    own["stable"] = json!(not_asked("whether the end point is stable"));
    own["trend"] = json!(trend);
    own
}
