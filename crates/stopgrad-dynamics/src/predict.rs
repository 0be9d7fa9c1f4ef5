//! What training will keep, before any training: one call from moments to the prediction.

use std::cell::Cell;

use faer::Mat;
use serde::Serialize;

use crate::linalg::{LinalgError, symmetric_eigenvalues};
use crate::maximal::{
    Absence, CriticalDecay, CriticalParams, Maximal, MaximalParams, Unresolved, critical_weight_decay, solve_maximal,
};
use crate::modes::{Mode, modes};
use crate::partial::{
    Attempt, Attraction, PartialEquilibrium, PartialParams, Rate, RateMethod, find_partial, from_full_rank,
};
use crate::stage::{Stage, Watch};
use crate::survival::{Known, Survival, SurvivalParams, survival};
use crate::{DEFAULT_SUPPORT_THRESHOLD, Moments, Support, SupportError};

/// What to predict, and how far to go for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictOptions {
    /// λ.
    pub weight_decay: f64,
    /// n; the size of the support when not given.
    pub embedding_dim: Option<usize>,
    /// Eigenvalues of X below this share of the largest are dropped.
    pub support_threshold: f64,
    /// The full-rank solver.
    pub maximal: MaximalParams,
    /// The search at lower rank.
    pub partial: PartialParams,
    /// The survival table.
    pub survival: SurvivalParams,
    /// Supports up to this size get λ_crit by search, larger ones by the diagonal rule: 1,024. Above 128, a λ_crit that the
    /// rule puts below a millionth of the longest life is left at that: every probe for it would be hard.
    pub critical_up_to: usize,
    /// Supports up to this size get the leading rate of `S_max` computed, larger ones the answer of docs/theory.md, 4.2: all
    /// that fit in memory.
    pub rate_up_to: usize,
}

impl PredictOptions {
    /// The defaults at λ.
    pub fn new(weight_decay: f64) -> Self {
        Self {
            weight_decay,
            embedding_dim: None,
            support_threshold: DEFAULT_SUPPORT_THRESHOLD,
            maximal: MaximalParams::default(),
            partial: PartialParams::default(),
            survival: SurvivalParams::default(),
            critical_up_to: 1024,
            rate_up_to: usize::MAX,
        }
    }
}

/// A call that cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PredictError {
    /// λ ≤ 0 or no number.
    #[error("the weight decay is {found}; it must be a positive number, since without decay nothing dies")]
    WeightDecay {
        /// What was given.
        found: f64,
    },
    /// n = 0.
    #[error("the embedding has 0 dimensions; give at least 1")]
    EmbeddingDim,
    /// Moments without a support.
    #[error(transparent)]
    Support(#[from] SupportError),
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Whether a full-rank equilibrium exists on the support.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Existence {
    /// It was found.
    Found,
    /// It does not exist.
    Absent(Absence),
    /// Neither was established.
    Undecided(Unresolved),
}

/// λ_crit and how it was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticalEstimate {
    /// By search, to 6 digits when its bracket is settled.
    Searched(CriticalDecay),
    /// The smallest τ²/(4ρ) of the modes: a search would take too long ([`PredictOptions::critical_up_to`]).
    DiagonalRule(f64),
}

impl CriticalEstimate {
    /// λ_crit.
    pub fn value(&self) -> f64 {
        match self {
            CriticalEstimate::Searched(found) => found.fold.value,
            CriticalEstimate::DiagonalRule(value) => *value,
        }
    }
}

/// An equilibrium in the coordinates of the moments.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedState {
    /// P: r × m.
    pub p: Mat<f64>,
    /// A: n × m, P above rows of zeros.
    pub a: Mat<f64>,
    /// B: n × n, b in its corner.
    pub b: Mat<f64>,
}

impl PredictedState {
    /// S = PᵀP: m × m.
    pub fn s(&self) -> Mat<f64> {
        crate::linalg::product_symmetric(self.p.transpose(), self.p.as_ref())
    }
}

/// The answer of `predict`.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// m.
    pub size: usize,
    /// n.
    pub embedding_dim: usize,
    /// k: the numerical rank of X.
    pub support_rank: usize,
    /// m − k.
    pub dropped_dimensions: usize,
    /// Their share of tr X.
    pub dropped_variance: f64,
    /// Whether a full-rank equilibrium exists on the support.
    pub existence: Existence,
    /// The largest rank ≤ min(n, k) with an attracting equilibrium that was found; 0: only the origin.
    pub rank: usize,
    /// The eigenvalues of its S, descending: `rank`.
    pub s_eigenvalues: Vec<f64>,
    /// Its relative residual; 0 at the origin.
    pub residual: f64,
    /// Newton steps and rounds of regressions spent on it.
    pub iterations: usize,
    /// Its stability and leading rate.
    pub rate: Rate,
    /// λ_crit of full rank.
    pub critical_weight_decay: CriticalEstimate,
    /// When each mode dies.
    pub survival: Survival,
    /// Starts tried at lower rank; empty when the full-rank equilibrium answered.
    pub attempts: Vec<Attempt>,
    /// The equilibrium; `None` at the origin.
    pub state: Option<PredictedState>,
    /// Whether the caller ended the search: then larger ranks may attract, and rank 0 says nothing.
    pub stopped: bool,
}

