//! Step lengths: proportional–integral control, and the first step.

use super::Tolerance;
use crate::VectorField;

/// Part of the length that the error formula allows (Hairer, Nørsett, Wanner 1993, II.4).
const SAFETY: f64 = 0.9;
/// Exponent of the present error, 1/5 − 0.75 β (ibid., code DOPRI5).
const PRESENT: f64 = 0.17;
/// Exponent β of the error before it: smooths the length where stability, not accuracy, limits it (ibid.).
const BEFORE: f64 = 0.04;
/// The least and greatest change of the length in one step (ibid.).
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;
/// Floor of the remembered error, so that one lucky step does not forbid growth (ibid.).
const REMEMBERED: f64 = 1e-4;

/// What the controller remembers of the steps before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepControl {
    before: f64,
    rejected: bool,
}

impl StepControl {
    pub(crate) const fn new() -> Self {
        Self { before: REMEMBERED, rejected: false }
    }

    /// Whether a step of this error is taken, and the factor for the next length.
    ///
    /// An error that is no number shrinks the step: the trial point may have overflowed.
    #[inline]
    pub(crate) fn judge(&mut self, error: f64) -> (bool, f64) {
        if error <= 1.0 {
            let exponent = PRESENT * fast_log2(error) - BEFORE * fast_log2(self.before);
            let factor = (SAFETY * fast_exp2(-exponent.clamp(-100.0, 100.0))).clamp(SHRINK, GROW);
            let factor = if self.rejected { factor.min(1.0) } else { factor };
            *self = Self { before: error.max(REMEMBERED), rejected: false };
            return (true, factor);
        }
        self.rejected = true;
        let shrunk = if error.is_finite() { SAFETY * fast_exp2(-PRESENT * fast_log2(error)) } else { 0.0 };
        (false, shrunk.clamp(SHRINK, 1.0))
    }
}

/// A first step length: small beside the state, and beside the change of the slope along it.
///
/// # Shapes      z, slope: d; scratch: two of d
/// # Cost        one value of the field
/// # Source      Hairer, Nørsett, Wanner 1993, II.4 "starting step size"
pub(crate) fn first_length(
    field: &dyn VectorField, z: &[f64], slope: &[f64], tolerance: Tolerance, scratch: (&mut [f64], &mut [f64]),
) -> f64 {
    let (point, change) = scratch;
    let norm = |v: &[f64]| {
        let scaled = |(x, y): (&f64, &f64)| (x / (tolerance.absolute + tolerance.relative * y.abs())).powi(2);
        (v.iter().zip(z).map(scaled).sum::<f64>() / z.len().max(1) as f64).sqrt()
    };
    let (size, speed) = (norm(z), norm(slope));
    let tiny = size < 1e-5 || speed < 1e-5;
    let trial = if tiny { 1e-6 } else { 0.01 * size / speed };
    for ((p, &x), &v) in point.iter_mut().zip(z).zip(slope) {
        *p = v.mul_add(trial, x);
    }
    field.value(point, change);
    for (c, &v) in change.iter_mut().zip(slope) {
        *c -= v;
    }
    let steepest = speed.max(norm(change) / trial);
    if steepest.is_nan() || steepest.is_infinite() {
        return trial * 1e-3;
    }
    let allowed =
        if steepest <= 1e-15 { (trial * 1e-3).max(1e-6) } else { fast_exp2(0.2 * fast_log2(0.01 / steepest)) };
    (100.0 * trial).min(allowed)
}

/// log₂ x to about 2e-5, for step lengths only: the same bits on every machine, and in a vector of lanes.
#[inline]
fn fast_log2(x: f64) -> f64 {
    let bits = x.to_bits();
    // The exponent as a float without a conversion instruction: 2⁵² + e, less 2⁵² + 1023.
    let exponent = f64::from_bits(0x4330_0000_0000_0000 | (bits >> 52 & 0x7ff)) - (4_503_599_627_370_496.0 + 1023.0);
    let mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let t2 = t * t;
    // 2/ln 2 (t + t³/3 + t⁵/5 + t⁷/7)
    let series = t2.mul_add(t2.mul_add(t2.mul_add(1.0 / 7.0, 0.2), 1.0 / 3.0), 1.0);
    (2.0 * std::f64::consts::LOG2_E * t).mul_add(series, exponent)
}

/// 2ˣ to about 1e-5 for |x| < 1000.
#[inline]
fn fast_exp2(x: f64) -> f64 {
    // Adding 1.5 · 2⁵² rounds to an integer and leaves it in the low bits.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    let shifted = x + ROUNDER;
    let part = (x - (shifted - ROUNDER)) * std::f64::consts::LN_2;
    let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(0x3ff0_0000_0000_0000));
    let series = part.mul_add(
        part.mul_add(part.mul_add(part.mul_add(part.mul_add(1.0 / 120.0, 1.0 / 24.0), 1.0 / 6.0), 0.5), 1.0),
        1.0,
    );
    scale * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_powers_agree_with_the_library() {
        for k in -300..300 {
            let x = 1.3f64.powi(k) * 0.77;
            assert!((fast_log2(x) - x.log2()).abs() < 5e-5, "{x}");
            let e = f64::from(k) * 0.37;
            assert!((fast_exp2(e) / e.exp2() - 1.0).abs() < 1e-5, "{e}");
        }
    }

    #[test]
    fn a_good_step_grows_a_bad_one_shrinks_and_no_number_shrinks_most() {
        let mut control = StepControl::new();
        assert!(control.judge(0.0).0);
        let (taken, factor) = control.judge(1e-3);
        assert!(taken && factor > 1.5, "{factor}");
        let (taken, factor) = control.judge(32.0);
        assert!(!taken && (factor - 0.9 * 32f64.powf(-0.17)).abs() < 1e-4, "{factor}");
        // The step after a rejection does not grow.
        assert!(control.judge(1e-6).1 <= 1.0);
        let (taken, factor) = control.judge(f64::NAN);
        assert!(!taken && factor <= SHRINK);
    }
}
