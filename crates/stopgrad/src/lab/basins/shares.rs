//! Trials of one setting, counted: as a document, as lines of a table, as bars.

use serde_json::{Value, json};
use stopgrad_dynamics::Field;
use stopgrad_dynamics::basins::Basin;
use stopgrad_dynamics::statistics::{Interval, wilson95};

use crate::markup::concise;
use crate::plot::csv::{table, value};
use crate::plot::{Bar, OutcomeGroup, field_slot};

/// Trials of one setting, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// The field.
    pub field: Field,
    /// Starts.
    pub trials: u64,
    /// n.
    pub embedding_dim: usize,
    /// Of the distribution of starts.
    pub init_scale: f64,
    /// γ (EMA only).
    pub ema_rate: f64,
    /// Most frequent first.
    pub outcomes: Vec<Basin>,
    /// Of the published experiment.
    pub scalar: bool,
}

/// The published share, where there is one.
pub(super) fn published(field: Field, label: &str) -> Option<f64> {
    match (field, label) {
        (Field::StopGradient, "outer") => Some(0.820),
        (Field::StopGradient, "origin") => Some(0.180),
        (Field::Ema, "outer") => Some(0.928),
        (Field::Ema, "origin") => Some(0.072),
        (Field::StopGradient | Field::Ema, "inner") => Some(0.0),
        _ => None,
    }
}

impl Shares {
    /// Starts that ended so.
    pub fn count(&self, label: &str) -> u64 {
        self.outcomes.iter().find(|basin| basin.label == label).map_or(0, |basin| basin.count)
    }

    pub(super) fn share(&self, label: &str) -> Interval {
        wilson95(self.count(label), self.trials)
    }

    pub(super) fn published(&self, label: &str) -> Option<f64> {
        published(self.field, label).filter(|_| self.scalar)
    }

    /// The fields of docs/formats.md.
    pub fn document(&self) -> Value {
        let outcome = |basin: &Basin| {
            let mut entry = json!({
                "label": basin.label,
                "count": basin.count,
                "fraction": basin.fraction.estimate,
                "wilson95": [basin.fraction.low, basin.fraction.high],
            });
            if self.scalar {
                entry["published"] = json!(self.published(&basin.label));
            }
            entry
        };
        json!({
            "field": self.field.name(),
            "trials": self.trials,
            "embedding_dim": self.embedding_dim,
            "init_scale": self.init_scale,
            "ema_rate": self.field.has_teacher().then_some(self.ema_rate),
            "outcomes": self.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        })
    }

    /// Ranks in their order with those between that nothing came to, then the rest.
    pub(super) fn in_order(&self) -> Vec<Basin> {
        let rank = |basin: &Basin| basin.label.strip_prefix("rank-").and_then(|rank| rank.parse::<usize>().ok());
        let ranks: Vec<usize> = self.outcomes.iter().filter_map(rank).collect();
        let (Some(least), Some(most)) = (ranks.iter().min(), ranks.iter().max()) else { return self.outcomes.clone() };
        let all = (*least..=*most).map(|rank| {
            let label = format!("rank-{rank}");
            let count = self.count(&label);
            Basin { label, count, fraction: wilson95(count, self.trials) }
        });
        all.chain(self.outcomes.iter().filter(|basin| rank(basin).is_none()).cloned()).collect()
    }

    pub(super) fn group(&self) -> OutcomeGroup {
        let bar = |basin: &Basin| Bar {
            label: basin.label.clone(),
            count: basin.count as usize,
            interval: [basin.fraction.low, basin.fraction.high],
            published: self.published(&basin.label),
        };
        OutcomeGroup {
            name: self.field.name().into(),
            slot: field_slot(self.field),
            trials: self.trials as usize,
            bars: self.in_order().iter().map(bar).collect(),
        }
    }

    /// sg, or ema with its rate.
    pub(super) fn name(&self) -> String {
        if self.field.has_teacher() { format!("ema γ = {}", concise(self.ema_rate)) } else { self.field.name().into() }
    }
}

/// A line an outcome of each setting: floats read back to the same bits.
pub fn csv(shares: &[Shares]) -> String {
    let header = [
        "field",
        "embedding_dim",
        "init_scale",
        "ema_rate",
        "trials",
        "outcome",
        "count",
        "fraction",
        "wilson_low",
        "wilson_high",
        "published",
    ];
    let rows = shares.iter().flat_map(|shares| {
        shares.outcomes.iter().map(|basin| {
            let rate = if shares.field.has_teacher() { shares.ema_rate } else { f64::NAN };
            vec![
                shares.field.name().to_owned(),
                shares.embedding_dim.to_string(),
                value(shares.init_scale),
                value(rate),
                shares.trials.to_string(),
                basin.label.clone(),
                basin.count.to_string(),
                value(basin.fraction.estimate),
                value(basin.fraction.low),
                value(basin.fraction.high),
                value(shares.published(&basin.label).unwrap_or(f64::NAN)),
            ]
        })
    });
    table(&header, rows)
}
