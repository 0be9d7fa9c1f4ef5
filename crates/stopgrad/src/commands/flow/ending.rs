//! How a network stands where its flow ended: does it attract, is the field a gradient field there.

use faer::{Accum, Mat, MatRef};
use stopgrad_dynamics::conservative::{closed_paths, exact, stochastic};
use stopgrad_dynamics::flow::{FlowEnd, Stop};
use stopgrad_dynamics::krylov::{KrylovParams, KrylovStop};
use stopgrad_dynamics::linalg::{multiply, singular_values, singular_vectors};
use stopgrad_dynamics::ode::{Advance, Integrator, Tolerance};
use stopgrad_dynamics::stability::{
    heavy_ball_limit, largest_stable_rate, multipliers_at, rightmost_spectrum_at, spectrum_at, spectrum_by_rank_at,
};
use stopgrad_dynamics::statistics::squared_norm;
use stopgrad_dynamics::{Field, LinearField, LinearState, RefinementParams, VectorField, refine_equilibrium};

use super::system::System;
use crate::lab::ending::{Ending, Kappa, Standing, Turn};

/// Unknowns up to which matrices of all of them are decomposed: some seconds.
const DENSE: usize = 1200;
/// Unknowns of a training step up to which its multipliers are computed, and up to which it is bisected over η.
const MULTIPLIERS: usize = 600;
const BISECTED: usize = 160;
/// Unknowns up to which the whole Jacobian is made for κ.
const WHOLE: usize = 2000;
/// Random directions where it is not.
const DIRECTIONS: usize = 64;
/// Unknowns up to which Newton's method refines an end: a few steps of a second or two.
const REFINED: usize = 1600;
/// |v| over λ|z| up to which a state is called an equilibrium whose stability can be asked for.
const RESIDUAL: f64 = 1e-5;

/// Turns of a cycle that are shown, and steps of them at most.
const TURNS: f64 = 3.0;
const MAX_TURN_STEPS: usize = 2000;

/// Everything that is asked of an end.
pub(super) fn judge(system: &System, end: &FlowEnd, seed: u64) -> Ending {
    let rows = &end.trajectory.rows;
    let errors = rows.iter().filter_map(|row| row.balance_gap_error);
    let standing = matches!(end.stop, Stop::Steady { .. }).then(|| standing(system, end));
    let finite = end.state.iter().all(|value| value.is_finite());
    Ending {
        unfinished: matches!(end.stop, Stop::Budget(_)),
        balance_gap_error: errors.reduce(f64::max),
        standing,
        kappa: (finite && !matches!(end.stop, Stop::Diverged)).then(|| kappa(&system.field, &end.state, seed)),
        turns: if let Stop::Cycle(cycle) = end.stop {
            turns(&system.field, &end.state, cycle.period)
        } else {
            Vec::new()
        },
    }
}

/// The cycle from the end on, step by step.
fn turns(field: &LinearField, state: &[f64], period: f64) -> Vec<Turn> {
    let (n, m) = (field.width, field.inputs());
    let mut on = Integrator::new(field, state, Tolerance::default());
    let mut turns = Vec::new();
    while turns.len() < MAX_TURN_STEPS {
        let kept = (0..m).map(|j| (0..n).map(|i| on.state[i * m + j].powi(2)).sum()).collect();
        turns.push(Turn { time: on.time, kept });
        if on.time >= TURNS * period || on.advance(TURNS * period) == Advance::Stuck {
            break;
        }
    }
    turns
}

fn standing(system: &System, end: &FlowEnd) -> Standing {
    let field = &system.field;
    let rank = end.trajectory.rows.last().and_then(|row| row.rank).unwrap_or(0);
    let state = equilibrium(field, &end.state, rank);
    let far: Vec<f64> = state.iter().zip(&end.state).map(|(x, y)| x - y).collect();
    let size = squared_norm(&state).sqrt();
    let moved = (size > 0.0).then(|| squared_norm(&far).sqrt() / size);
    let mut standing = Standing { moved, ..Standing::default() };
    let residual = field.relative_residual(&state);
    if residual > RESIDUAL {
        standing.undecided = Some(format!("the end is an equilibrium to |v| = {residual:.1e} λ|z| only; lower --rtol"));
        return standing;
    }
    spectrum(field, &state, rank, &mut standing);
    if standing.undecided.is_none() {
        in_steps(system, &state, &mut standing);
    }
    standing
}

