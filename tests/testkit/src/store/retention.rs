//! Laws of `RetentionStore`.

use nexus_core::audit::Kind;
use nexus_core::document::model::{Failure, JobState};
use nexus_core::ledger::{Begun, Intent, Stop, StopCause, StopScope};
use nexus_core::quota::{Cap, Limit, Meter, ScopeKind, Window};
use nexus_core::retention::{Expire, RetentionClass};
use nexus_core::run::{Journal, Outcome, Phase, Run};
use nexus_core::session::Session;
use nexus_core::{ErrorKind, JobId, Principal, RunId, SessionId, SubjectId};

use super::calls::{amounts, applied, every};
use super::run::{advance, new_run};
use super::scenarios;
use super::session::said;
use super::world::{World, admin, at};

scenarios!(
    only_records_of_the_class_that_ended_before_the_time_are_removed_at_most_the_limit,
    a_run_that_is_not_closed_stays_and_a_removed_run_keeps_its_chain_calls_and_ledger,
    a_session_goes_with_its_messages_and_one_with_an_unfinished_run_stays,
    a_job_that_is_queued_or_processing_stays,
    a_call_under_way_or_with_an_unreconciled_estimate_stays_and_the_ledger_keeps_every_entry,
    removal_and_its_audit_record_commit_together_and_an_empty_step_leaves_no_record,
    counting_removes_nothing_and_equals_what_a_pass_then_removes,
    nothing_of_another_tenant_is_removed_or_counted,
    a_sweep_removes_idle_counters_stops_that_ran_out_and_tallies_of_past_hours_and_loosens_no_limit,
);

const APPLIED: &[Kind] = &[Kind::RUN_OPEN, Kind::new("retention.applied"), Kind::RUN_CLOSE];

impl World {
    /// Removes at most `limit` records of a class that ended before second `before`.
    async fn expire(&self, who: &Principal, class: RetentionClass, before: i64, limit: usize) -> Vec<String> {
        let audit = self.pending(who, &self.fresh("retention"), APPLIED);
        let step = Expire { tenant: who.tenant().clone(), class, before: at(before), limit, audit };
        self.store.expire(step).await.unwrap()
    }

    /// A run that was closed at second `end`.
    async fn closed_run(&self, who: &Principal, id: &str, end: i64) -> Run {
        let run = self.running(who, id, end).await;
        let closed = Run {
            phase: Phase::Closed { outcome: Outcome::Cancelled },
            version: 2,
            completed_at: Some(at(end)),
            ..run
        };
        self.store.advance(advance(self, closed.clone(), &[Kind::RUN_CLOSE])).await.unwrap();
        closed
    }

    async fn running(&self, who: &Principal, id: &str, begin: i64) -> Run {
        let run = Run { created_at: at(begin), updated_at: at(begin), ..new_run(who, id, "s") };
        self.store.advance(advance(self, run.clone(), &[Kind::RUN_OPEN])).await.unwrap();
        run
    }

    async fn session_of(&self, who: &Principal, id: &str, moment: i64) {
        let session = Session {
            id: SessionId::parse(id).unwrap(),
            owner: SubjectId::parse("root").unwrap(),
            title: "t".to_owned(),
            created_at: at(moment),
            updated_at: at(moment),
        };
        self.store.open_session(who.tenant(), session).await.unwrap();
    }

    async fn chains(&self, who: &Principal) -> usize {
        self.store.chains(who.tenant(), None, 99).await.unwrap().len()
    }
}

