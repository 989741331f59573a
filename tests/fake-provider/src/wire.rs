//! Wire format of a reply: the [`Step`]s of a stream, and the [`Wire`] on which each dialect writes them.

use std::io::Write as _;

use serde::Serialize;

use crate::log::Billed;
use crate::reply::Reply;
use crate::script::{End, Framing, Script};

/// Step of a stream. Each wire writes those that its vendor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Open,
    ThinkOpen,
    Think(usize),
    ThinkClose,
    TextOpen,
    Text(usize),
    TextClose,
    CallOpen(usize),
    /// Index of the call, and of the frame of its arguments.
    Call(usize, usize),
    CallClose(usize),
    /// Call in one piece, on wires that cannot split it.
    CallWhole(usize),
    Finish,
    Usage,
    /// Marker by which a client recognises a complete stream.
    Done,
    /// Closing syntax after the marker.
    Close,
}

impl Step {
    /// Returns the tokens of reasoning and of text; `None` for steps without content.
    pub(crate) fn content(self, reply: &Reply) -> Option<(u64, u64)> {
        match self {
            Self::Think(_) => Some((1, 0)),
            Self::Text(_) | Self::Call(..) => Some((0, 1)),
            Self::CallWhole(call) => {
                Some((0, reply.calls.get(call).map_or(0, |call| call.arguments.len() as u64)))
            }
            Self::Open
            | Self::ThinkOpen
            | Self::ThinkClose
            | Self::TextOpen
            | Self::TextClose
            | Self::CallOpen(_)
            | Self::CallClose(_)
            | Self::Finish
            | Self::Usage
            | Self::Done
            | Self::Close => None,
        }
    }
}

/// Stream of one dialect.
pub(crate) trait Wire: Send {
    /// Returns the `Content-Type`.
    fn media(&self) -> &'static str;

    /// Returns whether the vendor sends tool calls in one piece.
    fn whole_calls(&self) -> bool {
        false
    }

    /// Returns whether the vendor's stream has output for `step`.
    fn has(&self, step: Step) -> bool;

    /// Writes a step; `so_far` is the bill up to and with it. Returns whether it reported the complete usage.
    fn step(&mut self, reply: &Reply, step: Step, so_far: &Billed, out: &mut Vec<u8>) -> bool;

    /// Writes `data` as one frame, whether it is JSON or not.
    fn frame(&mut self, data: &str, out: &mut Vec<u8>);

    /// Writes the event by which the vendor ends a stream that fails.
    fn error(&mut self, out: &mut Vec<u8>);

    /// Writes elements unknown to every client.
    fn unknown(&mut self, out: &mut Vec<u8>);
}

/// Returns the steps of `reply` under `script` and `wire`.
pub(crate) fn steps(reply: &Reply, script: &Script, wire: &dyn Wire) -> Vec<Step> {
    let mut steps = Vec::with_capacity(reply.text.len() + reply.thinking.len() + 16);
    steps.push(Step::Open);
    if reply.thinking.len() > 0 {
        steps.push(Step::ThinkOpen);
        steps.extend((0..reply.thinking.len()).map(Step::Think));
        steps.push(Step::ThinkClose);
    }
    if reply.text.len() > 0 {
        steps.push(Step::TextOpen);
        steps.extend((0..reply.text.len()).map(Step::Text));
        steps.push(Step::TextClose);
    }
    for (number, call) in reply.calls.iter().enumerate() {
        if wire.whole_calls() {
            steps.push(Step::CallWhole(number));
        } else {
            steps.push(Step::CallOpen(number));
            steps.extend((0..call.arguments.len()).map(|frame| Step::Call(number, frame)));
            steps.push(Step::CallClose(number));
        }
    }
    steps.extend(match script.faults.end {
        End::Whole => [Step::Finish, Step::Usage, Step::Done].as_slice(),
        End::NoMarker => &[Step::Finish, Step::Usage],
        End::NoFinish => &[],
    });
    steps.push(Step::Close);
    steps.retain(|step| wire.has(*step));
    steps
}

/// Writes a server-sent event, by section 9.2 of the HTML standard.
pub(crate) fn event(framing: Framing, name: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
    let end: &[u8] = if framing.crlf { b"\r\n" } else { b"\n" };
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(end);
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(end);
    out.extend_from_slice(end);
}

/// Appends `value` as JSON.
pub(crate) fn json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Writing to memory does not fail, and no value here has keys that are not strings.
    let _ = serde_json::to_writer(out, value);
}

/// Appends formatted text.
pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}
