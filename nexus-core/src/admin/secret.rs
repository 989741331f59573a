//! Secrets of resources: [`Secret`], which is sealed at rest under the installation's [`SealKey`].

use std::borrow::Cow;
use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::store::ResourceScope;
use crate::audit::fresh_salt;
use crate::error::{Error, ErrorKind, Result};
use crate::hex;
use crate::id::IdSource;

/// Text in the place of a field that is not shown.
pub const REDACTED: &str = "[redacted]";

/// Number of bytes of a nonce of AES-GCM.
const NONCE_BYTES: usize = 12;

/// Secret of a resource, such as the key that signs a webhook: plain as its user writes it, sealed as it is stored.
///
/// It deserialises from a text. No form of it is printed: `Debug` shows nothing, and a plain secret serialises as
/// `[redacted]`.
#[derive(Clone)]
pub struct Secret(State);

#[derive(Clone)]
enum State {
    Plain(Zeroizing<String>),
    Sealed(Sealed),
}

/// Secret under AES-256-GCM, with the id of its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    key: String,
    nonce: String,
    ciphertext: String,
}

/// Place of a secret, to which its seal is bound: copied to another place, the secret cannot be opened.
#[derive(Clone, Debug)]
pub struct SecretPlace<'a> {
    /// Owner of the resource.
    pub scope: &'a ResourceScope,
    /// Kind of resource.
    pub kind: &'a str,
    /// Id of the resource.
    pub id: &'a str,
    /// JSON pointer of the field.
    pub field: &'a str,
}

impl SecretPlace<'_> {
    /// Returns the place as authenticated data.
    fn bytes(&self) -> Vec<u8> {
        let tenant = match self.scope {
            ResourceScope::Tenant(tenant) => Some(tenant.as_str()),
            ResourceScope::Installation => None,
        };
        serde_json::json!(["nexus/secret/v1", tenant, self.kind, self.id, self.field])
            .to_string()
            .into_bytes()
    }
}

/// Key of the installation, which seals secrets. Its memory is wiped when it is dropped; `Debug` prints its id alone.
#[derive(Clone)]
pub struct SealKey {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl SealKey {
    /// Creates a key. Its id is a fingerprint of its bytes.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let digest = Sha256::new().chain_update(b"nexus/seal-key/v1\0").chain_update(*bytes).finalize();
        let id = hex::encode(&digest).chars().take(16).collect();
        Self { id, bytes }
    }

    /// Returns the id, which is stored beside each sealed secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a plain secret in its place. A sealed one stays as it is.
    ///
    /// # Errors
    /// [`Unexpected`](ErrorKind::Unexpected) for a secret of many gigabytes.
    pub fn seal(&self, secret: &mut Secret, place: &SecretPlace<'_>, ids: &dyn IdSource) -> Result<()> {
        let State::Plain(plain) = &secret.0 else { return Ok(()) };
        let nonce = fresh_nonce(ids);
        let payload = Payload { msg: plain.as_bytes(), aad: &place.bytes() };
        let ciphertext = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::unexpected("the secret cannot be sealed"))?;
        secret.0 = State::Sealed(Sealed {
            key: self.id.clone(),
            nonce: hex::encode(&nonce),
            ciphertext: hex::encode(&ciphertext),
        });
        Ok(())
    }

    /// Opens a secret that was sealed in this place.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `SEAL_KEY_MISMATCH` for a secret of another key;
    /// [`Corrupt`](ErrorKind::Corrupt) with `SECRET_DAMAGED` for one that was changed or moved.
    pub fn open(&self, secret: &Secret, place: &SecretPlace<'_>) -> Result<Zeroizing<String>> {
        let sealed = match &secret.0 {
            State::Plain(plain) => return Ok(plain.clone()),
            State::Sealed(sealed) => sealed,
        };
        if sealed.key != self.id {
            return Err(mismatch(&sealed.key, &self.id));
        }
        let nonce = hex::decode(&sealed.nonce).and_then(|nonce| <[u8; NONCE_BYTES]>::try_from(nonce).ok());
        let ciphertext = hex::decode(&sealed.ciphertext);
        let (Some(nonce), Some(ciphertext)) = (nonce, ciphertext) else { return Err(damaged()) };
        let payload = Payload { msg: &ciphertext, aad: &place.bytes() };
        let plain = self.cipher().decrypt(&Nonce::from(nonce), payload).map_err(|_| damaged())?;
        String::from_utf8(plain).map(Zeroizing::new).map_err(|_| damaged())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&(*self.bytes).into())
    }
}

/// Returns a nonce that is never used again: 96 bits of a hash of fresh ids.
fn fresh_nonce(ids: &dyn IdSource) -> [u8; NONCE_BYTES] {
    let salt = hex::decode(&fresh_salt(ids)).unwrap_or_default();
    let mut nonce = [0; NONCE_BYTES];
    nonce.iter_mut().zip(salt).for_each(|(byte, fresh)| *byte = fresh);
    nonce
}

