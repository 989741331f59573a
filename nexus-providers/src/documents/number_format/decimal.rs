//! Numbers that are no dates: decimals, percentages, powers of ten and fractions.

use super::general;
use super::parse::{Section, Token};

/// Writes a number that is not negative.
pub(super) fn write(section: &Section, value: f64) -> String {
    let tokens = &section.tokens;
    if !value.is_finite() || tokens.contains(&Token::General) {
        return literals(tokens, &general(value));
    }
    if tokens.contains(&Token::Text) {
        return general(value);
    }
    let percents = tokens.iter().filter(|token| **token == Token::Percent).count();
    let value = value * 100_f64.powi(i32::try_from(percents).unwrap_or(0));
    if let Some(at) = tokens.iter().position(|token| matches!(token, Token::Exponent(_))) {
        return scientific(tokens, at, value);
    }
    if let Some(at) = slash(tokens) {
        return fraction(tokens, at, value);
    }
    fixed(tokens, Decimal::new(value))
}

/// Writes the literals around a number that has no places of its own.
#[expect(clippy::wildcard_enum_match_arm, reason = "other parts of a format have no text here")]
fn literals(tokens: &[Token], number: &str) -> String {
    let piece = |token: &Token| match token {
        Token::General => number.to_owned(),
        Token::Literal(literal) => literal.clone(),
        Token::Percent => "%".to_owned(),
        _ => String::new(),
    };
    tokens.iter().map(piece).collect()
}

/// Number as decimal digits: at most fifteen, as sheets compute.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    digits: Vec<u8>,
    /// Number of digits before the point; negative for zeros after it.
    point: i64,
}

impl Decimal {
    pub(super) fn new(value: f64) -> Self {
        let text = format!("{value:.14e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        Self { digits, point: exponent.parse::<i64>().unwrap_or(0) + 1 }
    }

    /// Moves the point to the right.
    fn shifted(mut self, places: i64) -> Self {
        self.point += places;
        self
    }

    /// Rounds half up to this number of decimals. Returns the digits before and after the point.
    fn rounded(&self, decimals: usize) -> (String, String) {
        let kept = self.point + i64::try_from(decimals).unwrap_or(i64::MAX / 2);
        let digit =
            |at: i64| usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(0);
        let first = self.point.min(0);
        let mut digits: Vec<u8> = (first..kept.max(first)).map(digit).collect();
        if digit(kept) >= 5 && kept >= first {
            carry(&mut digits);
        }
        let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let split = text.len().saturating_sub(decimals);
        let (whole, part) = text.split_at_checked(split).unwrap_or((&text, ""));
        (whole.trim_start_matches('0').to_owned(), format!("{part:0>decimals$}"))
    }
}

/// Adds one to the last digit.
fn carry(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
}

/// Writes a number with a fixed number of decimals.
fn fixed(tokens: &[Token], number: Decimal) -> String {
    let is_digit = |token: &Token| matches!(token, Token::Digit(_));
    let point = tokens.iter().position(|token| *token == Token::Point).unwrap_or(tokens.len());
    let (before, after) = tokens.split_at_checked(point).unwrap_or((tokens, &[]));
    let last = before.iter().rposition(is_digit).map_or(0, |last| last + 1);
    let first = before.iter().position(is_digit).unwrap_or(before.len());
    let commas = |tokens: &[Token]| tokens.iter().take_while(|token| **token == Token::Comma).count();
    let mut thousands = before.get(last..).map_or(0, commas);
    let tail = after.iter().rposition(is_digit).and_then(|last| after.get(last + 1..));
    thousands += tail.map_or(0, commas);
    let grouped = before.get(first..last).is_some_and(|inner| inner.contains(&Token::Comma));
    let decimals = after.iter().filter(|token| is_digit(token)).count();
    let number = number.shifted(-3 * i64::try_from(thousands).unwrap_or(0));
    let (whole, part) = number.rounded(decimals);
    whole_part(before, &whole, grouped) + &decimal_part(after, &part)
}

/// Writes digits into the places before the point, from the right. The first place takes all that are left.
#[expect(clippy::wildcard_enum_match_arm, reason = "other parts of a format have no text here")]
fn whole_part(tokens: &[Token], digits: &str, grouped: bool) -> String {
    let mut left: Vec<char> = digits.chars().collect();
    let first = tokens.iter().position(|token| matches!(token, Token::Digit(_)));
    let (mut reversed, mut written) = (String::new(), 0_usize);
    let mut put = |digit: char, reversed: &mut String| {
        if grouped && written > 0 && written % 3 == 0 && digit != ' ' {
            reversed.push(',');
        }
        written += 1;
        reversed.push(digit);
    };
    for (at, token) in tokens.iter().enumerate().rev() {
        match token {
            Token::Digit(place) => {
                let blank = match place {
                    '0' => Some('0'),
                    '?' => Some(' '),
                    _ => None,
                };
                if let Some(digit) = left.pop().or(blank) {
                    put(digit, &mut reversed);
                }
                while Some(at) == first
                    && let Some(digit) = left.pop()
                {
                    put(digit, &mut reversed);
                }
            }
            Token::Literal(literal) => reversed.extend(literal.chars().rev()),
            Token::Percent => reversed.push('%'),
            _ => {}
        }
    }
    reversed.chars().rev().collect()
}

/// Writes the point and the digits into the places after it.
#[expect(clippy::wildcard_enum_match_arm, reason = "other parts of a format have no text here")]
fn decimal_part(tokens: &[Token], digits: &str) -> String {
    let mut out = String::new();
    let mut left = digits;
    for token in tokens {
        match token {
            Token::Point => out.push('.'),
            Token::Digit(place) => {
                let is_rest = left.bytes().all(|digit| digit == b'0');
                let digit = left.chars().next().unwrap_or('0');
                left = left.get(1..).unwrap_or_default();
                match place {
                    '#' if is_rest => {}
                    '?' if is_rest => out.push(' '),
                    _ => out.push(digit),
                }
            }
            Token::Literal(literal) => out.push_str(literal),
            Token::Percent => out.push('%'),
            _ => {}
        }
    }
    out
}

/// Writes a number as a multiple of a power of ten. The places before the point say which powers occur.
fn scientific(tokens: &[Token], at: usize, value: f64) -> String {
    let (mantissa, rest) = tokens.split_at_checked(at).unwrap_or((tokens, &[]));
    let point = mantissa.iter().position(|token| *token == Token::Point).unwrap_or(mantissa.len());
    let places = |tokens: &[Token]| tokens.iter().filter(|token| matches!(token, Token::Digit(_))).count();
    let step = i64::try_from(mantissa.get(..point).map_or(1, places).max(1)).unwrap_or(1);
    let decimals = mantissa.get(point..).map_or(0, places);
    let number = Decimal::new(value);
    let mut exponent = if value == 0.0 { 0 } else { (number.point - 1).div_euclid(step) * step };
    let (whole, _) = number.clone().shifted(-exponent).rounded(decimals);
    if i64::try_from(whole.len()).is_ok_and(|length| length > step) {
        exponent += step;
    }
    let shown = fixed(mantissa, number.shifted(-exponent));
    let sign = match rest.first() {
        _ if exponent < 0 => "-",
        Some(Token::Exponent(true)) => "+",
        _ => "",
    };
    let power = whole_part(rest.get(1..).unwrap_or_default(), &exponent.unsigned_abs().to_string(), false);
    format!("{shown}E{sign}{power}")
}

/// Returns the position of a fraction bar: a slash between places of digits, or before a given denominator.
fn slash(tokens: &[Token]) -> Option<usize> {
    let at = tokens.iter().position(|token| *token == Token::Slash)?;
    let digit = |token: Option<&Token>| matches!(token, Some(Token::Digit(_)));
    (digit(at.checked_sub(1).and_then(|at| tokens.get(at)))
        && (digit(tokens.get(at + 1)) || denominator(tokens.get(at + 1..)?).is_some()))
    .then_some(at)
}

/// Returns the denominator that a format gives.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other part ends the denominator")]
fn denominator(tokens: &[Token]) -> Option<f64> {
    let digits: String = tokens
        .iter()
        .map_while(|token| match token {
            Token::Literal(literal) if literal.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(literal.as_str())
            }
            Token::Digit('0') => Some("0"),
            _ => None,
        })
        .collect();
    digits.parse::<u16>().ok().filter(|number| (1..10_000).contains(number)).map(f64::from)
}

