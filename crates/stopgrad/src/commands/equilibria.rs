//! `stopgrad equilibria`: all equilibria at a weight decay, by rank, each proved and with its stability.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_dynamics::{
    EquilibriaError, EquilibriaParams, Equilibrium, EquilibriumSet, Field, Stability, Stratum, StratumStatus, Support,
    find_equilibria,
};

use crate::CommandError;
use crate::args::{EquilibriaArguments, Ranks};
use crate::bar::Bar;
use crate::demand::Established;
use crate::folder::{prepare_file, write_beside};
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::roots_file;
use crate::table::aligned;

/// Why there are no equilibria.
#[derive(Debug, thiserror::Error)]
pub enum EquilibriaCommandError {
    /// The call or the moments do not allow a search.
    #[error(transparent)]
    Equilibria(#[from] EquilibriaError),
    /// γ under another field.
    #[error(
        "--ema-rate {rate} is the rate of the teacher under ema, and the field is {field}; leave it out, or choose --field ema"
    )]
    EmaRate {
        /// γ.
        rate: f64,
        /// The field.
        field: Field,
    },
}

/// Read, find, write, tell.
pub(super) fn run(asked: &EquilibriaArguments, output: Output) -> Result<Outcome, CommandError> {
    if let Some(path) = &asked.out {
        prepare_file(path)?;
    }
    // 1 is the default.
    if (asked.ema_rate - 1.0).abs() > 0.0 && asked.field != Field::Ema {
        return Err(EquilibriaCommandError::EmaRate { rate: asked.ema_rate, field: asked.field }.into());
    }
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let bar = Bar::uncounted("equilibria", output);
    let set = find(asked, &file)?;
    drop(bar);
    let options = json!({
        "moments": asked.moments,
        "weight_decay": asked.weight_decay,
        "ranks": set.strata.iter().map(|stratum| stratum.rank).collect::<Vec<_>>(),
        "field": asked.field,
        "ema_rate": asked.ema_rate,
        "embedding_dim": set.embedding_dim,
        "out": asked.out,
    });
    let document = document("equilibria", 0, &options, &[input], own_fields(&set, asked.weight_decay));
    let mut text = describe(&set, asked.weight_decay);
    if let Some(path) = &asked.out {
        let mut whole = document.clone();
        if let (Value::Object(whole), Value::Object(more)) = (&mut whole, roots_file::fields(&set)) {
            whole.extend(more);
        }
        write_beside(path, format!("{whole:#}\n").as_bytes())?;
        _ = writeln!(text, "solutions: {}", path.display());
    }
    let status =
        if asked.require.iter().all(|what| is_met(*what, &set)) { Status::Done } else { Status::NotEstablished };
    Ok(Outcome { text, document, status })
}

fn find(asked: &EquilibriaArguments, file: &MomentsFile) -> Result<EquilibriumSet, EquilibriaCommandError> {
    let mut params = EquilibriaParams { field: asked.field, ema_rate: asked.ema_rate, ..Default::default() };
    params.embedding_dim = asked.embedding_dim.map(|n| n as usize);
    params.ranks = match &asked.ranks {
        Ranks::All => None,
        Ranks::Full => {
            let support = Support::new(&file.moments, params.support_threshold).map_err(EquilibriaError::from)?;
            Some(vec![support.size()])
        }
        Ranks::List(ranks) => Some(ranks.clone()),
    };
    Ok(find_equilibria(&file.moments, asked.weight_decay, &params)?)
}

fn is_met(what: Established, set: &EquilibriumSet) -> bool {
    match what {
        Established::Complete => {
            set.strata.iter().all(|s| matches!(s.status, StratumStatus::Complete | StratumStatus::None))
        }
        Established::Certified => set.equilibria.iter().all(|e| e.certified),
        Established::Decided => set.equilibria.iter().all(|e| e.spectrum.stability != Stability::Degenerate),
    }
}

/// The fields of docs/formats.md.
fn own_fields(set: &EquilibriumSet, weight_decay: f64) -> Value {
    let full = set.strata.iter().find(|stratum| stratum.rank == set.support_rank);
    json!({
        "m": set.size,
        "embedding_dim": set.embedding_dim,
        "support_rank": set.support_rank,
        "weight_decay": weight_decay,
        "complex_solutions": full.map(|stratum| stratum.roots.len()),
        "expected_complex_solutions": full.and_then(|stratum| stratum.expected),
        "complete": full.map(|stratum| stratum.status == StratumStatus::Complete),
        "strata": set.strata.iter().map(|stratum| stratum_fields(stratum, set)).collect::<Vec<_>>(),
        "equilibria": set.equilibria.iter().map(equilibrium_fields).collect::<Vec<_>>(),
    })
}

