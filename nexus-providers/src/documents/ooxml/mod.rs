//! Office Open XML: the common parts of DOCX, PPTX and XLSX.

mod alternatives;
mod chart;
pub(super) mod docx;
mod equation;
mod graphics;
pub(super) mod numbering;
pub(super) mod pptx;
mod styles;
mod symbols;
pub(super) mod xlsx;

use std::collections::BTreeMap;

use nexus_core::Result;

use super::archive::Archive;
use super::error;
use super::xml::{Handler, Tag};

/// Name of the part with the document's properties.
const PROPERTIES: &str = "docProps/core.xml";

/// Relationships of a part in their order: type and target, the target as a name in the archive.
struct Relations {
    folder: String,
    in_order: Vec<(String, String)>,
    by_id: BTreeMap<String, usize>,
}

impl Relations {
    /// Reads the relationships of `part`, or of the whole package when `part` is empty.
    fn of(part: &str, archive: &mut Archive<'_>) -> Result<Self> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let mut relations = Self { folder: folder.to_owned(), in_order: Vec::new(), by_id: BTreeMap::new() };
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        archive.xml(&format!("{prefix}_rels/{file}.rels"), &mut relations)?;
        Ok(relations)
    }

    /// Returns the target of the relationship with this id.
    fn target(&self, id: &str) -> Option<&str> {
        let (_, target) = self.in_order.get(*self.by_id.get(id)?)?;
        Some(target)
    }

    /// Returns the target of the first relationship of a type, matched by the last word of the type.
    fn first(&self, kind: &str) -> Option<&str> {
        self.in_order.iter().find(|(found, _)| is_of(found, kind)).map(|(_, target)| target.as_str())
    }

    /// Returns the ids and targets of all relationships of a type.
    fn all(&self, kind: &str) -> impl Iterator<Item = (&str, &str)> {
        self.by_id.iter().filter_map(move |(id, place)| {
            let (found, target) = self.in_order.get(*place)?;
            is_of(found, kind).then_some((id.as_str(), target.as_str()))
        })
    }

    /// Returns the main part of a package, by default `usual`. Programs disagree about which of two main parts they
    /// show, so a second one is refused: a quotation must match the text that people see.
    fn main(&self, usual: &str) -> Result<String> {
        let first = self.first("officeDocument").unwrap_or(usual);
        let mut parts = self.in_order.iter().filter(|(found, _)| is_of(found, "officeDocument"));
        if parts.any(|(_, other)| other != first) {
            return Err(error::malformed("it has two main parts, of which programs show different ones"));
        }
        Ok(first.to_owned())
    }
}

fn is_of(relationship: &str, kind: &str) -> bool {
    relationship.rsplit('/').next() == Some(kind)
}

/// Returns the main part of a package, as [`Relations::main`] does.
pub(super) fn main_part(archive: &mut Archive<'_>, usual: &str) -> Result<String> {
    Relations::of("", archive)?.main(usual)
}

impl Handler for Relations {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "Relationship"
            && let (Some(id), Some(kind), Some(target)) =
                (tag.attribute("Id"), tag.attribute("Type"), tag.attribute("Target"))
        {
            self.by_id.insert(id, self.in_order.len());
            self.in_order.push((kind, resolve(&self.folder, &target)));
        }
        Ok(())
    }
}

/// Resolves a target, which is relative to the folder of its part unless it begins with a slash.
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
