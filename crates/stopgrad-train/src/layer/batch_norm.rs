//! Batch normalization, as functions of (parameters, buffers, input).

use burn::tensor::Tensor;

use super::{Observed, Pass, Statistics};
use crate::bridge;
use crate::scalar::Scalar;

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

impl BatchNorm {
    /// n × d → n × d; each of the pass's blocks of rows is normalized by itself.
    pub fn forward(&self, pass: &mut Pass<'_>, x: Tensor<2>) -> Tensor<2> {
        let [rows, width] = x.dims();
        let parameter = |index: usize| pass.parameters[index].clone().reshape([1, 1, width]);
        let (scale, shift) = (parameter(self.scale), parameter(self.scale + 1));
        let x = x.reshape([pass.blocks, rows / pass.blocks, width]);
        let (centered, variance) = match pass.statistics {
            Statistics::Batch => {
                let mean = x.clone().mean_dim(1);
                let centered = x - mean.clone();
                let variance = (centered.clone() * centered.clone()).mean_dim(1);
                self.observe(pass, &mean.inner(), &variance.clone().inner(), rows / pass.blocks);
                (centered, variance)
            }
            Statistics::Running(buffers) => {
                let buffer = |index: usize| buffers[index].clone().reshape([1, 1, width]);
                (x - buffer(self.buffer), buffer(self.buffer + 1))
            }
        };
        let normalized = centered / (variance + VARIANCE_FLOOR).sqrt() * scale + shift;
        normalized.reshape([rows, width])
    }

    /// Remembers mean and variance, blocks × 1 × d, of each block of `n` rows.
    fn observe(&self, pass: &mut Pass<'_>, mean: &Tensor<3>, variance: &Tensor<3>, n: usize) {
        let unbiased = n as f64 / (n.max(2) - 1) as f64;
        for block in 0..pass.blocks {
            let of = |t: &Tensor<3>| t.clone().narrow(0, block, 1).reshape([self.width]);
            pass.observed.push(Observed { buffer: self.buffer, mean: of(mean), variance: of(variance) * unbiased });
        }
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
                    *r = scaled(*r, keep).add_product(take, v);
                }
            });
        }
    }
}

fn scaled<T: Scalar>(value: T, by: T) -> T {
    T::from_f64(0.0).add_product(value, by)
}
