//! Estimates never exceed the reservation: whatever a vendor leaves out of its answer, a limit that admitted the call
//! still holds after it.

use nexus_core::gateway::ModelCall;
use nexus_core::llm::{Request, ToolSpec};

use crate::fixture::{World, call, read, settings};

fn clock() -> ToolSpec {
    let parameters = serde_json::json!({"type": "object", "properties": {}});
    ToolSpec { name: "clock".to_owned(), description: "tells the time".to_owned(), parameters }
}

/// Every answer without usage, long and short, with reasoning, with tool calls, streaming and unary.
#[tokio::test]
async fn an_answer_without_usage_is_charged_at_most_what_was_reserved() {
    for model in [
        "m+no-usage",
        "m+thinking=180+no-usage",
        "m+thinking=900+no-usage",
        "m+frames=150+no-usage",
        "m+tools=1+no-usage",
        "m+thinking=180+tools=1+no-usage",
    ] {
        for max_tokens in [1, 20, 200] {
            let tools = if model.contains("tools") { vec![clock()] } else { Vec::new() };
            let request =
                || Request { max_tokens: Some(max_tokens), tools: tools.clone(), ..call(model).request };
            let world = World::new(settings()).await;
            let _ = world.complete(ModelCall::new(request())).await;
            read(world.stream(ModelCall::new(request())).await).await;
            let lines = world.lines().await;
            assert!(lines.iter().any(|line| line.estimated), "{model}: {lines:#?}");
            for line in lines {
                let (charged, reserved) = (line.charged, line.reserved);
                assert!(
                    charged.money <= reserved.money && charged.tokens <= reserved.tokens,
                    "{model} {max_tokens}: {charged:?} of {reserved:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_a_vendor_counts_itself_is_charged_whatever_was_reserved() {
    let world = World::new(settings()).await;
    world.answer(call("m+cached=100000")).await;
    let line = world.lines().await.remove(0);
    assert!(!line.estimated && line.usage.cache_read == 100_000);
}
