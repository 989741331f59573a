//! Chat completions as a stream: frames of `data:` without a name, `[DONE]` at the end.

use super::chat::{finish, id};
use super::{CREATED, SYSTEM, usage};
use crate::call::Call;
use crate::log::Billed;
use crate::reply::Reply;
use crate::script::{Framing, ToolFaults, ToolIndex, UsageForm, UsageTold};
use crate::wire::{Step, Wire, event, json, put};

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// Beginning of every chunk, up to its choices.
    head: String,
    include_usage: bool,
    told: UsageTold,
    form: UsageForm,
    framing: Framing,
    tools: ToolFaults,
    data: Vec<u8>,
}

impl Stream {
    pub(super) fn new(call: &Call, model: &str, include_usage: bool) -> Self {
        let mut name = Vec::new();
        json(model, &mut name);
        let head = format!(
            r#"{{"id":"{}","object":"chat.completion.chunk","created":{CREATED},"model":{},"service_tier":"default","system_fingerprint":"{SYSTEM}","choices":["#,
            id(call.id()),
            String::from_utf8_lossy(&name),
        );
        let faults = &call.script.faults;
        let (told, form, framing, tools) = (faults.usage, faults.usage_form, faults.framing, faults.tools);
        Self { head, include_usage, told, form, framing, tools, data: Vec::new() }
    }

