//! Texts and presentations: paragraphs, tables, notes and comments; a slide is a page.

use std::collections::BTreeSet;
use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::BlockKind;

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::ink::Colour;
use super::super::inline::{
    Format, Inline, Level, Margin, Subject, comment, is_page_number, note, note_mark, page_margin,
};
use super::super::merged_cells;
use super::super::xml::{Handler, Tag};
use super::super::{error, table};
use super::forms;
use super::frames::{Frame, SHAPES};
use super::lists::Lists;
use super::objects::Objects;
use super::slides::Slides;
use super::styles::{Styles, ground};
use super::tables::OpenTable;

/// Reads the content of a document after its styles, then its headers and footers.
pub(super) fn read(archive: &mut Archive<'_>, out: &mut Output<'_>) -> Result<()> {
    let objects = Objects::of(archive, &out.budget)?;
    let mut body = Body::new(&objects, out);
    body.in_styles = true;
    archive.xml("styles.xml", &mut body)?;
    body.in_styles = false;
    if !archive.xml("content.xml", &mut body)? {
        return Err(error::malformed("it has no content"));
    }
    let furniture = std::mem::take(&mut body.furniture);
    if out.report.pages.is_some() {
        return Ok(());
    }
    furniture.iter().try_for_each(|text| out.paragraph(text))
}

/// Elements outside the text.
const SKIPPED: &[&str] = &["font-face-decls", "scripts", "settings", "covered-table-cell", "event-listeners"];

/// Open paragraph or heading. Paragraphs nest through notes and frames.
#[derive(Default)]
pub(super) struct Paragraph {
    text: Inline,
    heading: Option<u8>,
    /// Formatting of the paragraph and of the spans within it.
    formats: Vec<Format>,
    leaving_out: Option<UnreadPart>,
    hidden: bool,
    has_page_number: bool,
    /// Notes, comments and charts within the paragraph, which follow it.
    after: Vec<After>,
}

/// Block that follows a paragraph.
pub(super) enum After {
    Text(String),
    Object(String),
}

/// Text beside the main one.
#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Note,
    Comment,
    /// Text of a tracked deletion.
    Deleted,
    Furniture(Margin),
}

struct Story {
    kind: Kind,
    text: String,
    /// Mark of a note, or author of a comment.
    label: String,
}

/// Text that is no text of a paragraph.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Captured {
    Description,
    Label,
    /// Text that is left out, such as a date.
    Nothing,
}

#[expect(clippy::struct_excessive_bools, reason = "each says where the walk is")]
pub(super) struct Body<'a, 'o> {
    pub(super) objects: &'a Objects,
    pub(super) out: &'a mut Output<'o>,
    pub(super) styles: Styles,
    pub(super) slides: Slides,
    list_styles: Lists,
    pub(super) in_styles: bool,
    pub(super) paragraphs: Vec<Paragraph>,
    tables: Vec<OpenTable>,
    stories: Vec<Story>,
    pub(super) frames: Vec<Frame>,
    pub(super) captured: Option<Captured>,
    lists: usize,
    pub(super) is_title: bool,
    in_forms: bool,
    /// Whether a layout of pages has a ground of its own.
    page_ground: bool,
    furniture: BTreeSet<String>,
    /// Depth within an element that is left out, the kind that it counts as, and whether it held text.
    skipped: usize,
    reason: Option<UnreadPart>,
    skipped_text: bool,
}

impl<'a, 'o> Body<'a, 'o> {
    fn new(objects: &'a Objects, out: &'a mut Output<'o>) -> Self {
        Self {
            objects,
            out,
            styles: Styles::default(),
            slides: Slides::default(),
            list_styles: Lists::default(),
            in_styles: false,
            paragraphs: Vec::new(),
            tables: Vec::new(),
            stories: Vec::new(),
            frames: Vec::new(),
            captured: None,
            lists: 0,
            is_title: false,
            in_forms: false,
            page_ground: false,
            furniture: BTreeSet::new(),
            skipped: 0,
            reason: None,
            skipped_text: false,
        }
    }

