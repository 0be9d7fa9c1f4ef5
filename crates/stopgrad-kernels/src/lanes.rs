//! A float type in vector registers: the few operations that products are made of.

#![allow(clippy::inline_always, reason = "what is not part of the function with the vector instructions is plain code")]

use pulp::Simd;

/// What `Number` needs of vector registers, of whatever width the processor has.
pub trait Lanes: Copy {
    /// A register full of numbers.
    type Vector<S: Simd>: Copy;
    /// Numbers in a register.
    fn lanes<S: Simd>() -> usize;
    /// One number everywhere.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a · b`.
    fn times<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a · b + c`, rounded once where the processor can.
    fn multiply_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// The whole registers of a slice.
    fn vectors<S: Simd>(values: &[Self]) -> &[Self::Vector<S>];
    /// The same, to be written.
    fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Vector<S>];
}

macro_rules! lanes {
    ($number:ty, $vector:ident, $lanes:ident, $splat:ident, $times:ident, $add_product:ident, $slice:ident, $slice_mut:ident) => {
        impl Lanes for $number {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }
            #[inline(always)]
            fn times<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$times(a, b)
            }
            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$add_product(a, b, c)
            }
            #[inline(always)]
            fn vectors<S: Simd>(values: &[Self]) -> &[S::$vector] {
                S::$slice(values).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [S::$vector] {
                S::$slice_mut(values).0
            }
        }
    };
}

lanes!(f32, f32s, F32_LANES, splat_f32s, mul_f32s, mul_add_f32s, as_simd_f32s, as_mut_simd_f32s);
lanes!(f64, f64s, F64_LANES, splat_f64s, mul_f64s, mul_add_f64s, as_simd_f64s, as_mut_simd_f64s);
