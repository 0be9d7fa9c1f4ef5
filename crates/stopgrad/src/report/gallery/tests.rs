//! Galleries of made-up runs: what is drawn, what is said instead, and names that want to be something else.

use super::super::fixture;
use super::*;
use crate::plot::testing::{assert_balanced, assert_well_formed};
use std::sync::Arc;

fn figures_of(report: &Report, group: Group) -> Vec<Picture> {
    figures(report).into_iter().filter(|figure| figure.group == group).map(|figure| figure.picture).collect()
}

fn change(report: &mut Report, change: impl Fn(&mut Gallery)) {
    for run in &mut report.runs {
        change(Arc::make_mut(run.gallery.as_mut().unwrap()));
    }
}

#[test]
fn a_configuration_is_drawn_once_and_pairs_once_for_all() {
    let report = fixture::report(3);
    let count = |group| figures_of(&report, group).len();
    assert_eq!((count(Group::Plane), count(Group::Neighbors), count(Group::Pairs)), (3, 3, 1));
    let pairs = &figures_of(&report, Group::Pairs)[0];
    assert_eq!(pairs.svg.matches("<image").count(), 3 * 4);
}

#[test]
fn the_numbers_beside_a_picture_are_those_of_the_gallery() {
    let report = fixture::report(1);
    let gallery = report.runs[1].gallery.as_ref().unwrap();
    let picture = &figures_of(&report, Group::Plane)[1];
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(picture.csv.as_bytes()).records().map(Result::unwrap).collect();
    let plane = gallery.plane.as_ref().unwrap();
    assert_eq!(rows.len(), gallery.samples.len());
    for ((row, sample), point) in rows.iter().zip(&gallery.samples).zip(&plane.points) {
        assert_eq!(row[0], sample.to_string());
        assert_eq!(row[2].parse::<f64>().unwrap().to_bits(), point[0].to_bits());
    }
    let strip = &figures_of(&report, Group::Neighbors)[1];
    let same = csv::Reader::from_reader(strip.csv.as_bytes())
        .records()
        .filter(|row| {
            let row = row.as_ref().unwrap();
            row[1] == row[4]
        })
        .count();
    let all: usize = gallery.neighbors.iter().map(Vec::len).sum();
    assert!(strip.caption.starts_with(&format!("{same} of {all} neighbors")), "{}", strip.caption);
    assert_eq!(strip.svg.matches("✕").count(), all - same);
}

#[test]
fn a_run_that_left_the_numbers_and_one_without_a_gallery_are_told() {
    let mut report = fixture::report(1);
    let gallery = Arc::make_mut(report.runs[0].gallery.as_mut().unwrap());
    (gallery.plane, gallery.neighbors) = (None, Vec::new());
    report.runs[2].gallery = None;
    assert_eq!((figures_of(&report, Group::Plane).len(), figures_of(&report, Group::Neighbors).len()), (1, 1));
    let text = introduction(&report, Group::Plane);
    assert!(text.contains("joint left the finite numbers") && text.contains("not drawn: ema."), "{text}");
    report.runs.iter_mut().for_each(|run| run.gallery = None);
    assert_eq!(figures(&report), []);
}

#[test]
fn twelve_classes_have_colors_and_others_are_said_to_be_gray() {
    let mut report = fixture::report(1);
    change(&mut report, |gallery| {
        gallery.classes = (0..15).map(|class| format!("class {class}")).collect();
        for (place, label) in gallery.labels.iter_mut().enumerate() {
            *label = Some(((place * place) % 15) as u32 / if place % 2 == 0 { 1 } else { 2 });
        }
    });
    let gallery = report.runs[0].gallery.as_ref().unwrap();
    let mut counts = [0; 15];
    gallery.labels.iter().flatten().for_each(|&label| counts[label as usize] += 1);
    let coloring = coloring(gallery);
    assert_eq!(coloring.names.len(), 12.min(counts.iter().filter(|count| **count > 0).count()));
    let least = coloring.places.iter().zip(counts).filter(|(place, _)| place.is_some()).map(|(_, n)| n).min().unwrap();
    let gray = coloring.places.iter().zip(counts).filter(|(place, _)| place.is_none()).map(|(_, n)| n).max().unwrap();
    assert!(least >= gray, "{counts:?}");
    // Without labels one color, and no legend.
    change(&mut report, |gallery| gallery.labels.iter_mut().for_each(|label| *label = None));
    let picture = &figures_of(&report, Group::Plane)[0];
    assert_eq!(picture.svg.matches("class=\"sample\"").count(), 1);
    assert!(!picture.svg.contains("class=\"sign\"") && !picture.svg.contains("muted"));
    assert!(figures_of(&report, Group::Neighbors)[0].caption.contains("cosine"));
}

