//! Jupyter notebooks: Markdown and code cells in order, without their outputs.

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};
use serde::Deserialize;

use super::block_writer::Output;
use super::lines::{detect, whole};
use super::{error, json, markdown};

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    source: Text,
}

/// Text as one string or as a list of lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Lines(Vec<String>),
}

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let text = whole(source, charset, out)?;
    let notebook: Notebook =
        serde_json::from_str(&text).map_err(|e| error::malformed("it is not a notebook").because(e))?;
    for cell in notebook.cells {
        let text = match cell.source {
            Text::Whole(text) => text,
            Text::Lines(lines) => lines.concat(),
        };
        match cell.cell_type.as_str() {
            "markdown" => markdown::blocks(&text, out)?,
            "code" => out.push(BlockKind::Code, &text)?,
            _ => json::paragraphs(&text, out)?,
        }
    }
    Ok(())
}
