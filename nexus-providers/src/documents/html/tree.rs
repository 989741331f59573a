//! Incremental construction of a page's tree, which stops as soon as the tree is too deep. At each tag the parser
//! scans all open elements, so thousands of levels would take quadratic time before the tree could be refused.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use dom_query::{Document, NodeId};
use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ParseOpts, QualName, parse_document};
use nexus_core::Result;

use super::super::budget::Budget;
use super::super::error;
use super::attributes::MOST;

/// Bytes of a page that are parsed between two checks of the depth.
const STEP: usize = 4 * 1024;

/// Builds the tree of `html`. Fails if its elements nest deeper than `nesting`.
pub(super) fn build(html: &str, nesting: usize, budget: &Budget) -> Result<Document> {
    let sink = Sink { document: Document::default(), budget, deepest: Cell::new(0), added: Cell::new(0) };
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let mut parser = parse_document(sink, ParseOpts { tree_builder, ..ParseOpts::default() });
    let mut rest = html;
    while !rest.is_empty() {
        let (step, after) = rest.split_at_checked(rest.floor_char_boundary(STEP)).unwrap_or((rest, ""));
        parser.process(StrTendril::from_slice(step));
        if parser.tokenizer.sink.sink.deepest.get() > nesting {
            return Err(error::too_deep("elements", nesting));
        }
        rest = after;
    }
    Ok(parser.finish())
}

/// Tree node with its depth, itself included.
#[derive(Clone)]
struct Node {
    id: NodeId,
    depth: Rc<Cell<usize>>,
}

/// Tree sink that tracks the depth of nodes.
struct Sink<'b> {
    document: Document,
    budget: &'b Budget,
    deepest: Cell<usize>,
    /// Number of attributes of repeated `<html>` and `<body>` tags, which the first tag of each kind receives.
    added: Cell<usize>,
}

impl Sink<'_> {
    fn at(id: NodeId, depth: usize) -> Node {
        Node { id, depth: Rc::new(Cell::new(depth)) }
    }

    /// Records that `child` is placed at `depth` and returns its node for the tree.
    fn place(&self, child: NodeOrText<Node>, depth: usize) -> NodeOrText<NodeId> {
        match child {
            NodeOrText::AppendNode(node) => {
                node.depth.set(depth);
                self.deepest.set(self.deepest.get().max(depth));
                NodeOrText::AppendNode(node.id)
            }
            NodeOrText::AppendText(text) => NodeOrText::AppendText(text),
        }
    }
}

impl TreeSink for Sink<'_> {
    type Handle = Node;
    type Output = Document;
    type ElemName<'a>
        = <Document as TreeSink>::ElemName<'a>
    where
        Self: 'a;

    fn finish(self) -> Document {
        self.document
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Node {
        Self::at(self.document.get_document(), 0)
    }

    fn elem_name<'a>(&'a self, target: &'a Node) -> Self::ElemName<'a> {
        self.document.elem_name(&target.id)
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> Node {
        self.budget.work(1);
        Self::at(self.document.create_element(name, attributes, flags), 0)
    }

    fn create_comment(&self, text: StrTendril) -> Node {
        Self::at(self.document.create_comment(text), 0)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Node {
        Self::at(self.document.create_pi(target, data), 0)
    }

    fn append(&self, parent: &Node, child: NodeOrText<Node>) {
        let child = self.place(child, parent.depth.get() + 1);
        self.document.append(&parent.id, child);
    }

    fn append_based_on_parent_node(&self, element: &Node, previous: &Node, child: NodeOrText<Node>) {
        let depth = element.depth.get().max(previous.depth.get() + 1);
        let child = self.place(child, depth);
        self.document.append_based_on_parent_node(&element.id, &previous.id, child);
    }

    fn append_before_sibling(&self, sibling: &Node, child: NodeOrText<Node>) {
        let child = self.place(child, sibling.depth.get());
        self.document.append_before_sibling(&sibling.id, child);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.document.append_doctype_to_document(name, public, system);
    }

    /// Returns the template itself, so that its content is found below it.
    fn get_template_contents(&self, target: &Node) -> Node {
        target.clone()
    }

    fn same_node(&self, one: &Node, other: &Node) -> bool {
        one.id == other.id
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.document.set_quirks_mode(mode);
    }

    /// Drops the attributes past the limit of one tag, because each repeated tag is compared with all earlier
    /// attributes.
    fn add_attrs_if_missing(&self, target: &Node, attributes: Vec<Attribute>) {
        self.added.set(self.added.get().saturating_add(attributes.len()));
        if self.added.get() <= usize::from(MOST) {
            self.document.add_attrs_if_missing(&target.id, attributes);
        }
    }

    fn remove_from_parent(&self, target: &Node) {
        self.document.remove_from_parent(&target.id);
    }

    fn reparent_children(&self, node: &Node, new_parent: &Node) {
        self.document.reparent_children(&node.id, &new_parent.id);
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &Node) -> bool {
        self.document.is_mathml_annotation_xml_integration_point(&node.id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::DocumentLimits;
    use super::*;

    /// Returns the number of elements built from `html`, and whether the page is accepted.
    fn made(html: &str) -> (u64, bool) {
        let budget = Budget::new(&DocumentLimits::default(), html.len() as u64);
        let taken = build(html, 512, &budget).is_ok();
        (budget.consumption().steps, taken)
    }

    #[test]
    fn a_deep_page_is_refused_before_more_than_its_first_kilobytes_are_built() {
        for piece in ["<ul><li>x", "<div>", "<table><tr><td>", "<template>", "<span>", "<svg><g>", "<b><div>"]
        {
            for n in [5_000, 20_000] {
                let (elements, taken) = made(&piece.repeat(n));
                assert!(!taken && elements < 5_000, "{piece} {n} times: {elements} elements");
            }
        }
    }

    #[test]
    fn a_page_that_is_long_and_not_deep_is_taken() {
        let (elements, taken) = made(&"<ul><li>x<p>y</ul><br><table><tr><td>z</table>".repeat(2_000));
        assert!(taken && elements > 10_000, "{elements}");
        let quoted = format!("<p title='{}'>é{}", "<div>".repeat(2_000), "ü".repeat(STEP));
        assert_eq!(made(&quoted), (4, true));
    }

    #[test]
    fn attributes_of_repeated_body_tags_are_dropped_past_the_most_of_one() {
        let many = (0..5_000).fold(String::from("<body>"), |all, at| all + &format!("<body a{at}=1>"));
        let budget = Budget::new(&DocumentLimits::default(), many.len() as u64);
        let document = build(&many, 512, &budget).unwrap();
        assert_eq!(document.select_single("body").attrs().len(), usize::from(MOST));
    }
}
