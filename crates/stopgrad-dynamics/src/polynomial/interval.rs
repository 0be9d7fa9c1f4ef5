//! Intervals and complex boxes that are sure to hold the result of an operation.
//!
//! Every result is moved outward by one unit in the last place, which covers rounding to nearest; no rounding mode is
//! switched. A bound that is no number makes every comparison false, so that nothing is proved by it.

use std::ops::{Add, Mul, Neg, Sub};

use faer::c64;

use super::ring::Ring;

/// [lo, hi].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
}

/// A sum that came out as 0 is exact, and stays; everything else moves outward.
#[inline]
fn outward(lo: f64, hi: f64) -> Interval {
    let (lo_exact, hi_exact) = (lo == 0.0, hi == 0.0);
    Interval { lo: if lo_exact { lo } else { lo.next_down() }, hi: if hi_exact { hi } else { hi.next_up() } }
}

impl Interval {
    /// [x, x].
    #[inline]
    pub const fn point(x: f64) -> Self {
        Self { lo: x, hi: x }
    }

    /// Everything within a distance of a point.
    #[inline]
    pub fn around(x: f64, radius: f64) -> Self {
        Self { lo: (x - radius).next_down(), hi: (x + radius).next_up() }
    }

    /// The largest |x| in it.
    #[inline]
    pub fn magnitude(self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// At least half its width.
    #[inline]
    pub fn radius(self) -> f64 {
        (0.5 * (self.hi - self.lo)).next_up()
    }

    /// Whether it lies in the interior of another.
    #[inline]
    pub fn is_inside(self, other: Self) -> bool {
        other.lo < self.lo && self.hi < other.hi
    }

    /// Whether x is in it.
    #[inline]
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    /// Whether it is sure to have no point in common with another.
    #[inline]
    pub fn is_apart_from(self, other: Self) -> bool {
        self.hi < other.lo || other.hi < self.lo
    }

    /// The product with a number.
    #[inline]
    fn times(self, x: f64) -> Self {
        let (a, b) = (self.lo * x, self.hi * x);
        widen_product(a.min(b), a.max(b))
    }
}

/// Products of 0 are exact; others move outward, an underflow to 0 included.
#[inline]
fn widen_product(lo: f64, hi: f64) -> Interval {
    Interval { lo: lo.next_down(), hi: hi.next_up() }
}

impl Add for Interval {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        outward(self.lo + other.lo, self.hi + other.hi)
    }
}

impl Sub for Interval {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        outward(self.lo - other.hi, self.hi - other.lo)
    }
}

impl Neg for Interval {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Mul for Interval {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let is_zero = |x: Self| x == Self::point(0.0);
        if is_zero(self) || is_zero(other) {
            // Of a number: what is no number stays none.
            let kept = 0.0 * (self.lo + self.hi + other.lo + other.hi);
            return Self::point(if kept.is_nan() { f64::NAN } else { 0.0 });
        }
        let products = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        if products.iter().any(|x| x.is_nan()) {
            return Self::point(f64::NAN);
        }
        let lo = products[0].min(products[1]).min(products[2].min(products[3]));
        let hi = products[0].max(products[1]).max(products[2].max(products[3]));
        widen_product(lo, hi)
    }
}

/// A rectangle of the complex plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComplexInterval {
    /// Real parts.
    pub re: Interval,
    /// Imaginary parts.
    pub im: Interval,
}

impl ComplexInterval {
    /// One number.
    #[inline]
    pub const fn point(x: c64) -> Self {
        Self { re: Interval::point(x.re), im: Interval::point(x.im) }
    }

    /// The square of half-width `radius` about a number.
    #[inline]
    pub fn around(x: c64, radius: f64) -> Self {
        Self { re: Interval::around(x.re, radius), im: Interval::around(x.im, radius) }
    }

    /// Whether it lies in the interior of another.
    #[inline]
    pub fn is_inside(self, other: Self) -> bool {
        self.re.is_inside(other.re) && self.im.is_inside(other.im)
    }

