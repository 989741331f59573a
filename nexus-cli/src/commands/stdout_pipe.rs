//! Standard output as the destination of an export.

use std::io::{self, Write};

/// Path that means standard output.
pub(super) const STANDARD_OUTPUT: &str = "-";

/// Standard output until its reader closes it.
#[derive(Debug, Default)]
pub(super) struct StdoutPipe {
    closed: bool,
}

impl Write for StdoutPipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        match io::stdout().write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed { Ok(()) } else { io::stdout().flush() }
    }
}
