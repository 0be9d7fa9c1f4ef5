//! 3 × 3 filters by minimal filtering (Winograd): a quarter of the multiply-adds, between linear maps of tiles.
//!
//! A tile of 4 × 4 results is 36 products of a number of its 6 × 6 pixels, transformed, with one of the filter, summed over
//! channels: 36 products of matrices for all tiles. Tiles are taken a few dozen at a time, which stay in the second-level cache
//! of the core between the three stages.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::Geometry;
use super::tiles::{
    FILTER, IN, LANES, Map, OUT, OfFilter, OfPixels, OfResults, POSITIONS, ToFilter, ToResults, both_ways, load, store,
    zeros,
};
use crate::{Number, scratch, vectors};

/// Numbers of the cache that the transformed pixels and results of a piece may take.
const PIECE: usize = 1 << 18;
/// Tiles of a piece at least, or its products are too thin to run at their rate.
const FEWEST_TILES: usize = 32;
/// Pieces that a weight gradient transforms before it multiplies them: more than there are usually threads, few enough to stay in
/// the third-level cache.
const SLOTS: usize = 8;
/// Below these many numbers a pixel, transforms cost more than the products they save.
const FEWEST_CHANNELS: usize = 12;

/// Whether it is faster than products of gathered rows.
pub(super) fn suits(g: &Geometry) -> bool {
    let covered = g.height.div_ceil(OUT) * g.width.div_ceil(OUT) * OUT * OUT;
    g.side == FILTER
        && g.stride == 1
        && g.channels.min(g.filters) >= FEWEST_CHANNELS
        // Less than half of the tiles' results lie outside.
        && covered <= 2 * g.height * g.width
}

/// Images of so many numbers a pixel, as tiles.
#[derive(Debug, Clone, Copy)]
struct Tiling {
    height: usize,
    width: usize,
    /// Numbers of a pixel.
    depth: usize,
}

impl Tiling {
    fn down(&self) -> usize {
        self.height.div_ceil(OUT)
    }

    fn across(&self) -> usize {
        self.width.div_ceil(OUT)
    }

    fn image(&self) -> usize {
        self.height * self.width * self.depth
    }

    /// The same places with other pixels.
    fn of(self, depth: usize) -> Self {
        Self { depth, ..self }
    }
}

/// From a position's first number to the next one's: never a multiple of a page, or all 36 fall on the same lines of the cache.
fn apart(numbers: usize) -> usize {
    numbers.next_multiple_of(LANES) + LANES
}

/// See [`super::forward`].
pub(super) fn forward<T: Number>(g: &Geometry, x: &[T], weight: &[T], out: &mut [T]) {
    let from = Tiling { height: g.height, width: g.width, depth: g.channels };
    scratch::with(POSITIONS * apart(g.channels * g.filters), |filters: &mut [T]| {
        of_filters(g, weight, false, filters);
        let at = |position| matrix(filters, position, g.channels, g.filters);
        filtered(from, from.of(g.filters), x, &at, out);
    });
}

/// See [`super::input_gradient`]: the upstream gradient, filtered by the filters turned by half a turn.
pub(super) fn input_gradient<T: Number>(g: &Geometry, upstream: &[T], weight: &[T], out: &mut [T]) {
    let from = Tiling { height: g.height, width: g.width, depth: g.filters };
    scratch::with(POSITIONS * apart(g.channels * g.filters), |filters: &mut [T]| {
        of_filters(g, weight, true, filters);
        let at = |position| matrix(filters, position, g.channels, g.filters).transpose();
        filtered(from, from.of(g.channels), upstream, &at, out);
    });
}

/// The matrix of one position.
fn matrix<T>(all: &[T], position: usize, rows: usize, columns: usize) -> MatRef<'_, T> {
    let start = position * apart(rows * columns);
    MatRef::from_row_major_slice(&all[start..start + rows * columns], rows, columns)
}

/// G g Gᵀ of each channel and filter, or of the filter turned by half a turn: a matrix channels × filters a position.
fn of_filters<T: Number>(g: &Geometry, weight: &[T], turned: bool, out: &mut [T]) {
    let (channels, filters) = (g.channels, g.filters);
    // A thread has its channels of every position: positions would each read all filters.
    let mut rows: Vec<Vec<&mut [T]>> = (0..channels).map(|_| Vec::with_capacity(POSITIONS)).collect();
    for position in out.chunks_mut(apart(channels * filters)) {
        for (row, numbers) in rows.iter_mut().zip(position.chunks_mut(filters)) {
            row.push(numbers);
        }
    }
    rows.par_iter_mut().enumerate().with_min_len(8).for_each(|(channel, out)| {
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
                            let row =
                                (if turned { FILTER * FILTER - 1 - tap } else { tap } * channels + channel) * filters;
                            load(&weight[row + first..row + end])
                        },
                        &mut half,
                        #[inline(always)]
                        |i: usize, j: usize, lanes: &_| store(lanes, &mut out[i * IN + j][first..end]),
                    );
                }
            },
        );
    });
}

/// Rows of tiles that one task takes, of an image or of several.
fn piece(from: Tiling, to: Tiling) -> (usize, usize) {
    let tiles = (PIECE / (POSITIONS * (from.depth + to.depth))).max(FEWEST_TILES);
    let (down, across) = (from.down(), from.across());
    if tiles >= down * across { (tiles / (down * across), down) } else { (1, (tiles / across).max(1)) }
}

