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

/// Returns the part of a page that it marks as its main one, if there is one and it is more than links.
pub(super) fn main_part<'a>(root: &NodeRef<'a>) -> Option<NodeRef<'a>> {
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

/// Returns whether a page calls itself an article, as sites of news and blogs do. The main part of such a page also holds
/// teasers, links and remarks.
pub(super) fn is_article(root: &NodeRef<'_>) -> bool {
    root.descendants_it().any(|node| names_article(&node))
}

/// Returns whether an element says that the page is an article: in Open Graph, by schema.org, or as a microformat.
fn names_article(node: &NodeRef<'_>) -> bool {
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

/// Returns the article on a page. Returns nothing for a plain page without furniture, or where too little of its prose
/// would remain: a quarter of the page, or a third of its main part. One of several long articles is not the page's.
pub(super) fn find(document: &Document, main: Option<&NodeRef<'_>>) -> Option<Article> {
    if !has_furniture(&document.root()) {
        return None;
    }
    let config = Config { max_elements_to_parse: 0, ..Config::default() };
    let mut readability = Readability::with_document(document.clone(), None, Some(config)).ok()?;
    let article = readability.parse().ok()?;
    let content = Document::from(article.content);
    let (kept, whole) = (prose(&content.root()), prose(&document.root()));
    let left_out = whole.saturating_sub(kept);
    let is_whole = main.is_none_or(|main| kept * 3 > prose(main) && !holds_articles(main));
    (article.length > SHORT && kept * 4 > whole && is_whole).then_some(Article {
        title: article.title,
        content,
        left_out,
    })
}

/// Returns whether several articles, none within another, are longer than teasers.
fn holds_articles(main: &NodeRef<'_>) -> bool {
    let articles = main.descendants_it().filter(|node| node.has_name("article"));
    let outer = articles.filter(|node| !node.ancestors_it(None).any(|around| around.has_name("article")));
    outer.filter(|article| prose(article) > SHORT).nth(1).is_some()
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
fn prose(root: &NodeRef<'_>) -> usize {
    const SENTENCE: usize = 80;
    let (mut open, mut total) = (vec![*root], 0);
    while let Some(node) = open.pop() {
        if node.has_name("p") {
            total += Some(node.normalized_char_count()).filter(|length| *length >= SENTENCE).unwrap_or(0);
        } else {
            open.extend(node.children_it(false));
        }
    }
    total
}
