//! Outcomes of a reply over the wires of all vendors, streamed and whole.

use std::fmt::Write as _;
use std::io::Cursor;

use nexus_core::document::NewDocument;
use nexus_core::gateway::{Admission, GatewaySettings, ModelCall, Route, Routing};
use nexus_core::grounding::Evidence;
use nexus_core::ledger::LedgerEntry;
use nexus_core::llm::{ReplyVerdict, Request, TextMark, judge};
use nexus_core::price::{PriceRow, PriceTable};
use nexus_core::run::{Answer, Event, EventBody, Outcome};
use nexus_core::search::Search;
use nexus_core::{CorpusId, Nexus, Page};
use nexus_fake_provider::Scripted;
use nexus_providers::anthropic::Anthropic;
use nexus_providers::gemini::{Gemini, Google};
use nexus_providers::ollama::Ollama;
use nexus_providers::{HttpClient, HttpOptions, Secret};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::fixture::{caller, chat, engine, lines, price, settings};

const QUESTION: &str = "How many days of leave are there?";
const CITED: &str = "Every employee has thirty days of leave [1].";
const UNCITED: &str = "Every employee has thirty days of leave.";

/// Vendor with its words for the reasons of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

impl Wire {
    const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Ollama];

    fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "scripted",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    fn routing(self, scripted: &Scripted) -> Routing {
        let (client, key) = (HttpClient::new(&HttpOptions::default()).unwrap(), Secret::new("sk-scripted"));
        let routing = Routing::new(Route::to(self.name()));
        match self {
            Self::OpenAi => routing.provider(self.name(), chat(&scripted.openai_url())),
            Self::Anthropic => {
                routing.provider(self.name(), Anthropic::at(&client, &scripted.url(), &key).unwrap())
            }
            Self::Gemini => {
                let google = Google::with_key_at(&client, &scripted.url(), &key).unwrap();
                routing.provider(self.name(), Gemini::new(google))
            }
            Self::Ollama => {
                let host = scripted.url().trim_start_matches("http://").to_owned();
                routing.provider(self.name(), Ollama::new(&client, &host).unwrap())
            }
        }
    }

    /// Returns the vendor's word for a complete answer in another spelling.
    fn complete(self) -> &'static str {
        match self {
            Self::OpenAi => "STOP",
            Self::Anthropic => "End-Turn",
            Self::Gemini => "stop",
            Self::Ollama => "Stop",
        }
    }

    /// Returns the vendor's word for a token limit.
    fn cut(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Ollama => "length",
            Self::Anthropic => "max_tokens",
            Self::Gemini => "MAX_TOKENS",
        }
    }

    async fn library(self, corpus: serde_json::Value) -> (Scripted, Nexus) {
        let scripted = Scripted::start().await.unwrap();
        let prices = Self::ALL.map(|wire| PriceRow { provider: wire.name().to_owned(), ..price() });
        let settings = GatewaySettings { prices: PriceTable::empty().with(prices), ..settings() };
        let nexus = engine(MemoryStore::default(), self.routing(&scripted), settings);
        nexus.create_corpus(&caller(), handbook(), "Handbook", corpus).await.unwrap();
        let text = Cursor::new("Every employee has thirty days of leave.");
        nexus.ingest(&caller(), NewDocument::new(handbook(), "leave.txt"), text).await.unwrap();
        nexus.run_pending_jobs().await.unwrap();
        (scripted, nexus)
    }
}

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

/// Returns the name of a model that says `text`.
fn saying(text: &str, directives: &str) -> String {
    let mut model = "m+say=".to_owned();
    for byte in text.bytes() {
        write!(model, "{byte:02x}").unwrap();
    }
    if directives.is_empty() { model } else { format!("{model}+{directives}") }
}

