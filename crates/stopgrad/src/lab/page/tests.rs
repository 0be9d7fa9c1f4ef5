//! The page is whole, safe and self-contained, and its files are where they belong.

use serde_json::json;

use super::*;
use crate::plot::testing::{assert_balanced, assert_self_contained};
use crate::plot::{Axis, Line, LineChart};

fn example(words: &str) -> Page {
    let lines = vec![Line::new(words, 0, vec![[0.0, 1.0], [1.0, 2.0]])];
    let chart = LineChart::new(Axis::linear("time"), Axis::linear("Ē"), ["time", "objective"], lines);
    Page {
        title: format!("A page about {words}"),
        findings: vec![format!("Nothing survives at {words}: 94.1 % died."), "A second sentence.".into()],
        tables: vec![Table {
            title: words.into(),
            note: words.into(),
            columns: vec![Column::text(words), Column::number("λ")],
            rows: vec![vec![words.into(), "0.05".into()]],
        }],
        pictures: vec![Picture::of("objective", words, words, &chart)],
        mathematics: "docs/theory.md",
    }
}

fn document(words: &str) -> Value {
    json!({
        "command": "landscape",
        "options": { "weight_decay": 0.05, "out": words },
        "inputs": [{ "path": words, "sha256": "00ff" }],
        "value": 0.1 + 0.2,
    })
}

fn html(page: &Page, words: &str) -> String {
    page.to_html(&format!("stopgrad landscape --tau {words}"), &document(words))
}

#[test]
fn the_page_needs_no_network_and_no_script() {
    assert_self_contained(&html(&example("noise"), "noise"));
}

#[test]
fn tags_are_balanced_with_long_tables_too() {
    let mut page = example("noise");
    page.tables[0].rows = (0..200).map(|k| vec![format!("mode {k}"), k.to_string()]).collect();
    let html = html(&page, "noise");
    assert_balanced(&html);
    assert!(html.contains("all 200 rows") && html.contains("mode 199"));
}

#[test]
fn hostile_words_are_text_wherever_they_come_from() {
    let words = "<script>alert('x')</script>\"&";
    let html = html(&example(words), words);
    assert!(!html.contains("<script") && !html.contains("alert('x')"));
    assert_balanced(&html);
}

#[test]
fn findings_come_before_tables_and_tables_before_pictures_and_facts() {
    let html = html(&example("noise"), "noise");
    let places =
        ["94.1\u{a0}% died", "<table", "<svg", "--weight-decay", "sha256 00ff"].map(|word| html.find(word).unwrap());
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn the_files_are_written_and_an_earlier_picture_is_gone() {
    let root = tempfile::tempdir().expect("temporary folder");
    let folder = root.path().join("new");
    let mut page = example("noise");
    let document = document("noise");
    let line = write(&folder, &page, &document).expect("written");
    assert_eq!(line, format!("report: {}\n", folder.join("report.html").display()));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("read");
    assert_eq!(serde_json::from_str::<Value>(&read("report.json")).expect("JSON"), document);
    assert_eq!(read("report.html"), page.to_html(&command_line(), &document));
    assert_eq!(read("figures/objective.csv"), page.pictures[0].csv);
    assert!(read("figures/objective.svg").contains("<style>"));
    page.pictures[0].id = "other".into();
    write(&folder, &page, &document).expect("written again");
    let left = fs::read_dir(folder.join("figures")).expect("listed").map(|entry| entry.expect("entry").file_name());
    let mut left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    left.sort();
    assert_eq!(left, ["other.csv", "other.svg"]);
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::write(folder.path().join("thesis.tex"), "").expect("written");
    assert!(matches!(write(folder.path(), &example("noise"), &document("noise")), Err(FolderError::Foreign { .. })));
    fs::write(folder.path().join("config.toml"), "").expect("written");
    assert!(matches!(prepare(folder.path()), Err(FolderError::OtherKind { found: Kind::Run, .. })));
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
}
