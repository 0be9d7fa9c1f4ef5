//! Limit cycles of the linear flows, by shooting: period, Floquet multipliers, and how a cycle changes with weight decay.
//!
//! A cycle of (A, B) up to a rotation, z(T) = g z(0) with g orthogonal, is a cycle of what is seen (S = `AᵀA`), so g is an
//! unknown beside z and T: with it no coordinates have to be chosen that remove the O(n) symmetry, and no invariants whose
//! derivatives degenerate. The conditions that fix what is free, time along the cycle and the rotation of all, are linear. Multipliers
//! are those of g⁻¹ ∂z(T)/∂z(0) on the complement of the orbit and of the direction of the flow, which that map keeps.
//! One shot is enough: what is looked for attracts, or nearly. A cycle of stop-gradient has multipliers of modulus e^{−2λT},
//! n(n + 1)/2 times, from the balance law (docs/theory.md, 2.2): a free test.
//!
//! Reading order: [`LimitCycle`], [`refine_cycle`] (from a flow's end), [`cycle_from_hopf`], [`follow_cycle`], [`find_cycles`] (all
//! that Hopf points and flows lead to); `shooting.rs`.

mod follow;
mod search;
mod shooting;

pub use follow::{CycleBranch, CycleEnd, CycleFollowParams, CycleStart, cycle_from_hopf, follow_cycle};
pub use search::{CycleSearchParams, FoundCycles, find_cycles};

use faer::Mat;

use crate::linalg::{LinalgError, general_eigenvalues, multiply};
use crate::orbit::Orbit;
use crate::statistics::squared_norm;
use crate::{LinearField, LinearState, VectorField};
use shooting::{Shot, shoot};

/// Newton steps of one correction.
const MOST: usize = 12;
/// |z(T) − g z(0)| over |z| that is accepted where it no longer falls: what an integration to 1e-11 a step leaves.
const CLOSED: f64 = 1e-8;
/// The same where it is accepted at once.
const SETTLED: f64 = 1e-11;
/// A multiplier of modulus within this of 1 is not decided.
const UNDECIDED: f64 = 1e-6;

/// A closed orbit of a flow, up to a rotation.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitCycle {
    /// λ.
    pub weight_decay: f64,
    /// T.
    pub period: f64,
    /// A point of it, flat.
    pub state: Vec<f64>,
    /// g with z(T) = g z(0): n × n, orthogonal.
    pub turn: Mat<f64>,
    /// Floquet multipliers but those of the flow's direction and the orbit, (re, im), by descending modulus.
    pub multipliers: Vec<[f64; 2]>,
    /// Multipliers outside the unit circle.
    pub unstable_dimensions: usize,
    /// Whether all are inside by more than 1e-6.
    pub attracts: bool,
    /// Least and greatest |S|_F on the way.
    pub s_norm: [f64; 2],
    /// Greatest |S(t) − S(0)|_F on the way.
    pub amplitude: f64,
    /// |S(T/2) − S(0)|_F over the amplitude: 0 where this is another cycle gone through twice.
    pub half: f64,
    /// |z(T) − g z(0)| / |z(0)|.
    pub residual: f64,
    /// |g⁻¹ (∂z(T)/∂z(0)) v − v| / |v|, v the flow's direction: 0 but for the integration's error.
    pub direction_error: f64,
    /// Newton steps.
    pub iterations: usize,
}

/// The cycle near a state with about this period, by Newton's method on a shot.
///
/// `None` where it does not settle in 12 steps: no cycle near, or one that is too unstable for a single shot.
///
/// # Shapes      state: the field's dimension
/// # Requires    rank A = n along the cycle: take an embedding of as many dimensions as live
/// # Errors      [`LinalgError`]
/// # Cost        a Newton step: one period with d variations, d² products with the Jacobian a step of the integrator
pub fn refine_cycle(field: &LinearField, state: &[f64], period: f64) -> Result<Option<LimitCycle>, LinalgError> {
    let Some(turn) = alignment(field, state, period)? else { return Ok(None) };
    let mut unknown = Unknown { state: state.to_vec(), period, turn, decay: field.decay_a };
    let border = Border::fixed_decay(field, &unknown);
    let Some((shot, iterations)) = correct(field, &mut unknown, &border) else { return Ok(None) };
    measure(field, &unknown, &shot, iterations).map(Some)
}

/// What is solved for.
#[derive(Debug, Clone)]
struct Unknown {
    state: Vec<f64>,
    period: f64,
    turn: Mat<f64>,
    decay: f64,
}

/// The linear conditions beside z(T) = g z(0): rows on (z, T, K, λ) and what they have to be.
struct Border {
    /// Rows over z only, that must vanish on the change from `anchor`: the phase, then the rotations.
    phases: Vec<Vec<f64>>,
    anchor: Vec<f64>,
    /// Coefficients on z − anchor, T − period, λ − decay, and the sum that is asked for.
    last: (Vec<f64>, f64, f64, f64),
    from: (f64, f64),
}

