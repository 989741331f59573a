//! Blanks between elements that stand beside each other as boxes, such as the links of a menu. Markup within a word,
//! such as `<b>H</b>ello`, gets none.

use dom_query::{Document, NodeData, NodeRef};

use super::style::Declarations;

/// Elements that a browser shows as boxes within a line.
const BOXES: &[&str] = &["button", "meter", "output", "progress"];

/// Elements whose pieces belong together whatever they contain.
const CODE: &[&str] = &["code", "kbd", "pre", "samp", "tt", "var"];

/// Puts a blank before an element, and after it if it is a box, where text of another element stands there.
pub(super) fn separate(document: &Document, node: &NodeRef<'_>, declarations: &Declarations) {
    let Some(name) = node.node_name() else { return };
    if matches!(&*name, "html" | "head" | "body" | "td" | "th" | "tr" | "br" | "sup" | "sub" | "rt") {
        return;
    }
    let is_box = declarations.boxed().unwrap_or_else(|| BOXES.contains(&&*name));
    let before = node.prev_sibling();
    let is_parted = before.as_ref().is_some_and(|before| {
        is_box && !ends_blank(before) || before.is_element() && are_apart(before, node)
    });
    if is_parted {
        node.insert_before(&document.tree.new_text(" "));
    }
    if is_box && node.next_sibling().is_some_and(|after| !begins_blank(&after)) {
        node.insert_after(&document.tree.new_text(" "));
    }
}

/// Returns whether two inline elements beside each other hold two texts: two links, or two spans of which the second
/// begins like a sentence within the word that the first ends with.
fn are_apart(before: &NodeRef<'_>, node: &NodeRef<'_>) -> bool {
    let both = |name: &str| before.has_name(name) && node.has_name(name);
    let are_links = both("a") && before.has_attr("href") && node.has_attr("href");
    if are_links || both("cite") {
        return true;
    }
    if !both("span") || node.parent().is_some_and(|parent| CODE.iter().any(|name| parent.has_name(name))) {
        return false;
    }
    let ends = before.last_child().is_some_and(|text| edge(&text, ends_within_a_sentence));
    ends && node.first_child().is_some_and(|text| edge(&text, begins_a_sentence))
}

fn ends_within_a_sentence(text: &str) -> bool {
    let mut last = text.chars().rev();
    last.next().is_some_and(|c| c.is_lowercase() || c.is_numeric())
        && last.next().is_some_and(char::is_alphanumeric)
}

fn begins_a_sentence(text: &str) -> bool {
    let mut first = text.chars();
    first.next().is_some_and(char::is_uppercase) && first.next().is_some_and(char::is_lowercase)
}

fn ends_blank(node: &NodeRef<'_>) -> bool {
    edge(node, |text| text.ends_with(char::is_whitespace))
}

fn begins_blank(node: &NodeRef<'_>) -> bool {
    edge(node, |text| text.starts_with(char::is_whitespace))
}

/// Looks at a text in place.
fn edge(node: &NodeRef<'_>, is: fn(&str) -> bool) -> bool {
    let looked_at = node.query(|node| match &node.data {
        NodeData::Text { contents } => is(contents),
        NodeData::Document
        | NodeData::Fragment
        | NodeData::Doctype { .. }
        | NodeData::Comment { .. }
        | NodeData::Element(_)
        | NodeData::ProcessingInstruction { .. } => false,
    });
    looked_at.unwrap_or_default()
}
