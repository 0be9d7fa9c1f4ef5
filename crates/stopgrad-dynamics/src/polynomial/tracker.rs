//! Following a solution of a system while its parameters move.
//!
//! A predictor (`predictor.rs`) whose radius of convergence bounds the step, a Newton corrector that rejects early, steps
//! from two running estimates (ω, how nonlinear the system is at the solution, and μ, how accurate Newton's method can be
//! there), and coordinates that move with the path (`frame.rs`). A failed correction is a matter of the step, never of a
//! tolerance. In doubles or in twice the precision. Rejected: Euler steps or Runge–Kutta with a residual test; they jump
//! from one path to another.
//!
//! # Source      Timme 2019 (arXiv:1902.02968) for corrector and step

mod approach;
mod end;

use faer::c64;

use approach::Approach;
pub(crate) use end::PathEnd;
pub use end::PathState;

use super::family::Family;
use super::frame::Frame;
use super::jacobian::Jacobian;
use super::lanes::Lane;
use super::precise::Precise;
use super::predictor::{ORDER, Predictor, QUICK, Taylor};
use super::vector::{Vector, Weights};

/// A system H(x, t) = 0 that is polynomial in x and t, in numbers of one precision.
pub(crate) trait Path<K: Lane>: Sync {
    /// The parameters at one t.
    type At;
    /// What a series needs room for: filled anew each time.
    type Room: Send;

    /// Room.
    fn room(&self) -> Self::Room;
    /// The parameters at t in [0, 1].
    fn at(&self, t: f64) -> Self::At;
    /// H.
    fn value(&self, at: &Self::At, x: &Vector<K>) -> Vector<K>;
    /// H, and ∂H/∂x into a matrix.
    fn linearize(&self, at: &Self::At, x: &Vector<K>, jacobian: &mut Jacobian<K>) -> Vector<K>;
    /// The coefficients x₀ = x, x₁, … of the path through x, from the factors of ∂H/∂x there.
    ///
    /// ∂H/∂x · xₖ = −(the coefficient of sᵏ of H(x₀ + x₁ s + … + x_{k−1} s^{k−1}, t + s)).
    fn taylor(
        &self, at: &Self::At, factors: &Jacobian<K>, x: &Vector<K>, order: usize, room: &mut Self::Room,
        taylor: &mut Taylor<K>,
    );
}

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
    /// What doubles are good for: a path that needs more steps is followed in twice the precision.
    pub(crate) fn quick() -> Self {
        Self { contraction: 0.125, error: 0.02, trust: 0.6, max_steps: 120, min_step: 1e-9 }
    }

    /// For twice the precision.
    pub(crate) fn patient() -> Self {
        Self { max_steps: 1_000, min_step: 1e-14, ..Self::quick() }
    }
}

/// 2a(√(4a² + 1) − 2a).
fn h(a: f64) -> f64 {
    2.0 * a * ((4.0 * a * a + 1.0).sqrt() - 2.0 * a)
}

/// What Newton's method did at one t.
enum Correction<K: Lane> {
    /// ω there, the size of the last correction, and by how much of itself ∂H/∂x may have changed since it was factored.
    Done { x: Vector<K>, omega: f64, accuracy: f64, stale: f64 },
    /// The shrink factor of the step.
    Failed { shrink: f64 },
}

/// Share of the error of a prediction that comes from factors of a nearby point.
const STALE: f64 = 0.01;
/// Share of the radius that a quick step should cover.
const FAR: f64 = 0.25;
/// A step that ends where too few digits are left is made so much shorter, as long as it is longer than this.
const NEARER: f64 = 0.35;
const SHORT: f64 = 1e-6;
/// Newton steps of one correction.
const NEWTON_STEPS: usize = 4;
/// Size of the last correction, relative to x, up to which an end is one.
const END_ACCURACY: f64 = 1e-20;
/// Newton steps at the end, with residuals of twice the precision: each gains the digits that the Jacobian has.
const END_STEPS: usize = 8;

