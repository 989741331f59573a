//! Format codes as sections of tokens.

/// Format of the positive, negative or zero numbers, or of the numbers under a condition.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    pub(super) condition: Option<Condition>,
    pub(super) tokens: Vec<Token>,
}

impl Section {
    pub(super) fn is_date(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Date(..) | Token::Elapsed(..)))
    }

    pub(super) fn has_text(&self) -> bool {
        self.tokens.contains(&Token::Text)
    }
}

/// Part of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Literal(String),
    /// Place of a digit: `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// Exponent, and whether a positive one has a sign.
    Exponent(bool),
    Slash,
    /// The text of the cell.
    Text,
    General,
    /// Part of a date or time, by its letter and its length: `y m d h s`, and `a` for the half of the day.
    Date(char, usize),
    /// Hours, minutes or seconds that have passed in all.
    Elapsed(char, usize),
}

/// Condition of a section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    less: bool,
    equal: bool,
    greater: bool,
    than: f64,
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c| !matches!(c, '<' | '=' | '>'))?;
        let (operator, number) = text.split_at_checked(end)?;
        let (less, equal, greater) = match operator {
            "<" => (true, false, false),
            "<=" => (true, true, false),
            "=" => (false, true, false),
            "<>" => (true, false, true),
            ">" => (false, false, true),
            ">=" => (false, true, true),
            _ => return None,
        };
        Some(Self { less, equal, greater, than: number.trim().parse().ok()? })
    }

    #[expect(clippy::float_cmp, reason = "a format compares exactly")]
    pub(super) fn holds(self, value: f64) -> bool {
        self.less && value < self.than
            || self.equal && value == self.than
            || self.greater && value > self.than
    }

    /// Returns whether it holds for negative numbers alone, which then have no sign.
    pub(super) fn is_negative(self) -> bool {
        self.less && !self.greater && self.than <= 0.0
    }
}

/// Maximum length of a format code. Longer ones have no meaning to a reader.
const LONGEST: usize = 1024;

/// Maximum number of places of digits in a section.
const PLACES: usize = 64;

/// Parses a format code.
pub(super) fn sections(code: &str) -> Vec<Section> {
    if code.len() > LONGEST || code.eq_ignore_ascii_case("general") {
        return Vec::new();
    }
    let mut sections = vec![Section::default()];
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let Some(section) = sections.last_mut() else { break };
        rest = match c {
            ';' => {
                sections.push(Section::default());
                after
            }
            '[' => bracket(after, section),
            _ => token(c, rest, after, section),
        };
    }
    for section in &mut sections {
        refine(section);
    }
    sections
}

/// Reads a condition, a currency, an elapsed time or a colour in brackets. Returns the text behind it.
fn bracket<'a>(text: &'a str, section: &mut Section) -> &'a str {
    let (inner, rest) = text.split_once(']').unwrap_or((text, ""));
    let lower = inner.to_ascii_lowercase();
    if let Some(currency) = inner.strip_prefix('$') {
        let sign = currency.split('-').next().unwrap_or_default();
        section.tokens.push(Token::Literal(sign.to_owned()));
    } else if let Some(condition) = Condition::parse(inner) {
        section.condition = Some(condition);
    } else if let Some(unit @ ('h' | 'm' | 's')) = lower.chars().next()
        && lower.chars().all(|c| c == unit)
    {
        section.tokens.push(Token::Elapsed(unit, lower.len()));
    }
    rest
}

/// Reads one token that begins with `c`. Returns the text behind it.
fn token<'a>(c: char, text: &'a str, after: &'a str, section: &mut Section) -> &'a str {
    let skip = |rest: &'a str| rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let (token, rest) = match c {
        '"' => {
            let (literal, rest) = after.split_once('"').unwrap_or((after, ""));
            (Token::Literal(literal.to_owned()), rest)
        }
        '\\' | '!' => (Token::Literal(after.chars().take(1).collect()), skip(after)),
        '_' => (Token::Literal(" ".to_owned()), skip(after)),
        '*' => return skip(after),
        // A calendar, which dates are not converted to.
        'b' | 'B' if after.starts_with(['1', '2']) => return skip(after),
        '0' | '#' | '?' => (Token::Digit(c), after),
        '.' => (Token::Point, after),
        ',' => (Token::Comma, after),
        '%' => (Token::Percent, after),
        '/' => (Token::Slash, after),
        '@' => (Token::Text, after),
        'E' | 'e' if after.starts_with(['+', '-']) => (Token::Exponent(after.starts_with('+')), skip(after)),
        _ if begins("general") => (Token::General, text.get(7..).unwrap_or_default()),
        _ if begins("am/pm") => (Token::Date('a', 2), text.get(5..).unwrap_or_default()),
        _ if begins("a/p") => (Token::Date('a', 1), text.get(3..).unwrap_or_default()),
        'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' | 'e' => {
            let rest = text.trim_start_matches([c.to_ascii_lowercase(), c.to_ascii_uppercase()]);
            let letter = if c == 'e' { 'y' } else { c.to_ascii_lowercase() };
            (Token::Date(letter, if c == 'e' { 4 } else { text.len() - rest.len() }), rest)
        }
        c => (Token::Literal(c.to_string()), after),
    };
    section.tokens.push(token);
    rest
}

/// Settles what depends on the rest of a section: minutes and months share a letter, the signs of numbers are
/// literals in dates, and places of digits are few.
fn refine(section: &mut Section) {
    if section.is_date() {
        minutes(&mut section.tokens);
        separators(&mut section.tokens);
    }
    let mut places = 0;
    section.tokens.retain(|token| {
        places += usize::from(matches!(token, Token::Digit(_)));
        places <= PLACES || !matches!(token, Token::Digit(_))
    });
}

/// Marks each `m` after hours or before seconds as minutes, with the letter `i`.
fn minutes(tokens: &mut [Token]) {
    let unit = |token: &Token| {
        let (Token::Date(letter, _) | Token::Elapsed(letter, _)) = token else { return None };
        Some(*letter)
    };
    let units: Vec<(usize, char)> =
        tokens.iter().enumerate().filter_map(|(at, token)| Some((at, unit(token)?))).collect();
    for (place, (at, _)) in units.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| units.get(place)).map(|(_, letter)| *letter);
        let after = units.get(place + 1).map(|(_, letter)| *letter);
        if let Some(Token::Date(letter @ 'm', 1..=2)) = tokens.get_mut(*at)
            && (before == Some('h') || after == Some('s'))
        {
            *letter = 'i';
        }
    }
}

/// Turns what is a sign of numbers into literals. A point with zeros after seconds stays: their decimals.
fn separators(tokens: &mut [Token]) {
    let mut decimals = false;
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).cloned();
        let follows = tokens.get(at + 1) == Some(&Token::Digit('0'));
        let Some(token) = tokens.get_mut(at) else { continue };
        let literal = match token {
            Token::Point
                if follows && matches!(before, Some(Token::Date('s', _) | Token::Elapsed('s', _))) =>
            {
                decimals = true;
                continue;
            }
            Token::Digit('0') if decimals => continue,
            Token::Point => ".",
            Token::Comma => ",",
            Token::Slash => "/",
            Token::Percent => "%",
            Token::Digit(_) | Token::Text | Token::General | Token::Exponent(_) => "",
            Token::Literal(_) | Token::Date(..) | Token::Elapsed(..) => {
                decimals = false;
                continue;
            }
        };
        *token = Token::Literal(literal.to_owned());
    }
}
