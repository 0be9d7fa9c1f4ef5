//! What color changes do to the planes of an image, without any draw.
//!
//! Defined as in torchvision's `adjust_brightness`, `adjust_contrast`, `adjust_saturation` and `adjust_hue`, on floats:
//! Pillow's version rounds to a 256th after every change. Loops have no branch and no call, so that a processor
//! takes several pixels at a time.

use super::mean;

/// Weights of red, green and blue in the luminance: ITU-R BT.601.
const LUMINANCE: [f32; 3] = [0.299, 0.587, 0.114];

/// Red, green and blue of an image of 3 channels.
///
/// # Panics
/// When there are fewer than three values.
pub(super) fn planes(values: &mut [f32]) -> [&mut [f32]; 3] {
    let (red, rest) = values.split_at_mut(values.len() / 3);
    let (green, blue) = rest.split_at_mut(rest.len() / 2);
    [red, green, blue]
}

fn luminance(red: f32, green: f32, blue: f32) -> f32 {
    LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
}

/// All values times a factor.
pub(super) fn brighten(values: &mut [f32], factor: f32) {
    for value in values {
        *value = (*value * factor).clamp(0.0, 1.0);
    }
}

/// Differences to a level times a factor.
pub(super) fn spread(values: &mut [f32], level: f32, factor: f32) {
    for value in values {
        *value = (level + (*value - level) * factor).clamp(0.0, 1.0);
    }
}

/// The mean luminance, about which the contrast of a color image is changed.
pub(super) fn mean_luminance(values: &mut [f32]) -> f32 {
    let [red, green, blue] = planes(values).map(|plane| mean(plane));
    luminance(red, green, blue)
}

/// Each pixel's differences to its luminance times a factor; 0 takes the color out.
pub(super) fn saturate(values: &mut [f32], factor: f32) {
    let [red, green, blue] = planes(values);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let level = luminance(*red, *green, *blue);
        let moved = |value: f32| (level + (value - level) * factor).clamp(0.0, 1.0);
        (*red, *green, *blue) = (moved(*red), moved(*green), moved(*blue));
    }
}

/// All three channels become the luminance.
pub(super) fn gray(values: &mut [f32]) {
    let [red, green, blue] = planes(values);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let level = luminance(*red, *green, *blue);
        (*red, *green, *blue) = (level, level, level);
    }
}

/// The hue turned, value and saturation of HSV kept.
///
/// # Units
/// `turn`: of the whole circle, −0.5 to 0.5.
pub(super) fn turn_hue(values: &mut [f32], turn: f32) {
    let turn = 6.0 * turn;
    let [red, green, blue] = planes(values);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let (r, g, b) = (*red, *green, *blue);
        let high = larger(r, larger(g, b));
        let chroma = high - smaller(r, smaller(g, b));
        let scale = if chroma > 0.0 { 1.0 / chroma } else { 0.0 };
        // In sixths of the circle, −1 to 5.
        let among_others = if g >= high { (b - r) * scale + 2.0 } else { (r - g) * scale + 4.0 };
        let hue = if r >= high { (g - b) * scale } else { among_others };
        let hue = wrapped(wrapped(hue + turn + 6.0));
        let channel = |offset: f32| {
            let place = wrapped(offset + hue);
            high - chroma * smaller(place, 4.0 - place).clamp(0.0, 1.0)
        };
        (*red, *green, *blue) = (channel(5.0), channel(3.0), channel(1.0));
    }
}

/// Less one circle of 6, where that is a circle or more.
fn wrapped(place: f32) -> f32 {
    if place >= 6.0 { place - 6.0 } else { place }
}

/// As `f32::max` of finite numbers, in one instruction.
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
