//! Products and decompositions of matrices of one to thousands of rows.
//!
//! Large ones are cut for a fixed number of threads ([`PIECES`]), whatever the pool has, so that the bits do not
//! depend on the machine's cores; small ones stay on the calling thread, where splitting costs more than it gains.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd;
use faer::linalg::lu::partial_pivoting as lu;
use faer::linalg::svd;
use faer::perm::PermRef;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};

use super::LinalgError;

/// Pieces into which large products and decompositions are cut: a constant, so that bits do not follow the pool.
const PIECES: usize = 8;
/// Multiply-adds below which a product stays on one thread: 96³, where starting threads costs a tenth of the work.
const SMALL_PRODUCT: usize = 96 * 96 * 96;
/// Rows below which a triangle is computed as a whole square.
const LEAF: usize = 256;
/// Rows of a tile of a transposition.
const TILE: usize = 64;
/// Rows below which a decomposition stays on one thread.
const SMALL_SIZE: usize = 192;

/// A = Q diag(values) Qᵀ of a symmetric A.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, descending.
    pub values: Vec<f64>,
    /// Eigenvectors in the columns, in the order of the values: n × n.
    pub vectors: Mat<f64>,
}

/// A = U diag(values) Vᵀ, thin.
#[derive(Debug, Clone, PartialEq)]
pub struct ThinSvd {
    /// Left vectors: p × k with k = min(p, q).
    pub left: Mat<f64>,
    /// Singular values, descending: k.
    pub values: Vec<f64>,
    /// Right vectors: q × k.
    pub right: Mat<f64>,
}

/// L R.
///
/// # Shapes      left: p × k, right: k × q → p × q
/// # Cost        p q k multiply-adds
pub fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(left.nrows(), right.ncols());
    product_into(&mut out, Accum::Replace, left, right, 1.0);
    out
}

/// out ← scale · L R, or out + scale · L R.
pub fn product_into(out: &mut Mat<f64>, accumulate: Accum, left: MatRef<'_, f64>, right: MatRef<'_, f64>, scale: f64) {
    let par = parallelism_of_product(left.nrows(), left.ncols(), right.ncols());
    faer::linalg::matmul::matmul(out.as_mut(), accumulate, left, right, scale, par);
}

/// L R where the result is known to be symmetric: the lower triangle computed by halves, then copied.
///
/// # Shapes      left: n × k, right: k × n → n × n
/// # Cost        9/16 of the n² k multiply-adds of the whole product
pub fn product_symmetric(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let n = left.nrows();
    let mut out = Mat::zeros(n, n);
    lower_product(out.as_mut(), left, right);
    mirror_lower(&mut out);
    out
}

/// The lower triangle of L R (and parts of the upper one), as two halves and the block below the diagonal.
///
/// Full products of the blocks: the library's own triangular product gains a fifth here, not a half.
fn lower_product(mut out: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    let n = left.nrows();
    if n < LEAF {
        let par = parallelism_of_product(n, left.ncols(), n);
        faer::linalg::matmul::matmul(out, Accum::Replace, left, right, 1.0, par);
        return;
    }
    let half = n / 2;
    let (upper, lower) = left.split_at_row(half);
    let (near, far) = right.split_at_col(half);
    let par = parallelism_of_product(n - half, left.ncols(), half);
    let block = out.as_mut().submatrix_mut(half, 0, n - half, half);
    faer::linalg::matmul::matmul(block, Accum::Replace, lower, near, 1.0, par);
    lower_product(out.as_mut().submatrix_mut(0, 0, half, half), upper, near);
    lower_product(out.submatrix_mut(half, half, n - half, n - half), lower, far);
}

/// Copies the lower triangle over the upper one, in tiles that stay in the cache.
pub fn mirror_lower(matrix: &mut Mat<f64>) {
    let n = matrix.nrows();
    for (columns, rows) in tiles(n) {
        for column in columns {
            for row in rows.clone().filter(|&row| row > column) {
                matrix[(column, row)] = matrix[(row, column)];
            }
        }
    }
}

/// A + Aᵀ → A, in tiles.
pub fn add_transpose(matrix: &mut Mat<f64>) {
    let n = matrix.nrows();
    for (columns, rows) in tiles(n) {
        for column in columns {
            for row in rows.clone().filter(|&row| row >= column) {
                let sum = matrix[(row, column)] + matrix[(column, row)];
                matrix[(row, column)] = sum;
                matrix[(column, row)] = sum;
            }
        }
    }
}

/// Pairs of ranges (columns, rows) that cover the lower triangle in tiles.
fn tiles(n: usize) -> impl Iterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>)> {
    let starts = move |from: usize| (from..n).step_by(TILE);
    starts(0).flat_map(move |column| {
        starts(column).map(move |row| (column..(column + TILE).min(n), row..(row + TILE).min(n)))
    })
}