    /// Returns whether an element is left out, and remembers what it counts as.
    fn is_left_out(&mut self, tag: &Tag<'_>) -> bool {
        let is = |name: &str, value: &str| tag.attribute(name).is_some_and(|found| found == value);
        let read_hidden = self.out.limits.read_hidden;
        self.reason = match tag.name() {
            "section" if is("display", "none") || is("is-hidden", "true") => Some(UnreadPart::HiddenText),
            "hidden-text" if is("is-hidden", "true") => Some(UnreadPart::HiddenText),
            "page" if self.styles.hides_page(&tag.attribute("style-name").unwrap_or_default()) => {
                Some(UnreadPart::HiddenSlide)
            }
            _ => None,
        }
        .filter(|_| !read_hidden);
        let is_furniture = tag.name() == "frame"
            && (is("placeholder", "true")
                || ["page-number", "date-time", "footer", "header"].iter().any(|class| is("class", class)));
        let is_master = self.in_styles && tag.name() == "notes";
        self.reason.is_some() || is_furniture || is_master || SKIPPED.contains(&tag.name())
    }

    /// Ends an element that was left out. A slide counts even if it holds no text.
    fn end_left_out(&mut self) -> Result<()> {
        let reason = self.reason.take();
        if reason == Some(UnreadPart::HiddenSlide) {
            self.out.begin_page()?;
        }
        if let Some(part) = reason.filter(|part| self.skipped_text || *part == UnreadPart::HiddenSlide) {
            self.out.unread(part, 1);
            self.paragraphs.last_mut().into_iter().for_each(|paragraph| paragraph.text.omit());
        }
        self.skipped_text = false;
        Ok(())
    }

    fn begin_paragraph(&mut self, tag: &Tag<'_>) {
        let level = || tag.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
        let heading = (tag.name() == "h").then(level).or_else(|| self.is_title.then_some(1));
        let format = self.styles.format(&tag.attribute("style-name").unwrap_or_default());
        self.paragraphs.push(Paragraph { heading, formats: vec![format], ..Paragraph::default() });
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let Some(mut paragraph) = self.paragraphs.pop() else { return Ok(()) };
        let text = paragraph.text.take();
        if !text.trim().is_empty() {
            self.frames.last_mut().into_iter().for_each(|frame| frame.has_content = true);
        }
        let hidden = paragraph.hidden && !self.out.limits.read_hidden;
        if hidden {
            self.out.unread(UnreadPart::HiddenText, u32::from(!text.trim().is_empty()));
        } else {
            self.write(paragraph.heading, &text, paragraph.has_page_number)?;
        }
        paragraph.after.into_iter().try_for_each(|after| self.follow(after))
    }

    /// Writes the text of a paragraph to where it belongs.
    pub(super) fn write(&mut self, heading: Option<u8>, text: &str, has_page_number: bool) -> Result<()> {
        if let Some(story) = self.stories.last_mut() {
            let is_number = has_page_number && is_page_number(text);
            if !text.trim().is_empty() && !is_number {
                self.out.budget.copy(text.len())?;
                story.text.push_str(if story.text.is_empty() { "" } else { "\n" });
                story.text.push_str(text.trim());
            }
            return Ok(());
        }
        if self.in_styles {
            return Ok(());
        }
        let listed = self.lists > 0;
        let blank = text.trim().is_empty();
        let label = if listed && !blank { self.list_styles.take_label() } else { None };
        let label = label.filter(|_| heading.is_none());
        let numbered = label.map(|label| format!("{label} {}", text.trim_start()));
        let text = numbered.as_deref().unwrap_or(text);
        if let Some(table) = self.tables.last_mut().filter(|table| table.in_cell) {
            table.paragraph(text, listed);
            return Ok(());
        }
        match heading {
            Some(level) => self.out.heading(level, text),
            None if listed => self.out.push(BlockKind::ListItem, text),
            None => self.out.paragraph(text),
        }
    }

