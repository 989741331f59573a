//! Exact terms: strings that are looked for as a whole, beside the words that they consist of.
//!
//! `CVE-2024-1234` as three words is found wherever a CVE, 2024 and 1234 meet. As an exact term it is found where it
//! stands. A number and a date are exact terms too, in one form for all of their notations.

use std::ops::Range;

use super::camel_case;
use super::normalize::fold;
use super::numbers::numbers;
use crate::dates::days;

/// Upper bound on the length of an exact term, in bytes. Longer strings have none.
const MAX_BYTES: usize = 100;

/// Number of digits from which a number names one thing.
const NAMING_DIGITS: usize = 5;

/// Signs after which a part of an identifier may stand by itself: the name of a file in its path, a domain in an address.
const BORDERS: [char; 9] = ['/', '\\', ':', '@', '&', '~', '_', '–', '−'];

/// String that is looked for as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactTerm {
    /// Term in its indexed form: of identifiers folded in case, of numbers and dates one for all notations.
    pub term: String,
    /// Byte range in the text.
    pub span: Range<usize>,
    /// Kind of the string.
    pub kind: ExactKind,
}

/// Kind of an exact term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExactKind {
    /// Date, or number of fewer than five digits.
    Value,
    /// Name of one thing, which its parts do not tell: `PO-881-3306`, `C++`, `.NET`, `a_b`, a path, an address, a long
    /// number.
    Identifier,
}

/// Returns the exact terms of `text`.
///
/// ```
/// use nexus_core::retrieve::analysis::exact_terms;
///
/// let terms = |text| exact_terms(text).into_iter().map(|exact| exact.term).collect::<Vec<_>>();
/// assert_eq!(terms("see (CVE-2024-1234)."), ["cve-2024-1234"]);
/// assert_eq!(terms("C++ and .NET"), ["c++", ".net"]);
/// assert_eq!(terms("2,400,500"), terms("2400500"));
/// assert_eq!(terms("5 March 2024").pop(), terms("2024-03-05").pop());
/// ```
pub fn exact_terms(text: &str) -> Vec<ExactTerm> {
    let mut found = Vec::new();
    for span in strings(text) {
        identifiers(text, span, &mut found);
    }
    for (span, reading) in numbers(text) {
        let is_name = count(&reading, |c| c.is_ascii_digit()) >= NAMING_DIGITS;
        let kind = if is_name { ExactKind::Identifier } else { ExactKind::Value };
        found.push(ExactTerm { term: format!("={reading}"), span, kind });
    }
    for (span, (year, month, day)) in days(text) {
        found.push(ExactTerm { term: format!("@{year}-{month}-{day}"), span, kind: ExactKind::Value });
    }
    found
}

/// Returns the runs of letters, digits and the signs that join them.
fn strings(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = chars.find(|(_, c)| is_part(*c))?;
        let mut end = start + first.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, c)| is_part(*c)) {
            end = at + c.len_utf8();
        }
        Some(start..end)
    })
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || is_sign(c)
}

/// Returns whether `c` joins the parts of an identifier, or begins or ends one.
fn is_sign(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '/' | '\\' | ':' | '@' | '#' | '+' | '&' | '~' | '‐' | '‑' | '–' | '−')
}

/// Adds the identifier in `span`, and those within it: the name of a file in its path, that name without its ending, and
/// the first part of `C++17` and `CVE-2024-1234-Lücke`.
fn identifiers(text: &str, span: Range<usize>, found: &mut Vec<ExactTerm>) {
    let Some(span) = trimmed(text, span) else { return };
    let string = text.get(span.clone()).unwrap_or_default();
    add(string, span.clone(), found);
    let mut start = span.start;
    for piece in string.split(BORDERS) {
        let end = start + piece.len();
        if piece.len() < string.len() {
            add_within(text, start..end, found);
            let is_rest =
                text.get(..start).is_some_and(|before| before.ends_with(['/', '\\', ':'])) && end < span.end;
            if is_rest && span.end - start <= MAX_BYTES {
                add_within(text, start..span.end, found);
            }
        }
        start = text
            .get(end..)
            .and_then(|rest| rest.chars().next())
            .map_or(end, |border| end + border.len_utf8());
    }
    add_stem(string, &span, found);
}

/// Adds the part of an identifier in `span`.
fn add_within(text: &str, span: Range<usize>, found: &mut Vec<ExactTerm>) {
    let Some(span) = trimmed(text, span) else { return };
    let string = text.get(span.clone()).unwrap_or_default();
    add(string, span.clone(), found);
    add_stem(string, &span, found);
}

