//! Products of row-major matrices of either float type, over the threads of the current pool.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::{BLOCK, Number, scratch};

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

/// A matrix in a product: the stored one, or its transpose.
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a, T> {
    values: MatRef<'a, T>,
}

impl<'a, T> Factor<'a, T> {
    /// A row-major matrix.
    ///
    /// # Shapes      values: rows × columns
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        Self { values: MatRef::from_row_major_slice(values, rows, columns) }
    }

    /// Its transpose, without moving a number.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { values: self.values.transpose() }
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
    let (left, right) = (left.values, right.values);
    let (n, k, d) = (left.nrows(), left.ncols(), right.ncols());
    if n * k * d >= WORTH_A_THREAD && k >= LONG * n.max(d) {
        return in_parts(left, right, out);
    }
    let out = MatMut::from_row_major_slice_mut(out, n, d);
    if n * k * d < WORTH_A_THREAD {
        multiply(out, left, right);
    } else if n > d {
        let rows = piece(n);
        out.par_row_chunks_mut(rows).enumerate().for_each(|(i, out)| {
            let count = out.nrows();
            multiply(out, left.subrows(i * rows, count), right);
        });
    } else {
        let columns = piece(d);
        out.par_col_chunks_mut(columns).enumerate().for_each(|(i, out)| {
            let count = out.ncols();
            multiply(out, left, right.subcols(i * columns, count));
        });
    }
}

fn multiply<T: Number>(out: MatMut<'_, T>, left: MatRef<'_, T>, right: MatRef<'_, T>) {
    matmul(out, Accum::Replace, left, right, T::from_f64(1.0), Par::Seq);
}

/// A small result of long sums, as the gradient of a matrix over all tokens: parts of the sums, added in their order. Pieces of
/// the result would each read both factors whole.
fn in_parts<T: Number>(left: MatRef<'_, T>, right: MatRef<'_, T>, out: &mut [T]) {
    let (n, k, d) = (left.nrows(), left.ncols(), right.ncols());
    let length = piece(k);
    scratch::with(k.div_ceil(length) * n * d, |parts: &mut [T]| {
        parts.par_chunks_mut(n * d).enumerate().for_each(|(i, part)| {
            let (first, count) = (i * length, length.min(k - i * length));
            let part = MatMut::from_row_major_slice_mut(part, n, d);
            multiply(part, left.subcols(first, count), right.subrows(first, count));
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