    /// Writes a chunk with the delta that `delta` writes.
    fn chunk(
        &mut self,
        finish: Option<&str>,
        so_far: &Billed,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut Vec<u8>),
    ) {
        let data = &mut self.data;
        data.clear();
        data.extend_from_slice(self.head.as_bytes());
        data.extend_from_slice(br#"{"index":0,"delta":{"#);
        delta(data);
        data.extend_from_slice(br#"},"logprobs":null,"finish_reason":"#);
        json(&finish, data);
        data.extend_from_slice(b"}]");
        if self.told == UsageTold::Each {
            data.extend_from_slice(br#","usage":"#);
            json(&self.form.of(usage(so_far)), data);
        } else if self.include_usage {
            data.extend_from_slice(br#","usage":null"#);
        }
        data.push(b'}');
        event(self.framing, None, data, out);
    }

    fn field(&mut self, name: &str, value: &str, so_far: &Billed, out: &mut Vec<u8>) {
        self.chunk(None, so_far, out, |data| {
            put(data, format_args!("\"{name}\":"));
            json(value, data);
        });
    }

    /// Writes a chunk of the tool call with this number; `rest` writes the fields after its number.
    fn tool(&mut self, number: usize, so_far: &Billed, out: &mut Vec<u8>, rest: impl FnOnce(&mut Vec<u8>)) {
        let index = match self.tools.index {
            ToolIndex::Usual => Some(number),
            ToolIndex::Missing => None,
            ToolIndex::Zero => Some(0),
            ToolIndex::FromOne => Some(number + 1),
        };
        self.chunk(None, so_far, out, |data| {
            data.extend_from_slice(br#""tool_calls":[{"#);
            if let Some(index) = index {
                put(data, format_args!("\"index\":{index},"));
            }
            rest(data);
            data.extend_from_slice(b"}]");
        });
    }

    fn open_tool(&mut self, reply: &Reply, number: usize, so_far: &Billed, out: &mut Vec<u8>) {
        let Some(call) = reply.calls.get(number) else { return };
        let identity = |data: &mut Vec<u8>| {
            if !call.id.is_empty() {
                put(data, format_args!(r#""id":"{}","#, call.id));
            }
            data.extend_from_slice(br#""type":"function""#);
        };
        let function = |data: &mut Vec<u8>| {
            data.extend_from_slice(br#""function":{"name":"#);
            json(&call.name, data);
            data.extend_from_slice(br#","arguments":""}"#);
        };
        if self.tools.split {
            self.tool(number, so_far, out, identity);
            self.tool(number, so_far, out, function);
        } else {
            self.tool(number, so_far, out, |data| {
                identity(data);
                data.push(b',');
                function(data);
            });
        }
    }

    fn arguments(&mut self, number: usize, text: &str, so_far: &Billed, out: &mut Vec<u8>) {
        let empty_name = self.tools.empty_name;
        self.tool(number, so_far, out, |data| {
            data.extend_from_slice(br#""function":{"#);
            if empty_name {
                data.extend_from_slice(br#""name":"","#);
            }
            data.extend_from_slice(br#""arguments":"#);
            json(text, data);
            data.push(b'}');
        });
    }

    /// Writes the chunk without choices that reports the usage.
    fn usage(&mut self, so_far: &Billed, out: &mut Vec<u8>) {
        let data = &mut self.data;
        data.clear();
        data.extend_from_slice(self.head.as_bytes());
        data.extend_from_slice(br#"],"usage":"#);
        json(&self.form.of(usage(so_far)), data);
        data.push(b'}');
        event(self.framing, None, data, out);
    }
}

impl Wire for Stream {
    fn media(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    fn has(&self, step: Step) -> bool {
        match step {
            Step::Usage => {
                self.include_usage
                    && matches!(self.told, UsageTold::Usual | UsageTold::Each | UsageTold::Final)
            }
            Step::Open
            | Step::Think(_)
            | Step::Text(_)
            | Step::CallOpen(_)
            | Step::Call(..)
            | Step::Finish
            | Step::Done => true,
            Step::ThinkOpen
            | Step::ThinkClose
            | Step::TextOpen
            | Step::TextClose
            | Step::CallClose(_)
            | Step::CallWhole(_)
            | Step::Close => false,
        }
    }

    fn step(&mut self, reply: &Reply, step: Step, so_far: &Billed, out: &mut Vec<u8>) -> bool {
        match step {
            Step::Open => self.chunk(None, so_far, out, |data| {
                data.extend_from_slice(br#""role":"assistant","content":"","refusal":null"#);
            }),
            Step::Think(frame) => self.field("reasoning_content", reply.thinking.frame(frame), so_far, out),
            Step::Text(frame) => self.field("content", reply.text.frame(frame), so_far, out),
            Step::CallOpen(call) => self.open_tool(reply, call, so_far, out),
            Step::Call(number, frame) => {
                let text = reply.calls.get(number).map_or("", |call| call.arguments.frame(frame));
                self.arguments(number, text, so_far, out);
            }
            Step::Finish => {
                self.chunk(Some(reply.reason(finish(reply.finish))), so_far, out, |_| {});
                return self.told == UsageTold::Each;
            }
            Step::Usage => {
                self.usage(so_far, out);
                return true;
            }
            Step::Done => event(self.framing, None, b"[DONE]", out),
            Step::ThinkOpen
            | Step::ThinkClose
            | Step::TextOpen
            | Step::TextClose
            | Step::CallClose(_)
            | Step::CallWhole(_)
            | Step::Close => {}
        }
        false
    }

    fn frame(&mut self, data: &str, out: &mut Vec<u8>) {
        event(self.framing, None, data.as_bytes(), out);
    }

    fn error(&mut self, out: &mut Vec<u8>) {
        let refusal = crate::refusal::Refusal::new(
            crate::refusal::Kind::Internal,
            "The server had an error while processing your request",
        );
        event(self.framing, None, super::error(&refusal).to_string().as_bytes(), out);
    }

    fn unknown(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.framing.crlf { b": scripted\r\n\r\n" } else { b": scripted\n\n" });
        let data = &mut self.data;
        data.clear();
        data.extend_from_slice(self.head.as_bytes());
        data.extend_from_slice(br#"{"index":0,"delta":{"scripted_unknown":{"a":[1]}},"finish_reason":null}],"scripted_unknown":true}"#);
        event(self.framing, None, data, out);
    }
}
