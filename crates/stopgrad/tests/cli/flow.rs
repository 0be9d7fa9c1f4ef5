//! `stopgrad flow`.

use std::path::Path;

use serde_json::Value;
use stopgrad_data::npy::{NpyArray, NpyData};
use stopgrad_data::npz;

use super::{document, folder, printed_by_threads, refused, stderr, stdout, stopgrad};

/// One mode: ρ = V = 1, τ = 0.8. At λ = 0.05 the outer sphere has the radius 0.4 + √(0.16 − 0.05).
fn write_one(folder: &Path) {
    std::fs::write(folder.join("one.json"), r#"{"xx": [[1.0]], "yx": [[0.8]], "yy": [[1.0]]}"#).expect("written");
}

const RADIUS: f64 = 0.731_662_479_035_54;

/// Signals that turn by 0.9 a step, and a weaker one that stays.
pub(super) fn write_turning(folder: &Path) {
    let (sin, cos) = 0.9f64.sin_cos();
    let one = "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]";
    let y = format!("[[{}, {}, 0], [{}, {}, 0], [0, 0, 0.5]]", 0.95 * cos, -0.95 * sin, 0.95 * sin, 0.95 * cos);
    std::fs::write(folder.join("turning.json"), format!(r#"{{"xx": {one}, "yx": {y}}}"#)).expect("written");
}

fn said(folder: &Path, words: &[&str]) -> Value {
    let output = stopgrad(folder, &[&["flow", "--json", "--quiet"], words].concat());
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

fn close(value: &Value, wanted: f64, tolerance: f64) {
    let found = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((found - wanted).abs() <= tolerance * wanted.abs().max(1e-3), "{found} is not {wanted}");
}

fn one(field: &'static str, n: &'static str) -> Vec<&'static str> {
    vec!["one.json", "--field", field, "--embedding-dim", n, "--weight-decay", "0.05"]
}

#[test]
fn one_mode_ends_on_the_outer_sphere_with_the_rates_of_the_closed_form() {
    let here = folder();
    write_one(here.path());
    let found = said(here.path(), &[one("sg", "1"), vec!["--start", "identity"]].concat());
    assert_eq!((&found["stop"], &found["rank"], &found["limit"]), (&"steady".into(), &1.into(), &Value::Null));
    close(&found["a"][0][0], RADIUS, 1e-5);
    close(&found["b"][0][0], RADIUS, 1e-5);
    assert_eq!(found["c"], Value::Null);
    assert!(found["relative_residual"].as_f64().expect("a number") < 1e-4);
    // The balance decays with 2λ; the rest of the trace, −ρr² − λ, is the other rate.
    let other = 0.05 - RADIUS * RADIUS;
    let stability = &found["stability"];
    assert_eq!((&stability["verdict"], &stability["method"]), (&"attracting".into(), &"dense".into()));
    assert_eq!((&stability["unstable_dimensions"], &stability["orbit_dimension"]), (&0.into(), &0.into()));
    close(&stability["leading_rate"], -0.1, 1e-9);
    close(&stability["largest_stable_learning_rate"], -2.0 / other, 1e-9);
    // J of (a, b) at a = b = r by hand, and κ from its entries.
    let (upper, lower, last) =
        (-RADIUS * (2.0 * RADIUS - 0.8), -2.0 * RADIUS * (RADIUS - 0.8), -RADIUS * RADIUS - 0.05);
    let even = (2.0 * (upper + lower).powi(2) + 4.0 * last * last).sqrt();
    close(&found["kappa"]["value"], 2.0_f64.sqrt() * (upper - lower).abs() / even, 1e-4);
    // E|ba x − a y|² = a² (b² − 2τb + 1).
    let error = RADIUS.powi(2) * (RADIUS.powi(2) - 1.6 * RADIUS + 1.0);
    close(&found["objective"], 0.5 * error + 0.05 * RADIUS.powi(2), 1e-5);
    assert_eq!(found["objective"], found["proxy_objective"]);
}

#[test]
fn the_field_is_no_gradient_at_the_end_of_sg_and_one_at_that_of_joint() {
    let here = folder();
    write_one(here.path());
    let found = said(here.path(), &one("sg", "3"));
    let kappa = &found["kappa"];
    assert_eq!(kappa["method"], "exact");
    let (exact, around) = (kappa["value"].as_f64().expect("a number"), &kappa["closed_paths_interval"]);
    let [low, high] = [0, 1].map(|end| around[end].as_f64().expect("a number"));
    // A 95 % interval may miss, not by its own width.
    assert!(exact > 0.1 && exact > 2.0 * low - high && exact < 2.0 * high - low, "{kappa}");
    let found = said(here.path(), &[one("joint", "3"), vec!["--require", "decided"]].concat());
    assert_eq!((&found["stop"], &found["rank"]), (&"steady".into(), &0.into()));
    assert!(found["kappa"]["value"].as_f64().expect("a number") < 1e-10, "{}", found["kappa"]);
    assert_eq!(found["balance_gap_error"], Value::Null, "joint has no such law");
    close(&found["stability"]["leading_rate"], -0.05, 1e-9);
}

#[test]
fn the_balance_law_is_checked_and_broken_by_unequal_decays() {
    let here = folder();
    write_one(here.path());
    let found = said(here.path(), &[one("ema", "2"), vec!["--ema-rate", "0.3", "--seed", "3"]].concat());
    assert!(found["balance_gap_error"].as_f64().expect("a number") < 1e-7);
    let words = [one("sg", "1"), vec!["--weight-decay-b", "0.1", "--start", "identity", "--rate-b", "2"]].concat();
    let found = said(here.path(), &words);
    assert_eq!(found["options"]["weight_decay_b"], 0.1);
    assert_eq!(found["balance_gap_error"], Value::Null);
    // λ_B b² = λ_A a².
    let [a, b] = ["a", "b"].map(|key| found[key][0][0].as_f64().expect("a number"));
    assert!(a > 0.1 && (0.1 * b * b - 0.05 * a * a).abs() < 1e-7, "{a} {b}");
}

#[test]
fn turning_signals_of_cut_rank_end_on_a_cycle() {
    let here = folder();
    write_turning(here.path());
    let words = ["turning.json", "--field", "sg", "--embedding-dim", "1", "--weight-decay", "0.05", "--seed", "8"];
    let found = said(here.path(), &[&words[..], &["--require", "decided"]].concat());
    assert_eq!((&found["stop"], &found["stability"]), (&"cycle".into(), &Value::Null));
    // By hand: |a| = b = r with r² − τ cos(0.9) r + λ = 0 and τ = 0.95; a turns at speed r τ sin(0.9), and S is back after π.
    let (sin, cos) = 0.9f64.sin_cos();
    let (turn, keep) = (0.95 * sin, 0.95 * cos);
    let radius = f64::midpoint(keep, (keep * keep - 4.0 * 0.05).sqrt());
    close(&found["period"], std::f64::consts::PI / (radius * turn), 1e-6);
    assert!(found["amplitude"].as_f64().expect("a number") > 0.01);
    assert_eq!(found["objective"], Value::Null, "no yy");
    let text = stdout(&stopgrad(here.path(), &[&["flow"], &words[..], &["--report", "page"]].concat()));
    assert!(text.contains("ended on a cycle at rank 1") && text.contains("period 8.649"), "{text}");
    for file in ["cycle.svg", "cycle.csv", "modes.csv", "balance.csv", "speed.csv"] {
        assert!(here.path().join("page/figures").join(file).exists(), "{file}");
    }
    assert!(!here.path().join("page/figures/objective.csv").exists(), "no yy");
}

#[test]
fn a_spent_budget_and_divergence_are_answers() {
    let here = folder();
    write_one(here.path());
    let words = [one("sg", "2"), vec!["--max-steps", "5"]].concat();
    let found = said(here.path(), &words);
    assert_eq!((&found["stop"], &found["limit"], &found["steps"]), (&"budget".into(), &"steps".into(), &5.into()));
    let strict = [&["flow", "--require", "decided"], &words[..]].concat();
    assert_eq!(stopgrad(here.path(), &strict).status.code(), Some(1));
    let found = said(here.path(), &[one("sg", "2"), vec!["--end-time", "1.5"]].concat());
    assert_eq!((&found["stop"], &found["limit"], &found["time"]), (&"budget".into(), &"time".into(), &1.5.into()));
    let found = said(here.path(), &[one("sg", "2"), vec!["--learning-rate", "80", "--require", "decided"]].concat());
    assert_eq!(
        (&found["stop"], &found["stability"], &found["kappa"]),
        (&"diverged".into(), &Value::Null, &Value::Null)
    );
}

#[test]
fn a_flow_that_is_stopped_says_so_and_writes_where_it_is() {
    let here = folder();
    write_one(here.path());
    let words = [vec!["flow"], one("sg", "2"), vec!["--time-limit", "0.000001s", "--out", "here.npz"]].concat();
    let output = stopgrad(here.path(), &words);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("when it was stopped"), "{}", stdout(&output));
    assert!(here.path().join("here.npz").exists());
    let found = document(&stopgrad(here.path(), &[&words[..], &["--json"]].concat()));
    assert_eq!((&found["stop"], &found["limit"]), (&"budget".into(), &"caller".into()));
    assert_eq!(found["stopped"]["reason"], "--time-limit");
}

#[test]
fn training_in_steps_ends_where_the_flow_does() {
    let here = folder();
    write_one(here.path());
    let words = [one("ema", "2"), vec!["--learning-rate", "0.05", "--heavy-ball", "0.5"]].concat();
    let found = said(here.path(), &words);
    assert_eq!((&found["stop"], &found["options"]["momentum"]), (&"steady".into(), &0.95.into()));
    close(&found["s_eigenvalues"][0], RADIUS * RADIUS, 1e-5);
    close(&found["time"], 0.05 * found["steps"].as_f64().expect("a number"), 1e-12);
    let stability = &found["stability"];
    assert_eq!(stability["attracts_in_steps"], true);
    let radius = stability["spectral_radius"].as_f64().expect("a number");
    assert!(radius > 0.9 && radius < 1.0);
    // Just below the limit steps come to rest, just above they do not.
    let limit = stability["largest_stable_learning_rate"].as_f64().expect("a number");
    let out = [&words[..], &["--out", "end.npz"]].concat();
    said(here.path(), &out);
    for (share, attracts) in [(0.99, true), (1.01, false)] {
        let rate = (share * limit).to_string();
        let near = ["--start", "end.npz", "--learning-rate", &rate, "--momentum", "0.95", "--heavy-ball", "0.5"];
        let found = said(here.path(), &[one("ema", "2"), near.to_vec(), vec!["--max-steps", "20000"]].concat());
        if found["stop"] == "steady" {
            assert_eq!(found["stability"]["attracts_in_steps"], attracts, "{rate}");
        } else {
            assert!(!attracts, "{rate}: {}", found["stop"]);
        }
    }
}

#[test]
fn a_trajectory_is_written_and_an_end_is_a_start() {
    let here = folder();
    write_one(here.path());
    let first = said(here.path(), &[one("ema", "2"), vec!["--out", "t.npz"]].concat());
    let stored = npz::read(here.path().join("t.npz")).expect("a trajectory");
    let rows = stored["time"].to_f64().len();
    assert!(rows > 20);
    for key in ["objective", "proxy_objective", "rank", "increment", "field_norm", "balance_gap", "balance_gap_error"] {
        assert_eq!(stored[key].shape, [rows], "{key}");
    }
    assert_eq!(stored["s_eigenvalues"].shape, [rows, 1]);
    for (key, shape) in [("a", [2, 1]), ("b", [2, 2]), ("c", [2, 1])] {
        assert_eq!(stored[key].shape, shape);
    }
    close(&first["time"], stored["time"].to_f64()[rows - 1], 1e-15);
    close(&first["a"][1][0], stored["a"].to_f64()[1], 1e-15);
    let again = said(here.path(), &[one("sg", "2"), vec!["--start", "t.npz"]].concat());
    assert_eq!(again["inputs"].as_array().expect("inputs").len(), 2);
    assert!(again["steps"].as_u64().expect("a number") < first["steps"].as_u64().expect("a number"));
    // What predict writes is a start, and already the end.
    let predicted = ["predict", "one.json", "--weight-decay", "0.05", "--embedding-dim", "1", "--out", "p.npz"];
    assert_eq!(stopgrad(here.path(), &predicted).status.code(), Some(0));
    let rest = said(here.path(), &[one("sg", "1"), vec!["--start", "p.npz"]].concat());
    assert_eq!(rest["stop"], "steady");
    assert!(rest["steps"].as_u64().expect("a number") < 20);
}

#[test]
fn a_large_identity_start_ends_at_what_predict_says() {
    let here = folder();
    let singular =
        r#"{"xx": [[1, 0.2, 0], [0.2, 0.5, 0], [0, 0, 0]], "yx": [[0.9, 0.1, 0], [0.1, 0.4, 0], [0, 0, 0]]}"#;
    std::fs::write(here.path().join("singular.json"), singular).expect("written");
    let predicted = stopgrad(here.path(), &["predict", "singular.json", "--weight-decay", "0.02", "--json"]);
    let predicted = document(&predicted);
    assert_eq!((&predicted["support_rank"], &predicted["rank"]), (&2.into(), &2.into()));
    let words = ["singular.json", "--field", "sg", "--embedding-dim", "3", "--weight-decay", "0.02"];
    let found =
        said(here.path(), &[&words[..], &["--start", "identity", "--init-scale", "5", "--init-scale-b", "4"]].concat());
    assert_eq!((&found["stop"], &found["rank"]), (&"steady".into(), &2.into()));
    assert_eq!(found["stability"]["verdict"], "attracting");
    for mode in 0..2 {
        close(&found["s_eigenvalues"][mode], predicted["s_eigenvalues"][mode].as_f64().expect("a number"), 1e-4);
    }
}

#[test]
fn without_anything_to_predict_everything_decays() {
    let here = folder();
    std::fs::write(here.path().join("none.json"), r#"{"xx": [[1, 0], [0, 1]], "yx": [[0, 0], [0, 0]]}"#)
        .expect("written");
    for field in ["sg", "ema"] {
        let found =
            said(here.path(), &["none.json", "--field", field, "--embedding-dim", "2", "--weight-decay", "0.1"]);
        assert_eq!((&found["stop"], &found["rank"]), (&"steady".into(), &0.into()), "{field}");
        assert_eq!(found["stability"]["verdict"], "attracting");
    }
}

#[test]
fn a_page_has_its_pictures_with_their_data() {
    let here = folder();
    write_one(here.path());
    let words = [one("ema", "2"), vec!["--report", "page"]].concat();
    let found = said(here.path(), &words);
    for name in ["objective", "modes", "balance", "speed", "spectrum"] {
        for ending in ["svg", "csv"] {
            assert!(here.path().join(format!("page/figures/{name}.{ending}")).exists(), "{name}.{ending}");
        }
    }
    let stored = std::fs::read_to_string(here.path().join("page/report.json")).expect("written");
    assert_eq!(serde_json::from_str::<Value>(&stored).expect("JSON"), found);
    let html = std::fs::read_to_string(here.path().join("page/report.html")).expect("written");
    assert!(html.contains("The equilibrium attracts") && html.contains("The balance gap"));
    let balance = std::fs::read_to_string(here.path().join("page/figures/balance.csv")).expect("written");
    assert!(balance.starts_with("series,time,gap\nmeasured,"), "{}", &balance[..60]);
    std::fs::write(here.path().join("thesis.tex"), "").expect("written");
    let elsewhere = [vec!["flow"], one("ema", "2"), vec!["--report", "."]].concat();
    assert!(refused(here.path(), &elsewhere).contains("holds other files"));
}

fn write_state(folder: &Path, name: &str, arrays: &[(&str, [usize; 2], Vec<f64>)]) {
    let arrays: Vec<(&str, NpyArray)> =
        arrays.iter().map(|(key, shape, values)| (*key, NpyArray::new(shape, NpyData::F64(values.clone())))).collect();
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(key, array)| (*key, array)).collect();
    npz::write(folder.join(name), &named).expect("written");
}

#[test]
fn what_cannot_flow_is_refused_with_the_reason() {
    let here = folder();
    write_one(here.path());
    write_turning(here.path());
    std::fs::write(here.path().join("bad.json"), r#"{"xx": [[1.0, 0.5], [0.2, 1.0]], "yx": [[1.0, 0.0], [0.0, 1.0]]}"#)
        .expect("written");
    for (words, said) in [
        (&["one.json", "--field", "sg", "--embedding-dim", "2", "--weight-decay", "0"][..], "weight decay is 0"),
        (&["one.json", "--field", "sg", "--embedding-dim", "2", "--weight-decay", "-1"], "weight decay is -1"),
        (&["one.json", "--field", "sg", "--embedding-dim", "2", "--weight-decay", "nan"], "finite"),
        (&["one.json", "--field", "sg", "--embedding-dim", "0", "--weight-decay", "0.1"], "0 dimensions"),
        (&["one.json", "--field", "sg", "--embedding-dim", "4000000000", "--weight-decay", "0.1"], "--embedding-dim"),
        (&["one.json", "--field", "byol", "--embedding-dim", "2", "--weight-decay", "0.1"], "joint, sg, ema"),
        (&["one.json", "--embedding-dim", "2", "--weight-decay", "0.1"], "--field"),
        (&["none.npz", "--field", "sg", "--embedding-dim", "2", "--weight-decay", "0.1"], "none.npz"),
        (&["bad.json", "--field", "sg", "--embedding-dim", "2", "--weight-decay", "0.1"], "not symmetric"),
        (&["turning.json", "--field", "joint", "--embedding-dim", "2", "--weight-decay", "0.1"], "needs yy"),
    ] {
        let message = refused(here.path(), &[&["flow"], words].concat());
        assert!(message.contains(said), "{words:?}: {message}");
    }
}

#[test]
fn options_and_starts_that_do_not_fit_are_refused() {
    let here = folder();
    write_one(here.path());
    std::fs::write(here.path().join("no.npz"), "no archive").expect("written");
    write_state(here.path(), "wide.npz", &[("a", [3, 1], vec![1.0; 3]), ("b", [3, 3], vec![0.0; 9])]);
    write_state(here.path(), "half.npz", &[("a", [2, 1], vec![1.0; 2])]);
    write_state(here.path(), "nan.npz", &[("a", [2, 1], vec![1.0; 2]), ("b", [2, 2], vec![0.0, 1.0, f64::NAN, 0.0])]);
    let refuse = |field: &'static str, words: &[&str], said: &str| {
        let message = refused(here.path(), &[vec!["flow"], one(field, "2"), words.to_vec()].concat());
        assert!(message.contains(said), "{words:?}: {message}");
    };
    refuse("sg", &["--start", "none.npz"], "none.npz");
    refuse("sg", &["--start", "no.npz"], "no.npz");
    refuse("sg", &["--start", "wide.npz"], "`a` has shape [3, 1], and [2, 1] is needed");
    refuse("sg", &["--start", "half.npz"], "there is no `b`");
    refuse("sg", &["--start", "nan.npz"], "`b` holds NaN at [1, 0]");
    refuse("sg", &["--init-scale", "0"], "above 0");
    refuse("sg", &["--rate-b", "0"], "rate of B is 0");
    refuse("ema", &["--ema-rate", "-1"], "ema rate is -1");
    refuse("sg", &["--learning-rate", "0"], "learning rate is 0");
    refuse("sg", &["--learning-rate", "0.1", "--momentum", "0.9"], "sg has no teacher");
    refuse("ema", &["--learning-rate", "0.1", "--momentum", "1"], "lies in [0, 1)");
    refuse("ema", &["--learning-rate", "0.1", "--heavy-ball", "1"], "lies in [0, 1)");
    refuse("ema", &["--learning-rate", "3"], "move past the student");
    refuse("ema", &["--momentum", "0.9"], "--learning-rate");
    refuse("ema", &["--learning-rate", "0.1", "--rtol", "1e-8"], "--rtol");
    refuse("sg", &["--rtol", "1"], "1e-13");
    refuse("sg", &["--out", "one.json/t.npz"], "one.json");
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let here = folder();
    let moments = ["moments", "digits", "--views", "noise", "--center", "--features", "pca:24", "--out", "d.npz"];
    assert_eq!(stopgrad(here.path(), &moments).status.code(), Some(0));
    let words = ["flow", "d.npz", "--field", "ema", "--embedding-dim", "20", "--weight-decay", "0.05", "--json"];
    let words = [&words[..], &["--max-steps", "300"]].concat();
    assert_eq!(printed_by_threads(here.path(), "1", &words), printed_by_threads(here.path(), "2", &words));
}
