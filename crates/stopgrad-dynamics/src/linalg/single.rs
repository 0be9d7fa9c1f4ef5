//! Products in single precision of matrices in double, for the inner work of iterations that double precision corrects.

use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use super::dense::{parallelism_of_product, product};

/// How the products inside a linear system are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// In f64.
    Double,
    /// In f32, from and to f64: half the time where products dominate, six digits.
    Single,
}

impl Arithmetic {
    /// L R.
    ///
    /// # Shapes      left: p × k, right: k × q → p × q
    pub(crate) fn product(self, left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
        if self == Self::Double {
            return product(left, right);
        }
        let (p, q) = (left.nrows(), right.ncols());
        let par = parallelism_of_product(p, left.ncols(), q);
        let (left, right) = (rounded(left), rounded(right));
        let mut out = Mat::<f32>::zeros(p, q);
        faer::linalg::matmul::matmul(out.as_mut(), Accum::Replace, left.as_ref(), right.as_ref(), 1.0, par);
        let mut wide = Mat::<f64>::zeros(p, q);
        wide.par_col_iter_mut().enumerate().for_each(|(j, column)| {
            column.iter_mut().zip(out.col(j).iter()).for_each(|(wide, narrow)| *wide = f64::from(*narrow));
        });
        wide
    }
}

/// A copy in single precision, stored as it lies: by columns, or by rows where it is a transpose.
fn rounded(matrix: MatRef<'_, f64>) -> Rounded {
    let by_columns = matrix.row_stride().abs() <= matrix.col_stride().abs();
    let source = if by_columns { matrix } else { matrix.transpose() };
    let mut stored = Mat::<f32>::zeros(source.nrows(), source.ncols());
    stored.par_col_iter_mut().enumerate().for_each(|(j, column)| {
        column.iter_mut().zip(source.col(j).iter()).for_each(|(narrow, wide)| *narrow = *wide as f32);
    });
    Rounded { stored, by_columns }
}

struct Rounded {
    stored: Mat<f32>,
    by_columns: bool,
}

impl Rounded {
    fn as_ref(&self) -> MatRef<'_, f32> {
        if self.by_columns { self.stored.as_ref() } else { self.stored.transpose() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{add_scaled, frobenius};

    #[test]
    fn single_precision_has_six_digits_of_double_for_transposes_too() {
        let left = Mat::from_fn(70, 50, |i, j| ((i * 31 + j * 17) as f64).sin());
        let right = Mat::from_fn(90, 50, |i, j| ((i * 13 + j * 7) as f64).cos());
        let exact = Arithmetic::Double.product(left.as_ref(), right.transpose());
        let mut off = Arithmetic::Single.product(left.as_ref(), right.transpose());
        assert_ne!(off, exact);
        add_scaled(&mut off, -1.0, exact.as_ref());
        assert!(frobenius(off.as_ref()) < 1e-6 * frobenius(exact.as_ref()));
    }
}
