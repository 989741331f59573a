//! Laws of `Retriever`.

use nexus_core::access::{AccessRule, Permission};
use nexus_core::audit::Kind;
use nexus_core::document::ChunkConfig;
use nexus_core::document::store::Reindex;
use nexus_core::error::Failure;
use nexus_core::id::ModelId;
use nexus_core::retrieve::{Filter, Hit, Query, QueryVector, SearchMode, WordStatistics};
use nexus_core::{Error, ErrorKind, JobId, Principal};

use super::fixture::{
    World, access, admin, allowed, at, corpus, document, model, names, query, reader, staged, vector_query,
};
use super::scenarios;

scenarios!(
    only_passages_of_the_callers_tenant_the_querys_corpus_and_searchable_versions_are_found,
    a_principal_finds_only_passages_that_it_may_read_and_top_k_of_them_where_so_many_match,
    tags_ids_and_filters_apply_inside_the_search_as_permissions_do,
    a_revocation_a_deletion_an_expiry_and_a_publication_bind_the_next_search,
    a_search_for_k_hits_finds_the_first_k_hits_of_a_search_for_more,
    ties_come_in_order_of_passage_key,
    equal_queries_on_an_unchanged_corpus_give_equal_results,
    word_statistics_are_those_of_the_corpus,
    a_replaced_or_deleted_passage_does_not_move_a_score,
    under_filled_is_set_when_fewer_passages_are_visible_than_requested,
    documents_in_flight_are_counted_where_the_principal_may_read_them,
    a_query_without_a_vector_is_answered_lexically,
    a_query_whose_vector_compares_with_none_is_answered_lexically,
    vectors_rank_by_inner_product_and_both_rankings_are_fused,
    a_vector_that_is_empty_or_not_finite_is_invalid,
    a_vector_of_another_length_is_compared_with_none_and_disables_none,
    the_revision_grows_with_every_change_to_the_searchable_passages_or_their_visibility,
    explanations_add_up_to_the_score,
    counts_in_an_explanation_are_those_of_the_visible_passages,
    own_word_statistics_are_not_moved_by_a_passage_that_the_caller_may_not_read,
    an_unknown_corpus_is_not_found,
);

async fn only_passages_of_the_callers_tenant_the_querys_corpus_and_searchable_versions_are_found(
    world: World,
) {
    let acme = admin("acme");
    for (caller, id, in_corpus) in
        [(&acme, "here", "c"), (&acme, "there", "other"), (&admin("globex"), "theirs", "c")]
    {
        if id != "here" || in_corpus == "c" {
            world.corpus(caller, in_corpus).await;
        }
        world.publish(caller, in_corpus, id, &["paid leave"]).await;
    }
    assert_eq!(world.found(&acme, "leave").await, ["here"]);
    assert_eq!(
        names(&world.retrieve(&acme, Query { corpus: corpus("other"), ..query("leave") }).await),
        ["there"]
    );
    assert_eq!(world.found(&admin("globex"), "leave").await, ["theirs"]);
}

/// Publishes thirty documents about leave, the later the better a match; readers may read every tenth.
async fn thirty(world: &World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for number in 0..30_u8 {
        let text = format!(
            "leave {}",
            "leave ".repeat(usize::from(number % 7)) + &"other words ".repeat(usize::from(30 - number))
        );
        let vector = [1.0, f32::from(number) / 10.0, 0.5, 0.0];
        world.publish_vectors(&caller, "c", &format!("d{number:02}"), &[(text.as_str(), vector)]).await;
        if number % 10 == 0 {
            world.grant(&caller, &format!("d{number:02}"), "role:reader", Permission::Read, None).await;
        }
    }
}

async fn a_principal_finds_only_passages_that_it_may_read_and_top_k_of_them_where_so_many_match(
    world: World,
) {
    thirty(&world).await;
    for query in
        [query("leave"), vector_query("", [0.0, 1.0, 0.0, 0.0]), vector_query("leave", [0.0, 1.0, 0.0, 0.0])]
    {
        let found = world.retrieve(&reader("acme", "u"), Query { top_k: 3, ..query }).await;
        let mut documents = names(&found);
        documents.sort();
        assert_eq!(documents, ["d00", "d10", "d20"]);
        assert_eq!((found.permitted, found.under_filled), (3, false));
    }
    assert_eq!(world.found(&Principal::user("acme", "stranger").unwrap(), "leave").await.len(), 0);
}

