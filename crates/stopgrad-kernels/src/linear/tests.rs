use super::*;
use crate::testing::{agree, normals, single, slopes};

const ACTIVATIONS: [Activation; 3] = [Activation::None, Activation::Relu, Activation::Gelu];

fn defined(x: &[f64], weight: &[f64], bias: &[f64], activation: Activation) -> Vec<f64> {
    let d = bias.len();
    let inputs = weight.len() / d;
    x.chunks_exact(inputs)
        .flat_map(|row| (0..d).map(move |j| bias[j] + (0..inputs).map(|i| row[i] * weight[i * d + j]).sum::<f64>()))
        .map(|value| match activation {
            Activation::None => value,
            Activation::Relu => value.max(0.0),
            Activation::Gelu => value * value.normal().0,
        })
        .collect()
}

#[test]
fn it_is_its_definition_and_gradients_are_slopes() {
    for (n, inputs, d) in [(1, 1, 1), (3, 7, 5), (70, 33, 300), (2, 1, 9)] {
        for activation in ACTIVATIONS {
            let (x, weight) = (normals(n * inputs, 1, 1.0), normals(inputs * d, 2, 1.0));
            let (bias, upstream) = (normals(d, 3, 1.0), normals(n * d, 4, 1.0));
            let wanted = defined(&x, &weight, &bias, activation);
            agree(&x, &wanted, 1e-5, |x, out: &mut Vec<f32>| {
                let (weight, bias) = (single(&weight), single(&bias));
                Linear { weight: &weight, bias: Some(&bias), outputs: d, activation }.forward(x, out, None);
            });
            let (mut out, mut before) = (vec![0.0; n * d], vec![0.0; n * d]);
            let layer = Linear { weight: &weight, bias: Some(&bias), outputs: d, activation };
            layer.forward(&x, &mut out, Some(&mut before));
            assert!(out.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12 * (1.0 + b.abs())));
            let kept = if activation == Activation::Gelu { &before } else { &out };
            let mut above = vec![0.0; n * d];
            let to_bias = through(activation, kept, &upstream, &mut above, d);
            let above = if activation == Activation::None { &upstream } else { &above };
            let run = |x: &[f64], weight: &[f64], bias: &[f64], out: &mut [f64]| {
                Linear { weight, bias: Some(bias), ..layer }.forward(x, out, None);
            };
            let mut gradient = vec![0.0; x.len()];
            layer.input_gradient(above, &mut gradient);
            slopes(&x, &gradient, &upstream, |x, out| run(x, &weight, &bias, out), 20.min(x.len()));
            let mut gradient = vec![0.0; weight.len()];
            weight_gradient(&x, above, d, &mut gradient);
            slopes(&weight, &gradient, &upstream, |weight, out| run(&x, weight, &bias, out), 20.min(weight.len()));
            slopes(&bias, &to_bias, &upstream, |bias, out| run(&x, &weight, bias, out), 20.min(d));
        }
    }
}

#[test]
fn without_a_bias_it_is_the_product_and_nan_passes() {
    for activation in ACTIVATIONS {
        let (mut with, mut without) = (vec![0.0; 6], vec![0.0; 6]);
        let (x, weight) = (normals(8, 5, 1.0), normals(12, 6, 1.0));
        let layer = Linear { weight: &weight, bias: Some(&[0.0; 3]), outputs: 3, activation };
        layer.forward(&x, &mut with, None);
        Linear { bias: None, ..layer }.forward(&x, &mut without, None);
        assert_eq!(with, without);
        let mut out = [0.0_f32];
        Linear { weight: &[1.0], bias: Some(&[0.0]), outputs: 1, activation }.forward(&[f32::NAN], &mut out, None);
        assert!(out[0].is_nan());
        let mut above = [0.0_f32];
        let sums = through(activation, &[1.0], &[f32::NAN], &mut above, 1);
        assert!(sums[0].is_nan());
    }
}

#[test]
fn threads_change_nothing() {
    let (n, d) = (300, 257);
    let upstream = single(&normals(n * d, 7, 1.0));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let mut out = vec![0.0; n * d];
        (pool.install(|| through(Activation::Gelu, &upstream, &upstream, &mut out, d)), out)
    };
    assert_eq!(run(1), run(3));
}
