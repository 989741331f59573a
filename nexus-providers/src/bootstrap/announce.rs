//! Telling the user that something is used for the first time: [`Announcements`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How a line is told.
type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Lines for the user, each told once. Clones remember the same lines.
#[derive(Clone, Default)]
pub(super) struct Announcements {
    tell: Option<Tell>,
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl Announcements {
    /// Tells lines with `tell`.
    pub(super) fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Arc::new(tell)), told: Arc::default() }
    }

    /// Tells `line` unless it was told before.
    pub(super) fn tell(&self, line: &str) {
        let Some(tell) = &self.tell else { return };
        let is_new = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned());
        if is_new {
            tell(line);
        }
    }
}

impl fmt::Debug for Announcements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Announcements")
    }
}
