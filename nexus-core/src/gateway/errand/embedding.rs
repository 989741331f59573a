//! Vectors for texts: [`Gateway::embed`].

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{Answer, Errand, told};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::bound::texts_bound;
use crate::gateway::call::Granted;
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
        who: &Principal,
        origin: &Origin,
        role: EmbedRole,
        texts: &[&str],
    ) -> Result<Granted<Option<Vec<Vec<f32>>>>> {
        let Some(embedder) = &self.embedder() else { return Ok(Granted::Yes(None)) };
        let known = self.known(who, embedder.as_ref(), role, texts).await;
        let missing: Vec<&str> =
            known.missing().into_iter().filter_map(|place| texts.get(place).copied()).collect();
        let made = match self.make(who, origin, embedder, role, &missing).await? {
            Granted::Yes(made) => made,
            Granted::No(refused) => return Ok(Granted::No(refused)),
        };
        self.keep_made(&known, &made, origin.run_id()).await;
        known.with(made).map(|vectors| Granted::Yes(Some(vectors))).ok_or_else(|| broken(embedder.as_ref()))
    }

    /// Has every text embedded.
    async fn make(
        &self,
        who: &Principal,
        origin: &Origin,
        embedder: &Arc<dyn Embedder>,
        role: EmbedRole,
        texts: &[&str],
    ) -> Result<Granted<Vec<Vec<f32>>>> {
        let cut = |range: Range<usize>| -> Vec<String> {
            texts.get(range).unwrap_or_default().iter().map(|text| (*text).to_owned()).collect()
        };
        let errands: Vec<Embedding> = embedder
            .batches(texts)
            .into_iter()
            .map(|range| Embedding { embedder: Arc::clone(embedder), role, texts: cut(range) })
            .collect();
        let mut made =
            stream::iter(errands.into_iter().map(|errand| self.once(who, origin, errand))).buffered(AT_ONCE);
        let mut vectors = Vec::with_capacity(texts.len());
        while let Some(granted) = made.try_next().await? {
            match granted {
                Granted::Yes(mut more) => vectors.append(&mut more),
                Granted::No(refused) => return Ok(Granted::No(refused)),
            }
        }
        if vectors.len() == texts.len() { Ok(Granted::Yes(vectors)) } else { Err(broken(embedder.as_ref())) }
    }
}

#[async_trait]
impl Errand for Embedding {
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

    fn bound(&self) -> u64 {
        texts_bound(&self.texts)
    }

    fn digest(&self, who: &Principal) -> Result<String> {
        let role = match self.role {
            EmbedRole::Query => "query",
            EmbedRole::Passage => "passage",
        };
        let model = self.embedder.model();
        fingerprint(&(
            "nexus/embed/v1",
            who.tenant(),
            who.subject(),
            self.provider(),
            model,
            role,
            &self.texts,
        ))
    }

    async fn carry_out(&self) -> Result<Answer<Vec<Vec<f32>>>> {
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
        let Embedded { vectors, usage } = told(&span, made)?;
        span.record("gen_ai.usage.input_tokens", usage.and_then(|usage| usage.input()));
        let is_sound =
            |vector: &Vec<f32>| vector.len() == self.embedder.dimension() && check_vector(vector).is_ok();
        let kept = vectors.len() == texts.len() && vectors.iter().all(is_sound);
        let product = if kept { Ok(vectors) } else { Err(broken(self.embedder.as_ref())) };
        Ok(Answer { product, usage })
    }
}

fn broken(embedder: &dyn Embedder) -> Error {
    Error::new(ErrorKind::Unavailable, "the embedding model returned vectors that cannot be used")
        .code("EMBEDDER_BROKEN")
        .with("model", embedder.model())
}
