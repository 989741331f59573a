//! Lexical query: a search text as words, exact terms, phrases and neighbours.

use std::collections::HashMap;
use std::ops::Range;

use super::exact::{ExactKind, exact_terms};
use super::morphology::{GRAM_MARK, Grams, is_stop_word};
use super::question_language::own_language;
use super::quotation::quotations;
use super::script::{Run, runs};
use super::{Token, each_term};
use crate::language::{Language, is_function_word};

/// Number of words up to which quotation marks make a phrase and neighbours count. Longer text is prose.
const MAX_PHRASED_WORDS: usize = 32;

/// Number of words up to which a number and its neighbours name something. Longer text describes.
const MAX_NAMING_WORDS: usize = 8;

/// Greatest distance of two words that count as neighbours.
const NEAR: u32 = 3;

/// Weight of a piece of a word, beside the word.
const GRAM: f32 = 0.5;

/// Analysed search text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LexicalQuery {
    /// Distinct terms, in the order of their first appearance.
    pub words: Vec<QueryWord>,
    /// Strings to find as a whole.
    pub exact: Vec<QueryExact>,
    /// Quoted phrases, all of which a passage must hold.
    pub phrases: Vec<QueryPhrase>,
    /// Words that stand together in the text.
    pub pairs: Vec<QueryPair>,
    /// Whether the text is so short that numbers in it name something.
    pub is_name: bool,
}

/// Term of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryWord {
    /// Folded and stemmed term.
    pub term: String,
    /// Number of occurrences in the text; half of it for a piece of a word.
    pub weight: f32,
}

/// Exact term of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryExact {
    /// Term in its indexed form.
    pub term: String,
    /// Kind of the string.
    pub kind: ExactKind,
    /// Indexes of the words that it consists of.
    pub parts: Vec<usize>,
}

/// Quoted phrase of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryPhrase {
    /// Words with their offsets from the first, a list for each language: one of them must be held.
    pub readings: Vec<Vec<(u32, String)>>,
    /// Exact terms within the phrase, which must be held too.
    pub exact: Vec<String>,
}

/// Two neighbouring words of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryPair {
    /// Index of the first word.
    pub first: usize,
    /// Index of the second word.
    pub second: usize,
    /// Distance of the two, in positions.
    pub distance: u32,
}

impl LexicalQuery {
    /// Analyses `text` for a search among passages in `languages`.
    ///
    /// The text is read in its own language, whatever the languages of the passages are: they only add their stems of the
    /// words that count. Text whose language its function words do not tell is read in each. The weight of a term is its
    /// frequency in the text. Words that only ask are left out unless nothing else is there.
    ///
    /// ```
    /// use nexus_core::language::Language;
    /// use nexus_core::retrieve::analysis::LexicalQuery;
    ///
    /// let query = LexicalQuery::read("Who approved the \"net price\" of PO-881-3306?", &[Language::English]);
    /// let terms: Vec<_> = query.words.iter().map(|word| word.term.as_str()).collect();
    /// assert_eq!(terms, ["approv", "net", "price", "po", "881", "3306"]);
    /// assert_eq!(query.exact[0].term, "po-881-3306");
    /// assert_eq!(query.phrases[0].readings, [[(0, "net".to_owned()), (1, "price".to_owned())]]);
    /// ```
    pub fn read(text: &str, languages: &[Language]) -> Self {
        Self::read_in(own_language(text), text, languages)
    }

    /// Analyses `text` in the language `own`, like [`read`](Self::read): words of a question without those that ask do not
    /// tell its language any more. `None` if it is not known.
    pub fn read_in(own: Option<Language>, text: &str, languages: &[Language]) -> Self {
        let left_out = left_out(text, own);
        let mut query = Self::default();
        let mut places = HashMap::new();
        let mut spans: Vec<(Range<usize>, usize)> = Vec::new();
        let is_short = runs(text).count() <= MAX_PHRASED_WORDS;
        let quoted: Vec<_> =
            quotations(text).into_iter().filter(|_| is_short).map(|quotation| quotation.text).collect();
        query.phrases = vec![QueryPhrase::default(); quoted.len()];
        for language in languages {
            let is_own = own.is_none_or(|own| own == *language || is_read_as(own) == is_read_as(*language));
            let grams = if is_own { Grams::With } else { Grams::Without };
            let mut counts: HashMap<usize, f32> = HashMap::new();
            let mut tokens: Vec<(Token, usize)> = Vec::new();
            each_term(text, *language, grams, |term, position, span| {
                if left_out.contains(&span.start) && !quoted.iter().any(|quoted| quoted.contains(&span.start))
                {
                    return;
                }
                let place = *places.entry(term.clone()).or_insert_with(|| {
                    query.words.push(QueryWord { term: term.clone(), weight: 0.0 });
                    query.words.len() - 1
                });
                *counts.entry(place).or_default() += if term.starts_with(GRAM_MARK) { GRAM } else { 1.0 };
                spans.push((span.clone(), place));
                tokens.push((Token { term, position, span }, place));
            });
            for (place, count) in counts {
                if let Some(word) = query.words.get_mut(place) {
                    word.weight = word.weight.max(count);
                }
            }
            query.add_phrases(&tokens, &quoted);
            if is_own && is_short {
                query.add_pairs(&tokens);
            }
        }
        query.is_name = runs(text).count() <= MAX_NAMING_WORDS;
        if query.is_name {
            query.add_numbered_names(text);
        }
        query.add_exact(text, &spans, &quoted);
        query.phrases.retain(|phrase| !phrase.readings.is_empty() || !phrase.exact.is_empty());
        query
    }

