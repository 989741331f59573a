//! Output of the parsers: cleans, splits and counts text, and passes it on as blocks.

use std::borrow::Cow;
use std::rc::Rc;

use nexus_core::document::UnreadPart;
use nexus_core::document::parser::{Block, BlockKind, BlockSink, ParseReport, codes};
use nexus_core::{Error, Result};

use super::budget::Budget;
use super::{DocumentLimits, charset, error};

/// Maximum length of a title, name or warning, in characters.
const NAME_CHARS: usize = 1_000;

/// Maximum length of a name within a warning, in characters.
const QUOTED_CHARS: usize = 200;

/// Block writer of one document, with the report that grows during parsing.
pub(super) struct Output<'a> {
    sink: &'a mut dyn BlockSink,
    /// Limits of the document.
    pub(super) limits: &'a DocumentLimits,
    /// Budget of the document, shared with its attachments.
    pub(super) budget: Rc<Budget>,
    /// Report on the document so far.
    pub(super) report: ParseReport,
    /// Nesting depth of the document as an attachment.
    pub(super) depth: u32,
    page: Option<u32>,
    page_has_text: bool,
    bytes: u64,
    failed: bool,
    announced: Option<String>,
    left_out: Option<Error>,
    decoded: Decoded,
}

/// Numbers of characters that are not blank, of those in place of what could not be decoded, and of those that tell of a
/// wrong encoding.
#[derive(Clone, Copy, Default)]
struct Decoded {
    characters: u64,
    replaced: u64,
    doubtful: u64,
}

impl Decoded {
    fn count(&mut self, text: &str) {
        if text.is_ascii() {
            self.characters += text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count() as u64;
            return;
        }
        self.characters += text.chars().filter(|c| !c.is_whitespace()).count() as u64;
        self.replaced += text.matches(char::REPLACEMENT_CHARACTER).count() as u64;
        self.doubtful += charset::doubtful(text);
    }
}

impl<'a> Output<'a> {
    /// Creates a block writer with the budget of its document.
    pub(super) fn new(sink: &'a mut dyn BlockSink, limits: &'a DocumentLimits, budget: Rc<Budget>) -> Self {
        let report = ParseReport::default();
        Self {
            sink,
            limits,
            budget,
            report,
            depth: 0,
            page: None,
            page_has_text: false,
            bytes: 0,
            failed: false,
            announced: None,
            left_out: None,
            decoded: Decoded::default(),
        }
    }

    /// Returns whether no block has been written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns the number of bytes of text written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns whether the sink failed or a limit was reached.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Sets a heading to be written before the next block, if there is one.
    pub(super) fn announce(&mut self, name: &str) {
        self.announced = Some(shortened(name, NAME_CHARS));
    }

