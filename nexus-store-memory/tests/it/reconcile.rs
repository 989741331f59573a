//! Facade for reconciliation: the rights and prices that it needs, and its audit record.

use std::sync::Arc;

use nexus_core::audit::Status;
use nexus_core::gateway::{GatewaySettings, TenantSettings};
use nexus_core::ledger::{AttemptOutcome, AttemptStatus, LedgerEntry, Settlement, VendorBill};
use nexus_core::price::{PriceRow, PriceTable, Rates};
use nexus_core::quota::{CostUnits, MeterAmounts};
use nexus_core::{ErrorKind, NanoUsd, Nexus, Page, Principal, Result, Timestamp, Usage, hex};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{MODEL, amounts, ending};

use super::journey::{admin, builder};

fn price(version: &str, input: u64) -> PriceRow {
    PriceRow {
        provider: "openai".to_owned(),
        model: MODEL.to_owned(),
        valid_from: Timestamp::from_micros(0),
        version: version.to_owned(),
        rates: Rates { input, output: 2_000_000, ..Rates::default() },
        tiers: Vec::new(),
    }
}

/// Creates a library with the price of the testkit's attempts, and a call of unknown outcome.
async fn bench() -> (World, Nexus, String) {
    let store = MemoryStore::default();
    let cost_units = CostUnits { per_1k_tokens: [(MODEL.to_owned(), 500)].into(), per_call: 0 };
    let settings = GatewaySettings {
        prices: PriceTable::empty().with([price("2026-01-01", 1_000_000)]),
        tenants: [("acme".to_owned(), TenantSettings { cost_units, ..TenantSettings::default() })].into(),
        ..GatewaySettings::with_builtin_prices().unwrap()
    };
    let nexus = builder(&store).gateway(settings).build().unwrap();
    let world = World::new(Arc::new(store));
    let call = world.unknown(&admin(), world.intent(&admin(), "k", &[], amounts(100, 60))).await;
    (world, nexus, call)
}

async fn reconcile(nexus: &Nexus, call: &str, bill: VendorBill) -> Result<LedgerEntry> {
    nexus.reconcile(&admin(), call, None, bill, "invoice 7").await
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>) -> (ErrorKind, &'static str) {
    let error = result.unwrap_err();
    (error.kind(), error.code())
}

const USAGE: Usage = Usage {
    input_uncached: 10,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    audio_in: 0,
    output_text: 4,
    output_reasoning: 0,
    audio_out: 0,
    tool_requests: 0,
    provider_total: None,
};

#[tokio::test]
async fn what_the_bill_says_takes_the_place_of_the_estimate_and_what_it_does_not_say_stays() {
    let (_, nexus, call) = bench().await;
    let line = reconcile(&nexus, &call, VendorBill::Usage(USAGE)).await.unwrap();
    // 10 tokens at 1 and 4 at 2 nano-USD; 14 tokens at half a unit each.
    let money = NanoUsd::from_nanos(18);
    assert_eq!(
        (line.usage, line.charged),
        (USAGE, MeterAmounts { calls: 1, tokens: 14, cost_units: 7, money })
    );
    let line = reconcile(&nexus, &call, VendorBill::Money(NanoUsd::from_nanos(5))).await.unwrap();
    assert_eq!((line.usage, line.charged.tokens, line.charged.money.as_nanos()), (USAGE, 14, 5));
    let line = reconcile(&nexus, &call, VendorBill::Nothing).await.unwrap();
    assert_eq!((line.usage, line.charged), (Usage::default(), MeterAmounts::ZERO));
    // Billed after all: its usage is as unknown as before.
    let line = reconcile(&nexus, &call, VendorBill::Money(NanoUsd::from_nanos(40))).await.unwrap();
    assert_eq!((line.revision(), line.charged), (4, MeterAmounts { cost_units: 10, ..amounts(100, 40) }));
}

#[tokio::test]
async fn usage_is_priced_as_the_attempt_was_or_not_at_all() {
    let (_, nexus, call) = bench().await;
    nexus.add_price(&admin(), &price("dearer", 9_000_000)).await.unwrap();
    let line = reconcile(&nexus, &call, VendorBill::Usage(USAGE)).await.unwrap();
    assert_eq!(line.charged.money, NanoUsd::from_nanos(18));
    // The version has two prices now: the original one is ambiguous.
    nexus.add_price(&admin(), &price("2026-01-01", 9_000_000)).await.unwrap();
    let error = reconcile(&nexus, &call, VendorBill::Usage(USAGE)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, "PRICE_UNKNOWN"));
    assert!(error.hint().unwrap().contains("money"));
    reconcile(&nexus, &call, VendorBill::Money(NanoUsd::from_nanos(1))).await.unwrap();
}

