//! Markdown: `CommonMark` with tables, footnotes, task lists and front matter, parsed by pulldown-cmark.

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::{BlockKind, Source};
use pulldown_cmark::{Event, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::block_writer::Output;
use super::front_matter::{self, Fact};
use super::inline::{Inline, Level, described, image, note, note_mark};
use super::lines::{detect, whole};
use super::{html, table};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let text = whole(source, charset, out)?;
    let Some((facts, rest)) = front_matter::json(&text) else { return blocks(&text, out) };
    write_facts(&facts, out)?;
    blocks(rest, out)
}

/// Writes front matter as a paragraph, and reports its facts. The document takes its title from them.
fn write_facts(facts: &[Fact], out: &mut Output<'_>) -> Result<()> {
    let title = facts.iter().find(|fact| fact.key == "title");
    out.title(title.map_or("", |fact| fact.value.as_str()));
    for Fact { key, value } in facts {
        out.fact(key, value);
    }
    out.paragraph(&front_matter::lines(facts))
}

/// Writes the blocks of Markdown in memory.
pub(super) fn blocks(text: &str, out: &mut Output<'_>) -> Result<()> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut writer = Writer::default();
    for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
        if event == Event::End(TagEnd::TableCell) {
            writer.cell_end = place.end;
        } else if event == Event::End(TagEnd::TableRow) {
            let rest = text.get(writer.cell_end..place.end).unwrap_or_default();
            writer.rows.last_mut().into_iter().for_each(|row| row.extend(further_cells(rest)));
        }
        writer.event(event, out)?;
    }
    writer.flush(out)
}

