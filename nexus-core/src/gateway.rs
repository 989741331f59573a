//! The only holder of models and embedders: every call to one passes here.

use std::sync::Arc;

use tracing::Instrument as _;

use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Completion, LlmProvider, Request};
use crate::principal::Principal;
use crate::retrieve::{EmbedRole, Embedder};

/// Holds the providers and makes every call to them.
///
/// INVARIANT: no other type of this crate keeps an `LlmProvider` or an `Embedder`; the builder hands them over.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    llm: Arc<dyn LlmProvider>,
    embedder: Option<Arc<dyn Embedder>>,
}

impl Gateway {
    pub(crate) fn new(llm: Arc<dyn LlmProvider>, embedder: Option<Arc<dyn Embedder>>) -> Self {
        Self { llm, embedder }
    }

    /// The provider and model that answer.
    pub(crate) fn answers_with(&self) -> (&str, &str) {
        (self.llm.name(), self.llm.model())
    }

    /// The embedder, for its facts only.
    pub(crate) fn embedder(&self) -> Option<&dyn Embedder> {
        self.embedder.as_deref()
    }

    /// Asks the model. `effect` is the claim key: the same whenever the call is tried again.
    pub(crate) async fn generate(
        &self,
        who: &Principal,
        effect: &str,
        request: Request,
    ) -> Result<Completion> {
        let (provider, model) = self.answers_with();
        let span = tracing::info_span!(
            "gen_ai.chat",
            gen_ai.provider.name = provider,
            gen_ai.request.model = model,
            tenant = %who.tenant(),
            effect
        );
        self.llm.stream(request).instrument(span).await
    }

    /// Embeds a batch, and checks that the model kept its word. Nothing without an embedder.
    pub(crate) async fn embed(
        &self,
        who: &Principal,
        role: EmbedRole,
        texts: &[&str],
    ) -> Result<Option<Vec<Vec<f32>>>> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        let span = tracing::info_span!(
            "gen_ai.embeddings",
            gen_ai.request.model = embedder.model().as_str(),
            tenant = %who.tenant(),
            texts = texts.len()
        );
        let vectors = embedder.embed(role, texts).instrument(span).await?;
        let sound = |vector: &Vec<f32>| {
            vector.len() == embedder.dimension() && vector.iter().all(|value| value.is_finite())
        };
        if vectors.len() == texts.len() && vectors.iter().all(sound) {
            Ok(Some(vectors))
        } else {
            Err(Error::new(
                ErrorKind::Unavailable,
                "the embedding model returned vectors that cannot be used",
            )
            .code("EMBEDDER_BROKEN")
            .with("model", embedder.model()))
        }
    }
}
