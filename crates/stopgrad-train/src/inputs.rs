//! What a network sees of a sample: a normalized view, or its principal components.
//!
//! Components are fitted to views and not to samples, as `stopgrad moments --features` does, on one pair of views a
//! training sample (all of them where pairs are fixed), named by `split.seed`: runs under different seeds see the same
//! coordinates. Both views go through one map, because there is one encoder.

use faer::Mat;
use stopgrad_data::{Draws, FixedPairs, Projection, each_block};
use stopgrad_dynamics::features::{Components, FeatureError, principal_components, whitening};
use stopgrad_dynamics::moments::{MomentsAccumulator, Pairing};

/// Numbers that a projection may have: it is stored as text beside the weights.
const LARGEST_PROJECTION: usize = 1 << 21;
/// Numbers that fixed pairs may have: 8 GiB.
const LARGEST_PAIRS: usize = 1 << 31;

/// `views.features`, read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Features {
    /// The view itself.
    None,
    /// Principal components, centered.
    Components(Components),
    /// All of them, each at standard deviation 1.
    Whiten,
}

impl Features {
    /// `none`, `pca:16`, `pca:0.95` or `whiten`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "none" => Some(Self::None),
            None if text == "whiten" => Some(Self::Whiten),
            Some(("pca", amount)) => match (amount.parse::<usize>(), amount.parse::<f64>()) {
                (Ok(count), _) if count > 0 => Some(Self::Components(Components::Count(count))),
                (Err(_), Ok(share)) if share > 0.0 && share < 1.0 => Some(Self::Components(Components::Share(share))),
                _ => None,
            },
            _ => None,
        }
    }

    /// The map that these features are, fitted to the views of some draws.
    ///
    /// # Errors
    /// More components than the views vary in, or views that do not vary.
    pub(crate) fn fit(self, draws: &Draws<'_>, per_sample: usize) -> Result<Option<Projection>, FeatureError> {
        if self == Self::None {
            return Ok(None);
        }
        let d = draws.source.shape().len();
        let mut sums = MomentsAccumulator::new(d, Pairing::Exchangeable { views: 2 }, false);
        let mut both = Vec::new();
        let mut any = false;
        each_block(draws, per_sample, |_, x, y| {
            both.clear();
            both.extend(x.chunks_exact(d).zip(y.chunks_exact(d)).flat_map(|(x, y)| x.iter().chain(y)).copied());
            sums.add_f32(&both, &[]);
            any = true;
        });
        if !any {
            return Err(FeatureError::Constant);
        }
        // Both orders of each pair: the mean and the covariance are those of all views.
        let moments = sums.finish().moments(true);
        let center = moments.mean_x.unwrap_or_else(|| vec![0.0; d]);
        let basis = match self {
            Self::Components(components) => principal_components(moments.xx.as_ref(), components)?,
            _ => whitening(moments.xx.as_ref())?,
        };
        Ok(Some(Projection::new(&center, &row_major(&basis))))
    }
}

/// Row after row.
pub(crate) fn row_major(matrix: &Mat<f64>) -> Vec<f64> {
    (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])).collect()
}

/// Whether a projection is too large to be stored; its numbers then.
pub(crate) fn too_large(projection: &Projection) -> Option<usize> {
    let numbers = projection.inputs() * projection.outputs();
    (numbers > LARGEST_PROJECTION).then_some(numbers)
}

/// Whether fixed pairs of this many samples and numbers a view fit.
pub(crate) fn pairs_fit(samples: usize, per_sample: usize, width: usize) -> bool {
    [samples, per_sample, width].into_iter().try_fold(2_usize, usize::checked_mul).is_some_and(|n| n <= LARGEST_PAIRS)
}

/// Fixed pairs of the draws.
pub(crate) fn fixed(draws: &Draws<'_>, per_sample: usize, projection: Option<&Projection>) -> Option<FixedPairs> {
    (per_sample > 0).then(|| FixedPairs::draw(draws, per_sample, projection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_as_they_are_written() {
        let read = |text| Features::read(text);
        assert_eq!(read("none"), Some(Features::None));
        assert_eq!(read("whiten"), Some(Features::Whiten));
        assert_eq!(read("pca:16"), Some(Features::Components(Components::Count(16))));
        assert_eq!(read("pca:0.9"), Some(Features::Components(Components::Share(0.9))));
        for wrong in ["", "pca", "pca:", "pca:0", "pca:-3", "pca:1.5", "pca:nan", "whiten:2", "PCA:3"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
