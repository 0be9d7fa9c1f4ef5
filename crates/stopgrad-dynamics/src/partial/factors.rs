//! Equilibria of rank r in factors: P is r × k, b is r × r, and the predictor is the best one for the encoder.

use faer::{Mat, MatRef};

use super::solver::{Solver, Tilt};
use crate::Support;
use crate::linalg::{
    LinalgError, LuFactors, add_scaled, add_transpose, frobenius, product, solve_definite, symmetric_eigen,
    symmetric_part,
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
    pub(super) px: Mat<f64>,
    /// P Y.
    pub(super) py: Mat<f64>,
    /// PXPᵀ + λ.
    gram: Mat<f64>,
    /// R = bPX − PY.
    pub(super) rest: Mat<f64>,
    /// bᵀR + λP: zero at an equilibrium.
    pub(super) defect: Mat<f64>,
    /// |bᵀR + λP| / |bᵀPY|.
    pub(super) residual: f64,
}

/// b with what it is made of, as in [`Point`].
pub(super) struct Predictor {
    px: Mat<f64>,
    pub(super) py: Mat<f64>,
    gram: Mat<f64>,
    pub(super) b: Mat<f64>,
}

/// Unknowns rk from which a product costs enough to count.
pub(super) const DEAR: usize = 100_000;

impl Factors<'_> {
    /// Whether products at rank r cost enough to count.
    pub(super) fn is_dear(&self, rank: usize) -> bool {
        rank * self.support.size() >= DEAR
    }

    pub(super) fn times_x(&self, rows: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)] * self.support.variances[j])
    }

    pub(super) fn times_y(&self, rows: MatRef<'_, f64>) -> Mat<f64> {
        product(rows, self.support.cross.as_ref())
    }

    /// The best predictor for an encoder.
    ///
    /// # Errors      [`LinalgError`] when PXPᵀ + λ is not positive definite: P is not finite
    pub(super) fn predictor(&self, p: &Mat<f64>) -> Result<Predictor, LinalgError> {
        let (px, py) = (self.times_x(p.as_ref()), self.times_y(p.as_ref()));
        let mut gram = product(px.as_ref(), p.transpose());
        for i in 0..p.nrows() {
            gram[(i, i)] += self.decay;
        }
        let b = solve_definite(gram.as_ref(), product(p.as_ref(), py.transpose()).as_ref())?.transpose().to_owned();
        Ok(Predictor { px, py, gram, b })
    }

    /// # Errors      [`LinalgError`] when P is not finite
    pub(super) fn point(&self, p: Mat<f64>) -> Result<Point, LinalgError> {
        let Predictor { px, py, gram, b } = self.predictor(&p)?;
        let mut rest = product(b.as_ref(), px.as_ref());
        add_scaled(&mut rest, -1.0, py.as_ref());
        let mut defect = product(b.transpose(), rest.as_ref());
        add_scaled(&mut defect, self.decay, p.as_ref());
        let residual = frobenius(defect.as_ref()) / frobenius(product(b.transpose(), py.as_ref()).as_ref());
        Ok(Point { p, b, px, py, gram, rest, defect, residual })
    }

    /// What b (PXPᵀ + λ) must make up for when P moves along D: (change of PYPᵀ)ᵀ − b (change of PXPᵀ).
    ///
    /// # Shapes      d, dy = DY: r × k → r × r
    pub(super) fn change(at: &Point, d: MatRef<'_, f64>, dy: MatRef<'_, f64>) -> Mat<f64> {
        let mut gram = product(d, at.px.transpose());
        add_transpose(&mut gram);
        let mut change = product(dy, at.p.transpose());
        add_scaled(&mut change, 1.0, product(at.py.as_ref(), d.transpose()).as_ref());
        add_scaled(&mut change, -1.0, product(at.b.as_ref(), gram.as_ref()).as_ref());
        change
    }

    /// The derivative of the defect along (D, E): EᵀR + bᵀ(EPX + bDX − DY) + λD.
    ///
    /// # Shapes      d, dy = DY: r × k, e: r × r → r × k
    fn moved(&self, at: &Point, d: MatRef<'_, f64>, dy: MatRef<'_, f64>, e: MatRef<'_, f64>) -> Mat<f64> {
        let mut rest = product(e, at.px.as_ref());
        add_scaled(&mut rest, 1.0, product(at.b.as_ref(), self.times_x(d).as_ref()).as_ref());
        add_scaled(&mut rest, -1.0, dy);
        let mut out = product(at.b.transpose(), rest.as_ref());
        add_scaled(&mut out, 1.0, product(e.transpose(), at.rest.as_ref()).as_ref());
        add_scaled(&mut out, self.decay, d);
        out
    }

    /// P turned so that its rows are orthogonal, the largest first.
    pub(super) fn turned(p: &Mat<f64>) -> Result<Mat<f64>, LinalgError> {
        let eigen = symmetric_eigen(product(p.as_ref(), p.transpose()).as_ref())?;
        Ok(product(eigen.vectors.transpose(), p.as_ref()))
    }

    /// The derivative of the defect along D, b following as a ridge regression with λ + σ, and σD.
    ///
    /// # Shapes      d: r × k → r × k; weight: of [`Self::weight`] at σ
    pub(super) fn linearized(&self, at: &Point, d: MatRef<'_, f64>, shift: f64, weight: &LuFactors) -> Mat<f64> {
        let dy = product(d, self.support.cross.as_ref());
        let e = weight.solve(Self::change(at, d, dy.as_ref()).transpose());
        let mut out = self.moved(at, d, dy.as_ref(), e.transpose());
        add_scaled(&mut out, shift, d);
        out
    }

    /// PXPᵀ + λ + σ, factored.
    pub(super) fn weight(at: &Point, shift: f64) -> LuFactors {
        let mut weight = at.gram.clone();
        (0..weight.nrows()).for_each(|i| weight[(i, i)] += shift);
        LuFactors::new(weight.as_ref())
    }

    /// −d log S / d log λ of the direction that changes most: with D = dP/dλ and K = D Pᵀ (PPᵀ)⁻¹, S' is K + Kᵀ in
    /// coordinates in which S is the identity. Negative where a direction grows with λ: the other side of a fold.
    pub(super) fn response(&self, at: &Point, max_products: usize) -> Option<f64> {
        // ∂/∂λ at fixed P: b changes by −b W⁻¹, the defect by (∂b)ᵀR + bᵀ(∂b)PX + P.
        let solver = LuFactors::new(at.gram.as_ref());
        let turn = solver.solve(at.b.transpose()).transpose().to_owned();
        let mut right = product(at.b.transpose(), product(turn.as_ref(), at.px.as_ref()).as_ref());
        add_scaled(&mut right, 1.0, product(turn.transpose(), at.rest.as_ref()).as_ref());
        add_scaled(&mut right, -1.0, at.p.as_ref());
        let mut solver = Solver::new(self, at, 0.0, (1e-6, max_products), Tilt::Untried).ok()?;
        let slope = solver.solve(right.as_ref()).ok()?;
        if slope.residual > 1e-3 {
            return None;
        }
        let rows = product(at.p.as_ref(), at.p.transpose());
        let mut change = solve_definite(rows.as_ref(), product(at.p.as_ref(), slope.x.transpose()).as_ref()).ok()?;
        add_transpose(&mut change);
        let spectrum = symmetric_eigen(change.as_ref()).ok()?.values;
        let (grows, shrinks) = (*spectrum.first()?, -*spectrum.last()?);
        Some(self.decay * if grows > shrinks { -grows } else { shrinks })
    }
}

