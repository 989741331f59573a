//! Interpreter of the operators of a page, which places the text that they show.

use std::rc::Rc;

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, Name};

use super::super::inline::described;
use super::area::Area;
use super::budget::{Exhausted, Work};
use super::canvas::{Canvas, Look};
use super::content::{Operand, Operators};
use super::graphics::Path;
use super::matrix::Matrix;
use super::page::{Reader, Reading};
use super::resources::{Drawn, Resources};
use super::text_state::{Marked, Pen, State, glyph};
use super::text_string;

/// Maximum depth of forms that draw forms.
const FORMS: usize = 16;

/// Maximum number of saved graphics states. Programs save a few, and the standard asks for 28.
const STATES: usize = 256;

/// Texts that stand for marked content.
#[derive(Default)]
struct Replacement {
    actual: Option<String>,
    description: Option<String>,
}

impl<'a> Reader<'a, '_> {
    /// Interprets the operators of a page or of a form.
    pub(super) fn run(
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
            reading.descriptions.extend(texts.description.filter(|text| !described(text).is_empty()));
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
            pen.text = pen.text.moved(step.0, step.1);
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
