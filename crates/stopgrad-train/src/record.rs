//! What a run leaves behind, as data: the rows of `metrics.csv`, spectra, probe results, identity.
//!
//! A report is made from these alone, and these are read from the run folder, so every number in a
//! report can be recomputed from files. Column names and meanings: docs/formats.md.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::gallery::Gallery;
use crate::theory::TheoryRecord;
use crate::verdict::Verdict;

macro_rules! columns {
    ($($variant:ident $name:literal $doc:literal),+ $(,)?) => {
        /// A column of `metrics.csv`, in file order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(usize)]
        pub enum Column { $(#[doc = $doc] $variant),+ }

        impl Column {
            /// Every column, in file order.
            pub const ALL: &'static [Column] = &[$(Column::$variant),+];

            /// The name in the header.
            pub fn name(self) -> &'static str {
                match self { $(Column::$variant => $name),+ }
            }

            /// What it measures, in words.
            pub fn meaning(self) -> &'static str {
                match self { $(Column::$variant => $doc),+ }
            }
        }
    };
}

columns! {
    Step "step" "Updates done so far",
    Epoch "epoch" "Passes over the training part, fractional",
    Seconds "seconds" "Wall-clock seconds of training so far",
    JointObjective "joint_objective" "Ē on the fixed evaluation pairs: joint_loss + regularizer",
    JointLoss "joint_loss" "The loss part of Ē on the fixed evaluation pairs, student against student",
    Regularizer "regularizer" "Ω: λ/2 (|θ|² + |ψ|²), 0 when weight decay is decoupled, and weighted terms of the embeddings",
    ProxyObjective "proxy_objective" "F̄ on the fixed evaluation pairs, student against teacher",
    RelativeError "relative_error" "E|g(f(x)) − f(y)|² / E|f(y) − E f(y)|², student",
    BatchLoss "batch_loss" "The trained loss on the last batch, without regulariser",
    FieldNorm "field_norm" "L2 norm of the student and predictor gradient field, before the optimiser",
    JointGradientNorm "joint_gradient_norm" "L2 norm of ∇Ē on the same batch",
    DescentCosine "descent_cosine" "Cosine between the field and −∇Ē on the same batch",
    StudentIncrement "student_increment" "L2 norm of the last step of encoder and projector",
    PredictorIncrement "predictor_increment" "L2 norm of the last step of the predictor",
    TeacherIncrement "teacher_increment" "L2 norm of the last step of the teacher",
    TeacherLag "teacher_lag" "|ξ − θ| / |θ|",
    StudentEncoderEffectiveRank "student_encoder_effective_rank" "Exp of the entropy of the normalised covariance eigenvalues, student encoder",
    StudentEncoderParticipationRatio "student_encoder_participation_ratio" "(Σλ)²/Σλ² of the covariance, student encoder",
    StudentEncoderStd "student_encoder_std" "Mean standard deviation of the coordinates of z/|z|, student encoder",
    StudentEncoderNorm "student_encoder_norm" "Root mean square of |z|, student encoder",
    StudentProjectorEffectiveRank "student_projector_effective_rank" "The same, student projector",
    StudentProjectorParticipationRatio "student_projector_participation_ratio" "The same, student projector",
    StudentProjectorStd "student_projector_std" "The same, student projector",
    StudentProjectorNorm "student_projector_norm" "The same, student projector",
    TeacherEncoderEffectiveRank "teacher_encoder_effective_rank" "The same, teacher encoder",
    TeacherEncoderParticipationRatio "teacher_encoder_participation_ratio" "The same, teacher encoder",
    TeacherEncoderStd "teacher_encoder_std" "The same, teacher encoder",
    TeacherEncoderNorm "teacher_encoder_norm" "The same, teacher encoder",
    TeacherProjectorEffectiveRank "teacher_projector_effective_rank" "The same, teacher projector",
    TeacherProjectorParticipationRatio "teacher_projector_participation_ratio" "The same, teacher projector",
    TeacherProjectorStd "teacher_projector_std" "The same, teacher projector",
    TeacherProjectorNorm "teacher_projector_norm" "The same, teacher projector",
    BalanceGap "balance_gap" "|AAᵀ − BᵀB| (Frobenius), linear encoder and predictor without projector only",
    LearningRate "learning_rate" "Rate of the last step",
    WeightDecay "weight_decay" "λ",
    Momentum "momentum" "Teacher momentum α of the last step",
    KnnAccuracy "knn_accuracy" "Weighted kNN on frozen encoder features, validation part (empty where not measured)",
    LinearAccuracy "linear_accuracy" "Linear probe on frozen encoder features, validation part (empty where not measured)",
    WaitedSeconds "waited_seconds" "Seconds of training so far in which the loop waited for a batch",
}

