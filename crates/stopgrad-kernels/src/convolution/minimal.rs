//! 3 × 3 filters by minimal filtering (Winograd): a quarter of the multiply-adds, between linear maps of tiles.
//!
//! A tile of 4 × 4 results is 36 products of a number of its 6 × 6 pixels, transformed, with one of the filter, summed over
//! channels: 36 products of matrices for all tiles. Tiles are taken a few dozen at a time, which stay in the second-level cache
//! of the core between the three stages.

use rayon::prelude::*;

use super::Geometry;
use super::maps::{Stage, Strip, Tiling, apart, back, of_filters, to_filters, transform};
use super::tiles::{FILTER, OUT, POSITIONS};
use crate::product::{Factor, LaidOut, Target, multiply};
use crate::{Number, scratch};

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

/// See [`super::forward`].
pub(super) fn forward<T: Number>(g: &Geometry, x: &[T], weight: &[T], out: &mut [T]) {
    let from = Tiling { height: g.height, width: g.width, depth: g.channels };
    with_filters(g, weight, false, |filters| filtered(from, from.of(g.filters), x, filters, out));
}

/// See [`super::input_gradient`]: the upstream gradient, filtered by the filters turned by half a turn.
pub(super) fn input_gradient<T: Number>(g: &Geometry, upstream: &[T], weight: &[T], out: &mut [T]) {
    let from = Tiling { height: g.height, width: g.width, depth: g.filters };
    with_filters(g, weight, true, |filters| filtered(from, from.of(g.channels), upstream, filters, out));
}

/// The matrix of each position, of the filters as they are or turned: what channels are multiplied with, or filters.
fn with_filters<T: Number>(g: &Geometry, weight: &[T], turned: bool, work: impl FnOnce(&[LaidOut<'_, T>])) {
    let length = apart(g.channels * g.filters);
    let (rows, columns) = if turned { (g.filters, g.channels) } else { (g.channels, g.filters) };
    let room = apart(Factor::<T>::room(rows, columns));
    scratch::with(POSITIONS * (length + room), |numbers: &mut [T]| {
        let (filters, places) = numbers.split_at_mut(POSITIONS * length);
        of_filters(g, weight, turned, filters);
        let laid_out: Vec<LaidOut<'_, T>> = filters
            .par_chunks(length)
            .zip(places.par_chunks_mut(room))
            .map(|(filters, place)| {
                let matrix = Factor::new(&filters[..g.channels * g.filters], g.channels, g.filters);
                if turned { matrix.transposed().lay_out(place) } else { matrix.lay_out(place) }
            })
            .collect();
        work(&laid_out);
    });
}

/// Rows of tiles that one task takes, of an image or of several.
fn piece(from: Tiling, to: Tiling) -> (usize, usize) {
    let tiles = (PIECE / (POSITIONS * (from.depth + to.depth))).max(FEWEST_TILES);
    let (down, across) = (from.down(), from.across());
    if tiles >= down * across { (tiles / (down * across), down) } else { (1, (tiles / across).max(1)) }
}

/// The three stages, piece by piece.
fn filtered<T: Number>(from: Tiling, to: Tiling, x: &[T], filters: &[LaidOut<'_, T>], out: &mut [T]) {
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
                    let pixels = Factor::new(&pixels[position * v..][..tiles * from.depth], tiles, from.depth);
                    let out = Target { values: &mut out[..tiles * to.depth], stride: to.depth, add: false };
                    multiply(pixels, filters[position], T::from_f64(1.0), out);
                });
                back(to, strip, results, out);
            });
        });
    });
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
                        let pixels = Factor::new(pixels, tiles, from.depth).transposed();
                        let gradients = Factor::new(gradients, tiles, to.depth);
                        let sum = Target { values: &mut sum[..from.depth * to.depth], stride: to.depth, add: true };
                        multiply(pixels, gradients, T::from_f64(1.0), sum);
                    }
                });
            }
        });
        to_filters(g, sums, out);
    });
}
