//! Effect of style declarations on text: struck out, or not to be seen.

use nexus_core::document::UnreadPart;

/// Distance at which text is moved off the page, in pixels.
const FAR: f64 = 500.0;

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
    /// Whether the element stands as a box of its own rather than within a line.
    boxed: Option<bool>,
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
            "display" | "visibility" | "content-visibility" => {
                if name == "display" {
                    self.boxed = Some(!matches!(value, "inline" | "contents"));
                }
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
                self.color.as_deref() == Some("transparent")
            }
            "background" | "background-color" => {
                self.ground = ground(value);
                false
            }
            "float" => {
                self.boxed = Some(value != "none").filter(|boxed| *boxed).or(self.boxed);
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
            "filter" => value.replace(' ', "").contains("opacity(0)"),
            "mso-hide" => value == "all",
            _ => false,
        };
        if hidden {
            self.part = Some(UnreadPart::HiddenText);
        }
    }

    /// Adds declarations that outweigh these.
    pub(super) fn add(&mut self, later: &Self) {
        if later.shown && self.part == Some(UnreadPart::HiddenText) {
            self.part = None;
        }
        self.part = later.part.or(self.part);
        self.color = later.color.clone().or_else(|| self.color.take());
        self.ground = later.ground.clone().or_else(|| self.ground.take());
        self.boxed = later.boxed.or(self.boxed);
        self.shown |= later.shown;
        self.is_placed |= later.is_placed;
        self.is_clipped |= later.is_clipped;
        self.is_tiny |= later.is_tiny;
        self.is_far |= later.is_far;
    }

    /// Returns whether the element stands as a box of its own, if the declarations say so.
    pub(super) fn boxed(&self) -> Option<bool> {
        self.boxed
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

/// Returns the colour of a background, or nothing for one that lets the colour behind it through.
fn ground(value: &str) -> Option<String> {
    if matches!(value, "none" | "inherit" | "initial" | "unset") {
        return None;
    }
    let named = |word: &str| colour(word).filter(|colour| is_digits(colour) || colour == "transparent");
    let found = colour(value).or_else(|| value.split_whitespace().find_map(named));
    found.or_else(|| Some("other".to_owned())).filter(|colour| colour != "transparent")
}

/// Returns whether two colours cannot be told apart.
pub(super) fn looks_the_same(one: &str, other: &str) -> bool {
    const NEAR: u8 = 8;
    let channel = |colour: &str, at: usize| u8::from_str_radix(colour.get(at..at + 2)?, 16).ok();
    let is_near = |at: usize| {
        channel(one, at).zip(channel(other, at)).is_some_and(|(one, other)| one.abs_diff(other) <= NEAR)
    };
    one == other || is_digits(one) && is_digits(other) && [0, 2, 4].into_iter().all(is_near)
}

/// Returns whether a colour has three channels rather than a name.
fn is_digits(colour: &str) -> bool {
    colour.len() == 6 && colour.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns a colour in one notation, if it is one; `transparent` for one without any opacity.
pub(super) fn colour(value: &str) -> Option<String> {
    const LONGEST: usize = 48;
    let value = value.trim().to_ascii_lowercase();
    if value.len() > LONGEST {
        return None;
    }
    if let Some(digits) = value.strip_prefix('#') {
        let width = if digits.len() <= 4 { 2 } else { 1 };
        let digits: String = digits.chars().flat_map(|digit| std::iter::repeat_n(digit, width)).collect();
        return match digits.split_at_checked(6) {
            Some((_, "00")) => Some("transparent".to_owned()),
            Some((channels, "" | "ff")) => Some(channels.to_owned()),
            _ => None,
        };
    }
    if let Some(parts) = value.strip_prefix("rgb").and_then(|rest| rest.strip_suffix(')')) {
        return channels(parts.trim_start_matches('a').strip_prefix('(')?);
    }
    Some(match value.as_str() {
        "white" => "ffffff".into(),
        "black" => "000000".into(),
        "red" => "ff0000".into(),
        "blue" => "0000ff".into(),
        "green" => "008000".into(),
        "yellow" => "ffff00".into(),
        "gray" | "grey" => "808080".into(),
        "inherit" | "initial" | "unset" | "currentcolor" | "none" => return None,
        word if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic()) => word.to_owned(),
        _ => return None,
    })
}

/// Reads the channels of a colour and its opacity: `255, 255, 255` and `0 0 0 / 50%`. One that is partly transparent has
/// no colour of its own.
fn channels(text: &str) -> Option<String> {
    let mut parts = text.split([',', ' ', '/']).filter(|part| !part.is_empty());
    let channels = parts.by_ref().take(3).map(|part| part.parse::<u8>().map(|part| format!("{part:02x}")));
    let channels = channels.collect::<Result<String, _>>().ok()?;
    let opacity = |text: &str| {
        let share = text.strip_suffix('%');
        share
            .unwrap_or(text)
            .parse::<f64>()
            .ok()
            .map(|value| if share.is_some() { value / 100.0 } else { value })
    };
    match parts.next().map(opacity) {
        None => Some(channels),
        Some(Some(opacity)) if opacity <= 0.01 => Some("transparent".to_owned()),
        Some(Some(opacity)) if opacity >= 1.0 => Some(channels),
        Some(_) => None,
    }
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
    fn colours_are_compared_in_one_notation() {
        assert_eq!(
            [colour("#FFF"), colour("rgb(255, 255, 255)"), colour("White")].map(Option::unwrap),
            ["ffffff"; 3]
        );
        assert_eq!(colour("rgba(0, 0, 0, 0)").as_deref(), Some("transparent"));
        assert_eq!(colour("rgb(0 0 0 / 100%)").as_deref(), Some("000000"));
        assert_eq!(colour("#ffff").as_deref(), Some("ffffff"));
        assert!(looks_the_same("ffffff", "fefefe") && !looks_the_same("ffffff", "eeeeee"));
        assert_eq!(Declarations::of("background: url(x.png) no-repeat").ground.as_deref(), Some("other"));
        assert_eq!(Declarations::of("background: #FFF url(x.png)").ground.as_deref(), Some("ffffff"));
        assert_eq!(Declarations::of("background: none").ground, None);
    }
}
