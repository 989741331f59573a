//! Streaming walk through the shapes of a slide or of its notes.

use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::BlockKind;

use super::super::super::block_writer::Output;
use super::super::super::ink::{Colour, Ink};
use super::super::super::inline::{Inline, Level, image};
use super::super::super::merged_cells;
use super::super::super::table;
use super::super::super::xml::{Handler, Tag};
use super::super::alternatives::Alternatives;
use super::super::equation::Equation;
use super::super::graphics::{Graphics, description, run_format};
use super::cells::Cells;
use super::fills::{Fills, Owner};

/// Role of a shape on its slide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Title,
    Body,
    /// Slide number, date or footer.
    Furniture,
}

/// Elements that a slide is made of.
const SHAPES: &[&str] = &["sp", "pic", "graphicFrame", "cxnSp"];

/// Open shape.
#[derive(Default)]
struct Shape {
    description: String,
    media: Option<UnreadPart>,
    /// Whether the shape holds text, a table or a graphic, or is a placeholder for some.
    has_content: bool,
    ground: Option<Colour>,
    /// Left and upper edge.
    place: Option<(i64, i64)>,
}

/// Handler of a slide.
#[expect(clippy::struct_excessive_bools, reason = "each says where the walk is")]
pub(super) struct Slide<'a, 'o> {
    graphics: &'a Graphics,
    out: &'a mut Output<'o>,
    hidden: bool,
    role: Role,
    shapes: Vec<Shape>,
    text: Inline,
    equation: Equation,
    struck: bool,
    level: Level,
    ink: Ink,
    fills: Fills,
    /// Ground of the slide. It is not known beside pictures and shapes with a colour.
    ground: Colour,
    /// Width and height of the slide, if shapes beside it are left out.
    size: Option<(i64, i64)>,
    groups: usize,
    /// Kind of the text that was left out last, while no other text follows.
    leaving_out: Option<UnreadPart>,
    listed: bool,
    in_text: bool,
    cells: Cells,
    /// Whether the name of the style of a table is open.
    in_style: bool,
    alternatives: Alternatives,
    skipped: usize,
    depth: usize,
    /// Depth of the hidden shape that is open.
    hidden_shape: Option<usize>,
}

impl<'a, 'o> Slide<'a, 'o> {
    pub(super) fn new(graphics: &'a Graphics, out: &'a mut Output<'o>) -> Self {
        Self {
            graphics,
            out,
            hidden: false,
            role: Role::Body,
            shapes: Vec::new(),
            text: Inline::default(),
            equation: Equation::default(),
            struck: false,
            level: Level::Line,
            ink: Ink::default(),
            fills: Fills::default(),
            ground: Colour::WHITE,
            size: None,
            groups: 0,
            leaving_out: None,
            listed: false,
            in_text: false,
            cells: Cells::default(),
            in_style: false,
            alternatives: Alternatives::default(),
            skipped: 0,
            depth: 0,
            hidden_shape: None,
        }
    }

    /// Puts the slide on the ground of its layout, and gives it a size.
    pub(super) fn on(self, ground: Colour, size: Option<(i64, i64)>) -> Self {
        Self { ground, size, ..self }
    }

    /// Takes a colour that an element gives.
    fn paint(&mut self, owner: Owner, colour: Colour) {
        match owner {
            Owner::Background => self.ground = colour,
            Owner::Shape => {
                self.shapes.last_mut().into_iter().for_each(|shape| shape.ground = Some(colour));
            }
            Owner::Run => self.ink.colour = Some(colour),
            Owner::Cell => self.cells.fill(colour),
            Owner::Highlight => self.ink.ground = Some(Colour::Unknown),
            Owner::Other => {}
        }
    }

    /// Takes the place or the size of a shape. Returns whether it stands beside the slide.
    fn is_beside(&mut self, tag: &Tag<'_>) -> bool {
        let number = |name: &str| tag.attribute_exactly(name).and_then(|value| value.parse::<i64>().ok());
        let Some(shape) = self.shapes.last_mut() else { return false };
        if let Some(place) = number("x").zip(number("y")) {
            shape.place = Some(place);
        }
        let (Some((x, y)), Some((width, height)), Some((right, bottom))) =
            (shape.place, number("cx").zip(number("cy")), self.size)
        else {
            return false;
        };
        let beside =
            x >= right || y >= bottom || x.saturating_add(width) <= 0 || y.saturating_add(height) <= 0;
        beside && self.groups == 0 && !self.out.limits.read_hidden
    }

