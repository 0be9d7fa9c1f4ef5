//! `S_max`: the largest full-rank equilibrium, at thousands of dimensions (docs/theory.md, 3.3 and 3.6).
//!
//! Newton's method on the whitened Riccati equation Q X⁻¹ Q = Cᵀ(Q − λI)C, with Q = X^{1/2} S X^{1/2} + λI. Its
//! linearisation L(E) = QX⁻¹E + EX⁻¹Q − CᵀEC is "a Lyapunov operator minus a positive map", and F is convex in the
//! Loewner order, so (as for the Riccati equations of control) from any Q at which L is inverse-positive one step lies
//! above every equilibrium, and the steps after it fall to the largest one: quadratically, at a fold by halves.
//! The linear systems are solved by products only. The plain iteration S ← (MᵀSM)^{1/2} − λX⁻¹ needs an
//! eigendecomposition a step, converges by halves far from a fold too, and stalls near one.
//!
//! Reading order: [`solve_maximal`]; `riccati.rs` (the equation); `critical.rs` (the largest λ).

mod critical;
mod riccati;

pub use critical::{CriticalDecay, CriticalParams, critical_weight_decay, overdamped_bound};

use faer::{Mat, MatRef};
use serde::Serialize;

use crate::Support;
use crate::linalg::{LuFactors, add_scaled, frobenius, frobenius_inner, is_positive_definite, product};
pub(crate) use riccati::{Lyapunov, Riccati};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaximalParams {
    /// Relative residual at which to stop: 10⁻¹², two digits below what is promised.
    pub tolerance: f64,
    /// Newton steps: 60; a fold met to 6 digits takes about 15.
    pub max_steps: usize,
    /// Products of one linear system: 100 (fewer where the basis would exceed 2 GiB).
    pub max_products: usize,
}

impl Default for MaximalParams {
    fn default() -> Self {
        Self { tolerance: 1e-12, max_steps: 60, max_products: 100 }
    }
}

/// The residual above which a solution is not one: the promise of `predict`.
pub const ACCEPTED_RESIDUAL: f64 = 1e-10;

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Maximal {
    /// The largest full-rank equilibrium.
    Found(MaximalEquilibrium),
    /// There is no full-rank equilibrium.
    Absent {
        /// How that is known.
        evidence: Absence,
        /// Newton steps made.
        steps: usize,
        /// Products of the linear systems.
        products: usize,
    },
    /// Neither.
    Unresolved {
        /// Why.
        reason: Unresolved,
        /// The last relative residual.
        residual: f64,
        /// Newton steps made.
        steps: usize,
    },
}

/// Why there is no full-rank equilibrium. Each is numerical evidence, not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// An upper bound of all equilibria is not positive definite.
    LeavesCone,
    /// Y is singular on the support: (det(XS + λ))² = (det Y)² det S has no solution with λ > 0.
    CrossSingular,
    /// At an upper bound of all equilibria the linearisation is not inverse-positive: a fold was passed.
    PassedFold,
    /// λ > ¼ (det Y² / det X)^{1/k} on the support (docs/theory.md, 3.7): proved, up to rounding of the determinants.
    BeyondBound,
}

/// Why neither was established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unresolved {
    /// The bound on Newton steps.
    Budget,
    /// A linear system did not converge: the moments are too ill-conditioned for f64.
    LinearSystem,
    /// The caller asked to stop.
    Stopped,
}

/// `S_max` on the support.
#[derive(Debug, Clone, PartialEq)]
pub struct MaximalEquilibrium {
    /// S in the eigenbasis of X: k × k.
    pub s: Mat<f64>,
    /// |(XS + λ)(SX + λ) − YᵀSY|_F / |YᵀSY|_F. The search asks the same of the equation with every mode scaled to 1.
    pub residual: f64,
    /// Newton steps.
    pub steps: usize,
    /// Products of the linear systems, all steps together.
    pub products: usize,
    /// −d log S / d log λ of the most endangered direction, λ_max of −λ S⁻¹ dS/dλ; infinite at a fold.
    ///
    /// Also the witness that S is the maximal equilibrium: −dS/dλ is positive only there. `None` when not asked for.
    pub response: Option<f64>,
    /// X^{1/2} S X^{1/2}, from which a larger λ can be started.
    pub(crate) whitened: Mat<f64>,
}

