//! Laws of the state machine: any order of inputs gives one run with one end.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::audit::{KeyRing, Sealer, Status, Verifier};
use crate::corpus::AnswerRelease;
use crate::document::{Passage, PassageKey};
use crate::grounding::Citation;
use crate::hex;
use crate::id::{CorpusId, DocumentId, RequestId, RunId, SessionId};
use crate::llm::{FinishReason, TextMark};
use crate::principal::Principal;
use crate::retrieve::{Hit, SearchMode};
use crate::run::Ask;
use crate::run::model::AskOptions;
use crate::usage::Usage;

const TEXT: &str = "Leave is 25 days. Expenses are paid monthly.";

fn run() -> Run {
    let corpus = CorpusId::parse("handbook").unwrap();
    let now = Timestamp::from_micros(0);
    Run {
        id: RunId::parse("run-1").unwrap(),
        request_id: RequestId::parse("request-1").unwrap(),
        principal: Principal::user("acme", "u-1").unwrap().roles(["reader"]),
        session_id: SessionId::parse("session-1").unwrap(),
        ask: Ask { question: "How much leave?".to_owned(), corpus, options: AskOptions::default() },
        title: "leave".to_owned(),
        phase: Phase::Accepted,
        version: 0,
        next_seq: 0,
        policy_version: "policy-0".to_owned(),
        answers: AnswerRelease::Lenient,
        salt: "a fresh salt".to_owned(),
        created_at: now,
        updated_at: now,
        completed_at: None,
    }
}

fn hit() -> Hit {
    let key = PassageKey { document: DocumentId::parse("leave.md").unwrap(), version: 1, index: 0 };
    let passage = Passage {
        key,
        text: TEXT.to_owned(),
        span: 0..TEXT.len() as u64,
        page: None,
        heading_path: Vec::new(),
        tokens: 10,
        hash: hex::sha256(TEXT.as_bytes()),
    };
    Hit {
        passage,
        source_name: "leave.md".to_owned(),
        score: 1.0,
        lexical: None,
        vector: None,
        terms: Vec::new(),
    }
}

fn found(hits: Vec<Hit>) -> Input {
    let evidence = Evidence::number(hits.clone());
    let retrieved = Retrieved {
        permitted: hits.len() as u64,
        hits,
        mode: SearchMode::Lexical,
        under_filled: true,
        documents_in_flight: 0,
        watermark: 1,
    };
    Input::Retrieved(Found {
        search_text: None,
        retrieved,
        evidence,
        model: "extractive-1".to_owned(),
        debug: true,
    })
}

fn decided(effect: PolicyEffect) -> Input {
    Input::Decided(Decision::new(effect, crate::policy::Reason::PolicyAllow, "because", "policy-1"))
}

fn citation() -> Citation {
    Evidence::number(vec![hit()]).remove(0).cite("Leave is 25 days.", 0..17, 1.0).unwrap()
}

fn speech() -> Speech {
    Speech { bytes: vec![1, 2, 3], mime: "audio/mpeg".to_owned() }
}

fn failure() -> Failure {
    Failure { code: "MODEL_TRUNCATED".to_owned(), message: "cut".to_owned(), hint: None }
}

fn piece() -> impl Strategy<Value = CompletionEvent> {
    prop_oneof![
        4 => "[a-z ]{1,8}".prop_map(CompletionEvent::Text),
        2 => Just(CompletionEvent::Citation(citation())),
        1 => Just(CompletionEvent::Text(" [1]".to_owned())),
        1 => Just(CompletionEvent::Citation(Citation { number: 9, ..citation() })),
        1 => Just(CompletionEvent::Citation(Citation { quote: "Leave is 99 days.".to_owned(), ..citation() })),
        1 => Just(CompletionEvent::Usage(Usage { output_text: 3, ..Usage::default() })),
        1 => Just(CompletionEvent::Finish(FinishReason::Complete)),
        1 => Just(CompletionEvent::Finish(FinishReason::Abstained(Abstention::NotInPassages))),
        1 => Just(CompletionEvent::Finish(FinishReason::ContentFilter)),
        1 => Just(CompletionEvent::Finish(FinishReason::Length)),
        1 => Just(CompletionEvent::Finish(FinishReason::unknown("bored"))),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        3 => Just(decided(PolicyEffect::Allow)),
        1 => Just(decided(PolicyEffect::Deny)),
        1 => Just(decided(PolicyEffect::RequireApproval)),
        3 => Just(found(vec![hit()])),
        1 => Just(found(Vec::new())),
        8 => vec(piece(), 0..6).prop_map(Input::ModelOutput),
        2 => Just(Input::SpeechReady(speech())),
        1 => Just(Input::Failed(failure())),
        1 => Just(Input::BudgetExceeded("spent".to_owned())),
        1 => Just(Input::Cancelled),
    ]
}