/// Asks, and returns the outcome in words, the final answer, and all events.
async fn asked(nexus: &Nexus, model: &str) -> (String, Answer, Vec<Event>) {
    let run = nexus.ask(&caller(), QUESTION).corpus("handbook").model(model).speak(false);
    let run = run.without_cache().start().await.unwrap();
    let (mut events, mut all) = (run.events(), Vec::new());
    while let Some(event) = events.next().await.unwrap() {
        all.push(event);
    }
    let finished = run.finish().await.unwrap();
    (in_words(&finished.outcome), finished.answer, all)
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Incomplete { reason } => format!("incomplete {reason}"),
        Outcome::Abstained { reason } => format!("abstained {}", json!(reason).as_str().unwrap()),
        Outcome::Failed { failure } => format!("failed {}", failure.code),
        Outcome::Answered
        | Outcome::Uncited
        | Outcome::Refused { .. }
        | Outcome::Blocked { .. }
        | Outcome::NeedsApproval { .. }
        | Outcome::OverQuota { .. }
        | Outcome::Cancelled => outcome.as_str().to_owned(),
    }
}

/// Makes the call of a run in one piece, and returns the verdict in the same words.
async fn whole(nexus: &Nexus, model: &str) -> String {
    let found = nexus.search(&caller(), Search::new(handbook(), "days of leave")).await.unwrap();
    let evidence = Evidence::number(found.hits);
    let request =
        Request { model: Some(model.to_owned()), evidence: evidence.clone(), ..Request::asking(QUESTION) };
    let call = ModelCall { corpus: Some(handbook()), ..ModelCall::new(request) };
    let Admission::Granted(completed) = nexus.complete(&caller(), call).await.unwrap() else {
        panic!("refused")
    };
    let reply = completed.reply;
    match judge(&reply.text, &reply.citations, &reply.finish, &evidence) {
        Ok(ReplyVerdict::Answered) => "answered".to_owned(),
        Ok(ReplyVerdict::Uncited) => "uncited".to_owned(),
        Ok(ReplyVerdict::Blocked) => "blocked".to_owned(),
        Ok(ReplyVerdict::Incomplete(reason)) => format!("incomplete {reason}"),
        Ok(ReplyVerdict::Abstained(reason)) => format!("abstained {}", json!(reason).as_str().unwrap()),
        Err(error) => format!("failed {}", error.code()),
    }
}

/// Returns the rows of a wire: the text, the directives, and the outcome.
fn rows(wire: Wire) -> Vec<(&'static str, String, &'static str)> {
    let mut rows = vec![
        (CITED, String::new(), "answered"),
        (CITED, format!("finish={}", wire.complete()), "answered"),
        (CITED, "usage-text".to_owned(), "answered"),
        (CITED, "usage-float".to_owned(), "answered"),
        (CITED, "usage-zero".to_owned(), "answered"),
        (CITED, "no-usage".to_owned(), "answered"),
        (CITED, format!("finish={}", wire.cut()), "incomplete max_tokens"),
        (UNCITED, format!("finish={}", wire.cut()), "incomplete max_tokens"),
        (CITED, "finish=of_next_year".to_owned(), "incomplete finish_unknown:of_next_year"),
        ("", String::new(), "failed EMPTY_ANSWER"),
        (" \n\u{a0}", String::new(), "failed EMPTY_ANSWER"),
        ("", format!("finish={}", wire.cut()), "failed EMPTY_ANSWER"),
        ("", "finish=of_next_year".to_owned(), "failed EMPTY_ANSWER"),
        (UNCITED, String::new(), "uncited"),
        ("Every employee has thirty days of leave [9].", String::new(), "failed CITATION_NOT_SHOWN"),
        ("Every employee has thirty days of leave [1][9].", String::new(), "failed CITATION_NOT_SHOWN"),
    ];
    let abstentions = [
        "I cannot answer that from the passages.",
        "The passages don’t say.",
        "Die Passagen enthalten keine Antwort.",
        "Les passages ne contiennent pas la réponse.",
        "Los pasajes no contienen la respuesta.",
        "I passaggi non contengono la risposta.",
        "De passages bevatten geen antwoord.",
        "Dokumenterne nævner det ikke.",
        "Fragmenty nie zawierają odpowiedzi.",
        "Os trechos não contêm a resposta.",
    ];
    rows.extend(abstentions.map(|text| (text, String::new(), "abstained model")));
    // Ollama has no content filter.
    if wire != Wire::Ollama {
        rows.push((CITED, "filter=2".to_owned(), "blocked"));
    }
    rows
}

