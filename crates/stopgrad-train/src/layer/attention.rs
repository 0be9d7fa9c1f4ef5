//! Attention of a sample's tokens to each other as a single operation of the framework, with its own backward pass; and how
//! images become tokens.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use stopgrad_kernels::attention::{self, Geometry};

use super::portable;
use super::primitive::{Primitive, given_back, joined, numbers, primitive, typed};
use crate::device::on_cpu;
use crate::scalar::Scalar;
use crate::spare;

/// softmax(q kᵀ / √c) v in every head: (n · tokens) × 3 (heads · c) → (n · tokens) × (heads · c).
pub(super) fn attend(x: Tensor<2>, geometry: Geometry) -> Tensor<2> {
    if !on_cpu(&x) {
        return portable::attend(x, geometry);
    }
    Tensor::from_dispatch(Dispatch::attention(x.into_dispatch(), geometry))
}

/// n images of planes (channel, row, column) → (n · patches) × (channel, row, column of a patch); patches row by row.
pub(super) fn to_patches(x: Tensor<2>, [channels, height, width]: [usize; 3], side: usize) -> Tensor<2> {
    let n = x.dims()[0];
    let (down, across) = (height / side, width / side);
    x.reshape([n, channels, down, side, across, side])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([n * down * across, channels * side * side])
}

/// (n · tokens) × d → (n · (tokens + 1)) × d: `token` before those of each sample.
pub(super) fn behind_class_token(x: Tensor<2>, token: Tensor<1>, tokens: usize) -> Tensor<2> {
    let [rows, d] = x.dims();
    let n = rows / tokens;
    let x = joined(x, &token);
    let first = token.reshape([1, 1, d]).expand([n, 1, d]);
    Tensor::cat(vec![first, x.reshape([n, tokens, d])], 1).reshape([n * (tokens + 1), d])
}

/// (n · tokens) × d → n × d: the first token of each sample.
pub(super) fn first_token(x: Tensor<2>, tokens: usize) -> Tensor<2> {
    let [rows, d] = x.dims();
    let n = rows / tokens;
    x.reshape([n, tokens, d]).narrow(1, 0, 1).reshape([n, d])
}

/// Adds a number to each coordinate of each token: x: (n · tokens) × d, added: tokens · d.
pub(super) fn with_positions(x: Tensor<2>, added: Tensor<1>) -> Tensor<2> {
    let ([rows, d], [sample]) = (x.dims(), added.dims());
    (x.reshape([rows * d / sample, sample]) + added.reshape([1, sample])).reshape([rows, d])
}

#[backend_extension(Flex, Autodiff)]
trait AttentionBackend: Backend {
    fn attention(x: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self>;
}

impl AttentionBackend for Flex {
    fn attention(x: Primitive, geometry: Geometry) -> Primitive {
        let x = x.to_contiguous();
        let output = typed!(x, forward(&x, &geometry));
        given_back(x);
        output
    }
}

impl<C: CheckpointStrategy> AttentionBackend for Autodiff<Flex, C> {
    fn attention(x: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        let (x, of_x) = x.into_parts();
        let x = x.to_contiguous();
        let output = typed!(x, forward(&x, &geometry));
        match Attend.prepare::<C>([of_x]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((x, geometry), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Attend;

impl Backward<Flex, 1> for Attend {
    /// Queries, keys and values; the scores are made again.
    type State = (Primitive, Geometry);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (x, geometry) = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        if let [Some(node)] = ops.parents {
            gradients.register::<Flex>(node.id, typed!(x, backward(&x, &upstream, &geometry)));
        }
        given_back(upstream);
        given_back(x);
    }
}

fn forward<T: Scalar>(x: &Primitive, geometry: &Geometry) -> Primitive {
    let x = numbers::<T>(x);
    let mut out = spare::take::<T>(x.len() / 3);
    attention::forward(geometry, x, &mut out);
    let rows = out.len() / geometry.row();
    primitive(out, vec![rows, geometry.row()])
}

fn backward<T: Scalar>(x: &Primitive, upstream: &Primitive, geometry: &Geometry) -> Primitive {
    let shape = x.layout().shape().to_vec();
    let mut out = spare::take::<T>(shape[0] * shape[1]);
    attention::backward(geometry, numbers::<T>(x), numbers(upstream), &mut out);
    primitive(out, shape)
}