/// Applies the inputs that fit, and returns the state with all recorded changes.
fn play(inputs: Vec<Input>) -> (State, Vec<EventBody>, Vec<Draft>) {
    play_run(run(), inputs)
}

/// Applies the inputs likewise to a run with speech if `speak`.
fn play_with(speak: bool, inputs: Vec<Input>) -> (State, Vec<EventBody>, Vec<Draft>) {
    let mut run = run();
    run.ask.options.speak = speak;
    play_run(run, inputs)
}

/// Applies the inputs to a run of a corpus with the setting `answers`.
fn play_released(answers: AnswerRelease, inputs: Vec<Input>) -> (State, Vec<EventBody>, Vec<Draft>) {
    play_run(Run { answers, ..run() }, inputs)
}

fn play_run(run: Run, inputs: Vec<Input>) -> (State, Vec<EventBody>, Vec<Draft>) {
    let mut state = State::new(run);
    let opening = open(&state.run);
    let (mut events, mut audit) = (opening.events, opening.audit);
    for (tick, input) in (1..).zip(inputs) {
        let mut next = state.clone();
        if let Ok(changes) = step(&mut next, input, Timestamp::from_micros(tick)) {
            state = next;
            events.extend(changes.events);
            audit.extend(changes.audit);
        }
    }
    (state, events, audit)
}

proptest! {
    #[test]
    fn a_run_has_at_most_one_end_and_nothing_follows_it(speak: bool, inputs in vec(input(), 0..16)) {
        let (state, events, _) = play_with(speak, inputs);
        let ends: Vec<usize> = (0..events.len()).filter(|&at| events[at].is_last()).collect();
        match state.run.outcome() {
            Some(_) => prop_assert_eq!(ends, vec![events.len() - 1]),
            None => prop_assert!(ends.is_empty()),
        }
    }

    #[test]
    fn its_audit_chain_is_whole_if_and_only_if_it_is_over(speak: bool, inputs in vec(input(), 0..16)) {
        let (state, _, audit) = play_with(speak, inputs);
        let sealer = Sealer::new("test", KeyRing::from_secret("k0", "sixteen bytes or more").unwrap());
        let mut verifier = Verifier::new("test", state.run.principal.tenant_id(), state.run.id.as_str(), Some(sealer.keys()));
        let mut head = None;
        for draft in &audit {
            let (record, next) = sealer.seal(head.as_ref(), draft).unwrap();
            verifier.push(&record);
            head = Some(next);
        }
        let expected = if state.run.outcome().is_some() { Status::Ok } else { Status::Open };
        prop_assert_eq!(verifier.finish(head.as_ref()).status, expected);
    }

    #[test]
    fn what_the_user_sees_is_what_the_final_event_says(speak: bool, inputs in vec(input(), 0..16)) {
        let (state, events, _) = play_with(speak, inputs);
        let mut seen = Answer::default();
        for event in &events {
            match event {
                EventBody::Delta { text } => seen.text.push_str(text),
                EventBody::Citation(citation) => seen.citations.push(citation.clone()),
                EventBody::Final(answer) if !answer.text.is_empty() => {
                    prop_assert_eq!(answer.mark.is_none(), ends_answered(&state));
                    prop_assert_eq!(&answer.text, &seen.text);
                    prop_assert_eq!(&answer.citations, &seen.citations);
                }
                EventBody::Accepted { .. }
                | EventBody::Retrieval { .. }
                | EventBody::Metadata(_)
                | EventBody::Final(_)
                | EventBody::AudioReady { .. }
                | EventBody::AudioError { .. }
                | EventBody::Done { .. }
                | EventBody::Error(_) => {}
            }
        }
    }

    #[test]
    fn only_quotes_of_what_was_shown_are_cited(inputs in vec(input(), 0..16)) {
        let (state, events, _) = play(inputs);
        for event in &events {
            if let EventBody::Citation(citation) = event {
                prop_assert!(citation.check(&state.evidence).is_ok());
            }
        }
    }

    #[test]
    fn a_strict_corpus_shows_and_stores_answers_alone(pieces in vec(piece(), 0..10)) {
        let inputs = vec![decided(PolicyEffect::Allow), found(vec![hit()]), Input::ModelOutput(pieces)];
        let (state, events, _) = play_released(AnswerRelease::Strict, inputs.clone());
        let (lenient, lenient_events, _) = play_released(AnswerRelease::Lenient, inputs);
        prop_assert_eq!(state.run.outcome(), lenient.run.outcome());
        if ends_answered(&state) {
            prop_assert_eq!(words(&events), words(&lenient_events));
        } else {
            prop_assert_eq!(words(&events), "");
            let is_empty = |event: &EventBody| {
                let is_bare = |answer: &Answer| answer.text.is_empty() && answer.citations.is_empty();
                event.final_answer().is_none_or(is_bare) && !matches!(event, EventBody::Citation(_))
            };
            prop_assert!(events.iter().all(is_empty), "{:?}", events);
        }
    }

    #[test]
    fn a_run_interrupted_anywhere_shows_the_same_in_the_end(
        pieces in vec(piece(), 1..10), cut in 0_usize..10, strict: bool,
    ) {
        let answers = if strict { AnswerRelease::Strict } else { AnswerRelease::Lenient };
        let play = |inputs| play_released(answers, inputs);
        let before = [decided(PolicyEffect::Allow), found(vec![hit()])];
        let whole = play(before.iter().cloned().chain([Input::ModelOutput(pieces.clone())]).collect());

        let cut = cut.min(pieces.len());
        let first = before.iter().cloned().chain([Input::ModelOutput(pieces[..cut].to_vec())]).collect();
        let (state, mut events, _) = play(first);
        let mut resumed = State::resumed(state.run, state.evidence, &events);
        let now = Timestamp::from_micros(3);
        events.extend(step(&mut resumed, Input::ModelOutput(pieces), now).unwrap().events);

        prop_assert_eq!(words(&events), words(&whole.1));
        prop_assert_eq!(resumed.run.outcome(), whole.0.run.outcome());
    }
}

