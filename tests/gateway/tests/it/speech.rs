//! Text-to-speech passes the same gateway as answers, and is billed by the character.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use nexus_core::document::NewDocument;
use nexus_core::gateway::{Admission, CallRefusal, GatewaySettings};
use nexus_core::ledger::{AttemptStatus, KillSwitchScope, Operation, VendorBill};
use nexus_core::price::{PriceRow, PriceTable, Rates};
use nexus_core::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window};
use nexus_core::run::{EventBody, Outcome};
use nexus_core::speech::{MAX_SPOKEN_CHARS, Speech};
use nexus_core::{CorpusId, ErrorKind, NanoUsd, Nexus, Page, Principal, RunId};
use nexus_fake_provider::Scripted;
use nexus_providers::openai::OpenAiSpeech;
use nexus_providers::speech::OfflineSpeech;
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::fixture::{World, builder, caller, price, routing, service, settings, until};

const TEXT: &str = "Dreißig Tage im Jahr.";

async fn world(model: &str, settings: GatewaySettings) -> World {
    let scripted = Scripted::start().await.unwrap();
    let (service, client) = service(&scripted);
    let synthesizer = service.speech(&client, model, OpenAiSpeech::DEFAULT_VOICE).unwrap();
    let builder = builder(MemoryStore::default(), routing(&scripted), settings);
    let nexus = builder.speech_synthesizer(synthesizer).build().unwrap();
    World { scripted, nexus }
}

async fn speech(world: &World) -> Speech {
    match world.nexus.speak(&caller(), TEXT).await.unwrap() {
        Admission::Granted(speech) => speech,
        Admission::Refused(refused) => panic!("refused: {}", refused.sentence()),
    }
}

async fn refusal(world: &World) -> CallRefusal {
    match world.nexus.speak(&caller(), TEXT).await.unwrap() {
        Admission::Refused(refused) => refused,
        Admission::Granted(_) => panic!("the text was synthesised"),
    }
}

#[tokio::test]
async fn speech_is_billed_by_the_character_to_the_nano_usd() {
    let world = world("tts-1", settings()).await;
    assert_eq!(speech(&world).await.mime, "audio/mpeg");
    let (lines, log) = (world.lines().await, world.scripted.settled_log().await);
    assert_eq!((lines.len(), log.len()), (1, 1));
    let rates = Rates { input: price().rates.input, ..Rates::default() };
    let characters = log[0].billed.characters;
    assert_eq!(characters, TEXT.chars().count() as u64);
    let bill = i128::from(characters) * i128::from(rates.input);
    let expected = NanoUsd::from_nanos(i64::try_from((bill + 999_999) / 1_000_000).unwrap());
    assert_eq!(lines[0].charged.money, expected);
    assert_eq!(
        lines[0].charged.tokens, lines[0].reserved.tokens,
        "characters are known before the synthesis"
    );
    assert_eq!((lines[0].kind, lines[0].estimated), (Operation::Speak, false));
}

/// A model that is billed in audio tokens, which its answers do not report, and one without known properties.
#[tokio::test]
async fn characters_that_a_vendor_does_not_bill_are_an_estimate_which_the_bill_corrects() {
    for model in ["gpt-4o-mini-tts", "voice"] {
        let world = world(model, settings()).await;
        speech(&world).await;
        let line = world.lines().await.remove(0);
        assert!(line.estimated && line.charged.money <= line.reserved.money, "{line:?}");
        let bill = VendorBill::Money(NanoUsd::from_nanos(7));
        let corrected = world.nexus.reconcile(&caller(), &line.call, None, bill, "invoice 7").await.unwrap();
        assert_eq!(corrected.charged.money, NanoUsd::from_nanos(7));
    }
    let world = world("tts-1-hd", settings()).await;
    speech(&world).await;
    let known = world.lines().await.remove(0);
    let error = world
        .nexus
        .reconcile(&caller(), &known.call, None, VendorBill::Nothing, "invoice 7")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "CALL_NOT_ESTIMATED");
}

