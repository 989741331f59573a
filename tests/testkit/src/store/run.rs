//! Laws of `RunStore`.

use nexus_core::audit::Kind;
use nexus_core::corpus::AnswerRelease;
use nexus_core::document::PassageKey;
use nexus_core::grounding::Evidence;
use nexus_core::ledger::{CallResult, Settlement};
use nexus_core::run::{
    Ask, AskOptions, Event, EventBody, Journal, Outcome, Phase, Run, RunQuery, RunState, RunTransition,
};
use nexus_core::session::Session;
use nexus_core::speech::Speech;
use nexus_core::{ErrorKind, Page, Principal, RequestId, RunId, SessionId, SubjectId};

use super::calls::{amounts, every, reply};
use super::fixture::{World, admin, at, corpus, document, lease, owner};
use super::pages::{refused, walk, walk_while};
use super::scenarios;
use super::session::said;

scenarios!(
    an_advance_is_recorded_as_a_whole_or_not_at_all,
    an_advance_from_a_version_that_is_not_the_stored_one_is_a_conflict_and_changes_nothing,
    events_come_back_in_order_of_seq_without_gaps,
    a_pruned_journal_says_so_and_its_run_and_audit_chain_stay,
    a_pruned_journal_and_the_audit_record_of_its_removal_commit_together,
    results_of_a_runs_calls_and_the_reasoning_of_their_models_are_erased_with_its_journal,
    an_idempotency_key_that_another_runs_call_has_taken_since_keeps_that_calls_result,
    speech_is_stored_with_its_run_until_the_journal_is_pruned,
    the_contents_of_a_run_are_its_texts_as_of_one_moment,
    an_advance_by_another_owner_than_the_runs_is_a_conflict_with_owner_lost_and_changes_nothing,
    a_cancel_request_for_another_tenants_run_is_not_found,
    lists_of_runs_are_latest_first,
);

const STEP: Kind = Kind::new("test.step");

pub(super) fn new_run(caller: &Principal, id: &str, session: &str) -> Run {
    Run {
        id: RunId::parse(id).unwrap(),
        request_id: RequestId::parse("q-1").unwrap(),
        principal: caller.clone(),
        session_id: SessionId::parse(session).unwrap(),
        ask: Ask { question: "what?".to_owned(), corpus: corpus("c"), options: AskOptions::default() },
        title: "what?".to_owned(),
        phase: Phase::Accepted,
        version: 1,
        next_seq: 0,
        policy_version: "v1".to_owned(),
        answers: AnswerRelease::Lenient,
        salt: "salt".to_owned(),
        created_at: at(0),
        updated_at: at(0),
        completed_at: None,
    }
}

pub(super) fn advance(world: &World, run: Run, kinds: &[Kind]) -> RunTransition {
    let (lease, audit) = (lease("process-1", 0), world.pending(&run.principal, run.id.as_str(), kinds));
    RunTransition { run, events: Vec::new(), evidence: None, messages: Vec::new(), audio: None, lease, audit }
}

fn event(seq: u64) -> Event {
    Event {
        request_id: RequestId::parse("q-1").unwrap(),
        seq,
        body: EventBody::Delta { text: format!("word {seq}") },
    }
}

pub(super) fn evidence() -> Vec<Evidence> {
    vec![Evidence {
        number: 1,
        passage: PassageKey { document: document("d"), version: 1, index: 0 },
        source_name: "d.txt".to_owned(),
        page: Some(3),
        heading_path: vec!["A".to_owned()],
        text: "what it says".to_owned(),
        span: 0..12,
        hash: "00".to_owned(),
        score: 1.5,
    }]
}

pub(super) fn next(run: &Run) -> Run {
    Run { version: run.version + 1, ..run.clone() }
}

pub(super) fn closed(run: &Run) -> Run {
    Run { phase: Phase::Closed { outcome: Outcome::Cancelled }, ..next(run) }
}

pub(super) async fn open_session(world: &World, caller: &Principal, id: &str) {
    let opened = Session {
        id: SessionId::parse(id).unwrap(),
        owner: SubjectId::parse("root").unwrap(),
        title: "t".to_owned(),
        created_at: at(0),
        updated_at: at(0),
    };
    world.store.open_session(caller.tenant(), opened).await.unwrap();
}

