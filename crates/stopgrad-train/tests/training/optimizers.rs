//! Optimizers and schedules against PyTorch and timm, or what is known of them in closed form.

use burn::tensor::{Tensor, TensorData};
use serde_json::Value;
use stopgrad_dynamics::Field;
use stopgrad_train::config::{
    Decayed, FieldConfig, NetworkConfig, NetworkKind, OptimizerConfig, OptimizerKind, ScheduleKind,
};
use stopgrad_train::gradient::Gradient;
use stopgrad_train::network::Network;
use stopgrad_train::objective::Views;
use stopgrad_train::optim::{Optimizer, Pace, Schedule, Warmup};
use stopgrad_train::record::Column;
use stopgrad_train::teacher::Teacher;
use stopgrad_train::weights::Weights;

use super::support::{config, finish, objective, pair_batch, plan};
use stopgrad_train::config::Loss;

const STEPS: u64 = 6;

fn golden() -> Value {
    let all: Value = serde_json::from_str(include_str!("../golden/optimizers.json")).unwrap();
    all["values"].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Encoder 3-2-2 with biases, linear predictor: the parameters of the golden.
fn network() -> Network {
    let config = NetworkConfig { encoder_hidden: vec![2], encoder_width: 2, ..NetworkConfig::default() };
    Network::new(&config, 3).unwrap()
}

fn formula(length: usize, step: usize) -> Tensor<1> {
    let values: Vec<f64> = (0..length).map(|i| ((i * step % 23) as f64 - 11.0) / 8.0).collect();
    Tensor::from_data(TensorData::new(values, [length]), (&burn::tensor::Device::flex(), burn::tensor::DType::F64))
}

/// Where the steps of the golden end.
fn stepped(config: &OptimizerConfig, pace: impl Fn(u64) -> Pace) -> Vec<Vec<f64>> {
    let network = network();
    let mut parameters: Vec<Tensor<1>> =
        network.parameters.iter().enumerate().map(|(k, spec)| formula(spec.len(), 5 + k)).collect();
    let mut optimizer = Optimizer::<f64>::new(config, Decayed::Matrices, &network);
    for t in 0..STEPS {
        let gradient: Vec<Tensor<1>> =
            network.parameters.iter().enumerate().map(|(k, spec)| formula(spec.len(), 7 + k + t as usize)).collect();
        optimizer.step(&mut parameters, &gradient, pace(t), None);
    }
    parameters.into_iter().map(|p| p.into_data().try_into_vec().unwrap()).collect()
}

fn same(have: &[Vec<f64>], want: &Value) {
    assert_eq!(have.len(), want.as_array().unwrap().len());
    for (have, want) in have.iter().zip(want.as_array().unwrap()) {
        for (have, want) in have.iter().zip(numbers(want)) {
            assert!((have - want).abs() < 1e-12, "{have} against {want}");
        }
    }
}

#[test]
fn lars_matches_timm_with_and_without_its_clip() {
    for (clip, name) in [(false, "lars"), (true, "lars_clipped")] {
        let config =
            OptimizerConfig { kind: OptimizerKind::Lars, trust: 0.4, trust_clip: clip, ..OptimizerConfig::default() };
        same(&stepped(&config, |_| Pace::even(0.5, 0.1)), &golden()[name]);
    }
}

#[test]
fn adamw_in_groups_under_schedules_matches_pytorch() {
    let golden = golden();
    let config = OptimizerConfig { kind: OptimizerKind::Adamw, ..OptimizerConfig::default() };
    let warmup = Warmup { steps: 2 };
    let rate = Schedule { kind: ScheduleKind::Cosine, start: 0.02, end: 0.001, steps: STEPS, horizon: 1.0, warmup };
    let decay = Schedule { kind: ScheduleKind::Linear, start: 0.1, end: 0.4, warmup: Warmup::default(), ..rate };
    for (step, want) in numbers(&golden["adamw"]["rates"]).into_iter().enumerate() {
        assert!((rate.at(step as u64) - want).abs() < 1e-15, "{step}");
    }
    let pace = |t| Pace { rate: rate.at(t), predictor_rate: 0.2, decoupled: decay.at(t) };
    same(&stepped(&config, pace), &golden["adamw"]["parameters"]);
}

/// V-JEPA's recipe (arXiv:2404.08471, configs/pretrain/vitl16.yaml of its code): 300 epochs of 300 steps, schedules over 1.25
/// times as many; what they end at.
#[test]
fn with_a_horizon_schedules_end_before_their_last_value() {
    let of = |kind, start, end, warm| Schedule {
        kind,
        start,
        end,
        steps: 90_000,
        horizon: 1.25,
        warmup: Warmup { steps: warm },
    };
    let rate = of(ScheduleKind::Cosine, 6.25e-4, 1e-6, 12_000);
    let decay = of(ScheduleKind::Cosine, 0.04, 0.4, 0);
    let momentum = of(ScheduleKind::Linear, 0.998, 1.0, 0);
    let ends = [(rate, 7.5e-5, 0.05e-5), (decay, 0.366, 5e-4), (momentum, 0.9996, 1e-6)];
    for (schedule, want, within) in ends {
        assert!((schedule.at(89_999) - want).abs() < within, "{} against {want}", schedule.at(89_999));
    }
    let teacher = Teacher::new::<f64>(
        &FieldConfig { teacher_schedule: ScheduleKind::Linear, teacher_momentum: 0.998, ..FieldConfig::default() },
        &network(),
        &Weights::initialize::<f64>(&network(), 0),
        90_000,
    );
    assert!((teacher.momentum(89_999) - 1.0).abs() < 1e-15);
    assert!((teacher.with_horizon(1.25).momentum(89_999) - momentum.at(89_999)).abs() < 1e-15);
}

/// Without batch norm the mean gradient of two batches is that of one twice as large.
#[test]
fn accumulated_batches_make_the_step_of_one_large_batch() {
    let mut large = config(8);
    large.training.batch_size = 64;
    large.training.precision = stopgrad_train::config::Precision::F64;
    large.evaluation.descent_steps = 8;
    // Both halves of a large batch, in the order in which small ones come.
    let mut small = large.clone();
    (small.training.batch_size, small.training.accumulate) = (32, 2);
    let end = |config| {
        let folder = tempfile::tempdir().unwrap();
        let record = finish(&plan(&config), folder.path());
        let last = record.metrics.last().unwrap().clone();
        [Column::JointObjective, Column::Epoch, Column::StudentIncrement, Column::FieldNorm, Column::JointGradientNorm]
            .map(|column| last.get(column).unwrap())
    };
    // 1,258 training samples: 19 large batches or 39 small ones an epoch, the last of them left out by both here.
    let (large, small) = (end(large), end(small));
    for (large, small) in large.iter().zip(small).skip(2) {
        assert!((large - small).abs() < 1e-9 * large.abs(), "{large} {small}");
    }
    assert!((large[0] - small[0]).abs() < 1e-9 * large[0]);
    assert!((large[1] / small[1] - 39.0 / 38.0).abs() < 1e-12, "{} {}", large[1], small[1]);
}

/// Each part by itself; the whole shrinks in proportion.
#[test]
fn clipping_by_parts_limits_each_and_leaves_a_short_one_alone() {
    let network = network();
    let student = Weights::initialize::<f64>(&network, 1);
    let batch = pair_batch(16, 3);
    let views = Views::new::<f64>(&batch.x, &batch.y, 3);
    let gradient = || {
        Gradient::evaluate::<f64>(&network, &objective(Loss::HalfSquared, true), Field::Joint, &student, None, &views)
    };
    let (theta, psi) = (network.student_parameters(), network.predictor_parameters());
    let lengths = |gradient: &Gradient| [theta.clone(), psi.clone()].map(|part| gradient.norm_of::<f64>(part));
    let free = lengths(&gradient());
    let limit = 0.5 * (free[0] + free[1]);
    let clipped = |by| {
        let mut gradient = gradient();
        let norm = gradient.clip::<f64>(&network, limit, by);
        assert!((norm - free[0].hypot(free[1])).abs() < 1e-12 * norm);
        lengths(&gradient)
    };
    let parts = clipped(stopgrad_train::config::ClipBy::Parts);
    for (part, free) in parts.iter().zip(free) {
        assert!((part - free.min(limit)).abs() < 1e-12 * free, "{part} of {free}");
    }
    assert!(free[0].min(free[1]) < limit && free[0].max(free[1]) > limit, "one of them is short: {free:?}");
    let whole = clipped(stopgrad_train::config::ClipBy::Whole);
    let length = whole[0].hypot(whole[1]);
    assert!((length - limit).abs() < 1e-12 && (whole[0] / whole[1] - free[0] / free[1]).abs() < 1e-9);
}

/// A predictor at ten times the rate moves ten times as far in its first step of descent, and the encoder as before.
#[test]
fn the_predictor_has_a_rate_of_its_own() {
    let first_row = |scale: f64| {
        let mut config = config(1);
        config.optimizer.momentum = 0.0;
        config.optimizer.predictor_rate_scale = scale;
        config.network.predictor = NetworkKind::Linear;
        config.evaluation.measure_every = 1;
        let folder = tempfile::tempdir().unwrap();
        let record = finish(&plan(&config), folder.path());
        let row = record.metrics.last().unwrap().clone();
        [Column::StudentIncrement, Column::PredictorIncrement].map(|column| row.get(column).unwrap())
    };
    let (one, ten) = (first_row(1.0), first_row(10.0));
    assert!((one[0] - ten[0]).abs() < 1e-12 && (ten[1] / one[1] - 10.0).abs() < 1e-4, "{one:?} {ten:?}");
}
