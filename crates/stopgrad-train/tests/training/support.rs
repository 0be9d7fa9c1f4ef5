//! Small networks, batches and plans for the tests.

use stopgrad_data::Batch;
use stopgrad_train::config::{Config, Loss, NetworkConfig, NetworkKind, ObjectiveConfig, Regularizer};
use stopgrad_train::network::{Input, Network};
use stopgrad_train::objective::{Objective, Views};
use stopgrad_train::run::{self, Observer, Progress};
use stopgrad_train::scalar::Scalar;
use stopgrad_train::{Plan, RunOutcome};

pub(crate) const LOSSES: [Loss; 3] = [Loss::HalfSquared, Loss::Cosine, Loss::SmoothL1];

/// Networks that between them have every kind of layer and every part.
pub(crate) fn networks() -> Vec<(&'static str, NetworkConfig, Input)> {
    let base = NetworkConfig { encoder_width: 3, ..NetworkConfig::default() };
    vec![
        ("linear", NetworkConfig { encoder: NetworkKind::Linear, ..base.clone() }, 5.into()),
        (
            "no predictor",
            NetworkConfig { encoder_hidden: vec![4], predictor: NetworkKind::None, ..base.clone() },
            5.into(),
        ),
        (
            "everything, batch norm everywhere",
            NetworkConfig {
                encoder_hidden: vec![6],
                projector: NetworkKind::Mlp,
                projector_hidden: vec![5],
                projector_width: 4,
                predictor: NetworkKind::Mlp,
                predictor_hidden: vec![5],
                encoder_batch_norm: true,
                projector_batch_norm: true,
                predictor_batch_norm: true,
                output_batch_norm: true,
                ..base.clone()
            },
            5.into(),
        ),
        (
            "convolutional",
            NetworkConfig {
                encoder: NetworkKind::Conv,
                encoder_hidden: vec![2],
                encoder_batch_norm: true,
                projector: NetworkKind::Linear,
                projector_width: 2,
                ..base.clone()
            },
            Input { width: 2 * 4 * 3, image: Some([2, 4, 3]) },
        ),
        (
            "two blocks a stage",
            NetworkConfig {
                encoder: NetworkKind::Conv,
                encoder_hidden: vec![2],
                encoder_blocks: 2,
                encoder_batch_norm: true,
                ..base.clone()
            },
            Input { width: 2 * 4 * 3, image: Some([2, 4, 3]) },
        ),
        (
            "vision transformer",
            NetworkConfig {
                encoder: NetworkKind::Vit,
                encoder_width: 6,
                encoder_depth: 2,
                encoder_patch: 2,
                projector: NetworkKind::Linear,
                projector_width: 2,
                ..base
            },
            Input { width: 2 * 4 * 6, image: Some([2, 4, 6]) },
        ),
    ]
}

pub(crate) fn objective(loss: Loss, symmetrized: bool) -> Objective {
    let config = ObjectiveConfig {
        loss,
        symmetrized,
        regularizer: Regularizer::Objective,
        weight_decay: 0.01,
        ..ObjectiveConfig::default()
    };
    Objective::new(&config, 0)
}

/// The same with every term of the embeddings.
pub(crate) fn objective_with_terms(loss: Loss, symmetrized: bool) -> Objective {
    let config = ObjectiveConfig {
        loss,
        symmetrized,
        weight_decay: 0.01,
        variance_weight: 0.7,
        covariance_weight: 0.3,
        sigreg_weight: 1.5,
        sigreg_directions: 5,
        ..ObjectiveConfig::default()
    };
    Objective::new(&config, 3)
}

/// Two views that share a part, as views do: y is x and something of its own.
pub(crate) fn pair_batch(rows: usize, width: usize) -> Batch {
    let wave = |i: usize, offset: f32| ((i as f32 + offset) * 12.9898).sin();
    let x: Vec<f32> = (0..rows * width).map(|i| wave(i, 0.0)).collect();
    let y = x.iter().enumerate().map(|(i, v)| 0.8 * v + 0.4 * wave(i, 0.37)).collect();
    Batch { rows, x, y, ..Batch::default() }
}

pub(crate) fn views<T: Scalar>(rows: usize, network: &Network) -> Views {
    run::views::<T>(&pair_batch(rows, network.input_width), network.input_width)
}

/// Digits, a hundred steps, small.
pub(crate) fn config(steps: u64) -> Config {
    let mut config = Config::default();
    config.training.steps = steps;
    config.training.batch_size = 32;
    config.training.checkpoint_every = 30;
    config.training.threads = 1;
    config.network.encoder_hidden = vec![16];
    config.network.encoder_width = 8;
    config.evaluation.measure_every = 10;
    config.evaluation.probe_every = 50;
    config.evaluation.descent_steps = 20;
    config
}

pub(crate) fn plan(config: &Config) -> Plan {
    Plan::new(config.clone()).expect("a valid configuration")
}

/// Lets a run go on, or stops it after some calls.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    pub(crate) steps_left: Option<u64>,
    pub(crate) seen: u64,
}

impl Observer for Patience {
    fn progress(&mut self, _: &Progress) {
        self.seen += 1;
    }
    fn should_stop(&mut self) -> bool {
        match &mut self.steps_left {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

pub(crate) fn finish(plan: &Plan, folder: &std::path::Path) -> stopgrad_train::RunRecord {
    match run::run(plan, "test", folder, &mut Patience::default()).expect("a run that ends") {
        RunOutcome::Finished(record) => *record,
        RunOutcome::Stopped { step } => panic!("stopped at {step} although nobody asked"),
    }
}
