//! In what two configurations differ, key by key.

use stopgrad_train::config::Config;
use toml::{Table, Value};

/// Keys that change no result, so that a run may go on under another value.
const WITHOUT_EFFECT: [&str; 1] = ["training.threads"];

/// One key that two configurations set differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `table.key`.
    pub key: String,
    /// As stored with the run; empty if it is not set there.
    pub stored: String,
    /// As asked now; empty if it is not set now.
    pub asked: String,
}

/// Every key in which `asked` departs from `stored`, by name, but for those that change no result.
pub fn differences(stored: &Config, asked: &Config) -> Vec<Difference> {
    let table = |config| Table::try_from(config).expect("tables of plain values can be written as TOML");
    let mut found = Vec::new();
    compare("", &table(stored), &table(asked), &mut found);
    found.retain(|difference| !WITHOUT_EFFECT.contains(&difference.key.as_str()));
    found
}

fn compare(prefix: &str, stored: &Table, asked: &Table, found: &mut Vec<Difference>) {
    let mut names: Vec<&String> = stored.keys().chain(asked.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match (stored.get(name), asked.get(name)) {
            (Some(Value::Table(stored)), Some(Value::Table(asked))) => compare(&key, stored, asked, found),
            (stored, asked) if stored != asked => {
                let text = |value: Option<&Value>| value.map(ToString::to_string).unwrap_or_default();
                found.push(Difference { key, stored: text(stored), asked: text(asked) });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changed_key_is_named_with_both_values() {
        let stored = Config::default();
        let mut asked = stored.clone();
        asked.optimizer.learning_rate = 0.1;
        asked.network.encoder_hidden = vec![8];
        let found = differences(&stored, &asked);
        let keys: Vec<&str> = found.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!(keys, ["network.encoder_hidden", "optimizer.learning_rate"]);
        assert_eq!((found[1].stored.as_str(), found[1].asked.as_str()), ("0.0", "0.1"));
    }

    #[test]
    fn the_number_of_threads_is_no_difference() {
        let stored = Config::default();
        let mut asked = stored.clone();
        asked.training.threads = 7;
        assert_eq!(differences(&stored, &asked), []);
    }
}
