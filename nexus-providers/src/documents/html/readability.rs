//! Extraction of the article from a page with menus, teasers and footers.

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};

/// Maximum length of a text that is not worth extracting.
const SHORT: usize = 250;

/// Returns the title and the content of the article on a page. Returns nothing for a plain page without furniture, or
/// where too little of its prose would remain.
pub(super) fn find(document: &Document) -> Option<(String, Document)> {
    if !has_furniture(&document.root()) {
        return None;
    }
    let config = Config { max_elements_to_parse: 0, ..Config::default() };
    let mut readability = Readability::with_document(document.clone(), None, Some(config)).ok()?;
    let article = readability.parse().ok()?;
    let content = Document::from(article.content);
    let kept = prose(&content);
    (article.length > SHORT && kept * 4 > prose(document)).then_some((article.title, content))
}

/// Returns whether elements and roles mark parts of a page as furniture rather than content.
fn has_furniture(root: &NodeRef<'_>) -> bool {
    root.descendants_it().any(|node| {
        ["nav", "aside", "footer", "header"].iter().any(|name| node.has_name(name))
            || node.attr("role").is_some_and(|role| matches!(&*role, "navigation" | "banner" | "contentinfo"))
            || ["id", "class"].iter().filter_map(|name| node.attr(name)).any(|value| names_furniture(&value))
    })
}

fn names_furniture(value: &str) -> bool {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase);
    words.into_iter().any(|word| {
        matches!(
            word.as_str(),
            "nav" | "navbar" | "menu" | "sidebar" | "footer" | "breadcrumb" | "breadcrumbs"
        )
    })
}

/// Returns the length of the paragraphs that are long enough to be prose. A paragraph nested in another through a
/// scope counts as part of the outer one.
fn prose(document: &Document) -> usize {
    const SENTENCE: usize = 80;
    let (mut open, mut total) = (vec![document.root()], 0);
    while let Some(node) = open.pop() {
        if node.has_name("p") {
            total += Some(node.normalized_char_count()).filter(|length| *length >= SENTENCE).unwrap_or(0);
        } else {
            open.extend(node.children_it(false));
        }
    }
    total
}
