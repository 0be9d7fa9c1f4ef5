//! The operations of the framework: normalized rows, alone or onto others.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use stopgrad_kernels::norm::{Norm, Sums};

use super::{Given, VARIANCE_FLOOR};
use crate::layer::primitive::{Primitive, given_back, joined, numbers, primitive, typed};
use crate::layer::residual::through_relu;
use crate::scalar::Scalar;
use crate::spare;

/// The rows of x normalized, scaled and shifted.
pub(super) fn normalized(x: Tensor<2>, scale: Tensor<1>, shift: Tensor<1>, given: Arc<Given>) -> Tensor<2> {
    let x = joined(x, &scale);
    let output = Dispatch::normalized(x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch(), given);
    Tensor::from_dispatch(output)
}

/// The same plus `added`, before the ReLU.
pub(super) fn normalized_onto(
    x: Tensor<2>, scale: Tensor<1>, shift: Tensor<1>, added: Tensor<2>, given: Arc<Given>,
) -> Tensor<2> {
    let (x, added) = (joined(x, &scale).into_dispatch(), joined(added, &scale).into_dispatch());
    Tensor::from_dispatch(Dispatch::normalized_onto(x, scale.into_dispatch(), shift.into_dispatch(), added, given))
}

#[backend_extension(Flex, Autodiff)]
trait NormBackend: Backend {
    fn normalized(
        x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, given: Arc<Given>,
    ) -> FloatTensor<Self>;

    fn normalized_onto(
        x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, added: FloatTensor<Self>,
        given: Arc<Given>,
    ) -> FloatTensor<Self>;
}

impl NormBackend for Flex {
    fn normalized(x: Primitive, scale: Primitive, shift: Primitive, given: Arc<Given>) -> Primitive {
        let x = x.to_contiguous();
        let output = typed!(x, forward(&x, &scale.to_contiguous(), &shift.to_contiguous(), None, &given));
        given_back(x);
        output
    }

    fn normalized_onto(
        x: Primitive, scale: Primitive, shift: Primitive, added: Primitive, given: Arc<Given>,
    ) -> Primitive {
        let (x, added) = (x.to_contiguous(), added.to_contiguous());
        let output = typed!(x, forward(&x, &scale.to_contiguous(), &shift.to_contiguous(), Some(&added), &given));
        given_back(x);
        given_back(added);
        output
    }
}

