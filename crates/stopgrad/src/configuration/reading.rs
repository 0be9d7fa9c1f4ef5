//! The configuration that file and options ask for.

use std::path::Path;

use serde::Deserialize;
use stopgrad_data::Shape;
use stopgrad_train::config::{Config, NetworkKind, SourceConfig};
use toml::{Table, Value};

use super::keys::{Keys, free_root};
use super::{ConfigurationError, Override, presets};

/// What a source shows before anything is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// Of a sample.
    pub shape: Shape,
    /// How many there are.
    pub samples: usize,
}

/// Keys that count something, each with the key that says the same as a share of something else and would win over it: who
/// sets the first alone does not mean the second of the file or preset before.
const RELATIVE: [(&str, &str); 2] =
    [("training.steps", "training.epochs"), ("optimizer.warmup_steps", "optimizer.warmup_share")];

/// Rows and columns from which on a color image is one for filters.
const LARGE_ENOUGH: usize = 24;

/// What was written down for all runs of a command.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// `--preset`: a method, with what is added to it.
    pub preset: Option<&'a str>,
    /// `--config`.
    pub file: Option<&'a Path>,
    /// `--set` and options of their own.
    pub typed: &'a [Override],
}

/// The starting values with what preset and file set, then what was typed, then what one run of several sets for its
/// `own`; later ones win. `look` opens a source; none where it cannot be opened, which is told later.
///
/// The starting values are [`Config::for_images`] where the encoder asked for takes images only (but `vit`), or none is asked
/// for and the source holds color images of 24 × 24 and more, else those of [`Config::default`].
///
/// # Errors
/// [`ConfigurationError`], with the file or option, the key, and what it takes
pub fn read(
    written: &Written<'_>, own: &[Override], look: &dyn Fn(&SourceConfig) -> Option<Sight>,
) -> Result<Config, ConfigurationError> {
    let Written { preset, file, typed } = *written;
    check_contradictions(typed)?;
    check_contradictions(own)?;
    let keys = Keys::new(defaults());
    let mut overrides = match preset {
        Some(preset) => presets::overrides(&keys, preset)?,
        None => Vec::new(),
    };
    if let Some(path) = file {
        overrides.extend(keys.flatten(&path.display().to_string(), read_table(path)?));
    }
    overrides.extend(typed.iter().chain(own).cloned());
    let origin = file.map(|path| path.display().to_string()).or_else(|| Some(format!("--preset {}", preset?)));
    if let Some(origin) = origin.filter(|_| !overrides.iter().any(|item| item.key == "source.path")) {
        return Err(ConfigurationError::NoSource { origin });
    }
    let start = Table::try_from(starting_values(&keys, &overrides, look)).expect("tables of plain values");
    build(&keys, &start, &overrides)
}

/// Where the configuration starts.
fn starting_values(keys: &Keys, overrides: &[Override], look: &dyn Fn(&SourceConfig) -> Option<Sight>) -> Config {
    let encoder = overrides.iter().rev().find(|item| item.key == "network.encoder").map(|item| item.value.as_str());
    let of_images = |encoder: &str| {
        let kind = NetworkKind::deserialize(Value::String(encoder.to_owned()));
        kind.is_ok_and(|kind| kind != NetworkKind::Vit && kind.takes_images())
    };
    if encoder.is_some_and(|encoder| !encoder.is_some_and(of_images)) {
        return Config::default();
    }
    let of_source: Vec<Override> = overrides.iter().filter(|item| item.key.starts_with("source.")).cloned().collect();
    // What is wrong with these keys is told when all are set.
    let sight = build(keys, &defaults(), &of_source).ok().and_then(|config| look(&config.source));
    match (sight, encoder) {
        (Some(Sight { shape: Shape::Image { channels, height, width }, samples }), encoder)
            if encoder.is_some() || (channels == 3 && height.min(width) >= LARGE_ENOUGH) =>
        {
            Config::for_images(samples)
        }
        _ => Config::default(),
    }
}

/// The configuration stored in a run folder.
///
/// # Errors
/// [`ConfigurationError::File`], [`ConfigurationError::Stored`]
pub fn read_stored(path: &Path) -> Result<Config, ConfigurationError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigurationError::File { path: path.into(), source })?;
    toml::from_slice(&bytes)
        .map_err(|source| ConfigurationError::Stored { path: path.into(), source: Box::new(source) })
}

/// The configuration as TOML, every key written out.
///
/// # Panics
/// never for a configuration that came from [`read`]: its whole numbers fit TOML's i64
pub fn write(config: &Config) -> String {
    toml::to_string(config).expect("tables of plain values can be written as TOML")
}

fn defaults() -> Table {
    Table::try_from(Config::default()).expect("tables of plain values can be written as TOML")
}

fn read_table(path: &Path) -> Result<Table, ConfigurationError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigurationError::File { path: path.into(), source })?;
    toml::from_str(&text).map_err(|source| ConfigurationError::Toml { path: path.into(), source: Box::new(source) })
}

fn check_contradictions(typed: &[Override]) -> Result<(), ConfigurationError> {
    let told = |item: &Override| format!("{} by {}", item.value, item.origin);
    for (place, second) in typed.iter().enumerate() {
        if let Some(first) = typed[..place].iter().find(|first| first.key == second.key && first.value != second.value)
        {
            let key = second.key.clone();
            return Err(ConfigurationError::Contradiction { key, first: told(first), second: told(second) });
        }
    }
    Ok(())
}

fn build(keys: &Keys, start: &Table, overrides: &[Override]) -> Result<Config, ConfigurationError> {
    let mut table = start.clone();
    for item in overrides {
        keys.set(&mut table, item)?;
        let relative = RELATIVE.iter().find(|(absolute, _)| *absolute == item.key).map(|(_, relative)| *relative);
        let beside = |key: &str| overrides.iter().any(|other| other.origin == item.origin && other.key == key);
        if let Some(relative) = relative.filter(|key| !beside(key)) {
            keys.set(&mut table, &Override::new(&item.origin, relative, Value::Float(0.0)))?;
        }
    }
    Config::deserialize(Value::Table(table)).map_err(|error| culprit(keys, overrides, &error))
}

/// The first override that is refused on its own: the whole table's error does not say who wrote the value.
///
/// Keys below a free one make sense together only, and are tried and blamed together.
fn culprit(keys: &Keys, overrides: &[Override], error: &toml::de::Error) -> ConfigurationError {
    for item in overrides {
        let together: Vec<&Override> = match free_root(&item.key) {
            Some(root) => overrides.iter().filter(|other| free_root(&other.key) == Some(root)).collect(),
            None => vec![item],
        };
        let mut table = defaults();
        if together.iter().any(|other| keys.set(&mut table, other).is_err()) {
            continue;
        }
        if let Err(error) = Config::deserialize(Value::Table(table)) {
            let key = free_root(&item.key).filter(|_| together.len() > 1).unwrap_or(&item.key);
            return ConfigurationError::Value {
                origin: item.origin.clone(),
                key: key.to_owned(),
                message: in_words(error.message()),
            };
        }
    }
    ConfigurationError::Combination { message: error.message().to_owned() }
}

/// What the reader expected, said without the names of our types.
fn in_words(message: &str) -> String {
    message
        .replace("expected u64", "expected a whole number, 0 or more")
        .replace("expected usize", "expected a whole number, 0 or more")
        .replace("expected a tuple of size", "expected a list of")
}

#[cfg(test)]
mod tests;
