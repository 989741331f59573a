//! Text of the scripted model: a sentence that depends on the conversation alone.
//!
//! It quotes the passage of the prompt, with its number, or else the user, so that a reader sees at once whether the
//! prompt arrived.

use serde_json::{Map, Value, json};

use crate::ask::{Ask, Role, text};

/// Upper bound on the characters quoted.
const QUOTED: usize = 200;
/// Upper bound on the depth of a filled-in schema.
const DEPTH: usize = 8;

/// Returns the reply to `ask` in words.
pub(crate) fn sentence(ask: &Ask) -> String {
    let user = last(ask, Role::User);
    if let Some(schema) = &ask.format {
        return sample(schema, user, DEPTH).to_string();
    }
    if ask.ends_with(Role::Tool) {
        return format!("The tool says: \"{}\"", short(last(ask, Role::Tool)));
    }
    match ask.turns.iter().find_map(|turn| passage(&turn.text)) {
        Some(passage) => format!("According to the passage, \"{}\" [1].", best(passage, question(user))),
        None => format!("You said: \"{}\"", short(user)),
    }
}

fn last(ask: &Ask, role: Role) -> &str {
    ask.turns.iter().rev().find(|turn| turn.role == role).map(|turn| turn.text.as_str()).unwrap_or_default()
}

/// Returns the text after the passages in a prompt of Nexus's, or the whole.
fn question(user: &str) -> &str {
    user.rsplit_once("Question:").map_or(user, |(_, question)| question)
}

/// Returns passage 1: between the lines `<<passage 1 …>>` and `<<end 1 …>>`, or after a `[1]` that begins a line.
fn passage(prompt: &str) -> Option<&str> {
    if let Some((_, rest)) = prompt.split_once("<<passage 1 ") {
        let (_, rest) = rest.split_once('\n')?;
        let (inside, _) = rest.split_once("\n<<end 1 ")?;
        // The first line names the source.
        return Some(inside.split_once('\n').map_or(inside, |(_, text)| text));
    }
    let after = match prompt.strip_prefix("[1]") {
        Some(after) => after,
        None => prompt.split_once("\n[1]")?.1,
    };
    Some(after.split_once("\n[2]").map_or(after, |(first, _)| first)).filter(|text| !text.trim().is_empty())
}

/// Returns the sentence of `passage` that shares the most words with `question`; the first of equals.
fn best(passage: &str, question: &str) -> String {
    let words: Vec<String> = question.split_whitespace().map(bare).filter(|word| word.len() > 3).collect();
    let shared =
        |sentence: &str| sentence.split_whitespace().filter(|word| words.contains(&bare(word))).count();
    let mut found = ("", 0);
    for sentence in
        passage.split_inclusive(['.', '\n']).map(str::trim).filter(|sentence| !sentence.is_empty())
    {
        let count = shared(sentence);
        if found.0.is_empty() || count > found.1 {
            found = (sentence, count);
        }
    }
    short(found.0)
}

fn bare(word: &str) -> String {
    word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase()
}

/// Returns the beginning of `text`, on one line.
fn short(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect()
}

/// Returns a value that fits `schema`, with `words` for every string. Understands the schemas that tools use.
pub(crate) fn sample(schema: &Value, words: &str, depth: usize) -> Value {
    if let Some(fixed) = schema.get("const").or_else(|| schema.get("enum").and_then(|values| values.get(0))) {
        return fixed.clone();
    }
    if let Some(first) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key).and_then(|any| any.get(0)))
    {
        return sample(first, words, depth.saturating_sub(1));
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or_default(),
        Some(_) | None => text(schema, "type"),
    };
    match kind.to_lowercase().as_str() {
        "string" => json!(short(words)),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        "array" if depth > 0 => {
            json!([sample(schema.get("items").unwrap_or(&Value::Null), words, depth - 1)])
        }
        "array" => json!([]),
        _ => object(schema, words, depth),
    }
}

fn object(schema: &Value, words: &str, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object).filter(|_| depth > 0);
    let Some(properties) = properties else {
        return if schema.get("type").is_some() { json!({}) } else { json!({ "answer": short(words) }) };
    };
    let filled: Map<String, Value> =
        properties.iter().map(|(name, schema)| (name.clone(), sample(schema, words, depth - 1))).collect();
    Value::Object(filled)
}
