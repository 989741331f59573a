//! Page content: an interpreter of its operators that places the text they show.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hayro_syntax::Pdf;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect, Stream};

use super::annotations::Marks;
use super::area::Area;
use super::budget::{Exhausted, Work, WorkBudget};
use super::canvas::{Canvas, Look, Seen};
use super::content::{Operand, Operators};
use super::decode::{self, Data};
use super::font::{Font, Fonts};
use super::graphics::{Graphics, Path};
use super::layers::Layers;
use super::matrix::Matrix;
use super::resources::{Drawn, Form, Resources};
use super::structure::describes;
use super::text_string;
use super::tree::{Inherited, MaybeRefDict};

/// Maximum depth of forms that draw forms.
const FORMS: usize = 16;

/// Maximum number of saved graphics states. Programs save a few, and the standard asks for 28.
const STATES: usize = 256;

/// Size that text without a size is given, so that it can be told where it stands.
const LEAST: f64 = 1e-3;

/// Piece of text at its position on the page, as shown: one character, or the text that the document gives for
/// several.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// Text of the glyph.
    pub(super) text: Rc<str>,
    /// Horizontal start on the baseline.
    pub(super) x: f64,
    /// Vertical start on the baseline.
    pub(super) y: f64,
    /// Distance from start to end.
    pub(super) advance: (f64, f64),
    /// Unit vector along its line.
    pub(super) direction: (f64, f64),
    /// Height.
    pub(super) size: f64,
    /// Whether it is bold.
    pub(super) bold: bool,
    /// Distance by which it is raised above the baseline.
    pub(super) rise: f64,
}

impl Glyph {
    /// Returns the middle of the glyph at a height above the baseline, in sizes.
    pub(super) fn at(&self, height: f64) -> (f64, f64) {
        let (x, y) = (self.x + self.advance.0 / 2.0, self.y + self.advance.1 / 2.0);
        let up = height * self.size;
        (x - self.direction.1 * up, y + self.direction.0 * up)
    }

    /// Returns whether another glyph stands on the same line.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let (x, y) = (other.x - self.x, other.y - self.y);
        let up = y * self.direction.0 - x * self.direction.1;
        let along = self.direction.0.mul_add(other.direction.0, self.direction.1 * other.direction.1);
        up.abs() <= 0.5 * self.size.max(other.size) && along > 0.99
    }
}

/// Result of reading a page.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Visible content.
    pub(super) seen: Seen,
    /// Descriptions of its images.
    pub(super) descriptions: Vec<String>,
    /// Form fields with their labels.
    pub(super) fields: Vec<String>,
    /// Its annotations.
    pub(super) marks: Marks,
    /// Whether some of its content cannot be decoded.
    pub(super) damaged: bool,
    /// Whether all of its content is missing.
    pub(super) missing: bool,
    /// Number of characters without a known text.
    pub(super) unknown: u64,
}

/// Content while it is read.
pub(super) struct Reading {
    pub(super) canvas: Canvas,
    damaged: bool,
    unknown: u64,
    descriptions: Vec<String>,
}

/// Texts that stand for marked content.
#[derive(Default)]
struct Replacement {
    actual: Option<String>,
    description: Option<String>,
}

/// Page reader of one document, with a cache of shared resources.
pub(super) struct Reader<'a, 'b> {
    pub(super) pdf: &'a Pdf,
    pub(super) fonts: Fonts<'a>,
    pub(super) shared_fonts: BTreeMap<ObjectIdentifier, Rc<Font<'a>>>,
    pub(super) shared_resources: BTreeMap<ObjectIdentifier, Rc<Resources<'a>>>,
    pub(super) layers: Layers,
    pub(super) budget: &'b mut WorkBudget,
    /// Whether hidden text is read.
    pub(super) read_hidden: bool,
    /// Images of earlier pages.
    images: BTreeSet<ObjectIdentifier>,
    /// Form fields of earlier pages.
    pub(super) read_fields: BTreeSet<ObjectIdentifier>,
    /// Attached files, and their number with those that are no objects of their own.
    pub(super) files: BTreeSet<ObjectIdentifier>,
    pub(super) attachments: u32,
}

#[derive(Clone)]
struct State<'a> {
    matrix: Matrix,
    graphics: Graphics,
    mode: u8,
    font: Option<Rc<Font<'a>>>,
    size: f64,
    letter_space: f64,
    word_space: f64,
    scale: f64,
    leading: f64,
    rise: f64,
}

