//! `stopgrad basins`: what share of random starts ends where.

mod scalar;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use stopgrad_dynamics::basins::{BasinParams, Basins, Outcome as End, find_basins};
use stopgrad_dynamics::ensemble::EnsembleParams;
use stopgrad_dynamics::flow::MAX_DENSE;
use stopgrad_dynamics::ode::Tolerance;
use stopgrad_dynamics::{Field, LinearField, LinearFieldError, Moments, VectorField};

use crate::CommandError;
use crate::args::BasinsArguments;
use crate::folder::{prepare_file, write_beside};
use crate::lab::basins::{Shares, View, csv};
use crate::lab::page;
use crate::markup::grouped;
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use crate::table::aligned;

/// Starts, if nothing else is asked for.
const TRIALS: u32 = 1000;
/// Unresolved trials that the document names.
const NAMED: usize = 100;

/// Why there are no basins.
#[derive(Debug, thiserror::Error)]
pub enum BasinsCommandError {
    /// n, a weight decay, a rate, or V.
    #[error(transparent)]
    Field(#[from] LinearFieldError),
    /// Ends could not be named.
    #[error(
        "a state of {size} numbers (n = {width}, m = {inputs}); basins takes up to {MAX_DENSE}, because each end is held against \
         an equilibrium by Newton's method: lower --embedding-dim, or take fewer coordinates (stopgrad moments --features pca:16)"
    )]
    TooLarge {
        /// Of A, B and C.
        size: usize,
        /// n.
        width: usize,
        /// m.
        inputs: usize,
    },
}

/// Follow every start, count, write, tell.
pub(super) fn run(asked: &BasinsArguments, output: Output) -> Result<Outcome, CommandError> {
    if let Some(folder) = &asked.report {
        page::prepare(folder)?;
    }
    if let Some(path) = &asked.out {
        prepare_file(path)?;
    }
    let found = if asked.table {
        scalar::table(asked, output)
    } else if asked.fixed.scalar {
        scalar::experiment(asked, output)?
    } else {
        let (file, input) = MomentsFile::read(path(asked))?;
        Found { inputs: vec![input], ..of_moments(asked, file.moments, output)? }
    };
    let Found { view, inputs, mut options, mut own } = found;
    own["report"] = json!(asked.report.as_ref().map(|folder| folder.join("report.html")));
    for (key, value) in [
        ("scalar", json!(asked.fixed.scalar)),
        ("table", json!(asked.table)),
        ("start", json!(asked.fixed.start.name())),
        ("rtol", json!(tolerance(asked).relative)),
        ("out", json!(asked.out)),
        ("report", json!(asked.report)),
        ("require", json!(asked.require.map(|_| "decided"))),
    ] {
        options[key] = value;
    }
    let document = document("basins", asked.seed, &options, &inputs, own);
    if let Some(path) = &asked.out {
        write_beside(path, csv(&view.shares).as_bytes())?;
    }
    let mut text = listing(&view);
    for finding in view.findings() {
        _ = writeln!(text, "{finding}");
    }
    if let Some(folder) = &asked.report {
        text += &page::write(folder, &view.page(), &document)?;
    }
    let open = view.shares.iter().any(|shares| shares.count("unresolved") > 0);
    let status = if asked.require.is_some() && open { Status::NotEstablished } else { Status::Done };
    Ok(Outcome { text, document, status })
}

/// What a kind of basins hands back.
struct Found {
    view: View,
    inputs: Vec<stopgrad_data::InputFile>,
    options: Value,
    own: Value,
}

fn tolerance(asked: &BasinsArguments) -> Tolerance {
    let relative = asked.fixed.rtol.unwrap_or(Tolerance::default().relative);
    Tolerance { relative, absolute: 0.01 * relative }
}

fn path(asked: &BasinsArguments) -> &Path {
    asked.moments.as_deref().expect("the parser asks for a file without --scalar")
}

/// The fields of its own that the document of these arguments has, for moments that are read already (none: `--scalar`).
pub(super) fn answer(
    asked: &BasinsArguments, moments: Option<Moments>, output: Output,
) -> Result<Value, BasinsCommandError> {
    let found = match moments {
        Some(moments) => of_moments(asked, moments, output)?,
        None => scalar::experiment(asked, output)?,
    };
    Ok(found.own)
}

