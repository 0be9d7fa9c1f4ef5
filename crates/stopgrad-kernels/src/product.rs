//! Products of row-major matrices of either float type, over the threads of the current pool.

mod panels;
mod tile;

use rayon::prelude::*;

use crate::{BLOCK, Number, block, scratch};
pub(crate) use panels::LaidOut;
use tile::multiply_then;
pub(crate) use tile::{Target, multiply};

/// Below this many multiply-adds waking a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 192 * 192 * 192;

/// Pieces of a large product. More than there are usually threads, so that one that is kept away does not hold up the
/// others; the matrix library's own division lets all threads wait for each other at every block, which costs a
/// fifth of the time on a machine whose cores also prepare the data.
const PIECES: usize = 4;

/// Pieces begin at a multiple of this, a whole number of the kernel's tiles.
const TILE: usize = 32;

/// Sums so many times as long as the sides of the result are cut, and not the result.
const LONG: usize = 4;

/// A matrix in a product: the stored one, its transpose, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a, T> {
    /// From its first number on.
    values: &'a [T],
    rows: usize,
    columns: usize,
    /// Numbers from one row to the next.
    down: usize,
    /// Numbers from one column to the next.
    across: usize,
}

impl<'a, T> Factor<'a, T> {
    /// A row-major matrix.
    ///
    /// # Shapes      values: rows × columns
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} × {columns}");
        Self { values, rows, columns, down: columns, across: 1 }
    }

    /// Its transpose, without moving a number.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, down: self.across, across: self.down, ..self }
    }

    /// Some rows and columns of it: from the first ones on, so many.
    #[must_use]
    pub(crate) fn part(self, rows: (usize, usize), columns: (usize, usize)) -> Self {
        assert!(rows.0 + rows.1 <= self.rows && columns.0 + columns.1 <= self.columns, "a part of the matrix");
        let first = rows.0 * self.down + columns.0 * self.across;
        Self { values: &self.values[first.min(self.values.len())..], rows: rows.1, columns: columns.1, ..self }
    }
}

/// L R → out.
///
/// Cut along the longer side of the result, or along sums that are much longer, in pieces that depend on its shape alone: the same bits for any number of
/// threads.
///
/// # Shapes      left: n × k, right: k × d → out: n × d, row-major
/// # Cost        n k d multiply-adds
pub fn row_major_product<T: Number>(left: &Factor<'_, T>, right: &Factor<'_, T>, out: &mut [T]) {
    product_then(left, right, out, &mut [], |_, _| {});
}

/// L R → out; `finish` is given complete rows of the result, while they are in the cache where rows are what tasks make, and the same
/// rows of `beside`, or nothing where that is empty.
///
/// # Shapes      left: n × k, right: k × d → out: n × d, row-major; beside: n × d or empty
pub(crate) fn product_then<T: Number>(
    left: &Factor<'_, T>, right: &Factor<'_, T>, out: &mut [T], beside: &mut [T],
    finish: impl Fn(&mut [T], &mut [T]) + Sync,
) {
    let (n, k, d) = (left.rows, left.columns, right.columns);
    assert_eq!(out.len(), n * d, "a result of {n} × {d}");
    let worth = n * k * d >= WORTH_A_THREAD;
    if worth && k >= LONG * n.max(d) {
        in_parts(*left, *right, out);
    } else if worth && n <= d {
        by_columns(*left, *right, out);
    } else if n * d > 0 {
        return by_rows(left, right, if worth { piece(n) } else { n }, (out, beside), finish);
    }
    let rows = block(d.max(1));
    pairs(out, beside, rows).into_par_iter().for_each(|(out, beside)| finish(out, beside));
}

/// Pieces of one slice with those of another, which may be empty.
fn pairs<'a, T>(out: &'a mut [T], beside: &'a mut [T], length: usize) -> Vec<(&'a mut [T], &'a mut [T])> {
    let mut beside = beside.chunks_mut(length);
    out.chunks_mut(length).map(|out| (out, beside.next().unwrap_or_default())).collect()
}

/// Each task makes some rows.
fn by_rows<T: Number>(
    left: &Factor<'_, T>, right: &Factor<'_, T>, rows: usize, (out, beside): (&mut [T], &mut [T]),
    finish: impl Fn(&mut [T], &mut [T]) + Sync,
) {
    let (k, d) = (left.columns, right.columns);
    pairs(out, beside, rows * d).into_par_iter().enumerate().for_each(|(i, (out, beside))| {
        let part = left.part((i * rows, out.len() / d), (0, k));
        let target = Target { values: out, stride: d, add: false };
        multiply_then(part, (*right).into(), T::from_f64(1.0), target, &mut |first, rows| {
            let here = first * d..first * d + rows.len();
            finish(rows, beside.get_mut(here).unwrap_or_default());
        });
    });
}

/// A result with long rows: each task makes some columns, which lie apart in memory, in a place of its own.
fn by_columns<T: Number>(left: Factor<'_, T>, right: Factor<'_, T>, out: &mut [T]) {
    let (n, k, d) = (left.rows, left.columns, right.columns);
    let columns = piece(d);
    scratch::with(n * d, |parts: &mut [T]| {
        parts.par_chunks_mut(n * columns).enumerate().for_each(|(i, part)| {
            let count = columns.min(d - i * columns);
            whole(left, right.part((0, k), (i * columns, count)), part, count);
        });
        let parts = &*parts;
        out.par_chunks_mut(d).enumerate().for_each(|(row, out)| {
            for (i, out) in out.chunks_mut(columns).enumerate() {
                let from = i * columns * n + row * out.len();
                out.copy_from_slice(&parts[from..from + out.len()]);
            }
        });
    });
}

