//! Dates, times of day and durations.

use super::Epoch;
use super::parse::{Section, Token};

const DAY: f64 = 86_400.0;

/// Days beyond the year 9999.
const LAST_DAY: f64 = 2_958_466.0;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Writes a moment or a duration, unless the value is none.
#[expect(clippy::wildcard_enum_match_arm, reason = "other parts of a format have no text here")]
pub(super) fn write(section: &Section, value: f64, epoch: Epoch) -> Option<String> {
    let elapsed = section.tokens.iter().any(|token| matches!(token, Token::Elapsed(..)));
    if !value.is_finite() || value.abs() >= LAST_DAY || value < 0.0 && !elapsed {
        return None;
    }
    let decimals = section.tokens.iter().filter(|token| matches!(token, Token::Digit(_))).count().min(3);
    let moment = Moment::new(value.abs(), decimals, epoch);
    let sign = if value < 0.0 { "-" } else { "" };
    let half = section.tokens.iter().any(|token| matches!(token, Token::Date('a', _)));
    let mut fraction = moment.fraction.chars();
    let pieces = section.tokens.iter().map(|token| match token {
        Token::Literal(literal) => literal.clone(),
        Token::Date(letter, length) => moment.part(*letter, *length, half),
        Token::Elapsed(letter, length) => moment.elapsed(*letter, *length),
        Token::Point => ".".to_owned(),
        Token::Digit(_) => fraction.next().unwrap_or('0').to_string(),
        _ => String::new(),
    });
    Some(format!("{sign}{}", pieces.collect::<String>()))
}

struct Moment {
    days: u64,
    /// Seconds of the day.
    seconds: u64,
    /// Decimals of the second.
    fraction: String,
    epoch: Epoch,
}

impl Moment {
    fn new(value: f64, decimals: usize, epoch: Epoch) -> Self {
        let scale = [1_u64, 10, 100, 1_000].get(decimals).copied().unwrap_or(1);
        #[expect(clippy::cast_precision_loss, reason = "the scale is small")]
        let ticks = (value * DAY * scale as f64).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a day before the year 10000, and not negative"
        )]
        let ticks = ticks as u64;
        let (seconds, fraction) = (ticks / scale, ticks % scale);
        Self {
            days: seconds / 86_400,
            seconds: seconds % 86_400,
            fraction: format!("{fraction:0decimals$}"),
            epoch,
        }
    }

    fn part(&self, letter: char, length: usize, half: bool) -> String {
        let (year, month, day) = self.date();
        let (hour, minute, second) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        let name = |names: &[&str], at: u64| {
            let name = usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default();
            let letters = match length {
                3 => 3,
                5 => 1,
                _ => name.len(),
            };
            name.get(..letters).unwrap_or(name).to_owned()
        };
        match letter {
            'y' if length <= 2 => format!("{:02}", year % 100),
            'y' => format!("{year:04}"),
            'm' if length > 2 => name(&MONTHS, month - 1),
            'm' => padded(month, length),
            'd' if length > 2 => name(&WEEKDAYS, self.weekday()),
            'd' => padded(day, length),
            'h' if half => padded((hour + 11) % 12 + 1, length),
            'h' => padded(hour, length),
            'i' => padded(minute, length),
            's' => padded(second, length),
            'a' => {
                let name = if hour < 12 { "AM" } else { "PM" };
                name.get(..length).unwrap_or(name).to_owned()
            }
            _ => String::new(),
        }
    }

    fn elapsed(&self, letter: char, length: usize) -> String {
        let seconds = self.days * 86_400 + self.seconds;
        let unit = match letter {
            'h' => 3600,
            'm' => 60,
            _ => 1,
        };
        padded(seconds / unit, length)
    }

    /// Returns the number of days since 1 March 0000.
    fn day_number(&self) -> u64 {
        match self.epoch {
            Epoch::Year1900 if self.days < 60 => self.days + 693_900,
            Epoch::Year1900 => self.days + 693_899,
            Epoch::Year1904 => self.days + 693_899 + 1_462,
        }
    }

    fn weekday(&self) -> u64 {
        match self.epoch {
            Epoch::Year1900 => (self.days + 6) % 7,
            Epoch::Year1904 => (self.days + 5) % 7,
        }
    }

    /// Returns year, month and day of the Gregorian calendar.
    fn date(&self) -> (u64, u64, u64) {
        if self.epoch == Epoch::Year1900 && self.days == 0 {
            return (1900, 1, 0);
        }
        if self.epoch == Epoch::Year1900 && self.days == 60 {
            return (1900, 2, 29);
        }
        let days = self.day_number();
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        (era * 400 + year + next, month, day)
    }
}

fn padded(number: u64, length: usize) -> String {
    if length > 1 { format!("{number:02}") } else { number.to_string() }
}
