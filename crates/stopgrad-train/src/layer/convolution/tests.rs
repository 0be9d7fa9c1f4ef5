use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use super::*;
use crate::bridge;

fn values(count: usize, step: usize) -> Vec<f64> {
    (0..count).map(|i| ((i * step % 23) as f64 - 11.0) / 8.0).collect()
}

/// The same convolution by the framework, which stores planes.
fn by_the_framework(x: Tensor<2>, weight: Tensor<1>, g: Geometry) -> Tensor<2> {
    let n = x.dims()[0] / (g.height * g.width);
    let planes = x.reshape([n, g.height, g.width, g.channels]).permute([0, 3, 1, 2]);
    let filters = weight.reshape([g.side, g.side, g.channels, g.filters]).permute([3, 2, 0, 1]);
    let pad = [g.side / 2, g.side / 2];
    let out = conv2d(planes, filters, None, ConvOptions::new([g.stride, g.stride], pad, [1, 1], 1));
    out.permute([0, 2, 3, 1]).reshape([n * g.out_height() * g.out_width(), g.filters])
}

#[test]
fn values_and_gradients_are_those_of_the_framework() {
    for (side, stride) in [(3, 1), (3, 2), (1, 1)] {
        let g = Geometry { height: 6, width: 5, channels: 2, filters: 3, side, stride };
        let run = |build: &dyn Fn(Tensor<2>, Tensor<1>) -> Tensor<2>| {
            let x = bridge::tensor::<f64, 2>(values(4 * g.image(), 7), [4 * g.height * g.width, 2]);
            let x = x.autodiff().require_grad();
            let length = g.taps() * g.filters;
            let weight = bridge::tensor::<f64, 1>(values(length, 5), [length]).autodiff().require_grad();
            let output = build(x.clone(), weight.clone());
            let mut gradients = (output.clone() * output.clone()).sum().backward();
            let of = |gradient: Option<Tensor<2>>| bridge::to_f64(&gradient.expect("a gradient"));
            let to_weight = bridge::to_f64(&weight.grad_remove(&mut gradients).expect("a gradient"));
            [bridge::to_f64(&output.inner()), of(x.grad_remove(&mut gradients)), to_weight]
        };
        // Multiples of 1/64 and small: both ways are exact.
        assert_eq!(run(&|x, w| convolve(x, w, g)), run(&|x, w| by_the_framework(x, w, g)), "{g:?}");
    }
}

#[test]
fn planes_become_pixels_and_pixels_their_mean() {
    // Two images of 2 channels and 3 pixels.
    let x = bridge::tensor((0..12_u8).map(f32::from).collect(), [2, 6]);
    let pixels = to_pixels(x, 2);
    assert_eq!(bridge::to_f32(&pixels), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0, 7.0, 10.0, 8.0, 11.0]);
    assert_eq!(bridge::to_f32(&mean_of_pixels(pixels, 3)), [1.0, 4.0, 7.0, 10.0]);
}