/// Position of the next character.
struct Pen {
    line: Matrix,
    text: Matrix,
    marked: Vec<Marked>,
    /// Whether the content around is hidden.
    hidden: bool,
}

/// Open marked content.
enum Marked {
    /// Content that is shown as it is.
    Shown,
    /// Content that this replacement text stands for.
    For(Rc<str>),
    /// Content whose replacement text has been emitted.
    Given,
    /// Content of a layer that is off.
    Hidden,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) fn new(pdf: &'a Pdf, layers: Layers, read_hidden: bool, budget: &'b mut WorkBudget) -> Self {
        Self {
            pdf,
            layers,
            read_hidden,
            images: BTreeSet::new(),
            read_fields: BTreeSet::new(),
            files: BTreeSet::new(),
            attachments: 0,
            fonts: Fonts::new(),
            shared_fonts: BTreeMap::new(),
            shared_resources: BTreeMap::new(),
            budget,
        }
    }

    /// Returns the steps of work so far, of all kinds.
    pub(super) fn spent(&self) -> usize {
        usize::try_from(self.budget.spent().into_iter().sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// Reads one page.
    pub(super) fn page(&mut self, dict: &Dict<'a>, inherited: &Inherited<'a>) -> Result<Content, Exhausted> {
        self.budget.begin_page();
        let resources = MaybeRefDict::of(dict, keys::RESOURCES).or_else(|| inherited.resources.clone());
        let resources = match resources {
            Some(resources) => self.resources(&resources)?,
            None => Rc::new(Resources::of(&Dict::empty(), self.budget)?),
        };
        let rotation = dict.get::<i32>(keys::ROTATE).or(inherited.rotation).unwrap_or(0);
        let matrix = match rotation.rem_euclid(360) {
            90 => Matrix([0.0, -1.0, 1.0, 0.0, 0.0, 0.0]),
            180 => Matrix([-1.0, 0.0, 0.0, -1.0, 0.0, 0.0]),
            270 => Matrix([0.0, 1.0, -1.0, 0.0, 0.0, 0.0]),
            _ => Matrix::IDENTITY,
        };
        let Data { bytes, damaged } = self.contents(dict)?;
        let missing = damaged && bytes.is_empty();
        let canvas = Canvas::new(shown(dict, inherited, matrix));
        let mut reading = Reading { canvas, damaged, unknown: 0, descriptions: Vec::new() };
        self.run(&bytes, &resources, State::new(matrix), (0, false), &mut reading)?;
        let marks = self.marks(dict, matrix, &mut reading)?;
        let Reading { canvas, damaged, unknown, descriptions } = reading;
        let seen = canvas.look(self.read_hidden, self.budget)?;
        let mut fields = Vec::with_capacity(marks.fields.len());
        for field in &marks.fields {
            let searched = u64::try_from(seen.glyphs.len() / 16).unwrap_or_default();
            self.budget.spend(Work::Operators, searched)?;
            fields.push(field.text(&seen.glyphs));
        }
        Ok(Content { seen, descriptions, fields, marks, damaged, missing, unknown })
    }

    /// Returns the number of images of a page that no earlier page shows.
    pub(super) fn new_images(&mut self, seen: &Seen) -> u32 {
        let new = seen.images.iter().filter(|id| id.is_none_or(|id| self.images.insert(id))).count();
        u32::try_from(new).unwrap_or(u32::MAX)
    }

    /// Reads a form that is not drawn by a page, such as the appearance of a mark. Returns its visible text.
    pub(super) fn appearance(&mut self, stream: Stream<'a>) -> Result<Vec<Glyph>, Exhausted> {
        let form = self.form(stream)?;
        let nothing = Rc::new(Resources::of(&Dict::empty(), self.budget)?);
        let mut reading =
            Reading { canvas: Canvas::new(None), damaged: false, unknown: 0, descriptions: Vec::new() };
        self.draw(&form, &nothing, &State::new(Matrix::IDENTITY), (0, false), &mut reading)?;
        Ok(reading.canvas.look(self.read_hidden, self.budget)?.glyphs)
    }

    /// Returns the content of a page, its parts joined by a blank.
    fn contents(&mut self, dict: &Dict<'a>) -> Result<Data, Exhausted> {
        let mut all = Data::default();
        let missing = dict.contains_key(keys::CONTENTS);
        match dict.get::<Object<'_>>(keys::CONTENTS) {
            Some(Object::Stream(stream)) => all = decode::decode(&stream, self.budget)?,
            Some(Object::Array(parts)) => {
                self.budget.bytes(parts.data().len())?;
                for part in parts.raw_iter() {
                    self.budget.spend(Work::Lookups, 1)?;
                    let stream = match part {
                        MaybeRef::Ref(to) => self.pdf.xref().get::<Stream<'_>>(to.into()),
                        MaybeRef::NotRef(_) => None,
                    };
                    let part = stream.map(|stream| decode::decode(&stream, self.budget)).transpose()?;
                    all.damaged |= part.as_ref().is_none_or(|part| part.damaged);
                    all.bytes.extend(part.unwrap_or_default().bytes);
                    all.bytes.push(b'\n');
                }
            }
            Some(Object::Null(_)) => {}
            _ => all.damaged = missing,
        }
        Ok(all)
    }

    /// Draws a form.
    fn draw(
        &mut self,
        form: &Form<'a>,
        resources: &Rc<Resources<'a>>,
        state: &State<'a>,
        (depth, hidden): (usize, bool),
        reading: &mut Reading,
    ) -> Result<(), Exhausted> {
        let Data { bytes, damaged } = decode::decode(&form.stream, self.budget)?;
        reading.damaged |= damaged;
        let mut inside = State { matrix: form.matrix.then(state.matrix), ..state.clone() };
        if let Some(bounds) = form.bounds.filter(|bounds| bounds.width() > 0.0 && bounds.height() > 0.0) {
            let bounds = [bounds.x0, bounds.y0, bounds.width(), bounds.height()];
            let (area, exact) = Area::of(inside.matrix, bounds);
            inside.graphics.clip(area, exact);
        }
        inside.graphics.sheer |= !state.graphics.is_opaque();
        let own = form.resources.as_ref().unwrap_or(resources);
        self.run(&bytes, own, inside, (depth, hidden || form.hidden), reading)
    }

    /// Interprets the operators of a page or of a form.
    fn run(
        &mut self,
        bytes: &[u8],
        resources: &Rc<Resources<'a>>,
        mut state: State<'a>,
        (depth, hidden): (usize, bool),
        reading: &mut Reading,
    ) -> Result<(), Exhausted> {
        let mut operators = Operators::new(bytes);
        let mut saved: Vec<State<'a>> = Vec::new();
        let mut unsaved = 0_u64;
        let mut pen = Pen::new(hidden);
        let mut path = Path::default();
        while let Some(operator) = operators.next() {
            self.budget.spend(Work::Operators, 1)?;
            let operands = operators.operands.as_slice();
            match operator {
                b"q" if saved.len() < STATES => saved.push(state.clone()),
                b"q" => unsaved += 1,
                b"Q" if unsaved > 0 => unsaved -= 1,
                b"Q" => state = saved.pop().unwrap_or(state),
                b"cm" => {
                    if let Some(matrix) = matrix(operands) {
                        state.matrix = matrix.then(state.matrix);
                    }
                }
                b"Do" => {
                    let name = operands.first().and_then(Operand::name).filter(|_| depth < FORMS);
                    match name.map(|name| self.drawn(name, resources)).transpose()?.flatten() {
                        Some(Drawn::Form(form)) => {
                            self.draw(&form, resources, &state, (depth + 1, pen.is_hidden()), reading)?;
                        }
                        Some(Drawn::Image { id, opaque, hidden }) if !hidden && !pen.is_hidden() => {
                            reading.canvas.image(Some(id), opaque, &state.graphics, state.matrix);
                        }
                        _ => {}
                    }
                }
                b"BI" if !pen.is_hidden() => {
                    reading.canvas.image(None, false, &state.graphics, state.matrix);
                }
                b"gs" => self.graphics_state(operands, resources, &mut state)?,
                b"cs" | b"CS" => {
                    let name = operands.first().and_then(Operand::name).unwrap_or_default();
                    state.graphics.select(resources.space(name, self.budget)?, operator == b"CS");
                }
                b"BT" => (pen.line, pen.text) = (Matrix::IDENTITY, Matrix::IDENTITY),
                b"Tf" => {
                    if let [name, size] = operands
                        && let (Some(name), Some(size)) = (name.name(), size.number())
                    {
                        state.font = self.font(name, resources)?;
                        state.size = size;
                    }
                }
                b"BDC" | b"BMC" => {
                    let marked = self.marked(operands, resources, reading)?;
                    pen.marked.push(marked);
                }
                b"EMC" => {
                    pen.marked.pop();
                }
                b"re" | b"m" | b"l" | b"c" | b"v" | b"y" | b"h" | b"W" | b"W*" => {
                    path.extend(operator, operands, state.matrix);
                }
                b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" | b"S" | b"s" | b"n" => {
                    paint(operator, &mut path, &mut state, &pen, &mut reading.canvas);
                }
                b"sh" if !pen.is_hidden() => reading.canvas.shade(&state.graphics),
                b"w" => {
                    let width = operands.first().and_then(Operand::number);
                    state.graphics.line_width = width.unwrap_or(state.graphics.line_width);
                }
                b"g" | b"rg" | b"k" | b"G" | b"RG" | b"K" | b"sc" | b"scn" | b"SC" | b"SCN" => {
                    state.graphics.colour(operator, operands);
                }
                _ => self.text(operator, operands, &mut state, &mut pen, reading)?,
            }
        }
        Ok(())
    }

    fn graphics_state(
        &mut self,
        operands: &[Operand<'_>],
        resources: &Resources<'a>,
        state: &mut State<'a>,
    ) -> Result<(), Exhausted> {
        let Some(name) = operands.first().and_then(Operand::name) else { return Ok(()) };
        let dict = resources.state(name, self.budget)?;
        let graphics = &mut state.graphics;
        if let Some(opacity) = dict.get::<f64>(b"ca") {
            graphics.opacity = opacity;
        }
        if let Some(width) = dict.get::<f64>(b"LW") {
            graphics.line_width = width;
        }
        let is = |key: &[u8], plain: &[&[u8]]| {
            let name = dict.get::<Name<'_>>(key);
            name.map_or(!dict.contains_key(key), |name| plain.contains(&name.as_ref()))
        };
        if dict.contains_key(b"BM") || dict.contains_key(b"SMask") {
            graphics.replaces = is(b"BM", &[b"Normal", b"Compatible"]) && is(b"SMask", &[b"None"]);
        }
        Ok(())
    }

    /// Returns what a marked content is: a layer, text with a replacement, or neither.
    fn marked(
        &mut self,
        operands: &[Operand<'_>],
        resources: &Resources<'a>,
        reading: &mut Reading,
    ) -> Result<Marked, Exhausted> {
        let [tag, properties] = operands else { return Ok(Marked::Shown) };
        if tag.name() == Some(b"OC")
            && let Some(name) = properties.name()
            && self.layers.hide(&resources.properties, name, self.budget)?
        {
            return Ok(Marked::Hidden);
        }
        let texts = self.replacement(properties, resources)?;
        if tag.name() == Some(b"Figure") {
            reading.descriptions.extend(texts.description.filter(|text| describes(text)));
        }
        Ok(texts.actual.map_or(Marked::Shown, |text| Marked::For(Rc::from(text))))
    }

    /// Interprets an operator that sets the text state or position, or shows text.
    fn text(
        &mut self,
        operator: &[u8],
        operands: &[Operand<'_>],
        state: &mut State<'a>,
        pen: &mut Pen,
        reading: &mut Reading,
    ) -> Result<(), Exhausted> {
        let number = |index: usize| operands.get(index).and_then(Operand::number);
        match operator {
            b"Tc" => state.letter_space = number(0).unwrap_or(state.letter_space),
            b"Tw" => state.word_space = number(0).unwrap_or(state.word_space),
            b"Tz" => state.scale = number(0).map_or(state.scale, |percent| percent / 100.0),
            b"TL" => state.leading = number(0).unwrap_or(state.leading),
            b"Tr" => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is kept within the modes"
                )]
                let mode = number(0).map(|mode| mode.clamp(0.0, 7.0) as u8);
                state.mode = mode.unwrap_or(state.mode);
            }
            b"Ts" => state.rise = number(0).unwrap_or(state.rise),
            b"Td" | b"TD" => {
                let (x, y) = (number(0).unwrap_or(0.0), number(1).unwrap_or(0.0));
                if operator == b"TD" {
                    state.leading = -y;
                }
                pen.go(x, y);
            }
            b"Tm" => {
                if let Some(matrix) = matrix(operands) {
                    (pen.line, pen.text) = (matrix, matrix);
                }
            }
            b"T*" => pen.go(0.0, -state.leading),
            b"Tj" => self.show(operands.first(), state, pen, reading)?,
            b"'" => {
                pen.go(0.0, -state.leading);
                self.show(operands.first(), state, pen, reading)?;
            }
            b"\"" => {
                state.word_space = number(0).unwrap_or(state.word_space);
                state.letter_space = number(1).unwrap_or(state.letter_space);
                pen.go(0.0, -state.leading);
                self.show(operands.get(2), state, pen, reading)?;
            }
            b"TJ" => {
                let Some(Operand::Array(parts)) = operands.first() else { return Ok(()) };
                for part in parts {
                    if let Some(back) = part.number() {
                        let along = -back / 1000.0 * state.size;
                        let vertical = state.font.as_ref().is_some_and(|font| font.is_vertical());
                        pen.text = if vertical {
                            Matrix::shift(0.0, along)
                        } else {
                            Matrix::shift(along * state.scale, 0.0)
                        }
                        .then(pen.text);
                    } else {
                        self.show(Some(part), state, pen, reading)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn show(
        &mut self,
        string: Option<&Operand<'_>>,
        state: &State<'a>,
        pen: &mut Pen,
        reading: &mut Reading,
    ) -> Result<(), Exhausted> {
        let (Some(bytes), Some(font)) = (string.and_then(Operand::string), &state.font) else {
            return Ok(());
        };
        let vertical = font.is_vertical();
        let mut at = 0;
        while at < bytes.len() {
            let (code, length) = font.code(bytes, at);
            at += length.max(1);
            self.budget.spend(Work::Glyphs, 1)?;
            let shown = font.shown(code);
            let place = pen.text.then(state.matrix);
            let spaced = state.letter_space + if length == 1 && code == 32 { state.word_space } else { 0.0 };
            let (across, down) = (shown.advance.0 * state.size, shown.advance.1 * state.size);
            let (step, way) = if vertical {
                ((0.0, down + spaced), (0.0, down))
            } else {
                (((across + spaced) * state.scale, 0.0), (across * state.scale, 0.0))
            };
            let text = match pen.stand_in() {
                Some(given) => given,
                None => shown.text.unwrap_or_else(|| {
                    reading.unknown += 1;
                    Rc::from("")
                }),
            };
            if !text.is_empty() {
                let look = state.look(pen.is_hidden());
                match glyph(text, place, way, state, font) {
                    Some(glyph) => {
                        let legible = reading.canvas.legible();
                        let wide = glyph.advance.0.hypot(glyph.advance.1);
                        let hidden = look.hidden || glyph.size.max(wide) < legible;
                        reading.canvas.show(glyph, Look { hidden, ..look }, state.graphics.clip);
                    }
                    None => reading.canvas.lose(),
                }
            }
            pen.text = Matrix::shift(step.0, step.1).then(pen.text);
        }
        Ok(())
    }

    fn replacement(
        &mut self,
        properties: &Operand<'_>,
        resources: &Resources<'a>,
    ) -> Result<Replacement, Exhausted> {
        Ok(match properties {
            Operand::Dict(entries) => {
                let text = |key: &[u8]| {
                    let entry = entries.iter().rev().find(|(name, _)| name == key);
                    entry.and_then(|(_, value)| value.string()).map(text_string)
                };
                Replacement { actual: text(keys::ACTUAL_TEXT), description: text(keys::ALT) }
            }
            Operand::Name(name) => {
                self.budget.spend(Work::Lookups, 1)?;
                let dict = resources.properties.get::<Dict<'_>>(name).unwrap_or_default();
                self.budget.bytes(dict.data().len())?;
                let text = |key: &[u8]| {
                    let text = dict.get::<hayro_syntax::object::String<'_>>(key);
                    text.map(|text| text_string(text.as_bytes()))
                };
                Replacement { actual: text(keys::ACTUAL_TEXT), description: text(keys::ALT) }
            }
            Operand::Number(_) | Operand::String(_) | Operand::Array(_) | Operand::Other => {
                Replacement::default()
            }
        })
    }
}

impl State<'_> {
    fn new(matrix: Matrix) -> Self {
        Self {
            matrix,
            graphics: Graphics::default(),
            mode: 0,
            font: None,
            size: 0.0,
            letter_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }

    /// Returns how the next character looks.
    fn look(&self, hidden: bool) -> Look {
        let Graphics { fill, stroke, opacity, .. } = &self.graphics;
        let colours = match self.mode {
            1 | 5 => [*stroke, *stroke],
            2 | 6 => [*fill, *stroke],
            _ => [*fill, *fill],
        };
        Look { colours, inkless: self.mode == 3, hidden: hidden || *opacity < 0.05 }
    }
}

impl Pen {
    fn new(hidden: bool) -> Self {
        Self { line: Matrix::IDENTITY, text: Matrix::IDENTITY, marked: Vec::new(), hidden }
    }

    /// Returns whether the content is on a layer that is off.
    fn is_hidden(&self) -> bool {
        self.hidden || self.marked.iter().rev().take(32).any(|marked| matches!(marked, Marked::Hidden))
    }

    /// Begins a line at this offset from the start of the last one.
    fn go(&mut self, x: f64, y: f64) {
        self.line = Matrix::shift(x, y).then(self.line);
        self.text = self.line;
    }

    /// Takes the replacement text, once. After that, the content yields no text.
    fn stand_in(&mut self) -> Option<Rc<str>> {
        let mut marked = self.marked.iter_mut().rev().take(32);
        let marked = marked.find(|marked| matches!(marked, Marked::For(_) | Marked::Given))?;
        match std::mem::replace(marked, Marked::Given) {
            Marked::For(text) => Some(text),
            Marked::Shown | Marked::Given | Marked::Hidden => Some(Rc::from("")),
        }
    }
}

/// Returns the visible area of the page, rotated as the page is.
fn shown(dict: &Dict<'_>, inherited: &Inherited<'_>, matrix: Matrix) -> Option<Area> {
    let media = dict.get::<Rect>(keys::MEDIA_BOX).or(inherited.media_box);
    let crop = dict.get::<Rect>(keys::CROP_BOX).or(inherited.crop_box);
    let shown = match (media, crop) {
        (Some(media), Some(crop)) => media.intersect(crop),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    if shown.width() < 1.0 || shown.height() < 1.0 {
        return None;
    }
    Some(Area::of(matrix, [shown.x0, shown.y0, shown.width(), shown.height()]).0)
}

/// Paints or ends the path, and applies it to the clip.
fn paint(operator: &[u8], path: &mut Path, state: &mut State<'_>, pen: &Pen, canvas: &mut Canvas) {
    path.close();
    let fills = matches!(operator, b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*");
    let strokes = matches!(operator, b"B" | b"B*" | b"b" | b"b*" | b"S" | b"s");
    if !pen.is_hidden() {
        canvas.paint(path, (fills, strokes), &state.graphics, state.matrix);
    }
    if path.clips {
        let (area, exact) = path.bounds().unwrap_or((Area::NOWHERE, true));
        state.graphics.clip(area, exact);
    }
    *path = Path::default();
}

fn matrix(operands: &[Operand<'_>]) -> Option<Matrix> {
    let mut numbers = [0.0; 6];
    for (number, operand) in numbers.iter_mut().zip(operands.get(..6)?) {
        *number = operand.number()?;
    }
    Some(Matrix(numbers))
}

/// Returns a glyph at the pen, unless its position is not finite.
fn glyph(text: Rc<str>, place: Matrix, way: (f64, f64), state: &State<'_>, font: &Font<'_>) -> Option<Glyph> {
    let advance = place.vector(way.0, way.1);
    let (forward, up) = (place.vector(1.0, 0.0), place.vector(0.0, 1.0));
    let size = up.0.hypot(up.1) * state.size.abs() * font.height;
    // Text that is raised by more than its size stands on a line of its own.
    let (rise, line) =
        if state.rise.abs() > 0.8 * state.size.abs() { (0.0, state.rise) } else { (state.rise, 0.0) };
    let rise = up.0.hypot(up.1) * rise;
    let (x, y) = place.point(0.0, line);
    let direction = if font.is_vertical() { (-up.0, -up.1) } else { forward };
    let sign = if state.size < 0.0 && !font.is_vertical() { -1.0 } else { 1.0 };
    let length = direction.0.hypot(direction.1) * sign;
    let direction = (direction.0 / length, direction.1 / length);
    let fine = [x, y, advance.0, advance.1, direction.0, direction.1, size].into_iter().all(f64::is_finite);
    let size = size.max(LEAST);
    (fine && rise.is_finite()).then_some(Glyph {
        text,
        x,
        y,
        advance,
        direction,
        size,
        bold: font.bold,
        rise,
    })
}
