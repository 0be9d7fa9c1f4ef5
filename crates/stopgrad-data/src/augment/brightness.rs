//! Makes an image lighter or darker.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, color, within};
use crate::{Shape, random};

/// Multiplies all values by a random factor in 1 ± `strength`, and cuts to 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Brightness {
    /// Largest change of the factor.
    pub strength: f64,
    /// Whether each channel draws its own factor, which changes the color too.
    pub per_channel: bool,
}

impl Default for Brightness {
    /// SimCLR's and BYOL's strength.
    fn default() -> Self {
        Self { strength: 0.4, per_channel: false }
    }
}

impl Brightness {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("brightness", "strength", self.strength, 0.0, 1.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        let together = if self.per_channel { shape.group_len() } else { shape.len() };
        for part in values.chunks_exact_mut(together) {
            let factor = random::between(rng, 1.0 - self.strength, 1.0 + self.strength) as f32;
            color::brighten(part, factor);
        }
    }
}
