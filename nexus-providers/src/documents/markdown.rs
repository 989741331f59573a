//! Markdown: `CommonMark` with tables, footnotes, task lists and front matter, parsed by pulldown-cmark.

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::block_writer::Output;
use super::lines::{detect, whole};
use super::{html, table};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let text = whole(source, charset, out)?;
    blocks(&text, out)
}

/// Writes the blocks of Markdown in memory.
pub(super) fn blocks(text: &str, out: &mut Output<'_>) -> Result<()> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut writer = Writer::default();
    Parser::new_ext(text, options).try_for_each(|event| writer.event(event, out))?;
    writer.flush(out)
}

/// Collector of inline text until a block ends.
#[derive(Default)]
struct Writer {
    text: String,
    /// Kind of the block, if it is not a paragraph.
    kind: Option<BlockKind>,
    /// Number of the next item of each open list; none in unnumbered lists.
    lists: Vec<Option<u64>>,
    rows: Vec<Vec<String>>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>, out: &mut Output<'_>) -> Result<()> {
        out.budget.work(1);
        match event {
            Event::Start(tag) => self.start(tag, out),
            Event::End(tag) => self.end(tag, out),
            Event::Text(text) | Event::Code(text) | Event::Html(text) => {
                self.text.push_str(&text);
                Ok(())
            }
            Event::SoftBreak => {
                self.text.push(' ');
                Ok(())
            }
            Event::HardBreak => {
                self.text.push('\n');
                Ok(())
            }
            Event::TaskListMarker(done) => {
                self.text.push_str(if done { "[x] " } else { "[ ] " });
                Ok(())
            }
            Event::FootnoteReference(name) => {
                self.text.extend(["[", &name, "]"]);
                Ok(())
            }
            Event::Rule => self.flush(out),
            Event::InlineHtml(_) | Event::InlineMath(_) | Event::DisplayMath(_) => Ok(()),
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
                self.text = format!("[{name}]: ");
                Ok(())
            }
            Tag::TableHead | Tag::TableRow => {
                self.rows.push(Vec::new());
                Ok(())
            }
            Tag::HtmlBlock | Tag::MetadataBlock(_) | Tag::Table(_) => self.flush(out),
            _ => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other tag is inline or a mere container")]
    fn end(&mut self, tag: TagEnd, out: &mut Output<'_>) -> Result<()> {
        match tag {
            TagEnd::Heading(level) => {
                if level as u8 == 1 {
                    out.title(&self.text);
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
                let cell = std::mem::take(&mut self.text);
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
                Ok(())
            }
            TagEnd::Table => table::write(&std::mem::take(&mut self.rows), out),
            TagEnd::HtmlBlock => html::fragment(&std::mem::take(&mut self.text), out),
            TagEnd::MetadataBlock(_) => {
                front_matter(&std::mem::take(&mut self.text), out);
                Ok(())
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
            self.text = format!("{number}. ");
            *number += 1;
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Output<'_>) -> Result<()> {
        let kind = self.kind.take().unwrap_or(BlockKind::Paragraph);
        out.push(kind, &std::mem::take(&mut self.text))
    }
}

/// Takes the title from front matter. The report has no field for the rest.
fn front_matter(yaml: &str, out: &mut Output<'_>) {
    let title = yaml.lines().find_map(|line| line.strip_prefix("title:"));
    out.title(title.unwrap_or_default().trim().trim_matches(['"', '\'']));
}
