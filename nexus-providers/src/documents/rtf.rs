//! RTF: paragraphs and tables of the main text, without fonts, styles, pictures, headers and footers.

use std::io::Read;

use encoding_rs::{Encoding, WINDOWS_1252};
use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::Output;
use super::{error, table};

/// Groups without document text.
const SKIPPED: &[&str] = &[
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "header",
    "headerl",
    "headerr",
    "headerf",
    "footer",
    "footerl",
    "footerr",
    "footerf",
    "themedata",
    "colorschememapping",
    "latentstyles",
    "datastore",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "generator",
    "xmlnstbl",
    "fldinst",
    "filetbl",
    "revtbl",
    "listtext",
    "pntext",
    "bkmkstart",
    "bkmkend",
    "nonshppict",
    "annotation",
];

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
    if reader.groups.is_empty() { Ok(()) } else { Err(error::malformed("it ends within a group")) }
}

/// State that a group changes and its end restores.
#[derive(Clone, Copy, Default)]
struct Group {
    skipped: bool,
    hidden: bool,
}

struct Reader<'a, 'o> {
    out: &'a mut Output<'o>,
    encoding: &'static Encoding,
    groups: Vec<Group>,
    group: Group,
    text: String,
    /// Bytes in the document's encoding that are not decoded yet.
    pending: Vec<u8>,
    /// Number of fallback characters after a Unicode one for readers without Unicode, and how many of them remain.
    fallback: (usize, usize),
    /// First half of a UTF-16 surrogate pair.
    half: Option<u16>,
    rows: Vec<Vec<String>>,
    in_table: bool,
}

impl<'a, 'o> Reader<'a, 'o> {
    fn new(out: &'a mut Output<'o>) -> Self {
        Self {
            out,
            encoding: WINDOWS_1252,
            groups: Vec::new(),
            group: Group::default(),
            text: String::new(),
            pending: Vec::new(),
            fallback: (1, 0),
            half: None,
            rows: Vec::new(),
            in_table: false,
        }
    }

    /// Reads one token and returns the bytes that follow it.
    fn token<'b>(&mut self, first: u8, tail: &'b [u8]) -> Result<&'b [u8]> {
        match first {
            b'{' => self.begin_group()?,
            b'}' => {
                self.decode();
                self.group = self.groups.pop().unwrap_or_default();
            }
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
        self.fallback.1 = 0;
        Ok(())
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
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        self.word(std::str::from_utf8(word).unwrap_or_default(), number)?;
        Ok(rest.strip_prefix(b" ").unwrap_or(rest))
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
            b'*' => self.group.skipped = true,
            b'~' => self.char('\u{A0}'),
            b'_' => self.char('-'),
            b'\\' | b'{' | b'}' => self.byte(*symbol),
            _ => {}
        }
        rest
    }

    fn word(&mut self, word: &str, number: Option<i64>) -> Result<()> {
        if SKIPPED.contains(&word) {
            self.group.skipped = true;
        }
        if self.group.skipped {
            return Ok(());
        }
        match word {
            "ansicpg" => self.encoding = number.and_then(code_page).unwrap_or(WINDOWS_1252),
            "mac" => self.encoding = encoding_rs::MACINTOSH,
            "uc" => self.fallback.0 = number.and_then(|count| usize::try_from(count).ok()).unwrap_or(1),
            "u" => self.unicode(number.unwrap_or_default()),
            "v" => self.group.hidden = number != Some(0),
            "pard" => self.in_table = false,
            "intbl" => self.in_table = true,
            "par" | "sect" | "page" => return self.end_paragraph(),
            "cell" | "nestcell" => self.end_cell(),
            "row" | "nestrow" => self.rows.push(Vec::new()),
            "line" => self.char('\n'),
            "tab" => self.char('\t'),
            "emdash" => self.char('—'),
            "endash" => self.char('–'),
            "lquote" => self.char('‘'),
            "rquote" => self.char('’'),
            "ldblquote" => self.char('“'),
            "rdblquote" => self.char('”'),
            "bullet" => self.char('•'),
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
        } else if !self.group.skipped && !self.group.hidden {
            self.pending.push(byte);
        }
    }

    fn char(&mut self, char: char) {
        self.decode();
        if !self.group.skipped && !self.group.hidden {
            self.text.push(char);
        }
    }

    fn decode(&mut self) {
        let (text, _) = self.encoding.decode_without_bom_handling(&self.pending);
        self.text.push_str(&text);
        self.pending.clear();
    }

    fn end_cell(&mut self) {
        self.decode();
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        let cell = std::mem::take(&mut self.text);
        self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
    }

    fn end_paragraph(&mut self) -> Result<()> {
        self.decode();
        if self.in_table {
            self.text.push('\n');
            return Ok(());
        }
        self.end_table()?;
        self.out.paragraph(&std::mem::take(&mut self.text))
    }

    fn end_table(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|row| !row.is_empty());
        table::write(&rows, self.out)
    }
}

fn code_page(number: i64) -> Option<&'static Encoding> {
    match number {
        932 => Some(encoding_rs::SHIFT_JIS),
        936 => Some(encoding_rs::GBK),
        949 => Some(encoding_rs::EUC_KR),
        950 => Some(encoding_rs::BIG5),
        65001 => Some(encoding_rs::UTF_8),
        other => Encoding::for_label(format!("windows-{other}").as_bytes()),
    }
}
