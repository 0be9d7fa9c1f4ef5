//! What is measured of the outputs of one place: variance across samples, its spectrum, and how far sampling moves them.

use super::clusters::{ClusterCount, count_clusters};
use super::outputs::Outputs;
use super::spectra::Spectra;
use crate::linalg::LinalgError;
use crate::rank::{ROUNDING_SHARE, Summary, effective_rank, participation_ratio, to_direction};
use crate::statistics::{mean, squared_norm, sum_fixed};

/// Rows among which clusters are looked for, evenly spread.
const CLUSTER_ROWS: usize = 4096;

/// Outputs of one place, measured across samples at a fixed token position.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// Spectrum and its ranks, std, norm. `samples` counts samples, not tokens; the covariance is the mean over positions
    /// of the covariance across samples.
    pub summary: Summary,
    /// Token positions; 1 where there are none.
    pub positions: usize,
    /// Variance of the mean outputs of the positions: what depends on the position alone. 0 without tokens.
    pub position_variance: f64,
    /// Standard error of `summary.total_variance`.
    pub variance_error: f64,
    /// Standard error of `summary.effective_rank` by leaving out groups; none where that cannot be done.
    pub effective_rank_error: Option<f64>,
    /// (tr Σ)² / tr Σ² of the distribution, not of the sample: without the bias of n not much larger than d. None with
    /// tokens, and where the sample cannot say (an estimate is not positive).
    pub population_participation_ratio: Option<f64>,
    /// Directions over which the variance is spread at least, where there are fewer rows than dimensions: more than the
    /// samples can show.
    pub implied_directions: Option<f64>,
    /// Whether the samples sit on a few points.
    pub clusters: ClusterCount,
}

impl Spread {
    /// Measures outputs.
    ///
    /// # Errors    [`LinalgError`] when eigenvalues are not found
    /// # Cost      n t d² multiply-adds in double precision, and up to 17 eigenvalue problems of min(n t, d)
    /// # Source    leaving out: Quenouille 1949, Tukey 1958; tr Σ²: Chen, Zhang, Zhong 2010, from pairs of different samples
    pub fn measure(outputs: &Outputs<'_>) -> Result<Self, LinalgError> {
        Self::with(outputs, true)
    }

    /// The same without the error of the effective rank: one eigenvalue problem. What [`collapses`](super::collapses)
    /// answers is the same.
    ///
    /// # Errors    [`LinalgError`]
    pub fn without_rank_error(outputs: &Outputs<'_>) -> Result<Self, LinalgError> {
        Self::with(outputs, false)
    }

    fn with(outputs: &Outputs<'_>, rank_error: bool) -> Result<Self, LinalgError> {
        let means = outputs.position_means();
        let pass = Pass::over(outputs, &means);
        let (n, d) = (outputs.samples(), outputs.width());
        let constant = pass.variance <= ROUNDING_SHARE * pass.second_moment;
        let spectra = if constant { Spectra::of_constant(d) } else { Spectra::of(outputs, &means, rank_error)? };
        let eigenvalues = spectra.all;
        let population = (outputs.positions() == 1).then(|| population_ratio(&eigenvalues, pass.fourth_moment, n));
        Ok(Self {
            summary: Summary {
                effective_rank: effective_rank(&eigenvalues),
                participation_ratio: participation_ratio(&eigenvalues),
                std: pass.direction_std,
                norm: pass.second_moment.sqrt(),
                total_variance: sum_fixed(&eigenvalues),
                samples: n,
                eigenvalues,
            },
            positions: outputs.positions(),
            position_variance: position_variance(&means, d),
            variance_error: pass.variance_error,
            effective_rank_error: left_out_error(&spectra.left_out),
            population_participation_ratio: population.flatten(),
            implied_directions: spectra.implied_directions,
            clusters: clusters(outputs, &means),
        })
    }
}

fn position_variance(means: &[f64], d: usize) -> f64 {
    let t = (means.len() / d) as f64;
    let mut center = vec![0.0; d];
    for row in means.chunks_exact(d) {
        center.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / t);
    }
    let squares: Vec<f64> = means.iter().zip(center.iter().cycle()).map(|(x, m)| (x - m) * (x - m)).collect();
    sum_fixed(&squares) / t
}

