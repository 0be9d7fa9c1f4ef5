//! Both ways to make a layer are the same function with the same gradients: here on the CPU, in f64.

use super::*;
use crate::bridge;
use crate::layer::{LayerNorm, affine, attention, convolution, max_pool};

fn numbers(length: usize, step: usize) -> Vec<f64> {
    (0..length).map(|i| ((i * step % 257) as f64 - 128.0) / 64.0).collect()
}

/// Output, gradients of x and of the parameters, and what batch norms saw, under a sum with unequal weights.
fn run(shape: [usize; 2], lengths: &[usize], layer: &dyn Fn(&mut Pass<'_>, Tensor<2>) -> Tensor<2>) -> Vec<Vec<f64>> {
    let x = bridge::tensor(numbers(shape[0] * shape[1], 7919), shape).autodiff().require_grad();
    let parameters: Vec<Tensor<1>> = lengths
        .iter()
        .map(|&length| bridge::tensor(numbers(length, 4271), [length]).autodiff().require_grad())
        .collect();
    let mut pass = Pass::new(&parameters, Statistics::Batch);
    pass.blocks = 2;
    let output = layer(&mut pass, x.clone());
    let weights = bridge::tensor(numbers(output.dims().iter().product(), 31), output.dims()).autodiff();
    let mut gradients = (output.clone() * weights).sum().backward();
    let mut all = vec![bridge::to_f64(&output), bridge::to_f64(&x.grad_remove(&mut gradients).expect("of x"))];
    for parameter in &parameters {
        all.push(bridge::to_f64(&parameter.grad_remove(&mut gradients).expect("of a parameter")));
    }
    all.extend(pass.observed.iter().flat_map(|seen| [&seen.mean, &seen.variance]).map(bridge::to_f64));
    all
}

fn agree(
    shape: [usize; 2], lengths: &[usize], ours: &dyn Fn(&mut Pass<'_>, Tensor<2>) -> Tensor<2>,
    theirs: &dyn Fn(&mut Pass<'_>, Tensor<2>) -> Tensor<2>,
) {
    let (ours, theirs) = (run(shape, lengths, ours), run(shape, lengths, theirs));
    assert_eq!(ours.len(), theirs.len());
    for (which, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours.len(), theirs.len(), "number {which}");
        let largest = theirs.iter().fold(1.0_f64, |largest, v| largest.max(v.abs()));
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() < 1e-11 * largest, "number {which}: {a} and {b}, the largest {largest}");
        }
    }
}

#[test]
fn matrices() {
    for (activation, bias) in
        [(Activation::None, false), (Activation::None, true), (Activation::Relu, true), (Activation::Gelu, true)]
    {
        let finish = Finish { bias, activation };
        let lengths = if bias { &[15, 5][..] } else { &[15] };
        let of = |pass: &Pass<'_>| {
            let weight = pass.parameters[0].clone();
            (weight.clone(), if bias { pass.parameters[1].clone() } else { weight })
        };
        let ours = |pass: &mut Pass<'_>, x| affine::affine(x, of(pass).0, of(pass).1, finish);
        agree([8, 3], lengths, &ours, &|pass, x| super::affine(x, of(pass).0, of(pass).1, finish));
    }
}

#[test]
fn filters() {
    for (side, stride) in [(3, 1), (3, 2), (1, 2), (7, 2)] {
        let geometry = Geometry { height: 7, width: 6, channels: 3, filters: 4, side, stride };
        agree(
            [2 * 42, 3],
            &[geometry.taps() * 4],
            &|pass, x| convolution::convolve(x, pass.parameters[0].clone(), geometry),
            &|pass, x| super::convolve(x, pass.parameters[0].clone(), geometry),
        );
    }
}

#[test]
fn batch_norms() {
    let norm = BatchNorm { scale: Some(0), buffer: 0, width: 5 };
    let plain = BatchNorm { scale: None, ..norm.clone() };
    for relu in [false, true] {
        agree(
            [8, 5],
            &[5, 5],
            &|pass, x| if relu { norm.forward_relu(pass, x) } else { norm.forward(pass, x) },
            &|pass, x| normalized(&norm, pass, x, None, relu),
        );
        agree([8, 5], &[5, 5], &|pass, x| norm.forward_onto(pass, x.clone(), x, relu), &|pass, x| {
            normalized(&norm, pass, x.clone(), Some(x), relu)
        });
    }
    agree([8, 5], &[], &|pass, x| plain.forward(pass, x), &|pass, x| normalized(&plain, pass, x, None, false));
    // Running statistics.
    let buffers = [bridge::tensor(numbers(5, 3), [5]), bridge::tensor(vec![0.5_f64; 5], [5])];
    let x: Tensor<2> = bridge::tensor(numbers(40, 7), [8, 5]);
    let parameters = [bridge::tensor(numbers(5, 11), [5]), bridge::tensor(numbers(5, 13), [5])];
    let mut pass = Pass::new(&parameters, Statistics::Running(&buffers));
    let ours = bridge::to_f64(&norm.forward(&mut pass, x.clone()));
    let theirs = bridge::to_f64(&normalized(&norm, &mut pass, x, None, false));
    assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-12) && pass.observed.is_empty());
}

#[test]
fn layer_norms() {
    let layer = LayerNorm { scale: 0 };
    agree([8, 5], &[5, 5], &|pass, x| layer.forward(pass, x), &|pass, x| {
        super::layer_norm(x, pass.parameters[0].clone(), pass.parameters[1].clone())
    });
}

#[test]
fn heads() {
    let geometry = Heads { tokens: 5, heads: 3, width: 2 };
    agree([20, 18], &[], &|_, x| attention::attend(x, geometry), &|_, x| super::attend(x, geometry));
}

#[test]
fn largest_pixels() {
    let geometry = Pooling { height: 7, width: 6, channels: 3 };
    agree([84, 3], &[], &|_, x| max_pool::largest(x, geometry), &|_, x| super::largest(x, geometry));
}
