//! `stopgrad sweep`.

use std::path::Path;

use serde_json::{Value, json};

use super::{document, folder, printed_by_threads, refused, stderr, stdout, stopgrad};

const FLOW: [&str; 14] = [
    "sweep",
    "flow",
    "two.json",
    "--field",
    "sg",
    "--weight-decay",
    "0.01:0.16:3",
    "--embedding-dim",
    "3,2",
    "--seed",
    "4..5",
    "--out",
    "ends",
    "--json",
];
const SCALAR: [&str; 12] = [
    "sweep",
    "basins",
    "--scalar",
    "--init-scale",
    "0.5,1",
    "--embedding-dim",
    "1,2",
    "--trials",
    "40",
    "--out",
    "shares",
    "--json",
];

fn write_two(folder: &Path) {
    let two = r#"{"xx": [[1, 0], [0, 1]], "yx": [[0.9, 0], [0, 0.7]], "yy": [[1, 0], [0, 1]]}"#;
    std::fs::write(folder.join("two.json"), two).expect("written");
}

fn said(folder: &Path, words: &[&str]) -> Value {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

/// The rows of a table as cells, its header first.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.expect("CSV").iter().map(str::to_owned).collect()).collect()
}

fn table(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name).join("table.csv")).expect("a table")
}

/// Everything but the last column, which is `seconds`.
fn without_seconds(text: &str) -> Vec<Vec<String>> {
    let mut rows = cells(text);
    assert_eq!(rows[0].pop().as_deref(), Some("seconds"));
    rows[1..].iter_mut().for_each(|row| drop(row.pop()));
    rows
}

fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let place = rows[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("{name} in {:?}", rows[0]));
    rows[1..].iter().map(|row| row[place].clone()).collect()
}

#[test]
fn points_come_in_the_order_of_the_grid_and_say_what_the_command_says() {
    let here = folder();
    write_two(here.path());
    let found = said(here.path(), &FLOW);
    for (key, value) in [("sweep", json!("flow")), ("points", 12.into()), ("done", 12.into()), ("skipped", 0.into())] {
        assert_eq!(found[key], value, "{key}");
    }
    assert_eq!((&found["failed"], &found["seed"]), (&json!(0), &json!(4)));
    assert_eq!(found["options"]["weight_decay"], json!([0.01, 0.04, 0.16]));
    assert_eq!((&found["table"], &found["report"]), (&json!("ends/table.csv"), &json!("ends/report.html")));
    for file in ["table.parquet", "sweep.json", "report.json", "figures/rank.svg", "figures/rank.csv"] {
        assert!(here.path().join("ends").join(file).exists(), "{file}");
    }
    let text = table(here.path(), "ends");
    let head = "weight_decay,ema_rate,embedding_dim,init_scale,seed,stop,time,steps,rank,residual,balance_gap_error,period,\
                stability,leading_rate,kappa,objective,proxy_objective,error,seconds";
    assert_eq!(text.lines().next(), Some(head));
    let rows = cells(&text);
    let order: Vec<String> = ["0.01", "0.04", "0.16"].iter().flat_map(|decay| [*decay; 4]).map(str::to_owned).collect();
    assert_eq!(column(&rows, "weight_decay"), order);
    assert_eq!(column(&rows, "embedding_dim"), ["3", "3", "2", "2"].repeat(3));
    assert_eq!(column(&rows, "seed"), ["4", "5"].repeat(6));
    // The point 0.04, 2, 5 is the eighth, and is what the command says of it, to the bit.
    let words = [
        "flow",
        "two.json",
        "--field",
        "sg",
        "--weight-decay",
        "0.04",
        "--embedding-dim",
        "2",
        "--seed",
        "5",
        "--json",
    ];
    let alone = said(here.path(), &words);
    for (name, at) in [
        ("time", "/time"),
        ("residual", "/residual"),
        ("rank", "/rank"),
        ("kappa", "/kappa/value"),
        ("leading_rate", "/stability/leading_rate"),
        ("objective", "/objective"),
    ] {
        let cell: f64 = column(&rows, name)[7].parse().expect("a number");
        let expected = alone.pointer(at).and_then(Value::as_f64).expect("a number");
        assert_eq!(cell.to_bits(), expected.to_bits(), "{name}");
    }
}

