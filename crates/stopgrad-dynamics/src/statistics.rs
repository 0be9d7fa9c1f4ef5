//! Intervals, quantiles, and sums that give the same bits every time.
//!
//! A sum that reaches a file, a clip or a decision goes through here: its order depends on the length
//! alone, never on threads. Pairwise summation was chosen over compensated summation: the error grows
//! with log n instead of n, and the compiler can vectorise the leaves.

/// Leaves of the pairwise sums: long enough to vectorise, short enough to keep the error small.
const LEAF: usize = 256;
/// Independent running sums of a leaf, one a lane.
const LANES: usize = 16;

/// An estimate with the interval that holds it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Σ xᵢ, pairwise, in an order fixed by the length.
pub fn sum_fixed(values: &[f64]) -> f64 {
    sum_with(values, |x| x)
}

/// Σ xᵢ².
pub fn squared_norm(values: &[f64]) -> f64 {
    sum_with(values, |x| x * x)
}

/// Σ xᵢ² of single-precision numbers, in f64.
///
/// # Example
/// ```
/// assert_eq!(stopgrad_dynamics::statistics::squared_norm_f32(&[3.0, 4.0]), 25.0);
/// ```
pub fn squared_norm_f32(values: &[f32]) -> f64 {
    sum_with(values, |x| f64::from(x) * f64::from(x))
}

/// Σ aᵢ bᵢ of single-precision numbers, in f64.
///
/// # Panics      when the lengths differ
pub fn inner_product_f32(a: &[f32], b: &[f32]) -> f64 {
    zip_with(a, b, |x, y| f64::from(x) * f64::from(y))
}

/// Σ aᵢ bᵢ.
///
/// # Panics      when the lengths differ
pub fn inner_product(a: &[f64], b: &[f64]) -> f64 {
    zip_with(a, b, |x, y| x * y)
}

/// Σ (aᵢ − bᵢ)² of single-precision numbers, in f64.
///
/// # Panics      when the lengths differ
pub fn squared_distance_f32(a: &[f32], b: &[f32]) -> f64 {
    zip_with(a, b, |x, y| (f64::from(x) - f64::from(y)).powi(2))
}

/// Σ (aᵢ − bᵢ)².
///
/// # Panics      when the lengths differ
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    zip_with(a, b, |x, y| (x - y).powi(2))
}

/// Mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { sum_fixed(values) / values.len() as f64 }
}

/// Standard deviation of a sample, divided by n − 1; 0 for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let center = mean(values);
    (sum_with(values, |x| (x - center).powi(2)) / (values.len() - 1) as f64).sqrt()
}

/// Standard error of the mean of independent values.
pub fn standard_error(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { standard_deviation(values) / (values.len() as f64).sqrt() }
}

/// The mean with its 95 % interval by Student's t; unbounded for fewer than two values.
///
/// # Requires    independent values, roughly normal (means of windows are)
pub fn mean_interval(values: &[f64]) -> Interval {
    let estimate = mean(values);
    if values.len() < 2 {
        return Interval { estimate, low: f64::NEG_INFINITY, high: f64::INFINITY };
    }
    let half = student_quantile(values.len() - 1) * standard_error(values);
    Interval { estimate, low: estimate - half, high: estimate + half }
}

/// A share of successes with its 95 % interval.
///
/// # Panics      when there are more successes than trials
/// # Source      Wilson 1927
pub fn wilson95(successes: u64, trials: u64) -> Interval {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    if trials == 0 {
        return Interval { estimate: f64::NAN, low: 0.0, high: 1.0 };
    }
    let (n, z2) = (trials as f64, NORMAL_975 * NORMAL_975);
    let p = successes as f64 / n;
    let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = NORMAL_975 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends the formula gives 0 and 1 up to rounding.
    let low = if successes == 0 { 0.0 } else { (center - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (center + half).min(1.0) };
    Interval { estimate: p, low, high }
}

/// The quantile `level` (0 to 1) of values, linear between neighbours; `None` of nothing.
///
/// # Panics      when the level is outside 0 to 1
pub fn quantile(values: &[f64], level: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&level), "a level from 0 to 1, not {level}");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = level * sorted.len().checked_sub(1)? as f64;
    let (below, part) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + part * (sorted[above] - sorted[below]))
}

/// The slope of y over x by least squares; `None` when all x are equal or there are fewer than two points.
///
/// # Panics      when the lengths differ
pub fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let (center_x, center_y) = (mean(x), mean(y));
    let spread = sum_with(x, |v| (v - center_x).powi(2));
    (x.len() > 1 && spread > 0.0).then(|| zip_with(x, y, |a, b| (a - center_x) * (b - center_y)) / spread)
}

/// The 97.5 % point of the normal distribution.
const NORMAL_975: f64 = 1.959_963_984_540_054;

/// The 97.5 % points of Student's t for 1 to 7 degrees of freedom.
const STUDENT_975: [f64; 7] =
    [12.706_204_736, 4.302_652_730, 3.182_446_305, 2.776_445_105, 2.570_581_836, 2.446_911_851, 2.364_624_252];

