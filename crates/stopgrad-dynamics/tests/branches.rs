//! Folds, Hopf points and cycles beside AUTO-07p (tests/golden/branches.py).

use faer::Mat;
use stopgrad_dynamics::branches::{BranchParams, Diagram, EventKind, Family, find_branches, known_equilibria};
use stopgrad_dynamics::cycles::{CycleFollowParams, cycle_from_hopf, follow_cycle, refine_cycle};
use stopgrad_dynamics::{DEFAULT_SUPPORT_THRESHOLD, Field, Moments, Support};

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("golden/branches.json")).expect("JSON")
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn matrix(value: &serde_json::Value) -> Mat<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(numbers).collect();
    Mat::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

fn followed(case: &serde_json::Value, embedding_dim: usize) -> (Family, Diagram) {
    let moments = Moments::new(matrix(&case["x"]), matrix(&case["y"]), None).expect("moments");
    let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
    let family = Family::in_weight_decay(&moments).expect("a family");
    let [low, high] = ["from", "to"].map(|key| case[key].as_f64().expect("a number"));
    let finder = |decay: f64| known_equilibria(&moments, &support, decay, embedding_dim).expect("spectra");
    let diagram = find_branches(&family, &finder, &BranchParams::between(low, high), &|_| false);
    (family, diagram)
}

fn places(diagram: &Diagram, kind: EventKind, rank: usize) -> Vec<f64> {
    let of = |event: &&stopgrad_dynamics::branches::Event| event.kind == kind && event.rank == rank;
    diagram.events.iter().filter(of).map(|event| event.parameter).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < tolerance, "{what}: {found} {expected}");
    }
}

#[test]
fn folds_hopf_points_and_cycles_are_those_of_auto() {
    let golden = golden();
    let (case, tolerance) = (&golden["rank_one"], golden["tolerance"].as_f64().expect("a number"));
    let (family, diagram) = followed(case, 1);
    for (kind, name) in [(EventKind::Fold, "fold"), (EventKind::Hopf, "hopf")] {
        assert_close(&places(&diagram, kind, 1), &numbers(&case["events"][name]), tolerance, name);
    }
    let hopf = diagram.events.iter().find(|event| event.kind == EventKind::Hopf).expect("one");
    let flow = (Field::StopGradient, 1.0);
    let theta = family.followed(hopf.parameter);
    let (field, state) = family.state(flow, &family.inward(&hopf.s), 1, theta).expect("a state");
    let start = cycle_from_hopf(&field, &state, hopf.frequency.expect("a pair")).expect("spectra").expect("a cycle");
    let cycles = case["cycles"].as_array().expect("a list");
    let lowest = cycles.iter().map(|c| c["weight_decay"].as_f64().expect("a number")).fold(1.0, f64::min);
    let params = CycleFollowParams::between(0.99999 * lowest, 1.0);
    let branch = follow_cycle(&field, &start, &params, &|| false).expect("spectra");
    for case in cycles {
        let decay = case["weight_decay"].as_f64().expect("a number");
        let away = |cycle: &stopgrad_dynamics::cycles::LimitCycle| (cycle.weight_decay - decay).abs();
        let near = branch.cycles.iter().min_by(|a, b| away(a).total_cmp(&away(b))).expect("cycles");
        let mut there = field.clone();
        (there.decay_a, there.decay_b) = (decay, decay);
        let cycle = refine_cycle(&there, &near.state, near.period).expect("spectra").expect("it is near");
        let period = case["period"].as_f64().expect("a number");
        assert!((cycle.period / period - 1.0).abs() < 1e-5, "{} {period}", cycle.period);
        // The first of AUTO's is that of the flow's direction, 1, which ours leaves out.
        let multipliers: Vec<f64> =
            case["multipliers"].as_array().expect("a list").iter().skip(1).map(|m| numbers(m)[0]).collect();
        assert_eq!(cycle.multipliers.len(), multipliers.len());
        for (found, expected) in cycle.multipliers.iter().zip(&multipliers) {
            assert!((found[0] - expected).abs() < 1e-3 * expected.abs().max(1e-4), "{found:?} {expected}");
        }
        assert!(cycle.attracts);
    }
}

#[test]
fn folds_of_full_rank_are_those_of_auto() {
    let golden = golden();
    let (_, diagram) = followed(&golden["full_rank"], 2);
    let tolerance = golden["tolerance"].as_f64().expect("a number");
    let expected = numbers(&golden["full_rank"]["folds"]);
    assert_close(&places(&diagram, EventKind::Fold, 2), &expected, tolerance, "folds of rank 2");
}
