//! Server-sent events from bytes (WHATWG HTML, 9.2.6), however they are split.

use std::collections::VecDeque;

use super::{Decoder, FrameTooLong};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Server-sent event. Its bytes are unchecked; parsing them as JSON checks that they are UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Type, empty if absent.
    pub(crate) event: Vec<u8>,
    /// Data, with lines joined by a line feed.
    pub(crate) data: Vec<u8>,
}

/// Decoder of events: lines end with LF, CR LF or CR; comments, fields other than `event` and `data`, and events
/// without data are skipped.
///
/// A blank line ends an event. The specification discards an event that the end of the stream cuts off, but some
/// servers omit the last blank line: [`Decoder::finish`] returns such an event, which may be incomplete. A truncated
/// JSON object is never valid JSON, so no event is misread.
#[derive(Debug)]
pub(crate) struct SseDecoder {
    limit: usize,
    line: Vec<u8>,
    /// Whether the previous line ended with CR, so that a following LF belongs to it.
    after_cr: bool,
    /// Whether no line has ended yet, so that a byte order mark may precede the first.
    at_start: bool,
    event: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl SseDecoder {
    /// Creates a decoder of events of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let (line, event) = (Vec::new(), Vec::new());
        Self { limit, line, after_cr: false, at_start: true, event, data: None }
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), FrameTooLong> {
        let held = self.line.len() + self.event.len() + self.data.as_ref().map_or(0, Vec::len);
        if held.saturating_add(bytes.len()) > self.limit {
            return Err(FrameTooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut VecDeque<SseEvent>) {
        let mut buffer = std::mem::take(&mut self.line);
        let mut line = buffer.as_slice();
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(events);
        } else {
            self.field(line);
        }
        buffer.clear();
        self.line = buffer;
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, rest) = line.split_at(colon);
        let value = rest.strip_prefix(b":").unwrap_or(rest);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match (name, &mut self.data) {
            (b"data", Some(data)) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            (b"data", data @ None) => *data = Some(value.to_vec()),
            (b"event", _) => self.event = value.to_vec(),
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut VecDeque<SseEvent>) {
        let event = std::mem::take(&mut self.event);
        events.extend(self.data.take().map(|data| SseEvent { event, data }));
    }
}

impl Decoder for SseDecoder {
    type Frame = SseEvent;

    fn push(&mut self, bytes: &[u8], events: &mut VecDeque<SseEvent>) -> Result<(), FrameTooLong> {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (line, tail) = rest.split_at(end.unwrap_or(rest.len()));
            self.extend_line(line)?;
            if let Some((ending, tail)) = tail.split_first() {
                self.after_cr = *ending == b'\r';
                self.end_line(events);
                rest = tail;
            } else {
                rest = tail;
            }
        }
        Ok(())
    }

    fn finish(&mut self, events: &mut VecDeque<SseEvent>) {
        if !self.line.is_empty() {
            self.end_line(events);
        }
        self.dispatch(events);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Types and data of events.
    type Events = Vec<(String, String)>;

    fn decode(reads: &[&[u8]]) -> (Events, Events) {
        let text = |event: SseEvent| {
            (String::from_utf8(event.event).unwrap(), String::from_utf8(event.data).unwrap())
        };
        let (mut decoder, mut events) = (SseDecoder::new(1 << 10), VecDeque::new());
        for read in reads {
            decoder.push(read, &mut events).unwrap();
        }
        let whole = events.drain(..).map(text).collect();
        decoder.finish(&mut events);
        (whole, events.into_iter().map(text).collect())
    }

    #[track_caller]
    fn check(stream: &str, expected: &[(&str, &str)]) {
        let (whole, cut) = decode(&[stream.as_bytes()]);
        let whole: Vec<_> = whole.iter().map(|(event, data)| (event.as_str(), data.as_str())).collect();
        assert_eq!(whole, expected, "{stream:?}");
        assert!(cut.is_empty(), "{stream:?}");
    }

    #[test]
    fn lines_end_as_any_system_ends_them() {
        check(
            "data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\n",
            &[("", "a"), ("", "b"), ("", "c"), ("", "d")],
        );
    }

    #[test]
    fn several_lines_of_data_are_one_event() {
        check("event: m\ndata: a\ndata:b\ndata\ndata:  c\n\n", &[("m", "a\nb\n\n c")]);
    }

    #[test]
    fn comments_and_unknown_fields_are_skipped() {
        check(": ping\n\nid: 1\nretry: 10\nnonsense\ndata: a\n: b\n\n", &[("", "a")]);
    }

    #[test]
    fn an_event_without_data_is_none_and_leaves_no_type_behind() {
        check("event: ping\n\ndata: a\n\n", &[("", "a")]);
        check("event: x\ndata:\n\n", &[("x", "")]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_only() {
        check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[("", "a")]);
    }

    #[test]
    fn an_event_that_the_end_cuts_off_is_told_apart() {
        assert_eq!(decode(&[b"data: a\n\ndata: [DONE]"]).1, [(String::new(), "[DONE]".to_owned())]);
        assert_eq!(decode(&[b"data: a\n\ndata: b\n"]).1, [(String::new(), "b".to_owned())]);
        assert!(decode(&[b"data: a\n\n: bye"]).1.is_empty());
    }

    #[test]
    fn a_frame_that_never_ends_is_refused() {
        for part in [&b"data: aaaaaaaa"[..], b"data: aaaaaaaa\n", b": aaaaaaaa"] {
            let (mut decoder, mut events) = (SseDecoder::new(100), VecDeque::new());
            let refused = (0..100).any(|_| decoder.push(part, &mut events).is_err());
            assert!(refused && events.is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_events(
            lines in prop::collection::vec(
                prop_oneof!["data: ?[a-zé日:]{0,5}", "event: [a-z]{0,3}", ": [a-z]{0,3}", "", "", "[a-z]{1,4}"], 0..12),
            endings in prop::collection::vec(prop_oneof!["\n", "\r\n", "\r"], 12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let stream: String = lines.iter().zip(&endings).flat_map(|(line, end)| [line.as_str(), end]).collect();
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let reads: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let singly: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(decode(&reads), decode(&[bytes]));
            prop_assert_eq!(decode(&singly), decode(&[bytes]));
        }
    }
}
