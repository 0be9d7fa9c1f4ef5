//! What is seen of a run while it goes on.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use stopgrad_train::{Observer, Phase, Progress};

use crate::limits::{Limits, Stop};
use crate::output::Output;

const REDRAW: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{prefix} {bar:10} {pos}/{len} {rate} left {eta}  {wide_msg}";

/// Watches one run: draws its progress if somebody looks, and says when to stop.
pub(crate) struct Watch<'a> {
    limits: &'a Limits,
    bar: Option<ProgressBar>,
    drawn: Option<Instant>,
    phase: Option<Phase>,
    stop: Option<Stop>,
}

impl<'a> Watch<'a> {
    /// A watch over the run that `label` names (`run 2 of 3: sg`).
    pub(crate) fn new(label: &str, limits: &'a Limits, output: Output) -> Self {
        let bar = output.is_watched().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE)
                .expect("the template is fixed and well formed")
                .with_key("rate", |state: &ProgressState, line: &mut dyn Write| {
                    // A bar that cannot be drawn harms nobody.
                    let _ = write!(line, "{:.0}/s", state.per_sec());
                });
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            bar.with_style(style).with_prefix(label.to_owned())
        });
        Self { limits, bar, drawn: None, phase: None, stop: None }
    }

    /// Take the bar away, and tell why the run was stopped, if it was.
    pub(crate) fn finish(self) -> Option<Stop> {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.stop
    }
}

impl Observer for Watch<'_> {
    fn progress(&mut self, progress: &Progress) {
        let Some(bar) = &self.bar else { return };
        let begins = self.phase != Some(progress.phase);
        if !begins && self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        if begins {
            // A resumed run has not done its first steps just now: they say nothing of the rate.
            self.phase = Some(progress.phase);
            bar.set_length(progress.steps);
            bar.set_position(progress.step);
            bar.reset_eta();
        }
        self.drawn = Some(Instant::now());
        bar.set_position(progress.step);
        bar.set_message(message(progress));
    }

    fn should_stop(&mut self) -> bool {
        self.stop = self.stop.or_else(|| self.limits.reached());
        self.stop.is_some()
    }
}

/// The most telling numbers of the moment, most telling first: a narrow terminal cuts the end.
fn message(progress: &Progress) -> String {
    let mut parts = Vec::new();
    parts.extend(progress.joint_objective.map(|value| format!("Ē {value:.2e}")));
    parts.extend(progress.effective_rank.map(|value| format!("rank {value:.1}")));
    parts.extend(progress.knn_accuracy.map(|value| format!("kNN {:.1} %", 100.0 * value)));
    parts.push(format!("loss {:.2e}", progress.batch_loss));
    parts.extend(match progress.phase {
        Phase::Training => None,
        Phase::Descent => Some("descending Ē from the end".to_owned()),
    });
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_holds_what_is_known() {
        let mut progress = Progress {
            step: 10,
            steps: 100,
            phase: Phase::Training,
            batch_loss: 0.0123,
            joint_objective: None,
            effective_rank: None,
            knn_accuracy: None,
        };
        assert_eq!(message(&progress), "loss 1.23e-2");
        progress.joint_objective = Some(0.5);
        progress.effective_rank = Some(12.34);
        progress.knn_accuracy = Some(0.941);
        progress.phase = Phase::Descent;
        assert_eq!(message(&progress), "Ē 5.00e-1, rank 12.3, kNN 94.1 %, loss 1.23e-2, descending Ē from the end");
    }
}
