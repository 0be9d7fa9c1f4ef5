//! Replaces columns of a row by their mean.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, within};
use crate::random;

/// Replaces each value by its column's mean, which is 0 because rows are normalized first, with a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mask {
    /// Probability, for each column on its own.
    pub prob: f64,
}

impl Default for Mask {
    /// Two views of which half the pairs of columns are whole: 0.7² ≈ 0.5.
    fn default() -> Self {
        Self { prob: 0.3 }
    }
}

impl Mask {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("mask", "prob", self.prob, 0.0, 1.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], rng: &mut ChaCha8Rng) {
        for value in values {
            if random::happens(rng, self.prob) {
                *value = 0.0;
            }
        }
    }
}
