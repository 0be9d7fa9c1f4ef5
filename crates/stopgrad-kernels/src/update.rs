//! A step of an optimizer and of the teacher that follows it, in one pass over the memory of each.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use rayon::prelude::*;

use crate::{Number, vectors};

/// Numbers a thread takes at a time. Elementwise: the cut changes no result.
const CHUNK: usize = 1 << 15;

/// How a parameter p moves against a gradient g. λ is decoupled: it does not enter averages, but those of LARS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// v ← μ v + g;  p ← p − η (v + λ p). PyTorch's convention (the rate multiplies the velocity), no dampening, no Nesterov.
    /// Polyak 1964.
    Sgd {
        /// η.
        rate: f64,
        /// μ.
        momentum: f64,
        /// λ.
        decoupled: f64,
    },
    /// m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  p ← p − η λ p − η m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and
    /// v̂ = v / (1 − β₂ᵗ). Loshchilov, Hutter 2019, algorithm 2, as in PyTorch.
    Adamw {
        /// η.
        rate: f64,
        /// λ.
        decoupled: f64,
        /// β₁ and β₂.
        betas: (f64, f64),
        /// ε.
        epsilon: f64,
        /// t, from 1.
        steps: u64,
    },
    /// v ← μ v + s (g + λ p);  p ← p − η v, with s = τ |p| / (|g| + λ |p|), and 1 where |p| or |g| is 0. You, Gitman, Ginsburg
    /// 2017. Biases and norms (`whole` false) take s = 1 and λ = 0, as is usual (Grill et al. 2020, appendix J).
    /// Clipped, s is min(s / η, 1): no parameter moves further than by gradient descent of rate η.
    Lars {
        /// η.
        rate: f64,
        /// μ.
        momentum: f64,
        /// λ.
        decoupled: f64,
        /// τ.
        trust: f64,
        /// Whether s is clipped.
        clip: bool,
        /// Whether it is a matrix or filters.
        whole: bool,
    },
}

/// A parameter with what belongs to it; all slices are as long, but `second`, which is empty without AdamW.
#[derive(Debug)]
pub struct Parameter<'a, T> {
    /// p.
    pub values: &'a mut [T],
    /// g.
    pub gradient: &'a [T],
    /// m, or v where it is the only average.
    pub first: &'a mut [T],
    /// v of AdamW.
    pub second: &'a mut [T],
    /// ξ, and the share 1 − α it takes: ξ ← ξ + (1 − α)(p − ξ), p the new one. A teacher that equals the student stays equal to
    /// the bit, and with a share of 1 it becomes so.
    pub teacher: Option<(&'a mut [T], f64)>,
}

/// One step.
///
/// # Cost      bytes: every slice read once, all but the gradient written once; LARS reads p and g once more
/// # Panics    when the slices are not as long as the rule needs them
pub fn update<T: Number>(rule: &Rule, parameter: Parameter<'_, T>) {
    let n = parameter.values.len();
    let second = if matches!(rule, Rule::Adamw { .. }) { n } else { 0 };
    assert!(
        parameter.gradient.len() == n && parameter.first.len() == n && parameter.second.len() >= second,
        "a gradient and a state for each of {n} numbers"
    );
    assert!(parameter.teacher.as_ref().is_none_or(|(teacher, _)| teacher.len() == n), "a teacher of {n} numbers");
    let rule = match *rule {
        Rule::Lars { rate, decoupled, trust, clip, whole: true, .. } => {
            let scale = lars_scale(&parameter, decoupled, trust)
                .map_or(1.0, |scale| if clip { (scale / rate).min(1.0) } else { scale });
            Scaled { rule, scale, shrink: decoupled }
        }
        _ => Scaled { rule, scale: 1.0, shrink: 0.0 },
    };
    if parameter.values.len() <= CHUNK {
        return rule.apply(parameter);
    }
    parameter.pieces().into_par_iter().for_each(|piece| rule.apply(piece));
}

