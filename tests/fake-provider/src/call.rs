//! Request in flight: [`Call`], from its arrival to its response.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts as _, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ask::Ask;
use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::log::{Billed, Entry, Outcome, Ticket};
use crate::record::Recorded;
use crate::refusal::{Kind, Refusal};
use crate::script::Script;
use crate::server::Server;

/// Upper bound on the length of a body.
const LONGEST: usize = 64 << 20;
pub(crate) const JSON: &str = "application/json";

/// Request that arrived whole and is in the log.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) dialect: Dialect,
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
    pub(crate) body: Bytes,
    /// Last parameter of the path, decoded.
    pub(crate) target: String,
    pub(crate) script: Script,
    pub(crate) key: String,
    pub(crate) server: Arc<Server>,
    pub(crate) connection: Connection,
    pub(crate) ticket: Ticket,
}

impl FromRequest<Arc<Server>> for Call {
    type Rejection = StatusCode;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, StatusCode> {
        let (mut parts, body) = request.into_parts();
        let connection = parts
            .extensions
            .get::<ConnectInfo<Connection>>()
            .map_or_else(|| Connection(Arc::default()), |ConnectInfo(connection)| connection.clone());
        let target = match RawPathParams::from_request_parts(&mut parts, server).await {
            Ok(all) => all.iter().last().map(|(_, value)| value.to_owned()).unwrap_or_default(),
            Err(_) => String::new(),
        };
        // A truncated body leaves no client to answer, so this is for one that is too long. Neither is billed.
        let body = to_bytes(body, LONGEST).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let dialect = Dialect::of(parts.uri.path(), &parts.headers);
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let key = dialect.key(&parts.headers, &query);
        let ticket = server.log.open(entry(dialect, &parts, &key));
        server.record(Recorded {
            id: ticket.id(),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: query.clone(),
            headers: parts.headers.clone(),
            body: body.clone(),
        });
        let server = Arc::clone(server);
        let (headers, script) = (parts.headers, Script::default());
        Ok(Self { dialect, headers, query, body, target, script, key, server, connection, ticket })
    }
}

fn entry(dialect: Dialect, parts: &axum::http::request::Parts, key: &str) -> Entry {
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Entry {
        id: 0,
        at_us: 0,
        dialect,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        model: String::new(),
        streamed: false,
        key: fingerprint(key),
        status: None,
        outcome: Outcome::UnderWay,
        frames: 0,
        usage_sent: false,
        billed: Billed::default(),
        client_request_id: header("x-request-id"),
        attempt: header("x-nexus-attempt"),
        retry_count: header("x-stainless-retry-count"),
        idempotency_key: header("idempotency-key"),
    }
}

/// Returns the first 16 hexadecimal digits of the key's SHA-256.
pub(crate) fn fingerprint(key: &str) -> String {
    if key.is_empty() {
        return String::new();
    }
    let digest = Sha256::digest(key);
    let first = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    format!("{first:016x}")
}

/// Refusal of a request.
pub(crate) type Stopped = Box<Refusal>;

impl Call {
    pub(crate) fn id(&self) -> u64 {
        self.ticket.id()
    }

    /// Returns the request's key; empty without one.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Stopped> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Box::new(Refusal::new(Kind::Invalid, "the body of the request is not valid JSON")))
    }

    /// Records the model, demands a key and parses the script. Must come before every possible refusal.
    pub(crate) fn begin(&mut self, model: &str, streamed: bool) -> Result<(), Stopped> {
        self.ticket.about(model, streamed);
        if self.key.is_empty() && self.dialect != Dialect::Ollama {
            return Err(Box::new(Refusal::new(Kind::Unauthorised, "You did not provide an API key")));
        }
        if model.is_empty() {
            return Err(Box::new(Refusal::field("model", "a model is required")));
        }
        let script = Script::parse(model).and_then(|script| script.fits(self.dialect).map(|()| script));
        let mut script = script.map_err(|reason| Box::new(Refusal::new(Kind::NotFound, reason)))?;
        if !self.server.faults_apply(script.when, model, &self.scope()) {
            script.faults = crate::script::Faults::default();
        }
        self.script = script;
        Ok(())
    }

    /// Returns the scope that counts this request: the client's own, or else its key.
    fn scope(&self) -> String {
        let given = self.headers.get("x-scripted-scope").and_then(|value| value.to_str().ok());
        given.map_or_else(|| fingerprint(&self.key), str::to_owned)
    }
}

/// Answers an extracted call: the reply, or the refusal.
pub(crate) async fn settle<F: Future<Output = Response>>(
    mut call: Call,
    read: impl FnOnce(&mut Call) -> Result<Ask, Stopped>,
    reply: impl FnOnce(Call, Ask) -> F,
) -> Response {
    match read(&mut call) {
        Ok(ask) => reply(call, ask).await,
        Err(refusal) => call.refuse(&refusal),
    }
}

/// Returns a response with JSON, without script and without bill.
pub(crate) fn plain(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}
