//! `stopgrad branches`.

use std::path::Path;

use super::{document, folder, refused, stderr, stdout, stopgrad};

/// One mode, ρ = 0.8 and τ = 0.9 (its fold at τ²/4ρ = 0.253125), and two that do not meet.
fn moments(folder: &Path) {
    std::fs::write(folder.join("one.json"), r#"{"xx": [[0.8]], "yx": [[0.9]]}"#).expect("written");
    std::fs::write(folder.join("two.json"), r#"{"xx": [[0.8, 0], [0, 0.5]], "yx": [[0.9, 0], [0, 0.3]]}"#)
        .expect("written");
}

fn said(folder: &Path, words: &[&str]) -> serde_json::Value {
    let output = stopgrad(folder, &[&["branches", "--json"], words].concat());
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

#[test]
fn one_mode_is_born_nowhere_and_dies_in_its_fold() {
    let here = folder();
    moments(here.path());
    let found = said(here.path(), &["one.json", "--from", "1e-3", "--to", "1", "--report", "page"]);
    let branches = found["branches"].as_array().expect("a list");
    assert_eq!((branches.len(), found["along"].as_str()), (3, Some("weight_decay")));
    for branch in &branches[1..] {
        assert_eq!((&branch["born"]["kind"], &branch["dies"]["kind"]), (&"range".into(), &"fold".into()));
        assert_eq!(branch["dies"]["event"], 0);
        for point in branch["points"].as_array().expect("a list") {
            assert!(point["weight_decay"].is_f64() && point["s_norm"].is_f64(), "{point}");
        }
    }
    let fold = found["events"][0]["weight_decay"].as_f64().expect("a number");
    assert!((fold / 0.253_125 - 1.0).abs() < 1e-10, "{fold}");
    // As `predict` has it.
    let predicted = stopgrad(here.path(), &["predict", "one.json", "--weight-decay", "0.1", "--json"]);
    let critical = document(&predicted)["critical_weight_decay"].as_f64().expect("a number");
    assert!((critical / fold - 1.0).abs() < 1e-6);
    for name in ["report.html", "report.json", "figures/branches.svg", "figures/branches.csv", "figures/variety-1.csv"]
    {
        assert!(here.path().join("page").join(name).exists(), "{name}");
    }
    let text = stdout(&stopgrad(here.path(), &["branches", "one.json", "--from", "1e-3", "--to", "1"]));
    assert!(text.contains("Full rank ends at λ = 0.253125000"), "{text}");
}

#[test]
fn other_parameters_have_their_own_key() {
    let here = folder();
    moments(here.path());
    let steps = ["--along", "learning-rate", "--from", "0.1", "--to", "9", "--weight-decay", "0.05"];
    let found = said(here.path(), &[&["one.json"][..], &steps].concat());
    assert!(found["events"].as_array().expect("a list").iter().any(|event| event["kind"] == "flip"), "{found}");
    assert!(found["branches"][1]["points"][0]["learning_rate"].is_f64());
    let rate = ["--along", "ema-rate", "--field", "ema", "--from", "0.1", "--to", "9", "--weight-decay", "0.05"];
    assert!(said(here.path(), &[&["one.json"][..], &rate].concat())["branches"][1]["points"][0]["ema_rate"].is_f64());
    std::fs::write(here.path().join("less.json"), r#"{"xx": [[0.8]], "yx": [[0.3]]}"#).expect("written");
    let mix = ["--along", "mix", "--other", "less.json", "--from", "0", "--to", "1", "--weight-decay", "0.05"];
    let found = said(here.path(), &[&["one.json"][..], &mix].concat());
    // τ = 0.9 − 0.6 t falls to 2√(ρλ) = 0.4.
    let fold = found["events"][0]["mix"].as_f64().expect("a number");
    assert!((fold - 0.5 / 0.6).abs() < 1e-10, "{fold}");
    assert_eq!(found["inputs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn calls_that_cannot_be_are_refused_with_the_reason() {
    let here = folder();
    moments(here.path());
    for (words, reason) in [
        (&["one.json", "--from", "0", "--to", "1"][..], "lie above 0"),
        (&["one.json", "--from", "1", "--to", "0.1"], "rise"),
        (&["one.json", "--from", "0.1", "--to", "1", "--weight-decay", "0.1"], "leave it out"),
        (&["one.json", "--from", "0.1", "--to", "1", "--along", "mix", "--weight-decay", "0.1"], "--other"),
        (&["one.json", "--from", "0.1", "--to", "1", "--along", "learning-rate"], "needs --weight-decay"),
        (&["one.json", "--from", "0.1", "--to", "1", "--along", "ema-rate", "--weight-decay", "0.1"], "--field ema"),
        (&["one.json", "--from", "0.1", "--to", "1", "--other", "two.json"], "leave it out"),
        (&["one.json", "--from", "0.1", "--to", "1", "--momentum", "0.5"], "--along learning-rate"),
        (
            &["one.json", "--along", "mix", "--other", "two.json", "--from", "0", "--to", "1", "--weight-decay", "0.1"],
            "1 dimensions and those of --other 2",
        ),
        (&["none.npz", "--from", "0.1", "--to", "1"], "none.npz"),
    ] {
        let told = refused(here.path(), &[&["branches"], words].concat());
        assert!(told.contains(reason), "{words:?}: {told}");
    }
}
