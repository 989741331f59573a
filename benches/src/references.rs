//! Agreement of a text that was read with the one that is known to be right: [`words`] and [`Elements`], as [`Bag`]s.
//!
//! Order does not count. Words are compared after compatibility folding (NFKC) and in lower case, digits apart from
//! letters, so that `x²` is `x^2` and a ligature its letters; punctuation is no word.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nexus_core::document::{Block, BlockKind};
use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

use crate::metrics::share;

/// Multiset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bag<T>(BTreeMap<T, usize>);

impl<T: Ord> FromIterator<T> for Bag<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut bag = BTreeMap::new();
        for item in items {
            *bag.entry(item).or_default() += 1;
        }
        Self(bag)
    }
}

impl<T: Clone + Ord> Bag<T> {
    /// Returns the number of items, repeated ones counting each time.
    pub fn len(&self) -> usize {
        self.0.values().sum()
    }

    /// Returns whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the items that `other` lacks.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let count = |item| other.0.get(item).copied().unwrap_or(0);
        let rest = self.0.iter().map(|(item, own)| (item.clone(), own.saturating_sub(count(item))));
        Self(rest.filter(|(_, rest)| *rest > 0).collect())
    }

    /// Returns the items that both have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// Returns the items that pass.
    #[must_use]
    pub fn filter(&self, passes: impl Fn(&T) -> bool) -> Self {
        Self(self.0.iter().filter(|(item, _)| passes(item)).map(|(item, own)| (item.clone(), *own)).collect())
    }

    /// Returns each item with its number.
    pub fn iter(&self) -> impl Iterator<Item = (&T, usize)> {
        self.0.iter().map(|(item, own)| (item, *own))
    }
}

/// Agreement of a text with its reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Share of the text that the reference has.
    pub precision: f64,
    /// Share of the reference that the text has.
    pub recall: f64,
}

impl Agreement {
    /// Compares `found` with `reference`. Nothing agrees with nothing.
    pub fn of<T: Clone + Ord>(found: &Bag<T>, reference: &Bag<T>) -> Self {
        if found.is_empty() && reference.is_empty() {
            return Self { precision: 1.0, recall: 1.0 };
        }
        let shared = found.common(reference).len();
        Self { precision: share(shared, found.len()), recall: share(shared, reference.len()) }
    }

    /// Returns the harmonic mean of both.
    pub fn f1(self) -> f64 {
        let sum = self.precision + self.recall;
        if sum > 0.0 { 2.0 * self.precision * self.recall / sum } else { 0.0 }
    }
}

/// Returns the words of `text`.
///
/// ```
/// use nexus_benches::references::words;
///
/// assert_eq!(words("x², ﬁne!"), words("Fine x^2"));
/// ```
pub fn words(text: &str) -> Bag<String> {
    in_order(text).into_iter().collect()
}

fn in_order(text: &str) -> Vec<String> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\p{M}]+|\p{N}+"));
    let text = text.nfkc().collect::<String>().to_lowercase();
    WORD.find_iter(&text).map(|word| word.as_str().to_owned()).collect()
}

/// Returns the words of `text` in order, with one space between them.
fn folded(text: &str) -> String {
    in_order(text).join(" ")
}

/// Returns the text of a document without the headers that further passages of one table repeat.
pub fn text(blocks: &[Block]) -> String {
    let mut header = "";
    let mut texts = Vec::new();
    for block in blocks {
        let rows = block.text.match_indices('\n').nth(1).map(|(end, _)| block.text.split_at(end));
        let rows = rows.filter(|_| block.kind == BlockKind::Table);
        texts.push(rows.filter(|(first, _)| *first == header).map_or(block.text.as_str(), |(_, rest)| rest));
        header = rows.map_or("", |(first, _)| first);
    }
    texts.join("\n\n")
}

/// Returns the words of descriptions of images and of the values of charts. Many references show neither, by
/// convention.
pub fn drawn(blocks: &[Block]) -> Bag<String> {
    let image = pattern(r"\[Image: [^\]]*\]");
    let images =
        |block: &Block| image.find_iter(&block.text).map(|found| found.as_str().to_owned()).collect();
    let mut is_chart = false;
    let mut texts: Vec<String> = Vec::new();
    for block in blocks {
        if block.text.starts_with("Chart:") || is_chart && block.kind == BlockKind::Table {
            texts.push(block.text.clone());
        } else {
            texts.extend::<Vec<String>>(images(block));
        }
        is_chart = block.text.starts_with("Chart:");
    }
    words(&texts.join(" "))
}

