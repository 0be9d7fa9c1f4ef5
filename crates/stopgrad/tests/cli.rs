//! The built program as a user meets it: help, answers, mistakes, exit statuses.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn stopgrad(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stopgrad")).current_dir(folder).args(words).output().expect("the program starts")
}

/// What a command prints with so many threads.
fn printed_by_threads(folder: &Path, threads: &str, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stopgrad"));
    let output = command.current_dir(folder).args(words).env("RAYON_NUM_THREADS", threads).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    stdout(&output)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary folder")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// What a refused command says, after a look at the way it says it.
fn refused(folder: &Path, words: &[&str]) -> String {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output), "", "{words:?}");
    let message = stderr(&output);
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{message}");
    message
}

fn document(output: &Output) -> Value {
    let document: Value = serde_json::from_str(&stdout(output)).expect("one JSON document");
    for key in ["command", "version", "seed", "options", "inputs"] {
        assert!(document.get(key).is_some(), "{key} is missing");
    }
    document
}

#[test]
fn every_command_has_help_with_examples() {
    let here = folder();
    for words in [
        &["--help"][..],
        &["data", "--help"],
        &["moments", "--help"],
        &["train", "--help"],
        &["compare", "--help"],
        &["embed", "--help"],
        &["export", "--help"],
        &["diagnose", "--help"],
        &["watch", "--help"],
        &["report", "--help"],
        &["equilibria", "--help"],
        &["verify", "--help"],
        &["fibre", "--help"],
        &["flow", "--help"],
        &["basins", "--help"],
        &["sweep", "--help"],
        &["sweep", "predict", "--help"],
        &["sweep", "flow", "--help"],
        &["sweep", "basins", "--help"],
        &["landscape", "--help"],
        &["doctor", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ] {
        let output = stopgrad(here.path(), words);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("Examples:"), "{words:?}");
    }
    assert!(stdout(&stopgrad(here.path(), &["--version"])).starts_with("stopgrad "));
}

#[test]
fn a_wrong_call_is_status_2() {
    let here = folder();
    for words in [
        &["nonsense"][..],
        &["data"],
        &["train"],
        &["train", "digits", "--steps", "0"],
        &["train", "digits", "--field", "byol"],
    ] {
        let message = refused(here.path(), words);
        assert!(message.contains("--help") || message.contains("at least 1"), "{words:?}: {message}");
    }
}

#[test]
fn data_tells_what_is_in_digits() {
    let here = folder();
    let output = stopgrad(here.path(), &["data", "digits", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = document(&output);
    assert_eq!(document["command"], "data");
    assert_eq!(document["count"], 1797);
    assert_eq!(document["shape"], serde_json::json!([8, 8]));
    assert_eq!(document["classes"].as_array().expect("classes").len(), 10);
    assert_eq!(document["range"], serde_json::json!([0.0, 1.0]));
    let splits = document["splits"].as_object().expect("splits");
    let total: u64 = ["train", "validation", "test"].iter().map(|part| splits[*part].as_u64().expect("count")).sum();
    assert_eq!(total, 1797);
    assert_eq!(document["skipped"], serde_json::json!([]));
    assert_eq!(document["sheet"], "digits-sheet.png");
    let sheet = std::fs::read(here.path().join("digits-sheet.png")).expect("the sheet is written");
    assert!(sheet.starts_with(b"\x89PNG"));
}

#[test]
fn data_tells_people_the_same() {
    let here = folder();
    let output = stopgrad(here.path(), &["data", "digits", "--views", "digits", "--out", "pairs.png"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in ["1797", "8", "classes", "train", "sha256", "pairs.png"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(here.path().join("pairs.png").exists());
}

#[test]
fn data_refuses_what_is_not_there() {
    let here = folder();
    assert!(refused(here.path(), &["data", "nowhere.csv"]).contains("nowhere.csv"));
    assert!(refused(here.path(), &["data", "digits", "--views", "nonsense"]).contains("nonsense"));
    assert!(refused(here.path(), &["data", "digits", "--out", "no/such/folder/sheet.png"]).contains("sheet.png"));
    std::fs::write(here.path().join("empty.csv"), "").expect("written");
    refused(here.path(), &["data", "empty.csv"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let here = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stopgrad"))
        .current_dir(here.path())
        .args(["data", "digits", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(0));
}

#[cfg(not(feature = "train"))]
#[test]
fn a_program_without_training_says_so() {
    let here = folder();
    for words in [
        &["train", "digits"][..],
        &["compare", "digits"],
        &["report", "."],
        &["embed", "run", "digits", "--out", "e.npy"],
    ] {
        assert!(refused(here.path(), words).contains("feature `train`"));
    }
}

#[path = "cli/about.rs"]
mod about;
#[path = "cli/basins.rs"]
mod basins;
#[path = "cli/branches.rs"]
mod branches;
#[path = "cli/diagnose.rs"]
mod diagnose;
#[path = "cli/equilibria.rs"]
mod equilibria;
#[path = "cli/flow.rs"]
mod flow;
#[path = "cli/moments.rs"]
mod moments;
#[path = "cli/predict.rs"]
mod predict;
#[path = "cli/sweep.rs"]
mod sweep;

#[cfg(feature = "train")]
#[path = "cli/methods.rs"]
mod methods;
#[cfg(feature = "train")]
#[path = "cli/train.rs"]
mod train;
#[path = "cli/watch.rs"]
mod watch;

#[cfg(feature = "train")]
#[path = "cli/report.rs"]
mod report;

#[cfg(feature = "train")]
#[path = "cli/theory.rs"]
mod theory;

#[cfg(feature = "train")]
#[path = "cli/robust.rs"]
mod robust;

#[cfg(feature = "train")]
#[path = "cli/export.rs"]
mod export;
#[cfg(feature = "train")]
#[path = "cli/images.rs"]
mod images;
#[path = "cli/landscape.rs"]
mod landscape;
