//! All figures of a made-up report: well-formed, finite, small, and made of the data beside them.

use super::super::fixture;
use super::*;
use crate::plot::testing::assert_well_formed;

#[test]
fn every_figure_is_well_formed_and_finite() {
    for seeds in [1, 3] {
        let figures = fixture::report(seeds).figures();
        assert!(figures.len() >= 12, "{}", figures.len());
        for figure in figures {
            assert_well_formed(&figure.picture.svg);
            for word in ["NaN", "inf", "∞"] {
                assert!(!figure.picture.svg.contains(word), "{word} in {}", figure.picture.id);
            }
        }
    }
}

#[test]
fn ids_are_unique_and_fit_for_file_names() {
    let figures = fixture::report(1).figures();
    let mut ids: Vec<&str> = figures.iter().map(|figure| figure.picture.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), figures.len());
    assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')));
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
        assert_well_formed(&figure.picture.svg);
        assert!(!figure.picture.svg.contains("<script"));
    }
}

#[test]
fn a_figure_shows_the_numbers_of_its_csv() {
    let report = fixture::report(1);
    let figure = report.figures().into_iter().find(|figure| figure.picture.id == "joint-objective").unwrap();
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(figure.picture.csv.as_bytes()).records().map(Result::unwrap).collect();
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
        let figure = report.figures().into_iter().find(|figure| figure.picture.id == "joint-objective").unwrap();
        (figure.picture.svg.matches("class=\"line\"").count(), figure.picture.caption)
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
        assert!(figure.picture.svg.len() < 40_000, "{}: {}", figure.picture.id, figure.picture.svg.len());
    }
}

#[test]
fn a_run_without_a_measurement_has_no_figure() {
    let mut report = fixture::report(1);
    for run in &mut report.runs {
        run.metrics.clear();
        run.spectra.clear();
        run.gallery = None;
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
