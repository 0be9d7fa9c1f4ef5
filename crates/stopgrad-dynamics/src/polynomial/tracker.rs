//! Following a solution of a system while its parameters move.
//!
//! A Taylor predictor of order 8 whose radius of convergence bounds the step, a Newton corrector that rejects early, and
//! steps from two running estimates: ω, how nonlinear the system is at the solution, and μ, how accurate Newton's method
//! can be there. A failed correction is a matter of the step, never of a tolerance.
//! Solutions near infinity are large and nearly nilpotent, and Newton's method needs 10⁻¹⁰ of them: there a predictor of
//! order 3 takes hundreds of steps. Coefficients cost a product and a solve each, so order 8 is cheap beside a
//! factorization. Rejected: Euler steps or Runge–Kutta with a residual test; they jump from one path to another.
//!
//! # Source      Timme 2019 (arXiv:1902.02968) for corrector and step

use faer::c64;

use super::small::{Lu, Square};

/// A system H(x, t) = 0 of N equations that are polynomial in x and t.
pub(crate) trait Path<const N: usize>: Sync {
    /// The parameters at one t.
    type At;

    /// The parameters at t in [0, 1].
    fn at(&self, t: f64) -> Self::At;
    /// H.
    fn value(&self, at: &Self::At, x: &[c64; N]) -> [c64; N];
    /// H to twice the precision, rounded.
    fn precise_value(&self, at: &Self::At, x: &[c64; N]) -> [c64; N];
    /// H and ∂H/∂x.
    fn linearize(&self, at: &Self::At, x: &[c64; N]) -> ([c64; N], Square<N>);
    /// The coefficients x₀ = x, x₁, … of the path through x, with the factors of ∂H/∂x there.
    ///
    /// ∂H/∂x · xₖ = −(the coefficient of sᵏ of H(x₀ + x₁ s + … + x_{k−1} s^{k−1}, t + s)).
    fn taylor(&self, at: &Self::At, factors: &Lu<N>, x: &[c64; N]) -> Taylor<N>;
}

/// Order of the predictor.
pub(crate) const ORDER: usize = 8;
/// Coefficients of a path.
pub(crate) type Taylor<const N: usize> = [[c64; N]; ORDER + 1];

/// How carefully to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerParams {
    /// Largest ratio of the second Newton step to the first: 1/8.
    pub contraction: f64,
    /// Prediction error times ω that is aimed at.
    pub error: f64,
    /// Share of the estimated radius of convergence that a step may cover.
    pub trust: f64,
    /// Steps, accepted or not, after which a path is given up.
    pub max_steps: usize,
    /// Steps in t below this end a path.
    pub min_step: f64,
}

impl TrackerParams {
    /// Attempt 0 is quick, those after it are more careful.
    pub(crate) fn of_attempt(attempt: usize) -> Self {
        let quick = Self { contraction: 0.125, error: 0.02, trust: 0.6, max_steps: 1_000, min_step: 1e-14 };
        match attempt {
            0 => quick,
            1 => Self { error: 5e-3, trust: 0.4, max_steps: 2_000, ..quick },
            _ => Self { contraction: 0.0625, error: 5e-4, trust: 0.25, max_steps: 4_000, ..quick },
        }
    }
}

/// Where a path ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PathEnd<const N: usize> {
    pub(crate) state: PathState,
    /// The last accepted point: at t = 1 if the path arrived.
    pub(crate) x: [c64; N],
    /// t there.
    pub(crate) t: f64,
    /// Steps accepted and rejected.
    pub(crate) steps: usize,
    /// ω and the size of the last Newton correction there, both relative to the size of x by components.
    pub(crate) nonlinearity: f64,
    pub(crate) accuracy: f64,
}

/// How a path ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathState {
    /// At t = 1, at a solution where Newton's method converges.
    Arrived,
    /// The start is no solution, or not to the accuracy that the tracker needs.
    BadStart,
    /// The step became too small: a singular end, or one at infinity, or rounding.
    StepTooSmall,
    /// Out of steps.
    StepLimit,
    /// At t = 1, but Newton's method does not settle there.
    Inaccurate,
    /// The Jacobian could not be factored, or something was no number.
    Singular,
}

/// 2a(√(4a² + 1) − 2a).
#[inline(always)]
fn h(a: f64) -> f64 {
    2.0 * a * ((4.0 * a * a + 1.0).sqrt() - 2.0 * a)
}

/// Sizes by which components are compared: |xᵢ|, at least 10⁻⁴ of the largest.
struct Weights<const N: usize>([f64; N]);

