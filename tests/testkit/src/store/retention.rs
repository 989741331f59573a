//! Laws of `RetentionStore`.

use nexus_core::audit::Kind;
use nexus_core::document::model::JobState;
use nexus_core::error::Failure;
use nexus_core::ledger::{BeginCall, BeginResult, KillSwitch, KillSwitchCause, KillSwitchScope};
use nexus_core::quota::{Cap, Limit, Meter, ScopeKind, Window};
use nexus_core::retention::{Expire, RetentionClass};
use nexus_core::run::{Journal, Outcome, Phase, Run};
use nexus_core::session::Session;
use nexus_core::{ErrorKind, JobId, Page, Principal, RunId, SessionId, SubjectId};

use super::calls::{amounts, applied, every};
use super::fixture::{World, admin, at};
use super::run::{advance, new_run};
use super::scenarios;
use super::session::said;

scenarios!(
    only_records_of_the_class_that_ended_before_the_time_are_removed_at_most_the_limit,
    a_run_that_is_not_closed_stays_and_so_does_its_journal,
    a_removed_run_keeps_its_chain_calls_and_ledger_entries,
    a_session_is_removed_with_its_messages_and_one_with_an_unfinished_run_stays,
    a_job_that_is_queued_or_processing_stays,
    a_call_in_flight_or_with_an_unreconciled_estimate_stays,
    removal_and_its_audit_record_commit_together,
    the_record_counts_the_removed_records,
    counting_removes_nothing_and_equals_what_a_pass_then_removes,
    nothing_of_another_tenant_is_removed_or_counted,
    a_sweep_removes_idle_counters_expired_kill_switches_and_statistics_of_past_hours,
);

const APPLIED: &[Kind] = &[Kind::CHAIN_OPEN, Kind::new("retention.applied"), Kind::CHAIN_CLOSE];

impl World {
    /// Removes at most `limit` records of a class that ended before second `before`.
    async fn expire(
        &self,
        caller: &Principal,
        class: RetentionClass,
        before: i64,
        limit: usize,
    ) -> Vec<String> {
        let audit = self.pending(caller, &self.fresh("retention"), APPLIED);
        let step = Expire { tenant: caller.tenant().clone(), class, before: at(before), limit, audit };
        self.store.expire(step).await.unwrap()
    }

    /// Returns a run that was closed at second `end`.
    async fn closed_run(&self, caller: &Principal, id: &str, end: i64) -> Run {
        let run = self.running(caller, id, end).await;
        let closed = Run {
            phase: Phase::Closed { outcome: Outcome::Cancelled },
            version: 2,
            completed_at: Some(at(end)),
            ..run
        };
        self.store.advance(advance(self, closed.clone(), &[Kind::CHAIN_CLOSE])).await.unwrap();
        closed
    }

