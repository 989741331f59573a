//! Integer money: [`NanoUsd`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Amount of US dollars in billionths, never a float; written as a string in JSON.
///
/// ```
/// use nexus_core::NanoUsd;
///
/// let cap = NanoUsd::from_nanos(300_000_000);
/// assert_eq!(serde_json::to_string(&cap).unwrap(), r#""300000000""#);
/// assert_eq!(cap.to_string(), "0.300000000 USD");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NanoUsd(i64);

impl NanoUsd {
    /// Zero dollars.
    pub const ZERO: Self = Self(0);

    /// Returns an amount of billionths of a dollar.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns the amount in billionths of a dollar.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Parses dollars in decimal form: `25` or `0.30`, with at most nine decimals, never negative.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_AMOUNT`.
    pub fn parse_usd(text: &str) -> Result<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let nanos = || {
            let decimals: i64 = format!("{decimals:0<9}").parse().ok()?;
            whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(decimals)
        };
        let fits = is_number(whole) && is_number(decimals) && decimals.len() <= 9;
        fits.then(nanos).flatten().map(Self).ok_or_else(|| {
            Error::invalid(format!("`{}` is not an amount of dollars", text.escape_debug()))
                .with_code("INVALID_AMOUNT")
                .with_hint("write it like `25` or `0.30`, with at most nine decimals")
        })
    }

    /// Returns the sum, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09} USD", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

impl TryFrom<String> for NanoUsd {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse().map(Self).map_err(|source| {
            Error::invalid("an amount is a whole number of nano-USD, as a string").because(source)
        })
    }
}

impl From<NanoUsd> for String {
    fn from(amount: NanoUsd) -> Self {
        amount.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_amount_reads_as_it_is_written(nanos: i64) {
            let amount = NanoUsd::from_nanos(nanos);
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<NanoUsd>(&json).unwrap(), amount);
        }

        #[test]
        fn a_sum_is_exact_or_there_is_none(one: i64, other: i64) {
            let sum = NanoUsd::from_nanos(one).checked_add(NanoUsd::from_nanos(other)).map(NanoUsd::as_nanos);
            prop_assert_eq!(sum, i64::try_from(i128::from(one) + i128::from(other)).ok());
        }
    }

    #[test]
    fn numbers_that_could_have_been_rounded_are_refused() {
        for inexact in ["1", "1.5", r#""1.5""#, r#""1e9""#, r#""""#, r#""9223372036854775808""#, "null"] {
            assert!(serde_json::from_str::<NanoUsd>(inexact).is_err(), "{inexact}");
        }
    }

    #[test]
    fn people_read_dollars_with_every_digit() {
        for (nanos, text) in [
            (0, "0.000000000 USD"),
            (-1, "-0.000000001 USD"),
            (12_345_678_901, "12.345678901 USD"),
            (i64::MIN, "-9223372036.854775808 USD"),
        ] {
            assert_eq!(NanoUsd::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn dollars_are_read_without_a_float() {
        let nanos = |text| NanoUsd::parse_usd(text).map(NanoUsd::as_nanos).ok();
        assert_eq!(nanos("25"), Some(25_000_000_000));
        assert_eq!(nanos("0.30"), Some(300_000_000));
        assert_eq!(nanos("1.000000001"), Some(1_000_000_001));
        for unfit in ["", ".5", "5.", "-1", "+1", "1e3", "1,000", "0.0000000001", "9999999999", " 1"] {
            assert_eq!(nanos(unfit), None, "{unfit}");
        }
    }
}
