//! Solutions of rank one: p(b² − bM + λX⁻¹) = 0, |p| = |b|, a quadratic eigenvalue problem (docs/theory.md, 3.5).

use faer::{Mat, c64};
use rayon::prelude::*;

use super::{EquilibriaError, Problem, Stratum, status};
use crate::linalg::general_eigenvalues;
use crate::polynomial::certificate::{Guess, Root, certified_root};
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
            certified_root(&problem.exact, &guess(problem, &u, b)?, 1)
        })
        .collect();
    let expected = if k <= COMPLEX_UP_TO { 2 * k } else { wanted.len() };
    let counts = PathCounts::default();
    let status = status(&roots, Some(expected), &counts);
    Ok(Stratum { rank: 1, status, roots, expected: Some(2 * k), counts, starts: 0 })
}

/// The eigenvalues b with Im b ≥ 0 and their left null vectors u = pX^{1/2}, real where b is; those that are not found are left out.
pub(super) fn eigenpairs(problem: &Problem) -> Vec<(c64, Vec<c64>)> {
    let Ok((values, pencil)) = eigenvalues(problem) else { return Vec::new() };
    let upper = values.into_iter().filter_map(|b| {
        let is_real = b.im.abs() <= NEARLY_REAL * b.norm();
        (b.norm() > 0.0 && (is_real || b.im > 0.0)).then(|| if is_real { c64::new(b.re, 0.0) } else { b })
    });
    upper
        .filter_map(|b| {
            let u = turned(&left_null_vector(&pencil, b)?);
            u.iter().all(|x| x.re.is_finite() && x.im.is_finite()).then_some((b, u))
        })
        .collect()
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

/// S = pᵀp with p = u X^{-1/2} scaled to ppᵀ = b², in the frame X^{-1/2} [u, columns orthogonal to it], |S'| = 1 there.
fn guess(problem: &Problem, u: &[c64], b: c64) -> Option<Guess> {
    let k = problem.size();
    let u = &turned(u);
    let rho = &problem.support.variances;
    let square: c64 = u.iter().zip(rho).map(|(x, rho)| x * x / rho).sum();
    let factor = b * b / square;
    if !(factor.re.is_finite() && factor.im.is_finite()) {
        return None;
    }
    if k > COMPLEX_UP_TO {
        // In intervals a frame would cost O(m³) a solution, each a hundred times a product's.
        let p: Vec<c64> = u.iter().zip(rho).map(|(x, rho)| x / rho.sqrt()).collect();
        let p = if problem.directions.is_some() {
            p
        } else {
            (0..k).map(|i| (0..k).map(|j| p[j] * problem.support.directions[(i, j)]).sum()).collect()
        };
        return Some(Guess { frame: None, inside: Dense::from_fn(k, k, |i, j| p[i] * p[j] * factor) });
    }
    // A Householder reflection takes the first axis to u, up to a phase.
    let phase = if u[0].norm() > 0.0 { u[0] / u[0].norm() } else { c64::new(1.0, 0.0) };
    let mut w = u.clone();
    w[0] += phase;
    let length = w.iter().map(c64::norm_sqr).sum::<f64>();
    let reflected = |i: usize, j: usize| {
        let unit = c64::new(f64::from(u8::from(i == j)), 0.0);
        let column = unit - w[i] * w[j].conj() * (2.0 / length);
        if j == 0 { -column * phase } else { column }
    };
    // All columns as long as makes |S'| = 1.
    let size = factor.norm();
    let inside = Dense::from_fn(k, k, |i, j| reflected(i, j) * (size / rho[i]).sqrt());
    let frame = if problem.directions.is_some() {
        inside
    } else {
        Dense::from_fn(k, k, |i, j| c64::new(problem.support.directions[(i, j)], 0.0)).times(&inside)
    };
    let s = Dense::from_fn(k, k, |i, j| if i + j == 0 { factor / size } else { c64::new(0.0, 0.0) });
    Some(Guess { frame: Some(frame), inside: s })
}

/// u with its largest number real and, where all others then nearly are, real: only a real frame can prove S real.
fn turned(u: &[c64]) -> Vec<c64> {
    let largest = u.iter().copied().max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr()));
    let Some(largest) = largest.filter(|x| x.norm_sqr() > 0.0) else { return u.to_vec() };
    let phase = largest.conj() / largest.norm();
    let out: Vec<c64> = u.iter().map(|x| x * phase).collect();
    if out.iter().all(|x| x.im.abs() <= NEARLY_REAL * largest.norm()) {
        return out.into_iter().map(|x| c64::new(x.re, 0.0)).collect();
    }
    out
}