/// Adds the identifier that an ending follows: of a file's name, of a compound with a word, of a language's version.
fn add_stem(string: &str, span: &Range<usize>, found: &mut Vec<ExactTerm>) {
    let tail =
        |sign: char| string.rsplit_once(sign).filter(|(_, tail)| tail.chars().all(char::is_alphabetic));
    let file = tail('.')
        .filter(|(name, ending)| (2..=5).contains(&ending.len()) && !name.contains(['/', '\\', '@']));
    let compound = tail('-').filter(|(_, word)| word.len() > 2 && has_lowercase(word));
    let sign =
        string.find("++").map(|at| at + 2).or_else(|| string.find('#').filter(|at| *at < 3).map(|at| at + 1));
    let version = sign.filter(|end| *end > 1).map(|end| string.split_at(end));
    for (stem, _) in [file, compound, version].into_iter().flatten() {
        let is_whole = stem.ends_with(char::is_alphanumeric) || stem.ends_with("++") || stem.ends_with('#');
        if is_whole && stem.len() < string.len() && is_identifier(stem) {
            add(stem, span.start..span.start + stem.len(), found);
        }
    }
}

fn add(string: &str, span: Range<usize>, found: &mut Vec<ExactTerm>) {
    if !is_identifier(string) {
        return;
    }
    let term: String = fold(string).chars().map(|c| if is_hyphen(c) { '-' } else { c }).collect();
    if !found.iter().rev().take(8).any(|exact| exact.term == term && exact.span == span) {
        found.push(ExactTerm { term, span: span.clone(), kind: ExactKind::Identifier });
    }
    // `v14.2` is version 14.2.
    if let Some(version) =
        string.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        add(version, span.start + 1..span.end, found);
    }
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '‐' | '‑' | '–' | '−')
}

/// Returns `span` without punctuation about it: a sign stays at the beginning of `.NET`, `#12`, `@user`, `--all` and
/// `/etc`, and at the end of `C++` and `C#`.
fn trimmed(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let string = text.get(span.clone())?;
    let body = string.trim_matches(is_sign);
    if body.is_empty() {
        return None;
    }
    let start = string.find(body)?;
    let (before, after) = (string.get(..start)?, string.get(start + body.len()..)?);
    let is_name = body.starts_with(char::is_alphabetic);
    let prefix = ["--", ".", "@", "/", "\\", "~/", "#"]
        .into_iter()
        .find(|sign| before.ends_with(sign))
        .unwrap_or_default();
    let stands = match prefix {
        "" => false,
        "#" => before == "#",
        "." => is_name && (before == "." || before.ends_with("/.")),
        "--" | "@" => is_name && before == prefix,
        _ => is_name && body.contains(['/', '\\', '.']),
    };
    let suffix = match after {
        _ if after.starts_with("++") => 2,
        _ if after.starts_with('#') && body.len() < 3 => 1,
        _ => 0,
    };
    let from = span.start + start - if stands { prefix.len() } else { 0 };
    Some(from..span.start + start + body.len() + suffix)
}

/// Returns whether a trimmed string is an identifier: no plain word, number or compound such as `well-known`, `5-year`
/// and `10:30`, which mean about the same in parts.
fn is_identifier(string: &str) -> bool {
    if string.len() > MAX_BYTES {
        return false;
    }
    if string.starts_with(is_sign) || string.ends_with(is_sign) {
        return true;
    }
    if !string.contains(is_sign) {
        return camel_case::is_name(string);
    }
    let parts: Vec<&str> = string.split(is_sign).filter(|part| !part.is_empty()).collect();
    let has_digits = string.contains(char::is_numeric);
    let is_abbreviation =
        string.contains('.') && !has_digits && parts.iter().all(|part| part.chars().count() == 1);
    !is_abbreviation && !is_grouped(string) && (is_name(string, &parts) || is_numbered(string, &parts))
}

/// Returns whether `string` is a path, an address, a name of code, a domain, or initials such as `R&D` and `TCP/IP`.
fn is_name(string: &str, parts: &[&str]) -> bool {
    let has = |signs: &[char]| string.contains(signs);
    let has_digits = string.contains(char::is_numeric);
    let is_path = has(&['\\']) || (has(&['/']) && has(&['.'])) || string.matches('/').count() > 1;
    let is_initials = has(&['/']) && parts.len() == 2 && !has_digits && !has_lowercase(string);
    let is_ending = |(name, ending): (&str, &str)| {
        ending.chars().all(char::is_alphabetic) && name.len() + ending.len() > 2
    };
    let is_dotted = string.rsplit_once('.').is_some_and(is_ending);
    has(&['_', '@', '&']) || string.contains("::") || is_path || is_initials || is_dotted
}

