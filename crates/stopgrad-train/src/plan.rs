//! A configuration that has been checked against its data: everything `auto` resolved, nothing left to find out.

mod check;

use std::path::Path;
use std::sync::Arc;

use stopgrad_data::{
    Draws, FixedPairs, Loader, LoaderError, LoaderSpec, Normalizer, OpenParams, Projection, Shape, Source, SourceError,
    SplitError, Splits, ViewError, ViewPair, ViewRecipe, open_source_with,
};
use stopgrad_dynamics::Field;
use stopgrad_dynamics::features::FeatureError;
use thiserror::Error;

use crate::config::{Config, OptimizerKind, ScheduleKind, TrainingConfig};
use crate::device::{Device, DeviceError};
use crate::exchange::{Start, StartError};
use crate::inputs::{self, Features};
use crate::network::{Input, Network, NetworkError};
use crate::optim::{Schedule, Warmup};
use crate::scalar::Scalar;
use crate::weights::Weights;

/// Rows of `metrics.csv` that a run gets when nothing else is asked: with 100 rows measuring stays below a
/// twentieth of the time of a run of ten thousand steps.
const ROWS: u64 = 100;
/// Probes that a run gets when nothing else is asked.
const PROBES: u64 = 20;

/// A run that can start.
#[derive(Clone)]
pub struct Plan {
    /// The configuration, resolved.
    pub config: Config,
    /// The samples.
    pub source: Arc<dyn Source>,
    /// Which of them train, choose and test.
    pub splits: Splits,
    /// Mean and standard deviation of the training part.
    pub normalizer: Normalizer,
    /// How a sample becomes two views.
    pub recipe: ViewRecipe,
    /// What is made of the views, for `views.features`.
    pub projection: Option<Arc<Projection>>,
    /// The pairs that are trained on, for `views.fixed_pairs`.
    pub fixed: Option<Arc<FixedPairs>>,
    /// The network, without numbers.
    pub network: Network,
    /// What it starts from, for `network.init`.
    pub start: Option<Arc<Start>>,
}

