//! Gradient descent with heavy ball.

use stopgrad_kernels::vectors;

use crate::scalar::Scalar;

/// v ← μ v + g;  p ← p − η (v + λ p), in place.
///
/// PyTorch's convention (the rate multiplies the velocity), no dampening, no Nesterov. λ is decoupled: it does not
/// enter the velocity. Polyak 1964.
///
/// # Shapes
/// p, g, v: the same length.
pub fn sgd<T: Scalar>(p: &mut [T], g: &[T], v: &mut [T], rate: f64, momentum: f64, decoupled: f64) {
    let (step, momentum, shrink) = (T::from_f64(-rate), T::from_f64(momentum), T::from_f64(-rate * decoupled));
    vectors(
        #[inline(always)]
        || {
            for ((p, &g), v) in p.iter_mut().zip(g).zip(v.iter_mut()) {
                *v = g.add_product(momentum, *v);
                *p = p.add_product(shrink, *p).add_product(step, *v);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_match_the_formula() {
        let (mut p, mut v) = ([1.0_f64], [0.0_f64]);
        sgd(&mut p, &[2.0], &mut v, 0.1, 0.5, 0.0);
        assert!((p[0] - 0.8).abs() < 1e-15);
        sgd(&mut p, &[1.0], &mut v, 0.1, 0.5, 0.25);
        // v = 0.5·2 + 1 = 2; p = 0.8 − 0.1·0.25·0.8 − 0.1·2
        assert!((p[0] - 0.58).abs() < 1e-15 && (v[0] - 2.0).abs() < 1e-15);
    }
}
