//! Conversions between rows and core's types: JSON bodies, counts and limits.

use nexus_core::{Error, NanoUsd, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{corrupt, too_large, unreadable};

/// Serializes the body of a row.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| {
        Error::invalid("a value cannot be stored as JSON").with_code("INVALID_VALUE").because(source)
    })
}

/// Parses the body of a row.
pub(crate) fn from_json<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(unreadable)
}

/// Converts a limit to SQLite's integer.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Converts a number to SQLite's integer, saturating.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Converts a stored number that is neither negative nor large.
pub(crate) fn small<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| corrupt("a stored number is out of range"))
}

/// Converts a number for a column that is summed. A number that SQLite cannot store exactly is an error.
pub(crate) fn exact(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| too_large())
}

/// Converts an amount of money for a column. No price is negative.
pub(crate) fn money(amount: NanoUsd) -> Result<i64> {
    match amount.as_nanos() {
        nanos @ 0.. => Ok(nanos),
        _ => Err(Error::invalid("an amount of money is negative").with_code("NEGATIVE_AMOUNT")),
    }
}
