//! Answers with their evidence, and how numbers are written in a sentence.

use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The answer, in the words of docs/formats.md (`"yes"`, `"no"`, `"locally"`, `"undecided"`, `"not run"`, …).
    pub answer: String,
    /// One sentence a tired user understands: what was seen, and, if undecided, what would decide it.
    pub why: String,
    /// The numbers behind it, thresholds beside them.
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// What stands beside `answer` and not within `evidence`: of a collapse, `where`, `scale` and `only`.
    #[serde(flatten)]
    pub beside: serde_json::Map<String, serde_json::Value>,
}

/// Keys that belong beside the answer (docs/formats.md).
const BESIDE: [&str; 3] = ["where", "scale", "only"];

impl Finding {
    /// An answer with its sentence; `evidence` is any struct or map (numbers that are not finite become null).
    ///
    /// # Panics      when `evidence` is not a struct or a map: a bug of the caller
    pub fn new(answer: &str, why: String, evidence: &impl Serialize) -> Self {
        let value = serde_json::to_value(evidence).expect("evidence is plain data");
        let serde_json::Value::Object(mut evidence) = value else { panic!("evidence is a struct or a map") };
        let beside = BESIDE.iter().filter_map(|&key| Some((key.to_owned(), evidence.remove(key)?))).collect();
        Self { answer: answer.into(), why, evidence, beside }
    }

    /// A question that a diverged run leaves open.
    pub fn after_divergence(step: u64, quantity: &str) -> Self {
        let why = format!("The run diverged at step {step} ({quantity}); a run with a smaller rate would decide.");
        Self::new("undecided", why, &serde_json::json!({ "diverged_at": step, "quantity": quantity }))
    }

    /// The answer to a question that was not asked of this run, with its cost in words.
    ///
    /// # Example
    /// `Finding::not_run("whether the field is a gradient field", "about 300 gradient evaluations")`
    pub fn not_run(question: &str, cost: &str) -> Self {
        Self {
            answer: "not run".into(),
            why: format!("It was not measured {question}; it would cost {cost}."),
            evidence: serde_json::Map::from_iter([("cost".to_owned(), cost.into())]),
            beside: serde_json::Map::new(),
        }
    }

    /// Whether the answer leaves the question open.
    pub fn is_open(&self) -> bool {
        matches!(self.answer.as_str(), "undecided" | "not run")
    }
}

/// A share as a percentage, for a sentence.
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value.abs() >= 10.0 || value == 0.0 {
        format!("{value:.0} %")
    } else if value.abs() >= 0.01 {
        format!("{value:.2} %")
    } else {
        format!("{value:.1e} %")
    }
}

/// A number with three digits, for a sentence.
pub fn number(value: f64) -> String {
    if value.abs() < 1e-12 {
        "0".into()
    } else if (1e-2..1e4).contains(&value.abs()) {
        let digits = (2 - value.abs().log10().floor() as i32).max(0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_not_asked_says_what_it_would_cost() {
        let finding = Finding::not_run("whether the field is a gradient field", "a few hundred gradient evaluations");
        assert_eq!(finding.answer, "not run");
        assert!(finding.is_open() && finding.why.contains("a few hundred gradient evaluations"));
    }

    #[test]
    fn numbers_in_sentences_are_short() {
        assert_eq!([number(0.0), number(0.123_456), number(1234.5), number(1e-5)], ["0", "0.123", "1234", "1.00e-5"]);
        assert_eq!([percent(0.25), percent(0.004), percent(0.0)], ["25 %", "0.40 %", "0 %"]);
    }
}