    /// Returns whether nothing can be looked for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.exact.is_empty()
    }

    fn add_phrases(&mut self, tokens: &[(Token, usize)], quoted: &[Range<usize>]) {
        for (phrase, span) in self.phrases.iter_mut().zip(quoted) {
            let mut words: Vec<(u32, String)> = Vec::new();
            let mut whole = 0;
            for (token, _) in tokens.iter().filter(|(token, _)| span.contains(&token.span.start)) {
                // Of the terms at one position the first is the word, and in scripts without spaces the longest the pair.
                let is_pair =
                    words.last().is_some_and(|(at, _)| *at == token.position) && token.span.end > whole;
                if is_pair {
                    words.pop();
                } else if words.last().is_some_and(|(at, _)| *at == token.position) {
                    continue;
                }
                whole = token.span.end;
                words.push((token.position, token.term.clone()));
            }
            let first = words.first().map_or(0, |(position, _)| *position);
            for (position, _) in &mut words {
                *position -= first;
            }
            if !words.is_empty() && !phrase.readings.contains(&words) {
                phrase.readings.push(words);
            }
        }
    }

    fn add_pairs(&mut self, tokens: &[(Token, usize)]) {
        let mut words: Vec<&(Token, usize)> = Vec::new();
        for token in tokens {
            let is_piece = token.0.term.starts_with(GRAM_MARK);
            if !is_piece && words.last().is_none_or(|(last, _)| last.position < token.0.position) {
                words.push(token);
            }
        }
        for pair in words.windows(2) {
            let [(first, one), (second, other)] = pair else { continue };
            let pair = QueryPair { first: *one, second: *other, distance: second.position - first.position };
            if one != other && pair.distance <= NEAR && !self.pairs.contains(&pair) {
                self.pairs.push(pair);
            }
        }
    }

    /// Adds the other spelling of names with a number: `ISO27001` is also `ISO 27001`, and the reverse.
    fn add_numbered_names(&mut self, text: &str) {
        let words: Vec<&str> = runs(text)
            .filter_map(|run| match run {
                Run::Word(span) => text.get(span),
                Run::Unspaced(_) => None,
            })
            .collect();
        for word in &words {
            if let Some((name, number)) =
                word.find(|c: char| c.is_ascii_digit()).and_then(|at| word.split_at_checked(at))
                && is_numbered_name(name, number)
            {
                let [first, second] = [name, number].map(|part| self.add_word(part.to_ascii_lowercase()));
                self.pairs.push(QueryPair { first, second, distance: 1 });
            }
        }
        for pair in words.windows(2) {
            if let [name, number] = pair
                && is_numbered_name(name, number)
            {
                self.add_word(format!("{}{number}", name.to_ascii_lowercase()));
            }
        }
    }

    /// Adds a word unless it is there, and returns its index.
    fn add_word(&mut self, term: String) -> usize {
        self.words.iter().position(|word| word.term == term).unwrap_or_else(|| {
            self.words.push(QueryWord { term, weight: 1.0 });
            self.words.len() - 1
        })
    }

    fn add_exact(&mut self, text: &str, spans: &[(Range<usize>, usize)], quoted: &[Range<usize>]) {
        for exact in exact_terms(text) {
            for (phrase, quoted) in self.phrases.iter_mut().zip(quoted) {
                let is_within = quoted.start <= exact.span.start && exact.span.end <= quoted.end;
                if is_within && exact.kind == ExactKind::Identifier {
                    phrase.exact.push(exact.term.clone());
                }
            }
            if self.exact.iter().any(|known| known.term == exact.term) {
                continue;
            }
            let is_part = |span: &Range<usize>| exact.span.start <= span.start && span.end <= exact.span.end;
            let mut parts: Vec<usize> =
                spans.iter().filter(|(span, _)| is_part(span)).map(|(_, place)| *place).collect();
            parts.sort_unstable();
            parts.dedup();
            self.exact.push(QueryExact { term: exact.term, kind: exact.kind, parts });
        }
    }
}

/// Returns whether a name and a number make a longer name, such as `ISO` and `27001`.
fn is_numbered_name(name: &str, number: &str) -> bool {
    let is_name = (2..=6).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name && number.len() > 1 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the language that stems are taken from: text of an unknown one is read as English.
fn is_read_as(language: Language) -> Language {
    if language == Language::Undetermined { Language::English } else { language }
}

/// Returns the starts of the words that other languages must not read as words that count, and of those that only ask.
fn left_out(text: &str, own: Option<Language>) -> Vec<usize> {
    let Some(own) = own else { return Vec::new() };
    let is_english = is_read_as(own) == Language::English;
    let has_case = text.contains(char::is_lowercase);
    let (mut out, mut kept) = (Vec::new(), 0);
    for run in runs(text) {
        let (Run::Word(span) | Run::Unspaced(span)) = run;
        let word = text.get(span.clone()).unwrap_or_default();
        // `WHO` is an organisation.
        let is_name = has_case && word.len() > 1 && !word.contains(char::is_lowercase);
        let lower = word.to_lowercase();
        let asks = if is_english {
            is_stop_word(&lower) || INTERROGATIVES.contains(&lower.as_str())
        } else {
            is_function_word(word, own)
        };
        if asks && !is_name {
            out.push(span.start);
        } else {
            kept += 1;
        }
    }
    if kept == 0 { Vec::new() } else { out }
}

const INTERROGATIVES: [&str; 9] = ["what", "which", "how", "who", "whom", "whose", "when", "where", "why"];
