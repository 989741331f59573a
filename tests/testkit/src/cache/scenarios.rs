//! Laws of `CacheStore`.

use nexus_core::cache::{CacheDigest, CacheEntry, CacheKey, CacheKind, CacheScope};
use nexus_core::{RunId, Timestamp};

use super::{CAPACITY, Scenario, Subject};
use crate::store::fixture::{admin, at};

/// Names async functions as scenarios. One that is left out is dead code, and the compiler says so.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        pub(super) const SCENARIOS: &[Scenario] =
            &[$(Scenario { name: stringify!($name), play: |subject| Box::pin($name(subject)) }),*];
    };
}

scenarios!(
    an_entry_is_found_under_its_own_key_only,
    a_later_entry_replaces_an_earlier_one_with_the_same_key,
    an_entry_is_found_from_its_creation_until_it_expires,
    near_entries_are_those_of_the_same_scope_at_or_above_the_threshold,
    an_entry_without_a_vector_or_with_one_of_another_length_is_never_near,
    all_entries_together_take_at_most_the_caches_capacity,
    the_least_recently_used_entries_are_evicted_first,
    an_entry_of_one_kind_evicts_none_of_another,
    the_entries_of_a_run_are_removed_with_it_whatever_their_kind_and_no_others_are,
    an_entry_larger_than_an_eighth_of_the_capacity_is_not_stored,
    concurrent_writers_lose_no_entry_that_fits,
);

fn digest(text: &str) -> CacheDigest {
    CacheDigest::of("conformance", &text).unwrap()
}

fn scope_of(tenant: &str, kind: CacheKind, scope: &str) -> CacheScope {
    CacheScope { tenant: admin(tenant).tenant().clone(), kind, digest: digest(scope) }
}

fn scope() -> CacheScope {
    scope_of("acme", CacheKind::Answer, "scope")
}

fn key(content: &str) -> CacheKey {
    CacheKey { scope: scope(), content: digest(content) }
}

/// Returns an entry that serves from second 0 until second 100.
fn entry(body: &[u8]) -> CacheEntry {
    CacheEntry { body: body.into(), vector: None, run: None, made_at: at(0), expires_at: at(100) }
}

fn with_vector(body: &str, vector: &[f32]) -> CacheEntry {
    CacheEntry { vector: Some(vector.to_vec()), ..entry(body.as_bytes()) }
}

impl Subject {
    async fn put(&self, key: CacheKey, entry: CacheEntry) {
        self.cache.put(vec![(key, entry)], at(1)).await.unwrap();
    }

    async fn get_at(&self, key: CacheKey, now: Timestamp) -> Option<Vec<u8>> {
        let mut found = self.cache.get(&[key], now).await.unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0).map(|body| body.to_vec())
    }

    async fn get(&self, key: CacheKey) -> Option<Vec<u8>> {
        self.get_at(key, at(1)).await
    }

    async fn near(&self, scope: &CacheScope, vector: &[f32], threshold: f64, limit: usize) -> Vec<String> {
        let near = self.cache.nearest(scope, vector, threshold, limit, at(1)).await.unwrap();
        assert!(near.is_sorted_by(|one, two| one.similarity >= two.similarity), "{near:?}");
        assert!(near.iter().all(|near| near.similarity >= threshold), "{near:?}");
        near.iter().map(|near| String::from_utf8(near.body.to_vec()).unwrap()).collect()
    }
}

async fn an_entry_is_found_under_its_own_key_only(subject: Subject) {
    subject.put(key("a"), entry(b"of a")).await;
    let other = |scope| CacheKey { scope, content: digest("a") };
    for not_it in [
        key("b"),
        other(scope_of("globex", CacheKind::Answer, "scope")),
        other(scope_of("acme", CacheKind::Embedding, "scope")),
        other(scope_of("acme", CacheKind::Answer, "another scope")),
    ] {
        assert_eq!(subject.get(not_it.clone()).await, None, "{not_it:?}");
    }
    let found = subject.cache.get(&[key("b"), key("a"), key("c"), key("a")], at(1)).await.unwrap();
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    assert_eq!(found, [None, Some(b"of a".as_slice()), None, Some(b"of a")]);
}

