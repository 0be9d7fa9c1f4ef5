//! The right-hand sides of the linear case on small fixed layouts, for L trajectories at once.
//!
//! A number of the state is an array of L lanes, one a trajectory, with its own moments, weight decays and rates.
//! Every product is added over its inner index in order with fused multiply-adds, whatever the block it stands in:
//! so a lane has the same bits for every L and every neighbor, and a lone trajectory is the case L = 1.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]
#![allow(clippy::needless_range_loop, reason = "one lane or place is indexed in several arrays")]

use std::ops::{Deref, DerefMut};

use pulp::{Arch, Simd, WithSimd};

use crate::{Field, LinearField, VectorField};

/// Rows and columns of the blocks that stay in registers: 16 sums, 4 + 4 operands.
const BLOCK: usize = 4;

/// X, Y, V, λ and rates of L trajectories of one field, n and m.
#[derive(Debug)]
pub(crate) struct LaneCoefficients<const L: usize> {
    kind: Field,
    n: usize,
    m: usize,
    xx: LaneVec<L>,
    yx: LaneVec<L>,
    yy: LaneVec<L>,
    decay_a: [f64; L],
    decay_b: [f64; L],
    ema_rate: [f64; L],
    rate_b: [f64; L],
}

/// Room for B A, R and their like.
#[derive(Debug)]
pub(crate) struct LaneScratch<const L: usize> {
    ba: LaneVec<L>,
    residual: LaneVec<L>,
}

/// Lanes that begin on a cache line, so that no vector straddles two.
#[derive(Debug)]
pub(crate) struct LaneVec<const L: usize> {
    buffer: Vec<f64>,
    offset: usize,
}

impl<const L: usize> LaneVec<L> {
    const LINE: usize = 64;

    pub(crate) fn new(count: usize) -> Self {
        let slack = Self::LINE / size_of::<f64>();
        let buffer = vec![0.0; count * L + slack];
        let past = buffer.as_ptr().addr() % Self::LINE;
        let offset = (Self::LINE - past) / size_of::<f64>() % slack;
        let buffer_end = offset + count * L;
        let mut buffer = buffer;
        buffer.truncate(buffer_end);
        Self { buffer, offset }
    }
}

impl<const L: usize> Deref for LaneVec<L> {
    type Target = [[f64; L]];

    #[inline(always)]
    fn deref(&self) -> &[[f64; L]] {
        self.buffer[self.offset..].as_chunks().0
    }
}

impl<const L: usize> DerefMut for LaneVec<L> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [[f64; L]] {
        self.buffer[self.offset..].as_chunks_mut().0
    }
}

/// Numbers of a state: n m + n², and n m more with a teacher.
pub(crate) fn state_size(kind: Field, n: usize, m: usize) -> usize {
    n * m + n * n + if kind.has_teacher() { n * m } else { 0 }
}

impl<const L: usize> LaneScratch<L> {
    pub(crate) fn new(n: usize, m: usize) -> Self {
        Self { ba: LaneVec::new(n * m), residual: LaneVec::new(n * m) }
    }
}

impl<const L: usize> LaneCoefficients<L> {
    /// All lanes at zero: at rest wherever they are.
    pub(crate) fn new(kind: Field, n: usize, m: usize) -> Self {
        let zero = [0.0; L];
        let (xx, yx, yy) = (LaneVec::new(m * m), LaneVec::new(m * m), LaneVec::new(m * m));
        Self { kind, n, m, xx, yx, yy, decay_a: zero, decay_b: zero, ema_rate: zero, rate_b: zero }
    }

    /// Puts the moments and rates of one trajectory into a lane.
    ///
    /// # Panics      when the field is of another kind or shape, or joint without V
    pub(crate) fn set_lane(&mut self, lane: usize, field: &LinearField) {
        let shape = (field.kind, field.width, field.moments.size());
        assert_eq!(shape, (self.kind, self.n, self.m), "an ensemble is of one field and one shape");
        for i in 0..self.m {
            for j in 0..self.m {
                self.xx[i * self.m + j][lane] = field.moments.xx[(i, j)];
                self.yx[i * self.m + j][lane] = field.moments.yx[(i, j)];
                if self.kind == Field::Joint {
                    let yy = field.moments.yy.as_ref().expect("the joint field needs V; its constructor asks for it");
                    self.yy[i * self.m + j][lane] = yy[(i, j)];
                }
            }
        }
        self.decay_a[lane] = field.decay_a;
        self.decay_b[lane] = field.decay_b;
        self.ema_rate[lane] = field.ema_rate;
        self.rate_b[lane] = field.rate_b;
    }