/// By how much a step whose Newton ratio was θ has to shrink.
fn shrink_by(theta: f64, a: f64) -> f64 {
    let wanted = (1.0 + 2.0 * h(0.5 * a)).sqrt() - 1.0;
    if !theta.is_finite() || h(theta) < h(0.5 * a) {
        return 0.5;
    }
    (wanted / ((1.0 + 2.0 * h(theta)).sqrt() - 1.0)).powf(1.0 / (QUICK + 1) as f64).clamp(0.25, 0.9)
}

/// A path being followed.
struct Walk<'a, K: Lane, F: Family> {
    family: F,
    line: [&'a F::Exact; 2],
    params: &'a TrackerParams,
    frame: Frame,
    /// The line in the frame.
    path: F::Segment<K>,
    jacobian: Jacobian<K>,
    /// How far from ∂H/∂x at the point its factors are, relative to it.
    stale: f64,
    room: <F::Segment<K> as Path<K>>::Room,
    predictor: Predictor<K>,
    x: Vector<K>,
    t: f64,
    /// ω and μ there, and ω one step before.
    omega: f64,
    accuracy: f64,
    omega_before: f64,
    steps: usize,
    /// The size of x when the frame was last looked at.
    framed: f64,
    approach: Approach,
}

/// Follows the solution x of H(·, 0) to t = 1.
///
/// # Cost        an LU factorization, 8 solves and two to three Newton steps for each step of t
pub(crate) fn track<K: Lane, F: Family>(
    family: F, line: [&F::Exact; 2], start: &Vector<K>, params: &TrackerParams,
) -> PathEnd {
    let frame = Frame::identity(family.matrix(start).rows);
    let path = family.segment(line, &frame);
    let (jacobian, room) = (Jacobian::zeros(start.len), path.room());
    let mut walk = Walk {
        family,
        line,
        params,
        frame,
        path,
        jacobian,
        stale: f64::INFINITY,
        room,
        predictor: Predictor::room(start.len),
        x: *start,
        t: 0.0,
        omega: 1.0,
        accuracy: K::UNIT,
        omega_before: 1.0,
        steps: 0,
        framed: 0.0,
        approach: Approach::new(),
    };
    walk.reframe();
    let state = match walk.correct(0.0, walk.x) {
        Correction::Done { x, omega, accuracy, stale } => {
            walk.accept(0.0, x, omega, accuracy);
            walk.stale = stale;
            walk.follow()
        }
        Correction::Failed { .. } => PathState::BadStart,
    };
    walk.end(state)
}

