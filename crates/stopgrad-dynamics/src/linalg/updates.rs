//! Products of the rows of a block, added to a growing sum: what the moments of a long stream are made of.
//!
//! A sum is cut into panels of [`PANEL`] columns, and each panel is computed whole by one thread, so that neither
//! the number of threads nor their speed changes a bit. Two symmetric sums share one array, one in each triangle.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par, Spec};
use rayon::prelude::*;

use super::LinalgError;

/// Columns of a panel: wide enough for 85 % of the rate of one large product, narrow enough to feed several threads
/// at a few hundred columns (of 64 to 392 the best at m = 784, and as good as any at 3,072).
const PANEL: usize = 128;
/// Pieces of decompositions and of [`plain_product`]: fixed, so that bits do not follow the pool.
const PIECES: usize = 8;

/// Adds LᵀL to the lower and UᵀU to the upper of two symmetric matrices that share an array.
///
/// The array has m columns of m + 1 numbers: the lower matrix's (i, j), i ≥ j, lies at row i + 1 of column j, the
/// upper one's (i, j), i ≤ j, at row i of column j. A panel is long below where it is short above, so all are alike.
///
/// # Shapes      lower, upper: rows of m, row-major, may be empty; shared: (m + 1) × m, column-major
/// # Cost        m² / 2 multiply-adds a row
pub fn add_triangle_products(lower: &[f64], upper: &[f64], m: usize, shared: &mut [f64]) {
    assert_eq!(shared.len(), (m + 1) * m, "two triangles of {m} columns");
    assert!(lower.len().is_multiple_of(m) && upper.len().is_multiple_of(m), "rows of {m} numbers");
    let [lower, upper] = [lower, upper].map(|rows| MatRef::from_row_major_slice(rows, rows.len() / m, m));
    shared.par_chunks_mut((m + 1) * PANEL).enumerate().for_each(|(panel_idx, panel)| {
        let (first, width) = (panel_idx * PANEL, panel.len() / (m + 1));
        let mut panel = MatMut::from_column_major_slice_mut(panel, m + 1, width);
        if lower.nrows() > 0 {
            let below = panel.rb_mut().submatrix_mut(first + 1, 0, m - first, width);
            let (square, rest) = below.split_at_row_mut(width);
            let others = lower.subcols(first + width, m - first - width);
            add_panel(square, BlockStructure::TriangularLower, rest, lower.subcols(first, width), others);
        }
        if upper.nrows() > 0 {
            let above = panel.submatrix_mut(0, 0, first + width, width);
            let (rest, square) = above.split_at_row_mut(first);
            let others = upper.subcols(0, first);
            add_panel(square, BlockStructure::TriangularUpper, rest, upper.subcols(first, width), others);
        }
    });
}

/// Adds OwnᵀOwn to a triangle and OthersᵀOwn to what is left of its panel.
fn add_panel(
    square: MatMut<'_, f64>, triangle: BlockStructure, rest: MatMut<'_, f64>, own: MatRef<'_, f64>,
    others: MatRef<'_, f64>,
) {
    let full = BlockStructure::Rectangular;
    triangular::matmul(square, triangle, Accum::Add, own.transpose(), full, own, full, 1.0, Par::Seq);
    matmul(rest, Accum::Add, others.transpose(), own, 1.0, Par::Seq);
}

/// Adds LᵀR to a full sum.
///
/// # Shapes      left, right: b × m, row-major; out: m × m, column-major
/// # Cost        b m² multiply-adds
pub fn add_cross_products(left: &[f64], right: &[f64], m: usize, out: &mut [f64]) {
    assert_eq!((out.len(), left.len()), (m * m, right.len()), "a square sum, and as many rows on both sides");
    let b = left.len() / m;
    let (l, r) = (MatRef::from_row_major_slice(left, b, m), MatRef::from_row_major_slice(right, b, m));
    out.par_chunks_mut(m * PANEL).enumerate().for_each(|(panel_idx, panel)| {
        let width = panel.len() / m;
        let panel = MatMut::from_column_major_slice_mut(panel, m, width);
        matmul(panel, Accum::Add, l.transpose(), r.subcols(panel_idx * PANEL, width), 1.0, Par::Seq);
    });
}

/// RᵀR as one plain product, no symmetry used, on this thread or `spread` over threads: the rate of the faster of the
/// two is what the sums above are measured against.
///
/// # Shapes      rows: b × m, row-major; out: m × m, overwritten
/// # Cost        b m² multiply-adds
pub fn plain_product(rows: &[f64], m: usize, out: &mut [f64], spread: bool) {
    let r = MatRef::from_row_major_slice(rows, rows.len() / m, m);
    let out = MatMut::from_column_major_slice_mut(out, m, m);
    let par = if spread { Par::rayon(PIECES) } else { Par::Seq };
    matmul(out, Accum::Replace, r.transpose(), r, 1.0, par);
}

/// out ← L R on the calling thread: for blocks that a caller spreads over threads.
///
/// # Shapes      left: p × k, right: k × q → out: p × q
pub fn product_on_this_thread(out: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    matmul(out, Accum::Replace, left, right, 1.0, Par::Seq);
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
    fn two_sums_in_one_array_do_not_touch_each_other() {
        // Below, at and beyond one panel.
        for m in [1, 5, PANEL, PANEL + 3, 2 * PANEL + 1] {
            let rows = |factor: usize| -> Vec<f64> { (0..3 * m).map(|i| ((i * factor) % 11) as f64 - 5.0).collect() };
            let (low, up) = (rows(7), rows(3));
            let mut shared = vec![0.5; (m + 1) * m];
            add_triangle_products(&low, &[], m, &mut shared);
            add_triangle_products(&[], &up, m, &mut shared);
            add_triangle_products(&low, &[], m, &mut shared);
            let mut cross = vec![0.25; m * m];
            add_cross_products(&low, &up, m, &mut cross);
            let inner = |a: &[f64], i: usize, b: &[f64], j: usize| -> f64 {
                (0..3).map(|row| a[row * m + i] * b[row * m + j]).sum()
            };
            for j in (0..m).step_by(1 + m / 40) {
                for i in (0..m).step_by(1 + m / 40) {
                    // Small integers: every product and sum is exact.
                    assert!((cross[j * m + i] - 0.25 - inner(&low, i, &up, j)).abs() < 1e-12, "m = {m}");
                    let (at, expected) = if i >= j {
                        (j * (m + 1) + i + 1, 2.0 * inner(&low, i, &low, j))
                    } else {
                        (j * (m + 1) + i, inner(&up, i, &up, j))
                    };
                    assert!((shared[at] - 0.5 - expected).abs() < 1e-12, "m = {m}, ({i}, {j})");
                }
                assert!((shared[j * (m + 1) + j] - 0.5 - inner(&up, j, &up, j)).abs() < 1e-12, "diagonal {j}");
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
