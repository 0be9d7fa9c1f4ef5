//! What is said of one place: a sentence, and the numbers behind it.

use serde_json::json;

use super::MIN_SAMPLES;
use super::judged::{Kind, Seen};
use crate::finding::{number, percent};

impl Seen<'_> {
    pub(super) fn sentence(&self) -> String {
        let (end, place) = (&self.evidence.end, self.place);
        let (summary, alive) = (&end.summary, self.alive);
        let reference = self.evidence.reference.as_ref();
        let before = reference.map_or_else(
            || format!(" of {}", summary.eigenvalues.len()),
            |r| format!("; {}, {} and {}", self.reference_called, self.alive_before, number(r.summary.effective_rank)),
        );
        let ranks = format!(
            "{alive} {} of the {place} {} alive and the effective rank is {}{before}",
            if alive == 1 { "direction" } else { "directions" },
            if alive == 1 { "is" } else { "are" },
            number(summary.effective_rank)
        );
        match self.kind {
            Kind::No => format!("{ranks}."),
            Kind::Dimensional => format!("Only {ranks}."),
            Kind::Cluster => {
                let clusters = end.clusters.clusters.unwrap_or(0);
                let error = end.clusters.error.filter(|&error| error > 0.0);
                let error = error.map_or_else(String::new, |error| format!(" (± {})", number(2.0 * error)));
                format!("All {} samples sit on {clusters}{error} points of the {place}; {ranks}.", summary.samples)
            }
            Kind::Positional => {
                let [share, error] = end.sample_share.unwrap_or_default();
                format!(
                    "The {place} tells positions apart and not samples: {} (± {}) of the variance is across samples.",
                    percent(share),
                    percent(2.0 * error)
                )
            }
            Kind::Complete if self.shrunk => {
                let left = percent(self.scale_left.unwrap_or(0.0));
                format!(
                    "The variance of the {place} has shrunk to {left} of its start, though directions live; {ranks}."
                )
            }
            Kind::Complete => {
                let share = percent(summary.variance_share());
                format!("The {place} gives all samples the same output: their variance is {share} of its square.")
            }
            Kind::Undecided if summary.samples < MIN_SAMPLES => {
                let (n, s) = (summary.samples, if summary.samples == 1 { " was" } else { "s were" });
                format!("Only {n} sample{s} measured at the {place}; {MIN_SAMPLES} would decide.")
            }
            Kind::Undecided if self.shrunk => format!(
                "The variance of the {place} has shrunk to {} of the reference's, though directions live: a collapse where \
                 the loss sees lengths (squared error), none where it does not (cosine); naming the loss would decide.",
                percent(self.scale_left.unwrap_or(0.0))
            ),
            Kind::Undecided => format!(
                "{ranks}, with no cliff in the spectrum: a reference (the untrained network, or the raw input) or more \
                 samples would decide."
            ),
        }
    }

    pub(super) fn report(&self) -> serde_json::Value {
        let (end, reference) = (&self.evidence.end, self.evidence.reference.as_ref());
        let summary = &end.summary;
        let ratio = match (self.evidence.between_view_variance, self.evidence.within_view_variance) {
            // No variance between samples is no signal, whatever the noise.
            (Some(between), Some(within)) if between > 0.0 => Some(between / within),
            (Some(_), Some(_)) => Some(0.0),
            _ => None,
        };
        let mut report = json!({
            "kind": self.kind,
            "lost_dimensions": self.alive_before.saturating_sub(self.alive),
            "evidence": {
                "samples": summary.samples,
                "positions": end.positions,
                "dimensions": summary.eigenvalues.len(),
                "alive": self.alive,
                "alive_error": end.alive_error,
                "alive_untrained": reference.map(|_| self.alive_before),
                "alive_threshold": self.alive_threshold,
                "implied_directions": end.implied_directions,
                "effective_rank": summary.effective_rank,
                "effective_rank_error": end.effective_rank_error,
                "effective_rank_untrained": reference.map(|r| r.summary.effective_rank),
                "participation_ratio": summary.participation_ratio,
                "population_participation_ratio": end.population_participation_ratio,
                "std": summary.std,
                "norm": summary.norm,
                "variance": summary.total_variance,
                "variance_error": end.variance_error,
                "position_variance": end.position_variance,
                "sample_share": end.sample_share.map(|[share, _]| share),
                "sample_share_error": end.sample_share.map(|[_, error]| error),
                "variance_untrained": reference.map(|r| r.summary.total_variance),
                "variance_left": self.scale_left,
                "variance_share": summary.variance_share(),
                "variance_share_untrained": reference.map(|r| r.summary.variance_share()),
                "clusters": end.clusters,
                "clusters_untrained": reference.map(|r| r.clusters),
                "between_within_view_ratio": ratio,
            },
        });
        if self.shrunk {
            report["scale"] = true.into();
        }
        report
    }
}
