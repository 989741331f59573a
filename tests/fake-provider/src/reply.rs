//! Reply, before any vendor's words for it: [`Reply`].

use serde_json::Value;

use crate::ask::{Ask, Role, Tool};
use crate::log::Billed;
use crate::script::{Faults, Script, Which};
use crate::words::{sample, sentence};

/// Characters per token, and per frame.
const CHARACTERS: usize = 4;
const MIB: usize = 1 << 20;
/// Upper bound on the depth of filled-in tool arguments.
const DEPTH: usize = 8;

/// Text in frames of one token each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    whole: String,
    /// End of each frame, in bytes.
    ends: Vec<usize>,
}

impl Text {
    /// Splits `whole` into frames of four characters.
    pub(crate) fn of(whole: String) -> Self {
        let mut ends: Vec<usize> =
            whole.char_indices().map(|(at, _)| at).skip(CHARACTERS).step_by(CHARACTERS).collect();
        if !whole.is_empty() {
            ends.push(whole.len());
        }
        Self { whole, ends }
    }

    /// Creates exactly `frames` frames, each its own number.
    pub(crate) fn counted(frames: usize) -> Self {
        let mut whole = String::with_capacity(frames.saturating_mul(CHARACTERS));
        for frame in 0..frames {
            let digit = |unit: usize| char::from(b'0' + u8::try_from(frame / unit % 10).unwrap_or(0));
            whole.extend([digit(100), digit(10), digit(1), ' ']);
        }
        Self::of(whole)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn whole(&self) -> &str {
        &self.whole
    }

    pub(crate) fn frame(&self, index: usize) -> &str {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(index).and_then(|end| self.whole.get(start..*end)).unwrap_or_default()
    }

    fn truncate(&mut self, frames: usize) {
        self.ends.truncate(frames);
        self.whole.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Appends numbers until there are at least `frames` frames.
    fn extend_to(&mut self, frames: usize) {
        if frames > self.len() {
            let padding = " ".repeat((CHARACTERS - self.whole.chars().count() % CHARACTERS) % CHARACTERS);
            let more = Self::counted(frames - self.len());
            *self = Self::of(format!("{}{padding}{}", self.whole, more.whole));
        }
    }

    /// Extends the first frame to `bytes` bytes.
    fn swell(&mut self, bytes: usize) {
        let filling = "x".repeat(bytes.saturating_sub(self.frame(0).len()));
        self.whole.insert_str(0, &filling);
        self.ends.iter_mut().for_each(|end| *end += filling.len());
    }
}

/// Tool call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Empty when the script removes it.
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON, unless the script breaks it.
    pub(crate) arguments: Text,
}

impl Call {
    /// Returns the arguments as a value, for wires that do not send them as text.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(self.arguments.whole()).unwrap_or_default()
    }
}

/// Reason why a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    Tools,
    Filter,
}

/// Scripted reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Number of the request, which makes every id of this reply unique.
    pub(crate) id: u64,
    pub(crate) model: String,
    pub(crate) thinking: Text,
    pub(crate) text: Text,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Finish,
    /// Word of the script for that reason.
    pub(crate) word: Option<String>,
    /// Bill of the whole reply.
    pub(crate) billed: Billed,
}

