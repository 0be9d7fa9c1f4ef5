//! Products and decompositions on plain row-major slices: the only place that calls the matrix library.
//!
//! Small work runs on the calling thread, large work is cut in a way that does not depend on how many threads there
//! are: the same input gives the same bits for any number of them.

mod dense;
mod general;
mod plain;
mod strips;

pub use dense::{
    LuFactors, SymmetricEigen, ThinSvd, add_scaled, add_transpose, frobenius, frobenius_inner, is_positive_definite,
    mirror_lower, product, product_into, product_symmetric, solve_definite, symmetric_eigen, symmetric_part, thin_svd,
};
pub use faer::traits::ComplexField as Entry;
pub(crate) use general::complex_eigen;
pub use general::{
    RangeSplit, SingularVectors, general_eigenvalues, multiply, singular_values, singular_vectors, solve_general,
    split_by_range,
};
pub use plain::{eigenvalues_of_lower, orthonormal_columns, plain_product, product_on_this_thread};
pub use strips::{Line, STRIP, Strips, add_cross_products, add_triangle_products};

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

/// A decomposition that could not be done.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LinalgError {
    /// The iteration for eigenvalues did not end.
    #[error("the eigenvalues of a {size} × {size} matrix did not converge; look for entries that are not finite")]
    EigenvaluesNotConverged {
        /// Rows of the matrix.
        size: usize,
    },
    /// A matrix that should be positive definite is not.
    #[error("a {size} × {size} matrix is not positive definite (pivot {pivot}); add a ridge to its diagonal")]
    NotPositiveDefinite {
        /// Rows of the matrix.
        size: usize,
        /// Where the factorisation stopped.
        pivot: usize,
    },
}

/// Eigenvalues of a symmetric matrix, descending.
///
/// # Shapes      matrix: n × n; only one triangle is read
/// # Errors      [`LinalgError::EigenvaluesNotConverged`]
/// # Cost        O(n³) time, no eigenvectors
pub fn symmetric_eigenvalues(matrix: &[f64], n: usize) -> Result<Vec<f64>, LinalgError> {
    assert_eq!(matrix.len(), n * n, "a symmetric {n} × {n} matrix");
    let mut values = Diag::<f64>::zeros(n);
    let scratch =
        evd::self_adjoint_evd_scratch::<f64>(n, evd::ComputeEigenvectors::No, Par::Seq, faer::Spec::default());
    evd::self_adjoint_evd(
        MatRef::from_column_major_slice(matrix, n, n),
        values.as_mut(),
        None,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        faer::Spec::default(),
    )
    .map_err(|_| LinalgError::EigenvaluesNotConverged { size: n })?;
    let mut values: Vec<f64> = values.column_vector().iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    Ok(values)
}

/// XᵀX: products of the columns of X.
///
/// # Shapes      samples: n × d → d × d, both triangles filled
/// # Cost        n d² multiply-adds by halves
pub fn column_products(samples: &[f64], n: usize, d: usize) -> Vec<f64> {
    let x = MatRef::from_row_major_slice(samples, n, d);
    symmetric_product(x.transpose(), x, d)
}

/// XXᵀ: products of the rows of X.
///
/// # Shapes      samples: n × d → n × n, both triangles filled
pub fn row_products(samples: &[f64], n: usize, d: usize) -> Vec<f64> {
    let x = MatRef::from_row_major_slice(samples, n, d);
    symmetric_product(x, x.transpose(), n)
}

