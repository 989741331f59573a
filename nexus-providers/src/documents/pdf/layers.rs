//! Optional content: the layers of a document and whether they are shown.

use std::collections::BTreeSet;

use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier};

use super::budget::{Exhausted, Work, WorkBudget};

/// Layers that are off when the document is opened.
#[derive(Debug, Default)]
pub(super) struct Layers {
    off: BTreeSet<ObjectIdentifier>,
}

impl Layers {
    /// Reads the default configuration of the catalog.
    pub(super) fn of(catalog: Option<&Dict<'_>>, budget: &mut WorkBudget) -> Result<Self, Exhausted> {
        let properties = catalog.and_then(|catalog| catalog.get::<Dict<'_>>(b"OCProperties"));
        let Some(properties) = properties else { return Ok(Self::default()) };
        budget.bytes(properties.data().len())?;
        let Some(configuration) = properties.get::<Dict<'_>>(b"D") else { return Ok(Self::default()) };
        let mut listed = |dict: &Dict<'_>, key: &[u8]| -> Result<BTreeSet<ObjectIdentifier>, Exhausted> {
            let Some(array) = dict.get::<Array<'_>>(key) else { return Ok(BTreeSet::new()) };
            budget.bytes(array.data().len())?;
            Ok(references(&array).collect())
        };
        let base = configuration.get::<Name<'_>>(b"BaseState");
        let off = if base.is_some_and(|base| base.as_ref() == b"OFF") {
            let on = listed(&configuration, b"ON")?;
            listed(&properties, b"OCGs")?.difference(&on).copied().collect()
        } else {
            listed(&configuration, b"OFF")?
        };
        Ok(Self { off })
    }

    /// Returns whether the content that names a layer, or a rule over layers, under this key is hidden.
    pub(super) fn hide(
        &self,
        dict: &Dict<'_>,
        key: &[u8],
        budget: &mut WorkBudget,
    ) -> Result<bool, Exhausted> {
        if self.off.is_empty() {
            return Ok(false);
        }
        if dict.get_ref(key).is_some_and(|layer| self.off.contains(&layer.into())) {
            return Ok(true);
        }
        budget.spend(Work::Lookups, 1)?;
        let Some(rule) = dict.get::<Dict<'_>>(key).filter(|rule| rule.contains_key(b"OCGs")) else {
            return Ok(false);
        };
        budget.bytes(rule.data().len())?;
        let mut layers: Vec<ObjectIdentifier> = rule.get_ref(b"OCGs").map(Into::into).into_iter().collect();
        if let Some(array) = rule.get::<Array<'_>>(b"OCGs") {
            budget.bytes(array.data().len())?;
            layers = references(&array).collect();
        }
        let off = layers.iter().filter(|layer| self.off.contains(layer)).count();
        let policy = rule.get::<Name<'_>>(b"P");
        Ok(!layers.is_empty()
            && match policy.as_ref().map(AsRef::as_ref) {
                Some(b"AllOn") => off > 0,
                Some(b"AnyOff") => off == 0,
                Some(b"AllOff") => off < layers.len(),
                _ => off == layers.len(),
            })
    }
}

fn references<'a>(array: &Array<'a>) -> impl Iterator<Item = ObjectIdentifier> + use<'a> {
    array.raw_iter().filter_map(|entry: MaybeRef<Object<'_>>| match entry {
        MaybeRef::Ref(to) => Some(to.into()),
        MaybeRef::NotRef(_) => None,
    })
}
