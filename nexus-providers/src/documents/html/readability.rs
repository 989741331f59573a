//! Extraction of the article from a page with menus, teasers and footers.

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};

/// Maximum length of a text that is not worth extracting.
const SHORT: usize = 250;

/// Article of a page.
pub(super) struct Article {
    pub(super) title: String,
    pub(super) content: Document,
    /// Length of the running text that stands outside the article, in characters.
    pub(super) left_out: usize,
}

/// Returns the part of a page that it marks as its main one, if there is one and it is more than links. That of a page
/// that calls itself an article, as sites of news and blogs do, is not it: it also holds teasers, links and remarks.
pub(super) fn main_part<'a>(root: &NodeRef<'a>) -> Option<NodeRef<'a>> {
    if root.descendants_it().any(|node| calls_itself_article(&node)) {
        return None;
    }
    let is_main =
        |node: &NodeRef<'_>| node.has_name("main") || node.attr("role").is_some_and(|role| &*role == "main");
    let mut found = root.descendants_it().filter(is_main);
    let main = found.next().filter(|_| found.next().is_none())?;
    let (mut open, mut links) = (vec![main], 0);
    while let Some(node) = open.pop() {
        if node.has_name("a") {
            links += node.normalized_char_count();
        } else {
            open.extend(node.children_it(false));
        }
    }
    (main.normalized_char_count() > links * 2).then_some(main)
}

/// Returns whether an element says that the page is an article: in Open Graph, by schema.org, or as a microformat.
fn calls_itself_article(node: &NodeRef<'_>) -> bool {
    let has = |name: &str, value: &str| node.attr(name).is_some_and(|own| own.eq_ignore_ascii_case(value));
    let is_of_type = |kind: &str| {
        ["http", "https"].iter().any(|scheme| has("itemtype", &format!("{scheme}://schema.org/{kind}")))
    };
    let is_entry = || {
        let classes = node.attr("class").unwrap_or_default();
        classes.split_ascii_whitespace().any(|class| class == "hentry" || class == "h-entry")
    };
    match node.node_name().as_deref() {
        Some("meta") => has("property", "og:type") && has("content", "article"),
        Some("article") if is_entry() => true,
        Some(_) => ["Article", "NewsArticle", "BlogPosting"].iter().any(|kind| is_of_type(kind)),
        None => false,
    }
}

/// Returns the article on a page. Returns nothing for a plain page without furniture, or
/// where too little of its prose would remain.
pub(super) fn find(document: &Document) -> Option<Article> {
    if !has_furniture(&document.root()) {
        return None;
    }
    let config = Config { max_elements_to_parse: 0, ..Config::default() };
    let mut readability = Readability::with_document(document.clone(), None, Some(config)).ok()?;
    let article = readability.parse().ok()?;
    let content = Document::from(article.content);
    let (kept, whole) = (prose(&content), prose(document));
    let left_out = whole.saturating_sub(kept);
    (article.length > SHORT && kept * 4 > whole).then_some(Article {
        title: article.title,
        content,
        left_out,
    })
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
