//! x W + b with its activation as a single operation of the framework, with its own backward pass.
//!
//! Put together from the framework's operations, bias and activation read and write the rows once more each, the
//! products for the gradients are not the fastest, and every gradient of a matrix is fresh memory.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use stopgrad_kernels::linear::{self, Activation};

use super::portable;
use super::primitive::{Primitive, given_back, joined, numbers, primitive, typed};
use crate::device::on_cpu;
use crate::scalar::Scalar;
use crate::spare;

/// What follows the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finish {
    /// Whether the bias is read.
    pub(super) bias: bool,
    /// Behind the bias.
    pub(super) activation: Activation,
}

/// activation(x W + b); x: n × `d_in`, weight: `d_in` `d_out` numbers row-major, bias: `d_out` (any tensor where it is not read).
pub(super) fn affine(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, finish: Finish) -> Tensor<2> {
    let x = joined(x, &weight);
    if !on_cpu(&x) {
        return portable::affine(x, weight, bias, finish);
    }
    Tensor::from_dispatch(Dispatch::affine(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch(), finish))
}

#[backend_extension(Flex, Autodiff)]
trait AffineBackend: Backend {
    fn affine(
        x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>, finish: Finish,
    ) -> FloatTensor<Self>;
}

impl AffineBackend for Flex {
    fn affine(x: Primitive, weight: Primitive, bias: Primitive, finish: Finish) -> Primitive {
        let given = Given { x: x.to_contiguous(), weight: weight.to_contiguous(), bias: bias.to_contiguous(), finish };
        let output = typed!(given.x, forward(&given, false)).0;
        drop(x);
        given_back(given.x);
        output
    }
}

impl<C: CheckpointStrategy> AffineBackend for Autodiff<Flex, C> {
    fn affine(
        x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>, finish: Finish,
    ) -> FloatTensor<Self> {
        let ((x, of_x), (weight, of_weight), (bias, of_bias)) =
            (x.into_parts(), weight.into_parts(), bias.into_parts());
        let given = Given { x: x.to_contiguous(), weight: weight.to_contiguous(), bias: bias.to_contiguous(), finish };
        match Affine.prepare::<C>([of_x, of_weight, of_bias]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (output, before) = typed!(given.x, forward(&given, finish.activation == Activation::Gelu));
                let kept = before.or_else(|| (finish.activation == Activation::Relu).then(|| output.clone()));
                prepared.finish(Saved { given, kept }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(typed!(given.x, forward(&given, false)).0),
        }
    }
}

#[derive(Debug)]
struct Affine;

/// All tensors are contiguous.
#[derive(Debug, Clone)]
struct Given {
    x: Primitive,
    weight: Primitive,
    bias: Primitive,
    finish: Finish,
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Clone)]
struct Saved {
    given: Given,
    /// With ReLU the output, with GELU what came before it: says where the gradient goes.
    kept: Option<Primitive>,
}

impl Backward<Flex, 3> for Affine {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { given, kept } = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let [to_x, to_weight, to_bias] = ops.parents;
        let to_bias = to_bias.filter(|_| given.finish.bias);
        let (upstream, of_bias) =
            typed!(given.x, through(given.finish.activation, kept.as_ref(), upstream, to_bias.is_some()));
        if let (Some(node), Some(gradient)) = (to_bias, of_bias) {
            gradients.register::<Flex>(node.id, gradient);
        }
        if let Some(node) = to_x {
            gradients.register::<Flex>(node.id, typed!(given.x, input_gradient(&upstream, &given)));
        }
        if let Some(node) = to_weight {
            gradients.register::<Flex>(node.id, typed!(given.x, weight_gradient(&given.x, &upstream)));
        }
        given_back(upstream);
        given_back(given.x);
        kept.into_iter().for_each(given_back);
    }
}

fn layer<T: Scalar>(given: &Given) -> linear::Linear<'_, T> {
    let Given { x, weight, bias, finish } = given;
    let [_, inputs] = rows_and_columns(x);
    linear::Linear {
        weight: numbers(weight),
        bias: finish.bias.then(|| numbers(bias)),
        outputs: weight.layout().num_elements() / inputs,
        activation: finish.activation,
    }
}

/// The output, and if wanted what came before the activation.
fn forward<T: Scalar>(given: &Given, wanted: bool) -> (Primitive, Option<Primitive>) {
    let layer = layer::<T>(given);
    let [n, _] = rows_and_columns(&given.x);
    let mut out = spare::take::<T>(n * layer.outputs);
    let mut before = wanted.then(|| spare::take::<T>(n * layer.outputs));
    layer.forward(numbers(&given.x), &mut out, before.as_deref_mut());
    let shape = || vec![n, layer.outputs];
    (primitive(out, shape()), before.map(|before| primitive(before, shape())))
}

/// The gradient before the activation, and if wanted that of the bias.
fn through<T: Scalar>(
    activation: Activation, kept: Option<&Primitive>, upstream: Primitive, wanted: bool,
) -> (Primitive, Option<Primitive>) {
    let [n, d] = rows_and_columns(&upstream);
    let Some(kept) = kept else {
        let sums = wanted.then(|| linear::through::<T>(activation, &[], numbers(&upstream), &mut [], d));
        return (upstream, sums.map(|sums| primitive(sums, vec![d])));
    };
    let mut out = spare::take::<T>(n * d);
    let sums = linear::through::<T>(activation, numbers(kept), numbers(&upstream), &mut out, d);
    given_back(upstream);
    (primitive(out, vec![n, d]), wanted.then(|| primitive(sums, vec![d])))
}

fn input_gradient<T: Scalar>(upstream: &Primitive, given: &Given) -> Primitive {
    let shape = rows_and_columns(&given.x);
    let mut out = spare::take::<T>(shape[0] * shape[1]);
    layer::<T>(given).input_gradient(numbers(upstream), &mut out);
    primitive(out, shape.to_vec())
}

/// Flat as the parameter is.
fn weight_gradient<T: Scalar>(x: &Primitive, upstream: &Primitive) -> Primitive {
    let ([_, inputs], [_, outputs]) = (rows_and_columns(x), rows_and_columns(upstream));
    let mut out = spare::take::<T>(inputs * outputs);
    linear::weight_gradient(numbers::<T>(x), numbers(upstream), outputs, &mut out);
    primitive(out, vec![inputs * outputs])
}

fn rows_and_columns(matrix: &Primitive) -> [usize; 2] {
    let shape = matrix.layout().shape();
    [shape[0], shape[1]]
}

#[cfg(test)]
mod tests;
