//! Page content: an interpreter of its operators that places the text they show.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hayro_syntax::Pdf;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect, Stream};

use super::budget::{Exhausted, Work, WorkBudget};
use super::content::{Operand, Operators};
use super::decode::{self, Data};
use super::font::{Font, Fonts};
use super::matrix::Matrix;
use super::text_string;
use super::tree::{Inherited, MaybeRefDict};

/// Maximum depth of forms that draw forms.
const FORMS: usize = 16;

/// Maximum number of saved graphics states. Programs save a few, and the standard asks for 28.
const STATES: usize = 256;

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
}

/// Result of reading a page.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Text in drawing order.
    pub(super) glyphs: Vec<Glyph>,
    /// Whether some of its content is missing or cannot be decoded.
    pub(super) damaged: bool,
    /// Number of characters without a known text.
    pub(super) unknown: u64,
    /// Number of characters outside the visible area.
    pub(super) outside: u64,
    /// Visible area: left, bottom, right and top.
    shown: Option<[f64; 4]>,
}

/// Resources with a cache of their look-ups.
pub(super) struct Resources<'a> {
    fonts: Dict<'a>,
    forms: Dict<'a>,
    properties: Dict<'a>,
    found_fonts: RefCell<BTreeMap<Vec<u8>, Option<Rc<Font<'a>>>>>,
    found_forms: RefCell<BTreeMap<Vec<u8>, Option<Rc<Form<'a>>>>>,
}

struct Form<'a> {
    stream: Stream<'a>,
    matrix: Matrix,
    resources: Option<Rc<Resources<'a>>>,
}

/// Page reader of one document, with a cache of shared resources.
pub(super) struct Reader<'a, 'b> {
    pdf: &'a Pdf,
    fonts: Fonts<'a>,
    shared_fonts: BTreeMap<ObjectIdentifier, Rc<Font<'a>>>,
    shared_resources: BTreeMap<ObjectIdentifier, Rc<Resources<'a>>>,
    budget: &'b mut WorkBudget,
}

#[derive(Clone)]
struct State<'a> {
    matrix: Matrix,
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
}

