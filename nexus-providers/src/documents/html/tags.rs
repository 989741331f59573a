//! Tags of HTML within other text, one by one.

use nexus_core::document::UnreadPart;

use super::style::Declarations;

/// Tag as it stands in a text.
pub(in super::super) struct Tag<'a> {
    /// Name in lower case.
    pub(in super::super) name: String,
    pub(in super::super) closes: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads the first tag of `html`. Returns it with the text after it.
    pub(in super::super) fn first(html: &'a str) -> Option<(Self, &'a str)> {
        let mut rest = html;
        loop {
            (_, rest) = rest.split_once('<')?;
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let (closes, text) = rest.strip_prefix('/').map_or((false, rest), |text| (true, text));
            let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
            let (name, text) = text.split_at_checked(end).unwrap_or_default();
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let (attributes, after) = split_tag(text);
                return Some((Self { name: name.to_ascii_lowercase(), closes, attributes }, after));
            }
        }
    }

    /// Returns the value of an attribute; it is empty if the attribute has none.
    pub(in super::super) fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        while !rest.is_empty() {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            let end =
                rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len());
            let (key, tail) = rest.split_at_checked(end)?;
            let (value, tail) = tail.trim_start().strip_prefix('=').map_or(("", tail), value);
            if key.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            if tail.len() == rest.len() {
                return None;
            }
            rest = tail;
        }
        None
    }

    /// Returns the kind of text that the element holds, if it is not to be read.
    pub(in super::super) fn part(&self) -> Option<UnreadPart> {
        match self.name.as_str() {
            "s" | "strike" | "del" => Some(UnreadPart::StruckText),
            "template" | "noscript" => Some(UnreadPart::HiddenText),
            _ if self.attribute("hidden").is_some() => Some(UnreadPart::HiddenText),
            _ => Declarations::of(self.attribute("style").unwrap_or_default()).part(),
        }
    }
}

/// Splits the attributes of a tag from the text after it.
fn split_tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (c, quote) {
            ('>', None) => {
                return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            }
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    (text, "")
}

/// Splits the value after an equals sign from the text after it.
fn value(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    for quote in ['"', '\''] {
        if let Some(text) = text.strip_prefix(quote) {
            return text.split_once(quote).unwrap_or((text, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_names_and_attributes() {
        let (tag, rest) =
            Tag::first("x <!-- <a> --> < 3 <IMG src=a/b alt = \"A > b\" hidden/>after").unwrap();
        assert_eq!((tag.name.as_str(), tag.closes, rest), ("img", false, "after"));
        assert_eq!(tag.attribute("alt"), Some("A > b"));
        assert_eq!(tag.attribute("src"), Some("a/b"));
        assert_eq!((tag.attribute("hidden"), tag.attribute("none")), (Some(""), None));
        assert!(Tag::first("</span>").unwrap().0.closes);
    }

    #[test]
    fn tags_say_whether_their_text_is_read() {
        let part = |html: &str| Tag::first(html).unwrap().0.part();
        assert_eq!(part("<del>"), Some(UnreadPart::StruckText));
        assert_eq!(part("<span style='display:none'>"), Some(UnreadPart::HiddenText));
        assert_eq!(part("<span style='color:red'>"), None);
    }
}
