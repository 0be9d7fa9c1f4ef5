//! Which modes survive which weight decay, and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::fold::{FoldBracket, FoldParams, find_fold};
use crate::linalg::LinalgError;
use crate::modes::Mode;
use crate::noise::split_half_sigmas;
use crate::partial::{PartialParams, RankBranch};
use crate::stage::{Stage, Watch};
use crate::{Moments, Support};

/// How much of the survival table is computed exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurvivalParams {
    /// Supports of at most this size have every mode exact: 16.
    pub all_exact_up_to: usize,
    /// In larger ones, modes on either side of the boundary at the λ asked for that are exact: 1 (two modes).
    pub exact_near: usize,
    /// Up to this size; beyond, an exact death costs as much as the prediction itself and only the guess is given: 256.
    pub near_up_to: usize,
    /// Relative width of the bracket of an exact one: 5·10⁻⁷.
    pub relative_width: f64,
    /// Values of λ tried for an exact one: 40.
    pub max_probes: usize,
    /// Probes that tell nothing, before one finds an equilibrium, after which a death is left to the rule: 3.
    pub max_unknown: usize,
    /// Standard deviations below which a mode is noise: 3.
    pub noise_threshold: f64,
}

impl Default for SurvivalParams {
    fn default() -> Self {
        Self {
            all_exact_up_to: 16,
            exact_near: 1,
            near_up_to: 256,
            relative_width: 5e-7,
            max_probes: 40,
            max_unknown: 3,
            noise_threshold: 3.0,
        }
    }
}

/// How a death was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SurvivalMethod {
    /// The fold of the attracting branch of that rank, followed from the longest-lived modes.
    Exact,
    /// τ²/(4ρ) of the k-th mode: exact where X and Y commute, a guess elsewhere.
    Bound,
}

/// Deaths below this share of the last one are called 0.
const ROUNDING: f64 = 1e-12;

/// One row of the table: the k-th (from 0) is the largest λ with an attracting equilibrium of rank ≥ k + 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ModeSurvival {
    /// k.
    pub mode: usize,
    /// The λ at which it dies.
    pub critical_weight_decay: f64,
    /// How that was found.
    pub method: SurvivalMethod,
    /// Standard deviations above split-half noise; `None` without halves.
    pub noise_sigma: Option<f64>,
    /// Whether it survives the λ asked for and stands above the noise.
    pub alive: bool,
}

/// The table and what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survival {
    /// One row a mode of the support.
    pub modes: Vec<ModeSurvival>,
    /// In words.
    pub recommendation: Recommendation,
}

/// What weight decay to choose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// Modes above the noise; all with a death above 0 when no halves were given.
    pub signal_modes: usize,
    /// The largest λ below which none of them dies; 0 when there is none.
    pub safe_below: f64,
    /// Whether noise was estimated at all.
    pub noise_known: bool,
    /// What each decade of λ kills, ascending; decades that kill nothing are left out.
    pub decades: Vec<Decade>,
}

/// One decade of λ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Decade {
    /// Its lower end, a power of ten.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// Dimensions that die in it.
    pub dimensions: usize,
    /// Of these, above the noise.
    pub above_noise: usize,
}

/// What is known before the survival of modes is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// A rank that attracts at the λ asked for.
    pub rank: usize,
    /// Whether larger ones were looked for to the end: none was given up, and nobody ended the search.
    pub is_largest: bool,
    /// n.
    pub width: usize,
    /// λ_crit, when it was searched: the death of the last mode.
    pub full_rank: Option<f64>,
}

