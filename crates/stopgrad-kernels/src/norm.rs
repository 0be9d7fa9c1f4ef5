//! Batch normalization of rows, with or without the ReLU behind it: mean and variance of each column, the normalized
//! rows, and what the gradient of a loss says of all of it.
//!
//! Put together from a framework's operations each step reads and writes all activations once more, on one thread.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use crate::{Number, vectors};

/// Numbers in a block of rows: what a task takes, and what stays in the cache between its two passes.
const BLOCK: usize = 1 << 15;
/// Numbers that a loop runs over before it starts again.
const LOOP: usize = 256;

/// Mean and variance of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// d.
    pub mean: Vec<f64>,
    /// d; divides by n.
    pub variance: Vec<f64>,
}

/// What a column is multiplied by and what is added then: scale / √(variance + floor), and shift less what the mean
/// becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm<'a, T> {
    /// d.
    pub mean: &'a [T],
    /// d: 1 / √(variance + floor).
    pub inverse_deviation: &'a [T],
    /// d.
    pub scale: &'a [T],
    /// d.
    pub shift: &'a [T],
    /// Whether negative results become 0.
    pub relu: bool,
}

/// What a loss says of scale and shift: Σ over rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    /// Of upstream · normalized: the gradient of the scale.
    pub scale: Vec<f64>,
    /// Of upstream: the gradient of the shift.
    pub shift: Vec<f64>,
}

impl Sums {
    /// Of blocks, (scale, shift) each, in their order.
    pub(crate) fn added<T: Number>(parts: Vec<(Vec<T>, Vec<T>)>, d: usize) -> Self {
        let mut sums = Self { scale: vec![0.0; d], shift: vec![0.0; d] };
        for (scale, shift) in parts {
            for j in 0..d {
                sums.scale[j] += scale[j].to_f64();
                sums.shift[j] += shift[j].to_f64();
            }
        }
        sums
    }
}

/// Mean and variance of each column.
///
/// Blocks of rows are centered on their own mean and put together after Chan, Golub and LeVeque 1979, so that a column
/// far from 0 keeps its variance and memory is read once.
///
/// # Shapes      x: n × d
/// # Cost        4 n d
pub fn moments<T: Number>(x: &[T], d: usize) -> Moments {
    let parts: Vec<(usize, Vec<T>, Vec<T>)> = x.par_chunks(block(d)).map(|rows| moments_of_block(rows, d)).collect();
    let (mut count, mut mean, mut squares) = (0.0, vec![0.0; d], vec![0.0; d]);
    for (rows, part_mean, part_squares) in parts {
        let rows = rows as f64;
        let total = count + rows;
        for j in 0..d {
            let gap = part_mean[j].to_f64() - mean[j];
            squares[j] += part_squares[j].to_f64() + gap * gap * count * rows / total;
            mean[j] += gap * rows / total;
        }
        count = total;
    }
    Moments { mean, variance: squares.into_iter().map(|s| s / count).collect() }
}

/// Rows, their mean, and Σ (x − mean)² of a block.
fn moments_of_block<T: Number>(rows: &[T], d: usize) -> (usize, Vec<T>, Vec<T>) {
    let (zero, count) = (T::from_f64(0.0), rows.len() / d);
    let wide = widened(d);
    let (mut sums, mut squares) = (vec![zero; wide], vec![zero; wide]);
    vectors(
        #[inline(always)]
        || {
            for row in rows.chunks(wide) {
                add(&mut sums, row);
            }
        },
    );
    let share = T::from_f64(1.0 / count as f64);
    let mean: Vec<T> = folded(&sums, d).into_iter().map(|sum| sum * share).collect();
    let means = repeated(&mean);
    vectors(
        #[inline(always)]
        || {
            for row in rows.chunks(wide) {
                add_squares(&mut squares, &means, row);
            }
        },
    );
    (count, mean, folded(&squares, d))
}

/// A norm whose columns are repeated, so that a loop over a few columns is long enough for vector instructions.
struct Wide<T> {
    mean: Vec<T>,
    inverse_deviation: Vec<T>,
    /// Scale times inverse deviation.
    factor: Vec<T>,
    shift: Vec<T>,
}