/// What one reading of all rows tells.
struct Pass {
    /// E|z|².
    second_moment: f64,
    /// E|z − mean of its position|².
    variance: f64,
    variance_error: f64,
    /// Mean over samples of the squared variance of a sample: E|z − mean|⁴ without tokens.
    fourth_moment: f64,
    direction_std: f64,
}

impl Pass {
    fn over(outputs: &Outputs<'_>, means: &[f64]) -> Self {
        let (n, t, d) = (outputs.samples(), outputs.positions(), outputs.width());
        let mut row = vec![0.0; d];
        // Sums of directions less the first one: those of a constant output are 0, and nothing is rounded away.
        let mut first = vec![0.0; d];
        outputs.copy_row(0, &mut first);
        to_direction(&mut first);
        let (mut sums, mut squares) = (vec![0.0; d], vec![0.0; d]);
        let (mut of_samples, mut lengths) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for sample in 0..n {
            let (mut deviation, mut length) = (0.0, 0.0);
            for position in 0..t {
                outputs.copy_row(sample * t + position, &mut row);
                length += squared_norm(&row);
                deviation += row.iter().zip(&means[position * d..]).map(|(x, m)| (x - m) * (x - m)).sum::<f64>();
                to_direction(&mut row);
                for ((x, first), (sum, square)) in row.iter().zip(&first).zip(sums.iter_mut().zip(&mut squares)) {
                    *sum += x - first;
                    *square += (x - first) * (x - first);
                }
            }
            of_samples.push(deviation / t as f64);
            lengths.push(length / t as f64);
        }
        let rows = (n * t) as f64;
        let deviations: Vec<f64> =
            sums.iter().zip(&squares).map(|(s, q)| (q / rows - (s / rows).powi(2)).max(0.0).sqrt()).collect();
        let variance = mean(&of_samples);
        let fourth: Vec<f64> = of_samples.iter().map(|x| x * x).collect();
        let fourth_moment = mean(&fourth);
        let spread = (fourth_moment - variance * variance).max(0.0);
        Self {
            second_moment: mean(&lengths),
            variance,
            variance_error: (spread / (n as f64 - 1.0).max(1.0)).sqrt(),
            fourth_moment,
            direction_std: mean(&deviations),
        }
    }
}

/// √((g − 1)/g Σ (θ₋ᵢ − mean)²) of the effective rank.
fn left_out_error(left_out: &[Vec<f64>]) -> Option<f64> {
    let ranks: Vec<f64> = left_out.iter().map(|eigenvalues| effective_rank(eigenvalues)).collect();
    let (g, center) = (ranks.len() as f64, mean(&ranks));
    let squares: Vec<f64> = ranks.iter().map(|rank| (rank - center).powi(2)).collect();
    (!ranks.is_empty()).then(|| ((g - 1.0) / g * sum_fixed(&squares)).sqrt())
}

/// Both traces from pairs of different samples: |zᵢ|²|zⱼ|² and (zᵢ·zⱼ)².
fn population_ratio(eigenvalues: &[f64], fourth_moment: f64, n: usize) -> Option<f64> {
    let n = n as f64;
    let trace = sum_fixed(eigenvalues);
    let squares: Vec<f64> = eigenvalues.iter().map(|x| x * x).collect();
    // A centred sample is a little smaller than it would be about the true mean: both by the same factor.
    let (products, angles) = (n * trace * trace - fourth_moment, n * sum_fixed(&squares) - fourth_moment);
    (n > 2.0 && products > 0.0 && angles > 0.0).then(|| (products / angles).clamp(1.0, eigenvalues.len() as f64))
}

fn clusters(outputs: &Outputs<'_>, means: &[f64]) -> ClusterCount {
    let (n, t, d) = (outputs.samples(), outputs.positions(), outputs.width());
    let count = CLUSTER_ROWS.min(n * t);
    let mut points = vec![0.0; count * d];
    for (k, point) in points.chunks_exact_mut(d).enumerate() {
        // Even over samples and over positions.
        let (sample, position) = if t == 1 { (k * n / count, 0) } else { (k / t * n / count.div_ceil(t), k % t) };
        outputs.copy_row(sample * t + position, point);
        point.iter_mut().zip(&means[position * d..]).for_each(|(x, mean)| *x -= mean);
    }
    count_clusters(&points, d)
}

#[cfg(test)]
mod tests;
