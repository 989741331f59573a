//! RTF: paragraphs and tables of the main text, then notes, comments, headers and footers.

mod colours;
mod fonts;
mod place;
mod tables;

use std::collections::BTreeSet;
use std::io::Read;

use encoding_rs::{Encoding, WINDOWS_1252};
use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::{BlockKind, Source};

use super::block_writer::Output;
use super::error;
use super::ink::{Colour, Ink};
use super::inline::{
    self, Inline, Level, Subject, asks_for_page_number, comment, described, image, is_page_number, note_mark,
    page_margin,
};
use colours::Colours;
use fonts::Fonts;
use place::{FormField, Place, Property};
use tables::Rows;

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut bytes = Vec::new();
    let limit = out.limits.whole_bytes;
    Read::take(source, limit.saturating_add(1)).read_to_end(&mut bytes).map_err(error::unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(error::too_large(format_args!("a file of this format may have at most {limit} bytes")));
    }
    out.budget.work(bytes.len());
    let mut reader = Reader::new(out);
    let mut rest = bytes.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        rest = reader.token(*first, tail)?;
    }
    reader.end_paragraph()?;
    reader.end_table()?;
    reader.write_notes()?;
    if reader.groups.is_empty() { Ok(()) } else { Err(error::malformed("it ends within a group")) }
}

/// State that a group changes and its end restores.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent property")]
struct Group {
    place: Place,
    /// Whether the place begins with this group.
    begins: bool,
    /// Whether the next control word may be one that only some programs know.
    optional: bool,
    /// Whether the group defines rows of a nested table.
    nested: bool,
    hidden: bool,
    struck: bool,
    level: Level,
    ink: Ink,
    encoding: Option<&'static Encoding>,
}

/// Open paragraph.
#[derive(Default)]
struct Paragraph {
    text: Inline,
    /// Number of a list item, empty for a bullet.
    label: Option<String>,
    has_page_number: bool,
    leaving_out: Option<UnreadPart>,
}

/// Notes and comments, which follow the main text.
#[derive(Default)]
struct Notes {
    texts: Vec<String>,
    comments: Vec<String>,
    furniture: Vec<String>,
    known: BTreeSet<String>,
}

struct Reader<'a, 'o> {
    out: &'a mut Output<'o>,
    encoding: &'static Encoding,
    fonts: Fonts,
    colours: Colours,
    groups: Vec<Group>,
    group: Group,
    paragraph: Paragraph,
    /// Paragraphs around the open note, comment, header or text box.
    around: Vec<Paragraph>,
    /// Bytes in the document's encoding that are not decoded yet.
    pending: Vec<u8>,
    /// Number of fallback characters after a Unicode one for readers without Unicode, and how many of them remain.
    fallback: (usize, usize),
    /// First half of a UTF-16 surrogate pair.
    half: Option<u16>,
    rows: Rows,
    in_table: bool,
    /// Ground of the open paragraph, and whether the pages have one.
    ground: Option<Colour>,
    has_background: bool,
    outline: Option<u8>,
    notes: Notes,
    /// Text of a place that is no text of the document: an author, an instruction, a property.
    captured: String,
    author: String,
    instruction: String,
    property: Property,
    form_field: FormField,
}

impl<'a, 'o> Reader<'a, 'o> {
    fn new(out: &'a mut Output<'o>) -> Self {
        Self {
            out,
            encoding: WINDOWS_1252,
            fonts: Fonts::default(),
            colours: Colours::default(),
            groups: Vec::new(),
            group: Group::default(),
            paragraph: Paragraph::default(),
            around: Vec::new(),
            pending: Vec::new(),
            fallback: (1, 0),
            half: None,
            rows: Rows::default(),
            in_table: false,
            ground: None,
            has_background: false,
            outline: None,
            notes: Notes::default(),
            captured: String::new(),
            author: String::new(),
            instruction: String::new(),
            property: Property::default(),
            form_field: FormField::default(),
        }
    }

