//! Results of an ingestion by folder: one line for each folder instead of one for each file.

use std::collections::BTreeMap;

use super::batch::Outcome;
use crate::terminal::count;

/// Folders of the files to ingest, with the outcomes so far.
#[derive(Debug, Default)]
pub(super) struct Folders(BTreeMap<String, Tally>);

/// Outcomes of the files of one folder.
#[derive(Debug, Default)]
struct Tally {
    left: u64,
    done: u64,
    unchanged: u64,
    failed: u64,
    passages: u64,
}

impl Folders {
    /// Returns the folders of `files`, which names the folder of each file.
    pub(super) fn new(files: impl IntoIterator<Item = String>) -> Self {
        let mut folders = Self::default();
        for folder in files {
            folders.0.entry(folder).or_default().left += 1;
        }
        folders
    }

    /// Counts the outcome of a file; returns the line of its folder after the last file of it.
    pub(super) fn add(&mut self, folder: &str, outcome: &Outcome) -> Option<String> {
        let tally = self.0.get_mut(folder)?;
        tally.add(outcome);
        (tally.left == 0).then(|| tally.line(folder))
    }

    /// Returns the lines of the folders of which an interrupt left a part.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = String> {
        let begun = self.0.iter().filter(|(_, tally)| tally.left > 0 && tally.ended() > 0);
        begun.map(|(folder, tally)| format!("{}, {} not begun", tally.line(folder), tally.left))
    }
}

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        self.left = self.left.saturating_sub(1);
        match outcome {
            Outcome::Done { passages, .. } => {
                self.done += 1;
                self.passages += u64::from(*passages);
            }
            Outcome::Unchanged { passages, .. } => {
                self.unchanged += 1;
                self.passages += u64::from(*passages);
            }
            Outcome::Failed { .. } => self.failed += 1,
        }
    }

    fn ended(&self) -> u64 {
        self.done + self.unchanged + self.failed
    }

    fn line(&self, folder: &str) -> String {
        let Self { done, unchanged, failed, passages, .. } = self;
        let passages = count(*passages, "passage");
        format!("{folder}: {done} done, {unchanged} unchanged, {failed} failed, {passages}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_its_line_after_its_last_file_and_an_unfinished_one_says_what_is_left() {
        let mut folders = Folders::new(["a", "b", "a", "b", "c"].map(str::to_owned));
        let done = Outcome::Done { passages: 3, warnings: Vec::new() };
        let unchanged = Outcome::Unchanged { passages: 1, warnings: Vec::new() };
        assert_eq!(folders.add("a", &done), None);
        assert_eq!(folders.add("b", &done), None);
        let line = folders.add("a", &unchanged).unwrap();
        assert_eq!(line, "a: 1 done, 1 unchanged, 0 failed, 4 passages");
        assert_eq!(
            folders.unfinished().collect::<Vec<_>>(),
            ["b: 1 done, 0 unchanged, 0 failed, 3 passages, 1 not begun"]
        );
    }
}
