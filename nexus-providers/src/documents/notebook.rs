//! Jupyter notebooks: cells in order, with the outputs that are text.

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::{BlockKind, Source};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::block_writer::Output;
use super::lines::{detect, whole};
use super::{error, html, json, markdown};

/// Notebook. Older ones keep their cells in worksheets.
#[derive(Deserialize)]
struct Notebook {
    cells: Option<Vec<Cell>>,
    #[serde(default)]
    worksheets: Vec<Worksheet>,
}

#[derive(Deserialize)]
struct Worksheet {
    #[serde(default)]
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(rename = "cell_type")]
    kind: String,
    #[serde(alias = "input")]
    source: Text,
    #[serde(default)]
    outputs: Vec<CellOutput>,
    /// Images of a cell in Markdown, by name.
    #[serde(default)]
    attachments: Map<String, Value>,
}

/// Output of a cell. Older notebooks keep the forms of a result beside its kind, newer ones under `data`.
#[derive(Deserialize)]
struct CellOutput {
    #[serde(default)]
    #[serde(rename = "output_type")]
    kind: String,
    #[serde(default)]
    data: Map<String, Value>,
    #[serde(default)]
    text: Text,
    #[serde(default)]
    ename: String,
    #[serde(default)]
    evalue: String,
    #[serde(flatten)]
    older: Map<String, Value>,
}

/// Text as one string or as a list of lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Lines(Vec<String>),
}

impl Default for Text {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Text {
    fn join(self) -> String {
        match self {
            Self::Whole(text) => text,
            Self::Lines(lines) => lines.concat(),
        }
    }

    fn of(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
        }
    }
}

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let text = whole(source, charset, out)?;
    let notebook: Notebook =
        serde_json::from_str(&text).map_err(|e| error::malformed("it is not a notebook").because(e))?;
    if notebook.cells.is_none() && notebook.worksheets.is_empty() {
        return Err(error::malformed("it has no cells"));
    }
    let older = notebook.worksheets.into_iter().flat_map(|worksheet| worksheet.cells);
    for cell in notebook.cells.into_iter().flatten().chain(older) {
        let text = cell.source.join();
        let is_shown = |name: &String| text.contains(&format!("attachment:{name}"));
        // The text counts or describes the images that it shows.
        let unseen = cell.attachments.keys().filter(|name| !is_shown(name)).count();
        out.unread(UnreadPart::Image, u32::try_from(unseen).unwrap_or(u32::MAX));
        match cell.kind.as_str() {
            "markdown" => markdown::blocks(&text, out)?,
            "code" => out.push(BlockKind::Code, &text)?,
            _ => json::paragraphs(&text, out)?,
        }
        cell.outputs.into_iter().try_for_each(|output| output.write(out))?;
    }
    Ok(())
}

impl CellOutput {
    fn write(self, out: &mut Output<'_>) -> Result<()> {
        match self.kind.as_str() {
            "stream" => out.push(BlockKind::Code, &without_escapes(&self.text.join())),
            "error" | "pyerr" => {
                out.push(BlockKind::Code, &without_escapes(&format!("{}: {}", self.ename, self.evalue)))
            }
            _ => self.result(out),
        }
    }

    /// Writes the form of a result that says most: a table, marked-up text or plain text. The plain form of an image
    /// only names it.
    fn result(self, out: &mut Output<'_>) -> Result<()> {
        let form = |name: &str, short: &str| {
            let value = self.data.get(name).or_else(|| self.older.get(short));
            value.map(Text::of).filter(|text| !text.trim().is_empty())
        };
        let plain =
            form("text/plain", "").or_else(|| Some(self.text.join()).filter(|text| !text.trim().is_empty()));
        let is_image = self.data.keys().any(|name| name.starts_with("image/"))
            || ["png", "jpeg", "svg"].iter().any(|name| self.older.contains_key(*name));
        // The plain form of an object without text only names it: `<IPython.core.display.HTML object>`.
        let is_name = |text: &String| text.trim().starts_with('<') && text.trim().ends_with('>');
        let says_nothing = plain.as_ref().is_none_or(is_name) && form("text/markdown", "markdown").is_none();
        if let Some(page) =
            form("text/html", "html").filter(|html| html.contains("<table") || says_nothing && !is_image)
        {
            let before = out.bytes();
            html::fragment(&page, out)?;
            out.unread(UnreadPart::Output, u32::from(out.bytes() == before));
            return Ok(());
        }
        if let Some(text) = form("text/markdown", "markdown") {
            return markdown::blocks(&text, out);
        }
        match plain.or_else(|| form("text/latex", "latex")) {
            Some(text) if !is_image => out.push(BlockKind::Code, &without_escapes(&text)),
            _ => {
                out.unread(UnreadPart::Output, 1);
                Ok(())
            }
        }
    }
}

/// Removes the sequences that colour text in a terminal.
fn without_escapes(text: &str) -> String {
    let mut pieces = text.split('\u{1B}');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let sequence = piece.strip_prefix('[');
        let end = sequence.and_then(|sequence| sequence.find(|c: char| ('@'..='~').contains(&c)));
        let rest = sequence.zip(end).and_then(|(sequence, end)| sequence.get(end + 1..));
        plain.push_str(rest.unwrap_or(piece));
    }
    plain
}
