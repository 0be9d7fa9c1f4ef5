//! Streams of random numbers named by (seed, purpose, index).
//!
//! The draws below are our own few lines over the raw 64-bit words, because the distributions of the `rand` crate
//! may change their values between versions, and a stored run has to give the same bits after an update.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator that belongs to (seed, purpose, index), at its start.
///
/// The key is SHA-256 of a domain word, the seed, the length of the purpose, the purpose and the index (integers
/// little-endian), so different names give unrelated streams.
///
/// # Example
/// ```
/// use rand::Rng;
/// let mut first = stopgrad_data::random::stream(0, "views", 7);
/// let mut again = stopgrad_data::random::stream(0, "views", 7);
/// assert_eq!(first.next_u64(), again.next_u64());
/// ```
pub fn stream(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(b"stopgrad stream 1");
    hash.update(seed.to_le_bytes());
    hash.update((purpose.len() as u64).to_le_bytes());
    hash.update(purpose.as_bytes());
    hash.update(index.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A uniform number in [0, 1) with 24 random bits: every value is exact in f32.
pub fn unit(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / 16_777_216.0
}

/// A uniform number between `low` and `high`.
pub fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * f64::from(unit(rng))
}

/// Whether an event of probability `prob` happens; draws once for any `prob`.
pub fn happens(rng: &mut ChaCha8Rng, prob: f64) -> bool {
    f64::from(unit(rng)) < prob
}

/// A uniform integer in 0..`bound`, without bias.
///
/// # Panics
/// When `bound` is 0.
///
/// # Source
/// Lemire 2019, algorithm 5 (arXiv:1805.10941)
pub fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    assert!(bound > 0, "nothing to draw from");
    let mut product = u128::from(rng.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (product as u64) < threshold {
            product = u128::from(rng.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as u64
}

/// Two independent standard normal numbers, by the Box–Muller transform.
pub fn normal_pair(rng: &mut ChaCha8Rng) -> (f32, f32) {
    // 1 − unit lies in (0, 1], so that the logarithm is finite.
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    let (sin, cos) = (std::f32::consts::TAU * unit(rng)).sin_cos();
    (radius * cos, radius * sin)
}

/// The numbers 0..`n` in random order (Fisher–Yates).
pub fn permutation(rng: &mut ChaCha8Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(rng, last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `tests/golden/random.py`, which has its own SHA-256 and ChaCha8. Stored runs depend on these values.
    #[test]
    fn stream_is_value_stable() {
        let mut rng = stream(42, "views", 7);
        let words: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(words, GOLDEN_WORDS);
        assert_eq!(permutation(&mut stream(42, "order", 0), 8), GOLDEN_ORDER);
    }

    const GOLDEN_WORDS: [u64; 3] = [12_848_808_361_688_232_982, 5_631_695_068_784_521_507, 16_654_830_610_537_304_821];
    const GOLDEN_ORDER: [usize; 8] = [3, 5, 1, 6, 4, 7, 2, 0];

    #[test]
    fn names_separate_streams() {
        let first = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let base = first(1, "order", 0);
        assert_ne!(base, first(2, "order", 0));
        assert_ne!(base, first(1, "views", 0));
        assert_ne!(base, first(1, "order", 1));
    }

    #[test]
    fn draws_have_the_moments_they_claim() {
        let mut rng = stream(0, "moments", 0);
        let n = 20_000;
        let (mut sum, mut square, mut uniform) = (0.0f64, 0.0f64, 0.0f64);
        for _ in 0..n {
            let (a, b) = normal_pair(&mut rng);
            sum += f64::from(a + b);
            square += f64::from(a * a + b * b);
            uniform += f64::from(unit(&mut rng));
        }
        // Five standard errors: 1/√40000, √2/√40000 and (1/√12)/√20000.
        assert!((sum / 40_000.0).abs() < 0.025);
        assert!((square / 40_000.0 - 1.0).abs() < 0.036);
        assert!((uniform / 20_000.0 - 0.5).abs() < 0.011);
    }

    #[test]
    fn permutation_holds_every_number_once_and_is_even() {
        let mut seen = permutation(&mut stream(3, "order", 0), 1000);
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..1000));
        let mut first = [0u32; 4];
        for index in 0..4000 {
            first[permutation(&mut stream(9, "order", index), 4)[0]] += 1;
        }
        assert!(first.iter().all(|count| (850..1150).contains(count)), "{first:?}");
    }
}
