//! Pages of lists: [`Page`], the one form of paging.
//!
//! Every list has a stable order, and the key of an entry is the cursor of the page that follows it. The documentation
//! of a list names the order and the key. An entry that is inserted or removed between two pages neither repeats nor
//! skips another.
//!
//! A key that holds the entry's place in the order, such as the id in a list in order of id, is a cursor also when
//! the entry is gone. Where the place is stored with the entry alone, as in lists in the order of addition, a cursor
//! whose entry is gone is refused with `INVALID_CURSOR`, like one that is no key; the caller begins again.
//!
//! Decisions that depend on every entry read [`Page::all`]. A run's journal and the records of an audit chain are no
//! lists: they are read from a position.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Page of a list in a stable order: the entries after a cursor, up to a limit. The cursor is the key of the last entry
/// that the caller has, so that an insertion meanwhile neither repeats nor skips an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Key of the last entry before the page; the list begins with the page without one.
    pub after: Option<String>,
    /// Maximum number of entries.
    pub limit: usize,
}

impl Page {
    /// Maximum number of entries of a page that Nexus hands out.
    pub const MAX: usize = 1_000;

    /// Returns the first page of a list.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// Returns the whole list as one page: for decisions within Nexus that depend on every entry.
    pub const fn all() -> Self {
        Self::first(usize::MAX)
    }

    /// Returns the page after the entry with this key.
    #[must_use]
    pub fn after(self, key: impl Into<String>) -> Self {
        Self { after: Some(key.into()), ..self }
    }

    /// Limits the page to [`Page::MAX`] entries.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { limit: self.limit.min(Self::MAX), ..self }
    }

    /// Returns the cursor of a list whose keys are numbers.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`].
    pub fn after_number(&self) -> Result<Option<u64>> {
        self.after.as_deref().map(|key| key.parse().map_err(|_| invalid_cursor())).transpose()
    }
}

impl Default for Page {
    /// Returns the first hundred entries.
    fn default() -> Self {
        Self::first(100)
    }
}

/// Returns the error for a cursor that is no key of its list, or whose entry is gone where the entry alone has the place:
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_CURSOR`.
pub fn invalid_cursor() -> Error {
    Error::invalid("the cursor is the key of no entry of the list")
        .with_code("INVALID_CURSOR")
        .with_hint("begin the list again, without a cursor")
}
