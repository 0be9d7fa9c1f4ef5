//! Loops in the widest vector instructions of the processor.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use pulp::{Arch, Simd, WithSimd};

/// Runs a loop compiled for what this processor has: AVX-512, AVX2 with FMA, NEON, or what every processor of its kind has.
///
/// The loop and all it calls must be `#[inline(always)]`. A closure given to [`Arch::dispatch`] itself is called through
/// `FnOnce`, by a function the compiler makes that is not: large closures then stay plain code, four times slower, without a
/// word.
#[inline]
pub fn vectors<F: FnMut()>(work: F) {
    Arch::new().dispatch(Work(work));
}

struct Work<F>(F);

impl<F: FnMut()> WithSimd for Work<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        (self.0)();
    }
}
