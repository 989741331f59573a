//! Colours of slides: those of text, and of the grounds that it stands on.

use std::collections::BTreeMap;

use nexus_core::Result;

use super::super::super::archive::Archive;
use super::super::super::ink::Colour;
use super::super::super::xml::{Handler, Tag};
use super::super::Relations;

/// Owner of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Background,
    Shape,
    /// Cell of a table.
    Cell,
    Run,
    /// Marker behind a run.
    Highlight,
    /// Line, bullet, shadow and the like.
    Other,
}

/// Colours while the elements of a part arrive.
#[derive(Debug, Default)]
pub(super) struct Fills {
    owners: Vec<Owner>,
    /// Whether a colour is open. Elements within it change it.
    in_colour: bool,
}

impl Fills {
    /// Takes the start of an element. Returns the colour that it gives, with its owner.
    pub(super) fn open(&mut self, tag: &Tag<'_>) -> Option<(Owner, Colour)> {
        let around = self.owners.last().copied();
        self.owners.extend(owner(tag.name()));
        if std::mem::take(&mut self.in_colour) {
            return Some((around?, Colour::Unknown));
        }
        let value = tag.attribute_exactly("val").unwrap_or_default();
        let colour = match tag.name() {
            "srgbClr" => Colour::hex(&value),
            "schemeClr" if matches!(value.as_str(), "bg1" | "lt1") => Colour::WHITE,
            "prstClr" if value == "white" => Colour::WHITE,
            "sysClr" => Colour::hex(&tag.attribute_exactly("lastClr").unwrap_or_default()),
            "schemeClr" | "prstClr" | "scrgbClr" | "hslClr" => Colour::Unknown,
            "gradFill" | "blipFill" | "pattFill" | "grpFill" => return Some((around?, Colour::Unknown)),
            "fillRef" if tag.attribute_exactly("idx").is_some_and(|index| index != "0") => {
                return Some((Owner::Shape, Colour::Unknown));
            }
            _ => return None,
        };
        self.in_colour = true;
        Some((around?, colour))
    }

    /// Takes the end of an element.
    pub(super) fn close(&mut self, name: &str) {
        self.in_colour = false;
        if owner(name).is_some() {
            self.owners.pop();
        }
    }

    /// Returns whether properties of a shape are open.
    pub(super) fn is_in_shape(&self) -> bool {
        self.owners.last() == Some(&Owner::Shape)
    }

    /// Returns whether properties of a cell are open.
    pub(super) fn is_in_cell(&self) -> bool {
        self.owners.last() == Some(&Owner::Cell)
    }

    /// Forgets the elements that are open.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

fn owner(element: &str) -> Option<Owner> {
    Some(match element {
        "bg" => Owner::Background,
        "spPr" => Owner::Shape,
        "rPr" => Owner::Run,
        "highlight" => Owner::Highlight,
        "tcPr" => Owner::Cell,
        "ln" | "lnL" | "lnR" | "lnT" | "lnB" | "lnTlToBr" | "lnBlToTr" | "effectLst" | "effectDag"
        | "pPr" | "endParaRPr" | "lstStyle" | "style" | "tblPr" | "gradFill" | "pattFill" | "blipFill"
        | "uFill" | "uLn" | "sp3d" | "scene3d" => Owner::Other,
        _ => return None,
    })
}

/// Layouts and masters, by whether slides on them have a white ground.
#[derive(Debug, Default)]
pub(super) struct Backdrops {
    known: BTreeMap<String, bool>,
}

impl Backdrops {
    /// Returns the ground of a slide without a background of its own.
    pub(super) fn ground(&mut self, slide: &Relations, archive: &mut Archive<'_>) -> Result<Colour> {
        let layout = slide.first("slideLayout");
        let is_plain = layout.map_or(Ok(true), |layout| self.is_plain(layout, archive))?;
        Ok(if is_plain { Colour::WHITE } else { Colour::Unknown })
    }

    fn is_plain(&mut self, layout: &str, archive: &mut Archive<'_>) -> Result<bool> {
        if let Some(known) = self.known.get(layout) {
            return Ok(*known);
        }
        let mut backdrop = Backdrop { is_plain: true, ..Backdrop::default() };
        archive.xml(layout, &mut backdrop)?;
        if let Some(master) = Relations::of(layout, archive)?.first("slideMaster") {
            archive.xml(master, &mut backdrop)?;
        }
        self.known.insert(layout.to_owned(), backdrop.is_plain);
        Ok(backdrop.is_plain)
    }
}

/// Handler of a layout or a master.
#[derive(Debug, Default)]
struct Backdrop {
    fills: Fills,
    is_plain: bool,
}

impl Handler for Backdrop {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        const PLAIN: u32 = 1001;
        let white = match (self.fills.open(tag), tag.name()) {
            (Some((Owner::Background, colour)), _) => colour == Colour::WHITE,
            (Some((Owner::Shape, _)), _) | (_, "pic") => false,
            (_, "clrMap") => tag.attribute_exactly("bg1").is_none_or(|name| name == "lt1"),
            (_, "bgRef") => tag
                .attribute_exactly("idx")
                .and_then(|index| index.parse::<u32>().ok())
                .is_none_or(|index| index <= PLAIN),
            _ => true,
        };
        self.is_plain &= white;
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.fills.close(name);
        Ok(())
    }
}
