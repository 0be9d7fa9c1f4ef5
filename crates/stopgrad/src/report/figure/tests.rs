//! All figures of a made-up report: well-formed, finite, small, and made of the data beside them.

use super::super::fixture;
use super::*;

/// Panics unless tags nest, attributes are quoted and `&` starts an entity.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "bare > in {text}");
        for piece in text.split('&').skip(1) {
            let entity = piece.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&entity), "bad entity {entity}");
        }
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag}");
        assert!(!tag.contains('<'), "nested < in {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "unclosed {open:?}");
}

#[test]
fn every_figure_is_well_formed_and_finite() {
    for seeds in [1, 3] {
        let figures = fixture::report(seeds).figures();
        assert!(figures.len() >= 12, "{}", figures.len());
        for figure in figures {
            assert_well_formed(&figure.svg);
            for word in ["NaN", "inf", "∞"] {
                assert!(!figure.svg.contains(word), "{word} in {}", figure.id);
            }
        }
    }
}

#[test]
fn ids_are_unique_and_fit_for_file_names() {
    let figures = fixture::report(1).figures();
    let mut ids: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), figures.len());
    assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
}

#[test]
fn entries_stand_in_page_order() {
    let places: Vec<usize> =
        entries::ENTRIES.iter().filter_map(|entry| Group::ALL.iter().position(|group| *group == entry.group)).collect();
    assert!(places.is_sorted() && places.len() == entries::ENTRIES.len());
}

#[test]
fn hostile_names_are_text() {
    let mut report = fixture::report(1);
    report.runs[1].name = "</svg><script>alert(\"&\")</script>".into();
    for figure in report.figures() {
        assert_well_formed(&figure.svg);
        assert!(!figure.svg.contains("<script"));
    }
}

#[test]
fn a_figure_shows_the_numbers_of_its_csv() {
    let report = fixture::report(1);
    let figure = report.figures().into_iter().find(|figure| figure.id == "joint-objective").unwrap();
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(figure.csv.as_bytes()).records().map(Result::unwrap).collect();
    let expected: usize = report.runs.iter().map(|run| run.metrics.len()).sum();
    assert_eq!(rows.len(), expected);
    let run = &report.runs[1];
    let own: Vec<f64> = rows.iter().filter(|row| &row[0] == "sg").map(|row| row[3].parse().unwrap()).collect();
    let measured: Vec<f64> =
        run.metrics.iter().filter_map(|row| row.get(super::super::record::Column::JointObjective)).collect();
    assert_eq!(
        own.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
        measured.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    );
}

#[test]
fn a_missing_value_breaks_the_line_and_a_zero_is_noted() {
    let mut report = fixture::report(1);
    report.runs.truncate(1);
    let pieces = |report: &Report| {
        let figure = report.figures().into_iter().find(|figure| figure.id == "joint-objective").unwrap();
        (figure.svg.matches("class=\"line\"").count(), figure.caption)
    };
    for row in &mut report.runs[0].metrics {
        row.set(super::super::record::Column::JointObjective, 1.0);
    }
    assert_eq!(pieces(&report).0, 1);
    report.runs[0].metrics[50].set(super::super::record::Column::JointObjective, f64::NAN);
    report.runs[0].metrics[60].set(super::super::record::Column::JointObjective, 0.0);
    let (count, caption) = pieces(&report);
    assert_eq!(count, 2);
    assert!(caption.contains("it is drawn at the lower edge"), "{caption}");
}

#[test]
fn long_runs_make_small_pictures() {
    let mut report = fixture::report(1);
    for run in &mut report.runs {
        run.metrics = (0..50).flat_map(|_| run.metrics.clone()).collect();
    }
    for figure in report.figures() {
        assert!(figure.svg.len() < 40_000, "{}: {}", figure.id, figure.svg.len());
    }
}

#[test]
fn a_run_without_a_measurement_has_no_figure() {
    let mut report = fixture::report(1);
    for run in &mut report.runs {
        run.metrics.clear();
        run.spectra.clear();
    }
    assert_eq!(report.figures(), []);
}

#[test]
fn colors_of_the_fields_stay_and_others_take_what_is_free() {
    let mut report = fixture::report(1);
    assert_eq!((slot(&report, "joint"), slot(&report, "sg"), slot(&report, "ema")), (0, 1, 2));
    report.runs[0].name = "wide".into();
    report.runs[2].name = "narrow".into();
    assert_eq!((slot(&report, "wide"), slot(&report, "sg"), slot(&report, "narrow")), (0, 1, 2));
    report.runs[1].name = "ema".into();
    assert_eq!((slot(&report, "wide"), slot(&report, "ema"), slot(&report, "narrow")), (0, 2, 1));
}

#[test]
fn a_file_of_its_own_carries_its_style() {
    let figure = fixture::report(1).figures().swap_remove(0);
    let file = figure.to_svg_file();
    assert!(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && file.contains("<style>"));
    assert!(!STYLE.contains('<') && !STYLE.contains('&'));
}
