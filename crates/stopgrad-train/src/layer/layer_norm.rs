//! Layer normalization as a single operation of the framework, with its own backward pass.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use stopgrad_kernels::layer_norm::{self, RowMoments};

use super::Pass;
use super::portable;
use super::primitive::{Primitive, given_back, joined, numbers, primitive, typed};
use crate::device::on_cpu;
use crate::scalar::Scalar;
use crate::spare;

/// Added to the variance (timm's vision transformers).
pub(super) const VARIANCE_FLOOR: f64 = 1e-6;

/// Each row less its mean, over its deviation, then scaled and shifted (Ba, Kiros, Hinton 2016).
#[derive(Debug, Clone)]
pub struct LayerNorm {
    /// Index of the scale among the network's parameters; the shift follows it.
    pub scale: usize,
}

impl LayerNorm {
    /// n × d → n × d.
    pub fn forward(&self, pass: &Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        let (scale, shift) = (pass.parameters[self.scale].clone(), pass.parameters[self.scale + 1].clone());
        let x = joined(x, &scale);
        if !on_cpu(&x) {
            return portable::layer_norm(x, scale, shift);
        }
        Tensor::from_dispatch(Dispatch::layer_norm(x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch()))
    }
}

#[backend_extension(Flex, Autodiff)]
trait LayerNormBackend: Backend {
    fn layer_norm(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl LayerNormBackend for Flex {
    fn layer_norm(x: Primitive, scale: Primitive, shift: Primitive) -> Primitive {
        let x = x.to_contiguous();
        let (output, _) = typed!(x, forward(&x, &scale.to_contiguous(), &shift.to_contiguous()));
        given_back(x);
        output
    }
}

impl<C: CheckpointStrategy> LayerNormBackend for Autodiff<Flex, C> {
    fn layer_norm(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, of_x), (scale, of_scale), (shift, of_shift)) =
            (x.into_parts(), scale.into_parts(), shift.into_parts());
        let (x, scale) = (x.to_contiguous(), scale.to_contiguous());
        let (output, moments) = typed!(x, forward(&x, &scale, &shift.to_contiguous()));
        match Normalize.prepare::<C>([of_x, of_scale, of_shift]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(Saved { x, scale, moments }, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Normalize;

/// Of either type.
#[derive(Debug, Clone)]
enum Kept {
    F32(Arc<RowMoments<f32>>),
    F64(Arc<RowMoments<f64>>),
}

/// What the backward pass needs of the forward pass; both tensors are contiguous.
#[derive(Debug, Clone)]
struct Saved {
    x: Primitive,
    scale: Primitive,
    moments: Kept,
}

impl Backward<Flex, 3> for Normalize {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { x, scale, moments } = ops.state;
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let of = match &moments {
            Kept::F32(moments) => backward(&x, &upstream, &scale, moments),
            Kept::F64(moments) => backward(&x, &upstream, &scale, moments),
        };
        for (node, gradient) in ops.parents.into_iter().zip(of) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
        given_back(upstream);
        given_back(x);
    }
}

/// The moments of the rows, whichever their type.
trait Keep: Scalar {
    fn keep(moments: RowMoments<Self>) -> Kept;
}

impl Keep for f32 {
    fn keep(moments: RowMoments<Self>) -> Kept {
        Kept::F32(Arc::new(moments))
    }
}

impl Keep for f64 {
    fn keep(moments: RowMoments<Self>) -> Kept {
        Kept::F64(Arc::new(moments))
    }
}

fn forward<T: Keep>(x: &Primitive, scale: &Primitive, shift: &Primitive) -> (Primitive, Kept) {
    let shape = x.layout().shape().to_vec();
    let mut out = spare::take::<T>(shape[0] * shape[1]);
    let moments = layer_norm::forward(numbers::<T>(x), numbers(scale), numbers(shift), VARIANCE_FLOOR, &mut out);
    (primitive(out, shape), T::keep(moments))
}

/// Of x, scale and shift.
fn backward<T: Scalar>(
    x: &Primitive, upstream: &Primitive, scale: &Primitive, moments: &RowMoments<T>,
) -> [Primitive; 3] {
    let shape = x.layout().shape().to_vec();
    let mut out = spare::take::<T>(shape[0] * shape[1]);
    let sums = layer_norm::backward(numbers::<T>(x), numbers(upstream), numbers(scale), moments, &mut out);
    let narrow = |values: Vec<f64>| primitive(values.into_iter().map(T::from_f64).collect(), vec![shape[1]]);
    [primitive(out, shape.clone()), narrow(sums.scale), narrow(sums.shift)]
}
