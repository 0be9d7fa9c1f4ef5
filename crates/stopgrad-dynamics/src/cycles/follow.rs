//! A cycle while weight decay changes: pseudo-arclength from one that is known, or from where it is born.

use faer::Mat;

use super::{Border, LimitCycle, Unknown, alignment, correct, dot, measure, with_decay};
use crate::linalg::{LinalgError, singular_vectors, split_by_range};
use crate::orbit::Orbit;
use crate::statistics::squared_norm;
use crate::{LinearField, VectorField, dense_jacobian};

/// How far a cycle is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleFollowParams {
    /// Smallest and largest λ.
    pub range: [f64; 2],
    /// The longest step, in parts of the state, of the period and of λ together: 0.1.
    pub longest_step: f64,
    /// Steps in each direction: 300.
    pub max_steps: usize,
    /// Period, over that of the start, beyond which it is called infinite: 100.
    pub longest_period: f64,
}

impl CycleFollowParams {
    /// Between two weight decays.
    pub fn between(low: f64, high: f64) -> Self {
        Self { range: [low, high], longest_step: 0.1, max_steps: 300, longest_period: 100.0 }
    }
}

/// Why a branch of cycles ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleEnd {
    /// The range of λ ends.
    Range,
    /// The cycle shrinks to an equilibrium: a Hopf point.
    Equilibrium,
    /// Its period grows beyond every bound: it meets a saddle.
    InfinitePeriod,
    /// It becomes another cycle gone through twice: where that one doubles its period.
    PeriodHalving,
    /// Steps became too short.
    Lost,
    /// The bound on steps.
    Budget,
}

impl CycleEnd {
    /// The word of the files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Equilibrium => "hopf",
            Self::InfinitePeriod => "infinite_period",
            Self::PeriodHalving => "period_halving",
            Self::Lost => "lost",
            Self::Budget => "budget",
        }
    }
}

/// Cycles in order along their branch.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleBranch {
    /// The cycles; λ need not rise along them.
    pub cycles: Vec<LimitCycle>,
    /// How each end came about.
    pub ends: [CycleEnd; 2],
}

/// Steps shorter than this end a branch.
const SHORTEST: f64 = 1e-6;
/// Length of a step over the swing of S, at most.
const STRIDE: f64 = 0.3;
/// Swing of |S| over its size below which a cycle is an equilibrium.
const FLAT: f64 = 2e-3;
/// Distance of S(T/2) from S(0) over the amplitude, below which a rise is that of the way back.
const TWICE: f64 = 0.3;
/// Distance from the equilibrium, over its size, at which a cycle near a Hopf point is sought.
const NEAR: f64 = 0.02;

/// Where a branch of cycles is entered.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleStart {
    /// A cycle on it.
    pub cycle: LimitCycle,
    /// The equilibrium at which the branch begins, if it is known: state, period 2π/ω and λ.
    pub born: Option<(Vec<f64>, f64, f64)>,
}