async fn a_later_entry_replaces_an_earlier_one_with_the_same_key(subject: Subject) {
    subject.put(key("a"), with_vector("first", &[1.0, 0.0])).await;
    subject.put(key("a"), with_vector("second", &[0.0, 1.0])).await;
    assert_eq!(subject.get(key("a")).await.unwrap(), b"second");
    assert_eq!(subject.near(&scope(), &[1.0, 0.0], 0.5, 9).await, [""; 0]);
    assert_eq!(subject.near(&scope(), &[0.0, 1.0], 0.5, 9).await, ["second"]);
}

async fn an_entry_is_found_from_its_creation_until_it_expires(subject: Subject) {
    let made = CacheEntry { made_at: at(10), expires_at: at(20), ..with_vector("a", &[1.0]) };
    subject.put(key("a"), made).await;
    for (seconds, serves) in [(20, false), (9, false), (19, true), (10, true), (i64::from(i32::MAX), false)] {
        assert_eq!(subject.get_at(key("a"), at(seconds)).await.is_some(), serves, "at {seconds}");
        let near = subject.cache.nearest(&scope(), &[1.0], 0.5, 9, at(seconds)).await.unwrap();
        assert_eq!(near.len(), usize::from(serves), "at {seconds}");
    }
}

async fn near_entries_are_those_of_the_same_scope_at_or_above_the_threshold(subject: Subject) {
    for (name, vector) in [("east", [1.0, 0.0]), ("north", [0.0, 5.0]), ("north-east", [3.0, 3.0])] {
        subject.put(key(name), with_vector(name, &vector)).await;
    }
    for foreign in [
        scope_of("globex", CacheKind::Answer, "scope"),
        scope_of("acme", CacheKind::Embedding, "scope"),
        scope_of("acme", CacheKind::Answer, "another scope"),
    ] {
        let key = CacheKey { scope: foreign.clone(), content: digest("east") };
        assert_eq!(subject.near(&foreign, &[1.0, 0.0], 0.1, 9).await, [""; 0]);
        subject.put(key, with_vector("foreign", &[1.0, 0.0])).await;
    }
    let east = [2.0, 0.0];
    assert_eq!(subject.near(&scope(), &east, 0.1, 9).await, ["east", "north-east"]);
    assert_eq!(subject.near(&scope(), &east, 0.1, 1).await, ["east"]);
    assert_eq!(subject.near(&scope(), &east, 0.71, 9).await, ["east"]);
    assert_eq!(subject.near(&scope(), &east, 1.0, 9).await, ["east"], "the threshold itself is near enough");
}

async fn an_entry_without_a_vector_or_with_one_of_another_length_is_never_near(subject: Subject) {
    subject.put(key("none"), entry(b"none")).await;
    subject.put(key("short"), with_vector("short", &[1.0])).await;
    subject.put(key("long"), with_vector("long", &[1.0, 0.0, 0.0])).await;
    subject.put(key("nowhere"), with_vector("nowhere", &[0.0, 0.0])).await;
    assert_eq!(subject.near(&scope(), &[1.0, 0.0], 0.000_1, 9).await, [""; 0]);
}

/// Bodies of all sizes, ten times `CAPACITY` together.
async fn all_entries_together_take_at_most_the_caches_capacity(subject: Subject) {
    let mut written = 0_u64;
    for number in 0_u64.. {
        let body = vec![b'x'; usize::try_from(number * 7_919 % 60_000).unwrap()];
        written += body.len() as u64;
        let vector = (number % 3 == 0).then(|| vec![1.0_f32; 1_536]);
        subject.put(key(&format!("{number}")), CacheEntry { vector, ..entry(&body) }).await;
        assert!((subject.held)() <= CAPACITY, "{} of {CAPACITY} after {written}", (subject.held)());
        if written > 10 * CAPACITY {
            break;
        }
    }
    assert!((subject.held)() > CAPACITY / 4, "the cache uses too little of its capacity");
    for number in 0..5_000 {
        let small = CacheKey {
            scope: scope_of("acme", CacheKind::Embedding, "s"),
            content: digest(&number.to_string()),
        };
        subject.put(small, entry(b"small")).await;
    }
    assert!((subject.held)() <= CAPACITY, "many small entries count as well");
}

