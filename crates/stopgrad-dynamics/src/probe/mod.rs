//! How good frozen features are: what a simple reader gets out of them.
//!
//! Pure functions on rows of f32 features ([`Rows`]) and class labels; no framework, no randomness, the same bits
//! for any number of threads. Reading order: [`knn`] (nothing is trained), [`linear`] (closed form).
//! Test data never chooses anything: what must be chosen is chosen on a validation part.

use std::fmt;

use crate::LinalgError;

pub mod knn;
pub mod linear;
mod rows;

pub use rows::{Held, Labelled, Rows};

/// Which part of the data a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The samples that teach the probe.
    Train,
    /// The samples that choose its settings.
    Validation,
    /// The samples on which it is judged.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Train => "training",
            Part::Validation => "validation",
            Part::Test => "test",
        })
    }
}

/// Features or labels that cannot be probed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// A part without samples.
    #[error("the {part} part has no samples; give it a share of the data, or leave the probes out")]
    Empty {
        /// Which part.
        part: Part,
    },
    /// Features without labels.
    #[error("the {part} part has {samples} samples and no labels; probes need labels, training does not")]
    LabelsMissing {
        /// Which part.
        part: Part,
        /// Samples without labels.
        samples: usize,
    },
    /// Features do not come in rows of `width`.
    #[error("the {part} part has {found} numbers, which are no whole rows of {width}")]
    RowLength {
        /// Which part.
        part: Part,
        /// Numbers found.
        found: usize,
        /// Features a sample.
        width: usize,
    },
    /// One label a sample is needed.
    #[error("the {part} part has {samples} samples but {labels} labels")]
    LengthMismatch {
        /// Which part.
        part: Part,
        /// Rows of features.
        samples: usize,
        /// Labels.
        labels: usize,
    },
    /// A feature is infinite or not a number.
    #[error("feature {column} of {part} sample {row} is {value}; the network has diverged or the input is damaged")]
    NotFinite {
        /// Which part.
        part: Part,
        /// Sample.
        row: usize,
        /// Feature.
        column: usize,
        /// What is there.
        value: f32,
    },
    /// Nothing to tell apart.
    #[error("all training samples carry label {label}; a probe needs at least two classes")]
    SingleClass {
        /// The only label.
        label: u32,
    },
    /// A label that the number of classes does not allow.
    #[error("{part} sample {row} carries label {label}, but there are {classes} classes, 0 to {}", classes.saturating_sub(1))]
    LabelOutOfRange {
        /// Which part.
        part: Part,
        /// Sample.
        row: usize,
        /// Its label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// No neighbour, or a temperature that is no positive number.
    #[error("kNN needs k of at least 1 and a positive temperature, not k = {k} and T = {temperature}")]
    KnnParams {
        /// Neighbours.
        k: usize,
        /// Temperature.
        temperature: f64,
    },
    /// A ridge that is no positive number.
    #[error("the ridge must be a positive number, not {ridge}; 1e-3 suits most features")]
    Ridge {
        /// What was asked for.
        ridge: f64,
    },
    /// The least-squares system could not be solved.
    #[error("the linear probe has no solution with ridge {ridge}; raise it")]
    Solve {
        /// The ridge used.
        ridge: f64,
        /// Why.
        #[source]
        source: LinalgError,
    },
}

/// Share of equal labels.
///
/// # Panics      when the lengths differ
pub fn agreement(predicted: &[u32], labels: &[u32]) -> f64 {
    assert_eq!(predicted.len(), labels.len(), "one prediction a label");
    let right = predicted.iter().zip(labels).filter(|(a, b)| a == b).count();
    right as f64 / labels.len().max(1) as f64
}

/// Training labels with something to tell apart.
fn check_classes(labels: &[u32]) -> Result<(), ProbeError> {
    match labels.first() {
        Some(&label) if labels.iter().all(|&other| other == label) => Err(ProbeError::SingleClass { label }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