/// The 97.5 % point of Student's t: half-width of a two-sided 95 % interval in standard errors.
///
/// A table to 7 degrees of freedom, where the expansion is poor; then Fisher's expansion in 1/ν, good to 1e-3.
///
/// # Panics      for 0 degrees of freedom
pub fn student_quantile(degrees: usize) -> f64 {
    assert!(degrees > 0, "an interval needs two values");
    if let Some(&exact) = STUDENT_975.get(degrees - 1) {
        return exact;
    }
    let (nu, z) = (degrees as f64, NORMAL_975);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / nu + second / nu.powi(2) + third / nu.powi(3)
}

/// Σ f(xᵢ): halves down to leaves, each leaf in lanes.
fn sum_with<T: Copy>(values: &[T], f: impl Fn(T) -> f64 + Copy) -> f64 {
    if values.len() > LEAF {
        let (left, right) = values.split_at(values.len().div_ceil(2 * LEAF) * LEAF);
        return sum_with(left, f) + sum_with(right, f);
    }
    let mut lanes = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += f(x);
    }
    fold_lanes(lanes)
}

/// Σ f(aᵢ, bᵢ), in the order of [`sum_with`].
fn zip_with<T: Copy>(a: &[T], b: &[T], f: impl Fn(T, T) -> f64 + Copy) -> f64 {
    assert_eq!(a.len(), b.len(), "two vectors of one length");
    if a.len() > LEAF {
        let middle = a.len().div_ceil(2 * LEAF) * LEAF;
        let ((a0, a1), (b0, b1)) = (a.split_at(middle), b.split_at(middle));
        return zip_with(a0, b0, f) + zip_with(a1, b1, f);
    }
    let mut lanes = [0.0; LANES];
    let (chunks_a, chunks_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (rest_a, rest_b) = (chunks_a.remainder(), chunks_b.remainder());
    for (chunk_a, chunk_b) in chunks_a.zip(chunks_b) {
        for ((lane, &x), &y) in lanes.iter_mut().zip(chunk_a).zip(chunk_b) {
            *lane += f(x, y);
        }
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(rest_a).zip(rest_b) {
        *lane += f(x, y);
    }
    fold_lanes(lanes)
}

/// Lanes added as a tree.
fn fold_lanes(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_exact_ones_and_beat_the_plain_loop() {
        let values: Vec<f64> = (0..100_000).map(|i| 0.1 + f64::from(i % 7)).collect();
        let exact = 10_000.0 + (0..100_000).map(|i| f64::from(i % 7)).sum::<f64>();
        assert!((sum_fixed(&values) - exact).abs() < 1e-9);
        for n in [0, 1, 15, 16, 17, 255, 256, 257, 1000] {
            let ones = vec![1.0f32; n];
            assert!((squared_norm_f32(&ones) - n as f64).abs() < 1e-12);
            assert!((inner_product_f32(&ones, &ones) - n as f64).abs() < 1e-12);
            assert!(squared_distance_f32(&ones, &ones).abs() < 1e-12);
        }
    }

    #[test]
    fn wilson_interval_matches_the_published_example() {
        // 81 of 263: 0.2553 to 0.3662 (Newcombe 1998, table I, method 3).
        let interval = wilson95(81, 263);
        assert!((interval.low - 0.2553).abs() < 5e-5 && (interval.high - 0.3662).abs() < 5e-5, "{interval:?}");
        assert!(wilson95(0, 20).low.abs() < 1e-15 && (wilson95(20, 20).high - 1.0).abs() < 1e-15);
    }

    #[test]
    fn student_quantiles_match_tables() {
        for (degrees, value) in [(1, 12.7062), (2, 4.3027), (6, 2.4469), (7, 2.3646), (10, 2.2281), (30, 2.0423)] {
            assert!((student_quantile(degrees) - value).abs() < 1e-3, "{degrees}: {}", student_quantile(degrees));
        }
    }

    #[test]
    fn quantiles_and_slopes_of_a_line() {
        let x = [4.0, 1.0, 3.0, 2.0];
        assert!((quantile(&x, 0.5).expect("values") - 2.5).abs() < 1e-15);
        assert!(quantile(&[], 0.5).is_none());
        let y: Vec<f64> = x.iter().map(|v| 3.0 - 2.0 * v).collect();
        assert!((slope(&x, &y).expect("spread") + 2.0).abs() < 1e-12);
        assert!(slope(&[1.0, 1.0], &[0.0, 1.0]).is_none());
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_student() {
        let interval = mean_interval(&[1.0, 2.0, 3.0]);
        assert!((interval.estimate - 2.0).abs() < 1e-15);
        assert!((interval.high - 2.0 - 4.302_652_730 / 3f64.sqrt()).abs() < 1e-6);
        assert!(mean_interval(&[1.0]).high.is_infinite());
    }
}
