//! Complex numbers of twice the precision: for residuals, where digits cancel.

use std::ops::{Add, Mul, Neg, Sub};

use faer::c64;

use super::interval::{ComplexInterval, Interval};
use super::ring::Ring;

/// high + low, |low| at most half a unit in the last place of high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Double {
    pub(super) high: f64,
    pub(super) low: f64,
}

/// a + b and its rounding error.
///
/// # Source      Knuth 1969 (TwoSum)
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

impl Double {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        let (low, rest) = two_sum(self.low, other.low);
        let (high, error) = quick(high, error + low);
        let (high, low) = quick(high, error + rest);
        Self { high, low }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        let high = self.high * other.high;
        let error = self.high.mul_add(other.high, -high);
        let (high, low) = quick(high, error + self.high.mul_add(other.low, self.low * other.high));
        Self { high, low }
    }

    #[inline(always)]
    fn negated(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

/// a + b and its rounding error, for |a| ≥ |b|.
#[inline(always)]
fn quick(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// A complex number of about 32 digits.
///
/// # Source      Dekker 1971; the product of two of them is good to 2⁻¹⁰⁰
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Precise {
    pub(super) re: Double,
    pub(super) im: Double,
}

impl Precise {
    pub(super) fn conjugate(self) -> Self {
        Self { re: self.re, im: self.im.negated() }
    }
}

impl Add for Precise {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { re: self.re.plus(other.re), im: self.im.plus(other.im) }
    }
}

impl Neg for Precise {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { re: self.re.negated(), im: self.im.negated() }
    }
}

impl Sub for Precise {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Precise {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re.times(other.re).plus(self.im.times(other.im).negated()),
            im: self.re.times(other.im).plus(self.im.times(other.re)),
        }
    }
}

impl Ring for Precise {
    #[inline(always)]
    fn real(x: f64) -> Self {
        Self::complex(c64::new(x, 0.0))
    }
    #[inline(always)]
    fn complex(x: c64) -> Self {
        Self { re: Double { high: x.re, low: 0.0 }, im: Double { high: x.im, low: 0.0 } }
    }
}

/// A number of twice the precision, and how far the exact result may be from it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ball {
    mid: Double,
    radius: f64,
}

/// Relative error of a sum or product of two numbers of twice the precision: below 3 u² and 5 u², u = 2⁻⁵³.
///
/// # Source      Joldes, Muller, Popescu 2017 (AccurateDWPlusDW, DWTimesDW2)
const UNIT: f64 = 8.0 * (f64::EPSILON / 2.0) * (f64::EPSILON / 2.0);
/// What a few sums of positive numbers, rounded to nearest, may have lost.
const ROUNDED: f64 = 1.0 + 16.0 * f64::EPSILON;
/// Above every error of an underflow.
const TINY: f64 = 1e-290;

impl Ball {
    fn around(mid: Double, radius: f64) -> Self {
        Self { mid, radius: (radius + UNIT * mid.high.abs()) * ROUNDED + TINY }
    }

    fn plus(self, other: Self) -> Self {
        Self::around(self.mid.plus(other.mid), self.radius + other.radius)
    }

    fn times(self, other: Self) -> Self {
        let (a, b) = (self.mid.high.abs() * ROUNDED, other.mid.high.abs() * ROUNDED);
        let spread = a * other.radius + b * self.radius + self.radius * other.radius;
        Self::around(self.mid.times(other.mid), spread)
    }

    fn negated(self) -> Self {
        Self { mid: self.mid.negated(), radius: self.radius }
    }

    fn interval(self) -> Interval {
        let radius = (self.radius + self.mid.low.abs()) * ROUNDED;
        Interval { lo: (self.mid.high - radius).next_down(), hi: (self.mid.high + radius).next_up() }
    }
}

/// A complex number of about 32 digits with a bound of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Enclosed {
    re: Ball,
    im: Ball,
}

impl Enclosed {
    /// The number in the middle.
    pub(super) fn middle(self) -> Precise {
        Precise { re: self.re.mid, im: self.im.mid }
    }

    /// A box that holds the exact result.
    pub(crate) fn interval(self) -> ComplexInterval {
        ComplexInterval { re: self.re.interval(), im: self.im.interval() }
    }
}

impl Add for Enclosed {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re.plus(other.re), im: self.im.plus(other.im) }
    }
}

impl Neg for Enclosed {
    type Output = Self;
    fn neg(self) -> Self {
        Self { re: self.re.negated(), im: self.im.negated() }
    }
}

impl Sub for Enclosed {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Enclosed {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re.times(other.re).plus(self.im.times(other.im).negated()),
            im: self.re.times(other.im).plus(self.im.times(other.re)),
        }
    }
}

impl Ring for Enclosed {
    fn real(x: f64) -> Self {
        Self::complex(c64::new(x, 0.0))
    }
    fn complex(x: c64) -> Self {
        let exact = |x: f64| Ball { mid: Double { high: x, low: 0.0 }, radius: 0.0 };
        Self { re: exact(x.re), im: exact(x.im) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::lanes::Lane;
    use crate::testing::normal_vector;

    #[test]
    fn an_enclosed_result_holds_that_of_exact_integers() {
        // Integers of 30 bits: products of three have 90, sums of them are exact in i128.
        let draws = normal_vector(900, 6);
        for part in draws.chunks(9) {
            let whole: Vec<i128> = part.iter().map(|x| (x * 2f64.powi(28)) as i128).collect();
            let lifted: Vec<Enclosed> = whole.iter().map(|&x| Enclosed::real(x as f64)).collect();
            let exact: i128 = (0..3).map(|k| whole[k] * whole[k + 3] * whole[k + 6]).sum();
            let found = (0..3).fold(Enclosed::real(0.0), |sum, k| sum + lifted[k] * lifted[k + 3] * lifted[k + 6]);
            let Interval { lo, hi } = found.interval().re;
            assert!(lo as i128 <= exact && exact <= hi as i128, "{lo} {exact} {hi}");
            // The distance of the middle from the exact sum is within the radius told.
            let middle = found.re.mid.high as i128 + found.re.mid.low as i128;
            assert!((middle - exact).unsigned_abs() as f64 <= found.re.radius + 1.0);
            assert!(found.re.radius < 1e-25 * 2f64.powi(90));
        }
    }

    #[test]
    fn digits_that_cancel_are_kept() {
        // (1 + 2⁻³⁰)² − 1 − 2⁻²⁹ = 2⁻⁶⁰, of which doubles keep nothing.
        let small = 0.5f64.powi(30);
        let x = Precise::complex(c64::new(1.0 + small, 0.0));
        let rest = x * x - Precise::real(1.0) - Precise::real(2.0 * small);
        assert_eq!(rest.rounded(), c64::new(small * small, 0.0));
        assert!(((1.0 + small) * (1.0 + small) - 1.0 - 2.0 * small).abs() < 1e-300);
        let i = Precise::complex(c64::new(0.0, 1.0 + small));
        assert_eq!((i * i + x * x).rounded(), c64::new(0.0, 0.0));
    }
}
