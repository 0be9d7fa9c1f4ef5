//! What is done at a point: the command itself, on arguments with the point's values in them.

use std::path::Path;

use serde_json::{Value, json};
use stopgrad_data::InputFile;
use stopgrad_dynamics::{Field, Moments};

use super::grid::{Grid, Point, filled, seeds, sizes};
use super::{SweepCommandError, columns};
use crate::CommandError;
use crate::args::{
    BasinsArguments, FlowArguments, Numbers, PredictArguments, StartFrom, SweepBasinsArguments, SweepCommand,
    SweepFlowArguments, SweepOutput, SweepPredictArguments,
};
use crate::commands::{basins, flow, predict};
use crate::lab::sweep::{Kind, Swept};
use crate::moments_file::MomentsFile;
use crate::output::Output;

/// Coordinates, and numbers of a state, up to which points are computed side by side: beyond, one takes all threads.
const SMALL_MOMENTS: usize = 512;
const SMALL_STATE: usize = 20_000;

/// A command with everything that is the same at every point.
pub(super) enum Job<'a> {
    Predict { asked: &'a SweepPredictArguments, file: Box<MomentsFile> },
    Flow { asked: &'a SweepFlowArguments, moments: Moments },
    Basins { asked: &'a SweepBasinsArguments, moments: Option<Moments> },
}

/// A sweep that can begin.
pub(super) struct Prepared<'a> {
    pub(super) job: Job<'a>,
    pub(super) grid: Grid,
    pub(super) output: &'a SweepOutput,
    /// The options that are the same at every point.
    pub(super) fixed: Value,
    pub(super) inputs: Vec<InputFile>,
}

/// Check what was typed, and read the files.
pub(super) fn prepare(asked: &SweepCommand) -> Result<Prepared<'_>, CommandError> {
    match asked {
        SweepCommand::Predict(asked) => of_predict(asked),
        SweepCommand::Flow(asked) => of_flow(asked),
        SweepCommand::Basins(asked) => of_basins(asked),
    }
}

fn of_predict(asked: &SweepPredictArguments) -> Result<Prepared<'_>, CommandError> {
    for (option, given) in [(Swept::EmaRate, &asked.ema_rate), (Swept::InitScale, &asked.init_scale)] {
        if given.is_some() {
            return Err(SweepCommandError::NotOfPredict { option }.into());
        }
    }
    let grid = Grid {
        weight_decay: filled(Some(&asked.weight_decay), None),
        ema_rate: vec![None],
        embedding_dim: sizes(asked.embedding_dim.as_ref()),
        init_scale: vec![None],
        seed: seeds(asked.seed.as_ref()),
    };
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let fixed = json!({ "all_ranks": asked.all_ranks });
    Ok(Prepared {
        job: Job::Predict { asked, file: Box::new(file) },
        grid,
        output: &asked.output,
        fixed,
        inputs: vec![input],
    })
}

fn of_flow(asked: &SweepFlowArguments) -> Result<Prepared<'_>, CommandError> {
    let settings = &asked.fixed;
    check_rates(asked.ema_rate.as_ref(), Some(settings.field))?;
    let from_file = matches!(settings.start, StartFrom::File(_));
    let teacher = settings.field.has_teacher() && settings.momentum.is_none();
    if asked.init_scale.is_some() && from_file {
        return Err(SweepCommandError::StartFromFile.into());
    }
    let grid = Grid {
        weight_decay: filled(Some(&asked.weight_decay), None),
        ema_rate: filled(asked.ema_rate.as_ref(), teacher.then_some(1.0)),
        embedding_dim: sizes(Some(&asked.embedding_dim)),
        init_scale: filled(asked.init_scale.as_ref(), (!from_file).then_some(1.0)),
        seed: seeds(asked.seed.as_ref()),
    };
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let mut inputs = vec![input];
    inputs.extend(flow::start_input(settings)?);
    let fixed = json!({
        "field": settings.field.name(),
        "weight_decay_b": settings.weight_decay_b,
        "rate_b": settings.rate_b,
        "start": flow::start_option(settings),
        "init_scale_b": settings.init_scale_b,
        "learning_rate": settings.learning_rate,
        "momentum": settings.momentum,
        "heavy_ball": settings.heavy_ball,
        "rtol": settings.rtol,
        "max_steps": settings.max_steps,
        "end_time": settings.end_time,
    });
    Ok(Prepared { job: Job::Flow { asked, moments: file.moments }, grid, output: &asked.output, fixed, inputs })
}

