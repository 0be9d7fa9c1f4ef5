//! Probes of a live model: features of the labelled samples, accuracies on the splits.

use serde::{Deserialize, Serialize};
use stopgrad_data::Splits;

use crate::features::{Space, features};
use crate::network::Network;
use crate::plan::Plan;
use crate::probe::{ProbeError, knn, linear};
use crate::record::{Baselines, ProbeResult};
use crate::scalar::Scalar;
use crate::weights::Weights;

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

/// Normalized inputs of some samples, row-major, and their labels.
#[derive(Debug, Default)]
struct Part {
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

/// The labelled samples of a plan, without augmentation; kept for the run.
#[derive(Debug)]
pub struct ProbeSet {
    parts: [Part; 3],
    width: usize,
    classes: usize,
    k: usize,
    temperature: f64,
}

impl ProbeSet {
    /// Reads the samples; `None` if a part has no labels, or training only one class. Samples that cannot be read are left out.
    pub fn read(plan: &Plan) -> Option<Self> {
        let Splits { train, validation, test } = &plan.splits;
        let parts = [train, validation, test].map(|part| labelled(plan, part));
        let first = parts[0].labels.first()?;
        if parts[0].labels.iter().all(|label| label == first) || parts.iter().any(|part| part.labels.is_empty()) {
            return None;
        }
        Some(Self {
            parts,
            width: plan.network.input_width,
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
        &self, network: &Network, weights: &Weights, space: Space, place: &str, step: u64,
    ) -> Result<Vec<ProbeRow>, ProbeError> {
        let features =
            self.parts.each_ref().map(|part| features::<T>(network, weights, space, &part.inputs, self.width));
        let width = match space {
            Space::Encoder => network.encoder_width,
            Space::Projector => network.embedding_width,
        };
        self.accuracies(&features, width, place, step)
    }

    /// The same probes on the raw, normalized input.
    ///
    /// # Errors
    /// As [`ProbeSet::probe`].
    pub fn probe_input(&self) -> Result<Vec<ProbeRow>, ProbeError> {
        let features = self.parts.each_ref().map(|part| part.inputs.clone());
        self.accuracies(&features, self.width, "input", 0)
    }

    fn accuracies(
        &self, features: &[Vec<f32>; 3], width: usize, place: &str, step: u64,
    ) -> Result<Vec<ProbeRow>, ProbeError> {
        let [train, validation, test] = features;
        let [train_labels, validation_labels, test_labels] = self.parts.each_ref().map(|p| p.labels.as_slice());
        let row = |kind: &str, validation: f64, test: f64| ProbeRow {
            place: place.to_owned(),
            kind: kind.to_owned(),
            step,
            validation,
            test,
        };
        let params = knn::KnnParams { k: self.k, temperature: self.temperature };
        let nearest = |f: &[f32], labels: &[u32]| knn::accuracy(train, train_labels, f, labels, width, params);
        let knn = row("knn", nearest(validation, validation_labels)?, nearest(test, test_labels)?);
        let fitted = linear::LinearProbe::fit_choosing_ridge(
            train,
            train_labels,
            validation,
            validation_labels,
            width,
            self.classes,
        )?;
        let linear =
            row("linear", fitted.accuracy(validation, validation_labels)?, fitted.accuracy(test, test_labels)?);
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

    /// Probes at step `last` (a run that diverged has none there) of each place, and for the encoder at the step that the validation part would choose
    /// (the earliest of the best).
    pub fn summarize(&self, rows: &[ProbeRow], last: u64) -> Vec<ProbeResult> {
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

fn labelled(plan: &Plan, indices: &[usize]) -> Part {
    let source = plan.source.as_ref();
    let mut part = Part::default();
    for &index in indices {
        if let (Ok(mut sample), Some(label)) = (source.sample(index), source.label(index)) {
            plan.normalizer.apply(source.shape(), &mut sample.values);
            match &plan.projection {
                Some(projection) => part.inputs.extend(projection.apply(&sample.values)),
                None => part.inputs.extend(sample.values),
            }
            part.labels.push(label);
        }
    }
    part
}
