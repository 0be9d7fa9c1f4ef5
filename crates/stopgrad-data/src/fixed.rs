//! Pairs of views drawn once, to be trained on again and again.
//!
//! With fresh views a training set has no end, and its moments are known from a sample of it only. Fixed pairs have
//! moments that are theirs exactly, so that theory and training can be compared to the last digit; a batch of all of
//! them is descent without noise. They are those of [`Draws`]: `stopgrad moments --split train` sums the same numbers.

use crate::draws::{DrawnViews, Draws};
use crate::{Projection, Skipped};

/// Samples drawn at a time.
const BLOCK: usize = 1024;

/// Pairs (x, y), those of one sample next to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedPairs {
    width: usize,
    per_sample: usize,
    /// The sample of each pair, by index into the source.
    indices: Vec<usize>,
    x: Vec<f32>,
    y: Vec<f32>,
    skipped: Vec<Skipped>,
}

impl FixedPairs {
    /// `per_sample` pairs of each sample of the draws, projected where asked for; samples that cannot be decoded are
    /// left out.
    ///
    /// `draws.views` is not looked at.
    ///
    /// # Requires
    /// As [`Draws::fill`].
    ///
    /// # Panics
    /// When `per_sample` is 0, and as [`Draws::fill`].
    pub fn draw(draws: &Draws<'_>, per_sample: usize, projection: Option<&Projection>) -> Self {
        let d = draws.source.shape().len();
        let width = projection.map_or(d, Projection::outputs);
        let mut pairs = Self { width, per_sample, indices: vec![], x: vec![], y: vec![], skipped: vec![] };
        each_block(draws, per_sample, |indices, x, y| {
            pairs.indices.extend(indices.iter().flat_map(|&index| std::iter::repeat_n(index, per_sample)));
            if let Some(projection) = projection {
                pairs.x.extend(projection.apply(x));
                pairs.y.extend(projection.apply(y));
            } else {
                pairs.x.extend_from_slice(x);
                pairs.y.extend_from_slice(y);
            }
        });
        pairs.skipped = undecodable(draws).1;
        pairs
    }

    /// Count of pairs.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Numbers in a view.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pairs of one sample.
    pub fn per_sample(&self) -> usize {
        self.per_sample
    }

    /// Views x, `len` × `width`.
    pub fn x(&self) -> &[f32] {
        &self.x
    }

    /// Views y, likewise.
    pub fn y(&self) -> &[f32] {
        &self.y
    }

    /// Samples that could not be decoded.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The sample of a pair, and its views.
    ///
    /// # Panics
    /// When there is no such pair.
    pub fn pair(&self, position: usize) -> (usize, &[f32], &[f32]) {
        let own = position * self.width..(position + 1) * self.width;
        (self.indices[position], &self.x[own.clone()], &self.y[own])
    }
}

/// Calls `take` with the samples of a block and their views x and y, sample after sample, pair after pair.
///
/// The pairs are those of [`FixedPairs::draw`], without holding more than a block of them.
///
/// # Requires
/// As [`Draws::fill`].
///
/// # Panics
/// When `per_sample` is 0, and as [`Draws::fill`].
pub fn each_block(draws: &Draws<'_>, per_sample: usize, mut take: impl FnMut(&[usize], &[f32], &[f32])) {
    assert!(per_sample > 0, "at least one pair a sample");
    let d = draws.source.shape().len();
    let exchangeable = draws.recipe.is_exchangeable();
    let views = if exchangeable { 2 * per_sample } else { per_sample };
    let (indices, _) = undecodable(draws);
    let draws = Draws { indices: &indices, views, ..*draws };
    let (mut drawn, mut x, mut y) = (DrawnViews::default(), vec![], vec![]);
    for start in (0..indices.len()).step_by(BLOCK) {
        let positions = start..(start + BLOCK).min(indices.len());
        draws.fill(positions.clone(), &mut drawn);
        if exchangeable {
            // The views of the pairs stand in turn.
            x.clear();
            y.clear();
            for pair in drawn.x.chunks_exact(2 * d) {
                x.extend_from_slice(&pair[..d]);
                y.extend_from_slice(&pair[d..]);
            }
            take(&indices[positions], &x, &y);
        } else {
            take(&indices[positions], &drawn.x, &drawn.y);
        }
    }
}

