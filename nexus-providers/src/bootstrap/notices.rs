//! One-time messages to the user: [`Notices`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Output of a line.
type Print = Arc<dyn Fn(&str) + Send + Sync>;

/// Lines for the user, each printed once. Clones share the printed lines.
#[derive(Clone, Default)]
pub(super) struct Notices {
    print: Option<Print>,
    printed: Arc<Mutex<BTreeSet<String>>>,
}

impl Notices {
    /// Creates notices that print with `print`.
    pub(super) fn new(print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { print: Some(Arc::new(print)), printed: Arc::default() }
    }

    /// Prints `line`, if it was not printed before.
    pub(super) fn show(&self, line: &str) {
        let Some(print) = &self.print else { return };
        let is_new = self.printed.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned());
        if is_new {
            print(line);
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}
