//! Equilibria that are known without a search: the largest of full rank, and all of rank one.

use faer::Mat;

use super::search::Found;
use crate::linalg::{LinalgError, general_eigenvalues, product, singular_vectors};
use crate::maximal::{Maximal, MaximalParams, solve_maximal};
use crate::{Moments, Support};

/// `S_max`, where there is one, and every equilibrium of rank one; never called complete.
///
/// Rank one (docs/theory.md, 3.5): p (b² − bM + λX⁻¹) = 0 with |p| = |b|, whose real eigenvalues b are those of a matrix
/// of 2k rows; p is the left singular vector of the least singular value.
///
/// # Requires    `weight_decay` > 0
/// # Errors      [`LinalgError`]
/// # Cost        a spectrum of 2k rows, 2k at most of k rows, and [`solve_maximal`]
pub fn known_equilibria(
    moments: &Moments, support: &Support, weight_decay: f64, embedding_dim: usize,
) -> Result<Found, LinalgError> {
    let k = support.size();
    let mut inside = rank_one(support, weight_decay)?;
    if k > 1
        && embedding_dim >= k
        && let Maximal::Found(maximal) = solve_maximal(support, weight_decay, &MaximalParams::default(), &|_| false)
    {
        inside.push((k, maximal.s));
    }
    debug_assert_eq!(moments.size(), support.directions.nrows(), "the support of these moments");
    let lift = |s: &Mat<f64>| {
        let left = product(support.directions.as_ref(), s.as_ref());
        product(left.as_ref(), support.directions.transpose())
    };
    Ok(Found { equilibria: inside.iter().map(|(rank, s)| (*rank, lift(s))).collect(), complete: false })
}

fn rank_one(support: &Support, decay: f64) -> Result<Vec<(usize, Mat<f64>)>, LinalgError> {
    let (k, rho) = (support.size(), &support.variances);
    // Columns of M = Y X⁻¹ and of λX⁻¹ in the eigenbasis of X.
    let regression = |i: usize, j: usize| support.cross[(i, j)] / rho[j];
    let companion = Mat::from_fn(2 * k, 2 * k, |i, j| match (i < k, j < k) {
        (true, true) => regression(i, j),
        (false, true) if i - k == j => -decay / rho[j],
        (true, false) if j - k == i => 1.0,
        _ => 0.0,
    });
    let mut found = Vec::new();
    for value in general_eigenvalues(companion.as_ref())? {
        let b = value.re;
        if value.im.abs() > 0.0 || b.abs() < f64::MIN_POSITIVE {
            continue;
        }
        let pencil = Mat::from_fn(k, k, |i, j| {
            let diagonal = if i == j { b * b + decay / rho[i] } else { 0.0 };
            diagonal - b * regression(j, i)
        });
        let p = singular_vectors(pencil.as_ref())?.right;
        found.push((1, Mat::from_fn(k, k, |i, j| b * b * p[(i, k - 1)] * p[(j, k - 1)])));
    }
    Ok(found)
}
