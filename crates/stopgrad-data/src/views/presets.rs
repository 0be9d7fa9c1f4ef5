//! Recipes by name.
//!
//! Both views draw from the same list, so that neither is the easier one.

use super::ViewRecipe;
use crate::Shape;
use crate::augment::{
    Augmentation, Brightness, Contrast, Crop, Erase, EraseFill, Fill, Flip, Grayscale, Mask, Noise, Rotation, Scale,
    Scaling, Shift,
};

/// In the order in which they are listed to a user.
pub(super) const NAMES: [&str; 5] = ["digits", "mnist", "cifar", "table", "noise"];

/// Images up to this side get the preset `digits`: a crop of them would leave too few pixels.
const SMALL_SIDE: usize = 16;

pub(super) fn named(name: &str) -> Option<ViewRecipe> {
    let list = match name {
        "digits" => digits(),
        "mnist" => mnist(),
        "cifar" => cifar(),
        "table" => table(),
        "noise" => vec![Augmentation::Noise(Noise { sigma: 0.2 })],
        _ => return None,
    };
    Some(ViewRecipe { x: list.clone(), y: list })
}

pub(super) fn fitting(shape: &Shape) -> &'static str {
    match *shape {
        Shape::Row { .. } => "table",
        Shape::Image { channels: 3, .. } => "cifar",
        Shape::Image { height, width, .. } if height.max(width) <= SMALL_SIDE => "digits",
        Shape::Image { .. } => "mnist",
    }
}

/// For about 8 × 8 pixels: what a writer changes without changing the digit. No flip: a mirrored 2 is no digit.
fn digits() -> Vec<Augmentation> {
    vec![
        Augmentation::Shift(Shift { pixels: 1.0, subpixel: true, fill: Fill::Zero }),
        Augmentation::Rotation(Rotation { degrees: 15.0, fill: Fill::Zero }),
        Augmentation::Scale(Scale { low: 0.85, high: 1.15, fill: Fill::Zero }),
        Augmentation::Brightness(Brightness { strength: 0.2, per_channel: false }),
        Augmentation::Contrast(Contrast { strength: 0.2, per_channel: false }),
        Augmentation::Noise(Noise { sigma: 0.05 }),
        Augmentation::Erase(Erase { prob: 0.25, min_area: 0.02, max_area: 0.1, fill: EraseFill::Zero }),
    ]
}

/// For grey drawings of about 28 × 28 pixels.
fn mnist() -> Vec<Augmentation> {
    vec![
        Augmentation::Crop(Crop { min_area: 0.5, max_area: 1.0, min_aspect: 0.8, max_aspect: 1.25 }),
        Augmentation::Rotation(Rotation { degrees: 15.0, fill: Fill::Zero }),
        Augmentation::Shift(Shift { pixels: 2.0, subpixel: true, fill: Fill::Zero }),
        Augmentation::Scale(Scale { low: 0.85, high: 1.15, fill: Fill::Zero }),
        Augmentation::Brightness(Brightness { strength: 0.3, per_channel: false }),
        Augmentation::Erase(Erase { prob: 0.3, min_area: 0.02, max_area: 0.15, fill: EraseFill::Zero }),
    ]
}

/// For small color photographs: SimCLR's for CIFAR-10 (arXiv:2002.05709, appendix B.9: crop, flip, color), with
/// color changed by a factor per channel in place of saturation and hue.
fn cifar() -> Vec<Augmentation> {
    vec![
        Augmentation::Crop(Crop { min_area: 0.25, max_area: 1.0, min_aspect: 0.75, max_aspect: 4.0 / 3.0 }),
        Augmentation::Flip(Flip { prob: 0.5 }),
        Augmentation::Brightness(Brightness { strength: 0.4, per_channel: false }),
        Augmentation::Contrast(Contrast { strength: 0.4, per_channel: false }),
        Augmentation::Brightness(Brightness { strength: 0.2, per_channel: true }),
        Augmentation::Grayscale(Grayscale { prob: 0.2 }),
        Augmentation::Erase(Erase { prob: 0.25, min_area: 0.02, max_area: 0.15, fill: EraseFill::Mean }),
    ]
}

/// For rows of a table.
fn table() -> Vec<Augmentation> {
    vec![
        Augmentation::Scaling(Scaling { low: 0.8, high: 1.2 }),
        Augmentation::Noise(Noise { sigma: 0.2 }),
        Augmentation::Mask(Mask { prob: 0.3 }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_checks_out_on_a_shape_that_it_fits() {
        let image = |channels, side| Shape::Image { channels, height: side, width: side };
        let shapes = [(image(1, 8), "digits"), (image(1, 28), "mnist"), (image(3, 32), "cifar")];
        for (shape, name) in shapes.into_iter().chain([(Shape::Row { columns: 4 }, "table")]) {
            assert_eq!(fitting(&shape), name);
            for preset in [name, "noise"] {
                named(preset).unwrap().check(&shape).unwrap();
            }
        }
        assert!(NAMES.iter().all(|name| named(name).is_some()));
        assert!(named("imagenet").is_none());
    }
}
