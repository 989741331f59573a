//! Contract of `Embedder`: one scenario for each of its lines.

use nexus_core::llm::ProviderErrorKind;
use nexus_core::retrieve::embed::{EmbedRole, Embedder};

use super::{Scenarios, scenarios};
use crate::fixture::{KEY_TELLS, World};

pub(super) const SCENARIOS: Scenarios = scenarios![
    self::one_vector_for_each_text_comes_back_in_order,
    self::the_same_text_in_the_same_role_gives_the_same_vector,
    self::the_texts_of_one_batch_go_out_in_one_request,
    self::usage_that_the_vendor_did_not_report_is_absent,
    self::an_error_carries_the_provider_error_kind_that_decides_retry_and_fallback,
];

impl World {
    /// Returns the vendor's embedder with a model that follows `directives`.
    fn embedder(&self, directives: &str) -> Box<dyn Embedder> {
        self.vendor.embedder.unwrap()(self, directives)
    }
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

async fn one_vector_for_each_text_comes_back_in_order(world: &World) {
    let embedder = world.embedder("");
    let texts = texts(20);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder.embed(EmbedRole::Passage, &texts).await.unwrap().vectors;
    assert_eq!(vectors.len(), texts.len());
    for vector in &vectors {
        assert_eq!(vector.len(), embedder.dimension());
        assert!(vector.iter().all(|number| number.is_finite()), "{vector:?}");
    }
    for place in [0, 7, 19] {
        let alone = embedder.embed(EmbedRole::Passage, &[texts[place]]).await.unwrap().vectors;
        assert_eq!(alone, [vectors[place].clone()], "{place}");
    }
    assert_ne!(vectors[0], vectors[1]);
}

async fn the_same_text_in_the_same_role_gives_the_same_vector(world: &World) {
    for role in [EmbedRole::Query, EmbedRole::Passage] {
        let embed = async |texts: &[&str]| {
            world.embedder("").embed(role, texts).await.unwrap().vectors.pop().unwrap()
        };
        let first = embed(&["a river"]).await;
        assert_eq!(embed(&["a river"]).await, first);
        assert_eq!(embed(&["a hill", "a river"]).await, first, "in another batch");
    }
}

async fn the_texts_of_one_batch_go_out_in_one_request(world: &World) {
    let embedder = world.embedder("");
    let texts = texts(300);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let batches = embedder.batches(&texts);
    assert_eq!(batches.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..300).collect::<Vec<_>>());
    for batch in batches {
        let before = world.server.requests().len();
        embedder.embed(EmbedRole::Passage, &texts[batch.clone()]).await.unwrap();
        assert_eq!(world.server.requests().len(), before + 1, "{batch:?}");
    }
}

async fn usage_that_the_vendor_did_not_report_is_absent(world: &World) {
    let embedded = world.embedder("no-usage").embed(EmbedRole::Query, &["a river"]).await.unwrap();
    assert_eq!(embedded.usage, None);
}

async fn an_error_carries_the_provider_error_kind_that_decides_retry_and_fallback(world: &World) {
    for (directives, kind) in [
        ("401", ProviderErrorKind::Authentication),
        ("429", ProviderErrorKind::RateLimited),
        ("503", ProviderErrorKind::Overloaded),
        ("cut", ProviderErrorKind::Truncated),
    ] {
        let embedder = world.embedder(directives);
        let error = embedder.embed(EmbedRole::Query, &["a river"]).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(kind), "{directives}: {error:?}");
        assert!(!error.report().contains(KEY_TELLS) && !format!("{embedder:?}").contains(KEY_TELLS));
    }
}