/// A configuration that cannot be run.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The views do not fit the source.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// The batches cannot be made.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The network cannot start from a file.
    #[error("network.init: {0}")]
    Start(#[from] StartError),
    /// No preset has that name.
    #[error(
        "views.preset: no preset is called `{name}`; there are {known}, or `auto`, `auto-byol`, `auto-simsiam`, `auto-light`, or `custom` with views.recipe"
    )]
    UnknownPreset {
        /// As written.
        name: String,
        /// All names.
        known: String,
    },
    /// `custom` without a recipe.
    #[error("views.preset is `custom` but views.recipe is missing; write the augmentations under [views.recipe]")]
    MissingRecipe,
    /// A preset and another recipe.
    #[error(
        "views.preset is `{preset}` but views.recipe is another recipe; write views.preset = \"custom\" to use it, or remove it"
    )]
    TwoRecipes {
        /// As written.
        preset: String,
    },
    /// Features that there are not.
    #[error("views.features: `{found}` is none of none, pca:16 (a count), pca:0.95 (a share of the variance), whiten")]
    UnknownFeatures {
        /// As written.
        found: String,
    },
    /// Features that cannot be made of these views.
    #[error("views.features: {0}")]
    Features(#[from] FeatureError),
    /// No such device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A number out of its range.
    #[error("{key} = {value} is out of range: {range}")]
    OutOfRange {
        /// `table.key`.
        key: &'static str,
        /// As written.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
}

impl Plan {
    /// Opens the source and checks everything.
    ///
    /// # Errors
    /// Whatever would make the run fail later: says which key and what to write instead.
    pub fn new(mut config: Config) -> Result<Self, PlanError> {
        check::numbers(&config)?;
        let source = open(&mut config)?;
        let splits = Splits::new(source.as_ref(), &config.split)?;
        check::parts(&config, source.as_ref(), &splits)?;
        let recipe = resolve_views(&mut config, source.as_ref())?;
        recipe.check(source.shape())?;
        let normalizer = Normalizer::fit(source.as_ref(), &splits.train)?;
        let (projection, fixed) = prepare(&config, source.as_ref(), &splits, (&recipe, &normalizer))?;
        let input = projection.as_ref().map_or_else(|| Input::from(source.shape()), |p| p.outputs().into());
        let inputs = input.width;
        config.network = config.network.resolved(input.side());
        check::size(&config, inputs)?;
        let device = Device::open(config.training.device, config.training.precision)?;
        let network = Network { device, ..Network::new(&config.network, input)? };
        let start = match config.network.init.as_str() {
            "" => None,
            path => Some(Arc::new(Start::read(Path::new(path), &network)?)),
        };
        resolve_length(&mut config, fixed.as_ref().map_or(splits.train.len(), FixedPairs::len));
        resolve_intervals(&mut config);
        resolve_rate(&mut config, inputs);
        let (projection, fixed) = (projection.map(Arc::new), fixed.map(Arc::new));
        let plan = Self { config, source, splits, normalizer, recipe, projection, fixed, network, start };
        plan.loader(0)?;
        Ok(plan)
    }

    /// The weights of the first step: drawn, and those of a file in their places where one is given.
    pub fn initial_weights<T: Scalar>(&self) -> Weights {
        let mut weights = Weights::initialize::<T>(&self.network, self.config.training.seed);
        if let Some(start) = &self.start {
            start.fill::<T>(&self.network, &mut weights);
        }
        weights
    }

    /// Pairs that an epoch visits, but for an incomplete batch at its end.
    pub fn pairs_per_epoch(&self) -> usize {
        self.fixed.as_ref().map_or(self.splits.train.len(), |fixed| fixed.len())
    }

    /// Two views of a sample as the network sees them.
    ///
    /// # Panics
    /// When the values are not of the source's shape.
    pub fn pair(&self, values: &[f32], seed: u64, purpose: &str, draw: u64) -> ViewPair {
        let pair = self.recipe.pair(values, self.source.shape(), &self.normalizer, seed, purpose, draw);
        match &self.projection {
            Some(projection) => ViewPair { x: projection.apply(&pair.x), y: projection.apply(&pair.y) },
            None => pair,
        }
    }

    /// Batches of the training part, from those of update number `start_step` on.
    ///
    /// # Errors
    /// A batch larger than the training part.
    pub fn loader(&self, start_step: u64) -> Result<Loader, LoaderError> {
        Loader::new(LoaderSpec {
            source: Arc::clone(&self.source),
            indices: self.splits.train.clone(),
            recipe: self.recipe.clone(),
            normalizer: self.normalizer.clone(),
            projection: self.projection.clone(),
            fixed: self.fixed.clone(),
            batch_size: self.config.training.batch_size,
            seed: self.config.training.seed,
            threads: self.config.training.threads,
            start_step: start_step * self.config.training.accumulate,
        })
    }

    /// The learning rate over the run.
    pub fn learning_rate(&self) -> Schedule {
        let optimizer = &self.config.optimizer;
        let warmup = Warmup { steps: optimizer.warmup_steps };
        self.schedule(optimizer.schedule, (optimizer.learning_rate, optimizer.learning_rate_end), warmup)
    }

    /// λ over the run.
    pub fn weight_decay(&self) -> Schedule {
        let objective = &self.config.objective;
        let ends = (objective.weight_decay, objective.weight_decay_end);
        self.schedule(objective.weight_decay_schedule, ends, Warmup::default())
    }

    fn schedule(&self, kind: ScheduleKind, (start, end): (f64, f64), warmup: Warmup) -> Schedule {
        let TrainingConfig { steps, horizon, .. } = self.config.training;
        Schedule { kind, start, end, steps, horizon, warmup }
    }

    /// Batches in an epoch, but for an incomplete one at its end.
    pub fn batches_per_epoch(&self) -> usize {
        self.pairs_per_epoch() / self.config.training.batch_size
    }

    /// β of heavy ball and LARS, β₁ of AdamW: how long an update is remembered.
    pub fn effective_momentum(&self) -> f64 {
        match self.config.optimizer.kind {
            OptimizerKind::Sgd | OptimizerKind::Lars => self.config.optimizer.momentum,
            OptimizerKind::Adamw => self.config.optimizer.betas.0,
        }
    }

    /// First step of the last fifth.
    pub fn tail_start(&self) -> u64 {
        self.config.training.steps - self.config.training.steps / 5
    }

    /// The field.
    pub fn field(&self) -> Field {
        self.config.field.kind
    }
}

/// The source, at the size that is then written down.
fn open(config: &mut Config) -> Result<Arc<dyn Source>, PlanError> {
    let asked = &mut config.source;
    let params =
        OpenParams { label_column: &asked.label_column, image_side: asked.image_side, ..OpenParams::default() };
    let source = open_source_with(&asked.path, &params)?;
    match source.image_side() {
        Some(side) => asked.image_side = side,
        None if asked.image_side > 0 => {
            let value = asked.image_side.to_string();
            let range = "0 here: only folders of images are scaled";
            return Err(PlanError::OutOfRange { key: "source.image_side", value, range });
        }
        None => {}
    }
    Ok(source)
}

/// The projection and the fixed pairs of a configuration.
fn prepare(
    config: &Config, source: &dyn Source, splits: &Splits, (recipe, normalizer): (&ViewRecipe, &Normalizer),
) -> Result<(Option<Projection>, Option<FixedPairs>), PlanError> {
    let written = &config.views.features;
    let features = Features::read(written).ok_or_else(|| PlanError::UnknownFeatures { found: written.clone() })?;
    let per_sample = config.views.fixed_pairs;
    let threads = match config.training.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads.min(256),
    };
    let (indices, seed) = (&splits.train[..], config.split.seed);
    let draws = Draws { source, indices, recipe, normalizer, views: 0, seed, threads };
    let refuse = |key, value: String, range| Err(PlanError::OutOfRange { key, value, range });
    // Before anything is drawn; a projection makes views narrower, so that this is the most.
    if !inputs::pairs_fit(indices.len(), per_sample, source.shape().len()) {
        return refuse("views.fixed_pairs", per_sample.to_string(), "so many that all views fit in 8 GiB");
    }
    let projection = features.fit(&draws, per_sample.max(1))?;
    if let Some(numbers) = projection.as_ref().and_then(inputs::too_large) {
        let value = format!("{written} ({numbers} numbers)");
        return refuse("views.features", value, "components × inputs up to 2²¹; take fewer components");
    }
    let fixed = inputs::fixed(&draws, per_sample, projection.as_ref());
    Ok((projection, fixed))
}

