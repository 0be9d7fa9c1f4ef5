//! Complex numbers in rows of eight, of double precision or of twice that: vectors of the processor.
//!
//! Each operation that matters (a product, the factors of a matrix) is one call of a function that is compiled for the
//! processor; what is around it is plain code, so that little is compiled several times.

use faer::c64;
use pulp::Simd;

use super::precise::{Double, Precise};
use super::ring::Ring;

/// Numbers in a row: a vector of the processor, or two.
pub(super) const LANES: usize = 8;

/// Real or imaginary parts.
type Part = [f64; LANES];

/// A complex number that is computed with in rows.
pub(crate) trait Lane: Ring + Send + Sync + std::fmt::Debug + PartialEq + 'static {
    /// Eight of them, parts apart.
    type Row: Copy + Send + Sync + std::fmt::Debug + PartialEq;
    /// Zeros.
    const NONE: Self::Row;
    /// Relative accuracy that is taken for granted.
    const UNIT: f64;
    /// Relative accuracy that is too bad to go on with.
    const LOST: f64;
    /// One of them.
    fn get(row: &Self::Row, lane: usize) -> Self;
    /// Sets one.
    fn put(row: &mut Self::Row, lane: usize, to: Self);
    /// to + a v.
    fn gain<S: Simd>(simd: S, to: &mut Self::Row, a: Self, from: &Self::Row);
    /// The nearest of double precision.
    fn rounded(self) -> c64;
    /// The same number.
    fn to_precise(self) -> Precise;
    /// The nearest number.
    fn from_precise(from: Precise) -> Self;
    /// 1/x.
    fn inverse(self) -> Self;
}

/// Parts of double precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Split {
    re: Part,
    im: Part,
}

impl Lane for c64 {
    type Row = Split;
    const NONE: Split = Split { re: [0.0; LANES], im: [0.0; LANES] };
    const UNIT: f64 = f64::EPSILON;
    const LOST: f64 = 1e-5;

    #[inline(always)]
    fn get(row: &Split, lane: usize) -> Self {
        Self::new(row.re[lane], row.im[lane])
    }

    #[inline(always)]
    fn put(row: &mut Split, lane: usize, to: Self) {
        (row.re[lane], row.im[lane]) = (to.re, to.im);
    }

    #[inline(always)]
    fn gain<S: Simd>(simd: S, to: &mut Split, a: Self, from: &Split) {
        let (a_re, a_im) = (simd.splat_f64s(a.re), simd.splat_f64s(a.im));
        let (to_re, to_im) = (S::as_mut_simd_f64s(&mut to.re).0, S::as_mut_simd_f64s(&mut to.im).0);
        let (re, im) = (S::as_simd_f64s(&from.re).0, S::as_simd_f64s(&from.im).0);
        for ((to_re, to_im), (&re, &im)) in to_re.iter_mut().zip(to_im).zip(re.iter().zip(im)) {
            *to_re = simd.negate_mul_add_e_f64s(a_im, im, simd.mul_add_e_f64s(a_re, re, *to_re));
            *to_im = simd.mul_add_e_f64s(a_im, re, simd.mul_add_e_f64s(a_re, im, *to_im));
        }
    }

    #[inline(always)]
    fn rounded(self) -> c64 {
        self
    }

    fn to_precise(self) -> Precise {
        Precise::complex(self)
    }

    fn from_precise(from: Precise) -> Self {
        from.rounded()
    }

    #[inline(always)]
    fn inverse(self) -> Self {
        self.conj() / self.norm_sqr()
    }
}

/// Parts of twice the precision: high and low.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SplitTwice {
    re: [Part; 2],
    im: [Part; 2],
}

/// A vector of numbers of twice the precision: (high, low).
type Twice<S> = (<S as Simd>::f64s, <S as Simd>::f64s);

