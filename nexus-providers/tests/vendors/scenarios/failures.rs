//! Scenarios of error responses.

use std::time::Duration;

use nexus_core::llm::ProviderErrorKind;
use nexus_core::{Error, ErrorKind};

use crate::fixture::{KEY_TELLS, World, question};

const REFUSALS: [(&str, ProviderErrorKind); 16] = [
    ("400", ProviderErrorKind::InvalidRequest),
    ("401", ProviderErrorKind::Authentication),
    ("403", ProviderErrorKind::Authentication),
    ("404", ProviderErrorKind::InvalidRequest),
    ("billing", ProviderErrorKind::Billing),
    ("quota", ProviderErrorKind::Billing),
    ("429", ProviderErrorKind::RateLimited),
    ("500", ProviderErrorKind::Server),
    ("502", ProviderErrorKind::Server),
    ("503", ProviderErrorKind::Overloaded),
    ("504", ProviderErrorKind::Timeout),
    ("529", ProviderErrorKind::Overloaded),
    ("overloaded", ProviderErrorKind::Overloaded),
    ("html", ProviderErrorKind::Server),
    ("context", ProviderErrorKind::ContextLength),
    ("blocked", ProviderErrorKind::ContentFilter),
];

/// Returns the errors of a rejected request, streamed and unary; the former precedes any stream.
async fn refusals(world: &World, directives: &str) -> [Error; 2] {
    let provider = world.provider(directives);
    let streamed = provider.stream(question()).await.err();
    let whole = provider.complete(question()).await.err();
    [streamed, whole].map(|error| error.unwrap_or_else(|| panic!("{directives} was not refused")))
}

pub(super) async fn an_error_carries_the_provider_error_kind_that_decides_retry_and_fallback(world: &World) {
    for (directives, usual) in REFUSALS {
        let other = world.vendor.refusals.iter().find(|(other, _)| *other == directives);
        let Some(fault) = other.map_or(Some(usual), |(_, fault)| *fault) else { continue };
        for error in refusals(world, directives).await {
            assert_eq!(ProviderErrorKind::of(&error), Some(fault), "{directives}: {error:?}");
            assert!(
                !error.message().contains("cripted"),
                "the sentence quotes the vendor's message: {error}"
            );
            assert!(error.message().contains(&format!("`{}`", world.provider("").name())), "{error}");
            if fault == ProviderErrorKind::RateLimited {
                assert_eq!(error.kind(), ErrorKind::RateLimited);
            }
        }
    }
}

pub(super) async fn a_refusal_says_how_long_to_wait(world: &World) {
    for (hint, seconds) in world.vendor.retry_hints {
        for error in refusals(world, &format!("429+{hint}")).await {
            let after = error.retry_after().unwrap_or_else(|| panic!("{hint}: {error:?}"));
            let expected = Duration::from_secs_f64(*seconds);
            // A date has whole seconds, some of which pass before it is read.
            let late = if hint.starts_with("retry-date") { Duration::from_mins(1) } else { Duration::ZERO };
            assert!(after <= expected && after + late >= expected, "{hint}: {after:?}");
        }
    }
    for error in refusals(world, "429").await {
        assert_eq!(error.retry_after(), None, "{error:?}");
    }
}

pub(super) async fn a_refusal_says_whether_to_try_again(world: &World) {
    for status in ["400", "401", "429", "500", "503"] {
        let fault = ProviderErrorKind::of(&refusals(world, status).await[0]);
        for (hint, word) in
            [("", None), ("+should-retry=true", Some(true)), ("+should-retry=false", Some(false))]
        {
            for error in refusals(world, &format!("{status}{hint}")).await {
                assert_eq!(
                    (error.retry(), ProviderErrorKind::of(&error)),
                    (word, fault),
                    "{status}{hint}: {error:?}"
                );
            }
        }
    }
}

pub(super) async fn an_answer_in_one_piece_that_is_cut_or_broken_is_no_answer(world: &World) {
    for (directives, fault) in [
        ("cut", ProviderErrorKind::Truncated),
        ("malformed", ProviderErrorKind::Protocol),
        ("error", ProviderErrorKind::Server),
    ] {
        let error = world.reply(directives).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(fault), "{directives}: {error:?}");
    }
}

pub(super) async fn the_key_is_shown_nowhere(world: &World) {
    let provider = world.provider("401");
    let [streamed, whole] = refusals(world, "401").await;
    for shown in [
        format!("{provider:?} {:?} {:?}", world.client, world.vendor.name),
        format!("{streamed:?} {streamed} {}", streamed.report()),
        format!("{whole:?} {whole} {}", whole.report()),
    ] {
        assert!(!shown.contains(KEY_TELLS) && !shown.contains("cdef"), "{shown}");
    }
    assert!(streamed.report().contains("vendor_message"), "{}", streamed.report());
}