/// The small cycle beside a Hopf point, at whatever λ it lives: `None` where Newton does not settle on one.
///
/// # Shapes      equilibrium: the field's dimension, at the field's λ
/// # Errors      [`LinalgError`]
pub fn cycle_from_hopf(
    field: &LinearField, equilibrium: &[f64], frequency: f64,
) -> Result<Option<CycleStart>, LinalgError> {
    // Directions that J² + ω² sends to 0: the plane of the pair.
    let basis = Orbit::at(field, equilibrium).transversal;
    let quotient = crate::linear::newton::compress(&basis, &dense_jacobian(field, equilibrium));
    let mut square = crate::linalg::product(quotient.as_ref(), quotient.as_ref());
    (0..square.nrows()).for_each(|i| square[(i, i)] += frequency * frequency);
    let vectors = singular_vectors(square.as_ref())?;
    let last = square.nrows() - 1;
    let direction: Vec<f64> =
        (0..basis.nrows()).map(|i| (0..=last).map(|j| basis[(i, j)] * vectors.right[(j, last)]).sum()).collect();
    let reach = NEAR * squared_norm(equilibrium).sqrt();
    let state: Vec<f64> = equilibrium.iter().zip(&direction).map(|(z, v)| z + reach * v).collect();
    let period = std::f64::consts::TAU / frequency;
    let turn = Mat::identity(field.width, field.width);
    let mut unknown = Unknown { state, period, turn, decay: field.decay_a };
    // The distance along the plane is held, and λ gives way.
    let border = Border::new(field, &unknown, (direction, 0.0, 0.0, 0.0));
    let Some((shot, iterations)) = correct(field, &mut unknown, &border) else { return Ok(None) };
    let cycle = measure(field, &unknown, &shot, iterations)?;
    // The equilibrium itself satisfies every equation with any period.
    let born = Some((equilibrium.to_vec(), period, field.decay_a));
    Ok((swing(&cycle) > FLAT).then_some(CycleStart { cycle, born }))
}

/// How far S goes from where it was, over its size.
fn swing(cycle: &LimitCycle) -> f64 {
    cycle.amplitude / cycle.s_norm[1]
}

/// A cycle followed in both directions of λ.
///
/// # Errors      [`LinalgError`]
/// # Cost        a step: 3 to 6 shots
pub fn follow_cycle(
    field: &LinearField, start: &CycleStart, params: &CycleFollowParams, should_stop: &dyn Fn() -> bool,
) -> Result<CycleBranch, LinalgError> {
    let side = |sign: f64| Side { field, params, should_stop, start, sign };
    let (mut before, first) =
        if start.born.is_some() { (Vec::new(), CycleEnd::Equilibrium) } else { side(-1.0).run()? };
    let (after, second) = side(1.0).run()?;
    before.reverse();
    before.push(start.cycle.clone());
    before.extend(after);
    Ok(CycleBranch { cycles: before, ends: [first, second] })
}

/// One direction.
struct Side<'a> {
    field: &'a LinearField,
    params: &'a CycleFollowParams,
    should_stop: &'a dyn Fn() -> bool,
    start: &'a CycleStart,
    sign: f64,
}

