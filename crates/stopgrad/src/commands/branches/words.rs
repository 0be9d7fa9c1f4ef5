//! What `branches` says: for programs the fields of docs/formats.md, for people its findings and the first rows of its tables.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_dynamics::branches::{BranchEnd, BranchPoint, Diagram, Event};
use stopgrad_dynamics::cycles::{CycleEnd, FoundCycles, LimitCycle};

use super::{Problem, along_name};
use crate::args::{Along, BranchesArguments, Detached};
use crate::lab::branches::{EVENTS, HEADER, View};
use crate::table::aligned;

/// Rows of a table for people; programs get all.
const SHOWN: usize = 20;

/// What was asked, with every default.
pub(super) fn options(asked: &BranchesArguments, problem: &Problem<'_>) -> Value {
    let teacher = asked.field == Detached::Ema;
    json!({
        "moments": asked.moments,
        "from": asked.from,
        "to": asked.to,
        "along": along_name(asked.along),
        "weight_decay": asked.weight_decay,
        "other": asked.other,
        "field": problem.field().name(),
        "ema_rate": (teacher && asked.along != Along::EmaRate).then_some(asked.ema_rate),
        "momentum": asked.momentum,
        "embedding_dim": problem.embedding_dim,
        "seeds": asked.seeds,
        "checks": asked.checks,
        "cycles": asked.cycles,
        "time_limit_seconds": asked.time_limit.map(|limit| limit.as_secs_f64()),
        "report": asked.report,
        "require": asked.require.map(|_| "complete"),
    })
}

/// The fields of docs/formats.md; what is varied has its own key in points, ends and events.
pub(super) fn own(problem: &Problem<'_>, diagram: &Diagram) -> Value {
    let key = problem.asked.along.key();
    let finite = |value: f64| value.is_finite().then_some(value);
    let point = |point: &BranchPoint| {
        json!({
            key: point.parameter,
            "s_norm": point.s_norm,
            "stability": point.stability,
            "unstable_dimensions": point.unstable_dimensions,
            "leading_rate": finite(point.leading_rate),
        })
    };
    let end = |end: &BranchEnd| json!({ "kind": end.kind.name(), key: end.parameter, "event": end.event });
    let event = |event: &Event| {
        json!({
            "kind": event.kind.name(),
            key: event.parameter,
            "uncertainty": finite(event.uncertainty),
            "rank": event.rank,
            "branches": event.branches,
            "frequency": event.frequency,
            "s": rows(&event.s),
        })
    };
    let check = |check: &stopgrad_dynamics::branches::Check| {
        json!({
            key: check.parameter,
            "found": check.found,
            "on_branches": check.expected,
            "matched": check.matched,
            "distance": check.distance,
            "complete": check.complete,
            "agrees": check.agrees(),
        })
    };
    json!({
        "m": problem.moments.size(),
        "support_rank": problem.family.size(),
        "embedding_dim": problem.embedding_dim,
        "along": key,
        "established": diagram.is_established(),
        "branches": diagram.branches.iter().map(|branch| json!({
            "id": branch.id,
            "curve": branch.curve,
            "rank": branch.rank,
            "born": end(&branch.born),
            "dies": end(&branch.dies),
            "points": branch.points.iter().map(point).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "events": diagram.events.iter().map(event).collect::<Vec<_>>(),
        "checks": diagram.checks.iter().map(check).collect::<Vec<_>>(),
        "not_followed": diagram.not_followed.iter().map(|(at, rank)| json!({ key: at, "rank": rank })).collect::<Vec<_>>(),
        "steps": diagram.steps,
    })
}

pub(super) fn cycle_json(found: &FoundCycles) -> Value {
    let point = |cycle: &LimitCycle| {
        json!({
            "weight_decay": cycle.weight_decay,
            "period": cycle.period,
            "s_norm": cycle.s_norm,
            "amplitude": cycle.amplitude,
            "stability": if cycle.attracts { "attracting" } else if cycle.unstable_dimensions > 0 { "saddle" } else { "degenerate" },
            "unstable_dimensions": cycle.unstable_dimensions,
            "multipliers": cycle.multipliers,
            "residual": cycle.residual,
        })
    };
    json!({
        "rank": found.width,
        "event": found.event,
        "ends": found.branch.ends.map(CycleEnd::name),
        "points": found.branch.cycles.iter().map(point).collect::<Vec<_>>(),
    })
}

fn rows(matrix: &faer::Mat<f64>) -> Vec<Vec<f64>> {
    (0..matrix.nrows()).map(|i| (0..matrix.ncols()).map(|j| matrix[(i, j)]).collect()).collect()
}

pub(super) fn describe(view: &View<'_>) -> String {
    let mut text = String::new();
    for finding in view.findings() {
        _ = writeln!(text, "{finding}");
    }
    for (header, rows, all) in [
        (&EVENTS[..], view.event_rows(SHOWN), view.diagram.events.len()),
        (&HEADER[..], view.branch_rows(SHOWN), view.diagram.branches.len()),
    ] {
        if !rows.is_empty() {
            text.push('\n');
            text.push_str(&aligned(header, &rows));
        }
        if all > SHOWN {
            _ = writeln!(text, "… and {} more", all - SHOWN);
        }
    }
    text
}
