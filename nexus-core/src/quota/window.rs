//! Time windows of limits, [`Window`], and the time [`Zone`] of days and months.
//!
//! A window's name is part of a counter's key. Counters are never reset: the next window has another key, and a clock
//! that goes back finds its earlier counter.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// Time zone in which days and months begin, by default UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// Parses an IANA name, such as `Europe/Berlin`.
    fn from_str(name: &str) -> Result<Self> {
        let zone = TimeZone::get(name).map_err(|source| {
            Error::invalid(format!("`{}` is not a time zone", name.escape_debug()))
                .with_code("INVALID_ZONE")
                .with_hint("use an IANA name such as `UTC` or `Europe/Berlin`")
                .because(source)
        })?;
        Ok(Self { name: name.to_owned(), zone })
    }
}

impl TryFrom<String> for Zone {
    type Error = Error;
    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl Zone {
    fn at(&self, now: Timestamp) -> Option<Zoned> {
        let moment = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
        Some(moment.to_zoned(self.zone.clone()))
    }

    /// Returns the civil day of `now`, as `2026-03-01`.
    pub fn day(&self, now: Timestamp) -> String {
        self.at(now).map_or_else(|| "beyond".to_owned(), |moment| moment.date().to_string())
    }

    /// Returns the civil month of `now`, as `2026-03`.
    pub fn month(&self, now: Timestamp) -> String {
        self.day(now).chars().take(7).collect()
    }
}

/// Time window over which a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A fixed number of seconds, in consecutive windows from 1970.
    Seconds(NonZeroU32),
    /// A civil day.
    Day,
    /// A civil month.
    Month,
    /// All time: the life of a run or an investigation.
    Total,
}

impl Window {
    /// A minute.
    pub const MINUTE: Self = Self::seconds(60);
    /// An hour.
    pub const HOUR: Self = Self::seconds(3_600);

    /// Returns a window of `seconds`, at least one.
    pub const fn seconds(seconds: u32) -> Self {
        match NonZeroU32::new(seconds) {
            Some(seconds) => Self::Seconds(seconds),
            None => Self::Seconds(NonZeroU32::MIN),
        }
    }

    /// Returns the name of the window that contains `now`.
    pub fn id(self, now: Timestamp, zone: &Zone) -> String {
        match self {
            Self::Seconds(seconds) => {
                let length = i64::from(seconds.get()).saturating_mul(1_000_000);
                format!("s{seconds}/{}", now.as_micros().div_euclid(length))
            }
            Self::Day => format!("d/{}", zone.day(now)),
            Self::Month => format!("m/{}", zone.month(now)),
            Self::Total => "total".to_owned(),
        }
    }

    /// Returns the names of the day and the month that count an entry booked on a civil `day`, such as `2026-03-01`.
    pub fn booked_on(day: &str) -> [String; 2] {
        let month = day.get(..7).unwrap_or(day);
        [format!("d/{day}"), format!("m/{month}")]
    }

    /// Returns the end of the window that contains `now`; `None` for [`Window::Total`].
    pub fn ends(self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let end = match self {
            Self::Seconds(seconds) => {
                let length = i64::from(seconds.get()).checked_mul(1_000_000)?;
                let end = now.as_micros().div_euclid(length).checked_add(1)?.checked_mul(length)?;
                return Some(Timestamp::from_micros(end));
            }
            Self::Day => zone.at(now)?.date().checked_add(1.day()).ok()?,
            Self::Month => zone.at(now)?.date().first_of_month().checked_add(1.month()).ok()?,
            Self::Total => return None,
        };
        let end = end.to_zoned(zone.zone.clone()).ok()?;
        Some(Timestamp::from_micros(end.timestamp().as_microsecond()))
    }

    /// Returns the time from `now` to the end of its window.
    pub fn rest(self, now: Timestamp, zone: &Zone) -> Option<Duration> {
        self.ends(now, zone).map(|end| end.since(now))
    }

    /// Returns the window in words, for sentences. [`Display`](fmt::Display) writes its name.
    pub fn words(self) -> String {
        match self {
            Self::MINUTE => "a minute".to_owned(),
            Self::HOUR => "an hour".to_owned(),
            Self::Seconds(seconds) => format!("{seconds} seconds"),
            Self::Day => "a day".to_owned(),
            Self::Month => "a month".to_owned(),
            Self::Total => "in all".to_owned(),
        }
    }
}