    /// Writes a block after its paragraph, or after the one around it.
    pub(super) fn follow(&mut self, after: After) -> Result<()> {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.after.push(after);
            return Ok(());
        }
        match after {
            After::Text(text) => self.write(None, &text, false),
            After::Object(link) => {
                let budget = Rc::clone(&self.out.budget);
                budget.work(link.len());
                self.objects.get(&link).map_or(Ok(()), |object| object.write(self.out))
            }
        }
    }

    /// Returns the ground that the style of a table, a row or a cell gives it.
    fn ground(&self, tag: &Tag<'_>) -> Option<Colour> {
        self.styles.format(&tag.attribute("style-name").unwrap_or_default()).ink.ground
    }

    /// Appends text to the open paragraph, unless it is struck out or hidden.
    pub(super) fn append(&mut self, text: &str) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        let mut format =
            paragraph.formats.iter().rev().fold(Format::default(), |format, outer| format.or(*outer));
        // Slides and shapes have grounds of their own.
        let framed = !self.frames.is_empty() || self.page_ground;
        let page = self.slides.ground().or(framed.then_some(Colour::Unknown));
        let shape = self.frames.iter().rev().find_map(|frame| frame.ground);
        let around = self.tables.last().and_then(OpenTable::ground);
        format.ink = format.ink.on(around.or(shape).or(page));
        let Some(reason) = format.left_out(self.out.limits.read_hidden) else {
            paragraph.leaving_out = paragraph.leaving_out.filter(|_| text.trim().is_empty());
            return paragraph.text.push(text, format.level.unwrap_or_default());
        };
        if !text.trim().is_empty() {
            paragraph.text.omit();
            if paragraph.leaving_out.replace(reason) != Some(reason) {
                self.out.unread(reason, 1);
            }
        }
    }

    fn begin_story(&mut self, kind: Kind) {
        self.stories.push(Story { kind, text: String::new(), label: String::new() });
    }

    fn end_story(&mut self) -> Result<()> {
        let Some(Story { kind, text, label }) = self.stories.pop() else { return Ok(()) };
        if text.trim().is_empty() {
            return Ok(());
        }
        match kind {
            Kind::Note => self.follow(After::Text(note(&label, &text))),
            Kind::Comment => {
                let text = comment(self.out.limits, &label, Subject::Before, &text);
                text.map_or(Ok(()), |text| self.follow(After::Text(text)))
            }
            Kind::Deleted => {
                self.out.unread(UnreadPart::StruckText, 1);
                Ok(())
            }
            Kind::Furniture(margin) => {
                self.furniture.extend(page_margin(margin, &text));
                Ok(())
            }
        }
    }

    /// Begins text beside the main one. Returns whether the element does.
    fn begins_story(&mut self, name: &str) -> bool {
        let open = self.stories.last().map(|story| &story.kind);
        let (in_comment, in_deletion) = (open == Some(&Kind::Comment), open == Some(&Kind::Deleted));
        match name {
            "note" => self.begin_story(Kind::Note),
            "annotation" => self.begin_story(Kind::Comment),
            "deletion" => self.begin_story(Kind::Deleted),
            "header" | "header-left" | "header-first" if self.in_styles => {
                self.begin_story(Kind::Furniture(Margin::Header));
            }
            "footer" | "footer-left" | "footer-first" if self.in_styles => {
                self.begin_story(Kind::Furniture(Margin::Footer));
            }
            "note-citation" => self.captured = Some(Captured::Label),
            "creator" if in_comment => self.captured = Some(Captured::Label),
            "date" | "date-string" | "creator-initials" if in_comment => {
                self.captured = Some(Captured::Nothing);
            }
            "change-info" if in_deletion => self.captured = Some(Captured::Nothing),
            _ => return false,
        }
        true
    }

    /// Begins an element within a paragraph.
    fn inline(&mut self, tag: &Tag<'_>) {
        const MOST_BLANKS: usize = 256;
        match tag.name() {
            "span" => {
                let format = self.styles.format(&tag.attribute("style-name").unwrap_or_default());
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.formats.push(format);
                }
            }
            "s" => {
                let count = tag.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1_usize);
                self.append(&" ".repeat(count.min(MOST_BLANKS)));
            }
            "tab" => self.append("\t"),
            "line-break" => self.append("\n"),
            "ruby-text" => self.append("("),
            "hidden-paragraph" => {
                let hidden = tag.attribute("is-hidden").is_some_and(|hidden| hidden == "true");
                self.paragraphs.last_mut().into_iter().for_each(|paragraph| paragraph.hidden |= hidden);
            }
            "page-number" | "page-count" if !self.stories.is_empty() => {
                self.captured = Some(Captured::Nothing);
                self.paragraphs.last_mut().into_iter().for_each(|paragraph| paragraph.has_page_number = true);
            }
            _ => {}
        }
    }

    fn end_table(&mut self) -> Result<()> {
        let Some(table) = self.tables.pop() else { return Ok(()) };
        if self.in_styles {
            return Ok(());
        }
        let budget = Rc::clone(&self.out.budget);
        let header = table.header();
        let rows = merged_cells::lay_out(table.rows, &budget)?;
        let outer = self.tables.last_mut().filter(|outer| outer.in_cell);
        if let Some(cell) = outer.and_then(|outer| outer.rows.last_mut()?.last_mut()) {
            return table::inline(&rows, &mut cell.text, &budget);
        }
        table::write_under(header, &rows, self.out)
    }
}