impl Point {
    /// The same equilibrium with the symmetric part of b diagonal, the largest first.
    ///
    /// # Errors      [`LinalgError`] when b is not finite
    pub(super) fn in_predictor_gauge(&self) -> Result<Self, LinalgError> {
        let vectors = symmetric_eigen(symmetric_part(self.b.as_ref()).as_ref())?.vectors;
        let rows = |matrix: &Mat<f64>| product(vectors.transpose(), matrix.as_ref());
        let both = |matrix: &Mat<f64>| product(rows(matrix).as_ref(), vectors.as_ref());
        Ok(Self {
            p: rows(&self.p),
            b: both(&self.b),
            px: rows(&self.px),
            py: rows(&self.py),
            gram: both(&self.gram),
            rest: rows(&self.rest),
            defect: rows(&self.defect),
            residual: self.residual,
        })
    }

    /// |row of bᵀPY|.
    pub(super) fn signals(&self) -> Vec<f64> {
        let signal = product(self.b.transpose(), self.py.as_ref());
        (0..signal.nrows()).map(|i| frobenius(signal.subrows(i, 1))).collect()
    }

    /// |row of the defect| by its signal: each row counts alike, however small. A mode without an equilibrium, past its fold
    /// by a share δ of λ, shows about δ/2 while it dies, which the relative residual of the whole does not see.
    pub(super) fn row_defects(&self, signals: &[f64]) -> impl Iterator<Item = f64> {
        signals.iter().enumerate().map(|(i, signal)| frobenius(self.defect.subrows(i, 1)) / signal)
    }

    /// The length of the shortest row that any gauge shows: the smallest singular value of P.
    ///
    /// # Errors      [`LinalgError`] when P is not finite
    pub(super) fn smallest_row(&self) -> Result<f64, LinalgError> {
        let squares = symmetric_eigen(product(self.p.as_ref(), self.p.transpose()).as_ref())?.values;
        Ok(squares.last().map_or(f64::INFINITY, |square| square.max(0.0).sqrt()))
    }
}