impl fmt::Display for Window {
    /// Writes the name that [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MINUTE => f.write_str("minute"),
            Self::HOUR => f.write_str("hour"),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
            Self::Day => f.write_str("day"),
            Self::Month => f.write_str("month"),
            Self::Total => f.write_str("total"),
        }
    }
}

impl FromStr for Window {
    type Err = Error;

    /// Parses `minute`, `hour`, `day`, `month`, `total`, or seconds as `90s`.
    fn from_str(name: &str) -> Result<Self> {
        let seconds = || name.strip_suffix('s').and_then(|number| number.parse().ok()).map(Self::Seconds);
        let window = match name {
            "minute" => Some(Self::MINUTE),
            "hour" => Some(Self::HOUR),
            "day" => Some(Self::Day),
            "month" => Some(Self::Month),
            "total" => Some(Self::Total),
            _ => seconds(),
        };
        window.ok_or_else(|| {
            Error::invalid(format!("`{}` is not a time window", name.escape_debug()))
                .with_code("INVALID_WINDOW")
                .with_hint("it is `minute`, `hour`, `day`, `month`, `total`, or seconds such as `90s`")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(window: Window, zone: &str, now: &str, id: &str, ends: &str) {
        let zone = zone.parse().unwrap();
        assert_eq!(window.id(at(now), &zone), id);
        assert_eq!(window.ends(at(now), &zone), Some(at(ends)));
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        check(Window::Month, "UTC", "2026-01-31T23:59:59Z", "m/2026-01", "2026-02-01T00:00:00Z");
        check(Window::Month, "UTC", "2028-02-29T12:00:00Z", "m/2028-02", "2028-03-01T00:00:00Z");
        check(Window::Month, "UTC", "2026-12-31T23:59:59Z", "m/2026-12", "2027-01-01T00:00:00Z");
        check(Window::Month, "Asia/Tokyo", "2026-01-31T15:00:00Z", "m/2026-02", "2026-02-28T15:00:00Z");
    }

    #[test]
    fn days_have_twenty_three_to_twenty_five_hours() {
        let (spring, autumn) = ("2026-03-29T12:00:00Z", "2026-10-25T12:00:00Z");
        check(Window::Day, "Europe/Berlin", spring, "d/2026-03-29", "2026-03-29T22:00:00Z");
        check(Window::Day, "Europe/Berlin", autumn, "d/2026-10-25", "2026-10-25T23:00:00Z");
        check(Window::Day, "UTC", "2028-02-29T23:59:59Z", "d/2028-02-29", "2028-03-01T00:00:00Z");
    }

    #[test]
    fn a_windows_name_reads_as_the_window() {
        for name in ["minute", "hour", "90s", "day", "month", "total"] {
            assert_eq!(name.parse::<Window>().unwrap().to_string(), name);
        }
        assert_eq!("60s".parse::<Window>().unwrap(), Window::MINUTE);
        for unfit in ["", "0s", "s", "-5s", "week", "Day"] {
            assert_eq!(unfit.parse::<Window>().unwrap_err().code(), "INVALID_WINDOW", "{unfit}");
        }
    }

    #[test]
    fn a_window_of_no_seconds_cannot_be_made() {
        assert_eq!(Window::seconds(0), Window::seconds(1));
        assert!(serde_json::from_str::<Window>(r#"{"seconds":0}"#).is_err());
    }

    proptest! {
        #[test]
        fn the_end_of_a_window_is_the_first_moment_of_the_next(
            seconds in 0_i64..4_000_000_000,
            length in 1_u32..100_000,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
        ) {
            let zone: Zone = zone.parse().unwrap();
            let now = Timestamp::from_micros(seconds * 1_000_000);
            for window in [Window::seconds(length), Window::Day, Window::Month] {
                let end = window.ends(now, &zone).unwrap();
                prop_assert!(end > now);
                prop_assert_ne!(window.id(end, &zone), window.id(now, &zone));
                let last = Timestamp::from_micros(end.as_micros() - 1);
                prop_assert_eq!(window.id(last, &zone), window.id(now, &zone));
            }
            let booked = Window::booked_on(&zone.day(now));
            prop_assert_eq!(booked, [Window::Day.id(now, &zone), Window::Month.id(now, &zone)]);
        }
    }
}
