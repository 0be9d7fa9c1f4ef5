//! The grid: the product of the lists that were typed, in a fixed order.

use serde_json::{Value, json};

use crate::args::{Numbers, Wholes};
use crate::lab::sweep::Swept;

/// Points of a sweep at most: each is a row that is held in memory.
pub(super) const MOST: usize = 100_000;

/// A value for each option; a list of one `None` is an option that was not given, or that the command does not have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) weight_decay: Vec<Option<f64>>,
    pub(super) ema_rate: Vec<Option<f64>>,
    pub(super) embedding_dim: Vec<Option<u32>>,
    pub(super) init_scale: Vec<Option<f64>>,
    pub(super) seed: Vec<u64>,
}

/// One of its points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) weight_decay: Option<f64>,
    pub(super) ema_rate: Option<f64>,
    pub(super) embedding_dim: Option<u32>,
    pub(super) init_scale: Option<f64>,
    pub(super) seed: u64,
}

impl Grid {
    /// How many points there are; none beyond what can be counted.
    pub(super) fn len(&self) -> Option<usize> {
        self.lengths().into_iter().try_fold(1_usize, usize::checked_mul)
    }

    /// A point, counted from 0: the seed changes fastest, the weight decay slowest.
    ///
    /// # Requires    `index` below [`Grid::len`]
    pub(super) fn point(&self, index: usize) -> Point {
        let mut places = [0; Swept::ALL.len()];
        let mut rest = index;
        for (place, length) in places.iter_mut().zip(self.lengths()).rev() {
            *place = rest % length;
            rest /= length;
        }
        self.at(places)
    }

    /// A value of each option by its place in its list, in the order of [`Swept::ALL`].
    fn at(&self, places: [usize; Swept::ALL.len()]) -> Point {
        Point {
            weight_decay: self.weight_decay[places[0]],
            ema_rate: self.ema_rate[places[1]],
            embedding_dim: self.embedding_dim[places[2]],
            init_scale: self.init_scale[places[3]],
            seed: self.seed[places[4]],
        }
    }

    /// The values of an option, null where it was not given.
    pub(super) fn values(&self, option: Swept) -> Value {
        let own = |place| Swept::ALL.map(|other| if other == option { place } else { 0 });
        let length = |(other, length)| if other == option { length } else { 0 };
        let length = Swept::ALL.into_iter().zip(self.lengths()).map(length).sum::<usize>();
        (0..length).map(|place| self.at(own(place)).value(option)).collect()
    }

    /// In the order of [`Swept::ALL`], which is that of the points.
    pub(super) fn lengths(&self) -> [usize; Swept::ALL.len()] {
        [self.weight_decay.len(), self.ema_rate.len(), self.embedding_dim.len(), self.init_scale.len(), self.seed.len()]
    }

    /// The options that have more than one value.
    pub(super) fn varied(&self) -> Vec<Swept> {
        Swept::ALL.into_iter().zip(self.lengths()).filter(|(_, length)| *length > 1).map(|(option, _)| option).collect()
    }
}

impl Point {
    /// The value of an option, null where it was not given.
    pub(super) fn value(&self, option: Swept) -> Value {
        match option {
            Swept::WeightDecay => json!(self.weight_decay),
            Swept::EmaRate => json!(self.ema_rate),
            Swept::EmbeddingDim => json!(self.embedding_dim),
            Swept::InitScale => json!(self.init_scale),
            Swept::Seed => json!(self.seed),
        }
    }
}

/// A list of numbers, or the default alone; none: the option is not given and has no default, or is of no effect.
pub(super) fn filled(list: Option<&Numbers>, default: Option<f64>) -> Vec<Option<f64>> {
    list.map_or_else(|| vec![default], |list| list.0.iter().copied().map(Some).collect())
}

/// A list of sizes, or one value that was not given.
pub(super) fn sizes(list: Option<&Wholes>) -> Vec<Option<u32>> {
    list.map_or_else(|| vec![None], |list| list.0.iter().map(|size| Some(*size as u32)).collect())
}

/// Seeds: 0 if none were given.
pub(super) fn seeds(list: Option<&Wholes>) -> Vec<u64> {
    list.map_or_else(|| vec![0], |list| list.0.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_option_changes_fastest_and_every_point_is_met_once() {
        let grid = Grid {
            weight_decay: vec![Some(0.1), Some(0.2)],
            ema_rate: vec![None],
            embedding_dim: vec![Some(1), Some(2), Some(3)],
            init_scale: vec![None],
            seed: vec![7, 8],
        };
        assert_eq!(grid.len(), Some(12));
        let points: Vec<Point> = (0..12).map(|index| grid.point(index)).collect();
        let shown = |point: &Point| (point.weight_decay, point.embedding_dim, point.seed);
        assert_eq!(shown(&points[0]), (Some(0.1), Some(1), 7));
        assert_eq!(shown(&points[1]), (Some(0.1), Some(1), 8));
        assert_eq!(shown(&points[2]), (Some(0.1), Some(2), 7));
        assert_eq!(shown(&points[11]), (Some(0.2), Some(3), 8));
        for (place, point) in points.iter().enumerate() {
            assert!(points[..place].iter().all(|earlier| earlier != point));
        }
        assert_eq!(grid.varied(), [Swept::WeightDecay, Swept::EmbeddingDim, Swept::Seed]);
    }

    #[test]
    fn a_grid_that_cannot_be_counted_has_no_length() {
        let many = vec![Some(1.0); 100_000];
        let grid = Grid {
            weight_decay: many.clone(),
            ema_rate: many.clone(),
            embedding_dim: vec![Some(1); 100_000],
            init_scale: many,
            seed: vec![0; 100_000],
        };
        assert_eq!(grid.len(), None);
    }
}
