//! The right factor of a product, laid out: panels as wide as a tile, each row after row; what a panel has beyond the factor is 0.

#![allow(clippy::inline_always, reason = "what is not part of the function with the vector instructions is plain code")]

use std::marker::PhantomData;

use pulp::{Arch, Simd, WithSimd};

use super::Factor;
use crate::Number;

/// Bytes of a line of the cache: a register read across two of them costs twice.
pub(super) const LINE: usize = 64;
/// Numbers of a factor that is laid out whole: with a few rows of the left one they stay in the second-level cache.
const WHOLE: usize = 150 << 10;
/// Of one of which more is laid out later: sums that wait for the rest have a place there, too.
const PART: usize = 96 << 10;
/// Columns of such a part.
pub(super) const STRIP_COLUMNS: usize = 256;
/// Columns of a transposed factor are laid out in strips of so many rows, which the first-level cache holds,
const STRIP: usize = 64;
/// so many columns at a time.
const GROUP: usize = 4;
/// Rows of a factor that lies apart in memory, from one to the next, may not be so many numbers long, or a multiple: they would
/// drive each other out of the first-level cache.
const CLASH: usize = 128;
/// Numbers between its first and its last: as many pages as the processor has at hand.
const REACH: usize = 64 << 10;

/// A right factor, as it is stored or laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Right<'a, T> {
    /// Is laid out, a part at a time, by the product.
    Factor(Factor<'a, T>),
    /// Once for several products.
    LaidOut(LaidOut<'a, T>),
}

/// All panels of a factor, for some rows of it after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaidOut<'a, T> {
    numbers: &'a [T],
    rows: usize,
    columns: usize,
    /// From one row to the next, where one panel is read where the factor is stored.
    apart: Option<usize>,
}

/// Panels of some terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panels<'a, T> {
    /// Panel after panel, each row after row.
    pub(super) numbers: &'a [T],
    /// From one row of a panel to the next; its width where there is no number.
    pub(super) apart: Option<usize>,
}

impl<'a, T> LaidOut<'a, T> {
    /// Of some rows of the factor: from the first one on, so many, as they were laid out together.
    pub(super) fn terms(&self, (first, count): (usize, usize), widths: Widths) -> Panels<'a, T> {
        let Some(apart) = self.apart else {
            let columns = widths.rounded(self.columns);
            return Panels { numbers: &self.numbers[first * columns..][..count * columns], apart: None };
        };
        Panels { numbers: &self.numbers[(first * apart).min(self.numbers.len())..], apart: Some(apart) }
    }
}

impl<'a, T: Number> From<Factor<'a, T>> for Right<'a, T> {
    /// A factor of as many columns as one panel is laid out as it is, or nearly.
    fn from(factor: Factor<'a, T>) -> Self {
        let Factor { values, rows, columns, down, across } = factor;
        let one = panels(columns, Widths::of::<T>())
            .next()
            .is_some_and(|panel| panel.used == columns && panel.width == columns);
        let near = down == columns || !down.is_multiple_of(CLASH) && rows * down <= REACH;
        if one && across == 1 && near {
            Self::LaidOut(LaidOut { numbers: values, rows, columns, apart: Some(down) })
        } else {
            Self::Factor(factor)
        }
    }
}

impl<'a, T> From<LaidOut<'a, T>> for Right<'a, T> {
    fn from(panels: LaidOut<'a, T>) -> Self {
        Self::LaidOut(panels)
    }
}

impl<T> Right<'_, T> {
    /// Rows and columns.
    pub(super) fn size(&self) -> (usize, usize) {
        match self {
            Self::Factor(factor) => (factor.rows, factor.columns),
            Self::LaidOut(panels) => (panels.rows, panels.columns),
        }
    }
}

impl<T: Number> Factor<'_, T> {
    /// Numbers of it when it is laid out.
    pub(crate) fn room(rows: usize, columns: usize) -> usize {
        rows * Widths::of::<T>().rounded(columns)
    }

    /// Into `room` numbers.
    pub(crate) fn lay_out<'b>(&self, place: &'b mut [T]) -> LaidOut<'b, T> {
        let widths = Widths::of::<T>();
        let (rows, columns) = (self.rows, self.columns);
        let depth = depth(rows, columns);
        for first in (0..rows).step_by(depth) {
            let count = depth.min(rows - first);
            let room = widths.rounded(columns);
            lay_out(self, (first, count), widths, &mut place[first * room..][..count * room]);
        }
        LaidOut { numbers: place, rows, columns, apart: None }
    }
}

