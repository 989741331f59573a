//! A store that fails when it is told to: [`Faulty`] passes every step on to another store, unless a [`InjectedFault`] comes
//! between. What fails after the step was taken is what a lost connection looks like: done, and nobody knows.

mod ports;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nexus_core::store::Store;
use nexus_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

/// What comes between a caller and the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// An error; the step is not taken.
    FailsBefore,
    /// An error; the step is taken all the same.
    FailsAfter,
    /// No answer until the store [thaws](Troubles::thaw); then the step is taken.
    FreezesBefore,
    /// The step is taken; no answer until the store thaws.
    FreezesAfter,
    /// The step is taken that late.
    Slow(Duration),
    /// The step is taken, and its answer comes that late.
    Late(Duration),
}

/// Decides which trouble a step gets. Steps have the names of the ports' methods.
pub type Plan = Box<dyn FnMut(&str) -> Option<InjectedFault> + Send>;

/// Tells a [`Faulty`] store what to do, from outside.
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

    /// From now on `plan` decides.
    pub fn follow(&self, plan: impl FnMut(&str) -> Option<InjectedFault> + Send + 'static) {
        self.frozen.send_replace(true);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(plan);
    }

    /// The next `times` of `step` get `trouble`.
    pub fn inject(&self, step: &'static str, trouble: InjectedFault, times: u32) {
        let mut left = times;
        self.follow(move |name| {
            let hit = name == step && left > 0;
            left -= u32::from(hit);
            hit.then_some(trouble)
        });
    }

    /// Every step of the ledger gets `trouble`, until something else is said.
    pub fn inject_all(&self, trouble: InjectedFault) {
        self.follow(move |_| Some(trouble));
    }

    /// Ends all trouble: what is frozen goes on.
    pub fn unfreeze(&self) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(|_| None);
        self.frozen.send_replace(false);
    }

    /// How many steps had trouble so far.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::SeqCst)
    }

    fn next(&self, step: &str) -> Option<InjectedFault> {
        let trouble = self.plan.lock().unwrap_or_else(PoisonError::into_inner)(step);
        self.struck.fetch_add(u64::from(trouble.is_some()), Ordering::SeqCst);
        trouble
    }

    async fn thawed(&self) {
        // An error means that nobody can thaw it any more; then it is frozen for good.
        if self.frozen.subscribe().wait_for(|frozen| !frozen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A store with [`Troubles`].
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    troubles: Troubles,
}

impl<S: Store> FaultyStore<S> {
    /// The store, without trouble so far, and what makes some.
    pub fn new(inner: S) -> (Self, Troubles) {
        let troubles = Troubles::new();
        (Self { inner, troubles: troubles.clone() }, troubles)
    }

    /// Takes `step`, as the plan has it.
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
    Error::new(ErrorKind::Unavailable, "the store lost its connection").code("STORE_LOST").with("step", step)
}
