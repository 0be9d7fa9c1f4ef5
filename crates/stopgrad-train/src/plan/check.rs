//! What of a configuration cannot be run, by itself or with its data.

use stopgrad_data::{Source, Splits};
use stopgrad_dynamics::Field;

use super::PlanError;
use crate::config::{Config, OptimizerKind, TeacherBatchNorm, TeacherBuffers};

/// Every number within its range.
pub(super) fn numbers(config: &Config) -> Result<(), PlanError> {
    let (optimizer, field, training, objective) =
        (&config.optimizer, &config.field, &config.training, &config.objective);
    let network = &config.network;
    let (adam, ema) = (optimizer.kind == OptimizerKind::Adamw, field.kind == Field::Ema);
    let checks: [(&'static str, f64, bool, Range); 29] = [
        ("optimizer.learning_rate", optimizer.learning_rate, true, CHOSEN),
        ("optimizer.learning_rate_end", optimizer.learning_rate_end, true, NOT_NEGATIVE),
        ("optimizer.warmup_share", optimizer.warmup_share, true, BELOW_ONE),
        ("optimizer.predictor_rate_scale", optimizer.predictor_rate_scale, true, NOT_NEGATIVE),
        ("optimizer.momentum", optimizer.momentum, true, BELOW_ONE),
        ("optimizer.betas", optimizer.betas.0, adam, BELOW_ONE),
        ("optimizer.betas", optimizer.betas.1, adam, BELOW_ONE),
        ("optimizer.epsilon", optimizer.epsilon, adam, POSITIVE),
        ("optimizer.trust", optimizer.trust, true, POSITIVE),
        ("optimizer.clip_norm", optimizer.clip_norm, true, UNCLIPPED),
        ("objective.weight_decay", objective.weight_decay, true, NOT_NEGATIVE),
        ("objective.weight_decay_end", objective.weight_decay_end, true, NOT_NEGATIVE),
        ("objective.variance_weight", objective.variance_weight, true, NOT_NEGATIVE),
        ("objective.covariance_weight", objective.covariance_weight, true, NOT_NEGATIVE),
        ("objective.sigreg_weight", objective.sigreg_weight, true, NOT_NEGATIVE),
        ("objective.sigreg_directions", objective.sigreg_directions as f64, true, DIRECTIONS),
        ("network.direct_decay", network.direct_decay, true, BELOW_ONE),
        ("network.direct_share", network.direct_share, true, NOT_NEGATIVE),
        ("network.direct_every", network.direct_every as f64, true, AT_LEAST_ONE),
        ("field.teacher_momentum", field.teacher_momentum, ema, SHARE),
        ("field.teacher_momentum_end", field.teacher_momentum_end, ema, SHARE),
        ("training.steps", training.steps as f64, true, AT_LEAST_ONE),
        ("training.epochs", training.epochs, true, COUNTED),
        ("training.batch_size", training.batch_size as f64, true, PAIRS),
        ("training.accumulate", training.accumulate as f64, true, AT_LEAST_ONE),
        ("training.horizon", training.horizon, true, HORIZON),
        ("evaluation.pairs", config.evaluation.pairs as f64, true, AT_LEAST_TWO),
        ("evaluation.knn_k", config.evaluation.knn_k as f64, true, AT_LEAST_ONE),
        ("evaluation.knn_temperature", config.evaluation.knn_temperature, true, POSITIVE),
    ];
    if let Some((key, value, _, (range, _))) =
        checks.into_iter().find(|(_, value, read, (_, holds))| *read && !holds(*value))
    {
        return Err(PlanError::OutOfRange { key, value: value.to_string(), range });
    }
    if ema && field.teacher_buffers == TeacherBuffers::Own && field.teacher_batch_norm == TeacherBatchNorm::Running {
        return Err(PlanError::OutOfRange {
            key: "field.teacher_buffers",
            value: "own".to_owned(),
            range: "`average` or `copy` with teacher_batch_norm = \"running\": such a teacher sees no batch statistics",
        });
    }
    Ok(())
}

/// A range in words, and whether a number is in it.
type Range = (&'static str, fn(f64) -> bool);

const NOT_NEGATIVE: Range = ("0 or more", |v| v.is_finite() && v >= 0.0);
const CHOSEN: Range = ("0 (chosen from the number of inputs) or more", |v| v.is_finite() && v >= 0.0);
const UNCLIPPED: Range = ("0 (no clipping) or more", |v| v.is_finite() && v >= 0.0);
const COUNTED: Range = ("0 (training.steps counts) to 1,000,000", |v| (0.0..=1e6).contains(&v));
const POSITIVE: Range = ("a number above 0", |v| v.is_finite() && v > 0.0);
const BELOW_ONE: Range = ("at least 0 and below 1", |v| (0.0..1.0).contains(&v));
const SHARE: Range = ("from 0 to 1", |v| (0.0..=1.0).contains(&v));
const AT_LEAST_ONE: Range = ("at least 1", |v| v >= 1.0);
const AT_LEAST_TWO: Range = ("at least 2", |v| v >= 2.0);
const PAIRS: Range = ("at least 2, or 0 for all", |v| v >= 2.0 || v == 0.0);
const DIRECTIONS: Range = ("from 1 to 65,536", |v| (1.0..=65_536.0).contains(&v));
const HORIZON: Range = ("from 1 to 1,000", |v| (1.0..=1000.0).contains(&v));

/// Numbers a network may have: 16 GiB of f32, with as much again for gradient and optimizer.
const LARGEST: u128 = 1 << 32;
/// Hidden layers a part may have.
const DEEPEST: usize = 1000;

/// Refuses widths that no machine can hold, before anything is allocated for them.
pub(super) fn size(config: &Config, inputs: usize) -> Result<(), PlanError> {
    let network = &config.network;
    let parts = [
        ("network.encoder_hidden", &network.encoder_hidden, inputs, network.encoder_width),
        ("network.projector_hidden", &network.projector_hidden, network.encoder_width, network.projector_width),
        ("network.predictor_hidden", &network.predictor_hidden, network.projector_width, network.projector_width),
    ];
    for (key, hidden, first, last) in parts {
        let widths: Vec<u128> =
            std::iter::once(first).chain(hidden.iter().copied()).chain([last]).map(|w| w as u128).collect();
        let numbers: u128 = widths.windows(2).map(|w| w[0].saturating_mul(w[1])).fold(0, u128::saturating_add);
        if hidden.len() > DEEPEST || numbers > LARGEST {
            let value = format!("{} layers with {numbers} weights", hidden.len() + 1);
            return Err(PlanError::OutOfRange { key, value, range: "at most 1000 layers and 2³² weights" });
        }
    }
    let (width, square) = (network.encoder_width as u128, |width: u128| width.saturating_mul(width));
    let (key, numbers) = if network.encoder.stages().is_some() {
        // The widest 3 × 3 filters, of which there are a few.
        ("network.encoder_base_width", square(8 * network.encoder_base_width as u128).saturating_mul(9))
    } else if network.encoder.is_transformer() {
        ("network.encoder_depth", square(width).saturating_mul(12).saturating_mul(network.encoder_depth as u128))
    } else {
        return Ok(());
    };
    if numbers > LARGEST || network.encoder_depth > DEEPEST {
        let value = format!("{numbers} weights");
        return Err(PlanError::OutOfRange { key, value, range: "at most 1000 blocks and 2³² weights" });
    }
    Ok(())
}

/// Ē is measured on the validation part, and probes are tested on the test part.
pub(super) fn parts(config: &Config, source: &dyn Source, splits: &Splits) -> Result<(), PlanError> {
    let refuse = |key, value: f64, range| Err(PlanError::OutOfRange { key, value: value.to_string(), range });
    if splits.validation.is_empty() {
        return refuse("split.validation", config.split.validation, "above 0: Ē is measured on the validation part");
    }
    if splits.test.is_empty() && !source.classes().is_empty() {
        return refuse("split.test", config.split.test, "above 0: probes of a labelled source need a test part");
    }
    Ok(())
}