/// Terms that are added at a time, of so many: as few equal parts as may be.
pub(super) fn depth(terms: usize, columns: usize) -> usize {
    let most = if terms * columns <= WHOLE { terms } else { PART / columns.clamp(1, STRIP_COLUMNS) };
    terms.div_ceil(terms.div_ceil(most.max(1)).max(1)).max(1)
}

/// Registers of the processor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Widths {
    /// Numbers in one.
    pub(super) lanes: usize,
    /// Columns of the widest panel.
    widest: usize,
}

impl Widths {
    pub(super) fn of<T: Number>() -> Self {
        Arch::new().dispatch(Ask(PhantomData::<T>))
    }

    /// Columns with those that panels have beyond the factor.
    pub(super) fn rounded(self, columns: usize) -> usize {
        columns.next_multiple_of(self.lanes)
    }
}

struct Ask<T>(PhantomData<T>);

impl<T: Number> WithSimd for Ask<T> {
    type Output = Widths;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Widths {
        let lanes = T::lanes::<S>();
        Widths { lanes, widest: lanes * if S::REGISTER_COUNT >= 32 { 4 } else { 2 } }
    }
}

/// A panel: where it begins, how many columns it has, how many of them count.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    pub(super) column: usize,
    pub(super) width: usize,
    pub(super) used: usize,
}

/// Panels of so many columns; the last ones as narrow as what is left.
pub(super) fn panels(columns: usize, widths: Widths) -> impl Iterator<Item = Panel> {
    let Widths { lanes, widest } = widths;
    let mut column = 0;
    std::iter::from_fn(move || {
        let left = columns - column;
        (left > 0).then(|| {
            let mut width = widest;
            while width > lanes && width - lanes >= left.next_multiple_of(lanes) || width > left.next_multiple_of(lanes)
            {
                width /= 2;
            }
            let panel = Panel { column, width, used: left.min(width) };
            column += panel.used;
            panel
        })
    })
}

/// Rows `first` to `first + count` of a factor.
pub(super) fn lay_out<T: Number>(
    factor: &Factor<'_, T>, (first, count): (usize, usize), widths: Widths, place: &mut [T],
) {
    for panel in panels(factor.columns, widths) {
        lay_out_panel(factor, (first, count), panel, &mut place[panel.column * count..][..panel.width * count]);
    }
}

/// The columns of one panel.
fn lay_out_panel<T: Number>(factor: &Factor<'_, T>, (first, count): (usize, usize), panel: Panel, place: &mut [T]) {
    let Panel { column, width, used } = panel;
    let zero = T::from_f64(0.0);
    if factor.across == 1 {
        for (row, place) in place.chunks_exact_mut(width).enumerate() {
            let from = (first + row) * factor.down + column;
            place[..used].copy_from_slice(&factor.values[from..][..used]);
            if used < width {
                place[used..].fill(zero);
            }
        }
        return;
    }
    for (strip, place) in place.chunks_mut(width * STRIP).enumerate() {
        let top = first + strip * STRIP;
        debug_assert!(top + place.len() / width <= first + count, "strips of the panel");
        let mut j = 0;
        while j < used {
            let from = &factor.values[top + (column + j) * factor.across..];
            j += if used - j >= GROUP && place.len() == width * STRIP {
                turn(from, factor.across, &mut place[j..], width);
                GROUP
            } else {
                place[j..].iter_mut().step_by(width).zip(from).for_each(|(place, &value)| *place = value);
                1
            };
        }
        if used < width {
            place.chunks_exact_mut(width).for_each(|row| row[used..].fill(zero));
        }
    }
}

/// Columns of a group in a whole strip, turned.
#[inline(always)]
fn turn<T: Number>(from: &[T], across: usize, place: &mut [T], width: usize) {
    let column = |c: usize| from[c * across..].first_chunk::<STRIP>().expect("rows of a strip").as_chunks::<GROUP>().0;
    let columns: [&[[T; GROUP]]; GROUP] = std::array::from_fn(column);
    for (block, place) in place.chunks_mut(width * GROUP).take(STRIP / GROUP).enumerate() {
        // All of them before the first is put down: the compiler cannot know that writing leaves the factor alone.
        let rows: [[T; GROUP]; GROUP] = std::array::from_fn(|r| columns.map(|column| column[block][r]));
        for r in 0..GROUP {
            *place[r * width..].first_chunk_mut().expect("columns of a group") = rows[r];
        }
    }
}
