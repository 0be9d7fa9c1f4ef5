//! A residual block, and its sum, with or without a ReLU behind it, as a single operation of the framework.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, activation};
use rayon::prelude::*;

use super::primitive::{Primitive, given_back, numbers, primitive, typed};
use super::{Layer, Pass};
use crate::device::on_cpu;
use crate::scalar::Scalar;
use crate::spare;

/// Numbers that a task takes.
const CHUNK: usize = 1 << 15;

/// main(x) + shortcut(x), with a ReLU behind it or none: what layers add to their input (He et al. 2016, arXiv:1512.03385,
/// equation 2).
#[derive(Debug, Clone)]
pub struct Residual {
    /// What is added.
    pub main: Vec<Layer>,
    /// What it is added to; none: x itself.
    pub shortcut: Vec<Layer>,
    /// Whether a ReLU follows.
    pub relu: bool,
}

impl Residual {
    /// n × `d_in` → n × `d_out`. Cost: that of both lists of layers, and one pass over n × `d_out`.
    pub fn forward(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        if let Some((Layer::BatchNorm(norm), before)) = self.main.split_last() {
            let added = Layer::sequence(before, pass, x.clone());
            let kept = Layer::sequence(&self.shortcut, pass, x);
            return norm.forward_onto(pass, added, kept, self.relu);
        }
        let added = Layer::sequence(&self.main, pass, x.clone());
        let kept = Layer::sequence(&self.shortcut, pass, x);
        sum_of(added, kept, self.relu)
    }
}

/// a + b, with a ReLU behind it or none.
fn sum_of(a: Tensor<2>, b: Tensor<2>, relu: bool) -> Tensor<2> {
    if on_cpu(&a) {
        return Tensor::from_dispatch(Dispatch::sum_of(a.into_dispatch(), b.into_dispatch(), relu));
    }
    if relu { activation::relu(a + b) } else { a + b }
}

#[backend_extension(Flex, Autodiff)]
trait SumBackend: Backend {
    fn sum_of(a: FloatTensor<Self>, b: FloatTensor<Self>, relu: bool) -> FloatTensor<Self>;
}

impl SumBackend for Flex {
    fn sum_of(a: Primitive, b: Primitive, relu: bool) -> Primitive {
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let output = typed!(a, forward(&a, &b, relu));
        given_back(a);
        given_back(b);
        output
    }
}

impl<C: CheckpointStrategy> SumBackend for Autodiff<Flex, C> {
    fn sum_of(a: FloatTensor<Self>, b: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let ((a, of_a), (b, of_b)) = (a.into_parts(), b.into_parts());
        let output = Flex::sum_of(a, b, relu);
        match Sum.prepare::<C>([of_a, of_b]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(relu.then(|| output.clone()), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Sum;

impl Backward<Flex, 2> for Sum {
    /// The output of a ReLU: what it let through says where the gradient goes.
    type State = Option<Primitive>;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let passed = match ops.state {
            Some(output) => {
                let passed = typed!(output, through_relu(&output, &upstream));
                given_back(output);
                given_back(upstream);
                passed
            }
            None => upstream,
        };
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<Flex>(node.id, passed.clone());
        }
    }
}

/// a + b or max(0, a + b), written so that a NaN stays one.
fn forward<T: Scalar>(a: &Primitive, b: &Primitive, relu: bool) -> Primitive {
    let zero = T::from_f64(0.0);
    if !relu {
        return each(a, b, |a: T, b: T| a.plus(b));
    }
    each(a, b, |a: T, b: T| {
        let sum = a.plus(b);
        if sum <= zero { zero } else { sum }
    })
}

/// What a ReLU with this output lets through of a gradient.
pub(super) fn through_relu<T: Scalar>(output: &Primitive, upstream: &Primitive) -> Primitive {
    let zero = T::from_f64(0.0);
    each(output, upstream, |output: T, upstream: T| if output <= zero { zero } else { upstream })
}

/// A function of two numbers, on all of two tensors of one shape.
fn each<T: Scalar>(a: &Primitive, b: &Primitive, of: impl Fn(T, T) -> T + Sync) -> Primitive {
    let (shape, a, b) = (a.layout().shape().to_vec(), numbers::<T>(a), numbers::<T>(b));
    let mut out = spare::take::<T>(a.len());
    out.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((out, a), b)| {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = of(a, b);
        }
    });
    primitive(out, shape)
}

#[cfg(test)]
mod tests {
    use burn::tensor::activation::relu;

    use super::*;
    use crate::bridge;
    use crate::layer::Statistics;

    type Way<'a> = &'a dyn Fn(Tensor<2>, Tensor<2>) -> Tensor<2>;

    fn input(step: usize) -> Tensor<2> {
        let values = (0..35).map(|i| ((i * step % 23) as f64 - 11.0) / 8.0).collect();
        bridge::tensor::<f64, 2>(values, [7, 5]).autodiff().require_grad()
    }

    #[test]
    fn values_and_gradients_are_those_of_the_framework() {
        let run = |way: Way<'_>| {
            let (a, b) = (input(7), input(5));
            let output = way(a.clone(), b.clone());
            let mut gradients = (output.clone() * output.clone()).sum().backward();
            let mut of = |x: Tensor<2>| bridge::to_f64(&x.grad_remove(&mut gradients).expect("a gradient"));
            [of(a), of(b), bridge::to_f64(&output.inner())]
        };
        assert_eq!(run(&|a, b| sum_of(a, b, true)), run(&|a, b| relu(a + b)));
        assert_eq!(run(&|a, b| sum_of(a, b, false)), run(&|a, b| a + b));
    }

    #[test]
    fn a_block_without_layers_doubles_its_input_and_its_gradient() {
        let block = Residual { main: Vec::new(), shortcut: Vec::new(), relu: true };
        let x = input(3);
        let output = block.forward(&mut Pass::new(&[], Statistics::Batch), x.clone());
        let mut gradients = output.clone().sum().backward();
        let given = bridge::to_f64(&x.clone().inner());
        let doubled: Vec<f64> = given.iter().map(|v| (2.0 * v).max(0.0)).collect();
        assert_eq!(bridge::to_f64(&output.inner()), doubled);
        let slopes: Vec<f64> = given.iter().map(|&v| if v > 0.0 { 2.0 } else { 0.0 }).collect();
        assert_eq!(bridge::to_f64(&x.grad_remove(&mut gradients).expect("a gradient")), slopes);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let x = bridge::tensor::<f32, 2>(vec![f32::NAN, 1.0], [1, 2]);
        let block = Residual { main: Vec::new(), shortcut: Vec::new(), relu: true };
        let output = bridge::to_f32(&block.forward(&mut Pass::new(&[], Statistics::Batch), x));
        assert!(output[0].is_nan() && output[1] > 1.9, "{output:?}");
    }
}
