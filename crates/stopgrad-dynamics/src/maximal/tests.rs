//! Newton's method with inexact steps, started from the equilibrium of a smaller λ.

use super::*;
use crate::DEFAULT_SUPPORT_THRESHOLD;
use crate::moments::{MomentsAccumulator, Pairing};
use crate::testing::Normals;

/// The second view is the first with noise of its size.
fn noisy_pairs(d: usize, n: usize, seed: u64) -> Support {
    let mut normals = Normals(seed);
    let mut sums = MomentsAccumulator::new(d, Pairing::Exchangeable { views: 2 }, false);
    let mut pairs = vec![0.0; 2 * n * d];
    for pair in pairs.chunks_exact_mut(2 * d) {
        for j in 0..d {
            pair[j] = normals.next();
            pair[d + j] = pair[j] + normals.next();
        }
    }
    sums.add(&pairs, &[]);
    Support::new(&sums.finish().moments(true), DEFAULT_SUPPORT_THRESHOLD).expect("a support")
}

/// What an inexact step overshot the next one takes back: that is no fold (at 768 dimensions `λ_crit` came out at half).
#[test]
fn a_step_that_takes_back_an_error_is_no_fold() {
    for (d, seed) in [(24, 1), (48, 2), (64, 3), (96, 4), (128, 5)] {
        let problem = Riccati::new(&noisy_pairs(d, 20 * d, seed));
        let params = MaximalParams::default();
        let loose = |decay: f64, from: Option<&Mat<f64>>| {
            Search::new(&problem, decay, &params, &|_| false).newton(from, false, false)
        };
        let lowest = 0.02;
        let Maximal::Found(start) = loose(lowest, None) else { panic!("none at {lowest}") };
        for step in 1..40 {
            let decay = lowest * (1.0 + 0.05 * f64::from(step));
            let Maximal::Found(alone) = loose(decay, None) else { break };
            let end = loose(decay, Some(&start.whitened));
            let Maximal::Found(warm) = end else { panic!("{d} dimensions, {decay}: {end:?}") };
            let apart = &warm.whitened - &alone.whitened;
            assert!(frobenius(apart.as_ref()) < 1e-6 * frobenius(alone.whitened.as_ref()));
        }
    }
}
