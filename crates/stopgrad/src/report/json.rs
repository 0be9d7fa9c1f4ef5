//! `report.json`: what programs read. Keys are those of docs/formats.md; keys may be added, never renamed.

use serde_json::{Value, json};

use super::record::{Baselines, Column, RunRecord};
use super::{Report, comparable, course, gallery};

/// The document.
pub(super) fn document(report: &Report) -> Value {
    let runs: Vec<Value> = report.runs.iter().map(|run| run_entry(report, run)).collect();
    let baselines = report.runs.first().map_or_else(Baselines::default, |run| run.baselines.clone());
    json!({
        "command": report.command,
        "command_line": report.command_line,
        "version": report.version,
        "seed": report.seed,
        "options": report.options,
        "inputs": report.inputs,
        "source": report.source,
        "notes": comparable::notes(report),
        "left_out": report.left_out,
        "runs": runs,
        "baselines": baselines,
    })
}

/// One run. Its own baselines stand beside it: another seed or another network starts from another encoder.
fn run_entry(report: &Report, run: &RunRecord) -> Value {
    json!({
        "name": run.name,
        "field": run.config.field.kind.name(),
        "seed": run.config.training.seed,
        "source": report.source_of(run).name,
        "steps": run.steps,
        "initial_weights_sha256": run.initial_weights_sha256,
        "data_order_sha256": run.data_order_sha256,
        "relative_displacement": run.relative_displacement,
        "verdict": run.verdict,
        "probes": run.probes,
        "baselines": run.baselines,
        "theory": run.theory,
        "gallery": gallery::entry(run),
        "loss_against_quality": {
            "joint_objective": course_entry(report, run, Column::JointObjective),
            "relative_error": course_entry(report, run, Column::RelativeError),
        },
    })
}

/// The longest interval in which accuracy rose while the measure rose or stood, or null.
fn course_entry(report: &Report, run: &RunRecord, measure: Column) -> Value {
    let found = report.split_count(run, "validation").and_then(|count| course(run, measure, count));
    let Some((course, interval)) = found.and_then(|course| course.disagreement.map(|interval| (course, interval)))
    else {
        return Value::Null;
    };
    json!({
        "probe": course.probe.name(),
        "from_step": interval.from_step,
        "to_step": interval.to_step,
        "accuracy": [interval.accuracy.0, interval.accuracy.1],
        "accuracy_sampling_error": interval.sampling_error,
        "measure": [interval.loss.0, interval.loss.1],
        "other_measure": [interval.companion.0, interval.companion.1],
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn keys_are_those_of_the_formats_document() {
        let document = fixture::report(1).to_json();
        for key in ["command", "version", "seed", "options", "inputs", "runs", "baselines"] {
            assert!(keys(&document).contains(&key), "{key}");
        }
        let run = &document["runs"][0];
        for key in
            ["name", "field", "seed", "steps", "initial_weights_sha256", "data_order_sha256", "verdict", "probes"]
        {
            assert!(keys(run).contains(&key), "{key}");
        }
        assert_eq!(
            document["runs"].as_array().unwrap().iter().map(|run| run["field"].as_str().unwrap()).collect::<Vec<_>>(),
            ["joint", "sg", "ema"]
        );
        let verdict = &run["verdict"];
        for key in ["minimises", "converges", "collapses", "conservative", "stable"] {
            assert!(verdict[key]["answer"].is_string() && verdict[key]["evidence"].is_object(), "{key}");
        }
        let probe = &run["probes"][0];
        for key in ["place", "kind", "k", "temperature", "at", "step", "split", "accuracy"] {
            assert!(keys(probe).contains(&key), "{key}");
        }
        assert!(document["baselines"]["raw"].is_array() && document["baselines"]["untrained"].is_array());
    }

    #[test]
    fn a_report_without_runs_and_a_run_with_nan_are_documents_too() {
        let mut report = fixture::report(1);
        report.runs[0].relative_displacement = None;
        assert!(report.to_json()["runs"][0]["relative_displacement"].is_null());
        report.runs.clear();
        assert_eq!(report.to_json()["runs"], json!([]));
    }

    #[test]
    fn floats_read_back_to_the_same_bits() {
        let report = fixture::report(1);
        let read: Value = serde_json::from_str(&report.to_json().to_string()).unwrap();
        let accuracy = read["runs"][1]["probes"][0]["accuracy"].as_f64().unwrap();
        assert_eq!(accuracy.to_bits(), report.runs[1].probes[0].accuracy.to_bits());
    }
}
