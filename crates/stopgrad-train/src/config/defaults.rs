//! What a key is when it is left out.

use stopgrad_data::SplitSpec;
use stopgrad_dynamics::Field;

use super::{
    Config, EncoderStart, EvaluationConfig, FieldConfig, Loss, NetworkConfig, NetworkKind, ObjectiveConfig,
    OptimizerConfig, OptimizerKind, Precision, PredictorStart, Regularizer, ScheduleKind, SourceConfig,
    TeacherBatchNorm, TeacherBuffers, TrainingConfig, ViewsConfig,
};

impl Default for SourceConfig {
    fn default() -> Self {
        Self { path: "digits".into(), label_column: String::new() }
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
            encoder_start: EncoderStart::Uniform,
            projector: NetworkKind::None,
            projector_hidden: vec![256],
            projector_width: 64,
            predictor: NetworkKind::Linear,
            predictor_hidden: vec![128],
            predictor_start: PredictorStart::Identity,
            encoder_batch_norm: false,
            projector_batch_norm: false,
            predictor_batch_norm: false,
            output_batch_norm: false,
        }
    }
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self { loss: Loss::HalfSquared, symmetrized: false, regularizer: Regularizer::Objective, weight_decay: 1e-3 }
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
            momentum: 0.9,
            betas: (0.9, 0.999),
            epsilon: 1e-8,
            clip_norm: 0.0,
        }
    }
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self { steps: 40_000, batch_size: 128, seed: 0, threads: 0, checkpoint_every: 2000, precision: Precision::F32 }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            pairs: 512,
            measure_every: 0,
            probe_every: 0,
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
