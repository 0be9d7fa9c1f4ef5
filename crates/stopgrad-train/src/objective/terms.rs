//! What Ω may ask of the embeddings themselves: variance and covariance (VICReg), or that they look normal (SIGReg).
//!
//! Values and gradients in closed form on f64 slices, so that they are the same for any number of threads; the caller puts the
//! gradient into the framework's graph.

use faer::MatRef;
use stopgrad_dynamics::linalg;

use super::normality::normality;
use crate::config::ObjectiveConfig;

/// Added to the variance under the root (Bardes, Ponce, LeCun 2022, eq. 2).
const VARIANCE_FLOOR: f64 = 1e-4;
/// What the standard deviation of a coordinate should reach (γ there).
const WANTED_DEVIATION: f64 = 1.0;

/// Weights of the terms; all 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Of [`variance`].
    pub variance: f64,
    /// Of [`covariance`].
    pub covariance: f64,
    /// Of [`normality`].
    pub sigreg: f64,
    /// Random directions of the last.
    pub directions: usize,
    /// Names them, with the step.
    pub seed: u64,
    /// Update number; none: the directions on which evaluation pairs are measured, the same at every step.
    pub step: Option<u64>,
}

impl Terms {
    /// From the table `[objective]`.
    pub fn new(config: &ObjectiveConfig, seed: u64) -> Self {
        Self {
            variance: config.variance_weight,
            covariance: config.covariance_weight,
            sigreg: config.sigreg_weight,
            directions: config.sigreg_directions,
            seed,
            step: None,
        }
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        self.variance != 0.0 || self.covariance != 0.0 || self.sigreg != 0.0
    }

    /// The weighted terms of some views, mean over the views, and its gradient.
    ///
    /// # Shapes      embeddings: views · n × d, the rows of a view together → as many
    pub fn of(&self, embeddings: &[f64], views: usize, d: usize) -> (f64, Vec<f64>) {
        let (mut value, mut gradient) = (0.0, Vec::with_capacity(embeddings.len()));
        for view in embeddings.chunks_exact(embeddings.len() / views) {
            let (of_view, its_gradient) = self.of_view(view, d);
            value += of_view / views as f64;
            gradient.extend(its_gradient.into_iter().map(|g| g / views as f64));
        }
        (value, gradient)
    }

    fn of_view(&self, z: &[f64], d: usize) -> (f64, Vec<f64>) {
        let (mut value, mut gradient) = (0.0, vec![0.0; z.len()]);
        let mut add = |weight: f64, (of_term, its_gradient): (f64, Vec<f64>)| {
            value += weight * of_term;
            gradient.iter_mut().zip(its_gradient).for_each(|(sum, g)| *sum += weight * g);
        };
        if self.variance != 0.0 {
            add(self.variance, variance(z, d));
        }
        if self.covariance != 0.0 {
            add(self.covariance, covariance(z, d));
        }
        if self.sigreg != 0.0 {
            let (purpose, index) = self.step.map_or(("sigreg evaluation", 0), |step| ("sigreg", step));
            let directions = super::normality::directions(self.seed, (purpose, index), self.directions, d);
            add(self.sigreg, normality(z, &directions, d));
        }
        (value, gradient)
    }
}

/// 1/d Σⱼ max(0, 1 − √(Var zⱼ + 1e-4)) and its gradient.
///
/// # Shapes      z: n × d, n ≥ 2 → n × d
/// # Convention  variances divide by n − 1, as published
/// # Source      Bardes, Ponce, LeCun 2022, eq. 1–2 (arXiv:2105.04906)
pub fn variance(z: &[f64], d: usize) -> (f64, Vec<f64>) {
    let n = z.len() / d;
    let mut centered = center(z, d);
    let mut squares = vec![0.0; d];
    for row in centered.chunks_exact(d) {
        squares.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * x);
    }
    let freedom = (n - 1) as f64;
    let deviations: Vec<f64> = squares.iter().map(|sum| (sum / freedom + VARIANCE_FLOOR).sqrt()).collect();
    let value = deviations.iter().map(|s| (WANTED_DEVIATION - s).max(0.0)).sum::<f64>() / d as f64;
    let factor = |s: f64| if s < WANTED_DEVIATION { -1.0 / (d as f64 * s * freedom) } else { 0.0 };
    let factors: Vec<f64> = deviations.into_iter().map(factor).collect();
    for row in centered.chunks_exact_mut(d) {
        row.iter_mut().zip(&factors).for_each(|(x, factor)| *x *= factor);
    }
    (value, centered)
}

/// 1/d Σ_{i≠j} Cᵢⱼ² and its gradient, C the covariance of the columns.
///
/// # Shapes      z: n × d, n ≥ 2 → n × d
/// # Convention  C divides by n − 1, as published
/// # Cost        2 n d² multiply-adds
/// # Source      Bardes, Ponce, LeCun 2022, eq. 3–4 (arXiv:2105.04906)
pub fn covariance(z: &[f64], d: usize) -> (f64, Vec<f64>) {
    let n = z.len() / d;
    let centered = center(z, d);
    let freedom = (n - 1) as f64;
    let mut products = linalg::column_products(&centered, n, d);
    for (i, row) in products.chunks_exact_mut(d).enumerate() {
        row[i] = 0.0;
    }
    let rows = products.chunks_exact(d).map(|row| row.iter().map(|c| (c / freedom) * (c / freedom)).sum::<f64>());
    let value = rows.sum::<f64>() / d as f64;
    // Of Σ Cᵢⱼ² off the diagonal: 4/(n − 1) Z̄ C, whose columns sum to 0 as those of Z̄ do.
    let of = |values, rows| MatRef::from_row_major_slice(values, rows, d);
    let gradient = linalg::product(of(&centered, n), of(&products, d));
    let factor = 4.0 / (d as f64 * freedom * freedom);
    let gradient = (0..n * d).map(|at| factor * gradient[(at / d, at % d)]).collect();
    (value, gradient)
}

/// Every column less its mean.
fn center(z: &[f64], d: usize) -> Vec<f64> {
    let n = (z.len() / d) as f64;
    let mut mean = vec![0.0; d];
    for row in z.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    z.chunks_exact(d).flat_map(|row| row.iter().zip(&mean).map(|(x, sum)| x - sum / n)).collect()
}
