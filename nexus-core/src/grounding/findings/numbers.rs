//! Numbers with their units: [`missing`] returns those of a claim that a source does not hold.

use std::ops::Range;

use super::number_words::{multiplier, number};
use crate::dates::{Date, dates};

/// Greatest number without a unit that may be a count of the claim's own, and is not compared.
const MAX_COUNT: f64 = 3.0;

/// Unit: its dimension, and its size in the dimension's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    dimension: &'static str,
    size: f64,
}

/// Token of a text: a word, a number or a sign.
#[derive(Clone, Debug)]
struct Token<'t> {
    text: &'t str,
    range: Range<usize>,
}

/// Number of a text.
#[derive(Clone, Debug)]
struct Number {
    /// Possible values: `1.234` is two.
    values: Vec<f64>,
    unit: Option<Unit>,
    range: Range<usize>,
    /// Whether it was written in words.
    is_word: bool,
    /// Whether it is said to be about so much.
    is_rough: bool,
}

/// Returns the numbers of `claim` outside `skipped` that `source` does not hold, with their places.
pub(super) fn missing(claim: &str, skipped: &[Range<usize>], source: &str) -> Vec<(usize, String)> {
    let (claimed, codes) = numbers(claim);
    let (mut held, _) = numbers(source);
    held.extend(dates(source).iter().flat_map(of_date));
    let plain = plain(source);
    let is_skipped =
        |range: &Range<usize>| skipped.iter().any(|other| other.start < range.end && range.start < other.end);
    let written =
        |range: &Range<usize>| (range.start, claim.get(range.clone()).unwrap_or_default().to_owned());
    let missing_codes = codes
        .iter()
        .filter(|range| !is_skipped(range))
        .map(written)
        .filter(|(_, code)| !plain.contains(&self::plain(code)));
    let is_compared = |number: &&Number| {
        let is_count = number.unit.is_none() && number.values.iter().all(|value| *value <= MAX_COUNT);
        let is_bare_word = number.is_word && number.unit.is_none();
        !(number.is_rough || is_count || is_bare_word || is_skipped(&number.range))
    };
    let missing_numbers = claimed
        .iter()
        .filter(is_compared)
        .filter(|number| !held.iter().any(|held| number.is_held_as(held)))
        .map(|number| written(&number.range));
    missing_codes.chain(missing_numbers).collect()
}

/// Returns the day and the year of a date as numbers.
fn of_date(date: &Date) -> Vec<Number> {
    let parts = date.readings.iter().flat_map(|reading| [reading.day, reading.year, Some(reading.month)]);
    let number = |part: u32| Number {
        values: vec![f64::from(part)],
        unit: None,
        range: date.range.clone(),
        is_word: false,
        is_rough: false,
    };
    parts.flatten().map(number).collect()
}

impl Number {
    fn is_held_as(&self, held: &Self) -> bool {
        let is_any = |same: &dyn Fn(f64, f64) -> bool| {
            self.values.iter().any(|one| held.values.iter().any(|other| same(*one, *other)))
        };
        match (self.unit, held.unit) {
            (Some(unit), Some(other)) if unit.dimension == other.dimension => {
                is_any(&|one, two| is_same(one * unit.size, two * other.size))
            }
            (Some(_), Some(_)) => false,
            // A share may be written as a fraction.
            (Some(unit), None) if unit.dimension == "percent" => {
                is_any(&|one, two| is_same(one, two) || is_same(one / 100.0, two))
            }
            (None, Some(unit)) if unit.dimension == "percent" => {
                is_any(&|one, two| is_same(one, two) || is_same(one, two / 100.0))
            }
            (Some(_) | None, None) | (None, Some(_)) => is_any(&is_same),
        }
    }
}

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
}