fn mismatch(sealed: &str, present: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("the secret was sealed with the key `{sealed}`, and the present key is `{present}`"),
    )
    .with_code("SEAL_KEY_MISMATCH")
    .with_hint("set `NEXUS_SEAL_KEY` to the key with which it was sealed, or set the secret again")
}

fn damaged() -> Error {
    Error::new(ErrorKind::Corrupt, "a sealed secret cannot be opened")
        .with_code("SECRET_DAMAGED")
        .with_hint("set the secret again; it was changed, or copied from another resource")
}

/// Returns the error of a secret that no key can seal.
pub fn seal_key_missing() -> Error {
    Error::invalid("a secret cannot be stored without a key that seals it")
        .with_code("SEAL_KEY_MISSING")
        .with_hint("set `NEXUS_SEAL_KEY` to 32 random bytes, as `openssl rand -base64 32` prints them")
}

impl Secret {
    /// Creates a plain secret.
    pub fn new(plain: impl Into<String>) -> Self {
        Self(State::Plain(Zeroizing::new(plain.into())))
    }

    /// Returns whether the secret is sealed.
    pub const fn is_sealed(&self) -> bool {
        matches!(self.0, State::Sealed(_))
    }

    /// Returns the text of a plain secret, for the one answer that shows it.
    pub(crate) fn plain(&self) -> Option<Zeroizing<String>> {
        match &self.0 {
            State::Plain(plain) => Some(plain.clone()),
            State::Sealed(_) => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            State::Plain(_) => serializer.serialize_str(REDACTED),
            State::Sealed(sealed) => sealed.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Plain(String),
            Sealed(Sealed),
        }
        match Form::deserialize(deserializer) {
            Ok(Form::Plain(plain)) if plain.is_empty() || plain == REDACTED => {
                Err(serde::de::Error::custom("a secret is a text that is neither empty nor redacted"))
            }
            Ok(Form::Plain(plain)) => Ok(Self::new(plain)),
            Ok(Form::Sealed(sealed)) => Ok(Self(State::Sealed(sealed))),
            // The error of serde could quote the secret.
            Err(_) => Err(serde::de::Error::custom("a secret is a text")),
        }
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UuidV7;
    use crate::principal::Principal;

    fn key(byte: u8) -> SealKey {
        SealKey::new(Zeroizing::new([byte; 32]))
    }

    fn scope(tenant: &str) -> ResourceScope {
        ResourceScope::Tenant(Principal::user(tenant, "root").unwrap().tenant().clone())
    }

    fn place<'a>(scope: &'a ResourceScope, kind: &'a str, id: &'a str, field: &'a str) -> SecretPlace<'a> {
        SecretPlace { scope, kind, id, field }
    }

    #[test]
    fn a_secret_opens_with_its_key_and_in_its_place_alone() {
        let (key, acme) = (key(7), scope("acme"));
        let mut secret = Secret::new("hunter2");
        key.seal(&mut secret, &place(&acme, "hook", "h", "/key"), &UuidV7).unwrap();
        assert!(secret.is_sealed());
        let kept: Secret = serde_json::from_value(serde_json::to_value(&secret).unwrap()).unwrap();
        assert_eq!(&**key.open(&kept, &place(&acme, "hook", "h", "/key")).unwrap(), "hunter2");
        for other in [
            place(&scope("globex"), "hook", "h", "/key"),
            place(&ResourceScope::Installation, "hook", "h", "/key"),
            place(&acme, "door", "h", "/key"),
            place(&acme, "hook", "g", "/key"),
            place(&acme, "hook", "h", "/other"),
        ] {
            assert_eq!(key.open(&kept, &other).unwrap_err().code(), "SECRET_DAMAGED");
        }
        let error = self::key(8).open(&kept, &place(&acme, "hook", "h", "/key")).unwrap_err();
        assert_eq!(error.code(), "SEAL_KEY_MISMATCH");
    }

    #[test]
    fn equal_secrets_are_sealed_differently() {
        let acme = scope("acme");
        let sealed = || {
            let mut secret = Secret::new("hunter2");
            key(7).seal(&mut secret, &place(&acme, "hook", "h", "/key"), &UuidV7).unwrap();
            serde_json::to_string(&secret).unwrap()
        };
        assert_ne!(sealed(), sealed());
    }

    #[test]
    fn no_form_of_a_secret_is_printed() {
        let secret = Secret::new("hunter2");
        let key = key(7);
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""[redacted]""#);
        assert_eq!(format!("{key:?}"), format!("SealKey {{ id: {:?}, .. }}", key.id()));
        for refused in [serde_json::json!(REDACTED), serde_json::json!(""), serde_json::json!(["hunter2"])] {
            let error = serde_json::from_value::<Secret>(refused).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
