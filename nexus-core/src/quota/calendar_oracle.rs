//! Reference calendar for tests: the rules of a few time zones written out, which share no code and no table with the
//! windows under test. Valid from March 2018 to 2036.

use proptest::prelude::*;

use super::{Window, Zone};
use crate::clock::Timestamp;

const DAY: i64 = 86_400;
/// All zones here change at half hours, so days and months begin at half hours as well.
const STEP: i64 = 1_800;
/// 1 March 2018 and 1 January 2036, in seconds since 1970.
const FIRST: i64 = 1_519_862_400;
const LAST: i64 = 2_082_758_400;

/// Time zone whose rules are written out below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calendar {
    Utc,
    /// One hour of summer time.
    Berlin,
    /// Summer time until 2019, when one day a year began at 01:00.
    SaoPaulo,
    /// Half an hour of summer time, in the southern summer.
    LordHowe,
}

impl Calendar {
    pub(super) const ALL: [Self; 4] = [Self::Utc, Self::Berlin, Self::SaoPaulo, Self::LordHowe];

    pub(super) fn zone(self) -> Zone {
        let name = match self {
            Self::Utc => "UTC",
            Self::Berlin => "Europe/Berlin",
            Self::SaoPaulo => "America/Sao_Paulo",
            Self::LordHowe => "Australia/Lord_Howe",
        };
        name.parse().unwrap()
    }

    /// Returns the offset from UTC in seconds.
    fn offset(self, utc: i64) -> i64 {
        let year = civil(utc).0;
        match self {
            Self::Utc => 0,
            Self::Berlin => {
                let summer = last_sunday(year, 3) + 3_600..last_sunday(year, 10) + 3_600;
                if summer.contains(&utc) { 7_200 } else { 3_600 }
            }
            Self::SaoPaulo => {
                let summer = days(2018, 11, 4) * DAY + 3 * 3_600..days(2019, 2, 17) * DAY + 2 * 3_600;
                if summer.contains(&utc) { -7_200 } else { -10_800 }
            }
            Self::LordHowe => {
                // 02:00 by the clock that is about to change: 10:30, and 11:00, ahead of UTC.
                let winter = first_sunday(year, 4) - 9 * 3_600..first_sunday(year, 10) - 8 * 3_600 - 1_800;
                if winter.contains(&utc) { 37_800 } else { 39_600 }
            }
        }
    }

    /// Returns the civil date of a time.
    pub(super) fn date(self, now: Timestamp) -> (i64, i64, i64) {
        let utc = now.as_micros().div_euclid(1_000_000);
        civil(utc + self.offset(utc))
    }

    /// Returns whether two times lie in the same window.
    pub(super) fn same(self, window: Window, one: Timestamp, other: Timestamp) -> bool {
        let (a, b) = (self.date(one), self.date(other));
        match window {
            Window::Seconds(length) => {
                let stretch = |at: Timestamp| at.as_micros().div_euclid(1_000_000 * i64::from(length.get()));
                stretch(one) == stretch(other)
            }
            Window::Day => a == b,
            Window::Month => (a.0, a.1) == (b.0, b.1),
            Window::Total => true,
        }
    }

    /// Returns the first time after `now` in another window, found by trying each half hour.
    fn ends(self, window: Window, now: Timestamp) -> Timestamp {
        let mut half_hours = (now.as_micros().div_euclid(1_000_000 * STEP) + 1..)
            .map(|count| Timestamp::from_micros(count * STEP * 1_000_000));
        half_hours.find(|later| !self.same(window, *later, now)).unwrap()
    }
}

/// Returns times of change: starts of months, leap days, changes of summer time.
fn edges() -> Vec<i64> {
    let mut edges = Vec::new();
    for year in 2019..2035 {
        for month in 1..=12 {
            edges.push(days(year, month, 1) * DAY);
        }
        edges.extend([last_sunday(year, 3), last_sunday(year, 10)]);
        edges.extend([first_sunday(year, 4), first_sunday(year, 10)]);
    }
    let single = [days(2028, 2, 29), days(2020, 2, 29), days(2018, 11, 4), days(2019, 2, 17)];
    edges.extend(single.map(|day| day * DAY));
    edges
}

/// Generates times, most of them near a change.
pub(super) fn moment() -> impl Strategy<Value = Timestamp> {
    let edge = (prop::sample::select(edges()), -2 * DAY..2 * DAY).prop_map(|(edge, off)| edge + off);
    let seconds = prop_oneof![3 => edge, 1 => FIRST..LAST];
    (seconds, 0_i64..1_000_000)
        .prop_map(|(seconds, micros)| Timestamp::from_micros(seconds * 1_000_000 + micros))
}

/// Returns the days from 1970 to a date, counted by years and months.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    years + (1..month).map(|month| length(year, month)).sum::<i64>() + day - 1
}

/// Returns the date of a time, by subtraction of years and months.
fn civil(seconds: i64) -> (i64, i64, i64) {
    let (mut left, mut year, mut month) = (seconds.div_euclid(DAY), 1970, 1);
    while left >= if is_leap(year) { 366 } else { 365 } {
        left -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    while left >= length(year, month) {
        left -= length(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the start, in UTC, of the month's first Sunday. 1 January 1970 was a Thursday.
fn first_sunday(year: i64, month: i64) -> i64 {
    let first = days(year, month, 1);
    (first + (3 - first).rem_euclid(7)) * DAY
}

/// Returns the start, in UTC, of the month's last Sunday.
fn last_sunday(year: i64, month: i64) -> i64 {
    let last = days(year, month, length(year, month));
    (last - (last - 3).rem_euclid(7)) * DAY
}

#[test]
fn the_naive_calendar_knows_dates_that_people_know() {
    assert_eq!(civil(days(2028, 2, 29) * DAY), (2028, 2, 29));
    assert_eq!(last_sunday(2026, 3), days(2026, 3, 29) * DAY);
    assert_eq!(first_sunday(2026, 11), days(2026, 11, 1) * DAY);
    assert_eq!((days(2018, 3, 1) * DAY, days(2036, 1, 1) * DAY), (FIRST, LAST));
}

proptest! {
    #[test]
    fn days_and_months_begin_and_end_where_the_naive_calendar_says(
        now in moment(),
        calendar in prop::sample::select(Calendar::ALL.to_vec()),
    ) {
        let (zone, (year, month, day)) = (calendar.zone(), calendar.date(now));
        prop_assert_eq!(zone.day(now), format!("{year:04}-{month:02}-{day:02}"));
        prop_assert_eq!(zone.month(now), format!("{year:04}-{month:02}"));
        for window in [Window::Day, Window::Month] {
            prop_assert_eq!(window.ends(now, &zone), Some(calendar.ends(window, now)));
        }
    }
}
