//! Products of row-major matrices of either float type, over the threads of the current pool.

use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

/// Below this many multiply-adds waking a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 192 * 192 * 192;

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
/// The inner dimension is never split between threads: the same bits for any number of them.
///
/// # Shapes      left: n × k, right: k × d → out: n × d, row-major
/// # Cost        n k d multiply-adds
pub fn product<T: ComplexField>(left: &Factor<'_, T>, right: &Factor<'_, T>, out: &mut [T]) {
    let (n, k, d) = (left.values.nrows(), left.values.ncols(), right.values.ncols());
    let par = if n * k * d >= WORTH_A_THREAD { Par::rayon(0) } else { Par::Seq };
    let out = MatMut::from_row_major_slice_mut(out, n, d);
    matmul(out, Accum::Replace, left.values, right.values, T::one_impl(), par);
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
                product(&left, &right, &mut out);
                assert_eq!(out, expected, "integers are exact");
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        // Large enough to be cut, and no multiple of any block.
        let (n, k, d) = (131, 517, 259);
        let a: Vec<f32> = (0..n * k).map(|i| (i as f32 * 0.37).sin()).collect();
        let b: Vec<f32> = (0..k * d).map(|i| (i as f32 * 0.71).cos()).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let mut out = vec![0.0_f32; n * d];
            pool.install(|| product(&Factor::new(&a, n, k), &Factor::new(&b, k, d), &mut out));
            out
        };
        let one = with(1);
        for threads in [2, 3, 5, 8] {
            assert!(with(threads).iter().zip(&one).all(|(x, y)| x.to_bits() == y.to_bits()), "{threads} threads");
        }
    }
}
