//! Rights on the facade: each public method asks the policy first, and each denial leaves a record.

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use futures::future::BoxFuture;
use nexus_core::access::{Grantee, Permission};
use nexus_core::corpus::CorpusPatch;
use nexus_core::document::NewDocument;
use nexus_core::document::store::DocumentQuery;
use nexus_core::gateway::{GatewaySettings, ModelCall};
use nexus_core::ingest::PrechunkedPassage;
use nexus_core::ledger::{KillSwitchScope, LedgerQuery, UsageBy, VendorBill};
use nexus_core::llm::Request;
use nexus_core::price::PriceRow;
use nexus_core::quota::{Cap, DateRange, Limit, Meter, ScopeKind, Window};
use nexus_core::run::{Outcome, RunQuery};
use nexus_core::transfer::BackupScope;
use nexus_core::{
    CorpusId, DocumentId, ErrorKind, GrantId, JobId, Nexus, Page, Principal, ResourceList, Result, RunId,
    Search, SessionId,
};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, builder, nexus};
use crate::records::events;
use crate::resources::Plan;

/// Methods that ask no policy: they belong to the program that holds the library, take no principal, and show no data of
/// a tenant. The list may only shrink.
const EXCEPTIONS: [&str; 13] = [
    "apply_retention_in_background",
    "builder",
    "gateway_settings",
    "models",
    "ready",
    "reconfigure",
    "resource_kinds",
    "resume",
    "routing",
    "run_pending_jobs",
    "shutdown",
    "store_for_tests",
    "work_in_background",
];

/// Call of one method by a principal without rights.
type Call = fn(Nexus) -> BoxFuture<'static, Result<()>>;

macro_rules! calls {
    ($($method:ident($($argument:expr),*);)*) => {
        &[$((stringify!($method), |nexus| Box::pin(async move {
            nexus.$method(&stranger() $(, $argument)*).await.map(drop)
        }))),*]
    };
}

const CALLS: &[(&str, Call)] = calls! {
    usage(UsageBy::User, &days());
    usage_records(&days(), Page::default());
    calls(LedgerQuery::default());
    ledger(LedgerQuery::default());
    reasoning("call");
    prices(Page::default());
    add_price(&price());
    limits(None, Page::default());
    set_limit(&limit());
    remove_limit(&limit().subject);
    kill_switches(Page::default());
    trip(KillSwitchScope::Global, "drill", None);
    rearm(&KillSwitchScope::Global);
    create_corpus(corpus(), "Handbook", json!({}));
    update_corpus(&corpus(), CorpusPatch::default());
    corpus(&corpus());
    corpora(Page::default());
    delete_corpus(&corpus());
    ingest(NewDocument::new(corpus(), "leave.txt"), Cursor::new("Thirty days."));
    ingest_passages(NewDocument::new(corpus(), "leave.txt"), None, &[passage()]);
    reindex(&document(), None);
    wait_for_job(&JobId::parse("job").unwrap());
    job(&JobId::parse("job").unwrap());
    document(&document());
    documents(&DocumentQuery::default());
    passages(&document(), Page::default());
    delete_document(&document());
    grant(&document(), Grantee::User("eve".to_owned()), Permission::Owner, None);
    revoke(&document(), &GrantId::parse("grant").unwrap());
    grants(&document(), Page::default());
    status();
    complete(call());
    check_provider("extractive");
    stream(call());
    speak("Thirty days.");
    reconcile("call", None, VendorBill::Nothing, "bill");
    removable_document(&document());
    removable_corpus(&corpus());
    removable_grant(&document(), &GrantId::parse("grant").unwrap());
    removable_limit(&limit().subject);
    expired_records();
    retention();
    apply_retention();
    search(Search::new(corpus(), "leave"));
    run(&run());
    runs(RunQuery::default());
    events(&run(), 0);
    cancel(&run());
    audio(&run());
    prune_journal(&run());
    verify("run", None);
    verify_settings(None);
    verify_objects();
    chains(Page::default());
    sessions(Page::default());
    messages(&SessionId::parse("session").unwrap(), Page::default());
    export(|| panic!("a denied export opens no destination"));
    import(Box::new(Cursor::new("")));
    backup("nowhere", BackupScope::Store);
    resource_json("plan", "acme");
    resources_json("plan", ResourceList::default());
    set_resource_json("plan", "acme", json!({"name": "large"}), None);
    remove_resource("plan", "acme", None);
    removable_resource("plan", "acme");
    resource_history("plan", "acme", Page::default());
};

