//! `stopgrad landscape`: Ē over the plane of one encoder and one predictor weight.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_dynamics::landscape::Landscape;

use crate::CommandError;
use crate::args::LandscapeArguments;
use crate::lab::landscape::{View, no_minimum};
use crate::lab::page::{self, Page};
use crate::outcome::{Outcome, Status, command_line, document};

/// Compute the points and trajectories, draw them if asked to, tell what is true.
pub(super) fn run(asked: &LandscapeArguments) -> Result<Outcome, CommandError> {
    if let Some(folder) = &asked.out {
        page::check(folder)?;
    }
    let landscape = Landscape::new(asked.rho, asked.tau, asked.sigma, asked.weight_decay)?;
    let start = asked.start.unwrap_or_else(|| View::default_start(&landscape));
    let view = View::new(landscape, start, asked.ema_rate);
    let options = json!({
        "rho": asked.rho,
        "tau": asked.tau,
        "sigma": asked.sigma,
        "weight_decay": asked.weight_decay,
        "start": start,
        "ema_rate": asked.ema_rate,
        "out": asked.out,
    });
    let figure = asked.out.as_ref().map(|folder| folder.join("figures").join("landscape.svg"));
    let own = json!({
        "points": view.points(),
        "no_b": no_minimum(),
        "critical_weight_decay": landscape.critical_weight_decay(),
        "paths": paths(&view),
        "figure": figure,
        "report": asked.out.as_ref().map(|folder| folder.join("report.html")),
    });
    let document = document("landscape", 0, &options, &[], own);
    let findings = view.findings();
    let mut text = String::new();
    for finding in &findings {
        _ = writeln!(text, "{finding}");
    }
    if let Some(folder) = &asked.out {
        let page = Page {
            title: "Ē over one encoder and one predictor weight".into(),
            command_line: command_line(),
            findings,
            tables: vec![view.table()],
            pictures: view.pictures(),
            facts: vec![("Mathematics".into(), "docs/theory.md, sections 1, 2 and 3.9".into())],
            document: document.clone(),
        };
        page::write(folder, &page)?;
        _ = writeln!(text, "report: {}", folder.join("report.html").display());
    }
    Ok(Outcome { text, document, status: Status::Done })
}

/// Where each trajectory ended.
fn paths(view: &View) -> Vec<Value> {
    let entry = |path: &stopgrad_dynamics::landscape::path::Path| {
        let [a, b, c] = path.states[path.states.len() - 1];
        json!({
            "field": path.field.name(),
            "end": { "a": a, "b": b, "c": c },
            "objective": view.landscape.objective(a, b),
            "time": path.times[path.times.len() - 1],
            "steps": path.steps,
            "settled": path.settled,
        })
    };
    view.paths.iter().map(entry).collect()
}
