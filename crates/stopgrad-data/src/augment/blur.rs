//! Blurs an image.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]

use pulp::{Arch, Simd, WithSimd};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{AugmentError, within};
use crate::{Shape, random};

/// Blurs an image by a normal kernel of random width, with a probability.
///
/// The kernel is cut to a tenth of the image's shorter side (23 pixels at 224, 9 at 96, 3 at 32 and below) and its
/// weights sum to 1. Beyond the border the nearest pixel stands; SimCLR's code has black there, torchvision a mirrored image.
///
/// # Cost
/// O(pixels · kernel side): rows, then columns.
///
/// # Source
/// SimCLR (arXiv:2002.05709, appendix A), whose kernel side and widths BYOL and SimSiam keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blur {
    /// Probability.
    pub prob: f64,
    /// Smallest standard deviation of the kernel, in pixels.
    pub min_sigma: f64,
    /// Largest standard deviation of the kernel, in pixels.
    pub max_sigma: f64,
}

impl Default for Blur {
    /// SimCLR's and SimSiam's.
    fn default() -> Self {
        Self { prob: 0.5, min_sigma: 0.1, max_sigma: 2.0 }
    }
}

/// Standard deviations from which on a weight is below half a unit of rounding of the middle one: √(50 ln 2).
const REACH: f64 = 5.89;

impl Blur {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        within("blur", "prob", self.prob, 0.0, 1.0)?;
        within("blur", "min_sigma", self.min_sigma, 0.01, 100.0)?;
        within("blur", "max_sigma", self.max_sigma, self.min_sigma, 100.0)
    }

    pub(super) fn apply(&self, values: &mut [f32], shape: &Shape, rng: &mut ChaCha8Rng) {
        let happens = random::happens(rng, self.prob);
        let sigma = random::between(rng, self.min_sigma, self.max_sigma);
        let Shape::Image { height, width, .. } = *shape else { return };
        let kernel = kernel(sigma, height.min(width));
        if happens && kernel.len() > 1 {
            blur_by(Arch::new(), values, [height, width], &kernel);
        }
    }
}

/// Blurs every plane by registers of a kind.
pub(super) fn blur_by(arch: Arch, values: &mut [f32], [height, width]: [usize; 2], kernel: &[f32]) {
    let mut across = vec![0.0; height * width];
    let mut framed = vec![0.0; width + kernel.len() - 1];
    for plane in values.chunks_exact_mut(height * width) {
        let (framed, across) = (&mut framed, &mut across);
        arch.dispatch(Blurred { plane, width, kernel, framed, across });
    }
}

/// One plane to be blurred, with room for a row and for the plane blurred along its rows.
struct Blurred<'a> {
    plane: &'a mut [f32],
    width: usize,
    kernel: &'a [f32],
    framed: &'a mut [f32],
    across: &'a mut [f32],
}

impl WithSimd for Blurred<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { plane, width, kernel, framed, across } = self;
        let (radius, height) = (kernel.len() / 2, plane.len() / width);
        for (row, out) in plane.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
            framed[..radius].fill(row[0]);
            framed[radius..radius + width].copy_from_slice(row);
            framed[radius + width..].fill(row[width - 1]);
            weighted(out, kernel, |tap| &framed[tap..tap + width]);
        }
        for (row, out) in plane.chunks_exact_mut(width).enumerate() {
            weighted(out, kernel, |tap| {
                let from = (row + tap).saturating_sub(radius).min(height - 1);
                &across[from * width..(from + 1) * width]
            });
        }
        // The weights sum to 1 but for rounding.
        for value in plane.iter_mut() {
            *value = value.clamp(0.0, 1.0);
        }
    }
}

/// Weights by distance from −r to r, r being a twentieth of the side, at least 1, and no more than can be felt.
fn kernel(sigma: f64, side: usize) -> Vec<f32> {
    let radius = (side / 10 / 2).max(1).min((REACH * sigma) as usize) as i32;
    let weight = |place: i32| (-0.5 * (f64::from(place) / sigma).powi(2)).exp();
    let sum: f64 = (-radius..=radius).map(weight).sum();
    (-radius..=radius).map(|place| (weight(place) / sum) as f32).collect()
}

/// The sum of rows by their weights.
#[inline(always)]
fn weighted<'a>(out: &mut [f32], kernel: &[f32], row: impl Fn(usize) -> &'a [f32]) {
    out.fill(0.0);
    for (tap, &weight) in kernel.iter().enumerate() {
        for (out, value) in out.iter_mut().zip(row(tap)) {
            *out += weight * value;
        }
    }
}
