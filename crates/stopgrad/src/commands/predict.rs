//! `stopgrad predict`: what stop-gradient and EMA training of a linear network will keep, from moments alone.

use std::fmt::Write as _;
use std::path::Path;

use faer::Mat;
use serde_json::{Value, json};
use stopgrad_data::npy::{NpyArray, NpyData};
use stopgrad_data::npz;
use stopgrad_dynamics::partial::Attraction;
use stopgrad_dynamics::survival::{Decade, ModeSurvival, SurvivalMethod};
use stopgrad_dynamics::{CriticalEstimate, Existence, PredictError, PredictOptions, PredictedState, Prediction};

use crate::CommandError;
use crate::args::PredictArguments;
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::table::aligned;

/// Modes listed for people; programs get all.
const SHOWN: usize = 20;
/// Supports beyond this size are not searched at every rank.
const ALL_RANKS: usize = 64;

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
pub enum PredictCommandError {
    /// The call or the moments do not allow one.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// Too large for every rank.
    #[error("--all-ranks searches up to {ALL_RANKS} dimensions, and these moments have {size}; leave it out")]
    AllRanks {
        /// m.
        size: usize,
    },
    /// The equilibrium cannot be written.
    #[error(transparent)]
    Npz(#[from] npz::NpzError),
}

/// Read, predict, write, tell.
pub(super) fn run(asked: &PredictArguments) -> Result<Outcome, CommandError> {
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let prediction = predict(asked, &file)?;
    if let (Some(path), Some(state)) = (&asked.out, &prediction.state) {
        write(path, state).map_err(PredictCommandError::from)?;
    }
    let undecided = is_undecided(&prediction);
    let status = if undecided && asked.require.is_some() { Status::NotEstablished } else { Status::Done };
    let options = json!({
        "moments": asked.moments,
        "weight_decay": asked.weight_decay,
        "embedding_dim": prediction.embedding_dim,
        "all_ranks": asked.all_ranks,
        "out": asked.out,
    });
    let document = document("predict", asked.seed, &options, &[input], own(&prediction));
    Ok(Outcome { text: describe(asked, &prediction), document, status })
}

fn predict(asked: &PredictArguments, file: &MomentsFile) -> Result<Prediction, PredictCommandError> {
    let size = file.moments.size();
    if asked.all_ranks && size > ALL_RANKS {
        return Err(PredictCommandError::AllRanks { size });
    }
    let mut options = PredictOptions::new(asked.weight_decay);
    options.embedding_dim = asked.embedding_dim.map(|n| n as usize);
    options.partial.all_ranks = asked.all_ranks;
    options.partial.seed = asked.seed;
    let halves = file.half.as_ref().and_then(|half| Some((half, file.moments.without(half).ok()?)));
    let halves = halves.as_ref().map(|(even, odd)| (*even, odd));
    Ok(stopgrad_dynamics::predict(&file.moments, &options, halves, &|| false)?)
}

fn is_undecided(prediction: &Prediction) -> bool {
    matches!(prediction.existence, Existence::Undecided(_)) || prediction.rate.attraction == Attraction::Undecided
}

/// The fields of docs/formats.md.
fn own(prediction: &Prediction) -> Value {
    let exists = match prediction.existence {
        Existence::Found => Some(true),
        Existence::Absent(_) => Some(false),
        Existence::Undecided(_) => None,
    };
    json!({
        "m": prediction.size,
        "embedding_dim": prediction.embedding_dim,
        "support_rank": prediction.support_rank,
        "dropped_dimensions": prediction.dropped_dimensions,
        "dropped_variance": prediction.dropped_variance,
        "exists": exists,
        "existence": prediction.existence,
        "rank": prediction.rank,
        "s_eigenvalues": prediction.s_eigenvalues,
        "residual": prediction.residual,
        "iterations": prediction.iterations,
        "stability": prediction.rate.attraction,
        "leading_rate": prediction.rate.leading_rate,
        "stability_method": prediction.rate.method,
        "critical_weight_decay": prediction.critical_weight_decay.value(),
        "critical_weight_decay_method": match prediction.critical_weight_decay {
            CriticalEstimate::Searched(_) => "search",
            CriticalEstimate::DiagonalRule(_) => "bound",
        },
        "survival": prediction.survival.modes,
        "surviving_signal_modes": prediction.surviving_signal_modes(),
        "recommendation": prediction.survival.recommendation,
        "attempts": prediction.attempts,
    })
}

/// `s`, `p`, `a`, `b`.
fn write(path: &Path, state: &PredictedState) -> Result<(), npz::NpzError> {
    let s = state.s();
    let arrays = [("s", &s), ("p", &state.p), ("a", &state.a), ("b", &state.b)].map(|(key, m)| (key, array(m)));
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(key, array)| (*key, array)).collect();
    npz::write(path, &named)
}

