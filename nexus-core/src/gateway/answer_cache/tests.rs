//! Laws of cache keys, which are equal exactly when scope and content are; and of answers to similar questions.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::grounding::markers::citations_in;
use crate::grounding::tests::evidence;
use crate::id::DocumentId;
use crate::llm::{MessageRole, Parameters, ResponseFormat, Turn};

/// Everything that decides about a key, from few values, so that equal ones come up.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    tenant: &'static str,
    subject: &'static str,
    role: &'static str,
    context: CacheContext,
    provider: (&'static str, &'static str),
    request: Request,
}

impl Asked {
    fn caller(&self) -> Principal {
        Principal::user(self.tenant, self.subject).unwrap().roles([self.role])
    }

    fn key(&self) -> CacheKey {
        key_of_request(&self.caller(), &self.context, self.provider, &self.request).unwrap()
    }

    /// A change of any part that counts changes the key. Admins share keys, since they see every document; scores and claimed
    /// hashes do not count.
    fn essence(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let mut request = self.request.clone();
        for shown in &mut request.evidence {
            (shown.score, shown.hash) = (0.0, String::new());
        }
        (self.tenant, Visibility::of(&self.caller()), self.context.clone(), self.provider, request)
    }
}

fn passage(number: u32, text: &str, source: &str, claims: (f32, &str)) -> Evidence {
    let mut shown = evidence(text);
    (shown.number, shown.source_name) = (number, source.to_owned());
    (shown.score, shown.hash) = (claims.0, claims.1.to_owned());
    shown
}

fn any_request() -> impl Strategy<Value = Request> {
    let text = || prop_oneof![Just(String::new()), Just("a".to_owned()), Just("ab".to_owned())];
    let passage = (1_u32..3, text(), "[st]", (0_u8..2).prop_map(f32::from), "[hi]")
        .prop_map(|(number, text, source, score, hash)| passage(number, &text, &source, (score, &hash)));
    let parameters =
        (proptest::option::of(0_u8..2), proptest::option::of(0_i64..2)).prop_map(|(heat, seed)| Parameters {
            temperature: heat.map(f32::from),
            seed,
            ..Parameters::default()
        });
    (
        text(),
        text(),
        proptest::collection::vec(text().prop_map(|text| Turn::said(MessageRole::User, text)), 0..2),
        proptest::collection::vec(passage, 0..2),
        proptest::option::of("[mn]"),
        proptest::option::of(1_u32..3),
        parameters,
    )
        .prop_map(|(question, instructions, history, evidence, model, max_tokens, parameters)| Request {
            model,
            instructions,
            history,
            evidence,
            question,
            max_tokens,
            parameters,
            ..Request::default()
        })
}