impl Border {
    fn new(field: &LinearField, at: &Unknown, last: (Vec<f64>, f64, f64, f64)) -> Self {
        let mut direction = vec![0.0; at.state.len()];
        with_decay(field, at.decay).value(&at.state, &mut direction);
        let size = squared_norm(&direction).sqrt();
        for x in &mut direction {
            *x /= size;
        }
        let mut phases = vec![direction];
        for (i, j) in pairs(field.width) {
            phases.push(rotated(field, &at.state, &skew(field.width, i, j)));
        }
        Self { phases, anchor: at.state.clone(), last, from: (at.period, at.decay) }
    }

    /// λ stays.
    fn fixed_decay(field: &LinearField, at: &Unknown) -> Self {
        Self::new(field, at, (vec![0.0; at.state.len()], 0.0, 1.0, 0.0))
    }
}

/// Newton's method; the last shot and the number of steps, or none.
fn correct(field: &LinearField, at: &mut Unknown, border: &Border) -> Option<(Shot, usize)> {
    let (d, n) = (at.state.len(), field.width);
    let turns: Vec<(usize, usize)> = pairs(n).collect();
    let count = d + turns.len() + 2;
    let mut before = f64::INFINITY;
    for iterations in 1..=MOST {
        let moved = with_decay(field, at.decay);
        let shot = shoot(&moved, &at.state, at.period)?;
        let back = at.turn.transpose().to_owned();
        let end = acted(field, &back, &shot.end);
        let speed = acted(field, &back, &shot.slope);
        let by_decay = acted(field, &back, &shot.by_decay);
        let mut system = Mat::<f64>::zeros(count, count);
        let mut right = Mat::<f64>::zeros(count, 1);
        for column in 0..d {
            let image = acted(field, &back, &shot.variations[column * d..(column + 1) * d]);
            for row in 0..d {
                system[(row, column)] = image[row] - if row == column { 1.0 } else { 0.0 };
            }
        }
        for row in 0..d {
            system[(row, d)] = speed[row];
            system[(row, count - 1)] = by_decay[row];
            right[(row, 0)] = at.state[row] - end[row];
        }
        for (k, &(i, j)) in turns.iter().enumerate() {
            let tangent = rotated(field, &end, &skew(n, i, j));
            (0..d).for_each(|row| system[(row, d + 1 + k)] = -tangent[row]);
        }
        let change: Vec<f64> = at.state.iter().zip(&border.anchor).map(|(z, anchor)| z - anchor).collect();
        for (k, phase) in border.phases.iter().enumerate() {
            (0..d).for_each(|column| system[(d + k, column)] = phase[column]);
            right[(d + k, 0)] = -dot(phase, &change);
        }
        let (on_state, on_period, on_decay, wanted) = &border.last;
        (0..d).for_each(|column| system[(count - 1, column)] = on_state[column]);
        system[(count - 1, d)] = *on_period;
        system[(count - 1, count - 1)] = *on_decay;
        right[(count - 1, 0)] = wanted
            - dot(on_state, &change)
            - on_period * (at.period - border.from.0)
            - on_decay * (at.decay - border.from.1);
        let held = right[(count - 1, 0)].abs() <= SETTLED;
        crate::linalg::solve_general(system.as_ref(), right.as_mut());
        let size = right.norm_l2();
        let scale = squared_norm(&at.state).sqrt();
        let residual = end.iter().zip(&at.state).map(|(e, z)| (e - z).powi(2)).sum::<f64>().sqrt() / scale;
        // The shot that met the tolerance is the one that is told.
        if held && (residual <= SETTLED || (residual <= CLOSED && residual > 0.5 * before)) {
            return Some((shot, iterations));
        }
        if !size.is_finite() || residual > 1.0 || (iterations > 3 && residual > 4.0 * before) {
            return None;
        }
        before = residual;
        (0..d).for_each(|row| at.state[row] += right[(row, 0)]);
        at.period += right[(d, 0)];
        at.decay += right[(count - 1, 0)];
        let generator = turns.iter().enumerate().fold(Mat::<f64>::zeros(n, n), |mut sum, (k, &(i, j))| {
            sum[(i, j)] += right[(d + 1 + k, 0)];
            sum[(j, i)] -= right[(d + 1 + k, 0)];
            sum
        });
        at.turn = product(&at.turn, &cayley(&generator));
        if !(at.period > 0.0 && at.decay > 0.0) {
            return None;
        }
    }
    None
}

