//! Cache retention: stored entries and their lifetime. A broken cache changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nexus_core::cache::{
    CacheEntry, CacheKey, CacheScope, CacheSettings, CacheStore, CacheUse, SimilarEntry,
};
use nexus_core::gateway::{GatewaySettings, ModelCall, RetryPolicy, Route, Routing};
use nexus_core::llm::FinishReason;
use nexus_core::{Error, ErrorKind, RunId, TenantId, Timestamp};
use nexus_fake_provider::Scripted;
use nexus_providers::openai::Service;
use nexus_providers::{HttpClient, HttpOptions};
use nexus_store_memory::{MemoryCache, MemoryStore};

use super::{Cached, ROOM, answer_to, asking, builder, kept_for, start};
use crate::fixture::{call, caller, replace, routing, settings};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn an_answer_serves_for_an_hour_and_not_a_moment_longer() {
    let cached = Cached::new().await;
    cached.answer(call("plain")).await;
    cached.clock.set(start().plus(Duration::from_micros(3_599_999_999)));
    assert!(cached.answer(call("plain")).await.receipt.was_cached);
    cached.clock.set(start().plus(HOUR));
    assert!(!cached.answer(call("plain")).await.receipt.was_cached, "a hit does not prolong it");
    assert_eq!(cached.asked(), 2);
}

#[tokio::test]
async fn a_clock_that_went_backwards_finds_nothing_of_its_future() {
    let cached = Cached::new().await;
    cached.answer(call("plain")).await;
    cached.clock.set(Timestamp::from_micros(start().as_micros() - 1));
    assert!(!cached.answer(call("plain")).await.receipt.was_cached);
}

#[tokio::test]
async fn a_time_of_zero_keeps_no_answer() {
    for settings in [kept_for(Duration::ZERO), GatewaySettings { cache: CacheSettings::off(), ..settings() }]
    {
        let cached = Cached::with(settings).await;
        for _ in 0..2 {
            assert!(!cached.answer(call("plain")).await.receipt.was_cached);
        }
    }
}

#[tokio::test]
async fn a_call_that_bypasses_the_cache_gets_a_new_answer_and_stores_none() {
    let cached = Cached::new().await;
    let bypassing = || ModelCall { cache: CacheUse::Bypassed, ..call("plain") };
    cached.answer(bypassing()).await;
    assert!(!cached.answer(call("plain")).await.receipt.was_cached);
    assert!(!cached.answer(bypassing()).await.receipt.was_cached);
    assert!(cached.answer(call("plain")).await.receipt.was_cached);
    assert_eq!(cached.asked(), 3);
}

#[tokio::test]
async fn an_incomplete_answer_is_not_cached() {
    let cached = Cached::new().await;
    for _ in 0..2 {
        assert_eq!(cached.answer(call("m+filter=3")).await.reply.finish, FinishReason::ContentFilter);
        assert!(cached.world.complete(call("m+frames=9+cut=3")).await.is_err());
    }
    let log = cached.world.scripted.log();
    assert_eq!(log.iter().filter(|entry| entry.model == "m+filter=3").count(), 2);
    assert!(cached.calls().await.iter().all(|call| !call.was_cached));
}

#[tokio::test]
async fn an_answer_whose_usage_is_a_guess_is_kept_with_the_guess() {
    let cached = Cached::new().await;
    let first = cached.answer(call("m+no-usage")).await;
    let second = cached.answer(call("m+no-usage")).await;
    assert!(first.receipt.estimated && second.receipt.was_cached && !second.receipt.estimated);
    assert_eq!(second.receipt.avoided, first.receipt.cost);
}

/// A fallback's answer is not the first provider's.
#[tokio::test]
async fn an_answer_of_a_fallback_is_kept_under_the_fallbacks_own_name() {
    let scripted = Scripted::start().await.unwrap();
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let service = || Service::custom("scripted", scripted.openai_url()).with_key("sk-scripted");
    let routing = |primary: &str| {
        Routing::new(Route { fallbacks: vec!["spare".to_owned()], ..Route::to(primary) })
            .provider("first", service().chat(&client, "m+503+once").unwrap())
            .provider("spare", service().chat(&client, "spare-model").unwrap())
    };
    let once = GatewaySettings { retry: RetryPolicy { attempts: 1, ..settings().retry }, ..settings() };
    let cache = MemoryCache::in_ram(ROOM).unwrap();
    let nexus =
        builder(&MemoryStore::default(), routing("first"), once.clone()).cache(cache).build().unwrap();
    let question = || ModelCall::new(nexus_core::llm::Request::asking("Which river?"));
    let first = answer_to(&nexus, &caller(), question()).await.receipt;
    assert_eq!((first.provider.as_str(), first.attempts), ("spare", 2));
    let second = answer_to(&nexus, &caller(), question()).await.receipt;
    assert_eq!((second.provider.as_str(), second.was_cached), ("first", false));
    replace(&nexus, routing("spare"), once);
    let third = answer_to(&nexus, &caller(), question()).await.receipt;
    assert_eq!((third.provider.as_str(), third.was_cached), ("spare", true));
}

