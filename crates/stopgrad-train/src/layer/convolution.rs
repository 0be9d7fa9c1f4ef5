//! Convolution as a single operation of the framework, with its own backward pass; and how images come to it and leave.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::Pass;
use super::portable;
use super::primitive::{Primitive, given_back, joined, numbers, primitive, typed};
use crate::device::on_cpu;
use crate::scalar::Scalar;
use crate::spare;
use stopgrad_kernels::convolution::{self, Geometry};

/// Square filters over images, without a bias: a batch norm behind it would subtract any.
///
/// Stored as filter row × filter pixel × channel × filter; PyTorch stores filter × channel × row × pixel.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// Index of the filters among the network's parameters.
    pub weight: usize,
    /// Sizes.
    pub geometry: Geometry,
}

impl Convolution {
    /// (n · height · width) × channels → (n · out height · out width) × filters.
    ///
    /// Cost: 2 n `multiply_adds` flops forward, twice that backward.
    pub fn forward(&self, pass: &Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        convolve(x, pass.parameters[self.weight].clone(), self.geometry)
    }
}

/// n images of planes (channel, row, column) → (n · pixels) × channels.
pub(super) fn to_pixels(x: Tensor<2>, channels: usize) -> Tensor<2> {
    let [n, numbers] = x.dims();
    let pixels = numbers / channels;
    x.reshape([n, channels, pixels]).swap_dims(1, 2).reshape([n * pixels, channels])
}

/// (n · pixels) × channels → n × channels: the mean over the pixels of each image.
pub(super) fn mean_of_pixels(x: Tensor<2>, pixels: usize) -> Tensor<2> {
    let [rows, channels] = x.dims();
    x.reshape([rows / pixels, pixels, channels]).mean_dim(1).reshape([rows / pixels, channels])
}

pub(super) fn convolve(x: Tensor<2>, weight: Tensor<1>, geometry: Geometry) -> Tensor<2> {
    let x = joined(x, &weight);
    if !on_cpu(&x) {
        return portable::convolve(x, weight, geometry);
    }
    Tensor::from_dispatch(Dispatch::convolution(x.into_dispatch(), weight.into_dispatch(), geometry))
}

#[backend_extension(Flex, Autodiff)]
trait ConvolutionBackend: Backend {
    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self>;
}

impl ConvolutionBackend for Flex {
    fn convolution(x: Primitive, weight: Primitive, geometry: Geometry) -> Primitive {
        let x = x.to_contiguous();
        let output = forward(&x, &weight.to_contiguous(), &geometry);
        given_back(x);
        output
    }
}

impl<C: CheckpointStrategy> ConvolutionBackend for Autodiff<Flex, C> {
    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        let ((x, of_x), (weight, of_weight)) = (x.into_parts(), weight.into_parts());
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let output = forward(&x, &weight, &geometry);
        match Convolve.prepare::<C>([of_x, of_weight]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(Saved { x, weight, geometry }, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Convolve;

/// What the backward pass needs of the forward pass; both tensors are contiguous.
#[derive(Debug, Clone)]
struct Saved {
    x: Primitive,
    weight: Primitive,
    geometry: Geometry,
}

impl Backward<Flex, 2> for Convolve {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { x, weight, geometry } = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let [to_x, to_weight] = ops.parents;
        if let Some(node) = to_weight {
            gradients.register::<Flex>(node.id, typed!(x, weight_gradient(&x, &upstream, &geometry)));
        }
        if let Some(node) = to_x {
            gradients.register::<Flex>(node.id, typed!(x, input_gradient(&upstream, &weight, &geometry)));
        }
        given_back(upstream);
        given_back(x);
    }
}

fn forward(x: &Primitive, weight: &Primitive, geometry: &Geometry) -> Primitive {
    typed!(x, product(x, weight, geometry))
}

fn product<T: Scalar>(x: &Primitive, weight: &Primitive, geometry: &Geometry) -> Primitive {
    let x = numbers::<T>(x);
    let mut out = spare::take::<T>(x.len() / geometry.image() * geometry.out_image());
    convolution::forward(geometry, x, numbers(weight), &mut out);
    let rows = out.len() / geometry.filters;
    primitive(out, vec![rows, geometry.filters])
}

fn input_gradient<T: Scalar>(upstream: &Primitive, weight: &Primitive, geometry: &Geometry) -> Primitive {
    let upstream = numbers::<T>(upstream);
    let mut out = spare::take::<T>(upstream.len() / geometry.out_image() * geometry.image());
    convolution::input_gradient(geometry, upstream, numbers(weight), &mut out);
    let rows = out.len() / geometry.channels;
    primitive(out, vec![rows, geometry.channels])
}

fn weight_gradient<T: Scalar>(x: &Primitive, upstream: &Primitive, geometry: &Geometry) -> Primitive {
    let mut out = spare::take::<T>(geometry.taps() * geometry.filters);
    convolution::weight_gradient(geometry, numbers::<T>(x), numbers(upstream), &mut out);
    let length = out.len();
    primitive(out, vec![length])
}

#[cfg(test)]
mod tests;