async fn tags_ids_and_filters_apply_inside_the_search_as_permissions_do(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for (number, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let mut submission = world.submission(&caller, "c", id, &format!("leave {id}")).await;
        submission.tags = ["hr".to_owned(), format!("t{number}")].into();
        submission.metadata.insert("year".to_owned(), (2020 + number).into());
        world.store.submit(submission).await.unwrap();
        let lease = world.claim(at(0)).await;
        world
            .work(&lease, super::fixture::staged(&[&format!("leave {}", "leave ".repeat(4 - number))]))
            .await;
    }
    let base = query("leave");
    let found = async |query: Query| names(&world.retrieve(&caller, query).await);
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    assert_eq!(found(Query { tags: tags(&["hr", "t3"]), top_k: 1, ..base.clone() }).await, ["d"]);
    assert_eq!(found(Query { tags: tags(&["t1", "t2"]), ..base.clone() }).await.len(), 0);
    let mut ids =
        found(Query { documents: vec![document("d"), document("c")], top_k: 2, ..base.clone() }).await;
    ids.sort();
    assert_eq!(ids, ["c", "d"]);
    let filter = Some(Filter::parse("year >= 2022 and not year = 2023").unwrap());
    assert_eq!(found(Query { filter, top_k: 1, ..base.clone() }).await, ["c"]);
    let filter = Some(Filter::parse(r#"document.name = "b.txt""#).unwrap());
    let narrowed = world.retrieve(&caller, Query { filter, ..base }).await;
    assert_eq!((names(&narrowed), narrowed.permitted), (vec!["b".to_owned()], 1));
}

async fn a_revocation_a_deletion_an_expiry_and_a_publication_bind_the_next_search(world: World) {
    let (caller, member) = (admin("acme"), reader("acme", "u"));
    world.corpus(&caller, "c").await;
    assert_eq!(world.found(&member, "leave").await.len(), 0);
    for id in ["a", "b", "c"] {
        world.publish(&caller, "c", id, &["leave"]).await;
        assert_eq!(world.found(&member, "leave").await.len(), 0);
    }
    let grant = world.grant(&caller, "a", "user:u", Permission::Read, None).await;
    world.grant(&caller, "b", "user:u", Permission::Owner, None).await;
    world.grant(&caller, "c", "user:u", Permission::Write, Some(at(3))).await;
    assert_eq!(world.found(&member, "leave").await, ["a", "b", "c"]);
    let later = world.retrieve(&member, Query { now: at(3), ..query("leave") }).await;
    assert_eq!(names(&later), ["a", "b"]);
    world.revoke(&caller, "a", &grant.id).await.unwrap();
    assert_eq!(world.found(&member, "leave").await, ["b", "c"]);
    world.delete(&caller, "b").await.unwrap();
    assert_eq!(world.found(&member, "leave").await, ["c"]);
    world.publish(&caller, "c", "c", &["nothing of it"]).await;
    assert_eq!(world.found(&member, "leave").await.len(), 0);
    assert_eq!(world.found(&member, "nothing").await, ["c"]);
}

async fn a_search_for_k_hits_finds_the_first_k_hits_of_a_search_for_more(world: World) {
    thirty(&world).await;
    for query in [query("leave words"), vector_query("leave words", [0.1, 1.0, 0.3, 0.0])] {
        let all = world.retrieve(&admin("acme"), Query { top_k: 30, ..query.clone() }).await.hits;
        assert_eq!(all.len(), 30);
        for top_k in [1, 2, 5, 29] {
            let some = world.retrieve(&admin("acme"), Query { top_k, ..query.clone() }).await.hits;
            assert_eq!(some, all[..top_k]);
        }
    }
}

async fn ties_come_in_order_of_passage_key(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for id in ["m", "z", "a", "k"] {
        let same = [("same words", [1.0, 0.0, 0.0, 0.0]), ("same words", [1.0, 0.0, 0.0, 0.0])];
        world.publish_vectors(&caller, "c", id, &same).await;
    }
    for asked in
        [query("words"), vector_query("", [1.0, 0.0, 0.0, 0.0]), vector_query("words", [1.0, 0.0, 0.0, 0.0])]
    {
        let found = world.retrieve(&caller, Query { top_k: 5, ..asked }).await;
        let keys: Vec<_> = found.hits.iter().map(|hit| hit.passage.key.to_string()).collect();
        assert_eq!(keys, ["a@1#0", "a@1#1", "k@1#0", "k@1#1", "m@1#0"]);
    }
}

async fn equal_queries_on_an_unchanged_corpus_give_equal_results(world: World) {
    thirty(&world).await;
    let asked = vector_query("paid leave and other words", [0.5, 0.5, 0.1, 0.0]);
    let first = world.retrieve(&admin("acme"), asked.clone()).await;
    for _ in 0..3 {
        assert_eq!(world.retrieve(&admin("acme"), asked.clone()).await, first);
    }
}

async fn word_statistics_are_those_of_the_corpus(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "a", &["rare words", "common words", "common words again"]).await;
    let before = world.retrieve(&caller, query("rare common")).await.hits;
    world.corpus(&caller, "other").await;
    world.corpus(&admin("globex"), "c").await;
    for number in 0..5 {
        world.publish(&caller, "other", &format!("o{number}"), &["rare rare rare"]).await;
        world
            .publish(
                &admin("globex"),
                "c",
                &format!("g{number}"),
                &["rare and very long, with many other words"],
            )
            .await;
    }
    assert_eq!(world.retrieve(&caller, query("rare common")).await.hits, before);
}

async fn a_replaced_or_deleted_passage_does_not_move_a_score(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "a", &["rare words", "common words", "common words again"]).await;
    let found = async || world.retrieve(&caller, query("rare common")).await.hits;
    let before = found().await;
    world.publish(&caller, "c", "b", &["rare rare", "common"]).await;
    let with_b = found().await;
    assert_ne!(with_b, before);
    world.publish(&caller, "c", "b", &["rare and common", "common and rare", "rare"]).await;
    world.publish(&caller, "c", "b", &["rare rare", "common"]).await;
    let scores = |hits: &[Hit]| hits.iter().map(|hit| hit.lexical).collect::<Vec<_>>();
    assert_eq!(scores(&found().await), scores(&with_b), "replaced twice, with the first text in the end");
    world.delete(&caller, "b").await.unwrap();
    assert_eq!(found().await, before, "deleted");
}

