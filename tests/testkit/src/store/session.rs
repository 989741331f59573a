//! Laws of `SessionStore`.

use nexus_core::access::AccessRule;
use nexus_core::audit::Kind;
use nexus_core::llm::MessageRole;
use nexus_core::run::Run;
use nexus_core::session::{Message, Session};
use nexus_core::{ErrorKind, Page, Principal, RunId, SessionId, SubjectId};

use super::fixture::{World, access, admin, at, reader};
use super::pages::{refused, walk, walk_while};
use super::run::{advance, new_run};
use super::scenarios;

scenarios!(
    a_session_belongs_to_its_tenant_and_its_owner,
    opening_a_session_that_exists_returns_it_unchanged,
    opening_a_session_of_another_subject_is_not_found,
    lists_of_messages_are_latest_first,
    the_messages_before_a_runs_question_are_its_history_whatever_was_added_since,
    a_run_adds_no_message_to_a_session_of_another_subject,
    a_deleted_session_is_gone_with_its_messages,
    deleting_a_session_needs_the_required_access_at_the_commit,
    a_deleted_session_and_its_audit_record_commit_together,
    lists_of_sessions_are_in_order_of_the_latest_message_latest_first,
);

fn session(id: &str, owner: &str, title: &str, moment: i64) -> Session {
    Session {
        id: SessionId::parse(id).unwrap(),
        owner: SubjectId::parse(owner).unwrap(),
        title: title.to_owned(),
        created_at: at(moment),
        updated_at: at(moment),
    }
}

pub(super) fn said(run: &str, text: &str, moment: i64) -> Message {
    Message {
        run: RunId::parse(run).unwrap(),
        role: MessageRole::User,
        text: text.to_owned(),
        citations: Vec::new(),
        mark: None,
        at: at(moment),
    }
}

