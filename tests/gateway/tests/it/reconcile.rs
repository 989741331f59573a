//! Reconciliation of a ledger with the vendor's own bill, after which both are equal.

use std::collections::BTreeMap;

use nexus_core::ledger::{LedgerEntry, LedgerQuery, VendorBill};
use nexus_core::quota::MeterAmounts;
use nexus_core::{NanoUsd, Nexus, Page, Usage};
use nexus_fake_provider::Scripted;

use crate::fixture::{caller, lines, price, usage};
use crate::ledger_vs_vendor::nothing_is_reserved;

/// Returns the vendor's bill by model, which names a call.
async fn bills(scripted: &Scripted) -> BTreeMap<String, Vec<Usage>> {
    let mut bills: BTreeMap<String, Vec<Usage>> = BTreeMap::new();
    for entry in scripted.settled_log().await {
        let billed = usage(&entry.billed);
        if cost(&billed) > NanoUsd::ZERO {
            bills.entry(entry.model).or_default().push(billed);
        }
    }
    bills
}

fn cost(billed: &Usage) -> NanoUsd {
    price().cost(billed).unwrap()
}

fn by_model(lines: Vec<LedgerEntry>) -> BTreeMap<String, Vec<LedgerEntry>> {
    let mut by_model: BTreeMap<String, Vec<LedgerEntry>> = BTreeMap::new();
    for line in lines {
        by_model.entry(line.model.clone()).or_default().push(line);
    }
    by_model
}

/// Reconciles every estimate with the vendor's bill, and demands that the whole ledger then equals that bill, to the
/// nano-USD, and that counters and calls have followed. No call may be open, and no estimate reconciled before.
pub(crate) async fn reconcile_with_the_bill(nexus: &Nexus, scripted: &Scripted) {
    let mut bills = bills(scripted).await;
    let billed: BTreeMap<String, i64> = bills
        .iter()
        .map(|(model, bills)| (model.clone(), bills.iter().map(|bill| cost(bill).as_nanos()).sum()))
        .collect();
    let mut corrected = 0;
    for (model, lines) in by_model(lines(nexus).await) {
        let of_call = bills.entry(model).or_default();
        // Usage reported by the vendor was charged as reported.
        for line in lines.iter().filter(|line| !line.estimated && line.charged != MeterAmounts::ZERO) {
            let same = of_call.iter().position(|bill| cost(bill) == line.charged.money);
            of_call.remove(same.unwrap_or_else(|| panic!("no bill matches {line:?}")));
        }
        for line in lines.iter().filter(|line| line.estimated) {
            let bill =
                if of_call.is_empty() { VendorBill::Nothing } else { VendorBill::Usage(of_call.remove(0)) };
            let reason = "the vendor's bill";
            nexus.reconcile(&caller(), &line.call, Some(line.attempt), bill, reason).await.unwrap();
            corrected += 1;
        }
        assert!(of_call.is_empty(), "the vendor billed what the ledger does not have: {of_call:?}");
    }
    assert!(corrected > 0, "nothing was estimated");

    let after = lines(nexus).await;
    for (model, lines) in by_model(after.clone()) {
        let ledger: i64 = lines.iter().map(|line| line.change().unwrap().money.as_nanos()).sum();
        assert_eq!(ledger, billed.get(&model).copied().unwrap_or(0), "{model}\n{lines:#?}");
    }
    nothing_is_reserved(nexus, &after).await;
    let unreconciled = LedgerQuery { unreconciled: true, page: Page::first(1), ..LedgerQuery::default() };
    assert_eq!(nexus.ledger(&caller(), unreconciled).await.unwrap(), []);
    let query = LedgerQuery { page: Page::first(1_000_000), ..LedgerQuery::default() };
    let calls = nexus.store_for_tests().calls(caller().tenant(), &query).await.unwrap();
    assert!(calls.iter().all(|call| !call.estimated));
    let costs: i64 = calls.iter().map(|call| call.cost.as_nanos()).sum();
    assert_eq!(costs, billed.values().sum::<i64>());
}
