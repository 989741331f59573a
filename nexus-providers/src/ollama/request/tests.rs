use nexus_core::llm::{MessageRole, ProviderErrorKind, ToolCall, ToolSpec, Turn};

use super::*;

fn written(request: &Request) -> Value {
    body(&Vendor::new("ollama"), request, "llama3.1:8b", 8_192, true).unwrap()
}

fn asking(parameters: Parameters) -> Request {
    Request { parameters, ..Request::asking("Why?") }
}

fn clock() -> ToolSpec {
    let parameters = json!({"type": "object", "properties": {}});
    ToolSpec { name: "clock".to_owned(), description: "tells the time".to_owned(), parameters }
}

#[test]
fn a_question_becomes_a_conversation_that_the_server_must_not_cut() {
    let request = Request { instructions: "Be brief.".to_owned(), ..Request::asking("Why?") };
    let expected = json!({
        "model": "llama3.1:8b", "stream": true, "truncate": false, "shift": false, "options": {"num_ctx": 8_192},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    });
    assert_eq!(written(&request), expected);
}

#[test]
fn limits_and_sampling_sit_in_the_options() {
    let parameters = Parameters {
        temperature: Some(0.2),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".to_owned()],
        seed: Some(-7),
        presence_penalty: Some(0.5),
        frequency_penalty: Some(-0.5),
        ..Parameters::default()
    };
    let expected = json!({
        "num_ctx": 8_192, "num_predict": 99, "temperature": 0.2, "top_p": 0.9, "top_k": 40, "stop": ["END"],
        "seed": -7, "presence_penalty": 0.5, "frequency_penalty": -0.5
    });
    assert_eq!(written(&Request { max_tokens: Some(99), ..asking(parameters) })["options"], expected);
}

#[test]
fn calls_carry_objects_and_results_carry_names() {
    let call = ToolCall {
        id: "c1".to_owned(),
        name: "clock".to_owned(),
        arguments: r#"{"zone":"UTC"}"#.to_owned(),
        signature: None,
    };
    let returned =
        Turn::Returned { call: "c1".to_owned(), name: "clock".to_owned(), result: "noon".to_owned() };
    let history = vec![
        Turn::said(MessageRole::User, "What time is it?"),
        Turn::Called { text: String::new(), calls: vec![call] },
        returned,
    ];
    let expected = json!([
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": "",
         "tool_calls": [{"id": "c1", "function": {"name": "clock", "arguments": {"zone": "UTC"}}}]},
        {"role": "tool", "content": "noon", "tool_name": "clock", "tool_call_id": "c1"}
    ]);
    assert_eq!(written(&Request { history, ..Request::default() })["messages"], expected);
}

#[test]
fn tools_are_offered_but_never_forced() {
    let with = |tool_choice| Request { tools: vec![clock()], tool_choice, ..Request::asking("Why?") };
    let function =
        json!({"name": "clock", "description": "tells the time", "parameters": clock().parameters});
    assert_eq!(
        written(&with(ToolChoice::Auto))["tools"],
        json!([{"type": "function", "function": function}])
    );
    assert_eq!(written(&with(ToolChoice::None)).get("tools"), None);
    for choice in [ToolChoice::Required, ToolChoice::Named("clock".to_owned())] {
        let error = body(&Vendor::new("ollama"), &with(choice), "m", 1, true).unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::InvalidRequest));
        assert!(error.to_string().contains("tool_choice"));
    }
}

#[test]
fn the_format_is_a_word_or_a_schema() {
    let of = |format| {
        written(&asking(Parameters { format: Some(format), ..Parameters::default() }))["format"].clone()
    };
    assert_eq!(of(ResponseFormat::Json), "json");
    let schema = json!({"type": "object"});
    assert_eq!(of(ResponseFormat::JsonSchema { name: "x".to_owned(), schema: schema.clone() }), schema);
}

#[test]
fn thinking_is_switched_or_graded() {
    let of = |effort| {
        written(&asking(Parameters { reasoning: Some(effort), ..Parameters::default() }))["think"].clone()
    };
    assert_eq!(of(ReasoningEffort::Minimal), false);
    assert_eq!(of(ReasoningEffort::Low), "low");
    assert_eq!(of(ReasoningEffort::Medium), true);
    assert_eq!(of(ReasoningEffort::High), "high");
}