/// The largest full-rank equilibrium at λ.
///
/// (XS + λI)(SX + λI) = YᵀSY on the support of X.
///
/// # Requires    `weight_decay` > 0
/// # Cost        per Newton step (4 to 7; more near a fold) two products of k × k matrices, and two and a half for
/// each of about 5 to 15 inner iterations
/// # Source      Ponce, Terver, Hebert, Arbel 2026 for the equation; Guo, Lancaster 1998 for Newton on Riccati equations
pub fn solve_maximal(
    support: &Support, weight_decay: f64, params: &MaximalParams, should_stop: &dyn Fn(usize) -> bool,
) -> Maximal {
    let problem = Riccati::new(support);
    if problem.is_singular() {
        return Maximal::Absent { evidence: Absence::CrossSingular, steps: 0, products: 0 };
    }
    if weight_decay > (1.0 + ROUNDING) * problem.determinant_bound() {
        return Maximal::Absent { evidence: Absence::BeyondBound, steps: 0, products: 0 };
    }
    Search::new(&problem, weight_decay, params, should_stop).run(None, false)
}

/// The relative residual of S, by the definition: |(XS + λ)(SX + λ) − YᵀSY|_F / |YᵀSY|_F.
///
/// # Shapes      s: k × k in the eigenbasis of X
pub fn maximal_residual(support: &Support, s: MatRef<'_, f64>, weight_decay: f64) -> f64 {
    let k = support.size();
    let left = Mat::from_fn(k, k, |i, j| support.variances[i] * s[(i, j)] + if i == j { weight_decay } else { 0.0 });
    let target = product(support.cross.transpose(), product(s, support.cross.as_ref()).as_ref());
    let mut rest = product(left.as_ref(), left.transpose());
    add_scaled(&mut rest, -1.0, target.as_ref());
    frobenius(rest.as_ref()) / frobenius(target.as_ref())
}

/// One search at one λ.
pub(crate) struct Search<'a> {
    problem: &'a Riccati,
    decay: f64,
    params: &'a MaximalParams,
    should_stop: &'a dyn Fn(usize) -> bool,
}

/// The determinants' rounding.
const ROUNDING: f64 = 1e-6;
/// Inner tolerance when evidence of absence is weighed: then inexact steps must not be the reason.
const TIGHT: f64 = 1e-8;
/// Error of a step over its size and the residual of its linear system, at most.
const STEP_ERROR: f64 = 10.0;
/// Supports up to this size have absence confirmed by tight systems. Beyond the fold these grow ever harder: at 3,072
/// dimensions minutes, for a confirmation that the search at lower rank gives too (it would end at full rank).
const CONFIRMED_UP_TO: usize = 512;
/// The linear residual that will do when the bound on products is met.
const ENDURED: f64 = 1e-3;
/// Steps made beyond a small residual while some direction still fails: a ghost is left in fewer, and where the moments
/// are too ill-conditioned for every direction to count, more would not help.
const EXTRA_STEPS: usize = 12;
/// The invariant residual that will do where it no longer falls: rounding, magnified by the spread of the modes.
const STALLED_INVARIANT: f64 = 1e-8;
/// The linear residual of the response: its small component must be right where another is large.
const RESPONSE: f64 = 1e-8;
/// Numbers that the basis of one linear system may hold: 2 GiB.
const BASIS_NUMBERS: usize = 1 << 28;

