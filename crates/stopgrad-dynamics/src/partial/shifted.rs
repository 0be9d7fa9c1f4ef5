//! The rightmost eigenvalues of the flow at an equilibrium, where rates near 0 matter and the spectrum is long.
//!
//! Arnoldi's method on (J − σ)⁻¹ with σ > 0: eigenvalues z nearest to σ come first, and a real part above 0 would be among
//! them unless its rotation is much faster than σ (the caller looks for such outliers with J itself). The predictor's part
//! E of a direction follows from the encoder's part D by an r × r system, which leaves the equation that Newton solves,
//! with λ + σ in place of λ. Directions of the orbit (turned rows) are taken out by working with D PᵀP-symmetric D: with T
//! the orbit's directions and Π the projection along T, JT = 0 gives (ΠJ − σ)⁻¹ = Π(J − σ)⁻¹ there.

use faer::{Mat, MatRef};

use super::attracting::{eigenvalue_pairs, eigenvector, flow_derivative, unit};
use super::factors::{Factors, Point};
use super::solver::{Solver, Tilt};
use crate::linalg::{
    LinalgError, SymmetricEigen, add_scaled, frobenius, frobenius_inner, product, product_symmetric, symmetric_eigen,
};

/// What was found nearest to σ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest {
    /// Its real part.
    pub(super) rate: f64,
    /// How far z may be off, to first order and for a normal J: |z − σ| times the relative residual of the pair of
    /// (J − σ)⁻¹, that of the linear systems included.
    pub(super) doubt: f64,
    /// Dimension of the space.
    pub(super) dimension: usize,
}

/// Dimension of the space; 8 to 26 are the rule.
const DIMENSION: usize = 32;
/// Residual of the inner systems; what it leaves open is part of the doubt. Products in single precision would
/// not do: what is stiff drowns what is slow.
const INNER: f64 = 1e-3;
/// The inner residual beyond which the space tells nothing.
const ENDURED: f64 = 1e-2;
/// Ritz values below this share of the largest lie far from σ and decide nothing.
const NEAR: f64 = 0.02;
/// Share of a Ritz value that its residual may reach,
const SETTLED: f64 = 0.03;
/// and share of the rate that its doubt may reach: then its sign stands.
const CLEAR: f64 = 0.1;

/// The eigenvalue of largest real part among those nearest to `shift`; `None` when a linear system failed.
///
/// # Shapes      at: in the predictor's gauge, for speed
/// # Errors      [`LinalgError`]
/// # Cost        6 to 32 linear systems of up to `max_products` products each
/// # Source      Meerbergen, Spence, Roose 1994 (shift and invert for rightmost eigenvalues); Arnoldi 1951
pub(super) fn nearest(
    factors: &Factors<'_>, at: &Point, shift: f64, max_products: usize,
) -> Result<Option<Nearest>, LinalgError> {
    let (r, k) = at.p.shape();
    let quotient = Quotient::new(at)?;
    let seed = Mat::from_fn(r, k + r, |i, j| ((i * 7919 + j * 104_729 + 13) as f64 * 0.618_033_988_75).fract() - 0.5);
    // For so many systems what rows by themselves cost to set up is soon paid.
    let tilt = if factors.is_dear(r) { Tilt::Rows } else { Tilt::Untried };
    let mut solver = Solver::new(factors, at, shift, (INNER, max_products), tilt)?;
    let mut basis = vec![unit(&quotient.project(flow_derivative(factors, at, seed.as_ref())))];
    let mut hessenberg = Mat::<f64>::zeros(DIMENSION + 1, DIMENSION);
    let (mut inner, mut last) = (0.0f64, f64::INFINITY);
    for column in 0..DIMENSION {
        let (image, residual) = solve((factors, at), basis[column].as_ref(), &mut solver)?;
        inner = inner.max(residual);
        if inner > ENDURED {
            return Ok(None);
        }
        let mut next = quotient.project(image);
        // Twice: inner errors must not bring back what was removed.
        for _ in 0..2 {
            for (row, member) in basis.iter().enumerate() {
                let component = frobenius_inner(member.as_ref(), next.as_ref());
                add_scaled(&mut next, -component, member.as_ref());
                hessenberg[(row, column)] += component;
            }
        }
        let length = frobenius(next.as_ref());
        hessenberg[(column + 1, column)] = length;
        let used = column + 1;
        let exhausted = length < 1e-12 * frobenius(hessenberg.subcols(column, 1));
        if used == DIMENSION || exhausted || (used >= 6 && used % 2 == 0) {
            let ritz = rightmost(&hessenberg, used, shift)?;
            // A slower one may still come up: the last look must have said the same.
            let steady = (ritz.rate - last).abs() <= CLEAR * ritz.rate.abs();
            last = ritz.rate;
            if ritz.settled && steady || used == DIMENSION || exhausted {
                return Ok(Some(Nearest {
                    rate: ritz.rate,
                    doubt: ritz.doubt + inner * ritz.distance,
                    dimension: used,
                }));
            }
        }
        basis.push(unit(&next));
    }
    unreachable!("the last dimension returns")
}

