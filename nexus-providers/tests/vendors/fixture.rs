//! What a scenario has at hand: a vendor's row, a server of its own, and ways to ask.

use std::pin::Pin;
use std::sync::Arc;

use futures::StreamExt as _;
use nexus_core::llm::{
    Completion, CompletionEvent, CompletionStream, LlmProvider, ProviderErrorKind, Request,
};
use nexus_core::{Error, Result};
use nexus_fake_provider::{Recorded, Scripted};
use nexus_providers::{HttpClient, HttpOptions, Proxy, Secret};
use serde_json::Value;

/// The key that every client brings.
pub(crate) const KEY: &str = "sk-test-0123456789abcdef";
/// A part of it that nothing else holds.
pub(crate) const KEY_TELLS: &str = "0123456789ab";
/// What is asked.
pub(crate) const QUESTION: &str = "Which rivers flow north?";

/// A scenario.
pub(crate) type Scenario = for<'w> fn(&'w World) -> Pin<Box<dyn Future<Output = ()> + 'w>>;

/// Makes a vendor's provider for a model.
pub(crate) type Make = fn(&HttpClient, &Scripted, &Secret, &str) -> Result<Box<dyn LlmProvider>>;

/// Where a vendor's wire differs from others.
pub(crate) struct Vendor {
    /// The name of its module and feature.
    pub(crate) name: &'static str,
    /// Makes the provider.
    pub(crate) make: Make,
    /// The path and the query of a request for this model, streamed or not.
    pub(crate) target: fn(model: &str, stream: bool) -> String,
    /// Headers of its own.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The header with the key, and what stands before it.
    pub(crate) auth: (&'static str, &'static str),
    /// The body that asks this model the usual question, streamed or not.
    pub(crate) body: fn(model: &str, stream: bool) -> Value,
    /// Whether an answer that tells its reason to finish is whole without the marker at its end.
    pub(crate) whole_without_marker: bool,
    /// Directives that fill every bucket of usage that the wire can tell.
    pub(crate) buckets: &'static str,
    /// Whether usage tells the thinking apart.
    pub(crate) tells_reasoning: bool,
    /// Refusals that mean something else than usual; nothing where it is no refusal.
    pub(crate) refusals: &'static [(&'static str, Option<ProviderErrorKind>)],
    /// Hints for trying again, with the seconds that they mean.
    pub(crate) retry_hints: &'static [(&'static str, f64)],
    /// Requests that the wire cannot express, and what the sentence must name.
    pub(crate) inexpressible: fn() -> Vec<(&'static str, Request)>,
    /// Scenarios that the wire cannot express, and why.
    pub(crate) skips: &'static [(&'static str, &'static str)],
    /// Scenarios of its own.
    pub(crate) own: &'static [(&'static str, Scenario)],
}

/// A server and a client for one scenario.
pub(crate) struct World {
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) server: Scripted,
    pub(crate) client: HttpClient,
}

/// What a stream gave until it ended.
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

    /// The vendor's provider, whose model does what `directives` say.
    pub(crate) fn provider(&self, directives: &str) -> Box<dyn LlmProvider> {
        self.provider_over(&self.client, directives)
    }

    /// The same over another client.
    pub(crate) fn provider_over(&self, client: &HttpClient, directives: &str) -> Box<dyn LlmProvider> {
        (self.vendor.make)(client, &self.server, &Secret::new(KEY), &model(directives)).unwrap()
    }

    /// Asks for a stream and reads it to its end.
    pub(crate) async fn hear(&self, directives: &str) -> Heard {
        self.hear_about(directives, question()).await
    }

    /// The same with another request.
    pub(crate) async fn hear_about(&self, directives: &str, request: Request) -> Heard {
        match self.provider(directives).stream(request).await {
            Ok(pieces) => drain(pieces).await,
            Err(error) => Heard { pieces: Vec::new(), error: Some(error) },
        }
    }

    /// Asks for an answer in one piece.
    pub(crate) async fn reply(&self, directives: &str) -> Result<Completion> {
        self.provider(directives).complete(question()).await
    }

    /// The only request that was made.
    pub(crate) fn request(&self) -> Recorded {
        let [request] = self.server.requests().try_into().unwrap();
        request
    }
}

impl Heard {
    /// The pieces of a stream that ended well.
    #[track_caller]
    pub(crate) fn whole(self) -> Vec<CompletionEvent> {
        assert!(self.error.is_none(), "{:?}", self.error);
        assert!(matches!(self.pieces.last(), Some(CompletionEvent::Finish(_))), "{:?}", self.pieces);
        let ends = self.pieces.iter().filter(|piece| matches!(piece, CompletionEvent::Finish(_))).count();
        assert_eq!(ends, 1, "{:?}", self.pieces);
        self.pieces
    }

    /// The error that ended it.
    #[track_caller]
    pub(crate) fn failure(self) -> Error {
        assert!(
            !self.pieces.iter().any(|piece| matches!(piece, CompletionEvent::Finish(_))),
            "{:?}",
            self.pieces
        );
        self.error.unwrap()
    }

    /// The texts, one for each piece.
    pub(crate) fn texts(&self) -> Vec<&str> {
        texts(&self.pieces)
    }
}

/// The client's options: this machine's proxies are none of the tests' business.
pub(crate) fn options() -> HttpOptions {
    HttpOptions { proxy: Proxy::None, ..HttpOptions::default() }
}

/// The name of the model that does what `directives` say.
pub(crate) fn model(directives: &str) -> String {
    if directives.is_empty() { "scripted-1".to_owned() } else { format!("scripted-1+{directives}") }
}

/// The question that is asked unless a scenario has its own.
pub(crate) fn question() -> Request {
    Request { max_tokens: Some(1_000), ..Request::asking(QUESTION) }
}

/// Reads a stream to its end, and a little further: nothing may follow.
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

/// The texts among `pieces`.
pub(crate) fn texts(pieces: &[CompletionEvent]) -> Vec<&str> {
    pieces
        .iter()
        .filter_map(|piece| if let CompletionEvent::Text(text) = piece { Some(text.as_str()) } else { None })
        .collect()
}

/// The last usage among `pieces`.
pub(crate) fn usage(pieces: &[CompletionEvent]) -> Option<nexus_core::Usage> {
    pieces
        .iter()
        .rev()
        .find_map(|piece| if let CompletionEvent::Usage(usage) = piece { Some(*usage) } else { None })
}
