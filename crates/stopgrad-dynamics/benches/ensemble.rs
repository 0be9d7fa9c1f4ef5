//! Seconds for an ensemble of stop-gradient flows (n = 8, m = 4, time 50, rtol 1e-8, atol 1e-10), and for the scalar
//! experiment of 10,000 trials (m = 1, n = 4, to the same tolerance).
//!
//! `cargo bench -p stopgrad-dynamics --bench ensemble [-- FILE]`; with FILE the system, the starts and our ends are
//! written there as little-endian f64 for `benches/ensemble_peers.py`, which gives other programs the same work.

#![allow(clippy::print_stdout)] // a bench speaks to a person

use std::borrow::Cow;
use std::time::Instant;

use faer::Mat;
use stopgrad_dynamics::ensemble::{EnsembleParams, Trial, Trials, integrate_ensemble};
use stopgrad_dynamics::scalar::{ScalarParams, run_scalar};
use stopgrad_dynamics::{Field, LinearField, Moments};

const N: usize = 8;
const M: usize = 4;
const COUNT: usize = 2048;
const REPEATS: usize = 9;

/// Numbers that a reader can make again: the fractional parts of multiples of √2, to (−1, 1).
fn spread(k: usize) -> f64 {
    2.0 * (k as f64 * std::f64::consts::SQRT_2).fract() - 1.0
}

struct Starts(LinearField);

impl Trials for Starts {
    fn count(&self) -> usize {
        COUNT
    }
    fn draw(&self, index: usize) -> Trial<'_> {
        let size = N * M + N * N;
        let start = (0..size).map(|k| spread(1 + index * size + k)).collect();
        Trial { field: Cow::Borrowed(&self.0), start }
    }
}

fn main() {
    let xx = Mat::from_fn(M, M, |i, j| if i == j { 1.0 } else { 0.2 });
    let yx = Mat::from_fn(M, M, |i, j| if i == j { 0.9 - 0.1 * i as f64 } else { 0.1 * spread(i * M + j) });
    let field = LinearField::new(Field::StopGradient, Moments::unchecked(xx, yx, None), N, 0.02).expect("a field");
    let starts = Starts(field);
    let params = EnsembleParams { end_time: 50.0, ..EnsembleParams::default() };
    let mut seconds: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let before = Instant::now();
            std::hint::black_box(integrate_ensemble(&starts, &params));
            before.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let ends = integrate_ensemble(&starts, &params);
    let (steps, rejected) = ends.iter().fold((0, 0), |sum, end| (sum.0 + end.steps, sum.1 + end.rejected));
    let median = seconds[REPEATS / 2];
    let alone = std::env::args().any(|argument| argument == "--ensemble-only");
    for kind in Field::ALL.into_iter().filter(|_| !alone) {
        let mut seconds: Vec<f64> = (0..3)
            .map(|_| {
                let before = Instant::now();
                std::hint::black_box(run_scalar(&ScalarParams::new(kind)));
                before.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        println!("scalar {kind}: 10000 trials, median {:.3} s, least {:.3} s", seconds[1], seconds[0]);
    }
    println!(
        "ours: {COUNT} trajectories of n = {N}, m = {M} to time 50: median {median:.4} s, least {:.4} s",
        seconds[0]
    );
    println!("ours: {:.0} trajectories/s; {steps} steps, {rejected} rejected", COUNT as f64 / median);
    if let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        let mut numbers = Vec::new();
        for matrix in [&starts.0.moments.xx, &starts.0.moments.yx] {
            numbers.extend((0..M).flat_map(|i| (0..M).map(move |j| matrix[(i, j)])));
        }
        numbers.push(median);
        numbers.extend((0..COUNT).flat_map(|index| starts.draw(index).start));
        numbers.extend(ends.iter().flat_map(|end| end.state.iter().copied()));
        let bytes: Vec<u8> = numbers.iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
        std::fs::write(&path, bytes).expect("a file that can be written");
    }
}
