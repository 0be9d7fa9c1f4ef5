//! Augmentations: each a pure function of (values, shape, generator), one a file.
//!
//! Where they stand relative to normalization is decided in [`crate::views`]. Those for images take and give values
//! in 0 to 1. The number of draws never depends on the values, only on the parameters and the shape.
//!
//! The geometric ones (shift, crop, flip, rotation, scale) are maps of the plane. Neighbors in a recipe that fill
//! alike are multiplied into one map and the image is resampled once, which is faster and blurs less than once each.

mod blur;
mod brightness;
mod color;
#[cfg(test)]
mod color_tests;
mod contrast;
mod crop;
mod erase;
mod flip;
mod grayscale;
mod jitter;
mod mask;
mod noise;
mod plane;
mod rotation;
mod scale;
mod scaling;
mod shift;
mod solarize;
#[cfg(test)]
mod tests;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use blur::Blur;
pub use brightness::Brightness;
pub use contrast::Contrast;
pub use crop::Crop;
pub use erase::{Erase, EraseFill};
pub use flip::Flip;
pub use grayscale::Grayscale;
pub use jitter::Jitter;
pub use mask::Mask;
pub use noise::Noise;
pub use plane::Fill;
pub use rotation::Rotation;
pub use scale::Scale;
pub use scaling::Scaling;
pub use shift::Shift;
pub use solarize::Solarize;

use crate::Shape;
use plane::{Plane, PlaneMap};

/// One random change of a sample, with its parameters.
///
/// In a configuration: `{ kind = "shift", pixels = 1, subpixel = true }`; what is left out has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Augmentation {
    /// Images: moved.
    Shift(Shift),
    /// Images: a random box, stretched to the whole.
    Crop(Crop),
    /// Images: left and right exchanged.
    Flip(Flip),
    /// Images: turned about the center.
    Rotation(Rotation),
    /// Images: enlarged or reduced about the center.
    Scale(Scale),
    /// Images: all values times a factor.
    Brightness(Brightness),
    /// Images: differences to the mean times a factor.
    Contrast(Contrast),
    /// Color images: brightness, contrast, saturation and hue, in random order.
    Jitter(Jitter),
    /// Color images: color removed.
    Grayscale(Grayscale),
    /// Images: blurred.
    Blur(Blur),
    /// Images: light parts into their negative.
    Solarize(Solarize),
    /// Images and rows: normal noise added.
    Noise(Noise),
    /// Images: a rectangle covered.
    Erase(Erase),
    /// Rows: columns replaced by their mean.
    Mask(Mask),
    /// Rows: all values times a factor.
    Scaling(Scaling),
}

/// Why an augmentation cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AugmentError {
    /// A parameter outside its range.
    #[error("{kind}: {parameter} = {value} has to be between {low} and {high}")]
    Range {
        /// The augmentation.
        kind: &'static str,
        /// Its parameter.
        parameter: &'static str,
        /// As given.
        value: f64,
        /// Smallest allowed.
        low: f64,
        /// Largest allowed.
        high: f64,
    },
    /// An augmentation for samples of another shape.
    #[error("{kind} needs {needs} and the samples are a {shape}; remove it, or use the preset `{preset}`")]
    Shape {
        /// The augmentation.
        kind: &'static str,
        /// What it works on.
        needs: &'static str,
        /// What the samples are.
        shape: Shape,
        /// A preset that fits.
        preset: &'static str,
    },
}

/// What an augmentation works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Domain {
    Images,
    ColorImages,
    Rows,
    Both,
}

impl Augmentation {
    /// Every augmentation with its default parameters.
    pub fn all() -> Vec<Self> {
        vec![
            Self::Shift(Shift::default()),
            Self::Crop(Crop::default()),
            Self::Flip(Flip::default()),
            Self::Rotation(Rotation::default()),
            Self::Scale(Scale::default()),
            Self::Brightness(Brightness::default()),
            Self::Contrast(Contrast::default()),
            Self::Jitter(Jitter::default()),
            Self::Grayscale(Grayscale::default()),
            Self::Blur(Blur::default()),
            Self::Solarize(Solarize::default()),
            Self::Noise(Noise::default()),
            Self::Erase(Erase::default()),
            Self::Mask(Mask::default()),
            Self::Scaling(Scaling::default()),
        ]
    }

