use super::*;

const D: usize = 5;

/// Rows enough for several blocks, columns far from 0 and of different widths.
fn rows(n: usize) -> Vec<f64> {
    let wave = |i: usize, j: usize| ((1 + 3 * i + 7 * j + i * j) as f64).sin();
    (0..n * D).map(|at| 100.0 * (at % D) as f64 + (1.0 + (at % D) as f64) * wave(at / D, at % D)).collect()
}

fn column(x: &[f64], j: usize) -> impl Iterator<Item = f64> {
    x.iter().skip(j).step_by(D).copied()
}

#[test]
fn moments_are_those_of_the_columns() {
    for n in [1, 7, 20_000] {
        let x = rows(n);
        let found = moments(&x, D);
        for j in 0..D {
            let mean = column(&x, j).sum::<f64>() / n as f64;
            let variance = column(&x, j).map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64;
            assert!((found.mean[j] - mean).abs() < 1e-11 * mean.abs().max(1.0), "{n}: {} {mean}", found.mean[j]);
            assert!((found.variance[j] - variance).abs() < 1e-10, "{n}: {} {variance}", found.variance[j]);
        }
    }
    // In single precision the mean of 4e2 would drown a variance of 10 in squares of the numbers themselves.
    let x: Vec<f32> = rows(20_000).into_iter().map(|v| v as f32).collect();
    let (single, double) = (moments(&x, D), moments(&rows(20_000), D));
    assert!(single.variance.iter().zip(&double.variance).all(|(s, d)| (s / d - 1.0).abs() < 1e-4));
}

/// Loss Σ w · out, as a function of x.
fn loss(
    x: &[f64], weights: &[f64], relu: bool, (scale, shift): (&[f64], &[f64]),
) -> (f64, Vec<f64>, Vec<f64>, Vec<f64>) {
    let found = moments(x, D);
    let inverse_deviation: Vec<f64> = found.variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
    let norm = Norm { mean: &found.mean, inverse_deviation: &inverse_deviation, scale, shift, relu };
    let mut out = vec![f64::NAN; x.len()];
    norm.forward(x, None, &mut out);
    let sums = norm.sums(x, &out, weights);
    let mut gradient = vec![f64::NAN; x.len()];
    norm.backward(x, &out, weights, &sums, &mut gradient);
    (out.iter().zip(weights).map(|(o, w)| o * w).sum(), gradient, sums.scale, sums.shift)
}

#[test]
fn gradients_are_those_of_differences() {
    let x = rows(9);
    let weights: Vec<f64> = (0..x.len()).map(|i| ((i * 7 % 5) as f64 - 2.0) / 3.0).collect();
    let (scale, shift) = (vec![1.0, -0.5, 2.0, 0.3, 1.5], vec![0.1, 0.4, -0.2, 0.0, 0.3]);
    for relu in [false, true] {
        let at = |x: &[f64], scale: &[f64], shift: &[f64]| loss(x, &weights, relu, (scale, shift)).0;
        let (_, to_x, to_scale, to_shift) = loss(&x, &weights, relu, (&scale, &shift));
        let step = 1e-6;
        let moved = |values: &[f64], i: usize, by: f64| {
            let mut values = values.to_vec();
            values[i] += by;
            values
        };
        for (i, of_x) in to_x.iter().enumerate() {
            let slope = at(&moved(&x, i, step), &scale, &shift) - at(&moved(&x, i, -step), &scale, &shift);
            assert!((slope / (2.0 * step) - of_x).abs() < 1e-6, "x[{i}]: {} {of_x}", slope / (2.0 * step));
        }
        for j in 0..D {
            let slope = at(&x, &moved(&scale, j, step), &shift) - at(&x, &moved(&scale, j, -step), &shift);
            assert!((slope / (2.0 * step) - to_scale[j]).abs() < 1e-6, "scale[{j}]");
            let slope = at(&x, &scale, &moved(&shift, j, step)) - at(&x, &scale, &moved(&shift, j, -step));
            assert!((slope / (2.0 * step) - to_shift[j]).abs() < 1e-6, "shift[{j}]");
        }
    }
}

#[test]
fn what_is_not_a_number_stays_visible_and_threads_change_no_bit() {
    let norm = Norm { mean: &[0.0_f32], inverse_deviation: &[1.0], scale: &[1.0], shift: &[0.0], relu: true };
    let mut out = [0.0; 2];
    norm.forward(&[f32::NAN, -1.0], None, &mut out);
    assert!(out[0].is_nan() && out[1] == 0.0);

    let x: Vec<f32> = rows(30_000).into_iter().map(|v| v as f32).collect();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| moments(&x, D))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_is_added_comes_before_the_relu() {
    let n = 20_000;
    let (x, added) = (rows(n), rows(n).into_iter().rev().map(|v| v / 100.0 - 2.0).collect::<Vec<_>>());
    let ones = [1.0; D];
    let found = moments(&x, D);
    for relu in [false, true] {
        let norm = Norm { mean: &found.mean, inverse_deviation: &ones, scale: &ones, shift: &[0.5; D], relu };
        let (mut sum, mut alone) = (vec![f64::NAN; x.len()], vec![f64::NAN; x.len()]);
        norm.forward(&x, Some(&added), &mut sum);
        Norm { relu: false, ..norm }.forward(&x, None, &mut alone);
        let wanted = alone.iter().zip(&added).map(|(a, b)| if relu { (a + b).max(0.0) } else { a + b });
        assert!(sum.iter().zip(wanted).all(|(sum, wanted)| (sum - wanted).abs() < 1e-12));
    }
}
