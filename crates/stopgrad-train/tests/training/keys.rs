//! Invariant 5: every configuration key is read. Changing a key changes what a run does, or there is a reason here.

use stopgrad_dynamics::Field;
use stopgrad_train::config::{NetworkKind, OptimizerKind};
use stopgrad_train::record::MetricsRow;
use stopgrad_train::{Config, RunRecord};

use super::support::{config, finish, plan};

/// Keys that change no number of a run, each with its reason.
const SILENT: [(&str, &str); 7] = [
    ("training.device", "needs another machine: devices"),
    ("training.threads", "results do not depend on it: threads_that_load_change_nothing"),
    ("training.checkpoint_every", "results do not depend on it: stopped_anywhere_and_resumed_gives_the_same_bits"),
    ("source.label_column", "only tables have one: a test of stopgrad-data"),
    ("source.image_side", "only folders of images are scaled: tests of stopgrad-data and of the command"),
    ("source.path", "another source: the tests of stopgrad-data"),
    ("network.init", "takes a file: the tests of exchange and of the command"),
];

/// Another value for each key, with what else must be set for the key to matter.
type Setting = (&'static str, &'static str);

const TRANSFORMER: [Setting; 4] = [
    ("network.encoder", "\"vit\""),
    ("network.encoder_width", "6"),
    ("network.encoder_depth", "1"),
    ("network.encoder_patch", "4"),
];

const DIRECT: [Setting; 2] = [("network.predictor", "\"linear\""), ("network.predictor_rule", "\"directpred\"")];

/// As narrow as it can be.
const RESIDUAL: [Setting; 2] = [("network.encoder", "\"resnet18\""), ("network.encoder_base_width", "1")];

const OTHERS: [(&str, &str, &[Setting]); 80] = [
    ("split.validation", "0.2", &[]),
    ("split.test", "0.3", &[]),
    ("split.seed", "5", &[]),
    ("views.preset", "\"noise\"", &[]),
    ("views.features", "\"pca:9\"", &[]),
    ("views.fixed_pairs", "1", &[]),
    ("network.encoder", "\"linear\"", &[]),
    ("network.encoder_hidden", "[7]", &[]),
    ("network.encoder_width", "5", &[]),
    ("network.encoder_blocks", "2", &[("network.encoder", "\"conv\""), ("network.encoder_hidden", "[3]")]),
    ("network.encoder_stride", "2", &[("network.encoder", "\"conv\""), ("network.encoder_hidden", "[3]")]),
    ("network.encoder_base_width", "2", &RESIDUAL),
    ("network.encoder_stem", "\"imagenet\"", &RESIDUAL),
    ("network.encoder_pool", "\"token\"", &TRANSFORMER),
    ("network.encoder_depth", "2", &TRANSFORMER),
    ("network.encoder_heads", "2", &TRANSFORMER),
    ("network.encoder_patch", "8", &TRANSFORMER),
    ("network.encoder_start", "\"orthonormal\"", &[("network.encoder", "\"linear\"")]),
    ("network.projector", "\"linear\"", &[]),
    ("network.projector_hidden", "[7]", &[]),
    ("network.projector_width", "5", &[]),
    ("network.predictor", "\"none\"", &[]),
    ("network.predictor_hidden", "[7]", &[]),
    ("network.predictor_start", "\"random\"", &[("network.predictor", "\"linear\"")]),
    ("network.predictor_rule", "\"symmetric\"", &[("network.predictor", "\"linear\"")]),
    ("network.direct_decay", "0.6", &DIRECT),
    ("network.direct_share", "0.2", &DIRECT),
    ("network.direct_every", "3", &DIRECT),
    ("network.encoder_batch_norm", "false", &[]),
    ("network.projector_batch_norm", "true", &[]),
    ("network.predictor_batch_norm", "true", &[]),
    ("network.output_batch_norm", "true", &[]),
    ("network.output_affine", "false", &[("network.output_batch_norm", "true")]),
    ("objective.loss", "\"cosine\"", &[]),
    ("objective.symmetrized", "true", &[]),
    ("objective.regularizer", "\"decoupled\"", &[]),
    ("objective.weight_decay", "0.1", &[]),
    ("objective.weight_decay_end", "0.1", &[("objective.weight_decay_schedule", "\"linear\"")]),
    ("objective.weight_decay_schedule", "\"cosine\"", &[]),
    ("objective.decayed", "\"matrices\"", &[]),
    ("objective.variance_weight", "0.5", &[]),
    ("objective.covariance_weight", "0.5", &[]),
    ("objective.sigreg_weight", "0.5", &[]),
    ("objective.sigreg_directions", "3", &[("objective.sigreg_weight", "0.5")]),
    ("field.kind", "\"joint\"", &[]),
    ("field.teacher_momentum", "0.5", &[]),
    ("field.teacher_momentum_end", "0.5", &[("field.teacher_schedule", "\"linear\"")]),
    ("field.teacher_schedule", "\"cosine\"", &[]),
    ("field.teacher_batch_norm", "\"running\"", &[]),
    ("field.teacher_buffers", "\"copy\"", &[("field.teacher_batch_norm", "\"running\"")]),
    ("optimizer.kind", "\"sgd\"", &[]),
    ("optimizer.learning_rate", "0.002", &[]),
    ("optimizer.learning_rate_end", "0.0005", &[("optimizer.schedule", "\"linear\"")]),
    ("optimizer.schedule", "\"cosine\"", &[]),
    ("optimizer.warmup_steps", "10", &[]),
    ("optimizer.warmup_share", "0.5", &[]),
    ("optimizer.predictor_rate", "\"fixed\"", &[("optimizer.warmup_steps", "10")]),
    ("optimizer.predictor_rate_scale", "2.0", &[]),
    ("optimizer.momentum", "0.5", &[("optimizer.kind", "\"sgd\"")]),
    ("optimizer.betas", "[0.8, 0.99]", &[]),
    ("optimizer.epsilon", "1e-3", &[]),
    ("optimizer.trust", "0.01", &[("optimizer.kind", "\"lars\"")]),
    ("optimizer.trust_clip", "true", &[("optimizer.kind", "\"lars\""), ("optimizer.trust", "0.01")]),
    ("optimizer.clip_norm", "0.01", &[]),
    ("optimizer.clip_by", "\"parts\"", &[("optimizer.clip_norm", "0.01")]),
    ("training.steps", "24", &[]),
    ("training.epochs", "1.0", &[]),
    ("training.batch_size", "48", &[]),
    ("training.accumulate", "2", &[]),
    ("training.horizon", "1.25", &[("optimizer.schedule", "\"cosine\"")]),
    ("training.seed", "9", &[]),
    ("training.precision", "\"f64\"", &[]),
    ("evaluation.pairs", "60", &[]),
    ("evaluation.measure_every", "7", &[]),
    ("evaluation.probe_every", "5", &[]),
    ("evaluation.probe_samples", "300", &[]),
    ("evaluation.knn_k", "1", &[]),
    ("evaluation.knn_temperature", "0.001", &[]),
    ("evaluation.descent_steps", "3", &[]),
    ("evaluation.theory_up_to", "0", &[("network.encoder", "\"linear\"")]),
];