    async fn running(&self, caller: &Principal, id: &str, begin: i64) -> Run {
        let run = Run { created_at: at(begin), updated_at: at(begin), ..new_run(caller, id, "s") };
        self.store.advance(advance(self, run.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();
        run
    }

    async fn session_of(&self, caller: &Principal, id: &str, moment: i64) {
        let session = Session {
            id: SessionId::parse(id).unwrap(),
            owner: SubjectId::parse("root").unwrap(),
            title: "t".to_owned(),
            created_at: at(moment),
            updated_at: at(moment),
        };
        self.store.open_session(caller.tenant(), session).await.unwrap();
    }
}

async fn only_records_of_the_class_that_ended_before_the_time_are_removed_at_most_the_limit(world: World) {
    let caller = admin("acme");
    for (id, end) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        world.closed_run(&caller, id, end).await;
    }
    world.session_of(&caller, "s", 0).await;
    assert_eq!(world.expire(&caller, RetentionClass::Runs, 10, 9).await, Vec::<String>::new());
    assert_eq!(world.expire(&caller, RetentionClass::Journals, 40, 2).await, ["a", "b"]);
    let journal = async |id: &str| {
        world.store.journal(caller.tenant(), &RunId::parse(id).unwrap(), 0, 9).await.unwrap()
    };
    assert_eq!((journal("b").await, journal("c").await), (Journal::Pruned, Journal::Events(Vec::new())));
    assert_eq!(world.expire(&caller, RetentionClass::Journals, 40, 9).await, ["c"]);
    assert_eq!(world.expire(&caller, RetentionClass::Runs, 31, 9).await, ["a", "b", "c"]);
    world.store.run(caller.tenant(), &RunId::parse("d").unwrap()).await.unwrap();
    world.store.session(caller.tenant(), &SessionId::parse("s").unwrap()).await.unwrap();
}

async fn a_run_that_is_not_closed_stays_and_so_does_its_journal(world: World) {
    let caller = admin("acme");
    world.running(&caller, "open", 1).await;
    world.closed_run(&caller, "over", 2).await;
    assert_eq!(world.expire(&caller, RetentionClass::Journals, 99, 9).await, ["over"]);
    assert_eq!(world.expire(&caller, RetentionClass::Runs, 99, 9).await, ["over"]);
    let open = RunId::parse("open").unwrap();
    world.store.run(caller.tenant(), &open).await.unwrap();
    assert_eq!(world.store.journal(caller.tenant(), &open, 0, 9).await.unwrap(), Journal::Events(Vec::new()));
}

async fn a_removed_run_keeps_its_chain_calls_and_ledger_entries(world: World) {
    let caller = admin("acme");
    world.closed_run(&caller, "over", 2).await;
    let mut intent = world.intent(&caller, "over/generate/0", &[], amounts(3, 4));
    intent.call.consumer.run = Some("over".to_owned());
    let call = world.begin(intent).await;
    world.settle(world.settlement(&caller, &call, amounts(3, 4))).await;
    let (lines, calls) =
        (world.lines(&caller).await, world.store.calls(caller.tenant(), &every()).await.unwrap());

    assert_eq!(world.expire(&caller, RetentionClass::Journals, 99, 9).await, ["over"]);
    assert_eq!(world.expire(&caller, RetentionClass::Runs, 99, 9).await, ["over"]);
    let gone = world.store.run(caller.tenant(), &RunId::parse("over").unwrap()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert_eq!(world.store.records(caller.tenant(), "over", 0, 9).await.unwrap().len(), 2);
    assert_eq!(world.lines(&caller).await, lines);
    assert_eq!(world.store.calls(caller.tenant(), &every()).await.unwrap(), calls);
}

async fn a_session_is_removed_with_its_messages_and_one_with_an_unfinished_run_stays(world: World) {
    let caller = admin("acme");
    for (id, moment) in [("s", 1), ("old", 2), ("talked", 3), ("young", 50)] {
        world.session_of(&caller, id, moment).await;
    }
    // A message counts as activity, and an unfinished run needs its session.
    let run = Run { session_id: SessionId::parse("talked").unwrap(), ..new_run(&caller, "r", "talked") };
    let mut step = advance(&world, run.clone(), &[Kind::CHAIN_OPEN]);
    step.messages = vec![said("r", "hello", 60)];
    world.store.advance(step).await.unwrap();
    let closed = Run { phase: Phase::Closed { outcome: Outcome::Cancelled }, version: 2, ..run };
    world.store.advance(advance(&world, closed, &[Kind::CHAIN_CLOSE])).await.unwrap();
    world.running(&caller, "unfinished", 1).await;

    assert_eq!(world.expire(&caller, RetentionClass::Sessions, 50, 9).await, ["old"]);
    let old = SessionId::parse("old").unwrap();
    assert_eq!(world.store.session(caller.tenant(), &old).await.unwrap_err().kind(), ErrorKind::NotFound);
    for id in ["s", "talked", "young"] {
        world.store.session(caller.tenant(), &SessionId::parse(id).unwrap()).await.unwrap();
    }
    let talked = SessionId::parse("talked").unwrap();
    assert_eq!(world.store.messages(caller.tenant(), &talked, &Page::first(9)).await.unwrap().len(), 1);
    assert_eq!(world.expire(&caller, RetentionClass::Sessions, 61, 9).await, ["young", "talked"]);
}

async fn a_job_that_is_queued_or_processing_stays(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "done", &["text"]).await;
    let failed = world.submit(&caller, "c", "failed", "text").await.job_id;
    let lease = world.claim(at(1)).await;
    let failure = Failure { code: "DOCUMENT_EMPTY".to_owned(), message: "no text".to_owned(), hint: None };
    world.store.fail(&lease, failure, at(2), world.unrecorded()).await.unwrap();
    let processing = world.submit(&caller, "c", "processing", "text").await.job_id;
    let lease = world.claim(at(3)).await;
    let queued = world.submit(&caller, "c", "queued", "text").await.job_id;

    let removed = world.expire(&caller, RetentionClass::Jobs, 99, 9).await;
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(removed.contains(&failed.to_string()));
    let state = async |id: &JobId| world.store.job(caller.tenant(), id).await.unwrap().state;
    assert_eq!(state(&queued).await, JobState::Queued);
    assert!(matches!(state(&processing).await, JobState::Processing { .. }));
    world.work(&lease, super::fixture::staged(&["text"])).await;
    assert_eq!(world.found(&caller, "text").await, ["done", "processing"]);
}

async fn a_call_in_flight_or_with_an_unreconciled_estimate_stays(world: World) {
    let caller = admin("acme");
    let settled = world.made(&caller, "settled", &[], amounts(3, 4)).await;
    let unknown = world.unknown(&caller, world.intent(&caller, "unknown", &[], amounts(5, 6))).await;
    let corrected = world.unknown(&caller, world.intent(&caller, "corrected", &[], amounts(5, 6))).await;
    world.store.reconcile(world.reconciliation(&caller, &corrected, 1, amounts(1, 1))).await.unwrap();
    let open = world.begin(world.intent(&caller, "open", &[], amounts(7, 8))).await;
    let lines = world.lines(&caller).await;

    // The result of a call is stored under its idempotency key for a day, and so is the call.
    assert_eq!(world.expire(&caller, RetentionClass::Calls, 99, 9).await, Vec::<String>::new());
    for (key, call) in [("later", "a"), ("latest", "b")] {
        let mut intent = world.intent(&caller, key, &[], amounts(1, 1));
        intent.call.created_at = at(90_000);
        intent.call.id = format!("late-{call}");
        world.begin(intent).await;
    }
    let mut removed = world.expire(&caller, RetentionClass::Calls, 89_999, 9).await;
    removed.sort();
    let mut expected = vec![settled, corrected];
    expected.sort();
    assert_eq!(removed, expected);
    let left = world.store.calls(caller.tenant(), &every()).await.unwrap();
    let left: Vec<_> = left.iter().map(|call| call.id.as_str()).collect();
    assert!(left.contains(&unknown.as_str()) && left.contains(&open.as_str()), "{left:?}");
    assert_eq!(world.lines(&caller).await, lines);
}

async fn removal_and_its_audit_record_commit_together(world: World) {
    let caller = admin("acme");
    world.closed_run(&caller, "r", 10).await;
    let chains = world.chains(&caller).await;
    assert_eq!(world.expire(&caller, RetentionClass::Runs, 5, 9).await, Vec::<String>::new());
    assert_eq!(world.chains(&caller).await, chains);

    // A record that cannot be appended undoes the removal.
    let audit = world.pending(&caller, "r", APPLIED);
    let step = Expire {
        tenant: caller.tenant().clone(),
        class: RetentionClass::Runs,
        before: at(99),
        limit: 9,
        audit,
    };
    world.store.expire(step).await.unwrap_err();
    world.store.run(caller.tenant(), &RunId::parse("r").unwrap()).await.unwrap();

    assert_eq!(world.expire(&caller, RetentionClass::Runs, 99, 9).await, ["r"]);
    assert_eq!(world.chains(&caller).await, chains + 1);
}

async fn the_record_counts_the_removed_records(world: World) {
    let caller = admin("acme");
    for id in ["a", "b", "c"] {
        world.closed_run(&caller, id, 10).await;
    }
    let audit = world.pending(&caller, "pass", APPLIED);
    let (tenant, class) = (caller.tenant().clone(), RetentionClass::Runs);
    let step = Expire { tenant, class, before: at(99), limit: 2, audit };
    assert_eq!(world.store.expire(step).await.unwrap().len(), 2);
    assert_eq!(world.payload(&caller, "pass").await, serde_json::json!({"records": 2}));
}

async fn counting_removes_nothing_and_equals_what_a_pass_then_removes(world: World) {
    let caller = admin("acme");
    for (id, end) in [("a", 10), ("b", 20), ("c", 30)] {
        world.closed_run(&caller, id, end).await;
    }
    for class in [RetentionClass::Journals, RetentionClass::Runs] {
        let counted = world.store.expired(caller.tenant(), class, at(30)).await.unwrap();
        assert_eq!(world.store.expired(caller.tenant(), class, at(30)).await.unwrap(), counted);
        assert_eq!(world.expire(&caller, class, 30, 9).await.len() as u64, counted);
        assert_eq!((counted, world.store.expired(caller.tenant(), class, at(30)).await.unwrap()), (2, 0));
    }
}

async fn nothing_of_another_tenant_is_removed_or_counted(world: World) {
    let (caller, other) = (admin("acme"), admin("globex"));
    for caller in [&caller, &other] {
        world.closed_run(caller, "r", 10).await;
        world.corpus(caller, "c").await;
        world.publish(caller, "c", "d", &["text"]).await;
        world.made(caller, "key", &[], amounts(1, 1)).await;
    }
    world.session_of(&other, "s", 1).await;
    assert_eq!(world.store.tenants().await.unwrap(), ["acme", "globex"]);
    for class in RetentionClass::ALL {
        let theirs = world.store.expired(other.tenant(), class, at(99)).await.unwrap();
        world.expire(&caller, class, 99, 9).await;
        assert_eq!(world.store.expired(other.tenant(), class, at(99)).await.unwrap(), theirs, "{class:?}");
        assert_eq!(world.store.expired(caller.tenant(), class, at(99)).await.unwrap(), 0, "{class:?}");
    }
    world.store.run(other.tenant(), &RunId::parse("r").unwrap()).await.unwrap();
}

async fn a_sweep_removes_idle_counters_expired_kill_switches_and_statistics_of_past_hours(world: World) {
    let (caller, other) = (admin("acme"), admin("globex"));
    let limits = [
        Limit::new(ScopeKind::Run, Meter::Calls, Window::Total, Cap::Limited(2)),
        Limit::new(ScopeKind::Investigation, Meter::Tokens, Window::Total, Cap::Limited(20)),
    ];
    let intent = |caller: &Principal, key: &str, run: &str, investigation: &str| -> BeginCall {
        let mut intent = world.intent(caller, key, &[], amounts(7, 7));
        intent.call.consumer.run = Some(run.to_owned());
        intent.call.consumer.investigation = Some(investigation.to_owned());
        intent.checks = applied(&limits, &intent.call.consumer, at(0));
        intent
    };
    let refused =
        async |intent: BeginCall| matches!(world.store.begin(intent).await.unwrap(), BeginResult::Refused(_));
    for caller in [&caller, &other] {
        for key in ["a", "b"] {
            let call = world.begin(intent(caller, key, "r", "i")).await;
            world.settle(world.settlement(caller, &call, amounts(7, 7))).await;
        }
        let over = KillSwitch {
            scope: KillSwitchScope::User("ben".to_owned()),
            cause: KillSwitchCause::Switch { reason: "drill".to_owned() },
            since: at(0),
            until: Some(at(60)),
        };
        world.store.trip(caller.tenant(), &over, world.unrecorded()).await.unwrap();
    }
    let holds = KillSwitch {
        scope: KillSwitchScope::User("cleo".to_owned()),
        cause: KillSwitchCause::Switch { reason: "drill".to_owned() },
        since: at(0),
        until: None,
    };
    world.store.trip(caller.tenant(), &holds, world.unrecorded()).await.unwrap();
    let in_flight = world.begin(intent(&caller, "open", "busy", "other")).await;
    let sweep = async |caller: &Principal, before| {
        world.store.sweep_idle(caller.tenant(), at(before), 99).await.unwrap()
    };

    assert_eq!(sweep(&caller, 1).await, 0, "all of it is of the present");
    // Two counters, a kill switch, and the hourly statistics of tenant and user. Counters with a reservation stay.
    assert_eq!((sweep(&caller, 9_999_999).await, sweep(&caller, 9_999_999).await), (5, 0));
    assert_eq!(world.store.kill_switches(caller.tenant(), at(0), &Page::all()).await.unwrap(), [holds]);
    assert!(refused(intent(&caller, "c", "r", "new")).await, "the run's cap holds");
    assert!(refused(intent(&caller, "d", "new", "i")).await, "the investigation's cap holds");
    world.settle(world.settlement(&caller, &in_flight, amounts(7, 7))).await;
    assert_eq!(sweep(&other, 9_999_999).await, 5, "the other tenant's were left");
}
