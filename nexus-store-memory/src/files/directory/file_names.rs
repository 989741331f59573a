//! Name patterns of the files of this crate.

/// File name of the database in a data directory.
pub(crate) const DATABASE: &str = "nexus.db";

/// Returns whether a name is a SHA-256 in lower-case hexadecimal: raw bytes, or the directory of a tenant's.
pub(crate) fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(is_hex)
}

/// Returns whether a name is that of raw bytes being written.
pub(super) fn is_draft(name: &str) -> bool {
    name.strip_prefix("draft-").is_some_and(is_uuid)
}

/// Returns whether a name is that of a request to cancel a run.
pub(crate) fn is_cancel_request(name: &str) -> bool {
    name.strip_prefix("cancel-").and_then(|rest| rest.strip_suffix(".json")).is_some_and(is_uuid)
}

/// Returns whether a name is that of a cancel request being written.
pub(super) fn is_cancel_draft(name: &str) -> bool {
    name.strip_prefix('.').is_some_and(is_cancel_request)
}

/// Returns the ordinal of the corpus whose text index has this name.
pub(super) fn ordinal(name: &str) -> Option<i64> {
    name.parse().ok().filter(|ordinal: &i64| *ordinal > 0 && ordinal.to_string() == name)
}

/// Returns whether a name is that of a file in a text index.
pub(crate) fn is_index_file(name: &str) -> bool {
    match name {
        "meta.json" | ".managed.json" | ".tantivy-meta.lock" | ".tantivy-writer.lock" => true,
        _ => is_atomic_draft(name) || is_segment_file(name),
    }
}

/// Returns whether a name is temporary, until the file replaces another atomically.
fn is_atomic_draft(name: &str) -> bool {
    name.strip_prefix(".tmp")
        .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn is_segment_file(name: &str) -> bool {
    let Some((segment, kind)) = name.split_once('.') else { return false };
    let is_deletes = || {
        kind.strip_suffix(".del")
            .is_some_and(|stamp| !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let kinds = ["idx", "pos", "term", "store", "store.temp", "temp", "fast", "fieldnorm"];
    segment.len() == 32 && segment.bytes().all(is_hex) && (kinds.contains(&kind) || is_deletes())
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || is_hex(byte))
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use nexus_core::{IdSource as _, UuidV7};

    use super::*;

    #[test]
    fn only_the_exact_shapes_are_ours() {
        let (hash, uuid) = ("0a".repeat(32), UuidV7.next());
        assert!(is_hash(&hash));
        assert!(is_draft(&format!("draft-{uuid}")));
        assert!(is_cancel_request(&format!("cancel-{uuid}.json")));
        assert!(is_cancel_draft(&format!(".cancel-{uuid}.json")));
        for near in [
            "",
            "0",
            hash.get(1..).unwrap(),
            &hash.to_uppercase(),
            &format!("{hash}.txt"),
            &format!("{hash}0"),
        ] {
            assert!(!is_hash(near), "{near}");
        }
        for near in
            ["draft-1", "draft-", "draft", "Draft-", &uuid, &format!("draft-{uuid}.md"), "draft-a-b-c-d-e"]
        {
            assert!(!is_draft(near), "{near}");
        }
        for near in ["cancel-1.json", "cancel-.json", "cancel.json", &format!("cancel-{uuid}")] {
            assert!(!is_cancel_request(near), "{near}");
        }
        assert_eq!(
            ["1", "99", "0", "01", "+1", "-1", "1a", "9999999999999999999"].map(ordinal),
            [Some(1), Some(99), None, None, None, None, None, None]
        );
    }

    #[test]
    fn the_files_of_an_index_are_known_by_name() {
        let segment = "0123456789abcdef".repeat(2);
        for kind in ["idx", "pos", "term", "store", "store.temp", "fast", "fieldnorm", "17.del"] {
            assert!(is_index_file(&format!("{segment}.{kind}")), "{kind}");
        }
        for own in ["meta.json", ".managed.json", ".tantivy-meta.lock", ".tantivy-writer.lock", ".tmpAb3dE9"]
        {
            assert!(is_index_file(own), "{own}");
        }
        for other in
            ["a.txt", "notes.md", ".tmp", &segment, &format!("{segment}.txt"), &format!("{segment}.del")]
        {
            assert!(!is_index_file(other), "{other}");
        }
    }
}