/// Returns whether `string` is a number of a part, an order or a version.
fn is_numbered(string: &str, parts: &[&str]) -> bool {
    let (digits, letters) = (count(string, char::is_numeric), count(string, char::is_alphabetic));
    let begins_with_initials =
        parts.first().is_some_and(|first| first.len() < 4 && first.starts_with(char::is_alphabetic));
    let is_span_of_years =
        parts.len() == 2 && parts.iter().all(|part| part.len() == 4 && part.starts_with(['1', '2']));
    match (digits, letters) {
        (0, _) => false,
        (_, 0) => string.matches('.').count() > 1 || (digits > 6 && !is_span_of_years),
        (1, _) => begins_with_initials && parts.len() > 2,
        (2, _) => begins_with_initials,
        _ => true,
    }
}

/// Returns whether `string` is a number whose digits points group: all of its notations are one.
fn is_grouped(string: &str) -> bool {
    let mut groups = string.split('.');
    let leads = groups.next().is_some_and(|first| (1..=3).contains(&first.len()) && is_digits(first));
    leads && string.contains('.') && groups.all(|group| group.len() == 3 && is_digits(group))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_lowercase(string: &str) -> bool {
    string.contains(char::is_lowercase)
}

fn count(string: &str, is: impl Fn(char) -> bool) -> usize {
    string.chars().filter(|c| is(*c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = exact_terms(text);
        let names = found.iter().filter(|exact| exact.kind == ExactKind::Identifier);
        assert_eq!(names.map(|exact| exact.term.as_str()).collect::<Vec<_>>(), expected, "{text}");
        assert!(
            found.iter().all(|exact| text.get(exact.span.clone()).is_some_and(|string| !string.is_empty()))
        );
    }

    #[test]
    fn identifiers_stand_whole_without_the_punctuation_about_them() {
        check(
            "See (CVE-2024-1234), „KX/90210“; PO-881-3306. And 14.2.1.0!",
            &["cve-2024-1234", "kx/90210", "po-881-3306", "14.2.1.0"],
        );
        check("C++, C# and .NET: F#.", &["c++", "c#", ".net", "f#"]);
        check("ERR_CONN_RESET? getUserById()", &["err_conn_reset", "getuserbyid"]);
        check("AT&T, R&D, TCP/IP, RT-55", &["at&t", "r&d", "tcp/ip", "rt-55"]);
        check("CVE‑2024‑1234", &["cve-2024-1234"]);
        check("#4711 @jane --dry-run", &["#4711", "@jane", "--dry-run", "--dry"]);
    }

    #[test]
    fn identifiers_within_others_are_found_too() {
        check(
            "/srv/docs/setup.md",
            &["/srv/docs/setup.md", "srv/docs/setup.md", "docs/setup.md", "setup.md"],
        );
        check(
            "mailto:jane.doe@example.com",
            &["mailto:jane.doe@example.com", "jane.doe", "jane.doe@example.com", "example.com"],
        );
        check("PO-881-3306.pdf", &["po-881-3306.pdf", "po-881-3306"]);
        check(
            "2024_PO-881-3306_final.pdf",
            &["2024_po-881-3306_final.pdf", "po-881-3306", "final.pdf", "2024_po-881-3306_final"],
        );
        check("C++17 and C#-Entwickler", &["c++17", "c++", "c#"]);
        check("die CVE-2024-1234-Lücke", &["cve-2024-1234-lücke", "cve-2024-1234"]);
        check("v14.2.1.0", &["v14.2.1.0", "14.2.1.0"]);
    }

    #[test]
    fn a_number_of_many_digits_is_an_identifier_in_all_its_notations() {
        for text in ["2,400,500", "2.400.500", "2 400 500", "2400500", "2'400'500"] {
            check(text, &["=2400500"]);
        }
    }

    #[test]
    fn words_and_compounds_are_no_identifiers() {
        check(
            "A well-known 5-year plan, and/or 30-day notice; e.g. the U.S. in 2024, 7.5 %, 10:30, IL-2 (see 12-13).",
            &[],
        );
        check(
            "40mg/day in 1998-2004; CD4+ cells of the 7-day-old, G2/M or 1/2000, microRNA, insulin/insulin-like, /slip.",
            &[],
        );
    }

    #[test]
    fn an_endless_string_is_read_in_time() {
        for text in ["a/".repeat(100_000), "-".repeat(100_000), "a_b-1.".repeat(50_000), "v1".repeat(100_000)]
        {
            assert!(exact_terms(&text).len() < 300_000);
        }
    }
}
