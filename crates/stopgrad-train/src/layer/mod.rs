//! Layers: functions of (parameters, input). A layer owns no numbers, only where to find them.
//!
//! That is the design that keeps teacher and student apart: both are lists of numbers for one and the same
//! network, so nothing can be shared behind anyone's back (a cloned framework module shares the running
//! statistics of its batch norms).

mod affine;
mod batch_norm;
mod convolution;
mod linear;
mod primitive;
mod residual;

pub use batch_norm::{BatchNorm, MOMENTUM, update_running};
pub use convolution::Convolution;
pub use linear::Linear;
pub use residual::Residual;

use burn::tensor::{Tensor, activation};

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
    /// Layers whose result is added to what came in.
    Residual(Residual),
    /// The mean over the pixels of each image.
    MeanPool {
        /// Of an image.
        pixels: usize,
    },
}

impl Layer {
    /// n × `d_in` of the first → n × `d_out` of the last, n × `d_in` where there is none: layers one after the other; a
    /// ReLU is made part of the layer before it where that layer can.
    pub fn sequence(layers: &[Self], pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        let (mut x, mut rest) = (x, layers);
        while let [layer, after @ ..] = rest {
            (x, rest) = match (layer, after) {
                (Self::Linear(linear), [Self::Relu, after @ ..]) => (linear.forward_relu(pass, x), after),
                (Self::BatchNorm(norm), [Self::Relu, after @ ..]) => (norm.forward_relu(pass, x), after),
                _ => (layer.forward(pass, x), after),
            };
        }
        x
    }

    /// Multiply-adds for one sample, forward.
    pub fn multiply_adds(&self) -> usize {
        match self {
            Self::Linear(linear) => linear.inputs * linear.outputs,
            Self::Convolution(convolution) => convolution.geometry.multiply_adds(),
            Self::Residual(block) => block.main.iter().chain(&block.shortcut).map(Self::multiply_adds).sum(),
            Self::Relu | Self::BatchNorm(_) | Self::Pixels { .. } | Self::MeanPool { .. } => 0,
        }
    }

    /// n × d_in → n × d_out; between [`Layer::Pixels`] and [`Layer::MeanPool`] every pixel is a row.
    pub fn forward(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(layer) => layer.forward(pass, x),
            Self::Relu => activation::relu(x),
            Self::BatchNorm(layer) => layer.forward(pass, x),
            Self::Pixels { channels } => convolution::to_pixels(x, *channels),
            Self::Convolution(layer) => layer.forward(pass, x),
            Self::Residual(layer) => layer.forward(pass, x),
            Self::MeanPool { pixels } => convolution::mean_of_pixels(x, *pixels),
        }
    }
}
