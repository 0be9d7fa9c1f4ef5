//! Measures beside those of `rank`, and beside what is known of the distribution.

use super::super::outputs::{Outputs, Values};
use super::*;
use crate::rank::summarize;
use crate::testing::normal_vector;

fn measured(values: &[f64], positions: usize, width: usize) -> Spread {
    let samples = values.len() / positions / width;
    Spread::measure(&Outputs::new(Values::F64(values), samples, positions, width).unwrap()).unwrap()
}

fn assert_near(a: f64, b: f64, relative: f64, what: &str) {
    assert!((a - b).abs() <= relative * b.abs().max(1e-300), "{what}: {a} and {b}");
}

#[test]
fn without_tokens_it_says_what_the_measures_of_rank_say() {
    // More rows than dimensions, and fewer; far from the origin.
    for (n, d) in [(300, 12), (20, 48), (48, 48)] {
        let values: Vec<f64> = normal_vector(n * d, 3).iter().map(|x| x + 50.0).collect();
        let (spread, direct) = (measured(&values, 1, d).summary, summarize(&values, n, d).unwrap());
        for (a, b, what) in [
            (spread.effective_rank, direct.effective_rank, "effective rank"),
            (spread.participation_ratio, direct.participation_ratio, "participation ratio"),
            (spread.total_variance, direct.total_variance, "variance"),
            (spread.norm, direct.norm, "norm"),
            (spread.std, direct.std, "std"),
        ] {
            assert_near(a, b, 1e-9, what);
        }
        assert_eq!(spread.samples, n);
    }
}

#[test]
fn single_precision_is_read_as_it_is() {
    let single: Vec<f32> = normal_vector(40 * 6, 5).iter().map(|&x| x as f32).collect();
    let double: Vec<f64> = single.iter().map(|&x| f64::from(x)).collect();
    let of_single = Spread::measure(&Outputs::new(Values::F32(&single), 40, 1, 6).unwrap()).unwrap();
    assert_eq!(of_single, measured(&double, 1, 6));
}

#[test]
fn variance_across_samples_and_across_positions_are_told_apart() {
    let (n, t, d) = (64, 7, 5);
    let (of_samples, of_positions) = (normal_vector(n * d, 1), normal_vector(t * d, 2));
    let value = |i: usize, k: usize, j: usize| 0.1 * of_samples[i * d + j] + 3.0 * of_positions[k * d + j];
    let values: Vec<f64> = (0..n * t * d).map(|at| value(at / d / t, at / d % t, at % d)).collect();
    let spread = measured(&values, t, d);
    let alone = summarize(&of_samples, n, d).unwrap().total_variance;
    let across = summarize(&of_positions, t, d).unwrap().total_variance;
    assert_near(spread.summary.total_variance, 0.01 * alone, 1e-9, "across samples");
    assert_near(spread.position_variance, 9.0 * across, 1e-9, "across positions");
}

#[test]
fn the_population_ratio_is_that_of_the_distribution_where_the_sample_is_small() {
    let (n, d, seeds) = (48, 96, 40);
    let estimates: Vec<f64> = (0..seeds)
        .map(|seed| measured(&normal_vector(n * d, seed), 1, d).population_participation_ratio.expect("an estimate"))
        .collect();
    let sample = measured(&normal_vector(n * d, 0), 1, d).summary.participation_ratio;
    // Of the sample: n d / (n + d) = 32 of 96.
    assert!(sample < 36.0, "{sample}");
    // Capped at d where it is above; the middle one is not.
    let middle = crate::statistics::quantile(&estimates, 0.5).unwrap();
    assert!((85.0..=96.0).contains(&middle), "{middle}");
}

/// That the mean of the errors told is near the deviation seen over seeds.
fn assert_error(all: &[Spread], value: &dyn Fn(&Spread) -> f64, error: &dyn Fn(&Spread) -> f64, what: &str) {
    let values: Vec<f64> = all.iter().map(value).collect();
    let center = mean(&values);
    let squares: Vec<f64> = values.iter().map(|x| (x - center).powi(2)).collect();
    let deviation = (sum_fixed(&squares) / (values.len() - 1) as f64).sqrt();
    let told = mean(&all.iter().map(error).collect::<Vec<_>>());
    assert!((0.6..1.6).contains(&(told / deviation)), "{what}: told {told}, seen {deviation}");
}