/// The preset that an `auto`, or that of a method, stands for; none where a preset was named.
fn fitting_views(written: &str, shape: &Shape) -> Option<&'static str> {
    let general = ViewRecipe::preset_for(shape);
    match (written, general) {
        ("auto-byol", "cifar") => Some("cifar-byol"),
        ("auto-simsiam", "cifar") => Some("simsiam"),
        ("auto-light", "cifar") => Some("cifar-light"),
        ("auto" | "auto-byol" | "auto-simsiam" | "auto-light", _) => Some(general),
        _ => None,
    }
}

fn resolve_views(config: &mut Config, source: &dyn Source) -> Result<ViewRecipe, PlanError> {
    if config.views.preset == "auto" && config.views.recipe.is_some() {
        config.views.preset = "custom".into();
    }
    if config.views.preset == "custom" {
        return config.views.recipe.clone().ok_or(PlanError::MissingRecipe);
    }
    if let Some(fitting) = fitting_views(&config.views.preset, source.shape()) {
        config.views.preset = fitting.into();
    }
    let recipe = ViewRecipe::preset(&config.views.preset).ok_or_else(|| PlanError::UnknownPreset {
        name: config.views.preset.clone(),
        known: ViewRecipe::preset_names().join(", "),
    })?;
    // A resolved configuration has both; a recipe that is not the preset's would be dropped unseen.
    if config.views.recipe.as_ref().is_some_and(|written| *written != recipe) {
        return Err(PlanError::TwoRecipes { preset: config.views.preset.clone() });
    }
    config.views.recipe = Some(recipe.clone());
    Ok(recipe)
}

/// Rate that suits the 64 normalized inputs of digits.
const RATE: f64 = 0.02;
/// … and AdamW, whose steps do not grow with the input.
const ADAMW_RATE: f64 = 3e-4;
/// … and LARS: that of BYOL (Grill et al. 2020) for a batch of 256.
const LARS_RATE: f64 = 0.2;

/// The curvature along the first layer grows with E|x|², which is the number of inputs once they are normalized; a rate
/// that is to stay below it falls in proportion.
fn resolve_rate(config: &mut Config, inputs: usize) {
    if config.optimizer.learning_rate == 0.0 {
        config.optimizer.learning_rate = match config.optimizer.kind {
            OptimizerKind::Sgd => RATE * (64.0 / inputs as f64).min(1.0),
            OptimizerKind::Adamw => ADAMW_RATE,
            OptimizerKind::Lars => LARS_RATE,
        };
    }
}

/// Batch, steps and warm-up of which only a share is written.
fn resolve_length(config: &mut Config, per_epoch: usize) {
    let (training, optimizer) = (&mut config.training, &mut config.optimizer);
    if training.batch_size == 0 {
        training.batch_size = per_epoch;
    }
    if training.epochs > 0.0 {
        let batches = training.epochs * (per_epoch / training.batch_size) as f64;
        training.steps = ((batches / training.accumulate as f64).round() as u64).max(1);
        training.epochs = 0.0;
    }
    if optimizer.warmup_share > 0.0 {
        optimizer.warmup_steps = (optimizer.warmup_share * training.steps as f64).round() as u64;
        optimizer.warmup_share = 0.0;
    }
}

fn resolve_intervals(config: &mut Config) {
    let steps = config.training.steps;
    let evaluation = &mut config.evaluation;
    if evaluation.measure_every == 0 {
        evaluation.measure_every = (steps / ROWS).max(1);
    }
    if evaluation.probe_every == 0 {
        // A multiple of the other, so that every accuracy stands in a row beside Ē.
        let rows = (steps / PROBES / evaluation.measure_every).max(1);
        evaluation.probe_every = rows * evaluation.measure_every;
    }
}
