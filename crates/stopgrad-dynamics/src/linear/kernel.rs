//! The one right-hand side of the linear case, for L trajectories at once.
//!
//! A number of the state is an array of L lanes, one a trajectory, with its own moments, weight decays and rates;
//! [`LinearField`](crate::LinearField) is the case L = 1, an ensemble has L = 8. Every product is added over its inner
//! index in order with fused multiply-adds, whatever the block it stands in: so a lane has the same bits for every L
//! and every neighbor. Only a lone trajectory with a side beyond [`SMALL`] goes to the matrix library.

#![allow(clippy::inline_always, reason = "what is not inlined into a vector function runs without its instructions")]
#![allow(clippy::needless_range_loop, reason = "one lane or place is indexed in several arrays")]

use faer::{Accum, MatMut, MatRef};
use pulp::{Arch, Simd, WithSimd};

use super::product::SMALL;
use crate::{Field, linalg};

/// Rows and columns of the blocks that stay in registers: 16 sums, 4 + 4 operands.
const BLOCK: usize = 4;

/// X, Y, V, λ and rates of L trajectories of one field, n and m.
///
/// # Shapes      xx, yx, yy: m × m, row-major; yy may be empty where the field is not joint
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coefficients<'a, const L: usize> {
    pub(crate) kind: Field,
    pub(crate) n: usize,
    pub(crate) m: usize,
    pub(crate) xx: &'a [[f64; L]],
    pub(crate) yx: &'a [[f64; L]],
    pub(crate) yy: &'a [[f64; L]],
    pub(crate) decay_a: &'a [f64; L],
    pub(crate) decay_b: &'a [f64; L],
    pub(crate) ema_rate: &'a [f64; L],
    pub(crate) rate_b: &'a [f64; L],
}

impl<const L: usize> Coefficients<'_, L> {
    /// v(z) → out, lane by lane.
    ///
    /// # Shapes      z, out: n m + n², and n m more with a teacher; scratch: 2 n m, whatever is in it
    pub(crate) fn value(self, z: &[[f64; L]], out: &mut [[f64; L]], scratch: &mut [[f64; L]]) {
        // The shapes of the experiments of docs/theory.md, 6.1, and of the benches, with their loops unrolled.
        let (arch, coefficients) = (Arch::new(), self);
        match (self.n, self.m) {
            (4, 1) => arch.dispatch(Value::<L, 4, 1> { coefficients, z, out, scratch }),
            (8, 4) => arch.dispatch(Value::<L, 8, 4> { coefficients, z, out, scratch }),
            _ => arch.dispatch(Value::<L, ANY, ANY> { coefficients, z, out, scratch }),
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
    coefficients: Coefficients<'a, L>,
    z: &'a [[f64; L]],
    out: &'a mut [[f64; L]],
    scratch: &'a mut [[f64; L]],
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
        let (xx, yx) = (&k.xx[..m * m], &k.yx[..m * m]);
        let (ba, residual) = scratch[..2 * n * m].split_at_mut(n * m);
        let teacher = if k.kind.has_teacher() { &c[..n * m] } else { a };
        // R = B A X − C Y
        ba.fill([0.0; L]);
        product::<L, false>(ba, [n, m, n], rows(b, n), rows(a, m));
        residual.fill([0.0; L]);
        product::<L, false>(residual, [n, m, m], rows(ba, m), rows(xx, m));
        product::<L, true>(residual, [n, m, m], rows(teacher, m), rows(yx, m));
        // dA = −(λ A + Bᵀ R)
        decay(simd, da, a, k.decay_a);
        product::<L, true>(da, [n, m, n], columns(b, n), rows(residual, m));
        if k.kind == Field::Joint {
            product::<L, false>(da, [n, m, m], rows(ba, m), columns(yx, m));
            product::<L, true>(da, [n, m, m], rows(a, m), rows(&k.yy[..m * m], m));
        }
        // dB = −(λ B + R Aᵀ), at its own speed
        decay(simd, db, b, k.decay_b);
        product::<L, true>(db, [n, n, m], rows(residual, m), columns(a, m));
        speed(simd, db, k.rate_b);
        if k.kind.has_teacher() {
            dc.copy_from_slice(a);
            subtract(simd, dc, teacher);
            speed(simd, dc, k.ema_rate);
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

impl<'a, const L: usize> View<'a, L> {
    /// The whole matrix of a lone trajectory, for the library.
    fn whole(self, rows: usize, columns: usize) -> MatRef<'a, f64> {
        let entries = self.entries.as_flattened();
        if self.right == 1 {
            MatRef::from_row_major_slice(entries, rows, columns)
        } else {
            MatRef::from_column_major_slice(entries, rows, columns)
        }
    }
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
    if L == 1 && sizes.into_iter().any(|side| side > SMALL) {
        return library_product::<L, MINUS>(out, sizes, left, right);
    }
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

/// The same for a lone trajectory, by the matrix library; its fixed cost is that of a whole product at n = 8.
#[inline(never)]
fn library_product<const L: usize, const MINUS: bool>(
    out: &mut [[f64; L]], [rows, columns, inner]: [usize; 3], left: View<'_, L>, right: View<'_, L>,
) {
    let factor = if MINUS { -1.0 } else { 1.0 };
    let out = MatMut::from_row_major_slice_mut(out.as_flattened_mut(), rows, columns);
    linalg::multiply(out, Accum::Add, left.whole(rows, inner), right.whole(inner, columns), factor);
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
