//! The state at time 0: drawn, made, or read.

use serde_json::{Value, json};
use stopgrad_data::InputFile;
use stopgrad_dynamics::LinearField;
use stopgrad_dynamics::basins::Start;

use crate::args::{FlowArguments, FlowSettings, StartFrom};
use crate::markup::number;
use crate::state_file::{StateFile, StateFileError};

/// The start as a flat state, and the file it comes from.
pub(super) fn state(
    asked: &FlowArguments, field: &LinearField,
) -> Result<(Vec<f64>, Option<InputFile>), super::FlowCommandError> {
    let start = match &asked.fixed.start {
        StartFrom::Random => Start::Normal { scale: 1.0 },
        StartFrom::Identity => Start::Identity { scale: 1.0 },
        StartFrom::File(path) => {
            let (file, input) = StateFile::read(path, field.inputs(), Some(field.width))?;
            let state = if field.kind.has_teacher() { file.with_teacher() } else { file.student() };
            return Ok((state, Some(input)));
        }
    };
    let mut state = start.state(asked.seed, 0, field);
    let (n, m) = (field.width, field.inputs());
    let predictor = n * m..n * m + n * n;
    let scale_b = asked.fixed.init_scale_b.unwrap_or(asked.init_scale);
    for (place, value) in state.iter_mut().enumerate() {
        *value *= if predictor.contains(&place) { scale_b } else { asked.init_scale };
    }
    Ok((state, None))
}

/// The file of the start, if it comes from one; its content is not looked at.
pub(super) fn input(settings: &FlowSettings) -> Result<Option<InputFile>, StateFileError> {
    let StartFrom::File(path) = &settings.start else { return Ok(None) };
    StateFile::input(path).map(Some)
}

/// The option, with its default filled in.
pub(super) fn option(settings: &FlowSettings) -> Value {
    match &settings.start {
        StartFrom::Random => json!("random"),
        StartFrom::Identity => json!("identity"),
        StartFrom::File(path) => json!(path),
    }
}

/// For a sentence: from …
pub(super) fn words(asked: &FlowArguments) -> String {
    let (scale, scale_b) = (asked.init_scale, asked.fixed.init_scale_b.unwrap_or(asked.init_scale));
    match &asked.fixed.start {
        StartFrom::Random if scale.to_bits() == scale_b.to_bits() => {
            format!("a normal start of deviation {} (seed {})", number(scale), asked.seed)
        }
        StartFrom::Random => {
            format!(
                "a normal start of deviation {} and, in B, {} (seed {})",
                number(scale),
                number(scale_b),
                asked.seed
            )
        }
        StartFrom::Identity => format!("A = {} [I; 0], B = {} I", number(scale), number(scale_b)),
        StartFrom::File(path) => format!("the state in {}", path.display()),
    }
}
