//! What a model's name asks for: [`Script`], read from names such as `gpt-4o+cut=3+cached=100`.
//!
//! A name is a base and any number of directives, separated by `+`. A directive that does not exist, or that a wire
//! cannot express, is refused: a test that misspells its fault must not pass.

mod directive;
mod parse;
mod wires;

use std::time::Duration;

pub use directive::{DIRECTIVES, Directive};

use crate::refusal::{Kind, RetryHints};

/// How one request is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// When the faults apply.
    pub when: When,
    /// What goes wrong.
    pub faults: Faults,
    /// What the reply looks like, with or without faults.
    pub shape: Shape,
}

/// Which of the requests of one model and scope meet the faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// All of them.
    #[default]
    Always,
    /// The first so many.
    First(u64),
    /// In turns: so many bad ones, so many good ones, and again.
    Turns {
        /// How many meet the faults.
        bad: u64,
        /// How many then do not.
        good: u64,
    },
}

impl When {
    /// Whether the request with this number, from 0, meets the faults.
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

/// What goes wrong. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// The request is refused with a status.
    pub refusal: Option<Kind>,
    /// What the refusal says about trying again.
    pub hints: RetryHints,
    /// The refusal is billed as if the whole reply had been made.
    pub billed: bool,
    /// The connection fails before the response's head.
    pub before: Option<Before>,
    /// How long the head takes.
    pub head_after: Duration,
    /// How long the first content takes, after the head.
    pub first_after: Duration,
    /// How long each further frame of content takes.
    pub pace: Duration,
    /// What happens after so many frames of content.
    pub after: Option<(usize, After)>,
    /// The frame of content, from 0, that is not JSON.
    pub malformed: Option<usize>,
    /// The frames of content that come twice.
    pub duplicate: Option<Which>,
    /// How the stream ends.
    pub end: End,
    /// Where usage is told.
    pub usage: UsageTold,
    /// The first frame of content is so many MiB long.
    pub huge: Option<usize>,
    /// The content filter ends the reply after so many frames.
    pub filter: Option<usize>,
    /// A prompt of more tokens is refused.
    pub context: Option<u64>,
    /// A conversation that ends with the assistant's words is refused.
    pub no_prefill: bool,
    /// The connection ends after so many bytes of the body.
    pub cut_byte: Option<usize>,
    /// Every byte of the body is its own write, this long after the one before.
    pub drip: Option<Duration>,
    /// Deviations of the framing.
    pub framing: Framing,
    /// Deviations of tool calls.
    pub tools: ToolFaults,
}

/// How a connection fails before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// With a RST.
    Reset,
    /// With a FIN.
    Close,
    /// It stays silent: this long, then a FIN; or until the client leaves.
    Silent(Option<Duration>),
}

/// What happens in the middle of a stream.
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

/// Which frames of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Each one.
    All,
    /// The one with this number, from 0.
    One(usize),
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As the vendor ends it.
    #[default]
    Whole,
    /// Without the marker that says it is whole: `[DONE]`, `message_stop`, `finishReason`, `"done":true`.
    NoMarker,
    /// After the content, with no reason, no usage and no marker.
    NoFinish,
}

/// Where usage is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageTold {
    /// As the vendor does.
    #[default]
    Usual,
    /// Nowhere.
    Nowhere,
    /// On every frame, growing.
    Each,
    /// Everywhere but at the end, where it would be whole.
    NotFinal,
    /// At the end only.
    Final,
}

/// Deviations of the framing, all of them legal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// Lines end with CR LF.
    pub crlf: bool,
    /// Events, fields and comments that no client knows are strewn in.
    pub unknown: bool,
    /// The last line has no end.
    pub open_end: bool,
}

/// Deviations of tool calls that are seen in the wild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "deviations are independent of one another")]
pub struct ToolFaults {
    /// How calls are numbered.
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

/// How the calls of one reply are numbered.
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

/// What the reply looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// It has exactly so many frames of content, which are numbers instead of a sentence.
    pub frames: Option<usize>,
    /// It thinks aloud for so many frames.
    pub thinking: usize,
    /// It thinks in silence for so many tokens.
    pub reasoning: u64,
    /// It calls so many tools.
    pub tools: usize,
    /// So many tokens of the prompt were read from the cache, beside those that were not.
    pub cache_read: u64,
    /// So many were written to it, for 5 minutes.
    pub cache_write: u64,
    /// So many were written to it, for an hour.
    pub cache_write_1h: u64,
    /// So many tokens of audio came in.
    pub audio_in: u64,
    /// So many tokens of audio went out.
    pub audio_out: u64,
    /// So many tokens of tools' results were read (Gemini).
    pub tool_prompt: u64,
    /// So many searches were made by the vendor (Anthropic).
    pub searches: u64,
}
