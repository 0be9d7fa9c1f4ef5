//! `stopgrad basins`.

use std::path::Path;

use serde_json::Value;

use super::flow::write_turning;
use super::{document, folder, printed_by_threads, refused, stderr, stdout, stopgrad};

fn said(folder: &Path, words: &[&str]) -> Value {
    let output = stopgrad(folder, &[&["basins", "--json", "--quiet"], words].concat());
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

fn write_two(folder: &Path) {
    let two = r#"{"xx": [[1, 0], [0, 1]], "yx": [[0.9, 0], [0, 0.7]], "yy": [[1, 0], [0, 1]]}"#;
    std::fs::write(folder.join("two.json"), two).expect("written");
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn labels(found: &Value) -> Vec<&str> {
    found["outcomes"].as_array().expect("outcomes").iter().map(|end| end["label"].as_str().expect("a label")).collect()
}

/// Counts add up, and each interval holds its share.
fn check_shares(found: &Value) {
    let trials = number(&found["trials"]);
    let mut counted = 0.0;
    for end in found["outcomes"].as_array().expect("outcomes") {
        counted += number(&end["count"]);
        let [low, high] = [0, 1].map(|side| number(&end["wilson95"][side]));
        let fraction = number(&end["fraction"]);
        assert!((fraction - number(&end["count"]) / trials).abs() < 1e-15, "{end}");
        assert!(
            (0.0..=1.0).contains(&low) && low <= fraction && fraction <= high && high <= 1.0 && low < high,
            "{end}"
        );
    }
    assert!((counted - trials).abs() < 0.5, "{counted} of {trials}");
}

#[test]
fn starts_of_two_modes_end_at_ranks() {
    let here = folder();
    write_two(here.path());
    let words = ["two.json", "--field", "sg", "--embedding-dim", "3", "--weight-decay", "0.05", "--trials", "300"];
    let found = said(here.path(), &[&words[..], &["--init-scale", "0.4", "--require", "decided"]].concat());
    for (key, value) in [("field", Value::from("sg")), ("trials", 300.into()), ("embedding_dim", 3.into())] {
        assert_eq!(found[key], value, "{key}");
    }
    assert_eq!((&found["init_scale"], &found["m"]), (&0.4.into(), &2.into()));
    check_shares(&found);
    let mut seen = labels(&found);
    seen.sort_unstable();
    assert_eq!(seen, ["rank-0", "rank-1", "rank-2"]);
    assert!(number(&found["largest_residual"]) < 1e-9);
    assert_eq!(found["unresolved_trials"], serde_json::json!([]));
    // Inside |A|, |B| < λ/|Y| everything goes to the origin; another seed is another draw.
    assert_eq!(labels(&said(here.path(), &[&words[..], &["--init-scale", "0.005"]].concat())), ["rank-0"]);
    let other = said(here.path(), &[&words[..], &["--init-scale", "0.4", "--seed", "1"]].concat());
    assert_ne!(other["outcomes"], found["outcomes"]);
}

#[test]
fn joint_ends_at_the_origin_and_turning_signals_on_cycles() {
    let here = folder();
    write_two(here.path());
    write_turning(here.path());
    let words = ["two.json", "--field", "joint", "--embedding-dim", "3", "--weight-decay", "0.05", "--trials", "100"];
    let found = said(here.path(), &words);
    assert_eq!(labels(&found), ["rank-0"]);
    let words = ["turning.json", "--field", "sg", "--embedding-dim", "1", "--weight-decay", "0.05", "--trials", "40"];
    let found = said(here.path(), &words);
    assert_eq!(labels(&found)[0], "cycle");
    let period = number(&found["cycles"]["shortest_period"]);
    assert!((period - 8.649_36).abs() < 1e-4 && number(&found["cycles"]["longest_period"]) < period + 1e-4);
}

#[test]
fn the_scalar_experiment_stands_beside_the_published_one() {
    let here = folder();
    let found = said(here.path(), &["--scalar", "--field", "sg", "--trials", "400"]);
    assert_eq!((&found["embedding_dim"], &found["init_scale"]), (&4.into(), &1.0.into()));
    assert_eq!(found["field"], "sg");
    check_shares(&found);
    let ends = found["outcomes"].as_array().expect("outcomes");
    let end = |label: &str| ends.iter().find(|end| end["label"] == label).expect("named even if 0");
    assert_eq!((&end("outer")["published"], &end("origin")["published"]), (&0.82.into(), &0.18.into()));
    assert_eq!(end("inner")["count"], 0);
    assert!(number(&end("outer")["fraction"]) > 0.85);
    let text = stdout(&stopgrad(here.path(), &["basins", "--scalar", "--trials", "50", "--quiet"]));
    assert!(text.contains("Ponce, Terver, Hebert, Arbel 2026") && text.contains("are not given"), "{text}");
}

#[test]
fn without_a_field_all_three_are_listed() {
    let here = folder();
    let words = ["--scalar", "--trials", "60", "--embedding-dim", "2", "--init-scale", "0.7", "--report", "page"];
    let found = said(here.path(), &words);
    let fields = found["fields"].as_array().expect("a list");
    assert_eq!(
        fields.iter().map(|entry| entry["field"].as_str()).collect::<Vec<_>>(),
        ["joint", "sg", "ema"].map(Some)
    );
    fields.iter().for_each(check_shares);
    let origin = &fields[0]["outcomes"][0];
    assert_eq!((&origin["label"], &origin["fraction"]), (&"origin".into(), &1.0.into()));
    assert_eq!((&fields[1]["ema_rate"], &fields[2]["ema_rate"]), (&Value::Null, &1.0.into()));
    for file in ["report.html", "report.json", "figures/outcomes.svg", "figures/outcomes.csv"] {
        assert!(here.path().join("page").join(file).exists(), "{file}");
    }
}

#[test]
fn a_table_goes_over_the_grid_and_into_a_file() {
    let here = folder();
    let words = ["--scalar", "--table", "--trials", "12", "--out", "shares.csv", "--report", "page"];
    let found = said(here.path(), &words);
    let cells = found["table"].as_array().expect("a list");
    // Five scales, three embedding dimensions; stop-gradient and three rates of a teacher.
    assert_eq!(cells.len(), 5 * 3 * 4);
    cells.iter().for_each(check_shares);
    let csv = std::fs::read_to_string(here.path().join("shares.csv")).expect("written");
    let head = "field,embedding_dim,init_scale,ema_rate,trials,outcome,count,fraction,wilson_low,wilson_high,published";
    assert_eq!(csv.lines().next(), Some(head));
    assert!(csv.lines().count() > 3 * cells.len());
    assert!(here.path().join("page/figures/outer-2.csv").exists());
}

#[test]
fn a_spent_budget_is_unresolved() {
    let here = folder();
    write_two(here.path());
    let words = ["two.json", "--field", "sg", "--embedding-dim", "3", "--weight-decay", "0.05", "--trials", "5"];
    let words = [&words[..], &["--max-steps", "2"]].concat();
    let found = said(here.path(), &words);
    assert_eq!(labels(&found), ["unresolved"]);
    assert_eq!(found["unresolved_trials"], serde_json::json!([0, 1, 2, 3, 4]));
    let strict = [&["basins", "--require", "decided"], &words[..]].concat();
    assert_eq!(stopgrad(here.path(), &strict).status.code(), Some(1));
}

#[test]
fn what_has_no_basins_is_refused_with_the_reason() {
    let here = folder();
    write_two(here.path());
    write_turning(here.path());
    let of = |name: &'static str, field: &'static str, n: &'static str, decay: &'static str| {
        vec![name, "--field", field, "--embedding-dim", n, "--weight-decay", decay]
    };
    for (words, said) in [
        (of("two.json", "sg", "2", "0"), "weight decay is 0"),
        (of("two.json", "sg", "0", "0.1"), "0 dimensions"),
        (of("two.json", "sg", "40", "0.1"), "up to 640"),
        (of("turning.json", "joint", "2", "0.1"), "needs yy"),
        (of("none.npz", "sg", "2", "0.1"), "none.npz"),
        ([of("two.json", "sg", "2", "0.1"), vec!["--trials", "0"]].concat(), "--trials"),
        ([of("two.json", "sg", "2", "0.1"), vec!["--init-scale", "-1"]].concat(), "above 0"),
        ([of("two.json", "ema", "2", "0.1"), vec!["--ema-rate", "0"]].concat(), "ema rate is 0"),
        (vec!["--table"], "--scalar"),
        ([of("two.json", "sg", "2", "0.1"), vec!["--out", "two.json/o.csv"]].concat(), "two.json"),
        (vec!["two.json", "--field", "sg"], "--embedding-dim"),
        (vec!["--field", "sg"], "MOMENTS"),
        (vec!["--scalar", "two.json"], "cannot be used with"),
        (vec!["--scalar", "--weight-decay", "0.1"], "cannot be used with"),
        (vec!["--scalar", "--embedding-dim", "0"], "0 dimensions"),
        (vec!["--scalar", "--embedding-dim", "500"], "lower --embedding-dim"),
        (vec!["--scalar", "--field", "sg", "--ema-rate", "0"], "ema rate is 0"),
        (vec!["--scalar", "--table", "--field", "sg"], "cannot be used with"),
    ] {
        let message = refused(here.path(), &[&["basins", "--quiet"], &words[..]].concat());
        assert!(message.contains(said), "{words:?}: {message}");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let here = folder();
    write_two(here.path());
    let file = ["basins", "two.json", "--field", "ema", "--embedding-dim", "3", "--weight-decay", "0.05", "--json"];
    for words in [
        [&file[..], &["--trials", "300"]].concat(),
        vec!["basins", "--scalar", "--trials", "300", "--field", "ema", "--json"],
    ] {
        assert_eq!(printed_by_threads(here.path(), "1", &words), printed_by_threads(here.path(), "2", &words));
    }
}
