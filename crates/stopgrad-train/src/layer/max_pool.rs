//! The largest of neighboring pixels as a single operation of the framework, with its own backward pass.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use stopgrad_kernels::max_pool::{self, Geometry};

use super::portable;
use super::primitive::{Primitive, given_back, numbers, primitive, typed};
use crate::device::on_cpu;
use crate::scalar::Scalar;
use crate::spare;

/// The largest of 3 × 3 pixels at every second one: (n · pixels) × channels → (n · out pixels) × channels.
pub(super) fn largest(x: Tensor<2>, geometry: Geometry) -> Tensor<2> {
    if !on_cpu(&x) {
        return portable::largest(x, geometry);
    }
    Tensor::from_dispatch(Dispatch::largest(x.into_dispatch(), geometry))
}

#[backend_extension(Flex, Autodiff)]
trait MaxPoolBackend: Backend {
    fn largest(x: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self>;
}

impl MaxPoolBackend for Flex {
    fn largest(x: Primitive, geometry: Geometry) -> Primitive {
        let x = x.to_contiguous();
        let (output, _) = typed!(x, forward(&x, &geometry));
        given_back(x);
        output
    }
}

impl<C: CheckpointStrategy> MaxPoolBackend for Autodiff<Flex, C> {
    fn largest(x: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        let (x, of_x) = x.into_parts();
        let x = x.to_contiguous();
        let (output, chosen) = typed!(x, forward(&x, &geometry));
        given_back(x);
        match Largest.prepare::<C>([of_x]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(Saved { chosen: Arc::new(chosen), geometry }, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Largest;

/// A byte a number says where it came from: the input itself is not needed.
#[derive(Debug, Clone)]
struct Saved {
    chosen: Arc<Vec<u8>>,
    geometry: Geometry,
}

impl Backward<Flex, 1> for Largest {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { chosen, geometry } = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        if let [Some(node)] = ops.parents {
            gradients.register::<Flex>(node.id, typed!(upstream, input_gradient(&upstream, &chosen, &geometry)));
        }
        given_back(upstream);
    }
}

fn forward<T: Scalar>(x: &Primitive, geometry: &Geometry) -> (Primitive, Vec<u8>) {
    let x = numbers::<T>(x);
    let count = x.len() / geometry.image() * geometry.out_image();
    let (mut out, mut chosen) = (spare::take::<T>(count), vec![0; count]);
    max_pool::forward(geometry, x, &mut out, &mut chosen);
    (primitive(out, vec![count / geometry.channels, geometry.channels]), chosen)
}

fn input_gradient<T: Scalar>(upstream: &Primitive, chosen: &[u8], geometry: &Geometry) -> Primitive {
    let upstream = numbers::<T>(upstream);
    let count = upstream.len() / geometry.out_image() * geometry.image();
    let mut out = spare::take::<T>(count);
    max_pool::input_gradient(geometry, upstream, chosen, &mut out);
    primitive(out, vec![count / geometry.channels, geometry.channels])
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::max_pool2d;
    use burn::tensor::ops::MaxPoolOptions;

    use super::*;
    use crate::bridge;

    #[test]
    fn values_and_gradients_are_those_of_the_framework() {
        let geometry = Geometry { height: 7, width: 6, channels: 3 };
        let (n, pixels, outside) = (2, 42, geometry.out_image() / 3);
        let run = |ours: bool| {
            let values = (0..n * geometry.image()).map(|i| ((i * 7919 % 257) as f64 - 128.0) / 64.0).collect();
            let x = bridge::tensor::<f64, 2>(values, [n * pixels, 3]).autodiff().require_grad();
            let output = if ours {
                largest(x.clone(), geometry)
            } else {
                let planes = x.clone().reshape([n, 7, 6, 3]).permute([0, 3, 1, 2]);
                let options = MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
                max_pool2d(planes, options).permute([0, 2, 3, 1]).reshape([n * outside, 3])
            };
            let weights = (0..n * geometry.out_image()).map(|i| (i % 13) as f64 - 6.0).collect();
            let weights = bridge::tensor::<f64, 2>(weights, [n * outside, 3]).autodiff();
            let mut gradients = (output.clone() * weights).sum().backward();
            let of_x = bridge::to_f64(&x.grad_remove(&mut gradients).expect("a gradient"));
            [bridge::to_f64(&output.inner()), of_x]
        };
        assert_eq!(run(true), run(false));
    }
}
