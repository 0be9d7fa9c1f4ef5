//! `stopgrad landscape`: Ē over the plane of one encoder and one predictor weight, or through three states.

mod plane;
mod scalar;

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_data::InputFile;
use stopgrad_dynamics::landscape::LandscapeError;
use stopgrad_dynamics::landscape::plane::PlaneError;
use stopgrad_dynamics::{LinearFieldError, Moments};

use crate::CommandError;
use crate::args::LandscapeArguments;
use crate::lab::page::{self, Page};
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::state_file::StateFileError;

/// λ of a landscape of three numbers.
const WEIGHT_DECAY: f64 = 0.05;

/// Why there is no landscape.
#[derive(Debug, thiserror::Error)]
pub enum LandscapeCommandError {
    /// Numbers that are no moments.
    #[error(transparent)]
    Landscape(#[from] LandscapeError),
    /// Moments without V.
    #[error(
        "these moments lack yy = E[y yᵀ], without which Ē has no value; add it (`stopgrad moments` writes it, or xx stands \
         for it where symmetrized is 1)"
    )]
    MissingTargetMoment,
    /// Moments of several inputs, and no plane to look at.
    #[error("these moments have m = {size} inputs; give three states with --states, or moments with m = 1")]
    NeedsStates {
        /// m.
        size: usize,
    },
    /// A state that cannot be read.
    #[error("--states {0}")]
    State(#[from] StateFileError),
    /// States of several embeddings.
    #[error(
        "--states: the embeddings have n = {} dimensions; give three states of one n",
        widths.map(|width| width.to_string()).join(", ")
    )]
    Widths {
        /// Of each.
        widths: [usize; 3],
    },
    /// States that span no plane.
    #[error("--states: {0}")]
    Plane(#[from] PlaneError),
    /// λ or γ.
    #[error(transparent)]
    Field(#[from] LinearFieldError),
}

/// What there is to say of a landscape of either kind.
struct Told {
    /// Without tables and pictures where nothing is drawn.
    page: Page,
    /// Options with defaults that depend on the landscape.
    options: Value,
    own: Value,
}

/// Compute the points and trajectories, draw them if asked to, tell what is true.
pub(super) fn run(asked: &LandscapeArguments) -> Result<Outcome, CommandError> {
    if let Some(folder) = &asked.out {
        page::prepare(folder)?;
    }
    let weight_decay = asked.weight_decay.unwrap_or(WEIGHT_DECAY);
    let mut inputs: Vec<InputFile> = Vec::new();
    let moments = match &asked.moments {
        Some(path) => {
            let (file, input) = MomentsFile::read(path)?;
            inputs.push(input);
            Some(file.moments)
        }
        None => None,
    };
    let (told, figure) = match (&moments, &asked.states) {
        (Some(moments), Some(paths)) => {
            target_moment(moments)?;
            let (told, states) = plane::tell(asked, paths, moments, weight_decay)?;
            inputs.extend(states);
            (told, "plane.svg")
        }
        (moments, _) => {
            let numbers = moments.as_ref().map_or(Ok([asked.rho, asked.tau, asked.sigma]), numbers)?;
            (scalar::tell(asked, numbers, weight_decay)?, "landscape.svg")
        }
    };
    write(asked, weight_decay, told, figure, &inputs)
}

/// The document, the page, the text.
fn write(
    asked: &LandscapeArguments, weight_decay: f64, told: Told, figure: &str, inputs: &[InputFile],
) -> Result<Outcome, CommandError> {
    let mut options = json!({
        "moments": asked.moments,
        "states": asked.states,
        "weight_decay": weight_decay,
        "ema_rate": asked.ema_rate,
        "out": asked.out,
    });
    let mut own = told.own;
    for (key, value) in told.options.as_object().into_iter().flatten() {
        options[key] = value.clone();
    }
    own["figure"] = json!(asked.out.as_ref().map(|folder| folder.join("figures").join(figure)));
    own["report"] = json!(asked.out.as_ref().map(|folder| folder.join("report.html")));
    let document = document("landscape", 0, &options, inputs, own);
    let mut text = String::new();
    for finding in &told.page.findings {
        _ = writeln!(text, "{finding}");
    }
    if let Some(folder) = &asked.out {
        text += &page::write(folder, &told.page, &document)?;
    }
    Ok(Outcome { text, document, status: Status::Done })
}

/// ρ, τ, σ of moments of one input.
fn numbers(moments: &Moments) -> Result<[f64; 3], LandscapeCommandError> {
    if moments.size() != 1 {
        return Err(LandscapeCommandError::NeedsStates { size: moments.size() });
    }
    let target = target_moment(moments)?;
    Ok([moments.xx[(0, 0)], moments.yx[(0, 0)], target])
}

/// V at its first entry, if V is known.
fn target_moment(moments: &Moments) -> Result<f64, LandscapeCommandError> {
    match &moments.yy {
        Some(yy) => Ok(yy[(0, 0)]),
        None if moments.symmetrized => Ok(moments.xx[(0, 0)]),
        None => Err(LandscapeCommandError::MissingTargetMoment),
    }
}
