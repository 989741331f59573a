//! Numbers of list paragraphs in a DOCX, counted as the program that shows it does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use nexus_core::Result;

use super::super::xml::{Handler, Tag};

/// Levels of a list.
const LEVELS: usize = 9;

/// Maximum length of a level's pattern, in bytes. Patterns are a few characters long.
const LONGEST_PATTERN: usize = 64;

/// Maximum length of the id of a list, in bytes. Each paragraph of the list looks it up.
const LONGEST_ID: usize = 64;

/// Level of a list as declared.
#[derive(Clone, Debug)]
struct Level {
    start: u32,
    format: String,
    /// Text around the numbers: `%1.%2` for the numbers of the first two levels.
    pattern: String,
    style: Option<String>,
}

impl Default for Level {
    fn default() -> Self {
        Self { start: 1, format: "decimal".into(), pattern: String::new(), style: None }
    }
}

impl Level {
    /// Returns whether the level shows a bare count: `1`, `1.` or `1)`.
    fn is_count(&self) -> bool {
        let place = self.pattern.strip_prefix('%').map(|rest| rest.trim_end_matches(['.', ')']));
        self.format == "decimal" && place.is_some_and(|place| place.len() == 1)
    }
}

/// List that paragraphs name.
#[derive(Clone, Debug, Default)]
struct List {
    definition: String,
    restarts: Vec<(usize, u32)>,
    used: bool,
}

/// Lists of a document, with the numbers reached so far.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    definitions: BTreeMap<String, Vec<Level>>,
    lists: BTreeMap<String, List>,
    reached: BTreeMap<String, [u32; LEVELS]>,
    open: Option<(String, Vec<Level>)>,
    open_list: Option<String>,
    overridden: usize,
}

impl Numbering {
    /// Counts a paragraph of a list. Returns its number as shown, or nothing for bullets, unknown lists, and a plain
    /// count such as `1.`, which the order of the items says.
    pub(super) fn next(&mut self, list: &str, level: Option<usize>, style: &str) -> Option<String> {
        let list = self.lists.get_mut(list).filter(|list| list.definition.len() <= LONGEST_ID)?;
        let levels = self.definitions.get(&list.definition)?;
        let linked = || levels.iter().position(|level| level.style.as_deref() == Some(style));
        let level = level.or_else(linked).unwrap_or(0).min(LEVELS - 1);
        let reached = match self.reached.entry(list.definition.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert([0; LEVELS]),
        };
        if !std::mem::replace(&mut list.used, true) {
            for (level, start) in &list.restarts {
                reached.iter_mut().skip(*level).take(1).for_each(|number| *number = start.saturating_sub(1));
            }
        }
        advance(reached, level, levels);
        let shown = levels.get(level)?;
        label(shown, reached, levels)
    }
}

/// Advances a level, begins outer levels that were skipped, and resets inner ones.
fn advance(reached: &mut [u32; LEVELS], level: usize, levels: &[Level]) {
    let start = |place: usize| levels.get(place).map_or(1, |level| level.start);
    for (place, number) in reached.iter_mut().enumerate() {
        match place.cmp(&level) {
            std::cmp::Ordering::Greater => *number = 0,
            _ if *number == 0 => *number = start(place),
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => *number = number.saturating_add(1),
        }
    }
}

fn label(shown: &Level, reached: &[u32; LEVELS], levels: &[Level]) -> Option<String> {
    if matches!(shown.format.as_str(), "bullet" | "none") || shown.pattern.is_empty() || shown.is_count() {
        return None;
    }
    let mut text = String::new();
    let mut pieces = shown.pattern.split('%');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let place = piece.chars().next().and_then(|digit| digit.to_digit(10)).unwrap_or(0) as usize;
        let number = place.checked_sub(1).and_then(|place| Some((reached.get(place)?, levels.get(place)?)));
        if let Some((number, level)) = number {
            text.push_str(&formatted(*number, &level.format));
            text.extend(piece.chars().skip(1));
        } else {
            text.push_str(piece);
        }
    }
    Some(text)
}

/// Returns a number in a format by its name, such as `lowerRoman`.
pub(in super::super) fn formatted(number: u32, format: &str) -> String {
    match format {
        "decimalZero" => format!("{number:02}"),
        "lowerLetter" => letters(number),
        "upperLetter" => letters(number).to_uppercase(),
        "lowerRoman" => roman(number),
        "upperRoman" => roman(number).to_uppercase(),
        _ => number.to_string(),
    }
}

/// Returns a number in letters: `a` to `z`, then `aa`, `bb`.
fn letters(number: u32) -> String {
    const LONGEST: usize = 16;
    let at = number.saturating_sub(1);
    let letter = char::from(b'a' + u8::try_from(at % 26).unwrap_or_default());
    std::iter::repeat_n(letter, (at as usize / 26 + 1).min(LONGEST)).collect()
}

/// Returns a number in Roman numerals, in lower case. A number beyond their range stays as it is.
pub(super) fn roman(number: u32) -> String {
    const NUMERALS: [(u32, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    if number == 0 || number >= 4_000 {
        return number.to_string();
    }
    let (mut rest, mut text) = (number, String::new());
    for (value, numeral) in NUMERALS {
        text.push_str(&numeral.repeat((rest / value) as usize));
        rest %= value;
    }
    text
}

impl Handler for Numbering {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        let value = || tag.attribute("val");
        match tag.name() {
            "abstractNum" => self.open = tag.attribute("abstractNumId").map(|id| (id, Vec::new())),
            "num" => self.open_list = tag.attribute("numId"),
            "lvlOverride" => {
                self.overridden = tag.attribute("ilvl").and_then(|level| level.parse().ok()).unwrap_or(0);
            }
            "abstractNumId" | "startOverride" => {
                let Some(id) = self.open_list.clone() else { return Ok(()) };
                let list = self.lists.entry(id).or_default();
                if tag.name() == "abstractNumId" {
                    list.definition = value().unwrap_or_default();
                } else if list.restarts.len() < LEVELS {
                    let start = value().and_then(|start| start.parse().ok()).unwrap_or(1);
                    list.restarts.push((self.overridden, start));
                }
            }
            name => {
                let Some((_, levels)) = &mut self.open else { return Ok(()) };
                if name == "lvl" && levels.len() < LEVELS {
                    levels.push(Level::default());
                }
                let Some(level) = levels.last_mut() else { return Ok(()) };
                match name {
                    "start" => level.start = value().and_then(|start| start.parse().ok()).unwrap_or(1),
                    "numFmt" => level.format = value().unwrap_or_default(),
                    "lvlText" => {
                        level.pattern = value().filter(|p| p.len() <= LONGEST_PATTERN).unwrap_or_default();
                    }
                    "pStyle" => level.style = value(),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "abstractNum" => self.definitions.extend(self.open.take()),
            "num" => self.open_list = None,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_lists_write_them() {
        assert_eq!([roman(4), roman(1999), roman(0)], ["iv", "mcmxcix", "0"]);
        assert_eq!([letters(1), letters(26), letters(28)], ["a", "z", "bb"]);
    }
}
