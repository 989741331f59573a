//! Embeddings: the [`Embedder`] port, and a deterministic embedder for tests.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use super::analysis::analyse;
use crate::document::store::StagedPassage;
use crate::error::{Error, Result};
use crate::id::ModelId;
use crate::language::Language;
use crate::usage::Usage;

/// Upper bound on the magnitude of a vector's numbers: inner products within it are finite in single precision.
pub const MAX_VECTOR_NUMBER: f32 = 1e12;

/// Checks that `vector` is comparable: not empty, each number finite and within [`MAX_VECTOR_NUMBER`].
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_VECTOR`.
pub fn check_vector(vector: &[f32]) -> Result<()> {
    let invalid = |message| Err(Error::invalid(message).with_code("INVALID_VECTOR"));
    if vector.is_empty() {
        return invalid("a vector has no numbers");
    }
    // NaN compares as false, too.
    if !vector.iter().all(|number| number.abs() <= MAX_VECTOR_NUMBER) {
        return invalid("a vector holds a number that is not finite or exceeds the upper bound");
    }
    Ok(())
}

/// Checks the vectors of staged passages: each is comparable, all are equally long, and `model` says who made them.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_VECTOR`.
pub fn check_staged(model: Option<&ModelId>, passages: &[StagedPassage]) -> Result<()> {
    let mut expected = None;
    for vector in passages.iter().filter_map(|passage| passage.vector.as_deref()) {
        if model.is_none() {
            return Err(Error::invalid("a passage has a vector, but the model that made it is not named")
                .with_code("INVALID_VECTOR"));
        }
        check_vector(vector)?;
        if *expected.get_or_insert(vector.len()) != vector.len() {
            return Err(unequal_vectors());
        }
    }
    Ok(())
}

/// Returns the error for a document whose vectors differ in length.
pub fn unequal_vectors() -> Error {
    Error::invalid("the vectors of a document differ in length")
        .with_code("INVALID_VECTOR")
        .with_hint("embed all passages of a document with one model")
}

/// Checks that a `vector` of `model` has the length of the `configured` embedder's vectors, if that is its model.
///
/// # Errors
/// As [`check_vector`].
pub(crate) fn check_length(
    configured: Option<&impl Embedder>,
    model: &ModelId,
    vector: &[f32],
) -> Result<()> {
    let Some(expected) = configured.filter(|known| known.model() == model).map(Embedder::dimension) else {
        return Ok(());
    };
    if vector.len() == expected {
        return Ok(());
    }
    let message = format!("the vector has {} numbers, those of `{model}` have {expected}", vector.len());
    Err(Error::invalid(message)
        .with_code("INVALID_VECTOR")
        .with_hint("supply vectors of the named model, or name the model that made them"))
}

/// Role of a text in a search; many models embed the two differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedRole {
    /// A question.
    Query,
    /// A passage to be found.
    Passage,
}

/// Vectors, and the usage of their embedding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// One for each text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// Usage, where the vendor reported it.
    pub usage: Option<Usage>,
}

/// Port of an embedding model.
///
/// # Contract
/// - One vector for each text comes back, in order; it has [`Embedder::dimension`] finite numbers.
/// - The same text in the same role gives the same vector; another vector needs another model id.
/// - The texts of one batch go out in one request: each of the [`Embedder::batches`] has an entry in the ledger.
/// - Usage that the vendor did not report is absent; it is never guessed.
/// - An error carries the [`ProviderErrorKind`](crate::llm::ProviderErrorKind) that decides retry and fallback.
#[async_trait]
pub trait Embedder: Send + Sync + fmt::Debug {
    /// Returns the provider's name, such as `openai`, for prices and records.
    fn name(&self) -> &str;

    /// Returns the model id.
    fn model(&self) -> &ModelId;

    /// Returns the vendor's name of the model, for prices and records; the id by default.
    fn vendor_model(&self) -> &str {
        self.model().as_str()
    }

    /// Returns the number of dimensions of a vector.
    fn dimension(&self) -> usize;

    /// Returns the model's context length, in tokens.
    fn token_limit(&self) -> usize;

    /// Returns whether near vectors mean near meaning; false for an embedder that only serves tests.
    fn is_semantic(&self) -> bool {
        true
    }

    /// Returns whether the model runs on the operator's own hardware, so that its tokens have no price.
    fn is_local(&self) -> bool {
        false
    }

    /// Returns whether the model runs within this process, so that no text leaves it and no third party can bill it.
    fn is_in_process(&self) -> bool {
        false
    }

    /// Returns the batches of `texts`: ranges in order that cover them all; one batch by default.
    fn batches(&self, texts: &[&str]) -> Vec<Range<usize>> {
        std::iter::once(0..texts.len()).filter(|all| !all.is_empty()).collect()
    }

    /// Embeds a batch.
    ///
    /// # Errors
    /// As made by [`ProviderErrorKind::error`](crate::llm::ProviderErrorKind::error).
    async fn embed(&self, role: EmbedRole, texts: &[&str]) -> Result<Embedded>;
}

#[async_trait]
impl<E: Embedder + ?Sized> Embedder for Arc<E> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn model(&self) -> &ModelId {
        (**self).model()
    }

    fn vendor_model(&self) -> &str {
        (**self).vendor_model()
    }

    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn token_limit(&self) -> usize {
        (**self).token_limit()
    }

    fn is_semantic(&self) -> bool {
        (**self).is_semantic()
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }

    fn is_in_process(&self) -> bool {
        (**self).is_in_process()
    }

    fn batches(&self, texts: &[&str]) -> Vec<Range<usize>> {
        (**self).batches(texts)
    }

    async fn embed(&self, role: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        (**self).embed(role, texts).await
    }
}

/// Embedder that hashes words. **It knows no meaning**: texts are near only by the words that they share.
///
/// For tests and for trying a pipeline without a model; never for judging answers.
#[derive(Clone, Debug)]
pub struct HashingEmbedder {
    model: ModelId,
    dimension: usize,
}

impl HashingEmbedder {
    /// Creates an embedder with vectors of `dimension` numbers, at least one.
    pub fn new(dimension: usize) -> Self {
        let dimension = dimension.max(1);
        Self { model: ModelId::unchecked(format!("hashing-no-meaning-{dimension}")), dimension }
    }

    fn embed_one(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0_f32; self.dimension];
        for token in analyse(text, Language::Undetermined) {
            let hash = fnv1a(token.term.as_bytes());
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            let slot = usize::try_from(hash % self.dimension as u64).unwrap_or(0);
            if let Some(value) = vector.get_mut(slot) {
                *value += sign;
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm > 0.0 {
            for value in &mut vector {
                *value /= norm;
            }
        }
        vector
    }
}

/// Returns the 64-bit FNV-1a hash: stable across platforms and releases, unlike the standard library's.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[async_trait]
impl Embedder for HashingEmbedder {
    fn name(&self) -> &'static str {
        "hashing"
    }

    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn token_limit(&self) -> usize {
        usize::MAX
    }

    fn is_semantic(&self) -> bool {
        false
    }

    fn is_local(&self) -> bool {
        true
    }

    fn is_in_process(&self) -> bool {
        true
    }

    /// Embeds the texts; each word counts as one token.
    async fn embed(&self, _role: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        let words: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
        let input_uncached = u64::try_from(words).unwrap_or(u64::MAX);
        Ok(Embedded {
            vectors: texts.iter().map(|text| self.embed_one(text)).collect(),
            usage: Some(Usage { input_uncached, ..Usage::default() }),
        })
    }
}
