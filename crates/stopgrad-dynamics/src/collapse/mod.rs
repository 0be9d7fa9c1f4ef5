//! Does the representation collapse, where, and into what?
//!
//! Every threshold is relative to something measured: the same samples through a reference (the encoder as it was
//! initialised, or the raw input), an equal share of the variance, or the least eigenvalue that so many samples of a full
//! cloud would show. Fixed thresholds on one number were rejected: each number is blind to one kind of collapse
//! (see the tests of [`crate::rank`]).
//!
//! Reading order: [`Outputs`] (what a place gave), [`Spread`] (what is measured of it), [`collapses`] (the answer).

mod clusters;
mod outputs;
mod spectra;
mod spread;
mod views;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use clusters::GAP;
pub use clusters::{ClusterCount, count_clusters};
pub use outputs::{Outputs, Values};
pub use spread::Spread;
pub use views::ViewPairs;

use crate::finding::{Finding, number, percent};
use crate::statistics::sum_fixed;

/// Variance below this share of the second moment: every sample gives the same output, to 0.3 % of its length.
///
/// A healthy cloud with a mean 50 deviations away in each coordinate still has 4e-4.
pub const CONSTANT_SHARE: f64 = 1e-5;
/// Variance below this share of what the untrained network had: shrunk to nothing (docs/formats.md).
pub const SHRUNK_SHARE: f64 = 1e-3;
/// A direction is alive when it carries at least 1 % of an equal share of the variance: a tenth of the amplitude.
pub const ALIVE_SHARE: f64 = 1e-2;
/// Dimensional collapse: at most this share of the directions that were alive untrained are alive, and the effective
/// rank is at most this share of the untrained one. Both: learning concentrates a spectrum without killing directions,
/// and kills the faint directions of noise without lowering the effective rank.
pub const HALF: f64 = 0.5;
/// Positional collapse: at most this share of the variance of tokens is between samples, the rest between positions.
pub const POSITIONAL_SHARE: f64 = 1e-2;
/// An eigenvalue at most this share of the one before it is a cliff: what is beyond is not the tail of one spectrum.
///
/// The steepest spectrum without a cliff at its second eigenvalue is k⁻³.
pub const CLIFF: f64 = 0.1;
/// Share of the directions that so many samples can show from which their number is that of the samples, not of the outputs.
const SATURATED: f64 = 0.9;
/// Fewer samples say nothing about a cloud.
pub const MIN_SAMPLES: usize = 16;

/// Where in the network a cloud was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What probes read.
    Encoder,
    /// The space of the loss, where there is one.
    Projector,
    /// The prediction.
    Predictor,
    /// The teacher's target.
    Teacher,
}

impl Place {
    /// The name in `where`.
    pub const fn name(self) -> &'static str {
        match self {
            Place::Encoder => "encoder",
            Place::Projector => "projector",
            Place::Predictor => "predictor",
            Place::Teacher => "teacher",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One place, with or without a reference for the same samples.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceEvidence {
    /// Which place.
    pub place: Place,
    /// What is judged.
    pub end: Spread,
    /// The same place as initialised, or the raw input. Without one it is not known how many dimensions there could be: then
    /// only a cliff in the spectrum is a collapse, and what shrank is not seen.
    pub reference: Option<Spread>,
    /// E|z(x) − mean of its views|² over views of one sample, where measured: reported, decides nothing.
    pub within_view_variance: Option<f64>,
    /// Variance of the means over views: the rest of the total variance.
    pub between_view_variance: Option<f64>,
}

/// All places of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct CollapseEvidence {
    /// Encoder, projector, predictor and teacher, as far as they exist.
    pub places: Vec<PlaceEvidence>,
    /// Whether the loss changes with the length of an embedding. A cosine loss does not: then shrinking is
    /// reported, and is no collapse.
    pub loss_sees_scale: bool,
}

/// What a place has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    No,
    Complete,
    Dimensional,
    Cluster,
    Positional,
    Undecided,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::No => "no",
            Kind::Complete => "complete",
            Kind::Dimensional => "dimensional",
            Kind::Cluster => "cluster",
            Kind::Positional => "positional",
            Kind::Undecided => "undecided",
        }
    }
}

