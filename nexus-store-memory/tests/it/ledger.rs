//! Calls that begin, continue and end in any order, against a slow and obvious reference ledger.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_core::audit::Kind;
use nexus_core::ledger::{
    AttemptOutcome, AttemptStatus, BeginCall, BeginResult, CallStatus, Reconciliation, RetryCall, Settlement,
    UsageBy,
};
use nexus_core::quota::{
    Cap, Consumer, CounterKey, CounterState, Limit, LimitCheck, Limits, Meter, MeterAmounts, ScopeKind,
    Window, Zone, checks,
};
use nexus_core::{Error, Principal, Timestamp};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, attempt, every};
use nexus_testkit::store::fixture::{at, owner, reader};
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
enum Operation {
    Begin { user: bool, model: bool, limits: u8, hours: i64, amount: u32 },
    Retry { which: Index, limits: u8, hours: i64, charged: Option<u32>, amount: u32 },
    Settle { which: Index, charged: Option<u32> },
    Correct { which: Index, charged: u32 },
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    let (limits, hours, amount) = (any::<u8>(), 0_i64..72, 0_u32..40);
    let charged = prop::option::of(0_u32..50);
    let begin = (any::<bool>(), any::<bool>(), limits, hours.clone(), amount.clone());
    let retry = (any::<Index>(), limits, hours, charged.clone(), amount);
    prop_oneof![
        6 => begin.prop_map(|(user, model, limits, hours, amount)| Operation::Begin { user, model, limits, hours, amount }),
        2 => retry.prop_map(|(which, limits, hours, charged, amount)| Operation::Retry { which, limits, hours, charged, amount }),
        4 => (any::<Index>(), charged).prop_map(|(which, charged)| Operation::Settle { which, charged }),
        3 => (any::<Index>(), 0_u32..60).prop_map(|(which, charged)| Operation::Correct { which, charged }),
        1 => Just(Operation::Restart),
    ]
}

/// Returns the limits of one call: they change while other calls are in flight.
fn limits(bits: u8) -> Limits {
    let all = [
        Limit::new(ScopeKind::Tenant, Meter::Money, Window::Day, Cap::Limited(150)),
        Limit::new(ScopeKind::User, Meter::Money, Window::Month, Cap::Limited(200)),
        Limit::new(ScopeKind::User, Meter::Tokens, Window::Day, Cap::Limited(60)).for_model("small"),
        Limit::new(ScopeKind::Investigation, Meter::Money, Window::Total, Cap::Limited(120)),
        Limit::new(ScopeKind::Organisation, Meter::Money, Window::Day, Cap::Limited(90)),
        // Long enough that the clock, which moves in both directions here, stays within it.
        Limit::new(ScopeKind::Tenant, Meter::Calls, Window::seconds(100_000_000), Cap::Limited(12)),
        Limit::new(ScopeKind::Run, Meter::Money, Window::Month, Cap::Limited(100)),
    ];
    let chosen = all.into_iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    Limits::none().with(chosen.map(|(_, limit)| limit))
}

/// Expected state of the store, as lists to be summed up.
#[derive(Default)]
struct Oracle {
    open: Vec<Open>,
    lines: Vec<Line>,
    keys: BTreeSet<CounterKey>,
    calls: u32,
}

#[derive(Clone)]
struct Open {
    call: String,
    consumer: Consumer,
    attempt: Option<Under>,
    last: u32,
}

/// Attempt in flight.
#[derive(Clone)]
struct Under {
    model: String,
    day: String,
    reserved: MeterAmounts,
    keys: Vec<CounterKey>,
}

struct Line {
    call: String,
    attempt: u32,
    consumer: Consumer,
    under: Under,
    /// Charge of the attempt when it ended.
    own: MeterAmounts,
    estimated: bool,
    /// Current charge.
    charged: MeterAmounts,
    corrections: u32,
}

fn sum(amounts: impl Iterator<Item = MeterAmounts>) -> MeterAmounts {
    amounts.fold(MeterAmounts::ZERO, |sum, amount| sum.checked_add(&amount).unwrap())
}

