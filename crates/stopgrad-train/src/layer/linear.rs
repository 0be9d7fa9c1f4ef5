//! x W + b.

use burn::tensor::{Tensor, activation};

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
}

impl Linear {
    /// n × d_in → n × d_out. Cost: 2 n d_in d_out flops forward, twice that backward.
    pub fn forward(&self, pass: &Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        self.finished(pass, x, Finish::Bias)
    }

    /// The same with a ReLU behind it, in one operation.
    pub fn forward_relu(&self, pass: &Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        match self.bias {
            Some(_) => self.finished(pass, x, Finish::BiasRelu),
            None => activation::relu(self.forward(pass, x)),
        }
    }

    fn finished(&self, pass: &Pass<'_>, x: Tensor<2>, finish: Finish) -> Tensor<2> {
        let weight = pass.parameters[self.weight].clone();
        match self.bias {
            Some(bias) => affine(x, weight, pass.parameters[bias].clone(), finish),
            None => affine(x, weight.clone(), weight, Finish::Product),
        }
    }
}
