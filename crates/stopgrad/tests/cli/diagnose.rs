//! `stopgrad diagnose`.

use std::path::Path;

use serde_json::Value;
use stopgrad_data::npy::{self, NpyArray, NpyData};
use stopgrad_data::npz;

use super::{document, folder, refused, stderr, stdout, stopgrad};

/// A fixed stream of numbers in −1 … 1, never the same for two seeds.
pub(super) fn stream(seed: u64, length: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / 4_503_599_627_370_496.0 - 1.0
        })
        .collect()
}

pub(super) fn array(shape: &[usize], values: Vec<f64>) -> NpyArray {
    NpyArray::new(shape, NpyData::F64(values))
}

pub(super) fn write(path: &Path, shape: &[usize], values: Vec<f64>) {
    npy::write(path, &array(shape, values)).expect("written");
}

fn said(folder: &Path, words: &[&str]) -> Value {
    let output = stopgrad(folder, &[&["diagnose", "--json"], words].concat());
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

#[test]
fn outputs_are_judged_and_tokens_too() {
    let here = folder();
    write(&here.path().join("full.npy"), &[200, 8], stream(1, 1600));
    write(&here.path().join("flat.npy"), &[200, 8], vec![0.5; 1600]);
    let positions = stream(2, 4 * 8);
    write(&here.path().join("tokens.npy"), &[50, 4, 8], (0..1600).map(|at| positions[at % 32]).collect());
    for (file, answer) in [("full.npy", "no"), ("flat.npy", "complete"), ("tokens.npy", "positional")] {
        let found = said(here.path(), &[file]);
        assert_eq!(found["collapses"]["answer"], answer, "{found}");
        assert_eq!((&found["command"], &found["minimises"]["answer"]), (&"diagnose".into(), &"not run".into()));
        assert_eq!(found["inputs"][0]["path"], file);
    }
    let text = stdout(&stopgrad(here.path(), &["diagnose", "full.npy", "flat.npy"]));
    assert!(text.starts_with("collapses: complete") && text.contains("full.npy    no"), "{text}");
    let status = |words: &[&str]| stopgrad(here.path(), &[&["diagnose"], words].concat()).status.code();
    assert_eq!(status(&["flat.npy", "--fail-on", "collapses"]), Some(1));
    assert_eq!(status(&["full.npy", "--fail-on", "collapses"]), Some(0));
}

#[test]
fn roles_come_from_names_or_options_and_a_collapsed_teacher_is_told() {
    let here = folder();
    let (x, noise) = (stream(1, 1600), stream(2, 1600));
    let y: Vec<f64> = x.iter().zip(&noise).map(|(x, e)| x + 0.5 * e).collect();
    let arrays =
        [("x", array(&[200, 8], x)), ("y", array(&[200, 8], y)), ("teacher", array(&[200, 8], vec![2.0; 1600]))];
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(name, array)| (*name, array)).collect();
    npz::write(here.path().join("all.npz"), &named).expect("written");
    for (name, array) in &named {
        npy::write(here.path().join(format!("{name}.npy")), array).expect("written");
    }
    let by_name = said(here.path(), &["all.npz"]);
    let by_option = said(here.path(), &["x.npy", "--second-view", "y.npy", "--teacher", "teacher.npy"]);
    assert_eq!(by_name["collapses"], by_option["collapses"]);
    assert_eq!(by_name["views"], by_option["views"]);
    assert_eq!(by_name["collapses"]["where"]["teacher"]["kind"], "complete");
    let share = by_name["views"]["shared_share"].as_f64().expect("a number");
    // cov 1, variances 1 and 1.25.
    assert!((share - 1.0 / 1.125).abs() < 0.03, "{share}");
    let text = stdout(&stopgrad(here.path(), &["diagnose", "all.npz"]));
    assert!(text.starts_with("collapses: no, but the teacher alone: complete\n"), "{text}");
}

#[test]
fn samples_that_are_not_finite_are_left_out_of_both_views() {
    let here = folder();
    let (mut x, y) = (stream(1, 320), stream(2, 320));
    x[8 * 5 + 2] = f64::NAN;
    write(&here.path().join("x.npy"), &[40, 8], x);
    write(&here.path().join("y.npy"), &[40, 8], y);
    let found = said(here.path(), &["x.npy", "--second-view", "y.npy"]);
    for role in ["encoder", "second_view"] {
        assert_eq!(found["left_out"][role], serde_json::json!({ "count": 1, "first": [5] }));
    }
    assert_eq!(found["collapses"]["where"]["encoder"]["evidence"]["samples"], 39);
}