fn any_asked() -> impl Strategy<Value = Asked> {
    let one_of = |values: [&'static str; 2]| proptest::sample::select(values.to_vec());
    let corpus = proptest::option::of(("[cd]", 0_u64..2));
    (
        (one_of(["acme", "umbrella"]), one_of(["ada", "bob"]), one_of(["admin", "reader"])),
        (one_of(["p1", "p2"]), corpus, proptest::option::of("[ef]")),
        (one_of(["openai", "backup"]), one_of(["openai", "vllm"])),
        any_request(),
    )
        .prop_map(|((tenant, subject, role), (policy, corpus, embedding_model), provider, request)| {
            let corpus = corpus.map(|(id, watermark)| (CorpusId::parse(id).unwrap(), watermark));
            let context = CacheContext { policy_version: policy.to_owned(), corpus, embedding_model };
            Asked { tenant, subject, role, context, provider, request }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn keys_are_equal_exactly_when_scope_and_content_are(one in any_asked(), two in any_asked()) {
        prop_assert_eq!(one.key() == two.key(), one.essence() == two.essence());
        prop_assert_eq!(one.key(), one.key());
    }

    #[test]
    fn one_change_of_anything_is_another_key(one in any_asked(), other in any_asked(), place in 0_usize..6) {
        let mut changed = one.clone();
        match place {
            0 => changed.tenant = other.tenant,
            1 => (changed.subject, changed.role) = (other.subject, other.role),
            2 => changed.context = other.context.clone(),
            3 => changed.provider = other.provider,
            4 => changed.request.question = other.request.question.clone(),
            _ => changed.request.evidence = other.request.evidence.clone(),
        }
        prop_assert_eq!(one.key() == changed.key(), one.essence() == changed.essence());
    }
}

/// Number 52: a schema is the same schema whatever order its fields were written in.
#[test]
fn the_order_of_a_maps_fields_decides_nothing() {
    let asked = |schema: &str| {
        let schema = serde_json::from_str(schema).unwrap();
        let format = Some(ResponseFormat::JsonSchema { name: "answer".to_owned(), schema });
        let parameters = Parameters { format, ..Parameters::default() };
        let request = Request { parameters, ..Request::asking("Which river?") };
        let context = CacheContext { policy_version: "p1".to_owned(), corpus: None, embedding_model: None };
        key_of_request(&Principal::user("acme", "ada").unwrap(), &context, ("openai", "openai"), &request)
            .unwrap()
    };
    let one = asked(r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}}}"#);
    let two = asked(r#"{"properties":{"b":{"type":"number"},"a":{"type":"string"}},"type":"object"}"#);
    assert_eq!(one, two);
    assert_ne!(one, asked(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#));
}

#[test]
fn only_whole_answers_serve_again() {
    let said = |text: &str, finish| Completion { text: text.to_owned(), finish, ..Completion::empty() };
    assert!(is_answer(&said("The Nile.", FinishReason::Complete), &[]));
    for finish in [
        FinishReason::Length,
        FinishReason::ContentFilter,
        FinishReason::ToolCalls,
        FinishReason::unknown("bored"),
    ] {
        assert!(!is_answer(&said("The Nile.", finish.clone()), &[]), "{finish:?}");
    }
    assert!(!is_answer(&said(" \n", FinishReason::Complete), &[]));
    let call = json!({"id": "1", "name": "weather", "arguments": "{}"});
    let tool_calls = vec![serde_json::from_value(call).unwrap()];
    assert!(!is_answer(&Completion { tool_calls, ..said("The Nile.", FinishReason::Complete) }, &[]));
}

#[test]
fn over_passages_only_a_cited_answer_serves_again() {
    let shown = [leave(1)];
    for (text, is_kept) in [
        ("Thirty days of leave [1].", true),
        ("Thirty days of leave.", false),
        ("Thirty days of leave [1][7].", false),
        ("The passages do not say.", false),
    ] {
        assert_eq!(is_answer(&answered(text, &shown), &shown), is_kept, "{text}");
    }
}

fn passage_of(number: u32, document: &str, text: &str) -> Evidence {
    let mut shown = evidence(text);
    (shown.number, shown.passage.document) = (number, DocumentId::parse(document).unwrap());
    shown
}

fn leave(number: u32) -> Evidence {
    passage_of(number, "leave", "There are thirty days of leave.")
}

fn travel(number: u32) -> Evidence {
    passage_of(number, "travel", "Trains are booked in second class.")
}

fn answered(text: &str, shown: &[Evidence]) -> Completion {
    Completion {
        citations: citations_in(text, shown).citations,
        text: text.to_owned(),
        ..Completion::empty()
    }
}

#[test]
fn an_answer_is_given_under_the_numbers_that_its_passages_have_now() {
    let text = "Thirty days of leave [1]. Trains are second class [2]; see there.";
    let reply = answered(text, &[leave(1), travel(2)]);
    assert_eq!(renumber_citations(reply.clone(), &[leave(1), travel(2)]).unwrap(), reply);
    let now = [passage_of(1, "news", "The canteen is new."), travel(2), leave(3)];
    let given = renumber_citations(reply, &now).unwrap();
    assert!(
        given.text.starts_with("Thirty days of leave [3]. Trains are second class [2]"),
        "{}",
        given.text
    );
    assert_eq!(given.citations.iter().map(|citation| citation.number).collect::<Vec<_>>(), [3, 2]);
    assert!(given.citations.iter().all(|citation| citation.check(&now).is_ok()));
}

#[test]
fn what_it_cites_must_be_shown_now_to_the_letter() {
    let reply = answered("Thirty days of leave [1].", &[leave(1)]);
    assert_eq!(renumber_citations(reply.clone(), &[travel(1)]), None);
    assert_eq!(renumber_citations(reply.clone(), &[]), None);
    let mut newer = leave(1);
    newer.passage.version += 1;
    assert_eq!(renumber_citations(reply.clone(), &[newer]), None);
    assert_eq!(renumber_citations(reply, &[passage_of(1, "leave", "There are forty days of leave.")]), None);
}

#[test]
fn an_answer_that_rests_on_nothing_is_given_only_where_nothing_is_shown() {
    let reply = answered("The passages do not say.", &[leave(1)]);
    assert_eq!(renumber_citations(reply.clone(), &[leave(1)]), None);
    assert_eq!(renumber_citations(reply.clone(), &[]), Some(reply));
}

#[test]
fn a_marker_that_points_at_nothing_cited_is_no_answer_for_others() {
    let mut reply = answered("Thirty days of leave [1]. Trains [2].", &[leave(1)]);
    assert_eq!(renumber_citations(reply.clone(), &[leave(1), travel(2)]), None);
    reply.text = "Thirty days of leave [1].".to_owned();
    assert!(renumber_citations(reply, &[leave(1), travel(2)]).is_some());
}
