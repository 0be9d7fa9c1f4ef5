//! Two views of the same samples at one place: how much of the variance they share.

use serde::Serialize;

use super::outputs::Outputs;
use crate::statistics::{mean, sum_fixed};

/// Variance between samples, and between views of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ViewPairs {
    /// E|z(x) − mean of its two views|².
    pub within_variance: f64,
    /// Variance of the means of two views, over samples.
    pub between_variance: f64,
    /// tr Cov(x, y) / mean of tr Cov(x) and tr Cov(y): 1 for equal views, 0 for views that have nothing in common; 0 where
    /// nothing varies.
    pub shared_share: f64,
    /// Its standard error.
    pub shared_share_error: f64,
}

impl ViewPairs {
    /// Of outputs for the two views, sample by sample, tokens at their positions.
    ///
    /// # Panics  when the shapes differ
    /// # Cost    n t d
    pub fn measure(x: &Outputs<'_>, y: &Outputs<'_>) -> Self {
        let shape = |outputs: &Outputs<'_>| (outputs.samples(), outputs.positions(), outputs.width());
        assert_eq!(shape(x), shape(y), "two views of the same samples");
        let (n, t) = (x.samples(), x.positions() as f64);
        let (mean_x, mean_y) = (x.position_means(), y.position_means());
        let (mut shared, mut own, mut apart) = (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for sample in 0..n {
            a.clear();
            b.clear();
            x.push(sample, &mean_x, &mut a);
            y.push(sample, &mean_y, &mut b);
            let of = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(&a, &b)| f(a, b)).sum::<f64>() / t;
            shared.push(of(&|a, b| a * b));
            own.push(of(&|a, b| 0.5 * (a * a + b * b)));
            apart.push(of(&|a, b| 0.25 * (a - b) * (a - b)));
        }
        let (variance, within) = (mean(&own), mean(&apart));
        let share = if variance > 0.0 { mean(&shared) / variance } else { 0.0 };
        // The ratio of two means, to first order.
        let squares: Vec<f64> = shared.iter().zip(&own).map(|(s, o)| (s - share * o).powi(2)).collect();
        let error = if variance > 0.0 { sum_fixed(&squares).sqrt() / n as f64 / variance } else { 0.0 };
        Self {
            within_variance: within,
            between_variance: (variance - within).max(0.0),
            shared_share: share,
            shared_share_error: error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outputs::Values;
    use super::*;
    use crate::testing::normal_vector;

    fn pairs(share: f64, seed: u64) -> ViewPairs {
        let (n, d) = (500, 16);
        let [signal, e, f] = [0, 1, 2].map(|k| normal_vector(n * d, 10 * seed + k));
        let view = |noise: &[f64]| -> Vec<f64> {
            signal.iter().zip(noise).map(|(s, e)| 7.0 + share.sqrt() * s + (1.0 - share).sqrt() * e).collect()
        };
        let (x, y) = (view(&e), view(&f));
        let outputs = |values| Outputs::new(Values::F64(values), n, 1, d).unwrap();
        ViewPairs::measure(&outputs(&x), &outputs(&y))
    }

    #[test]
    fn the_shared_share_is_that_of_the_signal_within_its_error() {
        for share in [0.0, 0.3, 1.0] {
            let within = (0..40)
                .filter(|&seed| {
                    let pairs = pairs(share, seed);
                    // Variances add up to that of one view.
                    assert!((pairs.within_variance + pairs.between_variance - 16.0).abs() < 1.5);
                    (pairs.shared_share - share).abs() <= 2.0 * pairs.shared_share_error + 1e-12
                })
                .count();
            // 95 % of 40, less three of its deviations.
            assert!(within >= 34, "share {share}: {within} of 40");
        }
    }

    #[test]
    fn constants_share_nothing() {
        let values = vec![2.0; 80];
        let outputs = Outputs::new(Values::F64(&values), 20, 1, 4).unwrap();
        let pairs = ViewPairs::measure(&outputs, &outputs);
        assert_eq!((pairs.shared_share, pairs.shared_share_error, pairs.between_variance), (0.0, 0.0, 0.0));
    }
}
