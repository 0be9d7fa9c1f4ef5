//! The gallery of a run: which samples it shows, and what is written of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use stopgrad_data::{Shape, random, stream};

use super::RunError;
use super::session::Session;
use crate::features::{Preprocessing, Space, features};
use crate::folder;
use crate::gallery::{Gallery, Pictures, Plane};
use crate::plan::Plan;
use crate::scalar::Scalar;
use crate::weights::Weights;
use stopgrad_dynamics::probe::knn;

/// Samples at most: what a picture can show apart, and what a page can carry.
const SAMPLES: usize = 500;
/// Samples whose neighbors and pairs are shown.
const QUERIES: usize = 8;
/// Neighbors of each.
const NEIGHBORS: usize = 5;
/// Most pixels along a side of a picture.
const SIDE: usize = 64;

impl<T: Scalar> Session<'_, T> {
    /// Writes the gallery of the run as it stands; none where there are no validation samples.
    pub(super) fn keep_gallery(&self) -> Result<Option<Arc<Gallery>>, RunError> {
        let Some(gallery) = draw::<T>(self.live.plan, &self.live.student)? else { return Ok(None) };
        folder::write_gallery(&self.folder, &gallery)?;
        Ok(Some(Arc::new(gallery)))
    }
}

/// Validation samples, the same for every run on the same split; their representations and who is near whom.
fn draw<T: Scalar>(plan: &Plan, weights: &Weights) -> Result<Option<Gallery>, RunError> {
    let source = plan.source.as_ref();
    let readable = order(plan).into_iter().filter_map(|index| Some((index, source.sample(index).ok()?.values)));
    let mut chosen: Vec<(usize, Vec<f32>)> = readable.take(SAMPLES).collect();
    if chosen.is_empty() {
        return Ok(None);
    }
    let asked: Vec<usize> = chosen.iter().take(QUERIES).map(|(index, _)| *index).collect();
    chosen.sort_unstable_by_key(|(index, _)| *index);
    let samples: Vec<usize> = chosen.iter().map(|(index, _)| *index).collect();
    let place = |index: &usize| samples.binary_search(index).expect("what is asked is among the chosen");
    let queries: Vec<usize> = asked.iter().map(place).collect();

    let preprocessing = Preprocessing::of(plan);
    let inputs: Vec<f32> = chosen.iter().flat_map(|(_, values)| preprocessing.input(values.clone())).collect();
    let network = &plan.network;
    let representations = features::<T>(network, weights, Space::Encoder, &inputs, network.input_width);
    let width = network.encoder_width;
    let plane = Plane::of(&representations, width);
    let neighbors = match &plane {
        Some(_) => knn::neighbors(&representations, width, &queries, NEIGHBORS)?,
        None => Vec::new(),
    };
    let mut shown: Vec<usize> = neighbors.iter().flatten().map(|near| near.sample).chain(queries.clone()).collect();
    shown.sort_unstable();
    shown.dedup();
    let pictures = pictures(plan, &chosen, shown, &queries);
    let labels = samples.iter().map(|&index| source.label(index)).collect();
    let classes = source.classes().to_vec();
    Ok(Some(Gallery { samples, labels, classes, width, representations, plane, queries, neighbors, pictures }))
}

/// The validation part in random order, the classes taking turns (in an order that is random, too).
fn order(plan: &Plan) -> Vec<usize> {
    let part = &plan.splits.validation;
    let mut rng = stream(plan.config.split.seed, "gallery", 0);
    let mut classes: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for position in random::permutation(&mut rng, part.len()) {
        classes.entry(plan.source.label(part[position])).or_default().push(part[position]);
    }
    let classes: Vec<Vec<usize>> = classes.into_values().collect();
    let turns = random::permutation(&mut rng, classes.len());
    let rounds = classes.iter().map(Vec::len).max().unwrap_or(0);
    let turn = |round: usize| turns.iter().filter_map(|&class| classes[class].get(round).copied()).collect::<Vec<_>>();
    (0..rounds).flat_map(turn).collect()
}

/// Pictures of the shown samples, and pairs of views of the queries; none of rows.
fn pictures(plan: &Plan, chosen: &[(usize, Vec<f32>)], shown: Vec<usize>, queries: &[usize]) -> Option<Pictures> {
    let shape = plan.source.shape();
    let Shape::Image { channels, height, width } = *shape else { return None };
    if channels != 1 && channels != 3 {
        return None;
    }
    let step = height.max(width).div_ceil(SIDE).max(1);
    let small = |values: &[f32], bytes: &mut Vec<u8>| shrink(values, [channels, height, width], step, bytes);
    let mut bytes = Vec::new();
    for &place in &shown {
        small(&chosen[place].1, &mut bytes);
    }
    let mut pairs = Vec::new();
    for &query in queries {
        let (index, values) = &chosen[query];
        // Named by the split as the samples are: runs with one recipe show the same views.
        let seed = plan.config.split.seed;
        let pair = plan.recipe.picture(values, shape, &plan.normalizer, seed, "gallery", *index as u64);
        for values in [&pair.original, &pair.x, &pair.y] {
            small(values, &mut pairs);
        }
    }
    let (height, width) = (height.div_ceil(step), width.div_ceil(step));
    Some(Pictures { channels, height, width, of: shown, bytes, pairs })
}

/// Means over squares of `step` × `step` pixels, as bytes, channels last.
fn shrink(values: &[f32], [channels, height, width]: [usize; 3], step: usize, bytes: &mut Vec<u8>) {
    for top in (0..height).step_by(step) {
        for left in (0..width).step_by(step) {
            let (bottom, right) = ((top + step).min(height), (left + step).min(width));
            for channel in 0..channels {
                let row = |y: usize| &values[(channel * height + y) * width..][left..right];
                let sum: f32 = (top..bottom).flat_map(row).sum();
                let mean = sum / ((bottom - top) * (right - left)) as f32;
                bytes.push((mean.clamp(0.0, 1.0) * 255.0).round() as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn pictures_shrink_by_whole_squares_and_keep_their_channels() {
        let values: Vec<f32> = (0..2 * 3 * 3).map(|k| k as f32 / 51.0).collect();
        let mut bytes = Vec::new();
        shrink(&values, [2, 3, 3], 2, &mut bytes);
        // Means of 0 1 3 4, of 2 5, of 6 7, of 8; the second channel 9 higher; 255 / 51 = 5.
        assert_eq!(bytes, [10, 55, 18, 63, 33, 78, 40, 85]);
        bytes.clear();
        shrink(&[-1.0, 0.5, 2.0, 1.0], [1, 2, 2], 1, &mut bytes);
        assert_eq!(bytes, [0, 128, 255, 255]);
    }

    #[test]
    fn a_gallery_is_balanced_of_the_validation_part_and_the_same_for_every_run_seed() {
        let plan = |seed, split| {
            let mut config = Config::default();
            (config.training.seed, config.split.seed) = (seed, split);
            config.training.steps = 1;
            Plan::new(config).unwrap()
        };
        let first = plan(0, 0);
        let chosen = order(&first);
        let mut sorted = chosen.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, first.splits.validation);
        let mut classes: Vec<u32> = chosen[..10].iter().map(|&index| first.source.label(index).unwrap()).collect();
        classes.sort_unstable();
        assert_eq!(classes, (0..10).collect::<Vec<u32>>());
        assert_eq!(order(&plan(7, 0)), chosen);
        assert_ne!(order(&plan(0, 1)), chosen);
    }
}