/// The samples that can be decoded, and the others with the reason.
fn undecodable(draws: &Draws<'_>) -> (Vec<usize>, Vec<Skipped>) {
    let (mut good, mut skipped) = (Vec::with_capacity(draws.indices.len()), vec![]);
    for &index in draws.indices {
        match draws.source.sample(index) {
            Ok(_) => good.push(index),
            Err(error) => {
                let path = format!("{}[{index}]", draws.source.name());
                skipped.push(Skipped { path, reason: error.to_string() });
            }
        }
    }
    (good, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Rows;
    use crate::{Normalizer, ViewRecipe};

    fn drawn(rows: &Rows, recipe: &ViewRecipe, per_sample: usize, threads: usize) -> FixedPairs {
        let normalizer = Normalizer::fit(rows, &[0, 1, 3]).unwrap();
        let indices: Vec<usize> = (0..6).collect();
        let draws =
            Draws { source: rows, indices: &indices, recipe, normalizer: &normalizer, views: 0, seed: 3, threads };
        FixedPairs::draw(&draws, per_sample, None)
    }

    #[test]
    fn pairs_are_those_of_the_recipe_for_any_threads() {
        let (rows, recipe) = (Rows::new(9, 2), ViewRecipe::preset("noise").unwrap());
        let pairs = drawn(&rows, &recipe, 2, 1);
        assert_eq!((pairs.len(), pairs.width(), pairs.x().len()), (12, 2, 24));
        assert_eq!(pairs, drawn(&rows, &recipe, 2, 3));
        let normalizer = Normalizer::fit(&rows, &[0, 1, 3]).unwrap();
        for (position, (sample, round)) in [(0, (0, 0)), (1, (0, 1)), (9, (4, 1))] {
            let values: Vec<f32> = (2 * sample..2 * sample + 2).map(|value| value as f32).collect();
            let draw = (round * 9 + sample) as u64;
            let expected = recipe.pair(&values, crate::Source::shape(&rows), &normalizer, 3, "moments", draw);
            assert_eq!(pairs.pair(position), (sample, &expected.x[..], &expected.y[..]));
        }
    }

    #[test]
    fn views_that_are_drawn_differently_keep_their_sides_and_damage_is_left_out() {
        let mut rows = Rows::new(9, 2);
        rows.broken = vec![2];
        let recipe = ViewRecipe { y: vec![], ..ViewRecipe::preset("noise").unwrap() };
        let pairs = drawn(&rows, &recipe, 3, 2);
        assert_eq!((pairs.len(), pairs.skipped().len(), pairs.pair(6).0), (15, 1, 3));
        assert_eq!(pairs.pair(6).2, pairs.pair(8).2, "y is not augmented");
        assert_ne!(pairs.pair(6).1, pairs.pair(8).1);
    }

    #[test]
    fn a_projection_is_applied_to_both_views() {
        let (rows, recipe) = (Rows::new(9, 2), ViewRecipe::default());
        let normalizer = Normalizer::identity(crate::Source::shape(&rows));
        let (indices, projection) = ([4, 5], Projection::new(&[1.0, 0.0], &[1.0, 1.0]));
        let source = &rows;
        let draws = Draws {
            source,
            indices: &indices,
            recipe: &recipe,
            normalizer: &normalizer,
            views: 0,
            seed: 0,
            threads: 1,
        };
        let pairs = FixedPairs::draw(&draws, 1, Some(&projection));
        // Row i is (2i, 2i + 1), less (1, 0), added up.
        assert_eq!((pairs.width(), pairs.x()), (1, &[16.0, 20.0][..]));
        assert_eq!(pairs.y(), pairs.x());
    }
}
