//! A finished run as a function from samples to representations.

use std::path::{Path, PathBuf};

use stopgrad_data::{Skipped, Source};
use stopgrad_dynamics::Field;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, TEACHER};
use crate::config::{Config, NetworkConfig, Precision};
use crate::features::{PREPROCESSING, Preprocessing, Space, features, samples_at_a_time};
use crate::folder::{self, RecordError};
use crate::network::{Network, NetworkError};
use crate::scalar::Scalar;
use crate::weights::Weights;

/// Whose weights of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that are trained.
    Student,
    /// Their average over time, of `ema` runs.
    Teacher,
}

/// The encoder of a run, with its preprocessing.
#[derive(Debug)]
pub struct Embedder {
    config: Config,
    network: Network,
    numbers: Numbers,
    preprocessing: Preprocessing,
    step: u64,
    part: Part,
}

#[derive(Debug)]
pub(crate) enum Numbers {
    Single(Weights),
    Double(Weights),
}

/// A run that cannot embed, or a source it cannot embed.
#[derive(Debug, Error)]
pub enum EmbedderError {
    /// The run folder.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its configuration.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No run there.
    #[error("{} holds no run ({missing} is missing); name the folder that `train --out` or `compare --out` wrote", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        missing: &'static str,
    },
    /// The weights do not fit the configuration beside them.
    #[error("{}: `{name}` is missing or of another size than config.toml says; the folder mixes two runs, so train again in an empty one", folder.display())]
    Mixed {
        /// The folder.
        folder: PathBuf,
        /// Which array.
        name: String,
    },
    /// A teacher where there is none.
    #[error("{} has no teacher: its field is {field}, and only `ema` has one; leave out --part", folder.display())]
    NoTeacher {
        /// The folder.
        folder: PathBuf,
        /// Its field.
        field: String,
    },
    /// Samples of another size.
    #[error("the run was trained on {wanted}, but {name} has {found}; convert the samples first")]
    Shape {
        /// The source.
        name: String,
        /// What the run takes.
        wanted: String,
        /// What came.
        found: String,
    },
}

impl Embedder {
    /// Reads the student of a run folder, finished or not.
    ///
    /// # Errors
    /// When there is no run, or it is damaged.
    pub fn read(run: &Path) -> Result<Self, EmbedderError> {
        Self::read_part(run, Part::Student)
    }

    /// The same of the student or of its teacher.
    ///
    /// # Errors
    /// When there is no run, or it is damaged, or has no teacher.
    pub fn read_part(run: &Path, part: Part) -> Result<Self, EmbedderError> {
        let no_run = |missing| EmbedderError::NoRun { folder: run.to_owned(), missing };
        let config = folder::read_config(run)?.ok_or_else(|| no_run("config.toml"))?;
        match config.training.precision {
            Precision::F32 | Precision::Mixed => Self::from_checkpoint::<f32>(run, config, part, Numbers::Single),
            Precision::F64 => Self::from_checkpoint::<f64>(run, config, part, Numbers::Double),
        }
    }

    fn from_checkpoint<T: Scalar>(
        run: &Path, config: Config, part: Part, numbers: fn(Weights) -> Numbers,
    ) -> Result<Self, EmbedderError> {
        if part == Part::Teacher && config.field.kind != Field::Ema {
            return Err(EmbedderError::NoTeacher { folder: run.to_owned(), field: config.field.kind.to_string() });
        }
        let (stored, step) = Checkpoint::<T>::read(run)?
            .ok_or_else(|| EmbedderError::NoRun { folder: run.to_owned(), missing: "checkpoint/" })?;
        let mixed = |name: &str| EmbedderError::Mixed { folder: run.to_owned(), name: name.to_owned() };
        let preprocessing: Preprocessing = stored.model.find_text(PREPROCESSING).ok_or_else(|| mixed(PREPROCESSING))?;
        if preprocessing.projection.as_ref().is_some_and(|projection| projection.inputs() != preprocessing.shape.len())
        {
            return Err(mixed(PREPROCESSING));
        }
        let network = Network::new(&config.network, preprocessing.shape_of_input())?;
        let mut weights = Weights::zeros::<T>(&network);
        let (arrays, prefix) = match part {
            Part::Student => (&stored.model, ""),
            Part::Teacher => {
                weights.parameters.truncate(network.student_parameters().end);
                weights.buffers.truncate(network.student_buffers);
                (&stored.state, TEACHER)
            }
        };
        let parameters = network.parameters.iter().map(|s| &s.name).zip(&mut weights.parameters);
        let buffers = network.buffers.iter().map(|s| &s.name).zip(&mut weights.buffers);
        for (name, tensor) in parameters.chain(buffers) {
            arrays.fill_tensor(&format!("{prefix}{name}"), tensor).ok_or_else(|| mixed(name))?;
        }
        Ok(Self { config, network, numbers: numbers(weights), preprocessing, step, part })
    }

    /// The table `[network]`, resolved.
    pub(crate) fn config(&self) -> &NetworkConfig {
        &self.config.network
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    pub(crate) fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Updates that the weights have seen.
    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    /// Batches that the running statistics are made of: two an update where both views go through f.
    pub(crate) fn batches(&self) -> i64 {
        let one_view = self.config.field.kind == Field::Ema && !self.config.objective.symmetrized;
        let views = if one_view && self.part == Part::Student { 1 } else { 2 };
        i64::try_from(self.step).unwrap_or(i64::MAX).saturating_mul(views)
    }

    /// Representations of all samples of a source, n × width, row-major; width; samples that could not be read.
    ///
    /// Batch norms use their running statistics, so a row depends on its sample alone.
    ///
    /// # Errors
    /// When the samples are not of the size that the run was trained on.
    pub fn embed(&self, source: &dyn Source) -> Result<(Vec<f32>, usize, Vec<Skipped>), EmbedderError> {
        if source.shape() != &self.preprocessing.shape {
            return Err(EmbedderError::Shape {
                name: source.name().to_owned(),
                wanted: self.preprocessing.shape.to_string(),
                found: source.shape().to_string(),
            });
        }
        let mut skipped = source.skipped().to_vec();
        let mut values = Vec::new();
        let all: Vec<usize> = (0..source.len()).collect();
        // Only the representations of all samples are held, not the samples.
        for block in all.chunks(samples_at_a_time(self.network.input_width)) {
            let inputs = self.preprocessing.inputs(source, block);
            values.extend(self.features(&inputs.values));
            skipped.extend(inputs.skipped);
        }
        Ok((values, self.network.encoder_width, skipped))
    }

    fn features(&self, inputs: &[f32]) -> Vec<f32> {
        let (network, width) = (&self.network, self.network.input_width);
        match &self.numbers {
            Numbers::Single(weights) => features::<f32>(network, weights, Space::Encoder, inputs, width),
            Numbers::Double(weights) => features::<f64>(network, weights, Space::Encoder, inputs, width),
        }
    }
}