impl<T: Number> Norm<'_, T> {
    /// The normalized rows, and what is added to them before the ReLU, if anything is: the sum at the end of a residual block.
    ///
    /// # Shapes      x, added: n × d → out: n × d, overwritten
    pub fn forward(&self, x: &[T], added: Option<&[T]>, out: &mut [T]) {
        let d = self.mean.len();
        let (wide, columns, relu) = (widened(d), self.wide(), self.relu);
        out.par_chunks_mut(block(d)).zip(x.par_chunks(block(d))).enumerate().for_each(|(index, (out, x))| {
            let added = added.map(|added| &added[index * block(d)..][..x.len()]);
            vectors(
                #[inline(always)]
                || {
                    for (place, (out, x)) in out.chunks_mut(wide).zip(x.chunks(wide)).enumerate() {
                        normalize(out, x, &columns);
                        if let Some(added) = added {
                            add(out, &added[place * wide..][..x.len()]);
                        }
                        if relu {
                            clip(out);
                        }
                    }
                },
            );
        });
    }

    /// Σ over rows of the gradient behind the ReLU, and of its product with the normalized numbers.
    ///
    /// # Shapes      x: n × d, as in the forward pass; out: its result; upstream: n × d
    pub fn sums(&self, x: &[T], out: &[T], upstream: &[T]) -> Sums {
        let d = self.mean.len();
        let columns = self.wide();
        let parts: Vec<(Vec<T>, Vec<T>)> = x
            .par_chunks(block(d))
            .zip(out.par_chunks(block(d)))
            .zip(upstream.par_chunks(block(d)))
            .map(|((x, out), upstream)| self.sums_of_block(&columns, x, out, upstream))
            .collect();
        Sums::added(parts, d)
    }

    fn sums_of_block(&self, columns: &Wide<T>, x: &[T], out: &[T], upstream: &[T]) -> (Vec<T>, Vec<T>) {
        let (d, zero) = (self.mean.len(), T::from_f64(0.0));
        let wide = widened(d);
        let (mut scale, mut shift) = (vec![zero; wide], vec![zero; wide]);
        vectors(
            #[inline(always)]
            || {
                for ((x, out), upstream) in x.chunks(wide).zip(out.chunks(wide)).zip(upstream.chunks(wide)) {
                    if self.relu {
                        add_sums::<T, true>((&mut scale, &mut shift), x, out, upstream, columns);
                    } else {
                        add_sums::<T, false>((&mut scale, &mut shift), x, out, upstream, columns);
                    }
                }
            },
        );
        (folded(&scale, d), folded(&shift, d))
    }

    /// What the loss says of x, the mean and the variance having come from these rows.
    ///
    /// scale / √(variance + floor) · (u − mean of u − x̂ · mean of (u x̂)), u behind the ReLU, x̂ normalized (Ioffe and
    /// Szegedy 2015). With `sums` of 0 the mean and the variance are taken as given.
    ///
    /// What it says of numbers that were added is u itself.
    ///
    /// # Shapes      as [`Norm::sums`] → gradient: n × d, overwritten
    pub fn backward(&self, x: &[T], out: &[T], upstream: &[T], sums: &Sums, gradient: &mut [T]) {
        let (d, relu) = (self.mean.len(), self.relu);
        let share = d as f64 / x.len() as f64;
        let mean_of = |sums: &[f64]| -> Vec<T> { sums.iter().map(|s| T::from_f64(s * share)).collect() };
        let columns = self.wide();
        let along = repeated(&mean_of(&sums.scale));
        let line = Line {
            level: repeated(&mean_of(&sums.shift)),
            slope: along.iter().zip(&columns.inverse_deviation).map(|(&a, &i)| a * i).collect(),
        };
        let wide = widened(d);
        gradient
            .par_chunks_mut(block(d))
            .zip(x.par_chunks(block(d)))
            .zip(out.par_chunks(block(d)))
            .zip(upstream.par_chunks(block(d)))
            .for_each(|(((gradient, x), out), upstream)| {
                vectors(
                    #[inline(always)]
                    || {
                        let rows = x.chunks(wide).zip(out.chunks(wide)).zip(upstream.chunks(wide));
                        for (gradient, ((x, out), upstream)) in gradient.chunks_mut(wide).zip(rows) {
                            if relu {
                                slope::<T, true>(gradient, x, out, upstream, &columns, &line);
                            } else {
                                slope::<T, false>(gradient, x, out, upstream, &columns, &line);
                            }
                        }
                    },
                );
            });
    }

    fn wide(&self) -> Wide<T> {
        let factor: Vec<T> = self.scale.iter().zip(self.inverse_deviation).map(|(&s, &i)| s * i).collect();
        Wide {
            mean: repeated(self.mean),
            inverse_deviation: repeated(self.inverse_deviation),
            factor: repeated(&factor),
            shift: repeated(self.shift),
        }
    }
}

