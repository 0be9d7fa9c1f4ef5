//! The sentences for made-up verdicts, word by word.

use super::super::fixture;
use super::*;

#[test]
fn runs_that_did_the_same_share_a_sentence() {
    let sentences = behaviours(&fixture::report(1));
    assert_eq!(
        sentences,
        [
            "joint minimised Ē, converged and collapsed completely.",
            "sg did not minimise Ē, kept drifting and did not collapse.",
            "ema did not minimise Ē, settled into a noise ball and did not collapse.",
        ]
    );
    let mut report = fixture::report(1);
    report.runs[1].verdict = report.runs[2].verdict.clone();
    assert_eq!(
        behaviours(&report)[1],
        "sg and ema did not minimise Ē, settled into a noise ball and did not collapse."
    );
}

#[test]
fn seeds_that_agree_are_one_group_and_seeds_that_differ_are_counted() {
    let mut report = fixture::report(3);
    assert!(behaviours(&report)[1].starts_with("sg (3 seeds) did not"));
    let odd = report.runs.iter_mut().find(|run| run.name == "sg").unwrap();
    odd.verdict.collapses.answer = "dimensional".into();
    let text = behaviours(&report).join(" ");
    assert!(text.contains("sg (1 of 3 seeds) did not minimise Ē, kept drifting and lost dimensions"), "{text}");
    assert!(text.contains("sg (2 of 3 seeds) did not minimise Ē"), "{text}");
}

#[test]
fn what_is_undecided_or_unknown_is_said_to_be_so() {
    let mut report = fixture::report(1);
    report.runs.truncate(1);
    report.runs[0].verdict.minimises.answer = "undecided".into();
    report.runs[0].verdict.collapses.answer = "sideways".into();
    assert_eq!(
        behaviours(&report),
        ["joint left undecided whether Ē was minimised, converged and got the answer “sideways” on collapse."]
    );
}

#[test]
fn the_lowest_loss_with_a_worse_probe_is_a_disagreement() {
    let text = lowest_loss(&fixture::report(1)).unwrap();
    assert!(text.starts_with("Loss and quality disagree across the runs: joint ends with the lowest Ē"), "{text}");
}

#[test]
fn the_lowest_loss_with_the_best_probe_is_an_agreement() {
    let mut report = fixture::report(1);
    for run in &mut report.runs {
        let accuracy = if run.name == "joint" { 0.99 } else { 0.5 };
        run.probes.iter_mut().for_each(|probe| probe.accuracy = accuracy);
    }
    assert!(lowest_loss(&report).unwrap().contains("loss and quality agree here: joint"));
}

#[test]
fn different_objectives_are_not_compared() {
    let mut report = fixture::report(1);
    report.runs[0].config.objective.weight_decay *= 2.0;
    assert!(lowest_loss(&report).unwrap().contains("not compared"));
}

#[test]
fn a_difference_within_sampling_error_is_no_difference() {
    let mut report = fixture::report(1);
    for run in &mut report.runs {
        let reference = baseline(&run.baselines.untrained, "knn", "test").unwrap();
        run.probes.iter_mut().for_each(|probe| probe.accuracy = reference + 0.001);
    }
    let text = against(&report, "the untrained encoder", |run| &run.baselines.untrained).unwrap();
    assert_eq!(
        text,
        "Against the untrained encoder: joint, sg and ema cannot be told apart from it on 270 test samples."
    );
}

#[test]
fn a_single_run_without_labels_still_has_a_summary() {
    let mut report = fixture::report(1);
    report.runs.truncate(1);
    report.runs[0].probes.clear();
    report.runs[0].metrics.clear();
    let paragraphs = paragraphs(&report);
    assert_eq!(paragraphs.len(), 2, "{paragraphs:?}");
    assert_eq!(paragraphs[1], "Not examined: whether the field is conservative and whether the end is stable.");
}

#[test]
fn a_baseline_beside_means_over_seeds_is_a_mean_over_seeds() {
    let mut report = fixture::report(2);
    for run in &mut report.runs {
        let seed = run.config.training.seed;
        for probe in run.baselines.untrained.iter_mut().filter(|probe| probe.split == "test") {
            probe.accuracy = if seed == 0 { 0.2 } else { 0.3 };
        }
    }
    let text = accuracies(&report).unwrap();
    assert!(text.contains(&format!("untrained encoder {}", percent(0.25))), "{text}");
}
