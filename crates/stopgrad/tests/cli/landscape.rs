//! `stopgrad landscape`.

use std::path::Path;

use serde_json::Value;
use stopgrad_data::npy::{NpyArray, NpyData};
use stopgrad_data::npz;

use super::{document, folder, refused, stderr, stdout, stopgrad};

#[test]
fn landscape_tells_its_points_and_draws_them() {
    let here = folder();
    let words = ["landscape", "--weight-decay", "0.07", "--tau", "-0.8", "--out", "plane", "--json"];
    let output = stopgrad(here.path(), &words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = document(&output);
    assert_eq!(document["options"]["rho"], 1.0);
    assert_eq!(document["points"]["B"], Value::Null);
    assert_eq!(document["points"]["C"]["kind"], "global minimum");
    let number = |value: &Value| value.as_f64().expect("a number");
    let a = &document["points"]["A"];
    let (r, b) = (number(&a["a"]), number(&a["b"]));
    // ρr² − |τ|r + λ = 0, and b has the sign of τ.
    assert!((r * r - 0.8 * r + 0.07).abs() < 1e-14 && (r + b).abs() < 1e-14);
    assert_eq!(document["figure"], "plane/figures/landscape.svg");
    for file in ["report.html", "figures/landscape.svg", "figures/landscape.csv", "figures/nullclines.svg"] {
        assert!(here.path().join("plane").join(file).exists(), "{file}");
    }
    let stored = std::fs::read_to_string(here.path().join("plane/report.json")).expect("written");
    assert_eq!(serde_json::from_str::<Value>(&stored).expect("JSON"), document);
    assert_eq!(stopgrad(here.path(), &words).status.code(), Some(0), "written again");
}

#[test]
fn landscape_without_out_writes_nothing() {
    let here = folder();
    let output = stopgrad(here.path(), &["landscape", "--weight-decay", "0.3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("there is no A") && stdout(&output).contains("sg ends at C."));
    assert_eq!(std::fs::read_dir(here.path()).expect("listed").count(), 0);
}

#[test]
fn numbers_that_are_no_landscape_are_refused() {
    let here = folder();
    for (words, said) in [
        (&["landscape", "--weight-decay", "0"][..], "weight decay is 0"),
        (&["landscape", "--rho", "-1"], "rho is -1"),
        (&["landscape", "--tau", "2"], "lower tau to 1 or less"),
        (&["landscape", "--tau", "nan"], "finite"),
        (&["landscape", "--start", "1"], "two numbers"),
        (&["landscape", "--ema-rate", "0"], "above 0"),
    ] {
        let message = refused(here.path(), words);
        assert!(message.contains(said), "{words:?}: {message}");
    }
    std::fs::write(here.path().join("thesis.tex"), "").expect("written");
    assert!(refused(here.path(), &["landscape", "--out", "."]).contains("holds other files"));
}

fn write_moments(folder: &Path) {
    let one = "[[1, 0], [0, 1]]";
    let two = format!(r#"{{"xx": {one}, "yx": [[0.8, 0], [0, 0.6]], "yy": {one}}}"#);
    std::fs::write(folder.join("two.json"), two).expect("written");
    std::fs::write(folder.join("no-yy.json"), format!(r#"{{"xx": {one}, "yx": {one}}}"#)).expect("written");
    std::fs::write(folder.join("one.json"), r#"{"xx": [[2]], "yx": [[-0.9]], "yy": [[1.5]]}"#).expect("written");
}

fn array(rows: usize, columns: usize, values: &[f64]) -> NpyArray {
    NpyArray::new(&[rows, columns], NpyData::F64(values.to_vec()))
}

/// A state of n = 1: a is 1 × 2.
fn write_state(folder: &Path, name: &str, a: [f64; 2], b: f64, c: Option<[f64; 2]>) {
    let mut arrays = vec![("a", array(1, 2, &a)), ("b", array(1, 1, &[b]))];
    arrays.extend(c.map(|c| ("c", array(1, 2, &c))));
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(key, array)| (*key, array)).collect();
    npz::write(folder.join(name), &named).expect("written");
}

const PLANE: [&str; 8] = ["landscape", "two.json", "--states", "C.npz", "far.npz", "end.npz", "--weight-decay", "0.05"];

#[test]
fn a_plane_goes_through_three_states_and_says_what_leaves_it() {
    let here = folder();
    write_moments(here.path());
    write_state(here.path(), "C.npz", [0.0, 0.0], 0.0, None);
    write_state(here.path(), "far.npz", [1.0, 0.3], 0.2, Some([0.5, 0.0]));
    // The second end is what `flow` writes.
    let flow = [
        "flow",
        "two.json",
        "--field",
        "sg",
        "--embedding-dim",
        "1",
        "--weight-decay",
        "0.05",
        "--out",
        "end.npz",
        "--start",
    ];
    write_state(here.path(), "start.npz", [0.9, 0.0], 0.7, None);
    assert_eq!(stopgrad(here.path(), &[&flow[..], &["start.npz"]].concat()).status.code(), Some(0));
    let output = stopgrad(here.path(), &[&PLANE[..], &["--out", "page", "--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = document(&output);
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!((&found["m"], &found["embedding_dim"]), (&2.into(), &1.into()));
    assert_eq!(found["inputs"].as_array().expect("inputs").len(), 4);
    assert_eq!(found["points"]["C"]["coordinates"], serde_json::json!([0.0, 0.0]));
    // |far − C| and, at the end, Ē by hand: ½a²(b² − 2τb + 1) + λ/2 (a² + b²) with a = b = r.
    assert!((number(&found["points"]["far"]["coordinates"][0]) - (1.0 + 0.09 + 0.04_f64).sqrt()).abs() < 1e-14);
    let r = 0.4 + 0.11_f64.sqrt();
    let expected = 0.5 * r * r * (r * r - 1.6 * r + 1.0) + 0.05 * r * r;
    let end = &found["points"]["end"];
    assert!((number(&end["objective"]) - expected).abs() < 1e-5 && number(&end["relative_residual"]) < 1e-4, "{end}");
    assert_eq!(found["collapse"]["distance"], 0.0);
    let far = &found["points"]["far"];
    assert_ne!(far["objective"], far["proxy_objective"], "its teacher is apart");
    for field in ["joint", "sg", "ema"] {
        let share = number(&far["fields"][field]["off_plane"]);
        assert!(share > 1e-3 && share <= 1.0, "{field} {share}");
    }
    assert_eq!(found["paths"].as_array().expect("paths").len(), 3);
    assert_eq!(found["figure"], "page/figures/plane.svg");
    for file in ["report.html", "figures/plane.csv", "figures/distance.svg"] {
        assert!(here.path().join("page").join(file).exists(), "{file}");
    }
    let text = stdout(&stopgrad(here.path(), &PLANE));
    assert!(text.contains("State C is the collapse") && text.contains("From the mean of the three, joint"), "{text}");
    let text = stdout(&stopgrad(here.path(), &[&PLANE[..], &["--start", "1,0.1"]].concat()));
    assert!(text.contains("From (1, 0.100), sg"), "{text}");
}

#[test]
fn moments_of_one_input_are_a_landscape() {
    let here = folder();
    write_moments(here.path());
    let output = stopgrad(here.path(), &["landscape", "one.json", "--weight-decay", "0.02", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = document(&output);
    let options = &found["options"];
    assert_eq!((&options["rho"], &options["tau"], &options["sigma"]), (&2.0.into(), &(-0.9).into(), &1.5.into()));
    let typed = ["landscape", "--rho", "2", "--tau=-0.9", "--sigma", "1.5", "--weight-decay", "0.02", "--json"];
    assert_eq!(document(&stopgrad(here.path(), &typed))["points"], found["points"]);
}

#[test]
fn states_and_moments_that_span_no_plane_are_refused() {
    let here = folder();
    write_moments(here.path());
    for (name, a, b) in [("C.npz", [0.0, 0.0], 0.0), ("far.npz", [1.0, 0.0], 0.2), ("end.npz", [0.5, 0.5], 0.5)] {
        write_state(here.path(), name, a, b, None);
    }
    write_state(here.path(), "twice.npz", [2.0, 0.0], 0.4, None);
    write_state(here.path(), "nan.npz", [f64::NAN, 0.0], 0.4, None);
    let put = |name: &str, arrays: &[(&str, &NpyArray)]| npz::write(here.path().join(name), arrays).expect("written");
    let (wide, square) = (array(2, 2, &[1.0; 4]), array(2, 2, &[0.5; 4]));
    put("wide.npz", &[("a", &wide), ("b", &square)]);
    put("other.npz", &[("a", &array(1, 3, &[1.0; 3])), ("b", &array(1, 1, &[1.0]))]);
    put("half.npz", &[("a", &array(1, 2, &[1.0; 2]))]);
    put("odd.npz", &[("a", &array(1, 2, &[1.0; 2])), ("b", &square)]);
    let third = |moments: &'static str, state: &'static str, said: &str| {
        let words = ["landscape", moments, "--states", "C.npz", "far.npz", state, "--weight-decay", "0.05"];
        let message = refused(here.path(), &words);
        assert!(message.contains(said), "{state}: {message}");
    };
    third("two.json", "twice.npz", "lie on one line");
    third("two.json", "C.npz", "lie on one line");
    third("two.json", "wide.npz", "n = 1, 1, 2 dimensions; give three states of one n");
    third("two.json", "other.npz", "`a` has shape [1, 3]; a state for these moments has a of n × 2");
    third("two.json", "half.npz", "there is no `b`");
    third("two.json", "odd.npz", "`b` has shape [2, 2], and [1, 1] is needed");
    third("two.json", "nan.npz", "`a` holds NaN at [0, 0]");
    third("two.json", "none.npz", "--states none.npz");
    third("no-yy.json", "end.npz", "lack yy");
    third("one.json", "end.npz", "a of n × 1");
    for (words, said) in [
        (&["landscape", "two.json", "--weight-decay", "0.05"][..], "m = 2 inputs; give three states with --states"),
        (&["landscape", "two.json"], "--weight-decay"),
        (&["landscape", "--states", "C.npz", "far.npz", "end.npz"], "MOMENTS"),
        (&["landscape", "two.json", "--tau", "0.5", "--weight-decay", "0.05"], "cannot be used with"),
        (&["landscape", "two.json", "--weight-decay", "1", "--states", "C.npz", "far.npz"], "3 values"),
        (
            &["landscape", "two.json", "--weight-decay", "0", "--states", "C.npz", "far.npz", "end.npz"],
            "weight decay is 0",
        ),
    ] {
        let message = refused(here.path(), words);
        assert!(message.contains(said), "{words:?}: {message}");
    }
}