#[test]
fn rows_of_numbers_are_named_instead_of_pictured() {
    let mut report = fixture::report(1);
    change(&mut report, |gallery| gallery.pictures = None);
    assert_eq!(figures_of(&report, Group::Pairs).len(), 0);
    let strip = &figures_of(&report, Group::Neighbors)[0];
    assert!(!strip.svg.contains("<image") && strip.svg.contains("12: three"), "{}", strip.svg);
    assert!(introduction(&report, Group::Neighbors).contains("not pictured"));
}

#[test]
fn a_page_carries_so_many_pictures_and_no_more() {
    let mut report = fixture::report(1);
    change(&mut report, |gallery| {
        let pictures = gallery.pictures.as_mut().unwrap();
        (pictures.height, pictures.width, pictures.channels) = (64, 64, 3);
        // Numbers that no PNG makes smaller.
        let mixed = |k: u64| (k ^ (k >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(k | 1);
        let noise = |count: usize| (1..=count as u64).map(move |k| (mixed(k) >> 40) as u8);
        pictures.bytes = noise(pictures.of.len() * 64 * 64 * 3).collect();
        pictures.pairs = noise(gallery.queries.len() * 3 * 64 * 64 * 3).collect();
    });
    let run = report.runs[0].clone();
    for number in 0..12 {
        report.runs.push(RunRecord { name: format!("run {number}"), ..run.clone() });
    }
    let strips = figures_of(&report, Group::Neighbors);
    assert_eq!(strips.len(), 15);
    let size: usize = figures(&report).iter().map(|figure| figure.picture.svg.len()).sum();
    assert!(size < 3_000_000, "{size}");
    let (with, without): (Vec<&Picture>, Vec<&Picture>) = strips.iter().partition(|strip| strip.svg.contains("<image"));
    assert!(!with.is_empty() && !without.is_empty());
    assert!(without.iter().all(|strip| strip.caption.contains("gallery.npz")));
}

#[test]
fn hostile_names_are_text_in_pictures_and_beside_them() {
    let hostile = [
        "<script>alert('x')</script>",
        "\"quoted\" & 'so'\nnext line",
        "\u{202e}gpj.exe",
        "",
        "=cmd|' /C calc'!A0",
        "\u{0}\u{7}\u{1b}[31m",
        "]]></svg><img src=x onerror=alert(1)>",
    ];
    let mut report = fixture::report(1);
    report.runs[0].name = hostile[0].into();
    report.runs[1].name = format!("{}{}", hostile[2], "long ".repeat(4000));
    change(&mut report, |gallery| {
        gallery.classes = (0..gallery.classes.len()).map(|k| hostile[k % hostile.len()].to_owned()).collect();
    });
    for figure in figures(&report) {
        let file = figure.picture.to_svg_file();
        assert_well_formed(&figure.picture.svg);
        for word in ["<script", "<img", "\u{202e}", "\u{0}", "\u{1b}"] {
            assert!(!file.contains(word), "{word:?} in {}", figure.picture.id);
        }
        assert!(file.len() < 200_000, "a long name is not written a thousand times: {}", file.len());
        let mut reader = csv::Reader::from_reader(figure.picture.csv.as_bytes());
        for row in reader.records().map(Result::unwrap) {
            assert!(row.iter().all(|cell| !cell.starts_with('=')), "{row:?}");
        }
    }
    let page = report.to_html();
    assert_balanced(&page);
    for word in ["<script", "<img", "\u{202e}", "\u{0}", "\u{1b}"] {
        assert!(!page.contains(word), "{word:?}");
    }
    let json = report.to_json().to_string();
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["runs"][0]["name"], hostile[0]);
}