impl<const N: usize> Weights<N> {
    #[inline(always)]
    fn of(x: &[c64; N]) -> Self {
        let sizes = x.map(size);
        let largest = sizes.iter().fold(1e-12f64, |a, &b| a.max(b));
        Self(sizes.map(|x| 1.0 / x.max(1e-4 * largest)))
    }

    #[inline(always)]
    fn norm(&self, v: &[c64; N]) -> f64 {
        let mut largest = 0.0f64;
        for (x, weight) in v.iter().zip(&self.0) {
            let entry = size(*x) * weight;
            // A NaN must not be lost in a maximum.
            if entry > largest || entry.is_nan() {
                largest = entry;
            }
        }
        largest
    }
}

/// |re| and |im|, the larger: within √2 of the modulus, for less.
#[inline(always)]
fn size(x: c64) -> f64 {
    x.re.abs().max(x.im.abs())
}

#[inline(always)]
fn minus<const N: usize>(a: &[c64; N], b: &[c64; N]) -> [c64; N] {
    let mut out = *a;
    for i in 0..N {
        out[i] -= b[i];
    }
    out
}

/// What Newton's method did at one t.
enum Correction<const N: usize> {
    /// `rounding`: the size of Newton's step on the rounding error of H in single precision, where H was taken twice.
    Done { x: [c64; N], omega: f64, accuracy: f64, rounding: f64 },
    /// The shrink factor of the step.
    Failed { shrink: f64 },
}

/// Size of the last correction, relative to x, up to which an end is one.
const END_ACCURACY: f64 = 1e-11;
/// Newton steps of one correction.
const NEWTON_STEPS: usize = 4;

#[inline(always)]
fn correct<const N: usize, P: Path<N>>(
    path: &P, at: &P::At, start: &[c64; N], weights: &Weights<N>, (omega, mu): (f64, f64), a: f64, precise: bool,
) -> Correction<N> {
    let limit = h(a);
    let quarter = Correction::Failed { shrink: 0.5 };
    let (mut x, mut omega) = (*start, omega);
    let mut before = 0.0;
    for iteration in 0..NEWTON_STEPS {
        let (mut value, jacobian) = path.linearize(at, &x);
        if precise {
            value = path.precise_value(at, &x);
        }
        let Some(lu) = Lu::new(&jacobian) else { return quarter };
        let step = lu.solve(&value);
        let length = weights.norm(&step);
        if !length.is_finite() {
            return quarter;
        }
        x = minus(&x, &step);
        if iteration == 0 && omega * length / 8.0 > limit {
            return quarter;
        }
        if iteration > 0 {
            let theta = length / before;
            let above_rounding = length > 10.0 * mu;
            if iteration == 1 {
                // Two steps of which the second is rounding say nothing of curvature.
                omega = if above_rounding { 2.0 * theta / before } else { omega.min(2.0 * theta / before) };
            }
            if theta > a.powi(1 << (iteration - 1)) && above_rounding {
                return Correction::Failed { shrink: shrink_by(theta.powf(0.5f64.powi(iteration as i32 - 1)), a) };
            }
        }
        if omega * length * length < 2.0 * mu * (1.0 - 2.0 * limit).sqrt() {
            let plain = path.value(at, &x);
            let value = if precise { path.precise_value(at, &x) } else { plain };
            let last = lu.solve(&value);
            let accuracy = weights.norm(&last);
            if !accuracy.is_finite() {
                return quarter;
            }
            let rounding = if precise { weights.norm(&lu.solve(&minus(&plain, &value))) } else { accuracy };
            return Correction::Done { x: minus(&x, &last), omega, accuracy, rounding };
        }
        before = length;
    }
    Correction::Failed { shrink: 0.5 }
}

/// By how much a step whose Newton ratio was θ has to shrink.
#[inline(always)]
fn shrink_by(theta: f64, a: f64) -> f64 {
    let wanted = (1.0 + 2.0 * h(0.5 * a)).sqrt() - 1.0;
    if !theta.is_finite() || h(theta) < h(0.5 * a) {
        return 0.5;
    }
    (wanted / ((1.0 + 2.0 * h(theta)).sqrt() - 1.0)).powf(1.0 / (ORDER + 1) as f64).clamp(0.25, 0.9)
}

/// Taylor coefficients of the path and how far they carry.
struct Predictor<const N: usize> {
    taylor: Taylor<N>,
    /// The size of the last coefficient, and the radius of convergence.
    last: f64,
    radius: f64,
}