impl<'a> Search<'a> {
    pub(crate) fn new(
        problem: &'a Riccati, decay: f64, params: &'a MaximalParams, should_stop: &'a dyn Fn(usize) -> bool,
    ) -> Self {
        Self { problem, decay, params, should_stop }
    }

    /// Loose inner systems first; in supports that are not large, absence is believed only from tight ones.
    pub(crate) fn run(&self, whitened: Option<&Mat<f64>>, respond: bool) -> Maximal {
        let outcome = self.newton(whitened, false, respond);
        let Maximal::Absent { products: spent, .. } = outcome else { return outcome };
        if self.problem.size() > CONFIRMED_UP_TO {
            return outcome;
        }
        match self.newton(whitened, true, respond) {
            Maximal::Absent { evidence, steps, products } => {
                Maximal::Absent { evidence, steps, products: products + spent }
            }
            found => found,
        }
    }

    fn newton(&self, whitened: Option<&Mat<f64>>, tight: bool, respond: bool) -> Maximal {
        let unresolved = |reason, residual, steps| Maximal::Unresolved { reason, residual, steps };
        let start = whitened.map_or_else(|| self.problem.start(self.decay), |s| Some(shift(s, self.decay)));
        let Some(mut q) = start else { return unresolved(Unresolved::LinearSystem, f64::INFINITY, 0) };
        let mut lyapunov = self.problem.diagonal_lyapunov(q.as_ref());
        let (mut products, mut polished) = (0, 0);
        let (mut before, mut invariant_before) = (f64::INFINITY, f64::INFINITY);
        // Size and goal of the step before.
        let mut made = (0.0, 0.0);
        for steps in 0..=self.params.max_steps {
            if (self.should_stop)(steps) {
                return unresolved(Unresolved::Stopped, before, steps);
            }
            let absent = |evidence, products| Maximal::Absent { evidence, steps, products };
            let s = shift(&q, -self.decay);
            if !is_positive_definite(s.as_ref()) {
                return absent(Absence::LeavesCone, products);
            }
            let defect = self.problem.defect(q.as_ref(), self.decay);
            let residual = defect.residual.max(defect.balanced_residual);
            // The floor of rounding: no better than the step before, and good enough.
            let floor = residual <= ACCEPTED_RESIDUAL && residual > 0.1 * before;
            let small = residual <= self.params.tolerance || floor;
            let invariant = if small { defect.invariant_residual() } else { f64::INFINITY };
            let stalled = invariant > 0.5 * invariant_before && invariant <= STALLED_INVARIANT;
            if invariant <= ACCEPTED_RESIDUAL || stalled || (small && polished == EXTRA_STEPS) {
                return self.finish(&q, s, defect.residual, (steps, products), respond, lyapunov);
            }
            if steps == self.params.max_steps {
                return unresolved(Unresolved::Budget, residual, steps);
            }
            let goal = if tight { TIGHT } else { residual.sqrt().clamp(1e-5, 0.1) };
            invariant_before = invariant;
            polished += usize::from(small);
            let Some(step) = self.solve(&q, &defect.value, goal, &mut lyapunov, &mut products) else {
                return unresolved(Unresolved::LinearSystem, residual, steps);
            };
            let (sum, size) = relative_change(&q, &step);
            // A rise within the error of the step before takes that error back.
            if steps > 0 && sum < -0.2 * size && size > (STEP_ERROR * made.0 * made.1).max(1e-7) {
                return absent(Absence::PassedFold, products);
            }
            made = (size, goal);
            add_scaled(&mut q, -1.0, step.as_ref());
            before = residual;
        }
        unreachable!("the last step returns")
    }

