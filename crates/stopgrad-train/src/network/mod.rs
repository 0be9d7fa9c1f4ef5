//! Encoder, projector, predictor: one description, built from the configuration.

mod build;
mod layout;

pub use build::{Input, NetworkError};
pub use layout::Layout;

use std::ops::Range;

use burn::tensor::Tensor;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

use crate::config::Decayed;
use crate::device::Device;
use crate::layer::{Layer, Pass};

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Uniform in ±bound.
    Uniform {
        /// Half the width of the interval.
        bound: f64,
    },
    /// Normal with mean 0.
    Normal {
        /// Standard deviation.
        deviation: f64,
    },
    /// One value everywhere.
    Constant(f64),
    /// Orthonormal columns, or rows where it has fewer: uniformly distributed among all such matrices.
    Orthonormal {
        /// d_in.
        rows: usize,
        /// d_out.
        columns: usize,
    },
    /// 1 on the diagonal of a square matrix, 0 elsewhere.
    Identity {
        /// Rows, and columns.
        width: usize,
    },
}

impl Initial {
    /// All numbers of a parameter of this length, row-major.
    pub fn draw(self, length: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
        // 53 random bits: every multiple of 2⁻⁵³ in [0, 1) is equally likely.
        let mut unit = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        match self {
            Self::Uniform { bound } => (0..length).map(|_| (unit() * 2.0 - 1.0) * bound).collect(),
            Self::Normal { deviation } => (0..length).map(|_| deviation * normal(&mut unit)).collect(),
            Self::Constant(value) => vec![value; length],
            Self::Identity { width } => {
                (0..length).map(|position| f64::from(u8::from(position / width == position % width))).collect()
            }
            Self::Orthonormal { rows, columns } => {
                let count = rows.min(columns);
                let vectors = orthonormal(count, rows.max(columns), unit);
                let at = |i: usize, j: usize| if columns == count { vectors[j][i] } else { vectors[i][j] };
                (0..length).map(|position| at(position / columns, position % columns)).collect()
            }
        }
    }
}

/// Box and Muller 1958; 1 − u is never 0.
fn normal(unit: &mut impl FnMut() -> f64) -> f64 {
    (-2.0 * (1.0 - unit()).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos()
}

/// Vectors at right angles and of length 1: normal numbers, made orthogonal one after the other.
///
/// # Cost
/// O(count² length)
fn orthonormal(count: usize, length: usize, mut unit: impl FnMut() -> f64) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|_| normal(&mut unit)).collect();
        // Twice is enough (Kahan and Parlett): what rounding leaves of the others the first time goes the second.
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(other, &vector);
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
            let size = dot(&vector, &vector).sqrt();
            for value in &mut vector {
                *value /= size;
            }
        }
        vectors.push(vector);
    }
    vectors
}

/// Name and shape of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// As in exported files: `encoder.0.weight`.
    pub name: String,
    /// Row-major; matrices are d_in × d_out.
    pub shape: Vec<usize>,
    /// How it starts.
    pub initial: Initial,
    /// How it lies in PyTorch's files.
    pub layout: Layout,
}

impl ParameterSpec {
    /// Count of numbers.
    #[allow(clippy::len_without_is_empty, reason = "no parameter is empty")]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True of matrices, filters and tokens; false of biases and parts of norms.
    pub fn is_whole(&self) -> bool {
        self.shape.len() > 1
    }

    /// Whether weight decay acts on it.
    pub fn decays(&self, decayed: Decayed) -> bool {
        decayed == Decayed::All || self.is_whole()
    }
}

/// Name and shape of a buffer (a running statistic).
#[derive(Debug, Clone, PartialEq)]
pub struct BufferSpec {
    /// As in exported files: `encoder.1.running_mean`.
    pub name: String,
    /// Count of numbers.
    pub len: usize,
    /// Value before the first batch.
    pub initial: f64,
}

/// Layers in sequence.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// In the order of the forward pass; none: the identity.
    pub layers: Vec<Layer>,
    /// Which of the network's parameters are in it.
    pub parameters: Range<usize>,
}

impl Stack {
    /// n × d_in → n × d_out.
    pub fn forward(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        Layer::sequence(&self.layers, pass, x)
    }
}

/// f = projector ∘ encoder, and the predictor g, with the names and shapes of all their numbers.
///
/// θ are the parameters of encoder and projector, ψ those of the predictor; a teacher ξ has θ's.
#[derive(Debug, Clone)]
pub struct Network {
    /// Input → representation (what probes read).
    pub encoder: Stack,
    /// Representation → embedding, in which the loss is taken.
    pub projector: Stack,
    /// g: embedding → embedding, student only.
    pub predictor: Stack,
    /// In order: encoder, projector, predictor.
    pub parameters: Vec<ParameterSpec>,
    /// In order: encoder, projector, predictor.
    pub buffers: Vec<BufferSpec>,
    /// Count of buffers in encoder and projector: the teacher's.
    pub student_buffers: usize,
    /// m.
    pub input_width: usize,
    /// Width of the representation.
    pub encoder_width: usize,
    /// Width of the embedding.
    pub embedding_width: usize,
    /// True if f and g are one matrix each and there is no projector: the case of docs/theory.md, section 2.
    pub is_linear: bool,
    /// Where passes through it are made; the CPU until something else is put here.
    pub device: Device,
}

/// Output of the student's or teacher's branch for one view.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// n × encoder width.
    pub representation: Tensor<2>,
    /// n × embedding width; equal to the representation without a projector.
    pub embedding: Tensor<2>,
}

impl Network {
    /// f on one view.
    pub fn embed(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Embedded {
        let representation = self.encoder.forward(pass, x);
        let embedding = self.projector.forward(pass, representation.clone());
        Embedded { representation, embedding }
    }

    /// Parameters of f: θ, the ones a teacher has too.
    pub fn student_parameters(&self) -> Range<usize> {
        0..self.projector.parameters.end
    }

    /// Parameters of g: ψ.
    pub fn predictor_parameters(&self) -> Range<usize> {
        self.predictor.parameters.clone()
    }

    /// True if there is a projector.
    pub fn has_projector(&self) -> bool {
        !self.projector.layers.is_empty()
    }

    /// Multiply-adds of f and of g for one sample, forward.
    pub fn multiply_adds(&self) -> (usize, usize) {
        let of = |stack: &Stack| -> usize { stack.layers.iter().map(Layer::multiply_adds).sum() };
        (of(&self.encoder) + of(&self.projector), of(&self.predictor))
    }

    /// Count of numbers in all parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(ParameterSpec::len).sum()
    }
}