async fn a_session_belongs_to_its_tenant_and_its_owner(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let opened = world.store.open_session(acme.tenant(), session("s", "ann", "first", 0)).await.unwrap();
    assert_eq!(opened.owner.as_str(), "ann");
    assert_eq!(
        world.store.session(globex.tenant(), &opened.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let other = world.store.open_session(globex.tenant(), session("s", "bob", "other", 1)).await.unwrap();
    assert_eq!((other.title.as_str(), opened.title.as_str()), ("other", "first"));
}

async fn opening_a_session_that_exists_returns_it_unchanged(world: World) {
    let caller = admin("acme");
    let first = world.store.open_session(caller.tenant(), session("s", "ann", "first", 0)).await.unwrap();
    let again = world.store.open_session(caller.tenant(), session("s", "ann", "second", 5)).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(world.store.session(caller.tenant(), &first.id).await.unwrap(), first);
}

async fn opening_a_session_of_another_subject_is_not_found(world: World) {
    let caller = admin("acme");
    let opened = world.store.open_session(caller.tenant(), session("s", "ann", "first", 0)).await.unwrap();
    let error = world.store.open_session(caller.tenant(), session("s", "bob", "mine", 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(world.store.session(caller.tenant(), &opened.id).await.unwrap(), opened);
}

async fn lists_of_messages_are_latest_first(world: World) {
    let caller = admin("acme");
    let opened = world.store.open_session(caller.tenant(), session("s", "root", "t", 0)).await.unwrap();
    for (number, run) in ["r1", "r2", "r3"].into_iter().enumerate() {
        let mut step = advance(&world, new_run(&caller, run, "s"), &[Kind::CHAIN_OPEN]);
        let answer = Message { role: MessageRole::Assistant, ..said(run, &format!("{number}b"), 5) };
        step.messages = vec![said(run, &format!("{number}a"), 5), answer];
        world.store.advance(step).await.unwrap();
    }
    let (store, tenant, id) = (&world.store, caller.tenant(), &opened.id);
    let read = |page: Page| async move { store.messages(tenant, id, &page).await };
    let texts = |messages: Vec<Message>| messages.into_iter().map(|message| message.text).collect::<Vec<_>>();
    assert_eq!(texts(read(Page::first(99)).await.unwrap()), ["2b", "2a", "1b", "1a", "0b", "0a"]);
    assert_eq!(texts(read(Page::first(2).after("r2/user")).await.unwrap()), ["0b", "0a"]);
    assert_eq!(store.session(tenant, id).await.unwrap().updated_at, at(5));
    let change = async {
        let mut step = advance(&world, new_run(&caller, "r4", "s"), &[Kind::CHAIN_OPEN]);
        step.messages = vec![said("r4", "3a", 6)];
        store.advance(step).await.unwrap();
    };
    walk_while(read, Message::key, change).await;
    for unknown in ["r5/user", "r1/moderator", "r1"] {
        refused(read(Page::first(9).after(unknown)).await);
    }
}

async fn a_deleted_session_is_gone_with_its_messages(world: World) {
    let caller = admin("acme");
    let opened = world.store.open_session(caller.tenant(), session("s", "root", "t", 0)).await.unwrap();
    let mut step = advance(&world, new_run(&caller, "r", "s"), &[Kind::CHAIN_OPEN]);
    step.messages = vec![said("r", "hello", 1)];
    world.store.advance(step).await.unwrap();
    let delete = async |caller: &Principal| {
        world
            .store
            .delete_session(&access(caller, AccessRule::Owns, at(1)), &opened.id, world.unrecorded())
            .await
    };
    assert_eq!(delete(&admin("globex")).await.unwrap_err().kind(), ErrorKind::NotFound);
    delete(&caller).await.unwrap();
    assert_eq!(
        world.store.session(caller.tenant(), &opened.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(world.store.messages(caller.tenant(), &opened.id, &Page::first(9)).await.unwrap(), []);
    assert!(world.store.run(caller.tenant(), &RunId::parse("r").unwrap()).await.is_ok());
    assert_eq!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap().next_seq, 1);
}

async fn lists_of_sessions_are_in_order_of_the_latest_message_latest_first(world: World) {
    let caller = admin("acme");
    for (id, owner, moment) in [
        ("a", "ann", 3),
        ("b", "bob", 9),
        ("c", "ann", 5),
        ("d", "ann", 3),
        ("e", "root", 4),
        ("f", "ann", 3),
    ] {
        world.store.open_session(caller.tenant(), session(id, owner, "t", moment)).await.unwrap();
    }
    let listed = async |owner: Option<&str>, limit| {
        let owner = owner.map(|owner| SubjectId::parse(owner).unwrap());
        let sessions =
            world.store.sessions(caller.tenant(), owner.as_ref(), &Page::first(limit)).await.unwrap();
        sessions.into_iter().map(|session| session.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 9).await, ["b", "c", "e", "f", "d", "a"]);
    assert_eq!(listed(None, 1).await, ["b"]);
    assert_eq!(listed(Some("ann"), 9).await, ["c", "f", "d", "a"]);

    let (store, tenant) = (&world.store, caller.tenant());
    let ann = &SubjectId::parse("ann").unwrap();
    let of_ann = |page: Page| async move { store.sessions(tenant, Some(ann), &page).await };
    walk(of_ann, Session::key).await;
    let read = |page: Page| async move { store.sessions(tenant, None, &page).await };
    let change = async {
        // The cursor is gone, a session has another message, and two are new.
        let (gone, removal) = (SessionId::parse("b").unwrap(), access(&caller, AccessRule::Owns, at(1)));
        store.delete_session(&removal, &gone, world.unrecorded()).await.unwrap();
        let mut step = advance(&world, new_run(&caller, "r", "e"), &[Kind::CHAIN_OPEN]);
        step.messages = vec![said("r", "a question", 20)];
        store.advance(step).await.unwrap();
        for (id, moment) in [("g", 30), ("h", 1)] {
            store.open_session(tenant, session(id, "ann", "t", moment)).await.unwrap();
        }
    };
    walk_while(read, Session::key, change).await;
    for unfit in ["a", "yesterday/a"] {
        refused(read(Page::first(9).after(unfit)).await);
    }
}

async fn the_messages_before_a_runs_question_are_its_history_whatever_was_added_since(world: World) {
    let caller = admin("acme");
    let opened = world.store.open_session(caller.tenant(), session("s", "root", "t", 0)).await.unwrap();
    for run in ["r1", "r2", "r3"] {
        let mut step = advance(&world, new_run(&caller, run, "s"), &[Kind::CHAIN_OPEN]);
        step.messages = vec![said(run, &format!("question of {run}"), 5)];
        world.store.advance(step).await.unwrap();
    }
    let mut answer = Message { role: MessageRole::Assistant, ..said("r1", "answer of r1", 6) };
    for run in ["r1", "r2"] {
        answer.run = RunId::parse(run).unwrap();
        let next = Run { version: 2, ..new_run(&caller, run, "s") };
        let mut step = advance(&world, next, &[]);
        step.messages = vec![answer.clone()];
        world.store.advance(step).await.unwrap();
    }
    let history = async |run: &str, limit| {
        let run = RunId::parse(run).unwrap();
        let messages = world.store.history(caller.tenant(), &opened.id, &run, limit).await.unwrap();
        messages.into_iter().map(|message| message.text).collect::<Vec<_>>()
    };
    assert_eq!(history("r1", 9).await, Vec::<String>::new());
    assert_eq!(history("r2", 9).await, ["question of r1"]);
    assert_eq!(history("r3", 9).await, ["question of r1", "question of r2"]);
    assert_eq!(history("r3", 1).await, ["question of r2"]);
    assert_eq!(history("elsewhere", 9).await, Vec::<String>::new());
}

async fn a_run_adds_no_message_to_a_session_of_another_subject(world: World) {
    let (ann, bob) = (reader("acme", "ann"), reader("acme", "bob"));
    let opened = world.store.open_session(ann.tenant(), session("s", "ann", "t", 0)).await.unwrap();
    let mut step = advance(&world, new_run(&ann, "r", "s"), &[Kind::CHAIN_OPEN]);
    step.messages = vec![said("r", "a question", 1)];
    world.store.advance(step).await.unwrap();
    world
        .store
        .delete_session(&access(&ann, AccessRule::Owns, at(1)), &opened.id, world.unrecorded())
        .await
        .unwrap();
    world.store.open_session(bob.tenant(), session("s", "bob", "another", 2)).await.unwrap();
    let mut step = advance(&world, Run { version: 2, ..new_run(&ann, "r", "s") }, &[]);
    step.messages = vec![Message { role: MessageRole::Assistant, ..said("r", "an answer", 3) }];
    world.store.advance(step).await.unwrap();
    assert_eq!(world.store.messages(bob.tenant(), &opened.id, &Page::first(9)).await.unwrap(), []);
    assert_eq!(world.store.session(bob.tenant(), &opened.id).await.unwrap().updated_at, at(2));
}

async fn deleting_a_session_needs_the_required_access_at_the_commit(world: World) {
    let (ann, bob) = (reader("acme", "ann"), reader("acme", "bob"));
    let opened = world.store.open_session(ann.tenant(), session("s", "ann", "t", 0)).await.unwrap();
    let delete = async |caller: &Principal| {
        world
            .store
            .delete_session(&access(caller, AccessRule::Owns, at(1)), &opened.id, world.unrecorded())
            .await
    };
    let refused = delete(&bob).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::NotFound, "SESSION_NOT_FOUND"));
    assert!(world.store.session(ann.tenant(), &opened.id).await.is_ok());
    delete(&ann).await.unwrap();
    assert_eq!(delete(&ann).await.unwrap_err().kind(), ErrorKind::NotFound);
    world.store.open_session(ann.tenant(), session("s", "ann", "t", 0)).await.unwrap();
    delete(&admin("acme")).await.unwrap();
}

async fn a_deleted_session_and_its_audit_record_commit_together(world: World) {
    let (ann, bob) = (reader("acme", "ann"), reader("acme", "bob"));
    let opened = world.store.open_session(ann.tenant(), session("s", "ann", "t", 0)).await.unwrap();
    let delete = async |caller: &Principal, record| {
        world.store.delete_session(&access(caller, AccessRule::Owns, at(1)), &opened.id, record).await
    };
    assert!(delete(&bob, world.recorded(&bob)).await.is_err());
    assert!(delete(&ann, world.unsealable(&ann)).await.is_err());
    assert_eq!(world.store.session(ann.tenant(), &opened.id).await.unwrap(), opened);
    assert_eq!(world.chains(&ann).await, 0);
    delete(&ann, world.recorded(&ann)).await.unwrap();
    assert_eq!(world.chains(&ann).await, 1);
}
