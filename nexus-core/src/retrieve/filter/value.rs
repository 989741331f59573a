//! Values of a filter, with their equality and order.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Number, Value};

use super::Operator;

/// Value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// Number, as it was written.
    Number(Number),
    /// Text; dates and times are text in RFC 3339.
    Text(String),
}

impl Scalar {
    /// Returns whether `found` equals this value.
    pub(super) fn equals(&self, found: &Value) -> bool {
        self.order(found) == Some(Ordering::Equal)
    }

    /// Returns whether `found` is in relation `operator` to this value. `Ne` is true for other values of any type.
    pub(super) fn holds(&self, operator: Operator, found: &Value) -> bool {
        let order = self.order(found);
        match operator {
            Operator::Eq => order == Some(Ordering::Equal),
            Operator::Ne => order != Some(Ordering::Equal),
            Operator::Lt => order == Some(Ordering::Less),
            Operator::Lte => order.is_some_and(Ordering::is_le),
            Operator::Gt => order == Some(Ordering::Greater),
            Operator::Gte => order.is_some_and(Ordering::is_ge),
        }
    }

    /// Compares `found` with this value; `None` when their types differ.
    fn order(&self, found: &Value) -> Option<Ordering> {
        match (found, self) {
            (Value::Bool(found), Self::Bool(value)) => Some(found.cmp(value)),
            (Value::Number(found), Self::Number(value)) => order_numbers(found, value),
            (Value::String(found), Self::Text(value)) => Some(order_text(found, value)),
            _ => None,
        }
    }
}

impl From<&Scalar> for Value {
    fn from(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Bool(value) => Self::Bool(*value),
            Scalar::Number(value) => Self::Number(value.clone()),
            Scalar::Text(value) => Self::String(value.clone()),
        }
    }
}

fn order_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn order_text(a: &str, b: &str) -> Ordering {
    match (instant(a), instant(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// Parses RFC 3339 `text` as a point in time; a date is its midnight in UTC.
fn instant(text: &str) -> Option<jiff::Timestamp> {
    let looks_dated = text.len() >= 10
        && text.as_bytes().get(4) == Some(&b'-')
        && text.starts_with(|c: char| c.is_ascii_digit());
    if !looks_dated {
        return None;
    }
    if text.len() == 10 {
        return Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}
