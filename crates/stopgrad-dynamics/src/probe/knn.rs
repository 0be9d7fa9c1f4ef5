//! Weighted nearest neighbours by cosine: what the neighbourhoods of frozen features know of the classes.

use crate::linalg::inner_products_f32;
use crate::statistics::squared_norm_f32;
use rayon::prelude::*;

use super::rows::{at_a_time, blocks, check_rows};
use super::{Held, Labelled, Part, ProbeError, Rows, agreement, check_classes};

/// Test samples of one block of similarities. Fixed: results must not depend on threads.
const TEST_BLOCK: usize = 64;
/// Training samples of one block of similarities; 64 × 1024 numbers stay in the second cache.
const TRAIN_BLOCK: usize = 1024;

/// Settings of the weighted kNN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnnParams {
    /// Neighbours that vote; all of them where the training part is smaller.
    pub k: usize,
    /// T of the weights exp(cos / T).
    pub temperature: f64,
}

impl Default for KnnParams {
    /// k = 20: small enough for the 1,797 digits; T = 0.07 as in Wu et al. 2018 and all who follow them.
    fn default() -> Self {
        Self { k: 20, temperature: 0.07 }
    }
}

/// Share of test samples whose class the weighted vote of their k nearest training samples names.
///
/// Nearness is the cosine of plain features (not centred). A neighbour's vote weighs exp(cos / T). Equal
/// cosines: the earlier sample is nearer; equal votes: the lower class wins. A zero vector has cosine 0 to
/// everything, so features that collapsed completely answer with the first k training samples: chance, and
/// the same chance every time.
///
/// # Errors      [`ProbeError`]
/// # Cost        n_train · n_test · d multiply-adds, in parallel over test samples; training rows are read once for every
/// 64 MiB of test samples
/// # Source      Wu, Xiong, Yu, Lin 2018 (arXiv 1805.01978)
pub fn accuracy(train: &Labelled<'_>, test: &Labelled<'_>, params: KnnParams) -> Result<f64, ProbeError> {
    test.check()?;
    Ok(agreement(&predict(train, test.rows, params)?, test.labels))
}

/// The class that the neighbours of each test sample name.
///
/// # Errors      [`ProbeError`]
pub fn predict(train: &Labelled<'_>, test: &dyn Rows, params: KnnParams) -> Result<Vec<u32>, ProbeError> {
    predict_in_blocks(train, test, params, at_a_time(test.width()))
}

/// So many rows of each part at a time.
pub(super) fn predict_in_blocks(
    train: &Labelled<'_>, test: &dyn Rows, params: KnnParams, length: usize,
) -> Result<Vec<u32>, ProbeError> {
    train.check()?;
    check_classes(train.labels)?;
    if params.k == 0 || !(params.temperature > 0.0 && params.temperature.is_finite()) {
        return Err(ProbeError::KnnParams { k: params.k, temperature: params.temperature });
    }
    check_rows(Part::Test, test)?;
    let ballot = Ballot::new(train.labels, params.temperature);
    let (d, count) = (test.width(), train.rows.count());
    let mut predicted = Vec::with_capacity(test.count());
    for asked in blocks(test.count(), length) {
        let mut found: Vec<Nearest> = asked.clone().map(|_| Nearest::new(params.k.min(count))).collect();
        let queries = directions(&test.read(asked), d);
        for known in blocks(count, length) {
            let first = known.start;
            offer(&mut found, &queries, &directions(&train.rows.read(known), d), d, first);
        }
        predicted.extend(found.iter().map(|found| ballot.class_of(found)));
    }
    Ok(predicted)
}

