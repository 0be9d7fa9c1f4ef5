//! Theory and outcome of a linear run, side by side: what the moments of its training pairs predict, and where it ended.
//!
//! The prediction never sees the weights, the outcome never sees the prediction; what joins them is S = AᵀA, which
//! names an equilibrium whatever the embedding was turned by. Where a run is not what the theory is about (another
//! optimizer, fresh views), the record says so in words and holds what can still be compared.
//!
//! Reading order: [`TheoryRecord`] (what is found), `fit` (what can be compared), `moments`, `outcome`.

mod fit;
mod moments;
mod outcome;

pub use moments::TrainingMoments;
pub(crate) use outcome::End as LinearEnd;

use serde::{Deserialize, Serialize};
use stopgrad_data::NpzError;
use stopgrad_dynamics::partial::Attraction;
use stopgrad_dynamics::survival::{ModeSurvival, SurvivalMethod};
use stopgrad_dynamics::{CriticalEstimate, Existence, Field, PredictOptions, Prediction, Stability, predict};

use crate::config::NetworkKind;
use crate::plan::Plan;
use crate::run::RunError;
use outcome::End;

/// What theory says of a run with a linear encoder, and what became of it: `theory.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TheoryRecord {
    /// Why nothing is compared; none where something is.
    pub not_compared: Option<String>,
    /// What a reader must know of the comparison, in sentences.
    pub caveats: Vec<String>,
    /// λ of the equilibria compared with.
    pub weight_decay: f64,
    /// Pairs whose moments were taken.
    pub pairs: u64,
    /// Whether they are all that was trained on; a sample of them otherwise.
    pub exact_moments: bool,
    /// From the moments alone.
    pub prediction: Option<PredictionRecord>,
    /// From the weights.
    pub outcome: Option<OutcomeRecord>,
}

/// What the moments of the training pairs predict; for `joint` the origin, the only critical point of Ē.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// Whether a full-rank equilibrium exists; none where undecided, or not asked (joint).
    pub exists: Option<bool>,
    /// The largest rank with an attracting equilibrium that was found.
    pub rank: usize,
    /// Eigenvalues of its S, descending: `rank`.
    pub s_eigenvalues: Vec<f64>,
    /// Its relative residual.
    pub residual: f64,
    /// `attracting`, `saddle`, `degenerate` or `undecided`.
    pub stability: String,
    /// Its rightmost rate, orbit removed.
    pub leading_rate: Option<f64>,
    /// λ_crit of full rank; none for joint.
    pub critical_weight_decay: Option<f64>,
    /// The rank of X, at most m.
    pub support_rank: usize,
    /// Modes that survive at λ.
    pub surviving_modes: usize,
    /// Whether those below the noise of the moments were left out of that count.
    pub noise_known: bool,
    /// Each mode, the longest-lived first.
    pub modes: Vec<ModeRecord>,
}

/// One mode of the prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeRecord {
    /// The λ at which it dies.
    pub critical_weight_decay: f64,
    /// Whether that is exact; a bound otherwise.
    pub exact: bool,
    /// Standard deviations above the noise of the moments, where that is known.
    pub noise_sigma: Option<f64>,
    /// Whether it survives at λ and stands above the noise.
    pub alive: bool,
}

/// Where the run ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Eigenvalues of the trained S = AᵀA, descending: min(n, m).
    pub s_eigenvalues: Vec<f64>,
    /// Directions of the embedding whose variance exceeds λ/2. One that is held against weight decay has at least λ
    /// (docs/theory.md, 3.9); one that dies falls below.
    pub rank: usize,
    /// |S| over |S| at the start.
    pub size_over_start: f64,
    /// |S − S_predicted| / |S_predicted| (Frobenius); none where the origin is predicted.
    pub distance_to_prediction: Option<f64>,
    /// The equilibrium of the run's own rank that Newton's method finds from its end.
    pub nearest: Option<NearestRecord>,
    /// Why there is none.
    pub no_nearest: Option<String>,
}

/// An equilibrium near the end of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NearestRecord {
    /// Its rank: that of the end.
    pub rank: usize,
    /// Eigenvalues of its S, descending: `rank`.
    pub s_eigenvalues: Vec<f64>,
    /// |S_end − S| / |S| (Frobenius); at the origin |S_end| over |S| at the start.
    pub distance: f64,
    /// Whether Newton's method met its tolerance; if not, this is no equilibrium.
    pub converged: bool,
    /// Newton steps.
    pub steps: usize,
    /// |v| over λ|z|.
    pub residual: f64,
    /// `attracting`, `saddle` or `degenerate`, under the run's field; none where it is too large to tell.
    pub stability: Option<String>,
    /// The rightmost rate, orbit removed.
    pub leading_rate: Option<f64>,
}

/// Whether a run is compared with the theory at all.
pub(crate) fn applies(plan: &Plan) -> bool {
    plan.config.network.encoder == NetworkKind::Linear && plan.config.evaluation.theory_up_to > 0
}

