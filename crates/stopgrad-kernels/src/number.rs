//! The two floating-point types that kernels run in, and the functions of them that loops need.

#![allow(
    clippy::inline_always,
    reason = "a loop is made for the vector instructions of the function that it becomes part of"
)]

use crate::lanes::Lanes;

/// `f32` or `f64`.
///
/// What is here is free of branches, so that a loop over it becomes vector instructions; conversions go through f64, which
/// holds every f32 exactly.
pub trait Number:
    Lanes
    + Send
    + Sync
    + PartialOrd
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::AddAssign
    + std::ops::MulAssign
    + 'static
{
    /// Rounds to the nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// `self + other`.
    #[must_use]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    /// `self + a · b`.
    #[must_use]
    fn add_product(self, a: Self, b: Self) -> Self {
        self + a * b
    }
    /// `numerator / (√self + floor)`: the quotient of AdamW.
    #[must_use]
    fn divide_by_root(self, numerator: Self, floor: Self) -> Self;
    /// eˣ to two units in the last place; below the smallest normal number 0, above the largest infinity.
    #[must_use]
    fn exponential(self) -> Self;
    /// Where this thread keeps buffers of this type.
    #[doc(hidden)]
    fn shelf() -> &'static crate::scratch::Shelf<Self>;
    /// Φ(x) of the standard normal distribution, and e^(−x²/2), both of which its slope needs. Φ: relative error below
    /// 5e-7 + 1e-7 x² in f32, below 1e-13 in f64.
    #[must_use]
    fn normal(self) -> (Self, Self);
}

impl Number for f32 {
    fn shelf() -> &'static crate::scratch::Shelf<Self> {
        &crate::scratch::SINGLE
    }
    #[inline]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline]
    fn divide_by_root(self, numerator: Self, floor: Self) -> Self {
        numerator / (self.sqrt() + floor)
    }

    /// eˣ = 2ⁿ eʳ with |r| ≤ ½ ln 2, eʳ by its series to the sixth power (relative error 1e-8 there).
    #[inline(always)]
    fn exponential(self) -> Self {
        // Added to a number below 2²², its last bits are the nearest whole number.
        const WHOLE: f32 = 12_582_912.0;
        const LOWEST: f32 = -87.336_54;
        const HIGHEST: f32 = 88.722_84;
        // Written so that a NaN stays one.
        let x = if self < LOWEST { LOWEST } else { self };
        let x = if x > HIGHEST { HIGHEST } else { x };
        let shifted = x.mul_add(std::f32::consts::LOG2_E, WHOLE);
        let n = shifted - WHOLE;
        // ln 2 in two parts: the product of n and the first is exact.
        let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
        let series = r.mul_add(1.0 / 720.0, 1.0 / 120.0);
        let series = series.mul_add(r, 1.0 / 24.0);
        let series = series.mul_add(r, 1.0 / 6.0);
        let series = series.mul_add(r, 0.5);
        let series = (series * r).mul_add(r, r) + 1.0;
        // 2ⁿ in two factors, for n = 128 has no exponent of its own.
        let whole = shifted.to_bits() as i32;
        let half = |n: i32| f32::from_bits(((n + 127) << 23) as u32);
        let whole = whole - WHOLE.to_bits() as i32;
        let first = whole >> 1;
        let value = series * half(first) * half(whole - first);
        let value = if self < LOWEST { 0.0 } else { value };
        if self > HIGHEST { f32::INFINITY } else { value }
    }

    /// Φ(−a) = e^(−a²/2) t Q(t), t = 1/(1 + p a), for a ≥ 0, with a relative error of 1.2e-8 by itself.
    ///
    /// # Source      our own fit, fits/normal_share.py; the form is that of Hastings 1955 (Abramowitz, Stegun 1964, 7.1.26)
    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        const P: f32 = 0.265;
        // The first one smaller by 4e-8 than fitted: Φ(0) is then ½ to the last bit.
        const TERMS: [f32; 9] = [
            0.030_821_145,
            -0.144_230_08,
            0.217_817_7,
            -0.116_365_43,
            0.137_954_87,
            0.060_312_43,
            0.102_701_14,
            0.105_246_64,
            0.105_741_57,
        ];
        let t = 1.0 / self.abs().mul_add(P, 1.0);
        let mut sum = TERMS[0];
        for &term in &TERMS[1..] {
            sum = sum.mul_add(t, term);
        }
        let density = (self * self * -0.5).exponential();
        let tail = density * t * sum;
        (if self < 0.0 { tail } else { 1.0 - tail }, density)
    }
}

