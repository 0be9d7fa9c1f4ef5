//! Pictures of a sweep: what was found against the first option that varies, a line for each setting of the others.

use std::fmt::Write;

use super::{Kind, Swept, View};
use crate::markup::concise;
use crate::plot::{Axis, Line, LineChart, Picture};

/// Settings that one picture shows, and pictures of basins on a page: more cannot be told apart.
const SETTINGS: usize = 8;

/// A setting of the options that are not along the x axis.
struct Setting<'a> {
    name: String,
    rows: Vec<&'a Vec<String>>,
}

impl View {
    pub(super) fn pictures(&self) -> Vec<Picture> {
        match self.kind {
            Kind::Predict => vec![
                self.quantity("rank", "Rank", Axis::linear("rank"), |rank| rank),
                self.quantity("largest_s_eigenvalue", "Largest eigenvalue of S", Axis::linear("eigenvalue"), |value| {
                    value
                }),
                self.quantity("leading_rate", "Slowest rate of return", Axis::log("−rate"), |rate| -rate),
            ],
            Kind::Flow => {
                let rank = self.quantity("rank", "Rank", Axis::linear("rank"), |rank| rank);
                // One reason everywhere is told in a sentence.
                let several = self.counts("stop").len() > 1;
                std::iter::once(rank).chain(several.then(|| self.stops())).collect()
            }
            Kind::Basins => self.outcomes(),
        }
    }

