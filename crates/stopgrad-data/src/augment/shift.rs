//! Moves an image.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::plane::{Fill, PlaneMap};
use super::{AugmentError, within};
use crate::random;

/// Moves an image by a random amount in each direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shift {
    /// Largest move, in pixels, each way.
    pub pixels: f64,
    /// Whether fractions of a pixel are drawn, or whole pixels only.
    pub subpixel: bool,
    /// What comes in at the border.
    pub fill: Fill,
}

impl Default for Shift {
    /// One whole pixel: visible even at 8 × 8, and no blur.
    fn default() -> Self {
        Self { pixels: 1.0, subpixel: false, fill: Fill::Zero }
    }
}

impl Shift {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("shift", "pixels", self.pixels, 0.0, 1e4)
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> PlaneMap {
        let (x, y) = (self.amount(rng), self.amount(rng));
        PlaneMap { xx: 1.0, xy: 0.0, x0: -x, yx: 0.0, yy: 1.0, y0: -y, fill: Some(self.fill) }
    }

    fn amount(&self, rng: &mut ChaCha8Rng) -> f64 {
        if self.subpixel {
            return random::between(rng, -self.pixels, self.pixels);
        }
        let whole = self.pixels.floor();
        random::below(rng, 2 * whole as u64 + 1) as f64 - whole
    }
}
