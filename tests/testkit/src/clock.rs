//! Conformance suite of clocks: one scenario for each line of the `# Contract` of [`Clock`].

use std::sync::Arc;

use libtest_mimic::Trial;
use nexus_core::{Clock, Timestamp};

use crate::suite::{Scenario, scenarios, trials};

const SCENARIOS: &[Scenario<dyn Clock>] = scenarios!(a_reading_is_unchanged_after_it_was_written_and_parsed);

/// Returns the suite against one clock.
pub fn suite(name: &str, clock: Arc<dyn Clock>) -> Vec<Trial> {
    trials(name, "clock", clock, SCENARIOS)
}

fn a_reading_is_unchanged_after_it_was_written_and_parsed(clock: &dyn Clock) {
    for _ in 0..100 {
        let reading = clock.now();
        let written = reading.to_string();
        assert!(written.ends_with('Z'), "{written} is not in UTC");
        assert_eq!(written.parse::<Timestamp>().unwrap(), reading);
    }
}
