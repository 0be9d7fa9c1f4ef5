//! The clouds on which other tools' measures fail, and what must hold for every cloud.

use proptest::prelude::*;

use super::*;
use crate::testing::Normals;

impl Normals {
    fn cloud(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.next()).collect()
    }

    /// n samples of a Gaussian that fills `rank` random directions of d.
    fn low_rank(&mut self, n: usize, d: usize, rank: usize) -> Vec<f64> {
        let (factors, directions) = (self.cloud(n * rank), self.cloud(rank * d));
        let mut samples = vec![0.0; n * d];
        for (row, factor) in samples.chunks_exact_mut(d).zip(factors.chunks_exact(rank)) {
            for (direction, weight) in directions.chunks_exact(d).zip(factor) {
                row.iter_mut().zip(direction).for_each(|(x, y)| *x += weight * y);
            }
        }
        samples
    }

    /// Products of Givens rotations, applied to each row.
    fn rotate(&mut self, samples: &mut [f64], d: usize) {
        for _ in 0..3 * d {
            let i = (self.uniform() * d as f64) as usize;
            let j = (self.uniform() * d as f64) as usize;
            if i != j {
                let (sin, cos) = (self.uniform() * std::f64::consts::TAU).sin_cos();
                for row in samples.chunks_exact_mut(d) {
                    (row[i], row[j]) = (cos * row[i] - sin * row[j], sin * row[i] + cos * row[j]);
                }
            }
        }
    }
}

const N: usize = 1000;
const D: usize = 64;
const HEALTHY: f64 = 0.125; // 1/√64

fn summary(samples: &[f64]) -> Summary {
    summarize(samples, samples.len() / D, D).expect("finite samples")
}

fn constant(noise: f64) -> Vec<f64> {
    let mut normals = Normals(1);
    let point = normals.cloud(D);
    (0..N).flat_map(|_| point.clone()).map(|x| x + noise * normals.next()).collect()
}

#[test]
fn a_constant_cloud_has_no_rank_no_spread_and_no_variance() {
    let seen = summary(&constant(0.0));
    assert_eq!((seen.effective_rank, seen.participation_ratio), (0.0, 0.0));
    assert!(seen.std < 1e-15 && seen.total_variance.abs() < 1e-15 && seen.variance_share() < 1e-15);
    assert!(seen.norm > 1.0);
}

#[test]
fn rounding_of_single_precision_is_not_variance() {
    let seen = summary(&constant(1e-7));
    assert!(seen.effective_rank.abs() < 1e-300);
}

#[test]
fn a_constant_with_a_little_noise_shows_in_spread_and_variance_share() {
    let seen = summary(&constant(1e-5));
    assert!(seen.std < 1e-4 * HEALTHY && seen.variance_share() < 1e-9, "{seen:?}");
    // The noise itself is full rank: the rank says so, and is to be read beside the other two.
    assert!(seen.effective_rank > 50.0);
}

#[test]
fn two_points_have_rank_one_while_their_spread_looks_healthy() {
    let samples: Vec<f64> =
        (0..N).flat_map(|i| vec![if i % 2 == 0 { 1.0 } else { -1.0 } / (D as f64).sqrt(); D]).collect();
    let seen = summary(&samples);
    assert!((seen.effective_rank - 1.0).abs() < 1e-9 && (seen.participation_ratio - 1.0).abs() < 1e-9);
    assert!((seen.std - HEALTHY).abs() < 1e-3);
}

#[test]
fn gaussians_of_low_rank_show_it() {
    for rank in [2, 4, 8] {
        let seen = summary(&Normals(rank as u64).low_rank(N, D, rank));
        assert!(seen.effective_rank <= rank as f64 + 1e-6 && seen.effective_rank > 0.7 * rank as f64, "{rank}");
        assert!(seen.eigenvalues[rank] < 1e-12 * seen.eigenvalues[0]);
        assert!(seen.std > 0.8 * HEALTHY, "spread is blind to lost dimensions");
    }
}

#[test]
fn a_full_gaussian_is_full_wherever_its_mean_is() {
    let samples = Normals(5).cloud(N * D);
    let seen = summary(&samples);
    assert!(seen.effective_rank > 61.0 && (seen.std - HEALTHY).abs() < 1e-3);
    let moved: Vec<f64> = samples.iter().map(|x| x + 50.0).collect();
    let there = summary(&moved);
    assert!((there.effective_rank - seen.effective_rank).abs() < 1e-9);
    assert!((there.total_variance / seen.total_variance - 1.0).abs() < 1e-9);
}

