//! Days and months of the calendar: [`missing`] returns those of a claim that a source does not hold.

use std::ops::Range;

/// Date of a text.
#[derive(Clone, Debug)]
pub(crate) struct Date {
    /// Byte range in the text.
    pub(crate) range: Range<usize>,
    /// Possible readings: `03/04/2024` is two.
    pub(crate) readings: Vec<Reading>,
}

/// Reading of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) year: Option<u32>,
    pub(crate) month: u32,
    pub(crate) day: Option<u32>,
}

/// Names of the months in lower case, from January to December, in full and as they are shortened.
const MONTHS: [&[&str]; 12] = [
    &[
        "january", "jan", "januar", "jänner", "janvier", "janv", "enero", "gennaio", "januari", "janeiro",
        "januari", "stycznia", "styczeń",
    ],
    &[
        "february",
        "feb",
        "februar",
        "février",
        "févr",
        "febrero",
        "febbraio",
        "februari",
        "fevereiro",
        "lutego",
        "luty",
    ],
    &["march", "mar", "märz", "mrz", "mars", "marzo", "maart", "março", "marca", "marzec", "marts"],
    &["april", "apr", "avril", "abril", "aprile", "kwietnia", "kwiecień"],
    &["may", "mai", "mayo", "maggio", "mei", "maio", "maja", "maj"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "junho", "czerwca", "czerwiec"],
    &["july", "jul", "juli", "juillet", "julio", "luglio", "julho", "lipca", "lipiec"],
    &["august", "aug", "août", "agosto", "augustus", "augusti", "sierpnia", "sierpień"],
    &["september", "sep", "sept", "septembre", "septiembre", "settembre", "setembro", "września", "wrzesień"],
    &[
        "october",
        "oct",
        "oktober",
        "okt",
        "octobre",
        "octubre",
        "ottobre",
        "outubro",
        "października",
        "październik",
    ],
    &["november", "nov", "novembre", "noviembre", "novembro", "listopada", "listopad"],
    &[
        "december",
        "dec",
        "dezember",
        "dez",
        "décembre",
        "déc",
        "diciembre",
        "dicembre",
        "dezembro",
        "desember",
        "grudnia",
        "grudzień",
    ],
];

/// Words between the parts of a date.
const JOINTS: [&str; 12] = ["of", "the", "de", "del", "di", "den", "van", "st", "nd", "rd", "th", "er"];

/// Returns the dates of `claim` that `source` does not hold, with their places.
pub(crate) fn missing(claim: &str, dates: &[Date], source: &str) -> Vec<(usize, String)> {
    let held = self::dates(source);
    let parts = parts(source);
    let has_number = |wanted: u32| parts.iter().any(|part| part.number() == Some(wanted));
    let has_month = |wanted: u32| parts.iter().any(|part| part.month() == Some(wanted));
    // A date that is written in a way of its own may be there in parts.
    let in_parts = |reading: &Reading| {
        has_month(reading.month) && reading.day.is_none_or(has_number) && reading.year.is_none_or(has_number)
    };
    let is_held = |reading: &Reading| {
        held.iter().flat_map(|date| &date.readings).any(|other| reading.agrees_with(other))
            || in_parts(reading)
    };
    dates
        .iter()
        .filter(|date| !date.readings.iter().any(is_held))
        .filter_map(|date| Some((date.range.start, claim.get(date.range.clone())?.to_owned())))
        .collect()
}

impl Reading {
    fn agrees_with(&self, held: &Self) -> bool {
        let same = |one: Option<u32>, other: Option<u32>| one.is_none() || other.is_none() || one == other;
        self.month == held.month
            && same(self.year, held.year)
            && same(self.day, held.day)
            // A month of a year is no proof of a day in it.
            && (self.day.is_none() || held.day.is_some())
            && (self.year.is_none() || self.day.is_some() || held.year.is_some())
    }
}

/// Returns the dates of a text.
pub(crate) fn dates(text: &str) -> Vec<Date> {
    let parts = parts(text);
    let mut dates = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        let rest = parts.get(at..).unwrap_or_default();
        match in_digits(rest).or_else(|| in_words(rest)) {
            Some((date, used)) => {
                dates.push(date);
                at += used;
            }
            None => at += 1,
        }
    }
    dates
}

/// Bytes of a date before its year, and after it.
const AROUND_YEAR: (usize, usize) = (28, 20);

/// Returns the days of a text, each as year, month and day. A date that reads in two ways, such as `03/04/2024`, and one
/// without a year are not among them.
pub(crate) fn days(text: &str) -> Vec<(Range<usize>, (u32, u32, u32))> {
    let mut found: Vec<(Range<usize>, (u32, u32, u32))> = Vec::new();
    for year in years(text) {
        let start = text.floor_char_boundary(year.start.saturating_sub(AROUND_YEAR.0));
        let end = text.ceil_char_boundary((year.end + AROUND_YEAR.1).min(text.len()));
        for date in dates(text.get(start..end).unwrap_or_default()) {
            let range = start + date.range.start..start + date.range.end;
            let day = |reading: &Reading| Some((reading.year?, reading.month, reading.day?));
            let mut readings = date.readings.iter().map(day);
            let first = readings.next().flatten();
            let is_new = found.last().is_none_or(|(last, _)| last.end <= range.start);
            if let Some(day) = first.filter(|first| is_new && readings.all(|other| other == Some(*first))) {
                // A window that begins within a number or ends within one would show a part of it.
                if range.start <= year.start && year.end <= range.end {
                    found.push((range, day));
                }
            }
        }
    }
    found
}

