//! Probes of a live model: features of the labelled samples, accuracies on the splits.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use stopgrad_data::random::{permutation, stream};
use stopgrad_data::{Source, Splits};

use crate::features::{Preprocessing, Space, features, samples_at_a_time};
use crate::network::Network;
use crate::plan::Plan;
use crate::record::{Baselines, ProbeResult};
use crate::scalar::Scalar;
use crate::weights::Weights;
use stopgrad_dynamics::probe::{Held, Labelled, Part, ProbeError, Rows, knn, linear};

use super::raw_input::RawInput;

/// Accuracies of one probe at one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRow {
    /// `encoder`, `projector`, `teacher_encoder` or `input`.
    pub place: String,
    /// `knn` or `linear`.
    pub kind: String,
    /// Updates done.
    pub step: u64,
    /// On the validation part.
    pub validation: f64,
    /// On the test part, which chooses nothing.
    pub test: f64,
}

/// Labelled samples of a part, in the order of the source.
#[derive(Debug, Default)]
struct Samples {
    indices: Vec<usize>,
    labels: Vec<u32>,
}

/// Features of a part with their labels: those of the samples that could be read.
#[derive(Debug, Default)]
struct Seen {
    features: Vec<f32>,
    labels: Vec<u32>,
}

/// The labelled samples of a plan, which are read without augmentation whenever they are probed: only their features are
/// held.
#[derive(Debug)]
pub struct ProbeSet {
    parts: [Samples; 3],
    preprocessing: Preprocessing,
    classes: usize,
    k: usize,
    temperature: f64,
}

impl ProbeSet {
    /// Chooses the samples; `None` if a part has no labels, or training only one class.
    ///
    /// `evaluation.probe_samples` of the training part, all of the others.
    pub fn choose(plan: &Plan) -> Option<Self> {
        let Splits { train, validation, test } = &plan.splits;
        let parts = [&chosen(train, plan), validation, test].map(|part| labelled(plan, part));
        let first = parts[0].labels.first()?;
        if parts[0].labels.iter().all(|label| label == first) || parts.iter().any(|part| part.labels.is_empty()) {
            return None;
        }
        Some(Self {
            parts,
            preprocessing: Preprocessing::of(plan),
            classes: plan.source.classes().len(),
            k: plan.config.evaluation.knn_k,
            temperature: plan.config.evaluation.knn_temperature,
        })
    }

    /// kNN and linear probe of a network's frozen features, batch norms in their running statistics.
    ///
    /// # Errors
    /// When the features cannot be probed, for instance because they are not finite.
    pub fn probe<T: Scalar>(
        &self, source: &dyn Source, network: &Network, weights: &Weights, space: Space, (place, step): (&str, u64),
    ) -> Result<Vec<ProbeRow>, ProbeError> {
        let width = network.input_width;
        let seen = self.parts.each_ref().map(|part| {
            part.seen(source, &self.preprocessing, width, |inputs| {
                features::<T>(network, weights, space, &inputs, width)
            })
        });
        let width = match space {
            Space::Encoder => network.encoder_width,
            Space::Projector => network.embedding_width,
        };
        let [train, validation, test] = &seen;
        let held = [
            Held::new(Part::Train, &train.features, width)?,
            Held::new(Part::Validation, &validation.features, width)?,
            Held::new(Part::Test, &test.features, width)?,
        ];
        let labels = seen.each_ref().map(|part| part.labels.as_slice());
        self.accuracies(held.each_ref().map(|held| held as &dyn Rows), labels, place, step)
    }

    /// The same probes on the raw, normalized input; images larger than 32 pixels are averaged over squares until they
    /// are not, or their probes would cost more than the run. Samples are read anew for every pass of a probe: the raw
    /// input of a large source is not held.
    ///
    /// # Errors
    /// As [`ProbeSet::probe`].
    pub fn probe_input(&self, source: &dyn Source) -> Result<Vec<ProbeRow>, ProbeError> {
        let parts = self.parts.each_ref().map(|part| part.readable(source));
        let rows = parts.each_ref().map(|part| RawInput::of(source, &self.preprocessing, &part.indices));
        let labels = parts.each_ref().map(|part| part.labels.as_slice());
        self.accuracies(rows.each_ref().map(|rows| rows as &dyn Rows), labels, "input", 0)
    }

    fn accuracies(
        &self, rows: [&dyn Rows; 3], labels: [&[u32]; 3], place: &str, step: u64,
    ) -> Result<Vec<ProbeRow>, ProbeError> {
        let part = |at: usize, part| Labelled { part, rows: rows[at], labels: labels[at] };
        let (train, validation, test) = (part(0, Part::Train), part(1, Part::Validation), part(2, Part::Test));
        let row = |kind: &str, validation: f64, test: f64| ProbeRow {
            place: place.to_owned(),
            kind: kind.to_owned(),
            step,
            validation,
            test,
        };
        let params = knn::KnnParams { k: self.k, temperature: self.temperature };
        let nearest = |part: &Labelled<'_>| knn::accuracy(&train, part, params);
        let knn = row("knn", nearest(&validation)?, nearest(&test)?);
        let fitted = linear::LinearProbe::fit_choosing_ridge(&train, &validation, self.classes)?;
        let linear = row("linear", fitted.accuracy(&validation)?, fitted.accuracy(&test)?);
        Ok(vec![knn, linear])
    }

