//! Heading path of the current text.

use std::sync::Arc;

/// Maximum length of a heading in a path, in characters. A longer heading is cut.
const MAX_HEADING_CHARS: usize = 200;

/// Stack of open headings, outermost first.
#[derive(Debug, Default)]
pub(super) struct Outline {
    levels: Vec<u8>,
    path: Arc<[String]>,
}

impl Outline {
    /// Enters the section of a heading of `level`.
    pub(super) fn enter(&mut self, level: u8, heading: &str) {
        self.levels.retain(|open| *open < level);
        let words = heading.split_whitespace().collect::<Vec<_>>().join(" ");
        let heading = words.chars().take(MAX_HEADING_CHARS).collect();
        self.path = self.path.iter().take(self.levels.len()).cloned().chain([heading]).collect();
        self.levels.push(level);
    }

    pub(super) fn path(&self) -> Arc<[String]> {
        Arc::clone(&self.path)
    }
}