    /// Returns why text in the open format is left out, if it is.
    fn reason(&self) -> Option<UnreadPart> {
        if self.struck {
            return Some(UnreadPart::StruckText);
        }
        let shape = self.shapes.last().and_then(|shape| shape.ground);
        let ground = shape.unwrap_or(self.ground);
        let unseen =
            !self.cells.is_open() && self.ink.on(Some(ground)).is_unseen() && !self.out.limits.read_hidden;
        unseen.then_some(UnreadPart::HiddenText)
    }

    /// Returns whether the slide is hidden and was left out.
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let text = self.text.take();
        self.equation = Equation::default();
        self.leaving_out = None;
        if self.cells.is_open() {
            self.cells.end_paragraph(&text);
            return Ok(());
        }
        match self.role {
            Role::Title => self.out.heading(1, &text),
            Role::Body if self.listed => self.out.push(BlockKind::ListItem, &text),
            Role::Body => self.out.paragraph(&text),
            Role::Furniture => Ok(()),
        }
    }

    /// Takes the formatting of a run.
    fn format(&mut self, tag: &Tag<'_>) {
        if let Some(hundredths) = tag.attribute_exactly("sz").and_then(|size| size.parse::<f64>().ok()) {
            self.ink.size(hundredths / 100.0);
        }
        (self.struck, self.level) = run_format(tag);
    }

    /// Takes the name and the description of a shape. Returns whether it is hidden.
    fn describe(&mut self, tag: &Tag<'_>) -> bool {
        if let Some(shape) = self.shapes.last_mut() {
            shape.description = description(tag);
        }
        let hidden =
            tag.attribute_exactly("hidden").is_some_and(|hidden| matches!(hidden.as_str(), "1" | "true"));
        hidden && !self.out.limits.read_hidden
    }

    /// Begins a chart or a diagram. Both are written where they stand.
    fn graphic(&mut self, tag: &Tag<'_>) -> Result<()> {
        let is_chart = tag.name() == "chart";
        let id = tag.attribute_exactly(if is_chart { "r:id" } else { "r:dm" }).unwrap_or_default();
        self.fill();
        if let Some(chart) = self.graphics.chart(&id) {
            return chart.write(self.out);
        }
        let items = self.graphics.diagram(&id);
        if items.is_empty() {
            self.out.unread(if is_chart { UnreadPart::Chart } else { UnreadPart::Drawing }, 1);
        }
        items.iter().try_for_each(|item| self.out.push(BlockKind::ListItem, item))
    }

    fn fill(&mut self) {
        self.shapes.last_mut().into_iter().for_each(|shape| shape.has_content = true);
    }

    fn end_shape(&mut self, name: &str) -> Result<()> {
        let Some(shape) = self.shapes.pop() else { return Ok(()) };
        if shape.ground.is_some() || matches!(name, "pic" | "graphicFrame") {
            self.ground = Colour::Unknown;
        }
        let description = shape.description.trim();
        // Pictures of embedded objects belong to the object.
        let nested = self.shapes.last().is_some_and(|around| around.has_content);
        if !description.is_empty() && self.role != Role::Furniture {
            return self.out.paragraph(&image(description));
        }
        match shape.media {
            Some(part) => self.out.unread(part, 1),
            None if name == "pic" && !nested => self.out.unread(UnreadPart::Image, 1),
            None if name == "sp" && !shape.has_content => self.out.unread(UnreadPart::Drawing, 1),
            None => {}
        }
        Ok(())
    }

    fn open_text(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "p" | "buNone" => self.listed = false,
            "pPr" => self.listed |= tag.attribute("lvl").is_some_and(|level| level != "0"),
            "buChar" | "buAutoNum" | "buBlip" => self.listed = true,
            "r" | "fld" => (self.struck, self.level, self.ink) = (false, Level::Line, Ink::default()),
            "rPr" => self.format(tag),
            "t" => self.in_text = true,
            "br" => self.text.push("\n", Level::Line),
            name if Equation::is_part(name) => self.equation.begin(name, &mut self.text),
            name if Equation::is_property(name) => self.equation.property(tag),
            _ => {}
        }
    }

    fn end_table(&mut self) -> Result<()> {
        let budget = Rc::clone(&self.out.budget);
        let rows = merged_cells::lay_out(self.cells.take(), &budget)?;
        table::write(&rows, self.out)
    }
}