fn stratum_fields(stratum: &Stratum, set: &EquilibriumSet) -> Value {
    let here = || set.equilibria.iter().filter(|e| e.rank == stratum.rank);
    json!({
        "rank": stratum.rank,
        "solutions": if stratum.rank == 0 { here().count() } else { stratum.roots.len() },
        "expected": stratum.expected,
        "complete": stratum.status == StratumStatus::Complete,
        "status": stratum.status,
        "real": here().count(),
        "attracting": here().filter(|e| e.spectrum.stability == Stability::Attracting).count(),
        "paths": stratum.counts.paths,
        "attempts": stratum.counts.attempts,
        "at_infinity": stratum.counts.at_infinity,
        "singular": stratum.counts.singular,
        "conjugates": stratum.counts.conjugates,
        "starts": stratum.starts,
    })
}

fn equilibrium_fields(equilibrium: &Equilibrium) -> Value {
    let s = &equilibrium.s;
    let rows: Vec<Vec<f64>> = (0..s.nrows()).map(|i| (0..s.ncols()).map(|j| s[(i, j)]).collect()).collect();
    let spectrum = &equilibrium.spectrum;
    json!({
        "rank": equilibrium.rank,
        "s": rows,
        "certified": equilibrium.certified,
        "box_radius": equilibrium.box_radius,
        "residual": equilibrium.residual,
        "maximal": equilibrium.maximal,
        "stability": spectrum.stability,
        "unstable_dimensions": spectrum.unstable_dimensions,
        "orbit_dimension": spectrum.orbit_dimension,
        "transversal_eigenvalues": spectrum.transversal_eigenvalues,
        "leading_rate": spectrum.leading_rate,
    })
}

/// A table by rank, a table of the equilibria.
fn describe(set: &EquilibriumSet, weight_decay: f64) -> String {
    let mut text = String::new();
    _ = writeln!(
        text,
        "weight decay {weight_decay}: {} equilibria (orbits) in {} of {} dimensions, embedding of {}",
        set.equilibria.len(),
        set.support_rank,
        set.size,
        set.embedding_dim
    );
    let strata: Vec<Vec<String>> = set.strata.iter().map(|stratum| stratum_row(stratum, set)).collect();
    text += &aligned(&["rank", "complex solutions", "expected", "answer", "real", "attracting"], &strata);
    text.push('\n');
    let rows: Vec<Vec<String>> = set.equilibria.iter().map(equilibrium_row).collect();
    text += &aligned(&["rank", "trace of S", "stability", "unstable", "leading rate", "proved", "box", ""], &rows);
    text
}

fn stratum_row(stratum: &Stratum, set: &EquilibriumSet) -> Vec<String> {
    let here = || set.equilibria.iter().filter(|e| e.rank == stratum.rank);
    let answer = match stratum.status {
        StratumStatus::Complete => "complete".into(),
        StratumStatus::Accounted => accounted(stratum),
        StratumStatus::Incomplete => "incomplete".into(),
        StratumStatus::NotClaimed if stratum.starts == 0 => "not searched".into(),
        StratumStatus::NotClaimed => format!("not claimed complete ({} starts)", stratum.starts),
        StratumStatus::None => "none: Y has a lower rank".into(),
        StratumStatus::Continuum => "not isolated".into(),
    };
    vec![
        stratum.rank.to_string(),
        if stratum.rank == 0 { "1".into() } else { stratum.roots.len().to_string() },
        stratum.expected.map_or("unknown".into(), |count| count.to_string()),
        answer,
        here().count().to_string(),
        here().filter(|e| e.spectrum.stability == Stability::Attracting).count().to_string(),
    ]
}

/// Where those that are missing went.
fn accounted(stratum: &Stratum) -> String {
    let counts = &stratum.counts;
    let parts = [(counts.at_infinity, "at infinity"), (counts.singular, "singular")];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, place)| format!("{count} {place}")).collect();
    format!("all but {}", told.join(", "))
}

fn equilibrium_row(equilibrium: &Equilibrium) -> Vec<String> {
    let s = &equilibrium.s;
    let spectrum = &equilibrium.spectrum;
    let stability = match spectrum.stability {
        Stability::Attracting => "attracting",
        Stability::Saddle => "saddle",
        Stability::Degenerate => "degenerate",
    };
    vec![
        equilibrium.rank.to_string(),
        format!("{:.6}", (0..s.nrows()).map(|i| s[(i, i)]).sum::<f64>()),
        stability.into(),
        spectrum.unstable_dimensions.to_string(),
        format!("{:.3e}", spectrum.leading_rate),
        if equilibrium.certified { "yes" } else { "no" }.into(),
        equilibrium.box_radius.map_or(String::new(), |radius| format!("{radius:.0e}")),
        if equilibrium.maximal { "S_max" } else { "" }.into(),
    ]
}
