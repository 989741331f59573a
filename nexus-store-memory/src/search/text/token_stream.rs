//! Transport of a passage's terms into the index: joined here, split again by [`TermStream`] on the index's own
//! thread.
//!
//! tantivy queues up to ten thousand documents for that thread while it writes a segment. A queued document is
//! therefore small: a line per term, and not a structure per term. Steps before a term tell its position.

use nexus_core::retrieve::analysis;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Name under which the index knows [`TermStream`].
pub(super) const NAME: &str = "terms";

/// End of a term. No term holds it: terms consist of letters, digits and marks, and the compatibility forms of those
/// are free of control characters.
const END: char = '\n';

/// Sign before a term for each position that it is away from the term before.
const STEP: char = '\u{1}';

/// Joins the terms of a text, each with its end.
pub(super) fn joined(tokens: &[analysis::Token]) -> String {
    let mut joined = String::with_capacity(tokens.len() * 8);
    let mut position = 0;
    for token in tokens {
        joined.extend((position..token.position).map(|_| STEP));
        position = token.position;
        joined.push_str(&token.term);
        joined.push(END);
    }
    joined
}

/// Joins distinct terms without positions.
pub(super) fn joined_once(mut terms: Vec<String>) -> String {
    terms.sort_unstable();
    terms.dedup();
    terms.into_iter().fold(String::new(), |joined, term| joined + &term + "\n")
}

/// Tokenizer that splits terms joined by [`joined`].
#[derive(Clone, Debug, Default)]
pub(super) struct TermStream {
    token: Token,
}

/// Terms of one passage.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    token: &'a mut Token,
    rest: &'a str,
}

impl Tokenizer for TermStream {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.token.reset();
        self.token.position = 0;
        Stream { token: &mut self.token, rest: text }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some((term, rest)) = self.rest.split_once(END) else { return false };
        let text = term.trim_start_matches(STEP);
        self.token.text.clear();
        self.token.text.push_str(text);
        self.token.position = self.token.position.wrapping_add(term.len() - text.len());
        self.rest = rest;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use nexus_core::language::Language;
    use nexus_core::retrieve::analysis::analyse;
    use proptest::prelude::*;

    use super::*;

    fn apart(joined: &str) -> Vec<(String, usize)> {
        let mut terms = TermStream::default();
        let mut stream = terms.token_stream(joined);
        let mut apart = Vec::new();
        stream.process(&mut |token| apart.push((token.text.clone(), token.position)));
        apart
    }

    fn check(text: &str, language: Language) {
        let tokens = analyse(text, language);
        let terms: Vec<_> =
            tokens.iter().map(|token| (token.term.clone(), token.position as usize)).collect();
        assert_eq!(apart(&joined(&tokens)), terms);
    }

    #[test]
    fn a_letter_whose_compatibility_form_holds_spaces_stays_one_term() {
        check("before \u{FDFA} after", Language::Arabic);
        assert_eq!(analyse("\u{FDFA}", Language::Undetermined).len(), 1);
    }

    #[test]
    fn distinct_terms_come_apart_once() {
        let terms = ["b", "a", "b"].map(str::to_owned).to_vec();
        let apart: Vec<_> = apart(&joined_once(terms)).into_iter().map(|(term, _)| term).collect();
        assert_eq!(apart, ["a", "b"]);
    }

    #[test]
    fn every_character_comes_through_alone_and_in_a_word() {
        let text = ('\0'..='\u{3FFFF}').fold(String::new(), |text, c| text + &format!("{c} a{c}b "));
        check(&text, Language::Undetermined);
    }

    proptest! {
        #[test]
        fn terms_that_were_joined_come_apart_as_they_were(text in any::<String>(), which in 0..Language::ALL.len()) {
            check(&text, Language::ALL[which]);
        }
    }
}
