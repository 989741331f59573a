//! Period of a counter's window: the part of the ledger that a new counter begins with.

use super::OF_ANSWERS;

/// Upper bound of all civil days.
const LAST_DAY: &str = "~";

/// Entries of the ledger that the window of a counter covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerPeriod {
    /// Entries that are booked on these civil days, both included.
    Days {
        /// The first day.
        first: String,
        /// The last day.
        last: String,
        /// Whether only chat calls count.
        is_chat_only: bool,
    },
    /// Own entries of the attempts of calls that were admitted between these times, in microseconds since 1970, the end
    /// excluded. Corrections do not change them: such a window ends by itself.
    Admitted {
        /// The start.
        from: i64,
        /// The end.
        until: i64,
    },
}

impl LedgerPeriod {
    /// Returns the period of the window with this name, see [`Window::id`](super::Window::id) and [`OF_ANSWERS`]; `None`
    /// for a name that no window has.
    pub fn of_window(name: &str) -> Option<Self> {
        let (name, is_chat_only) = match name.strip_suffix(OF_ANSWERS) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let days = |first: String, last: String| Self::Days { first, last, is_chat_only };
        if name == "total" {
            return Some(days(String::new(), LAST_DAY.to_owned()));
        }
        match name.split_once('/')? {
            ("d", day) => Some(days(day.to_owned(), day.to_owned())),
            ("m", month) => Some(days(format!("{month}-01"), format!("{month}-31"))),
            (seconds, number) => {
                let length = seconds.strip_prefix('s')?.parse::<i64>().ok()?.checked_mul(1_000_000)?;
                let from = number.parse::<i64>().ok()?.checked_mul(length)?;
                Some(Self::Admitted { from, until: from.checked_add(length)? })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;
    use crate::quota::{ANSWERS, Window, Zone};

    #[test]
    fn chat_calls_of_all_time_are_a_period_of_their_own_and_an_unknown_window_has_none() {
        let days =
            |is_chat_only| LedgerPeriod::Days { first: String::new(), last: "~".to_owned(), is_chat_only };
        assert_eq!(LedgerPeriod::of_window(ANSWERS), Some(days(true)));
        assert_eq!(LedgerPeriod::of_window("total"), Some(days(false)));
        let (first, last) = ("2026-03-01".to_owned(), "2026-03-31".to_owned());
        let month = LedgerPeriod::Days { first, last, is_chat_only: true };
        assert_eq!(LedgerPeriod::of_window("m/2026-03/answers"), Some(month));
        for unknown in ["", "week", "w/1", "s/1", "s9", "s60/x", "s9223372036854775807/1"] {
            assert_eq!(LedgerPeriod::of_window(unknown), None, "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn the_period_of_a_window_holds_its_moments_and_no_others(
            seconds in 0_i64..4_000_000_000, length in 1_u32..100_000, other in 0_i64..4_000_000_000,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Apia"]),
        ) {
            let zone: Zone = zone.parse().unwrap();
            let (now, other) = (Timestamp::from_micros(seconds * 1_000_000), Timestamp::from_micros(other * 1_000_000));
            let holds = |period: &LedgerPeriod, at: Timestamp| match period {
                LedgerPeriod::Days { first, last, .. } => (first..=last).contains(&&zone.day(at)),
                LedgerPeriod::Admitted { from, until } => (*from..*until).contains(&at.as_micros()),
            };
            for window in [Window::seconds(length), Window::Day, Window::Month, Window::Total] {
                let name = window.id(now, &zone);
                let period = LedgerPeriod::of_window(&name).unwrap();
                prop_assert!(holds(&period, now));
                prop_assert_eq!(holds(&period, other), window.id(other, &zone) == name);
            }
        }
    }
}
