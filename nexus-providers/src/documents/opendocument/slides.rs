//! Grounds of slides: that of the slide, or else that of its master, until something is drawn over it.

use std::collections::BTreeMap;

use super::super::ink::Colour;
use super::super::xml::Tag;
use super::styles::Styles;

/// Grounds of the masters and of the open slide.
#[derive(Debug, Default)]
pub(super) struct Slides {
    masters: BTreeMap<String, Colour>,
    /// Name of the master that is open.
    master: Option<String>,
    /// Ground of the open slide.
    open: Option<Colour>,
}

impl Slides {
    /// Begins a master.
    pub(super) fn begin_master(&mut self, tag: &Tag<'_>, styles: &Styles) {
        self.master = tag.attribute_exactly("style:name");
        let ground = styles.fill(&tag.attribute_exactly("draw:style-name").unwrap_or_default());
        if let Some(name) = &self.master {
            self.masters.insert(name.clone(), ground.unwrap_or(Colour::WHITE));
        }
    }

    pub(super) fn begin(&mut self, tag: &Tag<'_>, styles: &Styles) {
        let own = styles.fill(&tag.attribute_exactly("draw:style-name").unwrap_or_default());
        let master = tag.attribute("master-page-name").unwrap_or_default();
        let of_master = || self.masters.get(&master).copied().unwrap_or(Colour::WHITE);
        self.open = Some(own.unwrap_or_else(of_master));
    }

    /// Takes something that is drawn on the open slide or master: its ground is no longer known everywhere.
    pub(super) fn cover(&mut self) {
        let master = self.master.as_ref().and_then(|name| self.masters.get_mut(name));
        master.into_iter().chain(self.open.as_mut()).for_each(|ground| *ground = Colour::Unknown);
    }

    /// Ends the slide or master.
    pub(super) fn end(&mut self) {
        (self.master, self.open) = (None, None);
    }

    /// Returns the ground of the open slide.
    pub(super) fn ground(&self) -> Option<Colour> {
        self.open
    }
}