impl<K: Lane, F: Family> Walk<'_, K, F> {
    /// To better coordinates, where these have become bad.
    fn reframe(&mut self) {
        let size = self.x.largest();
        if size < 1.5 * self.framed && self.framed < 1.5 * size {
            return;
        }
        self.framed = size;
        if let Some(inner) = self.family.frame(&self.path.at(self.t), &self.x) {
            self.x = self.family.moved(&self.x, &inner);
            self.stale = f64::INFINITY;
            self.framed = self.x.largest();
            self.frame = self.frame.then(&inner);
            self.path = self.family.segment(self.line, &self.frame);
        }
    }

    fn accept(&mut self, t: f64, x: Vector<K>, omega: f64, accuracy: f64) {
        self.omega_before = self.omega;
        self.omega = omega.max(0.5 * self.omega).max(0.1);
        self.accuracy = accuracy.max(K::UNIT);
        (self.x, self.t) = (x, t);
        let (family, frame, x) = (self.family, &self.frame, &self.x);
        self.approach.note(t, || frame.push(&family.matrix(x).map(Lane::to_precise)).largest());
    }

    /// Newton's method from a prediction.
    fn correct(&mut self, t: f64, start: Vector<K>) -> Correction<K> {
        let (a, mu) = (self.params.contraction, self.accuracy.min(K::LOST));
        let limit = h(a);
        let hopeless = Correction::Failed { shrink: 0.5 };
        let at = self.path.at(t);
        let weights = Weights::of(&start);
        let (mut x, mut omega) = (start, self.omega);
        let mut before = 0.0;
        for iteration in 0..NEWTON_STEPS {
            let value = self.path.linearize(&at, &x, &mut self.jacobian);
            if !self.jacobian.factor() {
                return hopeless;
            }
            let step = self.jacobian.solve(&value);
            let length = weights.norm(&step);
            if !length.is_finite() {
                return hopeless;
            }
            x = x.minus(&step);
            if iteration == 0 && omega * length / 8.0 > limit {
                return hopeless;
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
                let last = self.jacobian.solve(&self.path.value(&at, &x));
                let accuracy = weights.norm(&last);
                if !accuracy.is_finite() {
                    return hopeless;
                }
                return Correction::Done { x: x.minus(&last), omega, accuracy, stale: omega * length };
            }
            before = length;
        }
        hopeless
    }

    /// Finds the quotient that carries farthest from where the path is, and how far.
    fn predict(&mut self) -> Option<f64> {
        let at = self.path.at(self.t);
        let growth = (self.omega / self.omega_before).clamp(1.0, 8.0);
        let error = self.params.error / (self.omega * growth);
        // Most often the last Newton step was so small that its factors will do.
        if self.stale > STALE * error {
            self.path.linearize(&at, &self.x, &mut self.jacobian);
            if !self.jacobian.factor() {
                return None;
            }
        }
        let weights = Weights::of(&self.x);
        let mut of = |order| {
            self.path.taylor(&at, &self.jacobian, &self.x, order, &mut self.room, &mut self.predictor.taylor);
            let found = self.predictor.find(order, &weights);
            found.then(|| (self.predictor.step(error, self.params.trust), self.predictor.radius))
        };
        let (step, radius) = of(QUICK)?;
        // Where Newton's method needs many digits, more orders pay.
        if step < FAR * radius && step < 1.0 - self.t { of(ORDER).map(|(step, _)| step) } else { Some(step) }
    }

    /// Goes on until the end.
    fn follow(&mut self) -> PathState {
        let mut step = 0.2;
        while self.t < 1.0 {
            let Some(wanted) = self.predict() else { return PathState::Singular };
            step = if wanted.is_nan() { step } else { wanted.min(10.0 * step) };
            loop {
                self.steps += 1;
                if self.steps > self.params.max_steps {
                    return PathState::StepLimit;
                }
                if step < self.params.min_step || !step.is_finite() {
                    return PathState::StepTooSmall;
                }
                let rest = 1.0 - self.t;
                // A last step that would leave a crumb is made one with it.
                let (s, t) = if step >= 0.999 * rest { (rest, 1.0) } else { (step, self.t + step) };
                match self.correct(t, self.predictor.predict(s)) {
                    Correction::Done { accuracy, .. } if accuracy > K::LOST => {
                        // Coordinates that were good before may be bad behind the step.
                        if s < SHORT {
                            return PathState::Inaccurate;
                        }
                        step = s * NEARER;
                    }
                    Correction::Done { x, omega, accuracy, stale } => {
                        self.accept(t, x, omega, accuracy);
                        (step, self.stale) = (s, stale);
                        break;
                    }
                    Correction::Failed { shrink } => step = s * shrink,
                }
            }
            self.reframe();
        }
        PathState::Arrived
    }

    /// The end to the last digits: ends are compared with each other.
    fn end(self, state: PathState) -> PathEnd {
        let mut x = self.x.map(Lane::to_precise);
        let mut state = state;
        if state == PathState::Arrived {
            state = PathState::Inaccurate;
            let plain: F::Segment<c64> = self.family.segment(self.line, &self.frame);
            let precise: F::Segment<Precise> = self.family.segment(self.line, &self.frame);
            let (plain_at, at) = (plain.at(1.0), precise.at(1.0));
            let mut jacobian = Jacobian::zeros(x.len);
            let weights = Weights::of(&x);
            for _ in 0..END_STEPS {
                plain.linearize(&plain_at, &x.map(Lane::rounded), &mut jacobian);
                if !jacobian.factor() {
                    break;
                }
                let step = jacobian.solve(&precise.value(&at, &x).map(Lane::rounded));
                x = x.minus(&step.map(Lane::to_precise));
                if weights.norm(&step) <= END_ACCURACY {
                    state = PathState::Arrived;
                    break;
                }
            }
        }
        if !matches!(state, PathState::Arrived | PathState::BadStart) {
            state = self.approach.limit().unwrap_or(state);
        }
        PathEnd { state, x, frame: self.frame, steps: self.steps }
    }
}
