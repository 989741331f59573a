//! Front matter of Markdown: YAML, TOML or JSON as lines of `key: value`.
//!
//! Only what people write in front matter is understood: scalars, lists and nested maps. A line that is none of these
//! belongs to the value before it, so that no word is lost.

use serde_json::Value;

/// Maximum length of the path before a key, in bytes.
const LONGEST_PATH: usize = 256;

/// Maximum number of facts. Lines after them belong to the last one.
const MOST: usize = 10_000;

/// Fact of a document about itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// Path of the key: `author.name`.
    pub(super) key: String,
    pub(super) value: String,
}

/// Returns the facts in YAML (separated by `:`) or TOML (separated by `=`).
pub(super) fn facts(text: &str, separator: char) -> Vec<Fact> {
    let mut reader = Reader { facts: Vec::new(), around: Vec::new(), table: String::new(), separator };
    text.lines().for_each(|line| reader.line(line));
    reader.facts.retain(|fact| !fact.value.is_empty());
    reader.facts
}

/// Splits JSON front matter from the text after it.
pub(super) fn json(text: &str) -> Option<(Vec<Fact>, &str)> {
    if !text.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(value @ Value::Object(_))) = values.next() else { return None };
    let rest = text.get(values.byte_offset()..).filter(|rest| rest.starts_with(['\n', '\r']))?;
    let mut facts = Vec::new();
    flatten(String::new(), &value, &mut facts);
    (!rest.trim().is_empty()).then_some((facts, rest))
}

/// Returns the facts as one text.
pub(super) fn lines(facts: &[Fact]) -> String {
    facts.iter().flat_map(|Fact { key, value }| [key, ": ", value, "\n"]).collect()
}

fn flatten(key: String, value: &Value, facts: &mut Vec<Fact>) {
    let scalar = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().take(MOST.saturating_sub(facts.len())) {
                flatten(join(&key, name), value, facts);
            }
        }
        Value::Array(items) => {
            let value = items.iter().map(scalar).collect::<Vec<_>>().join(", ");
            facts.push(Fact { key, value });
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            facts.push(Fact { key, value: scalar(value) });
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() || path.len() > LONGEST_PATH { name.to_owned() } else { format!("{path}.{name}") }
}

struct Reader {
    facts: Vec<Fact>,
    /// Keys around the next line with their indentation.
    around: Vec<(usize, String)>,
    /// Name of the open TOML table.
    table: String,
    separator: char,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        let table = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        match (text.strip_prefix("- "), self.entry(text)) {
            _ if text.is_empty() || text.starts_with('#') || text == "-" => {}
            (Some(item), _) => self.append(&plain(item), ", "),
            (None, _) if self.separator == '=' && table.is_some() && indent == 0 => {
                table.unwrap_or_default().trim_matches(['[', ']', ' ']).clone_into(&mut self.table);
            }
            (None, Some((key, value))) => self.fact(indent, &key, &value),
            (None, None) => self.append(&plain(text.trim_end_matches(',')), " "),
        }
    }

    /// Returns the key and the value of a line that begins with a key.
    fn entry(&self, text: &str) -> Option<(String, String)> {
        let (key, value) = text.split_once(self.separator)?;
        let key = key.trim().trim_matches(['"', '\'']);
        let is_key = !key.is_empty()
            && self.facts.len() < MOST
            && key.len() <= LONGEST_PATH
            && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@'));
        let is_apart = self.separator == '=' || value.is_empty() || value.starts_with([' ', '\t']);
        (is_key && is_apart).then(|| (key.to_owned(), plain(value)))
    }

    fn fact(&mut self, indent: usize, key: &str, value: &str) {
        const DEEPEST: usize = 32;
        while self.around.last().is_some_and(|(around, _)| *around >= indent) {
            self.around.pop();
        }
        let path = self.around.last().map_or(self.table.as_str(), |(_, path)| path.as_str());
        let key = join(path, key);
        // Marks of a text of several lines, which follow.
        let value = if matches!(value, "|" | ">" | "|-" | ">-" | "|+" | ">+") { "" } else { value };
        if value.is_empty() && self.around.len() < DEEPEST {
            self.around.push((indent, key.clone()));
        }
        self.facts.push(Fact { key, value: value.to_owned() });
    }

    fn append(&mut self, text: &str, separator: &str) {
        let Some(fact) = self.facts.last_mut() else { return };
        if !fact.value.is_empty() && !text.is_empty() {
            fact.value.push_str(separator);
        }
        fact.value.push_str(text);
    }
}

/// Returns a value without quotes, brackets and comments.
fn plain(value: &str) -> String {
    let value = value.trim();
    let quoted = |quote: char| {
        value.strip_prefix(quote).and_then(|value| value.split_once(quote)).map(|(value, _)| value)
    };
    if let Some(text) = quoted('"').or_else(|| quoted('\'')) {
        return text.to_owned();
    }
    let value = value.split_once(" #").map_or(value, |(value, _)| value).trim();
    let items = value.trim_start_matches(['[', '{']).trim_end_matches([']', '}']);
    if items.len() == value.len() {
        return value.to_owned();
    }
    let items = items.split(',').map(|item| item.trim().trim_matches(['"', '\'']));
    items.filter(|item| !item.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, separator: char, expected: &str) {
        assert_eq!(lines(&facts(text, separator)), expected);
    }

    #[test]
    fn yaml_is_read_as_people_write_it() {
        check(
            "title: \"Heron: a service\"\nowner: team-blue # see wiki\ntags: [a, 'b c']\nlist:\n  - one\n  - two\n\
             author:\n  name: Ann\nsummary: >\n  First line\n  second line.\nempty:\n# comment\ntime: 10:30\nurl: https://x.y/z",
            ':',
            "title: Heron: a service\nowner: team-blue\ntags: a, b c\nlist: one, two\nauthor.name: Ann\n\
             summary: First line second line.\ntime: 10:30\nurl: https://x.y/z\n",
        );
    }

    #[test]
    fn toml_tables_name_their_keys() {
        check(
            "title = \"Heron\"\nweight = 3\n[params]\ntags = [\"a\", \"b\"]\nlong = [\n  \"c\",\n  \"d\",\n]\n",
            '=',
            "title: Heron\nweight: 3\nparams.tags: a, b\nparams.long: c d\n",
        );
    }

    #[test]
    fn json_ends_where_its_object_ends() {
        let (facts, rest) = json("{\"title\": \"T\", \"a\": {\"b\": [1, \"x\"]}}\n\nText").unwrap();
        assert_eq!((lines(&facts).as_str(), rest), ("a.b: 1, x\ntitle: T\n", "\n\nText"));
        assert!(json("{\"title\": \"T\"}").is_none());
    }
}
