//! `compare` of linear networks beside `predict` on the moments of the same pairs, made before any training.

use super::{document, folder, stderr, stdout, stopgrad};

const LINEAR: [&str; 18] = [
    "--encoder",
    "linear",
    "--encoder-width",
    "6",
    "--views",
    "noise",
    "--set",
    "views.features=pca:6",
    "--set",
    "views.fixed_pairs=1",
    "--set",
    "objective.symmetrized=true",
    "--set",
    "training.precision=f64",
    "--weight-decay",
    "0.05",
    "--learning-rate",
    "0.1",
];

#[test]
fn a_prediction_made_before_training_is_where_training_ends() {
    let here = folder();
    let moments = "moments digits --views noise --center --features pca:6 --split train --augmentations 2 --out m.npz";
    let output = stopgrad(here.path(), &moments.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let predict = |file: &str| {
        document(&stopgrad(here.path(), &["predict", file, "--weight-decay", "0.05", "--embedding-dim", "6", "--json"]))
    };
    let predicted = predict("m.npz");

    let more = ["--batch-size", "0", "--steps", "1600", "--set", "network.encoder_start=orthonormal", "--out", "c"];
    let words = [&["compare", "digits", "--json", "--quiet"], &LINEAR[..], &more].concat();
    let output = stopgrad(here.path(), &words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let compared = document(&output);

    let close = |a: &serde_json::Value, b: &serde_json::Value, tolerance: f64| {
        (a.as_f64().expect("a number") / b.as_f64().expect("a number") - 1.0).abs() < tolerance
    };
    for (run, name) in ["joint", "sg", "ema"].into_iter().enumerate() {
        let run = &compared["runs"][run];
        let (theory, outcome) = (&run["theory"]["prediction"], &run["theory"]["outcome"]);
        assert_eq!(run["name"], name);
        if name == "joint" {
            assert_eq!((&theory["rank"], &outcome["rank"]), (&0.into(), &0.into()));
            continue;
        }
        assert_eq!((&theory["rank"], &outcome["rank"]), (&predicted["rank"], &predicted["rank"]));
        // f32 rounds the components of training views.
        assert!(close(&theory["critical_weight_decay"], &predicted["critical_weight_decay"], 1e-5), "{theory}");
        for k in 0..6 {
            assert!(close(&outcome["s_eigenvalues"][k], &predicted["s_eigenvalues"][k], 1e-3), "{name}: {outcome}");
        }
    }
    // The moments that a run leaves are a file of moments like any other.
    let again = predict("c/sg/moments.npz");
    assert_eq!(again["s_eigenvalues"], compared["runs"][1]["theory"]["prediction"]["s_eigenvalues"]);

    let page = std::fs::read_to_string(here.path().join("c/report.html")).expect("a page");
    assert!(page.contains("<h2>Theory and outcome</h2>") && page.contains("id=\"theory-spectra\""));
    assert!(here.path().join("c/figures/theory-spectra.csv").exists());
    // From its files alone the report is the same.
    let figures = std::fs::read(here.path().join("c/figures/theory-spectra.svg")).expect("a figure");
    assert_eq!(stopgrad(here.path(), &["report", "c"]).status.code(), Some(0));
    assert_eq!(std::fs::read(here.path().join("c/figures/theory-spectra.svg")).expect("a figure"), figures);
}

#[test]
fn what_is_not_compared_is_said_in_words() {
    let here = folder();
    let more = ["--steps", "20", "--runs", "sg", "--set", "network.projector=linear"];
    let words = [&["compare", "digits", "--quiet"], &LINEAR[..], &more].concat();
    let output = stopgrad(here.path(), &words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("sg: not compared with the theory. The theory is about one matrix"));
}
