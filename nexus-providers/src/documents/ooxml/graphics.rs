//! Charts and diagrams of a part, read before the part itself: the part names them by relationship.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;

use super::super::archive::Archive;
use super::super::budget::Budget;
use super::super::inline::{Level, described};
use super::super::xml::{Handler, Tag};
use super::Relations;
use super::chart::Chart;

/// Returns the description of a graphic, or else its title.
pub(super) fn description(tag: &Tag<'_>) -> String {
    let written = |name| tag.attribute(name).filter(|text| !described(text).is_empty());
    written("descr").or_else(|| written("title")).unwrap_or_default()
}

/// Returns whether a run of text in a drawing is struck out, and its level.
pub(super) fn run_format(tag: &Tag<'_>) -> (bool, Level) {
    let struck = tag.attribute_exactly("strike").is_some_and(|strike| strike != "noStrike");
    let baseline = tag.attribute_exactly("baseline").unwrap_or_default();
    let level = match baseline.trim_end_matches('%').parse::<f64>() {
        Ok(shift) if shift > 0.0 => Level::Super,
        Ok(shift) if shift < 0.0 => Level::Sub,
        _ => Level::Line,
    };
    (struck, level)
}

/// Charts and diagrams by the id of their relationship.
#[derive(Default)]
pub(super) struct Graphics {
    charts: BTreeMap<String, Chart>,
    diagrams: BTreeMap<String, Vec<String>>,
}

impl Graphics {
    /// Reads the charts and diagrams that a part relates to.
    pub(super) fn of(relations: &Relations, archive: &mut Archive<'_>, budget: &Rc<Budget>) -> Result<Self> {
        let mut graphics = Self::default();
        for (id, target) in relations.all("chart") {
            let mut chart = Chart::new(budget);
            archive.xml(target, &mut chart)?;
            graphics.charts.insert(id.to_owned(), chart);
        }
        for (id, target) in relations.all("diagramData") {
            let mut diagram = Diagram::new(budget);
            archive.xml(target, &mut diagram)?;
            graphics.diagrams.insert(id.to_owned(), diagram.items);
        }
        Ok(graphics)
    }

    /// Returns a chart with values.
    pub(super) fn chart(&self, id: &str) -> Option<&Chart> {
        self.charts.get(id).filter(|chart| !chart.is_empty())
    }

    /// Returns the texts of a diagram, in their order.
    pub(super) fn diagram(&self, id: &str) -> &[String] {
        self.diagrams.get(id).map_or(&[], Vec::as_slice)
    }
}

/// Data part of a diagram: one item for each paragraph of its points.
struct Diagram {
    items: Vec<String>,
    text: String,
    in_text: bool,
    budget: Rc<Budget>,
}

impl Diagram {
    fn new(budget: &Rc<Budget>) -> Self {
        Self { items: Vec::new(), text: String::new(), in_text: false, budget: Rc::clone(budget) }
    }
}

impl Handler for Diagram {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.in_text = tag.name() == "t";
        if tag.name() == "br" {
            self.text.push('\n');
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.in_text = false;
        if name == "p" {
            let text = std::mem::take(&mut self.text);
            self.budget.copy(text.len() + size_of::<String>())?;
            self.items.extend(Some(text).filter(|text| !text.trim().is_empty()));
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.in_text {
            self.text.push_str(text);
        }
        Ok(())
    }
}