/// Does it collapse: `"no"`, `"complete"`, `"positional"`, `"cluster"`, `"dimensional"` or `"undecided"`.
///
/// The answer is that of the space in which the loss is taken: the projector, or the encoder without one.
/// For each place, the first that holds:
/// - `complete`: variance below [`CONSTANT_SHARE`] of the second moment (every sample gives the same output);
///   or, with `scale: true`, below [`SHRUNK_SHARE`] of the reference's while directions live.
/// - `positional`: at most [`POSITIONAL_SHARE`] of the variance of tokens is across samples at a fixed position.
/// - `cluster`: the samples sit on a few tight points (see [`count_clusters`]), and those of the reference do not.
/// - `dimensional`: at most [`HALF`] of the directions alive in the reference are alive, and at most half its effective
///   rank is left; without a reference: at most half of all directions are alive, behind a [`CLIFF`]. Alive: an
///   eigenvalue of at least [`ALIVE_SHARE`] of an equal share, times the least eigenvalue that n samples of a full cloud
///   show, (1 − √(d/n))² (Marchenko, Pastur 1967).
/// - `undecided`: without a reference, where few directions are alive and no cliff says why, or the samples are too few to
///   show more.
pub fn collapses(evidence: &CollapseEvidence) -> Finding {
    let seen: Vec<Seen> = evidence.places.iter().map(|place| Seen::new(place, evidence.loss_sees_scale)).collect();
    let find = |wanted: Place| seen.iter().find(|seen| seen.place == wanted);
    let Some(space) = find(Place::Projector).or_else(|| find(Place::Encoder)) else {
        let why = "Neither encoder nor projector was measured; a run with evaluation samples would decide.".into();
        return Finding::new("undecided", why, &json!({ "where": {} }));
    };
    let places: serde_json::Map<_, _> = seen.iter().map(|seen| (seen.place.name().to_owned(), seen.report())).collect();
    let mut report = json!({
        "space": space.place,
        "where": places,
        "thresholds": {
            "constant_share": CONSTANT_SHARE,
            "shrunk_share": SHRUNK_SHARE,
            "alive_share": ALIVE_SHARE,
            "alive_left": HALF,
            "cliff": CLIFF,
            "positional_share": POSITIONAL_SHARE,
            "effective_rank_left": HALF,
            "cluster_radius_ratio": GAP,
        },
    });
    if space.kind == Kind::Complete && space.shrunk {
        report["scale"] = true.into();
    }
    Finding::new(space.kind.name(), space.sentence(), &report)
}

/// A place with the numbers that decide.
struct Seen<'a> {
    place: Place,
    evidence: &'a PlaceEvidence,
    kind: Kind,
    /// Variance across samples over that of the reference.
    scale_left: Option<f64>,
    /// Shrunk to nothing while directions live.
    shrunk: bool,
    alive: usize,
    /// Of the reference; without one, all there are.
    alive_before: usize,
    alive_threshold: f64,
}