impl Number for f64 {
    fn shelf() -> &'static crate::scratch::Shelf<Self> {
        &crate::scratch::DOUBLE
    }
    #[inline]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline]
    fn divide_by_root(self, numerator: Self, floor: Self) -> Self {
        numerator / (self.sqrt() + floor)
    }
    #[inline]
    fn exponential(self) -> Self {
        self.exp()
    }

    /// ½ erfc(|x|/√2) by its continued fraction from 2.5 on, Φ by its series below: no vectors, for checks and small networks.
    ///
    /// # Source      Abramowitz, Stegun 1964, 26.2.11 and 26.2.14
    fn normal(self) -> (Self, Self) {
        let x = self.abs();
        let power = (-0.5 * x * x).exp();
        let density = power / std::f64::consts::TAU.sqrt();
        let tail = if x < 2.5 {
            // Φ(x) = ½ + φ(x) (x + x³/3 + x⁵/15 + …).
            let (mut term, mut sum, mut k) = (x, x, 1.0);
            while term > 1e-18 * sum {
                k += 2.0;
                term *= x * x / k;
                sum += term;
            }
            0.5 - density * sum
        } else {
            // φ(x) / (x + 1/(x + 2/(x + …))).
            density / (1..=120).rev().fold(x, |below, k| x + f64::from(k) / below)
        };
        let share = if self.is_nan() {
            self
        } else if self < 0.0 {
            tail
        } else {
            1.0 - tail
        };
        (share, power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_two_units() {
        for step in -870_000..=887_000_i32 {
            let x = step as f32 * 1e-4;
            let wanted = f64::from(x).exp();
            let error = (f64::from(x.exponential()) - wanted).abs() / wanted;
            assert!(error <= 2.5e-7, "e^{x}: {error}");
        }
        let ends = [-88.0_f32, f32::NEG_INFINITY, f32::INFINITY].map(Number::exponential);
        assert_eq!(ends.map(f32::to_bits), [0.0, 0.0, f32::INFINITY].map(f32::to_bits));
        assert!(f32::NAN.exponential().is_nan());
    }

    /// scipy.stats.norm.cdf, 1.14.
    #[test]
    fn the_normal_share_is_that_of_tables() {
        for (x, wanted) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_07),
            (-2.0, 0.022_750_131_948_179_195),
            (-3.0, 0.001_349_898_031_630_094_5),
            (-5.0, 2.866_515_718_791_933_3e-7),
            (4.0, 0.999_968_328_758_166_9),
        ] {
            let error: f64 = Number::normal(x).0 / wanted - 1.0;
            assert!(error.abs() < 1e-13, "{x}: {error}");
        }
        for step in -5000..=5000 {
            let x = f64::from(step) * 1e-3;
            let error = (f64::from((x as f32).normal().0) / (x as f32).to_f64().normal().0 - 1.0).abs();
            // x² in single precision loses x² halves of a unit in the exponent.
            assert!(error < 5e-7 + 1e-7 * x * x, "{x}: {error}");
        }
        assert!(f32::NAN.normal().0.is_nan() && f64::NAN.normal().0.is_nan());
        assert_eq!((f32::NEG_INFINITY.normal().0, f32::INFINITY.normal().0), (0.0, 1.0));
    }
}
