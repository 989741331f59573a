//! Frames between a parser and its worker: a kind, a length, a payload.

use std::io::{self, Read, Write};

use nexus_core::document::parser::codes;
use nexus_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use super::WorkerLimits;

/// Version of the protocol. Both ends must agree, because a binary may be replaced while it runs.
pub(super) const PROTOCOL: u32 = 2;

/// Maximum length of a frame. A longer one means that the other end is broken.
const LONGEST: u32 = 64 * 1024 * 1024;

/// Size at which collected bytes or blocks are sent as a frame.
pub(super) const BATCH: usize = 64 * 1024;

/// Kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the worker, once: a [`Hello`].
    Hello = b'H',
    /// To the worker: start of a document, with its hints.
    Document = b'D',
    /// To the worker: bytes of the document.
    Bytes = b'B',
    /// To the worker: end of the document.
    End = b'E',
    /// From the worker, once: its [`Confinement`](super::Confinement).
    Confined = b'C',
    /// From the worker: blocks, one per line.
    Blocks = b'K',
    /// From the worker: the report that ends a document.
    Report = b'R',
    /// From the worker: the [`Failure`] that ends a document.
    Failure = b'F',
}

const KINDS: [Kind; 8] = [
    Kind::Hello,
    Kind::Document,
    Kind::Bytes,
    Kind::End,
    Kind::Confined,
    Kind::Blocks,
    Kind::Report,
    Kind::Failure,
];

/// Handshake sent to a worker before its first document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) protocol: u32,
    pub(super) limits: WorkerLimits,
}

/// Error in transit between processes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: String,
    code: String,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        Self {
            kind: error.kind().code().to_owned(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        }
    }

    pub(super) fn into_error(self) -> Error {
        let kinds = [ErrorKind::InvalidInput, ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Corrupt];
        let kind = kinds.into_iter().find(|kind| kind.code() == self.kind).unwrap_or(ErrorKind::Unexpected);
        let error = Error::new(kind, self.message);
        let error = match CODES.iter().find(|code| **code == self.code) {
            Some(code) => error.with_code(code),
            None => error,
        };
        self.hint.into_iter().fold(error, Error::with_hint)
    }
}

const CODES: [&str; 8] = [
    codes::UNSUPPORTED,
    codes::EMPTY,
    codes::ENCRYPTED,
    codes::MALFORMED,
    codes::TOO_LARGE,
    codes::AMPLIFIES,
    codes::TIMEOUT,
    codes::CRASHED,
];

/// Writes a frame. The caller flushes.
pub(super) fn write(to: &mut impl Write, kind: Kind, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|length| *length <= LONGEST)
        .ok_or(io::ErrorKind::InvalidInput)?;
    to.write_all(&[kind as u8])?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(payload)
}

/// Writes a frame whose payload is JSON.
pub(super) fn write_json(to: &mut impl Write, kind: Kind, payload: &impl Serialize) -> io::Result<()> {
    write(to, kind, &serde_json::to_vec(payload)?)
}

/// Reads a frame's payload into `payload`. Returns the kind, or nothing where the stream ends between frames.
pub(super) fn read(from: &mut impl Read, payload: &mut Vec<u8>) -> io::Result<Option<Kind>> {
    let mut header = [0; 5];
    if from.read(header.get_mut(..1).unwrap_or_default())? == 0 {
        return Ok(None);
    }
    from.read_exact(header.get_mut(1..).unwrap_or_default())?;
    let [kind, length @ ..] = header;
    let length = u32::from_le_bytes(length);
    let kind = KINDS.into_iter().find(|known| *known as u8 == kind).filter(|_| length <= LONGEST);
    let kind = kind.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown kind of frame"))?;
    payload.clear();
    if from.take(length.into()).read_to_end(payload)? < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_as_written_and_a_cut_one_is_an_error() {
        let mut bytes = Vec::new();
        write(&mut bytes, Kind::Bytes, b"abc").unwrap();
        let mut payload = Vec::new();
        assert_eq!(read(&mut bytes.as_slice(), &mut payload).unwrap(), Some(Kind::Bytes));
        assert_eq!(payload, b"abc");
        assert_eq!(read(&mut [].as_slice(), &mut payload).unwrap(), None);
        for end in 1..bytes.len() {
            assert!(read(&mut &bytes[..end], &mut payload).is_err());
        }
    }

    #[test]
    fn a_failure_keeps_kind_code_message_and_hint() {
        let error = Error::invalid("no").with_code(codes::EMPTY).with_hint("yes");
        let back = Failure::of(&error).into_error();
        assert_eq!(
            (back.kind(), back.code(), back.message(), back.hint()),
            (ErrorKind::InvalidInput, codes::EMPTY, "no", Some("yes"))
        );
    }
}