/// The survival of every mode of a support.
///
/// Modes near the known rank are found exactly, and guesses on the wrong side of it are moved to `weight_decay`.
///
/// # Requires    `weight_decay` > 0; the modes are those of the support
/// # Errors      [`LinalgError`]
/// # Cost        two eigendecompositions with halves; 5 to 10 equilibria for each exact mode
pub fn survival(
    (support, ordered): (&Support, &[Mode]), weight_decay: f64, known: Known, halves: Option<(&Moments, &Moments)>,
    (params, partial): (&SurvivalParams, &PartialParams), watch: &Watch<'_>,
) -> Result<Survival, LinalgError> {
    let Known { rank, width, full_rank, .. } = known;
    let sigmas = halves.map(|halves| split_half_sigmas(support, halves)).transpose()?;
    let mut deaths: Vec<(f64, SurvivalMethod)> =
        ordered.iter().map(|mode| (mode.critical_weight_decay(), SurvivalMethod::Bound)).collect();
    // What is 10⁻¹² of the longest life is the rounding of the moments.
    let floor = ROUNDING * deaths.first().map_or(0.0, |death| death.0);
    deaths.iter_mut().filter(|death| death.0 <= floor).for_each(|death| death.0 = 0.0);
    if let (Some(critical), Some(last)) = (full_rank, deaths.last_mut()) {
        *last = (critical, SurvivalMethod::Exact);
    }
    let near = if support.size() <= params.near_up_to { params.exact_near } else { 0 };
    let near = rank.saturating_sub(near)..(rank + near).min(ordered.len());
    let exact = if support.size() <= params.all_exact_up_to { 0..ordered.len() } else { near };
    let all = exact.len();
    for (done, k) in exact.enumerate() {
        if deaths[k].0 <= 0.0 || (full_rank.is_some() && k + 1 == deaths.len()) {
            continue;
        }
        let stage = Stage::Survival { done, all };
        if watch(stage) {
            break;
        }
        let inner = |_: Stage| watch(stage);
        let mut branch = RankBranch::new(support, ordered, k + 1, partial, &inner);
        if let Some(fold) = death(&mut branch, 0.5 * deaths[k].0, params)? {
            deaths[k] = (fold.value, SurvivalMethod::Exact);
        }
    }
    // What was found at λ goes before a guess; beyond the embedding's width nothing was looked for.
    let full = rank >= width.min(ordered.len()) || !known.is_largest;
    for (mode, death) in deaths.iter_mut().enumerate() {
        if mode < rank && death.0 <= weight_decay {
            *death = (weight_decay, SurvivalMethod::Bound);
        } else if mode >= rank && !full && death.1 == SurvivalMethod::Bound {
            death.0 = death.0.min(weight_decay);
        }
    }
    // Rank ≥ k + 1: what a higher rank survives, the lower one does; a guess raised so stays a guess.
    for k in (0..deaths.len().saturating_sub(1)).rev() {
        deaths[k].0 = deaths[k].0.max(deaths[k + 1].0);
    }
    let table: Vec<ModeSurvival> = deaths
        .iter()
        .enumerate()
        .map(|(mode, &(critical_weight_decay, method))| {
            let noise_sigma = sigmas.as_ref().map(|sigmas| sigmas[mode]);
            let signal = noise_sigma.is_none_or(|sigma| sigma > params.noise_threshold);
            let lives = mode < width && (critical_weight_decay > weight_decay || mode < rank);
            ModeSurvival { mode, critical_weight_decay, method, noise_sigma, alive: signal && lives }
        })
        .collect();
    let recommendation = recommend(&table, params.noise_threshold);
    Ok(Survival { modes: table, recommendation })
}

/// The fold of a branch that attracts just below it; `None` when it could not be bracketed.
fn death(branch: &mut RankBranch<'_>, guess: f64, params: &SurvivalParams) -> Result<Option<FoldBracket>, LinalgError> {
    let bounds = FoldParams {
        relative_width: params.relative_width,
        max_probes: params.max_probes,
        max_unknown: params.max_unknown,
    };
    let fold = find_fold(&mut |decay| branch.probe(decay), guess, bounds)?;
    // An upper end that Newton merely failed at still ends the branch as far as it can be followed.
    let narrow = fold.upper - fold.lower <= params.relative_width * fold.lower;
    Ok((narrow && fold.lower > 0.0 && branch.attracts()?).then_some(fold))
}

/// The advice that a table gives.
pub fn recommend(table: &[ModeSurvival], noise_threshold: f64) -> Recommendation {
    let lives = |row: &&ModeSurvival| row.critical_weight_decay > 0.0;
    let signal = |row: &&ModeSurvival| row.noise_sigma.is_none_or(|sigma| sigma > noise_threshold);
    let above: Vec<&ModeSurvival> = table.iter().filter(lives).filter(signal).collect();
    let safe_below = above.iter().map(|row| row.critical_weight_decay).reduce(f64::min).unwrap_or(0.0);
    let mut decades: Vec<Decade> = Vec::new();
    for row in table.iter().filter(lives).rev() {
        let exponent = row.critical_weight_decay.log10().floor() as i32;
        let from = 10f64.powi(exponent);
        let counted = usize::from(signal(&row));
        match decades.last_mut().filter(|decade| decade.from >= from) {
            Some(decade) => {
                decade.dimensions += 1;
                decade.above_noise += counted;
            }
            None => decades.push(Decade { from, to: 10f64.powi(exponent + 1), dimensions: 1, above_noise: counted }),
        }
    }
    let noise_known = table.iter().any(|row| row.noise_sigma.is_some());
    Recommendation { signal_modes: above.len(), safe_below, noise_known, decades }
}

impl fmt::Display for Recommendation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.noise_known { "modes above the noise" } else { "modes (noise was not estimated)" };
        if self.signal_modes == 0 {
            write!(f, "no mode survives any weight decay: there are no {kind}")?;
        } else {
            write!(f, "below a weight decay of {:.3e} none of the {} {kind} dies", self.safe_below, self.signal_modes)?;
        }
        for decade in &self.decades {
            write!(f, "; {:.0e} to {:.0e} kills {} dimensions", decade.from, decade.to, decade.dimensions)?;
            if self.noise_known {
                write!(f, " ({} above the noise)", decade.above_noise)?;
            }
        }
        Ok(())
    }
}