impl<C: CheckpointStrategy> NormBackend for Autodiff<Flex, C> {
    fn normalized(
        x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, given: Arc<Given>,
    ) -> FloatTensor<Self> {
        let ((x, of_x), (scale, of_scale), (shift, of_shift)) =
            (x.into_parts(), scale.into_parts(), shift.into_parts());
        let (x, scale, shift) = (x.to_contiguous(), scale.to_contiguous(), shift.to_contiguous());
        let output = typed!(x, forward(&x, &scale, &shift, None, &given));
        match Normalize.prepare::<C>([of_x, of_scale, of_shift]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(Saved { x, scale, shift, output: output.clone(), given }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn normalized_onto(
        x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, added: FloatTensor<Self>,
        given: Arc<Given>,
    ) -> FloatTensor<Self> {
        let ((x, of_x), (scale, of_scale), (shift, of_shift), (added, of_added)) =
            (x.into_parts(), scale.into_parts(), shift.into_parts(), added.into_parts());
        let (x, scale, shift) = (x.to_contiguous(), scale.to_contiguous(), shift.to_contiguous());
        let output = Flex::normalized_onto(x.clone(), scale.clone(), shift.clone(), added, given.clone());
        match NormalizeOnto.prepare::<C>([of_x, of_scale, of_shift, of_added]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(Saved { x, scale, shift, output: output.clone(), given }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Normalize;

#[derive(Debug)]
struct NormalizeOnto;

/// What the backward pass needs of the forward pass; all tensors are contiguous.
#[derive(Debug, Clone)]
struct Saved {
    x: Primitive,
    scale: Primitive,
    shift: Primitive,
    /// What the ReLU let through says where the gradient goes.
    output: Primitive,
    given: Arc<Given>,
}

impl Backward<Flex, 3> for Normalize {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let saved = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let [to_x, to_scale, to_shift] = ops.parents;
        let [of_x, of_scale, of_shift] = typed!(saved.x, backward(&saved, &upstream));
        for (node, gradient) in [(to_x, of_x), (to_scale, of_scale), (to_shift, of_shift)] {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
        let Saved { x, output, .. } = saved;
        for spent in [upstream, x, output] {
            given_back(spent);
        }
    }
}

impl Backward<Flex, 4> for NormalizeOnto {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 4>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let saved = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        // Behind the ReLU both summands get the same.
        let passed = if saved.given.relu {
            let passed = typed!(saved.x, through_relu(&saved.output, &upstream));
            given_back(upstream);
            passed
        } else {
            upstream
        };
        let [to_x, to_scale, to_shift, to_added] = ops.parents;
        let without = Saved { given: Arc::new(Given { relu: false, ..(*saved.given).clone() }), ..saved };
        let [of_x, of_scale, of_shift] = typed!(without.x, backward(&without, &passed));
        for (node, gradient) in [(to_x, of_x), (to_scale, of_scale), (to_shift, of_shift), (to_added, passed)] {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
        let Saved { x, output, .. } = without;
        given_back(x);
        given_back(output);
    }
}

/// Calls `each` with the norm of every block of rows and where the block lies among the numbers.
fn each_block<T: Scalar>(
    given: &Given, scale: &[T], shift: &[T], length: usize, mut each: impl FnMut(Norm<'_, T>, std::ops::Range<usize>),
) {
    let long = length / given.blocks.len();
    for (index, block) in given.blocks.iter().enumerate() {
        let mean: Vec<T> = block.mean.iter().map(|&v| T::from_f64(v)).collect();
        let inverse_deviation: Vec<T> =
            block.variance.iter().map(|v| T::from_f64(1.0 / (v + VARIANCE_FLOOR).sqrt())).collect();
        let norm = Norm { mean: &mean, inverse_deviation: &inverse_deviation, scale, shift, relu: given.relu };
        each(norm, index * long..(index + 1) * long);
    }
}

fn forward<T: Scalar>(
    x: &Primitive, scale: &Primitive, shift: &Primitive, added: Option<&Primitive>, given: &Given,
) -> Primitive {
    let (shape, x, added) = (x.layout().shape().to_vec(), numbers::<T>(x), added.map(numbers::<T>));
    let mut out = spare::take::<T>(x.len());
    each_block(given, numbers(scale), numbers(shift), x.len(), |norm, at| {
        norm.forward(&x[at.clone()], added.map(|added| &added[at.clone()]), &mut out[at]);
    });
    primitive(out, shape)
}

/// Of x, scale and shift.
fn backward<T: Scalar>(saved: &Saved, upstream: &Primitive) -> [Primitive; 3] {
    let Saved { x, scale, shift, output, given } = saved;
    let (shape, x, output, upstream) =
        (x.layout().shape().to_vec(), numbers::<T>(x), numbers(output), numbers(upstream));
    let d = shape[1];
    let (mut to_x, mut to_scale, mut to_shift) = (spare::take::<T>(x.len()), vec![0.0; d], vec![0.0; d]);
    each_block(given, numbers(scale), numbers(shift), x.len(), |norm, at| {
        let (x, output, upstream) = (&x[at.clone()], &output[at.clone()], &upstream[at.clone()]);
        let sums = norm.sums(x, output, upstream);
        for j in 0..d {
            to_scale[j] += sums.scale[j];
            to_shift[j] += sums.shift[j];
        }
        let through = if given.from_batch { sums } else { Sums { scale: vec![0.0; d], shift: vec![0.0; d] } };
        norm.backward(x, output, upstream, &through, &mut to_x[at]);
    });
    let narrow = |values: Vec<f64>| primitive(values.into_iter().map(T::from_f64).collect(), vec![d]);
    [primitive(to_x, shape), narrow(to_scale), narrow(to_shift)]
}
