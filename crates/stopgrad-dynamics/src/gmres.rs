//! Linear systems of matrix-sized unknowns from products alone: generalized minimal residuals.
//!
//! Chosen over BiCGStab because a residual that never grows is what an inexact Newton step needs, and because one
//! outlying eigenvalue (a fold is near) costs it one more iteration only. No restart: the basis is bounded by the
//! iteration bound, and both are small here since every caller preconditions.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::linalg::{add_scaled, frobenius, frobenius_inner};

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
    let mut basis = vec![scaled(rhs, 1.0 / size)];
    let mut triangle = Triangle::new(size);
    while triangle.columns.len() < max_iterations && triangle.residual() > tolerance * size {
        let k = basis.len() - 1;
        let mut next = apply(basis[k].as_ref());
        let before = frobenius(next.as_ref());
        let mut column = orthogonalize(&basis, &mut next);
        let mut length = frobenius(next.as_ref());
        // Cancellation of more than one digit: once more (Daniel, Gragg, Kaufman, Stewart 1976).
        if length < 0.1 * before {
            for (sum, extra) in column.iter_mut().zip(orthogonalize(&basis, &mut next)) {
                *sum += extra;
            }
            length = frobenius(next.as_ref());
        }
        // Below rounding of what was cancelled, the space is invariant and the solution exact.
        let exhausted = length <= 1e-15 * before || !length.is_finite();
        column.push(if exhausted { 0.0 } else { length });
        triangle.push(column);
        if exhausted {
            break;
        }
        basis.push(scaled(next.as_ref(), 1.0 / length));
    }
    let mut x = Mat::zeros(rhs.nrows(), rhs.ncols());
    for (coefficient, vector) in triangle.solve().into_iter().zip(&basis) {
        add_scaled(&mut x, coefficient, vector.as_ref());
    }
    LinearSolution { x, iterations: triangle.columns.len(), residual: triangle.residual() / size }
}

/// Removes from `vector` its components along the basis; returns them.
///
/// All components first, then all differences (classical Gram–Schmidt): each is spread over threads, whole members and
/// whole columns at a time, so that bits do not follow the pool.
fn orthogonalize(basis: &[Mat<f64>], vector: &mut Mat<f64>) -> Vec<f64> {
    let whole = vector.as_ref();
    let component = |member: &Mat<f64>| frobenius_inner(member.as_ref(), whole);
    if basis.len() * whole.nrows() * whole.ncols() < SPREAD {
        let components: Vec<f64> = basis.iter().map(component).collect();
        basis.iter().zip(&components).for_each(|(member, &size)| add_scaled(vector, -size, member.as_ref()));
        return components;
    }
    let components: Vec<f64> = basis.par_iter().map(component).collect();
    vector.par_col_iter_mut().enumerate().for_each(|(j, column)| {
        let Some(column) = column.try_as_col_major_mut() else { unreachable!("columns of a matrix are contiguous") };
        let column = column.as_slice_mut();
        for (member, component) in basis.iter().zip(&components) {
            column.iter_mut().zip(member.col_as_slice(j)).for_each(|(x, y)| *x -= component * y);
        }
    });
    components
}

/// Numbers of a basis from which threads are worth their start: about 200 µs of work.
const SPREAD: usize = 1 << 20;

fn scaled(matrix: MatRef<'_, f64>, factor: f64) -> Mat<f64> {
    let mut out = Mat::zeros(matrix.nrows(), matrix.ncols());
    add_scaled(&mut out, factor, matrix);
    out
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
    use crate::linalg::product;

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
