//! Products of the rows of a block, added to a growing sum: what the moments of a long stream are made of.
//!
//! Rows are written at once in the order in which the kernel reads them, so that nothing is packed a second time, and
//! triangles are cut in tiles of 24 × 8, so that little is computed in vain. Rejected: the general product of the
//! matrix library, on panels of 128 columns, which reached 0.49 to 0.59 of its own rate at m = 784.
//!
//! Every entry of a block's product is summed over the rows in order, then added, whatever the threads and the groups.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]
#![allow(clippy::needless_range_loop, reason = "one place is indexed in several arrays")]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Columns of a strip.
pub const STRIP: usize = 8;
/// Strips beside each other in a tile: with AVX-512, 3 × 8 sums, 3 loads and one broadcast fill 28 of 32 registers.
const BESIDE: usize = 3;
/// Rows of a tile of the sum.
const TALL: usize = BESIDE * STRIP;
/// Tiles below each other whose rows stay in the second cache: half a megabyte for blocks of 256 rows.
const TILES: usize = 10;
/// Strips of the columns of the sum that a thread takes at once.
const GROUPS: std::ops::RangeInclusive<usize> = 4..=16;

/// Eight numbers of a row: a line of the cache.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub struct Line(pub [f64; STRIP]);

/// A block of rows, cut into strips of [`STRIP`] columns; each strip holds its part of every row, row after row.
#[derive(Debug, Clone, Default)]
pub struct Strips {
    rows: usize,
    columns: usize,
    /// Strips × rows, the strips rounded up to whole tiles.
    lines: Vec<Line>,
}

impl Strips {
    /// Makes room for another block, in the memory of the last one; every row is to be written then.
    pub fn set_shape(&mut self, rows: usize, columns: usize) {
        if (self.rows, self.columns) != (rows, columns) {
            (self.rows, self.columns) = (rows, columns);
            self.lines.clear();
            self.lines.resize(columns.div_ceil(STRIP).next_multiple_of(BESIDE) * rows, Line::default());
        }
    }

    /// The strips of the columns, to be written on all threads; what the last one has beyond the columns is to stay 0.
    pub fn par_strips_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [Line]> {
        self.lines.par_chunks_mut(self.rows.max(1)).take(self.columns.div_ceil(STRIP))
    }

    fn strip(&self, strip: usize) -> &[Line] {
        &self.lines[strip * self.rows..(strip + 1) * self.rows]
    }
}

/// Which rows of a column of a square sum are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// i ≥ j.
    Lower,
    /// i ≤ j.
    Upper,
    /// All.
    Full,
}

impl Part {
    fn rows(self, column: usize, size: usize) -> (usize, usize) {
        match self {
            Self::Lower => (column, size),
            Self::Upper => (0, column + 1),
            Self::Full => (0, size),
        }
    }
}

/// Adds LᵀL to the lower and UᵀU to the upper of two symmetric matrices that share an array.
///
/// The array has m columns of m + 1 numbers: the lower matrix's (i, j), i ≥ j, lies at row i + 1 of column j, the
/// upper one's (i, j), i ≤ j, at row i of column j. A column is long below where it is short above, so all are alike.
///
/// # Shapes      lower, upper: rows of m, or none; shared: (m + 1) × m, column-major
/// # Cost        m² / 2 multiply-adds a row
pub fn add_triangle_products(lower: &Strips, upper: Option<&Strips>, shared: &mut [f64]) {
    let m = lower.columns;
    assert_eq!(shared.len(), (m + 1) * m, "two triangles of {m} columns");
    assert!(upper.is_none_or(|upper| upper.columns == m), "rows of {m} numbers");
    let width = group(m) * STRIP;
    let arch = Arch::new();
    shared.par_chunks_mut((m + 1) * width).with_max_len(1).enumerate().for_each(|(group, out)| {
        let first = group * width;
        let work = |rows, part, shift| Columns { left: rows, right: rows, part, shift, first, stride: m + 1 };
        arch.dispatch(Add { columns: work(lower, Part::Lower, 1), out });
        if let Some(upper) = upper {
            arch.dispatch(Add { columns: work(upper, Part::Upper, 0), out });
        }
    });
}

/// Adds LᵀR to a full sum.
///
/// # Shapes      left, right: as many rows of m; out: m × m, column-major
/// # Cost        m² multiply-adds a row
pub fn add_cross_products(left: &Strips, right: &Strips, out: &mut [f64]) {
    let m = left.columns;
    assert_eq!(
        (out.len(), left.rows, m),
        (m * m, right.rows, right.columns),
        "a square sum, as many rows on both sides"
    );
    let width = group(m) * STRIP;
    let arch = Arch::new();
    out.par_chunks_mut(m * width).with_max_len(1).enumerate().for_each(|(group, out)| {
        let columns = Columns { left, right, part: Part::Full, shift: 0, first: group * width, stride: m };
        arch.dispatch(Add { columns, out });
    });
}

