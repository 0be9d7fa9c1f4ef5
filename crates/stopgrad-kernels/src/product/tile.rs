//! A product on one thread: tiles of the result in registers, the right factor laid out anew for them.
//!
//! The result is made in tiles of six or eight rows and up to four registers of columns: each number of the left factor meets all
//! registers of the right one, so that loading keeps up with multiplying. Panels of the right factor, as wide as a tile, are laid
//! out row after row (`panels`); the left one is read where it is, however it is stored. Sums go over as many terms
//! before they are put down as let panels and a block of the left factor stay in the second-level cache of the core.

#![allow(clippy::inline_always, reason = "what is not part of the function with the vector instructions is plain code")]
#![allow(clippy::needless_range_loop, reason = "iterators over the sums of a tile put all of them into memory")]

use pulp::{Arch, Simd, WithSimd};

use super::Factor;
use super::panels::{LINE, Panel, Panels, Right, STRIP_COLUMNS, Widths, depth, lay_out, panels};
use crate::lanes::Lanes;
use crate::{Number, scratch};

/// Rows of the tallest tile.
const TALLEST: usize = 8;
/// Rows of the last one where it has no more.
const SHORT: usize = 4;
/// Numbers of a row of the widest tile: four registers of 64 bytes.
const WIDEST: usize = 4 * 16;
/// Numbers of the left factor that meet all panels in turn.
const BLOCK: usize = 32 << 10;
/// Their rows: a multiple of this, whole tiles of six rows and of eight.
const TILES: usize = 24;

/// Where a product goes, and what is done with what was there.
#[derive(Debug)]
pub(crate) struct Target<'a, T> {
    /// From the first number of the result to its last.
    pub(crate) values: &'a mut [T],
    /// Numbers from one row to the next.
    pub(crate) stride: usize,
    /// Whether the product is added to what is there.
    pub(crate) add: bool,
}

/// scale · L R → out, or out + scale · L R, on the thread that calls.
///
/// # Shapes      left: n × k, right: k × d → out: n rows of d numbers
pub(crate) fn multiply<'a, T: Number>(
    left: Factor<'_, T>, right: impl Into<Right<'a, T>>, scale: T, out: Target<'_, T>,
) {
    multiply_then(left, right.into(), scale, out, &mut |_, _| {});
}

/// [`multiply`]; `finish` is called with the number of a row and the numbers of the result from there to the end of a later row, when
/// these rows are complete and still in the cache.
pub(crate) fn multiply_then<T: Number>(
    left: Factor<'_, T>, right: Right<'_, T>, scale: T, mut out: Target<'_, T>, finish: &mut dyn FnMut(usize, &mut [T]),
) {
    let (k, d) = right.size();
    assert_eq!(left.columns, k, "factors that fit");
    if left.rows < TALLEST {
        return few_rows(&left, right, scale, &mut out, finish);
    }
    let widths = Widths::of::<T>();
    let depth = depth(k, d);
    let work = Work { left, d, widths, scale };
    match right {
        Right::LaidOut(panels) => {
            for first in (0..k.max(1)).step_by(depth) {
                let terms = (first, depth.min(k - first));
                work.pass(terms, panels.terms(terms, widths), &mut out, finish);
            }
        }
        Right::Factor(right) if depth >= k || d <= STRIP_COLUMNS => work.strip(right, depth, &mut out, finish),
        Right::Factor(right) => {
            for column in (0..d).step_by(STRIP_COLUMNS) {
                let count = STRIP_COLUMNS.min(d - column);
                let target = Target { values: &mut out.values[column..], stride: out.stride, add: out.add };
                let work = Work { d: count, ..work };
                work.strip(right.part((0, k), (column, count)), depth, &mut { target }, &mut |_, _| {});
            }
            finish(0, &mut out.values[..(left.rows - 1) * out.stride + d]);
        }
    }
}

/// What is the same in all passes over the terms.
#[derive(Clone, Copy)]
struct Work<'a, T> {
    left: Factor<'a, T>,
    d: usize,
    widths: Widths,
    scale: T,
}

