//! Ē over one encoder and one predictor weight, from ρ, τ, σ.

use serde_json::{Value, json};
use stopgrad_dynamics::landscape::Landscape;
use stopgrad_dynamics::landscape::path::Path;

use super::{LandscapeCommandError, Told};
use crate::args::LandscapeArguments;
use crate::lab::landscape::{View, no_minimum};
use crate::lab::page::Page;

/// Points, trajectories, pictures.
pub(super) fn tell(
    asked: &LandscapeArguments, [rho, tau, sigma]: [f64; 3], weight_decay: f64,
) -> Result<Told, LandscapeCommandError> {
    let landscape = Landscape::new(rho, tau, sigma, weight_decay)?;
    let start = asked.start.unwrap_or_else(|| View::default_start(&landscape));
    let view = View::new(landscape, start, asked.ema_rate);
    Ok(Told {
        page: Page {
            title: "Ē over one encoder and one predictor weight".into(),
            findings: view.findings(),
            tables: if asked.out.is_some() { vec![view.table()] } else { Vec::new() },
            pictures: if asked.out.is_some() { view.pictures() } else { Vec::new() },
            mathematics: "docs/theory.md, sections 1, 2 and 3.9",
        },
        options: json!({ "rho": rho, "tau": tau, "sigma": sigma, "start": start }),
        own: json!({
            "points": view.points(),
            "no_b": no_minimum(),
            "critical_weight_decay": landscape.critical_weight_decay(),
            "paths": paths(&view),
        }),
    })
}

/// Where each trajectory ended.
fn paths(view: &View) -> Vec<Value> {
    let entry = |path: &Path| {
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
