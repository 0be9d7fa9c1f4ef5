//! The columns of each command, and where their cells stand in its document.

use serde_json::Value;

use super::grid::Point;
use crate::lab::sweep::{Cells, Column, ERROR, Kind, SECONDS, Swept};

/// A column, and the place of its cell in the document (RFC 6901).
type Source = (&'static str, Cells, &'static str);

const PREDICT: [Source; 10] = [
    ("rank", Cells::Whole, "/rank"),
    ("support_rank", Cells::Whole, "/support_rank"),
    ("exists", Cells::Truth, "/exists"),
    ("residual", Cells::Number, "/residual"),
    ("iterations", Cells::Whole, "/iterations"),
    ("stability", Cells::Text, "/stability"),
    ("leading_rate", Cells::Number, "/leading_rate"),
    ("critical_weight_decay", Cells::Number, "/critical_weight_decay"),
    ("surviving_signal_modes", Cells::Whole, "/surviving_signal_modes"),
    ("largest_s_eigenvalue", Cells::Number, "/s_eigenvalues/0"),
];

const FLOW: [Source; 12] = [
    ("stop", Cells::Text, "/stop"),
    ("time", Cells::Number, "/time"),
    ("steps", Cells::Whole, "/steps"),
    ("rank", Cells::Whole, "/rank"),
    ("residual", Cells::Number, "/residual"),
    ("balance_gap_error", Cells::Number, "/balance_gap_error"),
    ("period", Cells::Number, "/period"),
    ("stability", Cells::Text, "/stability/verdict"),
    ("leading_rate", Cells::Number, "/stability/leading_rate"),
    ("kappa", Cells::Number, "/kappa/value"),
    ("objective", Cells::Number, "/objective"),
    ("proxy_objective", Cells::Number, "/proxy_objective"),
];

/// After `field`; of an outcome.
const BASINS: [Source; 5] = [
    ("label", Cells::Text, "/label"),
    ("count", Cells::Whole, "/count"),
    ("fraction", Cells::Number, "/fraction"),
    ("wilson_low", Cells::Number, "/wilson95/0"),
    ("wilson_high", Cells::Number, "/wilson95/1"),
];

/// Every column of a sweep: options, what was found, error, seconds.
pub(super) fn of(kind: Kind, options: &[Swept]) -> Vec<Column> {
    let option = |option: &Swept| {
        let cells = match option {
            Swept::WeightDecay | Swept::EmaRate | Swept::InitScale => Cells::Number,
            Swept::EmbeddingDim | Swept::Seed => Cells::Whole,
        };
        Column { name: option.name(), cells }
    };
    let field = (kind == Kind::Basins).then_some(Column { name: "field", cells: Cells::Text });
    let found = sources(kind).iter().map(|(name, cells, _)| Column { name, cells: *cells });
    let last = [Column { name: ERROR, cells: Cells::Text }, Column { name: SECONDS, cells: Cells::Number }];
    options.iter().map(option).chain(field).chain(found).chain(last).collect()
}

fn sources(kind: Kind) -> &'static [Source] {
    match kind {
        Kind::Predict => &PREDICT,
        Kind::Flow => &FLOW,
        Kind::Basins => &BASINS,
    }
}

/// The rows of a point without their last two cells.
pub(super) fn rows(kind: Kind, options: &[Swept], point: &Point, document: &Value) -> Vec<Vec<String>> {
    // Without --field, the scalar experiment has a document for each.
    let parts: Vec<&Value> = match document.get("fields").and_then(Value::as_array) {
        Some(fields) => fields.iter().collect(),
        None => vec![document],
    };
    let found = |value: &Value| sources(kind).iter().map(|(_, _, at)| text(value.pointer(at))).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for part in parts {
        let mut start: Vec<String> = options.iter().map(|option| setting(*option, point, part)).collect();
        if kind == Kind::Basins {
            start.push(text(part.get("field")));
            let outcomes = part["outcomes"].as_array().into_iter().flatten();
            rows.extend(outcomes.map(|outcome| [start.clone(), found(outcome)].concat()));
        } else {
            rows.push([start, found(part)].concat());
        }
    }
    rows
}

/// The one row of a point that failed, without its last two cells.
pub(super) fn failed(kind: Kind, options: &[Swept], point: &Point) -> Vec<String> {
    let empty = of(kind, options).len() - options.len() - 2;
    let settings = options.iter().map(|option| text(Some(&point.value(*option))));
    settings.chain(std::iter::repeat_n(String::new(), empty)).collect()
}

/// The value of an option: as it was given, or as the command filled it in; none where it has no effect.
fn setting(option: Swept, point: &Point, document: &Value) -> String {
    match point.value(option) {
        _ if option == Swept::EmaRate && document.get(option.name()).is_some_and(Value::is_null) => String::new(),
        Value::Null => text(document.get(option.name())),
        value => text(Some(&value)),
    }
}

/// As JSON has it: floats read back to the same bits.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