impl Handler for Slide<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "sld" && !self.out.limits.read_hidden {
            self.hidden =
                tag.attribute_exactly("show").is_some_and(|show| matches!(show.as_str(), "0" | "false"));
        }
        self.depth += 1;
        if self.hidden_shape.is_some() {
            return Ok(());
        }
        if self.hidden || self.skipped > 0 || self.alternatives.open(tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        if let Some((owner, colour)) = self.fills.open(tag) {
            self.paint(owner, colour);
        }
        match tag.name() {
            "grpSp" => self.groups += 1,
            "off" => {
                self.is_beside(tag);
            }
            "ext" if self.is_beside(tag) => {
                // The element stands within `xfrm`, which stands within `spPr` unless the shape is a frame.
                let above = if self.fills.is_in_shape() { 3 } else { 2 };
                self.hidden_shape = Some(self.depth.saturating_sub(above));
            }
            name if SHAPES.contains(&name) => {
                self.shapes.push(Shape::default());
                self.role = Role::Body;
            }
            "cNvPr" if self.describe(tag) => {
                // The element stands within the properties of its shape.
                self.hidden_shape = Some(self.depth.saturating_sub(2));
            }
            "ph" => {
                self.fill();
                self.role = match tag.attribute("type").as_deref() {
                    Some("title" | "ctrTitle") => Role::Title,
                    Some("sldNum" | "dt" | "ftr" | "hdr") => Role::Furniture,
                    _ => Role::Body,
                }
            }
            "videoFile" | "audioFile" | "wavAudioFile" | "quickTimeFile" => {
                self.shapes.last_mut().into_iter().for_each(|shape| shape.media = Some(UnreadPart::Media));
            }
            "oleObj" => {
                self.fill();
                self.out.unread(UnreadPart::Attachment, 1);
            }
            "chart" | "relIds" => return self.graphic(tag),
            "tbl" => {
                self.fill();
                self.cells.begin();
            }
            "tableStyleId" => self.in_style = true,
            "noFill" if self.fills.is_in_cell() => self.cells.fill(self.ground),
            "tr" => self.cells.begin_row(),
            "tc" => self.cells.begin_cell(tag),
            _ => self.open_text(tag),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        let depth = self.depth;
        self.depth = depth.saturating_sub(1);
        if let Some(shape) = self.hidden_shape {
            if depth == shape {
                self.hidden_shape = None;
                self.fills.reset();
                self.out.unread(UnreadPart::HiddenText, 1);
                if SHAPES.contains(&name) {
                    self.shapes.pop();
                }
            }
            return Ok(());
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        self.fills.close(name);
        match name {
            "grpSp" => self.groups = self.groups.saturating_sub(1),
            "p" => return self.end_paragraph(),
            "tbl" => return self.end_table(),
            "t" => self.in_text = false,
            "tableStyleId" => self.in_style = false,
            "tc" => {
                self.text.take();
                let unseen = self.cells.end_cell(self.ground, self.out.limits.read_hidden);
                self.out.unread(UnreadPart::HiddenText, unseen);
            }
            "AlternateContent" => self.alternatives.close(name),
            name if SHAPES.contains(&name) => return self.end_shape(name),
            name if Equation::is_part(name) => {
                self.equation.end(name, &mut self.text, &self.out.budget);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.in_style {
            self.cells.style(text);
        }
        let unseen = self.skipped > 0 || self.hidden_shape.is_some();
        if unseen || !self.in_text || text.is_empty() {
            return Ok(());
        }
        self.fill();
        if let Some(reason) = self.reason().filter(|_| !text.trim().is_empty()) {
            self.text.omit();
            if self.leaving_out.replace(reason) != Some(reason) {
                self.out.unread(reason, 1);
            }
            return Ok(());
        }
        self.leaving_out = self.leaving_out.filter(|_| text.trim().is_empty());
        self.equation.run(text, &mut self.text);
        if self.cells.is_open() {
            self.cells.push(&mut self.text, text, self.level, self.ink);
        } else {
            self.text.push(text, self.level);
        }
        Ok(())
    }
}
