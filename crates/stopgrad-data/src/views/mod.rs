//! Two views of a sample.
//!
//! **Order of augmentation and normalization**, decided here and nowhere else. Images are augmented in 0 to 1 and
//! then normalized, so that a brightness or a fill means the same for every set. Rows are normalized first and then
//! augmented, so that noise is in standard deviations of each column and a masked column (0) is its mean.
//!
//! The draws of a view depend on (seed, purpose, draw index, which view) and on nothing else.

mod presets;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::augment::{self, AugmentError, Augmentation};
use crate::sheet::PicturedPair;
use crate::{Normalizer, Shape, stream};

/// The augmentations of both views, each list in the order of use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewRecipe {
    /// The view that the predictor starts from.
    pub x: Vec<Augmentation>,
    /// The view that is predicted.
    pub y: Vec<Augmentation>,
}

/// Two views of one sample, normalized: what a network sees.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewPair {
    /// The view that the predictor starts from.
    pub x: Vec<f32>,
    /// The view that is predicted.
    pub y: Vec<f32>,
}

/// Why a recipe cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ViewError {
    /// One of its augmentations cannot.
    #[error("views.recipe.{view}[{index}]: {cause}")]
    Augmentation {
        /// `x` or `y`.
        view: &'static str,
        /// Which in the list, from 0.
        index: usize,
        /// Why.
        #[source]
        cause: AugmentError,
    },
}

impl ViewRecipe {
    /// A recipe by name; see [`ViewRecipe::preset_names`].
    pub fn preset(name: &str) -> Option<Self> {
        presets::named(name)
    }

    /// The names of all presets.
    pub fn preset_names() -> &'static [&'static str] {
        &presets::NAMES
    }

    /// Whether both views are drawn alike, so that they may change places.
    pub fn is_exchangeable(&self) -> bool {
        self.x == self.y
    }

    /// The preset that fits samples of a shape.
    pub fn preset_for(shape: &Shape) -> &'static str {
        presets::fitting(shape)
    }

    /// Checks that every augmentation has sensible parameters and works on samples of this shape.
    ///
    /// # Errors
    /// [`ViewError::Augmentation`], which names the view, the place in its list and the remedy.
    pub fn check(&self, shape: &Shape) -> Result<(), ViewError> {
        for (view, augmentations) in [("x", &self.x), ("y", &self.y)] {
            for (index, augmentation) in augmentations.iter().enumerate() {
                let checked = augmentation.check(shape);
                checked.map_err(|cause| ViewError::Augmentation { view, index, cause })?;
            }
        }
        Ok(())
    }

    /// The two views of a sample.
    ///
    /// # Requires
    /// [`ViewRecipe::check`] passed for this shape.
    ///
    /// # Panics
    /// When the sample does not have the shape.
    pub fn pair(
        &self, sample: &[f32], shape: &Shape, normalizer: &Normalizer, seed: u64, purpose: &str, draw_index: u64,
    ) -> ViewPair {
        let view = |augmentations: &[Augmentation], name: &str| {
            let mut values = sample.to_vec();
            self::view(&mut values, augmentations, shape, normalizer, (seed, purpose, draw_index), name);
            if is_image(shape) {
                normalizer.apply(shape, &mut values);
            }
            values
        };
        ViewPair { x: view(&self.x, "x"), y: view(&self.y, "y") }
    }

    /// The same pair for looking at, with the original: images before they are normalized, rows after.
    ///
    /// # Requires
    /// [`ViewRecipe::check`] passed for this shape.
    ///
    /// # Panics
    /// When the sample does not have the shape.
    pub fn picture(
        &self, sample: &[f32], shape: &Shape, normalizer: &Normalizer, seed: u64, purpose: &str, draw_index: u64,
    ) -> PicturedPair {
        let view = |augmentations: &[Augmentation], name: &str| {
            let mut values = sample.to_vec();
            self::view(&mut values, augmentations, shape, normalizer, (seed, purpose, draw_index), name);
            values
        };
        PicturedPair { original: view(&[], "original"), x: view(&self.x, "x"), y: view(&self.y, "y") }
    }
}