impl Line {
    fn new(open: &Open, under: Under, ending: &AttemptOutcome) -> Self {
        Self {
            call: open.call.clone(),
            attempt: open.last,
            consumer: open.consumer.clone(),
            under,
            own: ending.charged,
            estimated: ending.estimated,
            charged: ending.charged,
            corrections: 0,
        }
    }

    /// Returns the part that a counter has counted: a window of seconds excludes later reconciliations.
    fn counted(&self, key: &CounterKey) -> MeterAmounts {
        if key.window.starts_with('s') { self.own } else { self.charged }
    }

    fn counts_for(&self, key: &CounterKey) -> bool {
        let same_time = match key.window.split_once('/') {
            Some(("d", date)) => self.under.day == date,
            Some(("m", date)) => self.under.day.starts_with(date),
            // All attempts here lie in one window of seconds.
            Some(_) | None => true,
        };
        let consumer = &self.consumer;
        let id = match key.scope {
            ScopeKind::Tenant => Some(&consumer.tenant),
            ScopeKind::Organisation => consumer.organisation.as_ref(),
            ScopeKind::User => Some(&consumer.user),
            ScopeKind::Investigation => consumer.investigation.as_ref(),
            ScopeKind::Run => consumer.run.as_ref(),
        };
        id == Some(&key.id) && same_time && (key.model == "*" || key.model == self.under.model)
    }
}

impl Oracle {
    fn used(&self, key: &CounterKey) -> CounterState {
        let under_way = self.open.iter().filter_map(|open| open.attempt.as_ref());
        let reserved = under_way.filter(|under| under.keys.contains(key)).map(|under| under.reserved);
        let settled = self.lines.iter().filter(|line| line.counts_for(key)).map(|line| line.counted(key));
        CounterState { reserved: sum(reserved), settled: sum(settled) }
    }

    fn fits(&self, checks: &[LimitCheck], wanted: &MeterAmounts) -> bool {
        checks.iter().all(|check| match check.cap {
            Cap::Unlimited => true,
            Cap::Limited(cap) => self.used(&check.key).of(check.meter) + wanted.of(check.meter) <= cap,
        })
    }

    /// Records an attempt that was admitted, or not, and checks the decision against the lists.
    fn admit(&mut self, begun: &BeginResult, checks: &[LimitCheck], under: Under) -> Option<Under> {
        let fits = self.fits(checks, &under.reserved);
        assert_eq!(
            matches!(begun, BeginResult::Admitted { .. }),
            fits,
            "{begun:?} {checks:?} {:?}",
            under.reserved
        );
        let mut keys: Vec<CounterKey> = checks.iter().map(|check| check.key.clone()).collect();
        keys.dedup();
        self.keys.extend(keys.iter().cloned());
        fits.then_some(Under { keys, ..under })
    }
}

fn day(now: Timestamp) -> String {
    Zone::default().day(now)
}

fn caller(user: bool) -> Principal {
    reader("acme", if user { "ada" } else { "ben" })
}

fn end(number: u32, charged: Option<u32>) -> AttemptOutcome {
    let (status, charged) = match charged {
        Some(charged) => (AttemptStatus::Settled, amounts(charged.into(), charged.into())),
        None => (AttemptStatus::FailedUnbilled, MeterAmounts::ZERO),
    };
    // Every other charge is an estimate.
    let estimated = charged.tokens % 2 == 1;
    AttemptOutcome { estimated, ..nexus_testkit::store::calls::ending(number, status, charged) }
}

