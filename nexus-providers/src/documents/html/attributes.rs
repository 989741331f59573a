//! Limits the attributes of a tag, because the parser compares each attribute with all others of its tag.

use std::borrow::Cow;

/// Maximum number of attributes of a tag. Hand-written tags have a dozen.
pub(super) const MOST: u16 = 1_000;

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
        let ordinary = readings.unchanged_by(bytes.get(at..).unwrap_or_default());
        if ordinary > 0 {
            at += ordinary;
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
    name: Option<u16>,
    /// Where an attribute may begin.
    between: Option<u16>,
    /// In the name of an attribute.
    attribute: Option<u16>,
    /// In white space after the name of an attribute.
    named: Option<u16>,
    /// After an equals sign.
    equals: Option<u16>,
    /// In a value in double quotes.
    double: Option<u16>,
    /// In a value in single quotes.
    single: Option<u16>,
    /// In a value without quotes.
    bare: Option<u16>,
}

impl Readings {
    /// Returns the number of first bytes of `text` that leave the states as they are. Most bytes of a page do, so they
    /// are passed over without a step for each.
    fn unchanged_by(self, text: &[u8]) -> usize {
        let Self { opened, closing, name, between, attribute, named, equals, double, single, bare } = self;
        let until = |ends: fn(u8) -> bool| text.iter().position(|byte| ends(*byte)).unwrap_or(text.len());
        if opened || closing || between.or(named).or(equals).is_some() {
            0
        } else if name.or(attribute).or(bare).is_some() {
            until(|byte| {
                matches!(byte, b'<' | b'>' | b'/' | b'=' | b'"' | b'\'' | b' ' | b'\t' | b'\n' | b'\r' | 0x0C)
            })
        } else if double.or(single).is_some() {
            until(|byte| matches!(byte, b'<' | b'"' | b'\''))
        } else {
            until(|byte| byte == b'<')
        }
    }

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
    fn most(html: &str) -> u16 {
        let mut readings = Readings::default();
        let after = |byte| {
            readings = readings.after(byte);
            readings.attribute.unwrap_or(0)
        };
        html.bytes().map(after).max().unwrap_or(0)
    }

    #[track_caller]
    fn check(html: &str, expected: u16) {
        assert_eq!(most(html), expected, "{html:.80}");
    }

    fn attributes(count: u16) -> String {
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
    fn bytes_passed_over_change_no_state() {
        let html = "a 'b' <p a=\"1\" b = c/>d \"e\" <!-- <i x='<j y=z'\n=/ --> </k l> <m>n";
        let (bytes, mut readings) = (html.as_bytes(), Readings::default());
        for (at, byte) in bytes.iter().enumerate() {
            let (rest, begun) = (bytes.get(at..).unwrap(), readings);
            for passed in rest.iter().take(readings.unchanged_by(rest)) {
                assert_eq!(begun.after(*passed), begun, "{at} of {html}");
            }
            readings = readings.after(*byte);
        }
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
