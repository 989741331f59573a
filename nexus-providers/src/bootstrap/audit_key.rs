//! Signing keys of audit records: an operator's from the environment, else a key that is created once per user.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind as IoErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nexus_core::audit::KeyRing;
use nexus_core::{Error, ErrorKind, Result, hex};
use zeroize::Zeroizing;

use super::Environment;

const FILE: &str = "audit-key";
const KEY_BYTES: usize = 32;
/// Read limit above the size of any key file, for another file in its place.
const MAX_FILE_BYTES: u64 = 4_096;

/// Audit keys, with a notice for the user.
#[derive(Debug)]
pub struct AuditKeys {
    /// Key ring.
    pub ring: KeyRing,
    /// Path of a key that was created just now. Programs warn that its loss makes records unverifiable.
    pub made: Option<PathBuf>,
}

/// Reads the audit keys: `AUDIT_KEYS_JSON`, else `AUDIT_SECRET` as `k0`, else the file `audit-key` in the
/// configuration directory, which is created (mode 0600, in a directory of mode 0700) if it does not exist.
///
/// Two processes that create the file concurrently get the same key.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) with `AUDIT_KEYS` for invalid keys, keys that others can read, or a key
/// file within `data`; [`Unavailable`](ErrorKind::Unavailable) when the file can be neither read nor created.
pub fn audit_keys(env: &Environment, config_dir: &Path, data: &Path) -> Result<AuditKeys> {
    if let Some(json) = env.text("AUDIT_KEYS_JSON")?.map(Zeroizing::new) {
        return Ok(AuditKeys { ring: KeyRing::parse(&json)?, made: None });
    }
    if let Some(secret) = env.text("AUDIT_SECRET")?.map(Zeroizing::new) {
        return Ok(AuditKeys { ring: KeyRing::from_secret("k0", &secret)?, made: None });
    }
    outside(config_dir, data)?;
    let path = config_dir.join(FILE);
    if let Some(ring) = read(&path)? {
        return Ok(AuditKeys { ring, made: None });
    }
    let made = make(config_dir, &path)?;
    let ring = read(&path)?.ok_or_else(|| unfit(&path, "was removed while it was read"))?;
    Ok(AuditKeys { ring, made: made.then_some(path) })
}

/// Rejects a key beside the records that it signs, which would be copied, lost and stolen with them.
fn outside(config_dir: &Path, data: &Path) -> Result<()> {
    let absolute = |path: &Path| {
        fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
    };
    if absolute(config_dir).starts_with(absolute(data)) {
        return Err(Error::invalid("the configuration directory lies in the data directory")
            .with_code("AUDIT_KEYS")
            .with_hint("the audit key must not be kept with the records it signs; move `NEXUS_CONFIG_DIR`"));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<KeyRing>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unavailable(path, "read", error)),
    };
    let mode = file.metadata().map_err(|error| unavailable(path, "read", error))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(
            unfit(path, "can be read by others").with_hint(format!("run `chmod 600 {}`", path.display()))
        );
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| unavailable(path, "read", error))?;
    let secret = Zeroizing::new(hex::decode(text.trim()).unwrap_or_default());
    if secret.len() != KEY_BYTES {
        return Err(unfit(path, "does not hold a key").with_hint("restore it from your backup"));
    }
    KeyRing::single(None, &secret).map(Some)
}

/// Creates the key file atomically; returns whether this process created it.
fn make(directory: &Path, path: &Path) -> Result<bool> {
    let mut secret = Zeroizing::new([0_u8; KEY_BYTES]);
    getrandom::fill(secret.as_mut()).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "cannot get random bytes from the system").because(error)
    })?;
    let text = Zeroizing::new(format!("{}\n", hex::encode(secret.as_ref())));
    let write = || {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        // The temporary file has mode 0600, and gets its name once it is complete.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => File::open(directory)?.sync_all().map(|()| true),
            Err(error) if error.error.kind() == IoErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    };
    write().map_err(|error| unavailable(path, "created", error))
}

fn unfit(path: &Path, what: &str) -> Error {
    Error::invalid(format!("the audit key `{}` {what}", path.display())).with_code("AUDIT_KEYS")
}

fn unavailable(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the audit key `{}` cannot be {what}", path.display()))
        .with_code("AUDIT_KEYS")
        .with_hint("point `NEXUS_CONFIG_DIR` at a directory of your own, or set `AUDIT_SECRET`")
        .because(error)
}
