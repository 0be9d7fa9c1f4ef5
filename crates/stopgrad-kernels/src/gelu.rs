//! GELU, exact: x Φ(x), Φ the standard normal distribution.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use crate::{BLOCK, Number, vectors};

/// x Φ(x).
///
/// # Shapes      x → out: as long, overwritten
/// # Source      Hendrycks, Gimpel 2016
pub fn forward<T: Number>(x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "as many results as numbers");
    out.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(out, x)| {
        vectors(
            #[inline(always)]
            || {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = value(x);
                }
            },
        );
    });
}

/// What Σ upstream · out says of x: upstream · (Φ(x) + x φ(x)).
///
/// # Shapes      x, upstream → gradient: as long, overwritten
pub fn backward<T: Number>(x: &[T], upstream: &[T], gradient: &mut [T]) {
    assert!(x.len() == upstream.len() && x.len() == gradient.len(), "as many gradients as numbers");
    gradient.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).zip(upstream.par_chunks(BLOCK)).for_each(
        |((gradient, x), upstream)| {
            vectors(
                #[inline(always)]
                || {
                    for ((gradient, &x), &upstream) in gradient.iter_mut().zip(x).zip(upstream) {
                        *gradient = upstream * slope(x);
                    }
                },
            );
        },
    );
}

#[inline(always)]
pub(crate) fn value<T: Number>(x: T) -> T {
    x * x.normal().0
}

#[inline(always)]
pub(crate) fn slope<T: Number>(x: T) -> T {
    let (share, power) = x.normal();
    share.add_product(x * T::from_f64(1.0 / std::f64::consts::TAU.sqrt()), power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agree, normals, slopes};

    #[test]
    fn it_is_its_definition_and_its_gradient_is_the_slope() {
        for n in [1, 7, 1000, 40_000] {
            let (x, upstream) = (normals(n, 1, 3.0), normals(n, 2, 1.0));
            let wanted: Vec<f64> = x.iter().map(|&x| x * x.normal().0).collect();
            agree(&x, &wanted, 2e-7, |x, out: &mut Vec<f32>| forward(x, out));
            let mut gradient = vec![0.0; n];
            backward(&x, &upstream, &mut gradient);
            if n <= 1000 {
                slopes(&x, &gradient, &upstream, forward, n);
            }
            let (x, upstream): (Vec<f32>, Vec<f32>) =
                (x.iter().map(|&x| x as f32).collect(), upstream.iter().map(|&u| u as f32).collect());
            let mut single = vec![0.0; n];
            backward(&x, &upstream, &mut single);
            for (one, two) in single.iter().zip(&gradient) {
                assert!((f64::from(*one) - two).abs() < 2e-6 * (1.0 + two.abs()), "{one} and {two}");
            }
        }
    }

    #[test]
    fn large_numbers_stay_and_nan_passes() {
        let x = [1e30_f32, -1e30, f32::NAN, -90.0, 0.0];
        let mut out = [7.0; 5];
        forward(&x, &mut out);
        assert_eq!((out[0], out[1], out[4]), (1e30, 0.0, 0.0));
        assert!(out[2].is_nan() && out[3] == 0.0);
        let mut gradient = [7.0; 5];
        backward(&x, &[1.0; 5], &mut gradient);
        assert_eq!((gradient[0], gradient[1], gradient[4]), (1.0, 0.0, 0.5));
        assert!(gradient[2].is_nan());
    }
}