impl<'a> Seen<'a> {
    fn new(evidence: &'a PlaceEvidence, loss_sees_scale: bool) -> Self {
        let (end, reference) = (&evidence.end, evidence.reference.as_ref());
        let (summary, d) = (&end.summary, end.summary.eigenvalues.len());
        let rows = summary.samples * end.positions;
        let alive_threshold = alive_threshold(rows, d);
        let constant = summary.variance_share() < CONSTANT_SHARE;
        let scale_left = reference
            .filter(|r| r.summary.total_variance > 0.0)
            .map(|r| summary.total_variance / r.summary.total_variance);
        let shrunk = !constant && scale_left.is_some_and(|left| left < SHRUNK_SHARE);
        let alive = if constant { 0 } else { alive_directions(&summary.eigenvalues, alive_threshold) };
        let alive_before = reference.map_or(d, |r| alive_directions(&r.summary.eigenvalues, alive_threshold));
        let across = summary.total_variance;
        let kind = if summary.samples < MIN_SAMPLES {
            Kind::Undecided
        } else if across <= POSITIONAL_SHARE * (across + end.position_variance) && end.position_variance > 0.0 {
            if end.position_variance < CONSTANT_SHARE * summary.norm * summary.norm {
                Kind::Complete
            } else {
                Kind::Positional
            }
        } else if constant || (shrunk && loss_sees_scale) {
            Kind::Complete
        } else if end.clusters.clusters.is_some() && reference.is_none_or(|r| r.clusters.clusters.is_none()) {
            Kind::Cluster
        } else if let Some(reference) = reference {
            let lost_rank = summary.effective_rank <= HALF * reference.summary.effective_rank;
            if lost_rank && alive as f64 <= HALF * alive_before as f64 { Kind::Dimensional } else { Kind::No }
        } else {
            of_spectrum(&summary.eigenvalues, alive, d.min(rows - end.positions))
        };
        Self { place: evidence.place, evidence, kind, scale_left, shrunk, alive, alive_before, alive_threshold }
    }

    fn sentence(&self) -> String {
        let (end, place) = (&self.evidence.end, self.place);
        let (summary, alive) = (&end.summary, self.alive);
        let reference = self.evidence.reference.as_ref();
        let before = reference.map_or_else(
            || format!(" of {}", summary.eigenvalues.len()),
            |r| format!("; untrained, {} and {}", self.alive_before, number(r.summary.effective_rank)),
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
                format!("All {} samples sit on {clusters} points of the {place}; {ranks}.", summary.samples)
            }
            Kind::Positional => {
                let share = percent(summary.total_variance / (summary.total_variance + end.position_variance));
                format!("The {place} tells positions apart and not samples: {share} of the variance is across samples.")
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
            Kind::Undecided => format!(
                "{ranks}, with no cliff in the spectrum: a reference (the untrained network, or the raw input) or more \
                 samples would decide."
            ),
        }
    }

    fn report(&self) -> serde_json::Value {
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
                "alive_untrained": reference.map(|_| self.alive_before),
                "alive_threshold": self.alive_threshold,
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

/// What a spectrum says with nothing to compare it with; `reachable`: directions that so many samples can show.
fn of_spectrum(eigenvalues: &[f64], alive: usize, reachable: usize) -> Kind {
    let half = HALF * eigenvalues.len() as f64;
    if alive as f64 > half {
        return Kind::No;
    }
    let saturated = alive as f64 >= SATURATED * reachable as f64;
    let cliff = (1..=alive.min(eigenvalues.len() - 1)).any(|at| eigenvalues[at] <= CLIFF * eigenvalues[at - 1]);
    if cliff && !saturated { Kind::Dimensional } else { Kind::Undecided }
}

/// The share of the variance from which a direction is alive.
fn alive_threshold(samples: usize, dimensions: usize) -> f64 {
    if dimensions == 0 || samples < 2 {
        return 1.0;
    }
    // Of n samples at most n − 1 directions have variance at all.
    let reachable = dimensions.min(samples - 1) as f64;
    let aspect = reachable / samples.max(dimensions) as f64;
    // Where n ≈ d the edge goes to 0 and would call anything alive: at most a hundredfold lower.
    let edge = (1.0 - aspect.sqrt()).powi(2).max(1e-2);
    ALIVE_SHARE * edge / reachable
}

fn alive_directions(eigenvalues: &[f64], threshold: f64) -> usize {
    let total = sum_fixed(eigenvalues);
    eigenvalues.iter().filter(|&&value| value > 0.0 && value >= threshold * total).count()
}

#[cfg(test)]
mod tests;
