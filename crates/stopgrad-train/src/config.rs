//! What a user may write down about one run: the TOML file, table by table.
//!
//! `Config` is what was asked; everything in it is resolved before the first step and written into the
//! run folder, so that a run can be repeated from that file alone. Reading refuses unknown keys; the
//! command adds the nearest known one to the message. No file is opened here.

mod defaults;
mod kinds;

use serde::{Deserialize, Serialize};
use stopgrad_data::{SplitSpec, ViewRecipe};
use stopgrad_dynamics::Field;

pub use kinds::{Sizes, Stages};

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

/// A stack of layers: what stands between input and embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// No layer at all: the input itself.
    None,
    /// One matrix without bias, as in the theory.
    Linear,
    /// Hidden layers with ReLU, then a linear layer.
    Mlp,
    /// Encoders of images only: a convolution, then residual blocks of two 3 × 3 convolutions with batch norms, each at
    /// half the sides of the one before, then the mean over pixels.
    Conv,
    /// Encoders of images only: ResNet-18 as torchvision has it, without its last layer.
    Resnet18,
    /// … ResNet-34.
    Resnet34,
    /// … ResNet-50.
    Resnet50,
    /// Encoders of images only: a vision transformer as timm has it, of any size.
    Vit,
    /// … of 12 blocks with 3 heads and 192 numbers a token.
    VitTiny,
    /// … of 12 blocks with 6 heads and 384 numbers a token.
    VitSmall,
    /// … of 12 blocks with 12 heads and 768 numbers a token.
    VitBase,
}

/// What a ResNet does to an image before its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderStem {
    /// `cifar` for images of up to 64 pixels a side, else `imagenet`.
    Auto,
    /// Filters of 7 × 7 at every second pixel, and the largest of 3 × 3 of their numbers at every second.
    Imagenet,
    /// Filters of 3 × 3 at every pixel.
    Cifar,
}

/// What a vision transformer makes of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderPool {
    /// There is one token more, which stands for the image: the representation is what became of it.
    Token,
    /// Their mean.
    Mean,
}

/// How a linear predictor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictorStart {
    /// B = I.
    Identity,
    /// Like every other matrix.
    Random,
}

/// How a linear encoder starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderStart {
    /// Like every other matrix.
    Uniform,
    /// Orthonormal rows, or columns where it has more rows than columns.
    Orthonormal,
}

/// What moves a predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictorRule {
    /// The optimizer.
    Trained,
    /// The optimizer, and then it is made symmetric; linear ones only.
    Symmetric,
    /// Nothing but the correlation of what it sees, scaled by its largest eigenvalue; linear ones only.
    Directpred,
    /// The same without that scale.
    DirectpredPaper,
}

/// Table `[network]`. An encoder of kind `none` is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "four places where a batch norm may stand, each a key of its own")]
pub struct NetworkConfig {
    /// `linear`, `mlp`, `conv`, `resnet18`, `resnet34`, `resnet50`, `vit`, `vit_tiny`, `vit_small` or `vit_base`.
    pub encoder: NetworkKind,
    /// Widths of the encoder's hidden layers; of `conv`: channels of the blocks before the last.
    pub encoder_hidden: Vec<usize>,
    /// Width of the representation: what probes read; of `conv`: channels of the last block; of `vit`: numbers of a token.
    /// Of `resnet…` and `vit_…` it follows from the kind, and is filled in.
    pub encoder_width: usize,
    /// Channels of the first stage of `resnet…`.
    pub encoder_base_width: usize,
    /// `auto`, `imagenet` or `cifar`: what `resnet…` does before its blocks.
    pub encoder_stem: EncoderStem,
    /// Residual blocks a stage of `conv`: 1, or 2 as in ResNet-18.
    pub encoder_blocks: usize,
    /// Blocks of `vit`.
    pub encoder_depth: usize,
    /// Heads of a block of `vit`, among which `encoder_width` is divided.
    pub encoder_heads: usize,
    /// Rows and columns of a patch of `vit` and `vit_…`: what makes a token.
    pub encoder_patch: usize,
    /// `mean` or `token`: what `vit` and `vit_…` make of their tokens.
    pub encoder_pool: EncoderPool,
    /// `uniform` or `orthonormal`: how a linear encoder starts. With B = I an orthonormal one is balanced, AAᵀ = BᵀB.
    pub encoder_start: EncoderStart,
    /// A file of weights to start from: `.safetensors`, `.pt` or `.pth`, with the names of torchvision, timm or `export`. Empty:
    /// drawn. Projector and predictor start from it where it has them.
    pub init: String,
    /// `none`, `linear` or `mlp`.
    pub projector: NetworkKind,
    /// Widths of the projector's hidden layers.
    pub projector_hidden: Vec<usize>,
    /// Width of the space in which the loss is taken (ignored without projector).
    pub projector_width: usize,
    /// `none`, `linear` or `mlp`.
    pub predictor: NetworkKind,
    /// Widths of the predictor's hidden layers.
    pub predictor_hidden: Vec<usize>,
    /// `identity` or `random`: how a linear predictor starts. From a random one the first steps shrink the encoder
    /// faster than the predictor can learn, and stop-gradient may never recover.
    pub predictor_start: PredictorStart,
    /// `trained`, `symmetric`, `directpred` or `directpred_paper`: what moves a linear predictor.
    pub predictor_rule: PredictorRule,
    /// `directpred`: share of the old in the moving average of the correlation.
    pub direct_decay: f64,
    /// `directpred`: what every eigenvalue of the predictor gets on top, as a share of the largest.
    pub direct_share: f64,
    /// `directpred`: updates from one setting to the next.
    pub direct_every: u64,
    /// Batch norm after each hidden layer of an MLP encoder.
    pub encoder_batch_norm: bool,
    /// Batch norm after each hidden layer of an MLP projector.
    pub projector_batch_norm: bool,
    /// Batch norm after each hidden layer of an MLP predictor.
    pub predictor_batch_norm: bool,
    /// Batch norm after the last layer of f (projector, or encoder if there is none).
    pub output_batch_norm: bool,
    /// Whether that last batch norm scales and shifts.
    pub output_affine: bool,
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
    /// `f32` or `f64`.
    pub precision: Precision,
}

/// Floating-point type of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
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