/// a + b exactly.
#[inline(always)]
fn two_sum<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> Twice<S> {
    let sum = simd.add_f64s(a, b);
    let part = simd.sub_f64s(sum, a);
    (sum, simd.add_f64s(simd.sub_f64s(a, simd.sub_f64s(sum, part)), simd.sub_f64s(b, part)))
}

/// high + low, |high| ≥ |low|, exactly.
#[inline(always)]
fn quick<S: Simd>(simd: S, high: S::f64s, low: S::f64s) -> Twice<S> {
    let sum = simd.add_f64s(high, low);
    (sum, simd.sub_f64s(low, simd.sub_f64s(sum, high)))
}

/// to + a b, to 2⁻¹⁰⁰ of |to| + |a b|.
#[inline(always)]
fn multiply_add<S: Simd>(simd: S, a: Twice<S>, b: Twice<S>, to: Twice<S>) -> Twice<S> {
    let high = simd.mul_f64s(a.0, b.0);
    let error = simd.mul_add_f64s(a.0, b.0, simd.neg_f64s(high));
    let low = simd.add_f64s(error, simd.add_f64s(simd.mul_f64s(a.0, b.1), simd.mul_f64s(a.1, b.0)));
    let (sum, rest) = two_sum(simd, to.0, high);
    quick(simd, sum, simd.add_f64s(rest, simd.add_f64s(to.1, low)))
}

/// One part of a row: to + a v + b w.
#[inline(always)]
fn gain_part<S: Simd>(simd: S, to: &mut [Part; 2], a: (Double, &[Part; 2]), b: (Double, &[Part; 2])) {
    let [high, low] = to;
    let splat = |x: Double| (simd.splat_f64s(x.high), simd.splat_f64s(x.low));
    let (a, b, v, w) = (splat(a.0), splat(b.0), a.1, b.1);
    let [v, w] = [v, w].map(|x| (S::as_simd_f64s(&x[0]).0, S::as_simd_f64s(&x[1]).0));
    let (high, low) = (S::as_mut_simd_f64s(high).0, S::as_mut_simd_f64s(low).0);
    for (l, (high, low)) in high.iter_mut().zip(low).enumerate() {
        let one = multiply_add(simd, a, (v.0[l], v.1[l]), (*high, *low));
        (*high, *low) = multiply_add(simd, b, (w.0[l], w.1[l]), one);
    }
}

impl Lane for Precise {
    type Row = SplitTwice;
    const NONE: SplitTwice = SplitTwice { re: [[0.0; LANES]; 2], im: [[0.0; LANES]; 2] };
    // A few digits less than there are: a Newton step is saved.
    const UNIT: f64 = 1e-24;
    const LOST: f64 = 1e-8;

    #[inline(always)]
    fn get(row: &SplitTwice, lane: usize) -> Self {
        let double = |part: &[Part; 2]| Double { high: part[0][lane], low: part[1][lane] };
        Self { re: double(&row.re), im: double(&row.im) }
    }

    #[inline(always)]
    fn put(row: &mut SplitTwice, lane: usize, to: Self) {
        (row.re[0][lane], row.re[1][lane]) = (to.re.high, to.re.low);
        (row.im[0][lane], row.im[1][lane]) = (to.im.high, to.im.low);
    }

    #[inline(always)]
    fn gain<S: Simd>(simd: S, to: &mut SplitTwice, a: Self, from: &SplitTwice) {
        gain_part(simd, &mut to.re, (a.re, &from.re), ((-a).im, &from.im));
        gain_part(simd, &mut to.im, (a.re, &from.im), (a.im, &from.re));
    }

    #[inline(always)]
    fn rounded(self) -> c64 {
        c64::new(self.re.high + self.re.low, self.im.high + self.im.low)
    }

    fn to_precise(self) -> Precise {
        self
    }

    fn from_precise(from: Precise) -> Self {
        from
    }

    #[inline(always)]
    fn inverse(self) -> Self {
        // A Newton step doubles the digits.
        let near = Self::complex(self.rounded().inverse());
        near * (Self::real(2.0) - self * near)
    }
}
