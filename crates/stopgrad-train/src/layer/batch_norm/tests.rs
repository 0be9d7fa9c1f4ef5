use burn::tensor::activation;

use super::*;

const D: usize = 3;

fn values(count: usize, step: usize) -> Vec<f64> {
    (0..count).map(|i| ((i * step % 23) as f64 - 11.0) / 8.0).collect()
}

fn layer() -> BatchNorm {
    BatchNorm { scale: Some(0), buffer: 0, width: D }
}

/// Put together from the framework's operations.
fn by_the_framework(pass: &Pass<'_>, x: Tensor<2>, relu: bool) -> Tensor<2> {
    let [rows, width] = x.dims();
    let x = x.reshape([pass.blocks, rows / pass.blocks, width]);
    let parameter = |index: usize| pass.parameters[index].clone().reshape([1, 1, width]);
    let (centered, variance) = match pass.statistics {
        Statistics::Batch => {
            let centered = x.clone() - x.mean_dim(1);
            (centered.clone(), (centered.clone() * centered).mean_dim(1))
        }
        Statistics::Running(buffers) => {
            let buffer = |index: usize| buffers[index].clone().reshape([1, 1, width]);
            (x - buffer(0), buffer(1))
        }
    };
    let out = (centered / (variance + VARIANCE_FLOOR).sqrt() * parameter(0) + parameter(1)).reshape([rows, width]);
    if relu { activation::relu(out) } else { out }
}

#[test]
fn values_and_gradients_are_those_of_the_framework() {
    let running = [bridge::tensor(values(D, 5), [D]), bridge::tensor(vec![0.5, 2.0, 1.0], [D])];
    for (statistics, blocks) in [(Statistics::Batch, 1), (Statistics::Batch, 2), (Statistics::Running(&running), 2)] {
        for relu in [false, true] {
            let run = |ours: bool| {
                let leaf = |v, n: usize| bridge::tensor::<f64, 1>(v, [n]).autodiff().require_grad();
                let parameters = [leaf(values(D, 9), D), leaf(values(D, 4), D)];
                let x = bridge::tensor::<f64, 2>(values(8 * D, 7), [8, D]).autodiff().require_grad();
                let mut pass = Pass { blocks, ..Pass::new(&parameters, statistics) };
                let output = match (ours, relu) {
                    (false, _) => by_the_framework(&pass, x.clone(), relu),
                    (true, true) => layer().forward_relu(&mut pass, x.clone()),
                    (true, false) => layer().forward(&mut pass, x.clone()),
                };
                let weights = bridge::tensor::<f64, 2>(values(8 * D, 3), [8, D]).autodiff();
                let mut gradients = (output.clone() * weights).sum().backward();
                let of_x = bridge::to_f64(&x.grad_remove(&mut gradients).expect("a gradient"));
                let of: Vec<Vec<f64>> = parameters
                    .iter()
                    .map(|p| bridge::to_f64(&p.grad_remove(&mut gradients).expect("a gradient")))
                    .collect();
                [vec![bridge::to_f64(&output.inner()), of_x], of].concat().concat()
            };
            for (ours, theirs) in run(true).iter().zip(run(false)) {
                assert!((ours - theirs).abs() < 1e-12, "{statistics:?} {blocks} {relu}: {ours} {theirs}");
            }
        }
    }
}

#[test]
fn each_block_is_observed_with_the_unbiased_variance() {
    let parameters = [bridge::tensor(vec![1.0_f32], [1]), bridge::tensor(vec![0.0_f32], [1])];
    let mut pass = Pass { blocks: 2, ..Pass::new(&parameters, Statistics::Batch) };
    let norm = BatchNorm { scale: Some(0), buffer: 4, width: 1 };
    let _ = norm.forward(&mut pass, bridge::tensor(vec![1.0_f32, 3.0, 10.0, 10.0], [4, 1]));
    let told: Vec<_> =
        pass.observed.iter().map(|o| (o.buffer, bridge::to_f32(&o.mean), bridge::to_f32(&o.variance))).collect();
    assert_eq!(told, [(4, vec![2.0], vec![2.0]), (4, vec![10.0], vec![0.0])]);
}
