use nexus_core::llm::{MessageRole, ToolCall, ToolSpec, Turn};

use super::super::thinking::Thoughts;
use super::*;

fn written(request: &Request, model: &str) -> Result<Value> {
    body(&Vendor::new("anthropic"), request, model, false)
}

#[track_caller]
fn refused(request: &Request, model: &str, parameter: &str) {
    let error = written(request, model).unwrap_err();
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::InvalidRequest));
    let report = error.to_string() + &error.report();
    assert!(report.contains(parameter), "{report}");
}

fn asking(parameters: Parameters) -> Request {
    Request { parameters, max_tokens: Some(10_000), ..Request::asking("Why?") }
}

fn thinking(effort: ReasoningEffort) -> Request {
    asking(Parameters { reasoning: Some(effort), ..Parameters::default() })
}

fn clock() -> ToolSpec {
    let parameters = json!({"type": "object", "properties": {"zone": {"type": "string"}}});
    ToolSpec { name: "clock".to_owned(), description: "tells the time".to_owned(), parameters }
}

const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-4-5";

#[test]
fn a_question_becomes_a_message() {
    let request =
        Request { instructions: "Be brief.".to_owned(), max_tokens: Some(200), ..Request::asking("Why?") };
    let expected = json!({
        "model": SONNET, "max_tokens": 200, "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]
    });
    assert_eq!(written(&request, SONNET).unwrap(), expected);
    let streamed = body(&Vendor::new("anthropic"), &request, SONNET, true).unwrap();
    assert_eq!(streamed["stream"], true);
}

#[test]
fn the_wire_always_gets_a_limit() {
    assert_eq!(written(&Request::asking("Why?"), SONNET).unwrap()["max_tokens"], 4_096);
}

#[test]
fn what_follows_one_another_from_one_side_is_one_turn() {
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: "clock".to_owned(),
        arguments: arguments.to_owned(),
        signature: None,
    };
    let returned = |id: &str, result: &str| Turn::Returned {
        call: id.to_owned(),
        name: "clock".to_owned(),
        result: result.to_owned(),
    };
    let calls = vec![call("t1", r#"{"zone":"UTC"}"#), call("t2", "not JSON")];
    let history = vec![
        Turn::said(MessageRole::User, "Hello."),
        Turn::said(MessageRole::User, "What time is it?"),
        Turn::said(MessageRole::Assistant, ""),
        Turn::Called { text: "Let me look.".to_owned(), calls },
        returned("t1", "noon"),
        returned("t2", ""),
    ];
    let request = Request { history, question: "And in Rome?".to_owned(), ..Request::default() };
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "Hello."}, {"type": "text", "text": "What time is it?"}]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "t1", "name": "clock", "input": {"zone": "UTC"}},
            {"type": "tool_use", "id": "t2", "name": "clock", "input": {"not_an_object": "not JSON"}}
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "noon"},
            {"type": "tool_result", "tool_use_id": "t2", "content": ""},
            {"type": "text", "text": "And in Rome?"}
        ]}
    ]);
    assert_eq!(written(&request, SONNET).unwrap()["messages"], expected);
}

#[test]
fn what_a_model_thought_goes_back_to_it_as_it_was_and_to_no_other() {
    let block = |words: &str| json!({"type": "thinking", "thinking": words, "signature": "EqQB"});
    let mut thoughts = Thoughts::of(SONNET);
    let mut think = |words: &str| thoughts.add(serde_json::from_value(block(words)).unwrap());
    think("Look it up.");
    think("In both zones.");
    let first = thoughts.seal();
    thoughts.add(serde_json::from_value(block("Now the other.")).unwrap());
    let call = |id: &str, signature| ToolCall {
        id: id.to_owned(),
        name: "clock".to_owned(),
        arguments: "{}".to_owned(),
        signature,
    };
    let calls = vec![call("t1", first), call("t2", thoughts.seal())];
    let returned = |id: &str| Turn::Returned {
        call: id.to_owned(),
        name: "clock".to_owned(),
        result: "noon".to_owned(),
    };
    let called = Turn::Called { text: "Let me look.".to_owned(), calls };
    let history =
        vec![Turn::said(MessageRole::User, "What time is it?"), called, returned("t1"), returned("t2")];
    let request = Request { history, ..Request::default() };
    let turn = |model: &str| written(&request, model).unwrap()["messages"][1].clone();
    let text = json!({"type": "text", "text": "Let me look."});
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "clock", "input": {}});
    let thought = [block("Look it up."), block("In both zones."), block("Now the other.")];
    let [one, two, three] = &thought;
    assert_eq!(turn(SONNET)["content"], json!([one, two, text, call("t1"), three, call("t2")]));
    assert_eq!(turn(HAIKU)["content"], json!([text, call("t1"), call("t2")]));
}

