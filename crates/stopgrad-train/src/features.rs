//! Frozen features: what a network makes of samples that nobody augments, and what is done to a sample before.

use stopgrad_data::{Normalizer, Projection, Shape, Skipped, Source};

use crate::bridge;
use crate::layer::{Pass, Statistics};
use crate::network::{Input, Network};
use crate::plan::Plan;
use crate::scalar::Scalar;
use crate::weights::Weights;

/// Numbers that go through the network at a time, and the most samples: the activations of filters over large images
/// take some tens of times the memory of the images.
const CHUNK: usize = 1 << 20;
const MOST_SAMPLES: usize = 1024;

/// Key of the preprocessing in `model.safetensors`.
pub(crate) const PREPROCESSING: &str = "preprocessing";

/// What happens to a sample before the network sees it: stored with the weights.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Preprocessing {
    /// Size and channel order (planes: channels × height × width, red first) or columns.
    pub shape: Shape,
    /// Mean and standard deviation of the training part.
    pub normalizer: Normalizer,
    /// What is made of it after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<Projection>,
}

impl Preprocessing {
    /// That of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            shape: plan.source.shape().clone(),
            normalizer: plan.normalizer.clone(),
            projection: plan.projection.as_deref().cloned(),
        }
    }

    /// One sample as the network sees it.
    pub(crate) fn input(&self, mut values: Vec<f32>) -> Vec<f32> {
        self.normalizer.apply(&self.shape, &mut values);
        match &self.projection {
            Some(projection) => projection.apply(&values),
            None => values,
        }
    }

    /// Some samples as the network sees them; those that cannot be read are left out.
    pub(crate) fn inputs(&self, source: &dyn Source, indices: &[usize]) -> Inputs {
        let mut inputs = Inputs::default();
        for &index in indices {
            match source.sample(index) {
                Ok(sample) => {
                    inputs.values.extend(self.input(sample.values));
                    inputs.indices.push(index);
                }
                Err(error) => {
                    let path = format!("{}:{index}", source.name());
                    inputs.skipped.push(Skipped { path, reason: error.to_string() });
                }
            }
        }
        inputs
    }

    /// What the network sees.
    pub(crate) fn shape_of_input(&self) -> Input {
        self.projection.as_ref().map_or_else(|| Input::from(&self.shape), |projection| projection.outputs().into())
    }
}

/// Samples as a network sees them.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// Row after row.
    pub values: Vec<f32>,
    /// The sample of each row.
    pub indices: Vec<usize>,
    /// Those that could not be read.
    pub skipped: Vec<Skipped>,
}

/// Samples of so many numbers that go through a network together.
pub(crate) fn samples_at_a_time(width: usize) -> usize {
    (CHUNK / width).clamp(1, MOST_SAMPLES)
}

/// Which space is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// The representation.
    Encoder,
    /// The embedding.
    Projector,
}

/// Frozen features of rows of normalized input: n × width → n × features, row-major.
pub fn features<T: Scalar>(
    network: &Network, weights: &Weights, space: Space, inputs: &[f32], width: usize,
) -> Vec<f32> {
    let (weights, mut features) = (network.device.weights(network, weights), Vec::new());
    for chunk in inputs.chunks(samples_at_a_time(width) * width) {
        let values: Vec<T> = chunk.iter().map(|&v| T::from_f64(f64::from(v))).collect();
        let x = bridge::tensor(values, [chunk.len() / width, width]);
        let mut pass = Pass::new(&weights.parameters, Statistics::Running(&weights.buffers));
        let embedded = network.embed(&mut pass, network.device.take(&x));
        let space = match space {
            Space::Encoder => embedded.representation,
            Space::Projector => embedded.embedding,
        };
        features.extend(bridge::to_f32(&space));
    }
    features
}
