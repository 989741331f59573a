//! Laws of `LedgerStore`.

use nexus_core::document::store::Publication;
use nexus_core::ledger::{
    AttemptStatus, Call, CallResult, LedgerEntry, LedgerQuery, Operation, Settlement, UsageBy, UsageRecord,
    UsageRow,
};
use nexus_core::llm::Completion;
use nexus_core::quota::MeterAmounts;
use nexus_core::{NanoUsd, Page, Usage};

use super::calls::{DAY, MODEL, amounts, every};
use super::fixture::{World, admin, at, reader, staged};
use super::pages::{refused, walk, walk_while};
use super::reconciliation::estimated;
use super::scenarios;

scenarios!(
    lists_of_entries_are_latest_first,
    lists_of_calls_are_latest_first,
    lists_of_usage_records_are_in_order_of_day_and_provider,
    an_entry_of_unknown_outcome_awaits_reconciliation_until_it_is_corrected,
    usage_by_any_grouping_sums_to_the_same_total_which_is_that_of_the_ledger,
    a_models_reasoning_is_read_by_its_calls_id_apart_from_the_call,
    a_call_has_the_usage_and_the_cost_of_all_its_attempts,
    an_answer_from_the_cache_is_charged_nothing_and_names_the_avoided_cost,
    documents_are_counted_on_the_day_that_their_publication_names_beside_the_calls_of_that_day,
);

async fn lists_of_entries_are_latest_first(world: World) {
    let (ada, ben) = (reader("acme", "ada"), reader("acme", "ben"));
    for (seconds, caller) in [(10, &ada), (20, &ben), (5, &ada), (40, &ada)] {
        let mut intent = world.intent(caller, &format!("k{seconds}"), &[], amounts(1, 1));
        intent.call.created_at = at(seconds);
        let call = world.begin(intent).await;
        let mut settlement = world.settlement(caller, &call, amounts(1, seconds));
        settlement.outcome.as_mut().unwrap().at = at(seconds + 1);
        world.settle(settlement).await;
    }
    world.made(&admin("globex"), "k", &[], amounts(1, 99)).await;
    let listed = async |query: LedgerQuery| {
        let lines = world.store.ledger(ada.tenant(), &query).await.unwrap();
        lines.iter().map(|line| (line.seq, line.charged.money.as_nanos())).collect::<Vec<_>>()
    };
    assert_eq!(listed(every()).await, [(4, 40), (3, 5), (2, 20), (1, 10)]);
    let of_ada = LedgerQuery { user: Some("ada".to_owned()), ..LedgerQuery::default() };
    assert_eq!(listed(of_ada.clone()).await, [(4, 40), (3, 5), (1, 10)]);
    assert_eq!(listed(LedgerQuery { page: Page::first(99).after("3"), ..of_ada }).await, [(1, 10)]);
    let between = LedgerQuery { from: Some(at(11)), until: Some(at(41)), ..LedgerQuery::default() };
    assert_eq!(listed(between).await, [(2, 20), (1, 10)]);
    assert_eq!(listed(LedgerQuery { model: Some("none".to_owned()), ..LedgerQuery::default() }).await, []);
    let latest = LedgerQuery { page: Page::first(2), ..LedgerQuery::default() };
    assert_eq!(world.store.ledger(ada.tenant(), &latest).await.unwrap().len(), 2);

    let (store, tenant) = (&world.store, ada.tenant());
    let of_ada = LedgerQuery { user: Some("ada".to_owned()), ..LedgerQuery::default() };
    let of_model = LedgerQuery { model: Some(MODEL.to_owned()), ..LedgerQuery::default() };
    for query in [of_ada, of_model, LedgerQuery { from: Some(at(1)), ..LedgerQuery::default() }] {
        let query = &query;
        let read =
            |page: Page| async move { store.ledger(tenant, &LedgerQuery { page, ..query.clone() }).await };
        walk(read, |line: &LedgerEntry| line.seq.to_string()).await;
    }
    let read = |page: Page| async move { store.ledger(tenant, &LedgerQuery { page, ..every() }).await };
    let change = async {
        world.made(&ben, "later", &[], amounts(1, 7)).await;
    };
    walk_while(read, |line: &LedgerEntry| line.seq.to_string(), change).await;
    refused(read(Page::first(9).after("latest")).await);
}

