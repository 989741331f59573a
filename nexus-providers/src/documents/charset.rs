//! Character encodings: detection, and streaming conversion to UTF-8.

mod code_pages;

use std::io::{self, BufRead, Read, SeekFrom};

use encoding_rs::{CoderResult, Encoding, ISO_2022_JP, ISO_8859_15, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::error;
use code_pages::CodePage;

/// Maximum number of bytes used to detect the encoding of a source that is not UTF-8.
const GUESSED_ON: usize = 1 << 20;

/// Encoding of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// Encoding of the WHATWG standard, UTF-8 and UTF-16 included.
    Web(&'static Encoding),
    /// Code page of DOS.
    Dos(CodePage),
    /// UTF-32, which the WHATWG standard lacks.
    Utf32 {
        /// Whether the most significant byte comes first.
        big_endian: bool,
    },
}

impl Charset {
    /// Returns the encoding's name for reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Web(encoding) => encoding.name(),
            Self::Dos(page) => page.name(),
            Self::Utf32 { big_endian: true } => "UTF-32BE",
            Self::Utf32 { big_endian: false } => "UTF-32LE",
        }
    }

    /// Returns the encoding that the first bytes determine: by a byte order mark or by the pattern of wide code
    /// units.
    pub(super) fn of_head(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xFE, 0, 0, ..] => Some(Self::Utf32 { big_endian: false }),
            [0, 0, 0xFE, 0xFF, ..] => Some(Self::Utf32 { big_endian: true }),
            [0xFF, 0xFE, ..] => Some(Self::Web(UTF_16LE)),
            [0xFE, 0xFF, ..] => Some(Self::Web(UTF_16BE)),
            [0xEF, 0xBB, 0xBF, ..] => Some(Self::Web(UTF_8)),
            _ => wide_units(head),
        }
    }

    /// Detects the encoding of the whole source and rewinds it. `declared`, the encoding that the document states,
    /// applies where the bytes are ambiguous.
    pub(super) fn detect(source: &mut dyn Source, declared: Option<&'static Encoding>) -> Result<Self> {
        let mut utf8 = Utf8Check::default();
        let (mut first, mut of_head) = (true, None);
        chunks(source, |bytes| {
            of_head = of_head.or_else(|| Self::of_head(bytes).filter(|_| first));
            first = false;
            utf8.feed(bytes);
            of_head.is_none()
        })?;
        if let Some(charset) = of_head {
            return Ok(charset);
        }
        let holds = utf8.holds();
        if holds && !(utf8.wide == 0 && utf8.escapes) {
            return Ok(Self::Web(UTF_8));
        }
        let mut guess = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
        let mut sample = Vec::new();
        chunks(source, |bytes| {
            if bytes.is_empty() || !bytes.is_ascii() || bytes.contains(&0x1B) {
                guess.feed(bytes, bytes.is_empty());
                sample.extend_from_slice(bytes);
            }
            sample.len() < GUESSED_ON
        })?;
        if holds {
            let guessed =
                || Some(guess.guess(None, chardetng::Utf8Detection::Deny)).filter(|it| *it == ISO_2022_JP);
            return Ok(Self::Web(declared.or_else(guessed).unwrap_or(UTF_8)));
        }
        let guessed = guess.guess(None, chardetng::Utf8Detection::Deny);
        if declared.is_none()
            && let Some(charset) = code_pages::detect(&sample, guessed)
        {
            return Ok(charset);
        }
        let guessed = if is_latin(guessed) && is_latin_9(&sample, guessed) { ISO_8859_15 } else { guessed };
        Ok(Self::Web(declared.filter(|declared| is_plausible(declared, guessed, &sample)).unwrap_or(guessed)))
    }
}

/// Passes the source from its start to `take` in chunks, an empty one at its end, as long as `take` returns true. Rewinds
/// it.
fn chunks(source: &mut dyn Source, mut take: impl FnMut(&[u8]) -> bool) -> Result<()> {
    let mut chunk = vec![0; 64 * 1024];
    source.rewind().map_err(error::unreadable)?;
    loop {
        let read = source.read(&mut chunk).map_err(error::unreadable)?;
        if !take(chunk.get(..read).unwrap_or_default()) || read == 0 {
            return source.rewind().map_err(error::unreadable);
        }
    }
}

