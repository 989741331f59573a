//! Contract of `LlmProvider`: one scenario for each of its lines.

use super::{Scenarios, connections, failures, replies, requests, scenarios, streams};

pub(super) const SCENARIOS: Scenarios = scenarios![
    streams::a_complete_stream_ends_with_exactly_one_finish,
    streams::nothing_follows_an_error,
    streams::text_comes_only_from_the_model,
    connections::dropping_the_stream_closes_the_connection_to_the_vendor,
    replies::usage_that_the_vendor_did_not_report_is_absent,
    requests::a_parameter_that_the_wire_cannot_express_is_refused_before_the_request_is_sent,
    failures::an_error_carries_the_provider_error_kind_that_decides_retry_and_fallback,
];
