//! Convolution as products of gathered rows: every output pixel becomes a row of the numbers that it looks at ("im2col").
//!
//! The rows are made for a few hundred pixels at a time, which stay in the cache of the core that multiplies them; both gradients
//! are products over the same rows.

use rayon::prelude::*;

use super::Geometry;
use crate::Number;
use crate::product::{Factor, Target, multiply};

/// Output pixels that are multiplied at a time: enough rows for the product to run at its rate, few enough that they
/// stay in the second-level cache.
const ROWS: usize = 256;
/// Sums of weight gradients that are kept apart and added at the end. More than there are usually threads.
const PARTIAL_SUMS: usize = 4;

impl Geometry {
    /// Images that one task takes: as few as fill a product.
    fn images_a_task(&self) -> usize {
        ROWS.div_ceil(self.out_height() * self.out_width())
    }
}

/// See [`super::forward`].
pub(super) fn forward<T: Number>(geometry: &Geometry, x: &[T], weight: &[T], out: &mut [T]) {
    let (taps, filters) = (geometry.taps(), geometry.filters);
    let images = geometry.images_a_task();
    let weight = Factor::new(weight, taps, filters);
    out.par_chunks_mut(images * geometry.out_image()).zip(x.par_chunks(images * geometry.image())).for_each_init(
        Vec::new,
        |gathered, (out, x)| {
            for (tile, out) in out.chunks_mut(ROWS * filters).enumerate() {
                let rows = out.len() / filters;
                gather(geometry, x, tile * ROWS, rows, gathered);
                let out = Target { values: out, stride: filters, add: false };
                multiply(Factor::new(gathered, rows, taps), weight, T::from_f64(1.0), out);
            }
        },
    );
}

/// See [`super::input_gradient`].
pub(super) fn input_gradient<T: Number>(geometry: &Geometry, upstream: &[T], weight: &[T], out: &mut [T]) {
    let (taps, filters) = (geometry.taps(), geometry.filters);
    let images = geometry.images_a_task();
    let weight = Factor::new(weight, taps, filters);
    out.par_chunks_mut(images * geometry.image())
        .zip(upstream.par_chunks(images * geometry.out_image()))
        .for_each_init(Vec::new, |gathered: &mut Vec<T>, (out, upstream)| {
            out.fill(T::from_f64(0.0));
            for (tile, upstream) in upstream.chunks(ROWS * filters).enumerate() {
                let rows = upstream.len() / filters;
                gathered.resize(rows * taps, T::from_f64(0.0));
                let product = Target { values: &mut *gathered, stride: taps, add: false };
                let upstream = Factor::new(upstream, rows, filters);
                multiply(upstream, weight.transposed(), T::from_f64(1.0), product);
                scatter(geometry, gathered, tile * ROWS, out);
            }
        });
}

/// See [`super::weight_gradient`].
pub(super) fn weight_gradient<T: Number>(geometry: &Geometry, x: &[T], upstream: &[T], out: &mut [T]) {
    let (taps, filters) = (geometry.taps(), geometry.filters);
    let count = x.len() / geometry.image();
    let images = count.div_ceil(PARTIAL_SUMS).next_multiple_of(geometry.images_a_task());
    let sums: Vec<Vec<T>> = x
        .par_chunks(images * geometry.image())
        .zip(upstream.par_chunks(images * geometry.out_image()))
        .map(|(x, upstream)| {
            let mut sum = vec![T::from_f64(0.0); taps * filters];
            let mut gathered = Vec::new();
            for (tile, upstream) in upstream.chunks(ROWS * filters).enumerate() {
                let rows = upstream.len() / filters;
                gather(geometry, x, tile * ROWS, rows, &mut gathered);
                let gathered = Factor::new(&gathered, rows, taps).transposed();
                let sum = Target { values: &mut sum, stride: filters, add: true };
                multiply(gathered, Factor::new(upstream, rows, filters), T::from_f64(1.0), sum);
            }
            sum
        })
        .collect();
    out.fill(T::from_f64(0.0));
    for sum in sums {
        for (total, value) in out.iter_mut().zip(sum) {
            *total = total.plus(value);
        }
    }
}

/// Where one row of a filter meets an image.
struct Meeting {
    /// First number of the row of taps that lies inside the image.
    tap: usize,
    /// First number of the images there.
    place: usize,
    /// Numbers inside.
    count: usize,
}

/// An output pixel: which image, line and column. Counted on from pixel to pixel: divisions for each would cost as much as the
/// numbers of three channels.
#[derive(Clone, Copy)]
struct Pixel {
    image: usize,
    line: usize,
    column: usize,
}

impl Pixel {
    /// Number `row` over all images.
    fn at(geometry: &Geometry, row: usize) -> Self {
        let (line, column) = (row / geometry.out_width(), row % geometry.out_width());
        Self { image: line / geometry.out_height(), line: line % geometry.out_height(), column }
    }

    fn next(self, across: usize, down: usize) -> Self {
        let Self { image, line, column } = self;
        if column + 1 < across {
            Self { column: column + 1, ..self }
        } else if line + 1 < down {
            Self { image, line: line + 1, column: 0 }
        } else {
            Self { image: image + 1, line: 0, column: 0 }
        }
    }

    /// What row `ky` of the filter meets here; none outside of the image.
    fn meeting(self, geometry: &Geometry, ky: usize) -> Option<Meeting> {
        let Geometry { height, width, channels, side, stride, .. } = *geometry;
        let pad = side / 2;
        let y = (self.line * stride + ky).checked_sub(pad).filter(|&y| y < height)?;
        let start = self.column * stride;
        // Pixels of the filter left of the image, and the first beyond its right border.
        let (left, right) = (pad.saturating_sub(start), side.min(width + pad - start));
        let place = (self.image * height + y) * width + start + left - pad;
        Some(Meeting { tap: left * channels, place: place * channels, count: (right - left) * channels })
    }
}

/// Rows of taps for `rows` output pixels from the `first` one on.
fn gather<T: Number>(geometry: &Geometry, x: &[T], first: usize, rows: usize, gathered: &mut Vec<T>) {
    let line = geometry.side * geometry.channels;
    let (across, down) = (geometry.out_width(), geometry.out_height());
    let mut pixel = Pixel::at(geometry, first);
    gathered.resize(rows * geometry.taps(), T::from_f64(0.0));
    for out in gathered.chunks_exact_mut(geometry.taps()) {
        for (ky, out) in out.chunks_exact_mut(line).enumerate() {
            match pixel.meeting(geometry, ky) {
                Some(Meeting { tap, place, count }) => {
                    out[..tap].fill(T::from_f64(0.0));
                    out[tap..tap + count].copy_from_slice(&x[place..place + count]);
                    out[tap + count..].fill(T::from_f64(0.0));
                }
                None => out.fill(T::from_f64(0.0)),
            }
        }
        pixel = pixel.next(across, down);
    }
}

/// Adds rows of taps to the pixels that they came from.
fn scatter<T: Number>(geometry: &Geometry, gathered: &[T], first: usize, x: &mut [T]) {
    let line = geometry.side * geometry.channels;
    let (across, down) = (geometry.out_width(), geometry.out_height());
    let mut pixel = Pixel::at(geometry, first);
    for from in gathered.chunks_exact(geometry.taps()) {
        for (ky, from) in from.chunks_exact(line).enumerate() {
            if let Some(Meeting { tap, place, count }) = pixel.meeting(geometry, ky) {
                for (x, &value) in x[place..place + count].iter_mut().zip(&from[tap..tap + count]) {
                    *x = x.plus(value);
                }
            }
        }
        pixel = pixel.next(across, down);
    }
}