    /// v(z) → out, lane by lane.
    ///
    /// # Shapes      z, out: [`state_size`]
    pub(crate) fn value(&self, z: &[[f64; L]], out: &mut [[f64; L]], scratch: &mut LaneScratch<L>) {
        // The shapes of the experiments of docs/theory.md, 6.1, and of the benches, with their loops unrolled.
        let arch = Arch::new();
        match (self.n, self.m) {
            (4, 1) => arch.dispatch(Value::<L, 4, 1> { coefficients: self, z, out, scratch }),
            (8, 4) => arch.dispatch(Value::<L, 8, 4> { coefficients: self, z, out, scratch }),
            _ => arch.dispatch(Value::<L, ANY, ANY> { coefficients: self, z, out, scratch }),
        }
    }
}

/// A size that is known only when it runs.
const ANY: usize = 0;

/// v(z), with n and m part of the type where a shape is to be unrolled.
///
/// A struct and not a closure: a closure is called through a shim that the compiler need not inline, and then runs
/// without the vector instructions.
struct Value<'a, const L: usize, const N: usize, const M: usize> {
    coefficients: &'a LaneCoefficients<L>,
    z: &'a [[f64; L]],
    out: &'a mut [[f64; L]],
    scratch: &'a mut LaneScratch<L>,
}

impl<const L: usize, const N: usize, const M: usize> WithSimd for Value<'_, L, N, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let Self { coefficients: k, z, out, scratch } = self;
        let (n, m) = if N == ANY { (k.n, k.m) } else { (N, M) };
        let (a, rest) = z.split_at(n * m);
        let (b, c) = rest.split_at(n * n);
        let (da, rest) = out.split_at_mut(n * m);
        let (db, dc) = rest.split_at_mut(n * n);
        let (xx, yx, yy) = (&k.xx[..m * m], &k.yx[..m * m], &k.yy[..m * m]);
        let (ba, residual) = (&mut scratch.ba[..n * m], &mut scratch.residual[..n * m]);
        let teacher = if k.kind.has_teacher() { &c[..n * m] } else { a };
        // R = B A X − C Y
        ba.fill([0.0; L]);
        product::<L, false>(ba, [n, m, n], rows(b, n), rows(a, m));
        residual.fill([0.0; L]);
        product::<L, false>(residual, [n, m, m], rows(ba, m), rows(xx, m));
        product::<L, true>(residual, [n, m, m], rows(teacher, m), rows(yx, m));
        // dA = −(λ A + Bᵀ R)
        decay(simd, da, a, &k.decay_a);
        product::<L, true>(da, [n, m, n], columns(b, n), rows(residual, m));
        if k.kind == Field::Joint {
            product::<L, false>(da, [n, m, m], rows(ba, m), columns(yx, m));
            product::<L, true>(da, [n, m, m], rows(a, m), rows(yy, m));
        }
        // dB = −(λ B + R Aᵀ), at its own speed
        decay(simd, db, b, &k.decay_b);
        product::<L, true>(db, [n, n, m], rows(residual, m), columns(a, m));
        speed(simd, db, &k.rate_b);
        if k.kind.has_teacher() {
            dc.copy_from_slice(a);
            subtract(simd, dc, teacher);
            speed(simd, dc, &k.ema_rate);
        }
    }
}

// The three loops below are written in registers: left to itself, the compiler vectorizes over places and gathers.

/// −λ z → out.
#[inline(always)]
fn decay<V: Simd, const L: usize>(simd: V, out: &mut [[f64; L]], z: &[[f64; L]], rate: &[f64; L]) {
    out.copy_from_slice(z);
    speed(simd, out, rate);
    let zero = simd.splat_f64s(0.0);
    let (whole, rest) = V::as_mut_simd_f64s(out.as_flattened_mut());
    for x in whole {
        *x = simd.sub_f64s(zero, *x);
    }
    for x in rest {
        *x = 0.0 - *x;
    }
}

/// out · rate, lane by lane.
#[inline(always)]
fn speed<V: Simd, const L: usize>(simd: V, out: &mut [[f64; L]], rate: &[f64; L]) {
    if !L.is_multiple_of(V::F64_LANES) {
        for x in out {
            for l in 0..L {
                x[l] *= rate[l];
            }
        }
        return;
    }
    let (out, rate) = (V::as_mut_simd_f64s(out.as_flattened_mut()).0, V::as_simd_f64s(rate).0);
    for (part, &rate) in rate.iter().enumerate() {
        let mut i = part;
        while i < out.len() {
            out[i] = simd.mul_f64s(out[i], rate);
            i += L / V::F64_LANES;
        }
    }
}

/// out − z → out.
#[inline(always)]
fn subtract<V: Simd, const L: usize>(simd: V, out: &mut [[f64; L]], z: &[[f64; L]]) {
    let (whole, rest) = V::as_mut_simd_f64s(out.as_flattened_mut());
    let (z_whole, z_rest) = V::as_simd_f64s(z.as_flattened());
    for i in 0..whole.len() {
        whole[i] = simd.sub_f64s(whole[i], z_whole[i]);
    }
    for i in 0..rest.len() {
        rest[i] -= z_rest[i];
    }
}

/// A matrix of lanes, or its transpose: entry (i, j) lies at i · down + j · right.
#[derive(Clone, Copy)]
struct View<'a, const L: usize> {
    entries: &'a [[f64; L]],
    down: usize,
    right: usize,
}

