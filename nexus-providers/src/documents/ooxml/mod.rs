//! Office Open XML: what DOCX and PPTX have in common.

pub(super) mod docx;
pub(super) mod pptx;
mod styles;

use std::collections::HashMap;

use nexus_core::Result;

use super::archive::Archive;
use super::xml::{Handler, Tag};

/// The part that holds the document's properties.
const PROPERTIES: &str = "docProps/core.xml";

/// The relationships of a part, by id: type and target, the target as a name in the archive.
struct Relations {
    folder: String,
    by_id: HashMap<String, (String, String)>,
}

impl Relations {
    /// The relationships of `part`; of the whole package when `part` is empty.
    fn of(part: &str, archive: &mut Archive<'_>) -> Result<Self> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let mut relations = Self { folder: folder.to_owned(), by_id: HashMap::new() };
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        archive.xml(&format!("{prefix}_rels/{file}.rels"), &mut relations)?;
        Ok(relations)
    }

    /// The target of the relationship with this id.
    fn target(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(|(_, target)| target.as_str())
    }

    /// The target of the first relationship of a type, by the last word of the type.
    fn first(&self, kind: &str) -> Option<&str> {
        self.by_id
            .values()
            .find(|(found, _)| found.rsplit('/').next() == Some(kind))
            .map(|(_, target)| target.as_str())
    }
}

impl Handler for Relations {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "Relationship"
            && let (Some(id), Some(kind), Some(target)) =
                (tag.attribute("Id"), tag.attribute("Type"), tag.attribute("Target"))
        {
            let target = resolve(&self.folder, &target);
            self.by_id.insert(id, (kind, target));
        }
        Ok(())
    }

    fn close(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn text(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// A target, which is relative to the folder of its part unless it begins with a slash.
pub(super) fn resolve(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            ".." => drop(path.pop()),
            "." | "" => {}
            step => path.push(step),
        }
    }
    path.join("/")
}
