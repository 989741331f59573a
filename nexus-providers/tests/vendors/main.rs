//! Conformance suite of the vendors' adapters, against a server that speaks each vendor's wire and injects failures.
//!
//! A list of scenarios for each port, and one for the wire; each vendor has a file with a row of its wire's differences,
//! and scenarios of its own. A scenario that a wire cannot express is skipped by name, with the reason.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, although the harness is our own"
)]

#[cfg(feature = "anthropic")]
mod anthropic;
mod fixture;
#[cfg(feature = "gemini")]
mod gemini;
#[cfg(feature = "ollama")]
mod ollama;
#[cfg(feature = "openai")]
mod openai;
mod registry;
mod scenarios;
mod spy;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use fixture::{Scenario, Vendor, World};

/// Timeout of a scenario.
const TIMEOUT: Duration = Duration::from_mins(3);

fn vendors() -> Vec<Vendor> {
    vec![
        #[cfg(feature = "anthropic")]
        anthropic::vendor(),
        #[cfg(feature = "gemini")]
        gemini::vendor(),
        #[cfg(feature = "gemini")]
        gemini::vertex(),
        #[cfg(feature = "ollama")]
        ollama::vendor(),
        #[cfg(feature = "openai")]
        openai::vendor(),
    ]
}

fn main() -> ExitCode {
    spy::install();
    let mut trials = vec![
        Trial::test("every_vendor_has_a_suite", || {
            registry::every_vendor_has_a_suite();
            Ok(())
        }),
        Trial::test("every_skip_names_a_scenario", || {
            registry::every_skip_names_a_scenario(&vendors());
            Ok(())
        }),
    ];
    for vendor in vendors().into_iter().map(Arc::new) {
        for (group, scenarios) in scenarios::of(&vendor) {
            trials.extend(scenarios.iter().map(|(name, scenario)| trial(&vendor, group, name, *scenario)));
        }
    }
    let arguments = Arguments::from_args();
    let lists = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !lists {
        spy::assert_silent();
    }
    conclusion.exit_code()
}

fn trial(vendor: &Arc<Vendor>, group: &str, name: &str, scenario: Scenario) -> Trial {
    let skipped = vendor.skips.iter().find(|(skipped, _)| *skipped == name);
    let title = format!("{}::{group}::{name}", vendor.name);
    let vendor = Arc::clone(vendor);
    let trial = Trial::test(title, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let world = World::new(vendor).await;
            let done = tokio::time::timeout(TIMEOUT, scenario(&world)).await;
            done.map_err(|_| Failed::from("the scenario timed out"))
        })
    });
    match skipped {
        Some((_, reason)) => trial.with_kind(*reason).with_ignored_flag(true),
        None => trial,
    }
}