async fn lists_of_calls_are_latest_first(world: World) {
    let (ada, ben) = (reader("acme", "ada"), reader("acme", "ben"));
    // Two calls of one moment are in the order of their admission.
    for (seconds, caller) in [(5, &ada), (10, &ada), (20, &ben), (20, &ada), (40, &ada)] {
        let mut intent = world.intent(caller, &world.fresh("k"), &[], amounts(1, 1));
        intent.call.created_at = at(seconds);
        world.begin(intent).await;
    }
    let foreign = world.made(&admin("globex"), "k", &[], amounts(1, 99)).await;
    let (store, tenant) = (&world.store, ada.tenant());
    let calls = store.calls(tenant, &every()).await.unwrap();
    assert_eq!(calls.iter().map(|call| call.created_at).collect::<Vec<_>>(), [40, 20, 20, 10, 5].map(at));
    let of_ben = LedgerQuery { user: Some("ben".to_owned()), model: Some(MODEL.to_owned()), ..every() };
    assert_eq!(store.calls(tenant, &of_ben).await.unwrap().len(), 1);

    let key = |call: &Call| call.id.clone();
    let of_ada = LedgerQuery { user: Some("ada".to_owned()), ..LedgerQuery::default() };
    let of_model = LedgerQuery { model: Some(MODEL.to_owned()), ..LedgerQuery::default() };
    for query in [&of_ada, &of_model, &LedgerQuery { until: Some(at(30)), ..LedgerQuery::default() }] {
        let read =
            |page: Page| async move { store.calls(tenant, &LedgerQuery { page, ..query.clone() }).await };
        assert!(walk(read, key).await.len() > 3);
    }
    let read = |page: Page| async move { store.calls(tenant, &LedgerQuery { page, ..every() }).await };
    let change = async {
        for seconds in [50, 7] {
            let mut intent = world.intent(&ben, &world.fresh("k"), &[], amounts(1, 1));
            intent.call.created_at = at(seconds);
            world.begin(intent).await;
        }
    };
    walk_while(read, key, change).await;
    refused(read(Page::first(9).after(foreign)).await);
    let of_ben = calls.iter().find(|call| call.consumer.user == "ben").unwrap();
    refused(store.calls(tenant, &LedgerQuery { page: Page::first(9).after(&of_ben.id), ..of_ada }).await);
}

async fn lists_of_usage_records_are_in_order_of_day_and_provider(world: World) {
    let ada = reader("acme", "ada");
    let book = async |day: &str, provider: &str| {
        let mut intent = world.intent(&ada, &world.fresh("k"), &[], amounts(1, 1));
        (intent.call.provider, intent.attempt.provider) = (provider.to_owned(), provider.to_owned());
        let call = world.begin(intent).await;
        let settlement = world.settlement(&ada, &call, amounts(1, 1));
        world.settle(Settlement { day: day.to_owned(), ..settlement }).await;
    };
    for (day, provider) in [
        ("2026-03-02", "b"),
        ("2026-03-02", "a"),
        ("2026-03-01", "z"),
        ("2026-03-03", "a"),
        ("2026-04-01", "a"),
    ] {
        book(day, provider).await;
    }
    let (store, tenant) = (&world.store, ada.tenant());
    let read =
        |page: Page| async move { store.usage_records(tenant, "2026-03-01", "2026-03-31", &page).await };
    assert_eq!(
        walk(read, UsageRecord::key).await,
        ["2026-03-01/z", "2026-03-02/a", "2026-03-02/b", "2026-03-03/a"]
    );
    let change = async {
        for (day, provider) in [("2026-03-01", "a"), ("2026-03-02", "c"), ("2026-03-31", "a")] {
            book(day, provider).await;
        }
    };
    walk_while(read, UsageRecord::key, change).await;
    refused(read(Page::first(9).after("yesterday")).await);
}

