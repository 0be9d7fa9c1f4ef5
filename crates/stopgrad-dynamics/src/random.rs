//! Random directions and starts: every stream is named by (seed, index), so results do not depend on threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The stream `index` of a seed.
pub fn stream(seed: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    rng
}

/// One standard normal number.
///
/// # Source      Box and Muller 1958; the second number of the pair is thrown away, so a draw has no memory
pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // (0, 1]: the logarithm needs a number above 0.
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// [0, 1) with 53 bits.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (0.5f64).powi(53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_their_own_and_normals_have_their_moments() {
        let draws = |seed, index| {
            let mut rng = stream(seed, index);
            (0..20_000).map(|_| normal(&mut rng)).collect::<Vec<f64>>()
        };
        let first = draws(1, 0);
        assert_eq!(first, draws(1, 0));
        assert!(first[0].to_bits() != draws(1, 1)[0].to_bits() && first[0].to_bits() != draws(2, 0)[0].to_bits());
        let moment = |k| first.iter().map(|x| x.powi(k)).sum::<f64>() / first.len() as f64;
        // Five standard errors: √(1/N), √(2/N), √(96/N).
        assert!(moment(1).abs() < 0.036 && (moment(2) - 1.0).abs() < 0.05 && (moment(4) - 3.0).abs() < 0.35);
    }
}
