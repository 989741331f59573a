//! Fault injection: [`FaultyStore`] passes every step on to another store, unless its plan injects a fault. A failure
//! after the step looks like a lost connection: the step is done, and its outcome is unknown.

mod ports;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nexus_core::store::Store;
use nexus_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

/// Fault between a caller and the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// An error; the step is not executed.
    FailsBefore,
    /// An error; the step is executed all the same.
    FailsAfter,
    /// No answer until the store is [unfrozen](Troubles::unfreeze); then the step is executed.
    FreezesBefore,
    /// The step is executed; no answer until the store is unfrozen.
    FreezesAfter,
    /// A panic of the calling task; the step is not executed.
    Panics,
    /// The step is executed after this delay.
    Slow(Duration),
    /// The step is executed, and its answer is delayed by this much.
    Late(Duration),
}

/// Plan of the faults, by step. Steps have the names of the ports' methods.
pub type Plan = Box<dyn FnMut(&str) -> Option<InjectedFault> + Send>;

/// Control handle of a [`FaultyStore`].
#[derive(Clone)]
pub struct Troubles {
    plan: Arc<Mutex<Plan>>,
    frozen: watch::Sender<bool>,
    struck: Arc<AtomicU64>,
}

impl fmt::Debug for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Troubles").field("struck", &self.struck()).finish_non_exhaustive()
    }
}

impl Troubles {
    fn new() -> Self {
        Self {
            plan: Arc::new(Mutex::new(Box::new(|_| None))),
            frozen: watch::Sender::new(true),
            struck: Arc::default(),
        }
    }

    /// Replaces the plan.
    pub fn follow(&self, plan: impl FnMut(&str) -> Option<InjectedFault> + Send + 'static) {
        self.frozen.send_replace(true);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(plan);
    }

    /// Injects `trouble` into the next `times` executions of `step`.
    pub fn inject(&self, step: &'static str, trouble: InjectedFault, times: u32) {
        let mut left = times;
        self.follow(move |name| {
            let hit = name == step && left > 0;
            left -= u32::from(hit);
            hit.then_some(trouble)
        });
    }

    /// Injects `trouble` into every step, until the plan is replaced.
    pub fn inject_all(&self, trouble: InjectedFault) {
        self.follow(move |_| Some(trouble));
    }

    /// Ends all faults: frozen steps continue.
    pub fn unfreeze(&self) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(|_| None);
        self.frozen.send_replace(false);
    }

    /// Returns the number of steps with an injected fault so far.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::SeqCst)
    }

    fn next(&self, step: &str) -> Option<InjectedFault> {
        let trouble = self.plan.lock().unwrap_or_else(PoisonError::into_inner)(step);
        self.struck.fetch_add(u64::from(trouble.is_some()), Ordering::SeqCst);
        trouble
    }

    async fn thawed(&self) {
        // An error means that no handle is left to unfreeze the store; then it stays frozen.
        if self.frozen.subscribe().wait_for(|frozen| !frozen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Store with injected faults.
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    troubles: Troubles,
}

impl<S: Store> FaultyStore<S> {
    /// Creates a store without faults, and the handle that injects them.
    pub fn new(inner: S) -> (Self, Troubles) {
        let troubles = Troubles::new();
        (Self { inner, troubles: troubles.clone() }, troubles)
    }

    /// Executes `step` with the fault of the plan.
    async fn take<T>(&self, name: &str, step: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.troubles.next(name) {
            None => step.await,
            Some(InjectedFault::FailsBefore) => Err(lost(name)),
            Some(InjectedFault::FailsAfter) => match step.await {
                Ok(_) => Err(lost(name)),
                Err(error) => Err(error),
            },
            Some(InjectedFault::FreezesBefore) => {
                self.troubles.thawed().await;
                step.await
            }
            Some(InjectedFault::FreezesAfter) => {
                let taken = step.await;
                self.troubles.thawed().await;
                taken
            }
            Some(InjectedFault::Panics) => panic!("the store panics at `{name}`, as instructed"),
            Some(InjectedFault::Slow(time)) => {
                tokio::time::sleep(time).await;
                step.await
            }
            Some(InjectedFault::Late(time)) => {
                let taken = step.await;
                tokio::time::sleep(time).await;
                taken
            }
        }
    }
}

fn lost(step: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "the store lost its connection")
        .with_code("STORE_LOST")
        .with("step", step)
}
