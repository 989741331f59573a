//! Finds the article on a page that is full of menus, teasers and footers.

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};

/// A page with less text than this is left as it is.
const SHORT: usize = 250;

/// The article of a page: its title and its content. Nothing where the page is a plain document without furniture,
/// or where too little of its prose would be left.
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

/// Whether a page has parts that are not its content, going by the elements and roles that mark them.
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

/// How much text stands in paragraphs long enough to be prose. A paragraph within another one, which a scope between
/// them allows, is part of that.
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
