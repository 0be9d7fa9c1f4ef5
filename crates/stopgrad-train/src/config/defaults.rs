//! What a key is when it is left out.

use stopgrad_data::SplitSpec;
use stopgrad_dynamics::Field;

use super::{
    ClipBy, Config, Decayed, DeviceKind, EncoderPool, EncoderStart, EncoderStem, EvaluationConfig, FieldConfig, Loss,
    NetworkConfig, NetworkKind, ObjectiveConfig, OptimizerConfig, OptimizerKind, Precision, PredictorRate,
    PredictorRule, PredictorStart, Regularizer, ScheduleKind, SourceConfig, TeacherBatchNorm, TeacherBuffers,
    TrainingConfig, ViewsConfig,
};

impl Default for SourceConfig {
    fn default() -> Self {
        Self { path: "digits".into(), label_column: String::new(), image_side: 0 }
    }
}

impl Default for ViewsConfig {
    fn default() -> Self {
        Self { preset: "auto".into(), features: "none".into(), fixed_pairs: 0, recipe: None }
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            encoder: NetworkKind::Mlp,
            encoder_hidden: vec![256],
            encoder_width: 16,
            encoder_base_width: 64,
            encoder_stem: EncoderStem::Auto,
            encoder_blocks: 1,
            encoder_stride: 1,
            encoder_depth: 6,
            encoder_heads: 3,
            encoder_patch: 4,
            encoder_pool: EncoderPool::Mean,
            encoder_start: EncoderStart::Uniform,
            init: String::new(),
            projector: NetworkKind::None,
            projector_hidden: vec![256],
            projector_width: 64,
            predictor: NetworkKind::Linear,
            predictor_hidden: vec![128],
            predictor_start: PredictorStart::Identity,
            predictor_rule: PredictorRule::Trained,
            direct_decay: 0.3,
            direct_share: 0.01,
            direct_every: 1,
            encoder_batch_norm: false,
            projector_batch_norm: false,
            predictor_batch_norm: false,
            output_batch_norm: false,
            output_affine: true,
        }
    }
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            loss: Loss::HalfSquared,
            symmetrized: false,
            regularizer: Regularizer::Objective,
            weight_decay: 1e-3,
            weight_decay_end: 0.0,
            weight_decay_schedule: ScheduleKind::Constant,
            decayed: Decayed::All,
            variance_weight: 0.0,
            covariance_weight: 0.0,
            sigreg_weight: 0.0,
            sigreg_directions: 256,
        }
    }
}

impl Default for FieldConfig {
    fn default() -> Self {
        Self {
            kind: Field::StopGradient,
            teacher_momentum: 0.99,
            teacher_momentum_end: 1.0,
            teacher_schedule: ScheduleKind::Constant,
            teacher_batch_norm: TeacherBatchNorm::Batch,
            teacher_buffers: TeacherBuffers::Average,
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Sgd,
            learning_rate: 0.0,
            learning_rate_end: 0.0,
            schedule: ScheduleKind::Constant,
            warmup_steps: 0,
            warmup_share: 0.0,
            predictor_rate: PredictorRate::Scheduled,
            predictor_rate_scale: 1.0,
            momentum: 0.9,
            betas: (0.9, 0.999),
            epsilon: 1e-8,
            trust: 1e-3,
            trust_clip: false,
            clip_norm: 0.0,
            clip_by: ClipBy::Whole,
        }
    }
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            steps: 40_000,
            epochs: 0.0,
            batch_size: 128,
            accumulate: 1,
            horizon: 1.0,
            seed: 0,
            threads: 0,
            checkpoint_every: 2000,
            precision: Precision::F32,
            device: DeviceKind::Cpu,
        }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            pairs: 512,
            measure_every: 0,
            probe_every: 0,
            probe_samples: 0,
            knn_k: 20,
            knn_temperature: 0.07,
            descent_steps: 200,
            theory_up_to: 1024,
        }
    }
}

#[allow(clippy::derivable_impls, reason = "each table's default is written out above, once")]
impl Default for Config {
    fn default() -> Self {
        Self {
            source: SourceConfig::default(),
            split: SplitSpec::default(),
            views: ViewsConfig::default(),
            network: NetworkConfig::default(),
            objective: ObjectiveConfig::default(),
            field: FieldConfig::default(),
            optimizer: OptimizerConfig::default(),
            training: TrainingConfig::default(),
            evaluation: EvaluationConfig::default(),
        }
    }
}

/// Pairs a batch where there are enough samples.
const IMAGE_BATCH: usize = 64;
/// Epochs that a run on images gets, as long as that is between the two numbers of steps.
const IMAGE_EPOCHS: usize = 20;
const IMAGE_STEPS: (usize, usize) = (1000, 20_000);
/// Training samples that probes learn from: with the representations of so many they take seconds.
const IMAGE_PROBE_SAMPLES: usize = 10_000;

impl Config {
    /// The values that a configuration for color images starts from, given how many samples there are: a convolutional
    /// encoder, projector and predictor with batch norms and the normalized loss of both directions as in BYOL (Grill et
    /// al. 2020, arXiv:2006.07733), AdamW with a cosine schedule and small batches, since a few thousand steps are what a
    /// CPU has time for. Chosen by validation accuracy on CIFAR-10 (docs/results/convolution.md).
    pub fn for_images(samples: usize) -> Self {
        let batch_size = IMAGE_BATCH.min((samples / 4).max(2));
        let epoch = (samples * 7 / 10 / batch_size).max(1);
        let steps = (epoch * IMAGE_EPOCHS).clamp(IMAGE_STEPS.0, IMAGE_STEPS.1) as u64;
        let general = Self::default();
        Self {
            network: NetworkConfig {
                encoder: NetworkKind::Conv,
                encoder_hidden: vec![32, 64, 128],
                encoder_width: 256,
                encoder_batch_norm: true,
                projector: NetworkKind::Mlp,
                projector_hidden: vec![512],
                projector_width: 256,
                projector_batch_norm: true,
                predictor: NetworkKind::Mlp,
                predictor_hidden: vec![512],
                predictor_batch_norm: true,
                ..general.network
            },
            objective: ObjectiveConfig {
                loss: Loss::Cosine,
                symmetrized: true,
                regularizer: Regularizer::Decoupled,
                weight_decay: 5e-4,
                ..general.objective
            },
            field: FieldConfig { teacher_schedule: ScheduleKind::Cosine, ..general.field },
            optimizer: OptimizerConfig {
                kind: OptimizerKind::Adamw,
                learning_rate: 3e-3,
                schedule: ScheduleKind::Cosine,
                warmup_steps: steps / 20,
                ..general.optimizer
            },
            training: TrainingConfig { steps, batch_size, checkpoint_every: (steps / 20).max(1), ..general.training },
            evaluation: EvaluationConfig {
                probe_samples: IMAGE_PROBE_SAMPLES,
                descent_steps: (steps / 20).min(100),
                ..general.evaluation
            },
            ..general
        }
    }
}
