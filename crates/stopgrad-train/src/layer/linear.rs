//! x W + b.

use burn::tensor::Tensor;

use super::Pass;

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
}

impl Linear {
    /// n × d_in → n × d_out. Cost: 2 n d_in d_out flops forward, twice that backward.
    pub fn forward(&self, pass: &Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        let weight = pass.parameters[self.weight].clone().reshape([self.inputs, self.outputs]);
        let product = x.matmul(weight);
        match self.bias {
            Some(bias) => product + pass.parameters[bias].clone().reshape([1, self.outputs]),
            None => product,
        }
    }
}
