//! One trial step of an embedded pair.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]
#![allow(clippy::needless_range_loop, reason = "one lane or place is indexed in several arrays")]

use pulp::{Arch, Simd, WithSimd};

use super::tableau::STAGES;
use super::{Tableau, Tolerance};
use crate::VectorField;

/// Components that are worked on together: one AVX-512 register, two of AVX2.
const WIDTH: usize = 8;

/// A method that takes one step and says how wrong it is.
pub trait Stepper {
    /// Order of the solution that is carried on.
    fn order(&self) -> u32;

    /// Tries a step of this length; returns its error in units of the tolerance (1 is just good enough).
    ///
    /// # Shapes      z, slope = v(z): d
    fn step(&mut self, field: &dyn VectorField, z: &[f64], slope: &[f64], length: f64, tolerance: Tolerance) -> f64;

    /// The end of the last trial step, and the slope there.
    fn end(&self) -> (&[f64], &[f64]);
}

/// An explicit embedded pair with its memory: nothing is allocated after it is made.
#[derive(Debug)]
pub struct EmbeddedRungeKutta {
    tableau: &'static Tableau,
    arch: Arch,
    end: Vec<f64>,
    slopes: [Vec<f64>; STAGES],
}

impl EmbeddedRungeKutta {
    /// For states of d numbers.
    ///
    /// # Cost        8 d numbers of memory
    pub fn new(tableau: &'static Tableau, dimension: usize) -> Self {
        let slopes = std::array::from_fn(|_| vec![0.0; dimension]);
        Self { tableau, arch: Arch::new(), end: vec![0.0; dimension], slopes }
    }
}

impl Stepper for EmbeddedRungeKutta {
    fn order(&self) -> u32 {
        self.tableau.order
    }

    fn step(&mut self, field: &dyn VectorField, z: &[f64], slope: &[f64], length: f64, tolerance: Tolerance) -> f64 {
        self.slopes[0].copy_from_slice(slope);
        for (stage, weights) in (1..).zip(&self.tableau.weights) {
            let (earlier, later) = self.slopes.split_at_mut(stage);
            advance_point(self.arch, z, earlier, &weights[..stage], length, &mut self.end);
            field.value(&self.end, &mut later[0]);
        }
        let (end, slopes, weights) = (&self.end, &self.slopes, &self.tableau.error);
        let sum = self.arch.dispatch(ErrorSum { z, end, slopes, weights, length, tolerance });
        (sum / z.len().max(1) as f64).sqrt()
    }

    fn end(&self) -> (&[f64], &[f64]) {
        (&self.end, &self.slopes[STAGES - 1])
    }
}

/// z + h Σ wⱼ kⱼ at place i: every step of this crate is added up in this order, so that a trajectory has the same
/// bits alone and in an ensemble.
#[inline(always)]
pub(crate) fn combine<const L: usize, const S: usize>(
    z: &[f64; L], slopes: &[&[[f64; L]]; S], weights: &[f64; S], length: &[f64; L], i: usize,
) -> [f64; L] {
    // Whole rows are copied first: they become registers, and no store can come between.
    let (z, mut sum) = (*z, slopes[0][i]);
    for x in &mut sum {
        *x *= weights[0];
    }
    for j in 1..S {
        let slope = slopes[j][i];
        for l in 0..L {
            sum[l] = slope[l].mul_add(weights[j], sum[l]);
        }
    }
    for l in 0..L {
        sum[l] = sum[l].mul_add(length[l], z[l]);
    }
    sum
}

/// (h Σ eⱼ kⱼ / (absolute + relative max(|z|, |end|)))² at place i.
#[inline(always)]
pub(crate) fn weigh_error<const L: usize>(
    ends: [&[f64; L]; 2], slopes: &[&[[f64; L]]; STAGES], weights: &[f64; STAGES], length: &[f64; L],
    tolerance: Tolerance, i: usize,
) -> [f64; L] {
    let mut out = combine(&[0.0; L], slopes, weights, length, i);
    for l in 0..L {
        let size = ends[0][l].abs().max(ends[1][l].abs());
        let ratio = out[l] / size.mul_add(tolerance.relative, tolerance.absolute);
        out[l] = ratio * ratio;
    }
    out
}

/// z + h Σ wⱼ kⱼ at every place.
///
/// A struct and not a closure: a closure is called through a shim that the compiler need not inline, and then runs
/// without the vector instructions.
pub(crate) struct Combine<'a, const L: usize, const S: usize> {
    pub(crate) z: &'a [[f64; L]],
    pub(crate) slopes: [&'a [[f64; L]]; S],
    pub(crate) weights: &'a [f64],
    pub(crate) length: &'a [f64; L],
    pub(crate) out: &'a mut [[f64; L]],
}