/// Returns the encoding that the declaration of XML names: `<?xml … encoding="x"?>`. A name of wide units is wrong where the declaration itself is
/// narrow.
pub(super) fn declared_in_xml(head: &[u8]) -> Option<&'static Encoding> {
    const LONGEST: usize = 512;
    let head = head.get(..LONGEST.min(head.len()))?.trim_ascii_start().strip_prefix(b"<?xml")?;
    let declaration = head.split(|byte| *byte == b'>').next()?;
    let declaration = std::str::from_utf8(declaration).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let name = value.strip_prefix(['"', '\''])?.split(['"', '\'']).next()?;
    let named = Encoding::for_label(name.as_bytes())?;
    (named != UTF_16LE && named != UTF_16BE).then_some(named)
}

/// Returns whether Latin text is in ISO-8859-15 rather than in `guessed`. There windows-1252 has fractions and single
/// accents in place of `€`, `œ` and `š`: a currency sign beside a number, or such a character within a word. Encodings
/// of Central Europe have an accent only in place of `œ`.
fn is_latin_9(sample: &[u8], guessed: &'static Encoding) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte >= 0xC0;
    let is_small = |byte: u8| byte.is_ascii_lowercase() || byte >= 0xDF;
    let around = |at: usize| {
        let byte = |at: Option<usize>| at.and_then(|at| sample.get(at)).copied().unwrap_or(b' ');
        (byte(at.checked_sub(1)), byte(at.checked_add(1)))
    };
    let number_near = |at: usize| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let before = sample.get(..at).unwrap_or_default().trim_ascii_end();
        let after = sample.get(at + 1..at.saturating_add(3).min(sample.len())).unwrap_or_default();
        digit(before.last()) || digit(after.trim_ascii_start().first())
    };
    let is_of_latin_9 = |(at, byte): (usize, &u8)| {
        let (before, after) = around(at);
        match byte {
            // œ
            0xBD => is_letter(after) && (is_letter(before) || after == b'u'),
            _ if guessed != WINDOWS_1252 => false,
            0xA4 => number_near(at),
            // š
            0xA8 => is_small(after) && is_letter(before),
            // Œ, Š, Ž and Ÿ
            0xBC => is_letter(before) && is_letter(after) || matches!(after, b'u' | b'U'),
            0xA6 | 0xB4 | 0xBE => [before, after].iter().all(|byte| is_letter(*byte) && !is_small(*byte)),
            // ž
            0xB8 => is_small(before) && is_small(after),
            _ => false,
        }
    };
    let has_controls = sample.iter().any(|byte| matches!(byte, 0x80..=0x9F));
    !has_controls && sample.iter().enumerate().any(is_of_latin_9)
}

/// Returns the number of characters that text in an encoding of one byte has only where that encoding is wrong: control
/// characters, and quotation marks or signs between two letters.
pub(super) fn doubtful(text: &str) -> u64 {
    let is_sign =
        |c: char| matches!(c, '‚' | '„' | '”' | '…' | '†' | '‡' | '‰' | '‹' | '›' | '¤' | '§' | '¶');
    let (mut found, mut last) = (0, [' '; 2]);
    for c in text.chars() {
        let is_control = matches!(c, '\u{80}'..='\u{9F}');
        let [first, second] = last;
        let is_within = is_sign(second) && first.is_alphabetic() && c.is_lowercase();
        found += u64::from(is_control) + u64::from(is_within);
        last = [second, c];
    }
    found
}

