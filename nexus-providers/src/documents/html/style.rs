//! Effect of style declarations on text: struck out, or not to be seen.

use std::collections::BTreeMap;

use nexus_core::document::UnreadPart;

/// Distance at which text is moved off the page, in pixels.
const FAR: f64 = 500.0;

/// Maximum number of rules that are kept of a page's style sheets.
const RULES: usize = 10_000;

/// Declarations of one rule or of one `style` attribute that decide whether text is read.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent declaration")]
pub(super) struct Declarations {
    pub(super) color: Option<String>,
    pub(super) ground: Option<String>,
    part: Option<UnreadPart>,
    is_placed: bool,
    is_clipped: bool,
    is_tiny: bool,
    is_far: bool,
    /// Whether `display` or `visibility` say that the element is shown.
    shown: bool,
}

impl Declarations {
    /// Reads declarations such as `display: none; color: red`.
    pub(super) fn of(text: &str) -> Self {
        let mut declarations = Self::default();
        for declaration in text.split(';') {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let value = value.trim().to_ascii_lowercase();
            let value = value.trim_end_matches("!important").trim();
            declarations.take(name.trim().to_ascii_lowercase().as_str(), value);
        }
        declarations
    }

    fn take(&mut self, name: &str, value: &str) {
        let hidden = match name {
            "display" | "visibility" => {
                self.shown = !matches!(value, "none" | "hidden" | "collapse");
                !self.shown
            }
            "opacity" => value.trim_end_matches('%').parse::<f64>().is_ok_and(|opacity| opacity <= 0.01),
            "font-size" => length(value).is_some_and(|size| size <= 1.0) && !value.contains("em"),
            "text-decoration" | "text-decoration-line" if value.contains("line-through") => {
                self.part = Some(UnreadPart::StruckText);
                false
            }
            "color" => {
                self.color = colour(value);
                value == "transparent"
            }
            "background" | "background-color" => {
                self.ground = value.split_whitespace().find_map(colour).or_else(|| Some("other".to_owned()));
                false
            }
            "position" => {
                self.is_placed = matches!(value, "absolute" | "fixed");
                false
            }
            "left" | "top" | "right" | "bottom" | "margin-left" | "margin-top" => {
                self.is_far |= length(value).is_some_and(|at| at <= -FAR);
                false
            }
            "text-indent" => length(value).is_some_and(|indent| indent <= -FAR),
            "overflow" => {
                self.is_clipped = value.starts_with("hidden");
                false
            }
            "width" | "height" | "max-height" | "max-width" => {
                self.is_tiny |= length(value).is_some_and(|size| size <= 1.0) && !value.ends_with('%');
                false
            }
            "clip" => value.replace([' ', ','], "").starts_with("rect(0") || value.contains("1px"),
            "clip-path" => value.contains("inset(100%") || value.contains("inset(50%"),
            "transform" => value.replace(' ', "").contains("scale(0)"),
            "mso-hide" => value == "all",
            _ => false,
        };
        if hidden {
            self.part = Some(UnreadPart::HiddenText);
        }
    }

    /// Returns whether the declarations show the element in spite of a rule.
    pub(super) fn shown(&self) -> bool {
        self.shown
    }

    /// Returns the kind of text that these declarations make of an element, if it is not to be read.
    pub(super) fn part(&self) -> Option<UnreadPart> {
        let moved = self.is_far && self.is_placed;
        let squeezed = self.is_tiny && self.is_clipped;
        if moved || squeezed { Some(UnreadPart::HiddenText) } else { self.part }
    }
}

/// Returns a length in pixels, or a number without a unit. Other units count as they are.
fn length(value: &str) -> Option<f64> {
    let end =
        value.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '.')).unwrap_or(value.len());
    let number: f64 = value.get(..end)?.parse().ok()?;
    let factor = match value.get(end..)?.trim() {
        "em" | "rem" => 16.0,
        "%" | "vw" | "vh" => 10.0,
        _ => 1.0,
    };
    Some(number * factor)
}

/// Returns a colour in one notation, if it is one.
pub(super) fn colour(value: &str) -> Option<String> {
    const LONGEST: usize = 32;
    let value = value.trim().to_ascii_lowercase();
    if value.len() > LONGEST {
        return None;
    }
    if let Some(digits) = value.strip_prefix('#') {
        let short = digits.len() == 3;
        return Some(
            digits.chars().flat_map(|digit| std::iter::repeat_n(digit, if short { 2 } else { 1 })).collect(),
        );
    }
    if let Some(parts) = value.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
        let part = |part: &str| part.trim().parse::<u8>().map(|part| format!("{part:02x}"));
        return parts.split(',').map(part).collect::<Result<String, _>>().ok();
    }
    Some(match value.as_str() {
        "white" => "ffffff".into(),
        "black" => "000000".into(),
        "red" => "ff0000".into(),
        "blue" => "0000ff".into(),
        "green" => "008000".into(),
        "yellow" => "ffff00".into(),
        "gray" | "grey" => "808080".into(),
        word if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic()) => word.to_owned(),
        _ => return None,
    })
}

