//! Turns the light parts of an image into their negative.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, within};
use crate::random;

/// Replaces values from a threshold on by 1 less them, with a probability.
///
/// # Source
/// BYOL (arXiv:2006.07733, appendix on image augmentations)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Solarize {
    /// Probability.
    pub prob: f64,
    /// The smallest value that is replaced.
    pub threshold: f64,
}

impl Default for Solarize {
    /// BYOL's second view.
    fn default() -> Self {
        Self { prob: 0.2, threshold: 0.5 }
    }
}

impl Solarize {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("solarize", "prob", self.prob, 0.0, 1.0)?;
        within("solarize", "threshold", self.threshold, 0.0, 1.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], rng: &mut ChaCha8Rng) {
        if !random::happens(rng, self.prob) {
            return;
        }
        let threshold = self.threshold as f32;
        for value in values {
            *value = if *value >= threshold { 1.0 - *value } else { *value };
        }
    }
}
