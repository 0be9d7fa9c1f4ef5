//! `sweep.json`: what a folder's table is of. A sweep goes on only as the same sweep.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::SweepCommandError;
use super::jobs::Prepared;
use crate::folder::{FolderError, SWEEP_FILE};
use crate::outcome::command_line;

/// One thing that two sweeps set differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub key: String,
    /// As stored in the folder.
    pub stored: String,
    /// As asked now.
    pub asked: String,
}

/// What has to be the same for a table to be gone on with: command, grid, other options, content of the inputs.
pub(super) fn of(prepared: &Prepared) -> Value {
    let mut identity = Map::new();
    identity.insert("sweep".into(), json!(prepared.job.kind().name()));
    for option in prepared.job.options() {
        identity.insert(option.name().into(), prepared.grid.values(*option));
    }
    identity.extend(prepared.fixed.as_object().cloned().unwrap_or_default());
    identity.insert("sha256".into(), json!(prepared.inputs.iter().map(|input| &input.sha256).collect::<Vec<_>>()));
    Value::Object(identity)
}

/// The file.
pub(super) fn text(prepared: &Prepared) -> String {
    let whole = json!({
        "command": "sweep",
        "command_line": command_line(),
        "version": env!("CARGO_PKG_VERSION"),
        "inputs": prepared.inputs,
        "identity": of(prepared),
    });
    format!("{whole:#}\n")
}

/// Make sure that a folder holds no other sweep.
///
/// # Errors
/// [`SweepCommandError::Changed`], [`SweepCommandError::Stored`]
pub(super) fn check(folder: &Path, asked: &Value) -> Result<(), SweepCommandError> {
    let path = folder.join(SWEEP_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(FolderError::File { path, source }.into()),
    };
    let damaged = |why: String| SweepCommandError::Stored { path: path.clone(), why };
    let stored: Value = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let stored = stored.get("identity").and_then(Value::as_object);
    let stored = stored.ok_or_else(|| damaged("it does not say of what the table is".into()))?;
    let differences = differences(stored, asked.as_object().unwrap_or(&Map::new()));
    if differences.is_empty() {
        return Ok(());
    }
    Err(SweepCommandError::Changed { folder: folder.into(), differences })
}

fn differences(stored: &Map<String, Value>, asked: &Map<String, Value>) -> Vec<Difference> {
    let names: BTreeSet<&String> = stored.keys().chain(asked.keys()).collect();
    let different = names.into_iter().filter(|name| stored.get(*name) != asked.get(*name));
    different
        .map(|name| Difference {
            key: if name == "sha256" { "content of the input".into() } else { format!("--{}", name.replace('_', "-")) },
            stored: shown(stored.get(name)),
            asked: shown(asked.get(name)),
        })
        .collect()
}

/// A value as people read it; long lists by their ends.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not set".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let words: Vec<String> = items.iter().map(|item| shown(Some(item))).collect();
            match &words[..] {
                [first, second, .., last] if words.len() > 8 => {
                    format!("{first}, {second}, … {last} ({} values)", words.len())
                }
                words => words.join(", "),
            }
        }
        Some(other) => other.to_string(),
    }
}

/// A line each.
pub(super) fn listed(differences: &[Difference]) -> String {
    let line = |Difference { key, stored, asked }: &Difference| format!("    {key}: {stored} there, {asked} asked\n");
    differences.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_with_both_values() {
        let map = |value: Value| value.as_object().cloned().expect("an object");
        let many: Vec<u64> = (0..20).collect();
        let stored = map(json!({ "seed": [0, 1], "field": "sg", "rtol": null, "sha256": ["ab"] }));
        let asked = map(json!({ "seed": many, "field": "sg", "rtol": 1e-6, "sha256": ["cd"] }));
        let said = listed(&differences(&stored, &asked));
        let expected = "    --rtol: not set there, 0.000001 asked\n    --seed: 0, 1 there, 0, 1, … 19 (20 values) asked\n    \
                        content of the input: ab there, cd asked\n";
        assert_eq!(said.replace("1e-6", "0.000001"), expected);
        assert_eq!(differences(&stored, &stored), []);
    }
}
