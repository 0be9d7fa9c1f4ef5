//! Multiplies a row by a factor.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, within};
use crate::random;

/// Multiplies all values of a normalized row by one random factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scaling {
    /// Smallest factor.
    pub low: f64,
    /// Largest factor.
    pub high: f64,
}

impl Default for Scaling {
    /// A fifth either way.
    fn default() -> Self {
        Self { low: 0.8, high: 1.2 }
    }
}

impl Scaling {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("scaling", "low", self.low, 0.0, 100.0)?;
        within("scaling", "high", self.high, self.low, 100.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], rng: &mut ChaCha8Rng) {
        let factor = random::between(rng, self.low, self.high) as f32;
        for value in values.iter_mut() {
            *value *= factor;
        }
    }
}