    fn axis(&self) -> Axis<'static> {
        let option = self.along();
        match option {
            Swept::WeightDecay | Swept::EmaRate | Swept::InitScale => Axis::log(option.word()),
            Swept::EmbeddingDim | Swept::Seed => Axis::linear(option.word()),
        }
    }

    /// Rows by the options that vary besides the one along x; seeds are taken together.
    fn settings(&self) -> Vec<Setting<'_>> {
        let along = self.along();
        let others: Vec<Swept> =
            self.varied.iter().copied().filter(|option| *option != along && *option != Swept::Seed).collect();
        let mut settings: Vec<Setting> = Vec::new();
        for row in self.table.sound() {
            let value =
                |option: &Swept| format!("{} = {}", short(*option), concise(self.table.number(row, option.name())));
            let name = others.iter().map(value).collect::<Vec<_>>().join(", ");
            match settings.iter_mut().find(|setting| setting.name == name) {
                Some(setting) => setting.rows.push(row),
                None => settings.push(Setting { name, rows: vec![row] }),
            }
        }
        settings
    }

    /// Points (x, y of the rows there), by rising x.
    fn points(&self, rows: &[&Vec<String>], y: impl Fn(&[&Vec<String>]) -> f64) -> Vec<[f64; 2]> {
        let along = self.along().name();
        let x = |row: &Vec<String>| self.table.number(row, along);
        let mut placed: Vec<(f64, &Vec<String>)> = rows.iter().map(|row| (x(row), *row)).collect();
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let groups = placed.chunk_by(|a, b| a.0.to_bits() == b.0.to_bits());
        groups.map(|group| [group[0].0, y(&group.iter().map(|(_, row)| *row).collect::<Vec<_>>())]).collect()
    }

    /// A number of each row, as a mean over seeds.
    fn quantity(&self, column: &'static str, title: &str, y: Axis, shown: fn(f64) -> f64) -> Picture {
        let settings = self.settings();
        let mean = |rows: &[&Vec<String>]| {
            let values = rows.iter().map(|row| self.value(row, column)).filter(|value| value.is_finite());
            let values: Vec<f64> = values.collect();
            shown(values.iter().sum::<f64>() / values.len() as f64)
        };
        let lines = settings.iter().take(SETTINGS).enumerate();
        let lines = lines.map(|(slot, setting)| Line::new(&setting.name, slot, self.points(&setting.rows, mean)));
        let chart = LineChart::new(self.axis(), y, [self.along().name(), column], lines.collect());
        let mut caption = match column {
            "leading_rate" => {
                "How fast the slowest disturbance dies out beside the equilibrium of that rank.".to_owned()
            }
            "largest_s_eigenvalue" => "Of S = AᵀA at the equilibrium of that rank.".to_owned(),
            _ if self.kind == Kind::Predict => {
                "The largest rank with an attracting equilibrium that was found.".to_owned()
            }
            _ => "Of A where the flow ended.".to_owned(),
        };
        if self.averages() {
            caption += " Means over the seeds.";
        }
        if settings.len() > SETTINGS {
            _ = write!(caption, " The first {SETTINGS} settings of {}.", settings.len());
        }
        Picture::of(&column.replace('_', "-"), title, &caption, &chart)
    }

    /// A number of a row; where the rank is 0, S is 0 and has no eigenvalue listed.
    fn value(&self, row: &[String], column: &str) -> f64 {
        let collapsed = column == "largest_s_eigenvalue" && self.table.cell(row, "rank") == "0";
        if collapsed { 0.0 } else { self.table.number(row, column) }
    }

    fn averages(&self) -> bool {
        self.varied.contains(&Swept::Seed) && self.along() != Swept::Seed
    }

    /// Shares of the reasons to stop, over all other options.
    fn stops(&self) -> Picture {
        let rows: Vec<&Vec<String>> = self.table.sound().collect();
        let lines = self.counts("stop").into_iter().enumerate().map(|(slot, (stop, _))| {
            let share = |rows: &[&Vec<String>]| {
                rows.iter().filter(|row| self.table.cell(row, "stop") == stop).count() as f64 / rows.len() as f64
            };
            Line::new(stop, slot, self.points(&rows, share))
        });
        let chart = LineChart::new(
            self.axis(),
            Axis::percent("flows that ended so"),
            [self.along().name(), "share"],
            lines.collect(),
        );
        let all = if self.varied.len() > 1 { " All other options taken together." } else { "" };
        Picture::of("stop", "Why flows stopped", &format!("Shares of the reasons to stop.{all}"), &chart)
    }

    /// A picture for each field and setting: shares of the outcomes.
    fn outcomes(&self) -> Vec<Picture> {
        let fields: Vec<&str> = self.counts("field").into_iter().map(|(field, _)| field).collect();
        let settings = self.settings();
        let mut pictures = Vec::new();
        for field in &fields {
            for setting in &settings {
                // Under a field without a teacher nothing changes along γ.
                let rows = || setting.rows.iter().filter(|row| self.table.cell(row, "field") == *field);
                let placed = rows().any(|row| self.table.number(row, self.along().name()).is_finite());
                if placed && pictures.len() < SETTINGS {
                    pictures.push(self.shares_picture(field, setting, pictures.len() + 1));
                }
            }
        }
        pictures
    }

    fn shares_picture(&self, field: &str, setting: &Setting, number: usize) -> Picture {
        let rows: Vec<&Vec<String>> =
            setting.rows.iter().filter(|row| self.table.cell(row, "field") == field).copied().collect();
        // Slots by label over the whole table, so that a label has one color in every picture.
        let labels = self.counts("label");
        let here = |label: &str| {
            let mut rows = self.table.sound().filter(|row| self.table.cell(row, "field") == field);
            rows.any(|row| self.table.cell(row, "label") == label)
        };
        let lines = labels.iter().enumerate().filter(|(_, (label, _))| here(label)).map(|(slot, (label, _))| {
            let share = |rows: &[&Vec<String>]| {
                let count = |wanted: &dyn Fn(&str) -> bool| -> f64 {
                    let here = rows.iter().filter(|row| wanted(self.table.cell(row, "label")));
                    here.map(|row| self.table.number(row, "count")).fold(0.0, |sum, count| sum + count)
                };
                count(&|here| here == *label) / count(&|_| true)
            };
            Line::new(label, slot, self.points(&rows, share))
        });
        let chart = LineChart::new(
            self.axis(),
            Axis::percent("starts that ended so"),
            [self.along().name(), "fraction"],
            lines.collect(),
        );
        let title = [field, &setting.name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let seeds = if self.averages() { " Seeds are counted together." } else { "" };
        let caption = format!("Shares of starts by outcome; intervals are in the table.{seeds}");
        Picture::of(&format!("outcomes-{number}"), &title, &caption, &chart)
    }
}

/// Of an option, beside a value.
fn short(option: Swept) -> &'static str {
    if option == Swept::InitScale { "scale" } else { option.word() }
}
