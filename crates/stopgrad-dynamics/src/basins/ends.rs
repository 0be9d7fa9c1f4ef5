//! Which end a trajectory has come to.

use std::borrow::Cow;

use faer::Mat;

use super::BasinParams;
use crate::ensemble::{EnsembleEnd, EnsembleStop, Trial, Trials, Visit};
use crate::flow::{Flow, LinearObserver, Newton, Stop, newton_correction, norm, numerical_rank, origin_trap};
use crate::stability::spectrum_at;
use crate::{Field, LinearField, Stability, VectorField};

/// |v| / (λ |z|) below which a Newton step is tried: the state is then about so far from an equilibrium.
const GATE: f64 = 1e-3;
/// |correction| / |z| that still counts as close by.
const CLOSE: f64 = 1e-3;
/// Newton steps: from `CLOSE` three squarings reach rounding, the ridge costs a few more.
const MAX_NEWTON: usize = 12;

/// How a trajectory ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// At an equilibrium of this rank; 0 is the origin, complete collapse.
    Equilibrium {
        /// Rank of A.
        rank: usize,
        /// Place in the list that was given, if it is one of them.
        listed: Option<usize>,
    },
    /// On a closed orbit.
    Cycle {
        /// Time of one turn.
        period: f64,
        /// Size, in the invariants.
        amplitude: f64,
    },
    /// Beyond every bound.
    Diverged,
    /// None of these within the budget.
    Unresolved,
}

impl Outcome {
    /// rank-r, equilibrium-k, cycle, diverged or unresolved.
    pub fn label(&self) -> String {
        match self {
            Self::Equilibrium { listed: Some(k), .. } => format!("equilibrium-{k}"),
            Self::Equilibrium { rank, .. } => format!("rank-{rank}"),
            Self::Cycle { .. } => "cycle".into(),
            Self::Diverged => "diverged".into(),
            Self::Unresolved => "unresolved".into(),
        }
    }
}

/// The end of one start.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// How it ended.
    pub outcome: Outcome,
    /// The state: polished where it is an equilibrium.
    pub state: Vec<f64>,
    /// Time followed.
    pub time: f64,
    /// |S G(S)| relative to its terms, at an equilibrium.
    pub residual: Option<f64>,
}

/// The starts of [`super::find_basins`].
pub(super) struct BasinTrials<'a> {
    pub(super) field: &'a LinearField,
    pub(super) params: &'a BasinParams,
}

impl Trials for BasinTrials<'_> {
    fn count(&self) -> usize {
        self.params.trials
    }

    fn draw(&self, index: usize) -> Trial<'_> {
        let start = self.params.start.state(self.params.seed, index as u64, self.field);
        Trial { field: Cow::Borrowed(self.field), start }
    }

    fn settled(&self, visit: &Visit<'_>) -> bool {
        let size = norm(visit.state);
        if size < origin_trap(self.field) {
            return true;
        }
        let slowest = self.field.decay_a.min(self.field.decay_b * self.field.rate_b);
        norm(visit.slope) <= GATE * slowest * size && polish(self.field, visit.state, self.params.residual).is_some()
    }
}

/// Names the end that an ensemble came to, following it further where that is open.
pub(super) fn name_end(
    field: &LinearField, equilibria: &[Mat<f64>], params: &BasinParams, end: EnsembleEnd,
) -> Endpoint {
    let EnsembleEnd { stop, time, state, .. } = end;
    if stop == EnsembleStop::Diverged {
        return Endpoint { outcome: Outcome::Diverged, state, time, residual: None };
    }
    if let Some(named) = name_state(field, equilibria, params, &state, time) {
        return named;
    }
    let observer = LinearObserver::new(field, &state);
    let flow = Flow { field, observer: &observer, params: params.flow };
    let further = flow.run(&state, &mut |_| false);
    let time = time + further.time;
    let open = |outcome| Endpoint { outcome, state: further.state.clone(), time, residual: None };
    match further.stop {
        Stop::Diverged => open(Outcome::Diverged),
        Stop::Cycle(cycle) => open(Outcome::Cycle { period: cycle.period, amplitude: cycle.amplitude }),
        Stop::Steady { .. } | Stop::Budget(_) => {
            name_state(field, equilibria, params, &further.state, time).unwrap_or_else(|| open(Outcome::Unresolved))
        }
    }
}

