//! Batch normalization, with or without the ReLU behind it, as a single operation of the framework with its own
//! backward pass: a function of (parameters, buffers, input).

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::primitive::{Primitive, given_back, joined, numbers, primitive, typed};
use super::{Observed, Pass, Statistics};
use crate::bridge;
use crate::scalar::Scalar;
use crate::spare;
use stopgrad_kernels::norm::{Moments, Norm, Sums, moments};

/// Share of a batch in the running averages (PyTorch's default).
pub const MOMENTUM: f64 = 0.1;
/// Added to the variance (PyTorch's default).
const VARIANCE_FLOOR: f64 = 1e-5;

/// Subtracts the mean of each coordinate, divides by its standard deviation, scales and shifts.
///
/// With batch statistics the gradient flows through mean and variance: detaching either is another field.
/// The variance divides by n; the running one by n − 1 (Ioffe, Szegedy 2015).
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// Index of the scale among the network's parameters; the shift follows it.
    pub scale: usize,
    /// Index of the running mean among the network's buffers; the running variance follows it.
    pub buffer: usize,
    /// d.
    pub width: usize,
}

/// With what columns are normalized.
#[derive(Debug, Clone)]
struct Given {
    /// One for each of the equal blocks of rows.
    blocks: Vec<Moments>,
    /// Whether they are those of the rows at hand, so that the gradient flows through them.
    from_batch: bool,
    relu: bool,
}

impl BatchNorm {
    /// n × d → n × d; each of the pass's blocks of rows is normalized by itself.
    pub fn forward(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        self.finished(pass, x, false)
    }

    /// The same with a ReLU behind it, in one operation.
    pub fn forward_relu(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        self.finished(pass, x, true)
    }

    fn finished(&self, pass: &mut Pass<'_>, x: Tensor<2>, relu: bool) -> Tensor<2> {
        let given = match pass.statistics {
            Statistics::Batch => {
                let view = bridge::View::new(&x);
                let blocks = match x.dtype() {
                    burn::tensor::DType::F64 => self.observe::<f64>(pass, view.slice()),
                    _ => self.observe::<f32>(pass, view.slice()),
                };
                Given { blocks, from_batch: true, relu }
            }
            Statistics::Running(buffers) => {
                let of = |index: usize| bridge::to_f64(&buffers[index]);
                let running = Moments { mean: of(self.buffer), variance: of(self.buffer + 1) };
                Given { blocks: vec![running], from_batch: false, relu }
            }
        };
        let (scale, shift) = (pass.parameters[self.scale].clone(), pass.parameters[self.scale + 1].clone());
        let x = joined(x, &scale);
        let output =
            Dispatch::normalized(x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch(), Arc::new(given));
        Tensor::from_dispatch(output)
    }

    /// Mean and variance of each block of rows, remembered for the running averages.
    fn observe<T: Scalar>(&self, pass: &mut Pass<'_>, x: &[T]) -> Vec<Moments> {
        let blocks: Vec<Moments> =
            x.chunks_exact(x.len() / pass.blocks).map(|block| moments(block, self.width)).collect();
        let n = x.len() / self.width / pass.blocks;
        let unbiased = n as f64 / (n.max(2) - 1) as f64;
        let tensor = |values: &[f64], factor: f64| {
            bridge::tensor(values.iter().map(|v| T::from_f64(v * factor)).collect(), [self.width])
        };
        pass.observed.extend(blocks.iter().map(|block| Observed {
            buffer: self.buffer,
            mean: tensor(&block.mean, 1.0),
            variance: tensor(&block.variance, unbiased),
        }));
        blocks
    }
}

#[backend_extension(Flex, Autodiff)]
trait NormBackend: Backend {
    fn normalized(
        x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, given: Arc<Given>,
    ) -> FloatTensor<Self>;
}

impl NormBackend for Flex {
    fn normalized(x: Primitive, scale: Primitive, shift: Primitive, given: Arc<Given>) -> Primitive {
        let x = x.to_contiguous();
        let output = typed!(x, forward(&x, &scale.to_contiguous(), &shift.to_contiguous(), &given));
        given_back(x);
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
        let output = typed!(x, forward(&x, &scale, &shift, &given));
        match Normalize.prepare::<C>([of_x, of_scale, of_shift]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(Saved { x, scale, shift, output: output.clone(), given }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Normalize;

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

fn forward<T: Scalar>(x: &Primitive, scale: &Primitive, shift: &Primitive, given: &Given) -> Primitive {
    let (shape, x) = (x.layout().shape().to_vec(), numbers::<T>(x));
    let mut out = spare::take::<T>(x.len());
    each_block(given, numbers(scale), numbers(shift), x.len(), |norm, at| {
        norm.forward(&x[at.clone()], &mut out[at]);
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

/// Averages what a pass observed into running buffers, in the order of the pass.
pub fn update_running<T: Scalar>(buffers: &mut [Tensor<1>], observed: &[Observed]) {
    let (keep, take) = (T::from_f64(1.0 - MOMENTUM), T::from_f64(MOMENTUM));
    for seen in observed {
        for (index, value) in [(seen.buffer, &seen.mean), (seen.buffer + 1, &seen.variance)] {
            let value = bridge::View::new(value);
            bridge::modify(&mut buffers[index], |running: &mut [T]| {
                for (r, &v) in running.iter_mut().zip(value.slice::<T>()) {
                    *r = *r * keep + take * v;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