/// Returns the text in lower case, without white space and punctuation.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the numbers of a text, and the places of its codes, such as `B12` and `14.2.1.0`.
fn numbers(text: &str) -> (Vec<Number>, Vec<Range<usize>>) {
    let tokens = tokens(text);
    let (mut numbers, mut codes) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = |ahead: usize| tokens.get(at + ahead);
        let word = |ahead: usize| next(ahead).map(|token| token.text.to_lowercase()).unwrap_or_default();
        let mut used = 1;
        let begins = token.text.starts_with(|c: char| c.is_ascii_digit());
        let values =
            if begins { values(token.text) } else { number(&word(0)).map(|value| vec![f64::from(value)]) };
        let is_code = token.text.contains(|c: char| c.is_ascii_digit()) && values.is_none();
        if is_code {
            codes.push(token.range.clone());
        }
        if let Some(mut values) = values {
            let mut end = token.range.end;
            if !begins {
                // "twenty-five" and "twenty five".
                let (tens, dash) = (values.first().copied().unwrap_or_default(), usize::from(word(1) == "-"));
                let unit = number(&word(1 + dash)).map(f64::from).filter(|unit| (1.0..10.0).contains(unit));
                if let Some(unit) = unit.filter(|_| tens >= 20.0 && tens % 10.0 == 0.0) {
                    values = vec![tens + unit];
                    used = 2 + dash;
                    end = next(1 + dash).map_or(end, |token| token.range.end);
                }
            } else if let Some((more, count, last)) =
                spaced_groups(text, tokens.get(at..).unwrap_or_default())
            {
                values.push(more);
                if values.len() == 2 {
                    (used, end) = (count, last);
                }
            }
            while let Some(factor) = multiplier(&word(used)) {
                for value in &mut values {
                    *value *= factor;
                }
                end = next(used).map_or(end, |token| token.range.end);
                used += 1;
            }
            let dash = usize::from(word(used) == "-");
            let mut unit = unit(&word(used + dash));
            if unit.is_some() {
                end = next(used + dash).map_or(end, |token| token.range.end);
            }
            let before = at
                .checked_sub(1)
                .and_then(|before| tokens.get(before))
                .map(|token| token.text.to_lowercase());
            unit = unit.or_else(|| before.as_deref().and_then(currency));
            let is_rough = before.as_deref().is_some_and(is_rough);
            // `14:30` may be written in another way.
            let is_time = is_clock(text, token.range.start) || is_clock(text, token.range.end + 1);
            if !is_time {
                let range = token.range.start..end;
                numbers.push(Number { values, unit, range, is_word: !begins, is_rough });
            }
        }
        at += used;
    }
    (numbers, codes)
}

/// Returns the value of digits in groups of three between spaces, the number of tokens and the end.
fn spaced_groups(text: &str, tokens: &[Token<'_>]) -> Option<(f64, usize, usize)> {
    let first = tokens.first()?;
    let is_digits = |token: &Token<'_>| token.text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(first) || first.text.len() > 3 {
        return None;
    }
    let (mut digits, mut count, mut end) = (first.text.to_owned(), 1, first.range.end);
    for token in tokens.iter().skip(1) {
        let is_group = is_digits(token) && token.text.len() == 3;
        let between = text.get(end..token.range.start)?;
        if !is_group || between.chars().count() != 1 || !between.contains(char::is_whitespace) {
            break;
        }
        digits.push_str(token.text);
        (count, end) = (count + 1, token.range.end);
    }
    (count > 1).then(|| Some((digits.parse().ok()?, count, end))).flatten()
}

/// Returns the possible values of a number in digits; `None` for a code.
fn values(token: &str) -> Option<Vec<f64>> {
    let digits = token.trim_end_matches(|c: char| c.is_alphabetic() || c == 'º' || c == 'ª');
    let suffix = token.get(digits.len()..).unwrap_or_default().to_lowercase();
    if !matches!(suffix.as_str(), "" | "st" | "nd" | "rd" | "th" | "er" | "e" | "º" | "ª" | "x") {
        return None;
    }
    let plain: String =
        digits.chars().filter(|c| !matches!(c, '\'' | '’' | '\u{a0}' | '\u{202f}' | '_')).collect();
    let parse = |text: &str| text.parse::<f64>().ok();
    let (points, commas) = (plain.matches('.').count(), plain.matches(',').count());
    let groups_of_three = |separator: char| {
        let mut groups = plain.split(separator);
        groups.next().is_some_and(|first| (1..=3).contains(&first.len()))
            && groups.all(|group| group.len() == 3)
    };
    match (points, commas) {
        (0, 0) => Some(vec![parse(&plain)?]),
        (1, 0) | (0, 1) => {
            let separator = if points == 1 { '.' } else { ',' };
            let mut values = vec![parse(&plain.replace(separator, "."))?];
            if groups_of_three(separator) {
                values.push(parse(&plain.replace(separator, ""))?);
            }
            Some(values)
        }
        (_, 0) if groups_of_three('.') => Some(vec![parse(&plain.replace('.', ""))?]),
        (0, _) if groups_of_three(',') => Some(vec![parse(&plain.replace(',', ""))?]),
        (1, _) if plain.rfind('.') > plain.rfind(',') => Some(vec![parse(&plain.replace(',', ""))?]),
        (_, 1) if plain.rfind(',') > plain.rfind('.') => {
            Some(vec![parse(&plain.replace('.', "").replace(',', "."))?])
        }
        _ => None,
    }
}

/// Splits a text into words, numbers and signs. A number keeps the separators between its digits; a known unit right after
/// a number is a token of its own, and other letters beside digits make one code of both.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::with_capacity(text.len() / 5);
    let mut characters = text.char_indices().peekable();
    while let Some((start, first)) = characters.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut end = start + first.len_utf8();
        if first.is_alphanumeric() {
            let mut before = first;
            while let Some(&(at, c)) = characters.peek() {
                let after = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
                let joins_digits = is_separator(c)
                    && before.is_ascii_digit()
                    && after.is_some_and(|after| after.is_ascii_digit());
                if !c.is_alphanumeric() && !joins_digits {
                    break;
                }
                characters.next();
                (before, end) = (c, at + c.len_utf8());
            }
        }
        push(text, start..end, &mut tokens);
    }
    tokens
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | '’' | '_' | '\u{a0}' | '\u{202f}')
}