/// The k samples nearest to some of them by cosine, those themselves left out: nearest first.
///
/// Nearness is that of [`accuracy`]. Fewer than k where there are no more.
///
/// # Shapes      features: n × d, row-major; queries: positions below n
/// # Errors      [`ProbeError`]
/// # Panics      when a query is no position
pub fn neighbors(features: &[f32], d: usize, queries: &[usize], k: usize) -> Result<Vec<Vec<Neighbor>>, ProbeError> {
    check_rows(Part::Validation, &Held::new(Part::Validation, features, d)?)?;
    let all = directions(features, d);
    let asked: Vec<f32> = queries.iter().flat_map(|&query| all[query * d..(query + 1) * d].iter().copied()).collect();
    let mut found: Vec<Nearest> = queries.iter().map(|_| Nearest::new((k + 1).min(all.len() / d))).collect();
    offer(&mut found, &asked, &all, d, 0);
    let found = found.into_iter().zip(queries);
    let others = |(found, &query): (Nearest, &usize)| {
        found.entries.into_iter().filter(|entry| entry.sample != query).take(k).collect()
    };
    Ok(found.map(others).collect())
}

/// What the nearest vote with.
struct Ballot<'a> {
    labels: &'a [u32],
    classes: Vec<u32>,
    temperature: f64,
}

impl<'a> Ballot<'a> {
    fn new(labels: &'a [u32], temperature: f64) -> Self {
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        Self { labels, classes, temperature }
    }

    /// The class with the heaviest vote, the lowest of equals.
    fn class_of(&self, nearest: &Nearest) -> u32 {
        let mut votes = vec![0.0_f64; self.classes.len()];
        let top = nearest.entries.first().map_or(0.0, |entry| f64::from(entry.cosine));
        for entry in &nearest.entries {
            let class = self.classes.partition_point(|&class| class < self.labels[entry.sample]);
            // Relative to the nearest, so that no temperature overflows.
            votes[class] += ((f64::from(entry.cosine) - top) / self.temperature).exp();
        }
        let mut best = 0;
        for class in 1..votes.len() {
            if votes[class] > votes[best] {
                best = class;
            }
        }
        self.classes[best]
    }
}

/// Tells each query of some more directions, the first of them sample `first`, in parallel over queries.
fn offer(found: &mut [Nearest], queries: &[f32], directions: &[f32], d: usize, first: usize) {
    found.par_chunks_mut(TEST_BLOCK).zip(queries.par_chunks(TEST_BLOCK * d)).for_each(|(found, queries)| {
        let mut cosines = vec![0.0; found.len() * TRAIN_BLOCK];
        for (block, rows) in directions.chunks(TRAIN_BLOCK * d).enumerate() {
            let width = rows.len() / d;
            let cosines = &mut cosines[..found.len() * width];
            inner_products_f32(queries, rows, d, cosines);
            for (nearest, row) in found.iter_mut().zip(cosines.chunks_exact(width)) {
                nearest.offer(row, first + block * TRAIN_BLOCK);
            }
        }
    });
}

/// One sample as a neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Cosine of the two features.
    pub cosine: f32,
    /// Its position.
    pub sample: usize,
}

/// The k best so far, best first; of equals, the earlier sample.
struct Nearest {
    entries: Vec<Neighbor>,
    k: usize,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { entries: Vec::with_capacity(k + 1), k }
    }

    /// Consider training samples `first_sample ..`, which must come in ascending order over all calls.
    fn offer(&mut self, cosines: &[f32], first_sample: usize) {
        let mut worst = self.worst();
        for (offset, &cosine) in cosines.iter().enumerate() {
            // Strictly better, so that the earlier of equals stays.
            if cosine > worst {
                let place = self.entries.partition_point(|entry| entry.cosine >= cosine);
                self.entries.insert(place, Neighbor { cosine, sample: first_sample + offset });
                self.entries.truncate(self.k);
                worst = self.worst();
            }
        }
    }

    fn worst(&self) -> f32 {
        if self.entries.len() < self.k {
            f32::NEG_INFINITY
        } else {
            self.entries.last().map_or(f32::NEG_INFINITY, |entry| entry.cosine)
        }
    }
}

/// z/|z| for each row; zero stays zero.
pub fn directions(features: &[f32], d: usize) -> Vec<f32> {
    let mut out = features.to_vec();
    out.par_chunks_mut(d).for_each(|row| {
        let norm = squared_norm_f32(row).sqrt();
        if norm > 0.0 {
            for x in row {
                *x = (f64::from(*x) / norm) as f32;
            }
        }
    });
    out
}
