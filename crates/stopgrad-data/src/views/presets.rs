//! Recipes by name.
//!
//! Both views draw from the same list, so that neither is the easier one, except where a published recipe has two:
//! `cifar-byol` and `photos`.

use super::ViewRecipe;
use crate::Shape;
use crate::augment::{
    Augmentation, Blur, Brightness, Contrast, Crop, Erase, EraseFill, Fill, Flip, Grayscale, Jitter, Mask, Noise,
    Rotation, Scale, Scaling, Shift, Solarize,
};

/// In the order in which they are listed to a user.
pub(super) const NAMES: [&str; 9] =
    ["digits", "mnist", "cifar", "cifar-byol", "cifar-light", "simsiam", "photos", "table", "noise"];

/// Images up to this side get the preset `digits`: a crop of them would leave too few pixels.
const SMALL_SIDE: usize = 16;

/// Color photographs above this side get the preset `photos`: from here on a blur says something.
const SMALL_PHOTOGRAPH: usize = 48;

pub(super) fn named(name: &str) -> Option<ViewRecipe> {
    let both = |list: Vec<Augmentation>| ViewRecipe { x: list.clone(), y: list };
    Some(match name {
        "digits" => both(digits()),
        "mnist" => both(mnist()),
        "cifar" => both(cifar()),
        "cifar-byol" => cifar_byol(),
        "cifar-light" => both(cifar_light()),
        "simsiam" => both(simsiam()),
        "photos" => photos(),
        "table" => both(table()),
        "noise" => both(vec![Augmentation::Noise(Noise { sigma: 0.2 })]),
        _ => return None,
    })
}

pub(super) fn fitting(shape: &Shape) -> &'static str {
    match *shape {
        Shape::Row { .. } => "table",
        Shape::Image { channels: 3, height, width } if height.max(width) > SMALL_PHOTOGRAPH => "photos",
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

/// Crop, flip, color: what the published recipes for color images share, with BYOL's strengths of color.
///
/// # Source
/// BYOL (arXiv:2006.07733, appendix on image augmentations), without blur and solarization
fn byol() -> Vec<Augmentation> {
    vec![
        Augmentation::Crop(Crop { min_area: 0.08, max_area: 1.0, min_aspect: 0.75, max_aspect: 4.0 / 3.0 }),
        Augmentation::Flip(Flip { prob: 0.5 }),
        Augmentation::Jitter(Jitter { prob: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 }),
        Augmentation::Grayscale(Grayscale { prob: 0.2 }),
    ]
}

/// BYOL's recipe for CIFAR: no blur, and solarized images in the second view only.
///
/// # Source
/// solo-learn (arXiv:2108.01775), `scripts/pretrain/cifar/augmentations/asymmetric.yaml`
fn cifar_byol() -> ViewRecipe {
    let mut y = byol();
    y.push(Augmentation::Solarize(Solarize { prob: 0.2, threshold: 0.5 }));
    ViewRecipe { x: byol(), y }
}

/// For small networks and runs of minutes on small color photographs: little change of color, and crops that keep most of what is seen.
///
/// # Source
/// Our own trials on CIFAR-10's validation part (docs/results/images.md)
fn cifar_light() -> Vec<Augmentation> {
    vec![
        Augmentation::Crop(Crop { min_area: 0.4, max_area: 1.0, min_aspect: 0.75, max_aspect: 4.0 / 3.0 }),
        Augmentation::Flip(Flip { prob: 0.5 }),
        Augmentation::Jitter(Jitter { prob: 0.5, brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.03 }),
        Augmentation::Grayscale(Grayscale { prob: 0.05 }),
    ]
}

/// SimSiam's recipe for CIFAR: its recipe for ImageNet without the blur.
///
/// # Source
/// SimSiam (arXiv:2011.10566): appendix A (augmentations), appendix D (no blur on CIFAR)
fn simsiam() -> Vec<Augmentation> {
    vec![
        Augmentation::Crop(Crop { min_area: 0.2, max_area: 1.0, min_aspect: 0.75, max_aspect: 4.0 / 3.0 }),
        Augmentation::Flip(Flip { prob: 0.5 }),
        Augmentation::Jitter(Jitter { prob: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
        Augmentation::Grayscale(Grayscale { prob: 0.2 }),
    ]
}

/// BYOL's recipe for ImageNet, for photographs of 64 pixels and more: x is always blurred, y seldom and sometimes solarized.
///
/// # Source
/// BYOL (arXiv:2006.07733, appendix on image augmentations)
fn photos() -> ViewRecipe {
    let (mut x, mut y) = (byol(), byol());
    x.push(Augmentation::Blur(Blur { prob: 1.0, min_sigma: 0.1, max_sigma: 2.0 }));
    y.push(Augmentation::Blur(Blur { prob: 0.1, min_sigma: 0.1, max_sigma: 2.0 }));
    y.push(Augmentation::Solarize(Solarize { prob: 0.2, threshold: 0.5 }));
    ViewRecipe { x, y }
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
        let color =
            [(image(3, 32), "cifar"), (image(3, 48), "cifar"), (image(3, 49), "photos"), (image(3, 96), "photos")];
        let shapes = [(image(1, 8), "digits"), (image(1, 28), "mnist")].into_iter().chain(color);
        for (shape, name) in shapes.chain([(Shape::Row { columns: 4 }, "table")]) {
            assert_eq!(fitting(&shape), name);
            for preset in [name, "noise"] {
                named(preset).unwrap().check(&shape).unwrap();
            }
        }
        assert!(NAMES.iter().all(|name| named(name).is_some()));
        assert!(named("imagenet").is_none());
    }

    #[test]
    fn every_color_preset_changes_every_photograph_within_the_range() {
        let shape = Shape::Image { channels: 3, height: 40, width: 40 };
        let sample: Vec<f32> = (0..shape.len()).map(|at| (at * 7919 % 1009) as f32 / 1008.0).collect();
        for name in ["cifar", "cifar-byol", "cifar-light", "simsiam", "photos"] {
            let recipe = named(name).unwrap();
            recipe.check(&shape).unwrap();
            assert_eq!(recipe.is_exchangeable(), ["cifar", "cifar-light", "simsiam"].contains(&name), "{name}");
            for draw in 0..10 {
                let pair = recipe.picture(&sample, &shape, &crate::Normalizer::identity(&shape), 0, "test", draw);
                assert!(pair.x != sample && pair.y != sample && pair.x != pair.y, "{name}");
                assert!(pair.x.iter().chain(&pair.y).all(|value| (0.0..=1.000_001).contains(value)), "{name}");
            }
        }
    }
}