fn push<'t>(text: &'t str, range: Range<usize>, tokens: &mut Vec<Token<'t>>) {
    let Some(token) = text.get(range.clone()) else { return };
    let digits = token.trim_end_matches(char::is_alphabetic);
    let suffix = token.get(digits.len()..).unwrap_or_default();
    let lower = suffix.to_lowercase();
    let splits = digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && (unit(&lower).is_some() || matches!(lower.as_str(), "k" | "bn" | "mio" | "mrd"));
    if splits {
        let middle = range.start + digits.len();
        tokens.push(Token { text: digits, range: range.start..middle });
        tokens.push(Token { text: suffix, range: middle..range.end });
    } else {
        tokens.push(Token { text: token, range });
    }
}

/// Returns whether a colon between two digits ends at the byte `at`.
fn is_clock(text: &str, at: usize) -> bool {
    let Some((before, after)) = text.split_at_checked(at) else { return false };
    let digit = |c: char| c.is_ascii_digit();
    before.strip_suffix(':').is_some_and(|before| before.ends_with(digit)) && after.starts_with(digit)
}

fn is_rough(word: &str) -> bool {
    matches!(
        word,
        "about"
            | "approximately"
            | "around"
            | "roughly"
            | "nearly"
            | "almost"
            | "circa"
            | "ca"
            | "approx"
            | "rund"
            | "etwa"
            | "ungefähr"
            | "knapp"
            | "environ"
            | "aproximadamente"
            | "unos"
            | "unas"
            | "ongeveer"
            | "cerca"
            | "~"
            | "≈"
    )
}

fn currency(word: &str) -> Option<Unit> {
    let dimension = match word {
        "$" | "usd" => "dollar",
        "€" | "eur" => "euro",
        "£" | "gbp" => "pound",
        "chf" => "franc",
        "¥" | "jpy" => "yen",
        _ => return None,
    };
    Some(Unit { dimension, size: 1.0 })
}

/// Returns the unit for a word or sign in lower case.
fn unit(word: &str) -> Option<Unit> {
    const DAY: f64 = 86_400.0;
    let (dimension, size) = match word {
        "second" | "seconds" | "sekunde" | "sekunden" | "secondes" | "segundos" | "secondi" | "seconden" => {
            ("time", 1.0)
        }
        "minute" | "minutes" | "minuten" | "minutos" | "minuti" | "min" => ("time", 60.0),
        "hour" | "hours" | "stunde" | "stunden" | "heure" | "heures" | "hora" | "horas" | "ora" | "ore"
        | "uur" => ("time", 3_600.0),
        "day" | "days" | "tag" | "tage" | "tagen" | "jour" | "jours" | "día" | "días" | "dia" | "dias"
        | "giorno" | "giorni" | "dag" | "dagen" | "dage" | "dager" | "dagar" => ("time", DAY),
        "week" | "weeks" | "woche" | "wochen" | "semaine" | "semaines" | "semana" | "semanas"
        | "settimana" | "settimane" | "weken" | "uger" | "uker" | "veckor" => ("time", 7.0 * DAY),
        "month" | "months" | "monat" | "monate" | "monaten" | "mois" | "mes" | "meses" | "mese" | "mesi"
        | "maand" | "maanden" | "måneder" | "månader" => ("months", 1.0),
        "year" | "years" | "jahr" | "jahre" | "jahren" | "an" | "ans" | "année" | "années" | "año"
        | "años" | "anno" | "anni" | "jaar" | "jaren" | "år" => ("months", 12.0),
        "%" | "percent" | "prozent" | "pct" | "procent" => ("percent", 1.0),
        "euro" | "euros" => ("euro", 1.0),
        "dollar" | "dollars" => ("dollar", 1.0),
        "mm" | "millimetres" | "millimeters" => ("length", 0.001),
        "cm" | "centimetres" | "centimeters" => ("length", 0.01),
        "metre" | "metres" | "meter" | "meters" => ("length", 1.0),
        "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => ("length", 1_000.0),
        "mile" | "miles" => ("miles", 1.0),
        "mg" => ("mass", 0.001),
        "gram" | "grams" | "gramm" => ("mass", 1.0),
        "kg" | "kilogram" | "kilograms" | "kilogramm" => ("mass", 1_000.0),
        "ml" => ("volume", 0.001),
        "litre" | "litres" | "liter" | "liters" => ("volume", 1.0),
        "kb" => ("bytes", 1e3),
        "mb" => ("bytes", 1e6),
        "gb" => ("bytes", 1e9),
        "tb" => ("bytes", 1e12),
        "kwh" => ("energy", 1.0),
        "°c" => ("celsius", 1.0),
        word => return currency(word),
    };
    Some(Unit { dimension, size })
}
