//! Fakes: clocks under the test's control, and ids that are equal in every run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use nexus_core::{Clock, IdSource, Timestamp};

/// Clock that stands still until it is set.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Creates a clock that stands at `moment`.
    pub fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.as_micros()))
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.as_micros(), Ordering::SeqCst);
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Clock that advances by the same step with every reading.
#[derive(Debug)]
pub struct StepClock {
    next: AtomicI64,
    step: i64,
}

impl StepClock {
    /// Creates a clock that shows `start` first.
    pub fn new(start: Timestamp, step: Duration) -> Self {
        let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
        Self { next: AtomicI64::new(start.as_micros()), step }
    }
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.next.fetch_add(self.step, Ordering::SeqCst))
    }
}

/// Counting ids: `id-0001`, `id-0002`, and so on.
#[derive(Debug)]
pub struct CountingIds {
    prefix: &'static str,
    last: AtomicU64,
}

impl CountingIds {
    /// Creates ids that begin with `prefix`.
    pub fn new(prefix: &'static str) -> Self {
        Self { prefix, last: AtomicU64::new(0) }
    }
}

impl Default for CountingIds {
    fn default() -> Self {
        Self::new("id")
    }
}

impl IdSource for CountingIds {
    fn next(&self) -> String {
        format!("{}-{:04}", self.prefix, self.last.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_and_clocks_step() {
        let ids = CountingIds::new("run");
        assert_eq!([ids.next(), ids.next()], ["run-0001", "run-0002"]);
        let clock = StepClock::new(Timestamp::from_micros(5), Duration::from_micros(2));
        assert_eq!([clock.now().as_micros(), clock.now().as_micros()], [5, 7]);
        let clock = FixedClock::at(Timestamp::from_micros(9));
        clock.advance(Duration::from_micros(1));
        assert_eq!(clock.now().as_micros(), 10);
        clock.set(Timestamp::from_micros(3));
        assert_eq!(clock.now().as_micros(), 3);
    }
}
