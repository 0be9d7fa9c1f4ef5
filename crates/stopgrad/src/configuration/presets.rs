//! Methods by name: what `--preset` sets before the file and the options. Each is a file under `configs/presets`, and nothing else.

use toml::Table;

use super::keys::Keys;
use super::{ConfigurationError, Override, nearest};

/// The files, by name, as they are listed to a user.
macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// Every preset with its text.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../../../configs/presets/", $name, ".toml")),
        }),+];
    };
}

presets![
    "byol-resnet18",
    "simsiam-resnet18",
    "directpred-resnet18",
    "vicreg-resnet18",
    "sigreg-resnet18",
    "byol-vit",
    "simsiam-vit",
    "byol-small",
    "byol-cifar",
    "simsiam-small",
    "directpred-small",
    "vicreg-small",
    "sigreg-small",
    "joint",
    "sg",
    "vicreg",
    "sigreg",
    "no-predictor",
    "symmetric",
    "sigreg-weak",
    "vicreg-heavy",
];

/// A method, or what is added to one.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// As typed.
    pub name: &'static str,
    /// TOML.
    pub text: &'static str,
}

impl Preset {
    /// The sentences that stand above its keys.
    pub fn about(&self) -> String {
        let lines = self.text.lines().take_while(|line| line.starts_with('#'));
        lines.map(|line| line.trim_start_matches('#').trim()).collect::<Vec<_>>().join(" ")
    }

    fn table(&self) -> Table {
        toml::from_str(self.text).expect("a test reads every preset")
    }

    /// Whether it is whole by itself, and not added to another.
    pub fn is_method(&self) -> bool {
        self.table().get("network").and_then(|network| network.get("encoder")).is_some()
    }
}

/// The keys that `METHOD+ADDITION+…` sets, later ones winning.
///
/// # Errors
/// [`ConfigurationError::UnknownPreset`], with the nearest; [`ConfigurationError::NoMethod`] where nothing sets an encoder
pub(super) fn overrides(keys: &Keys, written: &str) -> Result<Vec<Override>, ConfigurationError> {
    let mut all = Vec::new();
    let mut method = false;
    for name in written.split('+').map(str::trim) {
        let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
            let nearest = nearest(name, PRESETS.iter().map(|preset| preset.name)).map(str::to_owned);
            return Err(ConfigurationError::UnknownPreset { name: name.to_owned(), nearest });
        };
        method |= preset.is_method();
        all.extend(keys.flatten(&format!("--preset {name}"), preset.table()));
    }
    if method { Ok(all) } else { Err(ConfigurationError::NoMethod { written: written.to_owned() }) }
}

/// What there is, for a person.
pub fn list() -> String {
    let of = |methods: bool| {
        let lines = PRESETS.iter().filter(|preset| preset.is_method() == methods);
        lines.map(|preset| format!("  {:<20} {}\n", preset.name, preset.about())).collect::<Vec<_>>().concat()
    };
    format!(
        "Methods, as in `stopgrad train SOURCE --preset byol-small`:\n{}\nAdded to a method, as in `--preset byol-small+joint+vicreg`:\n{}",
        of(true),
        of(false)
    )
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Written, read};
    use super::*;
    use stopgrad_dynamics::Field;
    use stopgrad_train::config::{Config, NetworkKind, PredictorRule};

    fn of(preset: &str) -> Result<Config, ConfigurationError> {
        let typed = [Override::new("SOURCE", "source.path", toml::Value::String("digits".into()))];
        read(&Written { preset: Some(preset), file: None, typed: &typed }, &[], &|_| None)
    }

    #[test]
    fn every_preset_reads_and_says_what_it_is() {
        for preset in PRESETS {
            assert!(preset.about().len() > 30 && preset.about().ends_with('.'), "{}", preset.name);
            let written =
                if preset.is_method() { preset.name.to_owned() } else { format!("simsiam-small+{}", preset.name) };
            let config = of(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert!(config != Config::default(), "{written}");
        }
        assert_eq!(PRESETS.len(), std::fs::read_dir("../../configs/presets").expect("presets").count());
        assert!(PRESETS.iter().all(|preset| list().contains(preset.name)));
    }

    #[test]
    fn what_is_added_wins_over_the_method_and_what_is_typed_over_both() {
        let config = of("byol-small+joint+vicreg").expect("reads");
        assert_eq!(config.field.kind, Field::Joint);
        assert!(config.objective.variance_weight > 0.0 && config.network.encoder == NetworkKind::Conv);
        assert_eq!(of("simsiam-small+symmetric").expect("reads").network.predictor_rule, PredictorRule::Symmetric);
        let typed = [("source.path", "digits"), ("field.kind", "ema")]
            .map(|(key, value)| Override::new("--set", key, toml::Value::String(value.into())));
        let written = Written { preset: Some("byol-small+joint"), file: None, typed: &typed };
        assert_eq!(read(&written, &[], &|_| None).expect("reads").field.kind, Field::Ema);
    }

    #[test]
    fn mistakes_in_names_are_told_with_the_nearest() {
        let told = |preset: &str| of(preset).expect_err("refused").to_string();
        assert!(told("byol-smal").contains("did you mean `byol-small`"), "{}", told("byol-smal"));
        assert!(told("joint").contains("byol-small+joint"), "{}", told("joint"));
        let nowhere = read(&Written { preset: Some("byol-small"), file: None, typed: &[] }, &[], &|_| None);
        assert!(nowhere.expect_err("refused").to_string().contains("names no source"));
    }
}