    /// Rows as `report.json` wants them.
    fn results(&self, row: &ProbeRow, at: &str) -> [ProbeResult; 2] {
        let knn = row.kind == "knn";
        [("validation", row.validation), ("test", row.test)].map(|(split, accuracy)| ProbeResult {
            place: row.place.clone(),
            kind: row.kind.clone(),
            k: knn.then_some(self.k),
            temperature: knn.then_some(self.temperature),
            at: at.to_owned(),
            step: row.step,
            split: split.to_owned(),
            accuracy,
        })
    }

    /// Probes at step `last` (a run that diverged has none there) of each place, and for the encoder at the steps that
    /// the validation part and, without labels, the effective rank would choose (the earliest of the best).
    ///
    /// `ranks`: step and effective rank of the student's representation, which is largest where a representation keeps
    /// most (RankMe: Garrido, Balestriero, Najman, LeCun 2023, arXiv:2210.02885). That compares trained encoders: an
    /// untrained one spreads over many dimensions whatever is in them, so step 0 is not among those to choose from.
    pub fn summarize(&self, rows: &[ProbeRow], ranks: &[(u64, f64)], last: u64) -> Vec<ProbeResult> {
        let mut results = Vec::new();
        for row in rows.iter().filter(|r| r.step == last) {
            results.extend(self.results(row, "last"));
        }
        for kind in ["knn", "linear"] {
            let encoder = rows.iter().filter(|r| r.place == "encoder" && r.kind == kind);
            let best = encoder.reduce(|best, row| if row.validation > best.validation { row } else { best });
            if let Some(best) = best {
                results.extend(self.results(best, "validation"));
            }
            let probed = |step: u64| rows.iter().find(|r| (r.step, &*r.place, &*r.kind) == (step, "encoder", kind));
            let trained = ranks.iter().filter(|(step, _)| *step > 0);
            let with_rank = trained.filter_map(|&(step, rank)| Some((rank, probed(step)?)));
            let widest = with_rank.reduce(|best, other| if other.0 > best.0 { other } else { best });
            if let Some((_, row)) = widest {
                results.extend(self.results(row, "label_free"));
            }
        }
        results
    }

    /// The untrained encoder: the probes of step 0; and the raw input.
    pub fn baselines(&self, rows: &[ProbeRow], raw: &[ProbeRow]) -> Baselines {
        let results = |rows: &mut dyn Iterator<Item = &ProbeRow>| rows.flat_map(|r| self.results(r, "last")).collect();
        Baselines {
            raw: results(&mut raw.iter()),
            untrained: results(&mut rows.iter().filter(|r| r.step == 0 && r.place == "encoder")),
        }
    }
}

impl Samples {
    /// Those that can be read.
    fn readable(&self, source: &dyn Source) -> Self {
        let read = |&(index, _): &(&usize, _)| source.sample(*index).is_ok();
        let (indices, labels) =
            self.indices.par_iter().zip(&self.labels).filter(read).map(|(&index, &label)| (index, label)).unzip();
        Self { indices, labels }
    }

    /// What `see` makes of all samples, a block at a time.
    fn seen(
        &self, source: &dyn Source, preprocessing: &Preprocessing, width: usize, see: impl Fn(Vec<f32>) -> Vec<f32>,
    ) -> Seen {
        let mut seen = Seen::default();
        let length = samples_at_a_time(width);
        for (indices, labels) in self.indices.chunks(length).zip(self.labels.chunks(length)) {
            let inputs = preprocessing.inputs(source, indices);
            // Of samples that could not be read the labels go too.
            let mut read = inputs.indices.iter().peekable();
            let kept = indices.iter().zip(labels).filter(|(index, _)| read.next_if_eq(index).is_some());
            seen.labels.extend(kept.map(|(_, label)| label));
            seen.features.extend(see(inputs.values));
        }
        seen
    }
}

/// So many of the training samples as probes learn from, named by the seed of the split.
fn chosen(train: &[usize], plan: &Plan) -> Vec<usize> {
    let most = plan.config.evaluation.probe_samples;
    if most == 0 || most >= train.len() {
        return train.to_vec();
    }
    let order = permutation(&mut stream(plan.config.split.seed, "probe", 0), train.len());
    let mut chosen: Vec<usize> = order.into_iter().take(most).map(|position| train[position]).collect();
    chosen.sort_unstable();
    chosen
}

fn labelled(plan: &Plan, indices: &[usize]) -> Samples {
    let mut part = Samples::default();
    for &index in indices {
        if let Some(label) = plan.source.label(index) {
            part.indices.push(index);
            part.labels.push(label);
        }
    }
    part
}
