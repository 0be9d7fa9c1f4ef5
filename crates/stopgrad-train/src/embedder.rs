//! A finished run as a function from samples to representations.

use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use stopgrad_data::{Skipped, Source};
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::config::Precision;
use crate::features::{PREPROCESSING, Preprocessing, Space, features, samples_at_a_time};
use crate::folder::{self, RecordError};
use crate::network::{Network, NetworkError};
use crate::scalar::Scalar;
use crate::weights::Weights;

/// The encoder of a run, with its preprocessing.
#[derive(Debug)]
pub struct Embedder {
    network: Network,
    numbers: Numbers,
    preprocessing: Preprocessing,
}

#[derive(Debug)]
enum Numbers {
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
    /// Reads the encoder of a run folder, finished or not.
    ///
    /// # Errors
    /// When there is no run, or it is damaged.
    pub fn read(run: &Path) -> Result<Self, EmbedderError> {
        let no_run = |missing| EmbedderError::NoRun { folder: run.to_owned(), missing };
        let config = folder::read_config(run)?.ok_or_else(|| no_run("config.toml"))?;
        match config.training.precision {
            Precision::F32 => Self::from_checkpoint::<f32>(run, &config.network, Numbers::Single),
            Precision::F64 => Self::from_checkpoint::<f64>(run, &config.network, Numbers::Double),
        }
    }

    fn from_checkpoint<T: Scalar>(
        run: &Path, config: &crate::config::NetworkConfig, numbers: fn(Weights) -> Numbers,
    ) -> Result<Self, EmbedderError> {
        let (stored, _) = Checkpoint::<T>::read(run)?
            .ok_or_else(|| EmbedderError::NoRun { folder: run.to_owned(), missing: "checkpoint/" })?;
        let mixed = |name: &str| EmbedderError::Mixed { folder: run.to_owned(), name: name.to_owned() };
        let preprocessing: Preprocessing = stored.model.find_text(PREPROCESSING).ok_or_else(|| mixed(PREPROCESSING))?;
        if preprocessing.projection.as_ref().is_some_and(|projection| projection.inputs() != preprocessing.shape.len())
        {
            return Err(mixed(PREPROCESSING));
        }
        let network = Network::new(config, preprocessing.shape_of_input())?;
        let mut weights = Weights::initialize::<T>(&network, 0);
        let parameters = network.parameters.iter().map(|s| &s.name).zip(&mut weights.parameters);
        let buffers = network.buffers.iter().map(|s| &s.name).zip(&mut weights.buffers);
        for (name, tensor) in parameters.chain(buffers) {
            fill::<T>(&stored, name, tensor).ok_or_else(|| mixed(name))?;
        }
        Ok(Self { network, numbers: numbers(weights), preprocessing })
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

fn fill<T: Scalar>(stored: &Checkpoint<T>, name: &str, tensor: &mut Tensor<1>) -> Option<()> {
    stored.model.fill_tensor(name, tensor)
}
