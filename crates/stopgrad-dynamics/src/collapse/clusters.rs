//! Do the samples sit on a few points? Spectra cannot tell: k points span up to k − 1 dimensions.

use super::halves::{self, GROUPS, HALVES, SPLIT_FROM, has};
use crate::statistics::{quantile, squared_distance};
use serde::Serialize;

/// The largest number of clusters looked for; beyond it the samples per cluster are too few to speak of one.
const MOST: usize = 64;
/// Samples that a cluster must have on average, so that k centres do not fit by their number alone.
const LEAST_SAMPLES: usize = 4;
/// Share of samples that must lie within the radius: a few strays do not hide a collapse.
const COVERED: f64 = 0.95;
/// A k-th centre that shrinks the radius tenfold has found the last of k separate points. In a continuous cloud
/// of any dimension one more centre shrinks it by a factor below 3.
pub const CLUSTER_GAP: f64 = 0.1;
/// Clusters in effect (inverse Simpson index) that there must be: one bulk with a stray outlier has 1.
const LEAST_EFFECTIVE: f64 = 1.3;

/// Whether a cloud falls apart into a few tight clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusterCount {
    /// Number of clusters; `None` where there are no separate ones.
    pub clusters: Option<usize>,
    /// Radius of the clusters over the radius with one centre fewer; the smallest seen where there are none.
    pub radius_ratio: f64,
    /// Centres tried.
    pub tried: usize,
    /// Standard error of `clusters`, from halves of the samples; none where some half shows none, or there are none.
    pub error: Option<f64>,
    /// Halves of the samples that form separate clusters too, of 15; none where they were not asked.
    pub halves: Option<usize>,
}

/// How many tight, separate clusters the samples form, if they do.
///
/// Farthest-point centres, one by one, with the radius that holds 95 % of the samples. On k separate
/// clusters it stays at their distance until the k-th centre and then falls to their width; on a continuous
/// cloud, of any dimension, it falls slowly. The distance to the nearest neighbour was rejected: on a
/// continuous line it is as small as in clusters.
///
/// # Shapes      samples: n × d
/// # Requires    finite samples
/// # Cost        min(64, n/8) · n · d multiply-adds
/// # Source      centres: Gonzalez 1985
pub fn count_clusters(samples: &[f64], d: usize) -> ClusterCount {
    assert!(d > 0 && samples.len().is_multiple_of(d), "rows of {d} numbers");
    let rows: Vec<&[f64]> = samples.chunks_exact(d).collect();
    let most = MOST.min(rows.len() / LEAST_SAMPLES);
    let mut seen = ClusterCount { clusters: None, radius_ratio: 1.0, tried: most, error: None, halves: None };
    let mut cover = Cover::new(&rows, d);
    let mut radius = cover.radius();
    for k in 2..=most {
        cover.add_farthest(&rows);
        let next = cover.radius();
        if radius <= 0.0 {
            break;
        }
        seen.radius_ratio = seen.radius_ratio.min(next / radius);
        if next <= CLUSTER_GAP * radius && cover.effective_clusters(k) >= LEAST_EFFECTIVE {
            return ClusterCount { clusters: Some(k), radius_ratio: next / radius, ..seen };
        }
        radius = next;
    }
    seen
}

/// The same with what halves of the samples say, where there are clusters and enough samples.
///
/// # Shapes      samples: n × d, those that `count` was taken of
/// # Cost        15 times that of [`count_clusters`] on half as many, up to `clusters` centres
pub(super) fn count_in_halves(count: ClusterCount, samples: &[f64], d: usize) -> ClusterCount {
    if count.clusters.is_none() || samples.len() < SPLIT_FROM * d {
        return count;
    }
    let of_half = |half: usize| {
        let rows = samples.chunks_exact(d).enumerate().filter(|(at, _)| has(half, at % GROUPS));
        let kept: Vec<f64> = rows.flat_map(|(_, row)| row).copied().collect();
        count_clusters(&kept, d).clusters.map(|clusters| clusters as f64)
    };
    let counts: Vec<f64> = (0..HALVES).filter_map(of_half).collect();
    ClusterCount { error: halves::error(&counts), halves: Some(counts.len()), ..count }
}

/// Each sample's nearest centre so far.
struct Cover {
    squared: Vec<f64>,
    nearest: Vec<usize>,
    centers: usize,
}

impl Cover {
    /// The first centre: the sample nearest to the mean, so that an outlier is not the one that all are far from.
    fn new(rows: &[&[f64]], d: usize) -> Self {
        let mut mean = vec![0.0; d];
        for row in rows {
            for (sum, x) in mean.iter_mut().zip(*row) {
                *sum += x / rows.len() as f64;
            }
        }
        let to_mean: Vec<f64> = rows.iter().map(|row| squared_distance(row, &mean)).collect();
        let mut cover = Self { squared: vec![f64::INFINITY; rows.len()], nearest: vec![0; rows.len()], centers: 0 };
        if let Some(first) = (0..rows.len()).min_by(|&a, &b| to_mean[a].total_cmp(&to_mean[b])) {
            cover.add(rows, first);
        }
        cover
    }

    fn add_farthest(&mut self, rows: &[&[f64]]) {
        // Of equals the last; any fixed choice would do.
        if let Some(next) = (0..rows.len()).max_by(|&a, &b| self.squared[a].total_cmp(&self.squared[b])) {
            self.add(rows, next);
        }
    }

    fn add(&mut self, rows: &[&[f64]], center: usize) {
        for (i, row) in rows.iter().enumerate() {
            let squared = squared_distance(row, rows[center]);
            if squared < self.squared[i] {
                self.squared[i] = squared;
                self.nearest[i] = self.centers;
            }
        }
        self.centers += 1;
    }

    fn radius(&self) -> f64 {
        quantile(&self.squared, COVERED).unwrap_or(0.0).sqrt()
    }

    /// 1 / Σ share²: equal clusters count fully, strays hardly.
    fn effective_clusters(&self, k: usize) -> f64 {
        let mut counts = vec![0.0_f64; k];
        for &center in &self.nearest {
            counts[center] += 1.0;
        }
        let n = self.nearest.len() as f64;
        1.0 / counts.iter().map(|count| (count / n).powi(2)).sum::<f64>()
    }
}
