//! Several views of each sample, for moments: blocks of views prepared on threads.
//!
//! Apart from the loader, which gives two views in the order of an epoch: here every sample comes once, in the order
//! of its index, with as many views as asked for. They are made by the same [`ViewRecipe::pair`], so that theory and
//! training see the same numbers: pair r of sample i draws from the streams (seed, "moments/x" and "moments/y",
//! r·n + i), n being the samples of the source. So the split, the blocks and the number of threads change no view.

use std::ops::Range;

use crate::source::{Skipped, Source};
use crate::{Normalizer, ViewRecipe};

/// Which views of which samples.
#[derive(Clone, Copy)]
pub struct Draws<'a> {
    /// Where samples come from.
    pub source: &'a dyn Source,
    /// The samples, by index into the source.
    pub indices: &'a [usize],
    /// How views are made.
    pub recipe: &'a ViewRecipe,
    /// What they are normalized by.
    pub normalizer: &'a Normalizer,
    /// Views of each kind a sample. Exchangeable recipes: so many in all, x and y of the pairs in turn.
    pub views: usize,
    /// Names the streams.
    pub seed: u64,
    /// Threads, at least 1.
    pub threads: usize,
}

/// Views of some samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrawnViews {
    /// samples × views × shape.len().
    pub x: Vec<f32>,
    /// Likewise; empty for exchangeable recipes, whose views all stand in `x`.
    pub y: Vec<f32>,
    /// Samples in it.
    pub samples: usize,
    /// Samples that could not be decoded; they are left out.
    pub skipped: Vec<Skipped>,
}