impl<const N: usize> Predictor<N> {
    #[inline(always)]
    fn at<P: Path<N>>(path: &P, at: &P::At, x: &[c64; N], weights: &Weights<N>) -> Option<Self> {
        let (_, jacobian) = path.linearize(at, x);
        let taylor = path.taylor(at, &Lu::new(&jacobian)?, x);
        let sizes = [ORDER - 2, ORDER - 1, ORDER].map(|order| weights.norm(&taylor[order]));
        let [third, second, last] = sizes;
        if !last.is_finite() {
            return None;
        }
        // Two estimates: where the signs turn, one of them is too large.
        let radius = (second / last).min((third / last).sqrt());
        Some(Self { taylor, last, radius: if radius.is_nan() { f64::INFINITY } else { radius } })
    }

    /// The step at which the first coefficient that is left out comes to `error`.
    #[inline(always)]
    fn step(&self, error: f64) -> f64 {
        (error * self.radius / self.last).powf(1.0 / (ORDER + 1) as f64)
    }

    #[inline(always)]
    fn predict(&self, s: f64) -> [c64; N] {
        let mut out = self.taylor[ORDER];
        for order in (0..ORDER).rev() {
            for i in 0..N {
                out[i] = out[i] * s + self.taylor[order][i];
            }
        }
        out
    }
}

/// Follows the solution x of H(·, 0) to t = 1.
///
/// # Cost        an LU factorization, 8 solves and two to three Newton steps for each step of t
#[inline(always)]
pub(crate) fn track<const N: usize, P: Path<N>>(path: &P, start: &[c64; N], params: &TrackerParams) -> PathEnd<N> {
    let mut end =
        PathEnd { state: PathState::BadStart, x: *start, t: 0.0, steps: 0, nonlinearity: 1.0, accuracy: 1e-15 };
    let mut weights = Weights::of(start);
    let mut at = path.at(0.0);
    let a = params.contraction;
    match correct(path, &at, start, &weights, (1.0, 1e-14), a, true) {
        Correction::Done { x, omega, accuracy, .. } => {
            (end.x, end.nonlinearity, end.accuracy) = (x, omega.max(0.1), accuracy.max(f64::EPSILON));
        }
        Correction::Failed { .. } => return end,
    }
    let mut precise = false;
    let (mut step, mut refused) = (0.2, false);
    let mut omega_before = end.nonlinearity;
    loop {
        let Some(predictor) = Predictor::at(path, &at, &end.x, &weights) else {
            end.state = PathState::Singular;
            return end;
        };
        let growth = (end.nonlinearity / omega_before).clamp(1.0, 8.0);
        let omega = end.nonlinearity * growth;
        let wanted = predictor.step(params.error / omega).min(params.trust * predictor.radius);
        let wanted = if wanted.is_nan() { step } else { wanted };
        step = wanted.min(if refused { step } else { 10.0 * step });
        refused = false;
        loop {
            end.steps += 1;
            if end.steps > params.max_steps {
                end.state = PathState::StepLimit;
                return end;
            }
            if step < params.min_step * 1f64.max(end.t) || !step.is_finite() {
                end.state = PathState::StepTooSmall;
                return end;
            }
            let rest = 1.0 - end.t;
            // A last step that would leave a crumb is made one with it.
            let s = if step >= 0.999 * rest { rest } else { step };
            let t = if step >= 0.999 * rest { 1.0 } else { end.t + s };
            let next = path.at(t);
            let guess = predictor.predict(s);
            let there = Weights::of(&guess);
            match correct(path, &next, &guess, &there, (end.nonlinearity, end.accuracy), a, precise) {
                Correction::Done { x, omega, accuracy, rounding } => {
                    omega_before = end.nonlinearity;
                    end.nonlinearity = omega.max(0.5 * end.nonlinearity).max(0.1);
                    end.accuracy = accuracy.max(f64::EPSILON);
                    let noise = end.nonlinearity * rounding;
                    precise = noise > a.powi(5) * h(a) || (precise && noise > a.powi(7) * h(a));
                    (end.x, end.t, at, step) = (x, t, next, s);
                    weights = Weights::of(&x);
                    break;
                }
                Correction::Failed { shrink } => {
                    refused = true;
                    step = s * shrink;
                }
            }
        }
        if end.t >= 1.0 {
            // The last digits, with residuals in twice the precision: ends are compared with each other.
            end.state = PathState::Inaccurate;
            let last = correct(path, &at, &end.x, &weights, (end.nonlinearity, end.accuracy), a, true);
            if let Correction::Done { x, accuracy, .. } = last
                && accuracy <= END_ACCURACY
            {
                (end.x, end.accuracy, end.state) = (x, accuracy, PathState::Arrived);
            }
            return end;
        }
    }
}
