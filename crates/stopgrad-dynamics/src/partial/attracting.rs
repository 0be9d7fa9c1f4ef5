//! Does an equilibrium of rank r attract? The rightmost eigenvalue of the stop-gradient flow on (P, b).
//!
//! Rows of A beyond the r active ones decide nothing: with α the new rows, β, γ, δ the new blocks of B, the linearised
//! flow has α' = −βᵀR − λα, β' = −Rαᵀ − λβ, γ' = −γ(PXPᵀ + λ) + αYPᵀ, δ' = −λδ, and at an equilibrium all
//! singular values of R = −λ b^{−T}P are λ. So their rates are 0 (turning rows: the orbit), −2λ, −λ and below: nothing
//! grows out of them, and the only instability is of the rows that are there.

use faer::{Mat, MatRef};
use serde::Serialize;

use super::factors::{Factors, Point};
use super::shifted::nearest;
use crate::linalg::{LinalgError, LuFactors, add_scaled, frobenius, frobenius_inner, general_eigenvalues, product};

/// Transversally to the orbit, what nearby states do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attraction {
    /// They come back.
    Attracting,
    /// Some leave.
    Saddle,
    /// The rightmost rate is 0 within the tolerance.
    Degenerate,
    /// The iteration did not tell.
    Undecided,
}

/// How the rightmost rate was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateMethod {
    /// All eigenvalues of the dense Jacobian, orbit directions removed by their count.
    Dense,
    /// Two Krylov spaces: one of J, which sees what grows fast, one of (J − 0.3 λ)⁻¹, which resolves what is slow. Not
    /// excluded: an unstable pair that rotates much faster than λ and grows too slowly to stand out.
    Krylov {
        /// How far the rate may be off: |J v − z v| / |v| in the first space; |z − 0.3 λ| times the relative residual of its
        /// pair in the second.
        residual: f64,
        /// Dimension of the second space.
        dimension: usize,
    },
    /// Too large for either: the answer of docs/theory.md, 4.2 for the maximal equilibrium (computed there, not proved).
    Theory,
}

/// The verdict with its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// What it means.
    pub attraction: Attraction,
    /// The largest real part of the transversal eigenvalues found; `None` when [`RateMethod::Theory`] answered.
    pub leading_rate: Option<f64>,
    /// How it was found.
    pub method: RateMethod,
}

impl Rate {
    /// Nothing was computed: docs/theory.md, 4.2 answers for the maximal equilibrium.
    pub(crate) fn not_computed() -> Self {
        Self { attraction: Attraction::Undecided, leading_rate: None, method: RateMethod::Theory }
    }
}

/// Unknowns up to which all eigenvalues are computed: 600, a second.
const DENSE_UNKNOWNS: usize = 600;
/// σ of the second space, in units of λ: smaller resolves slower rates, and makes each linear system harder.
const SHIFT: f64 = 0.3;
/// Dimension of the Krylov space of J: outliers to the right show in fewer.
const KRYLOV_DIMENSION: usize = 30;
/// Where memory allows no more, fewer; below this none.
const LEAST_DIMENSION: usize = 12;
/// Numbers that a Krylov basis may hold: 2 GiB.
const BASIS_NUMBERS: usize = 1 << 28;

/// The rightmost rate of the flow at an equilibrium.
///
/// # Shapes      at: in the predictor's gauge, for speed
/// # Errors      [`LinalgError::EigenvaluesNotConverged`]
/// # Cost        O((r k + r²)³) up to 600 unknowns; above, 30 products of the Jacobian and [`nearest`]
pub(crate) fn rate(factors: &Factors<'_>, at: &Point, max_products: usize) -> Result<Rate, LinalgError> {
    let (r, k) = at.p.shape();
    let unknowns = r * (k + r);
    if unknowns <= DENSE_UNKNOWNS {
        let leading_rate = dense(factors, at)?;
        return Ok(judge(factors.decay, leading_rate, RateMethod::Dense));
    }
    let fits = BASIS_NUMBERS / unknowns;
    if fits < LEAST_DIMENSION {
        return Ok(Rate::not_computed());
    }
    let outlier = outlier(factors, at, KRYLOV_DIMENSION.min(fits))?;
    let method = |residual, dimension| RateMethod::Krylov { residual, dimension };
    if outlier.rightmost > 0.0 && outlier.residual < 0.1 * outlier.rightmost {
        return Ok(judge(factors.decay, outlier.rightmost, method(outlier.residual, outlier.dimension)));
    }
    Ok(match nearest(factors, at, SHIFT * factors.decay, max_products.min(fits))? {
        Some(near) => judge(factors.decay, near.rate, method(near.doubt, near.dimension)),
        None => judge(factors.decay, outlier.rightmost, method(f64::INFINITY, outlier.dimension)),
    })
}

/// Rates within 10⁻⁶ λ of 0 are called 0; one known to less than itself says nothing.
fn judge(decay: f64, leading_rate: f64, method: RateMethod) -> Rate {
    let tolerance = 1e-6 * decay;
    let doubt = if let RateMethod::Krylov { residual, .. } = method { residual } else { 0.0 };
    let attraction = if doubt > leading_rate.abs().max(tolerance) {
        Attraction::Undecided
    } else if leading_rate < -tolerance {
        Attraction::Attracting
    } else if leading_rate > tolerance {
        Attraction::Saddle
    } else {
        Attraction::Degenerate
    };
    Rate { attraction, leading_rate: Some(leading_rate), method }
}