fn names(events: &[EventBody]) -> Vec<&str> {
    events.iter().map(EventBody::name).collect()
}

fn ends_answered(state: &State) -> bool {
    matches!(state.run.phase, Phase::AwaitingSpeech { .. } | Phase::Closed { outcome: Outcome::Answered })
}

/// Inputs that lead to a reply with `text`, its citation if `cited`, and its end.
fn replied(text: &str, cited: bool, finish: FinishReason) -> Vec<Input> {
    let mut said = vec![CompletionEvent::Text(text.to_owned())];
    said.extend(cited.then(|| CompletionEvent::Citation(citation())));
    said.push(CompletionEvent::Finish(finish));
    vec![decided(PolicyEffect::Allow), found(vec![hit()]), Input::ModelOutput(said)]
}

/// Inputs that lead to an answer.
fn answered() -> Vec<Input> {
    replied("Leave is 25 days. [1]", true, FinishReason::Complete)
}

#[test]
fn each_reply_ends_its_run_by_one_rule() {
    let failed = |code: &'static str| ("failed", code, None);
    for (text, cited, finish, (outcome, reason, mark)) in [
        ("Leave is 25 days. [1]", true, FinishReason::Complete, ("answered", "", None)),
        ("Leave is 25 days.", false, FinishReason::Complete, ("uncited", "", Some(TextMark::Uncited))),
        (
            "Leave is 25 [1]",
            true,
            FinishReason::Length,
            ("incomplete", "max_tokens", Some(TextMark::Incomplete)),
        ),
        (
            "Leave is 25",
            false,
            FinishReason::Length,
            ("incomplete", "max_tokens", Some(TextMark::Incomplete)),
        ),
        (
            "Leave [1]",
            true,
            FinishReason::unknown("bored"),
            ("incomplete", "finish_unknown:bored", Some(TextMark::Incomplete)),
        ),
        ("The passages don’t say.", false, FinishReason::Complete, ("abstained", "model", None)),
        (" \n", false, FinishReason::Complete, failed("EMPTY_ANSWER")),
        ("Leave is 25 days. [1][9]", true, FinishReason::Complete, failed("CITATION_NOT_SHOWN")),
        ("Leave is 25 days [9].", false, FinishReason::Complete, failed("CITATION_NOT_SHOWN")),
    ] {
        for answers in [AnswerRelease::Lenient, AnswerRelease::Strict] {
            let (state, events, _) = play_released(answers, replied(text, cited, finish.clone()));
            let end = serde_json::to_value(state.run.outcome().unwrap()).unwrap();
            assert_eq!(end["outcome"], outcome, "{text}");
            let told = end.get("reason").unwrap_or(&end["failure"]["code"]);
            assert_eq!(told.as_str().unwrap_or_default(), reason, "{text}");
            let last = events.iter().find_map(|event| {
                if let EventBody::Final(answer) = event { Some(answer.clone()) } else { None }
            });
            let is_shown = outcome == "answered" || (mark.is_some() && answers == AnswerRelease::Lenient);
            let last = last.unwrap_or_default();
            assert_eq!(last.text, if is_shown { text } else { "" }, "{answers:?}");
            assert_eq!(last.mark, mark.filter(|_| is_shown));
            assert_eq!(words(&events).is_empty(), answers == AnswerRelease::Strict && outcome != "answered");
        }
    }
}