/// Open marked content.
enum Marked {
    /// Content that is shown as it is.
    Shown,
    /// Content that this replacement text stands for.
    For(Rc<str>),
    /// Content whose replacement text has been emitted.
    Given,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) fn new(pdf: &'a Pdf, budget: &'b mut WorkBudget) -> Self {
        Self {
            pdf,
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
        let shown = shown(dict, inherited, matrix);
        let mut content = Content { damaged, shown, ..Content::default() };
        let state = State {
            matrix,
            font: None,
            size: 0.0,
            letter_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        self.run(&bytes, &resources, state, 0, &mut content)?;
        Ok(content)
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

    fn resources(&mut self, found: &MaybeRefDict<'a>) -> Result<Rc<Resources<'a>>, Exhausted> {
        self.budget.spend(Work::Lookups, 1)?;
        match found {
            MaybeRefDict::Ref(id) => {
                if let Some(resources) = self.shared_resources.get(id) {
                    return Ok(Rc::clone(resources));
                }
                let dict = self.pdf.xref().get::<Dict<'_>>(*id).unwrap_or_default();
                let resources = Rc::new(Resources::of(&dict, self.budget)?);
                self.shared_resources.insert(*id, Rc::clone(&resources));
                Ok(resources)
            }
            MaybeRefDict::Dict(direct) => {
                let (dict, read) = direct.as_ref();
                if let Some(resources) = read.get() {
                    return Ok(Rc::clone(resources));
                }
                let resources = Rc::new(Resources::of(dict, self.budget)?);
                Ok(Rc::clone(read.get_or_init(|| resources)))
            }
        }
    }

    fn font(&mut self, name: &[u8], resources: &Resources<'a>) -> Result<Option<Rc<Font<'a>>>, Exhausted> {
        if let Some(found) = resources.found_fonts.borrow().get(name) {
            return Ok(found.clone());
        }
        self.budget.spend(Work::Lookups, 1)?;
        let id = resources.fonts.get_ref(name).map(ObjectIdentifier::from);
        let shared = id.and_then(|id| self.shared_fonts.get(&id).map(Rc::clone));
        let font = match (shared, resources.fonts.get::<Dict<'_>>(name)) {
            (Some(font), _) => Some(font),
            (None, Some(dict)) => {
                let font = Rc::new(self.fonts.load(&dict, self.budget)?);
                if let Some(id) = id {
                    self.shared_fonts.insert(id, Rc::clone(&font));
                }
                Some(font)
            }
            (None, None) => None,
        };
        resources.found_fonts.borrow_mut().insert(name.to_vec(), font.clone());
        Ok(font)
    }

    fn form(&mut self, name: &[u8], resources: &Resources<'a>) -> Result<Option<Rc<Form<'a>>>, Exhausted> {
        if let Some(found) = resources.found_forms.borrow().get(name) {
            return Ok(found.clone());
        }
        self.budget.spend(Work::Lookups, 1)?;
        let stream = resources.forms.get::<Stream<'_>>(name);
        let is_form = |stream: &Stream<'_>| {
            stream.dict().get::<Name<'_>>(keys::SUBTYPE).is_some_and(|kind| kind.as_ref() == b"Form")
        };
        let form = match stream.filter(is_form) {
            Some(stream) => {
                let dict = stream.dict();
                self.budget.bytes(dict.data().len())?;
                let matrix = dict.get::<[f64; 6]>(keys::MATRIX).map_or(Matrix::IDENTITY, Matrix);
                let own = MaybeRefDict::of(dict, keys::RESOURCES);
                let own = own.map(|own| self.resources(&own)).transpose()?;
                Some(Rc::new(Form { matrix, resources: own, stream }))
            }
            None => None,
        };
        resources.found_forms.borrow_mut().insert(name.to_vec(), form.clone());
        Ok(form)
    }

    /// Interprets the operators of a page or of a form.
    fn run(
        &mut self,
        bytes: &[u8],
        resources: &Rc<Resources<'a>>,
        mut state: State<'a>,
        depth: usize,
        content: &mut Content,
    ) -> Result<(), Exhausted> {
        let mut operators = Operators::new(bytes);
        let mut saved: Vec<State<'a>> = Vec::new();
        let mut unsaved = 0_u64;
        let mut pen = Pen { line: Matrix::IDENTITY, text: Matrix::IDENTITY, marked: Vec::new() };
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
                    if let Some(name) = operands.first().and_then(Operand::name)
                        && depth < FORMS
                        && let Some(form) = self.form(name, resources)?
                    {
                        let Data { bytes, damaged } = decode::decode(&form.stream, self.budget)?;
                        content.damaged |= damaged;
                        let inside = State { matrix: form.matrix.then(state.matrix), ..state.clone() };
                        let own = form.resources.as_ref().unwrap_or(resources);
                        self.run(&bytes, own, inside, depth + 1, content)?;
                    }
                }
                b"gs" => {}
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
                    let text = match operands {
                        [_, properties] => self.actual_text(properties, resources)?,
                        _ => None,
                    };
                    pen.marked.push(text.map_or(Marked::Shown, Marked::For));
                }
                b"EMC" => {
                    pen.marked.pop();
                }
                _ => self.text(operator, operands, &mut state, &mut pen, content)?,
            }
        }
        Ok(())
    }

    /// Interprets an operator that sets the text state or position, or shows text.
    fn text(
        &mut self,
        operator: &[u8],
        operands: &[Operand<'_>],
        state: &mut State<'a>,
        pen: &mut Pen,
        content: &mut Content,
    ) -> Result<(), Exhausted> {
        let number = |index: usize| operands.get(index).and_then(Operand::number);
        match operator {
            b"Tc" => state.letter_space = number(0).unwrap_or(state.letter_space),
            b"Tw" => state.word_space = number(0).unwrap_or(state.word_space),
            b"Tz" => state.scale = number(0).map_or(state.scale, |percent| percent / 100.0),
            b"TL" => state.leading = number(0).unwrap_or(state.leading),
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
            b"Tj" => self.show(operands.first(), state, pen, content)?,
            b"'" => {
                pen.go(0.0, -state.leading);
                self.show(operands.first(), state, pen, content)?;
            }
            b"\"" => {
                state.word_space = number(0).unwrap_or(state.word_space);
                state.letter_space = number(1).unwrap_or(state.letter_space);
                pen.go(0.0, -state.leading);
                self.show(operands.get(2), state, pen, content)?;
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
                        self.show(Some(part), state, pen, content)?;
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
        content: &mut Content,
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
            let place = Matrix::shift(0.0, state.rise).then(pen.text).then(state.matrix);
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
                    content.unknown += 1;
                    Rc::from("")
                }),
            };
            if !text.is_empty()
                && let Some(glyph) = glyph(text, place, way, state, font)
            {
                content.take(glyph);
            }
            pen.text = Matrix::shift(step.0, step.1).then(pen.text);
        }
        Ok(())
    }

    fn actual_text(
        &mut self,
        properties: &Operand<'_>,
        resources: &Resources<'a>,
    ) -> Result<Option<Rc<str>>, Exhausted> {
        let text = match properties {
            Operand::Dict(entries) => {
                let entry = entries.iter().rev().find(|(key, _)| key == keys::ACTUAL_TEXT);
                entry.and_then(|(_, value)| value.string()).map(text_string)
            }
            Operand::Name(name) => {
                self.budget.spend(Work::Lookups, 1)?;
                let Some(dict) = resources.properties.get::<Dict<'_>>(name) else { return Ok(None) };
                self.budget.bytes(dict.data().len())?;
                dict.get::<hayro_syntax::object::String<'_>>(keys::ACTUAL_TEXT)
                    .map(|text| text_string(text.as_bytes()))
            }
            Operand::Number(_) | Operand::String(_) | Operand::Array(_) | Operand::Other => None,
        };
        Ok(text.map(Rc::from))
    }
}

