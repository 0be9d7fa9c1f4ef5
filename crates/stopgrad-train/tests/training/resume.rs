//! A run that is stopped and goes on is the run that was not stopped; a run that diverges says so.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::test_runner::{Config as Cases, TestRunner};
use stopgrad_dynamics::Field;
use stopgrad_train::config::{
    ClipBy, Config, EncoderStart, NetworkKind, OptimizerKind, Precision, PredictorRate, PredictorRule, Regularizer,
    ScheduleKind,
};
use stopgrad_train::record::{Column, MetricsRow};
use stopgrad_train::run::{RunOutcome, run};

use super::support::{Patience, config, finish, plan};

/// All files of a run folder; of `metrics.csv` without its columns of wall time.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            if path.ends_with("metrics.csv") {
                let timed = [Column::Seconds as usize, Column::WaitedSeconds as usize];
                let text = String::from_utf8(bytes).unwrap();
                let without = |line: &str| {
                    let cells = line.split(',').enumerate().filter(|(i, _)| !timed.contains(i)).map(|(_, cell)| cell);
                    cells.collect::<Vec<_>>().join(",")
                };
                bytes = text.lines().map(without).collect::<Vec<_>>().join("\n").into_bytes();
            }
            found.insert(path.strip_prefix(folder).unwrap().display().to_string(), bytes);
        }
    }
    found
}

fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (files(a), files(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(bytes == &b[name], "{name} differs");
    }
}

fn variants() -> Vec<Config> {
    let mut sg = config(100);
    sg.field.kind = Field::StopGradient;
    let mut ema = config(100);
    ema.field.kind = Field::Ema;
    ema.optimizer.kind = OptimizerKind::Adamw;
    ema.optimizer.learning_rate = 1e-3;
    ema.network.encoder_batch_norm = true;
    ema.training.precision = Precision::F64;
    let mut filters = config(60);
    filters.network.encoder = NetworkKind::Conv;
    filters.network.encoder_hidden = vec![4];
    filters.network.encoder_batch_norm = true;
    filters.optimizer.kind = OptimizerKind::Lars;
    let mut linear = config(100);
    linear.network.encoder = NetworkKind::Linear;
    linear.network.encoder_start = EncoderStart::Orthonormal;
    linear.views.features = "pca:9".into();
    linear.views.fixed_pairs = 2;
    linear.training.batch_size = 600;
    // A predictor that is set, terms in Ω, schedules of decay and teacher, several batches a step.
    let mut direct = config(60);
    direct.field.kind = Field::Ema;
    direct.field.teacher_schedule = ScheduleKind::Linear;
    direct.network.predictor_rule = PredictorRule::Directpred;
    direct.network.direct_every = 3;
    direct.network.output_batch_norm = true;
    direct.network.output_affine = false;
    direct.objective.symmetrized = true;
    direct.objective.sigreg_weight = 0.5;
    direct.objective.sigreg_directions = 8;
    direct.objective.weight_decay_schedule = ScheduleKind::Cosine;
    (direct.training.accumulate, direct.training.horizon) = (2, 1.25);
    let mut symmetric = config(60);
    symmetric.network.predictor_rule = PredictorRule::Symmetric;
    symmetric.objective.regularizer = Regularizer::Decoupled;
    symmetric.objective.variance_weight = 1.0;
    symmetric.objective.covariance_weight = 0.5;
    symmetric.optimizer.kind = OptimizerKind::Adamw;
    symmetric.optimizer.learning_rate = 1e-3;
    symmetric.optimizer.schedule = ScheduleKind::Cosine;
    symmetric.optimizer.predictor_rate = PredictorRate::Fixed;
    (symmetric.optimizer.clip_norm, symmetric.optimizer.clip_by) = (0.5, ClipBy::Parts);
    vec![sg, ema, filters, linear, direct, symmetric]
}

#[test]
fn stopped_anywhere_and_resumed_gives_the_same_bits() {
    for config in variants() {
        let plan = plan(&config);
        let whole = tempfile::tempdir().unwrap();
        finish(&plan, whole.path());
        let mut runner = TestRunner::new(Cases { cases: 4, failure_persistence: None, ..Cases::default() });
        runner
            .run(&(0_u64..115, 0_u64..60), |(first, second)| {
                let folder = tempfile::tempdir().unwrap();
                for steps_left in [first, second] {
                    let mut patience = Patience { steps_left: Some(steps_left), seen: 0 };
                    run(&plan, "test", folder.path(), &mut patience).unwrap();
                }
                finish(&plan, folder.path());
                assert_same(whole.path(), folder.path());
                Ok(())
            })
            .unwrap();
    }
}