#[tokio::test]
async fn only_admins_reconcile_and_only_estimates_of_their_tenant() {
    let (world, nexus, call) = bench().await;
    let known = world.made(&admin(), "known", &[], amounts(1, 5)).await;
    let open = world.begin(world.intent(&admin(), "open", &[], amounts(1, 5))).await;
    let editor = Principal::user("acme", "bob").unwrap().roles(["editor"]);
    let stranger = Principal::user("globex", "root").unwrap().roles(["admin"]);
    let attempt = async |caller: &Principal, call: &str, attempt, reason: &str| {
        refused(nexus.reconcile(caller, call, attempt, VendorBill::Nothing, reason).await)
    };
    assert_eq!(attempt(&editor, &call, None, "r").await.0, ErrorKind::Denied);
    for unknown in ["unknown", open.as_str()] {
        assert_eq!(attempt(&admin(), unknown, None, "r").await, (ErrorKind::NotFound, "CALL_NOT_FOUND"));
    }
    assert_eq!(attempt(&stranger, &call, None, "r").await, (ErrorKind::NotFound, "CALL_NOT_FOUND"));
    assert_eq!(attempt(&admin(), &call, Some(2), "r").await, (ErrorKind::NotFound, "ATTEMPT_NOT_FOUND"));
    let not_estimated = attempt(&admin(), &known, None, "r").await;
    assert_eq!(not_estimated, (ErrorKind::Conflict, "CALL_NOT_ESTIMATED"));
    for reason in ["", "two\nlines", &"r".repeat(513)] {
        assert_eq!(attempt(&admin(), &call, None, reason).await.0, ErrorKind::InvalidInput, "{reason:?}");
    }
    let negative = reconcile(&nexus, &call, VendorBill::Money(NanoUsd::from_nanos(-1))).await;
    assert_eq!(refused(negative), (ErrorKind::InvalidInput, "INVALID_AMOUNT"));
    assert_eq!(world.lines(&admin()).await.len(), 2);
}

#[tokio::test]
async fn an_attempt_is_named_where_several_were_estimated() {
    let (world, nexus, _) = bench().await;
    let caller = admin();
    let call = world.begin(world.intent(&caller, "twice", &[], amounts(9, 60))).await;
    let estimate = |number| AttemptOutcome {
        estimated: true,
        ..ending(number, AttemptStatus::Truncated, amounts(9, 60))
    };
    let mut retry = world.retry_of(&caller, &call, &[], amounts(9, 70));
    retry.outcome = estimate(1);
    world.store.retry(retry).await.unwrap();
    let settlement = world.failed(&caller, &call, AttemptStatus::Truncated, amounts(9, 70));
    world.settle(Settlement { outcome: Some(estimate(2)), ..settlement }).await;
    assert_eq!(refused(reconcile(&nexus, &call, VendorBill::Nothing).await).1, "ATTEMPT_AMBIGUOUS");
    let line = nexus.reconcile(&caller, &call, Some(2), VendorBill::Nothing, "not billed").await.unwrap();
    assert_eq!((line.attempt, line.charged), (2, MeterAmounts::ZERO));
    let kept = nexus.calls(&caller, nexus_testkit::store::calls::every()).await.unwrap();
    let kept = kept.iter().find(|kept| kept.id == call).unwrap();
    assert_eq!((kept.cost.as_nanos(), kept.estimated), (60, true), "the other attempt is still an estimate");
}

#[tokio::test]
async fn each_correction_is_one_signed_chain_without_its_reason() {
    let (world, nexus, call) = bench().await;
    let before = nexus.chains(&admin(), Page::first(99)).await.unwrap();
    let corrected = reconcile(&nexus, &call, VendorBill::Usage(USAGE)).await.unwrap();
    let chains = nexus.chains(&admin(), Page::first(99)).await.unwrap();
    let new: Vec<_> = chains.iter().filter(|chain| !before.contains(chain)).collect();
    let [chain] = new.as_slice() else { panic!("{new:?}") };
    assert_eq!(nexus.verify(&admin(), chain, None).await.unwrap().status, Status::Ok);
    let records = world.store.records(admin().tenant(), chain, 0, 9).await.unwrap();
    let body = String::from_utf8(records[1].body.clone()).unwrap();
    let reason = hex::sha256(b"invoice 7");
    let shown = serde_json::to_string(&LedgerEntry { seq: 0, ..corrected }).unwrap();
    let entry = hex::sha256(shown.as_bytes());
    let facts = format!(
        r#""payload":{{"after":{{"charged":"18","tokens":"14"}},"attempt":1,"before":{{"charged":"60","tokens":"100"}},"bill":"usage","call":"{call}","entry":"{entry}","reason":"{reason}","revision":1}}"#
    );
    assert!(body.contains(&facts) && body.contains("call.reconciled"), "{body}");
    assert!(!body.contains("invoice"), "{body}");
}