/// s of LARS, none where there is nothing to divide. Norms in f64, added piece by piece in their order.
fn lars_scale<T: Number>(parameter: &Parameter<'_, T>, decoupled: f64, trust: f64) -> Option<f64> {
    let norm = |values: &[T]| {
        let squares: Vec<f64> = values.par_chunks(CHUNK).map(sum_of_squares).collect();
        squares.into_iter().sum::<f64>().sqrt()
    };
    let (p, g) = (norm(parameter.values), norm(parameter.gradient));
    (p > 0.0 && g > 0.0).then(|| trust * p / (g + decoupled * p))
}

/// In f64, a sum a lane.
fn sum_of_squares<T: Number>(values: &[T]) -> f64 {
    let mut sums = [0.0; 16];
    vectors(
        #[inline(always)]
        || {
            let mut parts = values.chunks_exact(sums.len());
            for part in parts.by_ref() {
                for (sum, x) in sums.iter_mut().zip(part) {
                    *sum += x.to_f64() * x.to_f64();
                }
            }
            for (sum, x) in sums.iter_mut().zip(parts.remainder()) {
                *sum += x.to_f64() * x.to_f64();
            }
        },
    );
    sums.iter().sum()
}

impl<T: Number> Parameter<'_, T> {
    fn pieces(self) -> Vec<Self> {
        let Self { values, gradient, first, second, teacher } = self;
        let (mut teacher, share) =
            teacher.map_or((None, 0.0), |(teacher, share)| (Some(teacher.chunks_mut(CHUNK)), share));
        let mut second = second.chunks_mut(CHUNK);
        let cut = values.chunks_mut(CHUNK).zip(gradient.chunks(CHUNK)).zip(first.chunks_mut(CHUNK));
        cut.map(|((values, gradient), first)| Parameter {
            values,
            gradient,
            first,
            second: second.next().unwrap_or_default(),
            teacher: teacher.as_mut().and_then(Iterator::next).map(|teacher| (teacher, share)),
        })
        .collect()
    }
}

/// A rule with what LARS knows of the whole parameter.
struct Scaled<'a> {
    rule: &'a Rule,
    scale: f64,
    shrink: f64,
}

impl Scaled<'_> {
    fn apply<T: Number>(&self, mut parameter: Parameter<'_, T>) {
        if let Some((teacher, _)) = parameter.teacher.take_if(|(_, share)| *share >= 1.0) {
            self.apply(Parameter { values: &mut *parameter.values, first: &mut *parameter.first, ..parameter });
            return teacher.copy_from_slice(parameter.values);
        }
        match *self.rule {
            Rule::Sgd { rate, momentum, decoupled } => {
                let (step, momentum, shrink) =
                    (T::from_f64(-rate), T::from_f64(momentum), T::from_f64(-rate * decoupled));
                one_average(
                    parameter,
                    #[inline(always)]
                    move |p: T, g: T, v: &mut T| {
                        *v = g.add_product(momentum, *v);
                        p.add_product(shrink, p).add_product(step, *v)
                    },
                );
            }
            Rule::Lars { rate, momentum, .. } => {
                let (step, momentum) = (T::from_f64(-rate), T::from_f64(momentum));
                let (scale, shrink) = (T::from_f64(self.scale), T::from_f64(self.shrink));
                one_average(
                    parameter,
                    #[inline(always)]
                    move |p: T, g: T, v: &mut T| {
                        *v = (scale * g.add_product(shrink, p)).add_product(momentum, *v);
                        p.add_product(step, *v)
                    },
                );
            }
            Rule::Adamw { rate, decoupled, betas: (b1, b2), epsilon, steps } => {
                let exponent = i32::try_from(steps).unwrap_or(i32::MAX);
                let (first, second) = (1.0 - b1.powi(exponent), 1.0 - b2.powi(exponent));
                let zero = T::from_f64(0.0);
                let (keep1, take1) = (T::from_f64(b1), T::from_f64(1.0 - b1));
                let (keep2, take2) = (T::from_f64(b2), T::from_f64(1.0 - b2));
                let (step, unbias) = (T::from_f64(-rate / first), T::from_f64(1.0 / second));
                let (epsilon, shrink) = (T::from_f64(epsilon), T::from_f64(-rate * decoupled));
                two_averages(
                    parameter,
                    #[inline(always)]
                    move |p: T, g: T, m: &mut T, v: &mut T| {
                        *m = zero.add_product(keep1, *m).add_product(take1, g);
                        let squared = zero.add_product(g, g);
                        *v = zero.add_product(keep2, *v).add_product(take2, squared);
                        let direction = zero.add_product(unbias, *v).divide_by_root(*m, epsilon);
                        p.add_product(shrink, p).add_product(step, direction)
                    },
                );
            }
        }
    }
}