/// As after `kill -9`: rows and a half-written line beyond the checkpoint, an unfinished checkpoint beside it.
#[test]
fn what_a_kill_leaves_behind_is_cut_back() {
    let config = variants().remove(0);
    let plan = plan(&config);
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&plan, whole.path());
    let mut patience = Patience { steps_left: Some(30), seen: 0 };
    run(&plan, "test", killed.path(), &mut patience).unwrap();
    let metrics = killed.path().join("metrics.csv");
    let all = std::fs::read_to_string(whole.path().join("metrics.csv")).unwrap();
    std::fs::write(&metrics, &all[..all.len() - 25]).unwrap();
    let fresh = killed.path().join("checkpoint.new");
    std::fs::create_dir_all(&fresh).unwrap();
    std::fs::write(fresh.join("model.safetensors"), b"half").unwrap();
    // Between the two renames of a checkpoint only the old one is in place.
    std::fs::rename(killed.path().join("checkpoint"), killed.path().join("checkpoint.old")).unwrap();
    finish(&plan, killed.path());
    assert_same(whole.path(), killed.path());
}

/// Killed between the last checkpoint and the record: nothing is saved any more that would tidy up.
#[test]
fn what_a_kill_leaves_beside_the_last_checkpoint_is_removed() {
    let plan = plan(&config(20));
    let folder = tempfile::tempdir().unwrap();
    finish(&plan, folder.path());
    for (name, file) in [("checkpoint.old", "model.safetensors"), ("checkpoint.new", "state.safetensors")] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join(file), b"of a step before").unwrap();
    }
    std::fs::remove_file(folder.path().join("run.json")).unwrap();
    finish(&plan, folder.path());
    assert!(folder.path().join("checkpoint").exists());
    assert!(!folder.path().join("checkpoint.old").exists() && !folder.path().join("checkpoint.new").exists());
}

#[test]
fn threads_that_load_change_nothing() {
    for mut one in variants() {
        one.training.steps = 30;
        let mut other = one.clone();
        other.training.threads = 3;
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (finish(&plan(&one), a.path()), finish(&plan(&other), b.path()));
        assert_eq!(first.probes, second.probes);
        assert_eq!(first.verdict, second.verdict);
        let (mut a, mut b) = (files(a.path()), files(b.path()));
        a.remove("config.toml");
        b.remove("config.toml");
        assert_eq!(a, b);
    }
}

#[test]
fn a_finished_run_is_read_and_not_repeated() {
    let plan = plan(&config(20));
    let folder = tempfile::tempdir().unwrap();
    let record = finish(&plan, folder.path());
    let before = files(folder.path());
    let mut patience = Patience::default();
    let RunOutcome::Finished(again) = run(&plan, "test", folder.path(), &mut patience).unwrap() else {
        panic!("a finished run cannot stop")
    };
    assert_eq!((patience.seen, files(folder.path())), (0, before));
    assert_eq!(
        (again.verdict, again.probes, again.metrics, again.spectra),
        (record.verdict, record.probes, record.metrics, record.spectra)
    );
}

#[test]
fn time_waited_for_data_only_grows_and_is_part_of_all_time() {
    let plan = plan(&config(60));
    let folder = tempfile::tempdir().unwrap();
    let stopped =
        run(&plan, "test", folder.path(), &mut Patience { steps_left: Some(31), ..Patience::default() }).unwrap();
    assert!(matches!(stopped, RunOutcome::Stopped { .. }));
    let record = finish(&plan, folder.path());
    let times = |column| record.metrics.iter().map(|row| row.get(column).unwrap()).collect::<Vec<_>>();
    let (waited, seconds) = (times(Column::WaitedSeconds), times(Column::Seconds));
    assert!(waited[0] == 0.0 && waited.is_sorted() && waited.iter().zip(&seconds).all(|(waited, all)| waited <= all));
    let (last, all) = record.waited().unwrap();
    assert!(last > 0.0 && last < all);
}

#[test]
fn metrics_of_a_version_that_did_not_measure_waiting_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let record = finish(&plan(&config(20)), folder.path());
    let path = folder.path().join("metrics.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let shorter =
        |text: &str| text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n").collect::<String>();
    std::fs::write(&path, shorter(&text)).unwrap();
    let read = stopgrad_train::RunRecord::read(folder.path()).unwrap();
    assert_eq!((read.waited(), read.metrics.len()), (None, record.metrics.len()));
    let without = |rows: Vec<MetricsRow>| rows.into_iter().map(MetricsRow::without_times).collect::<Vec<_>>();
    assert_eq!(without(read.metrics), without(record.metrics));
    std::fs::write(&path, shorter(&shorter(&text))).unwrap();
    assert!(stopgrad_train::RunRecord::read(folder.path()).unwrap_err().to_string().contains("its columns are not"));
}

#[test]
fn a_rate_that_diverges_ends_with_the_step_and_the_quantity() {
    let mut config = config(100);
    config.optimizer.learning_rate = 50.0;
    let folder = tempfile::tempdir().unwrap();
    let record = finish(&plan(&config), folder.path());
    assert_eq!(record.verdict.converges.answer, "diverged");
    let evidence = &record.verdict.converges.evidence;
    assert!(evidence["step"].as_u64().unwrap() < 100 && evidence["quantity"].as_str().unwrap().contains("loss"));
    assert!(record.metrics.iter().all(|row| row.get(Column::JointObjective).is_some_and(f64::is_finite)));
    assert_eq!(record.verdict.collapses.answer, "undecided");
    let read = stopgrad_train::RunRecord::read(folder.path()).unwrap();
    assert_eq!((read.verdict, read.relative_displacement), (record.verdict, record.relative_displacement));
}
