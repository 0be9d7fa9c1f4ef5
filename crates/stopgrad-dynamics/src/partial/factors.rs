//! Equilibria of rank r in factors: P is r × k, b is r × r, and the predictor is the best one for the encoder.

use faer::{Mat, MatRef};

use crate::Support;
use crate::gmres::gmres;
use crate::linalg::{
    LinalgError, LuFactors, add_scaled, add_transpose, frobenius, product, solve_definite, symmetric_eigen,
};

/// X, Y and λ, with the rows of A as unknowns.
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a> {
    pub(super) support: &'a Support,
    pub(super) decay: f64,
}

/// P with everything that follows from it.
pub(super) struct Point {
    /// P: r × k.
    pub(super) p: Mat<f64>,
    /// b = PYPᵀ (PXPᵀ + λ)⁻¹.
    pub(super) b: Mat<f64>,
    /// P X.
    px: Mat<f64>,
    /// P Y.
    py: Mat<f64>,
    /// PXPᵀ + λ.
    gram: Mat<f64>,
    /// R = bPX − PY.
    pub(super) rest: Mat<f64>,
    /// bᵀR + λP: zero at an equilibrium.
    pub(super) defect: Mat<f64>,
    /// |bᵀR + λP| / |bᵀPY|.
    pub(super) residual: f64,
}

impl Factors<'_> {
    pub(super) fn times_x(&self, rows: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)] * self.support.variances[j])
    }

    pub(super) fn times_y(&self, rows: MatRef<'_, f64>) -> Mat<f64> {
        product(rows, self.support.cross.as_ref())
    }

    /// # Errors      [`LinalgError`] when PXPᵀ + λ is not positive definite: P is not finite
    pub(super) fn point(&self, p: Mat<f64>) -> Result<Point, LinalgError> {
        let (px, py) = (self.times_x(p.as_ref()), self.times_y(p.as_ref()));
        let mut gram = product(px.as_ref(), p.transpose());
        for i in 0..p.nrows() {
            gram[(i, i)] += self.decay;
        }
        let b = solve_definite(gram.as_ref(), product(p.as_ref(), py.transpose()).as_ref())?.transpose().to_owned();
        let mut rest = product(b.as_ref(), px.as_ref());
        add_scaled(&mut rest, -1.0, py.as_ref());
        let mut defect = product(b.transpose(), rest.as_ref());
        add_scaled(&mut defect, self.decay, p.as_ref());
        let residual = frobenius(defect.as_ref()) / frobenius(product(b.transpose(), py.as_ref()).as_ref());
        Ok(Point { p, b, px, py, gram, rest, defect, residual })
    }

    /// The derivative of the defect along D, with b following P.
    fn linearized(&self, at: &Point, solver: &LuFactors, d: MatRef<'_, f64>) -> Mat<f64> {
        let (dx, dy) = (self.times_x(d), self.times_y(d));
        let mut gram = product(dx.as_ref(), at.p.transpose());
        add_transpose(&mut gram);
        let mut change = product(dy.as_ref(), at.p.transpose());
        add_scaled(&mut change, 1.0, product(at.py.as_ref(), d.transpose()).as_ref());
        add_scaled(&mut change, -1.0, product(at.b.as_ref(), gram.as_ref()).as_ref());
        let turn = solver.solve(change.transpose()).transpose().to_owned();
        let mut rest = product(turn.as_ref(), at.px.as_ref());
        add_scaled(&mut rest, 1.0, product(at.b.as_ref(), dx.as_ref()).as_ref());
        add_scaled(&mut rest, -1.0, dy.as_ref());
        let mut out = product(at.b.transpose(), rest.as_ref());
        add_scaled(&mut out, 1.0, product(turn.transpose(), at.rest.as_ref()).as_ref());
        add_scaled(&mut out, self.decay, d);
        out
    }

    /// P turned so that its rows are orthogonal, the largest first: in this gauge bᵀb is nearly diagonal too.
    pub(super) fn turned(p: &Mat<f64>) -> Result<Mat<f64>, LinalgError> {
        let eigen = symmetric_eigen(product(p.as_ref(), p.transpose()).as_ref())?;
        Ok(product(eigen.vectors.transpose(), p.as_ref()))
    }

    /// D with (derivative along D) ≈ right; consistent although the rotations of the rows make it singular.
    ///
    /// Preconditioned by what is left when Y is taken for its diagonal and b for its own.
    pub(super) fn solve(&self, at: &Point, right: &Mat<f64>, goal: f64, max_products: usize) -> (Mat<f64>, usize, f64) {
        let solver = LuFactors::new(at.gram.as_ref());
        let (r, k) = at.p.shape();
        let squares: Vec<f64> = (0..r).map(|i| (0..r).map(|l| at.b[(l, i)].powi(2)).sum()).collect();
        let scale = Mat::from_fn(r, k, |i, j| {
            let whole = squares[i] * self.support.variances[j] + self.decay;
            // In its own direction a row's entry vanishes at the equilibrium: a floor keeps the scale.
            (whole - at.b[(i, i)] * self.support.cross[(j, j)]).max(0.2 * whole)
        });
        let divide = |matrix: &mut Mat<f64>| {
            for j in 0..k {
                for i in 0..r {
                    matrix[(i, j)] /= scale[(i, j)];
                }
            }
        };
        let mut start = right.clone();
        divide(&mut start);
        let apply = |d: MatRef<'_, f64>| {
            let mut out = self.linearized(at, &solver, d);
            divide(&mut out);
            out
        };
        let solution = gmres(apply, start.as_ref(), goal, max_products);
        (solution.x, solution.iterations, solution.residual)
    }

    /// −d log S / d log λ of the direction that changes most: with D = dP/dλ and K = D Pᵀ (PPᵀ)⁻¹, S' is K + Kᵀ in
    /// coordinates in which S is the identity. Negative where a direction grows with λ: the other side of a fold.
    pub(super) fn response(&self, at: &Point, max_products: usize) -> Option<(f64, usize)> {
        // ∂/∂λ at fixed P: b changes by −b W⁻¹, the defect by (∂b)ᵀR + bᵀ(∂b)PX + P.
        let solver = LuFactors::new(at.gram.as_ref());
        let turn = solver.solve(at.b.transpose()).transpose().to_owned();
        let mut right = product(at.b.transpose(), product(turn.as_ref(), at.px.as_ref()).as_ref());
        add_scaled(&mut right, 1.0, product(turn.transpose(), at.rest.as_ref()).as_ref());
        add_scaled(&mut right, -1.0, at.p.as_ref());
        let (slope, products, residual) = self.solve(at, &right, 1e-6, max_products);
        if residual > 1e-3 {
            return None;
        }
        let mut change = product(slope.as_ref(), at.p.transpose());
        for j in 0..at.p.nrows() {
            // Rows are orthogonal: PPᵀ is diagonal.
            let square = frobenius(at.p.subrows(j, 1)).powi(2);
            (0..at.p.nrows()).for_each(|i| change[(i, j)] /= square);
        }
        add_transpose(&mut change);
        let spectrum = symmetric_eigen(change.as_ref()).ok()?.values;
        let (grows, shrinks) = (*spectrum.first()?, -*spectrum.last()?);
        Some((self.decay * if grows > shrinks { -grows } else { shrinks }, products))
    }
}
