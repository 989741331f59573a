//! Log spy that searches the logs of the crates below the adapters for the key.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{LevelFilter, Log, Metadata, Record};

use super::fixture::KEY_TELLS;

static SPY: Spy = Spy { seen: AtomicUsize::new(0), caught: Mutex::new(Vec::new()) };

struct Spy {
    seen: AtomicUsize,
    caught: Mutex<Vec<String>>,
}

impl Log for Spy {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let line = format!("{}: {}", record.target(), record.args());
        if line.contains(KEY_TELLS) {
            self.caught.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

pub(crate) fn install() {
    log::set_logger(&SPY).unwrap();
    log::set_max_level(LevelFilter::Trace);
}

/// Panics if the key was logged, or if nothing was logged at all, which would make the check vacuous.
pub(crate) fn assert_silent() {
    let caught = SPY.caught.lock().unwrap();
    assert!(caught.is_empty(), "the key was logged: {caught:?}");
    assert!(SPY.seen.load(Ordering::Relaxed) > 0, "nothing was logged: the spy is blind");
}
