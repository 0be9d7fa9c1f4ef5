//! What a run did: five separate questions, each answered with evidence, "undecided" allowed.
//!
//! Each decision is a pure function from an evidence struct to a [`Finding`]; the training loop measures,
//! and nothing here does. Thresholds are named constants with their reasons, and stand beside the answer in
//! the evidence. Reading order: [`minimises`], [`converges`], [`collapses`](stopgrad_dynamics::collapse::collapses),
//! which files of embeddings are asked, too; [`Finding::not_run`] answers what was not asked.

use serde::{Deserialize, Serialize};

pub mod convergence;
pub mod descent;

pub use convergence::{ConvergenceEvidence, Snapshot, TailRow, converges};
pub use descent::{DescentEvidence, SmallestValue, minimises};
pub use stopgrad_dynamics::finding::Finding;

/// `verdict.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `"yes" | "no" | "locally" | "undecided"`.
    pub minimises: Finding,
    /// `"yes" | "noise ball" | "drifting" | "diverged" | "undecided"`.
    pub converges: Finding,
    /// About the space in which the loss is taken; `where` tells of each place.
    pub collapses: Finding,
    /// `"yes" | "no" | "undecided" | "not run"`.
    pub conservative: Finding,
    /// `"yes" | "no" | "undecided" | "not run"`.
    pub stable: Finding,
}

impl Verdict {
    /// The five questions with their answers, in the order of reports.
    pub fn findings(&self) -> [(&'static str, &Finding); 5] {
        [
            ("minimises", &self.minimises),
            ("converges", &self.converges),
            ("collapses", &self.collapses),
            ("conservative", &self.conservative),
            ("stable", &self.stable),
        ]
    }
}
