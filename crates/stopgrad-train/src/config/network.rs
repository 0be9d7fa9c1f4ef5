//! Table `[network]`: encoder, projector and predictor.

use serde::{Deserialize, Serialize};

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
    /// Step of the first filters of `conv`: 2 look at every second pixel, and everything behind costs a quarter.
    pub encoder_stride: usize,
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
