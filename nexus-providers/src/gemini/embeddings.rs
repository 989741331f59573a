//! Embeddings of Gemini: [`GeminiEmbedder`].

use std::ops::Range;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexus_core::id::ModelId;
use nexus_core::retrieve::{EmbedRole, Embedded, Embedder};
use nexus_core::{Result, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Google;
use super::usage::UsageMetadata;
use crate::http::parameters::{checked, joined};

/// Default embedding model.
pub const EMBEDDING_MODEL: &str = "gemini-embedding-001";
/// Default dimension.
const DIMENSION: usize = 768;
/// Token limit of a text.
const TOKENS: usize = 2_048;
/// Batch size of the Gemini API.
const BATCH: usize = 100;
/// Concurrent requests on Vertex AI, where this model takes one text each.
const AT_ONCE: usize = 8;
const JSON: &str = "application/json";

/// Embedder of Gemini, with a task type each for queries and passages. The vendor truncates a text beyond the token
/// limit.
///
/// Vectors are normalised here, because the model shortens its vectors without normalising them.
#[derive(Clone, Debug)]
pub struct GeminiEmbedder {
    google: Google,
    name: String,
    model: ModelId,
    dimension: usize,
}

/// Response to a batch. Newer models report usage, `gemini-embedding-001` does not.
#[derive(Deserialize)]
struct Batch {
    embeddings: Vec<Values>,
    #[serde(rename = "usageMetadata", default)]
    usage: UsageMetadata,
}

#[derive(Deserialize)]
struct Predictions {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Values,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f32>,
    /// Only on Vertex AI.
    #[serde(default)]
    statistics: Statistics,
}

#[derive(Default, Deserialize)]
struct Statistics {
    /// A decimal number on this wire.
    token_count: Option<f64>,
}

impl Statistics {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked right before")]
    fn usage(&self) -> Option<Usage> {
        let whole = self.token_count.filter(|count| (0.0..9e15).contains(count) && count.fract() == 0.0)?;
        Some(Usage { input_uncached: whole as u64, ..Usage::default() })
    }
}

impl GeminiEmbedder {
    /// Creates an embedder of `gemini-embedding-001` with 768 dimensions.
    ///
    /// # Errors
    /// Never in practice: the model name is a valid id.
    pub fn new(google: Google) -> Result<Self> {
        let (name, dimension) = (EMBEDDING_MODEL.to_owned(), DIMENSION);
        Ok(Self { google, model: id(&name, dimension)?, name, dimension })
    }

    /// Sets the model and the dimension.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) for an invalid model name.
    pub fn with_model(self, name: &str, dimension: usize) -> Result<Self> {
        Ok(Self { model: id(name, dimension)?, name: name.to_owned(), dimension, ..self })
    }

    async fn batch(&self, task: &str, texts: &[&str]) -> Result<Embedded> {
        let model = format!("models/{}", self.name);
        let requests = texts.iter().map(|text| {
            json!({
                "model": model, "content": {"parts": [{"text": text}]}, "taskType": task,
                "outputDimensionality": self.dimension
            })
        });
        let body = json!({"requests": requests.collect::<Vec<Value>>()});
        let answer = self.google.ask(&self.name, "batchEmbedContents", JSON, &body).await?;
        let Batch { embeddings, usage } = answer.json().await?;
        // An inconsistent count is dropped.
        let usage = usage.usage().unwrap_or_default();
        Ok(Embedded { vectors: self.checked(embeddings, texts.len())?, usage })
    }

    async fn predict(&self, task: &str, text: &str) -> Result<Embedded> {
        let body = json!({
            "instances": [{"content": text, "task_type": task}],
            "parameters": {"outputDimensionality": self.dimension}
        });
        let answer = self.google.ask(&self.name, "predict", JSON, &body).await?;
        let Predictions { predictions } = answer.json().await?;
        let values: Vec<Values> = predictions.into_iter().map(|prediction| prediction.embeddings).collect();
        let usage = values.first().and_then(|values| values.statistics.usage());
        Ok(Embedded { vectors: self.checked(values, 1)?, usage })
    }

    fn checked(&self, values: Vec<Values>, count: usize) -> Result<Vec<Vec<f32>>> {
        let vectors = values.into_iter().map(|values| values.values).collect();
        let mut vectors = checked(vectors, count, self.dimension, self.google.vendor())?;
        for vector in &mut vectors {
            normalise(vector);
        }
        Ok(vectors)
    }
}

/// Returns the id, which includes the dimension, because vectors of different dimensions are not comparable.
fn id(name: &str, dimension: usize) -> Result<ModelId> {
    ModelId::parse(format!("{name}@{dimension}"))
}

fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in vector {
            *number /= length;
        }
    }
}

#[async_trait]
impl Embedder for GeminiEmbedder {
    fn name(&self) -> &str {
        self.google.vendor().name()
    }

    fn model(&self) -> &ModelId {
        &self.model
    }

    fn vendor_model(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn token_limit(&self) -> usize {
        TOKENS
    }

    fn batches(&self, texts: &[&str]) -> Vec<Range<usize>> {
        let size = if self.google.is_vertex() { 1 } else { BATCH };
        (0..texts.len()).step_by(size).map(|first| first..(first + size).min(texts.len())).collect()
    }

    async fn embed(&self, role: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        let task = match role {
            EmbedRole::Query => "RETRIEVAL_QUERY",
            EmbedRole::Passage => "RETRIEVAL_DOCUMENT",
        };
        if self.google.is_vertex() {
            let requests: Vec<_> = texts.iter().map(|text| self.predict(task, text)).collect();
            return stream::iter(requests).buffered(AT_ONCE).try_collect().await.map(joined);
        }
        let mut parts = Vec::new();
        for texts in texts.chunks(BATCH) {
            parts.push(self.batch(task, texts).await?);
        }
        Ok(joined(parts))
    }
}