/// (A + Aᵀ)/2.
pub fn symmetric_part(matrix: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| f64::midpoint(matrix[(i, j)], matrix[(j, i)]))
}

/// |A|_F, columns added in order.
pub fn frobenius(matrix: MatRef<'_, f64>) -> f64 {
    frobenius_inner(matrix, matrix).sqrt()
}

/// Σ Aᵢⱼ Bᵢⱼ, each column in the fixed order of [`crate::statistics`], columns in order.
pub fn frobenius_inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    let columns: Vec<f64> = (0..a.ncols()).map(|j| column_inner(a, b, j)).collect();
    crate::statistics::sum_fixed(&columns)
}

fn column_inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>, j: usize) -> f64 {
    match (a.col(j).try_as_col_major(), b.col(j).try_as_col_major()) {
        (Some(x), Some(y)) => crate::statistics::inner_product(x.as_slice(), y.as_slice()),
        _ => (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum(),
    }
}

/// a ← a + scale · b.
pub fn add_scaled(a: &mut Mat<f64>, scale: f64, b: MatRef<'_, f64>) {
    for j in 0..a.ncols() {
        let column = a.col_as_slice_mut(j);
        match b.col(j).try_as_col_major() {
            Some(other) => column.iter_mut().zip(other.as_slice()).for_each(|(x, y)| *x += scale * y),
            None => column.iter_mut().zip(b.col(j).iter()).for_each(|(x, y)| *x += scale * y),
        }
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix.
///
/// # Shapes      matrix: n × n; only the lower triangle is read
/// # Convention  eigenvalues descending; the largest entry of each eigenvector is positive
/// # Errors      [`LinalgError::EigenvaluesNotConverged`]
/// # Cost        about 9 n³ multiply-adds
pub fn symmetric_eigen(matrix: MatRef<'_, f64>) -> Result<SymmetricEigen, LinalgError> {
    let n = matrix.nrows();
    let par = parallelism_of_size(n);
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, evd::ComputeEigenvectors::Yes, par, Spec::default());
    evd::self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| LinalgError::EigenvaluesNotConverged { size: n })?;
    let values: Vec<f64> = values.column_vector().iter().rev().copied().collect();
    if !values.iter().all(|value| value.is_finite()) {
        return Err(LinalgError::EigenvaluesNotConverged { size: n });
    }
    let signs: Vec<f64> = (0..n).map(|j| sign_of_largest(vectors.as_ref(), j)).collect();
    let vectors = Mat::from_fn(n, n, |i, j| signs[n - 1 - j] * vectors[(i, n - 1 - j)]);
    Ok(SymmetricEigen { values, vectors })
}

fn sign_of_largest(vectors: MatRef<'_, f64>, column: usize) -> f64 {
    let largest = vectors.col(column).iter().fold(0.0_f64, |best, &x| if x.abs() > best.abs() { x } else { best });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

/// Singular values and vectors.
///
/// # Errors      [`LinalgError::EigenvaluesNotConverged`]
pub fn thin_svd(matrix: MatRef<'_, f64>) -> Result<ThinSvd, LinalgError> {
    let (p, q) = matrix.shape();
    let k = p.min(q);
    let par = parallelism_of_size(k);
    let thin = svd::ComputeSvdVectors::Thin;
    let mut values = Diag::<f64>::zeros(k);
    let (mut left, mut right) = (Mat::zeros(p, k), Mat::zeros(q, k));
    let scratch = svd::svd_scratch::<f64>(p, q, thin, thin, par, Spec::default());
    svd::svd(
        matrix,
        values.as_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| LinalgError::EigenvaluesNotConverged { size: k })?;
    Ok(ThinSvd { left, values: values.column_vector().iter().copied().collect(), right })
}

/// Whether a symmetric matrix is positive definite: its Cholesky factorisation goes through.
///
/// # Shapes      matrix: n × n; only the lower triangle is read
/// # Cost        n³/3 multiply-adds
pub fn is_positive_definite(matrix: MatRef<'_, f64>) -> bool {
    cholesky(matrix).is_ok()
}

/// L with A = L Lᵀ, in the lower triangle (the upper one is not cleared).
///
/// # Errors      [`LinalgError::NotPositiveDefinite`]
fn cholesky(matrix: MatRef<'_, f64>) -> Result<Mat<f64>, LinalgError> {
    let n = matrix.nrows();
    let par = parallelism_of_size(n);
    let mut factor = matrix.to_owned();
    let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, par, Spec::default());
    llt::factor::cholesky_in_place(
        factor.as_mut(),
        llt::factor::LltRegularization::default(),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|llt::factor::LltError::NonPositivePivot { index }| LinalgError::NotPositiveDefinite {
        size: n,
        pivot: index,
    })?;
    Ok(factor)
}

/// W with K W = R for a symmetric positive definite K.
///
/// # Shapes      matrix: n × n (lower triangle read); right: n × k → n × k
/// # Errors      [`LinalgError::NotPositiveDefinite`]
pub fn solve_definite(matrix: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Result<Mat<f64>, LinalgError> {
    let (n, k) = right.shape();
    let par = parallelism_of_size(n);
    let factor = cholesky(matrix)?;
    let mut out = right.to_owned();
    let scratch = llt::solve::solve_in_place_scratch::<f64>(n, k, par);
    llt::solve::solve_in_place(factor.as_ref(), out.as_mut(), par, MemStack::new(&mut MemBuffer::new(scratch)));
    Ok(out)
}

/// A = P⁻¹ L U, kept to solve with A and with Aᵀ.
#[derive(Debug, Clone)]
pub struct LuFactors {
    factors: Mat<f64>,
    forward: Vec<usize>,
    backward: Vec<usize>,
}

impl LuFactors {
    /// Factors a square matrix.
    ///
    /// A singular one gives infinite or NaN solutions: callers look at what they get.
    ///
    /// # Cost        n³/3 multiply-adds
    pub fn new(matrix: MatRef<'_, f64>) -> Self {
        let n = matrix.nrows();
        let par = parallelism_of_size(n);
        let mut factors = matrix.to_owned();
        let (mut forward, mut backward) = (vec![0usize; n], vec![0usize; n]);
        let scratch = lu::factor::lu_in_place_scratch::<usize, f64>(n, n, par, Spec::default());
        lu::factor::lu_in_place(
            factors.as_mut(),
            &mut forward,
            &mut backward,
            par,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Spec::default(),
        );
        Self { factors, forward, backward }
    }

    /// ln |det A|; −∞ for a singular matrix.
    pub fn log_determinant(&self) -> f64 {
        let logs: Vec<f64> = (0..self.factors.nrows()).map(|i| self.factors[(i, i)].abs().ln()).collect();
        crate::statistics::sum_fixed(&logs)
    }

    /// The sign of det A: 1 or −1, 0 for a singular matrix.
    pub fn determinant_sign(&self) -> f64 {
        let mut sign = (0..self.factors.nrows()).map(|i| self.factors[(i, i)]).fold(1.0, |sign, pivot| match pivot {
            pivot if pivot > 0.0 => sign,
            pivot if pivot < 0.0 => -sign,
            _ => 0.0,
        });
        // A cycle of even length is an odd permutation.
        let mut seen = vec![false; self.forward.len()];
        for start in 0..seen.len() {
            let (mut at, mut length) = (start, 0);
            while !seen[at] {
                seen[at] = true;
                (at, length) = (self.forward[at], length + 1);
            }
            if length > 0 && length % 2 == 0 {
                sign = -sign;
            }
        }
        sign
    }

    /// W with A W = R.
    ///
    /// # Shapes      right: n × k → n × k
    pub fn solve(&self, right: MatRef<'_, f64>) -> Mat<f64> {
        let (n, k) = right.shape();
        let par = parallelism_of_size(n);
        let mut out = right.to_owned();
        let permutation = PermRef::new_checked(&self.forward, &self.backward, n);
        let scratch = lu::solve::solve_in_place_scratch::<usize, f64>(n, k, par);
        let stack = &mut MemBuffer::new(scratch);
        let factors = self.factors.as_ref();
        lu::solve::solve_in_place(factors, factors, permutation, out.as_mut(), par, MemStack::new(stack));
        out
    }

    /// W with Aᵀ W = R.
    ///
    /// # Shapes      right: n × k → n × k
    pub fn solve_transposed(&self, right: MatRef<'_, f64>) -> Mat<f64> {
        let (n, k) = right.shape();
        let par = parallelism_of_size(n);
        let mut out = right.to_owned();
        let permutation = PermRef::new_checked(&self.forward, &self.backward, n);
        let scratch = lu::solve::solve_transpose_in_place_scratch::<usize, f64>(n, k, par);
        let stack = &mut MemBuffer::new(scratch);
        let factors = self.factors.as_ref();
        lu::solve::solve_transpose_in_place(factors, factors, permutation, out.as_mut(), par, MemStack::new(stack));
        out
    }
}

/// The fixed cut of a product of p × k and k × q.
fn parallelism_of_product(p: usize, k: usize, q: usize) -> Par {
    if p * k * q < SMALL_PRODUCT { Par::Seq } else { Par::rayon(PIECES) }
}

/// The fixed cut of a decomposition of n rows.
fn parallelism_of_size(n: usize) -> Par {
    if n < SMALL_SIZE { Par::Seq } else { Par::rayon(PIECES) }
}
