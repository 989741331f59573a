//! Annotations of a page: form fields, comments, text boxes, stamps, struck-out text and attached files.

use std::collections::BTreeMap;

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{
    Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect, Stream, String as Bytes,
};
use nexus_core::document::UnreadPart;

use super::area::Area;
use super::budget::{Exhausted, Work};
use super::fields::Field;
use super::layout;
use super::matrix::Matrix;
use super::page::{Reader, Reading};
use super::text_string;

/// Flags of an annotation that is not displayed: hidden, and not viewed.
const HIDDEN: i32 = 1 << 1 | 1 << 5;

/// Texts and parts of a page's annotations.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Text that the page shows: text boxes and stamps.
    pub(super) texts: Vec<String>,
    /// Comments with their authors.
    pub(super) comments: Vec<(Option<String>, String)>,
    /// Form fields that have a value.
    pub(super) fields: Vec<Field>,
    /// Number of the parts that were not read.
    pub(super) unread: BTreeMap<UnreadPart, u32>,
}

impl Marks {
    /// Counts a part that is not read.
    pub(super) fn count(&mut self, part: UnreadPart) {
        *self.unread.entry(part).or_default() += 1;
    }
}

impl<'a> Reader<'a, '_> {
    /// Reads the annotations of a page. What they strike out is marked on the canvas.
    pub(super) fn marks(
        &mut self,
        page: &Dict<'a>,
        matrix: Matrix,
        reading: &mut Reading,
    ) -> Result<Marks, Exhausted> {
        let mut marks = Marks::default();
        let Some(annotations) = page.get::<Array<'_>>(keys::ANNOTS) else { return Ok(marks) };
        self.budget.bytes(annotations.data().len())?;
        for annotation in annotations.raw_iter() {
            self.budget.spend(Work::Lookups, 1)?;
            let dict = match annotation {
                MaybeRef::Ref(to) => self.pdf.xref().get::<Dict<'_>>(to.into()),
                MaybeRef::NotRef(object) => object.into_dict(),
            };
            if let Some(dict) = dict {
                self.budget.bytes(dict.data().len())?;
                self.mark(&dict, matrix, reading, &mut marks)?;
            }
        }
        Ok(marks)
    }

    fn mark(
        &mut self,
        dict: &Dict<'a>,
        matrix: Matrix,
        reading: &mut Reading,
        marks: &mut Marks,
    ) -> Result<(), Exhausted> {
        let hidden = dict.get::<i32>(b"F").is_some_and(|flags| flags & HIDDEN != 0)
            || self.layers.hide(dict, b"OC", self.budget)?;
        let subtype = dict.get::<Name<'_>>(keys::SUBTYPE);
        match subtype.as_ref().map(AsRef::as_ref).unwrap_or_default() {
            b"Widget" => return self.field(dict, hidden, matrix, marks),
            b"Link" => return Ok(()),
            b"Popup" if dict.contains_key(b"Parent") => return Ok(()),
            b"Movie" | b"Sound" | b"Screen" | b"RichMedia" | b"3D" => marks.count(UnreadPart::Media),
            b"FileAttachment" => self.attach(dict.get_ref(b"FS").map(Into::into)),
            b"StrikeOut" if !hidden => strike(dict, matrix, reading),
            b"FreeText" | b"Stamp" | b"Watermark" => return self.shown_text(dict, hidden, marks),
            _ => {}
        }
        let contents = contents(dict).filter(|_| !dict.contains_key(b"StateModel"));
        if let Some(text) = contents {
            if hidden && !self.read_hidden {
                marks.count(UnreadPart::HiddenText);
            } else {
                marks.comments.push((string(dict, b"T"), text));
            }
        } else if !hidden && !matches!(subtype.as_ref().map(AsRef::as_ref), Some(b"Popup" | b"Text")) {
            marks.texts.extend(self.appearance_text(dict)?);
        }
        Ok(())
    }

    /// Reads an annotation whose text the page shows.
    fn shown_text(&mut self, dict: &Dict<'a>, hidden: bool, marks: &mut Marks) -> Result<(), Exhausted> {
        let is_box = dict.get::<Name<'_>>(keys::SUBTYPE).is_some_and(|name| name.as_ref() == b"FreeText");
        let contents = contents(dict);
        let shown = match contents.clone().filter(|_| is_box) {
            Some(text) => Some(text),
            None => self.appearance_text(dict)?,
        };
        let shown = shown.or_else(|| dict.get::<Name<'_>>(b"Name").map(|name| name.as_str().to_owned()));
        if hidden && !self.read_hidden {
            if shown.is_some() || contents.is_some() {
                marks.count(UnreadPart::HiddenText);
            }
            return Ok(());
        }
        if let Some(comment) = contents.filter(|contents| !is_box && shown.as_ref() != Some(contents)) {
            marks.comments.push((string(dict, b"T"), comment));
        }
        marks.texts.extend(shown);
        Ok(())
    }

    /// Returns the text that the appearance of an annotation shows.
    pub(super) fn appearance_text(&mut self, dict: &Dict<'a>) -> Result<Option<String>, Exhausted> {
        self.budget.spend(Work::Lookups, 2)?;
        let Some(appearances) = dict.get::<Dict<'a>>(b"AP") else { return Ok(None) };
        let stream = match appearances.get::<Object<'a>>(b"N") {
            Some(Object::Stream(stream)) => Some(stream),
            Some(Object::Dict(states)) => {
                let state = dict.get::<Name<'_>>(b"AS");
                state.and_then(|state| states.get::<Stream<'a>>(state.as_ref()))
            }
            _ => None,
        };
        let Some(stream) = stream else { return Ok(None) };
        let text = layout::plain(&self.appearance(stream)?);
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Counts an attached file once.
    pub(super) fn attach(&mut self, file: Option<ObjectIdentifier>) {
        if file.is_none_or(|file| self.files.insert(file)) {
            self.attachments = self.attachments.saturating_add(1);
        }
    }

    /// Counts the files that the catalog attaches to the document.
    pub(super) fn attached_files(&mut self, catalog: &Dict<'a>) -> Result<(), Exhausted> {
        if let Some(files) = catalog.get::<Array<'_>>(b"AF") {
            self.budget.bytes(files.data().len())?;
            files.raw_iter().for_each(|file| self.attach(reference(&file)));
        }
        let names = catalog.get::<Dict<'_>>(b"Names");
        let mut nodes: Vec<Dict<'_>> =
            names.and_then(|names| names.get(keys::EMBEDDED_FILES)).into_iter().collect();
        let mut visited = std::collections::BTreeSet::new();
        while let Some(node) = nodes.pop() {
            self.budget.spend(Work::Lookups, 1)?;
            self.budget.bytes(node.data().len())?;
            if node.obj_id().is_some_and(|id| !visited.insert(id)) {
                continue;
            }
            if let Some(names) = node.get::<Array<'_>>(b"Names") {
                self.budget.bytes(names.data().len())?;
                names.raw_iter().skip(1).step_by(2).for_each(|file| self.attach(reference(&file)));
            }
            if let Some(kids) = node.get::<Array<'_>>(keys::KIDS) {
                self.budget
                    .spend(Work::Lookups, u64::try_from(kids.raw_iter().count()).unwrap_or(u64::MAX))?;
                nodes.extend(kids.iter::<Dict<'_>>());
            }
        }
        Ok(())
    }
}

