//! Sentence boundaries of running text.
//!
//! The boundaries are those of Unicode ([UAX 29](https://www.unicode.org/reports/tr29/)), less those within a
//! sentence of ordinary documents: a line that merely wraps, and the full stop of an abbreviation or an initial.

mod bounds;

use std::iter;
use std::ops::Range;

use bounds::bounds;

/// Abbreviations whose full stop belongs to them, in lower case: English, German, Romance, Russian. Sorted.
const ABBREVIATIONS: &str = "abb abs al approx apr art aug bzw ca cap capt cf ch col d.h dec dept dr dra e.g ed eds eq \
    evtl feb fig figs fr gen ggf gov hon i.e inkl jan jul jun kap lt m mar max messrs min mlle mme mr mrs ms mt nos nov \
    nr oct op p pp prof ref refs rep rev sec sen sep sept sgt sog sra st str tab u.a v vgl viz vol vols vs z.b zzgl \
    г др им рис руб см стр т.е тыс";

/// Abbreviations that may also end a sentence: they do before a word that begins one.
const CLOSING: &str = "a.m co corp etc inc jr ltd p.m sr usw гг";

/// Words that begin a sentence rather than continue one.
const OPENERS: &str = "A After All An As At Both But By Das Der Die During Each El Er Es For From He Her His However I \
    If Il In It Its La Le Les Los Many Most On Our She Sie Since Some That The Their There These They This Those To \
    Under Unlike We When While With You";

/// German months: an ordinal before one is a date.
const MONTHS: &str = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember";

/// Returns the sentences of `text` as byte ranges that cover the whole of it; each includes the white space after it.
///
/// ```
/// use nexus_core::document::sentence_boundaries::sentences;
///
/// let text = "Dr. Ito keeps\nthe records. Ask her!";
/// let found: Vec<_> = sentences(text).map(|span| &text[span]).collect();
/// assert_eq!(found, ["Dr. Ito keeps\nthe records. ", "Ask her!"]);
/// ```
pub fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut bounds = bounds(text);
    let mut start = 0;
    iter::from_fn(move || {
        loop {
            let end = bounds.next()?;
            let (Some(sentence), Some(rest)) = (text.get(start..end), text.get(end..)) else { return None };
            if rest.is_empty() || ends(sentence, rest) {
                let span = start..end;
                start = end;
                return Some(span);
            }
        }
    })
}

/// Returns whether a sentence ends between `sentence` and `rest`.
fn ends(sentence: &str, rest: &str) -> bool {
    let body = sentence.trim_end();
    if body.is_empty() {
        return false;
    }
    let stop = body.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»', '*', '_', '`']);
    if let Some(before) = stop.strip_suffix('.') {
        let begins_word = before.ends_with(char::is_whitespace) && rest.starts_with(char::is_alphanumeric);
        if begins_word && body.len() == sentence.len() {
            // As in `.NET`.
            return false;
        }
        let is_quoted = stop.len() < body.len();
        return is_quoted || !belongs_to_word(before, first_word(rest));
    }
    let wraps = sentence.ends_with('\n') && !starts_item(rest);
    let goes_on = rest.starts_with(char::is_lowercase);
    let is_open = |c: char| c.is_alphanumeric() || matches!(c, ',' | ';' | '-' | '–' | '—' | '(' | '/' | '&');
    if wraps { !stop.ends_with(is_open) } else { !goes_on }
}

fn first_word(rest: &str) -> &str {
    let word = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    word.split(char::is_whitespace).next().unwrap_or_default().trim_end_matches([',', '\''])
}

/// Returns whether the full stop after `before` belongs to its last word, so that the sentence continues with `next`.
fn belongs_to_word(before: &str, next: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '.').next().unwrap_or_default();
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) {
        return word.len() <= 2 && holds(MONTHS, next.trim_end_matches('.'));
    }
    let lower = word.to_lowercase();
    if lower == "no" {
        return next.starts_with(|c: char| c.is_ascii_digit());
    }
    let spelled = is_letter(word) && next.strip_suffix('.').is_some_and(is_letter);
    spelled
        || holds(ABBREVIATIONS, &lower)
        || ((holds(CLOSING, &lower) || is_initials(word)) && !holds(OPENERS, next))
}

fn holds(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry == word)
}

fn is_letter(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// Returns whether `word` is a capital letter, or letters with full stops between them, such as `J` or `U.S`.
fn is_initials(word: &str) -> bool {
    word.split('.').all(is_letter) && (word.contains('.') || word.starts_with(char::is_uppercase))
}

/// Returns whether `rest` begins an item: an empty line, a bullet or a number.
fn starts_item(rest: &str) -> bool {
    let line = rest.trim_start_matches([' ', '\t']);
    let after_digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = after_digits.len() < line.len() && after_digits.starts_with(['.', ')']);
    is_numbered || line.starts_with(['\n', '-', '*', '•', '–', '—', '#', '|', '>'])
}
