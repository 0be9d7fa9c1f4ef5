//! The maps of [`super::tiles`] over images and filters, into a matrix for each of the 36 positions and back.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use super::Geometry;
use super::tiles::{
    FILTER, IN, LANES, Map, OUT, OfFilter, OfPixels, OfResults, POSITIONS, ToFilter, ToResults, both_ways, load, store,
    zeros,
};
use crate::{Number, vectors};

/// Images of so many numbers a pixel, as tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiling {
    pub(super) height: usize,
    pub(super) width: usize,
    /// Numbers of a pixel.
    pub(super) depth: usize,
}

impl Tiling {
    pub(super) fn down(&self) -> usize {
        self.height.div_ceil(OUT)
    }

    pub(super) fn across(&self) -> usize {
        self.width.div_ceil(OUT)
    }

    pub(super) fn image(&self) -> usize {
        self.height * self.width * self.depth
    }

    /// The same places with other pixels.
    pub(super) fn of(self, depth: usize) -> Self {
        Self { depth, ..self }
    }
}

/// From a position's first number to the next one's: an odd number of lanes, for a multiple of a page would put all 36 on the same
/// lines of the cache.
pub(super) fn apart(numbers: usize) -> usize {
    LANES * (numbers.div_ceil(LANES) | 1)
}

/// Of each channel its row of filters in every matrix channels × filters, which begin `step` numbers apart. A thread takes channels:
/// taking matrices, each would read all that the others read.
fn by_channel<'a, T>(g: &Geometry, out: &'a mut [T], step: usize) -> Vec<Vec<&'a mut [T]>> {
    let mut rows: Vec<Vec<&mut [T]>> = (0..g.channels).map(|_| Vec::with_capacity(POSITIONS)).collect();
    for matrix in out.chunks_mut(step) {
        for (row, numbers) in rows.iter_mut().zip(matrix.chunks_mut(g.filters)) {
            row.push(numbers);
        }
    }
    rows
}

/// G g Gᵀ of each channel and filter, or of the filter turned by half a turn: a matrix channels × filters a position.
pub(super) fn of_filters<T: Number>(g: &Geometry, weight: &[T], turned: bool, out: &mut [T]) {
    let (channels, filters) = (g.channels, g.filters);
    by_channel(g, out, apart(channels * filters)).par_iter_mut().enumerate().with_min_len(8).for_each(
        |(channel, out)| {
            let mut half = [[zeros(); FILTER]; IN];
            vectors(
                #[inline(always)]
                || {
                    for first in (0..filters).step_by(LANES) {
                        let end = filters.min(first + LANES);
                        both_ways::<OfFilter, _, _, _>(
                            #[inline(always)]
                            |i: usize, j: usize| {
                                let tap = i * FILTER + j;
                                let row = (if turned { FILTER * FILTER - 1 - tap } else { tap } * channels + channel)
                                    * filters;
                                load(&weight[row + first..row + end])
                            },
                            &mut half,
                            #[inline(always)]
                            |i: usize, j: usize, lanes: &_| store(lanes, &mut out[i * IN + j][first..end]),
                        );
                    }
                },
            );
        },
    );
}

/// Rows of tiles of every image at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    pub(super) first: usize,
    pub(super) rows: usize,
}

/// What is made of the numbers of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Bᵀ d B of 6 × 6 pixels.
    Pixels,
    /// A u Aᵀ of the gradients of 4 × 4 results.
    Gradients,
}

/// Every tile, 36 numbers a channel: a matrix tiles × depth a position.
pub(super) fn transform<T: Number>(of: Tiling, strip: Strip, x: &[T], out: &mut [T], stage: Stage) {
    vectors(
        #[inline(always)]
        || match stage {
            Stage::Pixels => each_tile::<OfPixels, T, IN>(of, strip, x, out, 1),
            Stage::Gradients => each_tile::<OfResults, T, OUT>(of, strip, x, out, 0),
        },
    );
}

#[inline(always)]
fn each_tile<M: Map<N, IN>, T: Number, const N: usize>(of: Tiling, strip: Strip, x: &[T], out: &mut [T], pad: usize) {
    let Tiling { height, width, depth } = of;
    let step = out.len() / POSITIONS;
    let mut half = [[zeros(); N]; IN];
    let mut tile = 0;
    for image in x.chunks_exact(of.image()) {
        for row in strip.first..strip.first + strip.rows {
            for column in 0..of.across() {
                for first in (0..depth).step_by(LANES) {
                    let end = depth.min(first + LANES);
                    both_ways::<M, _, _, _>(
                        #[inline(always)]
                        |i: usize, j: usize| {
                            // Below 0 it wraps, and is no pixel either.
                            let y = (row * OUT + i).wrapping_sub(pad);
                            let at = (column * OUT + j).wrapping_sub(pad);
                            if y < height && at < width {
                                let place = (y * width + at) * depth;
                                load(&image[place + first..place + end])
                            } else {
                                zeros()
                            }
                        },
                        &mut half,
                        #[inline(always)]
                        |i, j, lanes| {
                            let place = (i * IN + j) * step + tile * depth;
                            store(lanes, &mut out[place + first..place + end]);
                        },
                    );
                }
                tile += 1;
            }
        }
    }
}

/// Aᵀ m A of every tile, into the images.
pub(super) fn back<T: Number>(to: Tiling, strip: Strip, results: &[T], out: &mut [T]) {
    vectors(
        #[inline(always)]
        || {
            let Tiling { height, width, depth } = to;
            let step = results.len() / POSITIONS;
            // Of several images all rows are here, of one those of the strip.
            let top = strip.first * OUT;
            let lines = height.min(top + strip.rows * OUT) - top;
            let mut half = [[zeros(); IN]; OUT];
            let mut tile = 0;
            for image in out.chunks_exact_mut(lines * width * depth) {
                for row in 0..strip.rows {
                    for column in 0..to.across() {
                        for first in (0..depth).step_by(LANES) {
                            let end = depth.min(first + LANES);
                            both_ways::<ToResults, _, _, _>(
                                #[inline(always)]
                                |i: usize, j: usize| {
                                    let place = (i * IN + j) * step + tile * depth;
                                    load(&results[place + first..place + end])
                                },
                                &mut half,
                                #[inline(always)]
                                |i, j, lanes| {
                                    let (line, at) = (row * OUT + i, column * OUT + j);
                                    if line < lines && at < width {
                                        let pixel = (line * width + at) * depth;
                                        store(lanes, &mut image[pixel + first..pixel + end]);
                                    }
                                },
                            );
                        }
                        tile += 1;
                    }
                }
            }
        },
    );
}

/// Gᵀ s G of each channel and filter.
pub(super) fn to_filters<T: Number>(g: &Geometry, sums: &[T], out: &mut [T]) {
    let (channels, filters) = (g.channels, g.filters);
    let step = apart(channels * filters);
    by_channel(g, out, channels * filters).par_iter_mut().enumerate().with_min_len(8).for_each(|(channel, out)| {
        let mut half = [[zeros(); IN]; FILTER];
        vectors(
            #[inline(always)]
            || {
                for first in (0..filters).step_by(LANES) {
                    let end = filters.min(first + LANES);
                    both_ways::<ToFilter, _, _, _>(
                        #[inline(always)]
                        |i: usize, j: usize| {
                            let place = (i * IN + j) * step + channel * filters;
                            load(&sums[place + first..place + end])
                        },
                        &mut half,
                        #[inline(always)]
                        |i, j, lanes| {
                            store(lanes, &mut out[i * FILTER + j][first..end]);
                        },
                    );
                }
            },
        );
    });
}
