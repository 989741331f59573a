//! Chat as a stream: one object a line, the last of which is `"done":true`.

use serde_json::{Value, json};

use super::CREATED;
use super::chat::{function, last};
use crate::log::Billed;
use crate::reply::Reply;
use crate::script::{Faults, Framing, Script};
use crate::wire::{Step, Wire, json as write, put};

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    faults: Faults,
    framing: Framing,
}

impl Stream {
    pub(super) fn new(script: &Script) -> Self {
        Self { faults: script.faults.clone(), framing: script.faults.framing }
    }

    fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.framing.crlf { b"\r\n" } else { b"\n" });
    }

    fn line(&self, reply: &Reply, field: &str, value: &Value, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"model":"#);
        write(&reply.model, out);
        put(out, format_args!(r#","created_at":"{CREATED}","message":{{"role":"assistant","#));
        if field != "content" {
            out.extend_from_slice(br#""content":"","#);
        }
        put(out, format_args!("\"{field}\":{value}}},\"done\":false}}"));
        self.end(out);
    }
}

impl Wire for Stream {
    fn media(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn whole_calls(&self) -> bool {
        true
    }

    fn has(&self, step: Step) -> bool {
        matches!(step, Step::Think(_) | Step::Text(_) | Step::CallWhole(_) | Step::Done)
    }

    fn step(&mut self, reply: &Reply, step: Step, _: &Billed, out: &mut Vec<u8>) -> bool {
        match step {
            Step::Think(frame) => self.line(reply, "thinking", &json!(reply.thinking.frame(frame)), out),
            Step::Text(frame) => self.line(reply, "content", &json!(reply.text.frame(frame)), out),
            Step::CallWhole(number) => {
                if let Some(call) = reply.calls.get(number) {
                    self.line(reply, "tool_calls", &json!([function(call)]), out);
                }
            }
            Step::Done => {
                let message = json!({ "role": "assistant", "content": "" });
                let (line, tells) = last(reply, message, &self.faults);
                write(&line, out);
                self.end(out);
                return tells;
            }
            Step::Open
            | Step::ThinkOpen
            | Step::ThinkClose
            | Step::TextOpen
            | Step::TextClose
            | Step::CallOpen(_)
            | Step::Call(..)
            | Step::CallClose(_)
            | Step::Finish
            | Step::Usage
            | Step::Close => {}
        }
        false
    }

    fn frame(&mut self, data: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(data.as_bytes());
        self.end(out);
    }

    fn error(&mut self, out: &mut Vec<u8>) {
        self.frame(r#"{"error":"an error was encountered while running the model"}"#, out);
    }

    fn unknown(&mut self, out: &mut Vec<u8>) {
        self.frame(r#"{"scripted_unknown":{"a":[1]},"done":false}"#, out);
        self.end(out);
    }
}
