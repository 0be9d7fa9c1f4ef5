//! Changes brightness, contrast, saturation and hue of a color image, in random order.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::color::{self, Change};
use super::{AugmentError, within};
use crate::random;

/// Changes brightness, contrast, saturation and hue, each by a random amount and all in random order, with a
/// probability.
///
/// Each value is cut to 0 to 1 after each change.
///
/// # Source
/// torchvision's `ColorJitter`, which SimSiam uses (arXiv:2011.10566, appendix A); BYOL's code (arXiv:2006.07733)
/// adds to the brightness where this multiplies it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jitter {
    /// Probability of all four together.
    pub prob: f64,
    /// Largest change of the factor of all values.
    pub brightness: f64,
    /// Largest change of the factor of differences to the image's mean luminance.
    pub contrast: f64,
    /// Largest change of the factor of differences to each pixel's luminance.
    pub saturation: f64,
    /// Largest turn of the hue, as a share of the circle, each way.
    pub hue: f64,
}

impl Default for Jitter {
    /// BYOL's (arXiv:2006.07733, appendix on image augmentations).
    fn default() -> Self {
        Self { prob: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 }
    }
}

impl Jitter {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("jitter", "prob", self.prob, 0.0, 1.0)?;
        within("jitter", "brightness", self.brightness, 0.0, 1.0)?;
        within("jitter", "contrast", self.contrast, 0.0, 1.0)?;
        within("jitter", "saturation", self.saturation, 0.0, 1.0)?;
        within("jitter", "hue", self.hue, 0.0, 0.5)
    }

    pub(super) fn apply(&self, values: &mut [f32], rng: &mut ChaCha8Rng) {
        let happens = random::happens(rng, self.prob);
        let mut factor = |strength: f64| random::between(rng, 1.0 - strength, 1.0 + strength) as f32;
        let changes = [
            Change::Brightness(factor(self.brightness)),
            Change::Contrast(factor(self.contrast)),
            Change::Saturation(factor(self.saturation)),
            Change::Hue(random::between(rng, -self.hue, self.hue) as f32),
        ];
        let order = random::permutation(rng, 4);
        if happens {
            let in_order: Vec<Change> = order.into_iter().map(|at| changes[at]).collect();
            color::change(values, &in_order);
        }
    }
}
