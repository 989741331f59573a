//! Salted fingerprints: commitments of a record to a text that the chain does not hold and does not reveal.
//!
//! The salt is stored with its text, never in the chain. Salt and text together prove the fingerprint. Once both are
//! erased, the fingerprint reveals nothing.

use sha2::{Digest as _, Sha256};

use super::Digest;
use crate::hex;
use crate::id::IdSource;

/// Number of ids in a salt. A UUID of version 7 may share all but 32 bits with its predecessor, which a record may
/// show, so four of them hold 128 unknown bits.
const IDS: usize = 4;

/// Returns a fresh salt of 32 hexadecimal digits.
pub(crate) fn fresh_salt(ids: &dyn IdSource) -> String {
    let ids: Vec<String> = (0..IDS).map(|_| ids.next()).collect();
    hex::sha256(ids.join("\0").as_bytes()).chars().take(32).collect()
}

impl Digest {
    /// Returns the fingerprint of `text` in a record: `SHA-256("nexus/" what "/v1" 0 salt 0 text)`, where `what` is
    /// `run/question`, `run/answer`, `call/request` or `call/claim`.
    pub fn salted(what: &str, salt: &str, text: &str) -> Self {
        let prefix = format!("nexus/{what}/v1\0{salt}\0");
        Self::new(Sha256::new().chain_update(prefix).chain_update(text).finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::id::UuidV7;

    /// Source of listed ids, which may be consecutive, as those of one millisecond are.
    #[derive(Debug)]
    struct Listed(Mutex<Vec<&'static str>>);

    impl IdSource for Listed {
        fn next(&self) -> String {
            self.0.lock().unwrap().remove(0).to_owned()
        }
    }

    #[test]
    fn a_salt_depends_on_every_one_of_its_ids() {
        let of = |ids: [&'static str; 4]| fresh_salt(&Listed(Mutex::new(ids.to_vec())));
        let salt = of(["a", "b", "c", "d"]);
        assert!(salt.len() == 32 && salt.bytes().all(|byte| byte.is_ascii_hexdigit()));
        for other in [["x", "b", "c", "d"], ["a", "x", "c", "d"], ["a", "b", "x", "d"], ["a", "b", "c", "x"]]
        {
            assert_ne!(of(other), salt);
        }
        assert_ne!(fresh_salt(&UuidV7), fresh_salt(&UuidV7));
    }

    #[test]
    fn a_fingerprint_depends_on_what_it_is_of_on_its_salt_and_on_its_text() {
        let fingerprint = Digest::salted("run/answer", "salt", "thirty days");
        assert_eq!(fingerprint, Digest::of("nexus/run/answer/v1\0salt\0thirty days"));
        for (what, salt, text) in [
            ("run/question", "salt", "thirty days"),
            ("run/answer", "pepper", "thirty days"),
            ("run/answer", "salt", "thirty one days"),
        ] {
            assert_ne!(Digest::salted(what, salt, text), fingerprint);
        }
    }
}
