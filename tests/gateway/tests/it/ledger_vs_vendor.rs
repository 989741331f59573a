//! Oracle: thousands of concurrent calls with random faults of vendors and of the store, cancels, callers who leave
//! and restarts. Afterwards nothing is reserved, and the ledger equals the vendor's bill, to the nano-USD: at once
//! where the vendor reported usage, and everywhere once its estimates are reconciled with the bill.
//!
//! `NEXUS_ORACLE_CALLS` makes it longer: `make oracle` runs it with a hundred thousand.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use nexus_core::gateway::{Admission, BreakerPolicy, Deadlines, GatewaySettings, ModelCall};
use nexus_core::ledger::{AttemptStatus, LedgerEntry};
use nexus_core::quota::{Cap, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, checks};
use nexus_core::{Nexus, Page, Principal, Timestamp};
use nexus_fake_provider::{Entry, Outcome, Scripted};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault};

use crate::fixture::{
    call, caller, engine, lines, price, reopened, routing, settings, until, usage, with_cost_units,
};
use crate::reconcile::reconcile_with_the_bill;

/// Number of calls in an ordinary test run.
const CALLS: usize = 3_000;
/// Number of calls of a process before it is killed.
const PER_LIFE: usize = 600;
/// Number of calls in flight.
const AT_ONCE: usize = 64;

/// Faults of the vendor. Each call has a base of its own before the fault, which names it in the vendor's bill.
const FAULTS: [&str; 24] = [
    "",
    "",
    "",
    "+cached=50+reasoning=7",
    "+cache-write=20+thinking=3",
    "+no-usage",
    "+429+retry-after-ms=1+once",
    "+429+retry-after-ms=1",
    "+500+once",
    "+503",
    "+reset+once",
    "+cut=2",
    "+cut-byte=90",
    "+malformed=1",
    "+no-done",
    "+no-final-usage",
    "+error=2",
    "+filter=2",
    "+401",
    "+pace=1ms",
    "+drip=0",
    "+duplicate",
    "+unknown+crlf",
    "+first-after=3ms",
];

/// Deadline of a store step, and the delay of a late one.
const STORE: Duration = Duration::from_millis(400);
const LATE: Duration = Duration::from_millis(500);

/// Random numbers, equal in every run: the generator of Steele, Lea and Flood (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }
}

/// Behaviour of a caller.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Completes,
    Reads,
    LeavesAfter(usize),
    CancelsAfter(usize),
    LeavesAtOnce,
}

fn behaviour(random: &mut Random) -> Behaviour {
    let after = usize::try_from(random.below(4)).unwrap();
    match random.below(10) {
        0..=2 => Behaviour::Completes,
        3..=5 => Behaviour::Reads,
        6 | 7 => Behaviour::LeavesAfter(after),
        8 => Behaviour::CancelsAfter(after),
        _ => Behaviour::LeavesAtOnce,
    }
}

async fn make(nexus: Nexus, caller: Principal, call: ModelCall, behaviour: Behaviour) {
    if let Behaviour::Completes = behaviour {
        let _ = nexus.complete(&caller, call).await;
        return;
    }
    if let Behaviour::LeavesAtOnce = behaviour {
        let _ = tokio::time::timeout(Duration::from_micros(200), nexus.stream(&caller, call)).await;
        return;
    }
    let Ok(Admission::Granted(mut stream)) = nexus.stream(&caller, call).await else { return };
    let mut pieces = 0;
    loop {
        if matches!(behaviour, Behaviour::LeavesAfter(after) if pieces == after) {
            return;
        }
        if matches!(behaviour, Behaviour::CancelsAfter(after) if pieces == after) {
            stream.cancel();
        }
        if stream.next().await.is_none() {
            return;
        }
        pieces += 1;
    }
}

/// Returns a fault of [`FAULTS`], or none.
pub(crate) fn fault(random: &mut Random) -> &'static str {
    FAULTS[usize::try_from(random.below(FAULTS.len() as u64)).unwrap()]
}

/// Returns the fault of a store step: one step of the ledger in twelve.
fn trouble(random: &mut Random, step: &str) -> Option<InjectedFault> {
    if !["begin", "retry", "settle"].contains(&step) {
        return None;
    }
    match random.below(120) {
        0..=2 => Some(InjectedFault::FailsBefore),
        3..=5 => Some(InjectedFault::FailsAfter),
        6 => Some(InjectedFault::Slow(LATE)),
        7 => Some(InjectedFault::Late(LATE)),
        8 | 9 => Some(InjectedFault::Slow(Duration::from_millis(5))),
        _ => None,
    }
}