/// J (D, E) of the flow dP/dt = −(bᵀR + λP), db/dt = −(RPᵀ + λb), side by side: r × (k + r).
pub(super) fn flow_derivative(factors: &Factors<'_>, at: &Point, direction: MatRef<'_, f64>) -> Mat<f64> {
    let (r, k) = at.p.shape();
    let (d, e) = direction.split_at_col(k);
    let mut rest = product(e, factors.times_x(at.p.as_ref()).as_ref());
    add_scaled(&mut rest, 1.0, product(at.b.as_ref(), factors.times_x(d).as_ref()).as_ref());
    add_scaled(&mut rest, -1.0, factors.times_y(d).as_ref());
    let mut rows = product(e.transpose(), at.rest.as_ref());
    add_scaled(&mut rows, 1.0, product(at.b.transpose(), rest.as_ref()).as_ref());
    let mut square = product(rest.as_ref(), at.p.transpose());
    add_scaled(&mut square, 1.0, product(at.rest.as_ref(), d.transpose()).as_ref());
    Mat::from_fn(r, k + r, |i, j| {
        let image = if j < k { rows[(i, j)] } else { square[(i, j - k)] };
        -image - factors.decay * direction[(i, j)]
    })
}

fn dense(factors: &Factors<'_>, at: &Point) -> Result<f64, LinalgError> {
    let (r, k) = at.p.shape();
    let unknowns = r * (k + r);
    let mut jacobian = Mat::zeros(unknowns, unknowns);
    for column in 0..unknowns {
        let unit = Mat::from_fn(r, k + r, |i, j| if i + j * r == column { 1.0 } else { 0.0 });
        let image = flow_derivative(factors, at, unit.as_ref());
        for j in 0..k + r {
            for i in 0..r {
                jacobian[(i + j * r, column)] = image[(i, j)];
            }
        }
    }
    let mut values = eigenvalue_pairs(jacobian.as_ref())?;
    // The orbit: r(r − 1)/2 eigenvalues that are 0.
    values.sort_by(|x, y| x.0.hypot(x.1).total_cmp(&y.0.hypot(y.1)));
    Ok(values[r * (r - 1) / 2..].iter().map(|value| value.0).fold(f64::NEG_INFINITY, f64::max))
}

/// What a Krylov space of J tells of the right end of the spectrum.
struct Outlier {
    rightmost: f64,
    /// |J v − z v| / |v|.
    residual: f64,
    dimension: usize,
}

/// From a start in the range of J, which holds no direction of the orbit.
///
/// # Source      Arnoldi 1951; Saad 1992, chapter 6
fn outlier(factors: &Factors<'_>, at: &Point, dimension: usize) -> Result<Outlier, LinalgError> {
    let (r, k) = at.p.shape();
    let apply = |direction: MatRef<'_, f64>| flow_derivative(factors, at, direction);
    let seed = Mat::from_fn(r, k + r, |i, j| ((i * 7919 + j * 104_729 + 13) as f64 * 0.618_033_988_75).fract() - 0.5);
    let start = &apply(seed.as_ref());
    let mut basis = vec![unit(start)];
    let mut hessenberg = Mat::<f64>::zeros(dimension + 1, dimension);
    let mut used = dimension;
    for column in 0..dimension {
        let mut next = apply(basis[column].as_ref());
        for (row, member) in basis.iter().enumerate() {
            let component = frobenius_inner(member.as_ref(), next.as_ref());
            add_scaled(&mut next, -component, member.as_ref());
            hessenberg[(row, column)] = component;
        }
        let length = frobenius(next.as_ref());
        hessenberg[(column + 1, column)] = length;
        if length < 1e-13 {
            used = column + 1;
            break;
        }
        basis.push(unit(&next));
    }
    let square = hessenberg.submatrix(0, 0, used, used).to_owned();
    let values = eigenvalue_pairs(square.as_ref())?;
    let vector = eigenvector(&square, values[0]);
    let last = vector[(used - 1, 0)].hypot(vector[(used - 1, 1)]);
    Ok(Outlier { rightmost: values[0].0, residual: hessenberg[(used, used - 1)] * last, dimension: used })
}

pub(super) fn unit(matrix: &Mat<f64>) -> Mat<f64> {
    let length = frobenius(matrix.as_ref());
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] / length)
}

/// The unit eigenvector of H at a + ib, real and imaginary parts side by side, by inverse iteration in real arithmetic.
pub(super) fn eigenvector(h: &Mat<f64>, (a, b): (f64, f64)) -> Mat<f64> {
    let n = h.nrows();
    // A shift off the eigenvalue by rounding keeps the system solvable.
    let off = 1e-10 * frobenius(h.as_ref());
    let real = Mat::from_fn(2 * n, 2 * n, |i, j| match (i < n, j < n) {
        (true, true) => h[(i, j)] - if i == j { a + off } else { 0.0 },
        (false, false) => h[(i - n, j - n)] - if i == j { a + off } else { 0.0 },
        (true, false) => {
            if i + n == j {
                b
            } else {
                0.0
            }
        }
        (false, true) => {
            if i == j + n {
                -b
            } else {
                0.0
            }
        }
    });
    let factors = LuFactors::new(real.as_ref());
    let mut vector = Mat::from_fn(2 * n, 1, |i, _| 1.0 + 0.2 * (i as f64).sin());
    for _ in 0..3 {
        vector = unit(&factors.solve(vector.as_ref()));
    }
    Mat::from_fn(n, 2, |i, part| vector[(i + part * n, 0)])
}

/// Real and imaginary parts.
pub(super) fn eigenvalue_pairs(matrix: faer::MatRef<'_, f64>) -> Result<Vec<(f64, f64)>, LinalgError> {
    Ok(general_eigenvalues(matrix)?.iter().map(|value| (value.re, value.im)).collect())
}
