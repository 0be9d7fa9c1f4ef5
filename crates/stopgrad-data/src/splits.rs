//! Which samples train, choose and test.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::source::{Source, Split};
use crate::{random, stream};

/// How to split a source that has no official split, or only an official test part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitSpec {
    /// Share for validation; of the official training part where there is one, else of all.
    pub validation: f64,
    /// Share for the test, where the source names no test part.
    pub test: f64,
    /// Names the stream of the random choice. Apart from the run's seed, so that runs with different seeds are
    /// compared on the same split.
    pub seed: u64,
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self { validation: 0.1, test: 0.2, seed: 0 }
    }
}

/// Indices of a source by use: disjoint, each list ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    /// To learn from.
    pub train: Vec<usize>,
    /// To choose by.
    pub validation: Vec<usize>,
    /// To report on.
    pub test: Vec<usize>,
}

/// Why a source cannot be split.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SplitError {
    /// A share that is none.
    #[error("split.{key} = {value} is no share; give a number from 0 up to, not including, 1")]
    Share {
        /// `validation` or `test`.
        key: &'static str,
        /// As given.
        value: f64,
    },
    /// Nothing left to learn from.
    #[error(
        "split.validation = {validation} and split.test = {test} leave nothing to train on; their sum has to be below 1"
    )]
    Sum {
        /// As given.
        validation: f64,
        /// As given.
        test: f64,
    },
    /// Fewer samples than the parts need.
    #[error(
        "{samples} samples are too few: the split leaves {train} for training, and at least 2 are needed; use more data, or set split.validation or split.test to 0"
    )]
    TooFew {
        /// Samples to split.
        samples: usize,
        /// Left for training.
        train: usize,
    },
}

impl Splits {
    /// The official parts where the source names them, seeded random ones otherwise.
    ///
    /// A share above 0 gives at least one sample.
    ///
    /// # Errors
    /// [`SplitError`] when the shares are none, or leave fewer than two samples to train on.
    pub fn new(source: &dyn Source, spec: &SplitSpec) -> Result<Self, SplitError> {
        for (key, value) in [("validation", spec.validation), ("test", spec.test)] {
            if !(0.0..1.0).contains(&value) {
                return Err(SplitError::Share { key, value });
            }
        }
        if spec.validation + spec.test >= 1.0 {
            return Err(SplitError::Sum { validation: spec.validation, test: spec.test });
        }
        let (mut pool, mut validation, mut test) = (vec![], vec![], vec![]);
        for index in 0..source.len() {
            match source.official_split(index) {
                None | Some(Split::Train) => pool.push(index),
                Some(Split::Validation) => validation.push(index),
                Some(Split::Test) => test.push(index),
            }
        }
        let samples = pool.len();
        let order = random::permutation(&mut stream(spec.seed, "split", 0), samples);
        let mut shuffled = order.into_iter().map(|position| pool[position]);
        let share = |fraction: f64| {
            let count = (samples as f64 * fraction).round() as usize;
            if fraction > 0.0 { count.max(1) } else { 0 }
        };
        if test.is_empty() {
            test = shuffled.by_ref().take(share(spec.test)).collect();
        }
        if validation.is_empty() {
            validation = shuffled.by_ref().take(share(spec.validation)).collect();
        }
        let mut train: Vec<usize> = shuffled.collect();
        if train.len() < 2 {
            return Err(SplitError::TooFew { samples, train: train.len() });
        }
        train.sort_unstable();
        validation.sort_unstable();
        test.sort_unstable();
        Ok(Self { train, validation, test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::open_source;
    use crate::source::testing::Rows;

    #[test]
    fn shares_are_kept_and_parts_are_disjoint() {
        let digits = open_source("digits", "").unwrap();
        let splits = Splits::new(&*digits, &SplitSpec::default()).unwrap();
        assert_eq!((splits.train.len(), splits.validation.len(), splits.test.len()), (1258, 180, 359));
        let mut all = [splits.train.clone(), splits.validation.clone(), splits.test.clone()].concat();
        assert!(splits.train.is_sorted() && splits.validation.is_sorted() && splits.test.is_sorted());
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1797));
        assert_eq!(splits, Splits::new(&*digits, &SplitSpec::default()).unwrap());
        assert_ne!(splits, Splits::new(&*digits, &SplitSpec { seed: 1, ..SplitSpec::default() }).unwrap());
    }

    #[test]
    fn an_official_test_part_is_kept_whole() {
        let mut rows = Rows::new(20, 1);
        rows.test_from = Some(15);
        let splits = Splits::new(&rows, &SplitSpec::default()).unwrap();
        assert_eq!(splits.test, [15, 16, 17, 18, 19]);
        assert_eq!((splits.train.len(), splits.validation.len()), (13, 2));
    }

    #[test]
    fn small_sets_and_bad_shares_are_refused() {
        let spec = |validation, test| SplitSpec { validation, test, seed: 0 };
        let refuse = |n, spec| Splits::new(&Rows::new(n, 1), &spec).unwrap_err();
        assert_eq!(refuse(3, spec(0.1, 0.2)), SplitError::TooFew { samples: 3, train: 1 });
        assert_eq!(refuse(9, spec(1.0, 0.0)), SplitError::Share { key: "validation", value: 1.0 });
        assert!(matches!(refuse(9, spec(0.1, f64::NAN)), SplitError::Share { key: "test", .. }));
        assert!(matches!(refuse(9, spec(0.5, 0.5)), SplitError::Sum { .. }));
        assert_eq!(Splits::new(&Rows::new(2, 1), &spec(0.0, 0.0)).unwrap().train, [0, 1]);
    }
}
