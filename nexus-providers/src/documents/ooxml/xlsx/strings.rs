//! Shared strings of a workbook, in one text.

use std::collections::BTreeMap;

use nexus_core::Result;

use super::super::super::ink::Inks;
use super::super::super::xml::{Handler, Tag};
use super::rich_text::RichText;

/// Table of the shared strings.
#[derive(Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<usize>,
    /// Number of struck runs by string.
    struck: BTreeMap<usize, u32>,
    /// Inks of runs by string.
    inks: BTreeMap<usize, Inks>,
    open: RichText,
}

impl Strings {
    /// Returns a string, the number of struck runs that it leaves out, and the inks of its runs.
    pub(super) fn get(&self, index: usize) -> Option<(&str, u32, Option<&Inks>)> {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let text = self.text.get(start..*self.ends.get(index)?)?;
        Some((text, self.struck.get(&index).copied().unwrap_or(0), self.inks.get(&index)))
    }
}

impl Handler for Strings {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.open.open(tag);
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.open.close(name);
        if name == "si" {
            let (text, struck, inks) = self.open.take();
            if struck > 0 {
                self.struck.insert(self.ends.len(), struck);
            }
            if !inks.is_empty() {
                self.inks.insert(self.ends.len(), inks);
            }
            self.text.push_str(&text);
            self.ends.push(self.text.len());
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.open.text(text);
        Ok(())
    }
}
