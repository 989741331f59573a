//! HTML: the main text of a page as blocks, without scripts, menus and other page furniture.

mod attributes;
mod blocks;
mod boxes;
mod embedded;
mod outlook;
mod readability;
mod selector;
mod style;
mod stylesheet;
mod tags;
mod tree;
mod visible;

use std::io::{Cursor, Read};

use dom_query::{Document, NodeRef};
use encoding_rs::Encoding;
use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::Output;
use super::charset::{Charset, check_replaced};
use super::error;
use super::lines::whole;
use outlook::Outlook;
pub(super) use tags::Tag;

/// Number of elements that broken HTML may reopen on a page of any size.
const REOPENED_FROM: usize = 2_000_000;

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let declared = declared_charset(source)?;
    let charset = Charset::detect(source, declared)?;
    out.report.encoding = Some(charset.name().to_owned());
    let html = whole(source, charset, out)?;
    check_replaced(&html)?;
    page(&html, out)
}

/// Writes the main text of a page in memory.
fn page(html: &str, out: &mut Output<'_>) -> Result<()> {
    let document = parse(html, out)?;
    out.title(&document.select_single("head > title").text());
    visible::prune(&document, None, out);
    let root = document.root();
    let main = readability::main_part(&root);
    if let Some(main) = main.as_ref().filter(|_| !readability::is_article(&root)) {
        return blocks::write(main, out);
    }
    let Some(article) = readability::find(&document, main.as_ref()) else {
        return blocks::write(&main.unwrap_or(root), out);
    };
    if article.left_out > 0 {
        out.warn(format!(
            "{} characters of text beside the article of the page were left out",
            article.left_out
        ));
    }
    out.heading(1, &article.title)?;
    blocks::write(&article.content.root(), out)
}

/// Writes the whole text of an HTML fragment in memory.
pub(super) fn fragment(html: &str, out: &mut Output<'_>) -> Result<()> {
    styled(html, None, out)
}

/// Writes the whole text of an HTML fragment in memory. `styles` are the style sheets that it links to, if they are known.
fn styled(html: &str, styles: Option<&str>, out: &mut Output<'_>) -> Result<()> {
    let document = parse(html, out)?;
    visible::prune(&document, styles, out);
    blocks::write(&document.root(), out)
}

/// Writes the whole text of an HTML file within another document. `declared` is the encoding that the document states
/// for it.
pub(super) fn encoded(
    bytes: Vec<u8>,
    declared: Option<&'static Encoding>,
    out: &mut Output<'_>,
) -> Result<()> {
    let mut source = Cursor::new(bytes);
    let declared = declared.map_or_else(|| declared_charset(&mut source), |declared| Ok(Some(declared)))?;
    fragment(&text(&mut source, declared, out)?, out)
}

/// Writes the whole text of an HTML file with the style sheets that it links to.
pub(super) fn with_styles(bytes: Vec<u8>, styles: &str, out: &mut Output<'_>) -> Result<()> {
    let mut source = Cursor::new(bytes);
    let declared = declared_charset(&mut source)?;
    styled(&text(&mut source, declared, out)?, Some(styles), out)
}

fn text(
    source: &mut dyn Source,
    declared: Option<&'static Encoding>,
    out: &mut Output<'_>,
) -> Result<String> {
    let charset = Charset::detect(source, declared)?;
    let html = whole(source, charset, out)?;
    check_replaced(&html)?;
    Ok(html)
}

/// Parses HTML. Refuses trees that are too deep while they are built, and trees that the rules for broken HTML would
/// multiply before that.
fn parse(html: &str, out: &Output<'_>) -> Result<Document> {
    let nesting = out.limits.nesting;
    out.budget.work(html.len());
    let outlook = Outlook::of(html, nesting);
    if outlook.reopened > html.len().saturating_mul(4).max(REOPENED_FROM) {
        return Err(error::malformed("unclosed formatting reopens in too many of its blocks"));
    }
    let document = tree::build(&attributes::bounded(html), nesting, &out.budget)?;
    if depth(&document.root(), nesting) > nesting {
        return Err(error::too_deep("elements", nesting));
    }
    Ok(document)
}

/// Returns the depth of the tree, at most `limit` plus one.
fn depth(root: &NodeRef<'_>, limit: usize) -> usize {
    let (mut level, mut depth) = (vec![*root], 0);
    while !level.is_empty() && depth <= limit {
        level = level.iter().flat_map(|node| node.children_it(false).filter(NodeRef::is_element)).collect();
        depth += 1;
    }
    depth
}

/// Returns the encoding that the first kilobytes declare.
fn declared_charset(source: &mut dyn Source) -> Result<Option<&'static Encoding>> {
    const HEAD: u64 = 4096;
    let mut head = Vec::new();
    source.rewind().map_err(error::unreadable)?;
    Read::take(&mut *source, HEAD).read_to_end(&mut head).map_err(error::unreadable)?;
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let name = |marker: &str| {
        let (_, rest) = head.split_once(marker)?;
        let rest = rest.trim_start_matches(['"', '\'', ' ']);
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | ':' | '.'))
            .unwrap_or(rest.len());
        Encoding::for_label(rest.get(..end)?.as_bytes())
    };
    Ok(name("charset=").or_else(|| name("encoding=")))
}
