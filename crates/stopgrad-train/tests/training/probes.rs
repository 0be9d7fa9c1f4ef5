//! When a run is probed, and at which steps its probes are told.

use stopgrad_train::RunRecord;
use stopgrad_train::config::{Config, EncoderStart, NetworkKind};
use stopgrad_train::record::Column;

use super::support::{config, finish, plan};

/// A run of twenty steps with rows and probes so often.
fn run(measure_every: u64, probe_every: u64, set: impl FnOnce(&mut Config)) -> RunRecord {
    let mut config = config(20);
    (config.evaluation.measure_every, config.evaluation.probe_every) = (measure_every, probe_every);
    set(&mut config);
    let folder = tempfile::tempdir().unwrap();
    finish(&plan(&config), folder.path())
}

/// The step at which a column is largest, the first `skipped` rows left out.
fn largest(record: &RunRecord, column: Column, skipped: usize) -> u64 {
    let rows = record.metrics[skipped..].iter().filter_map(|row| Some((row.get(column)?, row.get(Column::Step)?)));
    rows.reduce(|best, other| if other.0 > best.0 { other } else { best }).unwrap().1 as u64
}

fn assert_told(record: &RunRecord, at: &str, kind: &str, step: u64) {
    let told = record.probes.iter().filter(|p| (p.at.as_str(), p.kind.as_str()) == (at, kind));
    assert!(told.clone().count() >= 2 && told.clone().all(|p| p.step == step), "{at} {kind} {step}: {told:?}");
}

#[test]
fn a_probe_that_is_due_between_two_rows_writes_one() {
    let record = run(8, 6, |_| ());
    let steps = |with_probe: bool| -> Vec<f64> {
        let rows = record.metrics.iter().filter(|row| !with_probe || row.get(Column::KnnAccuracy).is_some());
        rows.filter_map(|row| row.get(Column::Step)).collect()
    };
    assert_eq!(steps(false), [0.0, 6.0, 8.0, 12.0, 16.0, 18.0, 20.0]);
    assert_eq!(steps(true), [0.0, 6.0, 12.0, 18.0, 20.0]);
}

#[test]
fn steps_are_chosen_by_their_validation_accuracy_and_by_their_rank() {
    let record = run(5, 5, |_| ());
    assert_told(&record, "last", "knn", 20);
    assert_told(&record, "validation", "knn", largest(&record, Column::KnnAccuracy, 0));
    assert_told(&record, "validation", "linear", largest(&record, Column::LinearAccuracy, 0));
    assert_told(&record, "label_free", "knn", largest(&record, Column::StudentEncoderEffectiveRank, 1));
}

/// Eight orthonormal directions of white data have rank 8, which is all there can be, and training only lowers it.
#[test]
fn the_untrained_encoder_is_never_the_choice_by_rank() {
    let record = run(5, 5, |config| {
        config.network.encoder = NetworkKind::Linear;
        config.network.encoder_start = EncoderStart::Orthonormal;
        config.views.features = "whiten".into();
    });
    let rank = Column::StudentEncoderEffectiveRank;
    assert_eq!(largest(&record, rank, 0), 0, "the case does not show anything");
    assert_told(&record, "label_free", "knn", largest(&record, rank, 1));
}