async fn under_filled_is_set_when_fewer_passages_are_visible_than_requested(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "a", &["leave", "travel", "food"]).await;
    let asked = async |top_k| {
        let found = world.retrieve(&caller, Query { top_k, ..query("leave") }).await;
        (found.hits.len(), found.permitted, found.under_filled)
    };
    assert_eq!(asked(3).await, (1, 3, false), "two permitted passages do not match");
    assert_eq!(asked(4).await, (1, 3, true));
    let invalid =
        world.store.retrieve(&allowed(&caller, Query { top_k: 0, ..query("leave") })).await.unwrap_err();
    assert_eq!(invalid.kind(), ErrorKind::InvalidInput);
}

async fn documents_in_flight_are_counted_where_the_principal_may_read_them(world: World) {
    let (caller, ada) = (admin("acme"), reader("acme", "ada"));
    for (caller, id) in [(&caller, "c"), (&caller, "other"), (&admin("globex"), "c")] {
        world.corpus(caller, id).await;
        world.publish(caller, id, &format!("done-{id}"), &["leave"]).await;
    }
    let counts = async || {
        let of = async |caller| world.retrieve(caller, query("leave")).await.documents_in_flight;
        (of(&caller).await, of(&ada).await, of(&admin("globex")).await)
    };
    assert_eq!(counts().await, (0, 0, 0));
    for id in ["secret", "shared", "expired"] {
        world.submit(&caller, "c", id, "leave").await;
    }
    world.submit(&caller, "other", "elsewhere", "leave").await;
    world.grant(&caller, "shared", "user:ada", Permission::Read, None).await;
    world.grant(&caller, "shared", "role:reader", Permission::Write, None).await;
    world.grant(&caller, "expired", "user:ada", Permission::Read, Some(at(-1))).await;
    assert_eq!(counts().await, (3, 1, 0), "queued");
    let lease = world.claim(at(0)).await;
    assert_eq!(counts().await, (3, 1, 0), "in progress");
    world.work(&lease, staged(&["leave"])).await;
    assert_eq!(counts().await, (2, 1, 0), "published");
    let lease = world.claim(at(0)).await;
    let closing = world.pending(&caller, lease.job.id.as_str(), &[Kind::CHAIN_CLOSE]);
    let failure = Failure::from(&Error::invalid("no text"));
    world.store.fail(&lease, failure, at(1), closing).await.unwrap();
    assert_eq!(counts().await, (1, 0, 0), "failed");
    world.submit(&caller, "c", "done-c", "another text").await;
    assert_eq!(counts().await, (2, 0, 0), "new content");
    let job = world.fresh("job");
    let again = Reindex {
        principal: caller.clone(),
        audit: world.pending(&caller, &job, &[Kind::CHAIN_OPEN]),
        job: JobId::parse(job).unwrap(),
        document: document("secret"),
        chunking: ChunkConfig::default(),
        access: access(&caller, AccessRule::Holds(Permission::Reindex), at(0)),
        now: at(0),
    };
    world.store.reindex(again).await.unwrap();
    assert_eq!(counts().await, (2, 0, 0), "chunked again");
}

