//! Does the representation collapse, where, and into what?
//!
//! Every threshold is relative to something measured: the same samples through the encoder as it was
//! initialised, an equal share of the variance, or the least eigenvalue that so many samples of a full cloud
//! would show. Fixed thresholds on one number were rejected: each number is blind to one kind of collapse
//! (docs: the tests of `stopgrad_dynamics::rank`).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;
use stopgrad_dynamics::Summary;

use super::clusters::{ClusterCount, GAP};
use super::{Finding, number, percent};

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

/// One place at the end of a run, beside itself before training, on the same samples.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceEvidence {
    /// Which place.
    pub place: Place,
    /// Trained.
    pub end: Summary,
    /// As initialised, on the same samples.
    pub untrained: Summary,
    /// Clusters at the end.
    pub clusters: ClusterCount,
    /// Clusters as initialised: a source of few distinct samples has them too.
    pub untrained_clusters: ClusterCount,
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
    Undecided,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::No => "no",
            Kind::Complete => "complete",
            Kind::Dimensional => "dimensional",
            Kind::Cluster => "cluster",
            Kind::Undecided => "undecided",
        }
    }
}

/// Does it collapse: `"no"`, `"complete"`, `"dimensional"`, `"cluster"` or `"undecided"`.
///
/// The answer is that of the space in which the loss is taken: the projector, or the encoder without one.
/// For each place, the first that holds:
/// - `complete`: variance below [`CONSTANT_SHARE`] of the second moment (every sample gives the same output);
///   or, with `scale: true`, below [`SHRUNK_SHARE`] of its start while directions live.
/// - `cluster`: the samples sit on a few tight points (see [`super::count_clusters`]), and did not untrained.
/// - `dimensional`: at most [`HALF`] of the directions that were alive untrained are alive, and at most half
///   the effective rank is left. Alive: an eigenvalue of at least [`ALIVE_SHARE`] of an equal share, times the
///   least eigenvalue that n samples of a full cloud show, (1 − √(d/n))² (Marchenko, Pastur 1967).
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
    /// Centred variance over that of the untrained network.
    scale_left: f64,
    /// Shrunk to nothing while directions live.
    shrunk: bool,
    alive: usize,
    alive_untrained: usize,
    alive_threshold: f64,
}

impl<'a> Seen<'a> {
    fn new(evidence: &'a PlaceEvidence, loss_sees_scale: bool) -> Self {
        let (end, untrained) = (&evidence.end, &evidence.untrained);
        let alive_threshold = alive_threshold(end.samples, end.eigenvalues.len());
        let constant = end.variance_share() < CONSTANT_SHARE;
        let scale_left =
            if untrained.total_variance > 0.0 { end.total_variance / untrained.total_variance } else { 1.0 };
        let shrunk = !constant && scale_left < SHRUNK_SHARE;
        let alive = if constant { 0 } else { alive_directions(&end.eigenvalues, alive_threshold) };
        let alive_untrained = alive_directions(&untrained.eigenvalues, alive_threshold);
        let lost_rank = end.effective_rank <= HALF * untrained.effective_rank;
        let kind = if end.samples < MIN_SAMPLES {
            Kind::Undecided
        } else if constant || (shrunk && loss_sees_scale) {
            Kind::Complete
        } else if evidence.clusters.clusters.is_some() && evidence.untrained_clusters.clusters.is_none() {
            Kind::Cluster
        } else if lost_rank && alive as f64 <= HALF * alive_untrained as f64 {
            Kind::Dimensional
        } else {
            Kind::No
        };
        Self { place: evidence.place, evidence, kind, scale_left, shrunk, alive, alive_untrained, alive_threshold }
    }

    fn sentence(&self) -> String {
        let (end, untrained, place) = (&self.evidence.end, &self.evidence.untrained, self.place);
        let (alive, before) = (self.alive, self.alive_untrained);
        let ranks = format!(
            "{alive} directions of the {place} are alive and the effective rank is {}; untrained, {before} and {}",
            number(end.effective_rank),
            number(untrained.effective_rank)
        );
        match self.kind {
            Kind::No => format!("{ranks}."),
            Kind::Dimensional => format!("Only {ranks}."),
            Kind::Cluster => {
                let clusters = self.evidence.clusters.clusters.unwrap_or(0);
                format!("All {} samples sit on {clusters} points of the {place}; {ranks}.", end.samples)
            }
            Kind::Complete if self.shrunk => {
                let left = percent(self.scale_left);
                format!(
                    "The variance of the {place} has shrunk to {left} of its start, though directions live; {ranks}."
                )
            }
            Kind::Complete => {
                let share = percent(end.variance_share());
                format!("The {place} gives all samples the same output: their variance is {share} of its square.")
            }
            Kind::Undecided => {
                let (n, s) = (end.samples, if end.samples == 1 { " was" } else { "s were" });
                format!("Only {n} sample{s} measured at the {place}; {MIN_SAMPLES} would decide.")
            }
        }
    }

    fn report(&self) -> serde_json::Value {
        let (end, untrained) = (&self.evidence.end, &self.evidence.untrained);
        let ratio = match (self.evidence.between_view_variance, self.evidence.within_view_variance) {
            // No variance between samples is no signal, whatever the noise.
            (Some(between), Some(within)) if between > 0.0 => Some(between / within),
            (Some(_), Some(_)) => Some(0.0),
            _ => None,
        };
        let mut report = json!({
            "kind": self.kind,
            "lost_dimensions": self.alive_untrained.saturating_sub(self.alive),
            "evidence": {
                "samples": end.samples,
                "dimensions": end.eigenvalues.len(),
                "alive": self.alive,
                "alive_untrained": self.alive_untrained,
                "alive_threshold": self.alive_threshold,
                "effective_rank": end.effective_rank,
                "effective_rank_untrained": untrained.effective_rank,
                "participation_ratio": end.participation_ratio,
                "std": end.std,
                "norm": end.norm,
                "variance": end.total_variance,
                "variance_untrained": untrained.total_variance,
                "variance_left": self.scale_left,
                "variance_share": end.variance_share(),
                "variance_share_untrained": untrained.variance_share(),
                "clusters": self.evidence.clusters,
                "clusters_untrained": self.evidence.untrained_clusters,
                "between_within_view_ratio": ratio,
            },
        });
        if self.shrunk {
            report["scale"] = true.into();
        }
        report
    }
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
    let total = stopgrad_dynamics::statistics::sum_fixed(eigenvalues);
    eigenvalues.iter().filter(|&&value| value > 0.0 && value >= threshold * total).count()
}

#[cfg(test)]
mod tests;