fn reference(object: &MaybeRef<Object<'_>>) -> Option<ObjectIdentifier> {
    match object {
        MaybeRef::Ref(to) => Some((*to).into()),
        MaybeRef::NotRef(_) => None,
    }
}

/// Returns the text of an annotation, plain or else from its formatted form.
fn contents(dict: &Dict<'_>) -> Option<String> {
    string(dict, b"Contents")
        .or_else(|| string(dict, b"RC").map(|rich| without_tags(&rich)).filter(|text| !text.is_empty()))
}

/// Returns the string of an entry, unless it is blank.
pub(super) fn string(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    let text = text_string(dict.get::<Bytes<'_>>(key)?.as_bytes());
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn without_tags(rich: &str) -> String {
    let mut text = String::new();
    for part in rich.split('<') {
        let (tag, rest) = part.split_once('>').unwrap_or(("", part));
        if tag.starts_with("/p") || tag.starts_with("br") {
            text.push('\n');
        }
        text.push_str(rest);
    }
    let text =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#13;", "\n"), ("&#xD;", "\n"), ("&amp;", "&")]
            .into_iter()
            .fold(text, |text, (entity, plain)| text.replace(entity, plain));
    text.trim().to_owned()
}

/// Marks what an annotation strikes out: the areas of its four corners each.
fn strike(dict: &Dict<'_>, matrix: Matrix, reading: &mut Reading) {
    let corners: Vec<f64> =
        dict.get::<Array<'_>>(b"QuadPoints").map(|points| points.iter::<f64>().collect()).unwrap_or_default();
    let mut areas: Vec<Area> = Vec::new();
    for quad in corners.chunks_exact(8) {
        let mut corners =
            quad.chunks_exact(2).filter_map(|point| Some(matrix.point(*point.first()?, *point.last()?)));
        if let Some(first) = corners.next() {
            let mut area = Area::at(first);
            corners.for_each(|corner| area.grow(corner));
            areas.push(area);
        }
    }
    if areas.is_empty() {
        areas.extend(area(dict, matrix));
    }
    for area in areas {
        reading.canvas.strike(area);
    }
}

/// Returns the area of an annotation.
pub(super) fn area(dict: &Dict<'_>, matrix: Matrix) -> Option<Area> {
    let rect = dict.get::<Rect>(b"Rect")?;
    Some(Area::of(matrix, [rect.x0, rect.y0, rect.width(), rect.height()]).0)
}