async fn usage_by_any_grouping_sums_to_the_same_total_which_is_that_of_the_ledger(world: World) {
    let (ada, ben) = (reader("acme", "ada"), reader("acme", "ben"));
    for (key, caller, organisation, model, day) in [
        ("a", &ada, Some("north"), MODEL, DAY),
        ("b", &ada, None, MODEL, DAY),
        ("c", &ben, Some("north"), "gpt-4o-mini", DAY),
        ("d", &ben, Some("south"), MODEL, "2026-03-02"),
        ("e", &ben, Some("south"), MODEL, "2026-04-01"),
    ] {
        let mut intent = world.intent(caller, key, &[], amounts(100, 7));
        intent.call.consumer.organisation = organisation.map(str::to_owned);
        (intent.attempt.model, intent.call.model) = (model.to_owned(), model.to_owned());
        let call = world.begin(intent).await;
        world
            .settle(Settlement { day: day.to_owned(), ..world.settlement(caller, &call, amounts(100, 7)) })
            .await;
    }
    let usage = async |by| world.store.usage(ada.tenant(), by, "2026-03-01", "2026-03-31").await.unwrap();
    let row = |id: &str, calls: u64| UsageRow {
        id: id.to_owned(),
        calls,
        tokens: 100 * calls,
        cost_units: 10 * calls,
        cost: NanoUsd::from_nanos(7 * i64::try_from(calls).unwrap()),
    };
    assert_eq!(usage(UsageBy::Tenant).await, [row("acme", 4)]);
    assert_eq!(usage(UsageBy::User).await, [row("ada", 2), row("ben", 2)]);
    assert_eq!(usage(UsageBy::Organisation).await, [row("north", 2), row("", 1), row("south", 1)]);
    assert_eq!(usage(UsageBy::Model).await, [row(MODEL, 3), row("gpt-4o-mini", 1)]);
    let of_march = LedgerQuery { page: Page::first(99), ..LedgerQuery::default() };
    let lines = world.store.ledger(ada.tenant(), &of_march).await.unwrap();
    let total =
        lines.iter().try_fold(MeterAmounts::ZERO, |sum, line| sum.checked_add(&line.charged)).unwrap();
    let year = world.store.usage(ada.tenant(), UsageBy::Tenant, "2026-01-01", "2026-12-31").await.unwrap();
    assert_eq!((total.calls, total.tokens, total.money), (year[0].calls, year[0].tokens, year[0].cost));
    let records = world.store.usage_records(ada.tenant(), DAY, "2026-03-02", &Page::all()).await.unwrap();
    let facts: Vec<_> =
        records.iter().map(|record| (record.date.as_str(), record.tokens, record.queries)).collect();
    assert_eq!(facts, [(DAY, 300, 3), ("2026-03-02", 100, 1)]);
    assert_eq!(records[0].estimated_cost, NanoUsd::from_nanos(21));
}

async fn a_models_reasoning_is_read_by_its_calls_id_apart_from_the_call(world: World) {
    let caller = admin("acme");
    let call = world.begin(world.intent(&caller, "k", &[], amounts(1, 1))).await;
    assert_eq!(world.store.reasoning(caller.tenant(), &call).await.unwrap(), None);
    let thought = "the secret of the handbook";
    let answer = Completion { text: "yes".to_owned(), reasoning: thought.to_owned(), ..Completion::empty() };
    let settlement = world.settlement(&caller, &call, amounts(1, 1));
    let result = CallResult::Reply(Box::new(answer));
    world.settle(Settlement { reasoning: thought.to_owned(), result, ..settlement }).await;
    assert_eq!(world.store.reasoning(caller.tenant(), &call).await.unwrap().as_deref(), Some(thought));
    let kept = world.store.calls(caller.tenant(), &every()).await.unwrap();
    let result = world.store.call_result(caller.tenant(), &call).await.unwrap().unwrap();
    assert!(matches!(&result, CallResult::Reply(reply) if reply.text == "yes"));
    let seen = serde_json::to_string(&(kept, result, world.lines(&caller).await)).unwrap();
    assert!(!seen.contains(thought), "{seen}");
    let plain = world.made(&caller, "k2", &[], amounts(1, 1)).await;
    assert_eq!(world.store.reasoning(caller.tenant(), &plain).await.unwrap(), None);
}

async fn a_call_has_the_usage_and_the_cost_of_all_its_attempts(world: World) {
    let caller = admin("acme");
    let mut intent = world.intent(&caller, "k", &[], amounts(9, 60));
    intent.call.metadata.insert("channel".to_owned(), "cli".into());
    intent.call.streamed = true;
    let begun = intent.call.clone();
    let call = world.begin(intent).await;
    assert_eq!(world.store.calls(caller.tenant(), &every()).await.unwrap(), std::slice::from_ref(&begun));
    let mut retry = world.retry_of(&caller, &call, &[], amounts(9, 60));
    retry.outcome.charged = amounts(5, 30);
    retry.outcome.usage.output_text = 5;
    retry.outcome.estimated = true;
    (retry.attempt.provider, retry.attempt.model) = ("anthropic".to_owned(), "claude".to_owned());
    world.store.retry(retry).await.unwrap();
    let mut settlement = world.settlement(&caller, &call, amounts(8, 40));
    settlement.outcome.as_mut().unwrap().number = 2;
    world.settle(settlement).await;
    let kept = world.store.calls(caller.tenant(), &every()).await.unwrap().remove(0);
    assert_eq!((kept.provider.as_str(), kept.model.as_str()), ("anthropic", "claude"));
    assert_eq!((kept.usage.total(), kept.cost), (Some(13), NanoUsd::from_nanos(70)));
    assert_eq!((kept.latency_ms, kept.first_byte_ms), (Some(2_000), Some(1_000)));
    assert!(kept.estimated && kept.error.is_none());
    assert_eq!(
        (kept.metadata, kept.streamed, kept.idempotency_key),
        (begun.metadata, true, begun.idempotency_key)
    );
    let models = world.store.usage(caller.tenant(), UsageBy::Model, DAY, DAY).await.unwrap();
    let models: Vec<_> = models.iter().map(|row| (row.id.as_str(), row.tokens)).collect();
    assert_eq!(models, [("claude", 8), (MODEL, 5)]);
}

