//! Provider of chat completions: [`OpenAi`].

use async_trait::async_trait;
use futures::stream;
use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionStream, LlmProvider, ModelInfo, Request};

use super::response::{WireReply, read};
use super::stream::ChatStream;
use super::tool_calls::Calls;
use super::{Dialect, Service, models, request};
use crate::http::tool_calls::made_earlier;
use crate::http::{Endpoint, SseDecoder, VendorResponse, completion};

const PATH: &str = "/chat/completions";
const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Chat completions of OpenAI or of a compatible server, created by a [`Service`].
#[derive(Clone, Debug)]
pub struct OpenAi {
    endpoint: Endpoint,
    dialect: Dialect,
    model: String,
    is_local: bool,
}

impl OpenAi {
    /// Default model: no reasoning, a context window of 128,000 tokens, and a low price.
    pub const DEFAULT_MODEL: &str = "gpt-4o";

    pub(super) fn new(endpoint: Endpoint, service: &Service, model: String) -> Self {
        Self { endpoint, dialect: service.dialect, model, is_local: service.is_local }
    }

    async fn ask(&self, request: &Request, stream: bool) -> Result<VendorResponse> {
        let model = request.model.as_deref().unwrap_or(&self.model);
        let body = request::write(request, model, self.dialect, stream, self.endpoint.vendor())?;
        self.endpoint.post(PATH, if stream { EVENTS } else { JSON }, &body).await
    }

    fn calls(&self, request: &Request) -> Calls {
        Calls::new(self.endpoint.vendor().clone(), made_earlier(request))
    }

    async fn read(&self, answer: VendorResponse, calls: Calls) -> Result<Completion> {
        let wire: WireReply = answer.json().await?;
        read(wire, calls, self.endpoint.vendor())
    }
}

#[async_trait]
impl LlmProvider for OpenAi {
    fn name(&self) -> &str {
        self.endpoint.vendor().name()
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn info(&self, model: &str) -> ModelInfo {
        if self.is_local {
            return ModelInfo { is_local: true, ..ModelInfo::default() };
        }
        models::info(model)
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        let calls = self.calls(&request);
        let answer = self.ask(&request, true).await?;
        // A server without streaming sends a unary answer, and some errors arrive that way too.
        if answer.is(JSON) {
            let reply = self.read(answer, calls).await?;
            return Ok(Box::pin(stream::iter(reply.into_pieces().into_iter().map(Ok))));
        }
        let decoder = SseDecoder::new(self.endpoint.max_frame_bytes());
        Ok(completion(answer, decoder, ChatStream::new(self.endpoint.vendor().clone(), calls)))
    }

    async fn complete(&self, request: Request) -> Result<Completion> {
        let calls = self.calls(&request);
        let answer = self.ask(&request, false).await?;
        self.read(answer, calls).await
    }
}