async fn begin(world: &World, oracle: &mut Oracle, operation: &Operation) {
    let Operation::Begin { user, model, limits: bits, hours, amount } = operation else { return };
    let (caller, now) = (caller(*user), at(hours * 3_600));
    oracle.calls += 1;
    let (id, reserved) = (format!("c{}", oracle.calls), amounts((*amount).into(), (*amount).into()));
    let model = if *model { "small" } else { "large" }.to_owned();
    let mut intent = world.intent(&caller, &id, &[], reserved);
    let call = &mut intent.call;
    (call.id, call.model, call.created_at) = (id.clone(), model.clone(), now);
    call.consumer.organisation = user.then(|| "north".to_owned());
    call.consumer.investigation = Some("case".to_owned());
    call.consumer.run = Some(format!("run-{}", oracle.calls % 3));
    let consumer = call.consumer.clone();
    let checks = checks(&limits(*bits), &consumer, &model, now, &Zone::default());
    intent.checks.clone_from(&checks);
    (intent.attempt.model, intent.attempt.started_at) = (model.clone(), now);
    intent.audit = world.pending(&caller, &id, &[Kind::CHAIN_OPEN]);
    let begun = world.store.begin(BeginCall { key_expires_at: at(i64::MAX >> 24), ..intent }).await.unwrap();
    let under = Under { model, day: day(now), reserved, keys: Vec::new() };
    if let Some(under) = oracle.admit(&begun, &checks, under) {
        oracle.open.push(Open { call: id, consumer, attempt: Some(under), last: 1 });
    }
}

async fn retry(world: &World, oracle: &mut Oracle, operation: &Operation) {
    let Operation::Retry { which, limits: bits, hours, charged, amount } = operation else { return };
    let under_way: Vec<usize> =
        (0..oracle.open.len()).filter(|place| oracle.open[*place].attempt.is_some()).collect();
    if under_way.is_empty() {
        return;
    }
    let place = *which.get(&under_way);
    let (now, open) = (at(hours * 3_600), oracle.open[place].clone());
    let over = oracle.open[place].attempt.take().unwrap();
    let reserved = amounts((*amount).into(), (*amount).into());
    let (caller, checks) = (
        caller(open.consumer.user == "ada"),
        checks(&limits(*bits), &open.consumer, "large", now, &Zone::default()),
    );
    let mut next = attempt(open.last + 1, reserved);
    (next.model, next.started_at) = ("large".to_owned(), now);
    let ending = end(open.last, *charged);
    oracle.lines.push(Line::new(&open, over.clone(), &ending));
    let retry = RetryCall {
        tenant: caller.tenant().clone(),
        call: open.call.clone(),
        owner: owner("process-1"),
        outcome: ending,
        attempt: next,
        checks: checks.clone(),
        day: over.day,
        audit: world.pending(&caller, &open.call, &[Kind::new("call.retry")]),
    };
    let begun = world.store.retry(retry).await.unwrap();
    let under = Under { model: "large".to_owned(), day: day(now), reserved, keys: Vec::new() };
    let admitted = oracle.admit(&begun, &checks, under);
    let entry = &mut oracle.open[place];
    (entry.last, entry.attempt) = (open.last + u32::from(admitted.is_some()), admitted);
}

async fn settle(world: &World, oracle: &mut Oracle, which: usize, charged: Option<u32>) {
    let open = oracle.open.remove(which);
    let caller = caller(open.consumer.user == "ada");
    let settlement = world.settlement(&caller, &open.call, MeterAmounts::ZERO);
    let ending = open.attempt.as_ref().map(|_| end(open.last, charged));
    let status = if charged.is_some() { CallStatus::Succeeded } else { CallStatus::Failed };
    let day = open.attempt.as_ref().map_or_else(|| "2026-03-01".to_owned(), |under| under.day.clone());
    let settlement = Settlement { outcome: ending.clone(), status, day, ..settlement };
    for is_first in [true, false] {
        assert_eq!(world.store.settle(settlement.clone()).await.unwrap(), is_first);
    }
    if let (Some(under), Some(ending)) = (open.attempt.clone(), ending) {
        oracle.lines.push(Line::new(&open, under, &ending));
    }
}

async fn correct(world: &World, oracle: &mut Oracle, which: usize, charged: u32) {
    let line = &mut oracle.lines[which];
    let caller = caller(line.consumer.user == "ada");
    let charged = amounts(charged.into(), charged.into());
    let revision = line.corrections + 1;
    let chain = format!("{}-{}-{revision}", line.call, line.attempt);
    let reconciliation = Reconciliation {
        attempt: line.attempt,
        // A restarted world reuses its names.
        audit: world.pending(&caller, &chain, &[Kind::CHAIN_OPEN, Kind::CHAIN_CLOSE]),
        ..world.reconciliation(&caller, &line.call, revision, charged)
    };
    let corrected = world.store.reconcile(reconciliation).await.map(drop);
    let code = corrected.as_ref().map_err(Error::code);
    assert_eq!(code, if line.estimated { Ok(&()) } else { Err("CALL_NOT_ESTIMATED") });
    if line.estimated {
        (line.charged, line.corrections) = (charged, revision);
    }
}

