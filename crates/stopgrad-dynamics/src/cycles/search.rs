//! Cycles of a family: those born at Hopf points, and those on which flows end in embeddings of every width.

use super::{
    CycleBranch, CycleEnd, CycleFollowParams, CycleStart, LimitCycle, cycle_from_hopf, follow_cycle, refine_cycle,
};
use crate::branches::{Event, EventKind, Family};
use crate::flow::{FlowParams, Stop, flow_linear};
use crate::linalg::LinalgError;
use crate::random::{normal, stream};
use crate::{Field, LinearField, LinearState, VectorField};

/// Where cycles are sought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleSearchParams {
    /// Stop-gradient or EMA with this γ.
    pub flow: (Field, f64),
    /// How far each is followed.
    pub follow: CycleFollowParams,
    /// Embeddings of 1 to this many dimensions are started from.
    pub widths: usize,
    /// Values of λ, of equal ratios, at which flows are started: 3.
    pub values: usize,
    /// Names the random starts.
    pub seed: u64,
    /// Steps of one flow: 200,000.
    pub flow_steps: u64,
}

/// A branch of cycles, with the dimensions that it fills and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCycles {
    /// n: rank of A along it.
    pub width: usize,
    /// Place of the Hopf event it is born at; none where a flow ended on it, or another branch doubles it.
    pub event: Option<usize>,
    /// The cycles.
    pub branch: CycleBranch,
}

/// Rank of A below which a width is not filled.
const RANK_FLOOR: f64 = 1e-4;
/// Two cycles at one λ with periods this close, relatively, and of one width, are one.
const SAME: f64 = 1e-4;

/// Every cycle that Hopf points and flows lead to, followed in λ.
///
/// # Requires    a family in weight decay; events of its diagram
/// # Errors      [`LinalgError`]
/// # Cost        a flow for every width and value, and [`follow_cycle`] for every cycle
pub fn find_cycles(
    family: &Family, events: &[Event], params: &CycleSearchParams, should_stop: &dyn Fn() -> bool,
) -> Result<Vec<FoundCycles>, LinalgError> {
    let mut found: Vec<FoundCycles> = Vec::new();
    for (place, event) in events.iter().enumerate().filter(|(_, event)| event.kind == EventKind::Hopf) {
        let theta = family.followed(event.parameter);
        let (field, state) = family.state(params.flow, &family.inward(&event.s), event.rank, theta)?;
        let Some(frequency) = event.frequency else { continue };
        if let Some(start) = cycle_from_hopf(&field, &state, frequency)? {
            add(&mut found, &field, start, Some(place), params, should_stop)?;
        }
        if should_stop() {
            return Ok(found);
        }
    }
    let [low, high] = params.follow.range;
    for width in 1..=params.widths {
        for k in 0..params.values {
            let share = (k as f64 + 0.5) / params.values as f64;
            let decay = low * (high / low).powf(share);
            let Some((field, cycle)) = ended(family, decay, width, params, should_stop)? else { continue };
            add(&mut found, &field, CycleStart { cycle, born: None }, None, params, should_stop)?;
        }
    }
    Ok(found)
}

/// The cycle on which a flow from a random start ends, if it fills its width.
fn ended(
    family: &Family, decay: f64, width: usize, params: &CycleSearchParams, should_stop: &dyn Fn() -> bool,
) -> Result<Option<(LinearField, LimitCycle)>, LinalgError> {
    let mut field = LinearField::new(params.flow.0, family.moments(family.followed(decay)), width, decay)
        .expect("a width and a weight decay above 0, and no joint field");
    field.ema_rate = params.flow.1;
    let mut rng = stream(params.seed, width as u64);
    let mut start: Vec<f64> = (0..field.dimension()).map(|_| normal(&mut rng)).collect();
    // The teacher begins as the student.
    let [_, _, nm, nn] = field.sizes();
    if field.kind.has_teacher() {
        start.copy_within(..nm, nm + nn);
    }
    let flow = FlowParams { max_steps: params.flow_steps, ..FlowParams::default() };
    let end = flow_linear(&field, &start, flow, &mut |_| should_stop());
    let Stop::Cycle(cycle) = end.stop else { return Ok(None) };
    let state = LinearState::from_flat(&end.state, width, field.inputs());
    if state.rank(RANK_FLOOR)? < width {
        return Ok(None);
    }
    Ok(refine_cycle(&field, &end.state, cycle.period)?.map(|cycle| (field, cycle)))
}

/// Follows a cycle that is not on a branch yet, and the one that it doubles.
fn add(
    found: &mut Vec<FoundCycles>, field: &LinearField, start: CycleStart, event: Option<usize>,
    params: &CycleSearchParams, should_stop: &dyn Fn() -> bool,
) -> Result<(), LinalgError> {
    let (mut start, mut event) = (start, event);
    loop {
        if found.iter().any(|known| known.width == field.width && has(&known.branch, &start.cycle)) {
            return Ok(());
        }
        let branch = follow_cycle(field, &start, &params.follow, should_stop)?;
        let doubled = (branch.ends[1] == CycleEnd::PeriodHalving).then(|| branch.cycles.last().cloned()).flatten();
        found.push(FoundCycles { width: field.width, event, branch });
        let Some(last) = doubled else { return Ok(()) };
        let mut moved = field.clone();
        (moved.decay_a, moved.decay_b) = (last.weight_decay, last.weight_decay);
        let Some(cycle) = refine_cycle(&moved, &last.state, 0.5 * last.period)? else { return Ok(()) };
        // The same cycle again, gone through twice: nothing new.
        if cycle.period > 0.75 * last.period {
            return Ok(());
        }
        (start, event) = (CycleStart { cycle, born: None }, None);
    }
}

/// Whether a branch passes a cycle's λ at its period.
fn has(branch: &CycleBranch, cycle: &LimitCycle) -> bool {
    branch.cycles.windows(2).any(|pair| {
        let [a, b] = [&pair[0], &pair[1]];
        let (low, high) = (a.weight_decay.min(b.weight_decay), a.weight_decay.max(b.weight_decay));
        if !(low..=high).contains(&cycle.weight_decay) {
            return false;
        }
        let share =
            if high > low { (cycle.weight_decay - a.weight_decay) / (b.weight_decay - a.weight_decay) } else { 0.0 };
        let period = a.period + share * (b.period - a.period);
        // The period bends between two cycles: by a share of its change.
        let bend = 0.1 * (b.period - a.period).abs();
        (period - cycle.period).abs() <= SAME * cycle.period + bend
    })
}
