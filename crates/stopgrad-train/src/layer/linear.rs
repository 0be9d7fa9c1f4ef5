//! x W + b.

use burn::tensor::Tensor;
use stopgrad_kernels::linear::Activation;

use super::Pass;
use super::affine::{Finish, affine};

/// A matrix of shape d_in × d_out, and a bias if asked for.
///
/// Stored with the input dimension first, so that the gradient xᵀ·dy comes out row-major and its flat form
/// is a view. PyTorch stores d_out × d_in.
#[derive(Debug, Clone)]
pub struct Linear {
    /// Index of the matrix among the network's parameters.
    pub weight: usize,
    /// Index of the bias, if there is one.
    pub bias: Option<usize>,
    /// d_in.
    pub inputs: usize,
    /// d_out.
    pub outputs: usize,
    /// Rows of a sample: its tokens, or 1.
    pub rows: usize,
}

impl Linear {
    /// n × d_in → n × d_out, with an activation behind it in the same operation. Cost: 2 n d_in d_out flops forward, twice that
    /// backward.
    pub fn forward(&self, pass: &Pass<'_>, x: Tensor<2>, activation: Activation) -> Tensor<2> {
        let weight = pass.parameters[self.weight].clone();
        let finish = Finish { bias: self.bias.is_some(), activation };
        let bias = self.bias.map_or_else(|| weight.clone(), |bias| pass.parameters[bias].clone());
        affine(x, weight, bias, finish)
    }
}
