//! The equilibrium in numbers, the modes, the decades.

use stopgrad_dynamics::partial::{Attraction, RateMethod};
use stopgrad_dynamics::survival::{Decade, ModeSurvival, SurvivalMethod};

use super::{View, power, threshold};
use crate::lab::page::{Column, Table};
use crate::markup::{concise, number, significant};

/// What stands in each column of [`View::rows`].
pub const HEADER: [&str; 5] = ["mode", "dies at λ", "how", "noise sigmas", "survives"];

impl View<'_> {
    /// The modes, the last to die first; as many as there is room for.
    pub fn rows(&self, limit: usize) -> Vec<Vec<String>> {
        let row = |mode: &ModeSurvival| {
            vec![
                mode.mode.to_string(),
                if mode.critical_weight_decay > 0.0 {
                    number(mode.critical_weight_decay)
                } else {
                    "never lives".into()
                },
                if mode.method == SurvivalMethod::Exact { "exact".into() } else { "rule".into() },
                mode.noise_sigma.map_or_else(|| "—".into(), |sigma| format!("{sigma:.1}")),
                if mode.alive { "yes".into() } else { "no".into() },
            ]
        };
        self.prediction.survival.modes.iter().take(limit).map(row).collect()
    }

    /// The equilibrium in numbers, the modes, the decades.
    pub fn tables(&self) -> Vec<Table> {
        let column = |name: &&str| {
            if matches!(*name, "how" | "survives") { Column::text(name) } else { Column::number(name) }
        };
        let modes = Table {
            title: "Modes".into(),
            note: format!(
                "Mode k, counted from 0 with the last to die first, lives up to the largest λ with an attracting equilibrium of \
                 rank k + 1 or more. Exact: that equilibrium was followed to its end. Rule: τ²/4ρ, which holds for a mode \
                 alone and is a guess for others: the rank found at λ says more, and modes up to it count as living. A mode survives if \
                 it lives at λ and stands more than {} standard deviations above the noise.",
                number(threshold())
            ),
            columns: HEADER.iter().map(column).collect(),
            rows: self.rows(usize::MAX),
        };
        [Some(self.numbers()), Some(modes), self.decade_table()].into_iter().flatten().collect()
    }

    fn numbers(&self) -> Table {
        let found = self.prediction;
        let rate = |rate: Option<f64>| rate.map_or_else(|| "not computed".into(), number);
        let rows: Vec<[String; 2]> = vec![
            ["weight decay λ".into(), concise(self.weight_decay)],
            ["dimensions of the views".into(), found.size.to_string()],
            ["of which they fill".into(), found.support_rank.to_string()],
            ["dimensions of the embedding".into(), found.embedding_dim.to_string()],
            ["rank".into(), found.rank.to_string()],
            ["stability".into(), stability(found.rate.attraction).into()],
            ["decided by".into(), method(found.rate.method).into()],
            ["slowest rate".into(), rate(found.rate.leading_rate)],
            ["relative residual".into(), number(found.residual)],
            ["iterations".into(), found.iterations.to_string()],
            ["λ_crit of full rank".into(), significant(found.critical_weight_decay.value(), 7)],
            ["surviving modes above the noise".into(), found.surviving_signal_modes().to_string()],
        ];
        Table {
            title: "The equilibrium".into(),
            note: String::new(),
            columns: vec![Column::text("where training is to end"), Column::number("value")],
            rows: rows.into_iter().map(Vec::from).collect(),
        }
    }

    fn decade_table(&self) -> Option<Table> {
        let advice = &self.prediction.survival.recommendation;
        let row = |decade: &Decade| {
            let above = if advice.noise_known { decade.above_noise.to_string() } else { "—".into() };
            vec![power(decade.from), power(decade.to), decade.dimensions.to_string(), above]
        };
        (!advice.decades.is_empty()).then(|| Table {
            title: "What each decade of weight decay kills".into(),
            note: "Decades that kill nothing are left out.".into(),
            columns: ["λ from", "to", "dimensions", "of them above the noise"].map(Column::number).into(),
            rows: advice.decades.iter().map(row).collect(),
        })
    }
}

fn stability(attraction: Attraction) -> &'static str {
    match attraction {
        Attraction::Attracting => "attracting",
        Attraction::Saddle => "saddle",
        Attraction::Degenerate => "degenerate",
        Attraction::Undecided => "undecided",
    }
}

fn method(method: RateMethod) -> &'static str {
    match method {
        RateMethod::Dense => "dense spectrum",
        RateMethod::Krylov { .. } => "Krylov space",
        RateMethod::Theory => "docs/theory.md, 4.2",
    }
}
