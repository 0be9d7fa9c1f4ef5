//! √(mean of N / mean of D) of paired samples, with an interval.

use crate::statistics::{Interval, mean, standard_error, student_quantile};

/// √(odd/even); 0 where both are 0, and never less than 0 (an estimate of a small |J − Jᵀ|² can be negative).
pub(super) fn root_ratio(odd: f64, even: f64) -> f64 {
    if odd <= 0.0 { 0.0 } else { (odd / even.max(0.0)).sqrt() }
}

/// The ratio's 95 % interval: all q for which the mean of N − q D is within Student's quantile of 0.
///
/// That is a quadratic in q; it has no upper end where D itself is not told from 0.
///
/// # Source      Fieller 1954
pub(super) fn root_ratio_interval(pairs: &[[f64; 2]]) -> Interval {
    let (n, d): (Vec<f64>, Vec<f64>) = pairs.iter().map(|&[n, d]| (n, d)).unzip();
    let estimate = root_ratio(mean(&n), mean(&d));
    if pairs.len() < 2 {
        return Interval { estimate, low: 0.0, high: f64::INFINITY };
    }
    let t2 = student_quantile(pairs.len() - 1).powi(2);
    let (mean_n, mean_d) = (mean(&n), mean(&d));
    let sum: Vec<f64> = n.iter().zip(&d).map(|(n, d)| n + d).collect();
    let (vn, vd) = (standard_error(&n).powi(2), standard_error(&d).powi(2));
    let cov = 0.5 * (standard_error(&sum).powi(2) - vn - vd);
    // a q² − 2 b q + c ≤ 0.
    let (a, b, c) = (mean_d.powi(2) - t2 * vd, mean_n * mean_d - t2 * cov, mean_n.powi(2) - t2 * vn);
    if a <= 0.0 {
        return Interval { estimate, low: 0.0, high: f64::INFINITY };
    }
    // Never negative but for rounding: the estimate itself satisfies the inequality.
    let root = (b * b - a * c).max(0.0).sqrt();
    let end = |q: f64| q.max(0.0).sqrt();
    Interval { estimate, low: end((b - root) / a).min(estimate), high: end((b + root) / a).max(estimate) }
}
