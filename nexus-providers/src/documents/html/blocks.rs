//! Conversion of an element tree to blocks.

use std::collections::BTreeSet;

use dom_query::{NodeId, NodeRef};
use nexus_core::Result;
use nexus_core::document::parser::BlockKind;

use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::inline::{Level, marked, note_mark};
use super::super::merged_cells::{self, Cell};
use super::super::table::{self, HeaderRows};
use super::embedded::{self, Embedded};

/// Elements without text of the document.
const SKIPPED: &[&str] =
    &["head", "script", "style", "noscript", "template", "datalist", "button", "nav", "dialog", "rp"];

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

/// Maximum number of rows without a data cell that make a header.
const MOST_HEADER_ROWS: usize = 3;

/// Writes the content of `root` as blocks.
pub(super) fn write(root: &NodeRef<'_>, out: &mut Output<'_>) -> Result<()> {
    let layout = layout_tables(root, &out.budget);
    let kind = BlockKind::Paragraph;
    let mut writer =
        Writer { out, layout, text: String::new(), space: false, kind, number: None, cell: None };
    writer.children(root)?;
    writer.flush()
}

/// Returns the tables that contain other tables and have no header: those are used for layout. One walk finds them
/// all; a search below each table would visit nested ones again and again.
fn layout_tables(root: &NodeRef<'_>, budget: &Budget) -> BTreeSet<NodeId> {
    let (mut open, mut layout) = (vec![(*root, None)], BTreeSet::new());
    while let Some((node, mut around)) = open.pop() {
        budget.work(1);
        if node.has_name("table") {
            let around = around.replace(node);
            layout.extend(around.filter(|table| !has_header(table)).map(|table| table.id));
        }
        open.extend(node.children_it(false).map(|child| (child, around)));
    }
    layout
}

/// Returns whether the first row of a table is a header.
fn has_header(table: &NodeRef<'_>) -> bool {
    const CELLS: usize = 64;
    let first = rows(table).next();
    first.is_some_and(|row| row.children_it(false).take(CELLS).any(|cell| cell.has_name("th")))
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
    /// Text of the open cell, and whether it ends with a list item.
    cell: Option<(String, bool)>,
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
        if SKIPPED.contains(&&*name) {
            return Ok(());
        }
        if let Some(embedded) = embedded::content(node, &name) {
            self.embedded(embedded);
            return Ok(());
        }
        match &*name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = name.bytes().next_back().map_or(1, |digit| digit - b'0');
                self.block(BlockKind::Heading { level }, node)
            }
            "li" => self.item(node, number),
            "pre" => self.preformatted(node),
            "table" if self.is_data(node) => self.table(node),
            "br" => {
                self.text.push('\n');
                self.space = false;
                Ok(())
            }
            "sup" => self.raised(node, Level::Super),
            "sub" => self.raised(node, Level::Sub),
            "a" if is_note(node) => {
                self.text.push_str(&note_mark(&node.text()));
                self.space = false;
                Ok(())
            }
            "rt" => self.enclosed(node, ("(", ")")),
            "label" => {
                self.children(node)?;
                self.space = true;
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
        self.emit(BlockKind::Code, &node.text())
    }

    /// Returns whether a table holds data rather than page layout. Tables within a cell become its text.
    fn is_data(&self, table: &NodeRef<'_>) -> bool {
        self.cell.is_none() && !self.layout.contains(&table.id) && is_data(table)
    }

    fn table(&mut self, node: &NodeRef<'_>) -> Result<()> {
        self.flush()?;
        for caption in node.children_it(false).filter(|child| child.has_name("caption")) {
            self.block(BlockKind::Paragraph, &caption)?;
        }
        let mut table = Vec::new();
        for row in rows(node) {
            table.push(cells(&row).iter().map(|cell| self.cell(cell)).collect::<Result<Vec<Cell>>>()?);
        }
        let known = header_rows(node);
        table::write_under(known, &merged_cells::lay_out(table, &self.out.budget)?, self.out)
    }

    fn cell(&mut self, node: &NodeRef<'_>) -> Result<Cell> {
        let span = |name: &str| node.attr(name).and_then(|span| span.parse().ok()).unwrap_or(1);
        let kind = std::mem::replace(&mut self.kind, BlockKind::Paragraph);
        self.cell = Some((String::new(), false));
        self.children(node)?;
        self.flush()?;
        self.kind = kind;
        let (text, _) = self.cell.take().unwrap_or_default();
        Ok(Cell { text, columns: span("colspan"), rows: span("rowspan") })
    }

    /// Writes a superscript or a subscript. A superscript that links to a note is its mark.
    fn raised(&mut self, node: &NodeRef<'_>, level: Level) -> Result<()> {
        const NEAR: usize = 8;
        const LONGEST: usize = 256;
        let start = self.text.len();
        self.children(node)?;
        let is_short = self.text.len().checked_sub(start).is_some_and(|length| length <= LONGEST);
        if is_short && self.text.is_char_boundary(start) {
            let raised = self.text.split_off(start);
            let links = |node: &NodeRef<'_>| node.attr("href").is_some_and(|href| href.starts_with('#'));
            let is_mark = node.descendants_it().take(NEAR).any(|node| links(&node)) && !raised.contains('[');
            let text = if is_mark { note_mark(&raised) } else { marked(&raised, level) };
            self.text.push_str(&text);
        }
        Ok(())
    }

    fn enclosed(&mut self, node: &NodeRef<'_>, brackets: (&str, &str)) -> Result<()> {
        self.text.push_str(brackets.0);
        self.children(node)?;
        self.text.push_str(brackets.1);
        Ok(())
    }

    /// Writes an element that is no running text, with blanks around its text.
    fn embedded(&mut self, embedded: Embedded) {
        match embedded {
            Embedded::Text(text) => {
                self.space = true;
                self.words(&text);
                self.space = true;
            }
            Embedded::Unread(part) => self.out.unread(part, 1),
            Embedded::Nothing => {}
        }
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
        self.emit(self.kind, &text)
    }

    /// Writes a block, or appends it to the open cell.
    fn emit(&mut self, kind: BlockKind, text: &str) -> Result<()> {
        let Some((cell, listed)) = &mut self.cell else {
            if let BlockKind::Heading { level } = kind {
                return self.out.heading(level, text);
            }
            return self.out.push(kind, text);
        };
        table::add_paragraph(cell, listed, text, kind == BlockKind::ListItem);
        Ok(())
    }
}