/// One row of `metrics.csv`; `None` where the quantity does not apply or was not measured.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsRow {
    values: Vec<Option<f64>>,
}

impl MetricsRow {
    /// A row with nothing in it but its step.
    pub fn new(step: u64) -> Self {
        let mut row = Self { values: vec![None; Column::ALL.len()] };
        row.set(Column::Step, step as f64);
        row
    }

    /// The value of a column, if there is one.
    pub fn get(&self, column: Column) -> Option<f64> {
        self.values[column as usize]
    }

    /// The row with nothing in its columns of wall time, the only ones that differ between runs that are the same.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        self.values[Column::Seconds as usize] = None;
        self.values[Column::WaitedSeconds as usize] = None;
        self
    }

    /// Fill in a column.
    pub fn set(&mut self, column: Column, value: f64) {
        self.values[column as usize] = Some(value);
    }

    /// The step of this row.
    pub fn step(&self) -> u64 {
        self.get(Column::Step).unwrap_or(0.0) as u64
    }
}

/// Covariance eigenvalues of one place at one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// `student_encoder`, `student_projector`, `teacher_encoder` or `teacher_projector`.
    pub place: String,
    /// Updates done.
    pub step: u64,
    /// Descending.
    pub eigenvalues: Vec<f64>,
}

/// One accuracy of one probe (an element of `probes` in `report.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// `encoder`, `projector`, `teacher_encoder`, or `input` for raw pixels.
    pub place: String,
    /// `knn` or `linear`.
    pub kind: String,
    /// Neighbours (kNN).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub k: Option<usize>,
    /// Temperature (kNN).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub temperature: Option<f64>,
    /// `last`; `label_free`: the step after the start with the largest effective rank; `validation`: the step that the
    /// validation part chooses.
    pub at: String,
    /// Updates done.
    pub step: u64,
    /// `validation` or `test`.
    pub split: String,
    /// Share of correct answers, 0 to 1.
    pub accuracy: f64,
}

/// Probes of things that were not trained, for comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Probes on the raw input.
    pub raw: Vec<ProbeResult>,
    /// Probes on the encoder as it was initialised.
    pub untrained: Vec<ProbeResult>,
}

/// Everything a finished (or stopped) run says of itself.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Name within a comparison: `joint`, `sg`, `ema`, …
    pub name: String,
    /// The configuration, resolved.
    pub config: Config,
    /// Updates done.
    pub steps: u64,
    /// Of the initial student weights, as little-endian bytes in the order encoder, projector, predictor.
    pub initial_weights_sha256: String,
    /// Of the positions in the training part of all batches of the plan, in order.
    pub data_order_sha256: String,
    /// |θ_end − θ_0| / |θ_0| over encoder, projector and predictor; `None` of a run that diverged.
    pub relative_displacement: Option<f64>,
    /// Answers, with evidence.
    pub verdict: Verdict,
    /// What the theory predicts beside the end, for a linear encoder.
    pub theory: Option<TheoryRecord>,
    /// Probes of this run.
    pub probes: Vec<ProbeResult>,
    /// Baselines: the same for all runs of a comparison.
    pub baselines: Baselines,
    /// `metrics.csv`.
    pub metrics: Vec<MetricsRow>,
    /// `spectra.npz`.
    pub spectra: Vec<Spectrum>,
    /// Samples at the end, to be looked at; none in the folders of earlier versions.
    pub gallery: Option<Arc<Gallery>>,
}

impl RunRecord {
    /// Seconds in which the loop waited for data, and all seconds of the training; `None` of a run whose rows say neither.
    pub fn waited(&self) -> Option<(f64, f64)> {
        let last = self.metrics.last()?;
        Some((last.get(Column::WaitedSeconds)?, last.get(Column::Seconds)?))
    }
}
