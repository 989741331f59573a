//! Metrics of the gateway, in the names and units of OpenTelemetry's conventions for generative AI, and Nexus's own.
//!
//! - `gen_ai.client.operation.duration`, seconds; `gen_ai.server.time_to_first_token`, seconds;
//!   `gen_ai.client.token.usage`, tokens by `gen_ai.token.type`: histograms, once for each call that is over.
//! - `nexus.cost.nano_usd`, `nexus.calls.refused`, `nexus.breaker.changes`, `nexus.cache.answers`,
//!   `nexus.cache.avoided.nano_usd`: counters.
//!
//! A recorder for the `metrics` facade receives them; without one they cost next to nothing. No label names a tenant, a
//! user or a call: there are as many series as there are models, and no more.

use std::time::Duration;

use metrics::{Label, counter, histogram};

use crate::ledger::Operation;
use crate::money::NanoUsd;
use crate::usage::Usage;

/// A call that is over.
pub(super) struct Measured<'a> {
    pub(super) operation: Operation,
    /// The provider's type.
    pub(super) provider: &'a str,
    /// The model that was asked first, and the model that was asked last.
    pub(super) models: (&'a str, &'a str),
    /// From admission to the end.
    pub(super) duration: Duration,
    /// From admission to the vendor's first event.
    pub(super) first_event: Option<Duration>,
    /// The consumption in tokens, where the provider reported it.
    pub(super) usage: Option<Usage>,
    pub(super) cost: NanoUsd,
    /// The stable code of the error.
    pub(super) error: Option<&'a str>,
}

impl Measured<'_> {
    /// Records the call.
    pub(super) fn record(&self) {
        let mut labels = vec![
            label("gen_ai.operation.name", name(self.operation)),
            label("gen_ai.provider.name", self.provider),
            label("gen_ai.request.model", self.models.0),
            label("gen_ai.response.model", self.models.1),
        ];
        counter!("nexus.cost.nano_usd", labels.clone())
            .increment(u64::try_from(self.cost.as_nanos()).unwrap_or(0));
        for (kind, tokens) in [
            ("input", self.usage.and_then(|usage| usage.input())),
            ("output", self.usage.and_then(|usage| usage.output())),
        ] {
            let Some(tokens) = tokens.filter(|tokens| *tokens > 0) else { continue };
            let labels: Vec<Label> =
                labels.iter().cloned().chain([label("gen_ai.token.type", kind)]).collect();
            histogram!("gen_ai.client.token.usage", labels)
                .record(f64::from(u32::try_from(tokens).unwrap_or(u32::MAX)));
        }
        if let Some(first) = self.first_event {
            histogram!("gen_ai.server.time_to_first_token", labels.clone()).record(first);
        }
        labels.extend(self.error.map(|error| label("error.type", error)));
        histogram!("gen_ai.client.operation.duration", labels).record(self.duration);
    }
}

/// Counts an answer from the cache, and the cost that it avoided.
pub(super) fn cached(avoided: NanoUsd) {
    counter!("nexus.cache.answers").increment(1);
    counter!("nexus.cache.avoided.nano_usd").increment(u64::try_from(avoided.as_nanos()).unwrap_or(0));
}

/// Counts a refused call, by the code of its refusal.
pub(super) fn refused(operation: Operation, code: &'static str) {
    counter!("nexus.calls.refused", "gen_ai.operation.name" => name(operation), "error.type" => code)
        .increment(1);
}

/// Counts a circuit breaker whose state became `state`.
pub(super) fn breaker_changed(integration: &str, state: &'static str) {
    counter!("nexus.breaker.changes", "integration" => integration.to_owned(), "state" => state).increment(1);
}

/// The operation's name in the conventions.
fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chat",
        Operation::Embed => "embeddings",
        Operation::Speak => "speech",
    }
}

fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, value.to_owned())
}
