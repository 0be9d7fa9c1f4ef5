//! The layers put together from the framework's operations, for devices on which our kernels do not run.
//!
//! Matrices and filters that come in half precision are multiplied in it; everything else is in single precision.

use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Tensor, activation};
use stopgrad_kernels::attention::Geometry as Heads;
use stopgrad_kernels::convolution::Geometry;
use stopgrad_kernels::linear::Activation;
use stopgrad_kernels::max_pool::Geometry as Pooling;

use super::affine::Finish;
use super::batch_norm::{BatchNorm, VARIANCE_FLOOR};
use super::layer_norm;
use super::primitive::joined;
use super::{Observed, Pass, Statistics};

/// activation(x W + b).
pub(super) fn affine(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, finish: Finish) -> Tensor<2> {
    let [inputs, length] = [x.dims()[1], weight.dims()[0]];
    let weight = weight.reshape([inputs, length / inputs]);
    let product = single(as_weight(x, weight.dtype()).matmul(weight));
    let sum = if finish.bias { product + bias.unsqueeze::<2>() } else { product };
    match finish.activation {
        Activation::None => sum,
        Activation::Relu => activation::relu(sum),
        Activation::Gelu => activation::gelu(sum),
    }
}

/// Images of pixels through filters.
pub(super) fn convolve(x: Tensor<2>, weight: Tensor<1>, geometry: Geometry) -> Tensor<2> {
    let Geometry { height, width, channels, filters, side, stride } = geometry;
    let n = x.dims()[0] / (height * width);
    let weight = weight.reshape([side, side, channels, filters]).permute([3, 2, 0, 1]);
    let planes = as_weight(x, weight.dtype()).reshape([n, height, width, channels]).permute([0, 3, 1, 2]);
    let options = ConvOptions::new([stride; 2], [side / 2; 2], [1, 1], 1);
    let out = single(conv2d(planes, weight, None, options));
    let [_, _, down, across] = out.dims();
    out.permute([0, 2, 3, 1]).reshape([n * down * across, filters])
}

/// Rows normalized by their block's statistics or by running ones, plus what they are added to, with a ReLU or none.
pub(super) fn normalized(
    norm: &BatchNorm, pass: &mut Pass<'_>, x: Tensor<2>, added: Option<Tensor<2>>, relu: bool,
) -> Tensor<2> {
    let ([rows, d], blocks) = (x.dims(), pass.blocks);
    let x = norm.scale.map_or(x.clone(), |scale| joined(x, &pass.parameters[scale]));
    let normal = match pass.statistics {
        Statistics::Batch => {
            let x = x.reshape([blocks, rows / blocks, d]);
            let mean = x.clone().mean_dim(1);
            let centered = x - mean.clone();
            let variance = (centered.clone() * centered.clone()).mean_dim(1);
            observe(norm.buffer, pass, (&mean, &variance), rows / blocks);
            (centered / (variance + VARIANCE_FLOOR).sqrt()).reshape([rows, d])
        }
        Statistics::Running(buffers) => {
            let [mean, variance] =
                [0, 1].map(|index| joined(buffers[norm.buffer + index].clone().unsqueeze::<2>(), &x));
            (x - mean) / (variance + VARIANCE_FLOOR).sqrt()
        }
    };
    let scaled = match norm.scale {
        Some(scale) => {
            let of = |index: usize| pass.parameters[index].clone().unsqueeze::<2>();
            normal * of(scale) + of(scale + 1)
        }
        None => normal,
    };
    let sum = added.map_or(scaled.clone(), |added| scaled + added);
    if relu { activation::relu(sum) } else { sum }
}

/// What each block had, for the running averages.
fn observe(buffer: usize, pass: &mut Pass<'_>, (mean, variance): (&Tensor<3>, &Tensor<3>), n: usize) {
    let [blocks, _, d] = mean.dims();
    let unbiased = n as f64 / (n.max(2) - 1) as f64;
    let of = |tensor: &Tensor<3>, block: usize| tensor.clone().inner().narrow(0, block, 1).reshape([d]);
    pass.observed.extend((0..blocks).map(|block| Observed {
        buffer,
        mean: of(mean, block),
        variance: of(variance, block) * unbiased,
    }));
}

/// Each row less its mean, over its deviation, then scaled and shifted.
pub(super) fn layer_norm(x: Tensor<2>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<2> {
    let centered = x.clone() - x.mean_dim(1);
    let variance = (centered.clone() * centered.clone()).mean_dim(1);
    let normal = centered / (variance + layer_norm::VARIANCE_FLOOR).sqrt();
    normal * scale.unsqueeze::<2>() + shift.unsqueeze::<2>()
}

/// softmax(q kᵀ / √c) v in every head.
pub(super) fn attend(x: Tensor<2>, geometry: Heads) -> Tensor<2> {
    let Heads { tokens, heads, width } = geometry;
    let rows = x.dims()[0];
    let parts = x.reshape([rows / tokens, tokens, 3, heads, width]).permute([2, 0, 3, 1, 4]);
    let of = |part: usize| parts.clone().narrow(0, part, 1).reshape([rows / tokens, heads, tokens, width]);
    let scores = of(0).matmul(of(1).transpose()) * (1.0 / (width as f64).sqrt());
    activation::softmax(scores, 3).matmul(of(2)).permute([0, 2, 1, 3]).reshape([rows, heads * width])
}

/// The largest of 3 × 3 pixels at every second one.
pub(super) fn largest(x: Tensor<2>, geometry: Pooling) -> Tensor<2> {
    let Pooling { height, width, channels } = geometry;
    let n = x.dims()[0] / (height * width);
    let planes = x.reshape([n, height, width, channels]).permute([0, 3, 1, 2]);
    let options = MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
    let out = max_pool2d(planes, options);
    let [_, _, down, across] = out.dims();
    out.permute([0, 2, 3, 1]).reshape([n * down * across, channels])
}

fn as_weight<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}

fn single<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.dtype() == DType::F16 { x.cast(DType::F32) } else { x }
}

#[cfg(test)]
mod tests;