#[tokio::test]
async fn characters_are_no_tokens_in_the_records_of_what_was_used() {
    let world = world("tts-1", settings()).await;
    speech(&world).await;
    let (tenant, from, to) = (caller().tenant().clone(), "2000-01-01", "2999-12-31");
    let record =
        world.nexus.store_for_tests().usage_records(&tenant, from, to, &Page::all()).await.unwrap().remove(0);
    assert_eq!((record.tokens, record.embedding_tokens), (0, 0));
    assert!(record.estimated_cost > NanoUsd::ZERO);
}

#[tokio::test]
async fn a_budget_a_stop_or_a_missing_price_sends_nothing() {
    let limit = Limit::new(ScopeKind::User, Meter::Money, Window::Day, Cap::Limited(1));
    let poor = world("voice", GatewaySettings { limits: Limits::none().with([limit]), ..settings() }).await;
    assert!(matches!(refusal(&poor).await, CallRefusal::Limit(_)));
    let unpriced = world("voice", GatewaySettings { prices: PriceTable::empty(), ..settings() }).await;
    assert_eq!(refusal(&unpriced).await.code(), "PRICE_UNKNOWN");
    let stopped = world("voice", settings()).await;
    stopped.nexus.trip(&caller(), KillSwitchScope::Global, "drill", None).await.unwrap();
    assert!(matches!(refusal(&stopped).await, CallRefusal::KillSwitch(_)));
    for world in [poor, unpriced, stopped] {
        assert!(world.scripted.log().is_empty());
        assert!(world.lines().await.is_empty());
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again() {
    let world = world("voice+500+once", settings()).await;
    speech(&world).await;
    let statuses: Vec<AttemptStatus> = world.lines().await.iter().map(|line| line.status).collect();
    assert_eq!(statuses, [AttemptStatus::FailedUnbilled, AttemptStatus::Settled]);
}

#[tokio::test]
async fn a_text_that_cannot_be_spoken_and_a_caller_who_may_not_leave_no_trace() {
    let world = world("voice", settings()).await;
    for text in ["", &"a".repeat(MAX_SPOKEN_CHARS + 1)] {
        let error = world.nexus.speak(&caller(), text).await.unwrap_err();
        assert_eq!(error.code(), "INVALID_SPEECH");
    }
    let reader = Principal::user("acme", "bob").unwrap().roles(["reader"]);
    assert_eq!(world.nexus.speak(&reader, TEXT).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(world.lines().await.is_empty());
    assert!(world.scripted.log().is_empty());
}

#[tokio::test]
async fn what_speaks_on_hardware_of_ones_own_is_free_unless_its_price_is_set() {
    let rates = Rates { input: 1_000_000, ..Rates::default() };
    let priced = PriceRow { rates, version: "own".to_owned(), ..PriceRow::free("fake", "*") };
    for (prices, cost) in [
        (PriceTable::empty(), 0),
        (PriceTable::empty().with([priced]), i64::try_from(TEXT.chars().count()).unwrap()),
    ] {
        let scripted = Scripted::start().await.unwrap();
        let settings = GatewaySettings { prices, ..settings() };
        let builder = builder(MemoryStore::default(), routing(&scripted), settings);
        let world = World { nexus: builder.speech_synthesizer(OfflineSpeech).build().unwrap(), scripted };
        assert_eq!(speech(&world).await.mime, "audio/wav");
        assert_eq!(world.lines().await[0].charged.money, NanoUsd::from_nanos(cost));
    }
}

/// Returns an engine whose text-to-speech model is scripted, over a directory.
fn speaking(dir: &Path, scripted: &Scripted, voice: &str, settings: GatewaySettings) -> Nexus {
    let (service, client) = service(scripted);
    let synthesizer = service.speech(&client, voice, OpenAiSpeech::DEFAULT_VOICE).unwrap();
    let builder = builder(MemoryStore::open(dir).unwrap(), routing(scripted), settings);
    builder.speech_synthesizer(synthesizer).build().unwrap()
}

async fn fill(nexus: &Nexus) {
    let handbook = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&caller(), handbook.clone(), "Handbook", json!({})).await.unwrap();
    let text = Cursor::new("Every employee has thirty days of paid leave in a year.");
    nexus.ingest(&caller(), NewDocument::new(handbook, "leave.txt"), text).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
}

async fn ask(nexus: &Nexus) -> RunId {
    let question = nexus.ask(&caller(), "How much paid leave?").corpus("handbook").speak(true);
    question.start().await.unwrap().id().clone()
}

/// Returns all events of a run, to its end.
async fn run_events(nexus: &Nexus, run: &RunId) -> Vec<EventBody> {
    let (mut events, mut bodies) = (nexus.events(&caller(), run, 0).await.unwrap(), Vec::new());
    while let Some(event) = events.next().await.unwrap() {
        bodies.push(event.body);
    }
    bodies
}

fn last(bodies: &[EventBody]) -> Vec<&str> {
    bodies.iter().map(EventBody::name).skip_while(|name| *name != "message.final").collect()
}

#[tokio::test]
async fn an_answer_is_spoken_without_its_markers_and_billed_with_its_run() {
    let (dir, scripted) = (tempfile::tempdir().unwrap(), Scripted::start().await.unwrap());
    let nexus = speaking(dir.path(), &scripted, "voice", settings());
    fill(&nexus).await;
    let run = ask(&nexus).await;
    let bodies = run_events(&nexus, &run).await;
    assert_eq!(last(&bodies), ["message.final", "audio.ready", "done"]);
    assert_eq!(nexus.audio(&caller(), &run).await.unwrap().mime, "audio/mpeg");
    let lines = crate::fixture::lines(&nexus).await;
    let line = lines.iter().find(|line| line.kind == Operation::Speak).unwrap();
    assert_eq!(line.consumer.run.as_deref(), Some(run.as_str()));
    let log = scripted.settled_log().await;
    assert_eq!(line.charged.tokens, log.iter().map(|entry| entry.billed.characters).sum::<u64>());
    let verified = nexus.verify(&caller(), run.as_str(), None).await.unwrap();
    assert_eq!(verified.status, nexus_core::audit::Status::Ok);
}

#[tokio::test]
async fn a_budget_that_forbids_speech_leaves_the_answer() {
    let (dir, scripted) = (tempfile::tempdir().unwrap(), Scripted::start().await.unwrap());
    let limit = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(0)).for_model("voice");
    let limits = Limits::none().with([limit]);
    let nexus = speaking(dir.path(), &scripted, "voice", GatewaySettings { limits, ..settings() });
    fill(&nexus).await;
    let run = ask(&nexus).await;
    let bodies = run_events(&nexus, &run).await;
    assert_eq!(last(&bodies), ["message.final", "audio.error", "done"]);
    assert_eq!(nexus.run(&caller(), &run).await.unwrap().outcome(), Some(&Outcome::Answered));
    assert_eq!(nexus.audio(&caller(), &run).await.unwrap_err().code(), "AUDIO_NOT_FOUND");
    assert!(!scripted.log().iter().any(|entry| entry.model == "voice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_with_its_process_is_spoken_by_the_next_and_tells_nothing_twice() {
    let (dir, scripted) = (tempfile::tempdir().unwrap(), Scripted::start().await.unwrap());
    let nexus = speaking(dir.path(), &scripted, "voice+silent", settings());
    fill(&nexus).await;
    let run = ask(&nexus).await;
    until("the text-to-speech model is called", async || {
        scripted.requests().iter().any(|request| request.path.ends_with("/audio/speech"))
    })
    .await;
    nexus.shutdown(Duration::from_millis(2)).await.unwrap();
    drop(nexus);

    let nexus = speaking(dir.path(), &scripted, "voice", settings());
    assert_eq!(nexus.resume().await.unwrap(), 1);
    let bodies = run_events(&nexus, &run).await;
    assert_eq!(last(&bodies), ["message.final", "audio.ready", "done"]);
    assert_eq!(bodies.iter().filter(|event| event.name() == "message.final").count(), 1);
    let lines = crate::fixture::lines(&nexus).await;
    let spoken: Vec<AttemptStatus> =
        lines.iter().filter(|line| line.kind == Operation::Speak).map(|line| line.status).collect();
    assert_eq!(spoken, [AttemptStatus::UnknownOutcome, AttemptStatus::Settled], "paid for by what is known");
}
