//! PPTX: one page for each slide in presentation order, with its notes.

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::merged_cells::{self, Cell};
use super::super::xml::{Handler, Tag};
use super::super::{error, table, title};
use super::{PROPERTIES, Relations, main_part};

pub(in super::super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    let main = main_part(&mut archive, "ppt/presentation.xml")?;
    let mut slides = SlideList::default();
    if !archive.xml(&main, &mut slides)? {
        return Err(error::malformed("it has no main part"));
    }
    title::take(&mut archive, PROPERTIES, out)?;
    out.check_pages(slides.ids.len() as u64)?;
    let relations = Relations::of(&main, &mut archive)?;
    for id in &slides.ids {
        out.begin_page()?;
        let slide = relations.target(id);
        let found = slide.map(|slide| archive.xml(slide, &mut Slide::new(out))).transpose()?;
        if found != Some(true) {
            let warning = format!("slide {} is missing", out.report.pages.unwrap_or_default());
            let error = error::malformed(&warning);
            out.leave_out(warning, error);
        }
        if let Some(slide) = slide
            && let Some(notes) = Relations::of(slide, &mut archive)?.first("notesSlide")
        {
            archive.xml(notes, &mut Slide::new(out))?;
        }
        out.end_page();
    }
    Ok(())
}

/// Relationship ids of the slides, in order.
#[derive(Default)]
struct SlideList {
    ids: Vec<String>,
}

impl Handler for SlideList {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "sldId" {
            self.ids.extend(tag.attribute_exactly("r:id"));
        }
        Ok(())
    }

    fn close(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn text(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Role of a shape on its slide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Title,
    Body,
    /// Slide number, date or footer.
    Furniture,
}

struct Slide<'a, 'o> {
    out: &'a mut Output<'o>,
    role: Role,
    text: String,
    listed: bool,
    in_text: bool,
    rows: Vec<Vec<Cell>>,
    in_cell: bool,
}

impl<'a, 'o> Slide<'a, 'o> {
    fn new(out: &'a mut Output<'o>) -> Self {
        Self {
            out,
            role: Role::Body,
            text: String::new(),
            listed: false,
            in_text: false,
            rows: Vec::new(),
            in_cell: false,
        }
    }

    /// Begins a cell. Positions covered by another cell have empty elements of their own.
    fn begin_cell(&mut self, tag: &Tag<'_>) {
        if ["hMerge", "vMerge"].iter().any(|name| tag.attribute(name).is_some_and(|value| value == "1")) {
            self.in_cell = false;
            return;
        }
        let span = |name: &str| tag.attribute(name).and_then(|span| span.parse().ok()).unwrap_or(1);
        let cell = Cell { text: String::new(), columns: span("gridSpan"), rows: span("rowSpan") };
        self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        if self.in_cell {
            if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                cell.text.push_str(&text);
                cell.text.push('\n');
            }
            return Ok(());
        }
        match self.role {
            Role::Title => self.out.heading(1, &text),
            Role::Body if self.listed => self.out.push(BlockKind::ListItem, &text),
            Role::Body => self.out.paragraph(&text),
            Role::Furniture => Ok(()),
        }
    }
}

impl Handler for Slide<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "sp" => self.role = Role::Body,
            "ph" => {
                self.role = match tag.attribute("type").as_deref() {
                    Some("title" | "ctrTitle") => Role::Title,
                    Some("sldNum" | "dt" | "ftr" | "hdr") => Role::Furniture,
                    _ => Role::Body,
                }
            }
            "p" | "buNone" => self.listed = false,
            "pPr" => self.listed |= tag.attribute("lvl").is_some_and(|level| level != "0"),
            "buChar" | "buAutoNum" | "buBlip" => self.listed = true,
            "t" => self.in_text = true,
            "br" => self.text.push('\n'),
            "tr" => self.rows.push(Vec::new()),
            "tc" => {
                self.in_cell = true;
                self.begin_cell(tag);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "p" => return self.end_paragraph(),
            "tbl" => {
                let rows = merged_cells::lay_out(std::mem::take(&mut self.rows), &self.out.budget)?;
                return table::write(&rows, self.out);
            }
            "t" => self.in_text = false,
            "tc" => {
                self.in_cell = false;
                self.text.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.in_text {
            self.text.push_str(text);
        }
        Ok(())
    }
}
