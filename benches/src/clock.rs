//! Processor time of an operation, independent of other load on the machine.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Returns the processor time of the fastest of `times` runs of `operation`, in this thread; the elapsed time where
/// the system has no processor time.
pub fn fastest<T>(times: u32, mut operation: impl FnMut() -> T) -> Duration {
    (0..times).map(|_| once(&mut operation)).min().unwrap_or_default()
}

fn once<T>(operation: &mut impl FnMut() -> T) -> Duration {
    let (passed, before) = (Instant::now(), processor());
    black_box(operation());
    match (before, processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => passed.elapsed(),
    }
}

/// Returns the processor time of this thread so far, as Linux counts it.
fn processor() -> Option<Duration> {
    let spent = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(spent.split_whitespace().next()?.parse().ok()?))
}

/// Returns the processor time of all threads of this process so far, finished ones excepted, as Linux counts it.
pub fn process() -> Option<Duration> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    threads
        .map(|thread| {
            let spent = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            Some(Duration::from_nanos(spent.split_whitespace().next()?.parse().ok()?))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_work_takes_longer() {
        let work =
            |rounds: u64| fastest(5, || (0..rounds).fold(1u64, |sum, n| black_box(sum.wrapping_mul(n | 1))));
        assert!(work(4_000_000) > work(1_000));
    }
}
