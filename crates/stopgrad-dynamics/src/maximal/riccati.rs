//! The full-rank equilibria as solutions of a matrix Riccati equation, in whitened coordinates.

use faer::{Accum, Mat, MatRef};

use crate::Support;
use crate::gmres::{LinearSolution, gmres};
use crate::linalg::{
    LinalgError, LuFactors, add_scaled, add_transpose, frobenius, frobenius_inner, is_positive_definite, product,
    product_into, product_symmetric, symmetric_eigen,
};

/// Q X⁻¹ Q = Cᵀ (Q − λI) C with Q = X^{1/2} S X^{1/2} + λI and C = X^{−1/2} Y X^{−1/2}, X diagonal.
///
/// The same as (XS + λ)(SX + λ) = YᵀSY, multiplied by X^{−1/2} from both sides. For exchangeable views |C| ≤ 1, so
/// directions of small variance do not spoil the scale, which they do in the form with M = Y X⁻¹.
#[derive(Debug, Clone)]
pub(crate) struct Riccati {
    /// ρ: the diagonal of X.
    pub(super) variances: Vec<f64>,
    /// C.
    pub(super) whitened: Mat<f64>,
}

/// Where Newton stands: F(Q) and how large it is.
pub(super) struct Defect {
    /// F(Q) = Q X⁻¹ Q − Cᵀ (Q − λI) C.
    pub(super) value: Mat<f64>,
    /// |D^{−1/2} F D^{−1/2}| / √k with D = diag(Q X⁻¹ Q): every coordinate counts alike.
    pub(super) balanced_residual: f64,
    /// G = Q X⁻¹ Q.
    square: Mat<f64>,
    /// |(XS + λ)(SX + λ) − YᵀSY| / |YᵀSY|.
    pub(super) residual: f64,
}

/// An approximate inverse of E ↦ Q X⁻¹ E + E X⁻¹ Q.
pub(crate) enum Lyapunov {
    /// Q taken for its diagonal: qᵢ/ρᵢ.
    Diagonal(Vec<f64>),
    /// Exact: X^{−1/2} Q X^{−1/2} = W diag(t) Wᵀ; (t, X^{−1/2} W, X^{1/2} W).
    Exact(Vec<f64>, Mat<f64>, Mat<f64>),
}

impl Defect {
    /// |G^{−1/2} F G^{−1/2}| / √k: every direction counts alike, not only coordinates, so that a small mode that fails
    /// (the ghost of a fold just passed) is not hidden by larger ones. Costs a factorisation.
    pub(super) fn invariant_residual(&self) -> f64 {
        let ratio = LuFactors::new(self.square.as_ref()).solve(self.value.as_ref());
        let trace = frobenius_inner(ratio.as_ref(), ratio.transpose());
        (trace.max(0.0) / self.square.nrows() as f64).sqrt()
    }
}

impl Riccati {
    pub(crate) fn new(support: &Support) -> Self {
        let variances = support.variances.clone();
        let k = variances.len();
        let roots: Vec<f64> = variances.iter().map(|rho| rho.sqrt()).collect();
        let whitened = Mat::from_fn(k, k, |i, j| support.cross[(i, j)] / (roots[i] * roots[j]));
        Self { variances, whitened }
    }

    /// ρ.
    pub(crate) fn variances(&self) -> &[f64] {
        &self.variances
    }

    pub(super) fn size(&self) -> usize {
        self.variances.len()
    }

    /// Whether the smallest singular value of C is rounding, by inverse iteration on CᵀC from a fixed start.
    ///
    /// # Cost        one factorisation
    pub(super) fn is_singular(&self) -> bool {
        let size = frobenius(self.whitened.as_ref());
        if size == 0.0 {
            return true;
        }
        let factors = LuFactors::new(self.whitened.as_ref());
        let mut vector = Mat::from_fn(self.size(), 1, |i, _| 1.0 + 0.3 * (i as f64).cos());
        let mut smallest = f64::INFINITY;
        for _ in 0..8 {
            let length = frobenius(vector.as_ref());
            if !length.is_finite() {
                return true;
            }
            let unit = Mat::from_fn(self.size(), 1, |i, _| vector[(i, 0)] / length);
            let half = factors.solve_transposed(unit.as_ref());
            smallest = 1.0 / frobenius(half.as_ref());
            vector = factors.solve(half.as_ref());
        }
        // NaN counts as singular.
        smallest.is_nan() || smallest <= 1e-14 * size
    }