impl Draws<'_> {
    /// The views of the samples at some positions of the list, into buffers that are used again.
    ///
    /// # Requires
    /// [`ViewRecipe::check`] passed for the source's shape.
    ///
    /// # Panics
    /// When positions or indices lie beyond their lists, or there are 0 threads or views.
    pub fn fill(&self, positions: Range<usize>, out: &mut DrawnViews) {
        assert!(self.threads > 0 && self.views > 0, "at least one thread and one view");
        let length = self.views * self.source.shape().len();
        let indices = &self.indices[positions];
        let exchangeable = self.recipe.is_exchangeable();
        out.x.resize(indices.len() * length, 0.0);
        out.y.resize(if exchangeable { 0 } else { indices.len() * length }, 0.0);
        let share = indices.len().div_ceil(self.threads).max(1);
        let mut failed: Vec<(usize, Skipped)> = vec![];
        std::thread::scope(|scope| {
            let mut rest_y = out.y.as_mut_slice();
            let mut workers = vec![];
            for (part, x) in out.x.chunks_mut(share * length).enumerate() {
                let start = part * share;
                let own = &indices[start..(start + share).min(indices.len())];
                let y;
                (y, rest_y) = rest_y.split_at_mut(x.len().min(rest_y.len()));
                workers.push(scope.spawn(move || self.fill_part(start, own, x, y)));
            }
            for worker in workers {
                match worker.join() {
                    Ok(part) => failed.extend(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        for (place, _) in failed.iter().rev() {
            out.x.drain(place * length..(place + 1) * length);
            if !exchangeable {
                out.y.drain(place * length..(place + 1) * length);
            }
        }
        out.samples = indices.len() - failed.len();
        out.skipped = failed.into_iter().map(|(_, skipped)| skipped).collect();
    }

    /// The views of some samples; returns the places of those that cannot be decoded.
    fn fill_part(&self, start: usize, indices: &[usize], x: &mut [f32], y: &mut [f32]) -> Vec<(usize, Skipped)> {
        let length = self.views * self.source.shape().len();
        let mut failed = vec![];
        for (place, &index) in indices.iter().enumerate() {
            match self.source.sample(index) {
                Ok(sample) => {
                    let own = place * length..(place + 1) * length;
                    let y = if y.is_empty() { &mut [] } else { &mut y[own.clone()] };
                    self.fill_sample(index, &sample.values, &mut x[own], y);
                }
                Err(error) => {
                    let path = format!("{}[{index}]", self.source.name());
                    failed.push((start + place, Skipped { path, reason: error.to_string() }));
                }
            }
        }
        failed
    }

    fn fill_sample(&self, index: usize, sample: &[f32], x: &mut [f32], y: &mut [f32]) {
        let shape = self.source.shape();
        let pair = |round: usize| {
            let draw = (round as u64).wrapping_mul(self.source.len() as u64).wrapping_add(index as u64);
            self.recipe.pair(sample, shape, self.normalizer, self.seed, "moments", draw)
        };
        if y.is_empty() {
            for (round, views) in x.chunks_mut(2 * shape.len()).enumerate() {
                let pair = pair(round);
                let (first, second) = views.split_at_mut(shape.len());
                first.copy_from_slice(&pair.x);
                // The last view of an odd number has no partner.
                if !second.is_empty() {
                    second.copy_from_slice(&pair.y);
                }
            }
            return;
        }
        for (round, (x, y)) in x.chunks_mut(shape.len()).zip(y.chunks_mut(shape.len())).enumerate() {
            let pair = pair(round);
            x.copy_from_slice(&pair.x);
            y.copy_from_slice(&pair.y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Rows;
    use crate::{Shape, open_source};

    fn draws<'a>(source: &'a dyn Source, indices: &'a [usize], parts: &'a (ViewRecipe, Normalizer)) -> Draws<'a> {
        Draws { source, indices, recipe: &parts.0, normalizer: &parts.1, views: 2, seed: 3, threads: 1 }
    }

    fn filled(draws: &Draws<'_>, positions: Range<usize>) -> DrawnViews {
        let mut out = DrawnViews::default();
        draws.fill(positions, &mut out);
        out
    }

    #[test]
    fn two_views_are_the_pair_that_training_would_make() {
        let digits = open_source("digits", "").unwrap();
        let indices = [5, 9, 1700];
        let normalizer = Normalizer::fit(&*digits, &indices).unwrap();
        let parts = (ViewRecipe::preset("digits").unwrap(), normalizer);
        let views = filled(&draws(&*digits, &indices, &parts), 1..3);
        let sample = digits.sample(1700).unwrap().values;
        let pair = parts.0.pair(&sample, digits.shape(), &parts.1, 3, "moments", 1700);
        assert_eq!((views.samples, views.x.len(), views.y.len()), (2, 256, 0));
        assert_eq!((&views.x[128..192], &views.x[192..]), (&pair.x[..], &pair.y[..]));
    }

    #[test]
    fn views_depend_neither_on_blocks_nor_on_threads_nor_on_how_many_there_are() {
        let rows = Rows::new(20, 3);
        let indices: Vec<usize> = (0..20).rev().collect();
        let parts = (ViewRecipe::preset("noise").unwrap(), Normalizer::identity(rows.shape()));
        let one = draws(&rows, &indices, &parts);
        let whole = filled(&one, 0..20);
        let three = Draws { threads: 3, ..one };
        assert_eq!(whole, filled(&three, 0..20));
        let block = filled(&three, 7..12);
        assert_eq!(block.x, whole.x[7 * 6..12 * 6]);
        let more = filled(&Draws { views: 5, ..one }, 0..20);
        for sample in 0..20 {
            assert_eq!(more.x[sample * 15..sample * 15 + 6], whole.x[sample * 6..sample * 6 + 6]);
            assert_ne!(more.x[sample * 15 + 12..sample * 15 + 15], more.x[sample * 15..sample * 15 + 3]);
        }
    }

    #[test]
    fn views_that_differ_in_kind_are_kept_apart() {
        let rows = Rows::new(6, 2);
        let recipe = ViewRecipe { y: vec![], ..ViewRecipe::preset("noise").unwrap() };
        assert!(!recipe.is_exchangeable() && ViewRecipe::preset("noise").unwrap().is_exchangeable());
        let parts = (recipe, Normalizer::identity(&Shape::Row { columns: 2 }));
        let indices = [0, 3, 4];
        let views = filled(&Draws { threads: 2, ..draws(&rows, &indices, &parts) }, 0..3);
        assert_eq!((views.x.len(), views.y.len()), (12, 12));
        // Rows 0, 3, 4 as they are, twice.
        assert_eq!(views.y, [0.0, 1.0, 0.0, 1.0, 6.0, 7.0, 6.0, 7.0, 8.0, 9.0, 8.0, 9.0]);
        assert!(views.x[0..2] != views.x[2..4]);
    }

    #[test]
    fn a_sample_that_cannot_be_decoded_is_left_out_and_named() {
        let mut rows = Rows::new(6, 2);
        rows.broken = vec![1, 4];
        let recipe = ViewRecipe { x: vec![], y: ViewRecipe::preset("noise").unwrap().y };
        let parts = (recipe, Normalizer::identity(&Shape::Row { columns: 2 }));
        let indices: Vec<usize> = (0..6).collect();
        let views = filled(&Draws { threads: 4, ..draws(&rows, &indices, &parts) }, 0..6);
        assert_eq!((views.samples, views.skipped.len(), views.x.len(), views.y.len()), (4, 2, 16, 16));
        assert!(views.skipped[1].path.ends_with("[4]"), "{:?}", views.skipped);
        assert_eq!(views.x[4..8], [4.0, 5.0, 4.0, 5.0]);
    }
}