impl Prediction {
    /// The largest rank above the answer at which alternating regressions came to rest on a saddle of the flow, and
    /// how fast the flow leaves it: training with a predictor that follows at once may keep so many (docs/theory.md, 4.7).
    pub fn largest_saddle(&self) -> Option<(usize, f64)> {
        let saddles = self.attempts.iter().filter_map(|attempt| {
            let rate = attempt.rate.filter(|rate| rate.attraction == Attraction::Saddle)?;
            Some((attempt.rank, rate.leading_rate?))
        });
        saddles.filter(|saddle| saddle.0 > self.rank).max_by_key(|saddle| saddle.0)
    }

    /// The fields of the document of `predict`.
    pub fn to_json(&self) -> serde_json::Value {
        let exists = match self.existence {
            Existence::Found => Some(true),
            Existence::Absent(_) => Some(false),
            Existence::Undecided(_) => None,
        };
        serde_json::json!({
            "m": self.size,
            "embedding_dim": self.embedding_dim,
            "support_rank": self.support_rank,
            "dropped_dimensions": self.dropped_dimensions,
            "dropped_variance": self.dropped_variance,
            "exists": exists,
            "existence": self.existence,
            "rank": self.rank,
            "s_eigenvalues": self.s_eigenvalues,
            "residual": self.residual,
            "iterations": self.iterations,
            "stability": self.rate.attraction,
            "leading_rate": self.rate.leading_rate,
            "stability_method": self.rate.method,
            "critical_weight_decay": self.critical_weight_decay.value(),
            "critical_weight_decay_method": match self.critical_weight_decay {
                CriticalEstimate::Searched(_) => "search",
                CriticalEstimate::DiagonalRule(_) => "bound",
            },
            "survival": self.survival.modes,
            "surviving_signal_modes": self.surviving_signal_modes(),
            "recommendation": self.survival.recommendation,
            "attempts": self.attempts,
        })
    }

    /// Modes that survive and stand above the noise; 0: "no mode above noise survives", with the table as evidence.
    pub fn surviving_signal_modes(&self) -> usize {
        self.survival.modes.iter().filter(|mode| mode.alive).count()
    }
}

/// What stop-gradient training of a linear network will end at.
///
/// Full-rank `S_max` where it exists and the embedding is wide enough, else the largest attracting rank found.
/// `halves`: moments of two disjoint halves of the same data, for the noise of each mode.
///
/// # Errors      [`PredictError`]: λ ≤ 0, n = 0, X = 0, a decomposition that fails
/// # Cost        O(m³), see [`solve_maximal`], [`find_partial`], [`critical_weight_decay`], [`survival`]
pub fn predict(
    moments: &Moments, options: &PredictOptions, halves: Option<(&Moments, &Moments)>, watch: &Watch<'_>,
) -> Result<Prediction, PredictError> {
    let decay = options.weight_decay;
    if !(decay > 0.0 && decay.is_finite()) {
        return Err(PredictError::WeightDecay { found: decay });
    }
    let stopped = Cell::new(false);
    let watch: &Watch<'_> = &|stage| {
        stopped.set(watch(stage) || stopped.get());
        stopped.get()
    };
    watch(Stage::Support);
    let support = Support::new(moments, options.support_threshold)?;
    let k = support.size();
    let width = options.embedding_dim.unwrap_or(k);
    if width == 0 {
        return Err(PredictError::EmbeddingDim);
    }
    let modes = modes(&support)?;
    let maximal = solve_maximal(&support, decay, &options.maximal, &|step| watch(Stage::FullRank { step }));
    let (existence, mut iterations) = match &maximal {
        Maximal::Found(found) => (Existence::Found, found.steps),
        Maximal::Absent { evidence, steps, .. } => (Existence::Absent(*evidence), *steps),
        Maximal::Unresolved { reason, steps, .. } => (Existence::Undecided(*reason), *steps),
    };
    let mut attempts = Vec::new();
    let mut found = match maximal {
        Maximal::Found(full) if width >= k => {
            Some(trusted(from_full_rank(&support, &full.s, decay, k <= options.rate_up_to)?, full.residual))
        }
        _ => None,
    };
    if found.as_ref().is_none_or(|found| found.rate.attraction != Attraction::Attracting) {
        let search = find_partial(&support, &modes, (decay, width), &options.partial, watch)?;
        attempts = search.attempts;
        iterations = search.best.as_ref().map_or(iterations, |best| best.effort.rounds + best.effort.steps);
        found = search.best;
    }
    let rank = found.as_ref().map_or(0, PartialEquilibrium::rank);
    // The search has the last word on an absence that was not confirmed.
    let existence = match existence {
        Existence::Absent(_) if rank == k => Existence::Found,
        other => other,
    };
    // What follows may be ended too; the answer of the search stands then.
    let ended = stopped.get();
    // A start that was given up at a larger rank, too, leaves open whether that rank lives.
    let is_largest = !ended && !attempts.iter().any(|attempt| attempt.given_up && attempt.rank > rank);
    let searched = searched_critical(&support, &modes, options, watch)?;
    let full_rank = searched.map(|found| found.fold.value);
    let settings = (&options.survival, &options.partial);
    let known = Known { rank, is_largest, width, full_rank };
    let survival = survival((&support, &modes), decay, known, halves, settings, watch)?;
    let critical_weight_decay = searched.map_or_else(
        || CriticalEstimate::DiagonalRule(survival.modes.last().map_or(0.0, |mode| mode.critical_weight_decay)),
        CriticalEstimate::Searched,
    );
    Ok(Prediction {
        size: moments.size(),
        embedding_dim: width,
        support_rank: k,
        dropped_dimensions: support.dropped,
        dropped_variance: support.dropped_variance,
        existence,
        rank,
        s_eigenvalues: found.as_ref().map_or(Ok(Vec::new()), eigenvalues)?,
        residual: found.as_ref().map_or(0.0, |found| found.residual),
        iterations,
        rate: rate_in(found.as_ref(), (width, decay), ended),
        critical_weight_decay,
        survival,
        attempts,
        state: found.map(|found| lift(&support, &found, width)),
        stopped: ended,
    })
}

