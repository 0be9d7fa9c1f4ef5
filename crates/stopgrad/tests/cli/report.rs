//! Reports of any runs together, and what is written beside them.

use std::fmt::Write as _;

use super::*;

const SHORT: [&str; 6] = ["--steps", "30", "--encoder-width", "8", "--batch-size", "32"];

fn done(folder: &Path, words: &[&str]) -> Output {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    output
}

fn train(folder: &Path, out: &str, more: &[&str]) {
    let words: Vec<&str> =
        ["train", "digits", "--quiet", "--out", out].iter().chain(&SHORT).chain(more).copied().collect();
    done(folder, &words);
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("report")).expect("JSON")
}

fn names(report: &Value) -> Vec<String> {
    let runs = report["runs"].as_array().expect("runs");
    runs.iter().map(|run| format!("{} {}", run["name"].as_str().expect("name"), run["seed"])).collect()
}

#[test]
fn any_folders_of_runs_make_one_report_under_names_of_their_own() {
    let here = folder();
    train(here.path(), "all/one", &[]);
    train(here.path(), "all/two", &["--seed", "1"]);
    train(here.path(), "all/parted", &["--set", "split.seed=5"]);
    let words: Vec<&str> =
        ["compare", "digits", "--quiet", "--out", "all/three"].iter().chain(&SHORT).copied().collect();
    done(here.path(), &words);

    // Seeds of one configuration, wherever they are, keep their name and are seeds.
    let output = document(&done(here.path(), &["report", "all/one", "all/two", "--json"]));
    assert_eq!((&output["runs"], &output["missing"]), (&Value::from(2), &serde_json::json!([])));
    let report = here.path().join("runs/report-1");
    assert_eq!(names(&json(&report.join("report.json"))), ["sg 0", "sg 1"]);
    let page = std::fs::read_to_string(report.join("report.html")).expect("page");
    for id in ["joint-objective", "plane-1", "neighbors-1", "pairs-1"] {
        for kind in ["csv", "svg"] {
            assert!(page.contains(&format!("href=\"figures/{id}.{kind}\"")), "{id}.{kind} is not linked");
            assert!(report.join(format!("figures/{id}.{kind}")).exists(), "{id}.{kind}");
        }
    }

    // A folder of folders; other configurations and a run made twice are told apart by their folders.
    done(here.path(), &["report", "all", "all/one", "--out", "together", "--tensorboard"]);
    let whole = json(&here.path().join("together/report.json"));
    let expected = ["sg (one) 0", "sg (parted) 0", "joint 0", "sg (three) 0", "ema 0", "sg (one) 1"];
    assert_eq!(names(&whole), expected);
    let notes = whole["notes"].to_string();
    assert!(notes.contains("sg (parted): split.seed = 5"), "{notes}");
    // A run of a comparison is known by that.
    done(here.path(), &["report", "all/parted", "all/three/sg", "--out", "two"]);
    assert_eq!(names(&json(&here.path().join("two/report.json"))), ["sg (parted) 0", "sg (three) 0"]);
    for run in ["joint", "ema"] {
        let events = here.path().join("together/tensorboard").join(run).join("events.out.tfevents.0000000000.stopgrad");
        assert!(events.exists(), "{}", events.display());
    }
    // The page of several folders is made again in its folder, and no other is overwritten.
    done(here.path(), &["report", "all/one", "all/three", "--out", "together"]);
    let message = refused(here.path(), &["report", "all/one", "all/two", "--out", "all/three"]);
    assert!(message.contains("holds a comparison"), "{message}");
}

