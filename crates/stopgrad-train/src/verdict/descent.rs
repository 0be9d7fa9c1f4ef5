//! Does the run minimise the original objective? Asked of Ē itself: descend it from where the run ended.

use serde::Serialize;

use stopgrad_dynamics::finding::{Finding, number, percent};

/// Ē falls by more than this share: the end of the run was no minimum of it.
pub const CLEAR_FALL: f64 = 0.05;
/// Ē changes by less than this share: no descent is left at this rate; between the two nothing is claimed.
pub const NO_FALL: f64 = 0.005;
/// Ē below this share of its value at the start of the run has reached its global minimum 0, which is collapse.
pub const REACHED_ZERO: f64 = 1e-6;

/// The smallest value of a quantity along a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SmallestValue {
    /// Updates done when it stood there.
    pub step: u64,
    /// The value.
    pub value: f64,
}

/// What was seen of Ē along the run and in the joint descent after it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescentEvidence {
    /// Ē before the first step of the run.
    pub initial_objective: f64,
    /// Ē where the run ended and the descent starts.
    pub start_objective: f64,
    /// Ē after the descent.
    pub end_objective: f64,
    /// Steps of joint descent.
    pub steps: u64,
    /// Their rate.
    pub learning_rate: f64,
    /// The smallest Ē of the run, and when.
    pub smallest_objective: SmallestValue,
    /// The smallest relative error of the run, and when.
    pub smallest_relative_error: Option<SmallestValue>,
    /// The last step of the run.
    pub last_step: u64,
    /// Whether the descent left the finite numbers.
    pub diverged: bool,
}

/// Does the run minimise Ē: `"yes"`, `"locally"`, `"no"` or `"undecided"`.
///
/// From the final point, N steps of joint descent at the same rate. Ē falls by more than 5 %: `no`, there
/// was a way down that the run's field did not take (or had not yet gone). By less than 0.5 %: `locally`, as
/// far as N steps can see. Between: `undecided`. Rising by 0.5 % or more: `undecided`, the rate is too high
/// to descend, or its batches too noisy. `yes` is said of the global minimum alone, which is known: 0, at
/// collapse; so a `yes` is no praise.
pub fn minimises(evidence: &DescentEvidence) -> Finding {
    let DescentEvidence { start_objective: start, end_objective: end, steps, .. } = *evidence;
    let fall = if start > 0.0 { (start - end) / start } else { 0.0 };
    let along = along_the_run(evidence);
    let (answer, why) = if evidence.diverged || !(start.is_finite() && end.is_finite() && start >= 0.0) {
        ("undecided", format!("The {steps} steps of joint descent from the end diverged; a smaller rate would decide."))
    } else if start <= REACHED_ZERO * evidence.initial_objective {
        let (now, before) = (number(start), number(evidence.initial_objective));
        ("yes", format!("Ē is at its global minimum 0, which is collapse: it ended at {now} and began at {before}."))
    } else if steps == 0 {
        ("undecided", "No step of joint descent was taken from the end; some hundred would decide.".into())
    } else if fall <= -NO_FALL {
        let rise = percent(-fall);
        (
            "undecided",
            format!("{steps} steps of joint descent from the end raised Ē by {rise}; a smaller rate would decide."),
        )
    } else if fall < NO_FALL {
        let verb = if fall < 0.0 { "raised" } else { "lowered" };
        let change = percent(fall.abs());
        ("locally", format!("{steps} steps of joint descent from the end {verb} Ē by {change} only; {along}."))
    } else if fall > CLEAR_FALL {
        let fall = percent(fall);
        ("no", format!("{steps} steps of joint descent from the end lowered Ē by {fall}; {along}."))
    } else {
        let fall = percent(fall);
        (
            "undecided",
            format!("{steps} steps of joint descent from the end lowered Ē by {fall}; more steps would decide."),
        )
    };
    Finding::new(
        answer,
        why,
        &Seen { measured: evidence, fall, clear_fall: CLEAR_FALL, no_fall: NO_FALL, reached_zero: REACHED_ZERO },
    )
}

/// The measured numbers with what was made of them.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    measured: &'a DescentEvidence,
    fall: f64,
    clear_fall: f64,
    no_fall: f64,
    reached_zero: f64,
}

fn along_the_run(evidence: &DescentEvidence) -> String {
    let SmallestValue { step, value } = evidence.smallest_objective;
    if step >= evidence.last_step {
        format!("its smallest value along the run, {}, came at the last step", number(value))
    } else {
        let (last, end) = (evidence.last_step, number(evidence.start_objective));
        format!(
            "its smallest value along the run, {}, came at step {step} of {last}, and it ended at {end}",
            number(value)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descent(start: f64, end: f64) -> DescentEvidence {
        DescentEvidence {
            initial_objective: 2.0,
            start_objective: start,
            end_objective: end,
            steps: 200,
            learning_rate: 0.05,
            smallest_objective: SmallestValue { step: 400, value: 0.7 },
            smallest_relative_error: None,
            last_step: 4000,
            diverged: false,
        }
    }

    #[test]
    fn the_size_of_the_fall_decides() {
        for (end, answer) in [
            (0.9, "no"),
            (0.98, "undecided"),
            (0.999, "locally"),
            (1.0, "locally"),
            (1.001, "locally"),
            (1.2, "undecided"),
        ] {
            assert_eq!(minimises(&descent(1.0, end)).answer, answer, "{end}");
        }
    }

    #[test]
    fn zero_is_the_global_minimum_and_is_called_collapse() {
        for start in [0.0, 1e-7] {
            let finding = minimises(&descent(start, start / 2.0));
            assert_eq!(finding.answer, "yes");
            assert!(finding.why.contains("collapse"));
        }
    }

    #[test]
    fn divergence_and_missing_steps_leave_it_open() {
        assert_eq!(minimises(&DescentEvidence { diverged: true, ..descent(1.0, 0.1) }).answer, "undecided");
        assert_eq!(minimises(&descent(f64::NAN, 0.1)).answer, "undecided");
        assert_eq!(minimises(&descent(1.0, f64::INFINITY)).answer, "undecided");
        assert_eq!(minimises(&DescentEvidence { steps: 0, ..descent(1.0, 1.0) }).answer, "undecided");
    }

    #[test]
    fn the_sentence_and_the_evidence_carry_the_figures() {
        let finding = minimises(&descent(1.0, 0.5));
        assert_eq!(
            finding.why,
            "200 steps of joint descent from the end lowered Ē by 50 %; its smallest value along the run, 0.700, \
             came at step 400 of 4000, and it ended at 1.00."
        );
        assert_eq!(finding.evidence["fall"], 0.5);
        assert_eq!(finding.evidence["clear_fall"], 0.05);
        assert_eq!(finding.evidence["smallest_objective"]["step"], 400);
    }
}
