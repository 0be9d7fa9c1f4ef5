//! `stopgrad equilibria` and `stopgrad verify`.

use std::path::Path;

use serde_json::{Value, json};

use super::{document, folder, refused, stderr, stdout, stopgrad};

/// ρ = 1, 0.8 and τ = 0.9, −0.7, uncoupled: of full rank the real ones are the 4 choices of radii.
fn two(folder: &Path) {
    let text = r#"{"xx": [[1.0, 0.0], [0.0, 0.8]], "yx": [[0.9, 0.0], [0.0, -0.7]], "yy": [[1.0, 0.0], [0.0, 0.8]]}"#;
    std::fs::write(folder.join("two.json"), text).expect("written");
}

fn said(folder: &Path, words: &[&str]) -> Value {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}{}", stdout(&output), stderr(&output));
    document(&output)
}

const FOUND: [&str; 5] = ["equilibria", "two.json", "--weight-decay", "0.05", "--json"];

#[test]
fn uncoupled_views_have_every_choice_and_the_counts_of_the_theory() {
    let here = folder();
    two(here.path());
    let found = said(here.path(), &[&FOUND[..], &["--require", "complete,certified,decided"]].concat());
    let keys = ["complex_solutions", "expected_complex_solutions", "complete"];
    assert_eq!(keys.map(|key| &found[key]), [&json!(6), &json!(6), &json!(true)]);
    let strata: Vec<[&Value; 3]> = found["strata"]
        .as_array()
        .expect("strata")
        .iter()
        .map(|stratum| ["rank", "solutions", "real"].map(|key| &stratum[key]))
        .collect();
    assert_eq!(
        strata,
        [[&json!(0), &json!(1), &json!(1)], [&json!(1), &json!(4), &json!(4)], [&json!(2), &json!(6), &json!(4)]]
    );
    let equilibria = found["equilibria"].as_array().expect("equilibria");
    let maximal: Vec<&Value> = equilibria.iter().filter(|e| e["maximal"] == json!(true)).collect();
    assert_eq!((maximal.len(), &maximal[0]["stability"]), (1, &json!("attracting")));
    let outer = |rho: f64, tau: f64| ((tau + (tau * tau - 0.2 * rho).sqrt()) / (2.0 * rho)).powi(2);
    for (at, wanted) in [(0, outer(1.0, 0.9)), (1, outer(0.8, 0.7))] {
        assert!((maximal[0]["s"][at][at].as_f64().expect("a number") - wanted).abs() < 1e-12);
    }
    let joint = said(here.path(), &[&FOUND[..], &["--field", "joint"]].concat());
    assert_eq!(joint["equilibria"].as_array().expect("equilibria").len(), 1);
}

#[test]
fn solutions_in_a_file_are_proved_again_and_a_changed_one_is_not() {
    let here = folder();
    two(here.path());
    said(here.path(), &[&FOUND[..], &["--out", "roots.json"]].concat());
    let proved = said(here.path(), &["verify", "roots.json", "--require", "complete,certified", "--json"]);
    assert_eq!([&proved["checked"], &proved["proved"], &proved["failed"]], [&json!(10), &json!(10), &json!(0)]);

    let text = std::fs::read_to_string(here.path().join("roots.json")).expect("a file");
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let check = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        std::fs::write(here.path().join("changed.json"), changed.to_string()).expect("written");
        let output = stopgrad(here.path(), &["verify", "changed.json", "--json"]);
        (output.status.code(), document(&output))
    };
    // A center that is none, a solution twice, moments of something else, a solution called something it is not.
    let (code, found) = check(&|file| file["roots"][0]["center"][0][0] = json!(0.3));
    assert_eq!((code, &found["failed"]), (Some(1), &json!(1)));
    let (code, found) = check(&|file| file["roots"][9] = file["roots"][8].clone());
    assert_eq!((code, &found["strata"][2]["claim_holds"]), (Some(1), &json!(false)));
    let (code, found) = check(&|file| file["moments"]["weight_decay"] = json!(0.06));
    assert_eq!((code, &found["proved"]), (Some(1), &json!(0)));
    let (code, _) = check(&|file| file["roots"].as_array_mut().expect("roots").truncate(9));
    assert_eq!(code, Some(1), "a count that is not met");
    let (code, _) = check(&|file| file["roots"][4]["reality"] = json!("undecided"));
    assert_eq!(code, Some(1));
}

#[test]
fn what_has_no_equilibria_to_find_is_told_or_refused() {
    let here = folder();
    two(here.path());
    let refuse = |words: &[&str]| refused(here.path(), words);
    assert!(refuse(&["equilibria", "two.json", "--weight-decay", "-1"]).contains("weight decay is -1"));
    assert!(refuse(&["equilibria", "two.json", "--weight-decay", "0.1", "--ranks", "3"]).contains("rank 3"));
    assert!(refuse(&["equilibria", "two.json", "--weight-decay", "0.1", "--ema-rate", "2"]).contains("--ema-rate 2"));
    assert!(refuse(&["verify", "two.json"]).contains("stopgrad equilibria --out"));
    std::fs::write(here.path().join("zero.json"), r#"{"xx": [[1, 0], [0, 1]], "yx": [[0, 0], [0, 0]]}"#)
        .expect("written");
    let text = stdout(&stopgrad(here.path(), &["equilibria", "zero.json", "--weight-decay", "0.1"]));
    assert!(text.contains("none: Y has a lower rank"), "{text}");
    let text = stdout(&stopgrad(here.path(), &["equilibria", "two.json", "--weight-decay", "0"]));
    assert!(text.contains("not isolated"), "{text}");
}

#[test]
fn a_fibre_is_made_again_to_the_same_bytes_and_read_and_a_damaged_one_refused() {
    let here = folder();
    let made = said(here.path(), &["fibre", "3", "--rank", "2", "--out", "own.fibre", "--json"]);
    assert_eq!(
        [&made["solutions"], &made["expected"], &made["same_as_shipped"]],
        [&json!(30), &json!(30), &json!(true)]
    );
    let read = said(here.path(), &["fibre", "--read", "own.fibre", "--json"]);
    assert_eq!([&read["seed"], &read["checksum"]], [&made["seed"], &made["checksum"]]);
    let other = said(here.path(), &["fibre", "2", "--seed", "5", "--json"]);
    assert_eq!([&other["solutions"], &other["same_as_shipped"]], [&json!(6), &json!(false)]);
    let mut bytes = std::fs::read(here.path().join("own.fibre")).expect("a file");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(here.path().join("own.fibre"), &bytes).expect("written");
    let refuse = |words: &[&str]| refused(here.path(), words);
    assert!(refuse(&["fibre", "--read", "own.fibre"]).contains("checksum"));
    assert!(refuse(&["fibre", "3", "--rank", "1"]).contains("rank one is solved directly"));
    assert!(refuse(&["fibre", "3", "--rank", "4"]).contains("no fibre of size 3 and rank 4"));
}
