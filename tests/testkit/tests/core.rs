//! Conformance suites of the ports that core, or this kit, implements itself.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nexus_core::document::chunk::EstimatedTokens;
use nexus_core::policy::RolePolicy;
use nexus_core::{SystemClock, Timestamp, operations};
use nexus_testkit::fake::{FixedClock, StepClock};
use nexus_testkit::{clock, policy, run, tokens};

fn main() -> ExitCode {
    let moment = Timestamp::from_micros(1_772_357_400_000_250);
    let policy_of_few = RolePolicy::new(operations::ALL.get(..3).unwrap_or_default());
    run([
        clock::suite("system", Arc::new(SystemClock)),
        clock::suite("fixed", Arc::new(FixedClock::at(moment))),
        clock::suite("step", Arc::new(StepClock::new(moment, Duration::from_millis(7)))),
        policy::suite("roles", Arc::new(RolePolicy::new(operations::ALL)), Arc::new(policy_of_few)),
        tokens::suite("estimate", Arc::new(EstimatedTokens)),
    ])
}
