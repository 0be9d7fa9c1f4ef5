//! Takes the color out of an image.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, within};
use crate::{Shape, random};

/// Replaces all three channels by their luminance, with a probability.
///
/// Without it an encoder can tell the images of a set apart by their colors alone (SimCLR, section 3.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grayscale {
    /// Probability.
    pub prob: f64,
}

impl Default for Grayscale {
    /// SimCLR's and BYOL's probability.
    fn default() -> Self {
        Self { prob: 0.2 }
    }
}

impl Grayscale {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("grayscale", "prob", self.prob, 0.0, 1.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        if !random::happens(rng, self.prob) {
            return;
        }
        let size = shape.group_len();
        for at in 0..size {
            // Weights of ITU-R BT.601.
            let luminance = 0.299 * values[at] + 0.587 * values[at + size] + 0.114 * values[at + 2 * size];
            for channel in 0..3 {
                values[at + channel * size] = luminance;
            }
        }
    }
}
