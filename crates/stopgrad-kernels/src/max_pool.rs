//! The largest of each 3 × 3 pixels, at every second pixel: what stands behind the first convolution of a ResNet for large images.

use rayon::prelude::*;

use crate::{Number, block};

/// Rows and columns that are looked at.
const SIDE: usize = 3;
/// Pixels from one place to the next.
const STRIDE: usize = 2;

/// Sizes of images whose largest numbers are taken; nothing lies outside of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Rows of an image.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Numbers in a pixel.
    pub channels: usize,
}

impl Geometry {
    /// Rows of the result.
    pub fn out_height(&self) -> usize {
        (self.height - 1) / STRIDE + 1
    }

    /// Pixels in a row of the result.
    pub fn out_width(&self) -> usize {
        (self.width - 1) / STRIDE + 1
    }

    /// Numbers of an image.
    pub fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers of an image of the result.
    pub fn out_image(&self) -> usize {
        self.out_height() * self.out_width() * self.channels
    }

    /// Images that a task takes.
    fn images_a_task(&self) -> usize {
        (block(1) / self.image()).max(1)
    }

    /// Calls `visit` with every tap inside the image and its first number, for the place whose first number is `place`.
    fn taps(&self, place: usize, mut visit: impl FnMut(u8, usize)) {
        let pixel = place / self.channels;
        let (row, column) = (pixel / self.out_width() * STRIDE, pixel % self.out_width() * STRIDE);
        for (ky, kx) in (0..SIDE).flat_map(|ky| (0..SIDE).map(move |kx| (ky, kx))) {
            // One pixel up and left: the middle tap is at (row, column).
            let (Some(y), Some(x)) = ((row + ky).checked_sub(1), (column + kx).checked_sub(1)) else { continue };
            if y < self.height && x < self.width {
                visit((ky * SIDE + kx) as u8, (y * self.width + x) * self.channels);
            }
        }
    }
}

/// The largest number of each channel around every second pixel, and which of the nine it was; a NaN is larger than any
/// number, and of equals the first in reading order is taken.
///
/// # Shapes      x: n images of `geometry.image()` numbers → out, chosen: n images of `geometry.out_image()`, overwritten
/// # Cost        9 comparisons a number of the result
pub fn forward<T: Number>(geometry: &Geometry, x: &[T], out: &mut [T], chosen: &mut [u8]) {
    let (images, channels) = (geometry.images_a_task(), geometry.channels);
    let (inside, outside) = (geometry.image(), geometry.out_image());
    out.par_chunks_mut(images * outside)
        .zip(chosen.par_chunks_mut(images * outside))
        .zip(x.par_chunks(images * inside))
        .for_each(|((out, chosen), x)| {
            let of_images = out.chunks_exact_mut(outside).zip(chosen.chunks_exact_mut(outside));
            for ((out, chosen), x) in of_images.zip(x.chunks_exact(inside)) {
                let places = out.chunks_exact_mut(channels).zip(chosen.chunks_exact_mut(channels));
                for (pixel, (out, chosen)) in places.enumerate() {
                    let mut first = true;
                    geometry.taps(pixel * channels, |tap, at| {
                        let x = &x[at..at + channels];
                        if std::mem::take(&mut first) {
                            out.copy_from_slice(x);
                            chosen.fill(tap);
                            return;
                        }
                        for ((out, chosen), &x) in out.iter_mut().zip(chosen.iter_mut()).zip(x) {
                            if x > *out || is_nan(x) && !is_nan(*out) {
                                (*out, *chosen) = (x, tap);
                            }
                        }
                    });
                }
            }
        });
}