#[inline(always)]
fn follow<T: Number>(teacher: &mut T, student: T, share: T) {
    *teacher = teacher.add_product(share, student.add_product(T::from_f64(-1.0), *teacher));
}

fn one_average<T: Number>(parameter: Parameter<'_, T>, new: impl Fn(T, T, &mut T) -> T + Copy) {
    let Parameter { values, gradient, first, mut teacher, .. } = parameter;
    vectors(
        #[inline(always)]
        || match &mut teacher {
            None => one(values, gradient, first, new),
            Some((teacher, share)) => one_and_teacher(values, gradient, first, (teacher, *share), new),
        },
    );
}

fn two_averages<T: Number>(parameter: Parameter<'_, T>, new: impl Fn(T, T, &mut T, &mut T) -> T + Copy) {
    let Parameter { values, gradient, first, second, mut teacher } = parameter;
    vectors(
        #[inline(always)]
        || match &mut teacher {
            None => two(values, gradient, first, second, new),
            Some((teacher, share)) => two_and_teacher(values, gradient, first, second, (teacher, *share), new),
        },
    );
}

// The loops: functions of slices, which the compiler knows not to overlap, with all constants by value. With the widest vectors
// of the machine a cache line is read once. In pieces, two arrays that lie unluckily to each other throw each other's lines out
// between the pieces: half the speed.

#[inline(always)]
fn one<T: Number>(p: &mut [T], g: &[T], v: &mut [T], new: impl Fn(T, T, &mut T) -> T) {
    for ((p, &g), v) in p.iter_mut().zip(g).zip(v) {
        *p = new(*p, g, v);
    }
}

#[inline(always)]
fn one_and_teacher<T: Number>(
    p: &mut [T], g: &[T], v: &mut [T], (teacher, share): (&mut [T], f64), new: impl Fn(T, T, &mut T) -> T,
) {
    let share = T::from_f64(share);
    for (((p, &g), v), t) in p.iter_mut().zip(g).zip(v).zip(teacher) {
        *p = new(*p, g, v);
        follow(t, *p, share);
    }
}

#[inline(always)]
fn two<T: Number>(p: &mut [T], g: &[T], m: &mut [T], v: &mut [T], new: impl Fn(T, T, &mut T, &mut T) -> T) {
    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        *p = new(*p, g, m, v);
    }
}

#[inline(always)]
fn two_and_teacher<T: Number>(
    p: &mut [T], g: &[T], m: &mut [T], v: &mut [T], (teacher, share): (&mut [T], f64),
    new: impl Fn(T, T, &mut T, &mut T) -> T,
) {
    let share = T::from_f64(share);
    for ((((p, &g), m), v), t) in p.iter_mut().zip(g).zip(m).zip(v).zip(teacher) {
        *p = new(*p, g, m, v);
        follow(t, *p, share);
    }
}

/// ξ ← ξ + (1 − α)(p − ξ) alone: for numbers that no optimizer moves.
///
/// # Shapes      teacher, student: as long
pub fn average<T: Number>(teacher: &mut [T], student: &[T], share: f64) {
    assert_eq!(teacher.len(), student.len(), "as many numbers");
    if share >= 1.0 {
        return teacher.copy_from_slice(student);
    }
    let share = T::from_f64(share);
    teacher.par_chunks_mut(CHUNK).zip(student.par_chunks(CHUNK)).for_each(|(teacher, student)| {
        vectors(
            #[inline(always)]
            || {
                for (t, &s) in teacher.iter_mut().zip(student) {
                    follow(t, s, share);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests;
