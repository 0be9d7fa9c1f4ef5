//! Does a mode stand above the noise of a finite sample? Two halves of the data answer.
//!
//! The directions of largest cross-covariance of a sample carry noise that was selected for being large, so the
//! strength of a mode is not read in the sample that chose its direction: directions come from one half, strengths
//! from the other, both ways. How large the noise is comes from the difference of the halves in the same basis.

use faer::Mat;

use crate::linalg::{LinalgError, product};
use crate::modes::{Mode, modes_of};
use crate::{Moments, Support};

/// Modes on either side whose entries estimate the noise of one: 12 give some 600 entries, a noise known to 3 %.
const NEIGHBORS: usize = 12;

/// For each mode, the longest-lived first, how many standard deviations its cross-covariance stands above noise.
///
/// With w the k-th direction of one half and τ' = wᵀY'w in the other, |mean of τ'| / σ_k, where σ_k² is
/// (ρ_k² + τ_k²) s² and s² the mean of D_ij² / (4 ρ_i ρ_j) over pairs i ≠ j of neighboring modes, D = Y₁ − Y₂
/// (Gaussian views have Var Ŷ_ij ≈ (ρ_iρ_j + τ_iτ_j)/N; only the proportion is used, N is not).
///
/// # Requires    halves of equal size over the coordinates of the support, independent (no sample in both)
/// # Errors      [`LinalgError`]
/// # Cost        two symmetric eigendecompositions and a dozen products
pub fn split_half_sigmas(support: &Support, halves: (&Moments, &Moments)) -> Result<Vec<f64>, LinalgError> {
    let (first, second) = (support.project(halves.0), support.project(halves.1));
    let one = strengths(&first, &second)?;
    let two = strengths(&second, &first)?;
    Ok(one
        .iter()
        .zip(&two)
        .map(|(a, b)| {
            let noise = f64::midpoint(a.noise, b.noise);
            if noise > 0.0 { f64::midpoint(a.cross, b.cross).abs() / noise } else { f64::INFINITY }
        })
        .collect())
}

/// A mode chosen in one half and read in the other.
struct Strength {
    /// τ' = wᵀY'w, with the sign of τ.
    cross: f64,
    /// The standard deviation of the mean over both halves.
    noise: f64,
}

fn strengths(chosen: &(Mat<f64>, Mat<f64>), read: &(Mat<f64>, Mat<f64>)) -> Result<Vec<Strength>, LinalgError> {
    let k = chosen.0.nrows();
    let modes = modes_of(&with_floor(&chosen.0), &chosen.1)?;
    let basis = Mat::from_fn(k, k, |i, j| modes[j].direction[i]);
    let turn = |matrix: &Mat<f64>| product(basis.transpose(), product(matrix.as_ref(), basis.as_ref()).as_ref());
    let (here, there) = (turn(&chosen.1), turn(&read.1));
    let variances: Vec<f64> = modes.iter().map(|mode| mode.variance).collect();
    let scale = |i: usize, j: usize| (here[(i, j)] - there[(i, j)]).powi(2) / (4.0 * variances[i] * variances[j]);
    Ok((0..k)
        .map(|at| {
            let window = at.saturating_sub(NEIGHBORS)..(at + NEIGHBORS + 1).min(k);
            let pairs = window.clone().flat_map(|i| window.clone().map(move |j| (i, j))).filter(|(i, j)| i != j);
            let (sum, count) = pairs.fold((0.0, 0usize), |(sum, count), (i, j)| (sum + scale(i, j), count + 1));
            // One mode alone has no pairs: its own entry, of twice the variance.
            let square = if count > 0 { sum / count as f64 } else { 0.5 * scale(at, at) };
            let Mode { variance, cross, .. } = &modes[at];
            let noise = (square * (variance.powi(2) + cross.powi(2))).sqrt();
            Strength { cross: there[(at, at)] * cross.signum(), noise }
        })
        .collect())
}

/// X of a half with a floor on its diagonal: a half may miss directions of the whole.
fn with_floor(xx: &Mat<f64>) -> Mat<f64> {
    let k = xx.nrows();
    let floor = 1e-12 * (0..k).map(|i| xx[(i, i)]).fold(0.0, f64::max);
    Mat::from_fn(k, k, |i, j| xx[(i, j)] + if i == j { floor } else { 0.0 })
}
