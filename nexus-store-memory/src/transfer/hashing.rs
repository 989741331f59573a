//! [`Hashing`]: a writer that hashes its bytes.

use std::io::Write;

use nexus_core::hex;
use sha2::{Digest as _, Sha256};

/// Writer that hashes the bytes that it passes on.
pub(super) struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new() }
    }

    /// Returns the writer, and the hash of its bytes in hexadecimal digits.
    pub(super) fn finish(self) -> (W, String) {
        (self.out, hex::encode(&self.hash.finalize()))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
