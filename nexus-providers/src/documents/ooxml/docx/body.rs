//! Streaming walk through one part of a DOCX: the body, notes, comments, a header or a footer.

use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::BlockKind;

use super::super::super::block_writer::Output;
use super::super::super::ink::Colour;
use super::super::super::inline::{
    Level, Margin, Subject, comment, described, image, is_page_number, note, page_margin,
};
use super::super::super::table;
use super::super::super::xml::{Handler, Tag};
use super::super::alternatives::Alternatives;
use super::super::equation::Equation;
use super::super::graphics::{Graphics, description};
use super::super::styles::{outline_level, shading};
use super::super::symbols;
use super::document::{Document, Story};
use super::paragraph::{Drawing, Field, FormField, Paragraph};
use super::tables::OpenTable;

/// State of the walk. Paragraphs nest through text boxes, tables through cells.
#[expect(clippy::struct_excessive_bools, reason = "each says where the walk is")]
pub(super) struct Body<'a, 'd, 'o> {
    story: Story,
    document: &'a mut Document<'d>,
    graphics: &'a Graphics,
    out: &'a mut Output<'o>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<OpenTable>,
    drawings: Vec<Drawing>,
    fields: Vec<Field>,
    form_field: Option<FormField>,
    alternatives: Alternatives,
    /// Depth within an element that is left out, and whether it counts as deleted.
    skipped: usize,
    deleted: bool,
    in_text: bool,
    in_instruction: bool,
    in_row_properties: bool,
    /// Mark of the open note.
    mark: Option<String>,
    /// Text of the open comment, header or footer.
    collected: String,
    comment: (String, String),
}

impl<'a, 'd, 'o> Body<'a, 'd, 'o> {
    pub(super) fn new(
        story: Story,
        document: &'a mut Document<'d>,
        graphics: &'a Graphics,
        out: &'a mut Output<'o>,
    ) -> Self {
        Self {
            story,
            document,
            graphics,
            out,
            paragraphs: Vec::new(),
            tables: Vec::new(),
            drawings: Vec::new(),
            fields: Vec::new(),
            form_field: None,
            alternatives: Alternatives::default(),
            skipped: 0,
            deleted: false,
            in_text: false,
            in_instruction: false,
            in_row_properties: false,
            mark: None,
            collected: String::new(),
            comment: (String::new(), String::new()),
        }
    }

