//! Takes the color out of an image.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::color::{self, Change};
use super::{AugmentError, within};
use crate::random;

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

    pub(super) fn apply(&self, values: &mut [f32], rng: &mut ChaCha8Rng) {
        if random::happens(rng, self.prob) {
            color::change(values, &[Change::Gray]);
        }
    }
}
