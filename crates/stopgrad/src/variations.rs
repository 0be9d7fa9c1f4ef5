//! The runs of a comparison: `--runs` and `--seeds`.

use crate::configuration::{Override, OverrideError};
use stopgrad_dynamics::Field;
use toml::Value;

/// A named list of changes to the shared configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Variation {
    /// Name of the run and of its folder.
    pub name: String,
    /// What it changes.
    pub overrides: Vec<Override>,
}

/// Why a list of runs or seeds is not one.
#[derive(Debug, thiserror::Error)]
pub enum VariationError {
    /// Nothing between two `;`, or nothing at all.
    #[error("--runs: nothing stands at place {place}; write runs as `joint; sg; fast: optimizer.learning_rate=0.2`")]
    Empty {
        /// From 1.
        place: usize,
    },
    /// A name that cannot be a folder.
    #[error(
        "--runs: `{name}` cannot name a run; use letters, digits, `.`, `-` and `_`, and begin with a letter or digit"
    )]
    Name {
        /// As typed.
        name: String,
    },
    /// The folder of the figures.
    #[error("--runs: `{name}` is the name of another folder of the comparison; choose another")]
    Reserved {
        /// As typed.
        name: String,
    },
    /// A bare name that is no field.
    #[error("--runs: `{name}` says nothing of how it differs; write `{name}: key=value`, or a field: joint, sg, ema")]
    NoChange {
        /// As typed.
        name: String,
    },
    /// Two runs of one name.
    #[error("--runs: two runs are called `{name}`; give each a name of its own")]
    Twice {
        /// As typed.
        name: String,
    },
    /// A change in another form.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// Not a count, nor a list.
    #[error("--seeds: `{text}` is neither a number of seeds nor a list of different seeds; write 3 or 0,1,2")]
    Seeds {
        /// As typed.
        text: String,
    },
    /// `--field`, and every run names its own.
    #[error(
        "--field has no effect here: every run of the comparison sets field.kind; use --runs, or train for one run"
    )]
    FieldUnused,
    /// A run sets a key that the command sets for all runs.
    #[error("--runs: {name} sets {key}, which {option} sets for every run; leave one of the two out")]
    Taken {
        /// The run.
        name: String,
        /// The key.
        key: &'static str,
        /// What else sets it.
        option: &'static str,
    },
}

/// Read `name; name: key=value, key=value; …`.
///
/// A run named like a field is of that field unless it sets `field.kind` itself. Separators inside quotes
/// and brackets belong to the value.
///
/// # Errors
/// [`VariationError`], naming the run
pub fn read_runs(text: &str) -> Result<Vec<Variation>, VariationError> {
    let mut variations: Vec<Variation> = Vec::new();
    let items = split(text, ';');
    let written = match items.as_slice() {
        [runs @ .., last] if last.trim().is_empty() && !runs.is_empty() => runs,
        all => all,
    };
    for (place, item) in written.iter().enumerate() {
        let (name, changes) = item.split_once(':').unwrap_or((item, ""));
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err(VariationError::Empty { place: place + 1 });
        }
        check_name(&name)?;
        if variations.iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&name)) {
            return Err(VariationError::Twice { name });
        }
        variations.push(Variation { overrides: read_changes(&name, changes)?, name });
    }
    Ok(variations)
}

/// Read `3` (that many, from `first` up) or `0,1,2` (these).
///
/// # Errors
/// [`VariationError::Seeds`]
pub fn read_seeds(text: &str, first: u64) -> Result<Vec<u64>, VariationError> {
    let wrong = || VariationError::Seeds { text: text.into() };
    let number = |text: &str| text.trim().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
    if !text.contains(',') {
        let count = number(text).filter(|count| (1..=1000).contains(count)).ok_or_else(wrong)?;
        let past = first.checked_add(count).filter(|past| i64::try_from(*past).is_ok()).ok_or_else(wrong)?;
        return Ok((first..past).collect());
    }
    let seeds: Vec<u64> = text.trim_end_matches(',').split(',').map(number).collect::<Option<_>>().ok_or_else(wrong)?;
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == seeds.len() { Ok(seeds) } else { Err(wrong()) }
}

