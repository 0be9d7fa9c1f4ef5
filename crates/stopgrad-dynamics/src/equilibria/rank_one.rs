//! Solutions of rank one: p(b² − bM + λX⁻¹) = 0, |p| = |b|, a quadratic eigenvalue problem (docs/theory.md, 3.5).

use faer::{Mat, c64};
use rayon::prelude::*;

use super::{EquilibriaError, Problem, Stratum, status};
use crate::linalg::general_eigenvalues;
use crate::polynomial::certificate::{Root, certified_root};
use crate::polynomial::ring::Dense;
use crate::polynomial::solve::PathCounts;
use crate::polynomial::stratum::inverted;

/// Sizes up to which the solutions that are not real are kept and proved too: each costs O(m³).
const COMPLEX_UP_TO: usize = 32;
/// Imaginary part, relative to the modulus, below which an eigenvalue is taken for real before it is refined.
const NEARLY_REAL: f64 = 1e-7;

pub(super) fn stratum(problem: &Problem) -> Result<Stratum, EquilibriaError> {
    let k = problem.size();
    let (values, pencil) = eigenvalues(problem)?;
    let wanted: Vec<c64> =
        values.into_iter().filter(|b| k <= COMPLEX_UP_TO || b.im.abs() <= NEARLY_REAL * b.norm()).collect();
    let roots: Vec<Root> = wanted
        .par_iter()
        .filter_map(|&b| {
            let u = left_null_vector(&pencil, b)?;
            certified_root(&problem.exact, &projector(problem, &u, b)?, 1)
        })
        .collect();
    let expected = if k <= COMPLEX_UP_TO { 2 * k } else { wanted.len() };
    let counts = PathCounts::default();
    Ok(Stratum { rank: 1, status: status(&roots, Some(expected)), roots, expected: Some(2 * k), counts })
}

/// b² − bK + λW, whitened: K, λW. Its left null vector is u = p X^{1/2}.
struct Pencil {
    k: Mat<f64>,
    w: Vec<f64>,
}

impl Pencil {
    fn at(&self, b: c64) -> Dense<c64> {
        let size = self.w.len();
        Dense::from_fn(size, size, |i, j| {
            let diagonal = if i == j { b * b + self.w[i] } else { c64::new(0.0, 0.0) };
            diagonal - b * self.k[(i, j)]
        })
    }
}

/// The 2k eigenvalues, by linearization: [u, bu] [[0, −λW], [1, K]] = b [u, bu].
fn eigenvalues(problem: &Problem) -> Result<(Vec<c64>, Pencil), EquilibriaError> {
    let k = problem.size();
    let w: Vec<f64> = problem.support.variances.iter().map(|rho| problem.weight_decay / rho).collect();
    let companion = Mat::from_fn(2 * k, 2 * k, |i, j| match (i < k, j < k) {
        (true, true) => 0.0,
        (true, false) => {
            if i == j - k {
                -w[i]
            } else {
                0.0
            }
        }
        (false, true) => f64::from(u8::from(i - k == j)),
        (false, false) => problem.whitened[(i - k, j - k)],
    });
    Ok((general_eigenvalues(companion.as_ref())?, Pencil { k: problem.whitened.clone(), w }))
}

/// u with u (b² − bK + λW) = 0 nearly: two steps of inverse iteration beside the eigenvalue.
fn left_null_vector(pencil: &Pencil, b: c64) -> Option<Vec<c64>> {
    let size = pencil.w.len();
    let inverse = inverted(&pencil.at(b * (1.0 + 1e-10)))?;
    let mut u: Vec<c64> =
        (0..size).map(|i| c64::new(1.0 + 0.1 * (i as f64).sin(), 0.3 * (2.0 * i as f64).cos())).collect();
    for _ in 0..3 {
        u = (0..size).map(|j| (0..size).map(|i| u[i] * inverse.at(i, j)).sum()).collect();
        let length = u.iter().map(c64::norm_sqr).sum::<f64>().sqrt();
        for x in &mut u {
            *x /= length;
        }
    }
    Some(u)
}

/// S = pᵀp with p = u X^{-1/2} scaled to ppᵀ = b².
fn projector(problem: &Problem, u: &[c64], b: c64) -> Option<Dense<c64>> {
    let k = problem.size();
    let inside: Vec<c64> = u.iter().zip(&problem.support.variances).map(|(x, rho)| x / rho.sqrt()).collect();
    let p: Vec<c64> = if problem.directions.is_some() {
        inside
    } else {
        let v = &problem.support.directions;
        (0..k).map(|i| (0..k).map(|j| inside[j] * v[(i, j)]).sum()).collect()
    };
    let square: c64 = p.iter().map(|x| x * x).sum();
    let factor = b * b / square;
    (factor.re.is_finite() && factor.im.is_finite()).then(|| Dense::from_fn(k, k, |i, j| p[i] * p[j] * factor))
}