async fn a_query_without_a_vector_is_answered_lexically(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "plain", &["leave"]).await;
    assert_eq!(world.retrieve(&caller, query("leave")).await.mode, SearchMode::Lexical);
    let without = world.retrieve(&caller, vector_query("leave", [1.0, 0.0, 0.0, 0.0])).await;
    assert_eq!((without.mode, without.hits.len()), (SearchMode::Lexical, 1), "no passage has a vector");
    world.publish_vectors(&caller, "c", "d", &[("leave", [1.0, 0.0, 0.0, 0.0])]).await;
    let lexical = world.retrieve(&caller, query("leave")).await;
    assert!(lexical.mode == SearchMode::Lexical && lexical.hits.iter().all(|hit| hit.vector.is_none()));
    let other = QueryVector { model: ModelId::parse("other@1").unwrap(), values: vec![1.0; 7] };
    let other = world.retrieve(&caller, Query { vector: Some(other), ..query("leave") }).await;
    assert_eq!(other.mode, SearchMode::Lexical, "vectors of another model are not compared");
}

async fn vectors_rank_by_inner_product_and_both_rankings_are_fused(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let passages = [
        ("leave", [0.1, 0.9, 0.0, 0.0]),
        ("travel", [0.9, 0.1, 0.0, 0.0]),
        ("leave leave", [0.5, 0.5, 0.0, 0.0]),
    ];
    for (id, passage) in ["a", "b", "c"].into_iter().zip(passages) {
        world.publish_vectors(&caller, "c", id, &[passage]).await;
    }
    let near = world.retrieve(&caller, vector_query("", [1.0, 0.0, 0.0, 0.0])).await;
    assert_eq!(
        (near.mode, names(&near)),
        (SearchMode::Vector, vec!["b".to_owned(), "c".to_owned(), "a".to_owned()])
    );
    let scores: Vec<f32> = near.hits.iter().map(|hit| hit.vector.unwrap().score).collect();
    assert_eq!(scores, [0.9, 0.5, 0.1]);
    let both = world.retrieve(&caller, vector_query("leave", [0.0, 1.0, 0.0, 0.0])).await;
    assert_eq!((both.mode, both.hits.len()), (SearchMode::Hybrid, 3));
    assert!(both.hits.iter().all(|hit| hit.vector.is_some()));
    assert_eq!(both.hits.iter().filter(|hit| hit.lexical.is_some()).count(), 2);
    assert_eq!(names(&both).last().map(String::as_str), Some("b"));
    let stats = world.store.stats(caller.tenant()).await.unwrap();
    assert_eq!(stats.vectors, [(model(), 3)]);
}

