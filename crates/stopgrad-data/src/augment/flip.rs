//! Exchanges left and right.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::plane::{Plane, PlaneMap};
use super::{AugmentError, within};
use crate::random;

/// Exchanges left and right with a probability. Not for digits: a mirrored 2 is no digit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Probability.
    pub prob: f64,
}

impl Default for Flip {
    /// Both as often.
    fn default() -> Self {
        Self { prob: 0.5 }
    }
}

impl Flip {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("flip", "prob", self.prob, 0.0, 1.0)
    }

    pub(super) fn draw(&self, plane: Plane, rng: &mut ChaCha8Rng) -> PlaneMap {
        let xx = if random::happens(rng, self.prob) { -1.0 } else { 1.0 };
        PlaneMap::about_center(plane, [xx, 0.0, 0.0, 1.0], None)
    }
}