    /// Reads an embedded document. Only the warnings and the unread parts of its report remain.
    pub(super) fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let (report, page) = (std::mem::take(&mut self.report), self.page.take());
        let left_out = self.left_out.take();
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        self.page = page;
        self.left_out = left_out;
        self.announced = None;
        let ParseReport { warnings, unread, .. } = std::mem::replace(&mut self.report, report);
        for warning in warnings {
            self.warn(warning);
        }
        for (part, number) in unread {
            self.unread(part, number);
        }
        result
    }

    /// Begins the next page, slide or sheet.
    pub(super) fn begin_page(&mut self) -> Result<()> {
        let next = self.page.unwrap_or(0).saturating_add(1);
        self.check_pages(u64::from(next))?;
        self.page = Some(next);
        self.report.pages = Some(next);
        self.page_has_text = false;
        Ok(())
    }

    /// Ends the page and records whether it held text.
    pub(super) fn end_page(&mut self) {
        if let Some(page) = self.page
            && !self.page_has_text
        {
            self.report.pages_without_text.push(page);
        }
    }

    /// Writes to a page that has ended, such as a chart of a sheet that is read after all sheets.
    pub(super) fn on_page(
        &mut self,
        page: Option<u32>,
        write: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let last = std::mem::replace(&mut self.page, page);
        self.report.pages_without_text.retain(|empty| Some(*empty) != page);
        let written = write(self);
        self.page = last;
        written
    }

    /// Refuses a document with more pages than the limit.
    pub(super) fn check_pages(&self, pages: u64) -> Result<()> {
        let limit = self.limits.pages;
        if pages > u64::from(limit) {
            return Err(error::too_large(format_args!("it has more than {limit} pages")));
        }
        Ok(())
    }

    /// Sets the document's title, truncated to the limit, if none is set yet.
    pub(super) fn title(&mut self, title: &str) {
        if self.report.title.is_some() {
            return;
        }
        let title = shortened(title, NAME_CHARS).replace('\0', "\u{FFFD}");
        self.report.title = Some(title).filter(|title| !title.is_empty());
    }

    /// Reports a fact that the document states about itself, truncated to the limit. The first value of a name stays.
    pub(super) fn fact(&mut self, name: &str, value: &str) {
        const KEPT: usize = 100;
        let name = shortened(name, QUOTED_CHARS);
        if self.report.facts.len() < KEPT && !name.is_empty() {
            self.report.facts.entry(name).or_insert_with(|| shortened(value, NAME_CHARS));
        }
    }

    /// Adds a warning to the report.
    pub(super) fn warn(&mut self, warning: impl AsRef<str>) {
        const KEPT: usize = 100;
        if self.report.warnings.len() < KEPT {
            self.report.warnings.push(shortened(warning.as_ref(), NAME_CHARS));
        }
    }

    /// Counts parts that were met and not turned into text.
    pub(super) fn unread(&mut self, part: UnreadPart, number: u32) {
        if number > 0 {
            let known = self.report.unread.entry(part).or_default();
            *known = known.saturating_add(number);
        }
    }

    /// Warns about a part of the document that is left out. If the document yields no text at all, it fails with the
    /// first `error` of these, or with the first that reports an exceeded limit.
    pub(super) fn leave_out(&mut self, warning: impl AsRef<str>, error: Error) {
        self.warn(warning);
        let is_limit = |error: &Error| [codes::TOO_LARGE, codes::AMPLIFIES].contains(&error.code());
        if self.left_out.as_ref().is_none_or(|first| is_limit(&error) && !is_limit(first)) {
            self.left_out = Some(error);
        }
    }

    /// Returns the error of a document that yielded no text.
    pub(super) fn nothing_read(&mut self) -> Error {
        let warning = self.report.warnings.first().map(String::as_str);
        self.left_out.take().unwrap_or_else(|| error::empty(&self.report.content_type, warning))
    }

    /// Refuses a text of which most characters could not be decoded, and warns about one of which some could not.
    pub(super) fn check_decoded(&mut self) -> Result<()> {
        let Decoded { characters, replaced, doubtful } = self.decoded;
        if replaced > characters / 2 {
            return Err(error::undecoded());
        }
        if replaced > 0 {
            self.warn(format!("U+FFFD stands for characters that cannot be decoded: {replaced}"));
        }
        let encoding = self.report.encoding.as_deref().filter(|name| !name.starts_with("UTF-"));
        if let Some(encoding) = encoding.filter(|_| doubtful > 0) {
            self.warn(format!(
                "the encoding {encoding} is a guess that may be wrong: {doubtful} characters are unusual in it"
            ));
        }
        Ok(())
    }

    /// Writes the name of a sheet or another part as a heading, truncated to the limit.
    pub(super) fn name(&mut self, level: u8, name: &str) -> Result<()> {
        self.heading(level, &shortened(name, NAME_CHARS))
    }

    /// Writes a heading on one line.
    pub(super) fn heading(&mut self, level: u8, text: &str) -> Result<()> {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.push(BlockKind::Heading { level: level.clamp(1, 6) }, &line)
    }

    /// Writes a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) -> Result<()> {
        self.push(BlockKind::Paragraph, text)
    }

    /// Writes a piece of text: as several blocks when it is long, as none when it is blank.
    pub(super) fn push(&mut self, kind: BlockKind, text: &str) -> Result<()> {
        let text = clean(text);
        let mut rest = trim(kind, &text);
        while !rest.is_empty() {
            let (head, tail) = split(kind, rest, self.limits.block_bytes);
            self.emit(kind, head.trim_end())?;
            rest = trim(kind, tail);
        }
        Ok(())
    }

    fn emit(&mut self, kind: BlockKind, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if let Some(name) = self.announced.take() {
            self.heading(2, &name)?;
        }
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        self.budget.work(text.len());
        if let Err(error) = self.budget.write(text.len()) {
            self.failed = true;
            return Err(error);
        }
        if self.bytes > self.limits.text_bytes {
            self.failed = true;
            let limit = self.limits.text_bytes;
            return Err(error::too_large(format_args!("it holds more than {limit} bytes of text")));
        }
        self.page_has_text = true;
        self.decoded.count(text);
        let taken = self.sink.block(Block { kind, text: text.to_owned(), page: self.page });
        self.failed = taken.is_err();
        taken
    }
}

