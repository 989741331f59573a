//! Limits the attributes of a tag, because the parser compares each attribute with all others of its tag.

use std::borrow::Cow;

/// Maximum number of attributes of a tag. Hand-written tags have a dozen.
pub(super) const MOST: usize = 1_000;

/// Returns `html` with a `>` after the first thousand attributes of each tag that has more. The rest of that tag
/// becomes text.
///
/// Context decides whether a `<` begins a tag and whether a quote begins a value: in a script both are text, in a
/// script within SVG they are not. So each `<` before a letter is treated as the start of a tag.
pub(super) fn bounded(html: &str) -> Cow<'_, str> {
    let (mut kept, mut copied) = (String::new(), 0);
    let mut readings = Readings::default();
    let bytes = html.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if readings == Readings::default() && *byte != b'<' {
            let rest = bytes.get(at..).unwrap_or_default();
            at += rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len());
            continue;
        }
        let next = readings.after(*byte);
        readings = if next.attribute > Some(MOST) {
            kept.push_str(html.get(copied..at).unwrap_or_default());
            kept.push('>');
            copied = at;
            readings.after(b'>').after(*byte)
        } else {
            next
        };
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    kept.push_str(html.get(copied..).unwrap_or_default());
    Cow::Owned(kept)
}

/// All tokenizer states that the last bytes allow, regardless of the bytes before: each position within a tag, with
/// the maximum number of attributes that such a tag may have so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Readings {
    /// Right after `<`.
    opened: bool,
    /// Right after `</`.
    closing: bool,
    /// In the name of the tag.
    name: Option<usize>,
    /// Where an attribute may begin.
    between: Option<usize>,
    /// In the name of an attribute.
    attribute: Option<usize>,
    /// In white space after the name of an attribute.
    named: Option<usize>,
    /// After an equals sign.
    equals: Option<usize>,
    /// In a value in double quotes.
    double: Option<usize>,
    /// In a value in single quotes.
    single: Option<usize>,
    /// In a value without quotes.
    bare: Option<usize>,
}

impl Readings {
    fn after(self, byte: u8) -> Self {
        let Self { opened, closing, name, between, attribute, named, equals, double, single, bare } = self;
        // An ordinary byte keeps its state, or begins an attribute or a value.
        let begun = between.max(named).map(|count| count + 1);
        let within =
            Self { name, attribute: attribute.max(begun), bare: bare.max(equals), ..Self::default() };
        let quoted = Self { double, single, ..Self::default() };
        let mut next = match byte {
            b'>' => quoted,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0C => {
                Self { between: name.max(between).max(bare), named: attribute.max(named), equals, ..quoted }
            }
            b'/' => Self {
                between: name.max(between).max(attribute).max(named),
                bare: bare.max(equals),
                ..quoted
            },
            b'=' => Self {
                attribute: between.map(|count| count + 1),
                equals: attribute.max(named),
                double,
                single,
                ..within
            },
            b'"' => Self { bare, between: double, double: equals, single, ..within },
            b'\'' => Self { bare, between: single, double, single: equals, ..within },
            _ => Self { double, single, ..within },
        };
        next.opened = byte == b'<';
        next.closing = opened && byte == b'/';
        if (opened || closing) && byte.is_ascii_alphabetic() {
            next.name = next.name.max(Some(0));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the maximum number of attributes that a tag of `html` may have.
    fn most(html: &str) -> usize {
        let mut readings = Readings::default();
        let after = |byte| {
            readings = readings.after(byte);
            readings.attribute.unwrap_or(0)
        };
        html.bytes().map(after).max().unwrap_or(0)
    }

    #[track_caller]
    fn check(html: &str, expected: usize) {
        assert_eq!(most(html), expected, "{html:.80}");
    }

    fn attributes(count: usize) -> String {
        (0..count).fold(String::new(), |many, index| many + &format!(" a{index}=1"))
    }

    #[test]
    fn attributes_are_counted_as_the_parser_separates_them() {
        check("<p>", 0);
        check("<p a b=c d = 'e f' g=\"h>i\"/j>text and more", 5);
        check("<img src=\"data:image/png;base64,ab/cd/ef==\" alt=x/y/z>", 2);
        check("<p a/b/c/>", 3);
        check("<p a='1'b=\"2\"c =d'e\"f>", 3);
        check("<p =a==b c>", 2);
        check("</p a b>", 2);
        check("1 < 2 a b c", 0);
        check("<p title=\"a <b c d\">e f g", 2);
    }

    #[test]
    fn a_tag_ends_after_a_thousand_attributes() {
        let (all, most) = (attributes(MOST + 1), attributes(MOST));
        let rest = all.strip_prefix(&most).unwrap().trim_start();
        assert_eq!(bounded(&format!("<b>x</b><p{all}>y")), format!("<b>x</b><p{most} >{rest}>y"));
        assert!(matches!(bounded(&format!("<p a=1>x<p{most}>")), Cow::Borrowed(_)));
    }

    #[test]
    fn quotes_and_comments_before_a_tag_do_not_hide_its_attributes() {
        let many = attributes(5 * MOST);
        for before in [
            "",
            "<script>\"<a b='</script>",
            "<script>'<a b=\"</script>",
            "<svg><script>x='<a b=\"'</script>",
            "<svg><style>/* <a b=' */</style>",
            "<title><a b='</title>",
            "<!-- <a b=' -->",
            "<p a=\"<b c='\">",
            "<a b='<c d=\"'>",
            "</p a='<b c=\"'>",
            "<![CDATA[<a b=']]>",
        ] {
            for tag in ["p", "/p"] {
                let html = bounded(&format!("{before}<{tag}{many}>")).into_owned();
                assert!(most(&html) <= MOST, "{before}<{tag}");
                let tail = html.split_at(before.len()).1;
                assert!(html.starts_with(before) && tail.split('>').next().unwrap().len() < many.len() / 4);
            }
        }
    }
}