fn array(matrix: &Mat<f64>) -> NpyArray {
    let rows = (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)]));
    NpyArray::new(&[matrix.nrows(), matrix.ncols()], NpyData::F64(rows.collect()))
}

fn describe(asked: &PredictArguments, prediction: &Prediction) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} dimensions, of which X fills {}{}; embedding of {}, λ = {}",
        prediction.size,
        prediction.support_rank,
        if prediction.dropped_dimensions > 0 {
            format!(" ({} dropped, {:.1e} of the variance)", prediction.dropped_dimensions, prediction.dropped_variance)
        } else {
            String::new()
        },
        prediction.embedding_dim,
        asked.weight_decay,
    );
    let _ = writeln!(text, "full-rank equilibrium: {}", existence(prediction));
    if prediction.rank == 0 {
        text.push_str("no mode survives: the origin (collapse) is the only attracting equilibrium that was found\n");
    } else {
        let _ = writeln!(
            text,
            "rank {}: {}; residual {:.1e}, {} iterations, slowest rate {}",
            prediction.rank,
            stability(prediction),
            prediction.residual,
            prediction.iterations,
            prediction.rate.leading_rate.map_or_else(|| "not computed".into(), |rate| format!("{rate:.3e}")),
        );
    }
    text.push_str(&survival(prediction));
    if let (Some(path), true) = (&asked.out, prediction.state.is_some()) {
        let _ = writeln!(text, "equilibrium: {}", path.display());
    }
    text
}

fn existence(prediction: &Prediction) -> String {
    let critical = match prediction.critical_weight_decay {
        CriticalEstimate::Searched(found) => format!("λ_crit = {:.6e}", found.fold.value),
        CriticalEstimate::DiagonalRule(value) => format!("λ_crit about {value:.2e} by the rule for one mode"),
    };
    match prediction.existence {
        Existence::Found => format!("yes, {critical}"),
        Existence::Absent(_) => format!("none at this λ, {critical}"),
        Existence::Undecided(_) => format!("undecided (the moments are too ill-conditioned), {critical}"),
    }
}

fn stability(prediction: &Prediction) -> &'static str {
    match prediction.rate.attraction {
        Attraction::Attracting => "the largest found with an attracting equilibrium",
        Attraction::Saddle => "an equilibrium, but a saddle",
        Attraction::Degenerate => "an equilibrium with a rate of 0 within the tolerance",
        Attraction::Undecided => "an equilibrium was found; whether it attracts is undecided",
    }
}

/// The table of modes, and what weight decay to choose.
fn survival(prediction: &Prediction) -> String {
    let table = &prediction.survival;
    let sigma = |mode: &ModeSurvival| mode.noise_sigma.map_or_else(|| "-".into(), |sigma| format!("{sigma:.1}"));
    let rows: Vec<Vec<String>> = table
        .modes
        .iter()
        .take(SHOWN)
        .map(|mode| {
            vec![
                mode.mode.to_string(),
                format!("{:.3e}", mode.critical_weight_decay),
                if mode.method == SurvivalMethod::Exact { "exact".into() } else { "bound".into() },
                sigma(mode),
                if mode.alive { "yes".into() } else { "no".into() },
            ]
        })
        .collect();
    let mut text = aligned(&["mode", "dies at λ", "how", "noise sigmas", "survives"], &rows);
    if table.modes.len() > SHOWN {
        let _ = writeln!(text, "… and {} more", table.modes.len() - SHOWN);
    }
    let advice = &table.recommendation;
    let _ = match (prediction.surviving_signal_modes(), advice.noise_known) {
        (0, _) => writeln!(text, "no mode above the noise survives at this λ"),
        (count, true) => writeln!(text, "{count} modes survive and stand above the noise"),
        (count, false) => writeln!(text, "{count} modes survive; the file holds no halves, so noise is not known"),
    };
    if advice.safe_below > 0.0 {
        let _ = writeln!(
            text,
            "below λ = {:.2e} none of the {} modes {} dies",
            advice.safe_below,
            advice.signal_modes,
            if advice.noise_known { "above the noise" } else { "with a death above 0" },
        );
    }
    for Decade { from, to, dimensions, above_noise } in &advice.decades {
        let _ = writeln!(text, "λ from {from:.0e} to {to:.0e} kills {dimensions} ({above_noise} above the noise)");
    }
    text
}
