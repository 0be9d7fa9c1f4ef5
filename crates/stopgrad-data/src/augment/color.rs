//! What color changes do to the planes of an image, without any draw.
//!
//! Defined as in torchvision's `adjust_brightness`, `adjust_contrast`, `adjust_saturation` and `adjust_hue`, on floats:
//! Pillow's version rounds to a 256th after every change. Loops have no branch and no call, and are compiled for each width of
//! registers, of which the processor's widest is taken at run time; the bits are the same for all.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]

use pulp::{Arch, Simd, WithSimd};

use super::mean;

/// Weights of red, green and blue in the luminance: ITU-R BT.601.
const LUMINANCE: [f32; 3] = [0.299, 0.587, 0.114];

/// One change of the colors of an image of 3 channels; values are cut to 0 to 1 after it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// All values times a factor.
    Brightness(f32),
    /// Differences to the image's mean luminance times a factor.
    Contrast(f32),
    /// Each pixel's differences to its luminance times a factor; 0 takes the color out.
    Saturation(f32),
    /// The hue turned, value and saturation of HSV kept; in turns of the whole circle, −0.5 to 0.5.
    Hue(f32),
    /// All three channels become the luminance.
    Gray,
}

/// Changes the colors of an image, one change after the other.
pub(super) fn change(values: &mut [f32], changes: &[Change]) {
    change_by(Arch::new(), values, changes);
}

/// The same by registers of a kind.
pub(super) fn change_by(arch: Arch, values: &mut [f32], changes: &[Change]) {
    arch.dispatch(Changed { values, changes });
}

struct Changed<'a> {
    values: &'a mut [f32],
    changes: &'a [Change],
}

impl WithSimd for Changed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { values, changes } = self;
        for change in changes {
            match *change {
                Change::Brightness(factor) => brighten(values, factor),
                Change::Contrast(factor) => {
                    let [red, green, blue] = planes(values).map(|plane| mean(plane));
                    spread(values, luminance(red, green, blue), factor);
                }
                Change::Saturation(factor) => saturate(values, factor),
                Change::Hue(turn) => turn_hue(values, turn),
                Change::Gray => gray(values),
            }
        }
    }
}

#[inline(always)]
fn planes(values: &mut [f32]) -> [&mut [f32]; 3] {
    let (red, rest) = values.split_at_mut(values.len() / 3);
    let (green, blue) = rest.split_at_mut(rest.len() / 2);
    [red, green, blue]
}

#[inline(always)]
fn luminance(red: f32, green: f32, blue: f32) -> f32 {
    LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
}

/// All values times a factor.
#[inline(always)]
pub(super) fn brighten(values: &mut [f32], factor: f32) {
    for value in values {
        *value = (*value * factor).clamp(0.0, 1.0);
    }
}

/// Differences to a level times a factor.
#[inline(always)]
pub(super) fn spread(values: &mut [f32], level: f32, factor: f32) {
    for value in values {
        *value = (level + (*value - level) * factor).clamp(0.0, 1.0);
    }
}

#[inline(always)]
fn saturate(values: &mut [f32], factor: f32) {
    let [red, green, blue] = planes(values);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let level = luminance(*red, *green, *blue);
        let moved = |value: f32| (level + (value - level) * factor).clamp(0.0, 1.0);
        (*red, *green, *blue) = (moved(*red), moved(*green), moved(*blue));
    }
}

#[inline(always)]
fn gray(values: &mut [f32]) {
    let [red, green, blue] = planes(values);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let level = luminance(*red, *green, *blue);
        (*red, *green, *blue) = (level, level, level);
    }
}

#[inline(always)]
fn turn_hue(values: &mut [f32], turn: f32) {
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
#[inline(always)]
fn wrapped(place: f32) -> f32 {
    if place >= 6.0 { place - 6.0 } else { place }
}

/// As `f32::max` of finite numbers, in one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