    /// Appends text to the open paragraph, unless it is struck out, hidden, or the number of a page.
    fn append(&mut self, text: &str) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        if self.story != Story::Main && self.fields.iter().any(Field::is_page_number) {
            paragraph.has_page_number = true;
            return paragraph.text.omit();
        }
        let mut format = paragraph.run.or(paragraph.run_style).or(paragraph.style_run);
        // A drawing has a ground of its own.
        let around = match self.drawings.last() {
            Some(_) => Some(Colour::Unknown),
            None => self.tables.last().and_then(OpenTable::ground).or(self.document.ground),
        };
        format.ink = format.ink.on(paragraph.ground.or(around));
        let Some(reason) = format.left_out(self.out.limits.read_hidden) else {
            paragraph.equation.run(text, &mut paragraph.text);
            paragraph.text.push(text, format.level.unwrap_or_default());
            paragraph.leaving_out = paragraph.leaving_out.filter(|_| text.trim().is_empty());
            return self.document.anchor(text);
        };
        if !text.trim().is_empty() {
            self.leave_out(reason);
        }
    }

    /// Counts text that is left out. Text that follows text of the same kind belongs to it.
    fn leave_out(&mut self, part: UnreadPart) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return self.out.unread(part, 1) };
        paragraph.text.omit();
        if paragraph.leaving_out.replace(part) != Some(part) {
            self.out.unread(part, 1);
        }
    }

    /// Takes a property of the open paragraph or run.
    fn property(&mut self, tag: &Tag<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        match tag.name() {
            "pStyle" => {
                paragraph.style = tag.attribute("val");
                paragraph.style_run =
                    self.document.styles.run(paragraph.style.as_deref().unwrap_or_default());
            }
            "rStyle" => {
                paragraph.run_style = self.document.styles.run(&tag.attribute("val").unwrap_or_default());
            }
            "outlineLvl" => paragraph.outline = outline_level(tag),
            "numId" => paragraph.list = tag.attribute("val"),
            "ilvl" => paragraph.level = tag.attribute("val").and_then(|level| level.parse().ok()),
            "r" => {
                (paragraph.run, paragraph.run_style) = Default::default();
                paragraph.has_run = true;
            }
            "rPr" => paragraph.in_mark = !paragraph.has_run,
            "shd" if !paragraph.has_run && !paragraph.in_mark => paragraph.ground = shading(tag),
            _ => paragraph.run.property(tag),
        }
    }

    /// Handles an element that stands for characters. Returns whether it is one.
    fn special(&mut self, tag: &Tag<'_>) -> bool {
        match tag.name() {
            // Within properties, the element is the position of a tab.
            "tab" if tag.attribute("pos").is_some() => {}
            "tab" | "ptab" => self.append("\t"),
            "br" | "cr" => self.append("\n"),
            "noBreakHyphen" => self.append("-"),
            "sym" => {
                let code = tag.attribute("char").and_then(|code| u32::from_str_radix(&code, 16).ok());
                let font = tag.attribute("font").unwrap_or_default();
                match code.and_then(|code| symbols::character(&font, code)) {
                    Some(character) => self.append(character.encode_utf8(&mut [0; 4])),
                    None => self.out.unread(UnreadPart::Drawing, 1),
                }
            }
            "footnoteReference" | "endnoteReference" => {
                let mark = self.document.mark(tag).unwrap_or_default();
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.text.push(&mark, Level::Line);
                }
            }
            _ => return false,
        }
        true
    }

    /// Begins a field, its parts, or the properties of a form field.
    fn field(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "fldSimple" => {
                let instruction = tag.attribute("instr").unwrap_or_default();
                self.fields.push(Field { instruction });
            }
            "fldChar" => match tag.attribute("fldCharType").as_deref() {
                Some("begin") => self.fields.push(Field::default()),
                Some("end") => drop(self.fields.pop()),
                _ => {}
            },
            "ffData" => self.form_field = Some(FormField::default()),
            _ => self.form_field.iter_mut().for_each(|field| field.property(tag)),
        }
    }

    fn end_form_field(&mut self) {
        let Some(field) = self.form_field.take() else { return };
        self.append(field.value());
    }

    /// Takes a part of the open drawing.
    fn drawn(&mut self, tag: &Tag<'_>) {
        let Some(drawing) = self.drawings.last_mut() else { return };
        match tag.name() {
            "docPr" => {
                drawing.description = description(tag);
            }
            "shape" if drawing.description.is_empty() => {
                let text = tag.attribute_exactly("alt").unwrap_or_default();
                described(&text).clone_into(&mut drawing.description);
            }
            "pic" | "imagedata" => drawing.images += 1,
            "txbxContent" => drawing.has_content = true,
            "chart" | "relIds" => {
                drawing.has_content = true;
                let id = tag.attribute_exactly(if tag.name() == "chart" { "r:id" } else { "r:dm" });
                let id = id.unwrap_or_default();
                if self.graphics.chart(&id).is_some() || !self.graphics.diagram(&id).is_empty() {
                    self.paragraphs.last_mut().into_iter().for_each(|open| open.graphics.push(id.clone()));
                } else {
                    let part = if tag.name() == "chart" { UnreadPart::Chart } else { UnreadPart::Drawing };
                    self.out.unread(part, 1);
                }
            }
            _ => {}
        }
    }

    fn end_drawing(&mut self) {
        let Some(drawing) = self.drawings.pop() else { return };
        if !drawing.description.trim().is_empty() {
            self.append(&image(&drawing.description));
        } else if drawing.images > 0 {
            self.out.unread(UnreadPart::Image, drawing.images);
        } else if !drawing.has_content {
            self.out.unread(UnreadPart::Drawing, 1);
        }
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let Some(mut paragraph) = self.paragraphs.pop() else { return Ok(()) };
        let text = paragraph.text.take();
        let style = paragraph.style.as_deref().unwrap_or_default();
        let (list, level) = self.document.styles.number(style);
        let numbered = paragraph.list.as_deref().or(list);
        let listed = match paragraph.list.as_deref() {
            Some(id) => !matches!(id, "0"),
            None => self.document.styles.is_list(style),
        };
        let heading = paragraph.outline.or_else(|| self.document.styles.heading(style));
        // A heading is found by its words, so it has no number. It counts for the numbers of others all the same.
        let number = numbered
            .and_then(|list| self.document.numbering.next(list, paragraph.level.or(level), style))
            .filter(|_| heading.is_none() && !text.trim().is_empty());
        let text = number.map_or_else(|| text.clone(), |number| format!("{number} {}", text.trim_start()));
        self.write(heading, listed, &text, paragraph.has_page_number)?;
        paragraph.graphics.iter().try_for_each(|id| self.graphic(id))
    }

    /// Writes the text of a paragraph to where it belongs.
    fn write(&mut self, heading: Option<u8>, listed: bool, text: &str, has_page_number: bool) -> Result<()> {
        if let Some(table) = self.tables.last_mut().filter(|table| table.cell.is_some()) {
            table.paragraph(text, listed);
            return Ok(());
        }
        match self.story {
            Story::Main | Story::Notes => {
                let mark = self.mark.take_if(|_| !text.trim().is_empty());
                let text = mark.map_or_else(|| text.to_owned(), |mark| note(&mark, text));
                match heading {
                    Some(level) => self.out.heading(level, &text),
                    None if listed => self.out.push(BlockKind::ListItem, &text),
                    None => self.out.paragraph(&text),
                }
            }
            Story::Furniture(_) if has_page_number && is_page_number(text) => Ok(()),
            Story::Furniture(_) | Story::Comments => self.collect(text),
        }
    }

    fn collect(&mut self, text: &str) -> Result<()> {
        self.out.budget.copy(text.len())?;
        if !text.trim().is_empty() {
            self.collected.push_str(if self.collected.is_empty() { "" } else { "\n" });
            self.collected.push_str(text.trim());
        }
        Ok(())
    }

    /// Writes a chart or a diagram.
    fn graphic(&mut self, id: &str) -> Result<()> {
        let budget = Rc::clone(&self.out.budget);
        let items = self.graphics.diagram(id);
        if let Some(table) = self.tables.last_mut().filter(|table| table.cell.is_some()) {
            for item in items {
                table.paragraph(item, true);
            }
            let cell = table.cell.as_mut();
            return self
                .graphics
                .chart(id)
                .zip(cell)
                .map_or(Ok(()), |(chart, cell)| chart.inline(cell, &budget));
        }
        items.iter().try_for_each(|item| self.out.push(BlockKind::ListItem, item))?;
        self.graphics.chart(id).map_or(Ok(()), |chart| chart.write(self.out))
    }

    fn end_table(&mut self) -> Result<()> {
        let Some(table) = self.tables.pop() else { return Ok(()) };
        let budget = Rc::clone(&self.out.budget);
        if let Some(cell) = self.tables.last_mut().and_then(|outer| outer.cell.as_mut()) {
            return table::inline(&table.rows, cell, &budget);
        }
        if matches!(self.story, Story::Main | Story::Notes) {
            return table::write_under(table.header(), &table.rows, self.out);
        }
        let mut text = String::new();
        table::inline(&table.rows, &mut text, &budget)?;
        self.collect(&text)
    }

    fn begin_comment(&mut self, tag: &Tag<'_>) {
        self.collected.clear();
        let attribute = |name: &str| tag.attribute(name).unwrap_or_default();
        self.comment = (attribute("id"), attribute("author"));
    }

    /// Writes a comment with the text that it refers to.
    fn end_comment(&mut self) -> Result<()> {
        let (id, author) = std::mem::take(&mut self.comment);
        let text = std::mem::take(&mut self.collected);
        let anchor = self.document.anchors.remove(&id).unwrap_or_default();
        comment(self.out.limits, &author, Subject::Text(&anchor), &text)
            .map_or(Ok(()), |text| self.out.paragraph(&text))
    }

    fn end_furniture(&mut self, margin: Margin) -> Result<()> {
        let text = page_margin(margin, &std::mem::take(&mut self.collected));
        let text = text.filter(|text| self.document.furniture.insert(text.clone()));
        text.map_or(Ok(()), |text| self.out.paragraph(&text))
    }

    /// Returns whether an element is left out: deleted or moved text, and all alternatives but the first.
    fn is_left_out(&mut self, tag: &Tag<'_>) -> bool {
        match tag.name() {
            "del" if self.in_row_properties => {
                self.tables.last_mut().into_iter().for_each(OpenTable::delete_row);
                false
            }
            "del" | "moveFrom" => {
                self.deleted = tag.name() == "del";
                true
            }
            name if self.alternatives.open(name) => {
                self.deleted = false;
                true
            }
            // A separator between the text and its notes.
            "footnote" | "endnote" => {
                self.deleted = false;
                tag.attribute("type").is_some_and(|kind| kind != "normal")
            }
            _ => false,
        }
    }
}

