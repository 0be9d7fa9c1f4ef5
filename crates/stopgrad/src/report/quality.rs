//! Loss against quality: does Ē, or the relative error, rise or stand while probe accuracy rises?
//!
//! A loss that rises while the representation gets better is what distinguishes these fields from
//! descent (docs/theory.md, section 6.2). It is looked for between probe measurements of the same run,
//! and called found only where accuracy rose by more than sampling can explain.

use super::record::{Column, RunRecord};
use super::{history, probes};
use crate::markup::{change, number, percent, points};

/// A change of at most this share of the value at the start of an interval is called standing still.
const STANDS: f64 = 0.02;

/// Two probe measurements of one run, and the loss measure at both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Step of the earlier measurement.
    pub from_step: u64,
    /// Step of the later one.
    pub to_step: u64,
    /// Probe accuracy at both, 0 to 1.
    pub accuracy: (f64, f64),
    /// The loss measure at both.
    pub loss: (f64, f64),
    /// The other of Ē and relative error at both.
    pub companion: (f64, f64),
    /// Two standard errors of the difference of the two accuracies.
    pub sampling_error: f64,
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Up, beyond the tolerance.
    Rose,
    /// Within the tolerance.
    Stood,
    /// Down, beyond the tolerance.
    Fell,
}

/// What a loss measure and the accuracy did over one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The loss measure: `JointObjective` or `RelativeError`.
    pub measure: Column,
    /// The probe: `KnnAccuracy` or `LinearAccuracy`.
    pub probe: Column,
    /// From the first probe measurement to the last.
    pub whole: Stretch,
    /// The longest stretch in which accuracy rose while the measure rose or stood, one in which the other measure did not
    /// fall either before any in which it did; none: there is no such stretch.
    pub disagreement: Option<Stretch>,
}

impl Stretch {
    /// Of the accuracy; within its sampling error it stood.
    pub fn accuracy_trend(&self) -> Trend {
        trend(self.accuracy.1 - self.accuracy.0, self.sampling_error)
    }

    /// Of the loss measure; within 2 % of its first value it stood.
    pub fn loss_trend(&self) -> Trend {
        trend(self.loss.1 - self.loss.0, STANDS * self.loss.0.abs())
    }

    /// Of the other loss measure; within 2 % of its first value it stood.
    pub fn companion_trend(&self) -> Trend {
        trend(self.companion.1 - self.companion.0, STANDS * self.companion.0.abs())
    }

    fn disagrees(&self) -> bool {
        self.accuracy_trend() == Trend::Rose && self.loss_trend() != Trend::Fell
    }

    /// Which of two stretches tells more: the one in which neither measure fell, then the longer.
    fn weight(&self) -> (bool, u64) {
        (self.companion_trend() != Trend::Fell, length(self))
    }
}

impl Course {
    /// One sentence with steps and numbers.
    pub fn sentence(&self) -> String {
        let shown = self.disagreement.as_ref().unwrap_or(&self.whole);
        let (probe, measure) = (probe_word(self.probe), measure_word(self.measure));
        let accuracy = match shown.accuracy_trend() {
            Trend::Rose => "rose",
            Trend::Stood => "stayed within sampling error",
            Trend::Fell => "fell",
        };
        let (loss, other) = (verb(shown.loss_trend()), verb(shown.companion_trend()));
        let companion = measure_word(companion(self.measure));
        format!(
            "from step {} to step {} {probe} accuracy {accuracy}, {} to {} ({} ± {} points), while {measure} {loss}, \
             {} to {} ({}); {companion} {other}, {} to {} ({})",
            shown.from_step,
            shown.to_step,
            percent(shown.accuracy.0),
            percent(shown.accuracy.1),
            points(shown.accuracy.1 - shown.accuracy.0),
            points(shown.sampling_error).trim_start_matches('+'),
            number(shown.loss.0),
            number(shown.loss.1),
            change(shown.loss.0, shown.loss.1),
            number(shown.companion.0),
            number(shown.companion.1),
            change(shown.companion.0, shown.companion.1),
        )
    }
}

/// What `measure` and probe accuracy did over a run; none with fewer than two probe measurements.
///
/// kNN accuracy where it was measured, linear accuracy otherwise. `validation_count` is the number of
/// samples behind each accuracy; sampling errors take the two measurements as independent, which is
/// cautious, since both see the same samples.
///
/// # Cost        O(p²) for p probe measurements
pub fn course(run: &RunRecord, measure: Column, validation_count: usize) -> Option<Course> {
    [Column::KnnAccuracy, Column::LinearAccuracy]
        .into_iter()
        .find_map(|probe| course_of(probe, measure, &rows(run, probe, measure), validation_count))
}

fn course_of(probe: Column, measure: Column, rows: &[Row], count: usize) -> Option<Course> {
    let [first, .., last] = rows else { return None };
    let between = |a: &Row, b: &Row| Stretch {
        from_step: a.step,
        to_step: b.step,
        accuracy: (a.accuracy, b.accuracy),
        loss: (a.loss, b.loss),
        companion: (a.companion, b.companion),
        sampling_error: probes::sampling_error(a.accuracy, count).hypot(probes::sampling_error(b.accuracy, count)),
    };
    let mut longest: Option<Stretch> = None;
    for (place, start) in rows.iter().enumerate() {
        for end in &rows[place + 1..] {
            let interval = between(start, end);
            if interval.disagrees() && longest.is_none_or(|best| interval.weight() > best.weight()) {
                longest = Some(interval);
            }
        }
    }
    Some(Course { measure, probe, whole: between(first, last), disagreement: longest })
}