fn name_state(
    field: &LinearField, equilibria: &[Mat<f64>], params: &BasinParams, state: &[f64], time: f64,
) -> Option<Endpoint> {
    let (n, m) = (field.width, field.moments.size());
    let trap = origin_trap(field);
    let (state, residual) =
        if norm(state) < trap { (vec![0.0; state.len()], 0.0) } else { polish(field, state, params.residual)? };
    let size = if trap.is_finite() { trap } else { 1.0 };
    let rank = numerical_rank(&state[..n * m], n, m, size);
    let listed = nearest(&state[..n * m], n, m, equilibria, params.nearness);
    Some(Endpoint { outcome: Outcome::Equilibrium { rank, listed }, state, time, residual: Some(residual) })
}

/// Newton steps from a state that the flow brings to an equilibrium close by; the equilibrium and its residual.
///
/// Refused: a first correction that is not small, a residual above the tolerance, and a saddle that is being left. A
/// correction along which the flow moves is none; on a slow spiral it may point against the flow too, and there the
/// spectrum decides.
fn polish(field: &LinearField, state: &[f64], tolerance: f64) -> Option<(Vec<f64>, f64)> {
    let mut z = state.to_vec();
    let mut slope = vec![0.0; z.len()];
    let mut doubtful = false;
    for step in 0..MAX_NEWTON {
        field.value(&z, &mut slope);
        let Newton { correction, size, approaching } = newton_correction(field, &z, &slope)?;
        let relative = size / norm(&z);
        if step == 0 {
            if relative.is_nan() || relative > CLOSE {
                return None;
            }
            doubtful = !approaching;
        }
        for (z, e) in z.iter_mut().zip(&correction) {
            *z += e;
        }
        if relative <= 1e-13 {
            break;
        }
    }
    let residual = equilibrium_residual(field, &z);
    let attracts = || spectrum_at(field, &z).is_ok_and(|found| found.stability == Stability::Attracting);
    (residual <= tolerance && (!doubtful || attracts())).then_some((z, residual))
}

/// |S G(S)| over the sum of its terms, G(S) = (XS + λI)(SX + λI) − YᵀSY; where λ_A ≠ λ_B (another equation) or for
/// joint, |v| over λ |z|.
fn equilibrium_residual(field: &LinearField, z: &[f64]) -> f64 {
    let (n, m) = (field.width, field.moments.size());
    if field.kind == Field::Joint || field.decay_a.to_bits() != field.decay_b.to_bits() {
        let mut slope = vec![0.0; z.len()];
        field.value(z, &mut slope);
        return norm(&slope) / (field.decay_a.min(field.decay_b) * norm(z));
    }
    let a = Mat::from_fn(n, m, |i, j| z[i * m + j]);
    let s = a.transpose() * &a;
    let (x, y) = (&field.moments.xx, &field.moments.yx);
    let xs = Mat::from_fn(m, m, |i, j| {
        (0..m).map(|k| x[(i, k)] * s[(k, j)]).sum::<f64>() + if i == j { field.decay_a } else { 0.0 }
    });
    let square = &s * (&xs * xs.transpose());
    let source = &s * (y.transpose() * (&s * y));
    let size = square.norm_l2() + source.norm_l2();
    if size > 0.0 { (&square - &source).norm_l2() / size } else { 0.0 }
}

fn nearest(a: &[f64], n: usize, m: usize, equilibria: &[Mat<f64>], nearness: f64) -> Option<usize> {
    let a = Mat::from_fn(n, m, |i, j| a[i * m + j]);
    let s = a.transpose() * &a;
    let far = equilibria.iter().map(|other| (&s - other).norm_l2());
    let (place, distance) = far.enumerate().min_by(|x, y| x.1.total_cmp(&y.1))?;
    (distance <= nearness * s.norm_l2().max(equilibria[place].norm_l2()) || distance.abs() < f64::MIN_POSITIVE)
        .then_some(place)
}