impl Handler for Body<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || self.is_left_out(tag) {
            self.skipped += 1;
            return Ok(());
        }
        if self.in_forms {
            return forms::field(tag).map_or(Ok(()), |field| self.out.paragraph(&field));
        }
        self.styles.take(tag);
        self.list_styles.open(tag);
        if self.begins_story(tag.name()) || self.framed(tag)? {
            return Ok(());
        }
        match tag.name() {
            "p" | "h" => self.begin_paragraph(tag),
            "list-item" | "list-header" => self.lists += 1,
            "page" => {
                self.slides.begin(tag, &self.styles);
                self.out.begin_page()?;
            }
            "master-page" => self.slides.begin_master(tag, &self.styles),
            "notes" => self.slides.cover(),
            "forms" => self.in_forms = true,
            "table" => self.tables.push(OpenTable::new(self.ground(tag))),
            "table-header-rows" => {
                self.tables.last_mut().into_iter().for_each(|table| table.in_header = true);
            }
            "table-row" => {
                let hidden = tag.attribute("visibility").is_some_and(|seen| seen != "visible");
                let ground = self.ground(tag);
                self.tables.last_mut().into_iter().for_each(|table| table.begin_row(hidden, ground));
            }
            "table-cell" => {
                let budget = Rc::clone(&self.out.budget);
                let ground = self.ground(tag);
                let table = self.tables.last_mut();
                return table.map_or(Ok(()), |table| table.begin_cell(tag, ground, &budget));
            }
            "page-layout-properties" => {
                self.page_ground |= ground(tag).is_some_and(|ground| ground != Colour::WHITE)
                    || tag.attribute("fill").is_some_and(|fill| fill != "none");
            }
            name if name == "frame" || SHAPES.contains(&name) => self.begin_frame(tag),
            _ => self.inline(tag),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return if self.skipped == 0 { self.end_left_out() } else { Ok(()) };
        }
        self.list_styles.close(name);
        match name {
            "style" => self.styles.end(),
            "p" | "h" => return self.end_paragraph(),
            "span" => {
                let formats = self.paragraphs.last_mut().map(|paragraph| &mut paragraph.formats);
                formats.and_then(Vec::pop);
            }
            "ruby-text" => self.append(")"),
            "table" => return self.end_table(),
            "table-header-rows" => {
                self.tables.last_mut().into_iter().for_each(|table| table.in_header = false);
            }
            "table-row" => {
                let read_hidden = self.out.limits.read_hidden;
                let hidden = self.tables.last_mut().is_some_and(|table| table.end_row(read_hidden));
                self.out.unread(UnreadPart::HiddenRow, u32::from(hidden));
            }
            "table-cell" => {
                let budget = Rc::clone(&self.out.budget);
                return self.tables.last_mut().map_or(Ok(()), |table| table.end_cell(&budget));
            }
            "list-item" | "list-header" => self.lists = self.lists.saturating_sub(1),
            "page" => {
                self.slides.end();
                self.out.end_page();
            }
            "master-page" => self.slides.end(),
            "forms" => self.in_forms = false,
            "note-citation" => {
                self.captured = None;
                let mark = self.stories.last().map(|story| note_mark(&story.label)).unwrap_or_default();
                let paragraph = self.paragraphs.last_mut().into_iter();
                paragraph.for_each(|paragraph| paragraph.text.push(&mark, Level::Line));
            }
            "title" | "desc" => {
                self.captured = None;
                self.frames.last_mut().into_iter().for_each(|frame| frame.description.push(' '));
            }
            "creator" | "date" | "date-string" | "creator-initials" | "change-info" | "page-number"
            | "page-count" => self.captured = None,
            "note" | "annotation" | "deletion" => return self.end_story(),
            "header" | "header-left" | "header-first" | "footer" | "footer-left" | "footer-first"
                if self.in_styles =>
            {
                return self.end_story();
            }
            name if name == "frame" || SHAPES.contains(&name) => return self.end_frame(),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        const LONGEST: usize = 64 * 1024;
        if self.skipped > 0 {
            self.skipped_text |= !text.trim().is_empty();
            return Ok(());
        }
        match self.captured {
            None => self.append(text),
            Some(Captured::Nothing) => {}
            Some(Captured::Description) => {
                let frame = self.frames.last_mut().filter(|frame| frame.description.len() < LONGEST);
                if let Some(frame) = frame {
                    frame.description.push_str(text);
                }
            }
            Some(Captured::Label) => {
                let story = self.stories.last_mut().filter(|story| story.label.len() < LONGEST);
                if let Some(story) = story {
                    story.label.push_str(text);
                }
            }
        }
        Ok(())
    }
}