/// A row of metrics that has accuracy and both measures.
#[derive(Debug, Clone, Copy)]
struct Row {
    step: u64,
    accuracy: f64,
    loss: f64,
    companion: f64,
}

fn rows(run: &RunRecord, probe: Column, measure: Column) -> Vec<Row> {
    let (accuracies, losses) = (history(run, probe), history(run, measure));
    let companions = history(run, companion(measure));
    let all = accuracies.into_iter().zip(losses).zip(companions);
    all.map(|(((step, accuracy), (_, loss)), (_, companion))| Row { step, accuracy, loss, companion })
        .filter(|row| row.accuracy.is_finite() && row.loss.is_finite() && row.companion.is_finite())
        .collect()
}

/// The other of Ē and relative error.
fn companion(measure: Column) -> Column {
    if measure == Column::JointObjective { Column::RelativeError } else { Column::JointObjective }
}

fn verb(trend: Trend) -> &'static str {
    match trend {
        Trend::Rose => "rose",
        Trend::Stood => "stood",
        Trend::Fell => "fell",
    }
}

fn length(interval: &Stretch) -> u64 {
    interval.to_step.saturating_sub(interval.from_step)
}

fn trend(difference: f64, tolerance: f64) -> Trend {
    if difference > tolerance {
        Trend::Rose
    } else if difference < -tolerance {
        Trend::Fell
    } else {
        Trend::Stood
    }
}

/// How a sentence calls a probe.
pub(super) fn probe_word(probe: Column) -> &'static str {
    if probe == Column::LinearAccuracy { "linear" } else { "kNN" }
}

/// How a sentence calls a loss measure.
pub(super) fn measure_word(measure: Column) -> &'static str {
    match measure {
        Column::JointObjective => "Ē",
        Column::RelativeError => "the relative error",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn run_with(points: &[(u64, Option<f64>, f64)]) -> RunRecord {
        let mut run = fixture::empty_run("sg", 0);
        run.metrics = points
            .iter()
            .map(|(step, accuracy, loss)| {
                let mut row = super::super::record::MetricsRow::new(*step);
                row.set(Column::JointObjective, *loss);
                row.set(Column::RelativeError, 0.25);
                if let Some(accuracy) = accuracy {
                    row.set(Column::KnnAccuracy, *accuracy);
                }
                row
            })
            .collect();
        run
    }

    #[test]
    fn a_rising_loss_under_rising_accuracy_is_found_over_its_longest_interval() {
        let run = run_with(&[
            (0, Some(0.80), 5.0),
            (100, Some(0.85), 0.030),
            (150, None, 0.5),
            (200, Some(0.90), 0.033),
            (300, Some(0.95), 0.036),
        ]);
        let found = course(&run, Column::JointObjective, 1000).unwrap();
        let interval = found.disagreement.unwrap();
        assert_eq!((interval.from_step, interval.to_step), (100, 300));
        assert_eq!((interval.accuracy_trend(), interval.loss_trend()), (Trend::Rose, Trend::Rose));
        assert_eq!((found.whole.from_step, found.whole.to_step, found.whole.loss_trend()), (0, 300, Trend::Fell));
        assert_eq!(
            found.sentence().replace('\u{a0}', " "),
            "from step 100 to step 300 kNN accuracy rose, 85.0 % to 95.0 % (+10.0 ± 2.7 points), while Ē rose, 0.0300 \
             to 0.0360 (+20.0 %); the relative error stood, 0.250 to 0.250 (+0.0 %)"
        );
    }

    #[test]
    fn a_stretch_in_which_both_measures_rise_is_told_before_a_longer_one() {
        let mut run = run_with(&[(0, Some(0.70), 1.0), (100, Some(0.80), 1.1), (200, Some(0.95), 1.2)]);
        for (row, error) in run.metrics.iter_mut().zip([0.9, 0.25, 0.3]) {
            row.set(Column::RelativeError, error);
        }
        let found = course(&run, Column::JointObjective, 1000).unwrap().disagreement.unwrap();
        assert_eq!((found.from_step, found.to_step, found.companion_trend()), (100, 200, Trend::Rose));
    }

    #[test]
    fn a_loss_within_two_percent_stands() {
        let run = run_with(&[(0, Some(0.80), 1.0), (100, Some(0.95), 0.985)]);
        let interval = course(&run, Column::JointObjective, 500).unwrap().disagreement.unwrap();
        assert_eq!(interval.loss_trend(), Trend::Stood);
    }

    #[test]
    fn a_rise_within_sampling_error_is_no_rise() {
        let run = run_with(&[(0, Some(0.80), 1.0), (100, Some(0.82), 2.0)]);
        let found = course(&run, Column::JointObjective, 100).unwrap();
        assert_eq!(found.disagreement, None);
        assert_eq!(found.whole.accuracy_trend(), Trend::Stood);
    }

    #[test]
    fn a_falling_loss_under_rising_accuracy_is_no_disagreement() {
        let run = run_with(&[(0, Some(0.5), 1.0), (100, Some(0.9), 0.5)]);
        let found = course(&run, Column::JointObjective, 1000).unwrap();
        assert_eq!(found.disagreement, None);
        assert!(found.sentence().contains("while Ē fell"));
    }

    #[test]
    fn missing_and_infinite_values_are_passed_over() {
        let run = run_with(&[(0, Some(0.5), f64::NAN), (50, Some(f64::NAN), 1.0), (100, Some(0.9), f64::INFINITY)]);
        assert_eq!(course(&run, Column::JointObjective, 1000), None);
        assert_eq!(course(&run, Column::RelativeError, 1000), None);
    }
}