impl<const L: usize, const S: usize> WithSimd for Combine<'_, L, S> {
    type Output = ();

    /// In registers by name: left to itself, the compiler vectorizes over places and gathers.
    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let count = self.z.len();
        if !L.is_multiple_of(V::F64_LANES) {
            let weights = std::array::from_fn(|j| self.weights[j]);
            for i in 0..count {
                self.out[i] = combine(&self.z[i], &self.slopes, &weights, self.length, i);
            }
            return;
        }
        let (length, _) = V::as_simd_f64s(self.length);
        let (z, _) = V::as_simd_f64s(self.z.as_flattened());
        let (out, _) = V::as_mut_simd_f64s(self.out[..count].as_flattened_mut());
        let (mut slopes, mut weights) = ([z; S], [simd.splat_f64s(0.0); S]);
        for j in 0..S {
            slopes[j] = V::as_simd_f64s(self.slopes[j][..count].as_flattened()).0;
            weights[j] = simd.splat_f64s(self.weights[j]);
        }
        for (part, &length_part) in length.iter().enumerate() {
            let mut i = part;
            while i < z.len() {
                let mut sum = simd.mul_f64s(slopes[0][i], weights[0]);
                for j in 1..S {
                    sum = simd.mul_add_f64s(slopes[j][i], weights[j], sum);
                }
                out[i] = simd.mul_add_f64s(sum, length_part, z[i]);
                i += length.len();
            }
        }
    }
}

/// The point of stage `stage` from the slopes before it.
pub(crate) fn stage_point<const L: usize>(
    arch: Arch, z: &[[f64; L]], slopes: &[&[[f64; L]]], weights: &[f64], length: &[f64; L], out: &mut [[f64; L]],
) {
    match *slopes {
        [a] => arch.dispatch(Combine { z, slopes: [a], weights, length, out }),
        [a, b] => arch.dispatch(Combine { z, slopes: [a, b], weights, length, out }),
        [a, b, c] => arch.dispatch(Combine { z, slopes: [a, b, c], weights, length, out }),
        [a, b, c, d] => arch.dispatch(Combine { z, slopes: [a, b, c, d], weights, length, out }),
        [a, b, c, d, e] => arch.dispatch(Combine { z, slopes: [a, b, c, d, e], weights, length, out }),
        [a, b, c, d, e, f] => arch.dispatch(Combine { z, slopes: [a, b, c, d, e, f], weights, length, out }),
        _ => unreachable!("a pair has six stages after its first"),
    }
}

fn advance_point(arch: Arch, z: &[f64], slopes: &[Vec<f64>], weights: &[f64], length: f64, out: &mut [f64]) {
    let whole = z.len() / WIDTH * WIDTH;
    let mut wide: [&[[f64; WIDTH]]; STAGES] = [&[]; STAGES];
    let mut rest: [&[[f64; 1]]; STAGES] = [&[]; STAGES];
    for (j, slope) in slopes.iter().enumerate() {
        (wide[j], rest[j]) = (slope.as_chunks().0, slope[whole..].as_chunks().0);
    }
    let (out_wide, out_rest) = out.split_at_mut(whole);
    let count = slopes.len();
    let (z_wide, out_wide) = (z.as_chunks().0, out_wide.as_chunks_mut().0);
    stage_point(arch, z_wide, &wide[..count], weights, &[length; WIDTH], out_wide);
    stage_point(arch, z[whole..].as_chunks().0, &rest[..count], weights, &[length], out_rest.as_chunks_mut().0);
}

/// Σ of the squared error ratios, added in the order of the components.
struct ErrorSum<'a> {
    z: &'a [f64],
    end: &'a [f64],
    slopes: &'a [Vec<f64>; STAGES],
    weights: &'a [f64; STAGES],
    length: f64,
    tolerance: Tolerance,
}

impl WithSimd for ErrorSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<V: Simd>(self, _simd: V) -> f64 {
        let Self { z, end, slopes, weights, length, tolerance } = self;
        let mut wide: [&[[f64; WIDTH]]; STAGES] = [&[]; STAGES];
        let mut narrow: [&[[f64; 1]]; STAGES] = [&[]; STAGES];
        for j in 0..STAGES {
            (wide[j], narrow[j]) = (slopes[j].as_chunks().0, slopes[j].as_chunks().0);
        }
        let (z_wide, end_wide) = (z.as_chunks::<WIDTH>().0, end.as_chunks::<WIDTH>().0);
        let mut sum = 0.0;
        for i in 0..z_wide.len() {
            let parts = weigh_error([&z_wide[i], &end_wide[i]], &wide, weights, &[length; WIDTH], tolerance, i);
            for part in parts {
                sum += part;
            }
        }
        for i in z_wide.len() * WIDTH..z.len() {
            sum += weigh_error([&[z[i]], &[end[i]]], &narrow, weights, &[length], tolerance, i)[0];
        }
        sum
    }
}
