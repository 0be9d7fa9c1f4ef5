use super::*;
use serde_json::Map;
use stopgrad_train::config::Config;
use stopgrad_train::record::Baselines;

fn finding(answer: &str) -> Finding {
    Finding { answer: answer.into(), why: "seen".into(), evidence: Map::new(), beside: Map::new() }
}

fn probe(place: &str, kind: &str, at: &str, split: &str, accuracy: f64) -> ProbeResult {
    ProbeResult {
        place: place.into(),
        kind: kind.into(),
        k: None,
        temperature: None,
        at: at.into(),
        step: 30,
        split: split.into(),
        accuracy,
    }
}

fn record(name: &str, seed: u64, collapses: &str, accuracy: f64) -> RunRecord {
    let mut config = Config::default();
    config.training.seed = seed;
    RunRecord {
        name: name.into(),
        config,
        steps: 30,
        initial_weights_sha256: String::new(),
        data_order_sha256: String::new(),
        relative_displacement: Some(1.0),
        verdict: Verdict {
            minimises: finding("no"),
            converges: finding("noise ball"),
            collapses: finding(collapses),
            conservative: finding("not run"),
            stable: finding("not run"),
        },
        theory: None,
        probes: vec![
            probe("projector", "knn", "last", "test", 0.1),
            probe("encoder", "knn", "validation", "test", 0.2),
            probe("encoder", "knn", "last", "validation", 0.3),
            probe("encoder", "knn", "last", "test", accuracy),
        ],
        baselines: Baselines {
            raw: vec![probe("input", "knn", "last", "test", 0.9), probe("input", "knn", "last", "validation", 0.8)],
            untrained: Vec::new(),
        },
        metrics: Vec::new(),
        spectra: Vec::new(),
        gallery: None,
    }
}

#[test]
fn on_demand_the_table_shows_the_test_part_at_the_last_step() {
    let table = verdict_table(&[record("joint", 0, "complete", 0.1234), record("sg", 0, "no", 0.95)], Shown::Test);
    let expected = "\
run                minimises Ē  converges   collapses  kNN     linear
joint              no           noise ball  complete   12.3 %  -
sg                 no           noise ball  no         95.0 %  -
untrained encoder                                      -       -
raw input                                              90.0 %  -
accuracies: frozen encoder, last step, test part
";
    assert_eq!(table, expected);
}

#[test]
fn by_default_the_table_keeps_the_test_part_out_of_sight() {
    let table = verdict_table(&[record("sg", 0, "no", 0.95)], Shown::Validation);
    assert!(table.contains("30.0 %") && table.contains("80.0 %"), "{table}");
    assert!(!table.contains("95.0 %") && !table.contains("90.0 %"), "{table}");
    assert!(table.contains("validation part; test part: in the report, or --show test"), "{table}");
}

#[test]
fn a_run_that_diverged_says_where_and_shows_no_older_accuracy() {
    let mut run = record("sg", 3, "undecided", 0.95);
    run.steps = 31;
    run.verdict.converges = Finding { why: "joint_loss = NaN at step 31".into(), ..finding("diverged") };
    let table = verdict_table(&[run], Shown::Test);
    assert!(table.contains("sg (seed 3): joint_loss = NaN at step 31\n") && !table.contains("95.0 %"), "{table}");
}

#[test]
fn without_labels_the_table_says_that_nothing_was_probed() {
    let mut run = record("sg", 0, "no", 0.95);
    run.probes.clear();
    run.baselines = Baselines::default();
    let expected = "\
run  minimises Ē  converges   collapses
sg   no           noise ball  no
probes were not run: they need labels of at least two classes
";
    assert_eq!(verdict_table(&[run], Shown::Validation), expected);
}

#[test]
fn seeds_are_summed_up() {
    let table = verdict_table(&[record("sg", 0, "no", 0.90), record("sg", 1, "dimensional", 0.96)], Shown::Test);
    assert!(table.contains("no ×1, dimensional ×1"), "{table}");
    assert!(table.contains("93.0 % (90.0 to 96.0)") && table.contains("of 2 seeds"), "{table}");
}

#[test]
fn demands_look_at_the_run_they_name() {
    let runs = [record("joint", 0, "complete", 0.1), record("sg", 0, "no", 0.9)];
    let unmet = |demand: &str| unmet(&runs, &[demand.parse().expect("demand")], None);
    assert_eq!(unmet("collapses"), ["--fail-on collapses: joint (seed 0) collapses"]);
    assert_eq!(unmet("sg:collapses"), [""; 0]);
    assert_eq!(unmet("diverges"), [""; 0]);
    assert_eq!(unmet("sg:not-minimised").len(), 1);
}

#[test]
fn an_undecided_answer_is_not_decided_and_one_not_run_was_not_asked_for() {
    let mut runs = [record("sg", 0, "no", 0.9)];
    let require = Some(crate::demand::Requirement::Decided);
    assert_eq!(unmet(&runs, &[], require), [""; 0]);
    runs[0].verdict.converges = finding("undecided");
    assert_eq!(unmet(&runs, &[], require), ["--require decided: sg (seed 0), converges: seen"]);
}
