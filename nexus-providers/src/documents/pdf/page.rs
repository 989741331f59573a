//! Reader of pages: their content, forms and annotations.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hayro_syntax::Pdf;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, MaybeRef, Object, ObjectIdentifier, Rect, Stream};

use super::annotations::Marks;
use super::area::Area;
use super::budget::{Exhausted, Work, WorkBudget};
use super::canvas::{Canvas, Seen};
use super::decode::{self, Data};
use super::font::{Font, Fonts};
use super::glyph::Glyph;
use super::layers::Layers;
use super::matrix::Matrix;
use super::resources::{Form, Resources};
use super::text_state::State;
use super::tree::{Inherited, MaybeRefDict};

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
    pub(super) damaged: bool,
    pub(super) unknown: u64,
    pub(super) descriptions: Vec<String>,
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
    pub(super) fn draw(
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