async fn an_advance_is_recorded_as_a_whole_or_not_at_all(world: World) {
    let caller = admin("acme");
    let session = SessionId::parse("s").unwrap();
    open_session(&world, &caller, "s").await;
    let first = new_run(&caller, "r", "s");
    world.store.advance(advance(&world, first.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();

    let mut step = advance(&world, next(&first), &[STEP]);
    step.events = vec![event(0), event(1)];
    step.evidence = Some(evidence());
    step.messages = vec![said("r", "hello", 1)];
    let mut refused = step.clone();
    refused.audit = world.pending(&caller, "r", &[STEP, Kind::CHAIN_OPEN]);
    assert!(world.store.advance(refused).await.is_err());
    assert_eq!(world.store.run(caller.tenant(), &first.id).await.unwrap(), first);
    assert_eq!(world.store.journal(caller.tenant(), &first.id, 0, 9).await.unwrap(), Journal::Events(vec![]));
    assert_eq!(world.store.evidence(caller.tenant(), &first.id).await.unwrap(), []);
    assert_eq!(world.store.messages(caller.tenant(), &session, &Page::first(9)).await.unwrap(), []);
    assert_eq!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap().next_seq, 1);

    world.store.advance(step).await.unwrap();
    assert_eq!(world.store.run(caller.tenant(), &first.id).await.unwrap().version, 2);
    let Journal::Events(events) = world.store.journal(caller.tenant(), &first.id, 0, 9).await.unwrap() else {
        panic!()
    };
    assert_eq!(events, [event(0), event(1)]);
    assert_eq!(world.store.evidence(caller.tenant(), &first.id).await.unwrap(), evidence());
    assert_eq!(world.store.messages(caller.tenant(), &session, &Page::first(9)).await.unwrap().len(), 1);
    assert_eq!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap().next_seq, 2);
}