#[test]
fn labels_views_and_a_reference_are_told_and_shown() {
    let here = folder();
    let labels: Vec<i64> = (0..300).map(|row| row % 3).collect();
    let shifted = |seed| -> Vec<f64> {
        let rows = stream(seed, 2400);
        rows.iter().enumerate().map(|(at, x)| x + if at % 8 == labels[at / 8] as usize { 5.0 } else { 0.0 }).collect()
    };
    let x = shifted(1);
    let y: Vec<f64> = x.iter().zip(stream(2, 2400)).map(|(x, e)| x + 0.1 * e).collect();
    let named = [
        ("x", array(&[300, 8], x)),
        ("y", array(&[300, 8], y)),
        ("reference", array(&[300, 8], stream(3, 2400))),
        ("labels", NpyArray::new(&[300], NpyData::I64(labels))),
    ];
    let named: Vec<(&str, &NpyArray)> = named.iter().map(|(name, array)| (*name, array)).collect();
    npz::write(here.path().join("all.npz"), &named).expect("written");
    let words = ["all.npz", "--weight-decay", "0.01", "--moments", "m.npz", "--report", "page"];
    let found = said(here.path(), &words);
    let accuracy = |key: &str| found["probes"][key]["accuracy"].as_f64().expect("measured");
    assert!(accuracy("knn") > 0.95 && accuracy("linear") > 0.95 && accuracy("linear_reference") < 0.6, "{found}");
    assert_eq!((&found["theory"]["support_rank"], &found["theory"]["rank"]), (&8.into(), &8.into()));
    let page = std::fs::read_to_string(here.path().join("page/report.html")).expect("a page");
    for wanted in ["Has it collapsed?", "a linear probe", "The linear theory", "How the variance is spread"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(here.path().join("page/figures/spectra.csv").is_file());
    // The moments are those of the theory.
    let predicted = document(&stopgrad(here.path(), &["predict", "m.npz", "--weight-decay", "0.01", "--json"]));
    assert_eq!(predicted["s_eigenvalues"], found["theory"]["prediction"]["s_eigenvalues"]);
    assert_eq!(predicted["survival"], found["theory"]["prediction"]["survival"]);
}

#[test]
fn shrinking_is_judged_by_the_loss() {
    let here = folder();
    let x = stream(1, 1600);
    write(&here.path().join("z.npy"), &[200, 8], x.iter().map(|x| 0.01 * x).collect());
    write(&here.path().join("start.npy"), &[200, 8], x);
    let answer = |words: &[&str]| {
        said(here.path(), &[&["z.npy", "--reference", "start.npy"], words].concat())["collapses"]["answer"].clone()
    };
    assert_eq!(answer(&[]), "undecided");
    assert_eq!(answer(&["--loss", "cosine"]), "no");
    assert_eq!(answer(&["--loss", "squared"]), "complete");
    let open = stopgrad(here.path(), &["diagnose", "z.npy", "--reference", "start.npy", "--require", "decided"]);
    assert_eq!(open.status.code(), Some(1));
}

#[test]
fn rows_without_numbers_and_columns_without_change_are_named() {
    let here = folder();
    let mut values = stream(1, 1600);
    values[8 * 7] = f64::NAN;
    (0..200).for_each(|row| values[8 * row + 5] = 2.0);
    write(&here.path().join("z.npy"), &[200, 8], values);
    let text = stdout(&stopgrad(here.path(), &["diagnose", "z.npy"]));
    assert!(text.contains("1 sample is left out") && text.contains("1 column (from 0: 5) is the same"), "{text}");
}

#[test]
fn what_is_no_output_is_refused_with_what_to_do() {
    let here = folder();
    write(&here.path().join("row.npy"), &[8], stream(1, 8));
    write(&here.path().join("few.npy"), &[20, 8], stream(1, 160));
    write(&here.path().join("more.npy"), &[30, 8], stream(1, 240));
    write(&here.path().join("nan.npy"), &[2, 2], vec![f64::NAN; 4]);
    npz::write(here.path().join("names.npz"), &[("a", &array(&[1, 1], vec![0.0])), ("b", &array(&[1, 1], vec![0.0]))])
        .expect("written");
    // numpy.save of an array of objects: a header that says so, then a pickle.
    let mut pickle = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    pickle
        .extend_from_slice(format!("{:<69}\n", "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }").as_bytes());
    pickle.extend_from_slice(b"\x80\x04cos\nsystem\n");
    std::fs::write(here.path().join("pickle.npy"), pickle).expect("written");
    for (words, wanted) in [
        (&["row.npy"][..], "[samples, dimensions]"),
        (&["few.npy", "--second-view", "more.npy"], "row by row"),
        (&["nan.npy"], "not finite"),
        (&["names.npz"], "`a`, `b`"),
        (&["pickle.npy"], "objects"),
        (&["few.npy", "--labels", "row.npy"], "whole numbers"),
        (&["few.npy", "--weight-decay", "0.1"], "second view"),
        (&["few.npy", "--moments", "m.npz"], "--second-view"),
        (&["model.pt"], "check that the path exists"),
        (&[], "FILE"),
    ] {
        let said = refused(here.path(), &[&["diagnose"], words].concat());
        assert!(said.contains(wanted), "{words:?}: {said}");
    }
}
