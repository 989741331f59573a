//! The embedding cache: equal texts have equal vectors for as long as the model stays.
//!
//! A cached vector is no call: nothing is sent, reserved or recorded. Texts without one are embedded, and their vectors
//! stored.

use std::sync::Arc;

use super::Gateway;
use super::answer_cache::best_effort;
use crate::cache::{CacheDigest, CacheEntry, CacheKey, CacheKind, CacheScope};
use crate::error::Result;
use crate::id::RunId;
use crate::principal::{Principal, TenantId};
use crate::retrieve::{EmbedRole, Embedder, check_vector};

const SCOPE: &str = "nexus/cache/embedding/scope/v1";
const CONTENT: &str = "nexus/cache/embedding/content/v1";

/// The cached vectors of a batch of texts.
#[derive(Debug)]
pub(super) struct CachedEmbeddings {
    /// The cache key of each text; none where nothing is cached.
    keys: Option<Vec<CacheKey>>,
    found: Vec<Option<Vec<f32>>>,
}

impl CachedEmbeddings {
    /// The places of the texts without a cached vector.
    pub(super) fn missing(&self) -> Vec<usize> {
        let places = self.found.iter().enumerate();
        places.filter(|(_, found)| found.is_none()).map(|(place, _)| place).collect()
    }

    /// All vectors, with `made` for the missing texts, in their order; none if there are too few.
    pub(super) fn with(self, made: Vec<Vec<f32>>) -> Option<Vec<Vec<f32>>> {
        let mut made = made.into_iter();
        self.found.into_iter().map(|found| found.or_else(|| made.next())).collect()
    }
}

impl Gateway {
    /// Looks up the vectors of `texts`.
    pub(super) async fn lookup_embeddings(
        &self,
        caller: &Principal,
        embedder: &dyn Embedder,
        role: EmbedRole,
        texts: &[&str],
    ) -> CachedEmbeddings {
        let nothing = CachedEmbeddings { keys: None, found: vec![None; texts.len()] };
        let is_on = !self.settings().cache.embedding_ttl.is_zero() && !embedder.is_in_process();
        let Some(cache) = self.inner.cache.as_ref().filter(|_| is_on) else { return nothing };
        let Ok(keys) = keys(caller.tenant(), embedder, role, texts) else { return nothing };
        let kept = best_effort("looked up", cache.get(&keys, self.inner.clock.now())).await;
        let read = |body: Option<Arc<[u8]>>| read(&body?, embedder.dimension());
        let found = kept.map_or_else(|| vec![None; texts.len()], |kept| kept.into_iter().map(read).collect());
        CachedEmbeddings { keys: Some(keys), found }
    }

    /// Stores the vectors that were made for the missing texts, for `run` if one made them.
    pub(super) async fn store_embeddings(
        &self,
        known: &CachedEmbeddings,
        made: &[Vec<f32>],
        run: Option<&RunId>,
    ) {
        let (Some(cache), Some(keys)) = (&self.inner.cache, &known.keys) else { return };
        let made_at = self.inner.clock.now();
        let expires_at = made_at.plus(self.settings().cache.embedding_ttl);
        let entry = |vector: &Vec<f32>| CacheEntry {
            body: written(vector),
            vector: None,
            run: run.cloned(),
            made_at,
            expires_at,
        };
        let missing = known.missing();
        let missing = missing.iter().filter_map(|place| keys.get(*place));
        let entries = missing.zip(made).map(|(key, vector)| (key.clone(), entry(vector))).collect();
        best_effort("filled", cache.put(entries, made_at)).await;
    }
}

/// The cache key of each text. It holds the tenant, so that tenants share no vector.
fn keys(
    tenant: &TenantId,
    embedder: &dyn Embedder,
    role: EmbedRole,
    texts: &[&str],
) -> Result<Vec<CacheKey>> {
    let role = match role {
        EmbedRole::Query => "query",
        EmbedRole::Passage => "passage",
    };
    let model = (embedder.name(), embedder.model(), embedder.dimension(), role);
    let digest = CacheDigest::of(SCOPE, &(tenant, model))?;
    let scope = CacheScope { tenant: tenant.clone(), kind: CacheKind::Embedding, digest };
    let key = |text: &&str| Ok(CacheKey { scope: scope.clone(), content: CacheDigest::of(CONTENT, text)? });
    texts.iter().map(key).collect()
}

/// A vector's bytes: single precision, little-endian.
fn written(vector: &[f32]) -> Arc<[u8]> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn read(body: &[u8], dimension: usize) -> Option<Vec<f32>> {
    let (numbers, rest) = body.as_chunks::<4>();
    let vector: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
    let is_sound = rest.is_empty() && vector.len() == dimension && check_vector(&vector).is_ok();
    is_sound.then_some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Principal;
    use crate::retrieve::HashingEmbedder;

    #[test]
    fn a_vector_reads_as_it_was_written_and_no_other_way() {
        let vector = [0.25_f32, -1.5, f32::MIN_POSITIVE];
        assert_eq!(read(&written(&vector), 3).unwrap(), vector);
        assert_eq!(read(&written(&vector), 2), None);
        assert_eq!(read(&written(&[f32::NAN]), 1), None);
        assert_eq!(read(b"abcde", 1), None);
    }

    #[test]
    fn a_vector_belongs_to_its_tenant_model_role_and_text() {
        let tenant = |name| Principal::user(name, "ada").unwrap().tenant().clone();
        let (small, large) = (HashingEmbedder::new(4), HashingEmbedder::new(8));
        let key = |tenant: &TenantId, embedder, role, text| {
            keys(tenant, embedder, role, &[text]).unwrap().remove(0)
        };
        let (acme, passage) = (tenant("acme"), EmbedRole::Passage);
        let one = key(&acme, &small, passage, "a");
        assert_eq!(one, key(&acme, &small, passage, "a"));
        for other in [
            key(&tenant("umbrella"), &small, passage, "a"),
            key(&acme, &large, passage, "a"),
            key(&acme, &small, EmbedRole::Query, "a"),
            key(&acme, &small, passage, "b"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_was_made_takes_the_places_of_what_was_missing() {
        let known = || CachedEmbeddings { keys: None, found: vec![None, Some(vec![1.0]), None] };
        assert_eq!(known().missing(), [0, 2]);
        assert_eq!(known().with(vec![vec![0.0], vec![2.0]]).unwrap(), [[0.0], [1.0], [2.0]]);
        assert_eq!(known().with(vec![vec![0.0]]), None);
    }
}
