//! Layer normalization of rows: each row less its mean, over its deviation, then scaled and shifted.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use crate::norm::Sums;
use crate::softmax::{LANES, inner, total};
use crate::{Number, block, vectors};

/// Mean and 1 / √(variance + floor) of each row: what the backward pass needs again.
#[derive(Debug, Clone, PartialEq)]
pub struct RowMoments<T> {
    /// n pairs.
    pub rows: Vec<[T; 2]>,
}

/// (x − mean) / √(variance + floor) · scale + shift of each row.
///
/// # Shapes      x: n × d; scale, shift: d → out: n × d, overwritten
/// # Convention  the variance divides by d
/// # Source      Ba, Kiros, Hinton 2016
pub fn forward<T: Number>(x: &[T], scale: &[T], shift: &[T], floor: f64, out: &mut [T]) -> RowMoments<T> {
    let d = scale.len();
    assert!(d > 0 && x.len().is_multiple_of(d) && x.len() == out.len() && shift.len() == d, "rows of {d} numbers");
    let mut rows = vec![[T::from_f64(0.0); 2]; x.len() / d];
    let length = block(d);
    out.par_chunks_mut(length).zip(x.par_chunks(length)).zip(rows.par_chunks_mut(length / d)).for_each(
        |((out, x), rows)| {
            vectors(
                #[inline(always)]
                || {
                    for ((out, x), row) in out.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(rows.iter_mut()) {
                        *row = moments(x, floor);
                        let [mean, inverse] = *row;
                        for (((out, &x), &scale), &shift) in out.iter_mut().zip(x).zip(scale).zip(shift) {
                            *out = shift.add_product((x - mean) * inverse, scale);
                        }
                    }
                },
            );
        },
    );
    RowMoments { rows }
}

/// What Σ upstream · out says of x, scale and shift.
///
/// # Shapes      x, upstream: n × d; `moments` of the forward pass → gradient: n × d, overwritten
pub fn backward<T: Number>(x: &[T], upstream: &[T], scale: &[T], moments: &RowMoments<T>, gradient: &mut [T]) -> Sums {
    let d = scale.len();
    assert!(x.len() == moments.rows.len() * d && x.len() == upstream.len() && x.len() == gradient.len(), "rows of {d}");
    let length = block(d);
    let parts: Vec<(Vec<T>, Vec<T>)> = gradient
        .par_chunks_mut(length)
        .zip(x.par_chunks(length))
        .zip(upstream.par_chunks(length))
        .zip(moments.rows.par_chunks(length / d))
        .map(|(((gradient, x), upstream), rows)| of_block(gradient, (x, upstream), scale, rows))
        .collect();
    Sums::added(parts, d)
}

/// Gradients of a block of rows, and what it adds to those of scale and shift.
fn of_block<T: Number>(
    gradient: &mut [T], (x, upstream): (&[T], &[T]), scale: &[T], rows: &[[T; 2]],
) -> (Vec<T>, Vec<T>) {
    let (d, zero) = (scale.len(), T::from_f64(0.0));
    let share = T::from_f64(1.0 / d as f64);
    let (mut to_scale, mut to_shift) = (vec![zero; d], vec![zero; d]);
    let mut scaled = vec![zero; d];
    let mut normalized = vec![zero; d];
    vectors(
        #[inline(always)]
        || {
            let given = gradient.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(upstream.chunks_exact(d)).zip(rows);
            for (((gradient, x), upstream), &[mean, inverse]) in given {
                normalize(&mut normalized, x, mean, inverse);
                add(&mut to_scale, &mut to_shift, upstream, &normalized);
                for ((out, &u), &s) in scaled.iter_mut().zip(upstream).zip(scale) {
                    *out = u * s;
                }
                let level = sum(&scaled) * share;
                let slope = inner(&scaled, &normalized) * share;
                for ((out, &u), &n) in gradient.iter_mut().zip(&scaled).zip(&normalized) {
                    *out = inverse * (u - level - n * slope);
                }
            }
        },
    );
    (to_scale, to_shift)
}

#[inline(always)]
fn normalize<T: Number>(out: &mut [T], x: &[T], mean: T, inverse: T) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = (x - mean) * inverse;
    }
}

