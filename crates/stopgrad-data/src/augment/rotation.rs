//! Turns an image about its center.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::plane::{Fill, Plane, PlaneMap};
use super::{AugmentError, within};
use crate::random;

/// Turns an image about its center by a random angle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// Largest angle, in degrees, each way.
    pub degrees: f64,
    /// What comes in at the corners.
    pub fill: Fill,
}

impl Default for Rotation {
    /// 15 degrees: about what handwriting leans.
    fn default() -> Self {
        Self { degrees: 15.0, fill: Fill::Zero }
    }
}

impl Rotation {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("rotation", "degrees", self.degrees, 0.0, 180.0)
    }

    pub(super) fn draw(&self, plane: Plane, rng: &mut ChaCha8Rng) -> PlaneMap {
        let (sin, cos) = random::between(rng, -self.degrees, self.degrees).to_radians().sin_cos();
        PlaneMap::about_center(plane, [cos, sin, -sin, cos], Some(self.fill))
    }
}
