//! Which keys there are and what kind of value each takes, walked from the default configuration.

use toml::{Table, Value};

use super::nearest::nearest;
use super::{ConfigurationError, Override};

/// Keys whose contents are free in form: what stands below is read and judged by the type itself.
const FREE: [&str; 1] = ["views.recipe"];

/// The known keys, with a default value each.
#[derive(Debug)]
pub(super) struct Keys {
    defaults: Table,
}

impl Keys {
    /// The keys of a configuration written out as a table.
    pub(super) fn new(defaults: Table) -> Self {
        Self { defaults }
    }

    /// A file's tables as one override a key, in the file's order of keys.
    pub(super) fn flatten(&self, origin: &str, table: Table) -> Vec<Override> {
        let mut overrides = Vec::new();
        self.flatten_into(origin, "", table, &mut overrides);
        overrides
    }

    fn flatten_into(&self, origin: &str, prefix: &str, table: Table, overrides: &mut Vec<Override>) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::Table(below) if matches!(find(&self.defaults, &key), Some(Value::Table(_))) => {
                    self.flatten_into(origin, &key, below, overrides);
                }
                value => overrides.push(Override::new(origin, &key, value)),
            }
        }
    }

    /// Set one key in `table`, after a look at whether it exists and takes such a value.
    ///
    /// # Errors
    /// [`ConfigurationError::UnknownKey`], [`ConfigurationError::WrongType`]
    pub(super) fn set(&self, table: &mut Table, item: &Override) -> Result<(), ConfigurationError> {
        let value = if free_root(&item.key).is_some() { item.value.clone() } else { self.checked(item)? };
        let (tables, name) = item.key.rsplit_once('.').unwrap_or(("", &item.key));
        let mut place = table;
        for part in tables.split('.').filter(|part| !part.is_empty()) {
            let below = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(below) = below else {
                return Err(ConfigurationError::NotATable { origin: item.origin.clone(), key: item.key.clone() });
            };
            place = below;
        }
        place.insert(name.to_owned(), value);
        Ok(())
    }

    fn checked(&self, item: &Override) -> Result<Value, ConfigurationError> {
        let (origin, key) = (item.origin.clone(), item.key.clone());
        let Some(default) = find(&self.defaults, &key) else {
            let (nearest, known) = (self.nearest(&key), self.around(&key));
            return Err(ConfigurationError::UnknownKey { origin, key, nearest, known });
        };
        match (default, &item.value) {
            (Value::Float(_), Value::Integer(whole)) => Ok(Value::Float(*whole as f64)),
            (Value::String(_), value) if !value.is_str() && item.typed.is_some() => {
                Ok(Value::String(item.typed.clone().unwrap_or_default()))
            }
            (default, value) if default.same_type(value) => Ok(value.clone()),
            (default, value) => Err(ConfigurationError::WrongType {
                origin,
                key,
                expected: kind(default),
                found: value.to_string(),
                kind: kind(value),
            }),
        }
    }

    /// What stands in the table of a key, or which tables there are.
    fn around(&self, unknown: &str) -> String {
        let names = |table: &Table| table.keys().cloned().collect::<Vec<_>>().join(", ");
        let (table, _) = unknown.split_once('.').unwrap_or((unknown, ""));
        match self.defaults.get(table) {
            Some(Value::Table(keys)) => format!("the keys of `{table}` are {}", names(keys)),
            _ => format!("the tables are {}", names(&self.defaults)),
        }
    }

    fn nearest(&self, unknown: &str) -> Option<String> {
        let mut known = FREE.map(str::to_owned).to_vec();
        list("", &self.defaults, &mut known);
        nearest(unknown, known.iter().map(String::as_str)).map(str::to_owned)
    }
}

/// The free-form key at or above `key`, if there is one.
pub(super) fn free_root(key: &str) -> Option<&'static str> {
    FREE.into_iter().find(|root| key == *root || key.strip_prefix(root).is_some_and(|below| below.starts_with('.')))
}

/// The value at a dotted key.
pub(super) fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((name, below)) => find(table.get(name)?.as_table()?, below),
        None => table.get(key),
    }
}

fn list(prefix: &str, table: &Table, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Value::Table(below) = value {
            list(&key, below, keys);
        }
        keys.push(key);
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
