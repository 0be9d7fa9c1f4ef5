//! Matrices without symmetry: products, spectra, ranges, systems.
//!
//! Small problems run on the calling thread; large ones are cut into eight parts whatever the pool, so the
//! bits depend on the sizes alone.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting as lu;
use faer::linalg::matmul::matmul;
use faer::linalg::qr::{col_pivoting, no_pivoting};
use faer::linalg::{evd, householder, svd};
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Spec, c64};

use super::LinalgError;

/// Multiply-adds from which a product is worth eight parts; below, waking threads costs more (measured on 2 cores).
const PARALLEL_WORK: usize = 1 << 21;
/// Rows from which a decomposition is worth eight parts.
const PARALLEL_ROWS: usize = 192;

/// out ← out + factor · L R, or out ← factor · L R.
///
/// # Shapes      left: p × k; right: k × q; out: p × q
/// # Cost        p k q multiply-adds
pub fn multiply(out: MatMut<'_, f64>, accumulate: Accum, left: MatRef<'_, f64>, right: MatRef<'_, f64>, factor: f64) {
    let work = left.nrows() * left.ncols() * right.ncols();
    let par = if work < PARALLEL_WORK { Par::Seq } else { Par::rayon(8) };
    matmul(out, accumulate, left, right, factor, par);
}

/// Eigenvalues of a square matrix.
///
/// # Convention  descending real parts, then descending imaginary parts: a pair stands together
/// # Errors      [`LinalgError::EigenvaluesNotConverged`], also when an entry is not finite
/// # Cost        about 10 n³ multiply-adds
pub fn general_eigenvalues(matrix: MatRef<'_, f64>) -> Result<Vec<c64>, LinalgError> {
    let n = matrix.nrows();
    assert_eq!(n, matrix.ncols(), "eigenvalues of a square matrix");
    if n == 0 {
        return Ok(Vec::new());
    }
    // Checked first: the iteration of the library need not end on entries that are not finite.
    if !matrix.is_all_finite() {
        return Err(LinalgError::EigenvaluesNotConverged { size: n });
    }
    let (mut re, mut im) = (Diag::<f64>::zeros(n), Diag::<f64>::zeros(n));
    let (par, none) = (par_for(n), evd::ComputeEigenvectors::No);
    let scratch = evd::evd_scratch::<f64>(n, none, none, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    evd::evd_real(matrix, re.as_mut(), im.as_mut(), None, None, par, MemStack::new(&mut memory), Spec::default())
        .map_err(|_| LinalgError::EigenvaluesNotConverged { size: n })?;
    let (re, im) = (re.column_vector(), im.column_vector());
    let mut values: Vec<c64> = re.iter().zip(im.iter()).map(|(&re, &im)| c64::new(re, im)).collect();
    values.sort_by(|a, b| b.re.total_cmp(&a.re).then(b.im.total_cmp(&a.im)));
    Ok(values)
}

/// Eigenvalues of a square complex matrix with eigenvectors of length 1 in the columns.
///
/// # Convention  descending real parts, then descending imaginary parts
/// # Errors      [`LinalgError::EigenvaluesNotConverged`], also when an entry is not finite
/// # Cost        about 25 n³ complex multiply-adds
pub(crate) fn complex_eigen(matrix: MatRef<'_, c64>) -> Result<(Vec<c64>, Mat<c64>), LinalgError> {
    let n = matrix.nrows();
    let failed = LinalgError::EigenvaluesNotConverged { size: n };
    if !matrix.is_all_finite() {
        return Err(failed);
    }
    let (mut values, mut vectors) = (Diag::<c64>::zeros(n), Mat::<c64>::zeros(n, n));
    let (par, none, all) = (par_for(n), evd::ComputeEigenvectors::No, evd::ComputeEigenvectors::Yes);
    let mut memory = MemBuffer::new(evd::evd_scratch::<c64>(n, none, all, par, Spec::default()));
    let stack = MemStack::new(&mut memory);
    evd::evd_cplx(matrix, values.as_mut(), None, Some(vectors.as_mut()), par, stack, Spec::default())
        .map_err(|_| failed)?;
    let values: Vec<c64> = values.column_vector().iter().copied().collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[b].re.total_cmp(&values[a].re).then(values[b].im.total_cmp(&values[a].im)));
    let length = |j: usize| vectors.col(j).iter().map(c64::norm_sqr).sum::<f64>().sqrt();
    let lengths: Vec<f64> = (0..n).map(length).collect();
    let unit = Mat::from_fn(n, n, |i, j| vectors[(i, order[j])] / lengths[order[j]]);
    Ok((order.iter().map(|&j| values[j]).collect(), unit))
}