async fn an_advance_from_a_version_that_is_not_the_stored_one_is_a_conflict_and_changes_nothing(
    world: World,
) {
    let caller = admin("acme");
    let first = new_run(&caller, "r", "s");
    world.store.advance(advance(&world, first.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();
    let two_drivers = [
        world.store.advance(advance(&world, next(&first), &[STEP])),
        world.store.advance(advance(&world, next(&first), &[STEP])),
    ];
    let results = futures::future::join_all(two_drivers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for stale in [first.clone(), next(&first), Run { version: 9, ..first.clone() }] {
        let error = world.store.advance(advance(&world, stale, &[STEP])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    assert_eq!(world.store.run(caller.tenant(), &first.id).await.unwrap().version, 2);
    assert_eq!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap().next_seq, 2);
}

async fn events_come_back_in_order_of_seq_without_gaps(world: World) {
    let caller = admin("acme");
    let mut run = new_run(&caller, "r", "s");
    let mut step = advance(&world, run.clone(), &[Kind::CHAIN_OPEN]);
    step.events = vec![event(0), event(1), event(2)];
    world.store.advance(step).await.unwrap();
    run = next(&run);
    let mut gap = advance(&world, run.clone(), &[]);
    gap.events = vec![event(4)];
    assert_eq!(world.store.advance(gap).await.unwrap_err().kind(), ErrorKind::Conflict);
    let mut step = advance(&world, run.clone(), &[]);
    step.events = vec![event(3)];
    world.store.advance(step).await.unwrap();
    let page =
        async |from, limit| match world.store.journal(caller.tenant(), &run.id, from, limit).await.unwrap() {
            Journal::Events(events) => events.into_iter().map(|event| event.seq).collect::<Vec<_>>(),
            Journal::Pruned => panic!("the journal was not pruned"),
        };
    assert_eq!(page(0, 99).await, [0, 1, 2, 3]);
    assert_eq!(page(1, 2).await, [1, 2]);
    assert_eq!(page(4, 9).await, Vec::<u64>::new());
    let unknown = world.store.journal(admin("globex").tenant(), &run.id, 0, 9).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

async fn a_pruned_journal_says_so_and_its_run_and_audit_chain_stay(world: World) {
    let caller = admin("acme");
    let run = new_run(&caller, "r", "s");
    let mut step = advance(&world, run.clone(), &[Kind::CHAIN_OPEN]);
    step.events = vec![event(0)];
    step.evidence = Some(evidence());
    world.store.advance(step).await.unwrap();
    let foreign =
        world.store.prune_journal(admin("globex").tenant(), &run.id, world.unrecorded()).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    world.store.prune_journal(caller.tenant(), &run.id, world.unrecorded()).await.unwrap();
    assert_eq!(world.store.journal(caller.tenant(), &run.id, 0, 9).await.unwrap(), Journal::Pruned);
    assert_eq!(world.store.evidence(caller.tenant(), &run.id).await.unwrap(), []);
    assert_eq!(world.store.run(caller.tenant(), &run.id).await.unwrap(), run);
    assert_eq!(world.store.records(caller.tenant(), "r", 0, 9).await.unwrap().len(), 1);
}

async fn a_pruned_journal_and_the_audit_record_of_its_removal_commit_together(world: World) {
    let caller = admin("acme");
    let (run, unknown) = (new_run(&caller, "r", "s"), new_run(&caller, "nowhere", "s"));
    world.store.advance(advance(&world, run.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();
    let prune = async |run: &Run, record| world.store.prune_journal(caller.tenant(), &run.id, record).await;
    assert!(prune(&unknown, world.recorded(&caller)).await.is_err());
    assert!(prune(&run, world.unsealable(&caller)).await.is_err());
    let journal = world.store.journal(caller.tenant(), &run.id, 0, 9).await.unwrap();
    assert_eq!((journal, world.chains(&caller).await), (Journal::Events(Vec::new()), 1));
    prune(&run, world.recorded(&caller)).await.unwrap();
    assert_eq!(world.chains(&caller).await, 2);
}

async fn results_of_a_runs_calls_and_the_reasoning_of_their_models_are_erased_with_its_journal(world: World) {
    let (caller, other) = (admin("acme"), admin("umbrella"));
    let call_of = async |caller: &Principal, run: Option<&str>, key: &str| {
        let mut intent = world.intent(caller, key, &[], amounts(3, 4));
        intent.call.consumer.run = run.map(str::to_owned);
        let call = world.begin(intent).await;
        let settlement = world.settlement(caller, &call, amounts(3, 4));
        world.settle(Settlement { reasoning: "the secret".to_owned(), ..settlement }).await;
        call
    };
    for caller in [&caller, &other] {
        world.store.advance(advance(&world, new_run(caller, "r", "s"), &[Kind::CHAIN_OPEN])).await.unwrap();
    }
    let erased = call_of(&caller, Some("r"), "r/generate/0").await;
    let kept = [
        (&caller, call_of(&caller, Some("r2"), "r2/generate/0").await),
        (&caller, call_of(&caller, None, "a key").await),
        (&other, call_of(&other, Some("r"), "r/generate/0").await),
    ];
    let (lines, calls) =
        (world.lines(&caller).await, world.store.calls(caller.tenant(), &every()).await.unwrap());
    world
        .store
        .prune_journal(caller.tenant(), &new_run(&caller, "r", "s").id, world.unrecorded())
        .await
        .unwrap();
    let left = async |caller: &Principal, call: &str| {
        let result = world.store.call_result(caller.tenant(), call).await.unwrap().unwrap();
        (result, world.store.reasoning(caller.tenant(), call).await.unwrap())
    };
    assert_eq!(left(&caller, &erased).await, (CallResult::NotKept, None));
    for (caller, call) in kept {
        assert_eq!(left(caller, &call).await, (reply("thirty days"), Some("the secret".to_owned())));
    }
    assert_eq!(world.lines(&caller).await, lines);
    assert_eq!(world.store.calls(caller.tenant(), &every()).await.unwrap(), calls);
    // Its idempotency key is free: the next request makes the call.
    world.begin(world.intent(&caller, "r/generate/0", &[], amounts(1, 1))).await;
}

async fn an_idempotency_key_that_another_runs_call_has_taken_since_keeps_that_calls_result(world: World) {
    let caller = admin("acme");
    let made = async |run: &str, seconds: i64| {
        let mut intent = world.intent(&caller, "a key", &[], amounts(3, 4));
        intent.call.consumer.run = Some(run.to_owned());
        (intent.call.created_at, intent.key_expires_at) = (at(seconds), at(seconds + 86_400));
        let call = world.begin(intent).await;
        world.settle(world.settlement(&caller, &call, amounts(3, 4))).await;
        call
    };
    world.store.advance(advance(&world, new_run(&caller, "r", "s"), &[Kind::CHAIN_OPEN])).await.unwrap();
    let first = made("r", 0).await;
    let second = made("r2", 90_000).await;
    world
        .store
        .prune_journal(caller.tenant(), &new_run(&caller, "r", "s").id, world.unrecorded())
        .await
        .unwrap();
    let result = async |call: &str| world.store.call_result(caller.tenant(), call).await.unwrap();
    assert_eq!(result(&first).await, Some(CallResult::NotKept));
    assert_eq!(result(&second).await, Some(reply("thirty days")));
}

async fn speech_is_stored_with_its_run_until_the_journal_is_pruned(world: World) {
    let (caller, other) = (admin("acme"), admin("umbrella"));
    let speech = Speech { bytes: (0..=255).cycle().take(100_000).collect(), mime: "audio/wav".to_owned() };
    for caller in [&caller, &other] {
        let run = new_run(caller, "r", "s");
        world.store.advance(advance(&world, run, &[Kind::CHAIN_OPEN])).await.unwrap();
    }
    let run = new_run(&caller, "r", "s");
    let mut step = advance(&world, next(&run), &[STEP]);
    step.audio = Some(speech.clone());
    let mut refused = step.clone();
    refused.audit = world.pending(&caller, "r", &[STEP, Kind::CHAIN_OPEN]);
    assert!(world.store.advance(refused).await.is_err());
    assert_eq!(world.store.audio(caller.tenant(), &run.id).await.unwrap(), None);

    world.store.advance(step).await.unwrap();
    world.store.advance(advance(&world, next(&next(&run)), &[STEP])).await.unwrap();
    assert_eq!(world.store.audio(caller.tenant(), &run.id).await.unwrap(), Some(speech));
    assert_eq!(world.store.audio(other.tenant(), &run.id).await.unwrap(), None);
    world.store.prune_journal(caller.tenant(), &run.id, world.unrecorded()).await.unwrap();
    assert_eq!(world.store.audio(caller.tenant(), &run.id).await.unwrap(), None);
}

async fn the_contents_of_a_run_are_its_texts_as_of_one_moment(world: World) {
    let caller = admin("acme");
    let run = new_run(&caller, "r", "s");
    let session = run.session_id.clone();
    let of =
        async |caller: &Principal| world.store.contents(caller.tenant(), &run.id, &session).await.unwrap();
    let nothing = of(&caller).await;
    assert_eq!((nothing.run, nothing.evidence, nothing.messages, nothing.audio), (None, None, vec![], None));

    open_session(&world, &caller, "s").await;
    let mut step = advance(&world, run.clone(), &[Kind::CHAIN_OPEN]);
    (step.events, step.evidence) = (vec![event(0), event(1)], Some(evidence()));
    step.messages = vec![said("r", "what?", 0)];
    step.audio = Some(Speech { bytes: vec![1, 2], mime: "audio/wav".to_owned() });
    world.store.advance(step.clone()).await.unwrap();
    let contents = of(&caller).await;
    assert_eq!((contents.run, contents.evidence), (Some(run.clone()), step.evidence));
    assert_eq!((contents.journal, contents.messages), (Journal::Events(step.events), step.messages));
    assert_eq!(contents.audio, step.audio);
    assert_eq!(of(&admin("umbrella")).await.run, None);

    world.store.prune_journal(caller.tenant(), &run.id, world.unrecorded()).await.unwrap();
    let pruned = of(&caller).await;
    assert_eq!((pruned.journal, pruned.evidence, pruned.audio), (Journal::Pruned, None, None));
    assert_eq!((pruned.run, pruned.messages.len()), (Some(run.clone()), 1));
}

async fn an_advance_by_another_owner_than_the_runs_is_a_conflict_with_owner_lost_and_changes_nothing(
    world: World,
) {
    let caller = admin("acme");
    let run = new_run(&caller, "r", "s");
    world.store.advance(advance(&world, run.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();
    let mut stale = advance(&world, next(&run), &[STEP]);
    stale.events = vec![event(0)];
    world.store.claim_runs(&lease("process-2", 60), at(60), 9).await.unwrap();
    let error = world.store.advance(stale.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "OWNER_LOST"));
    assert_eq!(world.store.run(caller.tenant(), &run.id).await.unwrap(), run);
    assert_eq!(world.store.records(caller.tenant(), "r", 0, 9).await.unwrap().len(), 1);
    let journal = world.store.journal(caller.tenant(), &run.id, 0, 9).await.unwrap();
    assert_eq!(journal, Journal::Events(Vec::new()));
    world.store.advance(RunTransition { lease: lease("process-2", 60), ..stale }).await.unwrap();
}

async fn a_cancel_request_for_another_tenants_run_is_not_found(world: World) {
    let caller = admin("acme");
    let run = new_run(&caller, "r", "s");
    world.store.advance(advance(&world, run.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();
    let error =
        world.store.request_cancel(admin("globex").tenant(), &admin("globex"), &run.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(world.store.take_cancel_requests(&owner("process-1")).await.unwrap(), []);
    world.store.advance(advance(&world, closed(&run), &[Kind::CHAIN_CLOSE])).await.unwrap();
    assert_eq!(
        world.store.request_cancel(caller.tenant(), &caller, &run.id).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
}

async fn lists_of_runs_are_latest_first(world: World) {
    let caller = admin("acme");
    for (id, subject, session, tag) in
        [("b", "ann", "s1", "x"), ("a", "bob", "s1", "y"), ("c", "ann", "s2", "x"), ("d", "ann", "s2", "y")]
    {
        let mut run = new_run(&Principal::user("acme", subject).unwrap(), id, session);
        run.ask.options.tags = [tag.to_owned()].into();
        world.store.advance(advance(&world, run, &[Kind::CHAIN_OPEN])).await.unwrap();
    }
    world
        .store
        .advance(advance(&world, new_run(&admin("globex"), "e", "s1"), &[Kind::CHAIN_OPEN]))
        .await
        .unwrap();
    let listed = async |query: RunQuery| {
        let runs = world.store.runs(caller.tenant(), &query).await.unwrap();
        runs.into_iter().map(|run| run.id.to_string()).collect::<Vec<_>>()
    };
    let all = RunQuery { page: Page::first(9), ..RunQuery::default() };
    assert_eq!(listed(all.clone()).await, ["d", "c", "a", "b"]);
    assert_eq!(listed(RunQuery { page: Page::first(2), ..all.clone() }).await, ["d", "c"]);
    assert_eq!(listed(RunQuery { page: Page::first(9).after("c"), ..all.clone() }).await, ["a", "b"]);
    assert_eq!(
        listed(RunQuery { owner: Some(SubjectId::parse("ann").unwrap()), ..all.clone() }).await,
        ["d", "c", "b"]
    );
    assert_eq!(
        listed(RunQuery { session: Some(SessionId::parse("s1").unwrap()), ..all.clone() }).await,
        ["a", "b"]
    );
    assert_eq!(listed(RunQuery { tag: Some("x".to_owned()), ..all.clone() }).await, ["c", "b"]);
    assert_eq!(listed(RunQuery { state: Some(RunState::Closed), ..all.clone() }).await, Vec::<String>::new());

    let (store, tenant) = (&world.store, caller.tenant());
    let owner = Some(SubjectId::parse("ann").unwrap());
    let of_ann = RunQuery { owner: owner.clone(), ..all.clone() };
    for query in [
        of_ann.clone(),
        RunQuery { session: Some(SessionId::parse("s2").unwrap()), ..all.clone() },
        RunQuery { tag: Some("x".to_owned()), ..all.clone() },
        RunQuery { state: Some(RunState::Running), ..all.clone() },
        RunQuery { tag: Some("x".to_owned()), owner, ..all.clone() },
    ] {
        let query = &query;
        let read = |page: Page| async move { store.runs(tenant, &RunQuery { page, ..query.clone() }).await };
        walk(read, |run: &Run| run.id.to_string()).await;
    }
    let read =
        |page: Page| async move { store.runs(tenant, &RunQuery { page, ..RunQuery::default() }).await };
    let change = async {
        for id in ["e", "0"] {
            let run = new_run(&caller, id, "s3");
            store.advance(advance(&world, run, &[Kind::CHAIN_OPEN])).await.unwrap();
        }
    };
    walk_while(read, |run: &Run| run.id.to_string(), change).await;
    refused(read(Page::first(9).after("nowhere")).await);
    // The run of another owner is no cursor, and its existence is not told.
    refused(store.runs(tenant, &RunQuery { page: Page::first(9).after("a"), ..of_ann }).await);
}
