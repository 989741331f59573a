//! Prose of sources and documentation: phrases that hide the subject, and error codes that were renamed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::root;

/// Phrases that name no subject. They are put together here, so that this file does not hold them.
const PHRASES: [&str; 3] = [concat!("unless", " told"), concat!("no", "body"), concat!("who", "ever")];

/// Places whose text is not the project's own prose or still holds such a phrase, each with its reason. The list may
/// only shrink: an entry that is not needed fails the test.
const PHRASES_ALLOWED: [(&str, &str); 2] = [
    ("examples/handbook/", "documents of an invented company, which the examples search"),
    ("examples/handbook-sources/", "documents of an invented company, which the examples search"),
];

/// File with the table of renamed error codes.
const RENAMED: &str = "nexus-core/src/error.rs";

#[test]
fn prose_names_its_subject() {
    let mut found: Vec<String> = Vec::new();
    for (name, text) in texts(&["rs", "md"]) {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.to_lowercase();
            let phrases = PHRASES.iter().filter(|phrase| has_word(&line, phrase));
            found.extend(phrases.map(|phrase| format!("{name}:{number}: `{phrase}`")));
        }
    }
    for (name, text) in texts(&["rs"]) {
        found.extend(
            riddles(&text).map(|number| format!("{name}:{number}: a doc comment begins with `What`")),
        );
    }
    let is_at = |place: &str| found.iter().any(|line| line.starts_with(place));
    for (place, _) in PHRASES_ALLOWED {
        assert!(is_at(place), "`{place}` holds none of the phrases: remove it from the list");
    }
    found.retain(|line| !PHRASES_ALLOWED.iter().any(|(place, _)| line.starts_with(place)));
    assert!(found.is_empty(), "name the subject:\n{}", found.join("\n"));
}

#[test]
fn renamed_error_codes_stand_in_their_table_alone() {
    let source = fs::read_to_string(root().join(RENAMED)).unwrap();
    let (_, table) = source.split_once("const RENAMED_CODES").unwrap();
    let (table, _) = table.split_once("];").unwrap();
    let codes: Vec<&str> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(\"")?.split_once('"').map(|(code, _)| code))
        .collect();
    assert!(codes.len() >= 9, "the table of renamed codes was not found");
    let mut found = Vec::new();
    for (name, text) in texts(&["rs", "md", "snap", "toml", "json", "sh"]) {
        let text = if name == RENAMED { text.replace(table, "") } else { text };
        let codes = codes.iter().filter(|code| has_word(&text, code));
        found.extend(codes.map(|code| format!("{name}: `{code}`")));
    }
    assert!(found.is_empty(), "use the present code:\n{}", found.join("\n"));
}

#[test]
fn phrases_are_found_as_whole_words_and_riddles_at_the_start_of_a_comment() {
    assert!(has_word(&format!("it is {}'s", PHRASES[1]), PHRASES[1]));
    assert!(!has_word("NOT_OLD_CODE", "OLD_CODE") && has_word("`OLD_CODE`", "OLD_CODE"));
    let source =
        "//! What it is.\n\n/// The first\n/// What follows.\nfn a() {}\n/// What is b.\nfn b() {}\n";
    assert_eq!(riddles(source).collect::<Vec<_>>(), [1, 6]);
}

/// Returns the numbers of the lines where a doc comment begins with `What`.
fn riddles(source: &str) -> impl Iterator<Item = usize> {
    let is_doc = |line: &str| line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
    let before = std::iter::once("").chain(source.lines());
    (1..).zip(before.zip(source.lines())).filter_map(move |(number, (before, line))| {
        let text = line.trim_start();
        let text = text.strip_prefix("/// ").or_else(|| text.strip_prefix("//! "))?;
        (text.starts_with("What ") && !is_doc(before)).then_some(number)
    })
}

/// Returns whether `text` holds `word`, with no letter, digit or underscore around it.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let (before, rest) = text.split_at(start);
        let after = rest.get(word.len()..).unwrap_or_default();
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// Returns the name and text of every file of the project with one of these extensions, the changelog excluded.
pub(crate) fn texts(extensions: &[&str]) -> Vec<(String, String)> {
    let root = root().canonicalize().unwrap();
    let (mut texts, mut waiting) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.extend(Some(path).filter(|path| is_ours(path)));
            } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
                texts.extend(read(&root, &path).filter(|(name, _)| name != "CHANGELOG.md"));
            }
        }
    }
    assert!(texts.len() > 300, "the sources were not found");
    texts.sort();
    texts
}

/// Returns whether a folder holds sources: not what is built, and not what tools keep.
fn is_ours(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name != "target" && !name.starts_with('.')
}

fn read(root: &Path, path: &PathBuf) -> Option<(String, String)> {
    let name = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
    Some((name, fs::read_to_string(path).ok()?))
}
