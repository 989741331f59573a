//! Facts of a workbook beside the values of its cells: styles, hidden parts, merged cells, notes and objects.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::inline::{Level, Margin};
use super::super::number_format::{Epoch, NumberFormat};
use super::super::sheet::Range;
use super::shared_strings::{self, Run};
use super::{BEGIN, END, record, u16_at, u32_at};

const STRINGS: u16 = 0x00FC;
const CONTINUE: u16 = 0x003C;

/// Facts of a workbook.
#[derive(Debug, Default)]
pub(in super::super) struct Facts {
    pub(in super::super) epoch: Epoch,
    formats: BTreeMap<u16, Rc<NumberFormat>>,
    fonts: Vec<Font>,
    styles: Vec<(u16, u16)>,
    /// Runs of shared strings by the number of the string.
    runs: BTreeMap<u32, Vec<Run>>,
    /// Whether each sheet is hidden.
    pub(in super::super) hidden: Vec<bool>,
    pub(in super::super) sheets: Vec<SheetFacts>,
    is_wide: bool,
}

/// Meaning of a font.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Font {
    pub(in super::super) struck: bool,
    pub(in super::super) level: Level,
}

impl Facts {
    /// Reads the global records.
    pub(super) fn of(mut stream: &[u8]) -> Self {
        let mut facts = Self::default();
        let (mut strings, mut last) = (Vec::new(), 0);
        while let Some((kind, data, rest)) = record(stream) {
            match kind {
                END => break,
                STRINGS => strings.push(data),
                CONTINUE if last == STRINGS => strings.push(data),
                _ => facts.take(kind, data).unwrap_or_default(),
            }
            if kind != CONTINUE {
                last = kind;
            }
            stream = rest;
        }
        facts.runs = shared_strings::runs(&strings);
        facts
    }

    fn take(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        match kind {
            BEGIN => self.is_wide = u16_at(data, 0)? >= 0x0600,
            0x0022 if u16_at(data, 0)? == 1 => self.epoch = Epoch::Year1904,
            0x0031 => {
                let level = match u16_at(data, 8)? {
                    1 => Level::Super,
                    2 => Level::Sub,
                    _ => Level::Line,
                };
                self.fonts.push(Font { struck: u16_at(data, 2)? & 0x0008 > 0, level });
            }
            0x041E => {
                let code = text(data.get(2..)?, self.is_wide)?;
                self.formats.insert(u16_at(data, 0)?, Rc::new(NumberFormat::parse(&code)));
            }
            0x00E0 => self.styles.push((u16_at(data, 2)?, u16_at(data, 0)?)),
            0x0085 => self.hidden.push(data.get(4)? & 0x03 > 0),
            _ => {}
        }
        Some(())
    }

    /// Returns the number format of a style.
    pub(in super::super) fn format(&self, style: u16) -> Option<Rc<NumberFormat>> {
        let (format, _) = self.styles.get(usize::from(style))?;
        let own = self.formats.get(format).cloned();
        own.or_else(|| NumberFormat::built_in((*format).into()).map(Rc::new))
    }

    /// Returns the runs of a shared string.
    pub(in super::super) fn runs(&self, string: u32) -> &[Run] {
        self.runs.get(&string).map_or(&[], Vec::as_slice)
    }

    /// Returns the font of a style.
    pub(in super::super) fn font(&self, style: u16) -> Font {
        self.font_at(self.styles.get(usize::from(style)).map_or(0, |(_, font)| *font))
    }

    /// Returns a font. The one with the number 4 does not exist.
    pub(in super::super) fn font_at(&self, number: u16) -> Font {
        let font = usize::from(number);
        let place = if font > 4 { font - 1 } else { font };
        self.fonts.get(place).copied().unwrap_or_default()
    }
}

/// Facts of a sheet.
#[derive(Debug, Default)]
pub(in super::super) struct SheetFacts {
    /// Styles of cells by row and column.
    pub(in super::super) styles: BTreeMap<(u16, u16), u16>,
    /// Numbers of shared strings by row and column.
    pub(in super::super) strings: BTreeMap<(u16, u16), u32>,
    pub(in super::super) hidden_rows: BTreeSet<u32>,
    pub(in super::super) hidden_columns: Vec<(u32, u32)>,
    pub(in super::super) merges: Vec<Range>,
    /// Notes by row and column, with the names of their authors.
    pub(in super::super) notes: Vec<(u16, u16, String, String)>,
    pub(in super::super) boxes: Vec<String>,
    pub(in super::super) charts: u32,
    pub(in super::super) images: u32,
    /// Headers and footers with their codes.
    pub(in super::super) headers: Vec<(Margin, String)>,
    /// Formulas whose stored value is blank, and the number of others.
    pub(in super::super) blank_formulas: BTreeSet<(u16, u16)>,
    pub(in super::super) valued_formulas: u32,
}

impl SheetFacts {
    /// Reads the records of the sheet that begins at the start of `stream`. Its charts have records of their own.
    pub(super) fn of(mut stream: &[u8]) -> Self {
        let (mut sheet, mut objects, mut depth, mut is_wide) =
            (Self::default(), Objects::default(), 0_u32, true);
        while let Some((kind, data, rest)) = record(stream) {
            stream = rest;
            match kind {
                BEGIN => {
                    is_wide = u16_at(data, 0).is_none_or(|version| version >= 0x0600);
                    depth += 1;
                }
                END if depth <= 1 => break,
                END => depth -= 1,
                _ if depth > 1 => {}
                _ => {
                    let taken = sheet.take(kind, data, is_wide).or_else(|| objects.take(kind, data));
                    taken.unwrap_or_default();
                }
            }
        }
        objects.settle(&mut sheet);
        sheet
    }

