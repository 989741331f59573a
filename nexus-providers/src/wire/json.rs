//! What several wires want as JSON and the port has otherwise.

use serde_json::{Map, Value, json};

/// The arguments of a call as an object, for wires that carry them so.
///
/// A model may have written anything. What is no object is kept under one field, as it is: the model reads its own
/// mistake, and nothing is made up in its place.
pub(crate) fn arguments(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ if text.trim().is_empty() => Map::new(),
        _ => Map::from_iter([("not_an_object".to_owned(), json!(text))]),
    }
}

/// A number with the digits that it is written with, not those of its next larger format.
pub(crate) fn decimal(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_no_object_are_kept_as_they_are() {
        let of = |text: &str| Value::Object(arguments(text));
        assert_eq!(of(r#"{"a": [1]}"#), json!({"a": [1]}));
        assert_eq!(of(" "), json!({}));
        assert_eq!(of("[1]"), json!({"not_an_object": "[1]"}));
        assert_eq!(of(r#"{"a": "#), json!({"not_an_object": r#"{"a": "#}));
    }

    #[test]
    fn a_number_keeps_its_digits() {
        assert_eq!(decimal(0.2).to_string(), "0.2");
        assert_eq!(decimal(1.0).to_string(), "1.0");
    }
}
