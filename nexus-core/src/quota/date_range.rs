//! Ranges of civil days, for usage sums: [`DateRange`].

use jiff::civil::Date;
use serde::Serialize;

use crate::error::{Error, Result};

/// Range of civil days in the operator's time zone, both ends included.
///
/// ```
/// use nexus_core::quota::DateRange;
///
/// let february = DateRange::month("2028-02")?;
/// assert_eq!((february.from(), february.to()), ("2028-02-01", "2028-02-29"));
/// assert!(DateRange::between("2028-02-30", "2028-03-01").is_err());
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DateRange {
    from: String,
    to: String,
}

impl DateRange {
    /// Parses one day, as `2026-03-01`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_DAY`.
    pub fn day(day: &str) -> Result<Self> {
        Self::between(day, day)
    }

    /// Parses a month, as `2026-03`.
    ///
    /// # Errors
    /// As [`DateRange::day`].
    pub fn month(month: &str) -> Result<Self> {
        let first = date(&format!("{month}-01"), month)?;
        Ok(Self { from: first.to_string(), to: first.last_of_month().to_string() })
    }

    /// Parses the first and the last day, both included.
    ///
    /// # Errors
    /// As [`DateRange::day`], also when the last day is before the first.
    pub fn between(from: &str, to: &str) -> Result<Self> {
        let (first, last) = (date(from, from)?, date(to, to)?);
        if last < first {
            return Err(Error::invalid("the last day is before the first").with_code("INVALID_DAY"));
        }
        Ok(Self { from: first.to_string(), to: last.to_string() })
    }

    /// Returns the first day.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Returns the last day.
    pub fn to(&self) -> &str {
        &self.to
    }
}

/// Parses a date in the one form whose text sorts by time.
fn date(text: &str, written: &str) -> Result<Date> {
    let date = text.parse::<Date>().ok().filter(|date| date.year() >= 0 && date.to_string() == text);
    date.ok_or_else(|| {
        Error::invalid(format!("`{}` is not a day or a month", written.escape_debug()))
            .with_code("INVALID_DAY")
            .with_hint("write a day like `2026-03-01` and a month like `2026-03`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_in_one_way_only() {
        for unfit in ["", "2026-3-1", "20260301", "2026-03-01T00:00:00", "2026-02-29", "-002026-03-01"] {
            assert_eq!(DateRange::day(unfit).unwrap_err().code(), "INVALID_DAY", "{unfit}");
        }
        assert!(DateRange::month("2026-13").is_err() && DateRange::month("2026-03-01").is_err());
        assert!(DateRange::between("2026-03-02", "2026-03-01").is_err());
        assert_eq!(DateRange::month("2026-12").unwrap().to(), "2026-12-31");
    }
}