#[test]
fn one_direction_along_the_diagonal_has_rank_one() {
    let mut normals = Normals(6);
    let samples: Vec<f64> = (0..N).flat_map(|_| vec![normals.next(); D]).collect();
    assert!((summary(&samples).effective_rank - 1.0).abs() < 1e-9);
}

#[test]
fn few_samples_take_the_gram_matrix_and_agree_with_the_covariance() {
    let (n, d) = (20, 64);
    let samples = Normals(7).cloud(n * d);
    let by_gram = spectrum(&samples, n, d).expect("finite");
    let covariance = covariance(&samples, n, d).expect("finite");
    let direct = linalg::symmetric_eigenvalues(&covariance, d).expect("finite");
    for (a, b) in by_gram.iter().zip(&direct) {
        assert!((a - b.max(0.0)).abs() < 1e-12 * direct[0].max(1.0));
    }
    assert!(by_gram[n - 1..].iter().all(|value| value.abs() < 1e-300));
}

#[test]
fn zeros_tiny_and_single_samples_are_handled() {
    let zero = summarize(&[0.0; 12], 4, 3).expect("finite");
    assert_eq!((zero.effective_rank, zero.std, zero.norm, zero.variance_share()), (0.0, 0.0, 0.0, 0.0));
    let one = summarize(&[1.0, 2.0], 1, 2).expect("finite");
    assert_eq!((one.effective_rank, one.eigenvalues), (0.0, vec![0.0, 0.0]));
    let tiny: Vec<f64> = Normals(8).cloud(50 * 4).iter().map(|x| x * 1e-120).collect();
    assert!(summarize(&tiny, 50, 4).expect("finite").effective_rank > 3.5);
}

#[test]
fn bad_input_is_named() {
    assert_eq!(summarize(&[], 0, 3), Err(RankError::Empty { n: 0, d: 3 }));
    assert_eq!(summarize(&[1.0; 5], 2, 3), Err(RankError::Length { n: 2, d: 3, found: 5 }));
    let Err(RankError::NotFinite { row: 1, column: 2, .. }) = spectrum(&[0.0, 0.0, 0.0, 0.0, 0.0, f64::NAN], 2, 3)
    else {
        panic!("not named");
    };
    let huge = summarize(&[1e200, 0.0], 1, 2);
    assert!(matches!(huge, Err(RankError::NotFinite { row: 0, column: 0, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn measures_keep_their_bounds_and_symmetries(
        seed: u64, n in 3_usize..40, d in 1_usize..24, rank in 1_usize..24, offset in -20.0..20.0_f64, scale in 1e-6..1e6_f64,
    ) {
        let mut normals = Normals(seed);
        let mut samples = normals.low_rank(n, d, rank.min(d));
        for x in &mut samples {
            *x += offset;
        }
        let seen = summarize(&samples, n, d).expect("finite");
        prop_assert!(seen.participation_ratio >= 1.0);
        prop_assert!(seen.participation_ratio <= seen.effective_rank * (1.0 + 1e-12));
        prop_assert!(seen.effective_rank <= (n - 1).min(d) as f64 * (1.0 + 1e-9));
        prop_assert!(seen.std >= 0.0 && seen.std <= 1.0 / (d as f64).sqrt() * (1.0 + 1e-12));
        prop_assert!((0.0..=1.0).contains(&seen.variance_share()));

        let scaled: Vec<f64> = samples.iter().map(|x| x * scale).collect();
        let there = summarize(&scaled, n, d).expect("finite");
        prop_assert!((there.effective_rank - seen.effective_rank).abs() < 1e-6);
        prop_assert!((there.std - seen.std).abs() < 1e-9);
        prop_assert!((there.norm / seen.norm / scale - 1.0).abs() < 1e-9);

        let reversed: Vec<f64> = samples.chunks_exact(d).rev().flatten().copied().collect();
        let there = summarize(&reversed, n, d).expect("finite");
        prop_assert!((there.effective_rank - seen.effective_rank).abs() < 1e-6);
        prop_assert!((there.std - seen.std).abs() < 1e-9);

        normals.rotate(&mut samples, d);
        let there = summarize(&samples, n, d).expect("finite");
        prop_assert!((there.effective_rank - seen.effective_rank).abs() < 1e-6);
        prop_assert!((there.participation_ratio - seen.participation_ratio).abs() < 1e-6);
        prop_assert!((there.total_variance / seen.total_variance - 1.0).abs() < 1e-9);
    }
}