#[test]
fn the_answer_stands_and_the_run_ends_answered_even_without_speech() {
    for (input, event) in [
        (Input::SpeechReady(speech()), "audio.ready"),
        (Input::Failed(failure()), "audio.error"),
        (Input::BudgetExceeded("spent".to_owned()), "audio.error"),
        (Input::Cancelled, "audio.error"),
    ] {
        let (state, events, _) = play_with(true, answered().into_iter().chain([input]).collect());
        assert_eq!(state.run.outcome(), Some(&Outcome::Answered));
        assert_eq!(names(&events)[events.len() - 3..], ["message.final", event, "done"]);
    }
}

#[test]
fn an_emitted_answer_gets_its_speech_after_a_restart_and_is_not_emitted_again() {
    let (state, events, _) = play_with(true, answered());
    assert_eq!(next_effect(&state.run.phase), Some(RunStep::Speak));
    let mut resumed = State::resumed(state.run, state.evidence, &events);
    assert_eq!(resumed.answer.text, "Leave is 25 days. [1]");
    let changes = step(&mut resumed, Input::SpeechReady(speech()), Timestamp::from_micros(9)).unwrap();
    assert_eq!(names(&changes.events), ["audio.ready", "done"]);
    assert_eq!((changes.audio, changes.messages.len()), (Some(speech()), 0));
}

#[test]
fn what_is_no_answer_is_not_spoken() {
    for (text, finish) in [
        ("", FinishReason::Abstained(Abstention::NotInPassages)),
        ("", FinishReason::ContentFilter),
        ("Leave is 25 days.", FinishReason::Complete),
        ("Leave is 25", FinishReason::Length),
    ] {
        let (state, events, _) = play_with(true, replied(text, false, finish));
        assert!(state.run.outcome().is_some());
        assert!(!names(&events).iter().any(|name| name.starts_with("audio")));
    }
}

fn words(events: &[EventBody]) -> String {
    events
        .iter()
        .filter_map(|event| if let EventBody::Delta { text } = event { Some(text.as_str()) } else { None })
        .collect()
}

#[test]
fn a_model_that_says_something_else_after_a_restart_fails_the_run() {
    let said = |text: &str| Input::ModelOutput(vec![CompletionEvent::Text(text.to_owned())]);
    let (state, events, _) = play(vec![decided(PolicyEffect::Allow), found(vec![hit()]), said("Leave is")]);
    let mut resumed = State::resumed(state.run, state.evidence, &events);
    step(&mut resumed, said("Expenses are"), Timestamp::from_micros(9)).unwrap();
    let Some(Outcome::Failed { failure }) = resumed.run.outcome() else { panic!("the run goes on") };
    assert_eq!(failure.code, "RUN_INTERRUPTED");
}

#[test]
fn a_denied_question_shows_no_passage() {
    let (state, events, _) = play(vec![decided(PolicyEffect::Deny), found(vec![hit()])]);
    assert!(matches!(state.run.outcome(), Some(Outcome::Refused { .. })));
    assert!(state.evidence.is_empty());
    let names: Vec<&str> = events.iter().map(EventBody::name).collect();
    assert_eq!(names, ["request.accepted", "message.final", "done"]);
}

#[test]
fn nothing_found_is_an_abstention_that_asks_no_model() {
    let (state, _, _) = play(vec![decided(PolicyEffect::Allow), found(Vec::new())]);
    assert_eq!(next_effect(&state.run.phase), None);
    assert_eq!(state.run.outcome(), Some(&Outcome::Abstained { reason: Abstention::NoPassages }));
}

#[test]
fn audit_records_hold_no_words_of_question_passage_or_answer() {
    let (_, _, audit) = play(answered());
    let sealer = Sealer::new("test", KeyRing::from_secret("k0", "sixteen bytes or more").unwrap());
    let mut head = None;
    for draft in &audit {
        let (record, next) = sealer.seal(head.as_ref(), draft).unwrap();
        head = Some(next);
        let body = String::from_utf8(record.body).unwrap();
        assert!(!body.contains("Leave") && !body.contains("leave?") && !body.contains("25 days"), "{body}");
    }
}