    /// Its name in a configuration.
    pub fn kind(&self) -> &'static str {
        self.described().0
    }

    fn described(&self) -> (&'static str, Domain) {
        match self {
            Self::Shift(_) => ("shift", Domain::Images),
            Self::Crop(_) => ("crop", Domain::Images),
            Self::Flip(_) => ("flip", Domain::Images),
            Self::Rotation(_) => ("rotation", Domain::Images),
            Self::Scale(_) => ("scale", Domain::Images),
            Self::Brightness(_) => ("brightness", Domain::Images),
            Self::Contrast(_) => ("contrast", Domain::Images),
            Self::Jitter(_) => ("jitter", Domain::ColorImages),
            Self::Grayscale(_) => ("grayscale", Domain::ColorImages),
            Self::Blur(_) => ("blur", Domain::Images),
            Self::Solarize(_) => ("solarize", Domain::Images),
            Self::Noise(_) => ("noise", Domain::Both),
            Self::Erase(_) => ("erase", Domain::Images),
            Self::Mask(_) => ("mask", Domain::Rows),
            Self::Scaling(_) => ("scaling", Domain::Rows),
        }
    }

    /// Whether it works on samples of this shape.
    pub fn fits(&self, shape: &Shape) -> bool {
        match (self.described().1, shape) {
            (Domain::Both, _) | (Domain::Images, Shape::Image { .. }) | (Domain::Rows, Shape::Row { .. }) => true,
            (Domain::ColorImages, Shape::Image { channels, .. }) => *channels == 3,
            (Domain::Images | Domain::ColorImages, Shape::Row { .. }) | (Domain::Rows, Shape::Image { .. }) => false,
        }
    }

    /// Checks the parameters, and that it works on samples of this shape.
    ///
    /// # Errors
    /// [`AugmentError`], which names the parameter and its range, or the shape.
    pub fn check(&self, shape: &Shape) -> Result<(), AugmentError> {
        if !self.fits(shape) {
            let (kind, domain) = self.described();
            let needs = match domain {
                Domain::Images => "images",
                Domain::ColorImages => "images of 3 channels",
                Domain::Rows => "rows of a table",
                Domain::Both => "images or rows",
            };
            let preset = crate::ViewRecipe::preset_for(shape);
            return Err(AugmentError::Shape { kind, needs, shape: shape.clone(), preset });
        }
        match self {
            Self::Shift(shift) => shift.check(),
            Self::Crop(crop) => crop.check(),
            Self::Flip(flip) => flip.check(),
            Self::Rotation(rotation) => rotation.check(),
            Self::Scale(scale) => scale.check(),
            Self::Brightness(brightness) => brightness.check(),
            Self::Contrast(contrast) => contrast.check(),
            Self::Jitter(jitter) => jitter.check(),
            Self::Grayscale(grayscale) => grayscale.check(),
            Self::Blur(blur) => blur.check(),
            Self::Solarize(solarize) => solarize.check(),
            Self::Noise(noise) => noise.check(),
            Self::Erase(erase) => erase.check(),
            Self::Mask(mask) => mask.check(),
            Self::Scaling(scaling) => scaling.check(),
        }
    }

    /// Changes one sample in place.
    ///
    /// # Requires
    /// [`Augmentation::check`] passed for this shape.
    pub fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        apply_all(std::slice::from_ref(self), values, shape, rng);
    }

    /// The map of the plane that a geometric augmentation draws.
    fn plane_map(&self, plane: Plane, rng: &mut ChaCha8Rng) -> Option<PlaneMap> {
        match self {
            Self::Shift(shift) => Some(shift.draw(rng)),
            Self::Crop(crop) => Some(crop.draw(plane, rng)),
            Self::Flip(flip) => Some(flip.draw(plane, rng)),
            Self::Rotation(rotation) => Some(rotation.draw(plane, rng)),
            Self::Scale(scale) => Some(scale.draw(plane, rng)),
            Self::Brightness(_)
            | Self::Contrast(_)
            | Self::Jitter(_)
            | Self::Grayscale(_)
            | Self::Blur(_)
            | Self::Solarize(_)
            | Self::Noise(_)
            | Self::Erase(_)
            | Self::Mask(_)
            | Self::Scaling(_) => None,
        }
    }

    /// Changes values without moving them; nothing for geometric augmentations.
    fn apply_values(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        match self {
            Self::Shift(_) | Self::Crop(_) | Self::Flip(_) | Self::Rotation(_) | Self::Scale(_) => {}
            Self::Brightness(brightness) => brightness.apply(values, shape, rng),
            Self::Contrast(contrast) => contrast.apply(values, shape, rng),
            Self::Jitter(jitter) => jitter.apply(values, rng),
            Self::Grayscale(grayscale) => grayscale.apply(values, rng),
            Self::Blur(blur) => blur.apply(values, shape, rng),
            Self::Solarize(solarize) => solarize.apply(values, rng),
            Self::Noise(noise) => noise.apply(values, shape, rng),
            Self::Erase(erase) => erase.apply(values, shape, rng),
            Self::Mask(mask) => mask.apply(values, rng),
            Self::Scaling(scaling) => scaling.apply(values, rng),
        }
    }
}

/// Changes one sample in place by each augmentation in turn.
pub(crate) fn apply_all(augmentations: &[Augmentation], values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
    let mut pending: Option<PlaneMap> = None;
    for augmentation in augmentations {
        if let Some(plane) = Plane::of(shape)
            && let Some(next) = augmentation.plane_map(plane, rng)
        {
            pending = Some(match pending {
                None => next,
                Some(before) => before.then(&next).unwrap_or_else(|| {
                    plane.resample(values, &before);
                    next
                }),
            });
            continue;
        }
        if let (Some(map), Some(plane)) = (pending.take(), Plane::of(shape)) {
            plane.resample(values, &map);
        }
        augmentation.apply_values(values, shape, rng);
    }
    if let (Some(map), Some(plane)) = (pending, Plane::of(shape)) {
        plane.resample(values, &map);
    }
}

/// Checks `low ≤ value ≤ high`; NaN fails.
fn within(kind: &'static str, parameter: &'static str, value: f64, low: f64, high: f64) -> Result<(), AugmentError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(AugmentError::Range { kind, parameter, value, low, high })
}

/// The mean of some values, added in eight lanes: a fixed order that a processor can follow eight at a time.
fn mean(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let chunks = values.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    (lanes.iter().sum::<f32>() + rest) / values.len() as f32
}