    /// E with L(E) = right, preconditioned by the Lyapunov part; the exact one when the diagonal one does not do.
    fn solve(
        &self, q: &Mat<f64>, right: &Mat<f64>, goal: f64, lyapunov: &mut Lyapunov, products: &mut usize,
    ) -> Option<Mat<f64>> {
        if !lyapunov.is_exact() {
            *lyapunov = self.problem.diagonal_lyapunov(q.as_ref());
        }
        for attempt in 0..2 {
            let max_products = self.params.max_products.min(BASIS_NUMBERS / (q.nrows() * q.nrows()));
            let solution = self.problem.solve(q.as_ref(), right.clone(), lyapunov, (goal, max_products));
            *products += solution.iterations;
            if solution.residual <= goal {
                return Some(solution.x);
            }
            if attempt == 0 {
                *lyapunov = self.problem.exact_lyapunov(q.as_ref()).ok()?;
            } else if solution.residual <= ENDURED {
                return Some(solution.x);
            }
        }
        None
    }

    /// The equilibrium, and if asked its response to λ: −dŜ/dλ = I + L⁻¹(CᵀC).
    fn finish(
        &self, q: &Mat<f64>, whitened: Mat<f64>, residual: f64, (steps, mut products): (usize, usize), respond: bool,
        mut lyapunov: Lyapunov,
    ) -> Maximal {
        let k = self.problem.size();
        let mut response = None;
        if respond {
            let gram = self.problem.push(Mat::identity(k, k).as_ref());
            let Some(slope) = self.solve(q, &gram, RESPONSE, &mut lyapunov, &mut products) else {
                return Maximal::Unresolved { reason: Unresolved::LinearSystem, residual, steps };
            };
            // −dŜ/dλ = I + L⁻¹(CᵀC), where the second term must be positive.
            let largest = (0..k).map(|i| slope[(i, i)].abs()).fold(0.0, f64::max);
            if !is_positive_definite(shift(&slope, 1e-3 * largest).as_ref()) {
                // An equilibrium, but not the maximal one: the steps went past a fold without being noticed.
                return Maximal::Absent { evidence: Absence::PassedFold, steps, products };
            }
            response = Some(self.decay * largest_ratio(&shift(&slope, 1.0), &whitened));
        }
        let roots: Vec<f64> = self.problem.variances.iter().map(|rho| rho.sqrt()).collect();
        let s = Mat::from_fn(k, k, |i, j| whitened[(i, j)] / (roots[i] * roots[j]));
        Maximal::Found(MaximalEquilibrium { s, residual, steps, products, response, whitened })
    }
}

/// K + c I.
fn shift(matrix: &Mat<f64>, by: f64) -> Mat<f64> {
    let mut out = matrix.clone();
    for i in 0..out.nrows() {
        out[(i, i)] += by;
    }
    out
}

/// A step (to be subtracted) on the diagonal relative to Q: the sum, and the sum of its absolute values.
fn relative_change(q: &Mat<f64>, step: &Mat<f64>) -> (f64, f64) {
    let relative = (0..q.nrows()).map(|i| step[(i, i)] / q[(i, i)]);
    relative.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()))
}

/// λ_max of W⁻¹ K for positive semidefinite K and positive definite W: 60 power steps from a fixed start, a lower
/// bound that is sharp near a fold, where one eigenvalue stands out.
fn largest_ratio(matrix: &Mat<f64>, weight: &Mat<f64>) -> f64 {
    let k = matrix.nrows();
    let factors = LuFactors::new(weight.as_ref());
    let mut vector = Mat::from_fn(k, 1, |i, _| 1.0 + 0.1 * (i as f64).sin());
    let mut ratio = 0.0;
    for _ in 0..60 {
        let length = frobenius(vector.as_ref());
        let unit = Mat::from_fn(k, 1, |i, _| vector[(i, 0)] / length);
        let image = product(matrix.as_ref(), unit.as_ref());
        let weighed = product(weight.as_ref(), unit.as_ref());
        ratio = frobenius_inner(unit.as_ref(), image.as_ref()) / frobenius_inner(unit.as_ref(), weighed.as_ref());
        vector = factors.solve(image.as_ref());
    }
    ratio
}

#[cfg(test)]
mod tests;