    /// ¼ (det Y² / det X)^{1/k}: no full-rank equilibrium exists at a larger λ.
    ///
    /// By determinants of (XS + λ)(SX + λ) = YᵀSY, and s + λ ≥ 2 √(sλ) for each eigenvalue s of X^{1/2}SX^{1/2}: the
    /// geometric mean of τ²/(4ρ) where X and Y commute.
    ///
    /// # Cost        one factorisation
    pub(super) fn determinant_bound(&self) -> f64 {
        let logs: Vec<f64> = self.variances.iter().map(|rho| rho.ln()).collect();
        let log = crate::statistics::sum_fixed(&logs) + 2.0 * LuFactors::new(self.whitened.as_ref()).log_determinant();
        0.25 * (log / self.size() as f64).exp()
    }

    /// Q X⁻¹, or any matrix with its columns divided by ρ.
    fn divide_columns(&self, matrix: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(self.size(), self.size(), |i, j| matrix[(i, j)] / self.variances[j])
    }

    /// Cᵀ K C for a symmetric K.
    pub(super) fn push(&self, matrix: MatRef<'_, f64>) -> Mat<f64> {
        let right = product(matrix, self.whitened.as_ref());
        product_symmetric(self.whitened.transpose(), right.as_ref())
    }

    /// F(Q) at λ, in two products.
    pub(super) fn defect(&self, q: MatRef<'_, f64>, decay: f64) -> Defect {
        let k = self.size();
        let square = product_symmetric(self.divide_columns(q).as_ref(), q);
        let mut value = square.clone();
        let mut shifted = q.to_owned();
        for i in 0..k {
            shifted[(i, i)] -= decay;
        }
        let pushed = self.push(shifted.as_ref());
        add_scaled(&mut value, -1.0, pushed.as_ref());
        let weighted = |matrix: &Mat<f64>, weights: &[f64]| {
            frobenius(Mat::from_fn(k, k, |i, j| weights[i] * matrix[(i, j)] * weights[j]).as_ref())
        };
        let roots: Vec<f64> = self.variances.iter().map(|rho| rho.sqrt()).collect();
        let residual = weighted(&value, &roots) / weighted(&pushed, &roots);
        // Entries of Q X⁻¹ Q are at most √(dᵢdⱼ), so rounding stays near rounding here.
        let scales: Vec<f64> = (0..k).map(|i| square[(i, i)].powf(-0.5)).collect();
        let balanced_residual = weighted(&value, &scales) / (k as f64).sqrt();
        Defect { value, balanced_residual, square, residual }
    }

    /// L(E) = Q X⁻¹ E + E X⁻¹ Q − Cᵀ E C for a symmetric E, in two and a half products.
    ///
    /// # Shapes      scaled: Q X⁻¹
    fn linearized(&self, scaled: MatRef<'_, f64>, e: MatRef<'_, f64>) -> Mat<f64> {
        let mut out = product(scaled, e);
        add_transpose(&mut out);
        add_scaled(&mut out, -1.0, self.push(e).as_ref());
        out
    }

    /// E with L(E) = right for a symmetric right-hand side, preconditioned by the Lyapunov part.
    pub(crate) fn solve(
        &self, q: MatRef<'_, f64>, right: Mat<f64>, lyapunov: &Lyapunov, (goal, max_products): (f64, usize),
    ) -> LinearSolution {
        let scaled = self.divide_columns(q);
        let start = lyapunov.solve(right);
        gmres(|e| lyapunov.solve(self.linearized(scaled.as_ref(), e)), start.as_ref(), goal, max_products)
    }

