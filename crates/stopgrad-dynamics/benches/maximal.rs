//! Times `solve_maximal` on the instance of `benches/maximal_peer.py`: prints size, seconds, residual, steps, products.
//!
//! `cargo bench -p stopgrad-dynamics --bench maximal -- 784 5`: size and rounds. The first line is the check of the
//! machine: GFLOP/s of a product of that size.
#![allow(clippy::print_stdout)] // A bench prints.

use std::time::Instant;

use faer::Mat;
use stopgrad_dynamics::maximal::{Maximal, MaximalParams, maximal_residual, solve_maximal};
use stopgrad_dynamics::{DEFAULT_SUPPORT_THRESHOLD, Moments, Support, linalg};

/// The generator of the peer: z ← a z + c mod 2⁶⁴, the upper 31 bits, uniform in ±½.
struct Congruential(u64);

impl Congruential {
    fn matrix(&mut self, n: usize, scale: f64) -> Mat<f64> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) as f64 / f64::from(1u32 << 31) - 0.5) * scale
        };
        let mut out = Mat::zeros(n, n);
        for i in 0..n {
            for j in 0..n {
                out[(i, j)] = next();
            }
        }
        out
    }
}

fn instance(n: usize) -> Moments {
    let mut stream = Congruential(1);
    let unit = (12.0 / n as f64).sqrt();
    let spread = stream.matrix(n, 0.3 * unit);
    let spread = linalg::product_symmetric(spread.as_ref(), spread.transpose());
    let xx = Mat::from_fn(n, n, |i, j| spread[(i, j)] + f64::from(u8::from(i == j)));
    let noise = stream.matrix(n, 0.1 * unit);
    let yx = Mat::from_fn(n, n, |i, j| 0.9 * xx[(i, j)] + f64::midpoint(noise[(i, j)], noise[(j, i)]));
    Moments::unchecked(xx, yx, None)
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (n, rounds) = (numbers.first().copied().unwrap_or(784), numbers.get(1).copied().unwrap_or(3));
    let moments = instance(n);
    let clock = Instant::now();
    let product = linalg::product(moments.xx.as_ref(), moments.yx.as_ref());
    let rate = 2.0 * (n as f64).powi(3) / clock.elapsed().as_secs_f64() / 1e9;
    println!("product {rate:.0} GFLOP/s ({:.3})", product[(0, 0)]);
    for _ in 0..rounds {
        let clock = Instant::now();
        let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
        let outcome = solve_maximal(&support, 1e-2, &MaximalParams::default(), &|_| false);
        let seconds = clock.elapsed().as_secs_f64();
        let Maximal::Found(found) = outcome else { panic!("{outcome:?}") };
        let residual = maximal_residual(&support, found.s.as_ref(), 1e-2);
        let trace: f64 = (0..n).map(|i| found.s[(i, i)]).sum();
        println!("{n} {seconds:.4} {residual:.2e} {} {} trace {trace:.12}", found.steps, found.products);
    }
}
