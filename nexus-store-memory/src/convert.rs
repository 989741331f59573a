//! Between rows and core's types: JSON bodies, counts and limits.

use nexus_core::{Error, NanoUsd, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{corrupt, too_large, unreadable};

/// A body on its way into a row.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| {
        Error::invalid("a value cannot be kept as JSON").code("INVALID_VALUE").because(source)
    })
}

/// A body on its way out.
pub(crate) fn from_json<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(unreadable)
}

/// A limit as SQLite counts.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A number as SQLite keeps it.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number that SQLite kept and that cannot be negative or large.
pub(crate) fn small<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| corrupt("a stored number is out of range"))
}

/// A number on its way into a column that is added up: what SQLite cannot keep exactly is an error.
pub(crate) fn exact(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| too_large())
}

/// An amount on its way into a column. Nothing has a negative price.
pub(crate) fn money(amount: NanoUsd) -> Result<i64> {
    match amount.as_nanos() {
        nanos @ 0.. => Ok(nanos),
        _ => Err(Error::invalid("an amount of money is negative").code("NEGATIVE_AMOUNT")),
    }
}
