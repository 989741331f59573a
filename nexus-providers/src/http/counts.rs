//! Lenient reading of usage: a paid answer is not thrown away because its count is written in another way.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Largest count that a number with a fraction holds exactly.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a count written as a number, as a number with a fraction of zero, or as either in a text. Anything else is no
/// count.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(count_in(&Value::deserialize(deserializer)?))
}

/// Reads an object of usage; `None` where it is none.
pub(crate) fn usage<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

fn count_in(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is whole and within the bounds"
)]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&number)).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_is_read_however_it_is_written() {
        for value in [json!(100), json!(100.0), json!("100"), json!(" 100 "), json!("100.0"), json!(1e2)] {
            assert_eq!(count_in(&value), Some(100), "{value}");
        }
        for value in
            [json!(-1), json!(1.5), json!("many"), json!(null), json!([1]), json!(1e300), json!("NaN")]
        {
            assert_eq!(count_in(&value), None, "{value}");
        }
        assert_eq!(count_in(&json!(u64::MAX)), Some(u64::MAX));
    }
}