/// (D, E) with (J − σ)(D, E) = (u, w): E = (T(D) − w) W⁻¹ with W = PXPᵀ + λ + σ.
fn solve(
    (factors, at): (&Factors<'_>, &Point), right: MatRef<'_, f64>, solver: &mut Solver<'_>,
) -> Result<(Mat<f64>, f64), LinalgError> {
    let (r, k) = at.p.shape();
    let (u, w) = right.split_at_col(k);
    let held = solver.weight.solve(w.transpose());
    let mut rows = product(at.b.transpose(), product(held.transpose(), at.px.as_ref()).as_ref());
    add_scaled(&mut rows, 1.0, product(held.as_ref(), at.rest.as_ref()).as_ref());
    add_scaled(&mut rows, -1.0, u);
    let solution = solver.solve(rows.as_ref())?;
    let d = solution.x;
    let mut change = Factors::change(at, d.as_ref(), factors.times_y(d.as_ref()).as_ref());
    add_scaled(&mut change, -1.0, w);
    let e = solver.weight.solve(change.transpose());
    Ok((Mat::from_fn(r, k + r, |i, j| if j < k { d[(i, j)] } else { e[(j - k, i)] }), solution.residual))
}

/// Directions modulo the orbit: those with D Pᵀ symmetric.
struct Quotient<'a> {
    at: &'a Point,
    /// Of PPᵀ.
    eigen: SymmetricEigen,
}

impl<'a> Quotient<'a> {
    fn new(at: &'a Point) -> Result<Self, LinalgError> {
        Ok(Self { at, eigen: symmetric_eigen(product_symmetric(at.p.as_ref(), at.p.transpose()).as_ref())? })
    }

    /// (D, E) − (ΩP, Ωb − bΩ), with Ω antisymmetric so that D Pᵀ becomes symmetric: ΩPPᵀ + PPᵀΩ = DPᵀ − PDᵀ.
    fn project(&self, mut direction: Mat<f64>) -> Mat<f64> {
        let (r, k) = self.at.p.shape();
        let (vectors, values) = (&self.eigen.vectors, &self.eigen.values);
        let mix = product(direction.subcols(0, k), self.at.p.transpose());
        let turned = product(vectors.transpose(), product(mix.as_ref(), vectors.as_ref()).as_ref());
        let turning = Mat::from_fn(r, r, |i, j| (turned[(i, j)] - turned[(j, i)]) / (values[i] + values[j]));
        let omega = product(vectors.as_ref(), product(turning.as_ref(), vectors.transpose()).as_ref());
        let rows = product(omega.as_ref(), self.at.p.as_ref());
        let mut square = product(omega.as_ref(), self.at.b.as_ref());
        add_scaled(&mut square, -1.0, product(self.at.b.as_ref(), omega.as_ref()).as_ref());
        for j in 0..k + r {
            for i in 0..r {
                direction[(i, j)] -= if j < k { rows[(i, j)] } else { square[(i, j - k)] };
            }
        }
        direction
    }
}

/// A Ritz value of J, from one of (J − σ)⁻¹.
struct Ritz {
    rate: f64,
    /// |z − σ|.
    distance: f64,
    doubt: f64,
    settled: bool,
}

/// The Ritz value of largest real part among those near σ.
fn rightmost(hessenberg: &Mat<f64>, used: usize, shift: f64) -> Result<Ritz, LinalgError> {
    let square = hessenberg.submatrix(0, 0, used, used).to_owned();
    let inverse = eigenvalue_pairs(square.as_ref())?;
    let largest = inverse.iter().map(|mu| mu.0.hypot(mu.1)).fold(0.0, f64::max);
    let mut best: Option<Ritz> = None;
    for mu in inverse.into_iter().filter(|mu| mu.0.hypot(mu.1) >= NEAR * largest) {
        let modulus = mu.0.hypot(mu.1);
        let rate = shift + mu.0 / modulus.powi(2);
        if best.as_ref().is_none_or(|best| rate > best.rate) {
            let vector = eigenvector(&square, mu);
            let last = vector[(used - 1, 0)].hypot(vector[(used - 1, 1)]);
            let relative = hessenberg[(used, used - 1)] * last / modulus;
            let doubt = relative / modulus;
            let settled = relative <= SETTLED && doubt <= CLEAR * rate.abs();
            best = Some(Ritz { rate, distance: 1.0 / modulus, doubt, settled });
        }
    }
    best.ok_or(LinalgError::EigenvaluesNotConverged { size: used })
}
