//! Second moments of the very pairs that a run was trained on.

use std::path::Path;

use stopgrad_data::{NpyArray, NpyData, NpzError, npz};
use stopgrad_dynamics::Moments;
use stopgrad_dynamics::moments::{MomentsAccumulator, Pairing};

use crate::inputs::row_major;
use crate::plan::Plan;
use crate::run::RunError;

/// Fresh pairs that moments are estimated from, at least one epoch of them: sampling leaves about half a percent.
const ESTIMATED_FROM: u64 = 50_000;
/// Pairs summed at a time.
const BLOCK: usize = 4096;

/// X, Y, V of training pairs, in the coordinates that the network sees.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingMoments {
    /// About 0, not about their means: a linear network has no bias. Symmetrized where the objective is.
    pub moments: Moments,
    /// Of every other sample, where each sample gives one fixed pair.
    pub half: Option<Moments>,
    /// Pairs.
    pub pairs: u64,
}

impl TrainingMoments {
    /// Of all fixed pairs, or of the first 50,000 fresh ones. `None` if stopped.
    ///
    /// # Errors
    /// When batches cannot be loaded.
    pub(crate) fn of(plan: &Plan, should_stop: &dyn Fn() -> bool) -> Result<Option<Self>, RunError> {
        let m = plan.network.input_width;
        let symmetrized = plan.config.objective.symmetrized;
        let pairing = if symmetrized { Pairing::Exchangeable { views: 2 } } else { Pairing::Crossed { views: 1 } };
        let halves = plan.fixed.as_ref().is_some_and(|fixed| fixed.per_sample() == 1 && fixed.len() > 1);
        let mut sums = MomentsAccumulator::new(m, pairing, halves);
        let mut both = Vec::new();
        let mut add = |x: &[f32], y: &[f32]| {
            if symmetrized {
                both.clear();
                both.extend(x.chunks_exact(m).zip(y.chunks_exact(m)).flat_map(|(x, y)| x.iter().chain(y)).copied());
                sums.add_f32(&both, &[]);
            } else {
                sums.add_f32(x, y);
            }
        };
        let mut pairs = 0;
        if let Some(fixed) = &plan.fixed {
            for (x, y) in fixed.x().chunks(BLOCK * m).zip(fixed.y().chunks(BLOCK * m)) {
                if should_stop() {
                    return Ok(None);
                }
                add(x, y);
            }
            pairs = fixed.len() as u64;
        } else {
            let mut loader = plan.loader(0)?;
            let epoch = plan.config.training.batch_size as u64 * loader.batches_per_epoch();
            let training = &plan.config.training;
            let seen = training.batch_size as u64 * training.accumulate * training.steps;
            while pairs < epoch.max(ESTIMATED_FROM).min(seen) {
                if should_stop() {
                    return Ok(None);
                }
                let batch = loader.next_batch()?;
                add(&batch.x, &batch.y);
                pairs += batch.rows as u64;
            }
        }
        let sums = sums.finish();
        let half = sums.half(false).map(|half| half.to_moments());
        Ok(Some(Self { moments: sums.moments(false), half, pairs }))
    }
}

pub(super) fn write(found: &TrainingMoments, path: &Path) -> Result<(), NpzError> {
    let m = found.moments.size();
    let matrix = |values: &faer::Mat<f64>| NpyArray::new(&[m, m], NpyData::F64(row_major(values)));
    let number = |value: u64| NpyArray::new(&[], NpyData::I64(vec![i64::try_from(value).unwrap_or(i64::MAX)]));
    let mut arrays: Vec<(String, NpyArray)> = Vec::new();
    for (prefix, moments) in std::iter::once(("", &found.moments)).chain(found.half.iter().map(|half| ("half_", half)))
    {
        arrays.push((format!("{prefix}xx"), matrix(&moments.xx)));
        arrays.push((format!("{prefix}yx"), matrix(&moments.yx)));
        if let Some(yy) = moments.yy.as_ref().filter(|_| !moments.symmetrized) {
            arrays.push((format!("{prefix}yy"), matrix(yy)));
        }
        let count = moments.count.unwrap_or(found.pairs);
        arrays.push((format!("{prefix}count"), number(count)));
        for (key, mean) in [("mean_x", &moments.mean_x), ("mean_y", &moments.mean_y)] {
            if let Some(mean) = mean {
                arrays.push((format!("{prefix}{key}"), NpyArray::new(&[m], NpyData::F64(mean.clone()))));
            }
        }
    }
    arrays.push(("centered".into(), number(0)));
    arrays.push(("symmetrized".into(), number(u64::from(found.moments.symmetrized))));
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    npz::write(path, &named)
}