fn base() -> Config {
    let mut config = config(20);
    config.field.kind = Field::Ema;
    config.optimizer.kind = OptimizerKind::Adamw;
    config.optimizer.learning_rate = 1e-3;
    config.network.projector = NetworkKind::Mlp;
    config.network.projector_hidden = vec![6];
    config.network.projector_width = 6;
    config.network.predictor = NetworkKind::Mlp;
    config.network.predictor_hidden = vec![6];
    config.network.encoder_batch_norm = true;
    config
}

fn with(config: &Config, settings: &[(&str, &str)]) -> Config {
    let mut table = toml::Table::try_from(config).unwrap();
    for (key, value) in settings {
        let (section, name) = key.split_once('.').unwrap();
        let value = format!("v = {value}").parse::<toml::Table>().unwrap()["v"].clone();
        let section = table.get_mut(section).and_then(toml::Value::as_table_mut).unwrap();
        assert!(section.contains_key(name), "{key} is no key");
        section.insert(name.into(), value);
    }
    table.try_into().unwrap()
}

/// What a run says, without its configuration and the time it took.
fn outcome(config: &Config) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut record = finish(&plan(config), folder.path());
    record.metrics = record.metrics.into_iter().map(MetricsRow::without_times).collect();
    let RunRecord { metrics, probes, verdict, baselines, theory, .. } = record;
    format!("{metrics:?} {probes:?} {verdict:?} {baselines:?} {theory:?}")
}

#[test]
fn every_key_has_its_effect() {
    let base = base();
    let mut known: Vec<String> = Vec::new();
    for (section, table) in &toml::Table::try_from(&base).unwrap() {
        known.extend(table.as_table().unwrap().keys().map(|key| format!("{section}.{key}")));
    }
    for key in &known {
        let listed = OTHERS.iter().any(|(k, ..)| k == key) || SILENT.iter().any(|(k, _)| k == key);
        assert!(listed, "{key} is new: add another value of it to OTHERS");
    }
    for (key, value, context) in OTHERS {
        assert!(known.iter().any(|k| k == key), "{key} is gone");
        let before = with(&base, context);
        let after = with(&before, &[(key, value)]);
        assert!(outcome(&before) != outcome(&after), "{key} = {value} changes nothing");
    }
}

/// docs/configuration.md names every key with the default it has.
#[test]
fn the_page_of_keys_is_true() {
    let page = include_str!("../../../../docs/configuration.md");
    let mut section = String::new();
    let mut told = Vec::new();
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## `[").and_then(|rest| rest.strip_suffix("]`")) {
            name.clone_into(&mut section);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", key, default, ..] = cells.as_slice()
            && let (Some(key), Ok(value)) = (key.strip_prefix('`'), parse(default.trim_matches('`')))
        {
            told.push((format!("{section}.{}", key.trim_end_matches('`')), value));
        }
    }
    for (section, table) in &toml::Table::try_from(Config::default()).unwrap() {
        for (key, value) in table.as_table().unwrap() {
            let name = format!("{section}.{key}");
            let found = told.iter().find(|(told, _)| *told == name);
            let Some((_, told)) = found else { panic!("docs/configuration.md says nothing of {name} = {value}") };
            let same = told == value || told.as_integer().map(|i| i as f64) == value.as_float() && told.is_integer();
            assert!(same, "docs/configuration.md says {name} = {told}, it is {value}");
        }
    }
}

fn parse(value: &str) -> Result<toml::Value, toml::de::Error> {
    format!("v = {value}").parse::<toml::Table>().map(|table| table["v"].clone())
}
