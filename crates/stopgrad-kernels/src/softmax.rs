//! Softmax of rows.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use crate::{Number, block, vectors};

/// Sums that are kept side by side: a vector's width of f32 under AVX-512.
pub(crate) const LANES: usize = 16;

/// exp(x − max) / Σ exp(x − max) of each row, in its place.
///
/// # Shapes      x: n × d
pub fn in_place<T: Number>(x: &mut [T], d: usize) {
    assert!(d > 0 && x.len().is_multiple_of(d), "rows of {d} numbers");
    x.par_chunks_mut(block(d)).for_each(|rows| rows_in_place(rows, d));
}

/// The same on this thread.
pub(crate) fn rows_in_place<T: Number>(rows: &mut [T], d: usize) {
    vectors(
        #[inline(always)]
        || {
            // Not `for_each`, which is a function of its own, compiled for any processor.
            for row in rows.chunks_exact_mut(d) {
                one_row(row);
            }
        },
    );
}

/// What Σ upstream · y says of x, y the softmax of x: y (u − Σ u y), in the place of upstream.
///
/// # Shapes      y, upstream: n × d
pub fn backward_in_place<T: Number>(y: &[T], upstream: &mut [T], d: usize) {
    assert!(d > 0 && y.len().is_multiple_of(d) && y.len() == upstream.len(), "rows of {d} numbers");
    upstream.par_chunks_mut(block(d)).zip(y.par_chunks(block(d))).for_each(|(u, y)| rows_backward(y, u, d));
}

/// The same on this thread.
pub(crate) fn rows_backward<T: Number>(y: &[T], upstream: &mut [T], d: usize) {
    vectors(
        #[inline(always)]
        || {
            for (u, y) in upstream.chunks_exact_mut(d).zip(y.chunks_exact(d)) {
                let along = inner(u, y);
                for (u, &y) in u.iter_mut().zip(y) {
                    *u = y * (*u - along);
                }
            }
        },
    );
}

#[inline(always)]
fn one_row<T: Number>(row: &mut [T]) {
    let highest = largest(row);
    let mut sums = [T::from_f64(0.0); LANES];
    let mut parts = row.chunks_exact_mut(LANES);
    for part in parts.by_ref() {
        for (x, sum) in part.iter_mut().zip(&mut sums) {
            *x = (*x - highest).exponential();
            *sum += *x;
        }
    }
    for (x, sum) in parts.into_remainder().iter_mut().zip(&mut sums) {
        *x = (*x - highest).exponential();
        *sum += *x;
    }
    let inverse = T::from_f64(1.0) / total(&sums);
    for x in row {
        *x *= inverse;
    }
}

/// The largest number of a row; a NaN is passed over here and comes back by the sum.
#[inline(always)]
fn largest<T: Number>(row: &[T]) -> T {
    let mut lanes = [row[0]; LANES];
    let mut parts = row.chunks_exact(LANES);
    for part in parts.by_ref() {
        for (largest, &x) in lanes.iter_mut().zip(part) {
            *largest = if x > *largest { x } else { *largest };
        }
    }
    let mut largest = lanes[0];
    for &x in lanes.iter().chain(parts.remainder()) {
        largest = if x > largest { x } else { largest };
    }
    largest
}

/// Σ aᵢ bᵢ in lanes.
#[inline(always)]
pub(crate) fn inner<T: Number>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::from_f64(0.0); LANES];
    let (mut left, mut right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in left.by_ref().zip(right.by_ref()) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum = sum.add_product(a, b);
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(left.remainder()).zip(right.remainder()) {
        *sum = sum.add_product(a, b);
    }
    total(&sums)
}

/// Lanes added in pairs.
#[inline(always)]
pub(crate) fn total<T: Number>(sums: &[T; LANES]) -> T {
    let mut sums = *sums;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agree, normals, slopes};

    fn defined(x: &[f64], d: usize) -> Vec<f64> {
        x.chunks_exact(d)
            .flat_map(|row| {
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = row.iter().map(|x| (x - largest).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(move |power| power / sum)
            })
            .collect()
    }

    #[test]
    fn rows_are_their_definition_and_gradients_are_slopes() {
        for (n, d) in [(1, 1), (3, 1), (5, 7), (2, 64), (300, 65)] {
            let (x, upstream) = (normals(n * d, 3, 4.0), normals(n * d, 4, 1.0));
            let run = |x: &[f64], out: &mut [f64]| {
                out.copy_from_slice(x);
                in_place(out, d);
            };
            agree(&x, &defined(&x, d), 5e-7, |x, out: &mut Vec<f32>| {
                out.copy_from_slice(x);
                in_place(out, d);
            });
            let (mut y, mut gradient) = (x.clone(), upstream.clone());
            in_place(&mut y, d);
            backward_in_place(&y, &mut gradient, d);
            slopes(&x, &gradient, &upstream, run, 64.min(n * d));
        }
    }

    #[test]
    fn large_rows_stay_finite_and_nan_passes() {
        let mut x = [1e30_f32, 1e30, -1e30, 0.0, f32::NAN, 1.0];
        in_place(&mut x, 3);
        assert_eq!(x[..3], [0.5, 0.5, 0.0]);
        assert!(x[3..].iter().all(|x| x.is_nan()));
    }
}
