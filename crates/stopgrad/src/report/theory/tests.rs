//! What is said of made-up comparisons with the theory.

use super::super::fixture;
use super::*;
use crate::plot::testing::assert_balanced;
use stopgrad_train::theory::ModeRecord;

fn predicted(rank: usize) -> PredictionRecord {
    let values = (0..rank).map(|k| 0.9 - 0.1 * k as f64).collect();
    let mode = |k: usize| ModeRecord {
        critical_weight_decay: 0.5 / (k + 1) as f64,
        exact: true,
        noise_sigma: None,
        alive: true,
    };
    PredictionRecord {
        exists: Some(true),
        rank,
        s_eigenvalues: values,
        stability: "attracting".into(),
        critical_weight_decay: (rank > 0).then_some(0.125),
        support_rank: 4,
        surviving_modes: rank,
        modes: (0..rank).map(mode).collect(),
        ..PredictionRecord::default()
    }
}

fn outcome(rank: usize, distance: Option<f64>, near: f64) -> OutcomeRecord {
    OutcomeRecord {
        s_eigenvalues: (0..4).map(|k| if k < rank { 0.9 - 0.1 * k as f64 } else { 0.0 }).collect(),
        rank,
        size_over_start: 1e-9,
        distance_to_prediction: distance,
        nearest: Some(NearestRecord {
            rank,
            distance: near,
            converged: true,
            stability: Some("attracting".into()),
            leading_rate: Some(-0.002),
            ..NearestRecord::default()
        }),
        no_nearest: None,
    }
}

/// joint at the origin, sg where predicted, ema at a lower rank and beside its own equilibrium.
fn report() -> Report {
    let mut report = fixture::report(1);
    let ends = [(0, outcome(0, None, 1e-9)), (4, outcome(4, Some(3e-8), 3e-8)), (4, outcome(3, Some(0.21), 2e-7))];
    for (run, (rank, outcome)) in report.runs.iter_mut().zip(ends) {
        run.theory = Some(TheoryRecord {
            caveats: vec!["Views <were> drawn afresh.".into()],
            weight_decay: 0.06,
            pairs: 1258,
            exact_moments: true,
            prediction: Some(predicted(rank)),
            outcome: Some(outcome),
            ..TheoryRecord::default()
        });
    }
    report
}

#[test]
fn without_a_linear_encoder_nothing_is_said() {
    let report = fixture::report(1);
    assert!(section(&report).is_none() && sentences(&report).is_empty() && figures(&report).is_empty());
    assert!(!report.to_html().contains("Theory and outcome"));
    assert!(report.to_json()["runs"][0]["theory"].is_null());
}

#[test]
fn ends_are_told_beside_predictions() {
    let found = sentences(&report());
    assert!(found[0].starts_with("joint: rank 0 predicted, the run ended at rank 0; |S| at"), "{}", found[0]);
    assert!(found[1].contains("rank 4 predicted, the run ended at rank 4, 3.0\u{a0}×\u{a0}10⁻⁸ from"), "{}", found[1]);
    assert!(found[2].contains("ended at rank 3, 0.21 from the predicted S; it is 2.0"), "{}", found[2]);
    assert!(found[2].ends_with("from an attracting equilibrium of that rank."), "{}", found[2]);
}

#[test]
fn several_seeds_are_counted_and_those_on_their_way_are_not_called_equilibria() {
    let mut report = report();
    let mut other = report.runs[1].clone();
    other.config.training.seed = 1;
    let theory = other.theory.as_mut().unwrap();
    theory.outcome.as_mut().unwrap().rank = 3;
    let near = theory.outcome.as_mut().unwrap().nearest.as_mut().unwrap();
    (near.converged, near.stability, near.distance) = (false, None, 0.4);
    report.runs.push(other);
    let sg = sentences(&report).into_iter().find(|sentence| sentence.starts_with("sg")).unwrap();
    assert!(sg.contains("2 runs ended at rank 3 (1), 4 (1)"), "{sg}");
    assert!(sg.contains("; one is 3.0") && sg.contains("; one is where Newton’s method finds no equilibrium"), "{sg}");
    assert!(section(&report).unwrap().contains("still on the way"));
}

#[test]
fn a_run_that_is_not_compared_says_why() {
    let mut report = fixture::report(1);
    let reason = "The theory is about <one> matrix.";
    report.runs[1].theory =
        Some(TheoryRecord { not_compared: Some(reason.into()), weight_decay: 0.1, ..TheoryRecord::default() });
    let html = section(&report).unwrap();
    assert!(html.contains("sg: not compared with the theory. The theory is about &lt;one&gt;"), "{html}");
    assert!(!html.contains("<table") && figures(&report).is_empty());
}

#[test]
fn the_section_is_sound_markup_and_its_numbers_are_those_of_the_record() {
    let report = report();
    let page = report.to_html();
    assert_balanced(&page);
    assert!(page.contains("<h2>Theory and outcome</h2>") && page.contains("Views &lt;were&gt; drawn afresh."));
    assert_eq!(page.matches("Views &lt;were&gt; drawn afresh.").count(), 1, "a caveat of all runs is said once");
    let json = report.to_json();
    assert_eq!(json["runs"][2]["theory"]["outcome"]["distance_to_prediction"], 0.21);
    assert_eq!(json["runs"][1]["theory"]["prediction"]["critical_weight_decay"], 0.125);
}

#[test]
fn spectra_stand_side_by_side_with_their_numbers() {
    let figures = figures(&report());
    let ids: Vec<&str> = figures.iter().map(|figure| figure.picture.id.as_str()).collect();
    assert_eq!(ids, ["theory-spectra", "theory-modes"]);
    let csv = &figures[0].picture.csv;
    assert!(csv.contains("predicted for sg and ema,4,0.6"), "{csv}");
    assert!(csv.contains("\"ema, trained\",4,0"), "{csv}");
    assert!(!csv.contains("predicted for joint"), "{csv}");
}
