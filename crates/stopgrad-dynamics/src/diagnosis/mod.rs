//! A network that somebody else trained, judged by the outputs it wrote.
//!
//! [`Given`] (what there is) goes into [`diagnose`], which gives a [`Diagnosis`]: the verdict on collapse, and, as far as the
//! input allows, what two views share, what classes can be read off, and what the linear theory expects.

mod embeddings;
mod labels;
mod pairs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

pub use embeddings::{EmbeddingValues, Embeddings, ShapeError};
pub use labels::{Accuracy, ClassProbes};
pub use pairs::{ViewTheory, view_moments};

use crate::collapse::{CollapseEvidence, Outputs, Place, PlaceEvidence, Spread, ViewPairs, collapses};
use crate::{Finding, LinalgError, PredictError, RankError, Watch};

/// Positions that are listed of what is counted.
const LISTED: usize = 20;

/// Whose outputs an array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A place of the network.
    Place(Place),
    /// The encoder's for a second view of the same samples.
    SecondView,
    /// The untrained encoder's for the same samples, or the raw input.
    Reference,
}

impl Role {
    /// For people and for documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Place(place) => place.name(),
            Self::SecondView => "second_view",
            Self::Reference => "reference",
        }
    }
}

/// What there is of one network at one moment.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Outputs by role; the encoder's must be there.
    pub outputs: BTreeMap<Role, Embeddings>,
    /// A class a sample of the encoder's outputs.
    pub labels: Option<Vec<i64>>,
    /// λ, for what the linear theory expects of two views.
    pub weight_decay: Option<f64>,
    /// Whether the loss that it was trained with changes with the length of an output; none where that is not known.
    pub loss_sees_scale: Option<bool>,
}

/// Why there is no diagnosis.
#[derive(Debug, thiserror::Error)]
pub enum DiagnosisError {
    /// No encoder's outputs.
    #[error("there are no outputs of the encoder; they are what everything else is compared with")]
    NoEncoder,
    /// Two views that are not of the same samples.
    #[error(
        "the first view is {first:?}, the second {second:?}; two views are of the same samples, row by row, at one place"
    )]
    Views {
        /// Its shape.
        first: Vec<usize>,
        /// Its shape.
        second: Vec<usize>,
    },
    /// λ without two views.
    #[error("a weight decay is for what the theory expects of two views, and there is one; give the second view too")]
    OneView,
    /// Labels of other samples.
    #[error("there are {labels} labels for {samples} samples of the encoder; one label a sample, in the same order")]
    Labels {
        /// How many.
        labels: usize,
        /// How many.
        samples: usize,
    },
    /// Nothing to measure.
    #[error("{role}: each of {samples} samples has a number that is not finite; the network has diverged")]
    NothingFinite {
        /// Whose outputs.
        role: &'static str,
        /// How many.
        samples: usize,
    },
    /// Numbers too large to square.
    #[error("{role}: {cause}")]
    Outputs {
        /// Whose outputs.
        role: &'static str,
        /// Why.
        #[source]
        cause: RankError,
    },
    /// Eigenvalues were not found.
    #[error("{role}: {cause}")]
    Eigenvalues {
        /// Whose outputs.
        role: &'static str,
        /// Why.
        #[source]
        cause: LinalgError,
    },
    /// The theory has no answer.
    #[error("the linear theory of these two views: {0}")]
    Predict(#[from] PredictError),
}

/// Samples or columns of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How many.
    pub count: usize,
    /// The first of them, from 0.
    pub first: Vec<usize>,
}

impl Listed {
    /// None where there are none.
    fn new(all: &[usize]) -> Option<Self> {
        (!all.is_empty()).then(|| Self { count: all.len(), first: all.iter().copied().take(LISTED).collect() })
    }
}

/// What the outputs say.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// Whether, where and into what it collapses.
    pub finding: Finding,
    /// What the finding rests on, with spectra.
    pub places: Vec<PlaceEvidence>,
    /// What two views of the encoder share.
    pub views: Option<ViewPairs>,
    /// What can be read off the encoder, and off the reference where it is of the same samples.
    pub probes: Option<ClassProbes>,
    /// What the linear theory expects of the two views at the weight decay asked for.
    pub theory: Option<ViewTheory>,
    /// Samples with a number that is not finite, by role.
    pub left_out: BTreeMap<&'static str, Listed>,
    /// Columns that have the same number in every sample, by role; not of one sample alone.
    pub constant_columns: BTreeMap<&'static str, Listed>,
}

impl Diagnosis {
    /// Whether any place has collapsed.
    pub fn is_collapsed(&self) -> bool {
        self.kinds().any(|(_, kind)| !matches!(kind, "no" | "undecided"))
    }

    /// Kind by place.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        let places = self.finding.beside.get("where").and_then(Value::as_object).into_iter().flatten();
        places.map(|(place, seen)| (place.as_str(), seen["kind"].as_str().unwrap_or("undecided")))
    }

    /// As it stands in a document.
    pub fn to_json(&self) -> Value {
        json!({
            "collapses": self.finding,
            "views": self.views,
            "probes": self.probes,
            "theory": self.theory,
            "left_out": self.left_out,
            "constant_columns": self.constant_columns,
        })
    }
}

