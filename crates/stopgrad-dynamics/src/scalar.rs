//! The scalar experiment: m = 1, random ρ, τ, λ with non-zero equilibria; what share ends on which sphere.
//!
//! With ρ = X, τ = Y and Δ = τ² − 4ρλ ≥ 0 the equilibria are the origin and the spheres |a| = (|τ| ∓ √Δ)/(2ρ)
//! (docs/theory.md, 3.9); every end is named by these closed forms, not by a fit.
//!
//! # Source      Ponce, Terver, Hebert, Arbel 2026, synthetic experiment (docs/theory.md, 6.1)

use std::borrow::Cow;

use faer::Mat;
use rand_chacha::ChaCha8Rng;

use crate::basins::{Basin, Start, count_labels};
use crate::ensemble::{EnsembleParams, EnsembleStop, Trial, Trials, Visit, integrate_ensemble};
use crate::flow::{Flow, FlowParams, LinearObserver, Stop, distance, norm, origin_trap};
use crate::random::{stream, uniform};
use crate::{Field, LinearField, Moments};

/// Distance from the orbit of a sphere, in parts of its radius, at which a trajectory has reached it.
const ARRIVED: f64 = 1e-5;
/// And in parts of the gap between the spheres, which vanishes with Δ.
const ARRIVED_GAP: f64 = 0.02;

/// The experiment's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarParams {
    /// Which field.
    pub kind: Field,
    /// Trials.
    pub trials: usize,
    /// n.
    pub embedding_dim: usize,
    /// Distribution of A, B and the teacher at time 0.
    pub start: Start,
    /// γ (EMA only).
    pub ema_rate: f64,
    /// Names the streams of random numbers: trial i is the stream (seed, i).
    pub seed: u64,
    /// How far each is followed.
    pub ensemble: EnsembleParams,
}

impl ScalarParams {
    /// The published number of trials at n = 4 from standard normal A and B, teacher = student, γ = 1.
    ///
    /// Time 3000 is 30 decay times at the least λ, 0.01.
    pub fn new(kind: Field) -> Self {
        let ensemble =
            EnsembleParams { end_time: 3000.0, first_visit: 5.0, visit_growth: 1.1, ..EnsembleParams::default() };
        Self {
            kind,
            trials: 10_000,
            embedding_dim: 4,
            start: Start::Normal { scale: 1.0 },
            ema_rate: 1.0,
            seed: 0,
            ensemble,
        }
    }
}

/// Where a scalar trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarOutcome {
    /// On the outer sphere, which attracts.
    Outer,
    /// On the inner sphere, a saddle.
    Inner,
    /// At the origin: collapse.
    Origin,
    /// On a closed orbit.
    Cycle,
    /// Beyond every bound.
    Diverged,
    /// None of these within the budget.
    Unresolved,
}

impl ScalarOutcome {
    /// The label in tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Outer => "outer",
            Self::Inner => "inner",
            Self::Origin => "origin",
            Self::Cycle => "cycle",
            Self::Diverged => "diverged",
            Self::Unresolved => "unresolved",
        }
    }
}

/// Runs the experiment; shares by label, most frequent first, and the outcome of each trial.
///
/// # Cost        about 10⁵ trials a minute and core; trials of small ρ are stiff and dominate
pub fn run_scalar(params: &ScalarParams) -> (Vec<Basin>, Vec<ScalarOutcome>) {
    let trials = ScalarTrials(params);
    let ends = integrate_ensemble(&trials, &params.ensemble);
    let outcomes: Vec<ScalarOutcome> = ends
        .iter()
        .enumerate()
        .map(|(index, end)| {
            if end.stop == EnsembleStop::Diverged {
                return ScalarOutcome::Diverged;
            }
            let field = trials.draw(index).field;
            name_state(&field, &end.state, true).unwrap_or_else(|| follow_further(&field, &end.state))
        })
        .collect();
    (count_labels(outcomes.iter().map(|outcome| outcome.label().to_owned())), outcomes)
}

struct ScalarTrials<'a>(&'a ScalarParams);