fn is_image(shape: &Shape) -> bool {
    matches!(shape, Shape::Image { .. })
}

/// One view in the units in which augmentations act: images in 0 to 1, rows normalized.
fn view(
    values: &mut [f32], augmentations: &[Augmentation], shape: &Shape, normalizer: &Normalizer,
    (seed, purpose, draw_index): (u64, &str, u64), name: &str,
) {
    assert_eq!(values.len(), shape.len(), "a sample of this shape");
    if !is_image(shape) {
        normalizer.apply(shape, values);
    }
    if augmentations.is_empty() {
        return;
    }
    let mut rng = stream(seed, &format!("{purpose}/{name}"), draw_index);
    augment::apply_all(augmentations, values, shape, &mut rng);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Mask, Noise};

    const ROW: Shape = Shape::Row { columns: 2 };

    #[test]
    fn rows_are_normalized_before_and_images_after() {
        let normalizer = Normalizer { mean: vec![10.0, 20.0], std: vec![2.0, 4.0] };
        let masked = ViewRecipe { x: vec![Augmentation::Mask(Mask { prob: 1.0 })], y: vec![] };
        let pair = masked.pair(&[12.0, 12.0], &ROW, &normalizer, 0, "views", 0);
        assert_eq!((pair.x, pair.y), (vec![0.0, 0.0], vec![1.0, -2.0]));

        let image = Shape::Image { channels: 1, height: 1, width: 2 };
        let erased = Augmentation::Noise(Noise { sigma: 0.0 });
        let recipe = ViewRecipe { x: vec![erased], y: vec![] };
        let normalizer = Normalizer { mean: vec![0.5], std: vec![0.25] };
        // Noise cuts to 0 to 1 before the mean is subtracted, not after.
        let pair = recipe.pair(&[0.0, 1.0], &image, &normalizer, 0, "views", 0);
        assert_eq!(pair.x, [-2.0, 2.0]);
        assert_eq!(recipe.picture(&[0.0, 1.0], &image, &normalizer, 0, "views", 0).x, [0.0, 1.0]);
    }

    #[test]
    fn draws_depend_on_seed_purpose_index_and_view() {
        let recipe = ViewRecipe::preset("noise").unwrap();
        let normalizer = Normalizer::identity(&ROW);
        let pair = |seed, purpose, index| recipe.pair(&[0.0, 0.0], &ROW, &normalizer, seed, purpose, index);
        let base = pair(0, "views", 0);
        assert_eq!(base, pair(0, "views", 0));
        assert_ne!(base.x, base.y);
        for other in [pair(1, "views", 0), pair(0, "evaluation", 0), pair(0, "views", 1)] {
            assert!(base.x != other.x && base.y != other.y);
        }
        // Another list for y leaves x alone.
        let half = ViewRecipe { y: vec![], ..recipe.clone() };
        assert_eq!(half.pair(&[0.0, 0.0], &ROW, &normalizer, 0, "views", 0).x, base.x);
    }

    #[test]
    fn a_recipe_is_read_from_toml_and_written_in_full() {
        let text = "x = [{ kind = \"shift\", pixels = 2, subpixel = true }, { kind = \"noise\" }]";
        let recipe: ViewRecipe = toml::from_str(text).unwrap();
        assert_eq!((recipe.x.len(), recipe.y.len()), (2, 0));
        let written = toml::to_string(&recipe).unwrap();
        assert!(written.contains("sigma = 0.1") && written.contains("fill = \"zero\""), "{written}");
        assert_eq!(toml::from_str::<ViewRecipe>(&written).unwrap(), recipe);
        for wrong in ["x = [{ kind = \"shift\", pixel = 2 }]", "x = [{ kind = \"shfit\" }]", "z = []"] {
            assert!(toml::from_str::<ViewRecipe>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_names_view_and_place() {
        let recipe = ViewRecipe::preset("digits").unwrap();
        let message = recipe.check(&ROW).unwrap_err().to_string();
        assert!(message.starts_with("views.recipe.x[0]: shift needs images"), "{message}");
    }
}
