//! What a user may write down about one run: the TOML file, table by table.
//!
//! `Config` is what was asked; everything in it is resolved before the first step and written into the
//! run folder, so that a run can be repeated from that file alone. Reading refuses unknown keys; the
//! command adds the nearest known one to the message. No file is opened here.

mod defaults;
mod kinds;
mod network;

use serde::{Deserialize, Serialize};
use stopgrad_data::{SplitSpec, ViewRecipe};
use stopgrad_dynamics::Field;

pub use kinds::{Sizes, Stages};
pub use network::{EncoderPool, EncoderStart, EncoderStem, NetworkConfig, NetworkKind, PredictorRule, PredictorStart};

/// One run, whole. Tables in the order in which a run meets them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the samples come from.
    pub source: SourceConfig,
    /// Which samples train, choose and test.
    pub split: SplitSpec,
    /// The two views of a sample.
    pub views: ViewsConfig,
    /// Encoder, projector and predictor.
    pub network: NetworkConfig,
    /// The loss and the regulariser: what Ē is.
    pub objective: ObjectiveConfig,
    /// How the parameters move: joint, sg or ema, and the teacher.
    pub field: FieldConfig,
    /// The optimiser and its schedule.
    pub optimizer: OptimizerConfig,
    /// Length, batch, seed, threads.
    pub training: TrainingConfig,
    /// What is measured, and how often.
    pub evaluation: EvaluationConfig,
}

/// Table `[source]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// `digits`, or a path: IDX file or folder, CIFAR-10 binary file or folder, folder of images, `.npy`, `.npz`, `.csv`.
    pub path: String,
    /// CSV only: name of the label column; empty: a column named `label` or `class` if there is one.
    pub label_column: String,
    /// Folders of images only: rows and columns that every image is scaled to; 0: 32, or 64 where most have as many.
    pub image_side: usize,
}

/// Table `[views]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewsConfig {
    /// `auto`, a preset by name, or `custom` (then `recipe` counts). `auto` becomes the preset fit for the source.
    pub preset: String,
    /// `none`, or what is made of the prepared views: `pca:16` (so many principal components, centered), `pca:0.95`
    /// (as many as hold this share of the variance), `whiten` (all of them at standard deviation 1).
    pub features: String,
    /// Pairs a sample that are drawn once and trained on in every epoch, named by `split.seed`; 0: fresh ones.
    pub fixed_pairs: usize,
    /// The recipe in full. Filled in from the preset when resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<ViewRecipe>,
}

/// The loss between prediction and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// ½ |p − t|².
    HalfSquared,
    /// 1 − cos(p, t).
    Cosine,
    /// Σ over dimensions of the Huber function with β = 1.
    SmoothL1,
}

/// Where weight decay acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regularizer {
    /// Ω = λ/2 (|θ|² + |ψ|²), part of Ē and F̄, as in the theory.
    Objective,
    /// Multiplies the parameters by 1 − rate·λ at each step; no part of Ē.
    Decoupled,
}

/// Which parameters decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decayed {
    /// All of them.
    All,
    /// Matrices, filters and tokens: no bias and no part of a norm.
    Matrices,
}

/// Table `[objective]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// `half_squared`, `cosine` or `smooth_l1`.
    pub loss: Loss,
    /// Mean of both directions (x predicts y, y predicts x).
    pub symmetrized: bool,
    /// `objective` or `decoupled`.
    pub regularizer: Regularizer,
    /// λ at the first step.
    pub weight_decay: f64,
    /// λ at the last step, for a schedule that moves.
    pub weight_decay_end: f64,
    /// `constant`, `linear` or `cosine`, per step.
    pub weight_decay_schedule: ScheduleKind,
    /// `all` or `matrices`: which parameters decay.
    pub decayed: Decayed,
    /// Ω: weight of the variance term of VICReg.
    pub variance_weight: f64,
    /// Ω: weight of the covariance term of VICReg.
    pub covariance_weight: f64,
    /// Ω: weight of SIGReg.
    pub sigreg_weight: f64,
    /// Random directions of SIGReg in one update.
    pub sigreg_directions: usize,
}

/// How a quantity moves over the steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Stays at its first value.
    Constant,
    /// Straight line to its last value.
    Linear,
    /// Half a cosine to its last value.
    Cosine,
}

/// Which statistics a batch norm of the teacher normalises with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherBatchNorm {
    /// Those of the batch at hand (as in BYOL).
    Batch,
    /// Its running statistics.
    Running,
}

/// What happens to the teacher's running statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherBuffers {
    /// Averaged with the student's, like the weights.
    Average,
    /// Copied from the student at each step.
    Copy,
    /// The teacher keeps its own, from the batches it sees.
    Own,
}