#[test]
fn tools_and_the_choice_among_them_are_named() {
    let with = |tool_choice| Request { tools: vec![clock()], tool_choice, ..Request::asking("Why?") };
    let tool = json!({"name": "clock", "description": "tells the time", "input_schema": clock().parameters});
    let auto = written(&with(ToolChoice::Auto), HAIKU).unwrap();
    assert_eq!((&auto["tools"], auto.get("tool_choice")), (&json!([tool]), None));
    let choice = |choice| written(&with(choice), HAIKU).unwrap()["tool_choice"].clone();
    assert_eq!(choice(ToolChoice::None), json!({"type": "none"}));
    assert_eq!(choice(ToolChoice::Required), json!({"type": "any"}));
    let named = ToolChoice::Named("clock".to_owned());
    assert_eq!(choice(named.clone()), json!({"type": "tool", "name": "clock"}));
    refused(&with(named.clone()), SONNET, "tool_choice");
    refused(&Request { tools: Vec::new(), ..with(named) }, HAIKU, "tool_choice");
}

#[test]
fn sampling_is_sent_where_the_model_takes_it() {
    let parameters = Parameters {
        temperature: Some(0.2),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".to_owned()],
        ..Parameters::default()
    };
    let body = written(&asking(parameters), HAIKU).unwrap();
    assert_eq!((&body["temperature"], &body["top_p"]), (&json!(0.2), &json!(0.9)));
    assert_eq!((&body["top_k"], &body["stop_sequences"]), (&json!(40), &json!(["END"])));
}

#[test]
fn what_the_wire_cannot_say_is_refused_by_name() {
    let default = Parameters::default;
    let model = HAIKU;
    refused(&asking(Parameters { seed: Some(1), ..default() }), model, "seed");
    refused(&asking(Parameters { presence_penalty: Some(1.0), ..default() }), model, "presence_penalty");
    refused(&asking(Parameters { frequency_penalty: Some(1.0), ..default() }), model, "frequency_penalty");
    refused(&asking(Parameters { format: Some(ResponseFormat::Json), ..default() }), model, "format");
    refused(&asking(Parameters { temperature: Some(0.5), ..default() }), SONNET, "temperature");
    refused(&asking(Parameters { top_p: Some(0.5), ..default() }), SONNET, "top_p");
    refused(&asking(Parameters { top_k: Some(5), ..default() }), SONNET, "top_k");
}

#[test]
fn a_schema_is_sent_without_its_name() {
    let schema = json!({"type": "object", "additionalProperties": false});
    let format = ResponseFormat::JsonSchema { name: "answer".to_owned(), schema: schema.clone() };
    let body =
        written(&asking(Parameters { format: Some(format), ..Parameters::default() }), SONNET).unwrap();
    assert_eq!(body["output_config"], json!({"format": {"type": "json_schema", "schema": schema}}));
}

#[test]
fn newer_models_think_by_effort() {
    let body = |effort, model| written(&thinking(effort), model).unwrap();
    let high = body(ReasoningEffort::High, SONNET);
    assert_eq!(high["thinking"], json!({"type": "adaptive", "display": "summarized"}));
    assert_eq!(high["output_config"], json!({"effort": "high"}));
    let minimal = |model| body(ReasoningEffort::Minimal, model);
    assert_eq!(minimal(SONNET)["thinking"], json!({"type": "between_tools"}));
    assert_eq!(minimal("claude-sonnet-5")["thinking"], json!({"type": "disabled"}));
    assert_eq!(minimal("claude-opus-5-5").get("thinking"), None);
    assert_eq!(minimal("claude-opus-5-5")["output_config"], json!({"effort": "low"}));
}

#[test]
fn older_models_think_by_a_budget_below_the_answers() {
    let budget = |effort| written(&thinking(effort), HAIKU).unwrap().get("thinking").cloned();
    let enabled = |budget: u32| Some(json!({"type": "enabled", "budget_tokens": budget}));
    assert_eq!(budget(ReasoningEffort::Minimal), None);
    assert_eq!(budget(ReasoningEffort::Low), enabled(2_000));
    assert_eq!(budget(ReasoningEffort::Medium), enabled(5_000));
    assert_eq!(budget(ReasoningEffort::High), enabled(8_000));
    let small = Request { max_tokens: Some(1_024), ..thinking(ReasoningEffort::Low) };
    refused(&small, HAIKU, "reasoning");
    let enough = Request { max_tokens: Some(1_025), ..small };
    assert_eq!(written(&enough, HAIKU).unwrap()["thinking"]["budget_tokens"], 1_024);
}

#[test]
fn a_budget_excludes_what_the_vendor_excludes() {
    let with = |change: fn(&mut Request)| {
        let mut request = thinking(ReasoningEffort::Low);
        change(&mut request);
        request
    };
    refused(&with(|r| r.parameters.temperature = Some(0.2)), HAIKU, "temperature");
    refused(&with(|r| r.parameters.top_p = Some(0.5)), HAIKU, "top_p");
    refused(&with(|r| r.parameters.top_k = Some(5)), HAIKU, "top_k");
    refused(
        &with(|r| (r.tools, r.tool_choice) = (vec![clock()], ToolChoice::Required)),
        HAIKU,
        "tool_choice",
    );
    let usual = with(|r| (r.parameters.temperature, r.parameters.top_p) = (Some(1.0), Some(0.95)));
    assert!(written(&usual, HAIKU).is_ok());
}