fn whole<T: Number>(left: Factor<'_, T>, right: Factor<'_, T>, out: &mut [T], stride: usize) {
    multiply(left, right, T::from_f64(1.0), Target { values: out, stride, add: false });
}

/// A small result of long sums, as the gradient of a matrix over all tokens: parts of the sums, added in their order. Pieces of
/// the result would each read both factors whole.
fn in_parts<T: Number>(left: Factor<'_, T>, right: Factor<'_, T>, out: &mut [T]) {
    let (n, k, d) = (left.rows, left.columns, right.columns);
    let length = piece(k);
    scratch::with(k.div_ceil(length) * n * d, |parts: &mut [T]| {
        parts.par_chunks_mut(n * d).enumerate().for_each(|(i, part)| {
            let terms = (i * length, length.min(k - i * length));
            whole(left.part((0, n), terms), right.part(terms, (0, d)), part, d);
        });
        let parts = &*parts;
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(i, out)| {
            let here = i * BLOCK..i * BLOCK + out.len();
            out.copy_from_slice(&parts[here.clone()]);
            for part in parts.chunks_exact(n * d).skip(1) {
                out.iter_mut().zip(&part[here.clone()]).for_each(|(sum, &value)| *sum += value);
            }
        });
    });
}

fn piece(length: usize) -> usize {
    length.div_ceil(PIECES).next_multiple_of(TILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, step: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * step % 23) as f64) - 11.0).collect()
    }

    #[test]
    fn all_four_transposes_are_those_of_the_definition() {
        let (n, k, d) = (5, 4, 3);
        let (a, b) = (values(n * k, 7), values(k * d, 5));
        let turn = |m: &[f64], rows: usize, columns: usize| -> Vec<f64> {
            (0..rows * columns).map(|i| m[i % rows * columns + i / rows]).collect()
        };
        let (at, bt) = (turn(&a, n, k), turn(&b, k, d));
        let expected: Vec<f64> =
            (0..n * d).map(|i| (0..k).map(|j| a[i / d * k + j] * b[j * d + i % d]).sum()).collect();
        for left in [Factor::new(&a, n, k), Factor::new(&at, k, n).transposed()] {
            for right in [Factor::new(&b, k, d), Factor::new(&bt, d, k).transposed()] {
                let mut out = vec![f64::NAN; n * d];
                row_major_product(&left, &right, &mut out);
                assert_eq!(out, expected, "integers are exact");
            }
        }
    }

    /// Every remainder of rows, columns and terms, parts of larger matrices, results that lie apart, sums added to what is there; with
    /// numbers whose products are exact.
    #[test]
    fn parts_of_matrices_go_where_they_belong() {
        let check = |n: usize, k: usize, d: usize, add: bool| {
            let (a, b) = (values((n + 2) * (k + 3), 7), values((k + 1) * (d + 2), 5));
            let left = Factor::new(&a, n + 2, k + 3).part((1, n), (2, k));
            let right = Factor::new(&b, k + 1, d + 2).part((1, k), (1, d));
            let stride = d + 3;
            let mut out = vec![5.0; n * stride];
            multiply(left, right, 2.0, Target { values: &mut out, stride, add });
            let entry = |i: usize, j: usize| {
                (0..k).map(|l| a[(i + 1) * (k + 3) + l + 2] * b[(l + 1) * (d + 2) + j + 1]).sum::<f64>()
            };
            for (place, &value) in out.iter().enumerate() {
                let (i, j) = (place / stride, place % stride);
                let wanted = if j >= d { 5.0 } else { 2.0 * entry(i, j) + if add { 5.0 } else { 0.0 } };
                assert!((value - wanted).abs() < 1e-12, "{n} × {k} × {d}, row {i}, column {j}: {value}, not {wanted}");
            }
        };
        // An interpreter takes minutes for all of them.
        let (rows, columns) = if cfg!(miri) { (5..6, 3..5) } else { (1..14, 1..67) };
        for n in rows {
            for d in columns.clone() {
                check(n, 4, d, n % 2 == 0);
            }
        }
        if cfg!(miri) {
            return check(9, 3, 17, true);
        }
        for (n, k, d) in [(121, 3, 5), (126, 3, 5), (7, 0, 5), (3, 257, 9), (8, 513, 9)] {
            check(n, k, d, true);
            check(n, k, d, false);
        }
        multiply(
            Factor::new(&[], 0, 3),
            Factor::new(&[0.0; 6], 3, 2),
            1.0,
            Target { values: &mut [], stride: 2, add: true },
        );
    }

    #[test]
    fn long_sums_are_exact_in_whole_numbers() {
        let (n, k, d) = (70, 1433, 90);
        let (a, b) = (values(n * k, 7), values(k * d, 5));
        let mut out = vec![f64::NAN; n * d];
        row_major_product(&Factor::new(&a, n, k), &Factor::new(&b, k, d), &mut out);
        let expected: Vec<f64> =
            (0..n * d).map(|i| (0..k).map(|j| a[i / d * k + j] * b[j * d + i % d]).sum()).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        // Large enough to be cut, and no multiple of any block.
        bits_of(131, 517, 259);
        bits_of(70, 1433, 90);
    }

    fn bits_of(n: usize, k: usize, d: usize) {
        let a: Vec<f32> = (0..n * k).map(|i| (i as f32 * 0.37).sin()).collect();
        let b: Vec<f32> = (0..k * d).map(|i| (i as f32 * 0.71).cos()).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let mut out = vec![0.0_f32; n * d];
            pool.install(|| row_major_product(&Factor::new(&a, n, k), &Factor::new(&b, k, d), &mut out));
            out
        };
        let one = with(1);
        for threads in [2, 3, 5, 8] {
            assert!(with(threads).iter().zip(&one).all(|(x, y)| x.to_bits() == y.to_bits()), "{threads} threads");
        }
    }
}