/// Writes a number as a fraction.
fn fraction(tokens: &[Token], at: usize, value: f64) -> String {
    let is_digit = |token: &Token| matches!(token, Token::Digit(_));
    let before = tokens.get(..at).unwrap_or_default();
    let after = tokens.get(at + 1..).unwrap_or_default();
    let start = before.iter().rposition(|token| !is_digit(token)).map_or(0, |last| last + 1);
    let has_whole = before.get(..start).is_some_and(|tokens| tokens.iter().any(is_digit));
    let width = after.iter().take_while(|token| is_digit(token)).count();
    let whole = if has_whole { value.trunc() } else { 0.0 };
    let (mut over, under) = match denominator(after) {
        Some(under) => (nearest(value - whole, under), under),
        None => approximate(value - whole, 10_f64.powi(i32::try_from(width.clamp(1, 4)).unwrap_or(1)) - 1.0),
    };
    let mut whole = Decimal::new(whole).rounded(0).0;
    if has_whole && over >= under {
        whole = Decimal::new(value.trunc() + 1.0).rounded(0).0;
        over = 0.0;
    }
    let parts = if over < 0.5 && has_whole { String::new() } else { format!("{over}/{under}") };
    match (whole.as_str(), parts.as_str()) {
        ("", "") => "0".to_owned(),
        ("", parts) => parts.to_owned(),
        (whole, "") => whole.to_owned(),
        (whole, parts) => format!("{whole} {parts}"),
    }
}

/// Returns the numerator of the nearest fraction with this denominator.
fn nearest(value: f64, under: f64) -> f64 {
    (value * under).round()
}

/// Returns the nearest fraction with a denominator of at most `most`, by its continued fraction.
fn approximate(value: f64, most: f64) -> (f64, f64) {
    let (mut before, mut last, mut rest) = ((0.0, 1.0), (1.0, 0.0), value);
    // Denominators grow at least as fast as the Fibonacci numbers.
    for _ in 0..32 {
        let whole = rest.floor();
        let next = (before.0 + whole * last.0, before.1 + whole * last.1);
        if next.1 > most {
            break;
        }
        (before, last) = (last, next);
        if rest - whole < 1e-9 {
            return last;
        }
        rest = (rest - whole).recip();
    }
    let steps = ((most - before.1) / last.1.max(1.0)).floor();
    let other = (before.0 + steps * last.0, before.1 + steps * last.1);
    let distance = |(over, under): (f64, f64)| (over / under - value).abs();
    if distance(other) < distance(last) { other } else { last }
}
