//! Answer to a [`Call`]: by the script, in the vendor's words, with the faults before the head.

use std::future::pending;
use std::time::SystemTime;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use tokio::time::sleep;

use crate::ask::{Ask, Role};
use crate::call::{Call, JSON};
use crate::dialect::{Dialect, parameter};
use crate::log::{Billed, Outcome};
use crate::player::{Player, wait};
use crate::refusal::{Kind, Refusal, RetryHints};
use crate::reply::Reply;
use crate::script::{After, Before, UsageTold};
use crate::wire::Wire;
use crate::{anthropic, gemini, ollama, openai};

impl Call {
    /// Answers a conversation, by the script.
    pub(crate) async fn chat(
        mut self,
        ask: &Ask,
        wire: impl FnOnce(&Self) -> Box<dyn Wire>,
        whole: impl FnOnce(&Self, &Reply) -> Vec<u8>,
    ) -> Response {
        let reply = Reply::new(self.id(), ask, &self.script);
        if let Some(refusal) = self.refusal_of(ask) {
            return self.refuse_scripted(&refusal, reply.billed).await;
        }
        if ask.stream {
            self.before().await;
            let wire = wire(&self);
            let media = wire.media();
            let response = self.head(StatusCode::OK, media);
            let body = Player::stream(reply, wire, self.script, self.ticket, self.connection.0);
            return response.map(|()| body);
        }
        // A unary reply is generated whole, whether the client waits or not.
        self.ticket.bill(reply.billed);
        self.before().await;
        wait(self.script.faults.first_after).await;
        let body = whole(&self, &reply);
        let frames = (reply.text.len() + reply.thinking.len() + reply.calls.len()) as u64;
        self.reply_whole(JSON, body, frames)
    }

    /// Answers with a body that costs `billed`, by the script.
    pub(crate) async fn answer(mut self, media: &'static str, body: Vec<u8>, billed: Billed) -> Response {
        if let Some(refusal) = self.refusal_of(&Ask::default()) {
            return self.refuse_scripted(&refusal, billed).await;
        }
        self.ticket.bill(billed);
        self.before().await;
        self.reply_whole(media, body, 1)
    }

    /// Answers with JSON that costs nothing, independent of the script.
    pub(crate) fn done(self, body: &Value) -> Response {
        self.done_with(JSON, body.to_string().into_bytes(), Billed::default())
    }

    /// Answers with a body that costs `billed`, independent of the script.
    pub(crate) fn done_with(mut self, media: &'static str, body: Vec<u8>, billed: Billed) -> Response {
        let response = self.head(StatusCode::OK, media);
        self.ticket.bill(billed);
        if billed != Billed::default() {
            self.ticket.usage_sent();
        }
        self.ticket.finish(Outcome::Completed);
        response.map(|()| body.into())
    }

    /// Returns the refusal of the script, if any.
    fn refusal_of(&self, ask: &Ask) -> Option<Refusal> {
        let faults = &self.script.faults;
        let kind = if faults.refusal.is_some() {
            faults.refusal
        } else if faults.context.is_some_and(|most| ask.tokens() > most) {
            Some(Kind::Context)
        } else if faults.no_prefill && ask.ends_with(Role::Assistant) {
            Some(Kind::Prefill)
        } else if !ask.stream && matches!(faults.after, Some((_, After::Error))) {
            Some(Kind::Internal)
        } else {
            None
        };
        kind.map(|kind| Refusal::scripted(kind, &ask.model, &self.key))
    }

    /// Plays the faults before the head. Does not return when there is no head.
    async fn before(&mut self) {
        let faults = &self.script.faults;
        wait(faults.head_after).await;
        match faults.before {
            None => return,
            Some(Before::Silent(None)) => pending().await,
            Some(Before::Silent(Some(time))) => {
                sleep(time).await;
                self.ticket.finish(Outcome::Cut);
                self.connection.0.close();
            }
            Some(Before::Reset) => {
                self.ticket.finish(Outcome::Cut);
                self.connection.0.reset();
            }
            Some(Before::Close) => {
                self.ticket.finish(Outcome::Cut);
                self.connection.0.close();
            }
        }
        // The connection ends with this task.
        pending::<()>().await;
    }

    fn reply_whole(mut self, media: &'static str, mut body: Vec<u8>, frames: u64) -> Response {
        let faults = &self.script.faults;
        if faults.malformed.is_some() {
            body.pop();
        }
        let mut response = self.head(StatusCode::OK, media);
        let usage = !matches!(faults.usage, UsageTold::Nowhere | UsageTold::NotFinal);
        if faults.cut_byte.is_none() && faults.drip.is_none() && faults.after.is_none() {
            self.ticket.frames(frames);
            if usage {
                self.ticket.usage_sent();
            }
            self.ticket.finish(Outcome::Completed);
            return response.map(|()| body.into());
        }
        response.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
        let body = Player::whole(body.into(), frames, usage, self.script, self.ticket, self.connection.0);
        response.map(|()| body)
    }

    async fn refuse_scripted(mut self, refusal: &Refusal, billed: Billed) -> Response {
        if self.script.faults.billed {
            self.ticket.bill(billed);
        }
        self.before().await;
        self.refuse(refusal)
    }

    /// Answers with an error in the vendor's words.
    pub(crate) fn refuse(mut self, refusal: &Refusal) -> Response {
        let hints = &self.script.faults.hints;
        let (status, media, body) = if let Kind::Html(status) = refusal.kind {
            (status, "text/html", PAGE.as_bytes().to_vec())
        } else {
            let (status, value) = self.error_body(refusal, hints);
            (status, JSON, value.to_string().into_bytes())
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = self.head(status, media);
        for (name, value) in hints.headers(SystemTime::now()) {
            response.headers_mut().insert(name, value);
        }
        let outcome = if status.is_success() { Outcome::Completed } else { Outcome::Refused };
        self.ticket.finish(outcome);
        response.map(|()| body.into())
    }

    fn error_body(&self, refusal: &Refusal, hints: &RetryHints) -> (u16, Value) {
        let status = refusal.kind.status();
        match self.dialect {
            Dialect::OpenAi => (status, openai::error(refusal)),
            Dialect::Anthropic => (status, anthropic::error(refusal, self.id())),
            Dialect::Gemini => gemini::error(refusal, hints, self.in_array()),
            Dialect::Ollama => (status, ollama::error(refusal)),
        }
    }

    /// Returns whether Google answers with an array: a stream without server-sent events.
    fn in_array(&self) -> bool {
        self.target.ends_with(":streamGenerateContent") && parameter(&self.query, "alt") != Some("sse")
    }

    /// Returns the head of a response, with the headers that the vendor always sends.
    fn head(&self, status: StatusCode, media: &'static str) -> Response<()> {
        self.ticket.status(status.as_u16());
        let mut response = Response::new(());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        for (name, value) in self.vendor_headers() {
            headers.insert(name, value);
        }
        response
    }

    fn vendor_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self.dialect {
            Dialect::OpenAi => openai::headers(self.id()),
            Dialect::Anthropic => anthropic::headers(self.id()),
            Dialect::Gemini | Dialect::Ollama => Vec::new(),
        }
    }
}

/// Error page of a proxy for a vendor that it cannot reach.
const PAGE: &str = "<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n";
