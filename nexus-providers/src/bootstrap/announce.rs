//! One-time messages to the user: [`Announcements`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Output of a line.
type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Lines for the user, each printed once. Clones share the printed lines.
#[derive(Clone, Default)]
pub(super) struct Announcements {
    tell: Option<Tell>,
    printed: Arc<Mutex<BTreeSet<String>>>,
}

impl Announcements {
    /// Creates announcements that print with `tell`.
    pub(super) fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Arc::new(tell)), printed: Arc::default() }
    }

    /// Prints `line`, if it was not printed before.
    pub(super) fn tell(&self, line: &str) {
        let Some(tell) = &self.tell else { return };
        let is_new = self.printed.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned());
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
