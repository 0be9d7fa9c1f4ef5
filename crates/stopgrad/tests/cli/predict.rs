//! `stopgrad predict`.

use std::path::Path;

use super::{document, folder, refused, stderr, stdout, stopgrad};

/// One mode: ρ = 1, τ = 0.8, so λ_crit = τ²/(4ρ) = 0.16.
fn scalar(folder: &Path) {
    std::fs::write(folder.join("one.json"), r#"{"xx": [[1.0]], "yx": [[0.8]]}"#).expect("written");
}

fn said(folder: &Path, words: &[&str]) -> serde_json::Value {
    let output = stopgrad(folder, &[&["predict", "--json"], words].concat());
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

#[test]
fn one_mode_is_the_closed_form() {
    let here = folder();
    scalar(here.path());
    let found = said(here.path(), &["one.json", "--weight-decay", "0.05", "--out", "s.npz"]);
    let radius: f64 = 0.4 + (0.16_f64 - 0.05).sqrt();
    let close =
        |value: &serde_json::Value, wanted: f64| (value.as_f64().expect("a number") / wanted - 1.0).abs() < 1e-6;
    assert_eq!((&found["exists"], &found["rank"]), (&true.into(), &1.into()));
    assert_eq!(found["stability"], "attracting");
    assert!(close(&found["s_eigenvalues"][0], radius * radius), "{found}");
    assert!(close(&found["critical_weight_decay"], 0.16), "{found}");
    assert!(found["residual"].as_f64().expect("a number") < 1e-10);
    let stored = stopgrad_data::npz::read(here.path().join("s.npz")).expect("an equilibrium");
    assert!((stored["s"].to_f64()[0] - radius * radius).abs() < 1e-9);
    assert!((stored["a"].to_f64()[0].abs() - radius).abs() < 1e-9);
}

#[test]
fn beyond_the_last_death_nothing_survives() {
    let here = folder();
    scalar(here.path());
    let found = said(here.path(), &["one.json", "--weight-decay", "0.2"]);
    assert_eq!((&found["exists"], &found["rank"]), (&false.into(), &0.into()));
    assert_eq!(found["surviving_signal_modes"], 0);
    let text = stdout(&stopgrad(here.path(), &["predict", "one.json", "--weight-decay", "0.2"]));
    assert!(text.contains("no mode survives"), "{text}");
}

#[test]
fn what_cannot_be_predicted_is_refused_with_the_reason() {
    let here = folder();
    scalar(here.path());
    let refuse = |words: &[&str]| refused(here.path(), &[&["predict"], words].concat());
    assert!(refuse(&["one.json", "--weight-decay", "0"]).contains("must be a positive number"));
    assert!(refuse(&["one.json", "--weight-decay", "0.1", "--embedding-dim", "0"]).contains("0 dimensions"));
    assert!(refuse(&["none.npz", "--weight-decay", "0.1"]).contains("none.npz"));
    // An output that cannot be written is found before anything is read.
    for (option, place, wrong) in [
        ("--out", "one.json/s.npz", "folder one.json"),
        ("--out", ".", "it is a folder"),
        ("--report", "one.json", "one.json"),
    ] {
        let said = refuse(&["none.npz", "--weight-decay", "0.1", option, place]);
        assert!(!said.contains("none.npz") && said.contains(wrong), "{said}");
    }
    std::fs::write(here.path().join("bad.json"), r#"{"xx": [[1.0, 0.5], [0.2, 1.0]], "yx": [[1.0, 0.0], [0.0, 1.0]]}"#)
        .expect("written");
    assert!(refuse(&["bad.json", "--weight-decay", "0.1"]).contains("not symmetric"));
}

#[test]
fn a_page_has_the_sentences_the_modes_and_their_pictures() {
    let here = folder();
    let digits = ["moments", "digits", "--views", "digits", "--center", "--features", "pca:6", "--out", "d.npz"];
    assert_eq!(stopgrad(here.path(), &digits).status.code(), Some(0));
    let words = ["d.npz", "--weight-decay", "0.01", "--report", "page"];
    let found = said(here.path(), &words);
    assert_eq!(found["report"], "page/report.html");
    let read = |name: &str| std::fs::read_to_string(here.path().join("page").join(name)).expect("written");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&read("report.json")).expect("JSON"), found);
    let deaths = read("figures/modes.csv");
    for mode in found["survival"].as_array().expect("modes") {
        let row = format!("{},{},", mode["mode"], mode["critical_weight_decay"].as_f64().expect("a number"));
        assert!(deaths.contains(&row), "{row} {deaths}");
    }
    for file in ["spectrum.svg", "noise.csv", "death-noise.svg"] {
        assert!(here.path().join("page/figures").join(file).exists(), "{file}");
    }
    let text = stdout(&stopgrad(here.path(), &[&["predict"], &words[..]].concat()));
    let html = read("report.html");
    let first = text.lines().next().expect("a sentence");
    assert!(first.starts_with("At λ = 0.01") && html.contains(first), "{first}");
    assert!(text.contains("report: page/report.html"), "{text}");
    std::fs::write(here.path().join("thesis.tex"), "").expect("written");
    let elsewhere = ["predict", "d.npz", "--weight-decay", "0.01", "--report", "."];
    assert!(refused(here.path(), &elsewhere).contains("holds other files"));
}

#[test]
fn a_search_that_is_out_of_time_says_so_and_claims_nothing() {
    let here = folder();
    scalar(here.path());
    let words = ["predict", "one.json", "--weight-decay", "0.05", "--time-limit", "0.000001s"];
    let output = stopgrad(here.path(), &words);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("not known what survives"), "{}", stdout(&output));
    let found = document(&stopgrad(here.path(), &[&words[..], &["--json"]].concat()));
    assert_eq!((&found["stopped"]["reason"], &found["rank"]), (&"--time-limit".into(), &0.into()));
    assert_eq!((&found["stability"], &found["exists"]), (&"undecided".into(), &serde_json::Value::Null));
}