impl<T: Number> Work<'_, T> {
    /// All terms of all sums, laid out so many at a time.
    fn strip(
        &self, right: Factor<'_, T>, depth: usize, out: &mut Target<'_, T>, finish: &mut dyn FnMut(usize, &mut [T]),
    ) {
        let (k, columns) = (right.rows, self.widths.rounded(self.d));
        scratch::with(depth * columns + LINE, |packed: &mut [T]| {
            let start = packed.as_ptr().align_offset(LINE).min(LINE);
            // Once even where there is nothing to add: the result is 0 then.
            for first in (0..k.max(1)).step_by(depth) {
                let terms = (first, depth.min(k - first));
                let packed = &mut packed[start..][..terms.1 * columns];
                lay_out(&right, terms, self.widths, packed);
                self.pass(terms, Panels { numbers: packed, apart: None }, out, finish);
            }
        });
    }

    /// Some terms of all sums: from the first one on, so many.
    fn pass(
        &self, terms: (usize, usize), panels: Panels<'_, T>, out: &mut Target<'_, T>,
        finish: &mut dyn FnMut(usize, &mut [T]),
    ) {
        let Self { left, d, widths, scale } = *self;
        let stride = out.stride;
        let mut top = 0;
        while top < left.rows {
            let rows = (top, block_rows(left.rows - top, terms.1));
            let values = &mut out.values[top * stride..(top + rows.1 - 1) * stride + d];
            let target = Target { values: &mut *values, stride, add: out.add || terms.0 > 0 };
            Arch::new().dispatch(Block { left: left.part(rows, terms), panels, d, widths, scale, out: target });
            if terms.0 + terms.1 == left.columns {
                finish(top, values);
            }
            top += rows.1;
        }
    }
}

/// Rows of the next block when so many are left: a whole number of tiles, and never are fewer left than a tile has.
fn block_rows(left: usize, terms: usize) -> usize {
    let most = (BLOCK / terms.max(1)).clamp(TILES, 5 * TILES) / TILES * TILES;
    if left > most && left < most + TALLEST { most - TALLEST } else { left.min(most) }
}

/// Fewer rows than a tile has: as many as it has, the others 0.
fn few_rows<T: Number>(
    left: &Factor<'_, T>, right: Right<'_, T>, scale: T, out: &mut Target<'_, T>,
    finish: &mut dyn FnMut(usize, &mut [T]),
) {
    let (n, (k, d)) = (left.rows, right.size());
    if n * d == 0 {
        return;
    }
    scratch::with(TALLEST * (k + d), |numbers: &mut [T]| {
        let (padded, result) = numbers.split_at_mut(TALLEST * k);
        padded.fill(T::from_f64(0.0));
        for (row, padded) in padded.chunks_exact_mut(k.max(1)).take(n).enumerate() {
            for (column, place) in padded.iter_mut().enumerate() {
                *place = left.values[row * left.down + column * left.across];
            }
        }
        let target = Target { values: &mut *result, stride: d, add: false };
        multiply(Factor::new(padded, TALLEST, k), right, scale, target);
        for (row, result) in result.chunks_exact(d).take(n).enumerate() {
            let place = &mut out.values[row * out.stride..][..d];
            if out.add {
                place.iter_mut().zip(result).for_each(|(place, &value)| *place += value);
            } else {
                place.copy_from_slice(result);
            }
        }
    });
    finish(0, &mut out.values[..(n - 1) * out.stride + d]);
}

/// Rows of the left factor with all panels.
struct Block<'a, T> {
    left: Factor<'a, T>,
    panels: Panels<'a, T>,
    d: usize,
    widths: Widths,
    scale: T,
    out: Target<'a, T>,
}

impl<T: Number> WithSimd for Block<'_, T> {
    type Output = ();

    /// 6 × 4 and 8 × 2 sums leave eight and more of 32 registers for what is multiplied, 6 × 2 four of 16.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for panel in panels(self.d, self.widths) {
            match panel.width / self.widths.lanes {
                1 => self.tiles::<S, 8, 1>(simd, panel),
                2 if S::REGISTER_COUNT >= 32 => self.tiles::<S, 8, 2>(simd, panel),
                2 => self.tiles::<S, 6, 2>(simd, panel),
                _ => self.tiles::<S, 6, 4>(simd, panel),
            }
        }
    }
}

impl<T: Number> Block<'_, T> {
    /// All rows with one panel.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const COLUMNS: usize>(&mut self, simd: S, panel: Panel) {
        let mut row = 0;
        while row < self.left.rows {
            row += if self.left.rows - row <= SHORT {
                self.tile::<S, SHORT, COLUMNS>(simd, panel, row)
            } else {
                self.tile::<S, ROWS, COLUMNS>(simd, panel, row)
            };
        }
    }

    /// One tile from a row on, and how many rows it put down. The last one may take rows of the one before it, which it does not
    /// put down.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const COLUMNS: usize>(&mut self, simd: S, panel: Panel, row: usize) -> usize {
        let Self { left, panels, scale, out: Target { values, stride, add }, .. } = self;
        let right = &panels.numbers[(panel.column * left.columns).min(panels.numbers.len())..];
        let apart = panels.apart.unwrap_or(panel.width);
        debug_assert!(right.len() + apart >= left.columns * apart + panel.width, "all rows of the panel");
        let top = row.min(left.rows - ROWS);
        let from = &left.values[top * left.down..];
        let sums = if left.across == 1 {
            rows::<T, S, ROWS, COLUMNS>(simd, from, left, (right, apart))
        } else {
            columns::<T, S, ROWS, COLUMNS>(simd, from, left, (right, apart))
        };
        let place = Place {
            values: &mut values[row * *stride + panel.column..],
            stride: *stride,
            used: panel.used,
            skip: row - top,
            add: *add,
        };
        put_down(simd, &sums, *scale, place);
        top + ROWS - row
    }
}