/// Judges outputs.
///
/// Samples with a number that is not finite are left out and counted. The reference is compared with the encoder, and with
/// a teacher of the same width where there is no projector (whose space would be another).
///
/// # Errors    [`DiagnosisError`]
/// # Cost      see [`Spread::measure`]; with a weight decay also [`crate::predict()`] at m = d
pub fn diagnose(mut given: Given, watch: &Watch<'_>) -> Result<Diagnosis, DiagnosisError> {
    check(&given)?;
    let left_out = leave_out(&mut given)?;
    let constant_columns = (given.outputs.iter())
        .filter_map(|(role, outputs)| Some((role.name(), Listed::new(&outputs.constant_columns())?)))
        .collect();
    let of = |role| given.outputs.get(&role);
    let reference = of(Role::Reference).map(|outputs| spread(Role::Reference, outputs)).transpose()?;
    let views = views(&given)?;
    let mut places = Vec::new();
    for place in [Place::Encoder, Place::Projector, Place::Predictor, Place::Teacher] {
        let Some(outputs) = of(Role::Place(place)) else { continue };
        let end = spread(Role::Place(place), outputs)?;
        let own = views.filter(|_| place == Place::Encoder);
        places.push(PlaceEvidence {
            place,
            reference: reference.clone().filter(|_| is_comparable(&given, place)),
            end,
            within_view_variance: own.map(|pairs| pairs.within_variance),
            between_view_variance: own.map(|pairs| pairs.between_variance),
        });
    }
    let evidence =
        CollapseEvidence { places, loss_sees_scale: given.loss_sees_scale, reference_called: "in the reference" };
    let finding = collapses(&evidence);
    let probes = labels::probes(&given);
    let theory = given.weight_decay.map(|decay| pairs::theory(given, decay, watch)).transpose()?;
    Ok(Diagnosis { finding, places: evidence.places, views, probes, theory, left_out, constant_columns })
}

fn check(given: &Given) -> Result<(), DiagnosisError> {
    let encoder = given.outputs.get(&Role::Place(Place::Encoder)).ok_or(DiagnosisError::NoEncoder)?;
    if let Some(second) = given.outputs.get(&Role::SecondView)
        && second.shape() != encoder.shape()
    {
        return Err(DiagnosisError::Views { first: encoder.shape(), second: second.shape() });
    }
    if given.weight_decay.is_some() && !given.outputs.contains_key(&Role::SecondView) {
        return Err(DiagnosisError::OneView);
    }
    match &given.labels {
        Some(labels) if labels.len() != encoder.samples => {
            Err(DiagnosisError::Labels { labels: labels.len(), samples: encoder.samples })
        }
        _ => Ok(()),
    }
}

fn is_comparable(given: &Given, place: Place) -> bool {
    let width = |role| given.outputs.get(&role).map(|outputs| outputs.width);
    match place {
        Place::Encoder => true,
        Place::Teacher => {
            let encoder = width(Role::Place(Place::Encoder));
            width(Role::Place(place)) == encoder && width(Role::Place(Place::Projector)).is_none()
        }
        Place::Projector | Place::Predictor => false,
    }
}

/// What is read row by row with the encoder loses the rows that any of them lacks.
fn leave_out(given: &mut Given) -> Result<BTreeMap<&'static str, Listed>, DiagnosisError> {
    let (encoder, second) = (Role::Place(Place::Encoder), Role::SecondView);
    let mut kept: BTreeMap<Role, Vec<bool>> = given.outputs.iter().map(|(role, of)| (*role, of.finite())).collect();
    if let (Some(x), Some(y)) = (kept.get(&encoder), kept.get(&second)) {
        let both: Vec<bool> = x.iter().zip(y).map(|(x, y)| *x && *y).collect();
        kept.insert(encoder, both.clone());
        kept.insert(second, both);
    }
    // Labels are of the encoder's samples, and of the reference's: both lose the same.
    if given.labels.is_some()
        && let (Some(x), Some(reference)) = (kept.get(&encoder), kept.get(&Role::Reference))
        && x.len() == reference.len()
    {
        let both: Vec<bool> = x.iter().zip(reference).map(|(x, y)| *x && *y).collect();
        kept.insert(Role::Reference, both.clone());
        if kept.contains_key(&second) {
            kept.insert(second, both.clone());
        }
        kept.insert(encoder, both);
    }
    if let (Some(labels), Some(kept)) = (&mut given.labels, kept.get(&encoder)) {
        let mut keep = kept.iter();
        labels.retain(|_| *keep.next().unwrap_or(&true));
    }
    let mut left_out = BTreeMap::new();
    for (role, outputs) in &mut given.outputs {
        let of_role = &kept[role];
        let gone: Vec<usize> = (0..of_role.len()).filter(|&at| !of_role[at]).collect();
        if gone.len() == of_role.len() {
            return Err(DiagnosisError::NothingFinite { role: role.name(), samples: gone.len() });
        }
        if let Some(listed) = Listed::new(&gone) {
            outputs.keep(of_role);
            left_out.insert(role.name(), listed);
        }
    }
    Ok(left_out)
}

fn views(given: &Given) -> Result<Option<ViewPairs>, DiagnosisError> {
    let roles = [Role::Place(Place::Encoder), Role::SecondView];
    let [Some(x), Some(y)] = roles.map(|role| given.outputs.get(&role)) else { return Ok(None) };
    let [x, y] = [outputs(roles[0], x)?, outputs(roles[1], y)?];
    Ok(Some(ViewPairs::measure(&x, &y)))
}

fn outputs(role: Role, of: &Embeddings) -> Result<Outputs<'_>, DiagnosisError> {
    of.outputs().map_err(|cause| DiagnosisError::Outputs { role: role.name(), cause })
}

fn spread(role: Role, of: &Embeddings) -> Result<Spread, DiagnosisError> {
    // No errors of a reference are told: one eigenvalue problem is enough there.
    let measure = if role == Role::Reference { Spread::without_errors } else { Spread::measure };
    measure(&outputs(role, of)?).map_err(|cause| DiagnosisError::Eigenvalues { role: role.name(), cause })
}