/// Singular values, descending.
///
/// # Errors      [`LinalgError::EigenvaluesNotConverged`], also when an entry is not finite
pub fn singular_values(matrix: MatRef<'_, f64>) -> Result<Vec<f64>, LinalgError> {
    let (rows, columns) = matrix.shape();
    let failed = LinalgError::EigenvaluesNotConverged { size: rows.min(columns) };
    if !matrix.is_all_finite() {
        return Err(failed);
    }
    let mut values = Diag::<f64>::zeros(rows.min(columns));
    let (par, none) = (par_for(rows.min(columns)), svd::ComputeSvdVectors::No);
    let mut memory = MemBuffer::new(svd::svd_scratch::<f64>(rows, columns, none, none, par, Spec::default()));
    svd::svd(matrix, values.as_mut(), None, None, par, MemStack::new(&mut memory), Spec::default())
        .map_err(|_| failed)?;
    Ok(values.column_vector().iter().copied().collect())
}

/// L = U Σ Vᵀ, with all columns of U and V.
#[derive(Debug, Clone)]
pub struct SingularVectors {
    /// U, p × p, orthogonal.
    pub left: Mat<f64>,
    /// The diagonal of Σ, descending, min(p, q) of them.
    pub values: Vec<f64>,
    /// V, q × q, orthogonal.
    pub right: Mat<f64>,
}

/// Singular values and vectors.
///
/// # Shapes      matrix: p × q
/// # Errors      [`LinalgError::EigenvaluesNotConverged`], also when an entry is not finite
pub fn singular_vectors(matrix: MatRef<'_, f64>) -> Result<SingularVectors, LinalgError> {
    let (p, q) = matrix.shape();
    let failed = LinalgError::EigenvaluesNotConverged { size: p.min(q) };
    if !matrix.is_all_finite() {
        return Err(failed);
    }
    let (mut left, mut right) = (Mat::<f64>::zeros(p, p), Mat::<f64>::zeros(q, q));
    let mut values = Diag::<f64>::zeros(p.min(q));
    let (par, full) = (par_for(p.min(q)), svd::ComputeSvdVectors::Full);
    let mut memory = MemBuffer::new(svd::svd_scratch::<f64>(p, q, full, full, par, Spec::default()));
    let stack = MemStack::new(&mut memory);
    svd::svd(matrix, values.as_mut(), Some(left.as_mut()), Some(right.as_mut()), par, stack, Spec::default())
        .map_err(|_| failed)?;
    Ok(SingularVectors { left, values: values.column_vector().iter().copied().collect(), right })
}

/// Solve K W = R by elimination with row exchanges; R is overwritten by W.
///
/// A singular K gives entries that are not finite or huge: look at the residual.
///
/// # Shapes      matrix: n × n; right: n × k
/// # Cost        n³/3 + n² k multiply-adds
pub fn solve_general(matrix: MatRef<'_, f64>, right: MatMut<'_, f64>) {
    let (n, k) = (matrix.nrows(), right.ncols());
    let mut factors = matrix.to_owned();
    let (mut forward, mut backward) = (vec![0usize; n], vec![0usize; n]);
    let par = par_for(n);
    let factoring = lu::factor::lu_in_place_scratch::<usize, f64>(n, n, par, Spec::default());
    let solving = lu::solve::solve_in_place_scratch::<usize, f64>(n, k, par);
    let mut memory = MemBuffer::new(factoring.or(solving));
    let stack = MemStack::new(&mut memory);
    let (_, rows) = lu::factor::lu_in_place(factors.as_mut(), &mut forward, &mut backward, par, stack, Spec::default());
    lu::solve::solve_in_place(factors.as_ref(), factors.as_ref(), rows, right, par, MemStack::new(&mut memory));
}

/// Orthonormal bases of a range and of what is orthogonal to it.
#[derive(Debug, Clone)]
pub struct RangeSplit {
    /// d × k, orthonormal columns.
    pub range: Mat<f64>,
    /// d × (d − k), orthonormal columns, orthogonal to the range.
    pub complement: Mat<f64>,
}

