//! Control tokens: breaks them up in text, so that no passage can act as part of a chat template.
//!
//! Tokens are recognised by their form, so that those of models outside [`FAMILIES`] are broken up too. One space
//! suffices: a tokenizer matches the token verbatim. The text stays readable, and the same except for spaces.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use super::families::FAMILIES;
use super::sanitize::is_ignorable;

/// Upper bound on a name between angle brackets.
const MAX_NAME: usize = 64;

/// Names of control tokens between angle brackets, in lower case. Those with an underscore need no row.
const ANGLE_NAMES: &[&str] = &[
    "s",
    "bos",
    "eos",
    "pad",
    "unk",
    "mask",
    "sep",
    "cls",
    "eod",
    "eot",
    "eom",
    "bom",
    "bot",
    "eop",
    "sop",
    "sot",
    "eoh",
    "eoa",
    "sys",
    "inst",
    "system",
    "user",
    "human",
    "assistant",
    "developer",
    "ai",
    "model",
    "role",
    "tool",
    "tools",
    "toolcall",
    "think",
    "thinking",
    "thought",
    "reasoning",
    "reponame",
    "image",
    "turn",
    "用户",
    "助手",
];
/// Names of control tokens in square brackets, in lower case. Those in capitals need no row.
const BRACKET_NAMES: &[&str] = &["inst", "/inst", "gmask", "smask", "multimodal", "@bos@"];
/// Role names of templates that mark turns with words, in lower case.
const ROLE_NAMES: &[&str] = &[
    "user",
    "assistant",
    "human",
    "system",
    "falcon",
    "пользователь",
    "ассистент",
    "问",
    "答",
    "用户",
    "助手",
];
/// Headings of templates that mark turns with headings, in lower case.
const HEADINGS: &[&str] = &["instruction", "response", "input"];

/// Returns `text` with a space within each control token. Invisible characters within a token, and variants of its
/// characters such as `＜` and `｜`, do not hide it. A text without tokens stays as it is.
pub(super) fn break_control_tokens(text: &str) -> String {
    let view = View::of(text);
    let mut broken = String::with_capacity(text.len() + 8);
    let mut done = 0;
    for at in view.breaks() {
        broken.push_str(text.get(done..at).unwrap_or_default());
        broken.push(' ');
        done = at;
    }
    broken.push_str(text.get(done..).unwrap_or_default());
    broken
}

/// Text as tokenizers may see it: compatibility forms folded, invisible characters left out.
struct View {
    chars: Vec<char>,
    /// Byte range of the text behind each character.
    places: Vec<(usize, usize)>,
}

impl View {
    fn of(text: &str) -> Self {
        let mut view = Self { chars: Vec::with_capacity(text.len()), places: Vec::with_capacity(text.len()) };
        for (start, c) in text.char_indices() {
            let place = (start, start + c.len_utf8());
            if c.is_ascii() {
                view.chars.push(c);
                view.places.push(place);
            } else if !is_ignorable(c) {
                for folded in fold(c) {
                    view.chars.push(folded);
                    view.places.push(place);
                }
            }
        }
        view
    }

    /// Returns the positions at which a space is inserted, in order.
    fn breaks(&self) -> Vec<usize> {
        let mut breaks = Vec::new();
        for (at, (c, (start, end))) in self.chars.iter().zip(&self.places).enumerate() {
            let rest = self.chars.get(at + 1..).unwrap_or_default();
            let place = match c {
                ':' if is_speaker(self.chars.get(..at).unwrap_or_default()) => *start,
                '<' if is_angle_token(rest) => *end,
                '[' | ']' if is_bracket_token(*c, rest) => *end,
                c if is_listed(*c, rest) => *end,
                _ => continue,
            };
            if breaks.last() != Some(&place) {
                breaks.push(place);
            }
        }
        breaks
    }
}

/// Returns the characters that a normalising tokenizer, or a reader, takes `c` for.
fn fold(c: char) -> impl Iterator<Item = char> {
    let simple = match c {
        '▁' => '_',
        '∣' | '│' | '┃' | '❘' | 'ǀ' | '￨' | '⏐' | '｜' | '︱' => '|',
        '‹' | '〈' | '⟨' | '❬' | '❮' | 'ᐸ' | '\u{2329}' | '˂' => '<',
        '›' | '〉' | '⟩' | '❭' | '❯' | 'ᐳ' | '\u{232A}' | '˃' => '>',
        c => c,
    };
    std::iter::once(simple).nfkc()
}

