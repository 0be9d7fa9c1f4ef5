//! What is said of a diagnosis.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::Judged;
use crate::table::aligned;

impl Judged {
    pub(super) fn places(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.finding.beside.get("where").and_then(Value::as_object).into_iter().flatten()
    }

    /// Whether any place has collapsed.
    pub(super) fn collapsed(&self) -> bool {
        self.places().any(|(_, place)| is_collapsed(place))
    }

    /// One line of the trend.
    pub(super) fn step(&self, file: &Path) -> Value {
        let evidence = self.places().find(|(place, _)| *place == "encoder").map(|(_, place)| &place["evidence"]);
        let of = |key: &str| evidence.map_or(Value::Null, |evidence| evidence[key].clone());
        json!({
            "file": file,
            "answer": self.finding.answer,
            "alive": of("alive"),
            "effective_rank": of("effective_rank"),
            "effective_rank_error": of("effective_rank_error"),
            "std": of("std"),
            "norm": of("norm"),
            "variance": of("variance"),
            "shared_share": self.views.map(|views| views.shared_share),
        })
    }

    pub(super) fn describe(&self, trend: &[Value]) -> String {
        let mut text = format!("collapses: {}\n{}\n", self.finding.answer, self.finding.why);
        let header = ["place", "kind", "samples", "alive", "effective rank", "std", "1/√d", "variance"];
        let rows: Vec<Vec<String>> = self.places().map(|(name, place)| row(name, place)).collect();
        _ = write!(text, "\n{}", aligned(&header, &rows));
        let space = self.finding.evidence.get("space").and_then(Value::as_str).unwrap_or_default();
        for (name, place) in self.places().filter(|(name, place)| *name != space && is_collapsed(place)) {
            _ = write!(text, "\nthe {name} has collapsed: {}\n", place["kind"].as_str().unwrap_or_default());
        }
        if let Some(views) = &self.views {
            let (share, error) = (100.0 * views.shared_share, 200.0 * views.shared_share_error);
            _ = write!(text, "\nthe two views share {share:.1} % ± {error:.1} of their variance\n");
        }
        for (role, gone) in &self.left_out {
            _ = writeln!(text, "{role}: {} samples left out, not all their numbers are finite", gone["count"]);
        }
        if trend.len() > 1 {
            let rows: Vec<Vec<String>> = trend
                .iter()
                .map(|step| {
                    let file = step["file"].as_str().unwrap_or_default().to_owned();
                    let answer = step["answer"].as_str().unwrap_or_default().to_owned();
                    vec![file, answer, step["alive"].to_string(), short(&step["effective_rank"]), short(&step["norm"])]
                })
                .collect();
            _ = write!(text, "\n{}", aligned(&["checkpoint", "collapses", "alive", "effective rank", "norm"], &rows));
        }
        text
    }
}

fn is_collapsed(place: &Value) -> bool {
    !matches!(place["kind"].as_str(), Some("no" | "undecided"))
}

fn row(name: &str, place: &Value) -> Vec<String> {
    let evidence = &place["evidence"];
    let dimensions = evidence["dimensions"].as_f64().unwrap_or(1.0);
    let rank = match evidence["effective_rank_error"].as_f64() {
        Some(error) => format!("{} ± {:.2}", short(&evidence["effective_rank"]), 2.0 * error),
        None => short(&evidence["effective_rank"]),
    };
    vec![
        name.to_owned(),
        place["kind"].as_str().unwrap_or_default().to_owned(),
        evidence["samples"].to_string(),
        format!("{} of {dimensions}", evidence["alive"]),
        rank,
        short(&evidence["std"]),
        format!("{:.3}", 1.0 / dimensions.sqrt()),
        short(&evidence["variance"]),
    ]
}

/// Three digits.
fn short(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".into(), stopgrad_dynamics::finding::number)
}
