//! Products that a caller spreads itself or measures by, and eigenvalues of a matrix of which half is stored.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par, Spec};

use super::LinalgError;

/// Pieces of decompositions and of [`plain_product`]: fixed, so that bits do not follow the pool.
const PIECES: usize = 8;

/// RᵀR as one plain product, no symmetry used, on this thread or `spread` over threads: the rate of the faster of the
/// two is what the sums of moments are measured against.
///
/// # Shapes      rows: b × m, row-major; out: m × m, overwritten
/// # Cost        b m² multiply-adds
pub fn plain_product(rows: &[f64], m: usize, out: &mut [f64], spread: bool) {
    let r = MatRef::from_row_major_slice(rows, rows.len() / m, m);
    let out = MatMut::from_column_major_slice_mut(out, m, m);
    let par = if spread { Par::rayon(PIECES) } else { Par::Seq };
    matmul(out, Accum::Replace, r.transpose(), r, 1.0, par);
}

/// out ← factor · L R, or added to out, on the calling thread: for blocks that a caller spreads over threads.
///
/// # Shapes      left: p × k, right: k × q → out: p × q
pub fn product_on_this_thread(
    out: MatMut<'_, f64>, accumulate: Accum, left: MatRef<'_, f64>, right: MatRef<'_, f64>, factor: f64,
) {
    matmul(out, accumulate, left, right, factor, Par::Seq);
}

/// Eigenvalues of a symmetric matrix of which only the lower triangle is read, descending.
///
/// # Shapes      matrix: n × n, any strides
/// # Errors      [`LinalgError::EigenvaluesNotConverged`]
/// # Cost        O(n³) time; one copy of the matrix
pub fn eigenvalues_of_lower(matrix: MatRef<'_, f64>) -> Result<Vec<f64>, LinalgError> {
    let n = matrix.nrows();
    let par = Par::rayon(PIECES);
    let mut values = Diag::<f64>::zeros(n);
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, evd::ComputeEigenvectors::No, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    evd::self_adjoint_evd(matrix, values.as_mut(), None, par, MemStack::new(&mut memory), Spec::default())
        .map_err(|_| LinalgError::EigenvaluesNotConverged { size: n })?;
    let mut values: Vec<f64> = values.column_vector().iter().copied().collect();
    if !values.iter().all(|value| value.is_finite()) {
        return Err(LinalgError::EigenvaluesNotConverged { size: n });
    }
    values.sort_by(|a, b| b.total_cmp(a));
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_are_read_from_the_lower_triangle_alone() {
        // [[2, 1], [1, 2]] with rubbish above the diagonal.
        let values = [2.0, 1.0, 77.0, 2.0];
        let matrix = MatRef::from_column_major_slice(&values, 2, 2);
        let found = eigenvalues_of_lower(matrix).expect("finite");
        assert!((found[0] - 3.0).abs() < 1e-14 && (found[1] - 1.0).abs() < 1e-14, "{found:?}");
    }
}
