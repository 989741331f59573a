//! Which headings the text at hand stands under.

use std::sync::Arc;

/// The longest heading in a path, in characters. What calls itself a heading and is longer is cut.
const MAX_HEADING_CHARS: usize = 200;

/// The open headings, outermost first.
#[derive(Debug, Default)]
pub(super) struct Outline {
    levels: Vec<u8>,
    path: Arc<[String]>,
}

impl Outline {
    /// Goes into the section that a heading of `level` begins.
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
