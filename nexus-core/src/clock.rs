//! Time as data: [`Timestamp`] and the [`Clock`] port.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Time in UTC, in microseconds since 1970; written as RFC 3339 with six decimals.
///
/// ```
/// use nexus_core::Timestamp;
///
/// let moment: Timestamp = "2026-03-01T09:30:00.000250Z".parse()?;
/// assert_eq!(moment.as_micros(), 1_772_357_400_000_250);
/// assert_eq!(moment.to_string(), "2026-03-01T09:30:00.000250Z");
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// Returns a time from microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the time `duration` later, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the time `duration` earlier, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the duration since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        jiff::Timestamp::from_str(text).map(|moment| Self(moment.as_microsecond())).map_err(|source| {
            Error::invalid("a time is written like `2026-03-01T09:30:00Z`")
                .with_code("INVALID_TIME")
                .because(source)
        })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

/// Port that tells the present time. A clock may go backwards, so no caller relies on the order of two readings.
///
/// # Contract
/// - A reading is unchanged after it was written and parsed: it lies within the years that RFC 3339 can write.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the present time.
    fn now(&self) -> Timestamp;
}

/// Clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        reading(SystemTime::now())
    }
}

/// Returns a time of the machine, also one before 1970, which [`check_clock`] refuses.
fn reading(time: SystemTime) -> Timestamp {
    let start = Timestamp(0);
    match time.duration_since(UNIX_EPOCH) {
        Ok(elapsed) => start.plus(elapsed),
        Err(before) => start.minus(before.duration()),
    }
}

/// Returns a reading of a clock unless it lies before 1970: such a clock was never set, grants would outlive their end by
/// it, and its times belong in no signed record.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) with `CLOCK_BEFORE_1970`.
pub fn check_clock(now: Timestamp) -> Result<Timestamp> {
    if now.0 >= 0 {
        return Ok(now);
    }
    let message = format!("the clock of this machine says {now}, which is before 1970");
    Err(Error::new(ErrorKind::Unavailable, message).with_code("CLOCK_BEFORE_1970").with_hint("set the clock"))
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    /// Converts a reading of the machine's clock, as [`check_clock`] does.
    fn try_from(time: SystemTime) -> Result<Self> {
        check_clock(reading(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_an_error_with_the_time_that_it_says() {
        let before = UNIX_EPOCH - Duration::from_millis(1_500);
        assert_eq!(reading(before), Timestamp(-1_500_000));
        let error = Timestamp::try_from(before).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("CLOCK_BEFORE_1970", ErrorKind::Unavailable));
        assert!(error.message().contains("1969-12-31T23:59:58.500000Z"), "{error:?}");
        assert!(error.hint().is_some());
        for (time, micros) in [(UNIX_EPOCH, 0), (UNIX_EPOCH + Duration::from_secs(7), 7_000_000)] {
            assert_eq!(Timestamp::try_from(time).unwrap(), Timestamp(micros));
        }
    }
}