async fn the_least_recently_used_entries_are_evicted_first(subject: Subject) {
    let body = vec![b'x'; 10_000];
    subject.put(key("dear"), entry(&body)).await;
    subject.put(key("forgotten"), entry(&body)).await;
    for number in 0..300 {
        assert!(subject.get(key("dear")).await.is_some(), "after {number}");
        subject.put(key(&format!("{number}")), entry(&body)).await;
        assert!(subject.get(key(&format!("{number}"))).await.is_some(), "a new entry is found");
    }
    assert_eq!(subject.get(key("forgotten")).await, None);
}

async fn an_entry_of_one_kind_evicts_none_of_another(subject: Subject) {
    subject.put(key("a"), entry(b"of a")).await;
    let vectors = scope_of("acme", CacheKind::Embedding, "vectors");
    for number in 0..400 {
        let key = CacheKey { scope: vectors.clone(), content: digest(&number.to_string()) };
        subject.put(key, entry(&[b'x'; 10_000])).await;
    }
    assert_eq!(subject.get(key("a")).await.unwrap(), b"of a");
}

async fn the_entries_of_a_run_are_removed_with_it_whatever_their_kind_and_no_others_are(subject: Subject) {
    let (one, two) = (RunId::parse("run-1").unwrap(), RunId::parse("run-2").unwrap());
    let of = |run: &RunId, body: &str| CacheEntry { run: Some(run.clone()), ..with_vector(body, &[1.0]) };
    let elsewhere =
        |tenant, kind| CacheKey { scope: scope_of(tenant, kind, "scope"), content: digest("elsewhere") };
    let (vector, foreign) = (elsewhere("acme", CacheKind::Embedding), elsewhere("globex", CacheKind::Answer));
    subject.put(key("a"), of(&one, "a")).await;
    subject.put(key("b"), of(&two, "b")).await;
    subject.put(key("c"), with_vector("c", &[1.0])).await;
    // Another run made the entry again.
    subject.put(key("d"), of(&one, "d")).await;
    subject.put(key("d"), of(&two, "d")).await;
    subject.put(vector.clone(), of(&one, "v")).await;
    subject.put(foreign.clone(), of(&one, "f")).await;
    for _ in 0..2 {
        subject.cache.forget_run(admin("acme").tenant(), &one).await.unwrap();
        for (key, stays) in [
            (key("a"), false),
            (key("b"), true),
            (key("c"), true),
            (key("d"), true),
            (vector.clone(), false),
            (foreign.clone(), true),
        ] {
            assert_eq!(subject.get(key.clone()).await.is_some(), stays, "{key:?}");
        }
        let mut near = subject.near(&scope(), &[1.0], 0.5, 9).await;
        near.sort();
        assert_eq!(near, ["b", "c", "d"]);
    }
}

async fn an_entry_larger_than_an_eighth_of_the_capacity_is_not_stored(subject: Subject) {
    let eighth = usize::try_from(CAPACITY / 8).unwrap();
    subject.put(key("fits"), entry(&vec![b'x'; eighth])).await;
    assert_eq!(subject.get(key("fits")).await.unwrap().len(), eighth);
    subject.put(key("a"), entry(b"before")).await;
    subject.put(key("a"), entry(&vec![b'x'; eighth + 1])).await;
    assert_eq!(subject.get(key("a")).await, None, "the entry to be replaced is gone");
    assert!(subject.get(key("fits")).await.is_some());
}

async fn concurrent_writers_lose_no_entry_that_fits(subject: Subject) {
    let writing =
        (0..50).map(|number| subject.put(key(&number.to_string()), entry(number.to_string().as_bytes())));
    futures::future::join_all(writing).await;
    for number in 0..50 {
        assert_eq!(subject.get(key(&number.to_string())).await.unwrap(), number.to_string().as_bytes());
    }
}