/// Returns a name for use in a warning, truncated so that the sentence around it has room.
pub(super) fn quoted(name: &str) -> String {
    shortened(name, QUOTED_CHARS)
}

/// Joins the words of `text` on one line, truncated to `limit` characters.
fn shortened(text: &str, limit: usize) -> String {
    let (mut line, mut left) = (String::new(), limit);
    for word in text.split_whitespace() {
        if left < limit {
            line.push(' ');
            left = left.saturating_sub(1);
        }
        let fits = word.char_indices().nth(left).map_or(word, |(end, _)| word.get(..end).unwrap_or_default());
        line.push_str(fits);
        if fits.len() < word.len() {
            line.truncate(line.trim_end().len());
            line.push('…');
            return line;
        }
        left = left.saturating_sub(fits.chars().count());
    }
    line
}

/// Normalises line ends to `\n` and replaces U+0000 with U+FFFD.
fn clean(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\r' | 0)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{FFFD}"))
}

/// Trims a block. Code keeps the indentation of its first line.
fn trim(kind: BlockKind, text: &str) -> &str {
    let text = text.trim_end();
    if kind == BlockKind::Code {
        let blank = text.find(|c: char| !c.is_whitespace()).unwrap_or(0);
        let line = text.get(..blank).and_then(|blank| blank.rfind('\n')).map_or(0, |newline| newline + 1);
        return text.get(line..).unwrap_or(text);
    }
    text.trim_start()
}

fn split(kind: BlockKind, text: &str, limit: usize) -> (&str, &str) {
    if text.len() <= limit {
        return (text, "");
    }
    let lines = matches!(kind, BlockKind::Code | BlockKind::Table);
    text.split_at_checked(cut(text, limit, lines)).unwrap_or((text, ""))
}

/// Returns the position at which to split `text` so that the first part has at most `limit` bytes: after a line if
/// `lines`, else after a sentence or a word of the second half, else between any two characters.
pub(super) fn cut(text: &str, limit: usize, lines: bool) -> usize {
    let end = text.floor_char_boundary(limit).max(text.chars().next().map_or(0, char::len_utf8));
    let head = text.get(..end).unwrap_or(text);
    let after =
        |at: usize| head.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
    let late = |at: &usize| *at > end / 2;
    let newline = || head.rfind('\n').map(|at| at + 1).filter(late);
    let sentence = || {
        let wide = head.rfind(['。', '！', '？']).map(after);
        [". ", "? ", "! ", ".\n"]
            .iter()
            .map(|stop| head.rfind(stop).map(|at| at + 2))
            .max()
            .flatten()
            .max(wide)
            .filter(late)
    };
    let word = || head.rfind(char::is_whitespace).map(after).filter(late);
    let found = if lines { newline().or_else(word) } else { sentence().or_else(word) };
    found.unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_name_is_cut_after_its_limit_and_a_short_one_stays() {
        assert_eq!(shortened("  two\n words ", 9), "two words");
        assert_eq!(shortened("two words", 6), "two wo…");
        assert_eq!(shortened("äöüß and more", 4), "äöüß…");
        assert_eq!(shortened(&"x".repeat(1_000_000), 1_000).chars().count(), 1_001);
    }
}
