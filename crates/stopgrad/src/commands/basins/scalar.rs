//! `stopgrad basins --scalar`: the published experiment, and how it depends on what was not published.

use serde_json::json;
use stopgrad_dynamics::basins::Basin;
use stopgrad_dynamics::scalar::{ScalarOutcome, ScalarParams, run_scalar};
use stopgrad_dynamics::statistics::wilson95;
use stopgrad_dynamics::{Field, LinearFieldError};

use super::{BasinsCommandError, Found, TRIALS, announce, tolerance, unresolved};
use crate::args::BasinsArguments;
use crate::bar::Bar;
use crate::lab::basins::{Shares, View};
use crate::output::Output;

/// The published number of trials.
const PUBLISHED_TRIALS: u32 = 10_000;
/// The grid of `--table`.
const SCALES: [f64; 5] = [0.2, 0.5, 0.7, 1.0, 2.0];
const WIDTHS: [usize; 3] = [1, 2, 4];
const RATES: [f64; 3] = [0.01, 0.1, 1.0];
/// Steps of a trial there: trials of tiny ρ are stiff and would take most of the time.
const TABLE_STEPS: u64 = 30_000;

/// One setting, one field or all three.
pub(super) fn experiment(asked: &BasinsArguments, output: Output) -> Result<Found, BasinsCommandError> {
    let kinds = asked.fixed.field.map_or_else(|| Field::ALL.to_vec(), |field| vec![field]);
    let width = asked.embedding_dim.unwrap_or(4) as usize;
    let scale = asked.init_scale.unwrap_or(1.0);
    let rate = asked.ema_rate.unwrap_or(1.0);
    check(width, rate)?;
    let trials = asked.fixed.trials.unwrap_or(PUBLISHED_TRIALS) as usize;
    let (mut shares, mut entries) = (Vec::new(), Vec::new());
    let mut steps = 0;
    for kind in kinds {
        announce(output, trials, kind);
        let params = params(asked, Setting { kind, trials, width, scale, rate });
        steps = params.ensemble.max_steps;
        let (basins, outcomes) = run_scalar(&params);
        let found = counted(&params, scale, basins);
        let mut entry = found.document();
        entry["unresolved_trials"] = unresolved(outcomes.iter().map(|end| *end == ScalarOutcome::Unresolved));
        entries.push(entry);
        shares.push(found);
    }
    let options = json!({
        "field": asked.fixed.field.map(Field::name),
        "embedding_dim": width,
        "trials": trials,
        "init_scale": scale,
        "ema_rate": rate,
        "max_steps": steps,
    });
    let own = if let [entry] = &mut entries[..] {
        entry.take()
    } else {
        json!({ "trials": trials, "embedding_dim": width, "init_scale": scale, "fields": entries })
    };
    let view = View { shares, most: None, start: asked.fixed.start.name(), grid: false };
    Ok(Found { view, inputs: Vec::new(), options, own })
}

/// Stop-gradient and EMA over the grid.
pub(super) fn table(asked: &BasinsArguments, output: Output) -> Found {
    let trials = asked.fixed.trials.unwrap_or(TRIALS) as usize;
    let mut settings = Vec::new();
    for width in WIDTHS {
        for scale in SCALES {
            let setting = |kind, rate| Setting { kind, trials, width, scale, rate };
            settings.push(setting(Field::StopGradient, 1.0));
            settings.extend(RATES.map(|rate| setting(Field::Ema, rate)));
        }
    }
    output.note(&format!("{} settings of {trials} trials each …", settings.len()));
    let bar = Bar::new("settings", settings.len() as u64, output);
    let mut shares = Vec::new();
    for setting in settings {
        let params = params(asked, setting);
        shares.push(counted(&params, setting.scale, run_scalar(&params).0));
        bar.advance(1);
    }
    let options = json!({
        "trials": trials,
        "init_scale": SCALES,
        "embedding_dim": WIDTHS,
        "ema_rate": RATES,
        "max_steps": asked.fixed.max_steps.unwrap_or(TABLE_STEPS),
    });
    let own = json!({ "trials": trials, "table": shares.iter().map(Shares::document).collect::<Vec<_>>() });
    let view = View { shares, most: None, start: asked.fixed.start.name(), grid: true };
    Found { view, inputs: Vec::new(), options, own }
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    kind: Field,
    trials: usize,
    width: usize,
    scale: f64,
    rate: f64,
}

fn check(width: usize, rate: f64) -> Result<(), BasinsCommandError> {
    if width == 0 {
        return Err(LinearFieldError::Width.into());
    }
    // States of this experiment are n + n² (+ n) numbers in eight lanes.
    if width > 100 {
        return Err(BasinsCommandError::TooLarge { size: width * (width + 1), width, inputs: 1 });
    }
    if rate > 0.0 { Ok(()) } else { Err(LinearFieldError::NotPositive { name: "ema rate", value: rate }.into()) }
}

fn params(asked: &BasinsArguments, Setting { kind, trials, width, scale, rate }: Setting) -> ScalarParams {
    let mut params = ScalarParams {
        trials,
        embedding_dim: width,
        start: asked.fixed.start.scaled(scale),
        ema_rate: rate,
        seed: asked.seed,
        ..ScalarParams::new(kind)
    };
    let usual = if asked.table { TABLE_STEPS } else { params.ensemble.max_steps };
    params.ensemble.max_steps = asked.fixed.max_steps.unwrap_or(usual);
    params.ensemble.tolerance = tolerance(asked);
    if kind.has_teacher() && !asked.table {
        // A slow teacher makes a trial long: 60 of its times.
        params.ensemble.end_time = params.ensemble.end_time.max(60.0 / rate);
    }
    params
}

/// The shares with those that are 0: that nothing ends on the inner sphere is a finding.
fn counted(params: &ScalarParams, scale: f64, mut outcomes: Vec<Basin>) -> Shares {
    let trials = params.trials as u64;
    for outcome in [ScalarOutcome::Outer, ScalarOutcome::Origin, ScalarOutcome::Inner] {
        let label = outcome.label();
        if outcomes.iter().all(|basin| basin.label != label) {
            outcomes.push(Basin { label: label.into(), count: 0, fraction: wilson95(0, trials) });
        }
    }
    Shares {
        field: params.kind,
        trials,
        embedding_dim: params.embedding_dim,
        init_scale: scale,
        ema_rate: params.ema_rate,
        outcomes,
        scalar: true,
    }
}
