//! Metrics of the gateway: the names of OpenTelemetry's conventions, and no personal data.

use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use nexus_core::gateway::{BreakerPolicy, GatewaySettings};
use nexus_core::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window};

use crate::fixture::{World, call, settings};

/// Measurement: its name, its labels and its value, as text.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    name: String,
    labels: Vec<(String, String)>,
    value: String,
}

impl Seen {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

/// Recorder of all measurements on this thread.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<Seen>>>);

impl Kept {
    fn of(&self, name: &str) -> Vec<Seen> {
        self.0.lock().unwrap().iter().filter(|seen| seen.name == name).cloned().collect()
    }

    fn slot(&self, key: &Key) -> Arc<Slot> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        Arc::new(Slot { kept: self.clone(), name: key.name().to_owned(), labels })
    }
}

#[derive(Debug)]
struct Slot {
    kept: Kept,
    name: String,
    labels: Vec<(String, String)>,
}

impl Slot {
    fn keep(&self, value: String) {
        let (name, labels) = (self.name.clone(), self.labels.clone());
        self.kept.0.lock().unwrap().push(Seen { name, labels, value });
    }
}

impl CounterFn for Slot {
    fn increment(&self, value: u64) {
        self.keep(value.to_string());
    }

    fn absolute(&self, value: u64) {
        self.keep(value.to_string());
    }
}

impl HistogramFn for Slot {
    fn record(&self, value: f64) {
        self.keep(value.to_string());
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.slot(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.slot(key))
    }
}

#[tokio::test]
async fn an_answer_is_measured_in_the_names_of_the_conventions_and_names_no_person() {
    let kept = Kept::default();
    let _recording = metrics::set_default_local_recorder(&kept);
    let world = World::new(settings()).await;
    world.answer(call("plain")).await;

    let [duration] = &kept.of("gen_ai.client.operation.duration")[..] else { panic!("{kept:?}") };
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "scripted"),
        ("gen_ai.request.model", "plain"),
        ("gen_ai.response.model", "plain"),
    ] {
        assert_eq!(duration.label(name), Some(value));
    }
    assert_eq!(duration.label("error.type"), None);
    assert!(duration.value.parse::<f64>().unwrap() < 60.0, "in seconds");
    let billed = world.scripted.settled_log().await[0].billed;
    let tokens: Vec<(Option<String>, String)> = kept
        .of("gen_ai.client.token.usage")
        .iter()
        .map(|seen| (seen.label("gen_ai.token.type").map(str::to_owned), seen.value.clone()))
        .collect();
    let sample = |kind: &str, tokens: u64| (Some(kind.to_owned()), tokens.to_string());
    assert_eq!(tokens, [sample("input", billed.all_input()), sample("output", billed.all_output())]);
    assert_eq!(kept.of("gen_ai.server.time_to_first_token").len(), 1);
    let line = &world.lines().await[0];
    assert_eq!(kept.of("nexus.cost.nano_usd")[0].value, line.charged.money.as_nanos().to_string());

    for seen in kept.0.lock().unwrap().iter() {
        let names_a_person = |value: &String| ["acme", "ada", line.call.as_str()].contains(&value.as_str());
        assert!(!seen.labels.iter().any(|(_, value)| names_a_person(value)), "{seen:?}");
    }
}

#[tokio::test]
async fn failures_refusals_and_breakers_are_counted_by_their_codes() {
    let kept = Kept::default();
    let _recording = metrics::set_default_local_recorder(&kept);
    let breaker = BreakerPolicy { failures: 1, ..BreakerPolicy::default() };
    let limit = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(1));
    let limits = Limits::none().with([limit]);
    let world = World::new(GatewaySettings { breaker, limits, ..settings() }).await;
    world.complete(call("m+503")).await.unwrap_err();
    let [duration] = &kept.of("gen_ai.client.operation.duration")[..] else { panic!("{kept:?}") };
    assert_eq!(duration.label("error.type"), Some("PROVIDER_OVERLOADED"));
    let [changed] = &kept.of("nexus.breaker.changes")[..] else { panic!("{kept:?}") };
    let facts = (changed.label("integration"), changed.label("state"), changed.value.as_str());
    assert_eq!(facts, (Some("model/scripted"), Some("open"), "1"));

    let none = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(0));
    let world = World::new(GatewaySettings { limits: Limits::none().with([none]), ..settings() }).await;
    world.refusal(call("plain")).await;
    let [refused] = &kept.of("nexus.calls.refused")[..] else { panic!("{kept:?}") };
    assert_eq!(refused.label("gen_ai.operation.name"), Some("chat"));
    assert_eq!(refused.label("error.type"), Some("QUOTA_EXCEEDED"));
}