/// What Σ upstream · out says of x: each number goes to where it was found.
///
/// # Shapes      upstream, chosen: as `out` and `chosen` of [`forward`] → as `x` there, overwritten
/// # Cost        9 comparisons a number of the result
pub fn input_gradient<T: Number>(geometry: &Geometry, upstream: &[T], chosen: &[u8], out: &mut [T]) {
    let (images, channels) = (geometry.images_a_task(), geometry.channels);
    let (inside, outside) = (geometry.image(), geometry.out_image());
    out.par_chunks_mut(images * inside)
        .zip(upstream.par_chunks(images * outside))
        .zip(chosen.par_chunks(images * outside))
        .for_each(|((out, upstream), chosen)| {
            out.fill(T::from_f64(0.0));
            let of_images = upstream.chunks_exact(outside).zip(chosen.chunks_exact(outside));
            for (out, (upstream, chosen)) in out.chunks_exact_mut(inside).zip(of_images) {
                let places = upstream.chunks_exact(channels).zip(chosen.chunks_exact(channels));
                for (pixel, (upstream, chosen)) in places.enumerate() {
                    geometry.taps(pixel * channels, |tap, at| {
                        let to = out[at..at + channels].iter_mut();
                        for ((to, &value), _) in to.zip(upstream).zip(chosen).filter(|(_, from)| **from == tap) {
                            *to = to.plus(value);
                        }
                    });
                }
            }
        });
}

fn is_nan<T: Number>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{normals, slopes};

    fn geometries() -> Vec<(usize, Geometry)> {
        let of = |height, width, channels| Geometry { height, width, channels };
        vec![(1, of(1, 1, 2)), (2, of(4, 5, 3)), (3, of(7, 2, 1)), (5, of(16, 16, 4)), (40, of(33, 31, 3))]
    }

    fn largest<T: Number>(g: &Geometry, x: &[T]) -> (Vec<T>, Vec<u8>) {
        let count = x.len() / g.image() * g.out_image();
        let (mut out, mut chosen) = (vec![T::from_f64(f64::NAN); count], vec![99; count]);
        forward(g, x, &mut out, &mut chosen);
        (out, chosen)
    }

    /// By the definition: the maximum over a square around each place, clipped to the image.
    fn defined(count: usize, g: &Geometry, x: &[f64]) -> Vec<f64> {
        let mut out = Vec::new();
        for image in 0..count {
            for (row, column) in (0..g.out_height()).flat_map(|r| (0..g.out_width()).map(move |c| (2 * r, 2 * c))) {
                for channel in 0..g.channels {
                    let rows = row.saturating_sub(1)..(row + 2).min(g.height);
                    let numbers =
                        rows.flat_map(|y| (column.saturating_sub(1)..(column + 2).min(g.width)).map(move |x| (y, x)));
                    let numbers =
                        numbers.map(|(y, at)| x[((image * g.height + y) * g.width + at) * g.channels + channel]);
                    out.push(numbers.fold(f64::NEG_INFINITY, f64::max));
                }
            }
        }
        out
    }

    #[test]
    fn the_largest_is_that_of_the_definition() {
        for (count, g) in geometries() {
            let x = normals(count * g.image(), 3, 1.0);
            assert_eq!(largest(&g, &x).0, defined(count, &g, &x), "{g:?}");
            let single = crate::testing::single(&x);
            let wanted: Vec<f32> = defined(count, &g, &x).iter().map(|&v| v as f32).collect();
            assert_eq!(largest(&g, &single).0, wanted, "{g:?}");
        }
    }

    #[test]
    fn the_gradient_is_the_slope() {
        for (count, g) in geometries() {
            let (x, upstream) = (normals(count * g.image(), 3, 1.0), normals(count * g.out_image(), 4, 1.0));
            let chosen = largest(&g, &x).1;
            let mut gradient = vec![f64::NAN; x.len()];
            input_gradient(&g, &upstream, &chosen, &mut gradient);
            slopes(&x, &gradient, &upstream, |x, out| out.copy_from_slice(&largest(&g, x).0), x.len().min(40));
            let sums = [gradient.iter().sum::<f64>(), upstream.iter().sum()];
            assert!((sums[0] - sums[1]).abs() < 1e-9, "nothing is lost or counted twice: {sums:?}");
        }
    }

    #[test]
    fn a_nan_is_the_largest_and_the_first_of_equals_is_taken() {
        let g = Geometry { height: 3, width: 3, channels: 1 };
        let mut x = [1.0_f32; 9];
        let (out, chosen) = largest(&g, &x);
        // Around (0, 0) the first inside is tap 4, around (2, 2) tap 0.
        assert_eq!((out, chosen), (vec![1.0; 4], vec![4, 3, 1, 0]));
        x[4] = f32::NAN;
        let (out, chosen) = largest(&g, &x);
        assert!(out.iter().all(|v| v.is_nan()));
        assert_eq!(chosen, [8, 6, 2, 0]);
    }
}