/// The equilibrium that the end is close to: the origin, or where Newton's method leads in the dimensions it fills.
///
/// There are fewer unknowns in them, and what is still dying out beside them is left out.
fn equilibrium(field: &LinearField, end: &[f64], rank: usize) -> Vec<f64> {
    if rank == 0 {
        return vec![0.0; end.len()];
    }
    let (n, m) = (field.width, field.inputs());
    if field.kind == Field::Joint || filled(field, rank) > REFINED {
        return end.to_vec();
    }
    let state = LinearState::from_flat(end, n, m);
    let Ok(vectors) = singular_vectors(state.a.as_ref()) else { return end.to_vec() };
    let basis = vectors.left.subcols(0, rank);
    let rows = |matrix: &Mat<f64>| product(basis.transpose(), matrix.as_ref());
    let b = product(rows(&state.b).as_ref(), basis);
    let core = LinearState { a: rows(&state.a), b, c: state.c.as_ref().map(rows) };
    let mut narrow = field.clone();
    narrow.width = rank;
    let refined = refine_equilibrium(&narrow, &core.to_flat(), RefinementParams::default()).state;
    let core = LinearState::from_flat(&refined, rank, m);
    let whole = |matrix: &Mat<f64>| product(basis, matrix.as_ref());
    let b = product(whole(&core.b).as_ref(), basis.transpose());
    LinearState { a: whole(&core.a), b, c: core.c.as_ref().map(whole) }.to_flat()
}

fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::<f64>::zeros(left.nrows(), right.ncols());
    multiply(out.as_mut(), Accum::Replace, left, right, 1.0);
    out
}

/// Unknowns of a state in the dimensions that it fills.
fn filled(field: &LinearField, rank: usize) -> usize {
    let m = field.inputs();
    if field.kind.has_teacher() { rank * (2 * m + rank) } else { rank * (m + rank) }
}

fn spectrum(field: &LinearField, state: &[f64], rank: usize, standing: &mut Standing) {
    let unknowns = if field.kind == Field::Joint { state.len() } else { filled(field, rank) };
    let floor = 1e-6 * largest_singular_value(field, state);
    let found = if unknowns <= DENSE {
        standing.method = "dense";
        let found = if field.kind == Field::Joint {
            spectrum_at(field, state)
        } else {
            spectrum_by_rank_at(field, state, floor)
        };
        found.map(|spectrum| (spectrum, true))
    } else {
        standing.method = "krylov";
        let decided = |stop| matches!(stop, KrylovStop::Confirmed | KrylovStop::WholeSpace);
        rightmost_spectrum_at(field, state, floor, KrylovParams::default())
            .map(|found| (found.spectrum, decided(found.search.stop)))
    };
    match found {
        Ok((spectrum, decided)) => {
            standing.spectrum = Some(spectrum);
            if !decided {
                standing.undecided = Some("the search for the rightmost eigenvalue used up its products".into());
            }
        }
        Err(error) => standing.undecided = Some(error.to_string()),
    }
}

fn largest_singular_value(field: &LinearField, state: &[f64]) -> f64 {
    let a = LinearState::from_flat(state, field.width, field.inputs()).a;
    singular_values(a.as_ref()).ok().and_then(|values| values.first().copied()).unwrap_or(0.0)
}

/// What training in steps does there: as asked for, and how large a step may be.
fn in_steps(system: &System, state: &[f64], standing: &mut Standing) {
    let Some(spectrum) = standing.spectrum.as_ref().filter(|_| standing.method == "dense") else { return };
    let small = |limit: usize| system.map.as_ref().filter(|map| map.dimension() <= limit);
    if let Some(found) = small(MULTIPLIERS).and_then(|map| multipliers_at(map, state).ok()) {
        standing.spectral_radius = Some(found.spectral_radius);
        standing.attracts_in_steps = Some(found.attracts());
    }
    standing.largest_rate = if system.field.kind.has_teacher() {
        small(BISECTED).and_then(|map| largest_stable_rate(map, state, spectrum).ok()?.learning_rate)
    } else {
        let heavy_ball = system.map.as_ref().map_or(0.0, |map| map.heavy_ball);
        heavy_ball_limit(&spectrum.transversal_eigenvalues, heavy_ball)
    };
}

fn kappa(field: &LinearField, state: &[f64], seed: u64) -> Kappa {
    let size = squared_norm(state).sqrt();
    // At the origin there is no size to go by; the field's own is that of the decay, which is linear.
    let radius = if size > 1e-3 { 1e-3 * size } else { 1e-3 };
    let dense = field.dimension() <= WHOLE;
    let pairs = if dense { 400 } else { DIRECTIONS };
    let paths = closed_paths(field, state, pairs, radius, seed).kappa;
    let finite = |value: f64| value.is_finite().then_some(value);
    let around = Some([finite(paths.low), finite(paths.high)]);
    let common =
        Kappa { pairs, closed_paths: finite(paths.estimate), closed_paths_interval: around, ..Kappa::default() };
    if dense {
        return Kappa { value: finite(exact(field, state)), method: "exact", ..common };
    }
    let found = stochastic(field, state, DIRECTIONS, seed).kappa;
    Kappa {
        value: finite(found.estimate),
        method: "stochastic",
        interval: Some([finite(found.low), finite(found.high)]),
        ..common
    }
}
