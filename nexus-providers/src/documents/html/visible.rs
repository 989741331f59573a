//! Removal of text from a page that a person does not read: struck out, or not to be seen.

use dom_query::{Document, NodeData, NodeRef};
use nexus_core::document::UnreadPart;

use super::super::block_writer::Output;
use super::boxes;
use super::style::{Declarations, colour, looks_the_same};
use super::stylesheet::StyleSheet;

/// Colour of a page, as far as it is known where an element stands.
type Ground = Option<String>;

/// Removes the text of a page that is struck out or hidden, and counts it. Hidden text stays if the limits ask for it.
/// Boxes that stand beside each other are separated by a blank. `styles` are the style sheets that the page links to, if
/// they are known.
pub(super) fn prune(document: &Document, styles: Option<&str>, out: &mut Output<'_>) {
    let sheet = style_sheets(document, styles);
    let ground = Some("ffffff".to_owned()).filter(|_| !sheet.is_partial);
    let mut open: Vec<(NodeRef<'_>, Ground)> = vec![(document.root(), ground)];
    while let Some((node, around)) = open.pop() {
        out.budget.work(1);
        let mut ground = around;
        if node.is_element() {
            let declarations = sheet.declarations(&node, &out.budget);
            let own =
                declarations.ground.clone().or_else(|| node.attr("bgcolor").and_then(|value| colour(&value)));
            ground = own.or(ground);
            if let Some(part) = unread(&node, &declarations, ground.as_deref())
                && !is_kept(&node, part, out)
            {
                continue;
            }
            boxes::separate(document, &node, &declarations);
        }
        open.extend(node.children_it(true).map(|child| (child, ground.clone())));
    }
}

/// Returns the rules of the page.
fn style_sheets(document: &Document, styles: Option<&str>) -> StyleSheet {
    let mut sheet = StyleSheet::default();
    sheet.add(styles.unwrap_or_default());
    for node in document.root().descendants_it() {
        if node.has_name("style") {
            sheet.add(&node.text());
        } else if node.has_name("link") && styles.is_none() {
            sheet.is_partial |=
                node.attr("rel").is_some_and(|rel| rel.to_ascii_lowercase().contains("stylesheet"));
        }
    }
    sheet
}

/// Returns the kind of text that an element holds, if it is not to be read.
fn unread(node: &NodeRef<'_>, declarations: &Declarations, ground: Option<&str>) -> Option<UnreadPart> {
    let name = node.node_name()?;
    match &*name {
        "html" | "body" | "head" | "script" | "style" => return None,
        "s" | "strike" | "del" => return Some(UnreadPart::StruckText),
        "template" | "noscript" => return Some(UnreadPart::HiddenText),
        "dialog" if !node.has_attr("open") => return Some(UnreadPart::HiddenText),
        _ => {}
    }
    if node.has_attr("hidden") {
        return Some(UnreadPart::HiddenText);
    }
    let color = declarations.color.clone().or_else(|| node.attr("color").and_then(|color| colour(&color)));
    if color.zip(ground).is_some_and(|(color, ground)| looks_the_same(&color, ground)) {
        return Some(UnreadPart::HiddenText);
    }
    declarations.part()
}

/// Removes an element and counts its text, unless it is hidden text that is wanted. Returns whether it is kept.
fn is_kept(node: &NodeRef<'_>, part: UnreadPart, out: &mut Output<'_>) -> bool {
    if part == UnreadPart::HiddenText && out.limits.read_hidden {
        node.remove_attrs(&["style", "hidden", "class", "id"]);
        if ["template", "noscript", "dialog"].iter().any(|name| node.has_name(name)) {
            node.rename("div");
        }
        return true;
    }
    let text = node.text();
    out.budget.work(text.len());
    if !text.trim().is_empty() {
        out.unread(part, 1);
    }
    if joins_digits(node) {
        node.replace_with_html(" ");
    } else {
        node.remove_from_parent();
    }
    false
}

/// Returns whether numbers on both sides of an element would become one without it.
fn joins_digits(node: &NodeRef<'_>) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    // The text is looked at in place: it may stand beside any number of such elements.
    let edge = |sibling: Option<NodeRef<'_>>, last: bool| {
        sibling?.query(|node| match &node.data {
            NodeData::Text { contents } if last => contents.chars().next_back(),
            NodeData::Text { contents } => contents.chars().next(),
            NodeData::Document
            | NodeData::Fragment
            | NodeData::Doctype { .. }
            | NodeData::Comment { .. }
            | NodeData::Element(_)
            | NodeData::ProcessingInstruction { .. } => None,
        })?
    };
    digit(edge(node.prev_sibling(), true)) && digit(edge(node.next_sibling(), false))
}
