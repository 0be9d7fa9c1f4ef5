//! x W + b with the activation behind it, on rows: any leading shape is rows of the last.
//!
//! The product is [`row_major_product`]; bias and activation, and the way back through them, are one pass each.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use crate::product::{Factor, product_then, row_major_product};
use crate::{Number, block, gelu, vectors};

/// What follows the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(0, x).
    Relu,
    /// x Φ(x).
    Gelu,
}

/// A matrix with what follows it.
#[derive(Debug, Clone, Copy)]
pub struct Linear<'a, T> {
    /// W: `d_in` × `d_out`, row-major.
    pub weight: &'a [T],
    /// b: `d_out`.
    pub bias: Option<&'a [T]>,
    /// `d_out`.
    pub outputs: usize,
    /// Behind the bias.
    pub activation: Activation,
}

impl<T: Number> Linear<'_, T> {
    /// activation(x W + b); `before`: x W + b, which the way back through GELU needs.
    ///
    /// # Shapes      x: n × `d_in` → out, before: n × `d_out`, overwritten
    /// # Cost        n `d_in` `d_out` multiply-adds
    pub fn forward(&self, x: &[T], out: &mut [T], before: Option<&mut [T]>) {
        let Self { weight, bias, outputs: d, activation } = *self;
        let (n, inputs) = (out.len() / d, weight.len() / d);
        assert!(x.len() == n * inputs && weight.len() == inputs * d, "{n} rows of {inputs} numbers to {d}");
        let (left, right) = (Factor::new(x, n, inputs), Factor::new(weight, inputs, d));
        match before {
            Some(before) => product_then(&left, &right, before, out, |before, out| {
                if let (Some(bias), Activation::Gelu) = (bias, activation) {
                    return add_bias_and_gelu(before, bias, out);
                }
                add_bias(before, bias, false);
                out.copy_from_slice(before);
                activate(out, activation);
            }),
            None if bias.is_none() && activation == Activation::None => row_major_product(&left, &right, out),
            None => product_then(&left, &right, out, &mut [], |out, _| {
                let done = add_bias(out, bias, activation == Activation::Relu);
                if !done || activation == Activation::Gelu {
                    activate(out, activation);
                }
            }),
        }
    }

    /// What upstream, behind the activation's slope, says of x: upstream Wᵀ.
    ///
    /// # Shapes      upstream: n × `d_out` → n × `d_in`, overwritten
    pub fn input_gradient(&self, upstream: &[T], out: &mut [T]) {
        let (n, inputs) = (upstream.len() / self.outputs, self.weight.len() / self.outputs);
        let right = Factor::new(self.weight, inputs, self.outputs).transposed();
        row_major_product(&Factor::new(upstream, n, self.outputs), &right, out);
    }
}

/// The bias, and a ReLU in the same pass; false where there is none.
fn add_bias<T: Number>(rows: &mut [T], bias: Option<&[T]>, relu: bool) -> bool {
    let zero = T::from_f64(0.0);
    let Some(bias) = bias else { return false };
    vectors(
        #[inline(always)]
        || {
            for row in rows.chunks_exact_mut(bias.len()) {
                for (value, &b) in row.iter_mut().zip(bias) {
                    let sum = value.plus(b);
                    // Written so that a NaN stays one: a run that diverges must be seen to.
                    *value = if relu && sum <= zero { zero } else { sum };
                }
            }
        },
    );
    true
}

/// Both in one pass: what comes before stays in `rows`.
fn add_bias_and_gelu<T: Number>(rows: &mut [T], bias: &[T], out: &mut [T]) {
    let d = bias.len();
    vectors(
        #[inline(always)]
        || {
            for (row, out) in rows.chunks_exact_mut(d).zip(out.chunks_exact_mut(d)) {
                for ((value, out), &b) in row.iter_mut().zip(out).zip(bias) {
                    *value += b;
                    *out = gelu::value(*value);
                }
            }
        },
    );
}

fn activate<T: Number>(values: &mut [T], activation: Activation) {
    let zero = T::from_f64(0.0);
    vectors(
        #[inline(always)]
        || match activation {
            Activation::None => {}
            Activation::Relu => {
                for value in values.iter_mut() {
                    *value = if *value <= zero { zero } else { *value };
                }
            }
            Activation::Gelu => {
                for value in values.iter_mut() {
                    *value = gelu::value(*value);
                }
            }
        },
    );
}

/// The way back through the activation: upstream times its slope, and the sum of that over rows, which is the bias's gradient.
///
/// # Shapes      kept: n × d, the output with ReLU, what came before the activation with GELU, not read without; upstream:
/// n × d → out: n × d, overwritten, not touched without an activation; d sums, rows added block by block in their order
pub fn through<T: Number>(activation: Activation, kept: &[T], upstream: &[T], out: &mut [T], d: usize) -> Vec<T> {
    let rows = block(d);
    let parts: Vec<Vec<T>> = match activation {
        Activation::None => upstream.par_chunks(rows).map(|upstream| column_sums(upstream, d)).collect(),
        _ => out
            .par_chunks_mut(rows)
            .zip(kept.par_chunks(rows))
            .zip(upstream.par_chunks(rows))
            .map(|((out, kept), upstream)| {
                slope(activation, kept, upstream, out);
                column_sums(out, d)
            })
            .collect(),
    };
    let mut sums = vec![0.0; d];
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value.to_f64());
    }
    sums.into_iter().map(T::from_f64).collect()
}

fn slope<T: Number>(activation: Activation, kept: &[T], upstream: &[T], out: &mut [T]) {
    let zero = T::from_f64(0.0);
    // A loop each: with the choice inside, none becomes vector instructions.
    vectors(
        #[inline(always)]
        || match activation {
            Activation::Gelu => {
                for ((out, &kept), &upstream) in out.iter_mut().zip(kept).zip(upstream) {
                    *out = upstream * gelu::slope(kept);
                }
            }
            Activation::None | Activation::Relu => {
                for ((out, &kept), &upstream) in out.iter_mut().zip(kept).zip(upstream) {
                    *out = if kept <= zero { zero } else { upstream };
                }
            }
        },
    );
}

fn column_sums<T: Number>(rows: &[T], d: usize) -> Vec<T> {
    let mut sums = vec![T::from_f64(0.0); d];
    vectors(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(d) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        },
    );
    sums
}

/// What upstream says of W: xᵀ upstream.
///
/// # Shapes      x: n × `d_in`; upstream: n × `d_out` → `d_in` × `d_out`, overwritten
pub fn weight_gradient<T: Number>(x: &[T], upstream: &[T], d_out: usize, out: &mut [T]) {
    let n = upstream.len() / d_out;
    let left = Factor::new(x, n, x.len() / n).transposed();
    row_major_product(&left, &Factor::new(upstream, n, d_out), out);
}

#[cfg(test)]
mod tests;
