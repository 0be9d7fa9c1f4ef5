//! A random box of an image, stretched to the whole: the random resized crop.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::plane::{Plane, PlaneMap};
use super::{AugmentError, within};
use crate::random;

/// Cuts out a box of random area, aspect and place, and stretches it to the size of the image.
///
/// Where the box would be wider or higher than the image it is cut to it; PyTorch's version draws again instead,
/// which makes the number of draws random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// Smallest area, as a share of the image.
    pub min_area: f64,
    /// Largest area, as a share of the image.
    pub max_area: f64,
    /// Smallest ratio of width to height, relative to the image's.
    pub min_aspect: f64,
    /// Largest ratio of width to height, relative to the image's.
    pub max_aspect: f64,
}

impl Default for Crop {
    /// Area from 0.25: at 32 × 32 a smaller box seldom shows what the image shows. Aspect as in Inception's crop.
    fn default() -> Self {
        Self { min_area: 0.25, max_area: 1.0, min_aspect: 0.75, max_aspect: 4.0 / 3.0 }
    }
}

impl Crop {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("crop", "min_area", self.min_area, 1e-3, 1.0)?;
        within("crop", "max_area", self.max_area, self.min_area, 1.0)?;
        within("crop", "min_aspect", self.min_aspect, 0.1, 10.0)?;
        within("crop", "max_aspect", self.max_aspect, self.min_aspect, 10.0)
    }

    pub(super) fn draw(&self, plane: Plane, rng: &mut ChaCha8Rng) -> PlaneMap {
        let area = random::between(rng, self.min_area, self.max_area);
        let aspect = random::between(rng, self.min_aspect.ln(), self.max_aspect.ln()).exp();
        let across = (area * aspect).sqrt().min(1.0);
        let down = (area / aspect).sqrt().min(1.0);
        let (width, height) = (plane.width as f64, plane.height as f64);
        let left = random::between(rng, 0.0, width * (1.0 - across));
        let top = random::between(rng, 0.0, height * (1.0 - down));
        // Pixel p covers p to p + 1; (p + ½) is its center.
        let x0 = left + across / 2.0 - 0.5;
        let y0 = top + down / 2.0 - 0.5;
        // Half a pixel beyond the border is still the border's pixel.
        PlaneMap { xx: across, xy: 0.0, x0, yx: 0.0, yy: down, y0, fill: Some(super::Fill::Edge) }
    }
}
