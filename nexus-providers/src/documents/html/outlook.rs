//! Estimate of the size of a page's tree from its tags, made before the tree is built.

use std::collections::BTreeMap;

/// Size estimate of a page's tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Number of elements that the parser would reopen by itself: unclosed formatting begins again in each block, so
    /// a few thousand tags can become millions of elements.
    pub(super) reopened: usize,
}

impl Outlook {
    /// Estimates the tree of `html` for a reader that refuses trees deeper than `nesting`.
    pub(super) fn of(html: &str, nesting: usize) -> Self {
        let mut outlook = Self::default();
        let mut formatting = Formatting::default();
        for tag in html.split('<').skip(1) {
            let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
            let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
            let name = tag.get(..end).unwrap_or_default();
            if name.is_empty() {
                formatting.scopes += usize::from(tag.starts_with('!'));
                continue;
            }
            if is_one_of(name, FORMATTING) {
                if closes { formatting.end(name) } else { formatting.begin(tag, name) }
            } else if !closes {
                formatting.scopes += usize::from(is_one_of(name, SCOPES));
                // Each new element may reopen all formatting that is still open.
                outlook.reopened = outlook.reopened.saturating_add(formatting.open.len().min(nesting));
            }
        }
        outlook
    }
}

/// Open formatting elements. The parser keeps the last three of equal ones.
#[derive(Default)]
struct Formatting<'a> {
    open: Vec<Element<'a>>,
    equal: BTreeMap<&'a str, usize>,
    /// Number of scope elements begun so far: within one, an end tag may not close an element that is open outside.
    scopes: usize,
}

struct Element<'a> {
    name: &'a str,
    tag: &'a str,
    scopes: usize,
}

impl<'a> Formatting<'a> {
    fn begin(&mut self, tag: &'a str, name: &'a str) {
        const KEPT: usize = 3;
        if is_one_of(name, &["a", "nobr"]) {
            // A new one of these closes the open one.
            self.remove(|open| open.name.eq_ignore_ascii_case(name));
        }
        let tag = tag.split_once('>').map_or(tag, |(tag, _)| tag);
        let equal = self.equal.entry(tag).or_default();
        if *equal < KEPT {
            *equal += 1;
            self.open.push(Element { name, tag, scopes: self.scopes });
        }
    }

    /// Closes the last element of that name, if the tag closes it for certain.
    fn end(&mut self, name: &str) {
        let scopes = self.scopes;
        self.remove(|open| open.name.eq_ignore_ascii_case(name) && open.scopes == scopes);
    }

    fn remove(&mut self, fits: impl Fn(&Element<'_>) -> bool) {
        /// Maximum number of open elements searched.
        const NEAR: usize = 64;
        let Some(found) = self.open.iter().rev().take(NEAR).position(fits) else { return };
        let element = self.open.remove(self.open.len() - 1 - found);
        if let Some(equal) = self.equal.get_mut(element.tag) {
            *equal = equal.saturating_sub(1);
        }
    }
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Elements within which an end tag may be text, or may not close an element outside.
const SCOPES: &[&str] = &[
    "applet",
    "caption",
    "iframe",
    "marquee",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "table",
    "td",
    "template",
    "textarea",
    "th",
    "title",
    "xmp",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, reopened: usize) {
        assert_eq!(Outlook::of(html, 512), Outlook { reopened }, "{html:.100}");
    }

    #[test]
    fn formatting_that_is_closed_does_not_begin_again() {
        check("<div><div><p>a<p>b</div></div><div>c</div>", 0);
        check("text < 3 and <b>bold</b><i>x</i>", 0);
    }

    #[test]
    fn formatting_that_is_left_open_begins_again_in_each_block() {
        check("<b><p>a<p>b<p>c", 3);
        check(&("<b>".repeat(100) + "<p>a"), 3);
        let fonts = (0..100).fold(String::new(), |fonts, size| fonts + &format!("<font size={size}>"));
        check(&(fonts + &"<p>a".repeat(50)), 5_000);
        let hidden =
            (0..100).fold(String::new(), |fonts, size| fonts + &format!("<font size={size}><!--</font>-->"));
        check(&(hidden + &"<p>a".repeat(50)), 5_000);
    }
}
