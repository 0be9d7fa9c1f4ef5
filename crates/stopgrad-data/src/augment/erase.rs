//! Covers a rectangle of an image.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, mean, within};
use crate::{Shape, random};

/// Covers a rectangle of random area, aspect and place, with a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Erase {
    /// Probability.
    pub prob: f64,
    /// Smallest area, as a share of the image; the rectangle has at least one pixel.
    pub min_area: f64,
    /// Largest area, as a share of the image.
    pub max_area: f64,
    /// What it is covered with.
    pub fill: EraseFill,
}

/// What stands in an erased rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EraseFill {
    /// The mean of each channel of this image.
    #[default]
    Mean,
    /// Black.
    Zero,
}

impl Default for Erase {
    /// Area of Zhong et al. 2017 (arXiv:1708.04896), the upper end halved, since both views may be erased.
    fn default() -> Self {
        Self { prob: 0.5, min_area: 0.02, max_area: 0.2, fill: EraseFill::Mean }
    }
}

/// Widest rectangle, as width to height; the narrowest is its inverse.
const MAX_ASPECT: f64 = 3.0;

impl Erase {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("erase", "prob", self.prob, 0.0, 1.0)?;
        within("erase", "min_area", self.min_area, 0.0, 1.0)?;
        within("erase", "max_area", self.max_area, self.min_area, 1.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        let Shape::Image { height, width, .. } = *shape else { return };
        let erased = random::happens(rng, self.prob);
        let area = random::between(rng, self.min_area, self.max_area);
        let aspect = random::between(rng, -MAX_ASPECT.ln(), MAX_ASPECT.ln()).exp();
        let across = side(width, (area * aspect).sqrt());
        let down = side(height, (area / aspect).sqrt());
        let left = random::below(rng, (width - across + 1) as u64) as usize;
        let top = random::below(rng, (height - down + 1) as u64) as usize;
        if !erased {
            return;
        }
        for plane in values.chunks_exact_mut(height * width) {
            let value = match self.fill {
                EraseFill::Mean => mean(plane),
                EraseFill::Zero => 0.0,
            };
            for row in plane.chunks_exact_mut(width).skip(top).take(down) {
                row[left..left + across].fill(value);
            }
        }
    }
}

/// Pixels of a side: at least one, at most all.
fn side(pixels: usize, share: f64) -> usize {
    ((pixels as f64 * share).round() as usize).clamp(1, pixels)
}
