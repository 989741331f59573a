//! Script in a model's name: [`Script`], parsed from names such as `gpt-4o+cut=3+cached=100`.
//!
//! A name is a base and any number of directives, separated by `+`. An unknown directive, or one that a wire cannot
//! express, is refused: a test that misspells its fault must not pass.

mod directive;
mod parse;
mod wires;

use std::time::Duration;

use serde_json::Value;

pub use directive::{DIRECTIVES, Directive};

use crate::refusal::{Kind, RetryHints};

/// Script of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Requests that meet the faults.
    pub when: When,
    /// Faults of the reply.
    pub faults: Faults,
    /// Shape of the reply, with or without faults.
    pub shape: Shape,
}

/// Selection of the requests of one model and scope that meet the faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// All of them.
    #[default]
    Always,
    /// The first requests, up to this number.
    First(u64),
    /// Alternating runs of faulty and good requests.
    Turns {
        /// Number of requests that meet the faults.
        bad: u64,
        /// Number of requests after them that do not.
        good: u64,
    },
}

impl When {
    /// Returns whether the request with this number, from 0, meets the faults.
    pub fn applies(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::First(count) => number < count,
            Self::Turns { bad, good } => {
                bad.checked_add(good).is_some_and(|turn| turn > 0 && number % turn < bad)
            }
        }
    }
}

/// Faults. The default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// The request is refused with a status.
    pub refusal: Option<Kind>,
    /// Retry hints of the refusal.
    pub hints: RetryHints,
    /// The refusal is billed as if the whole reply had been made.
    pub billed: bool,
    /// The connection fails before the response's head.
    pub before: Option<Before>,
    /// Delay of the head.
    pub head_after: Duration,
    /// Delay of the first content, after the head.
    pub first_after: Duration,
    /// Delay of each further frame of content.
    pub pace: Duration,
    /// Fault after this number of frames of content.
    pub after: Option<(usize, After)>,
    /// Frame of content, from 0, that is not JSON.
    pub malformed: Option<usize>,
    /// Frames of content that are sent twice.
    pub duplicate: Option<Which>,
    /// End of the stream.
    pub end: End,
    /// Place of the usage.
    pub usage: UsageTold,
    /// Form of the usage's counts.
    pub usage_form: UsageForm,
    /// Length of the first frame of content, in MiB.
    pub huge: Option<usize>,
    /// The content filter ends the reply after this number of frames.
    pub filter: Option<usize>,
    /// A prompt of more tokens is refused.
    pub context: Option<u64>,
    /// A conversation that ends with the assistant's words is refused.
    pub no_prefill: bool,
    /// The connection ends after this number of bytes of the body.
    pub cut_byte: Option<usize>,
    /// Every byte of the body is its own write, this long after the one before.
    pub drip: Option<Duration>,
    /// Deviations of the framing.
    pub framing: Framing,
    /// Deviations of tool calls.
    pub tools: ToolFaults,
}

/// Failure of a connection before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// With a RST.
    Reset,
    /// With a FIN.
    Close,
    /// Silence for this long, then a FIN; or until the client leaves.
    Silent(Option<Duration>),
}

/// Fault in the middle of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The connection ends with a FIN, in the middle of the body.
    Cut,
    /// The connection ends with a RST.
    Reset,
    /// Nothing comes for this long, or until the client leaves.
    Stall(Option<Duration>),
    /// An error event, and the stream ends.
    Error,
}

/// Selection of frames of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Each frame.
    All,
    /// The frame with this number, from 0.
    One(usize),
}

/// End of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As the vendor ends it.
    #[default]
    Whole,
    /// Without the end marker: `[DONE]`, `message_stop`, `finishReason`, `"done":true`.
    NoMarker,
    /// After the content, with no reason, no usage and no marker.
    NoFinish,
}

/// Place of the usage in a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageTold {
    /// As the vendor does.
    #[default]
    Usual,
    /// Nowhere.
    Nowhere,
    /// On every frame, growing.
    Each,
    /// Everywhere but at the end, where it would be complete.
    NotFinal,
    /// At the end only.
    Final,
}

/// Form of the counts in a usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageForm {
    /// As the vendor writes them.
    #[default]
    Usual,
    /// All zero.
    Zero,
    /// As texts.
    Text,
    /// As numbers with a fraction of zero.
    Float,
}

impl UsageForm {
    /// Returns the usage in this form.
    pub(crate) fn of(self, usage: impl Into<Value>) -> Value {
        match (usage.into(), self) {
            (Value::Number(_), Self::Zero) => 0.into(),
            (Value::Number(count), Self::Text) => count.to_string().into(),
            (Value::Number(count), Self::Float) => count.as_f64().into(),
            (Value::Object(fields), form) => {
                fields.into_iter().map(|(name, value)| (name, form.of(value))).collect()
            }
            (Value::Array(values), form) => values.into_iter().map(|value| form.of(value)).collect(),
            (usage, _) => usage,
        }
    }
}

/// Deviations of the framing, all of them legal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// Lines end with CR LF.
    pub crlf: bool,
    /// Unknown events, fields and comments are inserted.
    pub unknown: bool,
    /// The last line has no end.
    pub open_end: bool,
}

/// Deviations of tool calls that occur in the wild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "deviations are independent of one another")]
pub struct ToolFaults {
    /// Numbering of the calls.
    pub index: ToolIndex,
    /// The id and the name come in frames of their own.
    pub split: bool,
    /// Later frames repeat the name, empty.
    pub empty_name: bool,
    /// The arguments are not JSON.
    pub invalid: bool,
    /// The call has no id.
    pub no_id: bool,
}

/// Numbering of the calls of one reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolIndex {
    /// From 0.
    #[default]
    Usual,
    /// Not at all.
    Missing,
    /// All 0.
    Zero,
    /// From 1.
    FromOne,
}

/// Shape of the reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Text of the reply.
    pub say: Option<String>,
    /// Word for the reason of the reply's end.
    pub finish: Option<String>,
    /// Number of content frames, which are numbers instead of a sentence.
    pub frames: Option<usize>,
    /// Frames of shown reasoning.
    pub thinking: usize,
    /// Tokens of hidden reasoning.
    pub reasoning: u64,
    /// Number of tool calls.
    pub tools: usize,
    /// Tokens of the prompt read from the cache, beside the uncached ones.
    pub cache_read: u64,
    /// Tokens written to the cache, for 5 minutes.
    pub cache_write: u64,
    /// Tokens written to the cache, for an hour.
    pub cache_write_1h: u64,
    /// Tokens of audio input.
    pub audio_in: u64,
    /// Tokens of audio output.
    pub audio_out: u64,
    /// Tokens of tool results that were read (Gemini).
    pub tool_prompt: u64,
    /// Searches of the vendor (Anthropic).
    pub searches: u64,
}
