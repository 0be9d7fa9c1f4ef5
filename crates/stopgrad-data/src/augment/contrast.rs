//! Strengthens or weakens the differences within an image.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, color, mean, within};
use crate::{Shape, random};

/// Multiplies differences to the image's mean by a random factor in 1 ± `strength`, and cuts to 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contrast {
    /// Largest change of the factor.
    pub strength: f64,
    /// Whether each channel has its own mean and draws its own factor.
    pub per_channel: bool,
}

impl Default for Contrast {
    /// SimCLR's and BYOL's strength.
    fn default() -> Self {
        Self { strength: 0.4, per_channel: false }
    }
}

impl Contrast {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("contrast", "strength", self.strength, 0.0, 1.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        let together = if self.per_channel { shape.group_len() } else { shape.len() };
        for part in values.chunks_exact_mut(together) {
            let factor = random::between(rng, 1.0 - self.strength, 1.0 + self.strength) as f32;
            let mean = mean(part);
            color::spread(part, mean, factor);
        }
    }
}
