//! Adam with decoupled weight decay.

use stopgrad_kernels::vectors;

use crate::scalar::Scalar;

/// Its constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Of the first and second moment.
    pub betas: (f64, f64),
    /// Added to the root.
    pub epsilon: f64,
}

/// m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  p ← p − η λ p − η m̂ / (√v̂ + ε), in place.
///
/// m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t counted from 1. Loshchilov, Hutter 2019, algorithm 2, as in PyTorch.
///
/// # Shapes
/// p, g, m, v: the same length.
#[allow(
    clippy::too_many_arguments,
    reason = "a function of parameter, gradient, state and rate, as every optimizer here"
)]
pub fn adamw<T: Scalar>(
    p: &mut [T], g: &[T], m: &mut [T], v: &mut [T], steps: u64, rate: f64, decoupled: f64, adamw: AdamW,
) {
    let (b1, b2) = adamw.betas;
    let exponent = i32::try_from(steps).unwrap_or(i32::MAX);
    let (first, second) = (1.0 - b1.powi(exponent), 1.0 - b2.powi(exponent));
    let zero = T::from_f64(0.0);
    let (keep1, take1) = (T::from_f64(b1), T::from_f64(1.0 - b1));
    let (keep2, take2) = (T::from_f64(b2), T::from_f64(1.0 - b2));
    let (step, unbias) = (T::from_f64(-rate / first), T::from_f64(1.0 / second));
    let (epsilon, shrink) = (T::from_f64(adamw.epsilon), T::from_f64(-rate * decoupled));
    // With the widest vectors of the machine a cache line is read once. In pieces, two of the four arrays that lie
    // unluckily to each other throw each other's lines out between the pieces: half the speed.
    vectors(
        #[inline(always)]
        || {
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m.iter_mut()).zip(v.iter_mut()) {
                *m = zero.add_product(keep1, *m).add_product(take1, g);
                let squared = zero.add_product(g, g);
                *v = zero.add_product(keep2, *v).add_product(take2, squared);
                let corrected = zero.add_product(unbias, *v);
                let direction = corrected.divide_by_root(*m, epsilon);
                *p = p.add_product(shrink, *p).add_product(step, direction);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch 2.x, float64: p = [1, -2], three steps with g = [0.5, -1], [0.1, 2], [-3, 0], lr 0.1,
    /// betas (0.9, 0.999), eps 1e-8, weight_decay 0.1; program: tests/golden/adamw.py.
    #[test]
    fn three_steps_match_pytorch() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/adamw.json")).expect("golden file");
        let wanted: Vec<f64> = serde_json::from_value(golden["values"].clone()).expect("numbers");
        let (mut p, mut m, mut v) = ([1.0_f64, -2.0], [0.0; 2], [0.0; 2]);
        let constants = AdamW { betas: (0.9, 0.999), epsilon: 1e-8 };
        for (step, g) in [(1, [0.5, -1.0]), (2, [0.1, 2.0]), (3, [-3.0, 0.0])] {
            adamw(&mut p, &g, &mut m, &mut v, step, 0.1, 0.1, constants);
        }
        for (have, want) in p.iter().zip(wanted) {
            assert!((have - want).abs() < 1e-12, "{have} against {want}");
        }
    }
}
