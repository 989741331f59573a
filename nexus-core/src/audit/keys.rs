//! [`KeyRing`]: the keys that sign and verify records. The caller supplies them: core reads no file and no
//! environment.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::digest::{Digest, Mac, length_prefix};
use crate::error::{Error, Result};

/// Minimum length of a secret, in bytes.
pub const MIN_SECRET_BYTES: usize = 16;

const MAC_LABEL: &[u8] = b"nexus/audit/mac/v1\0";
const CACHE_LABEL: &[u8] = b"nexus/cache/mac/v1\0";
const KID_LABEL: &[u8] = b"nexus/audit/kid/v1\0";

/// Key ring: exactly one key signs, the others verify earlier records only.
///
/// A secret is wiped as soon as its key is derived, and the keys are wiped from memory when the ring is
/// dropped. `Debug` prints ids, which are public: every record holds one.
pub struct KeyRing {
    active: Key,
    retired: Vec<Key>,
}

struct Key {
    kid: String,
    /// HKDF after its extraction step, from which the keys of runs are derived.
    root: Hkdf<Sha256>,
}

/// Key of one run, which has absorbed the label already.
#[derive(Clone)]
pub(super) struct RunKey(Hmac<Sha256>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kid: Option<String>,
    secret: String,
    #[serde(default)]
    active: bool,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl KeyRing {
    /// Parses `[{"kid": "2026-a", "secret": "…", "active": true}, …]`. A key without a `kid` is named after its
    /// fingerprint. `active` defaults to false.
    ///
    /// ```
    /// use nexus_core::audit::KeyRing;
    ///
    /// let ring = KeyRing::parse(
    ///     r#"[{"kid": "old", "secret": "sixteen bytes or more"},
    ///         {"kid": "new", "secret": "another long secret", "active": true}]"#,
    /// )?;
    /// assert_eq!(ring.active_kid(), "new");
    /// # Ok::<(), nexus_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with code `AUDIT_KEYS` when the text has another shape,
    /// a secret is short, a key id is unfit or given twice, or not exactly one key is active.
    pub fn parse(json: &str) -> Result<Self> {
        // The parser's message may quote the input, secrets included: only its place is passed on.
        let entries: Vec<Entry> = serde_json::from_str(json).map_err(|error| {
            bad_keys("the audit keys are not a JSON list of `kid`, `secret` and `active`")
                .with("line", error.line())
                .with("column", error.column())
        })?;
        let mut active = None;
        let mut retired: Vec<Key> = Vec::new();
        for entry in &entries {
            let key = Key::new(entry.kid.as_deref(), entry.secret.as_bytes())?;
            if retired.iter().chain(&active).any(|other: &Key| other.kid == key.kid) {
                return Err(bad_keys(format!("the audit key `{}` is given twice", key.kid)));
            }
            match (entry.active, &active) {
                (true, None) => active = Some(key),
                (true, Some(_)) => return Err(bad_keys("more than one audit key is active")),
                (false, _) => retired.push(key),
            }
        }
        let active = active.ok_or_else(|| {
            bad_keys("no audit key is active")
                .with_hint("set `\"active\": true` on the key that signs new records")
        })?;
        Ok(Self { active, retired })
    }

    /// Returns a ring of one key, from an operator's secret.
    ///
    /// # Errors
    /// As [`KeyRing::parse`].
    pub fn from_secret(kid: &str, secret: &str) -> Result<Self> {
        Self::single(Some(kid), secret.as_bytes())
    }

    /// Returns a ring of one key, from random bytes. A key without a `kid` is named after its fingerprint.
    ///
    /// # Errors
    /// As [`KeyRing::parse`].
    pub fn single(kid: Option<&str>, secret: &[u8]) -> Result<Self> {
        Ok(Self { active: Key::new(kid, secret)?, retired: Vec::new() })
    }

    /// Returns the id of the signing key.
    pub fn active_kid(&self) -> &str {
        &self.active.kid
    }

    /// Iterates over the ids of all keys, the signing one first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys().map(|key| key.kid.as_str())
    }

    /// Returns the key of a run, derived from the key called `kid`.
    pub(super) fn run_key(&self, kid: &str, tenant: &str, run: &str) -> Option<RunKey> {
        self.keys().find(|key| key.kid == kid)?.run_key(tenant, run)
    }

    /// Returns `body` behind its MAC, which binds it to `scope` and to the signing key.
    pub(crate) fn seal_cache_entry(&self, scope: &[u8; 32], body: &[u8]) -> Option<Vec<u8>> {
        let mac = self.active.cache_mac(scope, body)?.finalize().into_bytes();
        Some([mac.as_slice(), body].concat())
    }

    /// Returns the body of a sealed cache entry; `None` if it was changed, or sealed for another scope or by another key.
    pub(crate) fn open_cache_entry<'e>(&self, scope: &[u8; 32], sealed: &'e [u8]) -> Option<&'e [u8]> {
        let (mac, body) = sealed.split_at_checked(32)?;
        self.active.cache_mac(scope, body)?.verify_slice(mac).is_ok().then_some(body)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.active).chain(&self.retired)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kids()).finish()
    }
}

impl Key {
    fn new(kid: Option<&str>, secret: &[u8]) -> Result<Self> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(bad_keys(format!("an audit secret has at least {MIN_SECRET_BYTES} bytes"))
                .with_hint("make one with `openssl rand -hex 32`"));
        }
        let kid = match kid {
            Some(kid) => kid.to_owned(),
            None => {
                fingerprint(secret).ok_or_else(|| bad_keys("the audit secret cannot be used as a key"))?
            }
        };
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=64).contains(&kid.len()) || !kid.bytes().all(fit) {
            return Err(bad_keys("an audit key id has 1 to 64 ASCII letters, digits, `.`, `_` and `-`"));
        }
        Ok(Self { kid, root: Hkdf::new(None, secret) })
    }

    fn cache_mac(&self, scope: &[u8; 32], body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        self.root.expand(CACHE_LABEL, bytes.as_mut()).ok()?;
        Some(Hmac::new_from_slice(bytes.as_ref()).ok()?.chain_update(scope).chain_update(body))
    }

    fn run_key(&self, tenant: &str, run: &str) -> Option<RunKey> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        let info: [&[u8]; 5] =
            [MAC_LABEL, &length_prefix(tenant), tenant.as_bytes(), &length_prefix(run), run.as_bytes()];
        self.root.expand_multi_info(&info, bytes.as_mut()).ok()?;
        let hmac = Hmac::new_from_slice(bytes.as_ref()).ok()?;
        Some(RunKey(hmac.chain_update(MAC_LABEL)))
    }
}

/// Returns the first 16 hexadecimal digits of SHA-256(label || HMAC(secret, label)).
fn fingerprint(secret: &[u8]) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret).ok()?.chain_update(KID_LABEL).finalize().into_bytes();
    let digest = Digest::of([KID_LABEL, mac.as_slice()].concat());
    Some(digest.to_string().chars().take(16).collect())
}

impl RunKey {
    /// Returns the MAC over a record's hash.
    pub(super) fn sign(&self, leaf: &Digest) -> Mac {
        Mac::new(self.0.clone().chain_update(leaf.as_bytes()).finalize().into_bytes().into())
    }
}

fn bad_keys(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).with_code("AUDIT_KEYS")
}