/// Table `[field]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldConfig {
    /// `joint`, `sg` or `ema`.
    pub kind: Field,
    /// α at the first step (`ema` only): ξ ← α ξ + (1 − α) θ.
    pub teacher_momentum: f64,
    /// α at the last step, for a schedule that moves.
    pub teacher_momentum_end: f64,
    /// `constant`, `linear` or `cosine`, per step.
    pub teacher_schedule: ScheduleKind,
    /// `batch` or `running`.
    pub teacher_batch_norm: TeacherBatchNorm,
    /// `average`, `copy` or `own`.
    pub teacher_buffers: TeacherBuffers,
}

/// Which optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Gradient descent with heavy-ball momentum.
    Sgd,
    /// Adam with decoupled weight decay.
    Adamw,
    /// Heavy ball with a rate a parameter, for large batches.
    Lars,
}

/// What happens to the predictor's rate over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictorRate {
    /// It follows the schedule of the others.
    Scheduled,
    /// It stays at its first value, without warm-up (as in SimSiam).
    Fixed,
}

/// Of what the length is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipBy {
    /// The whole gradient.
    Whole,
    /// Encoder with projector, and predictor, each by itself.
    Parts,
}

/// Table `[optimizer]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// `sgd`, `adamw` or `lars`.
    pub kind: OptimizerKind,
    /// Rate after warm-up; 0: chosen from the number of inputs m, 0.02 · min(1, 64/m) for SGD, 3e-4 for AdamW,
    /// 0.2 for LARS.
    pub learning_rate: f64,
    /// Rate at the last step, for a schedule that moves.
    pub learning_rate_end: f64,
    /// `constant`, `linear` or `cosine`.
    pub schedule: ScheduleKind,
    /// Steps over which the rate rises linearly from 0.
    pub warmup_steps: u64,
    /// The same as a share of all steps; 0: `warmup_steps` counts.
    pub warmup_share: f64,
    /// `scheduled` or `fixed`: the predictor's rate.
    pub predictor_rate: PredictorRate,
    /// The predictor's rate over that of the others.
    pub predictor_rate_scale: f64,
    /// Heavy ball (SGD, LARS).
    pub momentum: f64,
    /// AdamW's two averages.
    pub betas: (f64, f64),
    /// AdamW's floor under the root.
    pub epsilon: f64,
    /// LARS: share of a parameter's length that a step of rate 1 moves it.
    pub trust: f64,
    /// LARS: no parameter moves further than by gradient descent of the same rate.
    pub trust_clip: bool,
    /// Largest L2 norm of the gradient; 0: no clipping.
    pub clip_norm: f64,
    /// `whole` or `parts`: what has that norm.
    pub clip_by: ClipBy,
}

/// Table `[training]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Number of updates.
    pub steps: u64,
    /// Passes over the training part, from which the steps are counted; 0: `steps` counts.
    pub epochs: f64,
    /// Pairs a batch; 0: all of an epoch, which is descent without noise where the pairs are fixed.
    pub batch_size: usize,
    /// Batches whose mean gradient makes an update.
    pub accumulate: u64,
    /// Length of all schedules over that of the run: above 1 they end before their last value.
    pub horizon: f64,
    /// Names every random stream of the run.
    pub seed: u64,
    /// Threads that decode and augment ahead; 0: as many as the machine has. No number in a result depends on it.
    pub threads: usize,
    /// Steps between checkpoints; 0: only at the end and when stopped.
    pub checkpoint_every: u64,
    /// `f32`, `f64`, or `mixed`.
    pub precision: Precision,
    /// `cpu`, or `wgpu`: where passes through the networks are made.
    pub device: DeviceKind,
}

/// Where passes through the networks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// A graphics processor, by Vulkan, Metal or DirectX.
    Wgpu,
}

/// Floating-point type of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
    /// Single, but products of matrices and filters in half: on graphics processors.
    Mixed,
}

/// Table `[evaluation]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Pairs from the held-out part on which the objectives are measured; fewer if it is smaller.
    pub pairs: usize,
    /// Steps between rows of `metrics.csv`; 0: chosen so that there are about 100 rows.
    pub measure_every: u64,
    /// Steps between probes (and spectra); 0: chosen so that there are about 20.
    pub probe_every: u64,
    /// Training samples that probes learn from, chosen by `split.seed`; 0: all.
    pub probe_samples: usize,
    /// Neighbours of the weighted kNN.
    pub knn_k: usize,
    /// Temperature of its weights exp(cos / T).
    pub knn_temperature: f64,
    /// Steps of joint descent after the end that decide whether Ē is at a minimum.
    pub descent_steps: u64,
    /// Linear networks: inputs up to which the end is compared with what the theory predicts; 0: never.
    pub theory_up_to: usize,
}
