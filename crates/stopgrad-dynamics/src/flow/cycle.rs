//! Recurrence: does the flow return to where it was, up to the system's symmetry.

use super::{FlowParams, Observer, distance, norm};
use crate::VectorField;
use crate::ode::{EmbeddedRungeKutta, Integrator, Stepper, TSITOURAS, Tolerance};

/// Returns that must agree.
const RETURNS: usize = 4;
/// A reference is kept until time has grown by this factor: the transient before it dies while periods fit after it
/// (Brent 1980 does so for sequences).
const RENEWAL: f64 = 1.5;
/// A crossing farther from the reference than this part of the loop belongs to another branch of the loop.
const NEAR: f64 = 0.2;
/// Trials to place a crossing: each gains more than a bit, most gain many.
const MAX_PLACING: usize = 60;

/// A closed orbit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// Time of one turn.
    pub period: f64,
    /// Greatest distance of the invariants from their value at the section in one turn.
    pub amplitude: f64,
    /// Estimated error of the period.
    pub period_error: f64,
}

/// A state that was left, with its time and slope.
pub(super) struct Departure {
    time: f64,
    state: Vec<f64>,
    slope: Vec<f64>,
}

/// A hyperplane through the reference, across the direction of travel there.
struct Section {
    time: f64,
    reference: Vec<f64>,
    normal: Vec<f64>,
    /// Greatest distance from the reference since it was set.
    loop_size: f64,
    crossings: Vec<(f64, Vec<f64>)>,
}

pub(super) struct CycleSearch<'a> {
    field: &'a dyn VectorField,
    observer: &'a dyn Observer,
    tolerance: Tolerance,
    recurrence: f64,
    stepper: EmbeddedRungeKutta,
    section: Option<Section>,
    now: Vec<f64>,
    before: Vec<f64>,
    spare: Option<Departure>,
}

impl Section {
    fn side(&self, invariants: &[f64]) -> f64 {
        let steps = invariants.iter().zip(&self.reference).zip(&self.normal);
        steps.map(|((q, r), n)| (q - r) * n).sum()
    }
}

impl<'a> CycleSearch<'a> {
    pub(super) fn new(field: &'a dyn VectorField, observer: &'a dyn Observer, params: &FlowParams) -> Self {
        Self {
            field,
            observer,
            tolerance: params.tolerance,
            recurrence: params.recurrence,
            stepper: EmbeddedRungeKutta::new(&TSITOURAS, field.dimension()),
            section: None,
            now: Vec::new(),
            before: Vec::new(),
            spare: None,
        }
    }

    /// Keeps where a step starts; the memory is that of the step before.
    pub(super) fn remember(&mut self, on: &Integrator<'_>) -> Departure {
        let new = || Departure { time: 0.0, state: on.state.clone(), slope: on.slope.clone() };
        let mut from = self.spare.take().unwrap_or_else(new);
        from.time = on.time;
        from.state.copy_from_slice(&on.state);
        from.slope.copy_from_slice(&on.slope);
        from
    }

    /// Looks at a step that was taken; a cycle once the last returns agree.
    pub(super) fn look(&mut self, from: Departure, on: &Integrator<'_>) -> Option<Cycle> {
        self.observer.invariants(&on.state, &mut self.now);
        self.observer.invariants(&from.state, &mut self.before);
        if self.section.as_ref().is_none_or(|section| on.time > RENEWAL * section.time) {
            self.renew(on.time);
        } else if let Some(mut section) = self.section.take() {
            let far = distance(&self.now, &section.reference);
            section.loop_size = section.loop_size.max(far);
            if section.side(&self.before) < 0.0 && section.side(&self.now) >= 0.0 {
                self.cross(&mut section, &from, on.time);
            }
            self.section = Some(section);
        }
        self.spare = Some(from);
        let section = self.section.as_mut()?;
        section.agreed(self.recurrence)
    }

    fn renew(&mut self, time: f64) {
        let mut normal: Vec<f64> = self.now.iter().zip(&self.before).map(|(a, b)| a - b).collect();
        let size = norm(&normal);
        if size > 0.0 {
            for x in &mut normal {
                *x /= size;
            }
            let (reference, crossings) = (self.now.clone(), Vec::new());
            self.section = Some(Section { time, reference, normal, loop_size: 0.0, crossings });
        }
    }

    /// Places a crossing between a departure and `end` by steps of the integrator itself, so that it is as exact as
    /// the solution (an interpolant would be of lower order); regula falsi of Illinois.
    fn cross(&mut self, section: &mut Section, from: &Departure, end: f64) {
        let length = end - from.time;
        let (mut low, mut high) = (0.0, length);
        let (mut below, mut above) = (section.side(&self.before), section.side(&self.now));
        let mut invariants = self.now.clone();
        let mut at = length;
        let mut last_side = 0.0;
        for _ in 0..MAX_PLACING {
            at = (low * above - high * below) / (above - below);
            self.stepper.step(self.field, &from.state, &from.slope, at, self.tolerance);
            self.observer.invariants(self.stepper.end().0, &mut invariants);
            let side = section.side(&invariants);
            if side < 0.0 {
                (low, below) = (at, side);
                above *= if last_side < 0.0 { 0.5 } else { 1.0 };
            } else {
                (high, above) = (at, side);
                below *= if last_side > 0.0 { 0.5 } else { 1.0 };
            }
            last_side = if side < 0.0 { -1.0 } else { 1.0 };
            if high - low <= 1e-14 * end.max(1.0) || side.abs() <= 1e-15 * section.loop_size || above <= below {
                break;
            }
        }
        if distance(&invariants, &section.reference) <= NEAR * section.loop_size {
            section.crossings.push((from.time + at, invariants));
        }
    }
}

impl Section {
    /// The cycle, once the last returns are as close to each other as asked and their periods have settled.
    fn agreed(&mut self, recurrence: f64) -> Option<Cycle> {
        let [.., a, b, c, d] = &self.crossings[..] else { return None };
        let last: [&(f64, Vec<f64>); RETURNS] = [a, b, c, d];
        let amplitude = self.loop_size;
        let returned = last.windows(2).all(|pair| distance(&pair[0].1, &pair[1].1) <= 5.0 * recurrence * amplitude);
        let [p, q, r] = [b.0 - a.0, c.0 - b.0, d.0 - c.0];
        // Periods settle geometrically: what is still to come is the last change times the sum of the series.
        let (change, earlier) = ((r - q).abs(), (q - p).abs());
        let ratio = if earlier > 0.0 { (change / earlier).min(0.99) } else { 0.0 };
        let period_error = change / (1.0 - ratio);
        let settled = returned && period_error <= recurrence * r;
        if self.crossings.len() > RETURNS {
            self.crossings.remove(0);
        }
        settled.then_some(Cycle { period: r, amplitude, period_error })
    }
}
