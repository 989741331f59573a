//! Embeddings: [`Gateway::embed`] turns texts into vectors, in calls of as many texts as fit into one request.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{
    Answered, AttemptContext, AttemptEnd, AttemptResult, ModelOperation, await_unary, fingerprint,
    record_error,
};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::call::Admission;
use crate::gateway::call_task::CallTask;
use crate::gateway::plan::{PlannedAttempt, max_text_tokens};
use crate::gateway::routing::{Candidate, Route, Routing};
use crate::gateway::{Gateway, Origin};
use crate::ledger::Operation;
use crate::principal::Principal;
use crate::retrieve::{EmbedRole, Embedded, Embedder, check_vector};

/// The most requests of one batch in flight at once.
const MAX_CONCURRENT_REQUESTS: usize = 4;

/// The texts of one embedding request.
#[derive(Debug)]
struct EmbeddingRequest {
    embedder: Arc<dyn Embedder>,
    role: EmbedRole,
    texts: Vec<String>,
}

impl Gateway {
    /// Embeds a batch, and checks the vectors against the model's dimension. Nothing without an embedder. Texts whose
    /// vectors are cached are not embedded again.
    ///
    /// Each request that the batch is cut into is a call of its own. A refusal of one refuses the batch; calls that were
    /// made by then are settled.
    pub(crate) async fn embed(
        &self,
        caller: &Principal,
        origin: &Origin,
        role: EmbedRole,
        texts: &[&str],
    ) -> Result<Admission<Option<Vec<Vec<f32>>>>> {
        let Some(embedder) = &self.embedder() else { return Ok(Admission::Granted(None)) };
        let cached = self.lookup_embeddings(caller, embedder.as_ref(), role, texts).await;
        let missing: Vec<&str> =
            cached.missing().into_iter().filter_map(|place| texts.get(place).copied()).collect();
        let embedded = match self.embed_missing(caller, origin, embedder, role, &missing).await? {
            Admission::Granted(embedded) => embedded,
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        self.store_embeddings(&cached, &embedded, origin.run_id()).await;
        cached
            .with(embedded)
            .map(|vectors| Admission::Granted(Some(vectors)))
            .ok_or_else(|| broken(embedder.as_ref()))
    }

    /// Embeds every text, without the cache.
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
        let tasks: Vec<_> = embedder
            .batches(texts)
            .into_iter()
            .map(|range| EmbeddingRequest { embedder: Arc::clone(embedder), role, texts: cut(range) })
            .map(|request| CallTask::new(self, caller, origin.clone(), request))
            .collect();
        let mut admissions =
            stream::iter(tasks.into_iter().map(CallTask::run_unary)).buffered(MAX_CONCURRENT_REQUESTS);
        let mut vectors = Vec::with_capacity(texts.len());
        while let Some(admission) = admissions.try_next().await? {
            match admission {
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
impl ModelOperation for EmbeddingRequest {
    const OPERATION: Operation = Operation::Embed;
    const SERVICE: &'static str = "embedding";

    type Provider = Arc<dyn Embedder>;
    type Answer = Vec<Vec<f32>>;

    fn candidates(&self, _route: &Route, _routing: &Routing) -> Result<Vec<Candidate<Self::Provider>>> {
        Ok(vec![Candidate {
            name: self.embedder.name().to_owned(),
            kind: self.embedder.name().to_owned(),
            provider: Arc::clone(&self.embedder),
            model: self.embedder.vendor_model().to_owned(),
            is_local: self.embedder.is_local(),
        }])
    }

    fn is_in_process(&self) -> bool {
        self.embedder.is_in_process()
    }

    fn digest(&self, caller: &Principal) -> Result<String> {
        let role = match self.role {
            EmbedRole::Query => "query",
            EmbedRole::Passage => "passage",
        };
        let (provider, model) = (self.embedder.name(), self.embedder.model());
        fingerprint(&(
            "nexus/embed/v1",
            caller.tenant(),
            caller.subject(),
            provider,
            model,
            role,
            &self.texts,
        ))
    }

    fn max_input_tokens(&self) -> u64 {
        max_text_tokens(&self.texts)
    }

    async fn attempt(
        &self,
        planned: &PlannedAttempt<Self::Provider>,
        context: &AttemptContext,
    ) -> AttemptResult<Vec<Vec<f32>>> {
        await_unary(context, self.request_vectors(&planned.candidate)).await
    }
}

impl EmbeddingRequest {
    async fn request_vectors(
        &self,
        candidate: &Candidate<Arc<dyn Embedder>>,
    ) -> Result<AttemptEnd<Vec<Vec<f32>>>> {
        let span = tracing::info_span!(
            "gen_ai.embeddings",
            gen_ai.operation.name = "embeddings",
            gen_ai.provider.name = candidate.kind.as_str(),
            gen_ai.request.model = candidate.model.as_str(),
            gen_ai.usage.input_tokens = Empty,
            error.type = Empty,
            texts = self.texts.len()
        );
        let embedder = &candidate.provider;
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let embedded = embedder.embed(self.role, &texts).instrument(span.clone()).await;
        let Embedded { vectors, usage } = record_error(&span, embedded)?;
        span.record("gen_ai.usage.input_tokens", usage.and_then(|usage| usage.input()));
        let is_sound =
            |vector: &Vec<f32>| vector.len() == embedder.dimension() && check_vector(vector).is_ok();
        Ok(if vectors.len() == texts.len() && vectors.iter().all(is_sound) {
            AttemptEnd::Answered(Answered { answer: vectors, usage })
        } else {
            AttemptEnd::Unusable { error: broken(embedder.as_ref()), usage }
        })
    }
}

fn broken(embedder: &dyn Embedder) -> Error {
    Error::new(ErrorKind::Unavailable, "the embedding model returned vectors that cannot be used")
        .with_code("EMBEDDER_BROKEN")
        .with("model", embedder.model())
}