/// The matrix of row-major entries with so many columns.
#[inline(always)]
fn rows<const L: usize>(entries: &[[f64; L]], columns: usize) -> View<'_, L> {
    View { entries, down: columns, right: 1 }
}

/// Its transpose.
#[inline(always)]
fn columns<const L: usize>(entries: &[[f64; L]], columns: usize) -> View<'_, L> {
    View { entries, down: 1, right: columns }
}

/// out ± left · right, block by block; sizes: rows, columns, inner.
#[inline(always)]
fn product<const L: usize, const MINUS: bool>(
    out: &mut [[f64; L]], sizes: [usize; 3], left: View<'_, L>, right: View<'_, L>,
) {
    let [rows, columns, inner] = sizes;
    let (whole_rows, whole_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
    let mut i = 0;
    while i < whole_rows {
        let mut j = 0;
        while j < whole_columns {
            block::<L, MINUS, BLOCK, BLOCK>(out, [i, j, columns, inner], left, right);
            j += BLOCK;
        }
        while j < columns {
            block::<L, MINUS, BLOCK, 1>(out, [i, j, columns, inner], left, right);
            j += 1;
        }
        i += BLOCK;
    }
    while i < rows {
        let mut j = 0;
        while j < whole_columns {
            block::<L, MINUS, 1, BLOCK>(out, [i, j, columns, inner], left, right);
            j += BLOCK;
        }
        while j < columns {
            block::<L, MINUS, 1, 1>(out, [i, j, columns, inner], left, right);
            j += 1;
        }
        i += 1;
    }
}

/// One block of R × C sums; place: first row and column, columns of `out`, inner size.
#[inline(always)]
fn block<const L: usize, const MINUS: bool, const R: usize, const C: usize>(
    out: &mut [[f64; L]], place: [usize; 4], left: View<'_, L>, right: View<'_, L>,
) {
    let [i, j, columns, inner] = place;
    let mut sums = [[[0.0; L]; C]; R];
    for r in 0..R {
        for c in 0..C {
            sums[r][c] = out[(i + r) * columns + j + c];
        }
    }
    for p in 0..inner {
        let mut operands = [[0.0; L]; C];
        for c in 0..C {
            operands[c] = right.entries[p * right.down + (j + c) * right.right];
        }
        for r in 0..R {
            let x = left.entries[(i + r) * left.down + p * left.right];
            for c in 0..C {
                for l in 0..L {
                    let factor = if MINUS { -x[l] } else { x[l] };
                    sums[r][c][l] = factor.mul_add(operands[c][l], sums[r][c][l]);
                }
            }
        }
    }
    for r in 0..R {
        for c in 0..C {
            out[(i + r) * columns + j + c] = sums[r][c];
        }
    }
}

/// The value of a linear field for one trajectory, with the bits of an ensemble's lane.
pub(crate) struct LinearKernel<'a> {
    field: &'a LinearField,
    coefficients: LaneCoefficients<1>,
}

impl<'a> LinearKernel<'a> {
    pub(crate) fn new(field: &'a LinearField) -> Self {
        let mut coefficients = LaneCoefficients::new(field.kind, field.width, field.moments.size());
        coefficients.set_lane(0, field);
        Self { field, coefficients }
    }

    /// J e from values alone, exact up to rounding: v is a polynomial of degree 3 (with no term to cancel beyond), so
    /// w(s) = (v(z + s e) − v(z − s e))/2 = s J e + s³ q(e), and J e = (8 w(1) − w(2))/6.
    ///
    /// Rounding is that of |v(z)| beside |J e|: for directions about as long as the state.
    fn jvp_by_degree(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        let half = |scale: f64| {
            let shifted = |s: f64| -> Vec<f64> { z.iter().zip(direction).map(|(x, d)| d.mul_add(s, *x)).collect() };
            let (mut ahead, mut behind) = (vec![0.0; z.len()], vec![0.0; z.len()]);
            self.value(&shifted(scale), &mut ahead);
            self.value(&shifted(-scale), &mut behind);
            ahead.iter().zip(&behind).map(|(a, b)| 0.5 * (a - b)).collect::<Vec<f64>>()
        };
        for ((out, one), two) in out.iter_mut().zip(half(1.0)).zip(half(2.0)) {
            *out = (8.0 * one - two) / 6.0;
        }
    }
}

impl VectorField for LinearKernel<'_> {
    fn dimension(&self) -> usize {
        state_size(self.field.kind, self.field.width, self.field.moments.size())
    }

    fn value(&self, z: &[f64], out: &mut [f64]) {
        let mut scratch = LaneScratch::new(self.field.width, self.field.moments.size());
        self.coefficients.value(z.as_chunks().0, out.as_chunks_mut().0, &mut scratch);
    }

    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        self.jvp_by_degree(z, direction, out);
    }
}

#[cfg(test)]
mod tests;