#[test]
fn what_is_not_finished_or_damaged_is_named_with_its_folder() {
    let here = folder();
    train(here.path(), "runs/good", &[]);
    train(here.path(), "runs/half", &[]);
    std::fs::remove_file(here.path().join("runs/half/run.json")).expect("removed");
    let message = refused(here.path(), &["report", "runs"]);
    assert!(message.contains("no run in runs/half has finished"), "{message}");
    done(here.path(), &["report", "runs", "--skip-unfinished", "--out", "page"]);
    let report = json(&here.path().join("page/report.json"));
    assert_eq!(
        (names(&report).len(), &report["left_out"][0]),
        (1, &Value::from("sg (seed 0) is not finished and left out."))
    );
    refused(here.path(), &["report", "runs/half", "--skip-unfinished"]);

    train(here.path(), "runs/half", &[]);
    let gallery = here.path().join("runs/half/gallery.npz");
    let whole = std::fs::read(&gallery).expect("gallery");
    std::fs::write(&gallery, &whole[..whole.len() / 2]).expect("written");
    let message = refused(here.path(), &["report", "runs", "--skip-unfinished"]);
    assert!(message.contains("runs/half") && message.contains("gallery.npz"), "{message}");
    // A run of an earlier version has none, and still reports.
    std::fs::remove_file(&gallery).expect("removed");
    done(here.path(), &["report", "runs/half"]);
    let page = std::fs::read_to_string(here.path().join("runs/half/report.html")).expect("page");
    assert!(!page.contains("Nearest neighbors") && page.contains("The objective"));
}

#[test]
fn event_files_come_by_option_and_are_the_same_again() {
    let here = folder();
    train(here.path(), "run", &[]);
    let events = here.path().join("run/tensorboard/sg/events.out.tfevents.0000000000.stopgrad");
    assert!(!events.exists());
    train(here.path(), "run", &["--tensorboard"]);
    let first = std::fs::read(&events).expect("events");
    let metrics = std::fs::read_to_string(here.path().join("run/metrics.csv")).expect("metrics");
    for name in ["joint_objective", "student_encoder_effective_rank"] {
        let count = first.windows(name.len()).filter(|bytes| *bytes == name.as_bytes()).count();
        assert_eq!(count, metrics.lines().count() - 1, "{name} once a row");
    }
    std::fs::remove_file(&events).expect("removed");
    done(here.path(), &["report", "run", "--tensorboard"]);
    assert_eq!(std::fs::read(&events).expect("events"), first);
}

#[test]
fn hostile_names_of_files_and_classes_are_text_everywhere() {
    let here = folder();
    let name = "<script>alert(1)<∕script>\"&'\u{202e}.csv";
    let classes = ["<img src=x onerror=alert(1)>", "=1+1", "\u{202e}gpj", "a \"b\" & 'c'"];
    let mut table = String::from("a,b,c,label\n");
    for row in 0..80 {
        let class = classes[row % 4].replace('"', "\"\"");
        let x = |k: usize| ((row * k * 37) % 17) as f64 / 7.0 + (row % 4) as f64;
        writeln!(table, "{},{},{},\"{class}\"", x(1), x(2), x(3)).expect("memory takes every byte");
    }
    std::fs::write(here.path().join(name), table).expect("written");
    done(here.path(), &["train", name, "--steps", "20", "--batch-size", "16", "--encoder-width", "4", "--out", "run"]);
    let run = here.path().join("run");
    let mut open = vec![run.join("report.html")];
    open.extend(std::fs::read_dir(run.join("figures")).expect("figures").map(|entry| entry.expect("entry").path()));
    assert!(open.iter().any(|path| path.ends_with("neighbors-1.svg")));
    for path in open {
        let text = std::fs::read_to_string(&path).expect("text");
        let place = path.display();
        if path.extension().is_some_and(|ending| ending == "csv") {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let cells =
                reader.records().flat_map(|row| row.expect("row").iter().map(str::to_owned).collect::<Vec<_>>());
            assert!(cells.into_iter().all(|cell| !cell.starts_with('=')), "{place}");
        } else {
            for word in ["<script", "<img", "\u{202e}", "&'", "& '"] {
                assert!(!text.contains(word), "{word:?} in {place}");
            }
        }
    }
    json(&run.join("report.json"));
}