/// Returns whether text that is not UTF-8 may be in the declared encoding: it can be decoded, and a Latin encoding
/// yields more plain letters than accented ones where the bytes suggest another script.
fn is_plausible(declared: &'static Encoding, guessed: &'static Encoding, sample: &[u8]) -> bool {
    if declared == UTF_8 {
        return false;
    }
    let (text, broken) = declared.decode_without_bom_handling(sample);
    let faults = text.matches(char::REPLACEMENT_CHARACTER).count();
    // The sample may end within a character.
    if broken && faults > 1 && faults * 100 > text.chars().count() {
        return false;
    }
    // Characters of several bytes are not guessed by chance.
    if declared.is_single_byte() && !guessed.is_single_byte() {
        const FEW: usize = 8;
        let high = sample.iter().filter(|byte| !byte.is_ascii()).count();
        return high < FEW
            || guessed.decode_without_bom_handling(sample).0.contains(char::REPLACEMENT_CHARACTER);
    }
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    let (accented, latin) =
        (letters().filter(|c| !c.is_ascii()).count(), letters().all(|c| u32::from(c) < 0x250));
    !(latin && !is_latin(guessed) && accented * 2 > letters().count())
}

/// Returns whether an encoding is one of Latin letters.
fn is_latin(encoding: &'static Encoding) -> bool {
    let name = encoding.name();
    ["windows-1252", "windows-1250", "windows-1254", "windows-1257", "windows-1258", "macintosh"]
        .contains(&name)
        || ["2", "3", "4", "10", "13", "14", "15", "16"]
            .iter()
            .any(|part| name.strip_prefix("ISO-8859-") == Some(part))
}

/// Refuses a part of which most cannot be decoded. The document as a whole warns about one of which some cannot.
pub(super) fn check_replaced(text: &str) -> Result<()> {
    let replaced = text.matches(char::REPLACEMENT_CHARACTER).count();
    let letters = || text.chars().filter(|c| c.is_alphanumeric()).count();
    if replaced > 0 && replaced > letters() { Err(error::undecoded()) } else { Ok(()) }
}

/// Detects UTF-16 and UTF-32 without a byte order mark, by wide units that are ASCII or common punctuation of wide
/// scripts: single-byte text never forms these.
fn wide_units(head: &[u8]) -> Option<Charset> {
    let common = |unit: u32| matches!(unit, 0x09 | 0x0A | 0x0D | 0x20..=0x7E | 0x3000..=0x3002 | 0xFF0C);
    // Most texts are told at once: each of those units has a low byte or one that UTF-8 lacks.
    if head.iter().filter(|byte| matches!(byte, ..0x09 | 0xFF)).count() == 0 {
        return None;
    }
    let quads = || head.as_chunks::<4>().0.iter();
    let pairs = || head.as_chunks::<2>().0.iter();
    let many = |count: usize, of: usize| count >= 2 && count * 50 >= of;
    let total = head.len() / 4;
    if many(quads().filter(|quad| common(u32::from_le_bytes(**quad))).count(), total) {
        return Some(Charset::Utf32 { big_endian: false });
    }
    if many(quads().filter(|quad| common(u32::from_be_bytes(**quad))).count(), total) {
        return Some(Charset::Utf32 { big_endian: true });
    }
    let little = pairs().filter(|pair| common(u16::from_le_bytes(**pair).into())).count();
    let big = pairs().filter(|pair| common(u16::from_be_bytes(**pair).into())).count();
    let total = head.len() / 2;
    if many(little, total) && little > big * 8 {
        return Some(Charset::Web(UTF_16LE));
    }
    (many(big, total) && big > little * 8).then_some(Charset::Web(UTF_16BE))
}

/// Incremental UTF-8 validation.
#[derive(Default)]
struct Utf8Check {
    carry: Vec<u8>,
    wide: u64,
    broken: u64,
    escapes: bool,
}