/// The verdict on `S_max` where it is too large to compute: theory 4.2 says that it attracts.
fn trusted(mut found: PartialEquilibrium, residual: f64) -> PartialEquilibrium {
    if found.rate.method == RateMethod::Theory {
        found.rate.attraction = Attraction::Attracting;
    }
    found.residual = residual.max(found.residual);
    found
}

/// Eigenvalues of S = those of PPᵀ.
fn eigenvalues(found: &PartialEquilibrium) -> Result<Vec<f64>, LinalgError> {
    let gram = crate::linalg::product_symmetric(found.p.as_ref(), found.p.transpose());
    let r = found.rank();
    let flat: Vec<f64> = (0..r * r).map(|at| gram[(at / r, at % r)]).collect();
    symmetric_eigenvalues(&flat, r)
}

/// The rate among states of width n: unused rows decay at −λ; the origin's own leading rate is −λ.
fn rate_in(found: Option<&PartialEquilibrium>, (width, decay): (usize, f64), stopped: bool) -> Rate {
    let Some(found) = found else {
        if stopped {
            return Rate::not_computed();
        }
        return Rate { attraction: Attraction::Attracting, leading_rate: Some(-decay), method: RateMethod::Dense };
    };
    let mut rate = found.rate;
    if width > found.rank() {
        rate.leading_rate = rate.leading_rate.map(|leading| leading.max(-decay));
    }
    rate
}

/// Supports up to this size get λ_crit by search however small it is,
const CHEAP: usize = 128;
/// larger ones where the shortest life is at least this share of the longest.
const WORTH: f64 = 1e-6;

/// λ_crit by search, where that ends in good time.
fn searched_critical(
    support: &Support, modes: &[Mode], options: &PredictOptions, watch: &Watch<'_>,
) -> Result<Option<CriticalDecay>, LinalgError> {
    let lives = modes.iter().map(Mode::critical_weight_decay);
    let (shortest, longest) = lives.fold((f64::INFINITY, 0.0f64), |(low, high), life| (low.min(life), high.max(life)));
    let hard = support.size() > CHEAP && shortest < WORTH * longest;
    if hard || support.size() > options.critical_up_to {
        return Ok(None);
    }
    let params = CriticalParams { maximal: options.maximal, ..CriticalParams::default() };
    critical_weight_decay(support, &params, &|_| watch(Stage::CriticalDecay)).map(Some)
}

fn lift(support: &Support, found: &PartialEquilibrium, width: usize) -> PredictedState {
    let (r, m) = (found.rank(), support.directions.nrows());
    let p = support.lift_rows(&found.p);
    let a = Mat::from_fn(width, m, |i, j| if i < r { p[(i, j)] } else { 0.0 });
    let b = Mat::from_fn(width, width, |i, j| if i < r && j < r { found.b[(i, j)] } else { 0.0 });
    PredictedState { p, a, b }
}