/// The straight line in x that batch statistics take from the gradient.
struct Line<T> {
    level: Vec<T>,
    /// What x less its mean is multiplied by.
    slope: Vec<T>,
}

// The loops: functions of slices, which the compiler knows not to overlap, made part of the place that has chosen the
// vector instructions.

#[inline(always)]
fn add<T: Number>(sums: &mut [T], row: &[T]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

#[inline(always)]
fn add_squares<T: Number>(sums: &mut [T], mean: &[T], row: &[T]) {
    for ((sum, &mean), &value) in sums.iter_mut().zip(mean).zip(row) {
        let gap = value - mean;
        *sum += gap * gap;
    }
}

#[inline(always)]
fn normalize<T: Number>(out: &mut [T], x: &[T], columns: &Wide<T>) {
    let given = x.iter().zip(&columns.mean).zip(&columns.factor).zip(&columns.shift);
    for (out, (((&x, &mean), &factor), &shift)) in out.iter_mut().zip(given) {
        *out = (x - mean) * factor + shift;
    }
}

/// ReLU, written so that a NaN stays one: a run that diverges must be seen to.
#[inline(always)]
fn clip<T: Number>(values: &mut [T]) {
    let zero = T::from_f64(0.0);
    for value in values {
        *value = if *value <= zero { zero } else { *value };
    }
}

#[inline(always)]
fn add_sums<T: Number, const RELU: bool>(
    (scale, shift): (&mut [T], &mut [T]), x: &[T], out: &[T], upstream: &[T], columns: &Wide<T>,
) {
    let zero = T::from_f64(0.0);
    let given = x.iter().zip(out).zip(upstream).zip(&columns.mean).zip(&columns.inverse_deviation);
    for ((scale, shift), ((((&x, &out), &upstream), &mean), &inverse)) in scale.iter_mut().zip(shift).zip(given) {
        let passed = if RELU && out <= zero { zero } else { upstream };
        *shift += passed;
        *scale += passed * ((x - mean) * inverse);
    }
}

#[inline(always)]
fn slope<T: Number, const RELU: bool>(
    gradient: &mut [T], x: &[T], out: &[T], upstream: &[T], columns: &Wide<T>, line: &Line<T>,
) {
    let zero = T::from_f64(0.0);
    let given = x.iter().zip(out).zip(upstream).zip(&columns.mean).zip(&columns.factor);
    let given = given.zip(&line.level).zip(&line.slope);
    for (gradient, ((((((&x, &out), &upstream), &mean), &factor), &level), &slope)) in gradient.iter_mut().zip(given) {
        let passed = if RELU && out <= zero { zero } else { upstream };
        *gradient = factor * (passed - level - (x - mean) * slope);
    }
}

/// Numbers that a loop runs over: whole rows, a few hundred numbers.
fn widened(d: usize) -> usize {
    LOOP.div_ceil(d) * d
}

/// Rows next to each other in one of [`widened`] length.
fn repeated<T: Number>(row: &[T]) -> Vec<T> {
    row.iter().copied().cycle().take(widened(row.len())).collect()
}

/// The sum of the rows that lie next to each other.
fn folded<T: Number>(wide: &[T], d: usize) -> Vec<T> {
    let mut sums = wide[..d].to_vec();
    for row in wide[d..].chunks_exact(d) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

/// Numbers in a block of whole rows.
fn block(d: usize) -> usize {
    (BLOCK / d).max(1) * d
}

#[cfg(test)]
mod tests;