/// The range of a matrix and its orthogonal complement, by QR with column exchanges.
///
/// A column counts when what is left of it is longer than `relative_floor` times the longest column.
///
/// # Shapes      columns: d × c → d × k and d × (d − k)
/// # Cost        4 d² c multiply-adds
pub fn split_by_range(columns: MatRef<'_, f64>, relative_floor: f64) -> RangeSplit {
    let (d, c) = columns.shape();
    if d == 0 || c == 0 {
        return RangeSplit { range: Mat::zeros(d, 0), complement: Mat::identity(d, d) };
    }
    let mut factors = columns.to_owned();
    let size = d.min(c);
    let block = no_pivoting::factor::recommended_block_size::<f64>(d, c);
    let mut coefficients = Mat::<f64>::zeros(block, size);
    let (mut forward, mut backward) = (vec![0usize; c], vec![0usize; c]);
    let par = par_for(size);
    let factoring = col_pivoting::factor::qr_in_place_scratch::<usize, f64>(d, c, block, par, Spec::default());
    let applying = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(d, block, d);
    let mut memory = MemBuffer::new(factoring.or(applying));
    col_pivoting::factor::qr_in_place(
        factors.as_mut(),
        coefficients.as_mut(),
        &mut forward,
        &mut backward,
        par,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    let floor = relative_floor * factors[(0, 0)].abs();
    let rank = (0..size).take_while(|&k| factors[(k, k)].abs() > floor).count();
    if rank == 0 {
        return RangeSplit { range: Mat::zeros(d, 0), complement: Mat::identity(d, d) };
    }
    let mut all = Mat::<f64>::identity(d, d);
    // The reflectors of columns that do not count are left out: that of a column of zeros is not finite.
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        factors.as_ref().subcols(0, rank),
        coefficients.as_ref().subcols(0, rank),
        Conj::No,
        all.as_mut(),
        par,
        MemStack::new(&mut memory),
    );
    RangeSplit { range: all.subcols(0, rank).to_owned(), complement: all.subcols(rank, d - rank).to_owned() }
}

fn par_for(rows: usize) -> Par {
    if rows < PARALLEL_ROWS { Par::Seq } else { Par::rayon(8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_of_a_rotation_and_of_nothing_finite() {
        let turn = Mat::from_fn(3, 3, |i, j| [[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, -1.0]][i][j]);
        let values = general_eigenvalues(turn.as_ref()).expect("finite");
        for (value, expected) in values.iter().zip([c64::new(0.0, 2.0), c64::new(0.0, -2.0), c64::new(-1.0, 0.0)]) {
            assert!((value - expected).norm() < 1e-14, "{values:?}");
        }
        let nan = Mat::from_fn(2, 2, |_, _| f64::NAN);
        assert_eq!(general_eigenvalues(nan.as_ref()), Err(LinalgError::EigenvaluesNotConverged { size: 2 }));
        assert!(singular_values(nan.as_ref()).is_err());
    }

    #[test]
    fn a_range_of_dependent_columns_has_its_rank_and_an_orthogonal_complement() {
        // Third column = first + second.
        let columns = Mat::from_fn(5, 3, |i, j| {
            let (first, second) = ((i as f64).sin(), (2.0 * i as f64).cos());
            [first, second, first + second][j]
        });
        let split = split_by_range(columns.as_ref(), 1e-12);
        assert_eq!((split.range.ncols(), split.complement.ncols()), (2, 3));
        let values = singular_values(columns.as_ref()).expect("finite");
        assert!(values[1] > 0.1 && values[2] < 1e-14, "{values:?}");
        for j in 0..3 {
            for k in 0..3 {
                let inner: f64 = (0..5).map(|i| split.complement[(i, k)] * columns[(i, j)]).sum();
                assert!(inner.abs() < 1e-14);
                let gram: f64 = (0..5).map(|i| split.complement[(i, k)] * split.complement[(i, j)]).sum();
                assert!((gram - f64::from(u8::from(j == k))).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn columns_of_zeros_do_no_harm() {
        for rank in 0..=3 {
            let columns = Mat::from_fn(6, 40, |i, j| if i == j && j < rank { 2.0 } else { 0.0 });
            let split = split_by_range(columns.as_ref(), 1e-8);
            assert_eq!((split.range.ncols(), split.complement.ncols()), (rank, 6 - rank));
            for k in 0..6 - rank {
                let column = split.complement.col(k);
                assert!((column.squared_norm_l2() - 1.0).abs() < 1e-15);
                assert!((0..rank).all(|i| column[i].abs() < 1e-15));
            }
        }
    }

    #[test]
    fn a_general_system_is_solved() {
        let matrix = Mat::from_fn(3, 3, |i, j| [[0.0, 2.0, 1.0], [1.0, -1.0, 0.0], [3.0, 0.0, 1.0]][i][j]);
        let expected = [1.0, -2.0, 0.5];
        let mut right = Mat::from_fn(3, 1, |i, _| (0..3).map(|j| matrix[(i, j)] * expected[j]).sum());
        solve_general(matrix.as_ref(), right.as_mut());
        for (i, value) in expected.iter().enumerate() {
            assert!((right[(i, 0)] - value).abs() < 1e-13);
        }
    }
}
