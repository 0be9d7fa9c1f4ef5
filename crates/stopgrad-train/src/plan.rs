//! A configuration that has been checked against its data: everything `auto` resolved, nothing left to find out.

use std::sync::Arc;

use stopgrad_data::{
    Draws, FixedPairs, Loader, LoaderError, LoaderSpec, Normalizer, OpenParams, Projection, Source, SourceError,
    SplitError, Splits, ViewError, ViewPair, ViewRecipe, open_source_with,
};
use stopgrad_dynamics::Field;
use stopgrad_dynamics::features::FeatureError;
use thiserror::Error;

use crate::config::{Config, OptimizerKind, TeacherBatchNorm, TeacherBuffers};
use crate::inputs::{self, Features};
use crate::network::{Input, Network, NetworkError};
use crate::optim::{Schedule, Warmup};

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
    /// No preset has that name.
    #[error("views.preset: no preset is called `{name}`; there are {known}, or `auto`, or `custom` with views.recipe")]
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
        check_numbers(&config)?;
        let source = open(&mut config)?;
        let splits = Splits::new(source.as_ref(), &config.split)?;
        check_parts(&config, source.as_ref(), &splits)?;
        let recipe = resolve_views(&mut config, source.as_ref())?;
        recipe.check(source.shape())?;
        let normalizer = Normalizer::fit(source.as_ref(), &splits.train)?;
        let (projection, fixed) = prepare(&config, source.as_ref(), &splits, (&recipe, &normalizer))?;
        let input = projection.as_ref().map_or_else(|| Input::from(source.shape()), |p| p.outputs().into());
        let inputs = input.width;
        check_size(&config, inputs)?;
        let network = Network::new(&config.network, input)?;
        resolve_intervals(&mut config);
        resolve_rate(&mut config, inputs);
        let (projection, fixed) = (projection.map(Arc::new), fixed.map(Arc::new));
        let mut plan = Self { config, source, splits, normalizer, recipe, projection, fixed, network };
        if plan.config.training.batch_size == 0 {
            plan.config.training.batch_size = plan.pairs_per_epoch();
        }
        plan.loader(0)?;
        Ok(plan)
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

    /// Batches of the training part, from update number `start_step` on.
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
            start_step,
        })
    }

    /// The learning rate over the run.
    pub fn learning_rate(&self) -> Schedule {
        let optimizer = &self.config.optimizer;
        Schedule {
            kind: optimizer.schedule,
            start: optimizer.learning_rate,
            end: optimizer.learning_rate_end,
            steps: self.config.training.steps,
            warmup: Warmup { steps: optimizer.warmup_steps },
        }
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

fn resolve_views(config: &mut Config, source: &dyn Source) -> Result<ViewRecipe, PlanError> {
    if config.views.preset == "auto" && config.views.recipe.is_some() {
        config.views.preset = "custom".into();
    }
    if config.views.preset == "custom" {
        return config.views.recipe.clone().ok_or(PlanError::MissingRecipe);
    }
    if config.views.preset == "auto" {
        config.views.preset = ViewRecipe::preset_for(source.shape()).into();
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

/// Numbers a network may have: 16 GiB of f32, with as much again for gradient and optimizer.
const LARGEST: u128 = 1 << 32;
/// Hidden layers a part may have.
const DEEPEST: usize = 1000;

/// Refuses widths that no machine can hold, before anything is allocated for them.
fn check_size(config: &Config, inputs: usize) -> Result<(), PlanError> {
    let network = &config.network;
    let parts = [
        ("network.encoder_hidden", &network.encoder_hidden, inputs, network.encoder_width),
        ("network.projector_hidden", &network.projector_hidden, network.encoder_width, network.projector_width),
        ("network.predictor_hidden", &network.predictor_hidden, network.projector_width, network.projector_width),
    ];
    for (key, hidden, first, last) in parts {
        let widths: Vec<u128> =
            std::iter::once(first).chain(hidden.iter().copied()).chain([last]).map(|w| w as u128).collect();
        let numbers: u128 = widths.windows(2).map(|w| w[0].saturating_mul(w[1])).fold(0, u128::saturating_add);
        if hidden.len() > DEEPEST || numbers > LARGEST {
            let value = format!("{} layers with {numbers} weights", hidden.len() + 1);
            return Err(PlanError::OutOfRange { key, value, range: "at most 1000 layers and 2³² weights" });
        }
    }
    Ok(())
}

/// Ē is measured on the validation part, and probes are tested on the test part.
fn check_parts(config: &Config, source: &dyn Source, splits: &Splits) -> Result<(), PlanError> {
    let refuse = |key, value: f64, range| Err(PlanError::OutOfRange { key, value: value.to_string(), range });
    if splits.validation.is_empty() {
        return refuse("split.validation", config.split.validation, "above 0: Ē is measured on the validation part");
    }
    if splits.test.is_empty() && !source.classes().is_empty() {
        return refuse("split.test", config.split.test, "above 0: probes of a labelled source need a test part");
    }
    Ok(())
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

fn check_numbers(config: &Config) -> Result<(), PlanError> {
    let (optimizer, field, training) = (&config.optimizer, &config.field, &config.training);
    let unit = "at least 0 and below 1";
    let share = "from 0 to 1";
    let (adam, ema) = (optimizer.kind == OptimizerKind::Adamw, field.kind == Field::Ema);
    let below_one = |v: f64| (0.0..1.0).contains(&v);
    let within_one = |v: f64| (0.0..=1.0).contains(&v);
    let not_negative = |v: f64| v.is_finite() && v >= 0.0;
    let positive = |v: f64| v.is_finite() && v > 0.0;
    let averaged = field.teacher_buffers != TeacherBuffers::Own || field.teacher_batch_norm == TeacherBatchNorm::Batch;
    let checks: [(&'static str, f64, bool, &'static str); 15] = [
        (
            "optimizer.learning_rate",
            optimizer.learning_rate,
            not_negative(optimizer.learning_rate),
            "0 (chosen from the number of inputs) or more",
        ),
        (
            "optimizer.learning_rate_end",
            optimizer.learning_rate_end,
            not_negative(optimizer.learning_rate_end),
            "0 or more",
        ),
        ("optimizer.momentum", optimizer.momentum, below_one(optimizer.momentum), unit),
        (
            "optimizer.betas",
            optimizer.betas.0.max(optimizer.betas.1),
            !adam || (below_one(optimizer.betas.0) && below_one(optimizer.betas.1)),
            unit,
        ),
        ("optimizer.epsilon", optimizer.epsilon, !adam || positive(optimizer.epsilon), "a number above 0"),
        ("optimizer.trust", optimizer.trust, positive(optimizer.trust), "a number above 0"),
        ("optimizer.clip_norm", optimizer.clip_norm, not_negative(optimizer.clip_norm), "0 (no clipping) or more"),
        (
            "objective.weight_decay",
            config.objective.weight_decay,
            not_negative(config.objective.weight_decay),
            "0 or more",
        ),
        ("field.teacher_momentum", field.teacher_momentum, !ema || within_one(field.teacher_momentum), share),
        (
            "field.teacher_momentum_end",
            field.teacher_momentum_end,
            !ema || within_one(field.teacher_momentum_end),
            share,
        ),
        ("training.steps", training.steps as f64, training.steps > 0, "at least 1"),
        ("training.batch_size", training.batch_size as f64, training.batch_size != 1, "at least 2, or 0 for all"),
        ("evaluation.pairs", config.evaluation.pairs as f64, config.evaluation.pairs > 1, "at least 2"),
        ("evaluation.knn_k", config.evaluation.knn_k as f64, config.evaluation.knn_k > 0, "at least 1"),
        (
            "evaluation.knn_temperature",
            config.evaluation.knn_temperature,
            positive(config.evaluation.knn_temperature),
            "a number above 0",
        ),
    ];
    match checks.into_iter().find(|(_, _, holds, _)| !holds) {
        Some((key, value, _, range)) => Err(PlanError::OutOfRange { key, value: value.to_string(), range }),
        None if ema && !averaged => Err(PlanError::OutOfRange {
            key: "field.teacher_buffers",
            value: "own".to_owned(),
            range: "`average` or `copy` with teacher_batch_norm = \"running\": such a teacher sees no batch statistics",
        }),
        None => Ok(()),
    }
}
