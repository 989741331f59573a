//! Minimal HTTP/1.1 client of forty lines: shows the received bytes unchanged.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use nexus_fake_provider::Scripted;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// End of the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As HTTP demands.
    Whole,
    /// Too early, with a FIN.
    Closed,
    /// With a RST.
    Reset,
}

/// Response of the server.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Returns the data of its events, as text, with their names.
    pub(crate) fn named(&self) -> Vec<(String, String)> {
        let text = self.text().replace("\r\n", "\n");
        let field = |event: &str, name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        text.split("\n\n")
            .filter(|event| !event.is_empty())
            .map(|event| (field(event, "event: "), field(event, "data: ")))
            .filter(|(_, data)| !data.is_empty())
            .collect()
    }

    /// Returns the data of its events that are JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.named().iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect()
    }

    /// Returns its lines that are JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Waits with a timeout; the test fails where it would hang.
pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), future).await.expect("nothing came for a minute")
}

/// Sends a request and leaves the connection open.
pub(crate) async fn send(address: SocketAddr, path: &str, headers: &[&str], body: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// Sends a request and reads until the connection ends. Returns nothing without a head.
pub(crate) async fn ask(address: SocketAddr, path: &str, headers: &[&str], body: &str) -> Result<Reply, End> {
    let mut socket = send(address, path, headers, body).await;
    let mut raw = Vec::new();
    let read = patiently(socket.read_to_end(&mut raw)).await;
    let end = match read {
        Ok(_) => End::Closed,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("{error}"),
    };
    parse(&raw, end).ok_or(end)
}

fn parse(raw: &[u8], end: End) -> Option<Reply> {
    let split = raw.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8(raw[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, head, body: raw[split + 4..].to_vec(), end };
    if reply.header("transfer-encoding") == Some("chunked") {
        let (body, whole) = dechunk(&reply.body);
        reply.body = body;
        reply.end = if whole { End::Whole } else { end };
    } else if reply.header("content-length").unwrap().parse() == Ok(reply.body.len()) {
        reply.end = End::Whole;
    }
    Some(reply)
}

fn dechunk(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = raw.windows(2).position(|bytes| bytes == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let rest = &raw[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        raw = rest.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}

pub(crate) const KEY: &str = "authorization: Bearer sk-test";

/// Vendor wires with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

pub(crate) const VENDORS: [Vendor; 4] = [Vendor::OpenAi, Vendor::Anthropic, Vendor::Gemini, Vendor::Ollama];

impl Vendor {
    /// Returns the path, the headers and the body of a conversation of one message.
    pub(crate) fn request(
        self,
        model: &str,
        stream: bool,
        words: &str,
    ) -> (String, Vec<&'static str>, Value) {
        let messages = json!([{ "role": "user", "content": words }]);
        match self {
            Self::OpenAi => (
                "/v1/chat/completions".to_owned(),
                vec![KEY],
                json!({
                    "model": model, "stream": stream, "messages": messages,
                    "stream_options": { "include_usage": true },
                }),
            ),
            Self::Anthropic => (
                "/v1/messages".to_owned(),
                vec!["x-api-key: sk-test", "anthropic-version: 2023-06-01"],
                json!({ "model": model, "stream": stream, "messages": messages, "max_tokens": 10_000 }),
            ),
            Self::Gemini => {
                let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                (
                    format!("/v1beta/models/{model}:{verb}"),
                    vec!["x-goog-api-key: sk-test"],
                    json!({ "contents": [{ "role": "user", "parts": [{ "text": words }] }] }),
                )
            }
            Self::Ollama => (
                "/api/chat".to_owned(),
                vec![KEY],
                json!({ "model": model, "stream": stream, "messages": messages }),
            ),
        }
    }

    pub(crate) async fn ask(self, scripted: &Scripted, model: &str, stream: bool) -> Result<Reply, End> {
        let (path, headers, body) = self.request(model, stream, "Hello there");
        ask(scripted.address(), &path, &headers, &body.to_string()).await
    }

    pub(crate) async fn send(self, scripted: &Scripted, model: &str, stream: bool) -> TcpStream {
        let (path, headers, body) = self.request(model, stream, "Hello there");
        send(scripted.address(), &path, &headers, &body.to_string()).await
    }

    /// Returns the text of a reply, unary or streamed.
    pub(crate) fn words(self, reply: &Reply, stream: bool) -> String {
        let pointer = match (self, stream) {
            (Self::OpenAi, false) => "/choices/0/message/content",
            (Self::OpenAi, true) => "/choices/0/delta/content",
            (Self::Anthropic, false) => "/content/0/text",
            (Self::Anthropic, true) => "/delta/text",
            (Self::Gemini, _) => "/candidates/0/content/parts/0/text",
            (Self::Ollama, _) => "/message/content",
        };
        let values = match (self, stream) {
            (_, false) => vec![reply.json()],
            (Self::Ollama, true) => reply.lines(),
            (Self::OpenAi | Self::Anthropic | Self::Gemini, true) => reply.events(),
        };
        values.iter().filter_map(|value| value.pointer(pointer)?.as_str()).collect()
    }

    /// Returns whether the stream has the marker by which this vendor's clients recognise a complete one.
    pub(crate) fn ended(self, reply: &Reply) -> bool {
        match self {
            Self::OpenAi => reply.text().contains("data: [DONE]"),
            Self::Anthropic => reply.text().contains("event: message_stop"),
            Self::Gemini => reply.text().contains("\"finishReason\":"),
            Self::Ollama => reply.text().contains("\"done\":true"),
        }
    }

    /// Returns all input and all output tokens that a reply reports, by its last report of each.
    pub(crate) fn usage(self, reply: &Reply) -> Option<(u64, u64)> {
        let values = match self {
            Self::Ollama => reply.lines(),
            _ if reply.text().starts_with('{') => vec![reply.json()],
            Self::OpenAi | Self::Anthropic | Self::Gemini => reply.events(),
        };
        let last = |pointer: &str| values.iter().rev().find_map(|value| value.pointer(pointer)?.as_u64());
        match self {
            Self::OpenAi => Some((last("/usage/prompt_tokens")?, last("/usage/completion_tokens")?)),
            Self::Anthropic => {
                let start = |name: &str| {
                    last(&format!("/message/usage/{name}")).or_else(|| last(&format!("/usage/{name}")))
                };
                let input = start("input_tokens")?
                    + start("cache_read_input_tokens")?
                    + start("cache_creation_input_tokens")?;
                Some((input, last("/usage/output_tokens")?))
            }
            Self::Gemini => {
                let thoughts = last("/usageMetadata/thoughtsTokenCount").unwrap_or(0);
                let said = last("/usageMetadata/candidatesTokenCount").unwrap_or(0);
                Some((last("/usageMetadata/promptTokenCount")?, thoughts + said))
            }
            Self::Ollama => Some((last("/prompt_eval_count")?, last("/eval_count")?)),
        }
    }
}
