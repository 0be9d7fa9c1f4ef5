//! x W, x W + b and max(0, x W + b) as single operations of the framework, with their own backward pass.
//!
//! Put together from the framework's operations, bias and ReLU read and write the activations once more each, the
//! products for the gradients are not the fastest, and every gradient of a matrix is fresh memory.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use stopgrad_dynamics::linalg::{Factor, row_major_product};

use super::primitive::{Primitive, joined, numbers, primitive, typed};
use crate::scalar::Scalar;
use crate::spare;

/// What is added to the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// Nothing: the bias is not read.
    Product,
    /// The bias.
    Bias,
    /// The bias, then the negative numbers go.
    BiasRelu,
}

/// x W + b; x: n × d_in, weight: d_in d_out numbers row-major, bias: d_out (any tensor with [`Finish::Product`]).
pub(super) fn affine(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, finish: Finish) -> Tensor<2> {
    let x = joined(x, &weight);
    let output = match finish {
        Finish::Product => Dispatch::affine_product(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()),
        Finish::Bias => Dispatch::affine_bias(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()),
        Finish::BiasRelu => Dispatch::affine_relu(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()),
    };
    Tensor::from_dispatch(output)
}

#[backend_extension(Flex, Autodiff)]
trait AffineBackend: Backend {
    fn affine_product(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    fn affine_bias(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    fn affine_relu(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl AffineBackend for Flex {
    fn affine_product(x: Primitive, weight: Primitive, bias: Primitive) -> Primitive {
        forward(&x, &weight, &bias, Finish::Product)
    }
    fn affine_bias(x: Primitive, weight: Primitive, bias: Primitive) -> Primitive {
        forward(&x, &weight, &bias, Finish::Bias)
    }
    fn affine_relu(x: Primitive, weight: Primitive, bias: Primitive) -> Primitive {
        forward(&x, &weight, &bias, Finish::BiasRelu)
    }
}

impl<C: CheckpointStrategy> AffineBackend for Autodiff<Flex, C> {
    fn affine_product(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        tracked::<C>(x, weight, bias, Finish::Product)
    }
    fn affine_bias(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        tracked::<C>(x, weight, bias, Finish::Bias)
    }
    fn affine_relu(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        tracked::<C>(x, weight, bias, Finish::BiasRelu)
    }
}

fn tracked<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>, weight: FloatTensor<Autodiff<Flex, C>>, bias: FloatTensor<Autodiff<Flex, C>>,
    finish: Finish,
) -> FloatTensor<Autodiff<Flex, C>> {
    let ((x, of_x), (weight, of_weight), (bias, of_bias)) = (x.into_parts(), weight.into_parts(), bias.into_parts());
    let output = forward(&x, &weight, &bias, finish);
    match Affine.prepare::<C>([of_x, of_weight, of_bias]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let kept = (finish == Finish::BiasRelu).then(|| output.clone());
            prepared.finish(Saved { x, weight, output: kept, finish }, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}

#[derive(Debug)]
struct Affine;

/// What the backward pass needs of the forward pass.
#[derive(Debug, Clone)]
struct Saved {
    x: Primitive,
    weight: Primitive,
    /// With ReLU: what it let through says where the gradient goes.
    output: Option<Primitive>,
    finish: Finish,
}

impl Backward<Flex, 3> for Affine {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { x, weight, output, finish } = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node);
        let upstream = match output {
            Some(output) => typed!(output, masked(&upstream, &output)),
            None => upstream.to_contiguous(),
        };
        let [to_x, to_weight, to_bias] = ops.parents;
        if let Some(node) = to_x {
            gradients.register::<Flex>(node.id, typed!(weight, input_gradient(&upstream, &weight)));
        }
        if let Some(node) = to_weight {
            gradients.register::<Flex>(node.id, typed!(x, weight_gradient(&x, &upstream)));
        }
        if let (Some(node), true) = (to_bias, finish != Finish::Product) {
            gradients.register::<Flex>(node.id, typed!(upstream, bias_gradient(&upstream)));
        }
    }
}

fn forward(x: &Primitive, weight: &Primitive, bias: &Primitive, finish: Finish) -> Primitive {
    typed!(x, multiply(&x.to_contiguous(), &weight.to_contiguous(), &bias.to_contiguous(), finish))
}

fn multiply<T: Scalar>(x: &Primitive, weight: &Primitive, bias: &Primitive, finish: Finish) -> Primitive {
    let [n, inputs] = rows_and_columns(x);
    let outputs = weight.layout().num_elements() / inputs;
    let mut out = spare::take::<T>(n * outputs);
    let (left, right) = (Factor::new(numbers::<T>(x), n, inputs), Factor::new(numbers::<T>(weight), inputs, outputs));
    row_major_product(&left, &right, &mut out);
    if finish != Finish::Product {
        let zero = T::from_f64(0.0);
        for row in out.chunks_exact_mut(outputs) {
            for (value, &b) in row.iter_mut().zip(numbers::<T>(bias)) {
                let sum = value.plus(b);
                // Written so that a NaN stays one: a run that diverges must be seen to.
                *value = if finish == Finish::BiasRelu && sum <= zero { zero } else { sum };
            }
        }
    }
    primitive(out, vec![n, outputs])
}

/// The gradient where ReLU let something through, 0 elsewhere.
fn masked<T: Scalar>(upstream: &Primitive, output: &Primitive) -> Primitive {
    let upstream = upstream.to_contiguous();
    let zero = T::from_f64(0.0);
    let masked: Vec<T> = numbers::<T>(&upstream)
        .iter()
        .zip(numbers::<T>(output))
        .map(|(&g, &out)| if out <= zero { zero } else { g })
        .collect();
    primitive(masked, rows_and_columns(output).to_vec())
}

/// dy Wᵀ.
fn input_gradient<T: Scalar>(upstream: &Primitive, weight: &Primitive) -> Primitive {
    let [n, outputs] = rows_and_columns(upstream);
    let weight = weight.to_contiguous();
    let inputs = weight.layout().num_elements() / outputs;
    let mut out = spare::take::<T>(n * inputs);
    let right = Factor::new(numbers::<T>(&weight), inputs, outputs).transposed();
    row_major_product(&Factor::new(numbers::<T>(upstream), n, outputs), &right, &mut out);
    primitive(out, vec![n, inputs])
}

/// xᵀ dy, flat as the parameter is.
fn weight_gradient<T: Scalar>(x: &Primitive, upstream: &Primitive) -> Primitive {
    let x = x.to_contiguous();
    let ([n, inputs], [_, outputs]) = (rows_and_columns(&x), rows_and_columns(upstream));
    let mut out = spare::take::<T>(inputs * outputs);
    let left = Factor::new(numbers::<T>(&x), n, inputs).transposed();
    row_major_product(&left, &Factor::new(numbers::<T>(upstream), n, outputs), &mut out);
    primitive(out, vec![inputs * outputs])
}

/// The sum over rows, added from the first to the last.
fn bias_gradient<T: Scalar>(upstream: &Primitive) -> Primitive {
    let [_, outputs] = rows_and_columns(upstream);
    let mut sums = vec![T::from_f64(0.0); outputs];
    for row in numbers::<T>(upstream).chunks_exact(outputs) {
        for (sum, &g) in sums.iter_mut().zip(row) {
            *sum = sum.plus(g);
        }
    }
    primitive(sums, vec![outputs])
}

fn rows_and_columns(matrix: &Primitive) -> [usize; 2] {
    let shape = matrix.layout().shape();
    [shape[0], shape[1]]
}

#[cfg(test)]
mod tests;