async fn compare(world: &World, oracle: &Oracle) {
    let tenant = caller(true).tenant().clone();
    let keys: Vec<CounterKey> = oracle.keys.iter().cloned().collect();
    let used = world.store.used(&tenant, &keys).await.unwrap();
    for (key, used) in keys.iter().zip(used) {
        assert_eq!(used, oracle.used(key), "{key:?}");
    }
    let lines = world.store.ledger(&tenant, &every()).await.unwrap();
    let added = lines.iter().rev().map(|line| line.change().unwrap());
    let total = added.fold(MeterAmounts::ZERO, |sum, more| sum.checked_change(&more).unwrap());
    let expected = sum(oracle.lines.iter().map(|line| line.charged));
    let corrections: u32 = oracle.lines.iter().map(|line| line.corrections).sum();
    assert_eq!((lines.len(), total), (oracle.lines.len() + corrections as usize, expected));
    let usage = world.store.usage(&tenant, UsageBy::Model, "2026-01-01", "2026-12-31").await.unwrap();
    let usage = usage.into_iter().map(|row| MeterAmounts {
        calls: row.calls,
        tokens: row.tokens,
        cost_units: row.cost_units,
        money: row.cost,
    });
    assert_eq!(sum(usage), expected);
    let calls = world.store.calls(&tenant, &every()).await.unwrap();
    let costs = calls.iter().map(|call| call.cost.as_nanos()).sum::<i64>();
    assert_eq!(costs, expected.money.as_nanos());
    let open: Vec<String> =
        world.store.open_calls().await.unwrap().into_iter().map(|open| open.call.id).collect();
    assert_eq!(open, oracle.open.iter().map(|open| open.call.clone()).collect::<Vec<_>>());
}

/// Runs the operations on a store in `dir`, or in RAM, and compares after every step.
async fn play(dir: Option<&std::path::Path>, operations: &[Operation]) {
    let open = || dir.map_or_else(MemoryStore::default, |dir| MemoryStore::open(dir).unwrap());
    let mut world = World::new(Arc::new(open()));
    let mut oracle = Oracle::default();
    for operation in operations {
        match operation {
            Operation::Begin { .. } => begin(&world, &mut oracle, operation).await,
            Operation::Retry { .. } => retry(&world, &mut oracle, operation).await,
            Operation::Settle { which, charged } if !oracle.open.is_empty() => {
                let which = which.index(oracle.open.len());
                settle(&world, &mut oracle, which, *charged).await;
            }
            Operation::Restart if dir.is_some() => {
                world.store.close().await.unwrap();
                world = World::new(Arc::new(open()));
            }
            Operation::Correct { which, charged } if !oracle.lines.is_empty() => {
                let which = which.index(oracle.lines.len());
                correct(&world, &mut oracle, which, *charged).await;
            }
            Operation::Settle { .. } | Operation::Correct { .. } | Operation::Restart => {}
        }
        compare(&world, &oracle).await;
    }
    while !oracle.open.is_empty() {
        settle(&world, &mut oracle, 0, Some(7)).await;
    }
    compare(&world, &oracle).await;
    assert!(oracle.keys.iter().all(|key| oracle.used(key).reserved == MeterAmounts::ZERO));
    world.store.close().await.unwrap();
}

fn run(dir: Option<&std::path::Path>, operations: &[Operation]) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(dir, operations));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_of_calls_the_counters_hold_what_the_ledger_and_the_open_attempts_say(
        operations in prop::collection::vec(operation(), 1..60),
    ) {
        run(None, &operations);
        run(Some(tempfile::tempdir().unwrap().path()), &operations);
    }
}