/// Strips of a group such that the threads end together; no bit depends on it.
fn group(m: usize) -> usize {
    let (strips, threads) = (m.div_ceil(STRIP), rayon::current_num_threads());
    let longest = |width: &usize| strips.div_ceil(*width).div_ceil(threads) * width;
    GROUPS.rev().min_by_key(longest).expect("there are widths")
}

/// Some columns of a sum, and the rows that are multiplied.
#[derive(Clone, Copy)]
struct Columns<'a> {
    left: &'a Strips,
    right: &'a Strips,
    part: Part,
    /// Where row 0 lies in a column of the array.
    shift: usize,
    first: usize,
    /// From column to column.
    stride: usize,
}

struct Add<'a, 'b> {
    columns: Columns<'a>,
    out: &'b mut [f64],
}

impl WithSimd for Add<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let Self { columns: k, out } = self;
        let m = k.left.columns;
        let last = k.first + out.len() / k.stride - 1;
        let (from, to) = (k.part.rows(k.first, m).0, k.part.rows(last, m).1);
        let (from, to) = (from / TALL, to.div_ceil(TALL));
        // Down the columns: in the other order each tile of a large sum would wait for memory.
        for first in (from..to).step_by(TILES) {
            for strip in k.first / STRIP..=last / STRIP {
                for tall in first..(first + TILES).min(to) {
                    k.add_tile(simd, (tall, strip), out);
                }
            }
        }
    }
}

impl Columns<'_> {
    /// Adds what one tile holds of the part.
    #[inline(always)]
    fn add_tile<V: Simd>(&self, simd: V, (tall, strip): (usize, usize), out: &mut [f64]) {
        let m = self.left.columns;
        let columns = strip * STRIP..((strip + 1) * STRIP).min(m);
        let (above, below) = (tall * TALL, ((tall + 1) * TALL).min(m));
        let kept = |column: usize| {
            let (from, to) = self.part.rows(column, m);
            from.max(above)..to.min(below)
        };
        if columns.clone().all(|column| kept(column).is_empty()) {
            return;
        }
        let left = std::array::from_fn(|beside| self.left.strip(tall * BESIDE + beside));
        let tile = tile(simd, left, self.right.strip(strip));
        for (place, column) in columns.enumerate() {
            let rows = kept(column);
            if rows.is_empty() {
                continue;
            }
            let at = (column - self.first) * self.stride + self.shift;
            let sums = tile[place].as_flattened();
            for (sum, value) in out[at + rows.start..at + rows.end].iter_mut().zip(&sums[rows.start - above..]) {
                *sum += value;
            }
        }
    }
}

/// Sums of a tile: column, strip of the left side, row of it.
type Tile = [[[f64; STRIP]; BESIDE]; STRIP];

#[inline(always)]
fn tile<V: Simd>(simd: V, left: [&[Line]; BESIDE], right: &[Line]) -> Tile {
    let mut out = [[[0.0; STRIP]; BESIDE]; STRIP];
    // As many sums as registers hold: 24 of 8 numbers, 8 of 4 (of 16 registers), 16 of 2.
    match V::F64_LANES {
        8 => sums::<V, 3, 1, 8>(simd, left, right, &mut out),
        4 => sums::<V, 1, 2, 4>(simd, left, right, &mut out),
        2 => sums::<V, 1, 4, 4>(simd, left, right, &mut out),
        _ => sums::<V, 1, 8, 1>(simd, left, right, &mut out),
    }
    out
}

