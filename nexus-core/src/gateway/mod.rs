//! The only holder of models and embedders: every call to one passes here.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Completion, Fault, LlmProvider, Request};
use crate::principal::Principal;
use crate::retrieve::{EmbedRole, Embedder};

/// Holds the providers and makes every call to them.
///
/// INVARIANT: no other type of this crate keeps an `LlmProvider` or an `Embedder`; the builder hands them over.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    llm: Arc<dyn LlmProvider>,
    embedder: Option<Arc<dyn Embedder>>,
    patience: Duration,
}

impl Gateway {
    /// A gateway that waits for `patience` until an answer begins, between its pieces, and for vectors.
    pub(crate) fn new(
        llm: Arc<dyn LlmProvider>,
        embedder: Option<Arc<dyn Embedder>>,
        patience: Duration,
    ) -> Self {
        Self { llm, embedder, patience }
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
        let begun = timeout(self.patience, self.llm.stream(request).instrument(span)).await;
        Ok(impatient(begun.map_err(|_| silent())??, self.patience))
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
        let embedding = embedder.embed(role, texts).instrument(span);
        let vectors = timeout(self.patience, embedding).await.map_err(|_| silent())??;
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

/// The same answer, which fails when the model falls silent for `patience`.
fn impatient(completion: Completion, patience: Duration) -> Completion {
    Box::pin(stream::unfold(Some(completion), move |completion| async move {
        let mut completion = completion?;
        match timeout(patience, completion.next()).await {
            Ok(piece) => piece.map(|piece| (piece, Some(completion))),
            Err(_) => Some((Err(silent()), None)),
        }
    }))
}

fn silent() -> Error {
    Fault::Timeout.error("the model did not answer in time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Piece;

    #[tokio::test(start_paused = true)]
    async fn a_model_that_falls_silent_ends_in_a_timeout() {
        let said = stream::iter([Ok(Piece::Text("Leave".to_owned()))]).chain(stream::pending());
        let mut pieces = impatient(Box::pin(said), Duration::from_secs(5));
        assert!(pieces.next().await.unwrap().is_ok());
        assert_eq!(pieces.next().await.unwrap().unwrap_err().stable_code(), "MODEL_TIMEOUT");
        assert!(pieces.next().await.is_none());
    }
}
