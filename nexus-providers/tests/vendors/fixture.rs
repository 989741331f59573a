//! Fixture of a scenario: a vendor's row, a server of its own, and requests.

use std::pin::Pin;
use std::sync::Arc;

use futures::StreamExt as _;
use nexus_core::llm::{
    Completion, CompletionEvent, CompletionStream, LlmProvider, ProviderErrorKind, Request,
};
use nexus_core::retrieve::embed::Embedder;
use nexus_core::speech::SpeechSynthesizer;
use nexus_core::{Error, Result};
use nexus_fake_provider::{Recorded, Scripted};
use nexus_providers::{HttpClient, HttpOptions, Proxy, Secret};
use serde_json::Value;

/// Key of every client.
pub(crate) const KEY: &str = "sk-test-0123456789abcdef";
/// Unique substring of the key.
pub(crate) const KEY_TELLS: &str = "0123456789ab";
/// Question of a request.
pub(crate) const QUESTION: &str = "Which rivers flow north?";

/// Scenario.
pub(crate) type Scenario = for<'w> fn(&'w World) -> Pin<Box<dyn Future<Output = ()> + 'w>>;

/// Constructor of a vendor's provider for a model.
pub(crate) type Make = fn(&HttpClient, &Scripted, &Secret, &str) -> Result<Box<dyn LlmProvider>>;

/// Constructor of a vendor's adapter with a model that follows directives.
pub(crate) type Directed<T> = fn(&World, &str) -> Box<T>;

/// Differences of a vendor's wire.
pub(crate) struct Vendor {
    /// Name of its module and feature.
    pub(crate) name: &'static str,
    /// Constructor of the provider.
    pub(crate) make: Make,
    /// Constructor of the embedder, where the vendor has one.
    pub(crate) embedder: Option<Directed<dyn Embedder>>,
    /// Constructor of the speech synthesizer, where the vendor has one.
    pub(crate) speech: Option<Directed<dyn SpeechSynthesizer>>,
    /// Path and query of a request for this model, streamed or not.
    pub(crate) target: fn(model: &str, stream: bool) -> String,
    /// Headers of its own.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Header of the key, and the prefix of its value.
    pub(crate) auth: (&'static str, &'static str),
    /// Body of the usual question for this model, streamed or not.
    pub(crate) body: fn(model: &str, stream: bool) -> Value,
    /// Whether a finish reason completes an answer without the terminal event.
    pub(crate) whole_without_marker: bool,
    /// Directives that fill every usage bucket of the wire.
    pub(crate) buckets: &'static str,
    /// Whether usage counts reasoning separately.
    pub(crate) tells_reasoning: bool,
    /// Error responses with an unusual error kind; `None` where the response is no error.
    pub(crate) refusals: &'static [(&'static str, Option<ProviderErrorKind>)],
    /// Retry hints, with their delay in seconds.
    pub(crate) retry_hints: &'static [(&'static str, f64)],
    /// Requests that the wire cannot express, and the parameter that the error must name.
    pub(crate) inexpressible: fn() -> Vec<(&'static str, Request)>,
    /// Scenarios that the wire cannot express, with the reason.
    pub(crate) skips: &'static [(&'static str, &'static str)],
    /// Scenarios of its own.
    pub(crate) own: &'static [(&'static str, Scenario)],
}

/// Server and client of one scenario.
pub(crate) struct World {
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) server: Scripted,
    pub(crate) client: HttpClient,
}

/// Events and error of a stream.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) pieces: Vec<CompletionEvent>,
    pub(crate) error: Option<Error>,
}

impl World {
    pub(crate) async fn new(vendor: Arc<Vendor>) -> Self {
        let client = HttpClient::new(&options()).unwrap();
        Self { vendor, server: Scripted::start().await.unwrap(), client }
    }

    /// Returns the vendor's provider with a model that follows `directives`.
    pub(crate) fn provider(&self, directives: &str) -> Box<dyn LlmProvider> {
        self.provider_over(&self.client, directives)
    }

    /// Returns the provider over another client.
    pub(crate) fn provider_over(&self, client: &HttpClient, directives: &str) -> Box<dyn LlmProvider> {
        (self.vendor.make)(client, &self.server, &Secret::new(KEY), &model(directives)).unwrap()
    }

    /// Requests a stream and reads it to its end.
    pub(crate) async fn hear(&self, directives: &str) -> Heard {
        self.hear_about(directives, question()).await
    }

    /// Sends another request and reads the stream to its end.
    pub(crate) async fn hear_about(&self, directives: &str, request: Request) -> Heard {
        match self.provider(directives).stream(request).await {
            Ok(pieces) => drain(pieces).await,
            Err(error) => Heard { pieces: Vec::new(), error: Some(error) },
        }
    }

    /// Requests a unary answer.
    pub(crate) async fn reply(&self, directives: &str) -> Result<Completion> {
        self.provider(directives).complete(question()).await
    }

    /// Returns the only recorded request.
    pub(crate) fn request(&self) -> Recorded {
        let [request] = self.server.requests().try_into().unwrap();
        request
    }
}

impl Heard {
    /// Returns the events of a stream that ended well.
    #[track_caller]
    pub(crate) fn whole(self) -> Vec<CompletionEvent> {
        assert!(self.error.is_none(), "{:?}", self.error);
        assert!(matches!(self.pieces.last(), Some(CompletionEvent::Finish(_))), "{:?}", self.pieces);
        let ends = self.pieces.iter().filter(|piece| matches!(piece, CompletionEvent::Finish(_))).count();
        assert_eq!(ends, 1, "{:?}", self.pieces);
        self.pieces
    }

    /// Returns the error that ended the stream.
    #[track_caller]
    pub(crate) fn failure(self) -> Error {
        assert!(
            !self.pieces.iter().any(|piece| matches!(piece, CompletionEvent::Finish(_))),
            "{:?}",
            self.pieces
        );
        self.error.unwrap()
    }

    /// Returns the texts, one for each text event.
    pub(crate) fn texts(&self) -> Vec<&str> {
        texts(&self.pieces)
    }
}

/// Returns the client's options, without the proxies of this machine.
pub(crate) fn options() -> HttpOptions {
    HttpOptions { proxy: Proxy::None, ..HttpOptions::default() }
}

/// Returns the name of a model that follows `directives`.
pub(crate) fn model(directives: &str) -> String {
    if directives.is_empty() { "scripted-1".to_owned() } else { format!("scripted-1+{directives}") }
}

/// Returns the default request.
pub(crate) fn question() -> Request {
    Request { max_tokens: Some(1_000), ..Request::asking(QUESTION) }
}

/// Reads a stream to its end, and checks that nothing follows an error.
pub(crate) async fn drain(mut stream: CompletionStream) -> Heard {
    let (mut pieces, mut error) = (Vec::new(), None);
    while let Some(piece) = stream.next().await {
        assert!(error.is_none(), "something follows an error: {piece:?}");
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(failure) => error = Some(failure),
        }
    }
    Heard { pieces, error }
}

/// Returns the texts among `pieces`.
pub(crate) fn texts(pieces: &[CompletionEvent]) -> Vec<&str> {
    pieces
        .iter()
        .filter_map(|piece| if let CompletionEvent::Text(text) = piece { Some(text.as_str()) } else { None })
        .collect()
}

/// Returns the last usage among `pieces`.
pub(crate) fn usage(pieces: &[CompletionEvent]) -> Option<nexus_core::Usage> {
    pieces
        .iter()
        .rev()
        .find_map(|piece| if let CompletionEvent::Usage(usage) = piece { Some(*usage) } else { None })
}