impl Side<'_> {
    fn run(&self) -> Result<(Vec<LimitCycle>, CycleEnd), LinalgError> {
        let mut found: Vec<LimitCycle> = Vec::new();
        let mut length = 0.02_f64.min(self.params.longest_step);
        let [low, high] = self.params.range;
        for _ in 0..self.params.max_steps {
            if (self.should_stop)() {
                return Ok((found, CycleEnd::Budget));
            }
            let last = found.last().unwrap_or(&self.start.cycle);
            let seen = |cycle: &LimitCycle| (cycle.state.clone(), cycle.period, cycle.weight_decay);
            let before = match found.len() {
                0 => self.start.born.clone(),
                1 => Some(seen(&self.start.cycle)),
                count => Some(seen(&found[count - 2])),
            };
            // A step has to be short beside the cycle, or it may end on the way back.
            length = length.min(STRIDE * swing(last));
            let Some(next) = self.step(last, before, length)? else {
                length *= 0.5;
                if length < SHORTEST {
                    return Ok((found, CycleEnd::Lost));
                }
                continue;
            };
            if next.iterations <= 4 {
                length = (1.4 * length).min(self.params.longest_step);
            }
            let decay = next.weight_decay;
            let end = if !(low..=high).contains(&decay) {
                Some(CycleEnd::Range)
            } else if swing(&next) < FLAT && swing(&next) < swing(last) {
                Some(CycleEnd::Equilibrium)
            } else if next.half > last.half && last.half < TWICE {
                // It went through the other cycle, and comes back as its own image.
                return Ok((found, CycleEnd::PeriodHalving));
            } else if next.period > self.params.longest_period * self.start.cycle.period {
                Some(CycleEnd::InfinitePeriod)
            } else {
                None
            };
            match end {
                // What lies outside is not told.
                Some(CycleEnd::Range) => return Ok((found, CycleEnd::Range)),
                Some(end) => {
                    found.push(next);
                    return Ok((found, end));
                }
                None => found.push(next),
            }
        }
        Ok((found, CycleEnd::Budget))
    }

    /// Takes shifts along the cycle and rotations out of a secant: they are free, and a step must not be spent on them.
    fn across(&self, at: &LimitCycle, secant: &mut [f64]) {
        let field = with_decay(self.field, at.weight_decay);
        let mut flow = Mat::<f64>::zeros(secant.len(), 1);
        field.value(&at.state, flow.col_as_slice_mut(0));
        let tangent = Orbit::at(&field, &at.state).tangent;
        let free = Mat::from_fn(secant.len(), tangent.ncols() + 1, |i, j| {
            if j < tangent.ncols() { tangent[(i, j)] } else { flow[(i, 0)] / flow.norm_l2() }
        });
        let range = split_by_range(free.as_ref(), 1e-8).range;
        for column in 0..range.ncols() {
            let part: f64 = (0..secant.len()).map(|i| range[(i, column)] * secant[i]).sum();
            secant.iter_mut().enumerate().for_each(|(i, x)| *x -= part * range[(i, column)]);
        }
    }

    /// The next cycle, along the secant of the last two (at first along λ); `None` where a shorter step is needed.
    fn step(
        &self, last: &LimitCycle, before: Option<(Vec<f64>, f64, f64)>, length: f64,
    ) -> Result<Option<LimitCycle>, LinalgError> {
        let scale = squared_norm(&last.state).sqrt();
        let (mut on_state, mut on_period, mut on_decay) = (vec![0.0; last.state.len()], 0.0, self.sign);
        let first = before.is_none();
        if let Some((state, period, decay)) = before {
            // In parts of the state, the period and λ; the phase of `before` is that which Newton's border held.
            on_state = last.state.iter().zip(&state).map(|(x, y)| (x - y) / scale).collect();
            self.across(last, &mut on_state);
            on_period = (last.period - period) / last.period;
            on_decay = (last.weight_decay - decay) / last.weight_decay;
            let size = (squared_norm(&on_state) + on_period * on_period + on_decay * on_decay).sqrt();
            for x in &mut on_state {
                *x /= size;
            }
            (on_period, on_decay) = (on_period / size, on_decay / size);
        }
        let state: Vec<f64> = last.state.iter().zip(&on_state).map(|(x, t)| x + length * scale * t).collect();
        let period = last.period * (1.0 + length * on_period);
        let decay = last.weight_decay * (1.0 + length * on_decay);
        if !(period > 0.0 && decay > 0.0) {
            return Ok(None);
        }
        let Some(turn) = alignment(&with_decay(self.field, decay), &state, period)? else { return Ok(None) };
        // Near the last cycle's own turn, which alignment finds to second order.
        let mut unknown = Unknown { state: state.clone(), period, turn, decay };
        let weights: Vec<f64> = on_state.iter().map(|t| t / scale).collect();
        let row = (weights, on_period / last.period, on_decay / last.weight_decay, 0.0);
        let mut direction = vec![0.0; state.len()];
        with_decay(self.field, decay).value(&state, &mut direction);
        if dot(&direction, &direction) <= 0.0 {
            return Ok(None);
        }
        let border = Border::new(self.field, &unknown, row);
        let Some((shot, iterations)) = correct(self.field, &mut unknown, &border) else { return Ok(None) };
        let moved = unknown.state.iter().zip(&state).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt() / scale;
        // Along λ alone the state itself moves by more than the step.
        let most = if first { 0.3 * swing(last) } else { length };
        if moved > most || (unknown.decay / decay - 1.0).abs() > length {
            return Ok(None);
        }
        measure(self.field, &unknown, &shot, iterations).map(Some)
    }
}
