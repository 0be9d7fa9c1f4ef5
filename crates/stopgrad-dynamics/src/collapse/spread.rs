//! What is measured of the outputs of one place: variance across samples, its spectrum, and how far sampling moves them.

use super::clusters::{ClusterCount, count_clusters, count_in_halves};
use super::halves;
use super::outputs::Outputs;
use super::spectra::{Spectra, Spectrum, is_saturated};
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
    /// Share of the variance of tokens that is across samples, the rest across positions, with its standard error; none
    /// without tokens, or without any variance.
    pub sample_share: Option<[f64; 2]>,
    /// Directions alive: eigenvalues of at least [`ALIVE_SHARE`](super::ALIVE_SHARE) of an equal share, or as many as the least
    /// implies.
    pub alive: usize,
    /// Standard error of `alive` from halves of the samples; none where that cannot be done.
    pub alive_error: Option<f64>,
    /// Directions that so many samples can show.
    pub reachable: usize,
    /// Standard error of `summary.effective_rank` from halves of the samples; none where that cannot be done.
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
    /// # Cost      n t d² multiply-adds in double precision, and up to 16 eigenvalue problems of min(n t, d)
    /// # Source    errors: McCarthy 1969; tr Σ²: Chen, Zhang, Zhong 2010, from pairs of different samples
    pub fn measure(outputs: &Outputs<'_>) -> Result<Self, LinalgError> {
        Self::with(outputs, true)
    }

    /// The same without the errors that halves tell: one eigenvalue problem. What [`collapses`](super::collapses) answers is
    /// the same.
    ///
    /// # Errors    [`LinalgError`]
    pub fn without_errors(outputs: &Outputs<'_>) -> Result<Self, LinalgError> {
        Self::with(outputs, false)
    }

    fn with(outputs: &Outputs<'_>, errors: bool) -> Result<Self, LinalgError> {
        let means = outputs.position_means();
        let pass = Pass::over(outputs, &means);
        let (n, d) = (outputs.samples(), outputs.width());
        let constant = pass.variance <= ROUNDING_SHARE * pass.second_moment;
        let Spectra { all, halves } =
            if constant { Spectra::of_constant(outputs) } else { Spectra::of(outputs, &means, errors)? };
        let (alive, reachable) = (all.alive(), all.reachable);
        let ranks: Vec<f64> = halves.iter().map(|half| effective_rank(&half.eigenvalues)).collect();
        let Spectrum { eigenvalues, implied_directions, .. } = all;
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
            position_variance: center_of(&means, d).1,
            variance_error: pass.variance_error,
            sample_share: pass.sample_share,
            alive,
            alive_error: alive_error(&halves, d),
            reachable,
            effective_rank_error: halves::error(&ranks),
            population_participation_ratio: population.flatten(),
            implied_directions,
            clusters: clusters(outputs, &means, errors),
        })
    }
}

/// None where halves are too small to show what all samples show.
fn alive_error(halves: &[Spectrum], d: usize) -> Option<f64> {
    let counts: Vec<usize> = halves.iter().map(Spectrum::alive).collect();
    let short = halves.iter().zip(&counts).any(|(half, &alive)| {
        half.reachable < d && half.implied_directions.is_none() && is_saturated(alive, half.reachable)
    });
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    halves::error(&counts).filter(|_| !short)
}

/// The mean of the positions' means, and their variance about it.
fn center_of(means: &[f64], d: usize) -> (Vec<f64>, f64) {
    let t = (means.len() / d) as f64;
    let mut center = vec![0.0; d];
    for row in means.chunks_exact(d) {
        center.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / t);
    }
    let squares: Vec<f64> = means.iter().zip(center.iter().cycle()).map(|(x, m)| (x - m) * (x - m)).collect();
    let variance = sum_fixed(&squares) / t;
    (center, variance)
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
    sample_share: Option<[f64; 2]>,
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
        // How far a sample's tokens pull the means of the positions apart.
        let (center, between) = center_of(means, d);
        let mut pulls = Vec::with_capacity(n);
        for sample in 0..n {
            let (mut deviation, mut length, mut pull) = (0.0, 0.0, 0.0);
            for position in 0..t {
                outputs.copy_row(sample * t + position, &mut row);
                length += squared_norm(&row);
                let mean = &means[position * d..(position + 1) * d];
                deviation += row.iter().zip(mean).map(|(x, m)| (x - m) * (x - m)).sum::<f64>();
                if t > 1 {
                    let along = row.iter().zip(mean).zip(&center).map(|((x, m), c)| (x - m) * (m - c));
                    pull += along.sum::<f64>();
                }
                to_direction(&mut row);
                for ((x, first), (sum, square)) in row.iter().zip(&first).zip(sums.iter_mut().zip(&mut squares)) {
                    *sum += x - first;
                    *square += (x - first) * (x - first);
                }
            }
            of_samples.push(deviation / t as f64);
            lengths.push(length / t as f64);
            pulls.push(2.0 * pull / t as f64);
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
            sample_share: (t > 1).then(|| sample_share(&of_samples, &pulls, between)).flatten(),
        }
    }
}

/// V / (V + P) with V the mean of each sample's variance and P that between positions; its error by what each sample adds to
/// both, to first order.
fn sample_share(of_samples: &[f64], pulls: &[f64], between: f64) -> Option<[f64; 2]> {
    let (across, n) = (mean(of_samples), of_samples.len() as f64);
    let total = across + between;
    let added: Vec<f64> = of_samples
        .iter()
        .zip(pulls)
        .map(|(v, pull)| ((between * (v - across) - across * pull) / (total * total)).powi(2))
        .collect();
    (total > 0.0).then(|| [across / total, (mean(&added) / (n - 1.0).max(1.0)).sqrt()])
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

fn clusters(outputs: &Outputs<'_>, means: &[f64], errors: bool) -> ClusterCount {
    let (n, t, d) = (outputs.samples(), outputs.positions(), outputs.width());
    let count = CLUSTER_ROWS.min(n * t);
    let mut points = vec![0.0; count * d];
    for (k, point) in points.chunks_exact_mut(d).enumerate() {
        // Even over samples and over positions.
        let (sample, position) = if t == 1 { (k * n / count, 0) } else { (k / t * n / count.div_ceil(t), k % t) };
        outputs.copy_row(sample * t + position, point);
        point.iter_mut().zip(&means[position * d..]).for_each(|(x, mean)| *x -= mean);
    }
    let count = count_clusters(&points, d);
    if errors { count_in_halves(count, &points, d) } else { count }
}

#[cfg(test)]
mod tests;
