//! Scenarios of every vendor's adapter: the contracts of the ports that it implements, and requirements on its wire.

mod connections;
mod contract;
mod embeddings;
mod failures;
mod replies;
mod requests;
mod speech;
mod streams;

use super::fixture::{Scenario, Vendor};

pub(crate) use replies::tools;

/// Lists scenarios by the names of their functions.
macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        &[$((stringify!($name), |world| Box::pin($module::$name(world))),)*]
    };
}
pub(crate) use scenarios;

/// Scenarios with their names. An unlisted one is dead code, and fails the lints.
pub(crate) type Scenarios = &'static [(&'static str, Scenario)];

/// Requirements on the wire of every model that answers.
const WIRE: Scenarios = scenarios![
    requests::the_request_is_the_vendors_to_the_letter,
    requests::a_model_named_by_the_request_answers,
    requests::what_another_vendor_signed_is_not_sent,
    requests::text_of_others_holds_no_control_token_on_the_wire,
    replies::a_streamed_answer_is_the_answer_in_one_piece,
    replies::usage_is_in_buckets_that_do_not_overlap,
    replies::usage_told_on_the_way_is_replaced_by_the_last,
    replies::what_the_model_thinks_is_no_part_of_the_answer,
    replies::calls_of_tools_come_whole,
    replies::an_answer_that_is_too_long_says_so,
    replies::an_answer_that_a_filter_ends_says_so,
    streams::a_stream_without_reason_and_marker_is_truncated,
    streams::a_stream_without_its_marker_is_whole_only_where_the_reason_is_enough,
    streams::a_malformed_frame_ends_the_stream_after_what_came_whole,
    streams::what_no_client_knows_is_passed_over,
    streams::bytes_that_come_one_by_one_give_the_same_pieces,
    streams::frames_that_come_twice_end_once_and_are_billed_once,
    streams::a_frame_that_is_too_long_is_not_read,
    streams::a_stream_that_is_too_long_is_not_read,
    streams::an_error_within_the_stream_ends_it,
    failures::a_refusal_says_how_long_to_wait,
    failures::a_refusal_says_whether_to_try_again,
    failures::an_answer_in_one_piece_that_is_cut_or_broken_is_no_answer,
    failures::the_key_is_shown_nowhere,
    connections::a_vendor_that_is_not_there_is_unreachable,
    connections::a_connection_that_breaks_before_the_answer_is_told_apart,
    connections::each_frame_arrives_before_the_next_is_made,
    connections::a_request_that_its_caller_drops_closes_its_connection,
    connections::many_dropped_streams_leave_no_connection_behind,
];

/// Returns the scenarios of a vendor, by port, `wire` or `own`.
pub(crate) fn of(vendor: &Vendor) -> Vec<(&'static str, Scenarios)> {
    let embeddings = vendor.embedder.map(|_| ("embedder", embeddings::SCENARIOS));
    let speech = vendor.speech.map(|_| ("speech_synthesizer", speech::SCENARIOS));
    let answers = [("llm_provider", contract::SCENARIOS), ("wire", WIRE), ("own", vendor.own)];
    answers.into_iter().chain(embeddings).chain(speech).collect()
}
