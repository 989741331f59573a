//! Content as a stream: whole responses one after another, as events or as the items of one array. Only the last
//! candidate's reason marks the end.

use serde_json::{Value, json};

use super::content::{candidate, function, id};
use super::usage;
use crate::call::Call;
use crate::log::Billed;
use crate::refusal::{Kind, Refusal, RetryHints};
use crate::reply::Reply;
use crate::script::{End, Framing, UsageForm, UsageTold};
use crate::wire::{Step, Wire, event, json as write};

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    events: bool,
    end: End,
    told: UsageTold,
    form: UsageForm,
    framing: Framing,
    /// End of every response.
    tail: String,
    /// Whether the array has an item.
    begun: bool,
}

impl Stream {
    pub(super) fn new(call: &Call, model: &str, events: bool) -> Self {
        let faults = &call.script.faults;
        let tail = format!(r#","modelVersion":{},"responseId":"{}"}}"#, json!(model), id(call.id()));
        let (end, told, form, framing) = (faults.end, faults.usage, faults.usage_form, faults.framing);
        Self { events, end, told, form, framing, tail, begun: false }
    }

    fn put(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if self.events {
            event(self.framing, None, data, out);
            return;
        }
        let newline: &[u8] = if self.framing.crlf { b"\r\n" } else { b"\n" };
        if std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b",");
            out.extend_from_slice(newline);
        } else {
            out.extend_from_slice(b"[");
        }
        out.extend_from_slice(data);
        out.extend_from_slice(newline);
    }

    fn response(&mut self, candidate: &Value, usage_of: Option<&Billed>, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(512);
        data.extend_from_slice(br#"{"candidates":["#);
        write(candidate, &mut data);
        data.push(b']');
        if let Some(billed) = usage_of {
            data.extend_from_slice(br#","usageMetadata":"#);
            write(&self.form.of(usage(billed)), &mut data);
        }
        data.extend_from_slice(self.tail.as_bytes());
        self.put(&data, out);
    }

    fn part(&mut self, part: Value, so_far: &Billed, out: &mut Vec<u8>) {
        let tells = matches!(self.told, UsageTold::Usual | UsageTold::Each | UsageTold::NotFinal);
        self.response(&candidate(&[part], None), tells.then_some(so_far), out);
    }
}

impl Wire for Stream {
    fn media(&self) -> &'static str {
        if self.events { "text/event-stream" } else { "application/json; charset=UTF-8" }
    }

    fn whole_calls(&self) -> bool {
        true
    }

    fn has(&self, step: Step) -> bool {
        match step {
            Step::Think(_) | Step::Text(_) | Step::CallWhole(_) | Step::Finish => true,
            Step::Close => !self.events,
            Step::Open
            | Step::ThinkOpen
            | Step::ThinkClose
            | Step::TextOpen
            | Step::TextClose
            | Step::CallOpen(_)
            | Step::Call(..)
            | Step::CallClose(_)
            | Step::Usage
            | Step::Done => false,
        }
    }

    fn step(&mut self, reply: &Reply, step: Step, so_far: &Billed, out: &mut Vec<u8>) -> bool {
        match step {
            Step::Think(frame) => {
                let part = json!({ "text": reply.thinking.frame(frame), "thought": true });
                self.part(part, so_far, out);
            }
            Step::Text(frame) => self.part(json!({ "text": reply.text.frame(frame) }), so_far, out),
            Step::CallWhole(number) => {
                if let Some(call) = reply.calls.get(number) {
                    self.part(function(call), so_far, out);
                }
            }
            Step::Finish => {
                let tells = !matches!(self.told, UsageTold::Nowhere | UsageTold::NotFinal);
                let ended = Some(reply).filter(|_| self.end == End::Whole);
                let candidate = candidate(&[json!({ "text": "" })], ended);
                self.response(&candidate, tells.then_some(&reply.billed), out);
                return tells;
            }
            Step::Close => out.extend_from_slice(if self.begun { b"]\n" } else { b"[]\n" }),
            Step::Open
            | Step::ThinkOpen
            | Step::ThinkClose
            | Step::TextOpen
            | Step::TextClose
            | Step::CallOpen(_)
            | Step::Call(..)
            | Step::CallClose(_)
            | Step::Usage
            | Step::Done => {}
        }
        false
    }

    fn frame(&mut self, data: &str, out: &mut Vec<u8>) {
        self.put(data.as_bytes(), out);
    }

    fn error(&mut self, out: &mut Vec<u8>) {
        let refusal = Refusal::new(Kind::Overloaded, "The model is overloaded. Please try again later.");
        let (_, body) = super::error(&refusal, &RetryHints::default(), false);
        self.put(body.to_string().as_bytes(), out);
        if !self.events {
            out.extend_from_slice(b"]\n");
        }
    }

    fn unknown(&mut self, out: &mut Vec<u8>) {
        if self.events {
            out.extend_from_slice(if self.framing.crlf { b": scripted\r\n\r\n" } else { b": scripted\n\n" });
        }
        let data = format!(r#"{{"scriptedUnknown":{{"a":[1]}}{}"#, self.tail);
        self.put(data.as_bytes(), out);
    }
}