/// Kind of a structural element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Heading, of any level.
    Heading,
    /// Item of a list, without its mark.
    ListItem,
    /// Row of a table.
    TableRow,
}

/// Structural elements by their words.
pub type Elements = Bag<(Element, String)>;

/// Returns the elements of a document that was read.
pub fn elements(blocks: &[Block]) -> Elements {
    let of_block = |block: &Block| match block.kind {
        BlockKind::Heading { .. } => vec![(Element::Heading, folded(&block.text))],
        BlockKind::ListItem => vec![(Element::ListItem, folded(without_mark(&block.text)))],
        BlockKind::Table => rows(&block.text).collect(),
        BlockKind::Paragraph | BlockKind::Code => Vec::new(),
    };
    blocks.iter().flat_map(of_block).filter(|(_, words)| !words.is_empty()).collect()
}

fn rows(table: &str) -> impl Iterator<Item = (Element, String)> {
    table.lines().map(|line| (Element::TableRow, folded(line)))
}

/// Reference text in Markdown.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its words, without comments and the targets of links.
    pub words: Bag<String>,
    /// Its elements.
    pub elements: Elements,
}

impl Reference {
    /// Reads Markdown as it is written by a program: one element a line.
    pub fn markdown(text: &str) -> Self {
        let text = pattern("(?s)<!--.*?-->").replace_all(text, "");
        let text = pattern(r"(\[[^\]\n]*\])\([^)\s]+\)").replace_all(&text, "$1").replace('\\', "");
        let text = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
            .iter()
            .fold(text, |text, (entity, sign)| text.replace(entity, sign));
        let mut elements = Vec::new();
        let mut is_code = false;
        for line in text.lines().map(str::trim) {
            is_code ^= line.starts_with("```");
            if is_code {
                continue;
            }
            if line.starts_with('#') {
                elements.push((Element::Heading, folded(line)));
            } else if line.starts_with('|') {
                elements.extend(rows(line));
            } else if without_mark(line) != line {
                elements.push((Element::ListItem, folded(without_mark(line))));
            }
        }
        Self {
            words: words(&text),
            elements: elements.into_iter().filter(|(_, words)| !words.is_empty()).collect(),
        }
    }
}

/// Returns the text of a list item without its mark, such as `-` or `1.`.
fn without_mark(item: &str) -> &str {
    static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([-*•]|\w{1,3}[.)])$"));
    let Some((mark, text)) = item.split_once(' ') else { return item };
    if MARK.is_match(mark) { text } else { item }
}

#[expect(clippy::expect_used, reason = "the patterns are fixed and tested")]
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("fixed pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_word_lowers_recall_and_a_gained_one_precision() {
        let reference = words("one two two three");
        let agreement = Agreement::of(&words("one two three four five"), &reference);
        assert_eq!(agreement, Agreement { precision: 0.6, recall: 0.75 });
        assert!((agreement.f1() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(reference.without(&words("three two one")), words("two"));
    }

    #[test]
    fn a_reference_has_the_elements_of_a_reading() {
        let block = |kind, text: &str| Block { kind, text: text.to_owned(), page: None };
        let blocks = [
            block(BlockKind::Heading { level: 1 }, "A & B"),
            block(BlockKind::ListItem, "1. First"),
            block(BlockKind::ListItem, "Second"),
            block(BlockKind::Table, "| x | y |\n| --- | --- |\n| 1 | 2 |"),
            block(BlockKind::Code, "# no heading"),
        ];
        let markdown = "## A &amp; B\n\n<!-- image -->\n- First\n1. [Second](https://e.example/)\n\n\
            |   x |   y |\n|-----|-----|\n|   1 |   2 |\n\n```\n# no heading\n```\n";
        let reference = Reference::markdown(markdown);
        assert_eq!(elements(&blocks), reference.elements);
        assert_eq!(reference.elements.len(), 5);
        assert!(words("https image").without(&reference.words).len() == 2);
    }
}
