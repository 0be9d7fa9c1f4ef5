use burn::tensor::activation;

use super::*;
use crate::bridge;

fn values<T: Scalar>(count: usize, step: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64(((i * step % 23) as f64 - 11.0) / 8.0)).collect()
}

/// Output, and gradients of Σ output² by input, weight and bias.
fn run<T: Scalar>(build: impl Fn(Tensor<2>, Tensor<1>, Tensor<1>) -> Tensor<2>) -> [Vec<f64>; 4] {
    let (n, inputs, outputs) = (5, 4, 3);
    let leaf = |values, shape: usize| bridge::tensor::<T, 1>(values, [shape]).autodiff().require_grad();
    let x = bridge::tensor::<T, 2>(values(n * inputs, 7), [n, inputs]).autodiff().require_grad();
    let (weight, bias) = (leaf(values(inputs * outputs, 5), inputs * outputs), leaf(values(outputs, 3), outputs));
    let output = build(x.clone(), weight.clone(), bias.clone());
    let mut gradients = (output.clone() * output.clone()).sum().backward();
    let of_bias = bias.grad_remove(&mut gradients).map(|g| bridge::to_f64(&g)).unwrap_or_default();
    let of_x = bridge::to_f64(&x.grad_remove(&mut gradients).expect("a gradient"));
    let of_weight = bridge::to_f64(&weight.grad_remove(&mut gradients).expect("a gradient"));
    [bridge::to_f64(&output.inner()), of_x, of_weight, of_bias]
}

fn by_the_framework(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, finish: Finish) -> Tensor<2> {
    let product = x.matmul(weight.reshape([4, 3]));
    let sum = if finish.bias { product + bias.reshape([1, 3]) } else { product };
    match finish.activation {
        Activation::None => sum,
        Activation::Relu => activation::relu(sum),
        Activation::Gelu => activation::gelu(sum),
    }
}

/// All but GELU, whose numbers are rounded.
fn exact() -> impl Iterator<Item = Finish> {
    [(false, Activation::None), (true, Activation::None), (true, Activation::Relu), (false, Activation::Relu)]
        .into_iter()
        .map(|(bias, activation)| Finish { bias, activation })
}

#[test]
fn gelu_and_its_gradients_are_those_of_the_framework() {
    for bias in [false, true] {
        let finish = Finish { bias, activation: Activation::Gelu };
        let expected = run::<f64>(|x, w, b| by_the_framework(x, w, b, finish));
        let have = run::<f64>(|x, w, b| affine(x, w, b, finish));
        for (have, want) in have.iter().flatten().zip(expected.iter().flatten()) {
            assert!((have - want).abs() < 1e-9 * (1.0 + want.abs()), "{have} for {want}");
        }
    }
}

#[test]
fn values_and_gradients_are_those_of_the_framework() {
    for finish in exact() {
        // All numbers are multiples of 1/8 and small: both ways are exact.
        let expected = run::<f64>(|x, w, b| by_the_framework(x, w, b, finish));
        assert!(expected[0].iter().any(|&v| v > 0.0), "some of it passes");
        assert_eq!(run::<f64>(|x, w, b| affine(x, w, b, finish)), expected, "{finish:?}");
        assert_eq!(run::<f32>(|x, w, b| affine(x, w, b, finish)), expected, "{finish:?}, f32");
    }
}

#[test]
fn without_a_graph_the_numbers_are_the_same() {
    let plain = |finish| {
        let x = bridge::tensor::<f32, 2>(values(20, 7), [5, 4]);
        let (weight, bias) =
            (bridge::tensor::<f32, 1>(values(12, 5), [12]), bridge::tensor::<f32, 1>(values(3, 3), [3]));
        bridge::to_f64(&affine(x, weight, bias, finish))
    };
    for finish in exact() {
        assert_eq!(plain(finish), run::<f32>(|x, w, b| affine(x, w, b, finish))[0]);
    }
}

#[test]
fn an_input_outside_the_graph_gets_no_gradient_and_gives_one() {
    let x = bridge::tensor::<f32, 2>(values(20, 7), [5, 4]);
    let weight = bridge::tensor::<f32, 1>(values(12, 5), [12]).autodiff().require_grad();
    let bias = bridge::tensor::<f32, 1>(values(3, 3), [3]).autodiff().require_grad();
    let output = affine(x, weight.clone(), bias.clone(), Finish { bias: true, activation: Activation::Relu });
    let mut gradients = (output.clone() * output).sum().backward();
    let [_, _, of_weight, of_bias] =
        run::<f32>(|x, w, b| affine(x, w, b, Finish { bias: true, activation: Activation::Relu }));
    assert_eq!(bridge::to_f64(&weight.grad_remove(&mut gradients).expect("a gradient")), of_weight);
    assert_eq!(bridge::to_f64(&bias.grad_remove(&mut gradients).expect("a gradient")), of_bias);
}

#[test]
fn what_is_not_a_number_stays_visible() {
    let x = bridge::tensor(vec![f32::NAN], [1, 1]);
    let one = bridge::tensor(vec![1.0_f32], [1]);
    assert!(
        bridge::to_f64(&affine(x, one.clone(), one, Finish { bias: true, activation: Activation::Relu }))[0].is_nan()
    );
}
