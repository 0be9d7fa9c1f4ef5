//! Schedules: pure functions of the step.

use std::f64::consts::PI;

use crate::config::ScheduleKind;

/// Linear rise from 0 before a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warmup {
    /// Steps until the full value.
    pub steps: u64,
}

/// From a first to a last value over a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Shape of the way.
    pub kind: ScheduleKind,
    /// Value at the first step after warm-up.
    pub start: f64,
    /// Value at the last step.
    pub end: f64,
    /// Steps of the run.
    pub steps: u64,
    /// Its length over that of the run: above 1 the run ends before the last value (V-JEPA: 1.25).
    pub horizon: f64,
    /// Before it.
    pub warmup: Warmup,
}

impl Schedule {
    /// The value for update number `step`, counted from 0.
    ///
    /// In warm-up start · (step + 1)/(warm-up + 1), so no step is wasted on a rate of 0.
    pub fn at(&self, step: u64) -> f64 {
        let warm = self.warmup.steps;
        if step < warm {
            return self.start * (step + 1) as f64 / (warm + 1) as f64;
        }
        let span = (self.steps as f64 * self.horizon - (warm + 1) as f64).max(1.0);
        let done = ((step - warm) as f64 / span).min(1.0);
        match self.kind {
            ScheduleKind::Constant => self.start,
            ScheduleKind::Linear => self.start + (self.end - self.start) * done,
            ScheduleKind::Cosine => self.end + (self.start - self.end) * 0.5 * (1.0 + (PI * done).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(kind: ScheduleKind) -> Schedule {
        Schedule { kind, start: 2.0, end: 1.0, steps: 101, horizon: 1.0, warmup: Warmup { steps: 0 } }
    }

    #[test]
    fn every_kind_starts_and_ends_where_it_says() {
        for kind in [ScheduleKind::Linear, ScheduleKind::Cosine] {
            assert!((schedule(kind).at(0) - 2.0).abs() < 1e-15);
            assert!((schedule(kind).at(50) - 1.5).abs() < 1e-12);
            assert!((schedule(kind).at(100) - 1.0).abs() < 1e-15);
            assert!((schedule(kind).at(999) - 1.0).abs() < 1e-15);
        }
        assert!((schedule(ScheduleKind::Constant).at(77) - 2.0).abs() < 1e-15);
    }

    #[test]
    fn warmup_rises_to_the_full_value() {
        let schedule = Schedule { warmup: Warmup { steps: 3 }, ..schedule(ScheduleKind::Linear) };
        let values: Vec<f64> = (0..4).map(|s| schedule.at(s)).collect();
        assert!(values.windows(2).all(|w| w[0] < w[1]) && values[0] > 0.0);
        assert!((values[3] - 2.0).abs() < 1e-15 && (schedule.at(100) - 1.0).abs() < 1e-15);
    }
}
