//! What simple readers get out of outputs, where classes are known.

use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{Embeddings, Given, Role};
use crate::collapse::Place;
use crate::probe::knn::{self, KnnParams};
use crate::probe::linear::LinearProbe;
use crate::probe::{Held, Labelled, Part, ProbeError};
use crate::random::{stream, uniform};
use crate::statistics::wilson95;

/// Shares of the samples that choose the ridge, and that judge.
const VALIDATION: f64 = 0.2;
const TEST: f64 = 0.2;
/// Names the split: the same labels are split alike for every checkpoint and for the reference.
const SPLIT_SEED: u64 = 0;

/// A share of test samples whose class was named, with its Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// The share.
    pub accuracy: f64,
    /// 95 %: of so many test samples; the split is not redrawn.
    pub interval: [f64; 2],
}

/// kNN and linear probes of the same split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassProbes {
    /// Classes.
    pub classes: usize,
    /// Samples that teach, choose the ridge, judge.
    pub samples: [usize; 3],
    /// Share of the largest class among those that judge: what a constant answer gets.
    pub largest_class: f64,
    /// Neighbours, cosine weights exp(cos/T).
    pub knn: Option<Accuracy>,
    /// Least squares, ridge chosen on the validation part.
    pub linear: Option<Accuracy>,
    /// kNN of the reference, where it has the same samples.
    pub knn_reference: Option<Accuracy>,
    /// Linear probe of the reference.
    pub linear_reference: Option<Accuracy>,
    /// Why a probe is missing.
    pub not_measured: Option<String>,
}

/// Of the encoder and, where its samples are the same, of the reference; tokens are averaged.
pub(super) fn probes(given: &Given) -> Option<ClassProbes> {
    let labels = given.labels.as_ref()?;
    let encoder = given.outputs.get(&Role::Place(Place::Encoder))?;
    let split = Split::new(labels);
    let of_reference = given.outputs.get(&Role::Reference).filter(|reference| reference.samples == encoder.samples);
    let (knn, linear) = split.probe(encoder);
    let reference = of_reference.map(|reference| split.probe(reference));
    let not_measured =
        [knn.as_ref().err(), linear.as_ref().err()].into_iter().flatten().next().map(ToString::to_string);
    let (knn_reference, linear_reference) = reference.unzip();
    let test = &split.labels[2];
    let largest = (0..split.classes as u32).map(|class| test.iter().filter(|&&label| label == class).count()).max();
    Some(ClassProbes {
        classes: split.classes,
        samples: split.labels.each_ref().map(Vec::len),
        largest_class: largest.unwrap_or(0) as f64 / test.len().max(1) as f64,
        knn: knn.ok(),
        linear: linear.ok(),
        knn_reference: knn_reference.and_then(Result::ok),
        linear_reference: linear_reference.and_then(Result::ok),
        not_measured,
    })
}

/// Positions and labels (0 to classes − 1) of the parts that teach, choose and judge.
struct Split {
    classes: usize,
    rows: [Vec<usize>; 3],
    labels: [Vec<u32>; 3],
}

impl Split {
    fn new(labels: &[i64]) -> Self {
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let order = shuffled(labels.len(), &mut stream(SPLIT_SEED, 0));
        let share = |share: f64| (share * labels.len() as f64).round() as usize;
        let (validation, test) = (share(VALIDATION), share(TEST));
        let (test_rows, rest) = order.split_at(test);
        let (validation_rows, train_rows) = rest.split_at(validation.min(rest.len()));
        let rows = [train_rows, validation_rows, test_rows].map(|part| {
            let mut part = part.to_vec();
            part.sort_unstable();
            part
        });
        let class = |row: &usize| classes.partition_point(|&class| class < labels[*row]) as u32;
        let labels = rows.each_ref().map(|part| part.iter().map(class).collect());
        Self { classes: classes.len(), rows, labels }
    }

    /// kNN and linear.
    fn probe(&self, of: &Embeddings) -> (Result<Accuracy, ProbeError>, Result<Accuracy, ProbeError>) {
        let all = of.pooled();
        let d = of.width;
        let features = self
            .rows
            .each_ref()
            .map(|part| part.iter().flat_map(|&row| all[row * d..(row + 1) * d].iter().copied()).collect::<Vec<f32>>());
        let parts = [Part::Train, Part::Validation, Part::Test];
        let held = |at: usize| Held::new(parts[at], &features[at], d);
        let (train, validation, test) = match (held(0), held(1), held(2)) {
            (Ok(train), Ok(validation), Ok(test)) => (train, validation, test),
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return (Err(error), Err(error)),
        };
        let labelled = |at: usize, rows| Labelled { part: parts[at], rows, labels: &self.labels[at] };
        let (train, validation, test) = (labelled(0, &train), labelled(1, &validation), labelled(2, &test));
        let knn = knn::accuracy(&train, &test, KnnParams::default());
        let linear = LinearProbe::fit_choosing_ridge(&train, &validation, self.classes);
        let linear = linear.and_then(|probe| probe.accuracy(&test));
        (knn.map(|share| self.accuracy(share)), linear.map(|share| self.accuracy(share)))
    }

    fn accuracy(&self, share: f64) -> Accuracy {
        let count = self.labels[2].len() as u64;
        let interval = wilson95((share * count as f64).round() as u64, count);
        Accuracy { accuracy: share, interval: [interval.low, interval.high] }
    }
}

/// 0 .. n in random order.
///
/// # Source    Fisher, Yates 1938; Durstenfeld 1964
fn shuffled(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for at in (1..n).rev() {
        order.swap(at, ((uniform(rng) * (at + 1) as f64) as usize).min(at));
    }
    order
}
