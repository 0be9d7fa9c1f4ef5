//! How far a statistic moves from sample to sample: it is taken of halves of the samples again.

use crate::statistics::{mean, sum_fixed};

/// Groups that samples are dealt into (sample i into group i mod 16): the order of a file says nothing then.
pub(super) const GROUPS: usize = 16;
/// Halves of eight groups each.
pub(super) const HALVES: usize = GROUPS - 1;
/// Fewer samples are not split.
pub(super) const SPLIT_FROM: usize = 2 * GROUPS;

/// Whether a half has a group: rows of a Hadamard matrix, so that every two groups are together in as many halves as apart.
pub(super) const fn has(half: usize, group: usize) -> bool {
    ((half + 1) & group).count_ones().is_multiple_of(2)
}

/// The standard error of a statistic, from its values on all [`HALVES`] halves; none without all of them.
///
/// A half differs from all samples as much as all samples from the distribution. That holds for counts too, where leaving out
/// one group in turn says too little. About their own mean, which leaves out the bias of half as many samples: one of the
/// fifteen degrees of freedom.
///
/// # Source    McCarthy 1969
pub(super) fn error(values: &[f64]) -> Option<f64> {
    let center = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - center).powi(2)).collect();
    (values.len() == HALVES).then(|| (sum_fixed(&squares) / (HALVES as f64 - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_mean_is_the_known_one() {
        let of_groups: Vec<f64> = (0..GROUPS).map(|group| ((group * group) as f64 * 0.7).sin()).collect();
        let halves: Vec<f64> = (0..HALVES)
            .map(|half| {
                let kept: Vec<f64> =
                    (0..GROUPS).filter(|&group| has(half, group)).map(|group| of_groups[group]).collect();
                assert_eq!(kept.len(), GROUPS / 2);
                mean(&kept)
            })
            .collect();
        // About the mean of all groups; about their own it is 14 to 15 degrees of freedom.
        let center = mean(&of_groups);
        let squares: Vec<f64> = of_groups.iter().map(|x| (x - center).powi(2)).collect();
        let known = sum_fixed(&squares) / (GROUPS as f64 * (GROUPS as f64 - 1.0));
        let about: Vec<f64> = halves.iter().map(|x| (x - center).powi(2)).collect();
        assert!((mean(&about) - known).abs() < 1e-12, "{} and {known}", mean(&about));
        let told = error(&halves).expect("all halves");
        assert!((told / known.sqrt() - 1.0).abs() < 0.3, "{told} and {}", known.sqrt());
        assert_eq!(error(&halves[1..]), None);
    }
}