impl Content {
    /// Adds a glyph if it lies in the visible area of the page.
    fn take(&mut self, glyph: Glyph) {
        let (x, y) = (glyph.x + glyph.advance.0 / 2.0, glyph.y + glyph.advance.1 / 2.0);
        let inside = self.shown.is_none_or(|[left, bottom, right, top]| {
            (left - 1.0..=right + 1.0).contains(&x) && (bottom - 1.0..=top + 1.0).contains(&y)
        });
        if inside {
            self.glyphs.push(glyph);
        } else if !glyph.text.chars().all(char::is_whitespace) {
            self.outside += 1;
        }
    }
}

impl Pen {
    /// Begins a line at this offset from the start of the last one.
    fn go(&mut self, x: f64, y: f64) {
        self.line = Matrix::shift(x, y).then(self.line);
        self.text = self.line;
    }

    /// Takes the replacement text, once. After that, the content yields no text.
    fn stand_in(&mut self) -> Option<Rc<str>> {
        let mut marked = self.marked.iter_mut().rev().take(32);
        let marked = marked.find(|marked| !matches!(marked, Marked::Shown))?;
        match std::mem::replace(marked, Marked::Given) {
            Marked::For(text) => Some(text),
            Marked::Shown | Marked::Given => Some(Rc::from("")),
        }
    }
}

impl<'a> Resources<'a> {
    fn of(dict: &Dict<'a>, budget: &mut WorkBudget) -> Result<Self, Exhausted> {
        budget.bytes(dict.data().len())?;
        let mut part = |key: &[u8]| {
            let part = dict.get::<Dict<'_>>(key).unwrap_or_default();
            budget.bytes(part.data().len()).map(|()| part)
        };
        Ok(Self {
            fonts: part(keys::FONT)?,
            forms: part(keys::XOBJECT)?,
            properties: part(keys::PROPERTIES)?,
            found_fonts: RefCell::default(),
            found_forms: RefCell::default(),
        })
    }
}

/// Returns the visible area of the page, rotated as the page is.
fn shown(dict: &Dict<'_>, inherited: &Inherited<'_>, matrix: Matrix) -> Option<[f64; 4]> {
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
    let (x0, y0) = matrix.point(shown.x0, shown.y0);
    let (x1, y1) = matrix.point(shown.x1, shown.y1);
    Some([x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)])
}

fn matrix(operands: &[Operand<'_>]) -> Option<Matrix> {
    let mut numbers = [0.0; 6];
    for (number, operand) in numbers.iter_mut().zip(operands.get(..6)?) {
        *number = operand.number()?;
    }
    Some(Matrix(numbers))
}

/// Returns a glyph at the pen, unless its size is zero or its position is not finite.
fn glyph(text: Rc<str>, place: Matrix, way: (f64, f64), state: &State<'_>, font: &Font<'_>) -> Option<Glyph> {
    let (x, y) = place.point(0.0, 0.0);
    let advance = place.vector(way.0, way.1);
    let (forward, up) = (place.vector(1.0, 0.0), place.vector(0.0, 1.0));
    let sized = state.size.abs() * font.height;
    let size = up.0.hypot(up.1) * sized;
    let direction = if font.is_vertical() { (-up.0, -up.1) } else { forward };
    let sign = if state.size < 0.0 && !font.is_vertical() { -1.0 } else { 1.0 };
    let length = direction.0.hypot(direction.1) * sign;
    let direction = (direction.0 / length, direction.1 / length);
    let fine = [x, y, advance.0, advance.1, direction.0, direction.1, size].into_iter().all(f64::is_finite);
    (fine && size > 0.0).then_some(Glyph { text, x, y, advance, direction, size, bold: font.bold })
}
