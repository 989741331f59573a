//! Conversion of an element tree to blocks.

use std::collections::BTreeSet;

use dom_query::{NodeId, NodeRef};
use nexus_core::Result;
use nexus_core::document::parser::BlockKind;

use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::merged_cells::{self, Cell};
use super::super::table;

/// Elements without readable text.
const SKIPPED: &[&str] = &[
    "head", "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "canvas",
    "audio", "video", "select", "datalist", "button", "input", "textarea", "nav", "dialog",
];

/// Elements that begin and end a block.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "html",
    "legend",
    "main",
    "menu",
    "ol",
    "p",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Writes the content of `root` as blocks.
pub(super) fn write(root: &NodeRef<'_>, out: &mut Output<'_>) -> Result<()> {
    let layout = layout_tables(root, &out.budget);
    let kind = BlockKind::Paragraph;
    let mut writer = Writer { out, layout, text: String::new(), space: false, kind, number: None };
    writer.children(root)?;
    writer.flush()
}

/// Returns the tables that contain other tables: those are used for layout. One walk finds them all; a search below
/// each table would visit nested ones again and again.
fn layout_tables(root: &NodeRef<'_>, budget: &Budget) -> BTreeSet<NodeId> {
    let (mut open, mut layout) = (vec![(*root, None)], BTreeSet::new());
    while let Some((node, mut around)) = open.pop() {
        budget.work(1);
        if node.has_name("table") {
            layout.extend(around.replace(node.id));
        }
        open.extend(node.children_it(false).map(|child| (child, around)));
    }
    layout
}

struct Writer<'a, 'o> {
    out: &'a mut Output<'o>,
    layout: BTreeSet<NodeId>,
    text: String,
    /// Whether white space is pending before the next word.
    space: bool,
    /// Kind of the block that the text becomes.
    kind: BlockKind,
    /// Number of the next element, if it stands in a numbered list.
    number: Option<usize>,
}

impl Writer<'_, '_> {
    /// Visits the children and numbers the elements of a numbered list.
    fn children(&mut self, node: &NodeRef<'_>) -> Result<()> {
        let first = || node.attr("start").and_then(|start| start.parse::<usize>().ok()).unwrap_or(1);
        let mut next = node.has_name("ol").then(first);
        for child in node.children_it(false) {
            self.number = next.filter(|_| child.is_element());
            next = self.number.map(|number| number.saturating_add(1)).or(next);
            self.node(&child)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &NodeRef<'_>) -> Result<()> {
        self.out.budget.work(1);
        let number = self.number.take();
        if node.is_text() {
            self.words(&node.text());
            return Ok(());
        }
        let Some(name) = node.node_name() else { return Ok(()) };
        if SKIPPED.contains(&&*name) || is_hidden(node) {
            return Ok(());
        }
        match &*name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = name.bytes().next_back().map_or(1, |digit| digit - b'0');
                self.block(BlockKind::Heading { level }, node)
            }
            "li" => self.item(node, number),
            "pre" => self.preformatted(node),
            "table" if !self.layout.contains(&node.id) && is_data(node) => self.table(node),
            "br" => {
                self.text.push('\n');
                self.space = false;
                Ok(())
            }
            name if BLOCKS.contains(&name) => self.block(self.kind, node),
            _ => self.children(node),
        }
    }

    fn block(&mut self, kind: BlockKind, node: &NodeRef<'_>) -> Result<()> {
        self.flush()?;
        let outer = std::mem::replace(&mut self.kind, kind);
        self.children(node)?;
        self.flush()?;
        self.kind = outer;
        Ok(())
    }

    /// Writes a list item. A numbered item keeps its number, because other text may refer to it.
    fn item(&mut self, node: &NodeRef<'_>, number: Option<usize>) -> Result<()> {
        self.flush()?;
        if let Some(number) = number {
            self.text = format!("{number}. ");
        }
        let outer = std::mem::replace(&mut self.kind, BlockKind::ListItem);
        self.children(node)?;
        self.flush()?;
        self.kind = outer;
        Ok(())
    }

    fn preformatted(&mut self, node: &NodeRef<'_>) -> Result<()> {
        self.flush()?;
        self.out.push(BlockKind::Code, &node.text())
    }

    fn table(&mut self, node: &NodeRef<'_>) -> Result<()> {
        self.flush()?;
        let rows = rows(node).iter().map(|row| cells(row).iter().map(cell).collect()).collect();
        table::write(&merged_cells::lay_out(rows, &self.out.budget)?, self.out)
    }

    /// Appends text with collapsed white space.
    fn words(&mut self, text: &str) {
        let open = self.text.is_empty() || self.text.ends_with(char::is_whitespace);
        self.space |= text.starts_with(char::is_whitespace);
        for (index, word) in text.split_whitespace().enumerate() {
            if (index > 0 || self.space) && !(index == 0 && open) {
                self.text.push(' ');
            }
            self.text.push_str(word);
            self.space = false;
        }
        self.space |= text.ends_with(char::is_whitespace);
    }

    fn flush(&mut self) -> Result<()> {
        self.space = false;
        let text = std::mem::take(&mut self.text);
        if let BlockKind::Heading { level } = self.kind {
            return self.out.heading(level, &text);
        }
        self.out.push(self.kind, &text)
    }
}

fn is_hidden(node: &NodeRef<'_>) -> bool {
    node.has_attr("hidden")
        || node.attr("style").is_some_and(|style| style.replace(' ', "").contains("display:none"))
}

/// Returns whether a table without nested tables holds data rather than page layout.
fn is_data(table: &NodeRef<'_>) -> bool {
    if table.attr("role").is_some_and(|role| &*role == "presentation") {
        return false;
    }
    let rows = rows(table);
    rows.len() > 1 && rows.iter().any(|row| cells(row).len() > 1)
}

fn rows<'a>(table: &NodeRef<'a>) -> Vec<NodeRef<'a>> {
    table.descendants_it().filter(|node| node.has_name("tr")).collect()
}

fn cells<'a>(row: &NodeRef<'a>) -> Vec<NodeRef<'a>> {
    row.children_it(false).filter(|node| node.has_name("td") || node.has_name("th")).collect()
}

fn cell(cell: &NodeRef<'_>) -> Cell {
    let span = |name: &str| cell.attr(name).and_then(|span| span.parse().ok()).unwrap_or(1);
    Cell { text: cell_text(cell), columns: span("colspan"), rows: span("rowspan") }
}

fn cell_text(cell: &NodeRef<'_>) -> String {
    let mut text = String::new();
    for node in cell.descendants_it() {
        if node.is_text()
            && !node
                .parent()
                .and_then(|parent| parent.node_name())
                .is_some_and(|name| SKIPPED.contains(&&*name))
        {
            text.push_str(&node.text());
        } else if node.has_name("br") || node.node_name().is_some_and(|name| BLOCKS.contains(&&*name)) {
            text.push(' ');
        }
    }
    text
}