/// Returns settings with limits of every meter that refuse nothing, so that there are counters to compare.
pub(crate) fn governed() -> GatewaySettings {
    let mut limits = Limits::none();
    for (scope, window) in [
        (ScopeKind::Tenant, Window::Month),
        (ScopeKind::User, Window::Day),
        (ScopeKind::User, Window::MINUTE),
    ] {
        for meter in Meter::ALL {
            limits.put(Limit::new(scope, meter, window, Cap::Limited(1 << 60)));
        }
    }
    // An open circuit breaker would keep most calls away from the vendor.
    let breaker = BreakerPolicy { failures: u32::MAX, ..BreakerPolicy::default() };
    let deadlines = Deadlines { store: STORE, ..settings().deadlines };
    with_cost_units(GatewaySettings { limits, breaker, deadlines, ..settings() })
}

/// Runs one life of a process: makes its calls, and is killed in the middle of the last of them.
async fn life(nexus: &Nexus, first: usize, calls: usize, random: &mut Random) {
    let plans: Vec<_> = (first..first + calls)
        .map(|n| {
            let fault = fault(random);
            let user = format!("u{}", random.below(5));
            let caller = Principal::user("acme", user).unwrap().roles(["editor"]);
            (caller, call(&format!("c{n}{fault}")), behaviour(random))
        })
        .collect();
    let making = futures::stream::iter(plans)
        .map(|(caller, call, behaviour)| make(nexus.clone(), caller, call, behaviour))
        .buffer_unordered(AT_ONCE)
        .count();
    making.await;
    // Calls without a listener are cut off where they are.
    nexus.shutdown(Duration::from_millis(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_n13_n35_the_ledger_is_what_the_vendor_billed() {
    let calls = std::env::var("NEXUS_ORACLE_CALLS").map_or(CALLS, |calls| calls.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let scripted = Scripted::start().await.unwrap();
    let (mut random, mut struck) = (Random(20_261_121), 0);
    for first in (0..calls).step_by(PER_LIFE) {
        let (store, troubles) = FaultyStore::new(MemoryStore::open(dir.path()).unwrap());
        let nexus = engine(store, routing(&scripted), governed());
        nexus.resume().await.unwrap();
        let mut of_the_store = Random(first as u64);
        troubles.follow(move |step| trouble(&mut of_the_store, step));
        life(&nexus, first, PER_LIFE.min(calls - first), &mut random).await;
        struck += troubles.struck();
    }
    let nexus = reopened(dir.path(), &scripted, governed());
    nexus.resume().await.unwrap();
    until("no call is open", async || nexus.store_for_tests().open_calls().await.unwrap().is_empty()).await;

    let compared = compare(&nexus, &scripted).await;
    // Some callers leave before their call began, and half of the faults end well.
    assert!(compared.calls * 4 > calls * 3, "{} of {calls} calls were made", compared.calls);
    assert!(compared.exact * 3 > compared.calls, "{} of {} are exact", compared.exact, compared.calls);
    assert!(struck * 20 > calls as u64, "the store failed {struck} times");
    reconcile_with_the_bill(&nexus, &scripted).await;
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
    scripted.shutdown().await;
}

/// Extent of a comparison.
pub(crate) struct Compared {
    /// Calls that the ledger or the vendor knows.
    pub(crate) calls: usize,
    /// Attempts that agree to the nano-USD.
    pub(crate) exact: usize,
}

/// Compares the ledger with the vendor's bill, and the counters with the ledger. No call may be open any more.
pub(crate) async fn compare(nexus: &Nexus, scripted: &Scripted) -> Compared {
    let lines = lines(nexus).await;
    nothing_is_reserved(nexus, &lines).await;
    let mut by_model: BTreeMap<String, (Vec<LedgerEntry>, Vec<Entry>)> = BTreeMap::new();
    for line in lines {
        by_model.entry(line.model.clone()).or_default().0.push(line);
    }
    for entry in scripted.settled_log().await {
        by_model.entry(entry.model.clone()).or_default().1.push(entry);
    }
    let exact = by_model.iter().map(|(model, (lines, entries))| agree(model, lines, entries)).sum();
    Compared { calls: by_model.len(), exact }
}

/// Compares the ledger of one call with the bill, and returns the number of attempts compared to the nano-USD.
fn agree(model: &str, lines: &[LedgerEntry], entries: &[Entry]) -> usize {
    let details = || format!("{model}\n{lines:#?}\n{entries:#?}");
    assert!(entries.len() <= lines.len(), "the vendor was asked more often than is recorded: {}", details());
    for (place, line) in lines.iter().enumerate() {
        assert_eq!(line.attempt as usize, place + 1, "an attempt has no line, or two: {}", details());
        assert!(line.charged.money <= line.reserved.money, "{}", details());
        assert!(
            line.status == AttemptStatus::Settled || line.estimated || line.charged == MeterAmounts::ZERO
        );
    }
    let billed = |entry: &Entry| price().cost(&usage(&entry.billed)).unwrap();
    let sum = |amounts: Vec<i64>| amounts.into_iter().sum::<i64>();
    let bill = sum(entries.iter().map(|entry| billed(entry).as_nanos()).collect());
    let ledger = sum(lines.iter().map(|line| line.charged.money.as_nanos()).collect());
    assert!(bill <= ledger, "the vendor billed {bill}, the ledger says {ledger}: {}", details());
    // Attempts come one after another, so where each reached the vendor, each has its own entry in the bill.
    let sent: Vec<&LedgerEntry> = lines.iter().filter(|line| !was_given_up(line)).collect();
    if sent.len() == entries.len() {
        for (line, entry) in sent.into_iter().zip(entries) {
            let is_exact = line.status == AttemptStatus::Settled && !line.estimated;
            let (charged, bill) = (line.charged.money, billed(entry));
            assert!(if is_exact { charged == bill } else { bill <= charged }, "{}", details());
        }
    }
    let mut exact = 0;
    for line in lines.iter().filter(|line| line.status == AttemptStatus::Settled && !line.estimated) {
        let same = |entry: &&Entry| entry.usage_sent && billed(entry) == line.charged.money;
        assert!(entries.iter().any(|entry| same(&entry)), "no bill matches a settled line: {}", details());
        exact += 1;
    }
    if let ([line], [entry]) = (lines, entries)
        && entry.outcome == Outcome::Completed
        && entry.usage_sent
        && line.status == AttemptStatus::Settled
    {
        assert_eq!(billed(entry), line.charged.money, "{}", details());
    }
    exact
}

/// Returns whether an attempt was admitted with an unknown outcome, and therefore never made.
fn was_given_up(line: &LedgerEntry) -> bool {
    line.error.as_deref() == Some("LEDGER_UNAVAILABLE")
}

/// Checks that no counter holds a reservation, and that its settled amount is the sum of the ledger.
pub(crate) async fn nothing_is_reserved(nexus: &Nexus, lines: &[LedgerEntry]) {
    let settings = governed();
    let mut sums: BTreeMap<_, MeterAmounts> = BTreeMap::new();
    let started: BTreeMap<String, Timestamp> = nexus
        .store_for_tests()
        .calls(
            caller().tenant(),
            &nexus_core::ledger::LedgerQuery { page: Page::first(1_000_000), ..Default::default() },
        )
        .await
        .unwrap()
        .into_iter()
        .map(|call| (call.id, call.created_at))
        .collect();
    for line in lines {
        // Attempts of one call lie within a second; those that straddle a minute are counted where they began.
        let at = started[&line.call];
        for check in checks(&settings.limits, &line.consumer, &line.model, at, &settings.zone) {
            if check.window == Window::MINUTE {
                continue;
            }
            sums.entry((check.key.clone(), check.meter)).or_insert(MeterAmounts::ZERO);
            let sum = sums.get_mut(&(check.key, check.meter)).unwrap();
            *sum = sum.checked_change(&line.change().unwrap()).unwrap();
        }
    }
    for ((key, meter), sum) in sums {
        let used = nexus.store_for_tests().used(caller().tenant(), std::slice::from_ref(&key)).await.unwrap();
        assert_eq!(used[0].reserved, MeterAmounts::ZERO, "{key:?}");
        assert_eq!(used[0].settled.of(meter), sum.of(meter), "{key:?} {meter:?}");
    }
}