/// Basins of moments.
fn of_moments(asked: &BasinsArguments, moments: Moments, output: Output) -> Result<Found, BasinsCommandError> {
    let (Some(kind), Some(n), Some(decay)) = (asked.fixed.field, asked.embedding_dim, asked.weight_decay) else {
        unreachable!("the parser asks for all of them without --scalar")
    };
    let field = system(asked, kind, moments, n as usize, decay)?;
    let scale = asked.init_scale.unwrap_or(1.0);
    let mut params = BasinParams {
        trials: asked.fixed.trials.unwrap_or(TRIALS) as usize,
        start: asked.fixed.start.scaled(scale),
        seed: asked.seed,
        ..BasinParams::default()
    };
    let slowest = if kind.has_teacher() { decay.min(field.ema_rate) } else { decay };
    let usual = params.ensemble;
    params.ensemble = EnsembleParams {
        tolerance: tolerance(asked),
        max_steps: asked.fixed.max_steps.unwrap_or(usual.max_steps),
        end_time: usual.end_time.max(60.0 / slowest),
        ..usual
    };
    params.flow.max_steps = params.flow.max_steps.min(params.ensemble.max_steps);
    announce(output, params.trials, kind);
    let basins = find_basins(&field, &[], &params);
    let shares = Shares {
        field: kind,
        trials: params.trials as u64,
        embedding_dim: field.width,
        init_scale: scale,
        ema_rate: field.ema_rate,
        outcomes: basins.basins.clone(),
        scalar: false,
    };
    let mut own = shares.document();
    own["m"] = json!(field.inputs());
    own["weight_decay"] = json!(decay);
    own["largest_residual"] = json!(basins.ends.iter().filter_map(|end| end.residual).reduce(f64::max));
    own["cycles"] = cycles(&basins);
    own["unresolved_trials"] = unresolved(basins.ends.iter().map(|end| end.outcome == End::Unresolved));
    let options = json!({
        "moments": asked.moments,
        "field": kind.name(),
        "embedding_dim": field.width,
        "weight_decay": decay,
        "trials": params.trials,
        "init_scale": scale,
        "ema_rate": field.ema_rate,
        "max_steps": params.ensemble.max_steps,
    });
    let most = field.width.min(field.inputs());
    let view = View { shares: vec![shares], most: Some(most), start: asked.fixed.start.name(), grid: false };
    Ok(Found { view, inputs: Vec::new(), options, own })
}

fn system(
    asked: &BasinsArguments, kind: Field, moments: Moments, width: usize, decay: f64,
) -> Result<LinearField, BasinsCommandError> {
    let inputs = moments.size();
    let size = width.saturating_mul(width).saturating_add(width.saturating_mul(inputs));
    if size > MAX_DENSE {
        return Err(BasinsCommandError::TooLarge { size, width, inputs });
    }
    let field = LinearField::new(kind, moments, width, decay)?.with_ema_rate(asked.ema_rate.unwrap_or(1.0))?;
    match field.dimension() {
        size if size > MAX_DENSE => Err(BasinsCommandError::TooLarge { size, width, inputs }),
        _ => Ok(field),
    }
}

fn announce(output: Output, trials: usize, kind: Field) {
    output.note(&format!("following {} starts of {kind} …", grouped(trials as u64)));
}

/// How many cycles, and the range of their periods.
fn cycles(basins: &Basins) -> Value {
    let periods: Vec<f64> = basins
        .ends
        .iter()
        .filter_map(|end| if let End::Cycle { period, .. } = end.outcome { Some(period) } else { None })
        .collect();
    let least = periods.iter().copied().reduce(f64::min);
    let longest = periods.iter().copied().reduce(f64::max);
    json!({ "count": periods.len(), "shortest_period": least, "longest_period": longest })
}

/// Numbers of the first trials that are unresolved.
fn unresolved(open: impl Iterator<Item = bool>) -> Value {
    json!(open.enumerate().filter(|(_, open)| *open).map(|(index, _)| index).take(NAMED).collect::<Vec<_>>())
}

/// The outcomes as a table for terminals.
fn listing(view: &View) -> String {
    let header = view.header();
    aligned(&header.iter().map(String::as_str).collect::<Vec<_>>(), &view.rows())
}