/// Returns the cells at the end of a row that has more of them than its header. The parser drops them.
fn further_cells(rest: &str) -> Vec<String> {
    let rest = rest.trim();
    let rest = rest.strip_prefix('|').unwrap_or(rest);
    let rest = rest.strip_suffix('|').unwrap_or(rest);
    if rest.trim().is_empty() {
        return Vec::new();
    }
    let escaped = rest.replace("\\|", "\0");
    escaped.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// Element of HTML within Markdown whose text is left out until it ends.
struct LeftOut {
    name: String,
    /// Number of open elements of that name.
    depth: usize,
    part: UnreadPart,
    counted: bool,
}

/// Collector of inline text until a block ends.
#[derive(Default)]
struct Writer {
    text: Inline,
    /// HTML of the open block.
    html: Option<String>,
    /// Kind of the block, if it is not a paragraph.
    kind: Option<BlockKind>,
    level: Level,
    /// Number of the next item of each open list; none in unnumbered lists.
    lists: Vec<Option<u64>>,
    rows: Vec<Vec<String>>,
    /// End of the last cell in the source.
    cell_end: usize,
    /// Start of the description of each open image.
    images: Vec<usize>,
    left_out: Option<LeftOut>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>, out: &mut Output<'_>) -> Result<()> {
        out.budget.work(1);
        match event {
            Event::Start(tag) => self.start(tag, out),
            Event::End(tag) => self.end(tag, out),
            Event::Html(html) => {
                match &mut self.html {
                    Some(block) => block.push_str(&html),
                    None => self.inline_html(&html, out),
                }
                Ok(())
            }
            Event::Text(text) | Event::Code(text) => {
                self.push(&text, out);
                Ok(())
            }
            Event::SoftBreak => {
                self.push(" ", out);
                Ok(())
            }
            Event::HardBreak => {
                self.push("\n", out);
                Ok(())
            }
            Event::TaskListMarker(done) => {
                self.push(if done { "[x] " } else { "[ ] " }, out);
                Ok(())
            }
            Event::FootnoteReference(name) => {
                self.push(&note_mark(&name), out);
                Ok(())
            }
            Event::Rule => self.flush(out),
            Event::InlineHtml(html) => {
                self.inline_html(&html, out);
                Ok(())
            }
            Event::InlineMath(_) | Event::DisplayMath(_) => Ok(()),
        }
    }

    /// Appends text, unless it is left out.
    fn push(&mut self, text: &str, out: &mut Output<'_>) {
        match &mut self.left_out {
            Some(left_out) => {
                if !left_out.counted && !text.trim().is_empty() {
                    left_out.counted = true;
                    out.unread(left_out.part, 1);
                }
                self.text.omit();
            }
            None => self.text.push(text, self.level),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other tag is inline or a mere container")]
    fn start(&mut self, tag: Tag<'_>, out: &mut Output<'_>) -> Result<()> {
        match tag {
            Tag::Heading { level, .. } => self.begin(BlockKind::Heading { level: level as u8 }, out),
            Tag::CodeBlock(_) => self.begin(BlockKind::Code, out),
            Tag::List(first) => {
                self.flush(out)?;
                self.lists.push(first);
                Ok(())
            }
            Tag::Item => self.item(out),
            Tag::FootnoteDefinition(name) => {
                self.flush(out)?;
                self.push(&note(&name, ""), out);
                Ok(())
            }
            Tag::TableHead | Tag::TableRow => {
                self.rows.push(Vec::new());
                Ok(())
            }
            Tag::Strikethrough => {
                self.leave_out("~~", UnreadPart::StruckText);
                Ok(())
            }
            Tag::Image { .. } => {
                self.images.push(self.text.settle());
                Ok(())
            }
            Tag::HtmlBlock => {
                self.flush(out)?;
                self.html = Some(String::new());
                Ok(())
            }
            Tag::MetadataBlock(_) | Tag::Table(_) => self.flush(out),
            _ => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other tag is inline or a mere container")]
    fn end(&mut self, tag: TagEnd, out: &mut Output<'_>) -> Result<()> {
        match tag {
            TagEnd::Heading(level) => {
                if level as u8 == 1 {
                    self.text.settle();
                    out.title(self.text.since(0));
                }
                self.flush(out)
            }
            TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::Item => self.flush(out),
            TagEnd::List(_) => {
                self.flush(out)?;
                self.lists.pop();
                Ok(())
            }
            TagEnd::TableCell => {
                let cell = self.text.take();
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
                Ok(())
            }
            TagEnd::Table => table::write(&std::mem::take(&mut self.rows), out),
            TagEnd::Strikethrough => {
                self.take_in("~~");
                Ok(())
            }
            TagEnd::Image => {
                self.end_image(out);
                Ok(())
            }
            TagEnd::HtmlBlock => {
                let html = self.html.take().unwrap_or_default();
                self.html_block(&html, out)
            }
            TagEnd::MetadataBlock(kind) => {
                let separator = if kind == MetadataBlockKind::YamlStyle { ':' } else { '=' };
                write_facts(&front_matter::facts(&self.text.take(), separator), out)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, kind: BlockKind, out: &mut Output<'_>) -> Result<()> {
        self.flush(out)?;
        self.kind = Some(kind);
        Ok(())
    }

    /// Ends a list item. A numbered item keeps its number, because other text may refer to it.
    fn item(&mut self, out: &mut Output<'_>) -> Result<()> {
        self.begin(BlockKind::ListItem, out)?;
        if let Some(Some(number)) = self.lists.last_mut() {
            let label = format!("{number}. ");
            *number += 1;
            self.push(&label, out);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Output<'_>) -> Result<()> {
        let kind = self.kind.take().unwrap_or(BlockKind::Paragraph);
        out.push(kind, &self.text.take())
    }

    /// Begins an element whose text is left out, unless one is open.
    fn leave_out(&mut self, name: &str, part: UnreadPart) {
        match &mut self.left_out {
            Some(open) if open.name == name => open.depth += 1,
            Some(_) => {}
            None => self.left_out = Some(LeftOut { name: name.to_owned(), depth: 1, part, counted: false }),
        }
    }

    /// Ends an element of this name, and the omission of text if it is the one that began it.
    fn take_in(&mut self, name: &str) {
        if let Some(open) = self.left_out.as_mut().filter(|open| open.name == name) {
            open.depth -= 1;
            self.left_out.take_if(|open| open.depth == 0);
        }
    }

    /// Takes one tag within a line.
    fn inline_html(&mut self, html: &str, out: &mut Output<'_>) {
        let Some((tag, _)) = html::Tag::first(html) else { return };
        match tag.name.as_str() {
            "br" => self.push("\n", out),
            "img" if self.left_out.is_none() => self.image(tag.attribute("alt").unwrap_or_default(), out),
            "sup" => self.level = if tag.closes { Level::Line } else { Level::Super },
            "sub" => self.level = if tag.closes { Level::Line } else { Level::Sub },
            _ => self.tag(&tag, out),
        }
    }

    /// Begins or ends the omission of text at a tag.
    fn tag(&mut self, tag: &html::Tag<'_>, out: &Output<'_>) {
        if tag.closes {
            return self.take_in(&tag.name);
        }
        let wanted = |part: &UnreadPart| *part == UnreadPart::HiddenText && out.limits.read_hidden;
        let again = self.left_out.as_ref().filter(|open| open.name == tag.name).map(|open| open.part);
        if let Some(part) = again.or_else(|| tag.part().filter(|part| !wanted(part))) {
            self.leave_out(&tag.name, part);
        }
    }

    /// Writes a block of HTML. An element that the block leaves open may hide the Markdown after it.
    fn html_block(&mut self, html: &str, out: &mut Output<'_>) -> Result<()> {
        let mut visible = html;
        let mut rest = html;
        let was_left_out = self.left_out.is_some();
        while let Some((tag, after)) = html::Tag::first(rest) {
            out.budget.work(1);
            let is_closed = self.left_out.is_none();
            self.tag(&tag, out);
            if was_left_out && !is_closed && self.left_out.is_none() {
                visible = after;
            }
            rest = after;
        }
        if was_left_out && visible.len() == html.len() {
            return Ok(());
        }
        html::fragment(visible, out)?;
        if let Some(open) = &mut self.left_out {
            open.counted = html.split_once('>').is_some_and(|(_, text)| !text.trim().is_empty());
        }
        Ok(())
    }

    fn image(&mut self, description: &str, out: &mut Output<'_>) {
        match described(description) {
            "" => out.unread(UnreadPart::Image, 1),
            description => self.push(&image(description), out),
        }
    }

    /// Ends an image. Its description is the text since its start.
    fn end_image(&mut self, out: &mut Output<'_>) {
        let Some(start) = self.images.pop() else { return };
        if self.left_out.is_some() {
            return;
        }
        self.text.settle();
        if described(self.text.since(start)).is_empty() {
            self.text.discard_since(start);
            out.unread(UnreadPart::Image, 1);
        } else {
            self.text.enclose(start, ("[Image: ", "]"));
        }
    }
}