/// Style sheets of a page, as far as their selectors are a tag, a class, an id, or a tag with a class.
#[derive(Debug, Default)]
pub(super) struct StyleSheet {
    rules: BTreeMap<String, UnreadPart>,
}

impl StyleSheet {
    /// Adds the rules of a style sheet. Later rules outweigh earlier ones. Conditional rules do not apply.
    pub(super) fn add(&mut self, css: &str) {
        let mut rest = css;
        while let Some((selectors, tail)) = rest.split_once('{') {
            let selectors = selectors.rsplit_once("*/").map_or(selectors, |(_, after)| after);
            if selectors.trim_start().starts_with('@') {
                rest = after_block(tail);
                continue;
            }
            let (declarations, tail) = tail.split_once('}').unwrap_or((tail, ""));
            let declarations = Declarations::of(declarations);
            for selector in selectors.split(',').map(str::trim).filter(|selector| is_simple(selector)) {
                self.rule(selector, &declarations);
            }
            rest = tail;
        }
    }

    fn rule(&mut self, selector: &str, declarations: &Declarations) {
        let selector = selector.to_ascii_lowercase();
        match declarations.part() {
            Some(part) if self.rules.len() < RULES => drop(self.rules.insert(selector, part)),
            None if declarations.shown => drop(self.rules.remove(&selector)),
            Some(_) | None => {}
        }
    }

    /// Returns whether the page has no rules that matter.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the kind of text that the rules make of an element.
    pub(super) fn part(&self, tag: &str, id: Option<&str>, classes: Option<&str>) -> Option<UnreadPart> {
        const CLASSES: usize = 32;
        let find = |selector: &str| self.rules.get(&selector.to_ascii_lowercase()).copied();
        id.and_then(|id| find(&format!("#{id}"))).or_else(|| find(tag)).or_else(|| {
            let classes = classes.unwrap_or_default().split_whitespace().take(CLASSES);
            classes
                .map(|class| format!(".{class}"))
                .find_map(|class| find(&class).or_else(|| find(&format!("{tag}{class}"))))
        })
    }
}

/// Returns whether a selector has one part, without states, attributes or combinators.
fn is_simple(selector: &str) -> bool {
    let body = selector.strip_prefix(['.', '#']).unwrap_or(selector);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !body.is_empty() && body.split('.').count() <= 2 && body.chars().all(|c| plain(c) || c == '.')
}

/// Returns the text after a block whose opening brace was read.
fn after_block(text: &str) -> &str {
    let mut depth = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(style: &str, expected: Option<UnreadPart>) {
        assert_eq!(Declarations::of(style).part(), expected, "{style}");
    }

    #[test]
    fn styles_say_whether_text_is_seen() {
        for hidden in [
            "display:none",
            "color:red; Display : NONE !important",
            "visibility: hidden",
            "opacity:0",
            "font-size:0px",
            "position:absolute;left:-9999px",
            "text-indent:-999em",
            "height:1px;width:1px;overflow:hidden",
            "clip: rect(0 0 0 0)",
            "mso-hide:all",
            "color:transparent",
        ] {
            check(hidden, Some(UnreadPart::HiddenText));
        }
        for shown in [
            "display:block",
            "opacity:0.9",
            "font-size:0.8em",
            "position:absolute;left:10px",
            "height:1px",
            "left:-9999px",
        ] {
            check(shown, None);
        }
        check("text-decoration: line-through red", Some(UnreadPart::StruckText));
    }

    #[test]
    fn style_sheets_apply_by_tag_class_and_id() {
        let mut sheet = StyleSheet::default();
        sheet.add("/* x */ .h, p.old {display:none} #i{opacity:0} @media print{.p{display:none}} .q{display:none} .q{display:block} a:hover{display:none}");
        assert_eq!(sheet.part("b", None, Some("x h")), Some(UnreadPart::HiddenText));
        assert_eq!(sheet.part("p", None, Some("old")), Some(UnreadPart::HiddenText));
        assert_eq!(sheet.part("p", Some("i"), None), Some(UnreadPart::HiddenText));
        for (tag, class) in [("b", "old"), ("b", "p"), ("b", "q"), ("a", "x")] {
            assert_eq!(sheet.part(tag, None, Some(class)), None, "{tag} {class}");
        }
    }

    #[test]
    fn colours_are_compared_in_one_notation() {
        assert_eq!(
            [colour("#FFF"), colour("rgb(255, 255, 255)"), colour("White")].map(Option::unwrap),
            ["ffffff"; 3]
        );
    }
}