#[test]
fn errors_are_as_large_as_other_samples_differ() {
    let of = |seed: u64, n: usize, d: usize, fall: f64| {
        let mut values = normal_vector(n * d, seed);
        values.iter_mut().enumerate().for_each(|(at, x)| *x *= 10_f64.powf(-fall * (at % d) as f64 / d as f64));
        measured(&values, 1, d)
    };
    let few: Vec<Spread> = (0..60).map(|seed| of(seed, 400, 8, 1.0)).collect();
    assert_error(&few, &|s| s.summary.total_variance, &|s| s.variance_error, "variance");
    assert_error(&few, &|s| s.summary.effective_rank, &|s| s.effective_rank_error.unwrap(), "effective rank");
    // A spectrum that crosses the threshold slowly.
    let many: Vec<Spread> = (0..60).map(|seed| of(seed, 400, 64, 2.0)).collect();
    assert_error(&many, &|s| s.summary.effective_rank, &|s| s.effective_rank_error.unwrap(), "effective rank of many");
    assert_error(&many, &|s| s.alive as f64, &|s| s.alive_error.unwrap(), "alive");
}

#[test]
fn the_error_of_the_share_across_samples_is_that_of_other_samples() {
    let (n, t, d) = (200, 6, 4);
    let of_positions = normal_vector(t * d, 999);
    let of = |seed: u64| {
        let (of_samples, noise) = (normal_vector(n * d, 2 * seed), normal_vector(n * t * d, 2 * seed + 1));
        let value = |at: usize| of_samples[at / d / t * d + at % d] + of_positions[at % (t * d)] + 0.5 * noise[at];
        measured(&(0..n * t * d).map(value).collect::<Vec<_>>(), t, d)
    };
    let all: Vec<Spread> = (0..60).map(of).collect();
    assert_error(&all, &|s| s.sample_share.unwrap()[0], &|s| s.sample_share.unwrap()[1], "share across samples");
    assert_eq!(measured(&of_positions, 1, d).sample_share, None);
}

#[test]
fn the_count_of_clusters_is_asked_of_halves() {
    let (d, points) = (8, 20);
    let centers = normal_vector(points * d, 1);
    // Some are rare.
    let of = |seed: u64| {
        let uniform = normal_vector(160, seed);
        let at = |x: f64| ((x * 1e3).rem_euclid(1.0).powi(2) * points as f64) as usize;
        let values: Vec<f64> = uniform.iter().flat_map(|&x| centers[at(x) * d..][..d].to_vec()).collect();
        measured(&values, 1, d)
    };
    let all: Vec<Spread> = (0..40).map(of).collect();
    assert!(all.iter().all(|spread| spread.clusters.halves == Some(15)));
    let count = |s: &Spread| s.clusters.clusters.unwrap() as f64;
    assert_error(&all, &count, &|s| s.clusters.error.unwrap(), "clusters");
    // Two points, many samples: every half has both. And a cloud has none to count.
    let two = measured(&(0..160 * d).map(|at| f64::from(u8::from(at / d % 3 == 0))).collect::<Vec<_>>(), 1, d).clusters;
    assert_eq!((two.clusters, two.error, two.halves), (Some(2), Some(0.0), Some(15)));
    let none = measured(&normal_vector(160 * d, 3), 1, d).clusters;
    assert_eq!((none.clusters, none.error, none.halves), (None, None, None));
}

#[test]
fn a_constant_has_no_variance_whatever_it_is() {
    for value in [0.0, 1.5, 1e6] {
        let spread = measured(&vec![value; 40 * 3 * 4], 3, 4);
        assert_eq!((spread.summary.total_variance, spread.summary.effective_rank), (0.0, 0.0));
        assert_eq!((spread.position_variance, spread.summary.std), (0.0, 0.0));
    }
}

#[test]
fn outputs_that_cannot_be_measured_are_refused() {
    use crate::rank::RankError;
    let of = |values: &[f32], n, t, d| Outputs::new(Values::F32(values), n, t, d).unwrap_err();
    assert_eq!(of(&[], 0, 1, 4), RankError::Empty { n: 0, d: 4 });
    assert_eq!(of(&[0.0; 5], 2, 1, 3), RankError::Length { n: 2, d: 3, found: 5 });
    let infinite = [0.0, 1.0, 2.0, f32::INFINITY];
    assert_eq!(of(&infinite, 2, 1, 2), RankError::NotFinite { row: 1, column: 1, value: f64::INFINITY });
}
