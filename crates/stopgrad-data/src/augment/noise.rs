//! Adds normal noise.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, within};
use crate::{Shape, random};

/// Adds independent normal noise to every value; images are cut to 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// Standard deviation; images: of values in 0 to 1; rows: in standard deviations of each column.
    pub sigma: f64,
}

impl Default for Noise {
    /// A tenth: clearly visible, and far from hiding a stroke.
    fn default() -> Self {
        Self { sigma: 0.1 }
    }
}

impl Noise {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("noise", "sigma", self.sigma, 0.0, 100.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        let sigma = self.sigma as f32;
        for pair in values.chunks_mut(2) {
            let (first, second) = random::normal_pair(rng);
            pair[0] += sigma * first;
            if let Some(value) = pair.get_mut(1) {
                *value += sigma * second;
            }
        }
        if matches!(shape, Shape::Image { .. }) {
            for value in values.iter_mut() {
                *value = value.clamp(0.0, 1.0);
            }
        }
    }
}
