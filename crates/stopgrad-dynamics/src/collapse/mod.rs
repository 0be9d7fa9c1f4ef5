//! Does the representation collapse, where, and into what?
//!
//! Every threshold is relative to something measured: the same samples through a reference (the encoder as it was
//! initialised, or the raw input), an equal share of the variance, or the least eigenvalue that so many samples of a full
//! cloud would show. Fixed thresholds on one number were rejected: each number is blind to one kind of collapse
//! (see the tests of [`crate::rank`]).
//!
//! Reading order: [`Outputs`] (what a place gave), [`Spread`] (what is measured of it), [`collapses`] (the answer).

mod clusters;
mod halves;
mod judged;
mod outputs;
mod spectra;
mod spread;
mod views;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use clusters::{CLUSTER_GAP, ClusterCount, count_clusters};
pub use outputs::{Outputs, Values};
pub use spread::Spread;
pub use views::ViewPairs;

use crate::finding::Finding;
use judged::{Kind, Seen};

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
/// Fewer samples say nothing about a cloud.
pub const MIN_SAMPLES: usize = 8;

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
    /// reported, and is no collapse. None: not known; then shrinking leaves it open.
    pub loss_sees_scale: Option<bool>,
    /// What the references are, in a sentence: `"untrained"`, `"in the reference"`.
    pub reference_called: &'static str,
}

/// Does it collapse: `"no"`, `"complete"`, `"positional"`, `"cluster"`, `"dimensional"` or `"undecided"`.
///
/// The answer is that of the space in which the loss is taken: the projector, or the encoder without one.
/// For each place, the first that holds:
/// - `complete`: variance below [`CONSTANT_SHARE`] of the second moment (every sample gives the same output);
///   or, with `scale: true`, below [`SHRUNK_SHARE`] of the reference's while directions live, where the loss sees scale.
/// - `positional`: at most [`POSITIONAL_SHARE`] of the variance of tokens is across samples at a fixed position.
/// - `cluster`: the samples sit on a few tight points (see [`count_clusters`]), and those of the reference do not.
/// - `dimensional`: at most [`HALF`] of the directions alive in the reference are alive, and at most half its effective
///   rank is left (its participation ratio, where samples are fewer than dimensions); without a reference: at most half of
///   all directions are alive, behind a [`CLIFF`]. Alive: an eigenvalue of at least [`ALIVE_SHARE`] of an equal share; where
///   fewer samples than dimensions show nothing but live ones, as many as their least eigenvalue implies.
/// - `undecided`: without a reference, where few directions are alive and no cliff says why, or the samples are too few to
///   show more; where all is well but the scale, and it is not known whether the loss sees it.
///
/// `only` beside the answer: `"teacher"` or `"predictor"`, where that place alone has collapsed and all others are well.
pub fn collapses(evidence: &CollapseEvidence) -> Finding {
    let seen: Vec<Seen> = evidence.places.iter().map(|place| Seen::new(place, evidence)).collect();
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
            "cluster_radius_ratio": CLUSTER_GAP,
        },
    });
    if space.kind == Kind::Complete && space.shrunk {
        report["scale"] = true.into();
    }
    if let Some(only) = only(&seen) {
        report["only"] = json!(only);
    }
    Finding::new(space.kind.name(), space.sentence(), &report)
}

/// The teacher or the predictor, where it alone has collapsed and all else is well.
fn only(seen: &[Seen<'_>]) -> Option<Place> {
    let (well, rest): (Vec<&Seen<'_>>, Vec<&Seen<'_>>) = seen.iter().partition(|seen| seen.kind == Kind::No);
    match rest[..] {
        [one] if !well.is_empty() && one.kind != Kind::Undecided => {
            matches!(one.place, Place::Teacher | Place::Predictor).then_some(one.place)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