async fn an_answer_from_the_cache_is_charged_nothing_and_names_the_avoided_cost(world: World) {
    let caller = admin("acme");
    let call = world.begin(world.intent(&caller, "k", &[], MeterAmounts::ZERO)).await;
    let spared = NanoUsd::from_nanos(7);
    let mut settlement =
        Settlement { avoided: Some(spared), ..world.settlement(&caller, &call, MeterAmounts::ZERO) };
    let ending = settlement.outcome.as_mut().unwrap();
    (ending.status, ending.usage) = (AttemptStatus::Cached, Usage::default());
    world.settle(settlement).await;
    let line = world.lines(&caller).await.remove(0);
    assert_eq!(
        (line.status, line.charged, line.usage.total()),
        (AttemptStatus::Cached, MeterAmounts::ZERO, Some(0))
    );
    let kept = world.store.calls(caller.tenant(), &every()).await.unwrap().remove(0);
    assert_eq!((kept.was_cached, kept.avoided, kept.cost), (true, spared, NanoUsd::ZERO));
    assert_eq!(kept.idempotency_key.operation, Operation::Chat);
    let usage = world.store.usage(caller.tenant(), UsageBy::Tenant, DAY, DAY).await.unwrap();
    assert_eq!((usage[0].calls, usage[0].cost), (0, NanoUsd::ZERO));
}

async fn documents_are_counted_on_the_day_that_their_publication_names_beside_the_calls_of_that_day(
    world: World,
) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for (id, text) in [("one", "paid leave"), ("two", "by train"), ("one", "paid leave is paid")] {
        world.publish(&caller, "c", id, &[text]).await;
    }
    let record = world.store.usage_records(caller.tenant(), DAY, DAY, &Page::all()).await.unwrap().remove(0);
    assert_eq!((record.provider.as_str(), record.documents, record.bytes), ("nexus", 3, 36));
    assert_eq!((record.queries, record.tokens, record.estimated_cost), (0, 0, NanoUsd::ZERO));

    // The zone of the calendar may be ahead of the clock.
    let day = "2026-03-02".to_owned();
    world.submit(&caller, "c", "two", "by train and by ship").await;
    let lease = world.claim(at(0)).await;
    world.store.stage(&lease, None, staged(&["by train and by ship"])).await.unwrap();
    let publication = Publication { day: day.clone(), ..world.publication(&lease, 1, None) };
    world.store.publish(&lease, publication).await.unwrap();
    let call = world.begin(world.intent(&caller, "k", &[], amounts(1, 1))).await;
    world.settle(Settlement { day: day.clone(), ..world.settlement(&caller, &call, amounts(1, 1)) }).await;
    let records = world.store.usage_records(caller.tenant(), DAY, "2026-03-31", &Page::all()).await.unwrap();
    let facts: Vec<_> =
        records.iter().map(|record| (record.date.as_str(), record.documents, record.queries)).collect();
    assert_eq!(facts, [(DAY, 3, 0), (&day, 1, 0), (&day, 0, 1)]);
}

async fn an_entry_of_unknown_outcome_awaits_reconciliation_until_it_is_corrected(world: World) {
    let caller = admin("acme");
    world.made(&caller, "known", &[], amounts(1, 5)).await;
    let cut = world.begin(world.intent(&caller, "cut", &[], amounts(9, 9))).await;
    let truncated = world.failed(&caller, &cut, AttemptStatus::Truncated, amounts(9, 9));
    world.settle(estimated(truncated)).await;
    let (one, two) = (
        world.unknown(&caller, world.intent(&caller, "k1", &[], amounts(1, 1))).await,
        world.unknown(&caller, world.intent(&caller, "k2", &[], amounts(2, 2))).await,
    );
    world.unknown(&admin("globex"), world.intent(&admin("globex"), "k", &[], amounts(3, 3))).await;
    let awaiting = async || {
        let query = LedgerQuery { unreconciled: true, ..every() };
        let lines = world.store.ledger(caller.tenant(), &query).await.unwrap();
        lines.into_iter().map(|line| line.call).collect::<Vec<_>>()
    };
    assert_eq!(awaiting().await, [two.clone(), one.clone()]);
    world.store.reconcile(world.reconciliation(&caller, &two, 1, amounts(2, 2))).await.unwrap();
    assert_eq!(awaiting().await, [one]);
    // An estimate of another kind can be reconciled too.
    world.store.reconcile(world.reconciliation(&caller, &cut, 1, MeterAmounts::ZERO)).await.unwrap();
    assert_eq!(awaiting().await.len(), 1);
}