/// Calls of methods that name the type of a resource.
const TYPED_CALLS: &[(&str, Call)] = &[
    ("resource", |nexus| {
        Box::pin(async move { nexus.resource::<Plan>(&stranger(), "acme").await.map(drop) })
    }),
    ("put_resource", |nexus| {
        let plan = Plan { name: "large".to_owned(), cap: 0 };
        Box::pin(async move { nexus.put_resource(&stranger(), "acme", plan, None).await.map(drop) })
    }),
];

fn stranger() -> Principal {
    Principal::user("acme", "eve").unwrap()
}

fn corpus() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

fn document() -> DocumentId {
    DocumentId::parse("leave.txt").unwrap()
}

fn run() -> RunId {
    RunId::parse("run").unwrap()
}

fn days() -> DateRange {
    DateRange::day("2026-03-01").unwrap()
}

fn limit() -> Limit {
    Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(9))
}

fn price() -> PriceRow {
    GatewaySettings::with_builtin_prices().unwrap().prices.rows()[0].clone()
}

fn passage() -> PrechunkedPassage {
    PrechunkedPassage { text: "Thirty days.".to_owned(), ..PrechunkedPassage::default() }
}

fn call() -> ModelCall {
    ModelCall::new(Request::asking("How many days of paid leave are there?"))
}

/// Returns the public methods of `impl Nexus` in the sources below `folder`.
fn methods(folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            methods(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for block in source.split("\nimpl Nexus {\n").skip(1) {
            let block = block.split("\n}\n").next().unwrap();
            let public = block.lines().filter_map(|line| line.strip_prefix("    pub "));
            let names = public.filter_map(|line| line.trim_start_matches("async ").strip_prefix("fn "));
            found.extend(names.map(|name| name.split(['(', '<']).next().unwrap().to_owned()));
        }
    }
}

#[test]
fn each_public_method_of_the_facade_is_called_without_rights_or_is_an_exception() {
    let mut found = BTreeSet::new();
    methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../nexus-core/src"), &mut found);
    let known = CALLS.iter().chain(TYPED_CALLS).map(|(method, _)| *method).chain(EXCEPTIONS).chain(["ask"]);
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    assert_eq!(found, known, "a new method needs a row in `CALLS`; the exceptions may only shrink");
}

#[tokio::test]
async fn each_method_denies_a_principal_without_rights_and_leaves_one_record() {
    for (method, call) in CALLS.iter().chain(TYPED_CALLS) {
        let store = MemoryStore::default();
        let nexus = builder(&store).resource::<Plan>().build().unwrap();
        let denied = call(nexus).await.unwrap_err();
        assert_eq!(denied.kind(), ErrorKind::Denied, "{method}: {denied:?}");
        let events = events(&store, &admin()).await;
        let [(kind, actor, facts)] = &events[..] else { panic!("{method}: {events:?}") };
        assert_eq!((kind.as_str(), actor.as_str()), ("policy.denied", "user:eve"), "{method}");
        assert_eq!((&facts["effect"], &facts["count"]), (&json!("deny"), &json!(1)), "{method}");
    }
}

#[tokio::test]
async fn a_question_of_a_principal_without_rights_ends_as_a_refused_run() {
    let nexus = nexus(&MemoryStore::default());
    let asked = nexus.ask(&stranger(), "How many days?").corpus("handbook").start().await.unwrap();
    assert!(matches!(asked.finish().await.unwrap().outcome, Outcome::Refused { .. }));
}