fn read_changes(name: &str, changes: &str) -> Result<Vec<Override>, VariationError> {
    let origin = format!("--runs, {name}");
    let mut overrides = Vec::new();
    for change in split(changes, ',').into_iter().filter(|change| !change.trim().is_empty()) {
        overrides.push(Override::parse(&origin, change)?);
    }
    if overrides.iter().all(|item| item.key != "field.kind") {
        if name.parse::<Field>().is_ok() {
            overrides.insert(0, Override::new(&origin, "field.kind", Value::String(name.into())));
        } else if overrides.is_empty() {
            return Err(VariationError::NoChange { name: name.into() });
        }
    }
    Ok(overrides)
}

fn check_name(name: &str) -> Result<(), VariationError> {
    let name = name.to_owned();
    let sound = name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    if !sound || name.len() > 100 {
        return Err(VariationError::Name { name });
    }
    if ["figures", "checkpoint"].iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        return Err(VariationError::Reserved { name });
    }
    Ok(())
}

/// Split at a separator that stands outside quotes and brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (place, letter) in text.char_indices() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            (letter, None) if letter == separator && depth <= 0 => {
                parts.push(&text[start..place]);
                start = place + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, Vec<(String, String)>)> {
        let shown = |item: Override| (item.key, item.value.to_string());
        let runs = read_runs(text).expect("reads").into_iter();
        runs.map(|run| (run.name, run.overrides.into_iter().map(shown).collect())).collect()
    }

    fn refused(text: &str) -> String {
        read_runs(text).expect_err(text).to_string()
    }

    #[test]
    fn fields_name_themselves() {
        let runs = read("joint; sg ;ema;");
        let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["joint", "sg", "ema"]);
        assert_eq!(runs[1].1, [("field.kind".to_owned(), "\"sg\"".to_owned())]);
    }

    #[test]
    fn a_run_lists_its_changes() {
        let runs = read(
            "sg: optimizer.learning_rate=0.2; wide: field.kind=sg, network.encoder_hidden=[64, 32], source.path='a;b,c'",
        );
        assert_eq!(runs[0].1.len(), 2, "a field with a change is still of that field");
        let keys: Vec<&str> = runs[1].1.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["field.kind", "network.encoder_hidden", "source.path"]);
        assert_eq!(runs[1].1[1].1, "[64, 32]");
    }

    #[test]
    fn a_name_of_a_field_may_be_of_another_field_if_it_says_so() {
        assert_eq!(read("sg: field.kind=ema")[0].1, [("field.kind".to_owned(), "\"ema\"".to_owned())]);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refused("").contains("place 1"));
        assert!(refused("sg;;ema").contains("place 2"));
        assert!(refused("fast").contains("`fast: key=value`"));
        assert!(refused("sg; SG: training.steps=3").contains("two runs"));
        assert!(refused("../up: training.steps=3").contains("cannot name a run"));
        assert!(refused("figures: training.steps=3").contains("another folder"));
        assert!(refused("a: steps").contains("--runs, a: `steps` is not of the form"));
    }

    #[test]
    fn seeds_are_a_count_or_a_list() {
        assert_eq!(read_seeds("3", 5).expect("count"), [5, 6, 7]);
        assert_eq!(read_seeds("0, 1,7", 5).expect("list"), [0, 1, 7]);
        assert_eq!(read_seeds("4,", 0).expect("list of one"), [4]);
        for wrong in ["0", "", ",", "1,1", "-1", "many", "1,x", "100000"] {
            assert!(read_seeds(wrong, 0).is_err(), "{wrong}");
        }
        assert!(read_seeds("2", i64::MAX as u64).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = read_runs(&text);
            let _ = read_seeds(&text, 0);
        }
    }
}
