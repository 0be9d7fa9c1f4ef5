//! Killed at any moment, started under any number of threads, fed with what is wrong: the same bits, or a message.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::*;

/// Small enough for a second in all, with checkpoints closer than rows of metrics.
const RUN: &str = "--steps 400 --batch-size 32 --encoder-width 8 --set network.encoder_hidden=[32] \
                   --set training.checkpoint_every=7 --set evaluation.descent_steps=20 --quiet";
const KILLS: usize = 5;

fn words<'a>(start: &[&'a str], more: &'a str) -> Vec<&'a str> {
    start.iter().copied().chain(more.split_whitespace()).collect()
}

fn done(folder: &Path, words: &[&str]) -> Output {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    output
}

fn start(folder: &Path, words: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_stopgrad"))
        .current_dir(folder)
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// A stream of numbers from 0 to 1 (Knuth's MMIX generator): the same moments in every run of the test.
fn moments(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Every file below a folder, but for the clock: `seconds` in tables, and the pages and binary tables that show it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(&place).expect("folder") {
            let path = entry.expect("entry").path();
            let name = path.strip_prefix(folder).expect("below").to_owned();
            match name.file_name().expect("name").to_str().expect("text") {
                "report.html" | "metrics.parquet" => {}
                _ if path.is_dir() => open.push(path),
                "metrics.csv" => _ = found.insert(name, without_times(&path)),
                _ => _ = found.insert(name, fs::read(&path).expect("file")),
            }
        }
    }
    found
}

fn without_times(metrics: &Path) -> Vec<u8> {
    let text = fs::read_to_string(metrics).expect("metrics");
    let header: Vec<&str> = text.lines().next().expect("header").split(',').collect();
    let timed = ["seconds", "waited_seconds"].map(|name| header.iter().position(|column| *column == name).expect(name));
    let kept = text.lines().map(|line| {
        let cells = line.split(',').enumerate().filter(|(column, _)| !timed.contains(column));
        cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",") + "\n"
    });
    kept.collect::<String>().into_bytes()
}

fn assert_same(undisturbed: &Path, other: &Path) {
    let (expected, found) = (files(undisturbed), files(other));
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    let differ: Vec<_> =
        expected.iter().filter(|(name, bytes)| found[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differ.is_empty(), "{differ:?} differ");
}

/// The same command undisturbed in one place, and in another killed at random moments and started again.
fn survives_kills(command: &str, options: &str, seed: u64) {
    let (calm, stormy) = (folder(), folder());
    let words = words(&[command, "digits", "--out", "out"], options);
    let began = Instant::now();
    done(calm.path(), &words);
    let whole = began.elapsed();

    let mut moment = moments(seed);
    let mut survivors = 0;
    for _ in 0..KILLS {
        let mut child = start(stormy.path(), &words);
        // No longer than a third each: five that do their work to the end would prove nothing.
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * moment() / 3.0));
        child.kill().expect("killed");
        survivors += usize::from(child.wait().expect("ended").success());
    }
    assert!(survivors < KILLS, "not one run was killed");
    done(stormy.path(), &words);
    assert_same(&calm.path().join("out"), &stormy.path().join("out"));
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    survives_kills("train", &format!("{RUN} --field ema"), 1);
}

#[test]
fn a_killed_comparison_goes_on_to_the_same_bits() {
    survives_kills("compare", RUN, 2);
}

#[test]
fn no_number_depends_on_the_threads() {
    let here = folder();
    let run = |threads: &str, out: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_stopgrad"))
            .current_dir(here.path())
            .env("RAYON_NUM_THREADS", threads)
            .args(words(&["train", "digits", "--threads", threads, "--out", out], RUN))
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let mut files = files(&here.path().join(out));
        // These name the folder and the threads.
        for name in ["command.json", "report.json", "config.toml"] {
            files.remove(Path::new(name));
        }
        files
    };
    let one = run("1", "one");
    assert!(one.contains_key(Path::new("metrics.csv")) && one.contains_key(Path::new("run.json")));
    for threads in ["2", "5"] {
        assert!(run(threads, threads) == one, "{threads} threads");
    }
}

#[test]
fn a_run_that_diverges_says_where_and_the_others_go_on() {
    let here = folder();
    let runs = "sg; hot: field.kind=sg, optimizer.learning_rate=1e9";
    let output = done(here.path(), &words(&["compare", "digits", "--out", "out", "--runs", runs], RUN));
    let text = stdout(&output);
    assert!(text.contains("hot (seed 0): The run diverged: ") && text.contains("at step "), "{text}");
    assert!(here.path().join("out/sg/verdict.json").exists());
}

#[test]
fn without_labels_training_works_and_probes_are_said_not_to_run() {
    let here = folder();
    let rows = (0..200).map(|i| format!("{}.5,{},{}\n", i % 7, i % 11, i % 13));
    fs::write(here.path().join("bare.csv"), format!("a,b,c\n{}nan,1,1\n", rows.collect::<String>())).expect("written");
    let options = "--steps 20 --batch-size 16 --set evaluation.descent_steps=5";
    let output = done(here.path(), &words(&["train", "bare.csv", "--out", "out"], options));
    assert!(stdout(&output).contains("probes were not run"), "{}", stdout(&output));
    assert!(stderr(&output).contains("1 of 201 samples are left out, the first bare.csv:202"), "{}", stderr(&output));
}

#[test]
fn a_place_that_cannot_be_written_or_is_in_use_is_told() {
    let here = folder();
    fs::write(here.path().join("file"), "").expect("written");
    assert!(refused(here.path(), &["train", "digits", "--out", "file/run"]).contains("choose another with --out"));
    let long = ["train", "digits", "--steps", "1000000", "--out", "busy"];
    let mut child = start(here.path(), &long);
    while !here.path().join("busy/config.toml").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let message = refused(here.path(), &long);
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(message.contains("another stopgrad is at work in busy"), "{message}");
}

#[cfg(unix)]
#[test]
fn words_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let here = folder();
    let output = Command::new(env!("CARGO_BIN_EXE_stopgrad"))
        .current_dir(here.path())
        .args(["data", "digits", "--out"])
        .arg(std::ffi::OsStr::from_bytes(b"sh\xe9et.png"))
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is not UTF-8 text"), "{}", stderr(&output));
}

#[test]
fn a_comparison_is_no_run_to_embed_with_and_loses_none_of_its_runs() {
    let here = folder();
    let options = "--steps 5 --batch-size 32 --set evaluation.descent_steps=2";
    done(here.path(), &words(&["compare", "digits", "--out", "out", "--runs", "sg; ema"], options));
    let message = refused(here.path(), &["embed", "out", "digits", "--out", "e.npy"]);
    assert!(message.contains("name one of its runs: out/sg, out/ema"), "{message}");

    let fewer = words(&["compare", "digits", "--out", "out", "--runs", "ema"], options);
    assert!(refused(here.path(), &fewer).contains("also has sg, which this command leaves out"));
    done(here.path(), &words(&["compare", "digits", "--out", "out", "--runs", "joint; sg; ema"], options));
}
