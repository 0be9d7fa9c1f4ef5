//! Products that a caller spreads itself or measures by, eigenvalues of a matrix of which half is stored, and orthonormal
//! bases.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor;
use faer::linalg::{evd, householder};
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Spec};

use super::LinalgError;

/// Pieces of decompositions and of [`plain_product`]: fixed, so that bits do not follow the pool.
const PIECES: usize = 8;
/// Columns below which a basis is made on one thread.
const FEW_COLUMNS: usize = 192;

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

/// Orthonormal columns whose span holds the columns given, by reflections: orthonormal to rounding also where those given
/// depend on each other.
///
/// # Shapes      columns: k × r with r ≤ k → k × r
/// # Cost        2 r² k multiply-adds
pub fn orthonormal_columns(columns: MatRef<'_, f64>) -> Mat<f64> {
    let (k, r) = columns.shape();
    let par = if r < FEW_COLUMNS { Par::Seq } else { Par::rayon(PIECES) };
    let block = factor::recommended_block_size::<f64>(k, r);
    let mut reflectors = columns.to_owned();
    let mut coefficients = Mat::<f64>::zeros(block, r);
    let factoring = factor::qr_in_place_scratch::<f64>(k, r, block, par, Spec::default());
    let applying = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(k, block, r);
    let mut memory = MemBuffer::new(factoring.or(applying));
    factor::qr_in_place(reflectors.as_mut(), coefficients.as_mut(), par, MemStack::new(&mut memory), Spec::default());
    let mut basis = Mat::<f64>::identity(k, r);
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reflectors.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        basis.as_mut(),
        par,
        MemStack::new(&mut memory),
    );
    basis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_depend_on_each_other_get_an_orthonormal_basis_too() {
        for (k, r) in [(1, 1), (5, 3), (40, 40), (300, 210)] {
            let wave = |i: usize, j: usize| ((1 + 3 * i + 7 * j * j) as f64).sin();
            // Whole; one column small; two alike; one zero.
            for kind in 0..4 {
                let columns = Mat::from_fn(k, r, |i, j| match kind {
                    1 if j == r / 2 => 1e-9 * wave(i, j),
                    2 if j == r - 1 => wave(i, 0),
                    3 if j == r / 2 => 0.0,
                    _ => wave(i, j),
                });
                let basis = orthonormal_columns(columns.as_ref());
                let gram = basis.transpose() * &basis;
                let back = &basis * (basis.transpose() * &columns);
                for j in 0..r {
                    for i in 0..r {
                        let off = gram[(i, j)] - f64::from(u8::from(i == j));
                        assert!(off.abs() < 1e-13, "{k} × {r}, {kind}: {off:e}");
                    }
                    for i in 0..k {
                        let off = back[(i, j)] - columns[(i, j)];
                        assert!(off.abs() < 1e-13, "{k} × {r}, {kind}: {off:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn eigenvalues_are_read_from_the_lower_triangle_alone() {
        // [[2, 1], [1, 2]] with rubbish above the diagonal.
        let values = [2.0, 1.0, 77.0, 2.0];
        let matrix = MatRef::from_column_major_slice(&values, 2, 2);
        let found = eigenvalues_of_lower(matrix).expect("finite");
        assert!((found[0] - 3.0).abs() < 1e-14 && (found[1] - 1.0).abs() < 1e-14, "{found:?}");
    }
}