type Sums<T, S, const ROWS: usize, const COLUMNS: usize> = [[<T as Lanes>::Vector<S>; COLUMNS]; ROWS];

/// The sums of a tile whose left factor lies row by row.
#[inline(always)]
fn rows<T: Number, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S, values: &[T], left: &Factor<'_, T>, (right, apart): (&[T], usize),
) -> Sums<T, S, ROWS, COLUMNS> {
    let rows: [&[T]; ROWS] = std::array::from_fn(|r| &values[r * left.down..][..left.columns]);
    let mut sums = [[T::splat(simd, T::from_f64(0.0)); COLUMNS]; ROWS];
    for (k, right) in (0..left.columns).zip(right.chunks(apart)) {
        let Some(right) = T::vectors::<S>(right).first_chunk() else { break };
        add_products(simd, |r| rows[r][k], right, &mut sums);
    }
    sums
}

/// Of one whose left factor lies column by column.
#[inline(always)]
fn columns<T: Number, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S, values: &[T], left: &Factor<'_, T>, (right, apart): (&[T], usize),
) -> Sums<T, S, ROWS, COLUMNS> {
    let mut sums = [[T::splat(simd, T::from_f64(0.0)); COLUMNS]; ROWS];
    for (column, right) in values.chunks(left.across).zip(right.chunks(apart)).take(left.columns) {
        let Some(column) = column.first_chunk::<ROWS>() else { break };
        let Some(right) = T::vectors::<S>(right).first_chunk() else { break };
        add_products(simd, |r| column[r], right, &mut sums);
    }
    sums
}

/// One number of each row with all columns.
#[inline(always)]
fn add_products<T: Number, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S, left: impl Fn(usize) -> T, right: &[T::Vector<S>; COLUMNS], sums: &mut Sums<T, S, ROWS, COLUMNS>,
) {
    for r in 0..ROWS {
        let number = T::splat(simd, left(r));
        for c in 0..COLUMNS {
            sums[r][c] = T::multiply_add(simd, number, right[c], sums[r][c]);
        }
    }
}

/// Where a tile goes, from its first row that is put down on.
struct Place<'a, T> {
    values: &'a mut [T],
    stride: usize,
    used: usize,
    skip: usize,
    add: bool,
}

/// The sums of a tile, to where they belong: all of them at once, or by way of a place of its own where some go nowhere.
#[inline(always)]
fn put_down<T: Number, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S, sums: &Sums<T, S, ROWS, COLUMNS>, scale: T, place: Place<'_, T>,
) {
    let Place { values, stride, used, skip, add } = place;
    let width = COLUMNS * T::lanes::<S>();
    if skip == 0 && used == width {
        return write(simd, sums, scale, values, stride, add);
    }
    let mut tile = [T::from_f64(0.0); TALLEST * WIDEST];
    write(simd, sums, scale, &mut tile, width, false);
    for (row, sums) in values.chunks_mut(stride).zip(tile.chunks_exact(width).take(ROWS).skip(skip)) {
        for (place, &sum) in row.iter_mut().zip(&sums[..used]) {
            *place = if add { place.plus(sum) } else { sum };
        }
    }
}

/// Whole registers. Loops over the sums have fixed ends and nothing that leaves them early, or all sums would be kept in memory.
#[inline(always)]
fn write<T: Number, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S, sums: &Sums<T, S, ROWS, COLUMNS>, scale: T, values: &mut [T], stride: usize, add: bool,
) {
    let scale = T::splat(simd, scale);
    for r in 0..ROWS {
        let row =
            T::vectors_mut::<S>(&mut values[r * stride..]).first_chunk_mut::<COLUMNS>().expect("a row of the tile");
        for c in 0..COLUMNS {
            let sum = sums[r][c];
            row[c] = if add { T::multiply_add(simd, sum, scale, row[c]) } else { T::times(simd, sum, scale) };
        }
    }
}
