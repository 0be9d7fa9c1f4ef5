//! Commands that train, on runs of a few steps.

use super::*;

const SHORT: [&str; 6] = ["--steps", "30", "--encoder-width", "8", "--batch-size", "32"];

fn with<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    words.iter().chain(&SHORT).chain(more).copied().collect()
}

fn done(folder: &Path, words: &[&str]) -> Output {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    output
}

#[test]
fn a_key_that_there_is_not_is_refused_with_the_nearest() {
    let here = folder();
    let message = refused(here.path(), &["train", "digits", "--set", "optimizer.learning_rte=0.1"]);
    assert_eq!(
        message,
        "error: --set: unknown key `optimizer.learning_rte`; did you mean `optimizer.learning_rate`?\n"
    );
    std::fs::write(here.path().join("asked.toml"), "[source]\npath = \"digits\"\n[trainng]\nsteps = 3\n")
        .expect("written");
    let message = refused(here.path(), &["compare", "--config", "asked.toml"]);
    assert!(message.contains("asked.toml: unknown key `trainng`; did you mean `training`?"), "{message}");
    assert!(!here.path().join("runs").exists(), "nothing was written");
}

#[test]
fn mistakes_are_named_before_anything_is_written() {
    let here = folder();
    std::fs::write(here.path().join("taken"), "").expect("written");
    for (words, part) in [
        (&["train", "nowhere.npy"][..], "nowhere.npy"),
        (&["train", "digits", "--set", "training.steps=many"], "`training.steps` expects a whole number"),
        (&["train", "digits", "--set", "network.encoder=cnn"], "`network.encoder`"),
        (&["train", "digits", "--batch-size", "100000"], "batch"),
        (&["train", "digits", "--views", "nonsense"], "nonsense"),
        (&["train", "digits", "--steps", "3", "--set", "training.steps=4"], "keep one of them"),
        (&["train", "digits", "--config", "nowhere.toml"], "nowhere.toml"),
        (&["train", "digits", "--out", "taken"], "taken"),
        (&["train", "digits", "--fail-on", "explodes"], "explodes"),
        (&["compare", "digits", "--fail-on", "fast:collapses"], "no run of this name"),
        (&["compare", "digits", "--runs", "joint; fast"], "`fast: key=value`"),
        (&["compare", "digits", "--field", "sg"], "--field has no effect"),
        (&["compare", "digits", "--seeds", "none"], "--seeds"),
        (&["report", "."], "no folder of a run or comparison"),
        (&["embed", ".", "digits", "--out", "e.npy"], "config.toml"),
    ] {
        let message = refused(here.path(), words);
        assert!(message.contains(part), "{words:?}: {message}");
    }
    assert!(!here.path().join("runs").exists(), "nothing was written");
}

#[test]
fn a_run_leaves_its_folder_and_goes_on_only_under_the_same_configuration() {
    let here = folder();
    let words = with(&["train", "digits", "--json", "--out", "run"], &[]);
    let first = document(&done(here.path(), &words));
    assert_eq!(first["runs"][0]["name"], "sg");
    for file in [
        "config.toml",
        "metrics.csv",
        "metrics.parquet",
        "verdict.json",
        "run.json",
        "command.json",
        "report.html",
        "report.json",
    ] {
        assert!(here.path().join("run").join(file).exists(), "{file}");
    }
    let again = document(&done(here.path(), &words));
    assert_eq!(first["runs"], again["runs"], "a finished run is read, not made again");
    done(here.path(), &with(&["train", "digits", "--out", "run"], &["--threads", "1"]));

    let message = refused(here.path(), &with(&["train", "digits", "--out", "run"], &["--learning-rate", "0.5"]));
    assert!(message.contains("optimizer.learning_rate: 0.02 there, 0.5 asked"), "{message}");
    refused(here.path(), &with(&["compare", "digits", "--out", "run"], &[]));

    let embedded = document(&done(here.path(), &["embed", "run", "digits", "--out", "e.npy", "--json"]));
    assert_eq!((&embedded["count"], &embedded["width"]), (&Value::from(1797), &Value::from(8)));
    let array = std::fs::read(here.path().join("e.npy")).expect("written");
    assert!(array.len() > 1797 * 8 * 4 && array.starts_with(b"\x93NUMPY"));

    // Invariant 6: the report is made of the files in the folder alone.
    let report = || std::fs::read(here.path().join("run/report.json")).expect("report");
    let before = report();
    std::fs::remove_file(here.path().join("run/report.json")).expect("removed");
    done(here.path(), &["report", "run"]);
    assert_eq!(report(), before);
}

#[test]
fn help_names_every_preset() {
    let here = folder();
    for command in ["data", "train", "compare"] {
        let help = stdout(&done(here.path(), &[command, "--help"]));
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for name in stopgrad_data::ViewRecipe::preset_names() {
            assert!(help.contains(&format!(" {name}")), "{command} --help does not name {name}");
        }
    }
}

#[test]
fn a_comparison_holds_its_runs_and_one_report() {
    let here = folder();
    let words = with(&["compare", "digits", "--quiet"], &[]);
    let output = done(here.path(), &words);
    assert_eq!(stderr(&output), "");
    let text = stdout(&output);
    for part in ["joint", "sg", "ema", "raw input", "waited for data: ", "runs/compare-digits-1/report.html"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let out = here.path().join("runs/compare-digits-1");
    let page = std::fs::read_to_string(out.join("report.html")).expect("page");
    assert_eq!(page.matches("<dt>Waited for data</dt><dd>–").count(), 0);
    assert_eq!(page.matches("<dt>Waited for data</dt><dd>").count(), 3);
    for file in [
        "comparison.json",
        "report.html",
        "report.json",
        "figures",
        "joint/run.json",
        "sg/report.html",
        "ema/metrics.csv",
    ] {
        assert!(out.join(file).exists(), "{file}");
    }
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).expect("report")).expect("JSON");
    let runs = report["runs"].as_array().expect("runs");
    for key in ["initial_weights_sha256", "data_order_sha256"] {
        assert!(runs.iter().all(|run| run[key] == runs[0][key]), "{key}");
    }
    refused(here.path(), &with(&["train", "digits", "--out", "runs/compare-digits-1"], &[]));
    let message = refused(here.path(), &["compare", "digits", "--steps", "31", "--out", "runs/compare-digits-1"]);
    assert!(message.contains("training.steps: 30 there, 31 asked"), "{message}");
}

#[test]
fn seeds_get_a_folder_each_and_variations_their_names() {
    let here = folder();
    let runs = "fast: field.kind=sg, optimizer.learning_rate=0.1";
    done(here.path(), &with(&["compare", "digits", "--out", "out", "--seeds", "2,5", "--runs", runs], &[]));
    assert!(here.path().join("out/fast/seed-2/run.json").exists());
    assert!(here.path().join("out/fast/seed-5/run.json").exists());
    let message = refused(here.path(), &with(&["compare", "digits", "--out", "out", "--runs", runs], &[]));
    assert!(message.contains("holds other files"), "{message}");
}

#[test]
fn a_time_limit_stops_at_a_checkpoint_and_says_how_to_go_on() {
    let here = folder();
    let words = ["train", "digits", "--steps", "1000000", "--time-limit", "0.5s", "--json"];
    let output = stopgrad(here.path(), &words);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let stopped = &document(&output)["stopped"];
    assert!(stopped["step"].as_u64().expect("step") < 1_000_000);
    assert!(stopped["resume"].as_str().expect("command").ends_with("--out runs/train-digits-1"));
    assert!(here.path().join("runs/train-digits-1/checkpoint").exists());
}
