//! Messages as a stream: every event has a name and a `data` whose `type` equals it.

use serde_json::{Map, Value, json};

use super::message::{SIGNATURE, head, id_of, stop_reason};
use super::{searches, usage};
use crate::log::Billed;
use crate::reply::Reply;
use crate::script::{Framing, Script, UsageForm, UsageTold};
use crate::wire::{Step, Wire, event, json as write, put};

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    told: UsageTold,
    form: UsageForm,
    framing: Framing,
    /// Index of the content block that is open, or comes next.
    block: usize,
    data: Vec<u8>,
}

impl Stream {
    pub(super) fn new(script: &Script) -> Self {
        Self {
            told: script.faults.usage,
            form: script.faults.usage_form,
            framing: script.faults.framing,
            block: 0,
            data: Vec::new(),
        }
    }

    fn named(&self, name: &str, value: &Value, out: &mut Vec<u8>) {
        event(self.framing, Some(name), value.to_string().as_bytes(), out);
    }

    fn open(&self, block: &Value, out: &mut Vec<u8>) {
        let data = json!({ "type": "content_block_start", "index": self.block, "content_block": block });
        self.named("content_block_start", &data, out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let data = json!({ "type": "content_block_stop", "index": self.block });
        self.named("content_block_stop", &data, out);
        self.block += 1;
    }

    /// Writes a delta with one text in it.
    fn delta(&mut self, kind: &str, field: &str, text: &str, so_far: &Billed, out: &mut Vec<u8>) {
        let data = &mut self.data;
        data.clear();
        put(
            data,
            format_args!(
                r#"{{"type":"content_block_delta","index":{},"delta":{{"type":"{kind}","{field}":"#,
                self.block
            ),
        );
        write(text, data);
        data.extend_from_slice(b"}}");
        event(self.framing, Some("content_block_delta"), data, out);
        if self.told == UsageTold::Each {
            self.message_delta(None, Some(usage(so_far)), out);
        }
    }

    fn message_delta(&self, reason: Option<&str>, usage: Option<Map<String, Value>>, out: &mut Vec<u8>) {
        let mut data =
            json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null } });
        if let (Some(data), Some(usage)) = (data.as_object_mut(), usage) {
            data.insert("usage".to_owned(), self.form.of(usage));
        }
        self.named("message_delta", &data, out);
    }

    /// Writes the start, which reports the input, and a meaningless number for the output.
    fn start(&self, reply: &Reply, out: &mut Vec<u8>) {
        let mut message = head(reply);
        if let Some(message) = message.as_object_mut()
            && !matches!(self.told, UsageTold::Nowhere | UsageTold::Final)
        {
            let nothing_yet = Billed { output: 1, reasoning: 0, audio_out: 0, searches: 0, ..reply.billed };
            message.insert("usage".to_owned(), self.form.of(usage(&nothing_yet)));
        }
        self.named("message_start", &json!({ "type": "message_start", "message": message }), out);
        self.named("ping", &json!({ "type": "ping" }), out);
    }

    /// Writes the end, which reports the output, and the input only if the start did not. Returns true when it does.
    fn finish(&self, reply: &Reply, out: &mut Vec<u8>) -> bool {
        let reason = Some(reply.reason(stop_reason(reply.finish)));
        let told = match self.told {
            UsageTold::Nowhere | UsageTold::NotFinal => None,
            UsageTold::Each | UsageTold::Final => Some(usage(&reply.billed)),
            UsageTold::Usual => {
                let mut told = Map::new();
                told.insert("output_tokens".to_owned(), reply.billed.all_output().into());
                searches(&reply.billed, &mut told);
                Some(told)
            }
        };
        let tells = told.is_some();
        self.message_delta(reason, told, out);
        tells
    }
}

impl Wire for Stream {
    fn media(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    fn has(&self, step: Step) -> bool {
        !matches!(step, Step::CallWhole(_) | Step::Usage | Step::Close)
    }

    fn step(&mut self, reply: &Reply, step: Step, so_far: &Billed, out: &mut Vec<u8>) -> bool {
        match step {
            Step::Open => self.start(reply, out),
            Step::ThinkOpen => {
                self.open(&json!({ "type": "thinking", "thinking": "", "signature": "" }), out);
            }
            Step::Think(frame) => {
                self.delta("thinking_delta", "thinking", reply.thinking.frame(frame), so_far, out);
            }
            Step::ThinkClose => {
                self.delta("signature_delta", "signature", SIGNATURE, so_far, out);
                self.close(out);
            }
            Step::TextOpen => self.open(&json!({ "type": "text", "text": "" }), out),
            Step::Text(frame) => self.delta("text_delta", "text", reply.text.frame(frame), so_far, out),
            Step::CallOpen(number) => {
                if let Some(call) = reply.calls.get(number) {
                    let id = id_of(&call.id);
                    self.open(&json!({ "type": "tool_use", "id": id, "name": call.name, "input": {} }), out);
                    // The vendor begins with an empty delta.
                    self.delta("input_json_delta", "partial_json", "", so_far, out);
                }
            }
            Step::Call(number, frame) => {
                let text = reply.calls.get(number).map_or("", |call| call.arguments.frame(frame));
                self.delta("input_json_delta", "partial_json", text, so_far, out);
            }
            Step::TextClose | Step::CallClose(_) => self.close(out),
            Step::Finish => return self.finish(reply, out),
            Step::Done => self.named("message_stop", &json!({ "type": "message_stop" }), out),
            Step::CallWhole(_) | Step::Usage | Step::Close => {}
        }
        false
    }

    fn frame(&mut self, data: &str, out: &mut Vec<u8>) {
        event(self.framing, Some("content_block_delta"), data.as_bytes(), out);
    }

    fn error(&mut self, out: &mut Vec<u8>) {
        let error = json!({ "type": "overloaded_error", "message": "Overloaded" });
        self.named("error", &json!({ "type": "error", "error": error }), out);
    }

    fn unknown(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.framing.crlf { b": scripted\r\n\r\n" } else { b": scripted\n\n" });
        self.named("scripted_unknown", &json!({ "type": "scripted_unknown", "a": [1] }), out);
        self.named("ping", &json!({ "type": "ping" }), out);
    }
}
