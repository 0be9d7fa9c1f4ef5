//! `stopgrad flow`: where one linear network goes, and how it stands there.

mod ending;
mod start;
mod system;
mod written;

use std::cell::Cell;
use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_data::InputFile;
use stopgrad_dynamics::flow::{FlowEnd, FlowParams, Limit, Progress, Stop, flow_linear, train_linear};
use stopgrad_dynamics::ode::Tolerance;
use stopgrad_dynamics::{LinearState, Moments};

use crate::CommandError;
use crate::args::{FlowArguments, FlowSettings};
use crate::bar::Bar;
use crate::folder::prepare_file;
use crate::lab::ending::{Ending, Standing};
use crate::lab::flow::View;
use crate::lab::page;
use crate::limits::Limits;
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;

pub use system::FlowCommandError;
use system::System;

/// Entries of A up to which the document carries A, B and C.
const SMALL: usize = 4096;
/// Steps between two sentences on the bar.
const STRIDE: u64 = 64;

/// Read, follow, judge, write, tell.
pub(super) fn run(asked: &FlowArguments, output: Output) -> Result<Outcome, CommandError> {
    if let Some(folder) = &asked.report {
        page::prepare(folder)?;
    }
    if let Some(path) = &asked.out {
        prepare_file(path)?;
    }
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let limits = Limits::start(asked.time_limit).map_err(FlowCommandError::from)?;
    let stop = Cell::new(None);
    let stopped = || {
        stop.set(stop.get().or_else(|| limits.reached()));
        stop.get().is_some()
    };
    let solved = solve(asked, file.moments, output, &stopped)?;
    let Solved { system, params, start_input, end, ending } = &solved;
    let inputs: Vec<_> = std::iter::once(input).chain(start_input.clone()).collect();
    let mut own = own(system, end, ending);
    own["stopped"] = json!(stop.get().map(|stop| json!({ "reason": stop.reason() })));
    own["out"] = json!(asked.out);
    own["report"] = json!(asked.report.as_ref().map(|folder| folder.join("report.html")));
    let document = document("flow", asked.seed, &options(asked, system, *params), &inputs, own);
    if let Some(path) = &asked.out {
        written::write(path, &system.field, end).map_err(FlowCommandError::from)?;
    }
    let from = start::words(asked);
    let view = View { field: &system.field, map: system.map.as_ref(), from: &from, end, ending };
    let mut text = String::new();
    for finding in view.findings() {
        _ = writeln!(text, "{finding}");
    }
    if let Some(path) = &asked.out {
        _ = writeln!(text, "trajectory and end state: {}", path.display());
    }
    if let Some(folder) = &asked.report {
        text += &page::write(folder, &view.page(), &document)?;
    }
    let status = match stop.get() {
        Some(stop) => stop.status(),
        None if asked.require.is_some() && ending.is_open() => Status::NotEstablished,
        None => Status::Done,
    };
    Ok(Outcome { text, document, status })
}

/// What a flow is, and where it ended.
struct Solved {
    system: System,
    params: FlowParams,
    /// The file of the start, if it comes from one.
    start_input: Option<InputFile>,
    end: FlowEnd,
    ending: Ending,
}

fn solve(
    asked: &FlowArguments, moments: Moments, output: Output, stopped: &dyn Fn() -> bool,
) -> Result<Solved, FlowCommandError> {
    let system = System::new(asked, moments)?;
    let (start, start_input) = start::state(asked, &system.field)?;
    let params = params(asked, &system);
    let end = follow(&system, &start, params, output, stopped);
    let ending = ending::judge(&system, &end, asked.seed);
    Ok(Solved { system, params, start_input, end, ending })
}

/// The fields of its own that the document of these arguments has, for moments that are read already.
pub(super) fn answer(asked: &FlowArguments, moments: Moments, output: Output) -> Result<Value, FlowCommandError> {
    let Solved { system, end, ending, .. } = solve(asked, moments, output, &|| false)?;
    Ok(own(&system, &end, &ending))
}

/// The file of the start, if it comes from one.
pub(super) fn start_input(settings: &FlowSettings) -> Result<Option<InputFile>, FlowCommandError> {
    Ok(start::input(settings)?)
}

/// `--start` as an option of a document.
pub(super) fn start_option(settings: &FlowSettings) -> Value {
    start::option(settings)
}

fn params(asked: &FlowArguments, system: &System) -> FlowParams {
    let usual = FlowParams::default();
    let relative = asked.fixed.rtol.unwrap_or(usual.tolerance.relative);
    FlowParams {
        tolerance: Tolerance { relative, absolute: 0.01 * relative },
        max_steps: asked.fixed.max_steps,
        end_time: asked.fixed.end_time.unwrap_or_else(|| usual.end_time.max(100.0 / system.slowest_rate())),
        ..usual
    }
}