impl Trials for ScalarTrials<'_> {
    fn count(&self) -> usize {
        self.0.trials
    }

    fn draw(&self, index: usize) -> Trial<'_> {
        let params = self.0;
        let mut rng = stream(params.seed, index as u64);
        let (rho, tau, lambda) = draw_constants(&mut rng);
        let one = |value: f64| Mat::from_fn(1, 1, |_, _| value);
        // V enters joint only; views alike give V = X, which |Y|² ≤ X V may forbid: then the least V allowed.
        let yy = one(rho.max(tau * tau / rho));
        let moments = Moments::unchecked(one(rho), one(tau), Some(yy));
        let (kind, width, ema_rate) = (params.kind, params.embedding_dim, params.ema_rate);
        let field = LinearField::new(kind, moments, width, lambda)
            .and_then(|field| field.with_ema_rate(ema_rate))
            .expect("λ and γ above 0, and V is there");
        let start = params.start.draw(&mut rng, kind, width, 1);
        Trial { field: Cow::Owned(field), start }
    }

    fn settled(&self, visit: &Visit<'_>) -> bool {
        name_state(visit.field, visit.state, false).is_some()
    }
}

/// ρ ∈ [0, 3], τ ∈ [−1, 1], λ ∈ [0.01, 0.1], uniform where Δ ≥ 0.
fn draw_constants(rng: &mut ChaCha8Rng) -> (f64, f64, f64) {
    // A draw is kept with probability about 0.4: a thousand misses do not happen.
    for _ in 0..1000 {
        let (rho, tau, lambda) = (3.0 * uniform(rng), 2.0 * uniform(rng) - 1.0, 0.01 + 0.09 * uniform(rng));
        if rho > 0.0 && tau * tau - 4.0 * rho * lambda >= 0.0 {
            return (rho, tau, lambda);
        }
    }
    unreachable!("a thousand draws of ρ, τ, λ with Δ < 0")
}

/// The equilibrium at which a state is; a saddle only where `saddles` says that it ended there.
fn name_state(field: &LinearField, state: &[f64], saddles: bool) -> Option<ScalarOutcome> {
    if norm(state) < origin_trap(field) {
        return Some(ScalarOutcome::Origin);
    }
    if field.kind == Field::Joint {
        return None;
    }
    let (rho, tau) = (field.moments.xx[(0, 0)], field.moments.yx[(0, 0)]);
    let root = (tau * tau - 4.0 * rho * field.decay_a).max(0.0).sqrt();
    let (inner, outer) = ((tau.abs() - root) / (2.0 * rho), (tau.abs() + root) / (2.0 * rho));
    let within = |radius: f64| {
        let far = distance_to_sphere(state, field.width, radius, tau);
        far <= ARRIVED * radius && far <= ARRIVED_GAP * (outer - inner)
    };
    if within(outer) {
        Some(ScalarOutcome::Outer)
    } else if saddles && within(inner) {
        Some(ScalarOutcome::Inner)
    } else {
        None
    }
}

/// Distance of (A, B, C) from (r u, ± r u uᵀ, r u) with u = a/|a|: the point of the sphere's orbit in its direction.
fn distance_to_sphere(state: &[f64], n: usize, radius: f64, tau: f64) -> f64 {
    let a = &state[..n];
    let scale = radius / norm(a);
    let mut point: Vec<f64> = a.iter().map(|x| x * scale).collect();
    for i in 0..n {
        point.extend((0..n).map(|j| tau.signum() * a[i] * a[j] * scale * scale / radius));
    }
    if state.len() > point.len() {
        point.extend_from_within(..n);
    }
    distance(state, &point)
}

fn follow_further(field: &LinearField, state: &[f64]) -> ScalarOutcome {
    let observer = LinearObserver::new(field, state);
    let params = FlowParams { max_rows: 2, max_steps: 5_000, ..FlowParams::default() };
    let end = Flow { field, observer: &observer, params }.run(state, &mut |_| false);
    match end.stop {
        Stop::Diverged => ScalarOutcome::Diverged,
        Stop::Cycle(_) => ScalarOutcome::Cycle,
        Stop::Steady { .. } | Stop::Budget(_) => {
            name_state(field, &end.state, true).unwrap_or(ScalarOutcome::Unresolved)
        }
    }
}

#[cfg(test)]
mod tests;