impl Utf8Check {
    fn feed(&mut self, bytes: &[u8]) {
        if self.carry.is_empty() && bytes.is_ascii() {
            self.escapes |= bytes.contains(&0x1B);
            return;
        }
        let mut joined = std::mem::take(&mut self.carry);
        joined.extend_from_slice(bytes);
        let mut chunks = joined.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.wide += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count() as u64;
            if chunk.invalid().is_empty() {
                continue;
            }
            let unfinished = chunks.peek().is_none()
                && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
            if unfinished {
                self.carry = chunk.invalid().to_vec();
            } else {
                self.broken += 1;
            }
        }
    }

    /// Returns whether the text is UTF-8. An invalid sequence beside several valid ones counts as damage: text in other
    /// encodings forms few valid sequences by chance.
    fn holds(&self) -> bool {
        const VALID: u64 = 5;
        self.broken == 0 && (self.carry.is_empty() || self.wide > 0)
            || self.wide >= self.broken.saturating_mul(VALID)
    }
}

/// Reader that converts a source of any encoding to UTF-8. Bytes that cannot be decoded become U+FFFD.
pub(super) struct Utf8Reader<'a> {
    source: &'a mut dyn Source,
    decoder: Decoder,
    input: Vec<u8>,
    unread: std::ops::Range<usize>,
    output: Vec<u8>,
    ready: std::ops::Range<usize>,
    ended: bool,
}

enum Decoder {
    Web(Box<encoding_rs::Decoder>),
    Dos(CodePage),
    Utf32 { big_endian: bool },
}

impl<'a> Utf8Reader<'a> {
    /// Creates a reader of the whole source, from its start.
    pub(super) fn new(source: &'a mut dyn Source, charset: Charset) -> Result<Self> {
        const CHUNK: usize = 64 * 1024;
        source.seek(SeekFrom::Start(0)).map_err(error::unreadable)?;
        let decoder = match charset {
            Charset::Web(encoding) => Decoder::Web(Box::new(encoding.new_decoder_with_bom_removal())),
            Charset::Dos(page) => Decoder::Dos(page),
            Charset::Utf32 { big_endian } => Decoder::Utf32 { big_endian },
        };
        let (input, output) = (vec![0; CHUNK], vec![0; 2 * CHUNK]);
        Ok(Self { source, decoder, input, unread: 0..0, output, ready: 0..0, ended: false })
    }

    fn refill(&mut self) -> io::Result<()> {
        while self.ready.is_empty() && !self.ended {
            let kept = self.unread.len();
            self.input.copy_within(self.unread.clone(), 0);
            let read = self
                .source
                .read(self.input.get_mut(kept..).unwrap_or_default())
                .map_err(|e| io::Error::other(error::unreadable(e)))?;
            let (consumed, written, ended) = self.decode(kept + read, read == 0);
            self.unread = consumed..kept + read;
            self.ready = 0..written;
            self.ended = ended;
        }
        Ok(())
    }

    /// Decodes the first `len` bytes of the input. Returns the bytes consumed, the bytes written, and whether all
    /// input was decoded.
    fn decode(&mut self, len: usize, last: bool) -> (usize, usize, bool) {
        let bytes = self.input.get(..len).unwrap_or_default();
        match &mut self.decoder {
            Decoder::Web(decoder) => {
                let (result, consumed, written, _) = decoder.decode_to_utf8(bytes, &mut self.output, last);
                (consumed, written, last && result == CoderResult::InputEmpty)
            }
            Decoder::Dos(page) => {
                self.output = page.decode(bytes).into_bytes();
                (bytes.len(), self.output.len(), last)
            }
            Decoder::Utf32 { big_endian } => utf32(bytes, *big_endian, last, &mut self.output),
        }
    }
}

fn utf32(bytes: &[u8], big_endian: bool, last: bool, output: &mut Vec<u8>) -> (usize, usize, bool) {
    let (quads, rest) = bytes.as_chunks::<4>();
    output.clear();
    for quad in quads {
        let unit = if big_endian { u32::from_be_bytes(*quad) } else { u32::from_le_bytes(*quad) };
        let char = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
        if char != '\u{FEFF}' {
            output.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    (bytes.len() - rest.len(), output.len(), last)
}

impl Read for Utf8Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let read = ready.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Utf8Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.refill()?;
        Ok(self.output.get(self.ready.clone()).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.ready.start = (self.ready.start + amount).min(self.ready.end);
    }
}
