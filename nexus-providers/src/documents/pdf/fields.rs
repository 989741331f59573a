//! Form fields: their labels and values.

use std::collections::BTreeSet;

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, String as Bytes};
use nexus_core::document::UnreadPart;

use super::super::inline;
use super::annotations::{Marks, area, string};
use super::area::Area;
use super::budget::{Exhausted, Work};
use super::glyph::Glyph;
use super::matrix::Matrix;
use super::page::Reader;
use super::{decode, text_string};

/// Maximum depth of fields within fields.
const DEPTH: usize = 32;

/// Flags of fields: a password, and a button without a state.
const PASSWORD: i32 = 1 << 13;
const PUSH_BUTTON: i32 = 1 << 16;

/// Form field with a value.
#[derive(Debug)]
pub(super) struct Field {
    /// Name for people, where the field has one.
    label: Option<String>,
    /// Name of the field and of those around it.
    name: String,
    /// Value.
    value: String,
    /// Place on the page, of a field that people write in.
    area: Option<Area>,
}

/// Field with what it inherits from the fields around it.
#[derive(Default)]
struct Entries<'a> {
    id: Option<ObjectIdentifier>,
    kind: Option<Name<'a>>,
    flags: Option<i32>,
    value: Option<Object<'a>>,
    options: Option<Array<'a>>,
    label: Option<String>,
    names: Vec<String>,
}

impl Field {
    /// Returns the field as text. Without a label it has that of the printed text to its left.
    pub(super) fn text(&self, page: &[Glyph]) -> String {
        let printed = || self.area.and_then(|area| printed_label(page, area));
        let label = self.label.clone().or_else(printed).unwrap_or_else(|| self.name.clone());
        inline::field(&label, &self.value)
    }
}

/// Returns the printed text to the left of a field, up to a wide gap.
fn printed_label(page: &[Glyph], area: Area) -> Option<String> {
    let beside = |glyph: &&Glyph| {
        let right = glyph.x + glyph.advance.0;
        glyph.direction.0 > 0.99
            && (area.bottom - 0.3 * glyph.size..area.top).contains(&glyph.y)
            && right < area.left + 2.0
            && right > area.left - 250.0
    };
    let mut glyphs: Vec<&Glyph> = page.iter().filter(beside).collect();
    glyphs.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut label: Vec<&Glyph> = Vec::new();
    let blank = |glyph: &Glyph| glyph.text.chars().all(char::is_whitespace);
    for glyph in glyphs.into_iter().filter(|glyph| !blank(glyph)) {
        if label.last().is_some_and(|last| glyph.x - last.x - last.advance.0 > 2.0 * glyph.size) {
            label.clear();
        }
        label.push(glyph);
    }
    let label: Vec<Glyph> = label.into_iter().cloned().collect();
    let text = super::layout::plain(&label);
    (text.chars().any(char::is_alphabetic) && text.chars().count() <= 100).then_some(text)
}

