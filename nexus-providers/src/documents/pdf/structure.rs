//! Descriptions of images, from the structure tree of a tagged document.

use std::collections::{BTreeMap, BTreeSet};

use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier};

use super::super::inline::described;
use super::annotations::string;
use super::budget::{Exhausted, Work, WorkBudget};

/// Descriptions of the images on each page.
pub(super) type Descriptions = BTreeMap<ObjectIdentifier, Vec<String>>;

/// Returns the descriptions of all figures, in the order of the tree.
pub(super) fn descriptions<'a>(
    pdf: &'a Pdf,
    catalog: &Dict<'a>,
    budget: &mut WorkBudget,
) -> Result<Descriptions, Exhausted> {
    let mut found = Descriptions::new();
    let Some(root) = catalog.get::<Dict<'a>>(b"StructTreeRoot") else { return Ok(found) };
    let mut visited = BTreeSet::new();
    let mut stack = vec![MaybeRef::NotRef(Object::Dict(root))];
    while let Some(node) = stack.pop() {
        // Each node begins with a budget of its own, as in the page tree.
        budget.begin_page();
        budget.spend(Work::Lookups, 1)?;
        let object = match node {
            MaybeRef::Ref(to) if visited.insert(ObjectIdentifier::from(to)) => pdf.xref().get(to.into()),
            MaybeRef::Ref(_) => None,
            MaybeRef::NotRef(object) => Some(object),
        };
        match object {
            Some(Object::Dict(dict)) => {
                budget.bytes(dict.data().len())?;
                if dict.get::<Name<'_>>(b"S").is_some_and(|kind| kind.as_ref() == b"Figure")
                    && let Some((page, text)) =
                        page(&dict).zip(string(&dict, b"Alt").filter(|text| !described(text).is_empty()))
                {
                    found.entry(page).or_default().push(text);
                } else {
                    stack.extend(dict.get_raw::<Object<'a>>(b"K"));
                }
            }
            Some(Object::Array(kids)) => {
                budget.bytes(kids.data().len())?;
                let from = stack.len();
                stack.extend(kids.raw_iter());
                stack.get_mut(from..).unwrap_or_default().reverse();
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Returns the page of a figure, which the figure or its content names.
fn page(figure: &Dict<'_>) -> Option<ObjectIdentifier> {
    let named = |dict: &Dict<'_>| dict.get_ref(b"Pg").map(ObjectIdentifier::from);
    let first = || figure.get::<Array<'_>>(b"K").and_then(|contents| contents.iter::<Dict<'_>>().next());
    let content = || figure.get::<Dict<'_>>(b"K").or_else(first);
    named(figure).or_else(|| named(&content()?))
}