impl Reply {
    /// Creates the reply to `ask` under `script`.
    pub(crate) fn new(id: u64, ask: &Ask, script: &Script) -> Self {
        let (shape, faults) = (&script.shape, &script.faults);
        let thinking = Text::counted(shape.thinking);
        // A tool's result ends the loop, or it would never end.
        let wanted = if ask.ends_with(Role::Tool) { 0 } else { shape.tools };
        let calls = calls(id, ask, wanted, faults);
        let mut text = match (&shape.say, shape.frames) {
            (Some(say), _) => Text::of(say.clone()),
            (None, Some(frames)) => Text::counted(frames),
            (None, None) if calls.is_empty() => Text::of(sentence(ask)),
            (None, None) => Text::default(),
        };
        let mut finish = if calls.is_empty() { Finish::Stop } else { Finish::Tools };
        if let Some(frame) = needed(faults) {
            let others = thinking.len() + calls.iter().map(|call| call.arguments.len()).sum::<usize>();
            text.extend_to((frame + 1).saturating_sub(others));
        }
        if let Some(mib) = faults.huge {
            text.extend_to(1);
            text.swell(mib.saturating_mul(MIB));
        }
        let spent = shape.thinking as u64 + shape.reasoning;
        let most = ask
            .max_tokens
            .map_or(usize::MAX, |most| usize::try_from(most.saturating_sub(spent)).unwrap_or(usize::MAX));
        if text.len() > most {
            text.truncate(most);
            finish = Finish::Length;
        }
        if let Some(frames) = faults.filter {
            text.truncate(frames);
            finish = Finish::Filter;
        }
        let (model, word, billed) = (ask.model.clone(), shape.finish.clone(), Billed::default());
        let mut reply = Self { id, model, thinking, text, calls, finish, word, billed };
        reply.billed = reply.bill(ask, script);
        reply
    }

    /// Returns the word for the reason of the end: the script's, or else the vendor's `usual`.
    pub(crate) fn reason<'r>(&'r self, usual: &'r str) -> &'r str {
        self.word.as_deref().unwrap_or(usual)
    }

    fn bill(&self, ask: &Ask, script: &Script) -> Billed {
        let shape = &script.shape;
        let called: usize = self.calls.iter().map(|call| call.arguments.len()).sum();
        Billed {
            input: ask.tokens(),
            cache_read: shape.cache_read,
            cache_write: shape.cache_write,
            cache_write_1h: shape.cache_write_1h,
            audio_in: shape.audio_in,
            tool_prompt: shape.tool_prompt,
            output: (self.text.len() + called) as u64,
            reasoning: self.thinking.len() as u64 + shape.reasoning,
            audio_out: shape.audio_out,
            searches: shape.searches,
            characters: 0,
        }
    }

    /// Returns the bill after so many frames of reasoning, and of text and calls, were sent. Hidden reasoning comes
    /// before everything else.
    pub(crate) fn billed_after(&self, thought: u64, said: u64) -> Billed {
        let silent = self.billed.reasoning - self.thinking.len() as u64;
        let reasoning = if thought + said > 0 { silent + thought } else { 0 };
        let audio_out = if said == self.billed.output { self.billed.audio_out } else { 0 };
        Billed { output: said, reasoning, audio_out, ..self.billed }
    }
}

/// Returns the frame that a fault waits for: the reply is made long enough to have it.
fn needed(faults: &Faults) -> Option<usize> {
    let duplicate = match faults.duplicate {
        Some(Which::One(frame)) => Some(frame),
        Some(Which::All) | None => None,
    };
    [faults.after.map(|(frame, _)| frame), faults.malformed, duplicate, faults.filter]
        .into_iter()
        .flatten()
        .max()
}

fn calls(id: u64, ask: &Ask, count: usize, faults: &Faults) -> Vec<Call> {
    let fallback = [Tool { name: "lookup".to_owned(), schema: Value::Null }];
    let tools = if ask.tools.is_empty() { &fallback } else { ask.tools.as_slice() };
    let said = ask.turns.last().map(|turn| turn.text.as_str()).unwrap_or_default();
    let call = |(number, tool): (usize, &Tool)| {
        let mut arguments = sample(&tool.schema, said, DEPTH).to_string();
        if faults.tools.invalid {
            arguments.pop();
        }
        Call {
            id: if faults.tools.no_id { String::new() } else { format!("scripted_{id}_{number}") },
            name: tool.name.clone(),
            arguments: Text::of(arguments),
        }
    };
    tools.iter().cycle().take(count).enumerate().map(call).collect()
}
