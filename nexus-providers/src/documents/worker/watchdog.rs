//! Watchdog that ends worker processes after their timeout. One thread watches all processes of a pool.

use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Interval between checks of running processes, and the maximum delay of a kill.
const TICK: Duration = Duration::from_millis(50);

/// Process that can be killed from two threads.
#[derive(Debug)]
pub(super) struct Guard {
    child: Mutex<Child>,
    deadline: Mutex<Option<Instant>>,
    expired: AtomicBool,
}

impl Guard {
    /// Returns whether the process was killed after its timeout.
    pub(super) fn expired(&self) -> bool {
        self.expired.load(Ordering::Acquire)
    }

    /// Stops the clock.
    pub(super) fn disarm(&self) {
        *lock(&self.deadline) = None;
    }

    /// Returns whether the process is running.
    pub(super) fn is_alive(&self) -> bool {
        matches!(lock(&self.child).try_wait(), Ok(None))
    }

    /// Ends the process. Returns its exit status.
    pub(super) fn end(&self) -> Option<ExitStatus> {
        let mut child = lock(&self.child);
        // A process that has exited cannot be killed, which is fine here.
        let _ = child.kill();
        child.wait().ok()
    }

    fn check(&self, now: Instant) -> bool {
        let mut deadline = lock(&self.deadline);
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.expired.store(true, Ordering::Release);
            *deadline = None;
            let _ = lock(&self.child).kill();
        }
        deadline.is_some()
    }
}

/// Watchdog thread and its processes.
#[derive(Debug)]
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    guards: Vec<Arc<Guard>>,
    asleep: bool,
    closed: bool,
}

impl Watchdog {
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let watched = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("parser-watchdog".into()).spawn(move || watch(&watched)).ok();
        Self { shared, thread }
    }

    /// Watches a process from now on.
    pub(super) fn adopt(&self, child: Child) -> Arc<Guard> {
        let guard = Arc::new(Guard {
            child: Mutex::new(child),
            deadline: Mutex::new(None),
            expired: AtomicBool::new(false),
        });
        lock(&self.shared.state).guards.push(Arc::clone(&guard));
        guard
    }

    /// Stops watching a process.
    pub(super) fn release(&self, guard: &Arc<Guard>) {
        lock(&self.shared.state).guards.retain(|other| !Arc::ptr_eq(other, guard));
    }

    /// Starts the clock of a process.
    pub(super) fn arm(&self, guard: &Guard, time: Duration) {
        *lock(&guard.deadline) = Some(Instant::now() + time);
        let mut state = lock(&self.shared.state);
        if std::mem::take(&mut state.asleep) {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.shared.state).closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic, and after a panic nothing would be left to end.
            let _ = thread.join();
        }
    }
}

/// Checks armed processes every tick. Sleeps while none is armed.
fn watch(shared: &Shared) {
    let mut state = lock(&shared.state);
    while !state.closed {
        let now = Instant::now();
        let armed = state.guards.iter().filter(|guard| guard.check(now)).count();
        state = if armed > 0 {
            shared.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
        } else {
            state.asleep = true;
            shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
        };
    }
}

/// Locks a mutex. No update is left half done under these locks, so a poisoned one is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