    /// Whether L at the diagonal Q = diag(d) is inverse-positive, witnessed by L(Q) = 2 Q X⁻¹ Q − CᵀQC ≻ 0.
    fn opens_from_above(&self, diagonal: &[f64]) -> bool {
        let k = self.size();
        let scaled = Mat::from_fn(k, k, |i, j| diagonal[i] * self.whitened[(i, j)]);
        let mut witness = product_symmetric(self.whitened.transpose(), scaled.as_ref());
        for j in 0..k {
            for i in 0..k {
                witness[(i, j)] = -witness[(i, j)];
            }
            witness[(j, j)] += 2.0 * diagonal[j] * diagonal[j] / self.variances[j];
        }
        is_positive_definite(witness.as_ref())
    }

    /// A diagonal Q from which one Newton step lies above every equilibrium.
    ///
    /// The equation with everything off the diagonal of Q left out, solved by iteration, then doubled until the witness
    /// of inverse positivity holds (a square outgrows a linear map). `None` when numbers run out of range.
    pub(super) fn start(&self, decay: f64) -> Option<Mat<f64>> {
        let k = self.size();
        let squares = Mat::from_fn(k, k, |i, j| self.whitened[(j, i)].powi(2));
        let mut diagonal: Vec<f64> = self.variances.iter().map(|rho| rho + decay).collect();
        for _ in 0..40 {
            let column = Mat::from_fn(k, 1, |i, _| diagonal[i]);
            let shifted = Mat::from_fn(k, 1, |i, _| diagonal[i] - decay);
            let mut pushed = Mat::zeros(k, 1);
            product_into(&mut pushed, Accum::Replace, squares.as_ref(), column.as_ref(), 0.5);
            let reduced = product(squares.as_ref(), shifted.as_ref());
            // At a fold the decay takes half of the signal; below half there is nothing on the diagonal alone.
            diagonal = (0..k).map(|i| (self.variances[i] * pushed[(i, 0)].max(reduced[(i, 0)])).sqrt()).collect();
            for d in &mut diagonal {
                *d = d.max(2.0 * decay);
            }
        }
        for _ in 0..200 {
            if diagonal.iter().any(|d| !d.is_finite()) {
                return None;
            }
            if self.opens_from_above(&diagonal) {
                return Some(Mat::from_fn(k, k, |i, j| if i == j { diagonal[i] } else { 0.0 }));
            }
            for d in &mut diagonal {
                *d *= 2.0;
            }
        }
        None
    }

    /// The diagonal approximation: free.
    pub(super) fn diagonal_lyapunov(&self, q: MatRef<'_, f64>) -> Lyapunov {
        Lyapunov::Diagonal((0..self.size()).map(|i| q[(i, i)] / self.variances[i]).collect())
    }

    /// The exact one: one eigendecomposition, then three products an application.
    pub(crate) fn exact_lyapunov(&self, q: MatRef<'_, f64>) -> Result<Lyapunov, LinalgError> {
        let k = self.size();
        let roots: Vec<f64> = self.variances.iter().map(|rho| rho.sqrt()).collect();
        let eigen = symmetric_eigen(Mat::from_fn(k, k, |i, j| q[(i, j)] / (roots[i] * roots[j])).as_ref())?;
        let down = Mat::from_fn(k, k, |i, j| eigen.vectors[(i, j)] / roots[i]);
        let up = Mat::from_fn(k, k, |i, j| eigen.vectors[(i, j)] * roots[i]);
        Ok(Lyapunov::Exact(eigen.values, down, up))
    }
}

impl Lyapunov {
    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Lyapunov::Exact(..))
    }

    /// E with Q X⁻¹ E + E X⁻¹ Q ≈ R, for a symmetric R.
    pub(super) fn solve(&self, mut right: Mat<f64>) -> Mat<f64> {
        let divide = |matrix: &mut Mat<f64>, t: &[f64]| {
            for j in 0..t.len() {
                for i in 0..t.len() {
                    matrix[(i, j)] /= t[i] + t[j];
                }
            }
        };
        match self {
            Lyapunov::Diagonal(t) => {
                divide(&mut right, t);
                right
            }
            Lyapunov::Exact(t, down, up) => {
                let half = product(right.as_ref(), down.as_ref());
                let mut inner = product_symmetric(down.transpose(), half.as_ref());
                divide(&mut inner, t);
                let half = product(inner.as_ref(), up.transpose());
                product_symmetric(up.as_ref(), half.as_ref())
            }
        }
    }
}
