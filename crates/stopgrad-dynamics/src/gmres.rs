//! Linear systems of matrix-sized unknowns from products alone: generalized minimal residuals.
//!
//! Chosen over BiCGStab because a residual that never grows is what an inexact Newton step needs, and because one
//! outlying eigenvalue (a fold is near) costs it one more iteration only. No restart: the basis is bounded by the
//! iteration bound, and both are small here since every caller preconditions.

mod basis;

use faer::{Mat, MatRef};

use crate::linalg::frobenius;
use basis::Basis;

/// What came out of [`gmres`].
#[derive(Debug, Clone)]
pub(crate) struct LinearSolution {
    /// x, in the shape of the right-hand side.
    pub(crate) x: Mat<f64>,
    /// Products made.
    pub(crate) iterations: usize,
    /// |rhs − A x|_F / |rhs|_F as the recurrence has it.
    pub(crate) residual: f64,
}

/// x with A x ≈ rhs, from products with A.
///
/// # Shapes      rhs: p × q; `apply` maps p × q to p × q, linearly
/// # Convention  matrices are vectors under the Frobenius inner product
/// # Cost        one product and 2 k inner products in iteration k; `max_iterations` + 1 stored matrices
/// # Source      Saad, Schultz 1986
pub(crate) fn gmres(
    mut apply: impl FnMut(MatRef<'_, f64>) -> Mat<f64>, rhs: MatRef<'_, f64>, tolerance: f64, max_iterations: usize,
) -> LinearSolution {
    let size = frobenius(rhs);
    if size == 0.0 || !size.is_finite() || max_iterations == 0 {
        let residual = if size == 0.0 { 0.0 } else { 1.0 };
        return LinearSolution { x: Mat::zeros(rhs.nrows(), rhs.ncols()), iterations: 0, residual };
    }
    let (rows, columns) = rhs.shape();
    let mut basis = Basis::new(rows * columns);
    let mut next = flat(rhs);
    basis.push(&next, 1.0 / size);
    let mut triangle = Triangle::new(size);
    while triangle.columns.len() < max_iterations && triangle.residual() > tolerance * size {
        next = flat(apply(MatRef::from_column_major_slice(basis.last(), rows, columns)).as_ref());
        let before = length_of(&next);
        let mut column = basis.orthogonalize(&mut next);
        let mut length = length_of(&next);
        // Cancellation of more than one digit: once more (Daniel, Gragg, Kaufman, Stewart 1976).
        if length < 0.1 * before {
            for (sum, extra) in column.iter_mut().zip(basis.orthogonalize(&mut next)) {
                *sum += extra;
            }
            length = length_of(&next);
        }
        // Below rounding of what was cancelled, the space is invariant and the solution exact.
        let exhausted = length <= 1e-15 * before || !length.is_finite();
        column.push(if exhausted { 0.0 } else { length });
        triangle.push(column);
        if exhausted {
            break;
        }
        basis.push(&next, 1.0 / length);
    }
    let solution = basis.combine(&triangle.solve());
    let x = MatRef::from_column_major_slice(&solution, rows, columns).to_owned();
    LinearSolution { x, iterations: triangle.columns.len(), residual: triangle.residual() / size }
}

fn flat(matrix: MatRef<'_, f64>) -> Vec<f64> {
    let mut out = Vec::with_capacity(matrix.nrows() * matrix.ncols());
    for j in 0..matrix.ncols() {
        match matrix.col(j).try_as_col_major() {
            Some(column) => out.extend_from_slice(column.as_slice()),
            None => out.extend(matrix.col(j).iter()),
        }
    }
    out
}

fn length_of(vector: &[f64]) -> f64 {
    crate::statistics::squared_norm(vector).sqrt()
}

/// The Hessenberg matrix, rotated column by column into a triangle, with the right-hand side.
struct Triangle {
    columns: Vec<Vec<f64>>,
    rotations: Vec<(f64, f64)>,
    right: Vec<f64>,
}

impl Triangle {
    fn new(size: f64) -> Self {
        Self { columns: Vec::new(), rotations: Vec::new(), right: vec![size] }
    }

    fn residual(&self) -> f64 {
        self.right.last().map_or(0.0, |last| last.abs())
    }

    fn push(&mut self, mut column: Vec<f64>) {
        let k = self.columns.len();
        for (i, &(cosine, sine)) in self.rotations.iter().enumerate() {
            let (upper, lower) = (column[i], column[i + 1]);
            column[i] = cosine * upper + sine * lower;
            column[i + 1] = cosine * lower - sine * upper;
        }
        let length = column[k].hypot(column[k + 1]);
        let (cosine, sine) = if length > 0.0 { (column[k] / length, column[k + 1] / length) } else { (1.0, 0.0) };
        column[k] = length;
        column.pop();
        let last = self.right[k];
        self.right[k] = cosine * last;
        self.right.push(-sine * last);
        self.rotations.push((cosine, sine));
        self.columns.push(column);
    }

    /// Coefficients; a direction whose pivot vanishes (a consistent singular system) gets none.
    fn solve(&self) -> Vec<f64> {
        let k = self.columns.len();
        let largest = self.columns.iter().enumerate().map(|(i, column)| column[i]).fold(0.0, f64::max);
        let mut solution = self.right[..k].to_vec();
        for i in (0..k).rev() {
            let pivot = self.columns[i][i];
            solution[i] = if pivot > 1e-14 * largest { solution[i] / pivot } else { 0.0 };
            for above in 0..i {
                solution[above] -= self.columns[i][above] * solution[i];
            }
        }
        solution
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{add_scaled, product};

    #[test]
    fn the_solution_fits_and_the_reported_residual_is_the_true_one() {
        let n = 12;
        let a = Mat::from_fn(n, n, |i, j| if i == j { 4.0 + i as f64 } else { ((i * 7 + j * 3) % 5) as f64 - 2.0 });
        let rhs = Mat::from_fn(n, 2, |i, j| (i as f64 - 3.0) * (j as f64 + 1.0) + 0.5);
        for bound in [4, 24] {
            let solution = gmres(|x| product(a.as_ref(), x), rhs.as_ref(), 1e-12, bound);
            let mut rest = rhs.clone();
            add_scaled(&mut rest, -1.0, product(a.as_ref(), solution.x.as_ref()).as_ref());
            let true_residual = frobenius(rest.as_ref()) / frobenius(rhs.as_ref());
            assert!((true_residual - solution.residual).abs() < 1e-10, "{true_residual} and {}", solution.residual);
            assert_eq!(true_residual < 1e-11, bound == 24, "{bound} iterations");
        }
    }

    #[test]
    fn nothing_on_the_right_costs_nothing() {
        let solution = gmres(|x| x.to_owned(), Mat::zeros(3, 2).as_ref(), 1e-12, 5);
        assert_eq!((solution.iterations, solution.x), (0, Mat::zeros(3, 2)));
    }
}