async fn only_records_of_the_class_that_ended_before_the_time_are_removed_at_most_the_limit(world: World) {
    let who = admin("acme");
    for (id, end) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        world.closed_run(&who, id, end).await;
    }
    world.session_of(&who, "s", 0).await;
    assert_eq!(world.expire(&who, RetentionClass::Runs, 10, 9).await, Vec::<String>::new());
    assert_eq!(world.expire(&who, RetentionClass::Journals, 40, 2).await, ["a", "b"]);
    let journal =
        async |id: &str| world.store.journal(who.tenant(), &RunId::parse(id).unwrap(), 0, 9).await.unwrap();
    assert_eq!((journal("b").await, journal("c").await), (Journal::Pruned, Journal::Events(Vec::new())));
    assert_eq!(world.expire(&who, RetentionClass::Journals, 40, 9).await, ["c"]);
    assert_eq!(world.expire(&who, RetentionClass::Runs, 31, 9).await, ["a", "b", "c"]);
    world.store.run(who.tenant(), &RunId::parse("d").unwrap()).await.unwrap();
    world.store.session(who.tenant(), &SessionId::parse("s").unwrap()).await.unwrap();
}

async fn a_run_that_is_not_closed_stays_and_a_removed_run_keeps_its_chain_calls_and_ledger(world: World) {
    let who = admin("acme");
    world.running(&who, "open", 1).await;
    world.closed_run(&who, "over", 2).await;
    let mut intent = world.intent(&who, "over/generate/0", &[], amounts(3, 4));
    intent.call.consumer.run = Some("over".to_owned());
    let call = world.begin(intent).await;
    world.settle(world.settlement(&who, &call, amounts(3, 4))).await;
    let (lines, calls) = (world.lines(&who).await, world.store.calls(who.tenant(), &every()).await.unwrap());

    assert_eq!(world.expire(&who, RetentionClass::Journals, 99, 9).await, ["over"]);
    assert_eq!(world.expire(&who, RetentionClass::Runs, 99, 9).await, ["over"]);
    let gone = world.store.run(who.tenant(), &RunId::parse("over").unwrap()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let open = RunId::parse("open").unwrap();
    world.store.run(who.tenant(), &open).await.unwrap();
    assert_eq!(world.store.journal(who.tenant(), &open, 0, 9).await.unwrap(), Journal::Events(Vec::new()));
    assert_eq!(world.store.records(who.tenant(), "over", 0, 9).await.unwrap().len(), 2);
    assert_eq!(world.lines(&who).await, lines);
    assert_eq!(world.store.calls(who.tenant(), &every()).await.unwrap(), calls);
}

async fn a_session_goes_with_its_messages_and_one_with_an_unfinished_run_stays(world: World) {
    let who = admin("acme");
    for (id, moment) in [("s", 1), ("old", 2), ("talked", 3), ("young", 50)] {
        world.session_of(&who, id, moment).await;
    }
    // A message counts as activity, and an unfinished run needs its session.
    let run = Run { session_id: SessionId::parse("talked").unwrap(), ..new_run(&who, "r", "talked") };
    let mut step = advance(&world, run.clone(), &[Kind::RUN_OPEN]);
    step.messages = vec![said("r", "hello", 60)];
    world.store.advance(step).await.unwrap();
    let closed = Run { phase: Phase::Closed { outcome: Outcome::Cancelled }, version: 2, ..run };
    world.store.advance(advance(&world, closed, &[Kind::RUN_CLOSE])).await.unwrap();
    world.running(&who, "unfinished", 1).await;

    assert_eq!(world.expire(&who, RetentionClass::Sessions, 50, 9).await, ["old"]);
    let old = SessionId::parse("old").unwrap();
    assert_eq!(world.store.session(who.tenant(), &old).await.unwrap_err().kind(), ErrorKind::NotFound);
    for id in ["s", "talked", "young"] {
        world.store.session(who.tenant(), &SessionId::parse(id).unwrap()).await.unwrap();
    }
    let talked = SessionId::parse("talked").unwrap();
    assert_eq!(world.store.messages(who.tenant(), &talked, 9).await.unwrap().len(), 1);
    assert_eq!(world.expire(&who, RetentionClass::Sessions, 61, 9).await, ["young", "talked"]);
}

async fn a_job_that_is_queued_or_processing_stays(world: World) {
    let who = admin("acme");
    world.corpus(&who, "c").await;
    world.publish(&who, "c", "done", &["text"]).await;
    let failed = world.submit(&who, "c", "failed", "text").await.job_id;
    let lease = world.claim(at(1)).await;
    let failure = Failure { code: "DOCUMENT_EMPTY".to_owned(), message: "no text".to_owned(), hint: None };
    world.store.fail(&lease, failure, at(2), world.unrecorded()).await.unwrap();
    let processing = world.submit(&who, "c", "processing", "text").await.job_id;
    let lease = world.claim(at(3)).await;
    let queued = world.submit(&who, "c", "queued", "text").await.job_id;

    let removed = world.expire(&who, RetentionClass::Jobs, 99, 9).await;
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(removed.contains(&failed.to_string()));
    let state = async |id: &JobId| world.store.job(who.tenant(), id).await.unwrap().state;
    assert_eq!(state(&queued).await, JobState::Queued);
    assert!(matches!(state(&processing).await, JobState::Processing { .. }));
    world.work(&lease, super::world::staged(&["text"])).await;
    assert_eq!(world.found(&who, "text").await, ["done", "processing"]);
}

async fn a_call_under_way_or_with_an_unreconciled_estimate_stays_and_the_ledger_keeps_every_entry(
    world: World,
) {
    let who = admin("acme");
    let settled = world.made(&who, "settled", &[], amounts(3, 4)).await;
    let unknown = world.unknown(&who, world.intent(&who, "unknown", &[], amounts(5, 6))).await;
    let corrected = world.unknown(&who, world.intent(&who, "corrected", &[], amounts(5, 6))).await;
    world.store.correct(world.reconciliation(&who, &corrected, 1, amounts(1, 1))).await.unwrap();
    let open = world.begin(world.intent(&who, "open", &[], amounts(7, 8))).await;
    let lines = world.lines(&who).await;

    // The result of a call is kept under its idempotency key for a day, and so is the call.
    assert_eq!(world.expire(&who, RetentionClass::Calls, 99, 9).await, Vec::<String>::new());
    for (key, call) in [("later", "a"), ("latest", "b")] {
        let mut intent = world.intent(&who, key, &[], amounts(1, 1));
        intent.call.created_at = at(90_000);
        intent.call.id = format!("late-{call}");
        world.begin(intent).await;
    }
    let mut removed = world.expire(&who, RetentionClass::Calls, 89_999, 9).await;
    removed.sort();
    let mut expected = vec![settled, corrected];
    expected.sort();
    assert_eq!(removed, expected);
    let left = world.store.calls(who.tenant(), &every()).await.unwrap();
    let left: Vec<_> = left.iter().map(|call| call.id.as_str()).collect();
    assert!(left.contains(&unknown.as_str()) && left.contains(&open.as_str()), "{left:?}");
    assert_eq!(world.lines(&who).await, lines);
}

async fn removal_and_its_audit_record_commit_together_and_an_empty_step_leaves_no_record(world: World) {
    let who = admin("acme");
    world.closed_run(&who, "r", 10).await;
    let chains = world.chains(&who).await;
    assert_eq!(world.expire(&who, RetentionClass::Runs, 5, 9).await, Vec::<String>::new());
    assert_eq!(world.chains(&who).await, chains);

    // A record that cannot be appended undoes the removal.
    let audit = world.pending(&who, "r", APPLIED);
    let step =
        Expire { tenant: who.tenant().clone(), class: RetentionClass::Runs, before: at(99), limit: 9, audit };
    world.store.expire(step).await.unwrap_err();
    world.store.run(who.tenant(), &RunId::parse("r").unwrap()).await.unwrap();

    assert_eq!(world.expire(&who, RetentionClass::Runs, 99, 9).await, ["r"]);
    assert_eq!(world.chains(&who).await, chains + 1);
}

async fn counting_removes_nothing_and_equals_what_a_pass_then_removes(world: World) {
    let who = admin("acme");
    for (id, end) in [("a", 10), ("b", 20), ("c", 30)] {
        world.closed_run(&who, id, end).await;
    }
    for class in [RetentionClass::Journals, RetentionClass::Runs] {
        let counted = world.store.expired(who.tenant(), class, at(30)).await.unwrap();
        assert_eq!(world.store.expired(who.tenant(), class, at(30)).await.unwrap(), counted);
        assert_eq!(world.expire(&who, class, 30, 9).await.len() as u64, counted);
        assert_eq!((counted, world.store.expired(who.tenant(), class, at(30)).await.unwrap()), (2, 0));
    }
}

async fn nothing_of_another_tenant_is_removed_or_counted(world: World) {
    let (who, other) = (admin("acme"), admin("globex"));
    for who in [&who, &other] {
        world.closed_run(who, "r", 10).await;
        world.corpus(who, "c").await;
        world.publish(who, "c", "d", &["text"]).await;
        world.made(who, "key", &[], amounts(1, 1)).await;
    }
    world.session_of(&other, "s", 1).await;
    assert_eq!(world.store.tenants().await.unwrap(), ["acme", "globex"]);
    for class in RetentionClass::ALL {
        let theirs = world.store.expired(other.tenant(), class, at(99)).await.unwrap();
        world.expire(&who, class, 99, 9).await;
        assert_eq!(world.store.expired(other.tenant(), class, at(99)).await.unwrap(), theirs, "{class:?}");
        assert_eq!(world.store.expired(who.tenant(), class, at(99)).await.unwrap(), 0, "{class:?}");
    }
    world.store.run(other.tenant(), &RunId::parse("r").unwrap()).await.unwrap();
}

async fn a_sweep_removes_idle_counters_stops_that_ran_out_and_tallies_of_past_hours_and_loosens_no_limit(
    world: World,
) {
    let (who, other) = (admin("acme"), admin("globex"));
    let limits = [
        Limit::new(ScopeKind::Run, Meter::Calls, Window::Total, Cap::At(2)),
        Limit::new(ScopeKind::Investigation, Meter::Tokens, Window::Total, Cap::At(20)),
    ];
    let intent = |who: &Principal, key: &str, run: &str, investigation: &str| -> Intent {
        let mut intent = world.intent(who, key, &[], amounts(7, 7));
        intent.call.consumer.run = Some(run.to_owned());
        intent.call.consumer.investigation = Some(investigation.to_owned());
        intent.checks = applied(&limits, &intent.call.consumer, at(0));
        intent
    };
    let refused =
        async |intent: Intent| matches!(world.store.begin(intent).await.unwrap(), Begun::Refused(_));
    for who in [&who, &other] {
        for key in ["a", "b"] {
            let call = world.begin(intent(who, key, "r", "i")).await;
            world.settle(world.settlement(who, &call, amounts(7, 7))).await;
        }
        let over = Stop {
            scope: StopScope::User("ben".to_owned()),
            cause: StopCause::Switch { reason: "drill".to_owned() },
            since: at(0),
            until: Some(at(60)),
        };
        world.store.trip(who.tenant(), &over, world.unrecorded()).await.unwrap();
    }
    let holds = Stop {
        scope: StopScope::User("cleo".to_owned()),
        cause: StopCause::Switch { reason: "drill".to_owned() },
        since: at(0),
        until: None,
    };
    world.store.trip(who.tenant(), &holds, world.unrecorded()).await.unwrap();
    let under_way = world.begin(intent(&who, "open", "busy", "other")).await;
    let sweep =
        async |who: &Principal, before| world.store.sweep_idle(who.tenant(), at(before), 99).await.unwrap();

    assert_eq!(sweep(&who, 1).await, 0, "all of it is of the present");
    // Two counters, a stop, and the hour's tallies of the tenant and the user. What holds a reservation stays.
    assert_eq!((sweep(&who, 9_999_999).await, sweep(&who, 9_999_999).await), (5, 0));
    assert_eq!(world.store.stops(who.tenant(), at(0)).await.unwrap(), [holds]);
    assert!(refused(intent(&who, "c", "r", "new")).await, "the run's cap holds");
    assert!(refused(intent(&who, "d", "new", "i")).await, "the investigation's cap holds");
    world.settle(world.settlement(&who, &under_way, amounts(7, 7))).await;
    assert_eq!(sweep(&other, 9_999_999).await, 5, "the other tenant's were left");
}