#[tokio::test]
async fn every_reply_has_its_outcome_over_every_wire_streamed_and_whole() {
    for wire in Wire::ALL {
        let (_scripted, nexus) = wire.library(json!({})).await;
        for (text, directives, expected) in rows(wire) {
            let model = saying(text, &directives);
            let (outcome, answer, _) = asked(&nexus, &model).await;
            assert_eq!(outcome, expected, "{wire:?}: {text:?} {directives}");
            assert_eq!(whole(&nexus, &model).await, expected, "{wire:?}, whole: {text:?} {directives}");
            let (shown, mark) = match expected.split(' ').next() {
                Some("answered") => (text, None),
                Some("incomplete") => (text, Some(TextMark::Incomplete)),
                Some("uncited") => (text, Some(TextMark::Uncited)),
                _ => ("", None),
            };
            assert_eq!((answer.text.as_str(), answer.mark), (shown, mark), "{wire:?}: {text:?} {directives}");
        }
    }
}

#[tokio::test]
async fn a_strict_corpus_releases_answers_alone() {
    for wire in Wire::ALL {
        let (_scripted, nexus) = wire.library(json!({"answers": "strict"})).await;
        for (text, directives, expected) in rows(wire) {
            let (outcome, answer, events) = asked(&nexus, &saying(text, &directives)).await;
            assert_eq!(outcome, expected, "{wire:?}: {text:?} {directives}");
            let is_answered = expected == "answered";
            assert_eq!(answer.text, if is_answered { text } else { "" });
            let delta = |event: &&Event| matches!(event.body, EventBody::Delta { .. });
            assert_eq!(events.iter().filter(delta).count(), usize::from(is_answered), "{events:?}");
            if !is_answered && !text.trim().is_empty() {
                let written = serde_json::to_string(&events).unwrap();
                assert!(!written.contains(text), "{written}");
            }
        }
        let sessions = nexus.sessions(&caller(), Page::first(100)).await.unwrap();
        for session in sessions {
            for message in nexus.messages(&caller(), &session.id, Page::first(10)).await.unwrap() {
                assert!([QUESTION, CITED].contains(&message.text.as_str()), "{}", message.text);
            }
        }
    }
}

/// A count of zero for a text is not believed, and one that is written as text is.
#[tokio::test]
async fn usage_is_charged_as_it_was_written_and_never_as_nothing() {
    for wire in [Wire::OpenAi, Wire::Anthropic, Wire::Gemini] {
        let mut charged = Vec::new();
        for (directives, estimated) in [
            ("", false),
            ("usage-text", false),
            ("usage-float", false),
            ("usage-zero", true),
            ("no-usage", true),
        ] {
            let (_scripted, nexus) = wire.library(json!({})).await;
            asked(&nexus, &saying(CITED, directives)).await;
            let lines: Vec<LedgerEntry> = lines(&nexus).await;
            assert_eq!(lines.len(), 1, "{wire:?} {directives}");
            assert_eq!(lines[0].estimated, estimated, "{wire:?} {directives}");
            charged.push(lines[0].charged.money);
        }
        assert!(charged[0].as_nanos() > 0);
        assert_eq!(charged[..3], [charged[0]; 3], "{wire:?}");
        assert!(charged[3] >= charged[0] && charged[4] >= charged[0], "{wire:?} {charged:?}");
    }
}

#[tokio::test]
async fn the_configured_limit_of_tokens_reaches_every_vendor() {
    for wire in Wire::ALL {
        let (scripted, nexus) = wire.library(json!({})).await;
        let models = nexus.models();
        let settings = GatewaySettings { max_tokens: 77, ..(*models.settings).clone() };
        crate::fixture::replace(&nexus, wire.routing(&scripted), settings);
        asked(&nexus, &saying(CITED, "")).await;
        let body = scripted.requests().pop().unwrap().json();
        let sent = match wire {
            Wire::OpenAi => body.get("max_tokens").or(body.get("max_completion_tokens")),
            Wire::Anthropic => body.get("max_tokens"),
            Wire::Gemini => body.pointer("/generationConfig/maxOutputTokens"),
            Wire::Ollama => body.pointer("/options/num_predict"),
        };
        assert_eq!(sent, Some(&json!(77)), "{wire:?}: {body}");
    }
}