/// The comparison, and the moments it rests on. `None` if it was stopped.
///
/// `ends` are A and B before and after training; none for a network that is not linear.
///
/// # Errors
/// When batches cannot be loaded.
pub(crate) fn compare(
    plan: &Plan, ends: Option<&(End, End)>, should_stop: &dyn Fn() -> bool,
) -> Result<Option<(TheoryRecord, Option<TrainingMoments>)>, RunError> {
    let fit = fit::fit(plan);
    let mut record = TheoryRecord {
        not_compared: fit.not_compared,
        caveats: fit.caveats,
        weight_decay: fit.weight_decay,
        exact_moments: plan.fixed.is_some(),
        ..TheoryRecord::default()
    };
    let (None, Some(ends)) = (&record.not_compared, ends) else { return Ok(Some((record, None))) };
    let Some(moments) = TrainingMoments::of(plan, should_stop)? else { return Ok(None) };
    record.pairs = moments.pairs;
    let field = plan.field();
    let predicted = match predicted(field, &moments, fit.weight_decay, plan.network.embedding_width, should_stop) {
        Ok(predicted) => predicted,
        Err(reason) => {
            record.not_compared = Some(reason);
            return Ok(Some((record, Some(moments))));
        }
    };
    if should_stop() {
        return Ok(None);
    }
    let target = outcome::Target { field, weight_decay: fit.weight_decay, ema_rate: fit.ema_rate };
    let s = predicted.1.as_ref();
    record.outcome = Some(outcome::outcome(&target, &moments.moments, ends, s, fit.same_equilibria));
    record.prediction = Some(predicted.0);
    Ok(Some((record, Some(moments))))
}

/// Without a prediction: the run diverged, or is nothing that the theory is about.
pub(crate) fn diverged(plan: &Plan) -> TheoryRecord {
    let fit = fit::fit(plan);
    let reason = fit.not_compared.unwrap_or_else(|| "The run diverged, so it has no end to compare with.".to_owned());
    TheoryRecord { not_compared: Some(reason), weight_decay: fit.weight_decay, ..TheoryRecord::default() }
}

type Predicted = (PredictionRecord, Option<faer::Mat<f64>>);

fn predicted(
    field: Field, moments: &TrainingMoments, weight_decay: f64, width: usize, should_stop: &dyn Fn() -> bool,
) -> Result<Predicted, String> {
    if field == Field::Joint {
        let record = PredictionRecord {
            stability: name(&Attraction::Attracting),
            leading_rate: Some(-weight_decay),
            support_rank: moments.moments.size(),
            ..PredictionRecord::default()
        };
        return Ok((record, None));
    }
    let mut options = PredictOptions::new(weight_decay);
    options.embedding_dim = Some(width);
    let other = moments.half.as_ref().and_then(|half| moments.moments.without(half).ok());
    let halves = moments.half.as_ref().zip(other.as_ref());
    let found = predict(&moments.moments, &options, halves, &|_| should_stop())
        .map_err(|reason| format!("There is no prediction: {reason}."))?;
    let s = found.state.as_ref().map(stopgrad_dynamics::PredictedState::s);
    Ok((summarized(&found), s))
}

fn summarized(found: &Prediction) -> PredictionRecord {
    PredictionRecord {
        exists: match found.existence {
            Existence::Found => Some(true),
            Existence::Absent(_) => Some(false),
            Existence::Undecided(_) => None,
        },
        rank: found.rank,
        s_eigenvalues: found.s_eigenvalues.clone(),
        residual: found.residual,
        stability: name(&found.rate.attraction),
        leading_rate: found.rate.leading_rate.filter(|rate| rate.is_finite()),
        critical_weight_decay: match found.critical_weight_decay {
            CriticalEstimate::Searched(searched) => Some(searched.fold.value),
            CriticalEstimate::DiagonalRule(value) => Some(value),
        },
        support_rank: found.support_rank,
        surviving_modes: found.surviving_signal_modes(),
        noise_known: found.survival.recommendation.noise_known,
        modes: found.survival.modes.iter().map(mode).collect(),
    }
}

fn mode(mode: &ModeSurvival) -> ModeRecord {
    ModeRecord {
        critical_weight_decay: mode.critical_weight_decay,
        exact: mode.method == SurvivalMethod::Exact,
        noise_sigma: mode.noise_sigma.filter(|sigma| sigma.is_finite()),
        alive: mode.alive,
    }
}

/// As it is written in files.
fn name<S: Serialize>(value: &S) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => "undecided".to_owned(),
    }
}

/// The word of a stability.
fn stability_name(stability: Stability) -> String {
    name(&stability)
}

impl TrainingMoments {
    /// Writes them in the form of `stopgrad moments` (docs/formats.md, section 7).
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, path: &std::path::Path) -> Result<(), NpzError> {
        moments::write(self, path)
    }
}