/// The tile by P strips of L registers each and C columns at a time.
#[inline(always)]
fn sums<V: Simd, const P: usize, const L: usize, const C: usize>(
    simd: V, left: [&[Line]; BESIDE], right: &[Line], out: &mut Tile,
) {
    for p0 in (0..BESIDE).step_by(P) {
        let left: [&[Line]; P] = std::array::from_fn(|p| &left[p0 + p][..right.len()]);
        for c0 in (0..STRIP).step_by(C) {
            let mut sums = [[[simd.splat_f64s(0.0); L]; P]; C];
            for row in 0..right.len() {
                let lines: [[V::f64s; L]; P] = std::array::from_fn(|p| {
                    let line = V::as_simd_f64s(&left[p][row].0).0;
                    std::array::from_fn(|l| line[l])
                });
                for c in 0..C {
                    let value = simd.splat_f64s(right[row].0[c0 + c]);
                    for p in 0..P {
                        for l in 0..L {
                            sums[c][p][l] = simd.mul_add_e_f64s(lines[p][l], value, sums[c][p][l]);
                        }
                    }
                }
            }
            for c in 0..C {
                for p in 0..P {
                    V::as_mut_simd_f64s(&mut out[c0 + c][p0 + p]).0[..L].copy_from_slice(&sums[c][p]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strips(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64 + Sync) -> Strips {
        let mut out = Strips::default();
        out.set_shape(rows, columns);
        out.par_strips_mut().enumerate().for_each(|(strip, lines)| {
            for (row, line) in lines.iter_mut().enumerate() {
                for column in strip * STRIP..((strip + 1) * STRIP).min(columns) {
                    line.0[column % STRIP] = value(row, column);
                }
            }
        });
        out
    }

    #[test]
    fn two_sums_in_one_array_do_not_touch_each_other() {
        // Below, at and beyond a strip, a tile and a group; of no row and of several.
        for (rows, m) in [(3, 1), (3, 5), (3, 8), (1, 24), (3, 27), (0, 27), (3, 128), (7, 131), (2, 257)] {
            let value = |factor: usize| move |row: usize, i: usize| (((row * m + i) * factor) % 11) as f64 - 5.0;
            let (low, up) = (strips(rows, m, value(7)), strips(rows, m, value(3)));
            let mut shared = vec![0.5; (m + 1) * m];
            add_triangle_products(&low, None, &mut shared);
            add_triangle_products(&low, Some(&up), &mut shared);
            let mut cross = vec![0.25; m * m];
            add_cross_products(&low, &up, &mut cross);
            let inner = |a: usize, i: usize, b: usize, j: usize| -> f64 {
                (0..rows).map(|row| value(a)(row, i) * value(b)(row, j)).sum()
            };
            // Small integers: every product and sum is exact.
            for j in 0..m {
                for i in 0..m {
                    assert!((cross[j * m + i] - 0.25 - inner(7, i, 3, j)).abs() < 1e-12, "m = {m}");
                    let (at, expected) = if i >= j {
                        (j * (m + 1) + i + 1, 2.0 * inner(7, i, 7, j))
                    } else {
                        (j * (m + 1) + i, inner(3, i, 3, j))
                    };
                    assert!((shared[at] - 0.5 - expected).abs() < 1e-12, "m = {m}, ({i}, {j})");
                }
                assert!((shared[j * (m + 1) + j] - 0.5 - inner(3, j, 3, j)).abs() < 1e-12, "diagonal {j}");
            }
        }
    }

    /// What the machine has decides which instructions run; the others must be right too.
    #[test]
    fn every_width_of_registers_gives_the_same_tile() {
        let rows = strips(9, TALL, |row, column| ((row * 5 + column * 3) % 13) as f64 - 6.0);
        let left: [&[Line]; BESIDE] = std::array::from_fn(|beside| rows.strip(beside));
        let alone = tile(pulp::Scalar::new(), left, rows.strip(1));
        for (column, sums) in alone.iter().enumerate() {
            for (row, &sum) in sums.as_flattened().iter().enumerate() {
                let value = |row: usize, column: usize| ((row * 5 + column * 3) % 13) as f64 - 6.0;
                let expected: f64 = (0..9).map(|s| value(s, row) * value(s, STRIP + column)).sum();
                assert!((sum - expected).abs() < 1e-12, "({row}, {column})");
            }
        }
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = pulp::x86::V3::try_new() {
                assert_eq!(simd.vectorize(OneTile { simd, left, right: rows.strip(1) }), alone);
            }
            if let Some(simd) = pulp::x86::V4::try_new() {
                assert_eq!(simd.vectorize(OneTile { simd, left, right: rows.strip(1) }), alone);
            }
        }
    }

    struct OneTile<'a, V> {
        simd: V,
        left: [&'a [Line]; BESIDE],
        right: &'a [Line],
    }

    impl<V: Simd> pulp::NullaryFnOnce for OneTile<'_, V> {
        type Output = Tile;

        fn call(self) -> Tile {
            tile(self.simd, self.left, self.right)
        }
    }

    #[test]
    fn the_bits_of_a_sum_do_not_depend_on_the_threads() {
        let rows = strips(50, 300, |row, column| ((row * 31 + column * 17) as f64).sin());
        let sum = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let mut shared = vec![0.0; 301 * 300];
            pool.install(|| add_triangle_products(&rows, Some(&rows), &mut shared));
            shared
        };
        assert_eq!(sum(1), sum(3));
    }
}
