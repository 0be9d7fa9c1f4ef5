//! Enlarges or reduces an image about its center.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::plane::{Fill, Plane, PlaneMap};
use super::{AugmentError, within};
use crate::random;

/// Enlarges or reduces what is shown by a random factor, about the center.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// Smallest factor; below 1 reduces.
    pub low: f64,
    /// Largest factor; above 1 enlarges.
    pub high: f64,
    /// What comes in at the border of a reduced image.
    pub fill: Fill,
}

impl Default for Scale {
    /// A sixth either way: at 8 × 8 one pixel of size.
    fn default() -> Self {
        Self { low: 0.85, high: 1.15, fill: Fill::Zero }
    }
}

impl Scale {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("scale", "low", self.low, 0.05, 20.0)?;
        within("scale", "high", self.high, self.low, 20.0)
    }

    pub(super) fn draw(&self, plane: Plane, rng: &mut ChaCha8Rng) -> PlaneMap {
        let inverse = 1.0 / random::between(rng, self.low, self.high);
        PlaneMap::about_center(plane, [inverse, 0.0, 0.0, inverse], Some(self.fill))
    }
}