#[tokio::test]
async fn a_cache_on_disk_serves_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let scripted = Scripted::start().await.unwrap();
    for life in 0..3 {
        let store = MemoryStore::open(dir.path()).unwrap();
        let cache = store.cache(ROOM).unwrap().unwrap();
        let nexus = builder(&store, routing(&scripted), settings()).cache(cache).build().unwrap();
        let was_cached = answer_to(&nexus, &caller(), call("plain")).await.receipt.was_cached;
        assert_eq!(was_cached, life > 0, "{life}");
        nexus.shutdown(Duration::from_secs(5)).await.unwrap();
    }
    assert_eq!(scripted.log().len(), 1);
    assert!(MemoryStore::open_read_only(dir.path()).unwrap().cache(ROOM).unwrap().is_none());
}

/// Changes every occurrence of `from` in the entries of the answer cache at `dir`.
fn rewrite(dir: &Path, from: &[u8], to: &[u8]) -> usize {
    let connection = rusqlite::Connection::open(dir.join("cache/answer.db")).unwrap();
    let mut statement = connection.prepare("SELECT rowid, body FROM entry").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let mut changed = 0;
    for (row, body) in rows.map(Result::unwrap).collect::<Vec<_>>() {
        let Some(at) = body.windows(from.len()).position(|window| window == from) else { continue };
        let body = [&body[..at], to, &body[at + from.len()..]].concat();
        changed += connection.execute("UPDATE entry SET body = ?1 WHERE rowid = ?2", (body, row)).unwrap();
    }
    changed
}

#[tokio::test]
async fn an_answer_that_was_changed_in_the_cache_is_a_miss() {
    let dir = tempfile::tempdir().unwrap();
    let scripted = Scripted::start().await.unwrap();
    let ask = async || {
        let store = MemoryStore::open(dir.path()).unwrap();
        let cache = store.cache(ROOM).unwrap().unwrap();
        let nexus = builder(&store, routing(&scripted), settings()).cache(cache).build().unwrap();
        let answer = answer_to(&nexus, &caller(), call("plain")).await;
        nexus.shutdown(Duration::from_secs(5)).await.unwrap();
        (answer.receipt.was_cached, answer.reply.text)
    };
    let (_, text) = ask().await;
    let word = text.split_whitespace().next().unwrap();
    assert_eq!(rewrite(dir.path(), word.as_bytes(), "x".repeat(word.len()).as_bytes()), 1);
    assert_eq!(ask().await, (false, text.clone()));
    assert_eq!(ask().await, (true, text));
}

#[tokio::test]
async fn a_damaged_cache_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = MemoryStore::open(dir.path()).unwrap();
    drop(store.cache(ROOM).unwrap());
    let path = dir.path().join("cache/answer.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&path, bytes).unwrap();
    let scripted = Scripted::start().await.unwrap();
    let cache = store.cache(ROOM).unwrap().unwrap();
    let nexus = builder(&store, routing(&scripted), settings()).cache(cache).build().unwrap();
    for was_cached in [false, true] {
        assert_eq!(answer_to(&nexus, &caller(), call("plain")).await.receipt.was_cached, was_cached);
    }
}

/// More answers than the capacity holds: the engine works, and the cache stays within its capacity.
#[tokio::test]
async fn the_room_holds_under_more_answers_than_fit() {
    let cache = MemoryCache::in_ram(1 << 20).unwrap();
    let cached = Cached::over(cache.clone(), settings()).await;
    let long = |number: u32| {
        let mut call = asking("m+frames=4000", &format!("Question {number}"));
        call.request.max_tokens = Some(5_000);
        call
    };
    for number in 0..120 {
        assert!(!cached.answer(long(number)).await.receipt.was_cached);
        assert!(cache.held().unwrap() <= 1 << 20);
    }
    assert!(cached.answer(long(119)).await.receipt.was_cached);
    assert!(!cached.answer(long(0)).await.receipt.was_cached);
}

/// An answer that reached its token limit is not complete either.
#[tokio::test]
async fn an_answer_that_was_cut_at_its_limit_is_not_cached() {
    let cached = Cached::new().await;
    for _ in 0..2 {
        assert_eq!(cached.answer(call("m+frames=4000")).await.reply.finish, FinishReason::Length);
    }
    assert_eq!(cached.asked(), 2);
}

/// Cache that fails.
#[derive(Debug)]
struct OutOfOrder;

#[async_trait]
impl CacheStore for OutOfOrder {
    async fn get(&self, _: &[CacheKey], _: Timestamp) -> Result<Vec<Option<Arc<[u8]>>>, Error> {
        Err(Error::new(ErrorKind::Unavailable, "the cache is out of order"))
    }

    async fn put(&self, _: Vec<(CacheKey, CacheEntry)>, _: Timestamp) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Corrupt, "the cache is out of order"))
    }

    async fn forget_run(&self, _: &TenantId, _: &RunId) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Unavailable, "the cache is out of order"))
    }

    async fn nearest(
        &self,
        _: &CacheScope,
        _: &[f32],
        _: f64,
        _: usize,
        _: Timestamp,
    ) -> Result<Vec<SimilarEntry>, Error> {
        Err(Error::new(ErrorKind::Unavailable, "the cache is out of order"))
    }
}

#[tokio::test]
async fn a_cache_that_is_out_of_order_fails_no_call() {
    let cached = Cached::over(OutOfOrder, settings()).await;
    for _ in 0..2 {
        assert!(!cached.answer(call("plain")).await.receipt.was_cached);
    }
    assert_eq!(cached.asked(), 2);
}