#[inline(always)]
fn add<T: Number>(to_scale: &mut [T], to_shift: &mut [T], upstream: &[T], normalized: &[T]) {
    for (((scale, shift), &u), &n) in to_scale.iter_mut().zip(to_shift).zip(upstream).zip(normalized) {
        *scale = scale.add_product(u, n);
        *shift += u;
    }
}

/// Mean, and one over the deviation; about the mean, so that a row far from 0 keeps its variance.
#[inline(always)]
fn moments<T: Number>(x: &[T], floor: f64) -> [T; 2] {
    let share = T::from_f64(1.0 / x.len() as f64);
    let mean = sum(x) * share;
    let mut squares = [T::from_f64(0.0); LANES];
    let mut parts = x.chunks_exact(LANES);
    for part in parts.by_ref() {
        add_squares(&mut squares, part, mean);
    }
    add_squares(&mut squares, parts.remainder(), mean);
    let variance = (total(&squares) * share).to_f64();
    [mean, T::from_f64(1.0 / (variance + floor).sqrt())]
}

#[inline(always)]
fn sum<T: Number>(x: &[T]) -> T {
    let mut sums = [T::from_f64(0.0); LANES];
    let mut parts = x.chunks_exact(LANES);
    for part in parts.by_ref() {
        for (sum, &x) in sums.iter_mut().zip(part) {
            *sum += x;
        }
    }
    for (sum, &x) in sums.iter_mut().zip(parts.remainder()) {
        *sum += x;
    }
    total(&sums)
}

#[inline(always)]
fn add_squares<T: Number>(sums: &mut [T; LANES], part: &[T], mean: T) {
    for (sum, &x) in sums.iter_mut().zip(part) {
        let gap = x - mean;
        *sum = sum.add_product(gap, gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agree, normals, single, slopes};

    const FLOOR: f64 = 1e-6;

    fn defined(x: &[f64], scale: &[f64], shift: &[f64]) -> Vec<f64> {
        let d = scale.len();
        let mut out = Vec::new();
        for row in x.chunks_exact(d) {
            let mean = row.iter().sum::<f64>() / d as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / d as f64;
            out.extend((0..d).map(|j| (row[j] - mean) / (variance + FLOOR).sqrt() * scale[j] + shift[j]));
        }
        out
    }

    #[test]
    fn rows_are_their_definition_and_gradients_are_slopes() {
        for (n, d) in [(1, 2), (3, 7), (5, 192), (200, 33), (4, 1)] {
            // Far from 0: the variance must not drown.
            let x: Vec<f64> = normals(n * d, 5, 2.0).iter().map(|x| x + 20.0).collect();
            let (scale, shift, upstream) = (normals(d, 6, 1.0), normals(d, 7, 1.0), normals(n * d, 8, 1.0));
            let wanted = defined(&x, &scale, &shift);
            let tolerance = if d == 1 { 1e-3 } else { 3e-5 };
            agree(&x, &wanted, tolerance, |x, out: &mut Vec<f32>| {
                forward(x, &single(&scale), &single(&shift), FLOOR, out);
            });
            let mut gradient = vec![0.0; n * d];
            let moments = forward(&x, &scale, &shift, FLOOR, &mut gradient);
            let sums = backward(&x, &upstream, &scale, &moments, &mut gradient);
            let run = |x: &[f64], out: &mut [f64]| {
                forward(x, &scale, &shift, FLOOR, out);
            };
            if d > 2 {
                slopes(&x, &gradient, &upstream, run, 40.min(n * d));
            }
            slopes(
                &scale,
                &sums.scale,
                &upstream,
                |scale, out| drop(forward(&x, scale, &shift, FLOOR, out)),
                d.min(40),
            );
            slopes(
                &shift,
                &sums.shift,
                &upstream,
                |shift, out| drop(forward(&x, &scale, shift, FLOOR, out)),
                d.min(40),
            );
        }
    }

    #[test]
    fn nan_stays_in_its_row() {
        let mut x = vec![1.0_f32, 2.0, 3.0, 4.0];
        x[0] = f32::NAN;
        let mut out = vec![0.0; 4];
        forward(&x, &[1.0; 2], &[0.0; 2], FLOOR, &mut out);
        assert!(out[..2].iter().all(|x| x.is_nan()) && out[2..].iter().all(|x| x.is_finite()));
    }
}
