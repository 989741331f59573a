//! Pages of lists: [`Page`].

use serde::{Deserialize, Serialize};

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
}

impl Default for Page {
    /// Returns the first hundred entries.
    fn default() -> Self {
        Self::first(100)
    }
}