#[test]
fn a_table_cut_anywhere_is_gone_on_with_to_the_same_rows() {
    let here = folder();
    write_two(here.path());
    for (words, name) in [(&FLOW[..], "ends"), (&SCALAR[..], "shares")] {
        said(here.path(), words);
        let whole = table(here.path(), name);
        let path = here.path().join(name).join("table.csv");
        let second = whole.match_indices('\n').nth(1).expect("lines").0;
        for cut in [0, 10, second + 1, second + 30, whole.len() * 2 / 3, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).expect("cut");
            let found = said(here.path(), words);
            let number = |key: &str| found[key].as_u64().expect("a count");
            assert_eq!(number("done") + number("skipped"), number("points"));
            assert!(
                number("done") > 0
                    && (number("skipped") > 0) == (cut > whole.len() / 2 || (name == "ends" && cut > second))
            );
            assert_eq!(without_seconds(&table(here.path(), name)), without_seconds(&whole), "cut at {cut}");
        }
        let again = table(here.path(), name);
        let found = said(here.path(), words);
        assert_eq!((&found["done"], &found["skipped"]), (&json!(0), &found["points"]));
        assert_eq!(table(here.path(), name), again, "what is whole is not touched");
    }
}

#[test]
fn another_sweep_in_the_folder_is_refused_with_the_difference() {
    let here = folder();
    write_two(here.path());
    said(here.path(), &FLOW);
    let before = table(here.path(), "ends");
    let other = FLOW.map(|word| if word == "4..5" { "4..6" } else { word });
    let message = refused(here.path(), &other);
    assert!(message.contains("--seed: 4, 5 there, 4, 5, 6 asked"), "{message}");
    let message = refused(here.path(), &[&FLOW[..], &["--rtol", "1e-6"]].concat());
    assert!(message.contains("--rtol: not set there"), "{message}");
    let predict = ["sweep", "predict", "two.json", "--weight-decay", "0.1", "--out", "ends"];
    assert!(refused(here.path(), &predict).contains("--sweep: flow there, predict asked"));
    std::fs::write(here.path().join("two.json"), r#"{"xx": [[1]], "yx": [[0.5]]}"#).expect("written");
    assert!(refused(here.path(), &FLOW).contains("content of the input"));
    assert_eq!(table(here.path(), "ends"), before);
    write_two(here.path());
    std::fs::write(here.path().join("ends/table.csv"), before.replace("\n0.01,", "\n0.02,")).expect("written");
    let message = refused(here.path(), &FLOW);
    assert!(message.contains("line 2: it is not the point of the grid that is due there"), "{message}");
    std::fs::write(here.path().join("thesis.tex"), "").expect("written");
    let here_itself = FLOW.map(|word| if word == "ends" { "." } else { word });
    assert!(refused(here.path(), &here_itself).contains("holds other files"));
}

#[test]
fn options_that_do_not_apply_and_lists_that_are_none_are_refused() {
    let here = folder();
    write_two(here.path());
    let predict = ["sweep", "predict", "two.json", "--out", "o", "--weight-decay"];
    let flow = ["sweep", "flow", "two.json", "--embedding-dim", "2", "--out", "o", "--weight-decay", "0.1"];
    let with = |words: &[&'static str], more: &[&'static str]| [words, more].concat();
    for (words, said) in [
        (with(&predict, &["0.1", "--init-scale", "1,2"]), "--init-scale does not apply to predict"),
        (with(&predict, &["0.1", "--ema-rate", "1"]), "--ema-rate does not apply to predict"),
        (with(&flow, &["--field", "sg", "--ema-rate", "0.1,1"]), "--ema-rate does not apply to --field sg"),
        (with(&flow, &["--field", "sg", "--start", "two.json", "--init-scale", "2"]), "--init-scale does not apply"),
        (with(&flow, &["--field", "sg", "--start", "none.npz"]), "none.npz"),
        (vec!["sweep", "basins", "--scalar", "--weight-decay", "0.1", "--out", "o"], "cannot be used with"),
        (vec!["sweep", "basins", "two.json", "--weight-decay", "0.1", "--out", "o"], "--embedding-dim"),
        (vec!["sweep", "flow", "two.json", "--field", "sg", "--weight-decay", "0.1", "--out", "o"], "--embedding-dim"),
        (vec!["sweep", "predict", "two.json", "--weight-decay", "0.1"], "--out"),
        (with(&predict, &["0.1,0.1"]), "twice"),
        (with(&predict, &["1:2"]), "FROM:TO:COUNT"),
        (with(&predict, &["0.1", "--seed", "0..100000"]), "at most"),
        (with(&predict, &["1:2:1000", "--seed", "0..1000"]), "1001000 points"),
        (vec!["sweep", "predict", "none.npz", "--weight-decay", "0.1", "--out", "o"], "none.npz"),
    ] {
        let message = refused(here.path(), &words);
        assert!(message.contains(said), "{words:?}: {message}");
    }
    assert!(!here.path().join("o").exists(), "nothing is begun by a call that is refused");
}

#[test]
fn a_point_that_fails_is_a_row_unless_all_fail_alike() {
    let here = folder();
    write_two(here.path());
    let words = ["sweep", "predict", "two.json", "--weight-decay", "0.05,-1", "--seed", "0,1", "--out", "o", "--json"];
    let found = said(here.path(), &words);
    assert_eq!((&found["done"], &found["failed"]), (&json!(4), &json!(2)));
    let rows = cells(&table(here.path(), "o"));
    let errors = column(&rows, "error");
    assert!(errors[2].contains("-1") && errors[2] == errors[3] && errors[0].is_empty(), "{errors:?}");
    assert_eq!(column(&rows, "rank"), ["2", "2", "", ""]);
    assert_eq!(stopgrad(here.path(), &[&words[..], &["--require", "decided"]].concat()).status.code(), Some(1));
    // All fail, each in its own words.
    let own = ["sweep", "predict", "two.json", "--weight-decay", "0,-2", "--out", "own", "--json"];
    assert_eq!(said(here.path(), &own)["failed"], 2);
    // All fail in the same words: the call is wrong, and the folder is free for a better one.
    std::fs::write(here.path().join("bare.json"), r#"{"xx": [[1]], "yx": [[0.5]]}"#).expect("written");
    let call = |field| {
        let list = ["--weight-decay", "0.01,0.1", "--embedding-dim", "1,2", "--out", "bare", "--field", field];
        [&["sweep", "flow", "bare.json"][..], &list].concat()
    };
    assert!(refused(here.path(), &call("joint")).contains("yy"));
    assert_eq!(stopgrad(here.path(), &call("sg")).status.code(), Some(0));
}

#[test]
fn shares_have_a_row_an_outcome_and_one_time_a_point() {
    let here = folder();
    let found = said(here.path(), &SCALAR);
    assert_eq!((&found["points"], &found["inputs"]), (&json!(4), &json!([])));
    let rows = cells(&table(here.path(), "shares"));
    let head = "ema_rate,embedding_dim,init_scale,seed,field,label,count,fraction,wilson_low,wilson_high,error,seconds";
    assert_eq!(rows[0].join(","), head);
    let timed = column(&rows, "seconds").iter().filter(|seconds| !seconds.is_empty()).count();
    assert_eq!(timed, 4);
    let counts: u64 = column(&rows, "count").iter().map(|count| count.parse::<u64>().expect("a count")).sum();
    assert_eq!(counts, 4 * 3 * 40, "points, fields, trials");
    let (fields, rates) = (column(&rows, "field"), column(&rows, "ema_rate"));
    assert!(fields.iter().zip(&rates).all(|(field, rate)| rate == if field == "ema" { "1.0" } else { "" }));
    let pages = ["figures/outcomes-1.svg", "figures/outcomes-6.csv", "report.html"];
    assert!(pages.iter().all(|file| here.path().join("shares").join(file).exists()));
}

#[test]
fn the_number_of_threads_changes_no_row() {
    let here = folder();
    write_two(here.path());
    for (words, name) in [(&FLOW[..], "ends"), (&SCALAR[..], "shares")] {
        let mut tables = Vec::new();
        for threads in ["1", "3"] {
            printed_by_threads(here.path(), threads, words);
            tables.push(without_seconds(&table(here.path(), name)));
            std::fs::remove_dir_all(here.path().join(name)).expect("removed");
        }
        assert_eq!(tables[0], tables[1], "{name}");
    }
}

#[test]
fn a_time_limit_stops_before_the_next_point() {
    let here = folder();
    write_two(here.path());
    let output = stopgrad(here.path(), &[&FLOW[..], &["--time-limit", "0.000001s"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found = document(&output);
    assert_eq!((&found["done"], &found["parquet"], &found["report"]), (&json!(0), &Value::Null, &Value::Null));
    let text = stdout(&stopgrad(here.path(), &FLOW[..13]));
    assert!(text.contains("12 points: 3 values of λ, 2 values of n and 2 values of seed."), "{text}");
}