    /// Takes a record. Returns nothing for the records of objects and for those that are too short.
    fn take(&mut self, kind: u16, data: &[u8], is_wide: bool) -> Option<()> {
        match kind {
            0x0208 if u16_at(data, 12)? & 0x0020 > 0 => {
                self.hidden_rows.insert(u16_at(data, 0)?.into());
            }
            0x007D if u16_at(data, 8)? & 0x0001 > 0 => {
                self.hidden_columns.push((u16_at(data, 0)?.into(), u16_at(data, 2)?.into()));
            }
            0x0006 | 0x00D6 | 0x00FD | 0x0203..=0x0205 | 0x027E => {
                let place = (u16_at(data, 0)?, u16_at(data, 2)?);
                self.styles.insert(place, u16_at(data, 4)?);
                if kind == 0x00FD {
                    self.strings.insert(place, u32_at(data, 6)?);
                }
                match data.get(6..14) {
                    Some([3, .., 0xFF, 0xFF]) if kind == 0x0006 => drop(self.blank_formulas.insert(place)),
                    Some(_) if kind == 0x0006 => self.valued_formulas += 1,
                    _ => {}
                }
            }
            0x00BD => self.multiple(data)?,
            0x00E5 => {
                self.merges
                    .extend(data.get(2..)?.as_chunks::<8>().0.iter().filter_map(|range| merged(range)));
            }
            0x0014 if !data.is_empty() => self.headers.push((Margin::Header, text(data, is_wide)?)),
            0x0015 if !data.is_empty() => self.headers.push((Margin::Footer, text(data, is_wide)?)),
            _ => return None,
        }
        Some(())
    }

    /// Takes a record of several numbers in a row.
    fn multiple(&mut self, data: &[u8]) -> Option<()> {
        let (row, first) = (u16_at(data, 0)?, u16_at(data, 2)?);
        for (number, cell) in (0_u16..).zip(data.get(4..)?.as_chunks::<6>().0) {
            self.styles.insert((row, first.checked_add(number)?), u16_at(cell, 0)?);
        }
        Some(())
    }
}

fn merged(range: &[u8]) -> Option<Range> {
    let at = |at: usize| u16_at(range, at).map(u32::from);
    Some(Range { top: at(0)?, bottom: at(2)?, left: at(4)?, right: at(6)? })
}

/// Objects of a sheet, whose records follow each other.
#[derive(Default)]
struct Objects {
    /// Kind and number of the last object.
    last: Option<(u16, u16)>,
    /// Number of characters that the next record holds.
    expected: usize,
    texts: BTreeMap<u16, String>,
    boxes: Vec<u16>,
    charts: u32,
    images: u32,
    notes: Vec<(u16, u16, u16, String)>,
}

impl Objects {
    fn take(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        match kind {
            0x005D => {
                let (kind, number) = (u16_at(data, 4)?, u16_at(data, 6)?);
                self.last = Some((kind, number));
                self.charts += u32::from(kind == 0x05);
                self.images += u32::from(kind == 0x08);
                if !matches!(kind, 0x05 | 0x08 | 0x19) {
                    self.boxes.push(number);
                }
            }
            0x01B6 => self.expected = u16_at(data, 10)?.into(),
            CONTINUE if self.expected > 0 => {
                let (_, number) = self.last?;
                let text = self.texts.entry(number).or_default();
                let before = text.encode_utf16().count();
                let more = characters(data, self.expected)?;
                text.push_str(&more);
                let taken = text.encode_utf16().count() - before;
                self.expected = self.expected.saturating_sub(taken.max(1));
            }
            0x001C => {
                let author = text(data.get(8..)?, true).unwrap_or_default();
                self.notes.push((u16_at(data, 0)?, u16_at(data, 2)?, u16_at(data, 6)?, author));
            }
            _ => return None,
        }
        Some(())
    }

    fn settle(mut self, sheet: &mut SheetFacts) {
        for (row, column, number, author) in std::mem::take(&mut self.notes) {
            if let Some(text) = self.texts.remove(&number) {
                sheet.notes.push((row, column, author, text));
            }
        }
        sheet.boxes = self.boxes.iter().filter_map(|number| self.texts.remove(number)).collect();
        (sheet.charts, sheet.images) = (self.charts, self.images);
    }
}

/// Reads a text with its length: wide or compressed characters, or bytes before 1997.
fn text(data: &[u8], is_wide: bool) -> Option<String> {
    if is_wide {
        return characters(data.get(2..)?, u16_at(data, 0)?.into());
    }
    let length = usize::from(*data.first()?);
    Some(data.get(1..)?.iter().take(length).map(|byte| char::from(*byte)).collect())
}

/// Reads up to `length` characters behind the byte that says how wide they are.
fn characters(data: &[u8], length: usize) -> Option<String> {
    let (flags, data) = data.split_first()?;
    if flags & 0x01 == 0 {
        return Some(data.iter().take(length).map(|byte| char::from(*byte)).collect());
    }
    let units: Vec<u16> =
        data.as_chunks::<2>().0.iter().take(length).map(|unit| u16::from_le_bytes(*unit)).collect();
    Some(String::from_utf16_lossy(&units))
}
