//! Batch normalization, with or without the ReLU behind it, as a single operation of the framework with its own
//! backward pass: a function of (parameters, buffers, input).

mod operation;

use std::sync::Arc;

use burn::tensor::Tensor;
use stopgrad_kernels::norm::{Moments, moments};

use super::portable;
use super::{Observed, Pass, Statistics};
use crate::bridge;
use crate::device::on_cpu;
use crate::scalar::Scalar;

/// Share of a batch in the running averages (PyTorch's default).
pub const MOMENTUM: f64 = 0.1;
/// Added to the variance (PyTorch's default).
pub(super) const VARIANCE_FLOOR: f64 = 1e-5;

/// Subtracts the mean of each coordinate, divides by its standard deviation, scales and shifts.
///
/// With batch statistics the gradient flows through mean and variance: detaching either is another field.
/// The variance divides by n; the running one by n − 1 (Ioffe, Szegedy 2015).
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// Index of the scale among the network's parameters, which the shift follows; none: neither scaled nor shifted.
    pub scale: Option<usize>,
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

    /// The end of a residual block: the normalized rows plus `added`, with a ReLU behind the sum or none, in one operation.
    pub fn forward_onto(&self, pass: &mut Pass<'_>, x: Tensor<2>, added: Tensor<2>, relu: bool) -> Tensor<2> {
        if !on_cpu(&x) {
            return portable::normalized(self, pass, x, Some(added), relu);
        }
        let given = self.given(pass, &x, relu);
        let [scale, shift] = self.of(pass, &x);
        operation::normalized_onto(x, scale, shift, added, given)
    }

    fn finished(&self, pass: &mut Pass<'_>, x: Tensor<2>, relu: bool) -> Tensor<2> {
        if !on_cpu(&x) {
            return portable::normalized(self, pass, x, None, relu);
        }
        let given = self.given(pass, &x, relu);
        let [scale, shift] = self.of(pass, &x);
        operation::normalized(x, scale, shift, given)
    }

    /// Scale and shift; 1 and 0 in the type of x where there are none.
    fn of(&self, pass: &Pass<'_>, x: &Tensor<2>) -> [Tensor<1>; 2] {
        match self.scale {
            Some(scale) => [0, 1].map(|index| pass.parameters[scale + index].clone()),
            None => [1.0, 0.0].map(|value| bridge::constant(value, self.width, x)),
        }
    }

    fn given(&self, pass: &mut Pass<'_>, x: &Tensor<2>, relu: bool) -> Arc<Given> {
        Arc::new(match pass.statistics {
            Statistics::Batch => {
                let view = bridge::View::new(x);
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
        })
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
