//! Page tree: every page with its inherited attributes, in document order.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use hayro_syntax::Pdf;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect};

use super::budget::{Exhausted, Work, WorkBudget};
use super::resources::Resources;

/// Page of the document.
pub(super) enum Page<'a> {
    /// Page that is present.
    Found {
        /// Page dictionary.
        dict: Dict<'a>,
        /// Inherited attributes, which apply where the page has none of its own.
        inherited: Rc<Inherited<'a>>,
    },
    /// Page that the tree names and the file lacks.
    Missing,
}

/// Attributes that pages inherit from the nodes above them.
#[derive(Clone, Default)]
pub(super) struct Inherited<'a> {
    /// Resources, or a reference to them.
    pub(super) resources: Option<MaybeRefDict<'a>>,
    /// Size of the page.
    pub(super) media_box: Option<Rect>,
    /// Visible part of the page.
    pub(super) crop_box: Option<Rect>,
    /// Clockwise rotation of the page in degrees.
    pub(super) rotation: Option<i32>,
}

/// Dictionary, or a reference to one.
#[derive(Clone)]
pub(super) enum MaybeRefDict<'a> {
    /// Number of an object.
    Ref(ObjectIdentifier),
    /// Dictionary itself, with the resources that were read from it.
    Dict(Rc<(Dict<'a>, OnceCell<Rc<Resources<'a>>>)>),
}

impl<'a> MaybeRefDict<'a> {
    /// Returns the entry of a dictionary, without following a reference.
    pub(super) fn of(dict: &Dict<'a>, key: &[u8]) -> Option<Self> {
        match dict.get_raw::<Object<'a>>(key)? {
            MaybeRef::Ref(to) => Some(Self::Ref(to.into())),
            MaybeRef::NotRef(Object::Dict(dict)) => Some(Self::Dict(Rc::new((dict, OnceCell::new())))),
            MaybeRef::NotRef(_) => None,
        }
    }
}

impl<'a> Inherited<'a> {
    fn below(&self, node: &Dict<'a>) -> Self {
        Self {
            resources: MaybeRefDict::of(node, keys::RESOURCES).or_else(|| self.resources.clone()),
            media_box: node.get::<Rect>(keys::MEDIA_BOX).or(self.media_box),
            crop_box: node.get::<Rect>(keys::CROP_BOX).or(self.crop_box),
            rotation: node.get::<i32>(keys::ROTATE).or(self.rotation),
        }
    }
}

/// Returns the catalog that the trailer names, or else the last one in the file.
pub(super) fn catalog(pdf: &Pdf, root: Option<ObjectIdentifier>) -> Option<Dict<'_>> {
    let named = root.and_then(|root| pdf.xref().get::<Dict<'_>>(root));
    named.filter(has_pages).or_else(|| {
        let catalogs = pdf
            .objects()
            .into_iter()
            .filter_map(Object::into_dict)
            .filter(|dict| is(dict, b"Catalog") && has_pages(dict));
        // The appended update lies behind all objects, and its page tree is empty.
        catalogs.filter(|dict| dict.obj_id() != Some(pdf.xref().root_id())).last()
    })
}

fn has_pages(catalog: &Dict<'_>) -> bool {
    catalog.contains_key(keys::PAGES)
}

fn is(dict: &Dict<'_>, kind: &[u8]) -> bool {
    dict.get::<Name<'_>>(keys::TYPE).is_some_and(|name| name.as_ref() == kind)
}

/// Returns the pages below the catalog, at most one more than `most`, and whether they had to be searched for.
pub(super) fn pages<'a>(
    pdf: &'a Pdf,
    catalog: Option<&Dict<'a>>,
    most: usize,
    budget: &mut WorkBudget,
) -> Result<(Vec<Page<'a>>, bool), Exhausted> {
    let mut pages = Vec::new();
    if let Some(root) = catalog.and_then(|catalog| catalog.get::<Dict<'_>>(keys::PAGES)) {
        walk(pdf, &root, most, budget, &mut pages)?;
    }
    if pages.iter().any(|page| matches!(page, Page::Found { .. })) {
        return Ok((pages, false));
    }
    // The tree leads to no page: all pages of the file, in file order.
    let lost = pdf.objects().into_iter().filter_map(Object::into_dict).filter(|dict| is(dict, b"Page"));
    let found = |dict| Page::Found { dict, inherited: Rc::default() };
    let lost: Vec<_> = lost.take(most.saturating_add(1)).map(found).collect();
    Ok(if lost.is_empty() { (pages, false) } else { (lost, true) })
}

fn walk<'a>(
    pdf: &'a Pdf,
    root: &Dict<'a>,
    most: usize,
    budget: &mut WorkBudget,
    pages: &mut Vec<Page<'a>>,
) -> Result<(), Exhausted> {
    let mut visited = BTreeSet::new();
    visited.extend(root.obj_id());
    let kids = |node: &Dict<'a>, budget: &mut WorkBudget| {
        budget.bytes(node.data().len())?;
        Ok(node.get::<Array<'_>>(keys::KIDS).map(|kids| kids.raw_iter()))
    };
    let mut stack = Vec::new();
    if let Some(kids) = kids(root, budget)? {
        stack.push((kids, Rc::new(Inherited::default().below(root))));
    }
    while let Some((iter, inherited)) = stack.last_mut() {
        let Some(kid) = iter.next() else {
            stack.pop();
            continue;
        };
        // Each page begins with a budget of its own, and so does each node of the tree.
        budget.begin_page();
        budget.spend(Work::Lookups, 1)?;
        let dict = match kid {
            MaybeRef::Ref(to) => {
                let id: ObjectIdentifier = to.into();
                if !visited.insert(id) {
                    continue;
                }
                pdf.xref().get::<Dict<'_>>(id)
            }
            MaybeRef::NotRef(object) => object.into_dict(),
        };
        let Some(dict) = dict else {
            pages.push(Page::Missing);
            continue;
        };
        if dict.contains_key(keys::KIDS) && !is(&dict, b"Page") {
            let below = Rc::new(inherited.below(&dict));
            if let Some(kids) = kids(&dict, budget)? {
                stack.push((kids, below));
            }
        } else {
            budget.bytes(dict.data().len())?;
            let inherited = Rc::clone(inherited);
            pages.push(Page::Found { dict, inherited });
        }
        if pages.len() > most {
            break;
        }
    }
    Ok(())
}