/// Returns whether `rest` after an angle bracket completes a token: `<|…`, `<name|>`, `<<`, or `<name>` with the name
/// of a control token.
fn is_angle_token(rest: &[char]) -> bool {
    if matches!(rest, ['<' | '|', ..]) {
        return true;
    }
    let Some(end) = rest.iter().take(MAX_NAME + 2).position(|c| *c == '>') else { return false };
    let name = rest.get(..end).unwrap_or_default();
    let name = name.strip_prefix(&['/']).unwrap_or(name);
    match name {
        [] => false,
        _ if name.iter().any(|c| c.is_whitespace() || *c == '<') => false,
        [_, .., '|'] => true,
        name => is_angle_name(&name.iter().flat_map(|c| c.to_lowercase()).collect::<String>()),
    }
}

fn is_angle_name(name: &str) -> bool {
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    let is_numbered = |word: &str| {
        name.strip_prefix(word).is_some_and(|number| {
            let number = number.trim_start_matches(['_', '-', ':']);
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    ANGLE_NAMES.contains(&name)
        || (name.len() > local.len() && local.len() > 1 && ANGLE_NAMES.contains(&local))
        || (name.contains('_') && name.chars().all(is_word))
        || ["start-of", "end-of", "begin-of"].iter().any(|start| name.starts_with(start))
        || ["unused", "reserved", "special", "extra", "token", "dummy"].into_iter().any(is_numbered)
        || (name.starts_with("0x") && name.len() == 4)
}

/// Returns whether `rest` after a square bracket completes a token: `[NAME]` and `[/NAME]` in capitals, `[|name|]`,
/// and `MiniMax` forms such as `]~b]`.
fn is_bracket_token(bracket: char, rest: &[char]) -> bool {
    let Some(end) = rest.iter().take(MAX_NAME + 2).position(|c| matches!(c, ']' | '[')) else { return false };
    let name = rest.get(..end).unwrap_or_default();
    if name.iter().any(|c| matches!(c, '~' | '!'))
        && name.len() <= 4
        && name.iter().any(char::is_ascii_lowercase)
    {
        return name.iter().all(|c| matches!(c, '~' | '!') || c.is_ascii_lowercase());
    }
    if bracket != '[' || rest.get(end) != Some(&']') {
        return false;
    }
    if let ['|', inner @ .., '|'] = name {
        return !inner.is_empty() && inner.iter().all(|c| c.is_alphanumeric() || *c == '_');
    }
    let text: String = name.iter().collect();
    let upper = text.strip_prefix('/').unwrap_or(&text);
    let is_upper = upper.len() > 1
        && upper.starts_with(|c: char| c.is_ascii_uppercase())
        && upper.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let is_numbered = ["unused", "control_"].iter().any(|word| {
        text.strip_prefix(word).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    is_upper || is_numbered || BRACKET_NAMES.contains(&text.to_lowercase().as_str())
}

/// Returns whether the text before a colon begins a turn: `User` at the beginning of a line, `USER` anywhere,
/// `Instruction` as a heading.
fn is_speaker(before: &[char]) -> bool {
    let word: Vec<char> =
        before.iter().rev().take(MAX_NAME).take_while(|c| c.is_alphabetic()).copied().collect();
    let prefix = before.get(..before.len() - word.len()).unwrap_or_default();
    let word: String = word.into_iter().rev().collect();
    let lower = word.to_lowercase();
    let is_named = ROLE_NAMES.contains(&lower.as_str());
    if !is_named && !HEADINGS.contains(&lower.as_str()) {
        return false;
    }
    let line: Vec<char> = prefix.iter().rev().take(MAX_NAME).take_while(|c| **c != '\n').copied().collect();
    let begins_line =
        line.iter().all(|c| c.is_whitespace() || matches!(c, '#' | '*' | '_' | '>' | '-' | '"'));
    let is_heading = line.iter().find(|c| !c.is_whitespace()) == Some(&'#');
    // "GPT4 Correct User", backwards.
    let is_correct = line.iter().collect::<String>().trim_start().starts_with("tcerroC");
    let is_shouted = word.chars().all(char::is_uppercase);
    is_heading || (is_named && (begins_line || is_correct || is_shouted))
}

/// Tokens of [`FAMILIES`], as their first character and the rest. Those that end in a colon are left to
/// [`is_speaker`].
static LISTED: LazyLock<Vec<(char, Vec<Vec<char>>)>> = LazyLock::new(|| {
    let mut listed: BTreeMap<char, Vec<Vec<char>>> = BTreeMap::new();
    let tokens = FAMILIES.iter().flat_map(|family| family.tokens);
    for token in tokens.filter(|token| !token.ends_with([':', '：'])) {
        let mut folded = token.chars().flat_map(fold);
        if let Some(first) = folded.next() {
            listed.entry(first).or_default().push(folded.collect());
        }
    }
    listed.into_iter().collect()
});

fn is_listed(first: char, rest: &[char]) -> bool {
    let tokens = LISTED.iter().find(|(c, _)| *c == first).map(|(_, tokens)| tokens);
    tokens.is_some_and(|tokens| tokens.iter().any(|token| rest.starts_with(token)))
}

#[cfg(test)]
mod templates;
#[cfg(test)]
mod tests;
