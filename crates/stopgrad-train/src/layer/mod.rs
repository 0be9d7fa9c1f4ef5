//! Layers: functions of (parameters, input). A layer owns no numbers, only where to find them.
//!
//! That is the design that keeps teacher and student apart: both are lists of numbers for one and the same
//! network, so nothing can be shared behind anyone's back (a cloned framework module shares the running
//! statistics of its batch norms).

mod affine;
mod attention;
mod batch_norm;
mod convolution;
mod layer_norm;
mod linear;
mod max_pool;
mod portable;
mod primitive;
mod residual;

pub use batch_norm::{BatchNorm, MOMENTUM, update_running};
pub use convolution::Convolution;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use residual::Residual;

use burn::tensor::{Tensor, activation};
use stopgrad_kernels::attention::Geometry;
use stopgrad_kernels::linear::Activation;
use stopgrad_kernels::max_pool::Geometry as PoolGeometry;

use crate::bridge;

/// Which numbers a batch norm normalizes with.
#[derive(Debug, Clone, Copy)]
pub enum Statistics<'a> {
    /// Mean and variance of the batch at hand, with gradient through them.
    Batch,
    /// The running averages in these buffers.
    Running(&'a [Tensor<1>]),
}

/// What a batch norm saw in one pass, to be averaged into its buffers by whoever owns them.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Index of the buffer of means; the one of variances follows it.
    pub buffer: usize,
    /// Batch mean, d.
    pub mean: Tensor<1>,
    /// Unbiased batch variance, d.
    pub variance: Tensor<1>,
}

impl Observed {
    /// All of them on the CPU.
    pub(crate) fn all_on_host(all: &[Self]) -> Vec<Self> {
        let tensors = all.iter().flat_map(|seen| [seen.mean.clone(), seen.variance.clone()]).collect();
        let mut tensors = bridge::all_on_host(tensors).into_iter();
        let mut next = || tensors.next().expect("two of each");
        all.iter().map(|seen| Self { buffer: seen.buffer, mean: next(), variance: next() }).collect()
    }
}

/// The numbers with which one pass through a network is made.
#[derive(Debug)]
pub struct Pass<'a> {
    /// One flat tensor a parameter, in the network's order; tracked by autodiff or not.
    pub parameters: &'a [Tensor<1>],
    /// For batch norms.
    pub statistics: Statistics<'a>,
    /// Equal blocks of rows in the input, each a batch of its own to a batch norm: 2 when both views go through
    /// together, which halves the memory traffic of the weights.
    pub blocks: usize,
    /// Filled by batch norms that use batch statistics.
    pub observed: Vec<Observed>,
}

impl<'a> Pass<'a> {
    /// A pass that has seen nothing yet.
    pub fn new(parameters: &'a [Tensor<1>], statistics: Statistics<'a>) -> Self {
        Self { parameters, statistics, blocks: 1, observed: Vec::new() }
    }
}

/// One step of a stack.
#[derive(Debug, Clone)]
pub enum Layer {
    /// Matrix, bias optional.
    Linear(Linear),
    /// max(0, x).
    Relu,
    /// Batch normalization.
    BatchNorm(BatchNorm),
    /// Images of planes become rows of pixels.
    Pixels {
        /// Planes.
        channels: usize,
    },
    /// Filters over images of pixels.
    Convolution(Convolution),
    /// The largest of 3 × 3 pixels, at every second pixel.
    MaxPool(PoolGeometry),
    /// Layers whose result is added to what came in.
    Residual(Residual),
    /// The mean over the pixels, or the tokens, of each image.
    MeanPool {
        /// Of an image.
        pixels: usize,
    },
    /// Images of planes become tokens, a square of pixels each.
    Patches {
        /// Channels, height and width of an image.
        image: [usize; 3],
        /// Rows and columns of a patch.
        side: usize,
    },
    /// Puts one more token, the same for every sample, before those of each.
    ClassToken {
        /// Index among the network's parameters.
        parameter: usize,
        /// Of a sample, before.
        tokens: usize,
    },
    /// Keeps the first token of each sample.
    FirstToken {
        /// Of a sample.
        tokens: usize,
    },
    /// Adds to each token what its place says.
    Positions {
        /// Index among the network's parameters.
        parameter: usize,
    },
    /// Rows normalized.
    LayerNorm(LayerNorm),
    /// Tokens look at each other: queries, keys and values come in.
    Attention(Geometry),
    /// x Φ(x).
    Gelu,
}

impl Layer {
    /// n × `d_in` of the first → n × `d_out` of the last, n × `d_in` where there is none: layers one after the other; an
    /// activation is made part of the layer before it where that layer can.
    pub fn sequence(layers: &[Self], pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        let (mut x, mut rest) = (x, layers);
        while let [layer, after @ ..] = rest {
            (x, rest) = match (layer, after) {
                (Self::Linear(linear), [Self::Relu, after @ ..]) => (linear.forward(pass, x, Activation::Relu), after),
                (Self::Linear(linear), [Self::Gelu, after @ ..]) => (linear.forward(pass, x, Activation::Gelu), after),
                (Self::BatchNorm(norm), [Self::Relu, after @ ..]) => (norm.forward_relu(pass, x), after),
                _ => (layer.forward(pass, x), after),
            };
        }
        x
    }

    /// Multiply-adds for one sample, forward.
    pub fn multiply_adds(&self) -> usize {
        match self {
            Self::Linear(linear) => linear.rows * linear.inputs * linear.outputs,
            Self::Convolution(convolution) => convolution.geometry.multiply_adds(),
            Self::Residual(block) => block.main.iter().chain(&block.shortcut).map(Self::multiply_adds).sum(),
            Self::Attention(geometry) => geometry.multiply_adds(),
            Self::Relu
            | Self::Gelu
            | Self::BatchNorm(_)
            | Self::LayerNorm(_)
            | Self::Pixels { .. }
            | Self::Patches { .. }
            | Self::ClassToken { .. }
            | Self::FirstToken { .. }
            | Self::Positions { .. }
            | Self::MaxPool(_)
            | Self::MeanPool { .. } => 0,
        }
    }

    /// n × d_in → n × d_out; between [`Layer::Pixels`] or [`Layer::Patches`] and [`Layer::MeanPool`] or [`Layer::FirstToken`]
    /// every pixel, or token, is a row.
    pub fn forward(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(layer) => layer.forward(pass, x, Activation::None),
            Self::Relu => activation::relu(x),
            Self::BatchNorm(layer) => layer.forward(pass, x),
            Self::Pixels { channels } => convolution::to_pixels(x, *channels),
            Self::Convolution(layer) => layer.forward(pass, x),
            Self::Residual(layer) => layer.forward(pass, x),
            Self::MeanPool { pixels } => convolution::mean_of_pixels(x, *pixels),
            Self::Patches { image, side } => attention::to_patches(x, *image, *side),
            Self::MaxPool(geometry) => max_pool::largest(x, *geometry),
            Self::ClassToken { parameter, tokens } => {
                attention::behind_class_token(x, pass.parameters[*parameter].clone(), *tokens)
            }
            Self::FirstToken { tokens } => attention::first_token(x, *tokens),
            Self::Positions { parameter } => attention::with_positions(x, pass.parameters[*parameter].clone()),
            Self::LayerNorm(layer) => layer.forward(pass, x),
            Self::Attention(geometry) => attention::attend(x, *geometry),
            Self::Gelu => activation::gelu(x),
        }
    }
}