async fn a_query_whose_vector_compares_with_none_is_answered_lexically(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish_vectors(&caller, "c", "d", &[("leave", [1.0, 0.0, 0.0, 0.0])]).await;
    for values in [vec![1.0, 0.0], vec![0.0; 4], vec![1.0; 5]] {
        let vector = Some(QueryVector { model: model(), values });
        let found = world.retrieve(&caller, Query { vector: vector.clone(), ..query("leave") }).await;
        assert_eq!((found.mode, names(&found)), (SearchMode::Lexical, vec!["d".to_owned()]), "{vector:?}");
        let error = world.store.retrieve(&allowed(&caller, Query { vector, ..query("") })).await.unwrap_err();
        assert_eq!(error.code(), "INVALID_VECTOR", "there are no words to search by");
    }
    let other = QueryVector { model: ModelId::parse("other@1").unwrap(), values: vec![1.0; 4] };
    let none = world.retrieve(&caller, Query { vector: Some(other), ..query("") }).await;
    assert!(none.hits.is_empty(), "nothing is of the model");
}

async fn a_vector_that_is_empty_or_not_finite_is_invalid(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish_vectors(&caller, "c", "d", &[("leave", [1.0, 0.0, 0.0, 0.0])]).await;
    world.submit(&caller, "c", "e", "text").await;
    let lease = world.claim(at(0)).await;
    for no_vector in [vec![], vec![f32::NAN; 4], vec![1.0, f32::INFINITY, 0.0, 0.0], vec![f32::MAX; 4]] {
        let asked = Some(QueryVector { model: model(), values: no_vector.clone() });
        let asked = allowed(&caller, Query { vector: asked, ..query("leave") });
        assert_eq!(world.store.retrieve(&asked).await.unwrap_err().code(), "INVALID_VECTOR");
        let mut passages = super::fixture::staged(&["text"]);
        passages[0].vector = Some(no_vector);
        let error = world.store.stage(&lease, Some(&model()), passages).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, "INVALID_VECTOR"));
    }
    let mut unequal = super::fixture::staged(&["one", "two"]);
    unequal[0].vector = Some(vec![1.0; 4]);
    unequal[1].vector = Some(vec![1.0; 3]);
    let error = world.store.stage(&lease, Some(&model()), unequal.clone()).await.unwrap_err();
    assert_eq!(error.code(), "INVALID_VECTOR", "the vectors of a document are equally long");
    for passage in unequal {
        world.store.stage(&lease, Some(&model()), vec![passage]).await.unwrap();
    }
    let publication = world.publication(&lease, 2, Some(model()));
    let error = world.store.publish(&lease, publication).await.unwrap_err();
    assert_eq!(error.code(), "INVALID_VECTOR", "also when they come one by one");
}

async fn a_vector_of_another_length_is_compared_with_none_and_disables_none(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let mut short = super::fixture::staged(&["leave"]);
    short[0].vector = Some(vec![1.0, 1.0, 1.0]);
    world.publish_staged(&caller, "c", "first", short).await;
    world.publish_vectors(&caller, "c", "good", &[("leave", [1.0, 0.0, 0.0, 0.0])]).await;
    let components = async || {
        let found = world.retrieve(&caller, vector_query("leave", [1.0, 0.0, 0.0, 0.0])).await;
        let mut components: Vec<_> = found
            .hits
            .iter()
            .map(|hit| (hit.passage.key.document.to_string(), hit.vector.is_some()))
            .collect();
        components.sort();
        (found.mode, components)
    };
    let good = ("good".to_owned(), true);
    let both = vec![("first".to_owned(), false), good.clone()];
    assert_eq!(components().await, (SearchMode::Hybrid, both), "words find both, the vector one");
    world.delete(&caller, "first").await.unwrap();
    assert_eq!(components().await, (SearchMode::Hybrid, vec![good]));
}

async fn the_revision_grows_with_every_change_to_the_searchable_passages_or_their_visibility(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let mut last = world.retrieve(&caller, query("leave")).await.watermark;
    let mut grew = async |what: &str| {
        let now = world.retrieve(&caller, query("leave")).await.watermark;
        assert!(now > last, "{what}");
        let revision = world.store.revision(caller.tenant(), &corpus("c")).await.unwrap();
        assert_eq!(revision, now, "{what}");
        last = now;
    };
    world.publish(&caller, "c", "a", &["leave"]).await;
    grew("a publication").await;
    world.publish(&caller, "c", "a", &["other leave"]).await;
    grew("an overwrite").await;
    let grant = world.grant(&caller, "a", "user:u", Permission::Read, None).await;
    grew("a grant").await;
    world.revoke(&caller, "a", &grant.id).await.unwrap();
    grew("a revocation").await;
    world.delete(&caller, "a").await.unwrap();
    grew("a deletion").await;
}