impl Handler for Body<'_, '_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.in_text |= matches!(tag.name(), "t" | "delText");
        if self.skipped > 0 || self.is_left_out(tag) {
            self.skipped += 1;
            return Ok(());
        }
        let read_hidden = self.out.limits.read_hidden;
        match tag.name() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "tbl" => self.tables.push(OpenTable::default()),
            "tr" => self.tables.last_mut().into_iter().for_each(OpenTable::begin_row),
            "tc" => self.tables.last_mut().into_iter().for_each(OpenTable::begin_cell),
            "trPr" => self.in_row_properties = true,
            "tblPr" | "tcPr" => self.tables.last_mut().into_iter().for_each(|table| table.properties(true)),
            "shd" | "tblStyle" if self.tables.last_mut().is_some_and(|table| table.shade(tag)) => {}
            "background" => self.document.ground = Some(Colour::Unknown),
            "gridBefore" | "gridSpan" | "vMerge" | "hidden" | "tblHeader" => {
                self.tables.last_mut().into_iter().for_each(|table| table.property(tag, read_hidden));
            }
            "drawing" | "pict" => self.drawings.push(Drawing::default()),
            "OLEObject" | "altChunk" => self.out.unread(UnreadPart::Attachment, 1),
            "instrText" => self.in_instruction = true,
            "fldSimple" | "fldChar" | "ffData" => self.field(tag),
            "footnote" | "endnote" => {
                let id = tag.attribute("id").unwrap_or_default();
                self.mark = self.document.marks.get(&(tag.name() == "endnote", id)).cloned();
            }
            "comment" => self.begin_comment(tag),
            "commentRangeStart" => self.document.begin_anchor(tag.attribute("id").unwrap_or_default()),
            "commentRangeEnd" => self.document.end_anchor(&tag.attribute("id").unwrap_or_default()),
            name if Equation::is_part(name) || Equation::is_property(name) => {
                let Some(paragraph) = self.paragraphs.last_mut() else { return Ok(()) };
                if Equation::is_part(name) {
                    paragraph.equation.begin(name, &mut paragraph.text);
                } else {
                    paragraph.equation.property(tag);
                }
            }
            _ if self.form_field.is_some() => self.field(tag),
            _ if self.special(tag) => {}
            _ => {
                self.drawn(tag);
                self.property(tag);
            }
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.in_text &= !matches!(name, "t" | "delText");
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match name {
            "p" => return self.end_paragraph(),
            "tbl" => return self.end_table(),
            "tc" => {
                let budget = Rc::clone(&self.out.budget);
                return self.tables.last_mut().map_or(Ok(()), |table| table.end_cell(&budget));
            }
            "tr" => {
                let left_out = self.tables.last_mut().and_then(OpenTable::end_row);
                if let Some(part) = left_out {
                    self.out.unread(part, 1);
                }
            }
            "trPr" => self.in_row_properties = false,
            "tblPr" | "tcPr" => self.tables.last_mut().into_iter().for_each(|table| table.properties(false)),
            "AlternateContent" => self.alternatives.close(name),
            "drawing" | "pict" => self.end_drawing(),
            "instrText" => self.in_instruction = false,
            "fldSimple" => drop(self.fields.pop()),
            "ffData" => self.end_form_field(),
            "comment" => return self.end_comment(),
            "hdr" | "ftr" => {
                if let Story::Furniture(margin) = self.story {
                    return self.end_furniture(margin);
                }
            }
            name if Equation::is_part(name) => {
                let Some(paragraph) = self.paragraphs.last_mut() else { return Ok(()) };
                paragraph.equation.end(name, &mut paragraph.text, &self.out.budget);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        const LONGEST_INSTRUCTION: usize = 256;
        if self.skipped > 0 {
            if self.in_text && self.deleted && !text.trim().is_empty() {
                self.leave_out(UnreadPart::StruckText);
            }
        } else if self.in_instruction {
            if let Some(field) = self.fields.last_mut()
                && field.instruction.len() < LONGEST_INSTRUCTION
            {
                field.instruction.push_str(text);
            }
        } else if self.in_text {
            self.append(text);
        }
        Ok(())
    }
}