/// The three stages, piece by piece.
fn filtered<'a, T: Number>(
    from: Tiling, to: Tiling, x: &[T], filters: &(impl Fn(usize) -> MatRef<'a, T> + Sync), out: &mut [T],
) {
    let (images, rows) = piece(from, to);
    let of_images = out.par_chunks_mut(images * to.image()).zip(x.par_chunks(images * from.image()));
    of_images.for_each(|(out, x)| {
        let band = if images == 1 { rows * OUT * to.width * to.depth } else { out.len() };
        out.par_chunks_mut(band).enumerate().for_each(|(index, out)| {
            let strip = Strip { first: index * rows, rows: rows.min(from.down() - index * rows) };
            let tiles = x.len() / from.image() * strip.rows * from.across();
            let (v, m) = (apart(tiles * from.depth), apart(tiles * to.depth));
            scratch::with(POSITIONS * (v + m), |numbers: &mut [T]| {
                let (pixels, results) = numbers.split_at_mut(POSITIONS * v);
                transform(from, strip, x, pixels, Stage::Pixels);
                results.par_chunks_mut(m).enumerate().with_min_len(POSITIONS / 4).for_each(|(position, out)| {
                    let pixels = matrix(pixels, position, tiles, from.depth);
                    let out = MatMut::from_row_major_slice_mut(&mut out[..tiles * to.depth], tiles, to.depth);
                    matmul(out, Accum::Replace, pixels, filters(position), T::from_f64(1.0), Par::Seq);
                });
                back(to, strip, results, out);
            });
        });
    });
}

/// Rows of tiles of every image at hand.
#[derive(Debug, Clone, Copy)]
struct Strip {
    first: usize,
    rows: usize,
}

/// What is made of the numbers of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Bᵀ d B of 6 × 6 pixels.
    Pixels,
    /// A u Aᵀ of the gradients of 4 × 4 results.
    Gradients,
}

/// Every tile, 36 numbers a channel: a matrix tiles × depth a position.
fn transform<T: Number>(of: Tiling, strip: Strip, x: &[T], out: &mut [T], stage: Stage) {
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
fn back<T: Number>(to: Tiling, strip: Strip, results: &[T], out: &mut [T]) {
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

/// See [`super::weight_gradient`].
pub(super) fn weight_gradient<T: Number>(g: &Geometry, x: &[T], upstream: &[T], out: &mut [T]) {
    let from = Tiling { height: g.height, width: g.width, depth: g.channels };
    let to = from.of(g.filters);
    let (strip, tiles) = (Strip { first: 0, rows: from.down() }, from.down() * from.across());
    // Of as many images as make products thick enough.
    let images = (PIECE / 2 / (POSITIONS * (from.depth + to.depth))).max(FEWEST_TILES).div_ceil(tiles);
    let (v, w) = (apart(images * tiles * from.depth), apart(images * tiles * to.depth));
    let slot = POSITIONS * (v + w);
    let matrices = apart(from.depth * to.depth);
    scratch::with(POSITIONS * matrices, |sums: &mut [T]| {
        sums.fill(T::from_f64(0.0));
        scratch::with(SLOTS * slot, |kept: &mut [T]| {
            let group = SLOTS * images;
            for (x, upstream) in x.chunks(group * from.image()).zip(upstream.chunks(group * to.image())) {
                let parts = x.par_chunks(images * from.image()).zip(upstream.par_chunks(images * to.image()));
                let counts: Vec<usize> = kept
                    .par_chunks_mut(slot)
                    .zip(parts)
                    .map(|(kept, (x, upstream))| {
                        let (pixels, gradients) = kept.split_at_mut(POSITIONS * v);
                        transform(from, strip, x, pixels, Stage::Pixels);
                        transform(to, strip, upstream, gradients, Stage::Gradients);
                        x.len() / from.image() * tiles
                    })
                    .collect();
                let kept = &*kept;
                sums.par_chunks_mut(matrices).enumerate().for_each(|(position, sum)| {
                    for (slot, &tiles) in kept.chunks(slot).zip(&counts) {
                        let pixels = &slot[position * v..][..tiles * from.depth];
                        let gradients = &slot[POSITIONS * v + position * w..][..tiles * to.depth];
                        let pixels = MatRef::from_row_major_slice(pixels, tiles, from.depth);
                        let gradients = MatRef::from_row_major_slice(gradients, tiles, to.depth);
                        let sum = &mut sum[..from.depth * to.depth];
                        let sum = MatMut::from_row_major_slice_mut(sum, from.depth, to.depth);
                        matmul(sum, Accum::Add, pixels.transpose(), gradients, T::from_f64(1.0), Par::Seq);
                    }
                });
            }
        });
        to_filters(g, sums, out);
    });
}

/// Gᵀ s G of each channel and filter.
fn to_filters<T: Number>(g: &Geometry, sums: &[T], out: &mut [T]) {
    let (channels, filters) = (g.channels, g.filters);
    let step = apart(channels * filters);
    let mut rows: Vec<Vec<&mut [T]>> = (0..channels).map(|_| Vec::with_capacity(FILTER * FILTER)).collect();
    for tap in out.chunks_exact_mut(channels * filters) {
        for (row, numbers) in rows.iter_mut().zip(tap.chunks_exact_mut(filters)) {
            row.push(numbers);
        }
    }
    rows.par_iter_mut().enumerate().with_min_len(8).for_each(|(channel, out)| {
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
