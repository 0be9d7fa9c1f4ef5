//! Step lengths chosen so that every step meets its tolerance.

use super::{EmbeddedRungeKutta, StepControl, Stepper, TSITOURAS, Tolerance, first_length};
use crate::VectorField;

/// Trial steps before one is given up: each shrinks at least by a tenth, so the length falls below rounding first.
const MAX_TRIALS: u32 = 400;
/// Least step, in parts of the time reached (or of 1): below it time does not advance in f64.
const LEAST: f64 = 1e-15;

/// The length at which a step no longer moves time.
#[inline]
pub(crate) fn shortest(time: f64) -> f64 {
    LEAST * time.max(1.0)
}

/// What became of one call of [`Integrator::advance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// A step was taken.
    Stepped,
    /// No step long enough to move time meets the tolerance: the solution leaves every bound, or is no number.
    Stuck,
}

/// A solution on its way: state, slope and time, and the length of the next step.
pub struct Integrator<'a> {
    field: &'a dyn VectorField,
    stepper: Box<dyn Stepper + 'a>,
    tolerance: Tolerance,
    control: StepControl,
    length: f64,
    /// z(t).
    pub state: Vec<f64>,
    /// v(z(t)).
    pub slope: Vec<f64>,
    /// t, from 0.
    pub time: f64,
    /// Steps taken.
    pub steps: u64,
    /// Trial steps not taken.
    pub rejected: u64,
}

impl<'a> Integrator<'a> {
    /// Starts at time 0 with the pair of Tsitouras.
    ///
    /// # Panics      when the start has not the field's dimension
    pub fn new(field: &'a dyn VectorField, start: &[f64], tolerance: Tolerance) -> Self {
        Self::with_stepper(field, start, tolerance, Box::new(EmbeddedRungeKutta::new(&TSITOURAS, field.dimension())))
    }

    /// Starts at time 0 with another method.
    ///
    /// # Panics      when the start has not the field's dimension
    pub fn with_stepper(
        field: &'a dyn VectorField, start: &[f64], tolerance: Tolerance, stepper: Box<dyn Stepper + 'a>,
    ) -> Self {
        assert_eq!(start.len(), field.dimension(), "a start of the field's dimension");
        let mut slope = vec![0.0; start.len()];
        field.value(start, &mut slope);
        let (mut point, mut change) = (vec![0.0; start.len()], vec![0.0; start.len()]);
        let length = first_length(field, start, &slope, tolerance, (&mut point, &mut change));
        let control = StepControl::new();
        Self {
            field,
            stepper,
            tolerance,
            control,
            length,
            state: start.into(),
            slope,
            time: 0.0,
            steps: 0,
            rejected: 0,
        }
    }

    /// Takes one step, not beyond `limit`; the last step before it is shortened to end on it.
    ///
    /// # Requires    limit > time
    pub fn advance(&mut self, limit: f64) -> Advance {
        for _ in 0..MAX_TRIALS {
            let left = limit - self.time;
            let length = self.length.min(left);
            if length < left && length <= shortest(self.time) {
                return Advance::Stuck;
            }
            let error = self.stepper.step(self.field, &self.state, &self.slope, length, self.tolerance);
            let (taken, factor) = self.control.judge(error);
            // A step cut short by the limit says nothing against the length it was cut from.
            self.length = if taken && length < self.length { self.length } else { length * factor };
            if taken {
                self.time = if length >= left { limit } else { self.time + length };
                let (end, slope) = self.stepper.end();
                self.state.copy_from_slice(end);
                self.slope.copy_from_slice(slope);
                self.steps += 1;
                return Advance::Stepped;
            }
            self.rejected += 1;
        }
        Advance::Stuck
    }
}

#[cfg(test)]
mod tests {
    use super::super::DORMAND_PRINCE;
    use super::*;
    use crate::testing::Square;

    /// x″ = −x as a system, padded so that whole and broken vectors of components are both used.
    struct Oscillator(usize);

    impl VectorField for Oscillator {
        fn dimension(&self) -> usize {
            2 * self.0
        }
        fn value(&self, z: &[f64], out: &mut [f64]) {
            for (z, out) in z.chunks(2).zip(out.chunks_mut(2)) {
                (out[0], out[1]) = (z[1], -z[0]);
            }
        }
        fn jvp(&self, _z: &[f64], direction: &[f64], out: &mut [f64]) {
            self.value(direction, out);
        }
    }

    fn start(field: &Oscillator) -> Vec<f64> {
        (0..field.0).flat_map(|i| [1.0 + i as f64, 0.0]).collect()
    }

    #[test]
    fn a_fixed_step_converges_with_order_five() {
        for tableau in [&TSITOURAS, &DORMAND_PRINCE] {
            let field = Oscillator(5);
            let global = |steps: u32| {
                let mut stepper = EmbeddedRungeKutta::new(tableau, field.dimension());
                let mut z = start(&field);
                let mut slope = vec![0.0; z.len()];
                field.value(&z, &mut slope);
                for _ in 0..steps {
                    stepper.step(&field, &z, &slope, 2.0 / f64::from(steps), Tolerance::default());
                    z.copy_from_slice(stepper.end().0);
                    slope.copy_from_slice(stepper.end().1);
                }
                let pair = |i: usize| {
                    (z[2 * i] - start(&field)[2 * i] * 2f64.cos(), z[2 * i + 1] + start(&field)[2 * i] * 2f64.sin())
                };
                (0..field.0).map(|i| pair(i).0.hypot(pair(i).1)).sum::<f64>()
            };
            let order = (global(40) / global(80)).log2();
            assert!((order - 5.0).abs() < 0.2, "{}: {order}", tableau.name);
        }
    }

    #[test]
    fn an_adaptive_solution_meets_its_tolerance_and_ends_on_the_limit() {
        let field = Oscillator(1);
        for relative in [1e-5, 1e-8, 1e-11] {
            let tolerance = Tolerance { relative, absolute: relative };
            let mut flow = Integrator::new(&field, &[1.0, 0.0], tolerance);
            while flow.time < 10.0 {
                assert_eq!(flow.advance(10.0), Advance::Stepped);
            }
            assert!((flow.time - 10.0).abs() < 1e-15);
            let error = (flow.state[0] - 10f64.cos()).abs();
            assert!(error < 100.0 * relative, "{relative:e}: {error:e} in {} steps", flow.steps);
        }
    }

    #[test]
    fn a_solution_that_blows_up_gets_stuck_at_its_pole() {
        let mut flow = Integrator::new(&Square, &[1.0], Tolerance::default());
        let mut taken = 0;
        while flow.advance(2.0) == Advance::Stepped {
            taken += 1;
            assert!(taken < 10_000, "time {}", flow.time);
        }
        assert!((flow.time - 1.0).abs() < 1e-6, "{}", flow.time);
    }
}
