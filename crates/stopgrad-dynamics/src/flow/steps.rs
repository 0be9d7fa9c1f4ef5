//! Training in steps, watched as a flow is: the same reasons to stop, the same trajectory.

use super::{FlowEnd, FlowParams, LinearObserver, Observer, Progress, QUIET, Row, Stop, Trajectory, distance, norm};
use crate::VectorField;
use crate::linear::UpdateMap;

/// Takes training steps from a state of the field (velocities 0) until the field is small, the budget is spent or the
/// state is beyond bounds.
///
/// Time is learning rate × steps. Steady as for a flow: |v| small for several steps and the Newton correction small,
/// where v is the field with the teacher's rate γ = (1 − α)/η that its momentum stands for. The balance gap is set
/// beside e^{−2λt}, which steps follow up to the order of η; under heavy ball there is no such law and it is left out.
/// Recurrences are not sought: training that goes round ends in its budget. Of `params` the tolerance and `recurrence`
/// are not read.
///
/// # Shapes      start: the field's dimension; the end's state: the same, velocities left out
/// # Panics      when the start has another length, or the field is joint without V
/// # Cost        a step: a value of the field and one more for the stop
pub fn train_linear(
    map: &UpdateMap, start: &[f64], params: FlowParams, should_stop: &mut dyn FnMut(Progress) -> bool,
) -> FlowEnd {
    let mut field = map.field.clone();
    field.ema_rate = (1.0 - map.teacher_momentum) / map.learning_rate;
    let observer = LinearObserver::new(&field, start);
    let d = field.dimension();
    let (mut state, mut slope) = (map.extend(start), vec![0.0; d]);
    let mut next = vec![0.0; state.len()];
    let mut trajectory = Trajectory::new(params.max_rows);
    let (mut steps, mut quiet, mut next_look, mut increment) = (0u64, 0, 0, 0.0);
    let row = |steps: u64, state: &[f64], slope: &[f64], increment: f64| {
        let time = map.learning_rate * steps as f64;
        let mut row = Row { time, field_norm: norm(slope), increment, ..Row::default() };
        observer.measure(time, &state[..d], &mut row);
        if map.heavy_ball > 0.0 {
            row.balance_gap_error = None;
        }
        row
    };
    field.value(&state[..d], &mut slope);
    trajectory.offer(|| row(0, &state, &slope, 0.0));
    let stop = loop {
        let progress = Progress { time: map.learning_rate * steps as f64, steps, field_norm: norm(&slope) };
        if let Some(limit) = params.exhausted(progress, should_stop) {
            break Stop::Budget(limit);
        }
        map.value(&state, &mut next);
        increment = distance(&next[..d], &state[..d]);
        let size = norm(&next);
        if size.is_nan() || size > params.divergence {
            break Stop::Diverged;
        }
        std::mem::swap(&mut state, &mut next);
        steps += 1;
        field.value(&state[..d], &mut slope);
        trajectory.offer(|| row(steps, &state, &slope, increment));
        let size = norm(&state[..d]).max(observer.size_floor());
        // A heavy ball may pass a point of no force at speed: the step has to be small as well.
        let still = norm(&slope) <= params.quiet_field * size && increment <= params.quiet_field * size;
        quiet = if still { quiet + 1 } else { 0 };
        if quiet >= QUIET && steps >= next_look {
            if let Some(correction) = observer.newton_correction(&state[..d], &slope)
                && correction <= params.steady * size
            {
                break Stop::Steady { correction };
            }
            next_look = steps + QUIET + steps / 4;
        }
    };
    trajectory.close(row(steps, &state, &slope, increment));
    state.truncate(d);
    let (time, field_norm) = (map.learning_rate * steps as f64, norm(&slope));
    FlowEnd { stop, time, state, field_norm, steps, rejected: 0, trajectory }
}
