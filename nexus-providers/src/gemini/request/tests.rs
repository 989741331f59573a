use nexus_core::llm::{CallSignature, MessageRole, ProviderErrorKind, ToolCall, ToolSpec, Turn};

use super::*;

const FLASH: &str = "gemini-3.8-flash";

fn written(request: &Request) -> Value {
    body(&Vendor::new("gemini"), request, FLASH).unwrap()
}

fn asking(parameters: Parameters) -> Request {
    Request { parameters, ..Request::asking("Why?") }
}

fn clock() -> ToolSpec {
    let parameters = json!({"type": "object", "properties": {}});
    ToolSpec { name: "clock".to_owned(), description: "tells the time".to_owned(), parameters }
}

#[test]
fn a_question_becomes_contents() {
    let request = Request { instructions: "Be brief.".to_owned(), ..Request::asking("Why?") };
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Why?"}]}]
    });
    assert_eq!(written(&request), expected);
}

#[test]
fn ids_that_the_vendor_gave_go_back_and_those_made_up_stay_here() {
    let call = |id: &str| ToolCall {
        id: id.to_owned(),
        name: "clock".to_owned(),
        arguments: r#"{"zone":"UTC"}"#.to_owned(),
        signature: None,
    };
    let returned = |id: &str| Turn::Returned {
        call: id.to_owned(),
        name: "clock".to_owned(),
        result: "noon".to_owned(),
    };
    let history = vec![
        Turn::said(MessageRole::User, "What time is it?"),
        Turn::Called { text: "Let me look.".to_owned(), calls: vec![call("a1b2"), call("gemini_call_0")] },
        returned("a1b2"),
        returned("gemini_call_0"),
    ];
    let expected = json!([
        {"role": "user", "parts": [{"text": "What time is it?"}]},
        {"role": "model", "parts": [
            {"text": "Let me look."},
            {"functionCall": {"id": "a1b2", "name": "clock", "args": {"zone": "UTC"}}, "thoughtSignature": NO_SIGNATURE},
            {"functionCall": {"name": "clock", "args": {"zone": "UTC"}}, "thoughtSignature": NO_SIGNATURE}
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "a1b2", "name": "clock", "response": {"result": "noon"}}},
            {"functionResponse": {"name": "clock", "response": {"result": "noon"}}}
        ]}
    ]);
    assert_eq!(written(&Request { history, ..Request::default() })["contents"], expected);
}

#[test]
fn a_signature_goes_back_with_its_call_and_to_no_other_vendor() {
    let call = |signature: Option<&str>| ToolCall {
        id: "a1b2".to_owned(),
        name: "clock".to_owned(),
        arguments: "{}".to_owned(),
        signature: signature.map(CallSignature::new),
    };
    let signatures = |calls: Vec<ToolCall>| {
        let history = vec![Turn::Called { text: String::new(), calls }];
        let body = written(&Request { history, ..Request::default() });
        let parts = body["contents"][0]["parts"].as_array().unwrap().clone();
        parts.into_iter().map(|part| part["thoughtSignature"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(signatures(vec![call(Some("gemini:EqQB")), call(None)]), [json!("EqQB"), json!(null)]);
    for foreign in [None, Some("another:EqQB"), Some("EqQB")] {
        assert_eq!(signatures(vec![call(foreign)]), [json!(NO_SIGNATURE)]);
    }
}

#[test]
fn tools_and_the_choice_among_them_are_named() {
    let with = |tool_choice| Request { tools: vec![clock()], tool_choice, ..Request::asking("Why?") };
    let declaration = json!({
        "name": "clock", "description": "tells the time", "parametersJsonSchema": clock().parameters
    });
    let auto = written(&with(ToolChoice::Auto));
    assert_eq!(auto["tools"], json!([{"functionDeclarations": [declaration]}]));
    assert_eq!(auto.get("toolConfig"), None);
    let choice = |choice| written(&with(choice))["toolConfig"]["functionCallingConfig"].clone();
    assert_eq!(choice(ToolChoice::None), json!({"mode": "NONE"}));
    assert_eq!(choice(ToolChoice::Required), json!({"mode": "ANY"}));
    let named = choice(ToolChoice::Named("clock".to_owned()));
    assert_eq!(named, json!({"mode": "ANY", "allowedFunctionNames": ["clock"]}));
    let idle = Request { tools: Vec::new(), ..with(ToolChoice::Required) };
    let error = body(&Vendor::new("gemini"), &idle, FLASH).unwrap_err();
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::InvalidRequest));
}

#[test]
fn limits_and_sampling_sit_in_the_generation_config() {
    let parameters = Parameters {
        temperature: Some(0.2),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".to_owned()],
        seed: Some(-7),
        presence_penalty: Some(0.5),
        frequency_penalty: Some(-0.5),
        format: Some(ResponseFormat::Json),
        ..Parameters::default()
    };
    let expected = json!({
        "maxOutputTokens": 99, "temperature": 0.2, "topP": 0.9, "topK": 40, "stopSequences": ["END"], "seed": -7,
        "presencePenalty": 0.5, "frequencyPenalty": -0.5, "responseMimeType": "application/json"
    });
    assert_eq!(
        written(&Request { max_tokens: Some(99), ..asking(parameters) })["generationConfig"],
        expected
    );
}

#[test]
fn a_seed_that_the_wire_cannot_hold_is_refused_by_name() {
    let request = asking(Parameters { seed: Some(1 << 31), ..Parameters::default() });
    let error = body(&Vendor::new("gemini"), &request, FLASH).unwrap_err();
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::InvalidRequest));
    assert!(error.to_string().contains("seed"));
}

#[test]
fn a_schema_goes_with_its_media_type() {
    let schema = json!({"type": "object", "additionalProperties": false});
    let format = ResponseFormat::JsonSchema { name: "answer".to_owned(), schema: schema.clone() };
    let config = written(&asking(Parameters { format: Some(format), ..Parameters::default() }));
    let expected = json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    assert_eq!(config["generationConfig"], expected);
}

#[test]
fn thinking_is_asked_for_in_the_manner_of_the_model() {
    let of = |effort, model| {
        let request = asking(Parameters { reasoning: Some(effort), ..Parameters::default() });
        body(&Vendor::new("gemini"), &request, model).unwrap()["generationConfig"]["thinkingConfig"].clone()
    };
    let level = |shown: bool, level: &str| json!({"includeThoughts": shown, "thinkingLevel": level});
    assert_eq!(of(ReasoningEffort::High, FLASH), level(true, "high"));
    assert_eq!(of(ReasoningEffort::Minimal, FLASH), level(false, "low"));
    assert_eq!(of(ReasoningEffort::Minimal, "gemini-3.6-flash"), level(false, "minimal"));
    let budget = |shown: bool, budget: u32| json!({"includeThoughts": shown, "thinkingBudget": budget});
    assert_eq!(of(ReasoningEffort::Minimal, "gemini-2.5-flash"), budget(false, 0));
    assert_eq!(of(ReasoningEffort::Minimal, "gemini-2.5-pro"), budget(false, 128));
    assert_eq!(of(ReasoningEffort::Low, "gemini-2.5-pro"), budget(true, 1_024));
}