fn of_basins(asked: &SweepBasinsArguments) -> Result<Prepared<'_>, CommandError> {
    let settings = &asked.fixed;
    check_rates(asked.ema_rate.as_ref(), settings.field)?;
    let teacher = settings.field.is_none_or(Field::has_teacher);
    let grid = Grid {
        weight_decay: filled(asked.weight_decay.as_ref(), None),
        ema_rate: filled(asked.ema_rate.as_ref(), teacher.then_some(1.0)),
        embedding_dim: if asked.embedding_dim.is_some() { sizes(asked.embedding_dim.as_ref()) } else { vec![Some(4)] },
        init_scale: filled(asked.init_scale.as_ref(), Some(1.0)),
        seed: seeds(asked.seed.as_ref()),
    };
    let read = asked.moments.as_deref().map(MomentsFile::read).transpose()?;
    let (moments, inputs) = match read {
        Some((file, input)) => (Some(file.moments), vec![input]),
        None => (None, Vec::new()),
    };
    let fixed = json!({
        "scalar": settings.scalar,
        "field": settings.field.map(Field::name),
        "trials": settings.trials,
        "start": settings.start.name(),
        "rtol": settings.rtol,
        "max_steps": settings.max_steps,
    });
    Ok(Prepared { job: Job::Basins { asked, moments }, grid, output: &asked.output, fixed, inputs })
}

/// A list of teacher rates without a teacher would compute every point several times.
fn check_rates(rates: Option<&Numbers>, field: Option<Field>) -> Result<(), SweepCommandError> {
    match (rates, field) {
        (Some(_), Some(field)) if !field.has_teacher() => Err(SweepCommandError::NoTeacher { field }),
        _ => Ok(()),
    }
}

impl Job<'_> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Predict { .. } => Kind::Predict,
            Self::Flow { .. } => Kind::Flow,
            Self::Basins { .. } => Kind::Basins,
        }
    }

    /// The file of moments, as it was named.
    pub(super) fn moments_path(&self) -> Option<&Path> {
        match self {
            Self::Predict { asked, .. } => Some(&asked.moments),
            Self::Flow { asked, .. } => Some(&asked.moments),
            Self::Basins { asked, .. } => asked.moments.as_deref(),
        }
    }

    /// The options that the command has.
    pub(super) fn options(&self) -> &'static [Swept] {
        match self {
            Self::Predict { .. } => &[Swept::WeightDecay, Swept::EmbeddingDim, Swept::Seed],
            Self::Basins { moments: None, .. } => &[Swept::EmaRate, Swept::EmbeddingDim, Swept::InitScale, Swept::Seed],
            Self::Flow { .. } | Self::Basins { .. } => &Swept::ALL,
        }
    }

    /// Whether points are small enough to be computed side by side.
    pub(super) fn is_small(&self, grid: &Grid) -> bool {
        match self {
            Self::Predict { file, .. } => file.moments.size() <= SMALL_MOMENTS,
            Self::Flow { moments, .. } => {
                let widest = grid.embedding_dim.iter().flatten().max().map_or(0, |n| *n as usize);
                let state = widest.saturating_mul(widest.saturating_add(2 * moments.size()));
                moments.size() <= SMALL_MOMENTS && state <= SMALL_STATE
            }
            Self::Basins { .. } => true,
        }
    }

    /// The rows of a point but for `error` and `seconds`, or why there are none.
    pub(super) fn rows(&self, point: &Point) -> Result<Vec<Vec<String>>, CommandError> {
        let document = self.document(point)?;
        Ok(columns::rows(self.kind(), self.options(), point, &document))
    }

    /// The fields of its own that the document of the command would have.
    fn document(&self, point: &Point) -> Result<Value, CommandError> {
        let silent = Output::new(true, true);
        match self {
            Self::Predict { asked, file } => {
                let arguments = PredictArguments {
                    moments: asked.moments.clone(),
                    weight_decay: point.weight_decay.expect("the parser asks for it"),
                    embedding_dim: point.embedding_dim,
                    all_ranks: asked.all_ranks,
                    out: None,
                    report: None,
                    seed: point.seed,
                    time_limit: None,
                    require: None,
                };
                Ok(predict::answer(&arguments, file)?)
            }
            Self::Flow { asked, moments } => {
                let arguments = FlowArguments {
                    moments: asked.moments.clone(),
                    embedding_dim: point.embedding_dim.expect("the parser asks for it"),
                    weight_decay: point.weight_decay.expect("the parser asks for it"),
                    ema_rate: point.ema_rate.unwrap_or(1.0),
                    init_scale: point.init_scale.unwrap_or(1.0),
                    seed: point.seed,
                    fixed: asked.fixed.clone(),
                    out: None,
                    report: None,
                    time_limit: None,
                    require: None,
                };
                Ok(flow::answer(&arguments, moments.clone(), silent)?)
            }
            Self::Basins { asked, moments } => {
                let arguments = BasinsArguments {
                    moments: asked.moments.clone(),
                    embedding_dim: point.embedding_dim,
                    weight_decay: point.weight_decay,
                    init_scale: point.init_scale,
                    ema_rate: point.ema_rate,
                    seed: point.seed,
                    table: false,
                    fixed: asked.fixed.clone(),
                    out: None,
                    report: None,
                    require: None,
                };
                Ok(basins::answer(&arguments, moments.clone(), silent)?)
            }
        }
    }
}