/// The lower triangle of XᵀX in single precision; the upper triangle of `out` is left as it was.
///
/// One block of a long sum: callers add the blocks in f64, in order.
///
/// # Shapes      samples: n × d; out: d × d, row-major
pub fn column_products_f32(samples: &[f32], n: usize, d: usize, out: &mut [f32]) {
    let x = MatRef::from_row_major_slice(samples, n, d);
    // Row-major lower triangle = column-major upper triangle.
    triangular::matmul(
        MatMut::from_column_major_slice_mut(out, d, d),
        BlockStructure::TriangularUpper,
        Accum::Replace,
        x.transpose(),
        BlockStructure::Rectangular,
        x,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

/// All inner products ⟨aᵢ, bⱼ⟩ in single precision.
///
/// # Shapes      a: p × d, b: q × d → out: p × q
pub fn inner_products_f32(a: &[f32], b: &[f32], d: usize, out: &mut [f32]) {
    assert!(d > 0 && a.len().is_multiple_of(d) && b.len().is_multiple_of(d), "rows of {d} numbers");
    let (p, q) = (a.len() / d, b.len() / d);
    matmul(
        MatMut::from_row_major_slice_mut(out, p, q),
        Accum::Replace,
        MatRef::from_row_major_slice(a, p, d),
        MatRef::from_row_major_slice(b, q, d).transpose(),
        1.0,
        Par::Seq,
    );
}

/// Solve K W = R for a symmetric positive definite K; K is overwritten by its factor, R by W.
///
/// # Shapes      matrix: n × n; right: n × k
/// # Errors      [`LinalgError::NotPositiveDefinite`]
/// # Cost        n³/3 multiply-adds
pub fn solve_positive_definite(matrix: &mut [f64], right: &mut [f64], n: usize, k: usize) -> Result<(), LinalgError> {
    let mut factor = MatMut::from_column_major_slice_mut(matrix, n, n);
    let factoring = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, faer::Spec::default());
    let solving = llt::solve::solve_in_place_scratch::<f64>(n, k, Par::Seq);
    let mut memory = MemBuffer::new(factoring.or(solving));
    llt::factor::cholesky_in_place(
        factor.as_mut(),
        llt::factor::LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        faer::Spec::default(),
    )
    .map_err(|error| match error {
        llt::factor::LltError::NonPositivePivot { index } => LinalgError::NotPositiveDefinite { size: n, pivot: index },
    })?;
    llt::solve::solve_in_place(
        factor.as_ref(),
        MatMut::from_row_major_slice_mut(right, n, k),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    Ok(())
}

/// L R, known to be symmetric: one triangle computed, the other copied.
fn symmetric_product(left: MatRef<'_, f64>, right: MatRef<'_, f64>, size: usize) -> Vec<f64> {
    let mut out = vec![0.0; size * size];
    triangular::matmul(
        MatMut::from_column_major_slice_mut(&mut out, size, size),
        BlockStructure::TriangularLower,
        Accum::Replace,
        left,
        BlockStructure::Rectangular,
        right,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for column in 0..size {
        for row in column + 1..size {
            out[row * size + column] = out[column * size + row];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * (1.0 + b.abs())
    }

    #[test]
    fn products_are_those_of_the_definition() {
        let (n, d) = (7, 3);
        let x: Vec<f64> = (0..n * d).map(|i| ((i * 37 % 11) as f64) - 4.5).collect();
        let columns = column_products(&x, n, d);
        for i in 0..d {
            for j in 0..d {
                let expected: f64 = (0..n).map(|row| x[row * d + i] * x[row * d + j]).sum();
                assert!(close(columns[i * d + j], expected), "({i}, {j})");
            }
        }
        let rows = row_products(&x, n, d);
        let single: Vec<f32> = x.iter().map(|&v| v as f32).collect();
        let mut inner = vec![0.0f32; n * n];
        inner_products_f32(&single, &single, d, &mut inner);
        for i in 0..n {
            for j in 0..n {
                let expected: f64 = (0..d).map(|c| x[i * d + c] * x[j * d + c]).sum();
                assert!(close(rows[i * n + j], expected));
                assert!((f64::from(inner[i * n + j]) - expected).abs() < 1e-4);
            }
        }
        let mut lower = vec![-1.0f32; d * d];
        column_products_f32(&single, n, d, &mut lower);
        for i in 0..d {
            for j in 0..=i {
                assert!((f64::from(lower[i * d + j]) - columns[i * d + j]).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        // 2 on the diagonal, −1 beside it: 2 − 2 cos(kπ/(n+1)).
        let n = 5;
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            matrix[i * n + i] = 2.0;
            if i + 1 < n {
                matrix[i * n + i + 1] = -1.0;
                matrix[(i + 1) * n + i] = -1.0;
            }
        }
        let values = symmetric_eigenvalues(&matrix, n).expect("finite");
        for (k, value) in values.iter().enumerate() {
            let angle = (n - k) as f64 * std::f64::consts::PI / (n + 1) as f64;
            assert!(close(*value, 2.0 - 2.0 * angle.cos()), "{values:?}");
        }
    }

    #[test]
    fn a_solved_system_fits_and_an_indefinite_one_is_refused() {
        let matrix = [4.0, 1.0, 1.0, 3.0];
        let mut right = [1.0, 0.0, 2.0, 1.0];
        solve_positive_definite(&mut matrix.clone(), &mut right, 2, 2).expect("definite");
        for (k, expected) in [(0, [1.0, 2.0]), (1, [0.0, 1.0])] {
            for (row, value) in expected.iter().enumerate() {
                let got = matrix[row * 2] * right[k] + matrix[row * 2 + 1] * right[2 + k];
                assert!(close(got, *value));
            }
        }
        let refused = solve_positive_definite(&mut [1.0, 2.0, 2.0, 1.0], &mut [1.0, 1.0], 2, 1);
        assert_eq!(refused, Err(LinalgError::NotPositiveDefinite { size: 2, pivot: 1 }));
    }
}
