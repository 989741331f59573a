//! Selectors of style sheets: tags, ids, classes and attributes, within each other. Those with states or siblings are
//! not understood.

use dom_query::NodeRef;

/// Maximum number of elements around one that are compared.
const AROUND: usize = 32;

/// Element with its conditions: `p.old[lang]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Compound {
    tag: Option<String>,
    id: Option<String>,
    classes: Vec<String>,
    /// Names of attributes, with their values if the selector states one.
    attributes: Vec<(String, Option<String>)>,
}

/// Selector of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    last: Compound,
    /// Elements around, from the inner to the outer one, and whether each is the parent.
    around: Vec<(bool, Compound)>,
}

impl Selector {
    /// Parses a selector, if it is understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        const PARTS: usize = 8;
        let spaced = text.replace('>', " > ");
        let (mut around, mut last, mut is_parent) = (Vec::new(), None, false);
        for word in spaced.split_whitespace() {
            if word == ">" {
                is_parent = true;
                continue;
            }
            let compound = Compound::parse(word)?;
            around.extend(last.replace(compound).map(|outer| (std::mem::take(&mut is_parent), outer)));
        }
        around.reverse();
        (around.len() < PARTS).then_some(Self { last: last?, around })
    }

    /// Returns the condition by which a rule is looked up: an id, a class, a tag, or `*`.
    pub(super) fn key(&self) -> String {
        let Compound { tag, id, classes, .. } = &self.last;
        let id = id.as_ref().map(|id| format!("#{id}"));
        let class = || classes.first().map(|class| format!(".{class}"));
        id.or_else(class).or_else(|| tag.clone()).unwrap_or_else(|| "*".to_owned())
    }

    /// Returns the number of its ids, classes and attributes, and tags. A rule with more outweighs one with less.
    pub(super) fn weight(&self) -> (usize, usize, usize) {
        let all = || std::iter::once(&self.last).chain(self.around.iter().map(|(_, compound)| compound));
        let classes = all().map(|compound| compound.classes.len() + compound.attributes.len()).sum();
        let count = |is: fn(&Compound) -> bool| all().filter(|compound| is(compound)).count();
        (count(|compound| compound.id.is_some()), classes, count(|compound| compound.tag.is_some()))
    }

    /// Returns whether the selector applies to an element.
    pub(super) fn applies(&self, node: &NodeRef<'_>) -> bool {
        self.last.applies(node) && self.is_around(node)
    }

    fn is_around(&self, node: &NodeRef<'_>) -> bool {
        let (mut at, mut left) = (*node, AROUND);
        for (is_parent, compound) in &self.around {
            loop {
                let Some(parent) = at.parent().filter(|_| left > 0) else { return false };
                (at, left) = (parent, left - 1);
                if compound.applies(&at) {
                    break;
                }
                if *is_parent {
                    return false;
                }
            }
        }
        true
    }
}

impl Compound {
    fn parse(word: &str) -> Option<Self> {
        let mut compound = Self::default();
        let end = word.find(['.', '#', '[']).unwrap_or(word.len());
        let (tag, mut rest) = word.split_at_checked(end)?;
        if !tag.is_empty() && tag != "*" {
            compound.tag = Some(name(tag)?.to_ascii_lowercase());
        }
        while let Some(sign) = rest.chars().next() {
            let tail = rest.get(1..)?;
            if sign == '[' {
                let (condition, after) = tail.split_once(']')?;
                compound.attributes.push(attribute(condition)?);
                rest = after;
                continue;
            }
            let (value, after) = tail.split_at_checked(tail.find(['.', '#', '[']).unwrap_or(tail.len()))?;
            let value = name(value)?.to_owned();
            match sign {
                '.' => compound.classes.push(value),
                '#' => compound.id = Some(value),
                _ => return None,
            }
            rest = after;
        }
        (tag == "*" || compound != Self::default()).then_some(compound)
    }

    fn applies(&self, node: &NodeRef<'_>) -> bool {
        let is_class = |classes: &str, class: &String| {
            classes.split_whitespace().any(|known| known.eq_ignore_ascii_case(class))
        };
        self.tag.as_ref().is_none_or(|tag| node.has_name(tag))
            && self
                .id
                .as_ref()
                .is_none_or(|id| node.id_attr().is_some_and(|known| known.eq_ignore_ascii_case(id)))
            && (self.classes.is_empty()
                || node
                    .class()
                    .is_some_and(|classes| self.classes.iter().all(|class| is_class(&classes, class))))
            && self.attributes.iter().all(|(name, value)| {
                node.attr(name).is_some_and(|known| value.as_deref().is_none_or(|value| *known == *value))
            })
    }
}

fn name(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    (!text.is_empty() && text.chars().all(plain)).then_some(text)
}

/// Parses `name` or `name="value"`.
fn attribute(condition: &str) -> Option<(String, Option<String>)> {
    let (key, value) = condition.split_once('=').map_or((condition, None), |(key, value)| (key, Some(value)));
    let value = value.map(|value| value.trim().trim_matches(['"', '\'']).to_owned());
    Some((name(key.trim())?.to_ascii_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_with_states_or_siblings_are_not_understood() {
        for unknown in ["a:hover", "p + p", "p ~ p", "a::before", "[x^=y]", "", ">"] {
            assert_eq!(Selector::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_selector_has_a_key_and_a_weight() {
        let read = |text: &str| Selector::parse(text).map(|selector| (selector.key(), selector.weight()));
        assert_eq!(read("div > p.old #x.y[lang=de]"), Some(("#x".to_owned(), (1, 3, 2))));
        assert_eq!(read(".a .b"), Some((".b".to_owned(), (0, 2, 0))));
        assert_eq!(read("[hidden]"), Some(("*".to_owned(), (0, 1, 0))));
    }
}
