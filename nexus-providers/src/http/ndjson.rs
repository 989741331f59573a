//! Newline-delimited JSON from bytes, however they are split.

use std::collections::VecDeque;

use super::{Decoder, FrameTooLong};

/// Decoder of lines that end with LF or CR LF; blank ones are skipped. The last line may lack its terminator, which
/// [`Decoder::finish`] accepts.
#[derive(Debug)]
pub(crate) struct NdjsonDecoder {
    limit: usize,
    line: Vec<u8>,
}

impl NdjsonDecoder {
    /// Creates a decoder of lines of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new() }
    }

    fn end_line(&mut self, lines: &mut VecDeque<Vec<u8>>) {
        let mut line = std::mem::take(&mut self.line);
        line.truncate(line.trim_ascii_end().len());
        if !line.is_empty() {
            lines.push_back(line);
        }
    }
}

impl Decoder for NdjsonDecoder {
    type Frame = Vec<u8>;

    fn push(&mut self, bytes: &[u8], lines: &mut VecDeque<Vec<u8>>) -> Result<(), FrameTooLong> {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            if self.line.len().saturating_add(part.len()) > self.limit {
                return Err(FrameTooLong);
            }
            self.line.extend_from_slice(part);
            if parts.peek().is_some() {
                self.end_line(lines);
            }
        }
        Ok(())
    }

    fn finish(&mut self, lines: &mut VecDeque<Vec<u8>>) {
        self.end_line(lines);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<'b>(reads: impl IntoIterator<Item = &'b [u8]>) -> Vec<String> {
        let (mut decoder, mut lines) = (NdjsonDecoder::new(64), VecDeque::new());
        for read in reads {
            decoder.push(read, &mut lines).unwrap();
        }
        decoder.finish(&mut lines);
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn each_line_is_a_frame_and_the_last_may_lack_its_end() {
        assert_eq!(decode([&b"{\"a\":1}\r\n\n  \n{\"b\":2}"[..]]), [r#"{"a":1}"#, r#"{"b":2}"#]);
    }

    #[test]
    fn a_line_that_never_ends_is_refused() {
        let (mut decoder, mut lines) = (NdjsonDecoder::new(100), VecDeque::new());
        assert!((0..100).any(|_| decoder.push(b"aaaaaaaa", &mut lines).is_err()) && lines.is_empty());
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_lines(stream in "[aé日 \r\n]{0,40}", cut in 1_usize..7) {
            let bytes = stream.as_bytes();
            prop_assert_eq!(decode(bytes.chunks(cut)), decode([bytes]));
        }
    }
}