/// Returns whether a link is the mark of a note.
fn is_note(node: &NodeRef<'_>) -> bool {
    let named = |name: &str| node.attr(name).is_some_and(|value| value.ends_with("noteref"));
    (named("epub:type") || named("role"))
        && node.parent().is_none_or(|parent| !parent.has_name("sup"))
        && !node.text().contains('[')
}

/// Returns whether a table without nested tables holds data rather than page layout.
fn is_data(table: &NodeRef<'_>) -> bool {
    if table.attr("role").is_some_and(|role| &*role == "presentation") {
        return false;
    }
    let rows: Vec<_> = rows(table).collect();
    let is_named = || table.children_it(false).any(|child| child.has_name("caption"));
    (rows.len() > 1 || is_named()) && rows.iter().any(|row| cells(row).len() > 1)
}

/// Returns the rows of a table without those of tables within it.
fn rows<'a>(table: &NodeRef<'a>) -> impl Iterator<Item = NodeRef<'a>> {
    let parts = table.children_it(false).flat_map(|part| {
        let is_group = ["tbody", "thead", "tfoot"].iter().any(|name| part.has_name(name));
        let rows = is_group.then(|| part.children_it(false)).into_iter().flatten();
        rows.chain((!is_group).then_some(part))
    });
    parts.filter(|node| node.has_name("tr"))
}

/// Returns the rows that make the header: those of a `thead`, or else the first rows without a data cell.
fn header_rows(table: &NodeRef<'_>) -> HeaderRows {
    let head = table.children_it(false).find(|part| part.has_name("thead"));
    let declared = head.map(|head| head.children_it(false).filter(|row| row.has_name("tr")).count());
    let is_header = |row: &NodeRef<'_>| {
        let cells = cells(row);
        !cells.is_empty() && cells.iter().all(|cell| cell.has_name("th"))
    };
    let first = || rows(table).take(MOST_HEADER_ROWS).take_while(is_header).count();
    match declared.filter(|rows| *rows > 0).unwrap_or_else(first) {
        0 | 1 => HeaderRows::Guessed,
        rows => HeaderRows::Declared(rows),
    }
}

fn cells<'a>(row: &NodeRef<'a>) -> Vec<NodeRef<'a>> {
    row.children_it(false).filter(|node| node.has_name("td") || node.has_name("th")).collect()
}
