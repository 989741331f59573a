//! Source of each field of the configuration: [`Sources`].

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::bootstrap::{Origin, Source};

/// Sources of the fields that are set, by path.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(BTreeMap<Vec<String>, Source>);

impl Sources {
    /// Returns the sources of a file's fields.
    pub(super) fn of_file(table: &Table, origin: &Origin) -> Self {
        let mut sources = Self::default();
        let source = Source::of(origin.clone());
        for (name, value) in table {
            sources.set(&[name], value, &source);
        }
        sources
    }

    /// Records the source of `value` at `path`, and removes the sources of replaced values.
    pub(super) fn set(&mut self, path: &[&str], value: &Value, source: &Source) {
        let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
        self.0.retain(|known, _| !known.starts_with(&path));
        self.add(path, value, source);
    }

    fn add(&mut self, path: Vec<String>, value: &Value, source: &Source) {
        let Some(table) = value.as_table() else {
            self.0.insert(path, source.clone());
            return;
        };
        for (name, value) in table {
            self.add([&path[..], std::slice::from_ref(name)].concat(), value, source);
        }
    }

    /// Returns the source of the field at `path`, if it is set.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Source> {
        let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
        self.0.get(&path)
    }

    /// Iterates over the sources, sorted by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[String], &Source)> {
        self.0.iter().map(|(path, source)| (path.as_slice(), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_place_of_everything_below_its_path() {
        let table: Table = toml::from_str("a = { b = 1, c = { d = 2 } }\ne = [1]").unwrap();
        let mut sources = Sources::of_file(&table, &Origin::ConfigFile("f".into()));
        let paths = |sources: &Sources| {
            sources.iter().map(|(path, source)| format!("{}: {source}", path.join("."))).collect::<Vec<_>>()
        };
        assert_eq!(paths(&sources), ["a.b: f", "a.c.d: f", "e: f"]);
        sources.set(&["a", "c"], &Value::Integer(1), &Source::of(Origin::Environment));
        assert_eq!(paths(&sources), ["a.b: f", "a.c: environment", "e: f"]);
        assert_eq!(sources.get(&["a", "c", "d"]), None);
    }
}
