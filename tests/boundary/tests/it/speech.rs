//! Speech passes the boundary that answers pass, and is billed by the character.

use nexus_core::gateway::{GatewaySettings, Granted, Refused};
use nexus_core::ledger::{AttemptStatus, Operation, StopScope};
use nexus_core::price::{PriceRow, PriceTable, Rates};
use nexus_core::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window};
use nexus_core::speech::{MAX_SPOKEN_CHARS, Speech};
use nexus_core::{ErrorKind, NanoUsd, Principal};
use nexus_providers::openai::OpenAiSpeech;
use nexus_providers::speech::OfflineSpeech;
use nexus_scripted::Scripted;
use nexus_store_memory::MemoryStore;

use crate::world::{World, builder, price, routing, service, settings, who};

const TEXT: &str = "Dreißig Tage im Jahr.";

async fn world(model: &str, settings: GatewaySettings) -> World {
    let scripted = Scripted::start().await.unwrap();
    let (service, client) = service(&scripted);
    let speaker = service.speech(&client, model, OpenAiSpeech::DEFAULT_VOICE).unwrap();
    let builder = builder(MemoryStore::default(), routing(&scripted), settings);
    let nexus = builder.speaker(speaker).build().unwrap();
    World { scripted, nexus }
}

async fn speech(world: &World) -> Speech {
    match world.nexus.speak(&who(), TEXT).await.unwrap() {
        Granted::Yes(speech) => speech,
        Granted::No(refused) => panic!("refused: {}", refused.sentence()),
    }
}

async fn refusal(world: &World) -> Refused {
    match world.nexus.speak(&who(), TEXT).await.unwrap() {
        Granted::No(refused) => refused,
        Granted::Yes(_) => panic!("it was spoken"),
    }
}

#[tokio::test]
async fn speech_is_billed_by_the_character_to_the_nano_usd() {
    let world = world("voice", settings()).await;
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
        "characters are known before they are spoken"
    );
    assert_eq!((lines[0].kind, lines[0].estimated), (Operation::Speak, false));
}

#[tokio::test]
async fn a_budget_a_stop_or_a_missing_price_sends_nothing() {
    let limit = Limit::new(ScopeKind::User, Meter::Money, Window::Day, Cap::At(1));
    let poor = world("voice", GatewaySettings { limits: Limits::none().with([limit]), ..settings() }).await;
    assert!(matches!(refusal(&poor).await, Refused::Limit(_)));
    let unpriced = world("voice", GatewaySettings { prices: PriceTable::empty(), ..settings() }).await;
    assert_eq!(refusal(&unpriced).await.code(), "PRICE_UNKNOWN");
    let stopped = world("voice", settings()).await;
    stopped.nexus.trip(&who(), StopScope::Global, "drill", None).await.unwrap();
    assert!(matches!(refusal(&stopped).await, Refused::Stopped(_)));
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
        let error = world.nexus.speak(&who(), text).await.unwrap_err();
        assert_eq!(error.stable_code(), "INVALID_SPEECH");
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
        let world = World { nexus: builder.speaker(OfflineSpeech).build().unwrap(), scripted };
        assert_eq!(speech(&world).await.mime, "audio/wav");
        assert_eq!(world.lines().await[0].charged.money, NanoUsd::from_nanos(cost));
    }
}
