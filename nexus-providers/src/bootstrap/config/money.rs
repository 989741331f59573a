//! Amounts in a configuration: dollars, caps in dollars, characters per token.
//!
//! Money is a whole number or a text, never a float: `0.1 + 0.2` must not decide whether a call is refused.

use std::fmt;

use nexus_core::NanoUsd;
use nexus_core::quota::Cap;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// Value for no cap.
const UNLIMITED: &str = "unlimited";

/// Amount in dollars: `25` or `"0.30"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usd(pub NanoUsd);

impl Usd {
    /// Returns the amount in billionths of a dollar, the unit of rates.
    pub(super) fn nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(0)
    }
}

/// Cap in dollars: `25`, `"0.30"` or `"unlimited"`. A cap of 0 allows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsdCap(pub Cap);

/// Average characters per token, for estimates for display.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CharsPerToken(pub f64);

impl Default for CharsPerToken {
    /// Four characters.
    fn default() -> Self {
        Self(4.0)
    }
}

impl CharsPerToken {
    /// Returns the estimated tokens of a number of characters, at least one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; the ratio is checked to be from 0.1 to 100"
    )]
    pub fn tokens(self, chars: u32) -> u64 {
        (f64::from(chars) / self.0).ceil().max(1.0) as u64
    }
}

/// Visitor of a whole number or a text.
struct Amount;

enum Written {
    Whole(u64),
    Text(String),
}

impl Visitor<'_> for Amount {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of dollars or a text such as \"0.30\"")
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Written, E> {
        let unfit = |_| E::invalid_value(de::Unexpected::Signed(whole), &self);
        u64::try_from(whole).map(Written::Whole).map_err(unfit)
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Written, E> {
        Ok(Written::Whole(whole))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Text(text.to_owned()))
    }
}

fn dollars<E: de::Error>(written: &Written) -> Result<NanoUsd, E> {
    match written {
        Written::Whole(whole) => NanoUsd::parse_usd(&whole.to_string()),
        Written::Text(text) => NanoUsd::parse_usd(text),
    }
    .map_err(|error| E::custom(format_args!("{error}: {}", error.hint().unwrap_or_default())))
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        dollars(&deserializer.deserialize_any(Amount)?).map(Self)
    }
}

impl<'de> Deserialize<'de> for UsdCap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Amount)? {
            Written::Text(text) if text == UNLIMITED => Ok(Self(Cap::Unlimited)),
            written @ (Written::Whole(_) | Written::Text(_)) => {
                dollars(&written).map(|amount| Self(Cap::money(amount)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for CharsPerToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A variable holds a text, a file may hold a number.
        let written = toml::Value::deserialize(deserializer)?;
        let ratio = match &written {
            toml::Value::String(text) => text.trim().parse().ok(),
            toml::Value::Float(ratio) => Some(*ratio),
            toml::Value::Integer(whole) => i32::try_from(*whole).ok().map(f64::from),
            toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => None,
        };
        match ratio.filter(|ratio| (0.1..=100.0).contains(ratio)) {
            Some(ratio) => Ok(Self(ratio)),
            None => Err(de::Error::custom("a token has from 0.1 to 100 characters on average")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Of<T> {
        v: T,
    }

    #[track_caller]
    fn read<T: serde::de::DeserializeOwned>(written: &str) -> Result<T, String> {
        toml::from_str::<Of<T>>(&format!("v = {written}"))
            .map(|of| of.v)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn dollars_are_whole_numbers_or_texts_and_never_floats() {
        assert_eq!(read("25"), Ok(Usd(NanoUsd::from_nanos(25_000_000_000))));
        assert_eq!(read("'0.30'"), Ok(Usd(NanoUsd::from_nanos(300_000_000))));
        for unfit in ["0.3", "-1", "'-1'", "true", "'much'"] {
            assert!(read::<Usd>(unfit).is_err(), "{unfit}");
        }
    }

    #[test]
    fn a_cap_of_nothing_is_not_a_cap_of_everything() {
        assert_eq!(read("0"), Ok(UsdCap(Cap::Limited(0))));
        assert_eq!(read("'unlimited'"), Ok(UsdCap(Cap::Unlimited)));
        assert!(read::<UsdCap>("-1").is_err());
    }

    #[test]
    fn a_ratio_is_a_number_however_it_is_written() {
        for written in ["3.5", "'3.5'"] {
            assert_eq!(read(written), Ok(CharsPerToken(3.5)));
        }
        assert_eq!(CharsPerToken(3.5).tokens(8), 3);
        assert_eq!(CharsPerToken::default().tokens(0), 1);
        for unfit in ["0", "'nan'", "-4", "1000"] {
            assert!(read::<CharsPerToken>(unfit).is_err(), "{unfit}");
        }
    }
}