impl<'a> Reader<'a, '_> {
    /// Reads the form field that an annotation shows, once for all annotations that show it.
    pub(super) fn field(
        &mut self,
        widget: &Dict<'a>,
        hidden: bool,
        matrix: Matrix,
        marks: &mut Marks,
    ) -> Result<(), Exhausted> {
        let entries = self.entries(widget)?;
        if entries.id.is_some_and(|id| self.read_fields.contains(&id)) {
            return Ok(());
        }
        let flags = entries.flags.unwrap_or_default();
        let kind = entries.kind.as_ref().map_or(b"Tx".as_slice(), AsRef::as_ref);
        let value = match kind {
            b"Btn" if flags & PUSH_BUTTON != 0 => None,
            b"Btn" => state(widget, &entries),
            b"Sig" => signature(&entries),
            _ => {
                let value = self.value(&entries)?;
                if value.is_none() && flags & PASSWORD == 0 { self.appearance_text(widget)? } else { value }
            }
        };
        let Some(value) = value else {
            if matches!(entries.value, Some(Object::Stream(_))) {
                marks.count(UnreadPart::FormField);
            }
            return Ok(());
        };
        self.read_fields.extend(entries.id);
        if flags & PASSWORD != 0 {
            marks.count(UnreadPart::FormField);
        } else if hidden && !self.read_hidden {
            marks.count(UnreadPart::HiddenText);
        } else {
            let name = entries.names.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".");
            let area = area(widget, matrix).filter(|_| kind != b"Btn");
            marks.fields.push(Field { label: entries.label, name, value, area });
        }
        Ok(())
    }

    /// Returns the number of fields that have a value and stand on no page.
    pub(super) fn fields_without_page(&mut self, form: &Dict<'a>) -> Result<u32, Exhausted> {
        let mut visited = BTreeSet::new();
        let mut count = 0;
        let mut stack: Vec<Dict<'a>> = Vec::new();
        let mut lists: Vec<Array<'a>> = form.get(b"Fields").into_iter().collect();
        while let Some(list) = lists.pop() {
            self.budget.begin_page();
            self.budget.bytes(list.data().len())?;
            self.budget.spend(Work::Lookups, u64::try_from(list.raw_iter().count()).unwrap_or(u64::MAX))?;
            stack.extend(
                list.iter::<Dict<'a>>().filter(|dict| dict.obj_id().is_none_or(|id| visited.insert(id))),
            );
            while let Some(field) = stack.pop() {
                let below = field.get::<Array<'a>>(keys::KIDS);
                let is_read = field.obj_id().is_some_and(|id| self.read_fields.contains(&id));
                let has_value = || {
                    let text = field.get::<Bytes<'_>>(b"V").is_some_and(|text| !text.as_bytes().is_empty());
                    text || matches!(
                        field.get::<Object<'_>>(b"V"),
                        Some(Object::Array(_) | Object::Stream(_))
                    )
                };
                if !is_read && has_value() {
                    count += 1;
                }
                lists.extend(below.filter(|_| !is_read));
            }
        }
        Ok(count)
    }

    fn entries(&mut self, widget: &Dict<'a>) -> Result<Entries<'a>, Exhausted> {
        let mut entries = Entries::default();
        let mut node = Some(widget.clone());
        for _ in 0..DEPTH {
            let Some(field) = node.take() else { break };
            self.budget.spend(Work::Lookups, 4)?;
            self.budget.bytes(field.data().len())?;
            if let Some(name) = string(&field, b"T") {
                entries.id = entries.id.or_else(|| field.obj_id());
                entries.names.push(name);
            }
            entries.kind = entries.kind.or_else(|| field.get(b"FT"));
            entries.flags = entries.flags.or_else(|| field.get(b"Ff"));
            entries.value = entries.value.or_else(|| field.get(b"V"));
            entries.options = entries.options.or_else(|| field.get(b"Opt"));
            entries.label = entries.label.or_else(|| string(&field, b"TU"));
            node = field.get::<Dict<'a>>(keys::PARENT);
        }
        Ok(entries)
    }

    /// Returns the value of a text or choice field.
    fn value(&mut self, entries: &Entries<'a>) -> Result<Option<String>, Exhausted> {
        let shown = |value: &Bytes<'_>| {
            let text = text_string(value.as_bytes());
            option(entries.options.as_ref(), &text).unwrap_or(text)
        };
        if let Some(options) = &entries.options {
            self.budget.bytes(options.data().len())?;
        }
        let value = match &entries.value {
            Some(Object::String(value)) => shown(value),
            Some(Object::Name(value)) => value.as_str().to_owned(),
            Some(Object::Stream(value)) => text_string(&decode::decode(value, self.budget)?.bytes),
            Some(Object::Array(values)) => {
                self.budget.bytes(values.data().len())?;
                // Each selected option is looked for among all options.
                let options = entries.options.as_ref().map_or(0, |options| options.data().len());
                let most = 1 + (1 << 20) / options.max(1);
                values
                    .iter::<Bytes<'_>>()
                    .take(most)
                    .map(|value| shown(&value))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            _ => return Ok(None),
        };
        Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty()))
    }
}

/// Returns the shown text of a stored option.
fn option(options: Option<&Array<'_>>, stored: &str) -> Option<String> {
    options?.iter::<Object<'_>>().find_map(|option| {
        let pair = option.into_array()?;
        let mut pair = pair.iter::<Bytes<'_>>().map(|text| text_string(text.as_bytes()));
        (pair.next()? == stored).then(|| pair.next())?
    })
}

/// Returns the state of a check box or of radio buttons.
fn state(widget: &Dict<'_>, entries: &Entries<'_>) -> Option<String> {
    const RADIO: i32 = 1 << 15;
    let is_radio = entries.flags.is_some_and(|flags| flags & RADIO != 0);
    let stored = match &entries.value {
        Some(Object::Name(name)) => Some(name.as_str().to_owned()),
        Some(Object::String(text)) => Some(text_string(text.as_bytes())),
        _ => None,
    };
    let shown = || widget.get::<Name<'_>>(b"AS").map(|name| name.as_str().to_owned());
    let state = if is_radio { stored.or_else(shown) } else { shown().or(stored) };
    let state = state.filter(|state| !state.is_empty() && (!is_radio || state != "Off"))?;
    let listed = || entries.options.as_ref()?.iter::<Bytes<'_>>().nth(state.parse().ok()?);
    Some(listed().map_or_else(|| state.clone(), |text| text_string(text.as_bytes())))
}

/// Returns the signer of a field that is signed.
fn signature(entries: &Entries<'_>) -> Option<String> {
    let Some(Object::Dict(signature)) = &entries.value else { return None };
    Some(string(signature, b"Name").map_or_else(|| "signed".to_owned(), |name| format!("signed by {name}")))
}
