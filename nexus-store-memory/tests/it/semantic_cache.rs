//! Vector retriever against a comparison with every vector.

use std::sync::Arc;

use nexus_core::retrieve::Query;
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::{admin, vector_query};
use proptest::collection::vec;
use proptest::prelude::*;

type Vector = [f32; 4];

/// Generates vectors, many of them nearly equal, some with one large number that blurs the others.
fn vectors() -> impl Strategy<Value = Vec<Vector>> {
    let anywhere = proptest::array::uniform4(-1.0_f32..1.0);
    let near = (0.5_f32..0.501, 0.3_f32..0.301).prop_map(|(a, b)| [a, b, 0.2, 0.1]);
    let lopsided = (-1.0_f32..1.0).prop_map(|small| [1000.0, small, -small, 0.0]);
    vec(prop_oneof![3 => anywhere, 3 => near, 1 => lopsided], 1..400)
}

fn product(left: &Vector, right: &Vector) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_scan_over_codes_finds_the_exact_neighbours(vectors in vectors(), asked in vec(proptest::array::uniform4(-1.0_f32..1.0), 5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new(Arc::new(MemoryStore::default()));
            world.corpus(&admin("acme"), "c").await;
            let passages: Vec<(&str, Vector)> = vectors.iter().map(|vector| ("text", *vector)).collect();
            world.publish_vectors(&admin("acme"), "c", "d", &passages).await;
            for asked in asked {
                let found = world.retrieve(&admin("acme"), Query { top_k: 100, ..vector_query("", asked) }).await;
                let mut exact: Vec<(f32, u32)> = (0..).zip(&vectors).map(|(index, vector)| (product(&asked, vector), index)).collect();
                exact.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                exact.truncate(100);
                let found: Vec<(f32, u32)> =
                    found.hits.iter().map(|hit| (hit.vector.unwrap().score, hit.passage.key.index)).collect();
                assert_eq!(found, exact);
            }
        });
    }
}
