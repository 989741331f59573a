//! Numbers of list items in an `OpenDocument` text, counted as the program that shows it does.

use std::collections::BTreeMap;

use super::super::ooxml::numbering::formatted;
use super::super::xml::Tag;

/// Levels of a list.
const LEVELS: usize = 10;

/// Maximum length of the name of a style, and of the text around a number, in bytes.
const LONGEST: usize = 64;

/// Level of a list style. Bullets have no format.
#[derive(Clone, Debug, Default)]
struct Level {
    format: String,
    prefix: String,
    suffix: String,
    /// Number of levels shown.
    shown: usize,
    start: u32,
}

impl Level {
    /// Returns whether the level shows a bare count, which the order of the items says.
    fn is_count(&self) -> bool {
        self.format == "1"
            && self.shown <= 1
            && self.prefix.is_empty()
            && self.suffix.trim_matches(['.', ')']).is_empty()
    }

    fn number(&self, number: u32) -> String {
        let format = match self.format.as_str() {
            "a" => "lowerLetter",
            "A" => "upperLetter",
            "i" => "lowerRoman",
            "I" => "upperRoman",
            _ => "decimal",
        };
        formatted(number, format)
    }
}

/// List styles, and the lists that are open.
#[derive(Debug, Default)]
pub(super) struct Lists {
    styles: BTreeMap<String, Vec<Level>>,
    style: Option<String>,
    open: Vec<String>,
    reached: BTreeMap<String, [u32; LEVELS]>,
    label: Option<String>,
}

impl Lists {
    /// Takes an element of a list or of a list style.
    pub(super) fn open(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "list-style" => self.style = tag.attribute("name").filter(|name| name.len() <= LONGEST),
            "list-level-style-number" | "list-level-style-bullet" | "list-level-style-image" => {
                self.level(tag);
            }
            "list" => self.begin(tag),
            "list-item" => self.item(tag),
            _ => {}
        }
    }

    /// Takes the end of an element.
    pub(super) fn close(&mut self, name: &str) {
        match name {
            "list-style" => self.style = None,
            "list" => drop(self.open.pop()),
            "list-item" => self.label = None,
            _ => {}
        }
    }

    /// Returns the number of the open item, once.
    pub(super) fn take_label(&mut self) -> Option<String> {
        self.label.take()
    }

    fn level(&mut self, tag: &Tag<'_>) {
        let Some(style) = &self.style else { return };
        let text = |name: &str| tag.attribute(name).filter(|text| text.len() <= LONGEST).unwrap_or_default();
        let number = |name: &str| tag.attribute(name).and_then(|number| number.parse::<u32>().ok());
        let place = number("level").unwrap_or(1).saturating_sub(1) as usize;
        if place >= LEVELS {
            return;
        }
        let levels = self.styles.entry(style.clone()).or_default();
        if levels.len() <= place {
            levels.resize(place + 1, Level::default());
        }
        let level = Level {
            format: text("num-format"),
            prefix: text("num-prefix"),
            suffix: text("num-suffix"),
            shown: number("display-levels").unwrap_or(1) as usize,
            start: number("start-value").unwrap_or(1),
        };
        levels.get_mut(place).into_iter().for_each(|place| *place = level.clone());
    }

    /// Begins a list. It counts anew unless it continues another one.
    fn begin(&mut self, tag: &Tag<'_>) {
        let own = tag.attribute("style-name").filter(|name| self.styles.contains_key(name));
        let style = own.or_else(|| self.open.last().cloned()).unwrap_or_default();
        let continues = tag.attribute("continue-numbering").is_some_and(|value| value == "true")
            || tag.attribute("continue-list").is_some();
        if self.open.is_empty() && !continues {
            self.reached.remove(&style);
        }
        self.open.push(style);
    }

    fn item(&mut self, tag: &Tag<'_>) {
        self.label = None;
        let Some(style) = self.open.last() else { return };
        let Some(levels) = self.styles.get(style) else { return };
        let place = (self.open.len() - 1).min(LEVELS - 1);
        let start = |place: usize| levels.get(place).map_or(1, |level| level.start);
        let own = tag.attribute("start-value").and_then(|number| number.parse::<u32>().ok());
        let reached = self.reached.entry(style.clone()).or_default();
        for (at, number) in reached.iter_mut().enumerate() {
            *number = match at.cmp(&place) {
                std::cmp::Ordering::Less if *number == 0 => start(at),
                std::cmp::Ordering::Less => *number,
                std::cmp::Ordering::Equal if *number == 0 => own.unwrap_or(start(at)),
                std::cmp::Ordering::Equal => own.unwrap_or(number.saturating_add(1)),
                std::cmp::Ordering::Greater => 0,
            };
        }
        self.label = label(levels, place, reached);
    }
}

fn label(levels: &[Level], place: usize, reached: &[u32; LEVELS]) -> Option<String> {
    let level = levels.get(place).filter(|level| !level.format.is_empty() && !level.is_count())?;
    let first = (place + 1).saturating_sub(level.shown.max(1));
    let numbers = levels.iter().zip(reached).take(place + 1).skip(first);
    let numbers = numbers.filter(|(level, _)| !level.format.is_empty());
    let numbers: Vec<String> = numbers.map(|(level, number)| level.number(*number)).collect();
    Some(format!("{}{}{}", level.prefix, numbers.join("."), level.suffix))
}
