//! Embeddings of OpenAI and of compatible servers: [`OpenAiEmbedder`].

use std::ops::Range;

use async_trait::async_trait;
use nexus_core::document::chunk::{EstimatedTokens, TokenCounter as _};
use nexus_core::id::ModelId;
use nexus_core::retrieve::embed::{EmbedRole, Embedded, Embedder};
use nexus_core::{Result, Usage};
use serde::{Deserialize, Serialize};

use crate::http::parameters::{checked, joined};
use crate::http::{Endpoint, Vendor, counts};

/// Upper bound on the texts of a request: OpenAI takes 2,048, but the response must fit in memory.
const MAX_TEXTS: usize = 256;
/// Upper bound on the estimated tokens of a request: OpenAI takes 300,000.
const MAX_TOKENS: usize = 200_000;

/// Embedder of OpenAI or of a compatible server, created by a [`Service`](super::Service).
///
/// Queries and passages are embedded alike. Vectors shortened by [`OpenAiEmbedder::shortened`] have a model id of
/// their own, because they are not comparable with others.
#[derive(Clone, Debug)]
pub struct OpenAiEmbedder {
    endpoint: Endpoint,
    id: ModelId,
    model: String,
    dimension: usize,
    /// Whether a request names the dimension.
    shortened: bool,
    token_limit: usize,
    is_local: bool,
}

impl OpenAiEmbedder {
    /// Default model.
    pub const DEFAULT_MODEL: &str = "text-embedding-3-small";
    /// Dimension of the default model.
    pub const DEFAULT_DIMENSION: usize = 1_536;
    /// Token limit of OpenAI's models.
    pub const DEFAULT_TOKEN_LIMIT: usize = 8_191;

    pub(super) fn new(endpoint: Endpoint, model: String, dimension: usize, is_local: bool) -> Result<Self> {
        let id = ModelId::parse(model.as_str())?;
        let token_limit = Self::DEFAULT_TOKEN_LIMIT;
        Ok(Self { endpoint, id, model, dimension, shortened: false, token_limit, is_local })
    }

    /// Sets a smaller dimension, to which the model itself shortens its vectors. `text-embedding-3-small` and
    /// `text-embedding-3-large` can, most others cannot.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_NAME` for a model id that becomes too
    /// long.
    pub fn shortened(self, dimension: usize) -> Result<Self> {
        let id = ModelId::parse(format!("{}@{dimension}", self.model))?;
        Ok(Self { id, dimension, shortened: true, ..self })
    }

    /// Sets the token limit of a text.
    #[must_use]
    pub fn with_token_limit(self, token_limit: usize) -> Self {
        Self { token_limit, ..self }
    }

    async fn batch(&self, texts: &[&str]) -> Result<Embedded> {
        let dimensions = self.shortened.then_some(self.dimension);
        let body = WireRequest { model: &self.model, input: texts, encoding_format: "float", dimensions };
        let answer: WireReply =
            self.endpoint.post("/embeddings", "application/json", &body).await?.json().await?;
        let usage = answer.usage.as_ref().and_then(WireUsage::usage);
        Ok(Embedded { vectors: order(answer, texts.len(), self.dimension, self.endpoint.vendor())?, usage })
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn name(&self) -> &str {
        self.endpoint.vendor().name()
    }

    fn model(&self) -> &ModelId {
        &self.id
    }

    fn vendor_model(&self) -> &str {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn token_limit(&self) -> usize {
        self.token_limit
    }

    fn is_local(&self) -> bool {
        self.is_local
    }

    fn batches(&self, texts: &[&str]) -> Vec<Range<usize>> {
        batches(texts.iter().map(|text| EstimatedTokens.count(text)))
    }

    async fn embed(&self, _role: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        let mut parts = Vec::new();
        for range in self.batches(texts) {
            parts.push(self.batch(texts.get(range).unwrap_or_default()).await?);
        }
        Ok(joined(parts))
    }
}

#[derive(Serialize)]
struct WireRequest<'r> {
    model: &'r str,
    input: &'r [&'r str],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct WireReply {
    data: Vec<WireVector>,
    #[serde(default, deserialize_with = "counts::usage")]
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default, deserialize_with = "counts::count")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "counts::count")]
    total_tokens: Option<u64>,
}

impl WireUsage {
    fn usage(&self) -> Option<Usage> {
        let usage = |input_uncached| Usage { input_uncached, ..Usage::default() };
        self.prompt_tokens.map(|tokens| Usage { provider_total: self.total_tokens, ..usage(tokens) })
    }
}

#[derive(Deserialize)]
struct WireVector {
    index: usize,
    embedding: Vec<f32>,
}

/// Splits texts with these token counts into requests: as many texts as the bounds allow, at least one.
fn batches(tokens: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut sum = 0_usize;
    for (place, tokens) in tokens.enumerate() {
        sum = sum.saturating_add(tokens);
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_TEXTS && sum <= MAX_TOKENS => batch.end = place + 1,
            _ => {
                batches.push(place..place + 1);
                sum = tokens;
            }
        }
    }
    batches
}

/// Sorts the vectors by their texts and checks them against the port's contract.
fn order(answer: WireReply, count: usize, dimension: usize, vendor: &Vendor) -> Result<Vec<Vec<f32>>> {
    let mut vectors = answer.data;
    vectors.sort_by_key(|vector| vector.index);
    if !vectors.iter().map(|vector| vector.index).eq(0..count) {
        return Err(vendor
            .protocol("the number of vectors differs from the number of texts")
            .with("texts", count));
    }
    let vectors = vectors.into_iter().map(|vector| vector.embedding).collect();
    checked(vectors, count, dimension, vendor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(vectors: &[(usize, &[f32])]) -> WireReply {
        let vector =
            |(index, numbers): &(usize, &[f32])| WireVector { index: *index, embedding: numbers.to_vec() };
        WireReply { data: vectors.iter().map(vector).collect(), usage: None }
    }

    #[test]
    fn vectors_come_in_the_order_of_their_texts() {
        let vendor = Vendor::new("acme");
        let ordered = order(reply(&[(1, &[2.0]), (0, &[1.0])]), 2, 1, &vendor).unwrap();
        assert_eq!(ordered, [[1.0], [2.0]]);
    }

    #[test]
    fn vectors_that_are_missing_twice_there_or_unfit_are_refused() {
        let vendor = Vendor::new("acme");
        for unfit in [
            reply(&[(0, &[1.0])]),
            reply(&[(0, &[1.0]), (0, &[1.0])]),
            reply(&[(0, &[1.0]), (2, &[1.0])]),
            reply(&[(0, &[1.0]), (1, &[1.0, 2.0])]),
            reply(&[(0, &[1.0]), (1, &[f32::INFINITY])]),
        ] {
            assert_eq!(order(unfit, 2, 1, &vendor).unwrap_err().code(), "PROVIDER_PROTOCOL");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_and_no_batch_is_too_large(
            tokens in prop::collection::vec(prop_oneof![9 => 0_usize..2_000, 1 => 0..300_000_usize], 0..600),
        ) {
            let batches = batches(tokens.iter().copied());
            prop_assert!(batches.iter().cloned().flatten().eq(0..tokens.len()));
            for batch in batches {
                let sum: usize = tokens[batch.clone()].iter().sum();
                prop_assert!(batch.len() == 1 || (batch.len() <= MAX_TEXTS && sum <= MAX_TOKENS));
            }
        }
    }
}
