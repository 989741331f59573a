//! Style sheets of a page.

use std::collections::BTreeMap;

use dom_query::NodeRef;

use super::super::budget::Budget;
use super::selector::Selector;
use super::style::Declarations;

/// Maximum number of rules that are kept of a page's style sheets.
const RULES: usize = 10_000;

/// Maximum number of rules that are kept for one id, class or tag.
const RULES_OF_KEY: usize = 64;

/// Rules that matter to a reader, by the key of their selectors.
#[derive(Debug, Default)]
pub(super) struct StyleSheet {
    rules: BTreeMap<String, Vec<Rule>>,
    count: usize,
    /// Whether a rule that is not understood may give the page a background.
    pub(super) is_partial: bool,
}

#[derive(Debug)]
struct Rule {
    selector: Selector,
    declarations: Declarations,
    number: usize,
}

impl StyleSheet {
    /// Adds the rules of a style sheet. Of the conditional rules, only those for every screen apply.
    pub(super) fn add(&mut self, css: &str) {
        let css = without_comments(css);
        let mut rest = css.as_str();
        while let Some((selectors, tail)) = rest.split_once('{') {
            let selectors = selectors.rsplit_once(';').map_or(selectors, |(_, after)| after);
            let selectors = selectors.trim_start_matches(|c: char| c == '}' || c.is_whitespace()).trim_end();
            if let Some(condition) = selectors.strip_prefix('@') {
                rest = if applies_on_screens(condition) { tail } else { self.skip(tail) };
                continue;
            }
            let (declarations, tail) = tail.split_once('}').unwrap_or((tail, ""));
            self.rules(selectors, declarations);
            rest = tail;
        }
    }

    fn skip<'c>(&mut self, block: &'c str) -> &'c str {
        let after = after_block(block);
        let skipped = block.get(..block.len() - after.len()).unwrap_or_default();
        self.is_partial |= skipped.contains("background");
        after
    }

    fn rules(&mut self, selectors: &str, text: &str) {
        let declarations = Declarations::of(text);
        if declarations == Declarations::default() {
            return;
        }
        for selector in selectors.split(',') {
            let known = Selector::parse(selector).filter(|_| self.count < RULES);
            let Some(selector) = known else {
                self.is_partial |= declarations.ground.is_some();
                continue;
            };
            let rules = self.rules.entry(selector.key().to_ascii_lowercase()).or_default();
            if rules.len() < RULES_OF_KEY {
                self.count += 1;
                rules.push(Rule { selector, declarations: declarations.clone(), number: self.count });
            } else {
                self.is_partial |= declarations.ground.is_some();
            }
        }
    }

    /// Returns the declarations that apply to an element: those of the rules, then those of its own.
    pub(super) fn declarations(&self, node: &NodeRef<'_>, budget: &Budget) -> Declarations {
        const CLASSES: usize = 32;
        let own = Declarations::of(&node.attr("style").unwrap_or_default());
        if self.rules.is_empty() {
            return own;
        }
        let classes = node.class().unwrap_or_default();
        let classes = classes.split_whitespace().take(CLASSES).map(|class| format!(".{class}"));
        let tag = node.node_name().map(|name| name.to_string());
        let id = node.id_attr().map(|id| format!("#{id}"));
        let keys = classes.chain(tag).chain(id).chain(std::iter::once("*".to_owned()));
        let mut rules: Vec<&Rule> = Vec::new();
        for key in keys {
            let known = self.rules.get(&key.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
            budget.work(known.len());
            rules.extend(known.iter().filter(|rule| rule.selector.applies(node)));
        }
        rules.sort_by_key(|rule| (rule.selector.weight(), rule.number));
        let mut all = Declarations::default();
        for rule in rules {
            all.add(&rule.declarations);
        }
        all.add(&own);
        all
    }
}

/// Returns whether a conditional block, such as `media screen`, applies on every screen.
fn applies_on_screens(condition: &str) -> bool {
    let (kind, media) = condition.split_once(char::is_whitespace).unwrap_or((condition, ""));
    match kind.to_ascii_lowercase().as_str() {
        "layer" => true,
        "media" => media.split(',').any(|medium| {
            let medium = medium.trim().to_ascii_lowercase();
            ["screen", "all", "only screen"].contains(&medium.as_str())
        }),
        _ => false,
    }
}

fn without_comments(css: &str) -> String {
    let mut pieces = css.split("/*");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once("*/").map_or("", |(_, after)| after))
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
    use dom_query::Document;
    use nexus_core::document::UnreadPart;

    use super::super::super::DocumentLimits;
    use super::*;

    /// Asserts whether a style sheet hides the last paragraph of `html`.
    #[track_caller]
    fn check(css: &str, html: &str, hides: bool) {
        let mut sheet = StyleSheet::default();
        sheet.add(css);
        let document = Document::from(html);
        let node = document.root().descendants_it().filter(|node| node.has_name("p")).last().unwrap();
        let budget = Budget::new(&DocumentLimits::default(), 0);
        let expected = hides.then_some(UnreadPart::HiddenText);
        assert_eq!(sheet.declarations(&node, &budget).part(), expected, "{css} {html}");
    }

    #[test]
    fn style_sheets_apply_by_tag_class_id_attribute_and_place() {
        for selector in
            ["p", ".h", "p.h", "#i", "[data-x]", "[data-x='1']", "div p", "div > .h", ".e .h", "*"]
        {
            let css = format!("/* x */ a:hover, {selector} {{display:none}}");
            check(&css, "<div class=e><p class='x h' id=i data-x=1>x</div>", true);
            check(&css, "<p class=x>x", ["p", "*"].contains(&selector));
        }
        check("ul > p {display:none}", "<ul><li><p>x</ul>", false);
    }

    #[test]
    fn rules_with_more_weight_and_later_rules_outweigh_others() {
        check(".q{display:none} .q{display:block}", "<p class=q>x", false);
        check("p.q{display:none} .q{display:block}", "<p class=q>x", true);
        check(".q{display:none}", "<p class=q style='display:block'>x", false);
    }

    #[test]
    fn conditional_rules_apply_if_they_are_for_every_screen() {
        check("@media print{.p{display:none}} .q{display:none}", "<p class=p>x", false);
        check("@media (max-width: 9px){.p{display:none}}", "<p class=p>x", false);
        check("@charset 'x'; @media screen{.x{color:red} .p{display:none}}", "<p class=p>x", true);
        check("@media screen{.x{color:red}} .p{display:none}", "<p class=p>x", true);
    }
}