    /// Reads one token and returns the bytes that follow it.
    fn token<'b>(&mut self, first: u8, tail: &'b [u8]) -> Result<&'b [u8]> {
        match first {
            b'{' => self.begin_group()?,
            b'}' => self.end_group()?,
            b'\\' => return self.control(tail),
            b'\r' | b'\n' => {}
            byte => self.byte(byte),
        }
        Ok(tail)
    }

    fn begin_group(&mut self) -> Result<()> {
        const DEEPEST: usize = 10_000;
        self.decode();
        if self.groups.len() >= DEEPEST {
            return Err(error::too_deep("groups", DEEPEST));
        }
        self.groups.push(self.group);
        self.group.begins = false;
        self.group.optional = false;
        self.fallback.1 = 0;
        Ok(())
    }

    fn end_group(&mut self) -> Result<()> {
        self.decode();
        let ended = std::mem::replace(&mut self.group, self.groups.pop().unwrap_or_default());
        if ended.begins { self.end_place(ended.place) } else { Ok(()) }
    }

    fn control<'b>(&mut self, tail: &'b [u8]) -> Result<&'b [u8]> {
        let letters = tail.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = tail.split_at(letters);
        if letters == 0 {
            return Ok(self.symbol(tail));
        }
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.iter().skip(sign).take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = rest.split_at(if digits == 0 { 0 } else { sign + digits });
        let number: Option<i64> = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        if word == b"bin" {
            let length = number.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            return Ok(rest.get(length..).unwrap_or_default());
        }
        self.word(std::str::from_utf8(word).unwrap_or_default(), number)?;
        Ok(rest)
    }

    fn symbol<'b>(&mut self, tail: &'b [u8]) -> &'b [u8] {
        let Some((symbol, rest)) = tail.split_first() else { return tail };
        match symbol {
            b'\'' => {
                let (digits, rest) = rest.split_at(rest.len().min(2));
                let byte =
                    std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                if let Some(byte) = byte {
                    self.byte(byte);
                }
                return rest;
            }
            b'*' => self.group.optional = true,
            b'~' => self.char('\u{A0}'),
            b'_' => self.char('-'),
            b'\\' | b'{' | b'}' => self.byte(*symbol),
            _ => {}
        }
        rest
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other place holds text")]
    fn word(&mut self, word: &str, number: Option<i64>) -> Result<()> {
        self.decode();
        let optional = std::mem::take(&mut self.group.optional);
        if self.group.place == Place::Skipped {
            return Ok(());
        }
        if let Some(place) = Place::begun_by(word, self.group.place, optional) {
            self.begin_place(place);
            return Ok(());
        }
        match self.group.place {
            Place::Fonts => {
                self.fonts.word(word, number);
                Ok(())
            }
            Place::Colours => {
                self.colours.word(word, number);
                Ok(())
            }
            Place::FormField => {
                self.form_field.word(word, number);
                Ok(())
            }
            Place::Picture | Place::Property | Place::Name | Place::Value => Ok(()),
            _ => self.text_word(word, number),
        }
    }

    fn text_word(&mut self, word: &str, number: Option<i64>) -> Result<()> {
        let on = number != Some(0);
        match word {
            "ansicpg" => self.encoding = number.and_then(fonts::code_page).unwrap_or(WINDOWS_1252),
            "mac" => self.encoding = encoding_rs::MACINTOSH,
            "uc" => self.fallback.0 = number.and_then(|count| usize::try_from(count).ok()).unwrap_or(1),
            "u" => self.unicode(number.unwrap_or_default()),
            "f" => self.group.encoding = number.and_then(|font| self.fonts.encoding(font)),
            "v" => self.group.hidden = on,
            "strike" | "striked" | "deleted" => self.group.struck = on,
            "super" | "up" => self.group.level = if on { Level::Super } else { Level::Line },
            "sub" | "dn" => self.group.level = if on { Level::Sub } else { Level::Line },
            "nosupersub" => self.group.level = Level::Line,
            "plain" => {
                let group = &mut self.group;
                (group.hidden, group.struck, group.level, group.encoding) = (false, false, Level::Line, None);
                group.ink = Ink::default();
            }
            "cf" => self.group.ink.colour = Some(self.colours.text(number)),
            "cb" | "chcbpat" | "highlight" => self.group.ink.ground = self.colours.ground(number),
            "fs" => self
                .group
                .ink
                .size(number.map_or(12.0, |halves| f64::from(i32::try_from(halves).unwrap_or(24)) / 2.0)),
            "cbpat" => self.ground = self.colours.ground(number),
            "clcbpat" | "clshdng" => self.rows.shade(),
            "viewbksp" => self.has_background = on,
            "pard" => (self.in_table, self.outline, self.ground) = (false, None, None),
            "intbl" => self.in_table = true,
            "outlinelevel" => self.outline = number.and_then(|level| u8::try_from(level).ok()),
            "chpgn" => self.paragraph.has_page_number = true,
            "par" | "sect" | "page" => return self.end_paragraph(),
            "cell" => return self.end_cell(),
            // A nested table is text of the cell around it.
            "nestcell" => self.char(' '),
            "nesttableprops" => self.group.nested = true,
            "row" => return self.rows.end_row(&self.out.budget),
            "nestrow" | "line" => self.char('\n'),
            "tab" => self.char('\t'),
            "emdash" => self.char('—'),
            "endash" => self.char('–'),
            "lquote" => self.char('‘'),
            "rquote" => self.char('’'),
            "ldblquote" => self.char('“'),
            "rdblquote" => self.char('”'),
            "bullet" => self.char('•'),
            _ if self.group.nested => {}
            _ => self.rows.word(word),
        }
        Ok(())
    }

    /// Begins a place other than the text around it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other place is captured")]
    fn begin_place(&mut self, place: Place) {
        let place = match place {
            Place::Result if asks_for_page_number(&self.instruction) && self.is_in_furniture() => {
                self.paragraph.has_page_number = true;
                Place::Skipped
            }
            Place::Result => return,
            place => place,
        };
        (self.group.place, self.group.begins) = (place, true);
        match place {
            Place::Note => {
                let mark = note_mark(&(self.notes.texts.len() + 1).to_string());
                self.paragraph.text.push(&mark, Level::Line);
                // The number is taken, also by notes within this one.
                self.notes.texts.push(String::new());
                self.around.push(std::mem::take(&mut self.paragraph));
            }
            Place::Comment | Place::Furniture(_) | Place::Box => {
                self.around.push(std::mem::take(&mut self.paragraph));
            }
            Place::Picture => self.property = Property::default(),
            Place::FormField => self.form_field = FormField::default(),
            Place::Object => {
                self.out.unread(UnreadPart::Attachment, 1);
                self.group.place = Place::Skipped;
            }
            _ => self.captured.clear(),
        }
        if place.is_story() {
            (self.group.hidden, self.group.struck, self.group.level) = (false, false, Level::Line);
            self.group.ink = Ink::default();
        }
    }

    fn is_in_furniture(&self) -> bool {
        matches!(self.group.place, Place::Furniture(_))
    }

    /// Ends a place. Its text goes where it belongs.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other place keeps no text")]
    fn end_place(&mut self, place: Place) -> Result<()> {
        match place {
            Place::Note | Place::Comment | Place::Furniture(_) | Place::Box => return self.end_story(place),
            Place::Picture => {
                let description = std::mem::take(&mut self.property).description;
                match described(&description) {
                    "" => self.out.unread(UnreadPart::Image, 1),
                    description => self.append(&image(description)),
                }
            }
            Place::Author => self.author = std::mem::take(&mut self.captured),
            Place::Instruction => self.instruction = std::mem::take(&mut self.captured),
            Place::Label => {
                let label = std::mem::take(&mut self.captured);
                let label = Some(label).filter(|label| label.contains(char::is_alphanumeric));
                self.paragraph.label = Some(label.unwrap_or_default().trim().to_owned());
            }
            Place::Name => self.property.name = std::mem::take(&mut self.captured),
            Place::Value => self.property.take(std::mem::take(&mut self.captured)),
            Place::Entry => self.form_field.entries.push(std::mem::take(&mut self.captured)),
            Place::FormField => {
                let value = std::mem::take(&mut self.form_field).value();
                self.paragraph.text.push(&value, Level::Line);
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends a note, a comment, a header, a footer or a text box.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other place has paragraphs of its own")]
    fn end_story(&mut self, place: Place) -> Result<()> {
        let story = std::mem::replace(&mut self.paragraph, self.around.pop().unwrap_or_default());
        let Paragraph { mut text, has_page_number, .. } = story;
        let text = text.take().trim().to_owned();
        self.out.budget.copy(text.len())?;
        match place {
            Place::Note => {
                // Notes within notes end first, so the last one without a text is this one.
                let open = self.notes.texts.iter_mut().rev().find(|note| note.is_empty());
                let text = if text.is_empty() { " ".to_owned() } else { text };
                if let Some(note) = open {
                    *note = text;
                }
            }
            Place::Comment => {
                let comment = comment(self.out.limits, &self.author, Subject::Before, &text);
                self.notes.comments.extend(comment);
            }
            Place::Furniture(margin) if !(has_page_number && is_page_number(&text)) => {
                let text = page_margin(margin, &text);
                self.notes.furniture.extend(text.filter(|text| self.notes.known.insert(text.clone())));
            }
            Place::Box if self.in_table || !self.around.is_empty() => {
                self.paragraph.text.push(&format!("{text}\n"), Level::Line);
            }
            Place::Box => return self.out.paragraph(&text),
            _ => {}
        }
        Ok(())
    }

    /// Appends a UTF-16 unit, written as a signed number. The first half of a surrogate pair waits for the second.
    fn unicode(&mut self, unit: i64) {
        let unit = u16::try_from(unit.rem_euclid(0x1_0000)).unwrap_or_default();
        self.fallback.1 = self.fallback.0;
        let first = self.half.replace(unit).filter(|_| (0xDC00..0xE000).contains(&unit));
        if (0xD800..0xDC00).contains(&unit) {
            return;
        }
        self.half = None;
        char::decode_utf16(first.into_iter().chain([unit]))
            .for_each(|char| self.char(char.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    fn byte(&mut self, byte: u8) {
        if self.fallback.1 > 0 {
            self.fallback.1 -= 1;
        } else if self.group.place == Place::Colours {
            if byte == b';' {
                self.colours.end();
            }
        } else if !matches!(self.group.place, Place::Skipped | Place::Picture | Place::Fonts) {
            self.pending.push(byte);
        }
    }

    fn char(&mut self, char: char) {
        self.decode();
        self.append(char.encode_utf8(&mut [0; 4]));
    }

    fn decode(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let encoding = self.group.encoding.unwrap_or(self.encoding);
        self.append(&encoding.decode_without_bom_handling(&pending).0);
    }

    /// Appends text to the place where it stands, unless it is struck out or hidden.
    fn append(&mut self, text: &str) {
        const LONGEST_CAPTURE: usize = 64 * 1024;
        let place = self.group.place;
        if place.is_captured() {
            if self.captured.len() < LONGEST_CAPTURE {
                self.captured.push_str(text);
            }
            return;
        }
        if !place.is_text() {
            return;
        }
        let unknown = place == Place::Box || self.has_background || self.in_table && self.rows.is_shaded();
        let ground = self.ground.or(unknown.then_some(Colour::Unknown));
        let unseen = self.group.hidden || self.group.ink.on(ground).is_unseen();
        let paragraph = &mut self.paragraph;
        let reason = match self.group {
            Group { struck: true, .. } => UnreadPart::StruckText,
            _ if unseen && !self.out.limits.read_hidden => UnreadPart::HiddenText,
            Group { level, .. } => {
                paragraph.leaving_out = paragraph.leaving_out.filter(|_| text.trim().is_empty());
                return paragraph.text.push(text, level);
            }
        };
        if !text.trim().is_empty() {
            paragraph.text.omit();
            if paragraph.leaving_out.replace(reason) != Some(reason) {
                self.out.unread(reason, 1);
            }
        }
    }

    fn end_cell(&mut self) -> Result<()> {
        if !self.around.is_empty() {
            self.paragraph.text.push(" ", Level::Line);
            return Ok(());
        }
        let text = std::mem::take(&mut self.paragraph).text.take();
        self.rows.cell(&text, &self.out.budget)
    }

    fn end_paragraph(&mut self) -> Result<()> {
        self.decode();
        self.paragraph.leaving_out = None;
        if self.in_table || !self.around.is_empty() {
            self.paragraph.text.push("\n", Level::Line);
            return Ok(());
        }
        self.end_table()?;
        let Paragraph { mut text, label, .. } = std::mem::take(&mut self.paragraph);
        let text = text.take();
        match (self.outline, label) {
            (Some(level), label) if level < 9 => {
                let label = label.map(|label| label + " ").unwrap_or_default();
                self.out.heading(level + 1, &format!("{label}{text}"))
            }
            (_, Some(label)) if !text.trim().is_empty() => {
                self.out.push(BlockKind::ListItem, format!("{label} {}", text.trim_start()).trim_start())
            }
            _ => self.out.paragraph(&text),
        }
    }

    fn end_table(&mut self) -> Result<()> {
        self.rows.write(self.out)
    }

    /// Writes notes, comments, headers and footers after the main text.
    fn write_notes(&mut self) -> Result<()> {
        let notes = std::mem::take(&mut self.notes);
        for (index, note) in notes.texts.iter().enumerate() {
            self.out.paragraph(&inline::note(&(index + 1).to_string(), note))?;
        }
        notes.comments.iter().chain(&notes.furniture).try_for_each(|text| self.out.paragraph(text))
    }
}
