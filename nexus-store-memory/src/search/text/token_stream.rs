//! Transport of a passage's terms into the index: joined here, split again by [`TermStream`] on the index's own
//! thread.
//!
//! tantivy queues up to ten thousand documents for that thread while it writes a segment. A queued document is
//! therefore small: a line per term, and not a structure per term.

use nexus_core::language::Language;
use nexus_core::retrieve::analysis::analyse;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Name under which the index knows [`TermStream`].
pub(super) const NAME: &str = "terms";

/// End of a term. No term holds it: terms consist of letters, digits and marks, and the compatibility forms of those
/// are free of control characters.
const END: char = '\n';

/// Returns the terms of a text in the order of [`analyse`], each with its end, and their number.
pub(super) fn joined(text: &str, language: Language) -> (String, u64) {
    let (mut joined, mut count) = (String::with_capacity(text.len()), 0);
    for token in analyse(text, language) {
        joined.push_str(&token.term);
        joined.push(END);
        count += 1;
    }
    (joined, count)
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
        Stream { token: &mut self.token, rest: text }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some((term, rest)) = self.rest.split_once(END) else { return false };
        self.token.text.clear();
        self.token.text.push_str(term);
        // Positions are not indexed, but tantivy requires them to grow.
        self.token.position = self.token.position.wrapping_add(1);
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
    use proptest::prelude::*;

    use super::*;

    fn apart(joined: &str) -> Vec<String> {
        let mut terms = TermStream::default();
        let mut stream = terms.token_stream(joined);
        let mut apart = Vec::new();
        stream.process(&mut |token| apart.push(token.text.clone()));
        apart
    }

    fn check(text: &str, language: Language) {
        let (joined, count) = joined(text, language);
        let terms: Vec<String> = analyse(text, language).into_iter().map(|token| token.term).collect();
        assert_eq!(count, terms.len() as u64);
        assert_eq!(apart(&joined), terms);
    }

    #[test]
    fn a_letter_whose_compatibility_form_holds_spaces_stays_one_term() {
        check("before \u{FDFA} after", Language::Arabic);
        assert_eq!(joined("\u{FDFA}", Language::Undetermined).1, 1);
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