/// Returns the places of four digits that may be a year.
fn years(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    bytes.windows(4).enumerate().filter_map(move |(start, four)| {
        let is_year = matches!(four, [b'1' | b'2', ..]) && four.iter().all(u8::is_ascii_digit);
        let is_whole = !is_digit(start + 4) && (start == 0 || !is_digit(start - 1));
        (is_year && is_whole).then_some(start..start + 4)
    })
}

/// Part of a text: digits, letters, or one sign.
#[derive(Clone, Debug)]
struct Part {
    text: String,
    range: Range<usize>,
}

impl Part {
    fn number(&self) -> Option<u32> {
        if self.text.len() <= 4 { self.text.parse().ok() } else { None }
    }

    fn day(&self) -> Option<u32> {
        self.number().filter(|day| (1..=31).contains(day) && self.text.len() <= 2)
    }

    fn year(&self) -> Option<u32> {
        self.number().filter(|year| (1_000..=2_999).contains(year))
    }

    fn month(&self) -> Option<u32> {
        (1..).zip(MONTHS).find(|(_, names)| names.contains(&self.text.as_str())).map(|(month, _)| month)
    }
}

fn parts(text: &str) -> Vec<Part> {
    let class = |c: char| match c {
        c if c.is_ascii_digit() => 0,
        c if c.is_alphabetic() => 1,
        _ => 2,
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut last = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match parts.last_mut() {
            Some(part) if last == Some(class(c)) && class(c) < 2 => {
                part.text.extend(c.to_lowercase());
                part.range.end = end;
            }
            _ if c.is_whitespace() => {}
            _ => parts.push(Part { text: c.to_lowercase().collect(), range: at..end }),
        }
        last = if c.is_whitespace() { None } else { Some(class(c)) };
    }
    parts
}

/// Reads a date in digits, such as `2024-06-04`, `04.06.2024` and `4/6/2024`, and the number of its parts.
fn in_digits(parts: &[Part]) -> Option<(Date, usize)> {
    let [first, sign, second, same, third, ..] = parts else { return None };
    let touch = |one: &Part, other: &Part| one.range.end == other.range.start;
    let is_tight = touch(first, sign) && touch(sign, second) && touch(second, same) && touch(same, third);
    if sign.text != same.text || !matches!(sign.text.as_str(), "-" | "/" | "." | "‑") || !is_tight {
        return None;
    }
    let month = |part: &Part| part.day().filter(|month| *month <= 12);
    let reading =
        |year, month: Option<u32>, day: Option<u32>| Some(Reading { year, month: month?, day: Some(day?) });
    let readings: Vec<Reading> = if first.year().is_some() {
        reading(first.year(), month(second), third.day()).into_iter().collect()
    } else {
        let year = third
            .year()
            .or_else(|| third.number().filter(|_| third.text.len() == 2).map(|year| 2_000 + year))?;
        let by_day = reading(Some(year), month(second), first.day());
        let by_month = reading(Some(year), month(first), second.day()).filter(|_| sign.text != ".");
        by_day.into_iter().chain(by_month).collect()
    };
    let range = first.range.start..third.range.end;
    (!readings.is_empty()).then_some((Date { range, readings }, 5))
}

/// Reads a date with the name of a month, such as `4 June 2024`, `June 4, 2024`, `4. Juni` and `June 2024`, and the number
/// of its parts.
fn in_words(parts: &[Part]) -> Option<(Date, usize)> {
    let first = parts.first()?;
    let skip = |from: usize, signs: &[&str]| {
        let is_joint =
            |part: &&Part| signs.contains(&part.text.as_str()) || JOINTS.contains(&part.text.as_str());
        from + parts.get(from..).unwrap_or_default().iter().take_while(is_joint).count()
    };
    let get = |at: usize| parts.get(at);
    let (month, day, mut used) = if let Some(month) = first.month() {
        let at = skip(1, &["."]);
        match get(at).and_then(Part::day) {
            Some(day) => (month, Some(day), at + 1),
            None => (month, None, 1),
        }
    } else {
        let day = first.day()?;
        let at = skip(1, &[".", "º"]);
        (get(at)?.month()?, Some(day), at + 1)
    };
    let at = skip(used, &[",", "."]);
    let year = get(at).and_then(Part::year);
    if year.is_some() {
        used = at + 1;
    }
    let last = parts.get(used - 1)?;
    // A month alone is as often a word: "may".
    (day.is_some() || year.is_some()).then(|| {
        let range = first.range.start..last.range.end;
        (Date { range, readings: vec![Reading { year, month, day }] }, used)
    })
}
