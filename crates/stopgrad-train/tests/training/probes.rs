//! When a run is probed, and at which steps its probes are told.

use stopgrad_train::record::Column;

use super::support::{config, finish, plan};

#[test]
fn a_probe_that_is_due_between_two_rows_writes_one() {
    let mut config = config(20);
    (config.evaluation.measure_every, config.evaluation.probe_every) = (8, 6);
    let folder = tempfile::tempdir().unwrap();
    let record = finish(&plan(&config), folder.path());
    let steps = |with_probe: bool| -> Vec<f64> {
        let rows = record.metrics.iter().filter(|row| !with_probe || row.get(Column::KnnAccuracy).is_some());
        rows.filter_map(|row| row.get(Column::Step)).collect()
    };
    assert_eq!(steps(false), [0.0, 6.0, 8.0, 12.0, 16.0, 18.0, 20.0]);
    assert_eq!(steps(true), [0.0, 6.0, 12.0, 18.0, 20.0]);
}

#[test]
fn steps_are_chosen_by_their_validation_accuracy_and_by_their_rank() {
    let mut config = config(20);
    (config.evaluation.measure_every, config.evaluation.probe_every) = (5, 5);
    let folder = tempfile::tempdir().unwrap();
    let record = finish(&plan(&config), folder.path());
    let largest = |column: Column, first: usize| {
        let rows = record.metrics[first..].iter().filter_map(|row| Some((row.get(column)?, row.get(Column::Step)?)));
        rows.reduce(|best, other| if other.0 > best.0 { other } else { best }).unwrap().1 as u64
    };
    for (at, kind, step) in [
        ("validation", "knn", largest(Column::KnnAccuracy, 0)),
        ("validation", "linear", largest(Column::LinearAccuracy, 0)),
        ("label_free", "knn", largest(Column::StudentEncoderEffectiveRank, 1)),
        ("last", "knn", 20),
    ] {
        let told = record.probes.iter().filter(|p| (p.at.as_str(), p.kind.as_str()) == (at, kind));
        assert!(told.clone().count() >= 2 && told.clone().all(|p| p.step == step), "{at} {kind} {step}: {told:?}");
    }
}
