//! Vectors for texts: [`Gateway::embed`].

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{ModelOperation, OperationOutput, record_error};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::bound::max_text_tokens;
use crate::gateway::call::Admission;
use crate::gateway::plan::fingerprint;
use crate::gateway::{Gateway, Origin};
use crate::ledger::Operation;
use crate::principal::Principal;
use crate::retrieve::{EmbedRole, Embedded, Embedder, check_vector};

/// How many requests of one batch are under way at once.
const AT_ONCE: usize = 4;

/// Texts to embed, as many as go into one request.
#[derive(Debug)]
struct Embedding {
    embedder: Arc<dyn Embedder>,
    role: EmbedRole,
    texts: Vec<String>,
}

impl Gateway {
    /// Embeds a batch, and checks that the model kept its word. Nothing without an embedder. What the cache knows is not
    /// embedded again.
    ///
    /// Each request that the batch is cut into is a call of its own. A refusal of one refuses the batch; what others
    /// consumed by then is settled.
    pub(crate) async fn embed(
        &self,
        caller: &Principal,
        origin: &Origin,
        role: EmbedRole,
        texts: &[&str],
    ) -> Result<Admission<Option<Vec<Vec<f32>>>>> {
        let Some(embedder) = &self.embedder() else { return Ok(Admission::Granted(None)) };
        let known = self.lookup_embeddings(caller, embedder.as_ref(), role, texts).await;
        let missing: Vec<&str> =
            known.missing().into_iter().filter_map(|place| texts.get(place).copied()).collect();
        let made = match self.embed_missing(caller, origin, embedder, role, &missing).await? {
            Admission::Granted(made) => made,
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        self.store_embeddings(&known, &made, origin.run_id()).await;
        known
            .with(made)
            .map(|vectors| Admission::Granted(Some(vectors)))
            .ok_or_else(|| broken(embedder.as_ref()))
    }

    /// Has every text embedded.
    async fn embed_missing(
        &self,
        caller: &Principal,
        origin: &Origin,
        embedder: &Arc<dyn Embedder>,
        role: EmbedRole,
        texts: &[&str],
    ) -> Result<Admission<Vec<Vec<f32>>>> {
        let cut = |range: Range<usize>| -> Vec<String> {
            texts.get(range).unwrap_or_default().iter().map(|text| (*text).to_owned()).collect()
        };
        let errands: Vec<Embedding> = embedder
            .batches(texts)
            .into_iter()
            .map(|range| Embedding { embedder: Arc::clone(embedder), role, texts: cut(range) })
            .collect();
        let mut made = stream::iter(errands.into_iter().map(|errand| self.once(caller, origin, errand)))
            .buffered(AT_ONCE);
        let mut vectors = Vec::with_capacity(texts.len());
        while let Some(granted) = made.try_next().await? {
            match granted {
                Admission::Granted(mut more) => vectors.append(&mut more),
                Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
            }
        }
        if vectors.len() == texts.len() {
            Ok(Admission::Granted(vectors))
        } else {
            Err(broken(embedder.as_ref()))
        }
    }
}

#[async_trait]
impl ModelOperation for Embedding {
    const OPERATION: Operation = Operation::Embed;
    const SERVICE: &'static str = "embedding";

    type Product = Vec<Vec<f32>>;

    fn provider(&self) -> &str {
        self.embedder.name()
    }

    fn model(&self) -> &str {
        self.embedder.vendor_model()
    }

    fn is_local(&self) -> bool {
        self.embedder.is_local()
    }

    fn is_in_process(&self) -> bool {
        self.embedder.is_in_process()
    }

    fn max_input_tokens(&self) -> u64 {
        max_text_tokens(&self.texts)
    }

    fn digest(&self, caller: &Principal) -> Result<String> {
        let role = match self.role {
            EmbedRole::Query => "query",
            EmbedRole::Passage => "passage",
        };
        let model = self.embedder.model();
        fingerprint(&(
            "nexus/embed/v1",
            caller.tenant(),
            caller.subject(),
            self.provider(),
            model,
            role,
            &self.texts,
        ))
    }

    async fn attempt(&self) -> Result<OperationOutput<Vec<Vec<f32>>>> {
        let span = tracing::info_span!(
            "gen_ai.embeddings",
            gen_ai.operation.name = "embeddings",
            gen_ai.provider.name = self.provider(),
            gen_ai.request.model = self.model(),
            gen_ai.usage.input_tokens = Empty,
            error.type = Empty,
            texts = self.texts.len()
        );
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let made = self.embedder.embed(self.role, &texts).instrument(span.clone()).await;
        let Embedded { vectors, usage } = record_error(&span, made)?;
        span.record("gen_ai.usage.input_tokens", usage.and_then(|usage| usage.input()));
        let is_sound =
            |vector: &Vec<f32>| vector.len() == self.embedder.dimension() && check_vector(vector).is_ok();
        let kept = vectors.len() == texts.len() && vectors.iter().all(is_sound);
        let product = if kept { Ok(vectors) } else { Err(broken(self.embedder.as_ref())) };
        Ok(OperationOutput { product, usage })
    }
}

fn broken(embedder: &dyn Embedder) -> Error {
    Error::new(ErrorKind::Unavailable, "the embedding model returned vectors that cannot be used")
        .code("EMBEDDER_BROKEN")
        .with("model", embedder.model())
}
