//! Elements that are no running text: images, form fields, drawings, formulas and embedded files.

use dom_query::NodeRef;
use nexus_core::document::UnreadPart;

use super::super::inline;

/// Content of an element that is no running text.
pub(super) enum Embedded {
    /// Text that stands for the element.
    Text(String),
    /// Part that is counted.
    Unread(UnreadPart),
    /// Element without any content, such as an empty field.
    Nothing,
}

/// Returns the content of an element, or nothing if it is ordinary.
pub(super) fn content(node: &NodeRef<'_>, name: &str) -> Option<Embedded> {
    Some(match name {
        "img" => image(node),
        "input" => input(node),
        "select" => Embedded::Text(chosen(node)),
        "textarea" => Embedded::Text(node.text().to_string()),
        "svg" => drawing(node),
        "math" => Embedded::Text(formula(node)),
        "iframe" | "object" | "embed" | "applet" => Embedded::Unread(UnreadPart::Attachment),
        "canvas" => Embedded::Unread(UnreadPart::Drawing),
        "audio" | "video" => Embedded::Unread(UnreadPart::Media),
        _ => return None,
    })
}

fn attribute(node: &NodeRef<'_>, name: &str) -> String {
    node.attr(name).map(|value| value.trim().to_owned()).unwrap_or_default()
}

fn image(node: &NodeRef<'_>) -> Embedded {
    match inline::described(&attribute(node, "alt")) {
        "" => Embedded::Unread(UnreadPart::Image),
        description => Embedded::Text(inline::image(description)),
    }
}

/// Returns the value that a field shows. Buttons, passwords and hidden fields show none.
fn input(node: &NodeRef<'_>) -> Embedded {
    match attribute(node, "type").to_ascii_lowercase().as_str() {
        "checkbox" | "radio" => Embedded::Text(if node.has_attr("checked") { "☒" } else { "☐" }.to_owned()),
        "image" => image(node),
        "hidden" | "password" | "file" | "submit" | "button" | "reset" => Embedded::Nothing,
        _ => Embedded::Text(attribute(node, "value")),
    }
}

/// Returns the options of a list that are chosen. A list for one choice shows its first option by itself.
fn chosen(node: &NodeRef<'_>) -> String {
    let options: Vec<NodeRef<'_>> = node.descendants_it().filter(|node| node.has_name("option")).collect();
    let mut chosen: Vec<String> = options
        .iter()
        .filter(|option| option.has_attr("selected"))
        .map(|option| option.text().trim().to_owned())
        .collect();
    if chosen.is_empty() && !node.has_attr("multiple") {
        chosen.extend(options.first().map(|option| option.text().trim().to_owned()));
    }
    chosen.join(", ")
}

/// Returns the text and the descriptions of a drawing.
fn drawing(node: &NodeRef<'_>) -> Embedded {
    let (mut open, mut texts, mut descriptions) = (vec![*node], Vec::new(), Vec::new());
    while let Some(node) = open.pop() {
        let found = match node.node_name().as_deref() {
            Some("title" | "desc") => &mut descriptions,
            Some("text") => &mut texts,
            _ => {
                open.extend(node.children_it(true));
                continue;
            }
        };
        found.extend(Some(node.text().trim().to_owned()).filter(|text| !text.is_empty()));
    }
    if !descriptions.is_empty() {
        texts.insert(0, inline::image(&descriptions.join(" ")));
    }
    if texts.is_empty() { Embedded::Unread(UnreadPart::Drawing) } else { Embedded::Text(texts.join(" ")) }
}

/// Returns a formula on a line: `x²`, `(a+b)/c`, `a^n b`.
fn formula(node: &NodeRef<'_>) -> String {
    let mut text = String::new();
    linear(node, &mut text);
    if text.trim().is_empty() { attribute(node, "alttext") } else { text }
}

fn linear(node: &NodeRef<'_>, text: &mut String) {
    /// Length up to which a part gets parentheses, because they move its text.
    const LONGEST: usize = 256;
    if node.is_text() {
        return text.push_str(node.text().trim());
    }
    let name = node.node_name().unwrap_or_default();
    if name.starts_with("annotation") {
        return;
    }
    let signs: &[&str] = match &*name {
        "msup" | "mover" => &["", "^"],
        "msub" | "munder" => &["", "_"],
        "msubsup" | "munderover" => &["", "_", "^"],
        "mfrac" => &["", "/"],
        "msqrt" => &["√"],
        "mtr" | "mtd" => &[" "],
        _ => &[],
    };
    let is_part = !signs.is_empty() && !name.starts_with("mt");
    let mut follows_part = false;
    for (index, child) in
        node.children_it(false).filter(|child| child.is_element() || child.is_text()).enumerate()
    {
        let before = text.len();
        let sign = signs.get(index).copied().unwrap_or_default();
        text.push_str(sign);
        let start = text.len();
        linear(&child, text);
        let inner = text.get(start..).unwrap_or_default();
        let is_long = inner.chars().nth(1).is_some() && inner.len() <= LONGEST;
        let raised = raised(inner).filter(|_| sign == "^");
        if inner.is_empty() {
            text.truncate(before);
        } else if let Some(raised) = raised {
            text.truncate(before);
            text.push_str(&raised);
        } else if is_part && is_long && child.is_element() && !child.has_name("mn") {
            text.insert(start, '(');
            text.push(')');
        } else if !is_part && inner.len() <= LONGEST && runs_into(text, start, follows_part, &child) {
            text.insert(start, ' ');
        }
        follows_part = PARTS.iter().any(|part| child.has_name(part));
    }
}

/// Parts of a formula that take the text beside them for their own.
const PARTS: &[&str] = &["mfrac", "msup", "msub", "msubsup", "msqrt"];

/// Returns whether a part would run into the text before it: a fraction into any letter or number, and any text into a
/// fraction or an exponent that stands on the line.
fn runs_into(text: &str, start: usize, follows_part: bool, child: &NodeRef<'_>) -> bool {
    let (before, inner) = text.split_at_checked(start).unwrap_or_default();
    let begins = inner.starts_with(|c: char| c.is_alphanumeric() || c == '(');
    let ends = before.ends_with(|c: char| c.is_alphanumeric() || c == ')');
    let is_raised = before.ends_with(|c: char| inline::is_raised_digit(c));
    begins && ends && (child.has_name("mfrac") || follows_part && !is_raised)
}

/// Returns a number as an exponent.
fn raised(text: &str) -> Option<String> {
    let is_number =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '−' | '+'));
    is_number.then(|| inline::marked(text, inline::Level::Super)).filter(|raised| raised != text)
}
