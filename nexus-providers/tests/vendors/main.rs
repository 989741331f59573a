//! What every vendor's adapter must do, against a server that speaks the vendor's wire and fails like it.
//!
//! One list of scenarios; a vendor brings a row that says where its wire differs, in a file of its name, and scenarios
//! of its own. What a wire cannot express is skipped by name, with the reason.

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

/// How long a scenario may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_mins(3);

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
        for (name, scenario) in scenarios::ALL.iter().chain(vendor.own) {
            trials.push(trial(&vendor, name, *scenario));
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

fn trial(vendor: &Arc<Vendor>, name: &str, scenario: Scenario) -> Trial {
    let skipped = vendor.skips.iter().find(|(skipped, _)| *skipped == name);
    let title = format!("{}::{name}", vendor.name);
    let vendor = Arc::clone(vendor);
    let trial = Trial::test(title, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let world = World::new(vendor).await;
            let done = tokio::time::timeout(PATIENCE, scenario(&world)).await;
            done.map_err(|_| Failed::from("it hangs"))
        })
    });
    match skipped {
        Some((_, reason)) => trial.with_kind(*reason).with_ignored_flag(true),
        None => trial,
    }
}