fn follow(system: &System, start: &[f64], params: FlowParams, output: Output, stopped: &dyn Fn() -> bool) -> FlowEnd {
    // Where it ends is not known, and the budget is seldom spent: no share of anything is shown.
    let bar = Bar::uncounted("flow", output);
    let mut watch = |progress: Progress| {
        if progress.steps.is_multiple_of(STRIDE) {
            let Progress { steps, time, field_norm } = progress;
            bar.say(format!("step {steps}, time {time:.3e}, |v| {field_norm:.1e}"));
        }
        stopped()
    };
    match &system.map {
        Some(map) => train_linear(map, start, params, &mut watch),
        None => flow_linear(&system.field, start, params, &mut watch),
    }
}

fn options(asked: &FlowArguments, system: &System, params: FlowParams) -> Value {
    let field = &system.field;
    json!({
        "moments": asked.moments,
        "field": field.kind.name(),
        "embedding_dim": field.width,
        "weight_decay": field.decay_a,
        "weight_decay_b": field.decay_b,
        "rate_b": field.rate_b,
        "ema_rate": field.ema_rate,
        "start": start::option(&asked.fixed),
        "init_scale": asked.init_scale,
        "init_scale_b": asked.fixed.init_scale_b.unwrap_or(asked.init_scale),
        "learning_rate": asked.fixed.learning_rate,
        "momentum": system.map.as_ref().filter(|_| field.kind.has_teacher()).map(|map| map.teacher_momentum),
        "heavy_ball": system.map.as_ref().map(|map| map.heavy_ball),
        "rtol": system.map.is_none().then_some(params.tolerance.relative),
        "max_steps": params.max_steps,
        "end_time": params.end_time,
        "out": asked.out,
        "report": asked.report,
        "require": asked.require.map(|_| "decided"),
    })
}

/// The fields of docs/formats.md.
fn own(system: &System, end: &FlowEnd, ending: &Ending) -> Value {
    let field = &system.field;
    let cycle = if let Stop::Cycle(cycle) = end.stop { Some(cycle) } else { None };
    let last = end.trajectory.rows.last();
    let small = field.width * field.inputs().max(field.width) <= SMALL;
    let state = LinearState::from_flat(&end.state, field.width, field.inputs());
    json!({
        "m": field.inputs(),
        "embedding_dim": field.width,
        "stop": end.stop.name(),
        "limit": limit(end.stop),
        "time": end.time,
        "steps": end.steps,
        "rejected": end.rejected,
        "rank": last.and_then(|row| row.rank),
        "s_eigenvalues": last.map(|row| row.s_eigenvalues.clone()),
        "residual": end.field_norm,
        "relative_residual": field.relative_residual(&end.state),
        "correction": if let Stop::Steady { correction } = end.stop { Some(correction) } else { None },
        "balance_gap": last.and_then(|row| row.balance_gap),
        "balance_gap_error": ending.balance_gap_error,
        "period": cycle.map(|cycle| cycle.period),
        "period_error": cycle.map(|cycle| cycle.period_error),
        "amplitude": cycle.map(|cycle| cycle.amplitude),
        "objective": last.and_then(|row| row.joint_objective),
        "proxy_objective": last.and_then(|row| row.proxy_objective),
        "stability": ending.standing.as_ref().map(stability),
        "kappa": ending.kappa.as_ref().map(|kappa| json!({
            "value": kappa.value,
            "method": kappa.method,
            "interval": kappa.interval,
            "closed_paths": kappa.closed_paths,
            "closed_paths_interval": kappa.closed_paths_interval,
            "pairs": kappa.pairs,
        })),
        "a": small.then(|| rows(&state.a)),
        "b": small.then(|| rows(&state.b)),
        "c": state.c.as_ref().filter(|_| small).map(rows),
    })
}

fn stability(standing: &Standing) -> Value {
    let spectrum = standing.spectrum.as_ref();
    json!({
        "verdict": standing.verdict(),
        "why": standing.undecided,
        "method": standing.method,
        "unstable_dimensions": spectrum.map(|spectrum| spectrum.unstable_dimensions),
        "leading_rate": spectrum.map(|spectrum| spectrum.leading_rate).filter(|rate| rate.is_finite()),
        "orbit_dimension": spectrum.map(|spectrum| spectrum.orbit_dimension),
        "extra_zeros": spectrum.map(|spectrum| spectrum.extra_zeros),
        "tolerance": spectrum.map(|spectrum| spectrum.tolerance),
        "moved": standing.moved,
        "spectral_radius": standing.spectral_radius,
        "attracts_in_steps": standing.attracts_in_steps,
        "largest_stable_learning_rate": standing.largest_rate.filter(|rate| rate.is_finite()),
    })
}

fn limit(stop: Stop) -> Option<&'static str> {
    match stop {
        Stop::Budget(Limit::Time) => Some("time"),
        Stop::Budget(Limit::Steps) => Some("steps"),
        Stop::Budget(Limit::Caller) => Some("caller"),
        Stop::Steady { .. } | Stop::Cycle(_) | Stop::Diverged => None,
    }
}

fn rows(matrix: &faer::Mat<f64>) -> Vec<Vec<f64>> {
    (0..matrix.nrows()).map(|i| (0..matrix.ncols()).map(|j| matrix[(i, j)]).collect()).collect()
}
