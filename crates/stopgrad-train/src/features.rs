//! Frozen features: what a network makes of samples that nobody augments, and what is done to a sample before.

use stopgrad_data::{Normalizer, Projection, Shape};

use crate::bridge;
use crate::layer::{Pass, Statistics};
use crate::network::Network;
use crate::scalar::Scalar;
use crate::weights::Weights;

/// Samples that go through the network at a time.
const CHUNK: usize = 1024;

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
    /// m: numbers that the network sees.
    pub(crate) fn width(&self) -> usize {
        self.projection.as_ref().map_or(self.shape.len(), Projection::outputs)
    }
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
    let mut features = Vec::new();
    for chunk in inputs.chunks(CHUNK * width) {
        let values: Vec<T> = chunk.iter().map(|&v| T::from_f64(f64::from(v))).collect();
        let x = bridge::tensor(values, [chunk.len() / width, width]);
        let mut pass = Pass::new(&weights.parameters, Statistics::Running(&weights.buffers));
        let embedded = network.embed(&mut pass, x);
        let space = match space {
            Space::Encoder => embedded.representation,
            Space::Projector => embedded.embedding,
        };
        features.extend(bridge::to_f32(&space));
    }
    features
}