    /// The conjugates.
    #[inline]
    #[must_use]
    pub fn conjugate(self) -> Self {
        Self { re: self.re, im: -self.im }
    }

    /// Whether it is sure to have no point in common with another.
    #[inline]
    pub fn is_apart_from(self, other: Self) -> bool {
        self.re.is_apart_from(other.re) || self.im.is_apart_from(other.im)
    }

    /// The larger half-width.
    #[inline]
    pub fn radius(self) -> f64 {
        self.re.radius().max(self.im.radius())
    }

    /// The product with a number.
    #[inline]
    pub(crate) fn times(self, x: c64) -> Self {
        Self { re: self.re.times(x.re) - self.im.times(x.im), im: self.re.times(x.im) + self.im.times(x.re) }
    }
}

impl Add for ComplexInterval {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for ComplexInterval {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Neg for ComplexInterval {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }
}

impl Mul for ComplexInterval {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

impl Ring for ComplexInterval {
    #[inline]
    fn real(x: f64) -> Self {
        Self { re: Interval::point(x), im: Interval::point(0.0) }
    }
    #[inline]
    fn complex(x: c64) -> Self {
        Self::point(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal_vector;

    /// A sum or product of two doubles as (rounded, exact error), by error-free transformations.
    fn two_product(a: f64, b: f64) -> (f64, f64) {
        (a * b, a.mul_add(b, -(a * b)))
    }

    #[test]
    fn products_and_sums_hold_the_exact_result() {
        let draws = normal_vector(4000, 8);
        for pair in draws.chunks(2) {
            let (a, b) = (pair[0], pair[1]);
            let product = Interval::point(a) * Interval::point(b);
            let (rounded, error) = two_product(a, b);
            // The exact product is rounded + error, |error| at most half a unit: inside iff each end is on its side.
            assert!(product.lo < rounded && rounded < product.hi);
            assert!(error >= product.lo - rounded && error <= product.hi - rounded);
            let sum = Interval::point(a) + Interval::point(b);
            let virtual_b = (a + b) - a;
            let error = (a - ((a + b) - virtual_b)) + (b - virtual_b);
            assert!(error >= sum.lo - (a + b) && error <= sum.hi - (a + b));
        }
    }

    #[test]
    fn boxes_hold_products_of_their_points() {
        let draws = normal_vector(4000, 3);
        for part in draws.chunks(8) {
            let (a, b) = (c64::new(part[0], part[1]), c64::new(part[2], part[3]));
            let (ra, rb) = (part[4].abs(), part[5].abs());
            let product = ComplexInterval::around(a, ra) * ComplexInterval::around(b, rb);
            for corner in 0..16 {
                let sign = |bit: i32| if corner >> bit & 1 == 1 { 0.999 } else { -0.999 };
                let inner = (a + c64::new(sign(0), sign(1)) * ra) * (b + c64::new(sign(2), sign(3)) * rb);
                assert!(product.re.contains(inner.re) && product.im.contains(inner.im));
                let scaled = ComplexInterval::around(a, ra).times(b);
                let inner = (a + c64::new(sign(0), sign(1)) * ra) * b;
                assert!(scaled.re.contains(inner.re) && scaled.im.contains(inner.im));
            }
        }
    }

    #[test]
    fn what_is_no_number_proves_nothing() {
        let none = Interval::point(f64::NAN);
        let one = Interval { lo: -1.0, hi: 1.0 };
        for x in [none * one, one * none, none + one, none * Interval::point(0.0)] {
            assert!(!x.is_inside(Interval { lo: -1e300, hi: 1e300 }) && !x.is_apart_from(one) && !x.contains(0.0));
        }
        let huge = Interval::point(1e300) * Interval::point(1e300);
        assert!(huge.hi.is_infinite() && !huge.is_inside(one));
    }

    #[test]
    fn zeros_stay_zero() {
        let zero = Interval::point(0.0);
        assert_eq!(zero * Interval { lo: -3.0, hi: 2.0 }, zero);
        assert_eq!(Interval::point(2.0) - Interval::point(2.0), zero);
    }
}