/// Multipliers and sizes of a cycle that was met.
fn measure(field: &LinearField, at: &Unknown, shot: &Shot, iterations: usize) -> Result<LimitCycle, LinalgError> {
    let d = at.state.len();
    let moved = with_decay(field, at.decay);
    let back = at.turn.transpose().to_owned();
    let mut monodromy = Mat::<f64>::zeros(d, d);
    for column in 0..d {
        let image = acted(field, &back, &shot.variations[column * d..(column + 1) * d]);
        (0..d).for_each(|row| monodromy[(row, column)] = image[row]);
    }
    let mut direction = Mat::<f64>::zeros(d, 1);
    moved.value(&at.state, direction.col_as_slice_mut(0));
    let speed = direction.norm_l2();
    let mut image = Mat::<f64>::zeros(d, 1);
    multiply(image.as_mut(), faer::Accum::Replace, monodromy.as_ref(), direction.as_ref(), 1.0);
    let direction_error = (&image - &direction).norm_l2() / speed;
    // What is kept: rotations and the direction of the flow.
    let tangent = Orbit::at(&moved, &at.state).tangent;
    let kept = Mat::from_fn(d, tangent.ncols() + 1, |i, j| {
        if j < tangent.ncols() { tangent[(i, j)] } else { direction[(i, 0)] / speed }
    });
    let basis = crate::linalg::split_by_range(kept.as_ref(), 1e-8).complement;
    let quotient = crate::linear::newton::compress(&basis, &monodromy);
    let mut values = general_eigenvalues(quotient.as_ref())?;
    values.sort_by(|a, b| b.norm().total_cmp(&a.norm()).then(b.re.total_cmp(&a.re)).then(b.im.total_cmp(&a.im)));
    let end = acted(field, &back, &shot.end);
    let gap = end.iter().zip(&at.state).map(|(e, z)| (e - z).powi(2)).sum::<f64>().sqrt();
    Ok(LimitCycle {
        weight_decay: at.decay,
        period: at.period,
        state: at.state.clone(),
        turn: at.turn.clone(),
        unstable_dimensions: values.iter().filter(|value| value.norm() > 1.0 + UNDECIDED).count(),
        attracts: values.iter().all(|value| value.norm() < 1.0 - UNDECIDED),
        multipliers: values.iter().map(|value| [value.re, value.im]).collect(),
        s_norm: shot.s_norm,
        amplitude: shot.amplitude,
        half: shot.half / shot.amplitude,
        residual: gap / squared_norm(&at.state).sqrt(),
        direction_error,
        iterations,
    })
}

/// g that turns A(0) into A(T) best; none where the flow does not get there.
fn alignment(field: &LinearField, state: &[f64], period: f64) -> Result<Option<Mat<f64>>, LinalgError> {
    let Some(end) = shooting::flow_for(field, state, period) else { return Ok(None) };
    let (n, m) = (field.width, field.inputs());
    let [before, after] = [state, &end[..]].map(|z| LinearState::from_flat(z, n, m).a);
    let overlap = product(&after, &before.transpose().to_owned());
    let vectors = crate::linalg::singular_vectors(overlap.as_ref())?;
    Ok(Some(product(&vectors.left, &vectors.right.transpose().to_owned())))
}

fn with_decay(field: &LinearField, decay: f64) -> LinearField {
    let mut moved = field.clone();
    (moved.decay_a, moved.decay_b) = (decay, decay);
    moved
}

/// (gA, gBgᵀ, gC).
fn acted(field: &LinearField, g: &Mat<f64>, z: &[f64]) -> Vec<f64> {
    let state = LinearState::from_flat(z, field.width, field.inputs());
    LinearState {
        a: product(g, &state.a),
        b: product(&product(g, &state.b), &g.transpose().to_owned()),
        c: state.c.map(|c| product(g, &c)),
    }
    .to_flat()
}

/// (KA, KB − BK, KC).
fn rotated(field: &LinearField, z: &[f64], k: &Mat<f64>) -> Vec<f64> {
    let state = LinearState::from_flat(z, field.width, field.inputs());
    LinearState {
        a: product(k, &state.a),
        b: product(k, &state.b) - product(&state.b, k),
        c: state.c.map(|c| product(k, &c)),
    }
    .to_flat()
}

fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

fn skew(n: usize, i: usize, j: usize) -> Mat<f64> {
    let mut k = Mat::zeros(n, n);
    (k[(i, j)], k[(j, i)]) = (1.0, -1.0);
    k
}

/// (1 − K/2)⁻¹(1 + K/2): orthogonal, and e^K to third order.
fn cayley(k: &Mat<f64>) -> Mat<f64> {
    let n = k.nrows();
    let side = |sign: f64| Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { 0.5 * sign * k[(i, j)] });
    let mut out = side(1.0);
    crate::linalg::solve_general(side(-1.0).as_ref(), out.as_mut());
    out
}

fn product(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    crate::linalg::product(a.as_ref(), b.as_ref())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    crate::statistics::inner_product(a, b)
}

#[cfg(test)]
mod tests;