async fn explanations_add_up_to_the_score(world: World) {
    thirty(&world).await;
    let found =
        world.retrieve(&admin("acme"), Query { explain: true, ..query("other other leave nowhere") }).await;
    for hit in &found.hits {
        let sum: f32 = hit.terms.iter().map(|term| term.score).sum();
        assert!((sum - hit.lexical.unwrap().score).abs() < 1e-4, "{hit:?}");
        assert!(hit.terms.iter().all(|term| term.frequency > 0 && term.passages > 0));
    }
    let silent = world.retrieve(&admin("acme"), query("leave")).await;
    assert!(silent.hits.iter().all(|hit| hit.terms.is_empty()));
}

/// Publishes documents of which a reader may read one; the others hold its words too.
async fn hidden(world: &World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "mine", &["zanzibar layoffs merger unicorn"]).await;
    world.grant(&caller, "mine", "user:u", Permission::Read, None).await;
    world.publish(&caller, "c", "h1", &["zanzibar layoffs", "merger and more words than that"]).await;
    world.publish(&caller, "c", "h2", &["zanzibar"]).await;
}

async fn counts_in_an_explanation_are_those_of_the_visible_passages(world: World) {
    hidden(&world).await;
    let asked = Query { explain: true, ..query("zanzibar layoffs merger unicorn") };
    let counts = async |caller: &Principal| {
        let found = world.retrieve(caller, asked.clone()).await;
        let mine = found.hits.into_iter().find(|hit| hit.passage.key.document == document("mine")).unwrap();
        // Neighbours count as the more frequent of the two words.
        let words = mine.terms.iter().filter(|term| !term.term.contains(' '));
        words.map(|term| term.passages).collect::<Vec<_>>()
    };
    assert_eq!(counts(&reader("acme", "u")).await, [1, 1, 1, 1]);
    assert_eq!(counts(&admin("acme")).await, [3, 2, 2, 1]);
}

async fn own_word_statistics_are_not_moved_by_a_passage_that_the_caller_may_not_read(world: World) {
    hidden(&world).await;
    let (caller, member) = (admin("acme"), reader("acme", "u"));
    world.publish(&caller, "c", "shared", &["merger of a zanzibar office"]).await;
    world.grant(&caller, "shared", "role:reader", Permission::Read, None).await;
    let corpus_wide = Query { explain: true, ..query("zanzibar merger unicorn office") };
    let own = Query { statistics: WordStatistics::Own, ..corpus_wide.clone() };
    let asked = async |caller: &Principal, query: &Query| world.retrieve(caller, query.clone()).await.hits;
    let (before, before_wide) = (asked(&member, &own).await, asked(&member, &corpus_wide).await);
    assert_eq!(before.len(), 2);
    assert_ne!(before, before_wide);
    assert_eq!(asked(&caller, &own).await, asked(&caller, &corpus_wide).await, "an admin may read all");
    for number in 0..5 {
        world.publish(&caller, "c", &format!("h1{number}"), &["unicorn unicorn office", "zanzibar"]).await;
    }
    assert_eq!(asked(&member, &own).await, before, "hidden passages change no score");
    assert_ne!(asked(&member, &corpus_wide).await, before_wide);
    let narrowed = Query { documents: vec![document("mine")], ..own.clone() };
    let narrowed = asked(&member, &narrowed).await;
    assert_eq!(narrowed[0].lexical.unwrap().score.to_bits(), {
        let mine = before.iter().find(|hit| hit.passage.key.document == document("mine")).unwrap();
        mine.lexical.unwrap().score.to_bits()
    });
    world.publish(&caller, "c", "more", &["zanzibar office"]).await;
    world.grant(&caller, "more", "user:u", Permission::Read, None).await;
    assert_ne!(asked(&member, &own).await[0], before[0], "a readable passage counts");
}

async fn an_unknown_corpus_is_not_found(world: World) {
    let error = world.store.retrieve(&allowed(&admin("acme"), query("leave"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = world.store.revision(admin("acme").tenant(), &corpus("c")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
