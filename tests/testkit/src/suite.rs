//! Suites of ports without a store: each scenario is a function of one implementation.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

/// Law of an implementation `S`, as a test: its name and its check, which panics where the law does not hold.
pub(crate) type Scenario<S> = (&'static str, fn(&S));

/// Names functions as scenarios. One that is left out is dead code, and the compiler says so.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name)),*] };
}
pub(crate) use scenarios;

/// Returns the scenarios of a port as tests of one implementation.
pub(crate) fn trials<S: ?Sized + Send + Sync + 'static>(
    implementation: &str,
    port: &str,
    subject: Arc<S>,
    scenarios: &[Scenario<S>],
) -> Vec<Trial> {
    let trial = move |(name, check): &Scenario<S>| {
        let (subject, check) = (Arc::clone(&subject), *check);
        Trial::test(format!("{implementation}::{port}::{name}"), move || {
            check(&subject);
            Ok(())
        })
    };
    scenarios.iter().map(trial).collect()
}

/// Runs suites, as a test binary with `harness = false` does.
pub fn run(suites: impl IntoIterator<Item = Vec<Trial>>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), suites.into_iter().flatten().collect()).exit_code()
}
